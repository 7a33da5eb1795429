//! What people may look at: rows of a committed snapshot, whether a host runs or not.

use super::calls::LogLine;
use crate::model::call::{Call, ObjectInfo, Payload};
use crate::model::codec::from_bytes;
use crate::model::grant::Grant;
use crate::model::id::{CallId, Digest, GrantId, Pid, QuestionId, Seq};
use crate::model::image::{Image, standard};
use crate::model::limit;
use crate::model::question::QuestionRow;
use crate::model::record::Record;
use crate::model::row::{CallRow, EffectRow, JournalRow, ProcessRow, ToolRow};
use crate::store::StoreError;
use crate::store::reader::{self, Snapshot};
use crate::store::table::{self, Table, meta};
use minicbor::Decode;
use std::ops::ControlFlow;

/// The views.
pub struct View<'a>(pub &'a Snapshot);

impl View<'_> {
    /// All processes, in the order of their numbers.
    ///
    /// # Errors
    /// The store failed or is damaged; so for all that follow.
    pub fn processes(&self) -> Result<Vec<ProcessRow>, StoreError> {
        let mut rows: Vec<ProcessRow> = self.0.rows(Table::Process, table::LIVE)?;
        rows.extend(self.0.rows::<ProcessRow>(Table::Process, table::ENDED)?);
        rows.sort_by_key(|row| row.pid);
        Ok(rows)
    }

    /// A process.
    pub fn process(&self, pid: Pid) -> Result<Option<ProcessRow>, StoreError> {
        self.by_life(Table::Process, pid.0)
    }

    /// All calls, in the order of their numbers.
    pub fn calls(&self) -> Result<Vec<CallRow>, StoreError> {
        let mut rows: Vec<CallRow> = self.0.rows(Table::Call, &[])?;
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    /// A call.
    pub fn call(&self, id: CallId) -> Result<Option<CallRow>, StoreError> {
        self.by_life(Table::Call, id.0)
    }

    /// The call itself and those that it was made from, the innermost first.
    pub fn callers_of(&self, id: CallId) -> Result<Vec<CallId>, StoreError> {
        let mut callers = vec![id];
        let mut next = id;
        while let Some(caller) = self.call(next)?.and_then(|row| row.caller)
            && callers.len() <= limit::NESTED_CALLS_MAX + 1
        {
            next = caller.call;
            callers.push(next);
        }
        Ok(callers)
    }

    /// The outermost call that this one was made from; itself, if a person or an agent made it.
    pub fn outermost(&self, id: CallId) -> Result<CallId, StoreError> {
        Ok(self.callers_of(id)?.last().copied().unwrap_or(id))
    }

    /// The outermost calls that wait for a question, or waited: at each of its places one.
    pub fn asked_by(&self, question: &QuestionRow) -> Result<Vec<CallId>, StoreError> {
        let mut calls = Vec::new();
        for (call, _) in question.places() {
            let outermost = self.outermost(call)?;
            if !calls.contains(&outermost) {
                calls.push(outermost);
            }
        }
        Ok(calls)
    }

    /// Whether a question was asked by this call, or by one that was made from it.
    pub fn is_behind(&self, call: CallId, question: &QuestionRow) -> Result<bool, StoreError> {
        for (asking, _) in question.places() {
            if self.callers_of(asking)?.contains(&call) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The open question that a call waits for: its own, or that of a call which was made from it.
    pub fn open_question_of(&self, call: CallId) -> Result<Option<QuestionRow>, StoreError> {
        for question in self.questions(true)? {
            if self.is_behind(call, &question)? {
                return Ok(Some(question));
            }
        }
        Ok(None)
    }

    /// The outermost calls that wait for no person: interrupted, asleep, or waiting for another call that is.
    pub fn resumable(&self) -> Result<Vec<CallId>, StoreError> {
        let mut left: Vec<CallRow> = self.calls()?.into_iter().filter(|row| !row.state.is_final()).collect();
        for question in self.questions(true)? {
            let mut waiting = Vec::new();
            for (call, _) in question.places() {
                waiting.extend(self.callers_of(call)?);
            }
            left.retain(|row| !waiting.contains(&row.id));
        }
        // The others start again from within: each when the call that it made has ended.
        Ok(left.iter().filter(|row| row.caller.is_none()).map(|row| row.id).collect())
    }

    /// A call's arguments, as JSON.
    pub fn arguments(&self, id: CallId) -> Result<Option<String>, StoreError> {
        self.text(&table::arguments(id))
    }

    /// A call's result, as JSON, if it is done.
    pub fn result(&self, id: CallId) -> Result<Option<String>, StoreError> {
        self.text(&table::result(id))
    }

    /// A call's log.
    pub fn call_log(&self, id: CallId) -> Result<Vec<LogLine>, StoreError> {
        self.0.rows(Table::CallLog, &table::number(id.0))
    }

    /// What a call keeps for replay.
    pub fn journal(&self, id: CallId) -> Result<Vec<JournalRow>, StoreError> {
        self.0.rows(Table::Journal, &table::number(id.0))
    }

    /// Questions; `open` only those that wait for a person.
    pub fn questions(&self, open: bool) -> Result<Vec<QuestionRow>, StoreError> {
        if open {
            return self.open_questions(QuestionId(0), usize::MAX);
        }
        let mut rows: Vec<QuestionRow> = self.0.rows(Table::Question, &[])?;
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    /// Questions that wait for a person, from this number on, so many at most. What comes after them is not read.
    pub fn open_questions(&self, from: QuestionId, most: usize) -> Result<Vec<QuestionRow>, StoreError> {
        let mut rows: Vec<QuestionRow> = Vec::new();
        self.0.scan_from(Table::Question, table::LIVE, &table::live(from.0), |_, value| {
            if rows.len() >= most {
                return Ok(ControlFlow::Break(()));
            }
            let row: QuestionRow = from_bytes(&value)?;
            if row.state == crate::model::question::QuestionState::Open {
                rows.push(row);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// A question.
    pub fn question(&self, id: QuestionId) -> Result<Option<QuestionRow>, StoreError> {
        self.by_life(Table::Question, id.0)
    }

    /// The system call that an open question is about.
    pub fn asked(&self, id: QuestionId) -> Result<Option<Call>, StoreError> {
        self.0.row(Table::Asked, &table::number(id.0))
    }

    /// All grants that ever were, in the order of their numbers.
    pub fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        let mut rows: Vec<Grant> = self.0.rows(Table::Grant, &[])?;
        rows.sort_by_key(|row| row.id);
        Ok(rows)
    }

    /// A grant.
    pub fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.grants()?.into_iter().find(|grant| grant.id == id))
    }

    /// Effects that are open, of which nobody knows how they ended, or that a person has settled.
    pub fn effects(&self) -> Result<Vec<EffectRow>, StoreError> {
        self.0.rows(Table::Effect, &[])
    }

    /// The tools of the host.
    pub fn tools(&self) -> Result<Vec<ToolRow>, StoreError> {
        self.0.rows(Table::Tool, &[])
    }

    /// A tool as it was in a component, also if another one has its name now, or none.
    pub fn tool_version(&self, name: &str, component: &Digest) -> Result<Option<ToolRow>, StoreError> {
        self.0.row(Table::ToolVersion, &table::tool_version(name, component))
    }

    /// The images of the host, those first that come with the program.
    pub fn images(&self) -> Result<Vec<Image>, StoreError> {
        let own: Vec<Image> = self.0.rows(Table::Image, &[])?;
        let tools = self.tools()?;
        let is_there = |name: &str| tools.iter().any(|tool| tool.standard && tool.name == name);
        let mut images = standard(is_there);
        images.retain(|image| own.iter().all(|own| own.name != image.name));
        images.extend(own);
        Ok(images)
    }

    /// The objects whose full name starts with `prefix`.
    pub fn objects(&self, prefix: &str) -> Result<Vec<ObjectInfo>, StoreError> {
        self.0.rows(Table::Object, prefix.as_bytes())
    }

    /// An object.
    pub fn object(&self, name: &str) -> Result<Option<(ObjectInfo, Payload)>, StoreError> {
        let info = self.0.row(Table::Object, name.as_bytes())?;
        let payload = self.0.row(Table::ObjectPayload, name.as_bytes())?;
        Ok(info.zip(payload))
    }

    /// The text of the policy in force.
    pub fn policy(&self) -> Result<Option<String>, StoreError> {
        Ok(self.0.get(Table::Meta, meta::POLICY)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// The records from `from` on, until `visit` breaks.
    pub fn records(&self, from: Seq, mut visit: impl FnMut(Record) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.0.log(from, |_, stored| Ok(visit(reader::record(&stored.bytes)?)))
    }

    /// How many records there are.
    pub fn log_size(&self) -> Result<u64, StoreError> {
        Ok(self.0.frontier()?.size())
    }

    fn by_life<T: for<'b> Decode<'b, ()>>(&self, table: Table, number: u64) -> Result<Option<T>, StoreError> {
        match self.0.get(table, &table::live(number))? {
            Some(bytes) => Ok(Some(from_bytes(&bytes)?)),
            None => self.0.row(table, &table::ended(number)),
        }
    }

    fn text(&self, key: &[u8]) -> Result<Option<String>, StoreError> {
        Ok(self.0.get(Table::CallText, key)?.and_then(|bytes| String::from_utf8(bytes).ok()))
    }
}
