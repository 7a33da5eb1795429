//! The rows of the store, but for grants, questions and records: what is durable of processes, calls, waits, effects, tools.

pub use super::process_row::{ExecRequest, ExitRequest, ProcessRow};

use super::answer::Answer;
use super::bound::Bound;
use super::call::Call;
use super::id::{CallId, CandidateId, Digest, EffectId, EffectKey, GrantId, Pid, Position, QuestionId, Seq};
use super::limit::CallLimits;
use super::message::MessageFilter;
use super::purse::Charged;
use super::record::Record;
use super::resource::Resource;
use super::rule::Rule;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};

/// How a call stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
pub enum CallState {
    /// Runs, or was running when the host died.
    #[n(0)]
    Running,
    /// Every open operation of it waits; it may be dropped from memory.
    #[n(1)]
    Waiting,
    /// What it waited for has come; it is to be started again.
    #[n(2)]
    Runnable,
    #[n(3)]
    Done,
    #[n(4)]
    Failed(#[n(0)] Failure),
    /// Ended by a person or with its process.
    #[n(5)]
    Cancelled(#[n(0)] String),
}

impl CallRow {
    /// Digest of what its tool is: of the script, if it is one; else of the component. What a person agreed to is bound to it.
    pub fn code(&self) -> &Digest {
        self.script.as_ref().unwrap_or(&self.component)
    }

    /// The files that it needs to be started again.
    pub fn files(&self) -> impl Iterator<Item = Digest> + use<> {
        let component = Some(self.component).filter(|_| !self.is_quantum());
        [component, self.script].into_iter().flatten()
    }

    /// Whether it is a quantum: its guest is a planner, which is a part of the host and has no component.
    pub fn is_quantum(&self) -> bool {
        self.component == Digest::default()
    }
}

impl CallState {
    /// Whether it has ended for good.
    pub fn is_final(&self) -> bool {
        matches!(self, CallState::Done | CallState::Failed(_) | CallState::Cancelled(_))
    }

    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            CallState::Running => "running",
            CallState::Waiting => "waiting",
            CallState::Runnable => "runnable",
            CallState::Done => "done",
            CallState::Failed(_) => "failed",
            CallState::Cancelled(_) => "cancelled",
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// `invalid-arguments`, `denied`, `failed` by the tool; `trap`, `limit`, `fault` by the runtime.
    #[n(0)]
    pub reason: FailureReason,
    /// What happened, and what to do.
    #[n(1)]
    pub message: String,
    /// The import in progress, if the runtime stopped it in one.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub import: Option<String>,
}

/// Kinds of failures, by who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum FailureReason {
    /// The tool: the arguments do not fit.
    #[n(0)]
    InvalidArguments,
    /// The tool: a system call was denied.
    #[n(1)]
    Denied,
    /// The tool: anything else.
    #[n(2)]
    Failed,
    /// The runtime: the component trapped.
    #[n(3)]
    Trap,
    /// The runtime: memory, processor time or wall time is used up.
    #[n(4)]
    Limit,
    /// The runtime: the tool broke a rule of the line.
    #[n(5)]
    Fault,
    /// The runtime: the component cannot be started.
    #[n(6)]
    NotRunnable,
}

/// A call. Its arguments and its result are payloads beside it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct CallRow {
    #[n(0)]
    pub id: CallId,
    #[n(1)]
    pub pid: Pid,
    #[n(2)]
    pub tool: String,
    /// The name that its component exports the tool by.
    #[n(15)]
    #[serde(skip)]
    pub export: String,
    /// The component that it started with and resumes with.
    #[cbor(n(3), with = "minicbor::bytes")]
    #[serde(serialize_with = "as_hex")]
    pub component: Digest,
    #[n(4)]
    #[serde(flatten)]
    pub state: CallState,
    /// Where the guest's own random numbers come from.
    #[cbor(n(5), with = "minicbor::bytes")]
    #[serde(skip)]
    pub seed: Digest,
    #[n(6)]
    pub limits: CallLimits,
    /// How often it was started again.
    #[n(7)]
    pub incarnation: u32,
    #[n(8)]
    pub started: Time,
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// The record of its start.
    #[n(10)]
    pub record: Seq,
    /// Lines in its log.
    #[n(11)]
    pub log_lines: u32,
    /// Bytes in its log.
    #[n(12)]
    pub log_bytes: u64,
    /// Bytes that were dropped because the log was full.
    #[n(13)]
    pub log_dropped: u64,
    /// Bytes of the guest's standard output and error that are in the log or dropped; a replay prints them again.
    #[n(14)]
    #[serde(skip)]
    pub printed: u64,
    /// The call whose tool made this one, and where in it.
    #[n(16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// What it can use at most: the bound of its own tool, and before it those of the calls that it was made from, the outermost
    /// first. Frozen at its start.
    #[n(17)]
    #[serde(skip)]
    pub bounds: Vec<Bound>,
    /// Calls that were made from it, at whatever distance.
    #[n(18)]
    #[cbor(default)]
    #[serde(skip)]
    pub nested: u32,
    /// If a tool made it and it changed the working directory of its process: what that was and what it is. It is the former again
    /// when the call ends.
    #[n(19)]
    #[serde(skip)]
    pub moved: Option<Moved>,
    /// Every request and every answer of it is on the disk and stays there after its end, to be exported.
    #[n(20)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    /// The script that its component runs. None for a tool that is a component of its own.
    #[cbor(n(21), with = "minicbor::bytes")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_hex_if_any")]
    pub script: Option<Digest>,
}

/// A change of a working directory.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Moved {
    #[n(0)]
    pub from: Resource,
    #[n(1)]
    pub to: Resource,
}

/// Where a call was made by another one's tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct Caller {
    #[n(0)]
    pub call: CallId,
    #[n(1)]
    pub position: Position,
}

fn as_hex<S: serde::Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::id::hex(digest))
}

fn as_hex_if_any<S: serde::Serializer>(digest: &Option<Digest>, serializer: S) -> Result<S::Ok, S::Error> {
    match digest {
        Some(digest) => as_hex(digest, serializer),
        None => serializer.serialize_none(),
    }
}

/// One answered import of a call, as replay needs it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct JournalRow {
    /// Of the canonical call.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub request: Digest,
    /// The call's operation, for the message if a replay diverges.
    #[n(1)]
    pub operation: String,
    #[n(2)]
    pub time: Time,
    #[n(3)]
    pub answer: Answer,
}

/// Something that a call waits for. Its key is (call, position).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct WaitRow {
    #[n(0)]
    pub kind: Wait,
    #[n(1)]
    pub since: Time,
    /// Digest of the canonical call.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub request: Digest,
    /// The call's operation.
    #[n(3)]
    pub operation: String,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub enum Wait {
    /// A moment.
    #[n(0)]
    Until(#[n(0)] Time),
    /// A person's answer.
    #[n(1)]
    Question(#[n(0)] QuestionId),
    /// The end of a call that this one made.
    #[n(2)]
    Call(#[n(0)] CallId),
    /// The end of a process, at most until a moment.
    #[n(3)]
    Children {
        /// Any of them; if there is none, any child.
        #[n(0)]
        pids: Vec<Pid>,
        #[n(1)]
        until: Option<Time>,
    },
    /// A message, until this moment if there is one.
    #[n(5)]
    Message {
        #[n(0)]
        filter: MessageFilter,
        #[n(1)]
        until: Option<Time>,
    },
    /// The report on a tool that its process proposed.
    #[n(7)]
    Validation(#[n(0)] CandidateId),
}

impl Wait {
    /// Whether an interruption ends it. Answers of people and results of tools are not to be lost.
    pub fn is_interruptible(&self) -> bool {
        match self {
            Wait::Until(_) | Wait::Message { .. } | Wait::Children { .. } => true,
            Wait::Question(_) | Wait::Call(_) | Wait::Validation(_) => false,
        }
    }

    /// The moment at which it ends by itself.
    pub fn until(&self) -> Option<Time> {
        match self {
            Wait::Until(until) => Some(*until),
            Wait::Message { until, .. } | Wait::Children { until, .. } => *until,
            Wait::Question(_) | Wait::Call(_) | Wait::Validation(_) => None,
        }
    }
}

/// State of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum EffectState {
    /// The intent is written, and nothing more is known on the disk: it may have been handed to the outside.
    #[n(0)]
    Prepared,
    /// Handed to the outside. Only known in memory: to write it down before the fact would cost as much as the intent, and written
    /// after it, it would prove nothing. So what a crash leaves as prepared is probed, and never taken for not started.
    #[n(1)]
    Dispatched,
    #[n(2)]
    Done,
    /// Proven not to have happened; its uses were given back.
    #[n(3)]
    NotStarted,
    /// Nobody knows.
    #[n(4)]
    Unknown,
    /// The outside said that it failed; its uses stay taken.
    #[n(5)]
    Failed,
}

impl EffectState {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            EffectState::Prepared => "prepared",
            EffectState::Dispatched => "dispatched",
            EffectState::Done => "done",
            EffectState::NotStarted => "not-started",
            EffectState::Unknown => "unknown",
            EffectState::Failed => "failed",
        }
    }
}

/// What a person found out about an effect of which the host did not know whether it happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Settled {
    /// It happened.
    #[n(0)]
    pub done: bool,
    /// Who said so.
    #[n(1)]
    pub by: String,
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[n(3)]
    pub at: Time,
    /// The call had been told before that nobody knows, or had ended: it did not learn of this.
    #[n(4)]
    pub too_late: bool,
}

/// How recovery finds out whether an effect happened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub enum Probe {
    /// A file was to get this content by a rename over it.
    #[n(0)]
    Write {
        #[n(0)]
        target: Resource,
        #[n(1)]
        before: Before,
        #[cbor(n(2), with = "minicbor::bytes")]
        after: Digest,
        /// Bytes.
        #[n(3)]
        size: u64,
    },
    /// A file was to get these bytes at its end.
    #[n(1)]
    Append {
        #[n(0)]
        target: Resource,
        #[n(1)]
        before: Before,
        #[cbor(n(2), with = "minicbor::bytes")]
        tail: Digest,
        #[n(3)]
        size: u64,
    },
    #[n(2)]
    MakeDir {
        #[n(0)]
        target: Resource,
        #[n(1)]
        before: Before,
    },
    #[n(3)]
    Remove {
        #[n(0)]
        target: Resource,
        #[n(1)]
        before: Before,
    },
    #[n(4)]
    Rename {
        #[n(0)]
        old: Resource,
        #[n(1)]
        new: Resource,
        #[n(2)]
        before: Before,
        #[n(3)]
        before_new: Before,
    },
    /// There is no way to tell.
    #[n(5)]
    None,
}

/// What was at a name before an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen)]
pub enum Before {
    #[n(0)]
    Absent,
    /// Device and inode, the size in bytes (of a directory, its entries), and when it was made.
    #[n(1)]
    Present {
        #[n(0)]
        device: u64,
        #[n(1)]
        inode: u64,
        #[n(2)]
        size: u64,
        #[n(3)]
        directory: bool,
        /// When it was made, in nanoseconds since 1970, where the file system knows: numbers of inodes are used again.
        #[n(4)]
        created: Option<u64>,
    },
}

/// An effect: a change outside the host.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct EffectRow {
    #[n(0)]
    pub id: EffectId,
    #[n(1)]
    pub pid: Pid,
    #[n(2)]
    pub call: CallId,
    #[n(3)]
    pub position: Position,
    #[n(4)]
    pub operation: String,
    #[n(5)]
    pub resources: Vec<Resource>,
    /// The same for all tries of one effect.
    #[n(6)]
    pub idempotency_key: EffectKey,
    #[n(7)]
    pub probe: Probe,
    #[n(8)]
    pub state: EffectState,
    /// The record of the intent.
    #[n(9)]
    pub intent: Seq,
    #[n(10)]
    pub time: Time,
    /// The grants of which a use was taken.
    #[n(11)]
    pub uses: Vec<GrantId>,
    /// Of the canonical call.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub request: Digest,
    /// The approval that it used up, to be given back if it did not start.
    #[n(13)]
    pub question: Option<QuestionId>,
    /// What a person found out, if nobody knew.
    #[n(14)]
    pub settled: Option<Settled>,
    /// How often its call had been started again when it was made: a later start was told how it ended.
    #[n(15)]
    pub incarnation: Option<u32>,
    /// What it cost, to be given back if it did not start.
    #[n(16)]
    pub charged: Option<Charged>,
}

impl EffectRow {
    /// Says in a record of what became of it which effect that is.
    pub fn mark(&self, record: &mut Record) {
        record.pid = Some(self.pid);
        record.call = Some(self.call);
        record.position = Some(self.position);
        record.resources = self.resources.iter().map(ToString::to_string).collect();
        record.effect = Some(self.id);
        record.parent = Some(self.intent);
    }
}

/// A tool that the host has.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct ToolRow {
    #[n(0)]
    #[serde(rename = "id")]
    pub name: String,
    /// The name that the component exports it by.
    #[n(1)]
    pub export: String,
    #[cbor(n(2), with = "minicbor::bytes")]
    #[serde(serialize_with = "as_hex")]
    pub component: Digest,
    #[n(3)]
    pub summary: String,
    /// JSON Schema.
    #[n(4)]
    #[serde(skip)]
    pub arguments: String,
    /// JSON Schema.
    #[n(5)]
    #[serde(skip)]
    pub result: String,
    /// Interfaces that its component imports: what it can ever do.
    #[n(6)]
    pub imports: Vec<String>,
    #[n(7)]
    pub added: Time,
    /// Came with the runtime.
    #[n(8)]
    pub standard: bool,
    /// What it declares that it needs, finer than its imports: it gets nothing else, whatever is granted. None if it declares
    /// nothing; then its imports are the bound.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Vec<Rule>>,
    /// The script that its component runs: the file that has this digest. None for a tool that is a component of its own.
    #[cbor(n(10), with = "minicbor::bytes")]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_hex_if_any")]
    pub script: Option<Digest>,
    /// What the calls were within that registered it, if it was made at run time: it stays within that, whoever calls it.
    #[cbor(n(11), default, skip_if = "Vec::is_empty")]
    #[serde(skip)]
    pub within: Vec<Bound>,
}

impl ToolRow {
    /// The files that it needs.
    pub fn files(&self) -> impl Iterator<Item = Digest> + use<> {
        [Some(self.component), self.script].into_iter().flatten()
    }

    /// Digest of what the tool is: of the script, if it is one; else of the component. What a person agreed to is bound to it.
    pub fn code(&self) -> &Digest {
        self.script.as_ref().unwrap_or(&self.component)
    }
}

/// Digest of a canonical call.
pub fn request_digest(call: &Call) -> Digest {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(super::codec::to_bytes(call)).into()
}
