//! Takes the types out of TypeScript. The parser reads text from anywhere, so it runs as a component without any authority.

mod bindings;
mod check;
mod fields;
mod imports;
mod nesting;
mod position;
mod strip;

pub use imports::Import;
pub use strip::{Module, Outcome, Problem, strip};

use bindings::{Description, Failure, Guest, Reason};
use serde::Deserialize;

/// The name of its one tool.
const STRIP: &str = "strip";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The module's name. Its extension says what language it is: `.ts`, `.mts`, `.js` or `.mjs`.
    name: String,
    /// The module.
    source: String,
}

struct Typescript;

impl Guest for Typescript {
    fn describe() -> Vec<Description> {
        let arguments = r#"{"type":"object","required":["name","source"],"properties":{"name":{"type":"string"},"source":{"type":"string"}}}"#;
        vec![Description {
            name: STRIP.into(),
            summary: "Turns a module of TypeScript or JavaScript into JavaScript, or says what is wrong with it."
                .into(),
            arguments: arguments.into(),
            result: r#"{"type":"object"}"#.into(),
        }]
    }

    fn call(tool: String, arguments: String) -> Result<String, Failure> {
        let wrong = |message: String| Failure { reason: Reason::InvalidArguments, message };
        if tool != STRIP {
            return Err(wrong(format!("there is no tool '{tool}'")));
        }
        let Arguments { name, source } = serde_json::from_str(&arguments).map_err(|error| wrong(error.to_string()))?;
        let failed = |error: serde_json::Error| Failure { reason: Reason::Failed, message: error.to_string() };
        serde_json::to_string(&strip(&name, &source)).map_err(failed)
    }
}

#[allow(unsafe_code, reason = "the macro names what it exports")]
mod export {
    use super::{Typescript, bindings};
    bindings::export!(Typescript with_types_in bindings);
}
