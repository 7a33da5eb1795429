//! The people of a process.
//!
//! A call that waits for a person may wait for weeks; the host may be stopped and started meanwhile. The functions of this module
//! speak to the queue `owner`; [`queue`] names another one.

use crate::Error;
use crate::bindings::libos::runtime::human as raw;

pub use raw::Answer;

impl Answer {
    /// Whether the person said yes, for one use or from now on.
    #[must_use]
    pub fn is_yes(self) -> bool {
        matches!(self, Self::Allow | Self::Always)
    }
}

/// A queue of people.
#[derive(Debug, Clone, Copy)]
pub struct Queue<'a> {
    name: Option<&'a str>,
}

const OWNER: Queue<'static> = Queue { name: None };

/// The queue of this name; `None` is the queue `owner`.
pub fn queue<'a>(name: impl Into<Option<&'a str>>) -> Queue<'a> {
    Queue { name: name.into() }
}

impl Queue<'_> {
    /// As [`ask`], of this queue.
    pub fn ask(self, question: &str) -> Result<String, Error> {
        Ok(raw::ask(question, self.name)?)
    }

    /// As [`approve`], of this queue.
    pub fn approve<S: AsRef<str>>(self, resource: &str, rights: &[S], reason: &str) -> Result<Answer, Error> {
        let rights: Vec<String> = rights.iter().map(|right| right.as_ref().to_owned()).collect();
        Ok(raw::approve(resource, &rights, reason, self.name)?)
    }

    /// As [`tell`], to this queue.
    pub fn tell(self, message: &str) -> Result<(), Error> {
        Ok(raw::tell(message, self.name)?)
    }
}

/// Asks an open question of at most 16 KiB and waits for the text of the answer. Needs `ask` on `human:owner`.
pub fn ask(question: &str) -> Result<String, Error> {
    OWNER.ask(question)
}

/// Asks for rights on a resource, for example `read` on `fs:workspace/notes/**`, and waits. What the person allows becomes a
/// grant of this process. Needs `ask` on `human:owner`.
pub fn approve<S: AsRef<str>>(resource: &str, rights: &[S], reason: &str) -> Result<Answer, Error> {
    OWNER.approve(resource, rights, reason)
}

/// Leaves a note of at most 16 KiB and goes on. Needs `tell` on `human:owner`.
pub fn tell(message: &str) -> Result<(), Error> {
    OWNER.tell(message)
}
