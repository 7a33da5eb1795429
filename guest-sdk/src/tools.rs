//! Other tools.

use crate::bindings::libos::runtime::tools as raw;
use crate::{Error, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use raw::{Code, Expectation, KnownTool, Origin, Outcome, Problem, Proposal, Report, Test, TestOutcome};

/// Calls the tool `name`, which this process sees, with `arguments` and waits for its result. It can use nothing that this tool does
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

/// Takes a tool down that this process may validate and register later; answers its id, for example `t7`. Nothing can be called by it.
/// At most 32 a process that are neither rejected nor registered. Needs no right.
pub fn propose(proposal: &Proposal) -> Result<String, Error> {
    Ok(raw::propose(proposal)?)
}

/// Compiles what this process has proposed, runs its tests without any authority, and waits for the report. Needs no right.
pub fn validate(id: &str) -> Result<Report, Error> {
    Ok(raw::validate(id)?)
}

/// Makes what was validated a tool of this process, and, with `for_children`, of all below it. It gets no right by that. Needs `register`
/// on `tool:<name>`.
pub fn register(id: &str, for_children: bool) -> Result<(), Error> {
    Ok(raw::register(id, for_children)?)
}

/// Takes a tool away that this process registered. Needs `register` on `tool:<name>`.
pub fn unregister(name: &str) -> Result<(), Error> {
    Ok(raw::unregister(name)?)
}

/// The tools that this process can call, by their names. Needs no right.
pub fn list() -> Result<Vec<KnownTool>, Error> {
    Ok(raw::list()?)
}
