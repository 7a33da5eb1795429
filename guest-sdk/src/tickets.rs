//! System calls that are under way at once: what can wait outside overlaps.
//!
//! By tickets a tool gets what it declares in `needs`, and without that only what its component imports beside them: so declare what
//! you submit.
//!
//! ```no_run
//! use libos::tickets;
//! use serde_json::json;
//!
//! fn first_of(paths: &[&str]) -> libos::Result<Option<Vec<u8>>> {
//!     for path in paths {
//!         tickets::submit("fs.read", &json!({"path": path}), None)?;
//!     }
//!     Ok(match tickets::next()? {
//!         Some(ended) => ended.outcome?.content,
//!         None => None,
//!     })
//! }
//! ```

use crate::Error;
use crate::bindings::libos::runtime::tickets as raw;
use serde::Serialize;
use serde_json::Value;

/// What an operation answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the function returns, without what is bytes. Names are those of the contract in lowerCamelCase; null for nothing.
    pub value: Value,
    /// What of it is bytes.
    pub content: Option<Vec<u8>>,
}

/// A system call that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What [`submit`] answered.
    pub ticket: u32,
    /// As the import of its own would have answered.
    pub outcome: Result<Reply, Error>,
}

/// Starts `operation`, for example `fs.read`, and does not wait for its end; returns its ticket. `arguments` is a JSON object with
/// its parameters by their names in lowerCamelCase; what of them is bytes is in `content`. At most 1,024 are open at once. Needs
/// what the operation needs; a refusal is told by [`next`].
pub fn submit(operation: &str, arguments: &impl Serialize, content: Option<&[u8]>) -> Result<u32, Error> {
    let arguments = serde_json::to_string(arguments).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(raw::submit(operation, &arguments, content)?)
}

/// Waits for whichever open ticket ends first and takes its answer; none if no ticket is open.
pub fn next() -> Result<Option<Ended>, Error> {
    let Some(raw::Answer { ticket, outcome }) = raw::next() else { return Ok(None) };
    let outcome = match outcome {
        Ok(raw::Reply { value, content }) => {
            let value = serde_json::from_str(&value).map_err(|error| Error::Invalid(error.to_string()))?;
            Ok(Reply { value, content })
        }
        Err(error) => Err(error.into()),
    };
    Ok(Some(Ended { ticket, outcome }))
}

/// Gives an open ticket up: [`next`] does not answer it. False if it has ended or an effect has begun.
pub fn cancel(ticket: u32) -> bool {
    raw::cancel(ticket)
}
