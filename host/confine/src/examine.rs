//! What this machine can enforce, found by doing it: everything is put in force, and nothing is started.

use crate::host::{Supervisor, start};
use crate::outcome::{Enforced, Refused};
use crate::program::{Executable, Program};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// All pieces, if nothing is missing.
    pub enforced: Vec<Enforced>,
    /// The first piece that is missing. Without it no program is run.
    pub missing: Option<Refused>,
}

/// Tries all of the confinement but masks. Takes a few milliseconds.
pub fn examine(supervisor: &Supervisor) -> Found {
    let found = Executable::resolve(supervisor.path())
        .map_err(|error| Refused::Description(error.to_string()))
        .and_then(|executable| start(supervisor, &Program::new(executable), &|| true, true));
    match found {
        Ok(outcome) => Found { enforced: outcome.enforced, missing: None },
        Err(missing) => Found { enforced: Vec::new(), missing: Some(missing) },
    }
}
