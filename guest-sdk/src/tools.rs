//! Other tools.

use crate::bindings::libos::runtime::tools as raw;
use crate::{Error, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use raw::Outcome;

/// Calls the tool `name` of this process's image with `arguments` and waits for its result. It can use nothing that this tool does
/// not declare. Needs `call` on `tool:<name>`.
///
/// A refusal and a tool that failed are both a [`Failure`]; [`run`] tells them apart.
pub fn call<T: DeserializeOwned>(name: &str, arguments: &(impl Serialize + ?Sized)) -> Result<T, Failure> {
    let arguments = serde_json::to_string(arguments).map_err(|error| Error::Invalid(error.to_string()))?;
    match run(name, &arguments)? {
        Outcome::Done(result) => {
            Ok(serde_json::from_str(&result).map_err(|error| Error::Invalid(format!("{name} gave {error}")))?)
        }
        Outcome::Failed(why) => Err(Failure::failed(format_args!("{name} failed: {why}"))),
    }
}

/// As [`call`], with arguments and result as JSON text (at most 16 MiB each), and the tool's own failure as a value.
pub fn run(name: &str, arguments: &str) -> Result<Outcome, Error> {
    Ok(raw::call(name, arguments)?)
}
