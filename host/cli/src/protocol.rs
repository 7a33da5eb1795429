//! What commands say to a host and hear from it, as JSON lines on its socket; inside one process the same values are passed.

use crate::error::Failure;
use libos_kernel::kernel::Reaction;
use libos_kernel::kernel::Standing;
use libos_kernel::model::call::Approval;
use libos_kernel::model::given::Given;
use libos_kernel::model::grant::Effect;
use libos_kernel::model::id::{CallId, CheckpointId, EffectId, GrantId, Pid, QuestionId};
use libos_kernel::model::image::Format;
use libos_kernel::model::limit;
use libos_kernel::model::process::Signal;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::row::Failure as CallFailure;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Bytes of a line: the largest arguments or result, with every character escaped, and what is around it.
pub const LINE_BYTES_MAX: usize = limit::CALL_TEXT_BYTES_MAX * 6 + (64 << 10);
/// Bytes of the first line, which says the secret.
pub const SECRET_LINE_MAX: usize = 128;
/// What a host answers to the right secret.
pub const WELCOME: &str = "libos 1";

/// A verb that changes something.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    /// Start a call and tell how it goes.
    Call {
        tool: String,
        arguments: String,
        pid: Option<Pid>,
        image: String,
        /// Keep all of it for an export.
        #[serde(default)]
        keep: bool,
    },
    /// A process that goes on by itself.
    Agent(AgentRequest),
    /// Tell how a call goes; start it again if it was interrupted.
    Attach {
        call: CallId,
    },
    /// Answer a question; with `run` tell how the call that asked goes on.
    Answer {
        question: QuestionId,
        said: Said,
        run: bool,
        /// The calls that the person saw waiting for it; all if none.
        #[serde(default)]
        seen: Option<Vec<CallId>>,
    },
    Cancel {
        call: CallId,
        why: String,
    },
    /// Say whether an effect happened of which nobody knew it.
    Settle {
        effect: EffectId,
        done: bool,
        note: Option<String>,
    },
    /// Change what a process may spend.
    Budget {
        pid: Pid,
        add: Vec<(Coin, u64)>,
        set: Vec<(Coin, u64)>,
    },
    Grant(GrantRequest),
    Revoke {
        id: GrantId,
    },
    ToolAdd {
        file: PathBuf,
        name: Option<String>,
    },
    ToolRemove {
        name: String,
    },
    ToolPromote {
        pid: Pid,
        name: String,
        new: Option<String>,
    },
    ImageAdd {
        text: String,
        format: Format,
        /// Also if a version of that number says something else.
        replace: bool,
    },
    ImageRemove {
        name: String,
    },
    /// Drop what retention lets go.
    Gc {
        older_than_seconds: Option<u64>,
    },
    /// Put a policy in force that a person has read.
    Policy {
        text: String,
    },
    Checkpoint(CheckpointRequest),
    Signal {
        pid: Pid,
        signal: Signal,
        reason: String,
    },
}

/// What is done with checkpoints.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointRequest {
    Create { pid: Pid, reason: String },
    Restore { id: CheckpointId },
    Fork { id: CheckpointId, budget: Vec<(Coin, u64)> },
    Commit { id: CheckpointId, image: String },
    Remove { id: CheckpointId },
}

/// What is wanted of a process that goes on by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentRequest {
    /// Start one, or go on with the one that the same command started; `follow`: tell how it goes.
    Start {
        image: String,
        goal: String,
        /// A script, or `model:PROFILE`.
        script: Option<String>,
        /// For this process alone.
        #[serde(default)]
        given: Given,
        new: bool,
        follow: bool,
    },
    /// Let it go on, and tell how it goes; before that, give this answer.
    Follow { pid: Pid, answer: Option<Answering> },
    /// Hold it and all below it, each after its present step.
    Halt { pid: Pid },
}

/// An answer to a question of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answering {
    pub question: QuestionId,
    pub said: Said,
    /// The calls that the person saw waiting for it; all if none.
    pub seen: Option<Vec<CallId>>,
}

/// A grant to be made; texts are read again by the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GrantRequest {
    pub holder: String,
    pub rights: String,
    pub resource: String,
    pub effect: Effect,
    pub uses: Option<u32>,
    pub seconds: Option<u64>,
    pub only_tool: Option<String>,
    /// Derived from what this process has.
    #[serde(default)]
    pub from: Option<Pid>,
}

/// What a person said.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    Decision {
        approval: Approval,
        note: Option<String>,
    },
    Text(String),
    /// Nobody is there, and that means no; another time somebody may be.
    Nobody {
        note: String,
    },
}

impl From<Said> for Reaction {
    fn from(said: Said) -> Reaction {
        match said {
            Said::Decision { approval, note } => Reaction::Approve { approval, note },
            Said::Text(text) => Reaction::Tell { text },
            Said::Nobody { note } => Reaction::Nobody { note },
        }
    }
}

/// What a host tells. The first one comes at once; the stream ends after the last one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The host ends and has not done what was asked.
    Closing,
    /// The call is there, or was found.
    Started {
        call: CallId,
        pid: Pid,
    },
    /// The process is there, or was found.
    Agent {
        pid: Pid,
        was_there: bool,
    },
    /// What a process or one below it did, for a person who watches.
    Happened(Happened),
    /// How a process that is watched stands now.
    AgentStands(Standing),
    /// A process or one below it waits for a person.
    AgentAsks {
        question: QuestionId,
        call: CallId,
    },
    /// Nothing of a process and of all below it runs or sleeps: it waits for these.
    AgentRests {
        pid: Pid,
        questions: Vec<QuestionId>,
        paused: Vec<Pid>,
    },
    /// The process has ended.
    AgentEnded {
        pid: Pid,
        /// `exited`, `failed` or `killed`.
        state: String,
        /// JSON.
        result: Option<String>,
        why: Option<String>,
    },
    /// The call waits for a person.
    Asks {
        call: CallId,
        question: QuestionId,
    },
    /// The call waits for a moment (RFC 3339).
    Sleeps {
        call: CallId,
        until: String,
    },
    Ended(Ended),
    /// The host has stopped or closes; the call stays resumable.
    Interrupted {
        call: CallId,
        why: String,
    },
    Answered {
        question: QuestionId,
        call: CallId,
        grants: Vec<Value>,
    },
    /// A verb was carried out: the rows that it made or changed, and a sentence.
    Changed {
        rows: Vec<Value>,
        text: String,
    },
    Error(Failure),
}

/// What a process did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Happened {
    /// It calls a tool.
    Calls { pid: Pid, call: CallId, tool: String, arguments: String },
    /// The tool has come to its end; with `failed` it failed, and why.
    Called {
        pid: Pid,
        call: CallId,
        tool: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        milliseconds: u64,
    },
    /// It asks a model.
    Thinks { pid: Pid, model: String },
    /// The model has answered, or did not, and why.
    Thought {
        pid: Pid,
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        milliseconds: u64,
    },
    /// It leaves a note for a person.
    Says { pid: Pid, text: String },
    /// Something about it that is one line.
    Note { pid: Pid, text: String },
}

/// How a call ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    pub id: CallId,
    pub pid: Pid,
    pub tool: String,
    /// `done`, `failed` or `cancelled`.
    pub state: String,
    /// JSON.
    pub result: Option<String>,
    pub failure: Option<CallFailure>,
    /// Why it was cancelled.
    pub why: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_events_survive_the_way() {
        let request = Request::Answer {
            question: QuestionId(3),
            said: Said::Decision { approval: Approval::Never, note: Some("a\nb".into()) },
            seen: Some(vec![CallId(4)]),
            run: true,
        };
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'));
        assert!(matches!(
            serde_json::from_str(&line).unwrap(),
            Request::Answer {
                question: QuestionId(3),
                run: true,
                seen: Some(_),
                said: Said::Decision { approval: Approval::Never, .. }
            }
        ));
        let event = Event::Error(Failure::usage("x").hint("y"));
        let line = serde_json::to_string(&event).unwrap();
        assert!(
            matches!(serde_json::from_str(&line).unwrap(), Event::Error(failure) if failure == Failure::usage("x").hint("y"))
        );
    }
}
