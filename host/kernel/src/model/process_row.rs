//! The row of a process, and what a process asked for that comes at the end of its calls.

use super::checkpoint::CheckpointRequest;
use super::decide::Default as WithoutGrant;
use super::id::{CallId, Digest, Pid};
use super::planner::{PlannerRow, Priority};
use super::process::State;
use super::purse::{Coin, Purse};
use super::resource::Resource;
use super::time::Time;
use super::view::View;
use minicbor::{CborLen, Decode, Encode};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct ProcessRow {
    #[n(0)]
    pub pid: Pid,
    #[n(1)]
    pub parent: Option<Pid>,
    #[n(2)]
    pub image: String,
    #[n(3)]
    #[serde(flatten)]
    pub state: State,
    #[n(4)]
    pub working_directory: Resource,
    /// What happens without any grant.
    #[n(5)]
    pub default: WithoutGrant,
    /// Made for one call, and ends with it.
    #[n(6)]
    pub for_one_call: bool,
    #[n(7)]
    pub created: Time,
    /// What `process.exit` asked for.
    #[n(8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_requested: Option<ExitRequest>,
    /// When it ended, for retention.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Name of the object that says what it is for.
    #[n(10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// What it sees of another process's objects.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// What it may still spend, if that is its own.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purse: Option<Purse>,
    /// The process above it whose purse it spends, if it has none of its own. Nobody's if there is neither: then nothing is bounded.
    #[n(13)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<Pid>,
    #[n(14)]
    #[cbor(default)]
    pub priority: Priority,
    /// Who chooses what it does, if anybody does.
    #[n(15)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planner: Option<PlannerRow>,
    /// What `process.exec` asked for.
    #[n(16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec_requested: Option<ExecRequest>,
    /// How often it was brought back to a checkpoint.
    #[n(17)]
    #[cbor(default)]
    pub incarnation: u32,
    /// The object that it ended with, which stays.
    #[n(18)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_object: Option<String>,
    /// Who wants it to end once its present calls have ended, and why.
    #[n(19)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_requested: Option<String>,
    /// A checkpoint that `process.checkpoint` asked for.
    #[n(30)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_requested: Option<CheckpointRequest>,
    /// What it is paused for the want of. It goes on when its purse has more of it.
    #[n(21)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wants: Option<Coin>,
    /// It was paused by a person or the runtime: its parent does not let it go on.
    #[n(24)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held_by_host: bool,
    /// The beginning of its goal's text once it has ended: the object is gone then.
    #[n(40)]
    #[serde(skip)]
    pub goal_text: Option<String>,
    /// Which version of its image it goes by. None in rows of a time when it was always the one of now.
    #[cbor(n(41), with = "minicbor::bytes")]
    #[serde(serialize_with = "hex", skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<Digest>,
    /// It is held as soon as its present step has ended or waits.
    #[n(61)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub halts: bool,
}

fn hex<S: serde::Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&digest.as_ref().map(|digest| super::id::hex(digest)).unwrap_or_default())
}

impl ProcessRow {
    /// A process that has just been made and does nothing yet.
    pub fn new(pid: Pid, parent: Option<Pid>, image: String, working_directory: Resource, now: Time) -> ProcessRow {
        ProcessRow {
            pid,
            parent,
            image,
            state: State::Ready,
            working_directory,
            default: WithoutGrant::Deny,
            for_one_call: false,
            created: now,
            exit_requested: None,
            ended: None,
            goal: None,
            view: None,
            purse: None,
            payer: None,
            priority: Priority::default(),
            planner: None,
            exec_requested: None,
            incarnation: 0,
            result_object: None,
            cancel_requested: None,
            checkpoint_requested: None,
            held_by_host: false,
            wants: None,
            goal_text: None,
            image_digest: None,
            halts: false,
        }
    }
}

/// A process is to become one of another image once the call that asked has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct ExecRequest {
    #[n(0)]
    pub call: CallId,
    #[n(1)]
    pub image: String,
    /// What it is for from then on; as before, if none.
    #[n(2)]
    pub goal: Option<String>,
}

/// A process is to end once the call that asked has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct ExitRequest {
    #[n(0)]
    pub call: CallId,
    /// JSON.
    #[n(1)]
    pub result: String,
    /// The object that it ends with, in full.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}
