//! Who chooses what a process does next, and how urgent that is.

use super::id::Digest;
use super::image;
use super::script::{Script, ScriptError};
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

/// What the text of a plan begins with that leaves the choice to a model; the name of a profile follows.
pub const MODEL: &str = "model:";

/// Who chooses, as the text of a plan says.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// The lines of a script, one after the other.
    Script(Script),
    /// A model, by the name of its profile.
    Model(String),
}

/// Why a text is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the script: {0}")]
    Script(#[from] ScriptError),
    #[error("'{0}' is no name of a model's profile; `model:NAME` has letters, digits, '-', '_' and '.'")]
    Profile(String),
}

impl Plan {
    /// Reads the text of a plan: `model:PROFILE`, or a script.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Plan, PlanError> {
        match text.strip_prefix(MODEL).map(str::trim_end) {
            Some(profile) if image::is_name(profile) => Ok(Plan::Model(profile.to_owned())),
            Some(profile) => Err(PlanError::Profile(profile.chars().take(40).collect())),
            None => Ok(Plan::Script(Script::parse(text)?)),
        }
    }
}

/// What a planner chose when its quantum came to its end: the result of the quantum as JSON, and what becomes of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// The next quantum follows.
    GoOn(String),
    /// The process ends with this result.
    Exit(String),
    /// It cannot go on now, for this reason: the process is held until somebody resumes it, and the step is taken again then.
    Hold(String),
}

impl Chosen {
    /// The result of the quantum, as JSON; null if it came to nothing.
    pub fn result(&self) -> &str {
        match self {
            Chosen::GoOn(result) | Chosen::Exit(result) => result,
            Chosen::Hold(_) => "null",
        }
    }
}
