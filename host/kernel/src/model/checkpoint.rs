//! Checkpoints: a moment of a process and all below it. What was granted is not in one: only which grants there were.

use super::candidate::ProcessTool;
use super::id::{CallId, CheckpointId, Digest, EffectId, GrantId, Pid, QuestionId, Seq};
use super::row::ProcessRow;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// A checkpoint. The objects of its processes are not in it either: they are held as they were by pins at [`CheckpointRow::at`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct CheckpointRow {
    #[n(0)]
    pub id: CheckpointId,
    /// The process that it is of, with all below it.
    #[n(1)]
    pub pid: Pid,
    /// Why, as whoever took it says.
    #[n(2)]
    pub reason: String,
    #[n(3)]
    pub time: Time,
    /// Place of the log: what was made before it was there.
    #[n(4)]
    pub at: Seq,
    /// The call that asked for it; none if a person did.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// The process and those below it that lived, each after its parent.
    #[n(6)]
    pub members: Vec<Member>,
    /// The tools that they had, as they were.
    #[n(7)]
    pub tools: Vec<BoundTool>,
}

impl CheckpointRow {
    /// What it knows of a process.
    pub fn member(&self, pid: Pid) -> Option<&Member> {
        self.members.iter().find(|member| member.process.pid == pid)
    }
}

/// A process as it was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Member {
    #[n(0)]
    pub process: ProcessRow,
    /// Those it held; what has become of them is seen where they are.
    #[n(1)]
    pub grants: Vec<GrantId>,
    /// Calls that had not ended.
    #[n(2)]
    pub calls: Vec<CallId>,
    /// Messages that waited for it.
    #[n(3)]
    pub messages: u32,
    /// One of the calls was a step of its planner: to take it again could do all of it twice.
    #[n(4)]
    pub in_step: bool,
    /// The tools that it had registered.
    #[n(5)]
    #[cbor(default)]
    pub own_tools: Vec<ProcessTool>,
}

/// A tool of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct BoundTool {
    #[n(0)]
    #[serde(rename = "id")]
    pub name: String,
    #[cbor(n(1), with = "minicbor::bytes")]
    #[serde(serialize_with = "as_hex")]
    pub component: Digest,
}

fn as_hex<S: serde::Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::id::hex(digest))
}

/// A process asks for a checkpoint of itself; it is taken once the call that asked has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct CheckpointRequest {
    #[n(0)]
    pub call: CallId,
    #[n(1)]
    pub id: CheckpointId,
    #[n(2)]
    pub reason: String,
}

/// What going back to a checkpoint did.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Restored {
    #[serde(rename = "id")]
    pub checkpoint: CheckpointId,
    pub pid: Pid,
    /// Processes that are as they were.
    pub processes: Vec<Pid>,
    /// Processes that were made since and were ended.
    pub ended: Vec<Pid>,
    /// Processes that have ended since, and stay so.
    pub gone: Vec<Pid>,
    /// Processes that have left the subtree since, and were left alone.
    pub elsewhere: Vec<Pid>,
    /// Calls that were cut off.
    pub interrupted: Vec<CallId>,
    /// Questions that are not asked any more.
    pub withdrawn: Vec<QuestionId>,
    /// Objects that went back.
    pub objects: u64,
    /// The first of them.
    pub changed_objects: Vec<String>,
    /// Messages that wait now.
    pub messages: u64,
    /// Tools that are not what they were: calls use them as they are now.
    pub tools: Vec<String>,
    /// Place of the log from which on it went back.
    pub from: Seq,
    /// Place of the log at which it went back.
    pub to: Seq,
}

/// Something outside that a process did between a checkpoint and the return to it, and that stays done.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Since {
    pub seq: Seq,
    pub pid: Pid,
    pub effect: EffectId,
    pub operation: String,
    pub resources: Vec<String>,
    /// One word.
    pub outcome: &'static str,
}

/// What beginning again from a checkpoint made.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Forked {
    #[serde(rename = "id")]
    pub checkpoint: CheckpointId,
    /// The new process that stands for the checkpoint's own.
    pub pid: Pid,
    /// Each process of then and the one that stands for it.
    pub processes: Vec<(Pid, Pid)>,
    /// Grants that the new ones have.
    pub grants: u64,
    /// Grants of then that the new ones have not, and why.
    pub not_given: Vec<(GrantId, &'static str)>,
}
