//! Who chooses what a process does next, and how urgent that is.

use super::id::Digest;
use minicbor::{CborLen, Decode, Encode};

/// Whose turn comes more often.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Encode,
    Decode,
    CborLen,
    serde::Serialize,
    serde::Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    #[n(0)]
    Low,
    #[n(1)]
    #[default]
    Normal,
    #[n(2)]
    High,
}

/// How far the planner of a process has come. Its text is a row of its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct PlannerRow {
    /// Quanta that have ended.
    #[n(0)]
    pub step: u64,
    /// What the command was that made the process: the same command goes on with it. None for what was spawned.
    #[cbor(n(1), with = "minicbor::bytes")]
    #[serde(skip)]
    pub command: Option<Digest>,
    /// What the command gave it beside what its image has.
    #[n(60)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Vec<String>>,
}

/// What a planner chose when its quantum came to its end: the result of the quantum as JSON, and what becomes of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// The next quantum follows.
    GoOn(String),
    /// The process ends with this result.
    Exit(String),
}

impl Chosen {
    /// The result of the quantum, as JSON.
    pub fn result(&self) -> &str {
        match self {
            Chosen::GoOn(result) | Chosen::Exit(result) => result,
        }
    }
}
