//! What the code that the attributes make calls. Not for others: it changes without notice.

use crate::Failure;
use crate::bindings;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::schema::{arguments as arguments_schema, result as result_schema};

/// What a tool's function can return under the name `Result`.
pub trait Outcome {
    /// What the caller gets.
    type Value;

    /// As the plain result that a component returns.
    fn into_result(self) -> Result<Self::Value, Failure>;
}

impl<T, E: Into<Failure>> Outcome for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, Failure> {
        self.map_err(Into::into)
    }
}

/// The arguments as the tool's parameters. Only an object: serde would take an array too, which the schema does not allow.
pub fn parse<T: DeserializeOwned>(arguments: &str) -> Result<T, bindings::Failure> {
    if !arguments.trim_ascii_start().starts_with('{') {
        return Err(Failure::invalid_arguments("the arguments must be a JSON object").into());
    }
    serde_json::from_str(arguments).map_err(|error| Failure::invalid_arguments(error).into())
}

/// What a tool returned, as JSON.
pub fn respond<T: Serialize>(result: Result<T, Failure>) -> Result<String, bindings::Failure> {
    let value = result?;
    serde_json::to_string(&value)
        .map_err(|error| Failure::failed(format_args!("the result has no JSON form: {error}")).into())
}

/// The answer to a name that is not of this component.
pub fn unknown_tool(name: &str) -> bindings::Failure {
    Failure::invalid_arguments(format_args!("this component has no tool `{name}`")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::Reason;

    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Arguments {
        path: String,
    }

    #[track_caller]
    fn check(arguments: &str, expected: Result<&str, &str>) {
        match parse::<Arguments>(arguments) {
            Ok(parsed) => assert_eq!(Ok(parsed.path.as_str()), expected),
            Err(failure) => {
                assert_eq!(failure.reason, Reason::InvalidArguments);
                assert_eq!(Err(failure.message.as_str()), expected);
            }
        }
    }

    #[test]
    fn only_an_object_with_the_fields_is_taken() {
        check(r#" {"path":"a"}"#, Ok("a"));
        check(r#"["a"]"#, Err("the arguments must be a JSON object"));
        check("", Err("the arguments must be a JSON object"));
        check("{}", Err("missing field `path` at line 1 column 2"));
    }

    #[test]
    fn a_result_without_json_form_is_a_failure() {
        let odd: std::collections::BTreeMap<Option<u8>, u8> = [(None, 1)].into();
        assert_eq!(respond(Ok(odd)).unwrap_err().reason, Reason::Failed);
        assert_eq!(respond(Ok(1)).unwrap(), "1");
    }
}
