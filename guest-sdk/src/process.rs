//! The process that this call works for.

use crate::Error;
use crate::bindings::libos::runtime::process as raw;
use serde::Serialize;
use std::time::Duration;

pub use raw::{
    Amount, Child, ChildOptions, Coin, End, EndedChild, HandedGrant, Identity, Priority, SignalKind, ViewMode,
};

impl ChildOptions {
    /// A child of this process's image, for `goal`, with no grant, no purse and no planner of its own.
    #[must_use]
    pub fn new(goal: impl Into<String>) -> Self {
        Self {
            image: None,
            goal: goal.into(),
            grants: Vec::new(),
            budget: None,
            working_directory: None,
            priority: None,
            planner: None,
        }
    }

    /// Hands over what `rule` says, for example `read,list fs:workspace/src/**`.
    #[must_use]
    pub fn grant(mut self, rule: impl Into<String>) -> Self {
        self.grants.push(HandedGrant { rule: rule.into(), uses: None, expires_in: None });
        self
    }
}

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

/// A variable of the environment that the host's policy gives to tools; none if there is no such variable. Nothing of the host's own
/// environment is in it. Needs `read` on `env:<name>`.
pub fn environment(name: &str) -> Result<Option<String>, Error> {
    Ok(raw::environment(name)?)
}

/// Asks for a checkpoint of the process and all below it; answers its name. It is taken once this call has ended and its result is
/// stored; not if the call is cancelled. Needs `create` on `checkpoint:<number of the process>`. `reason` is at most 1 KiB, and a
/// process has at most 100 checkpoints ([`Error::TooLarge`]).
pub fn checkpoint(reason: &str) -> Result<String, Error> {
    Ok(raw::checkpoint(reason)?)
}

/// As [`exit`], with the object `name` as the result: it stays. If it is in the process's own namespace, its parent may read it from
/// then on. Needs `read` on `object:<name>`.
pub fn exit_with(name: &str) -> Result<(), Error> {
    Ok(raw::exit_with(name)?)
}

/// Makes a child with a fresh namespace and answers its number. What it may do, it is handed here. Needs `spawn` on
/// `process:image/<image>`.
pub fn spawn(options: &ChildOptions) -> Result<String, Error> {
    Ok(raw::spawn(options)?)
}

/// As [`spawn`], and the child sees this process's objects: those with the names in `roots` and all below them, or all.
pub fn fork(options: &ChildOptions, mode: ViewMode, roots: Option<&[String]>) -> Result<String, Error> {
    Ok(raw::fork(options, mode, roots)?)
}

/// The process becomes one of another image once this call has ended and its result is stored: with its number, its objects and its
/// grants, and without any of the image's. `goal` replaces what it is for. Needs `use` on `image:<image>`.
pub fn exec(image: &str, goal: Option<&str>) -> Result<(), Error> {
    Ok(raw::exec(image, goal)?)
}

/// Waits until one of the processes has ended, or any child if none is named; none when the time has gone by. A time of zero answers at
/// once. Needs `wait` on each `process:pid/<n>`; children need no grant.
pub fn wait(pids: &[String], timeout: Option<Duration>) -> Result<Option<EndedChild>, Error> {
    let nanoseconds = timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
    Ok(raw::wait(pids, nanoseconds)?)
}

/// The children that live, and those that have ended and were not waited for. Needs nothing.
#[must_use]
pub fn children() -> Vec<Child> {
    raw::children()
}

/// Tells a process something; answers the state that it is in then, in a word. Needs `signal` on `process:pid/<n>`; children need no
/// grant.
pub fn signal(pid: &str, signal: SignalKind, reason: &str) -> Result<String, Error> {
    Ok(raw::signal(pid, signal, reason)?)
}

/// Hands a child over to this process's own parent, so that it does not end with this process. Needs `signal` on `process:pid/<n>`;
/// children need no grant.
pub fn hand_over(pid: &str) -> Result<(), Error> {
    Ok(raw::hand_over(pid)?)
}
