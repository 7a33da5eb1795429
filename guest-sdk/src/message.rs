//! Messages between processes: what was sent stays until it is received or its receiver ends, and is handed over once.

use crate::Error;
use crate::bindings::libos::runtime::message as raw;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

pub use raw::{Filter, Kind, Message, Options};

impl Default for Options {
    /// A normal message that nobody chooses by a word.
    fn default() -> Self {
        Self { kind: Kind::Normal, channel: String::new(), correlation: None }
    }
}

impl Default for Filter {
    /// Every message.
    fn default() -> Self {
        Self { channel: None, correlation: None, from: None }
    }
}

impl Message {
    /// The value that its body stands for; [`Error::Invalid`] if it is of another form.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.body).map_err(|error| Error::Invalid(error.to_string()))
    }
}

/// Sends something of at most 64 KiB as JSON to a process, for example `p7`; answers the message's id. Needs `message` on
/// `process:pid/<n>`; to parent, children and itself a process may send without a grant.
pub fn send(to: &str, body: &(impl Serialize + ?Sized), options: &Options) -> Result<String, Error> {
    let body = serde_json::to_string(body).map_err(|error| Error::Invalid(error.to_string()))?;
    Ok(raw::send(to, &body, options)?)
}

/// Takes the first message that is wanted, interrupts before others; waits for it as long as `timeout` says, without an end if it says
/// nothing. None if none came in time. Needs nothing.
pub fn receive(filter: &Filter, timeout: Option<Duration>) -> Result<Option<Message>, Error> {
    let nanoseconds = timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    Ok(raw::receive(filter, nanoseconds)?)
}

/// Messages that wait for this process. Needs nothing.
#[must_use]
pub fn pending() -> u64 {
    raw::pending()
}
