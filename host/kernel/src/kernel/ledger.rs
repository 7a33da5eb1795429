//! The ledger of effects: what became of each, and a person's word on those of which the host does not know it.
//!
//! Effects that are open, unknown or settled have rows. Those that ended as they should have only their records: a row that stayed
//! would make every effect dearer, for a list that somebody reads now and then.

use super::state::State;
use super::view::View;
use super::{Changed, HostError, Kernel};
use crate::model::answer::{Answer, CallError};
use crate::model::call::Reply;
use crate::model::id::{CallId, EffectId, EffectKey, Pid, Position, Seq};
use crate::model::limit::SETTLE_NOTE_BYTES_MAX;
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::row::{EffectRow, EffectState, Settled};
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::batch::{NewJournal, Request};
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// What the record of a person's word on an effect is of.
const SETTLE: &str = "host.settle";
const TOO_LATE: &str = "; its call had ended or been told before that nobody knows";

/// An effect, as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EffectLine {
    pub id: EffectId,
    pub state: EffectState,
    pub operation: String,
    pub resources: Vec<String>,
    pub pid: Pid,
    pub call: CallId,
    pub position: Position,
    /// When its intent was written.
    pub time: Time,
    /// When it ended, or was found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// None if it was written by a version that did not record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<EffectKey>,
    /// The failure, or how it was found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
    /// The record of the intent.
    pub intent: Seq,
}

impl Kernel {
    /// Effects of which recovery could not tell what became of them when this host opened the store.
    pub fn found_unknown(&self) -> Vec<EffectId> {
        self.lock().found_unknown.clone()
    }

    /// Settles an effect of which nobody knew whether it happened, as a person who has found out. If it did not happen, its uses are
    /// given back to the grants that still live. A call that has not been told yet goes on accordingly: with the answer, or by asking
    /// for the effect again, under the same key.
    ///
    /// # Errors
    /// There is no such effect, it is known how it ended, it is under way or settled already, or the host has stopped.
    pub fn settle(
        &self,
        id: EffectId,
        done: bool,
        by: &str,
        mut note: Option<String>,
    ) -> Result<Changed<EffectRow>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let row = state.unsettled(id)?;
        if let Some(note) = &mut note {
            cut(note, SETTLE_NOTE_BYTES_MAX);
        }
        let settled = Settled { done, by: by.to_owned(), note, at: now, too_late: !state.is_untold(&row) };
        let row = state.settle(row, settled);
        Ok(Changed { what: row, durable: state.mark() })
    }
}

impl State {
    /// The row of an effect that can be settled.
    fn unsettled(&self, id: EffectId) -> Result<EffectRow, HostError> {
        let refused = |text: String| Err(HostError::Usage(text));
        if self.effects.contains_key(&id) {
            return refused(format!("effect {id} is still under way; try again when it has ended"));
        }
        let Some(row) = self.row::<EffectRow>(Table::Effect, &table::number(id.0))? else {
            return refused(if id.0 > 0 && id.0 < self.counters.effect {
                format!("it is known how effect {id} ended, so there is nothing to settle")
            } else {
                format!("there is no effect {id}")
            });
        };
        match &row.settled {
            Some(Settled { done, by, at, .. }) => {
                let word = if *done { "done" } else { "not done" };
                refused(format!("effect {id} was settled already, as {word}, by {by} at {at}"))
            }
            None if row.state == EffectState::Unknown => Ok(row),
            None => refused(format!("effect {id} is {}, not unknown", row.state.word())),
        }
    }

    /// Whether the call of an unknown effect lives and was not told of it: it was not started again since.
    fn is_untold(&self, row: &EffectRow) -> bool {
        self.calls.get(&row.call).is_some_and(|live| row.incarnation == Some(live.row.incarnation))
    }

    fn settle(&mut self, row: EffectRow, settled: Settled) -> EffectRow {
        let (state, outcome) = if settled.done {
            (EffectState::Done, Outcome::Done)
        } else {
            (EffectState::NotStarted, Outcome::NotStarted)
        };
        if !settled.done {
            self.give_uses_back(&row.uses);
            self.give_back_charge(row.charged.as_ref());
        }
        if !settled.too_late {
            self.change_answer(&row, settled.done, settled.at);
        }
        let mut record = Record::new(SETTLE, settled.at, Decided::Host, outcome);
        row.mark(&mut record);
        record.detail = Some(sentence(&settled));
        self.note(record);
        let row = EffectRow { state, settled: Some(settled), ..row };
        self.put(Table::Effect, table::number(row.id.0), &row);
        row
    }

    /// The answer that waits in the journal for the next start of the call follows what a person found out.
    fn change_answer(&mut self, row: &EffectRow, done: bool, now: Time) {
        // What is in the batch already comes after the rows that are removed with it.
        self.batch.journal.retain(|line| (line.call, line.position) != (row.call, row.position));
        if done {
            let request = Request::Kept { digest: row.request, operation: row.operation.clone() };
            let answer = Arc::new(answer_of_done(&row.operation));
            self.journal(NewJournal { call: row.call, position: row.position, time: now, request, answer });
        } else {
            self.remove(Table::Journal, table::place(row.call, row.position));
            self.give_answer_back(row.question, (row.call, row.position));
        }
    }
}

/// What a call is told whose effect is done, as a person found out.
fn answer_of_done(operation: &str) -> Answer {
    match operation {
        // Nobody knows what the model said.
        "model.ask" => Answer::Failed(CallError::Io("the model answered, and the answer is lost".into())),
        _ => Answer::Done(Reply::Unit),
    }
}

/// For the record.
fn sentence(settled: &Settled) -> String {
    let mut text = format!("{} by {}", if settled.done { "done" } else { "not done" }, settled.by);
    if settled.too_late {
        text.push_str(TOO_LATE);
    }
    if let Some(note) = &settled.note {
        text.push_str(": ");
        text.push_str(note);
    }
    text
}

/// What a record says of a settlement: its row goes with `libos gc`, the record stays.
fn read_settled(record: &Record) -> Option<Settled> {
    let text = record.detail.as_deref()?;
    let (done, rest) = match text.strip_prefix("done by ") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("not done by ")?),
    };
    let (who, note) = rest.split_once(": ").map_or((rest, None), |(who, note)| (who, Some(note.to_owned())));
    let by = who.strip_suffix(TOO_LATE);
    Some(Settled { done, by: by.unwrap_or(who).to_owned(), note, at: record.time, too_late: by.is_some() })
}

impl EffectLine {
    fn of_row(row: &EffectRow) -> EffectLine {
        EffectLine {
            id: row.id,
            state: row.state,
            operation: row.operation.clone(),
            resources: row.resources.iter().map(ToString::to_string).collect(),
            pid: row.pid,
            call: row.call,
            position: row.position,
            time: row.time,
            ended: row.settled.as_ref().map(|settled| settled.at),
            key: Some(row.idempotency_key),
            why: row.settled.as_ref().map(sentence),
            settled: row.settled.clone(),
            intent: row.intent,
        }
    }

    fn of_intent(record: Record) -> Option<EffectLine> {
        Some(EffectLine {
            id: record.effect?,
            state: EffectState::Prepared,
            operation: record.operation,
            resources: record.resources,
            pid: record.pid?,
            call: record.call?,
            position: record.position?,
            time: record.time,
            ended: None,
            key: record.key,
            why: None,
            settled: None,
            intent: record.seq,
        })
    }

    /// The first end counts, and a person's word over it: that comes after an end of which nobody knew what it was.
    fn end(&mut self, record: Record) {
        let is_settlement = record.operation == SETTLE;
        if self.ended.is_some() && !is_settlement {
            return;
        }
        self.settled = if is_settlement { read_settled(&record) } else { None };
        let (state, why) = match record.outcome {
            Outcome::Done => (EffectState::Done, record.detail),
            Outcome::NotStarted => (EffectState::NotStarted, record.detail),
            Outcome::Unknown => (EffectState::Unknown, record.detail),
            Outcome::Failed(text) => (EffectState::Failed, Some(text)),
            Outcome::Intent | Outcome::Denied | Outcome::Waiting => return,
        };
        (self.state, self.why, self.ended) = (state, why, Some(record.time));
    }

    /// Whether a later record of it is to be looked for.
    fn is_open(&self, row: Option<&EffectRow>) -> bool {
        match self.state {
            EffectState::Unknown => row.is_none(),
            _ => self.ended.is_none(),
        }
    }
}

impl View<'_> {
    /// Effects of which nobody knows how they ended, in the order of their numbers.
    ///
    /// # Errors
    /// The store failed or is damaged; so for all that follow.
    pub fn unknown_effects(&self) -> Result<Vec<EffectLine>, StoreError> {
        let rows = self.effects()?;
        Ok(rows.iter().filter(|row| row.state == EffectState::Unknown).map(EffectLine::of_row).collect())
    }

    /// All effects, or those of a call, in the order of their numbers. Reads the log, from the start of the call on.
    pub fn ledger(&self, call: Option<CallId>) -> Result<Vec<EffectLine>, StoreError> {
        let row = call.map(|call| self.call(call)).transpose()?.flatten();
        let has_ended = row.as_ref().is_some_and(|row| row.state.is_final());
        let rows: BTreeMap<EffectId, EffectRow> = self.effects()?.into_iter().map(|row| (row.id, row)).collect();
        let mut lines: BTreeMap<EffectId, EffectLine> = BTreeMap::new();
        let (mut open, mut is_over): (BTreeSet<EffectId>, bool) = (BTreeSet::new(), false);
        self.records(row.map_or(0, |row| row.record), |record| {
            if call.is_some() && record.call != call {
                return if is_over && open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            }
            is_over |= has_ended && record.operation == "call.end";
            let Some(id) = record.effect else { return ControlFlow::Continue(()) };
            if record.outcome == Outcome::Intent {
                lines.extend(EffectLine::of_intent(record).map(|line| (id, line)));
            } else if let Some(line) = lines.get_mut(&id) {
                line.end(record);
            }
            match lines.get(&id).is_some_and(|line| line.is_open(rows.get(&id))) {
                true => open.insert(id),
                false => open.remove(&id),
            };
            ControlFlow::Continue(())
        })?;
        for row in rows.values().filter(|row| call.is_none_or(|call| row.call == call)) {
            let mut line = EffectLine::of_row(row);
            if let Some(known) = lines.get(&row.id) {
                line.ended = line.ended.or(known.ended);
                line.why = line.why.or_else(|| known.why.clone());
            }
            lines.insert(row.id, line);
        }
        Ok(lines.into_values().collect())
    }

    /// An effect. Reads the log up to its end, if it has no row that says it.
    pub fn effect(&self, id: EffectId) -> Result<Option<EffectLine>, StoreError> {
        let row: Option<EffectRow> = self.0.row(Table::Effect, &table::number(id.0))?;
        if let Some(settled) = row.as_ref().filter(|row| row.settled.is_some()) {
            return Ok(Some(EffectLine::of_row(settled)));
        }
        let mut line: Option<EffectLine> = None;
        self.records(row.as_ref().map_or(0, |row| row.intent), |record| match &mut line {
            _ if record.effect != Some(id) => ControlFlow::Continue(()),
            Some(line) => {
                line.end(record);
                if line.is_open(row.as_ref()) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }
            None => {
                line = EffectLine::of_intent(record);
                ControlFlow::Continue(())
            }
        })?;
        Ok(line.or_else(|| row.as_ref().map(EffectLine::of_row)))
    }
}
