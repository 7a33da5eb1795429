//! What went wrong, in the form in which every command says it: what happened, where, what to do next, and an exit code.

use libos::world::WorldSetupError;
use libos::{CompileError, PrepareError, RuntimeError};
use libos_kernel::kernel::HostError;
use libos_kernel::model::facility::Facility;
use libos_kernel::store::StoreError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

/// The exit codes.
pub mod code {
    pub const DONE: u8 = 0;
    pub const FAILED: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const DENIED: u8 = 3;
    pub const WAITING: u8 = 4;
    pub const CANNOT: u8 = 5;
    pub const INTERRUPTED: u8 = 130;
}

/// An error as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub what: String,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    pub code: u8,
}

impl Failure {
    pub fn new(code: u8, what: impl Into<String>) -> Failure {
        Failure { what: what.into(), place: None, hint: None, code }
    }

    /// What was asked makes no sense.
    pub fn usage(what: impl Into<String>) -> Failure {
        Failure::new(code::USAGE, what)
    }

    /// The host cannot.
    pub fn cannot(what: impl Into<String>) -> Failure {
        Failure::new(code::CANNOT, what)
    }

    pub fn at(mut self, place: impl fmt::Display) -> Failure {
        self.place = Some(place.to_string());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// A command that ended with this exit code and has said all that there is to say.
#[derive(Debug)]
pub struct Quiet(pub u8);

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Quiet {}

/// What to do about a disk that is full.
pub const NO_ROOM: &str =
    "the disk is full: free some space there; `libos gc` drops what [retain] in libos.toml lets go";

/// Whether there is no room for anything any more.
pub fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// What an error means for the person; none if there is nothing to say, but an exit code.
pub fn failure(error: &anyhow::Error) -> Result<Failure, u8> {
    if let Some(Quiet(code)) = error.downcast_ref() {
        return Err(*code);
    }
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<std::io::Error>()
            && error.kind() == ErrorKind::BrokenPipe
        {
            // Whoever read the output has seen enough.
            return Err(code::DONE);
        }
        if cause.downcast_ref::<std::io::Error>().is_some_and(is_full) {
            return Ok(Failure::cannot(format!("{error:#}")).hint(NO_ROOM));
        }
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Ok(failure.clone());
        }
        if let Some(error) = cause.downcast_ref::<RuntimeError>() {
            return Ok(runtime(error));
        }
        if let Some(error) = cause.downcast_ref::<HostError>() {
            return Ok(host(error));
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return Ok(store(error));
        }
        if let Some(error) = cause.downcast_ref::<WorldSetupError>() {
            return Ok(world(error));
        }
    }
    Ok(Failure::cannot(format!("{error:#}")))
}

/// The error of a component's file that cannot be read.
pub fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("it cannot be read: {error}")).at(file.display())
}

/// The error of a component that cannot be made ready to run.
pub fn prepare(error: &PrepareError) -> Failure {
    match error {
        PrepareError::Component(error) => Failure::usage(error.to_string()),
        PrepareError::Compile(error) => compile(error),
        PrepareError::Machine(_) => Failure::cannot(error.to_string()),
    }
}

fn compile(error: &CompileError) -> Failure {
    match error {
        CompileError::Unavailable(_) => {
            Failure::cannot(error.to_string()).hint("`libos doctor` shows what this machine lacks")
        }
        _ => Failure::usage(error.to_string()),
    }
}

fn runtime(error: &RuntimeError) -> Failure {
    match error {
        RuntimeError::Host(error) => host(error),
        RuntimeError::World(error) => world(error),
        RuntimeError::Engine(error) => {
            Failure::cannot(error.to_string()).hint("`libos doctor` shows what this machine lacks")
        }
        RuntimeError::Machine(_) => {
            Failure::cannot(error.to_string()).hint("it may go better when the machine has less to do")
        }
        RuntimeError::Component(_) | RuntimeError::Script(_) | RuntimeError::File { .. } => {
            Failure::usage(error.to_string())
        }
        RuntimeError::Compile(error) => compile(error),
    }
}

fn host(error: &HostError) -> Failure {
    match error {
        HostError::Usage(text) => Failure::usage(text.clone()),
        HostError::Stopped(_) => Failure::cannot(error.to_string())
            .hint("what is on the disk is whole; see to what failed and run the command again"),
        HostError::LowSpace { .. } => Failure::cannot(error.to_string()).hint(
            "`libos gc` drops what is older than [retain] in libos.toml says; or free some space, or set keep-free under [space]",
        ),
        HostError::Store(error) => store(error),
    }
}

fn store(error: &StoreError) -> Failure {
    let failure = Failure::cannot(error.to_string());
    match error {
        StoreError::Busy => failure.hint("use it from here, wait for it to end, or end it"),
        StoreError::Missing => Failure::usage(error.to_string()).hint("`libos trust` makes it"),
        StoreError::Damaged(_) => {
            failure.hint("`libos audit verify` says more; put a copy of the data directory aside before anything else")
        }
        StoreError::Exists => failure.hint("name a place where nothing is"),
        StoreError::NoRoom { .. } => {
            failure.hint("free some space there, or name a data directory elsewhere with --data")
        }
        StoreError::NeedsRecovery | StoreError::Newer { .. } | StoreError::Failed(_) => failure,
    }
}

fn world(error: &WorldSetupError) -> Failure {
    match error {
        WorldSetupError::Lacks { facility, detail } => lacks(*facility, detail).at("the mounts of libos.toml"),
        _ => Failure::cannot(error.to_string())
            .hint("change the mounts in libos.toml, then `libos policy reload` (`libos trust` the first time)"),
    }
}

/// A host does not start without this.
pub fn lacks(facility: Facility, detail: &str) -> Failure {
    let (word, weakens) = (facility.word(), facility.weakens());
    Failure::cannot(format!("no host starts here: {word} is missing ({detail}), and without it {weakens}")).hint(format!(
        "if that may be, write it into libos.toml under [accept]: {word} = \"{weakens}\"; then `libos policy reload`, or `libos trust` \
         the first time"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_what_to_do() {
        let full = || std::io::Error::from(ErrorKind::StorageFull);
        for error in [anyhow::Error::new(full()), anyhow::Error::new(full()).context("the compiled code")] {
            let failure = failure(&error).unwrap();
            assert_eq!((failure.code, failure.hint.as_deref()), (code::CANNOT, Some(NO_ROOM)), "{failure:?}");
        }
    }
}
