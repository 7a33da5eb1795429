//! How a system call ends: a reply or a typed error for the guest, or a stop that no guest sees.

use super::call::Reply;
use super::id::EffectId;
use super::right::Right;
use minicbor::{CborLen, Decode, Encode};
use std::fmt;

/// An error that the guest learns; variants and meanings are those of the WIT's `error`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallError {
    #[n(0)]
    Denied(#[n(0)] Denial),
    #[n(1)]
    NotFound(#[n(0)] String),
    #[n(2)]
    AlreadyExists(#[n(0)] String),
    #[n(3)]
    WrongKind(#[n(0)] String),
    #[n(4)]
    NotEmpty(#[n(0)] String),
    #[n(5)]
    Conflict(#[n(0)] u64),
    #[n(6)]
    TooLarge(#[n(0)] String),
    #[n(7)]
    Invalid(#[n(0)] String),
    #[n(8)]
    OutcomeUnknown(#[n(0)] EffectId),
    #[n(9)]
    Io(#[n(0)] String),
    #[n(10)]
    Internal,
    /// Somebody ended the wait: the text says who and why.
    #[n(11)]
    Interrupted(#[n(0)] String),
}

/// A refusal. Equal for what exists and what does not.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// The right that was needed.
    #[n(0)]
    pub right: Right,
    /// The resource, as printed.
    #[n(1)]
    pub resource: String,
    /// For a person.
    #[n(2)]
    pub reason: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Denied(denial) => {
                write!(f, "denied: {} on {}: {}", denial.right, denial.resource, denial.reason)
            }
            CallError::NotFound(what) => write!(f, "not found: {what}"),
            CallError::AlreadyExists(what) => write!(f, "already exists: {what}"),
            CallError::WrongKind(what) => write!(f, "wrong kind: {what}"),
            CallError::NotEmpty(what) => write!(f, "not empty: {what}"),
            CallError::Conflict(version) => write!(f, "conflict: the version is {version} now"),
            CallError::TooLarge(what) => write!(f, "too large: {what}"),
            CallError::Invalid(what) => write!(f, "invalid: {what}"),
            CallError::OutcomeUnknown(effect) => write!(f, "nobody knows whether effect {effect} happened"),
            CallError::Io(what) => write!(f, "the outside failed: {what}"),
            CallError::Internal => f.write_str("the host failed"),
            CallError::Interrupted(why) => write!(f, "interrupted: {why}"),
        }
    }
}

/// What a guest gets back from an import, and what the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    #[n(0)]
    Done(#[n(0)] Reply),
    #[n(1)]
    Failed(#[n(0)] CallError),
}

impl From<Result<Reply, CallError>> for Answer {
    fn from(result: Result<Reply, CallError>) -> Self {
        match result {
            Ok(reply) => Answer::Done(reply),
            Err(error) => Answer::Failed(error),
        }
    }
}

/// Why a call cannot go on. The guest is stopped and learns nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The guest's fault: a limit, or a replay that went another way.
    #[error("{0}")]
    Fault(Fault),
    /// The call was ended from outside, for example cancelled.
    #[error("the call has ended")]
    Ended,
    /// Its process is held. The call leaves memory and goes on at the same import when the process does.
    #[error("the process is paused: {0}")]
    Paused(String),
    /// The host's fault. The call stays as it was at its last durable point and can be resumed.
    #[error("{0}")]
    Host(String),
}

/// A guest's fault in the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("import-flood: more than {0} imports in one call")]
    Imports(u32),
    #[error("journal-full: what must be kept for a resume is more than {0} bytes")]
    Journal(u64),
    #[error("replay-diverged: at position {position} the recorded import is {recorded}, the tool now makes {made}")]
    Diverged { position: u32, recorded: String, made: String },
    /// A component that describes itself called an import.
    #[error("describe-imports: a component must describe itself without system calls; it called {0}")]
    Describes(&'static str),
    /// A test of a proposal asked for something that only a process has.
    #[error("trial-calls: a test of a proposal runs without a process; it called {0}")]
    Trial(&'static str),
    #[error("std-sleep-denied: {0}")]
    Sleep(String),
}
