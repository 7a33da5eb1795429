//! The process that this call works for.

use crate::Error;
use crate::bindings::libos::runtime::process as raw;
use serde::Serialize;

pub use raw::Identity;

/// Which process and call this is. Needs nothing.
#[must_use]
pub fn identity() -> Identity {
    raw::self_()
}

/// Ends the process once this call has ended and its result is stored; the call itself goes on. `result` is at most 64 KiB as
/// JSON ([`Error::TooLarge`]). Needs nothing.
pub fn exit(result: &(impl Serialize + ?Sized)) -> Result<(), Error> {
    let result = serde_json::to_string(result).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(raw::exit(&result)?)
}

/// Asks for a checkpoint of the process and all below it; answers its name. It is taken once this call has ended and its result is
/// stored; not if the call is cancelled. Needs `create` on `checkpoint:<number of the process>`. `reason` is at most 1 KiB, and a
/// process has at most 100 checkpoints ([`Error::TooLarge`]).
pub fn checkpoint(reason: &str) -> Result<String, Error> {
    Ok(raw::checkpoint(reason)?)
}
