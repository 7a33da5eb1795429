//! What is changed and not yet on the disk: rows, records and journal lines that are committed together, in order.

use super::table::Table;
use crate::model::answer::Answer;
use crate::model::call::Call;
use crate::model::id::{CallId, Position};
use crate::model::record::Record;
use crate::model::row::{JournalRow, request_digest};
use crate::model::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A record whose commitments the committer computes.
#[derive(Debug)]
pub struct NewRecord {
    pub record: Record,
    pub request: Option<Arc<Call>>,
    pub answer: Option<Arc<Answer>>,
}

/// A journal line whose digest the committer computes.
#[derive(Debug, Clone)]
pub struct NewJournal {
    pub call: CallId,
    pub position: Position,
    pub time: Time,
    pub request: Request,
    pub answer: Arc<Answer>,
}

/// The request of a journal line: itself, or what an earlier row kept of it.
#[derive(Debug, Clone)]
pub enum Request {
    Call(Arc<Call>),
    Kept { digest: crate::model::id::Digest, operation: String },
}

impl NewJournal {
    /// As it is stored.
    pub fn row(&self) -> JournalRow {
        let (request, operation) = match &self.request {
            Request::Call(call) => (request_digest(call), call.operation().to_owned()),
            Request::Kept { digest, operation } => (*digest, operation.clone()),
        };
        JournalRow { request, operation, time: self.time, answer: (*self.answer).clone() }
    }

    /// Bytes that it keeps in memory and will take on the disk, roughly.
    pub fn size(&self) -> usize {
        64 + self.answer.size() + if let Request::Call(call) = &self.request { call.size() } else { 0 }
    }
}

/// Changes to be committed together.
#[derive(Debug, Default)]
pub struct Batch {
    /// The newest value of each changed row; none for a removed one.
    pub rows: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
    pub records: Vec<NewRecord>,
    pub journal: Vec<NewJournal>,
    /// Bytes, roughly.
    pub size: usize,
}

impl Batch {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.records.is_empty() && self.journal.is_empty()
    }
}

impl Call {
    /// Bytes of its arguments, roughly.
    pub fn size(&self) -> usize {
        64 + match self {
            Call::FsWrite { content, .. } | Call::FsAppend { content, .. } => content.len(),
            Call::ObjectCreate { payload, .. } | Call::ObjectUpdate { payload, .. } => payload.len(),
            Call::HumanAsk { question: text, .. }
            | Call::HumanTell { message: text, .. }
            | Call::LogWrite { message: text, .. }
            | Call::HumanApprove { reason: text, .. }
            | Call::ToolCall { arguments: text, .. }
            | Call::ProcessCheckpoint { reason: text }
            | Call::AgentCall { arguments: text, .. }
            | Call::MessageSend { body: text, .. }
            | Call::ProcessExit { result: text } => text.len(),
            Call::ProcessSpawn { child } | Call::ProcessFork { child, .. } => {
                let grants: usize = child.grants.iter().map(|handed| 64 + handed.rule.len()).sum();
                child.goal.len() + child.planner.as_ref().map_or(0, String::len) + grants
            }
            Call::ProcessExec { goal: Some(goal), .. } => goal.len(),
            Call::ToolsPropose { proposal } => proposal.size(),
            Call::ImageRegister { manifest, .. } => manifest.len(),
            Call::ModelAsk { request, .. } => request.len(),
            Call::ShellRun { command } => command.size(),
            _ => 0,
        }
    }
}

impl Answer {
    /// Bytes of it, roughly.
    pub fn size(&self) -> usize {
        use crate::model::call::{Called, Reply};
        use crate::model::child::End;
        64 + match self {
            Answer::Done(Reply::Bytes(bytes)) => bytes.len(),
            Answer::Done(
                Reply::Text(text) | Reply::Model(text) | Reply::Called(Called::Done(text) | Called::Failed(text)),
            ) => text.len(),
            Answer::Done(Reply::Object(_, payload)) => payload.len(),
            Answer::Done(Reply::Entries(entries)) => entries.iter().map(|entry| 64 + entry.name.len()).sum(),
            Answer::Done(Reply::Infos(infos) | Reply::Found(infos, _)) => {
                infos.iter().map(|info| 160 + info.name.len()).sum()
            }
            Answer::Done(Reply::Links(ends)) => ends.iter().map(|end| 96 + end.name.len()).sum(),
            Answer::Done(Reply::Merged(merged)) => merged.size(),
            Answer::Done(Reply::EndedChild(Some(child))) => match &child.end {
                End::Exited(text) | End::Failed(text) | End::Killed(text) => text.len(),
            },
            Answer::Done(Reply::Children(children)) => {
                children.iter().map(|child| 160 + child.why.as_ref().map_or(0, String::len)).sum()
            }
            Answer::Done(Reply::Message(Some(message))) => message.size(),
            Answer::Done(Reply::Report(report)) => report.size(),
            Answer::Done(Reply::Tools(tools)) => tools.iter().map(crate::model::candidate::KnownTool::size).sum(),
            Answer::Done(Reply::ImageRegistered(image, _)) => image.size(),
            Answer::Done(Reply::Images(images)) => images.iter().map(crate::model::image::ImageInfo::size).sum(),
            Answer::Done(Reply::Ran(ran)) => ran.size(),
            Answer::Done(Reply::Names(names)) => names.iter().map(|name| 16 + name.len()).sum(),
            _ => 0,
        }
    }
}
