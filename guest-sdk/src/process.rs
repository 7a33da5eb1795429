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
