//! The rows of the store, but for grants and records: what is durable of processes, calls, waits, questions, effects, tools.

use super::answer::Answer;
use super::bound::Bound;
use super::call::{Approval, Call};
use super::decide::Default as WithoutGrant;
use super::grant::{Effect, Holder};
use super::id::{CallId, Digest, EffectId, GrantId, Pid, Position, QuestionId, Seq};
use super::limit::CallLimits;
use super::need::Need;
use super::process::State;
use super::resource::{Pattern, Resource};
use super::right::Rights;
use super::rule::Rule;
use super::time::Time;
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
}

/// A process is to end once the call that asked has ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct ExitRequest {
    #[n(0)]
    pub call: CallId,
    /// JSON.
    #[n(1)]
    pub result: String,
}

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
    /// The working directory of its process when a tool made it: it is that again when it ends.
    #[n(19)]
    #[serde(skip)]
    pub came_from: Option<Resource>,
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
}

/// How a question stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum QuestionState {
    #[n(0)]
    Open,
    /// A person decided.
    #[n(1)]
    Answered {
        #[n(0)]
        approval: Approval,
        #[n(1)]
        note: Option<String>,
        #[n(2)]
        at: Time,
    },
    /// A person wrote.
    #[n(2)]
    Told {
        #[n(0)]
        text: String,
        #[n(1)]
        at: Time,
    },
    /// The answer was used by the call that asked.
    #[n(3)]
    Applied {
        #[n(0)]
        approval: Approval,
        #[n(1)]
        at: Time,
    },
    /// Nobody waits for it any more.
    #[n(4)]
    Withdrawn {
        #[n(0)]
        why: String,
    },
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// To allow exactly this system call.
    #[n(0)]
    Approval {
        #[n(0)]
        operation: String,
        #[n(1)]
        needs: Vec<Need>,
        /// The rule that asks; none if it is the process's default.
        #[n(2)]
        rule: Option<GrantId>,
        /// What the call does, ready to be shown.
        #[n(3)]
        preview: Vec<String>,
        /// What the answer is bound to, part by part, so that a change can be named.
        #[n(4)]
        #[serde(skip)]
        parts: Vec<FingerprintPart>,
        /// It is asked because the tool's component is not the one that a grant names.
        #[n(5)]
        #[serde(skip_serializing_if = "Option::is_none")]
        consent: Option<Consent>,
    },
    /// To give rights.
    #[n(1)]
    Permission {
        #[n(0)]
        resource: Pattern,
        #[n(1)]
        rights: Rights,
        #[n(2)]
        reason: String,
    },
    /// To say something.
    #[n(2)]
    Question {
        #[n(0)]
        text: String,
    },
    /// A note; nobody waits.
    #[n(3)]
    Note {
        #[n(0)]
        text: String,
    },
}

/// A grant that names the component that a tool had before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct Consent {
    #[n(0)]
    pub grant: GrantId,
    /// What the new component can do that the old one could not, in plain words.
    #[n(1)]
    pub gained: Vec<String>,
}

/// One field of what an approval is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct FingerprintPart {
    /// For a person: `the content of the file`.
    #[n(0)]
    pub name: String,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: Digest,
}

impl FingerprintPart {
    /// Name of the part for what kind of thing is there.
    pub const KIND: &str = "the kind of what is there";
    /// Name of the part for the content of what is there.
    pub const CONTENT: &str = "the content of what is there";

    /// Whether it is about what is there, not about what was asked for.
    pub fn is_present_state(&self) -> bool {
        self.name == Self::KIND || self.name == Self::CONTENT
    }
}

/// Something put to a person.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct QuestionRow {
    #[n(0)]
    pub id: QuestionId,
    #[n(1)]
    pub pid: Pid,
    #[n(2)]
    pub call: CallId,
    #[n(3)]
    pub position: Position,
    #[n(4)]
    pub tool: String,
    #[n(5)]
    pub queue: String,
    #[n(6)]
    #[serde(flatten)]
    pub subject: Subject,
    #[n(7)]
    pub asked: Time,
    #[n(8)]
    #[serde(flatten)]
    pub state: QuestionState,
    /// Why it is asked again, if it is: what changed since the last answer.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// Other places at which the same process asks the same: one answer does for all.
    #[n(10)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Caller>,
    /// When it is answered with deny if nobody has answered.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// Who will hold what a lasting answer makes: the image of a process that ends with its call. None: the process.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Holder>,
    /// The tools from whose calls the asking one was made, the outermost first: they are behind it.
    #[n(13)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// Nobody answered in time; the deny is nobody's word.
    #[n(14)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// The answer is nobody's word: it expired, or nobody was there.
    #[n(15)]
    #[cbor(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unattended: bool,
}

impl QuestionRow {
    /// Where it was asked.
    pub fn places(&self) -> impl Iterator<Item = (CallId, Position)> {
        std::iter::once((self.call, self.position)).chain(self.also.iter().map(|place| (place.call, place.position)))
    }

    /// Whether something is still to come of it: an answer, or the use of one.
    pub fn is_live(&self) -> bool {
        match (&self.state, &self.subject) {
            (_, Subject::Note { .. }) => false,
            (QuestionState::Open, _) | (QuestionState::Answered { .. }, Subject::Approval { .. }) => true,
            _ => false,
        }
    }

    /// Whether this call waits for it, or waited.
    pub fn is_of(&self, call: CallId) -> bool {
        self.places().any(|(asking, _)| asking == call)
    }

    /// Sets where it was asked.
    pub fn set_places(&mut self, first: (CallId, Position), rest: Vec<(CallId, Position)>) {
        (self.call, self.position) = first;
        self.also = rest.into_iter().map(|(call, position)| Caller { call, position }).collect();
    }

    /// Who will hold what a lasting answer makes.
    pub fn lasting_holder(&self) -> Holder {
        self.lasting.clone().unwrap_or(Holder::Process(self.pid))
    }

    /// The rules that `always` or `never` would make, to be shown before they are made. None for an answer that makes no rule, and
    /// for a name that a rule would read as a wildcard.
    pub fn standing_rules(&self, approval: Approval) -> Option<Vec<StandingRule>> {
        let effect = match approval {
            Approval::Always => Effect::Allow,
            Approval::Never => Effect::Deny,
            Approval::Allow | Approval::Deny => return None,
        };
        match &self.subject {
            Subject::Permission { resource, rights, .. } => {
                Some(vec![StandingRule { pattern: resource.clone(), rights: *rights, effect }])
            }
            // Then it is the grant that counts again, or does not any more.
            Subject::Approval { consent: Some(_), .. } => Some(Vec::new()),
            Subject::Approval { needs, .. } => {
                let mut rules: Vec<StandingRule> = Vec::new();
                for need in needs {
                    let pattern =
                        if need.whole { Pattern::below(&need.resource) } else { Pattern::exact(&need.resource) }?;
                    match rules.iter_mut().find(|rule| rule.pattern == pattern) {
                        Some(rule) => rule.rights = rule.rights.with(need.right),
                        None => rules.push(StandingRule { pattern, rights: Rights::of(&[need.right]), effect }),
                    }
                }
                Some(rules)
            }
            Subject::Question { .. } | Subject::Note { .. } => None,
        }
    }
}

/// State of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum EffectState {
    /// The intent is written.
    #[n(0)]
    Prepared,
    /// Handed to the outside.
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
    /// Device and inode, and the size in bytes.
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
    #[cbor(n(6), with = "minicbor::bytes")]
    pub idempotency_key: Digest,
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
}

/// A rule that an answer makes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StandingRule {
    pub pattern: Pattern,
    pub rights: Rights,
    pub effect: Effect,
}

/// Digest of a canonical call.
pub fn request_digest(call: &Call) -> Digest {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(super::codec::to_bytes(call)).into()
}
