//! What a process says about a child that it makes, and what it learns of one.

use super::id::Pid;
use super::limit;
use super::planner::Priority;
use super::process::State;
use super::purse::Coin;
use super::rule::Rule;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// A grant that a child is to get from what its parent has.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Handed {
    /// Rights and a resource, for example `read,list fs:workspace/src/**`.
    #[n(0)]
    pub rule: String,
    /// So many uses. Needed for a grant that counts its uses: the parent loses them.
    #[n(1)]
    pub uses: Option<u32>,
    /// Nanoseconds from now; never longer than what it comes from.
    #[n(2)]
    pub expires_in: Option<u64>,
}

impl Handed {
    /// Its rule.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn rule(&self) -> Result<Rule, String> {
        if self.rule.len() > limit::OBJECT_NAME_BYTES_MAX {
            return Err(format!("a rule has at most {} bytes", limit::OBJECT_NAME_BYTES_MAX));
        }
        Rule::parse(&self.rule)
    }
}

/// So much of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    #[n(0)]
    pub coin: Coin,
    #[n(1)]
    pub amount: u64,
}

/// What a child is made with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct ChildOptions {
    /// As the parent's, if none.
    #[n(0)]
    pub image: Option<String>,
    /// What it is for.
    #[n(1)]
    pub goal: String,
    /// All that it may do, beside what its descent and its own namespace give it.
    #[n(2)]
    pub grants: Vec<Handed>,
    /// A purse of its own; without, it spends from its parent's.
    #[n(3)]
    pub budget: Option<Vec<Amount>>,
    /// The parent's, if none.
    #[n(4)]
    pub working_directory: Option<String>,
    /// The parent's, if none; never above it.
    #[n(5)]
    pub priority: Option<Priority>,
    /// The text by which its planner chooses; without, nobody chooses for it.
    #[n(6)]
    pub planner: Option<String>,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// With this result (JSON).
    #[n(0)]
    Exited(#[n(0)] String),
    /// By its own failure, or cancelled.
    #[n(1)]
    Failed(#[n(0)] String),
    /// By somebody else.
    #[n(2)]
    Killed(#[n(0)] String),
}

impl End {
    /// How a process ended that is in this state; none if it has not.
    pub fn of(state: &State) -> Option<End> {
        match state {
            State::Exited(result) => Some(End::Exited(result.clone())),
            State::Failed(why) => Some(End::Failed(why.clone())),
            State::Killed(by) => Some(End::Killed(by.clone())),
            State::Ready | State::Running | State::Waiting | State::Paused(_) => None,
        }
    }
}

/// A child that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct EndedChild {
    #[n(0)]
    pub pid: Pid,
    #[n(1)]
    pub end: End,
    /// The object that it ended with, in full.
    #[n(2)]
    pub result_object: Option<String>,
}

/// A child that lives, or has ended and was not waited for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct ChildInfo {
    #[n(0)]
    pub pid: Pid,
    /// One word.
    #[n(1)]
    pub state: String,
    /// Who paused it, or how it ended.
    #[n(2)]
    pub why: Option<String>,
    #[n(3)]
    pub image: String,
    /// Name of the object that says what it is for.
    #[n(4)]
    pub goal: Option<String>,
    #[n(5)]
    #[serde(with = "super::text::time")]
    pub created: Time,
}
