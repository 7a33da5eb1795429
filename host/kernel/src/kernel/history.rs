//! Calls that are kept whole: what they ask is written down, and when they have ended all of it is one value.

use super::Kernel;
use super::calls::Place;
use super::state::State;
use super::view::View;
use crate::model::answer::Answer;
use crate::model::call::{Call, Class, Reply};
use crate::model::codec::from_bytes;
use crate::model::history::{End, History, Import, Start};
use crate::model::id::{CallId, Position};
use crate::model::limit;
use crate::model::row::{CallRow, CallState, FailureReason, JournalRow};
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Why a call has no history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    #[error("there is no call {0}")]
    NoSuchCall(CallId),
    /// It may yet do something.
    #[error("call {call} has not ended: it is {state}")]
    Lives { call: CallId, state: &'static str },
    /// It was started without keeping.
    #[error("call {0} was not kept: what it asked and what it was answered is not stored")]
    NotKept(CallId),
    /// It was made by another call, whose history holds it.
    #[error("call {call} was made by {outermost}, whose history holds it")]
    Nested { call: CallId, outermost: CallId },
    /// A planner chose it; the tools that it chose can be called again, it cannot.
    #[error("call {0} is a step of a planner; the calls that it made are exported each")]
    Step(CallId),
    /// Its payloads were dropped since.
    #[error("call {call} was kept, but {what} is gone")]
    Dropped { call: CallId, what: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Kernel {
    /// Writes down what a kept call asks for, before anything is decided.
    pub(crate) fn keep_request(&self, place: Place, call: &Call) {
        let mut state = self.lock();
        let Some(live) = state.calls.get_mut(&place.call).filter(|live| live.row.kept) else { return };
        // The journal line of a wait holds a digest of its request only; every other one counts its request itself.
        if call.class() == Class::Wait {
            live.journal_bytes += call.size();
        }
        state.put(Table::CallRequest, table::place(place.call, place.position), call);
    }
}

impl State {
    pub(super) fn is_kept(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|live| live.row.kept)
    }

    /// Bytes of the requests of a kept call.
    pub(super) fn request_bytes(&self, call: CallId) -> Result<usize, StoreError> {
        Ok(self.scan(Table::CallRequest, &table::number(call.0))?.values().map(Vec::len).sum())
    }
}

/// Whether a call that ended so can have an import that was never answered: it did not end by itself.
fn may_stop_in_an_import(end: &End) -> bool {
    match end {
        End::Done(_) => false,
        End::Cancelled(_) => true,
        End::Failed(failure) => {
            use FailureReason::{Fault, Limit, NotRunnable, Trap};
            matches!(failure.reason, Limit | Fault | Trap | NotRunnable)
        }
    }
}

impl View<'_> {
    /// All of a kept call that has ended, with the calls that were made from it.
    ///
    /// # Errors
    /// Why it has none.
    pub fn history(&self, id: CallId) -> Result<History, NotKept> {
        let row = self.call(id)?.ok_or(NotKept::NoSuchCall(id))?;
        if row.is_quantum() {
            return Err(NotKept::Step(id));
        }
        // What a planner chose is a call of its own.
        let mut outermost = id;
        for caller in self.callers_of(id)? {
            if self.call(caller)?.is_some_and(|row| !row.is_quantum()) {
                outermost = caller;
            }
        }
        if outermost != id {
            return Err(NotKept::Nested { call: id, outermost });
        }
        // Calls that were made from it came later.
        let mut nested: BTreeMap<(CallId, Position), CallRow> = BTreeMap::new();
        if row.kept {
            let later = self.calls()?.into_iter().filter(|row| row.id > id);
            nested.extend(later.filter_map(|row| row.caller.map(|caller| ((caller.call, caller.position), row))));
        }
        self.history_of(&row, &mut nested, 0)
    }

    fn history_of(
        &self,
        row: &CallRow,
        nested: &mut BTreeMap<(CallId, Position), CallRow>,
        depth: usize,
    ) -> Result<History, NotKept> {
        let id = row.id;
        let gone = |what: String| NotKept::Dropped { call: id, what };
        if !row.kept {
            return Err(NotKept::NotKept(id));
        }
        let end = match &row.state {
            CallState::Done => End::Done(self.result(id)?.ok_or_else(|| gone("its result".into()))?),
            CallState::Failed(failure) => End::Failed(failure.clone()),
            CallState::Cancelled(why) => End::Cancelled(why.clone()),
            state => return Err(NotKept::Lives { call: id, state: state.word() }),
        };
        let answers: BTreeMap<Position, JournalRow> = self.by_position(Table::Journal, id)?;
        let requests: BTreeMap<Position, Call> = self.by_position(Table::CallRequest, id)?;
        let count = requests.len();
        let mut imports = Vec::with_capacity(count);
        for (index, (position, call)) in requests.into_iter().enumerate() {
            let answered = answers.get(&position).map(|line| (line.time, line.answer.clone()));
            // Only the one in which it was stopped has no answer, and those before that were submitted and still open.
            let is_last = index + 1 == count;
            let is_whole = answered.is_some() || (is_last || call.can_be_submitted()) && may_stop_in_an_import(&end);
            if position as usize != index || !is_whole {
                return Err(gone(format!("what it did at position {index}")));
            }
            let made = nested.remove(&(id, position)).filter(|_| depth < limit::NESTED_CALLS_MAX);
            if made.is_none() && matches!(answered, Some((_, Answer::Done(Reply::Called(_))))) {
                return Err(gone(format!("the call that it made at position {index}")));
            }
            let made = made.map(|row| self.history_of(&row, nested, depth + 1).map(Box::new)).transpose()?;
            imports.push(Import { call, answered, nested: made }.without_strangers());
        }
        if answers.len() > count {
            return Err(gone("what it asked".into()));
        }
        Ok(History { start: self.start_of(row)?.ok_or_else(|| gone("what it was called with".into()))?, imports, end })
    }

    fn start_of(&self, row: &CallRow) -> Result<Option<Start>, StoreError> {
        let image = self.process(row.pid)?.map(|process| process.image);
        Ok(self.arguments(row.id)?.map(|arguments| Start {
            tool: row.tool.clone(),
            export: row.export.clone(),
            component: row.component,
            script: row.script,
            image,
            arguments,
            limits: row.limits,
            seed: row.seed,
            started: row.started,
            resumes: row.incarnation,
        }))
    }

    fn by_position<T: for<'b> minicbor::Decode<'b, ()>>(
        &self,
        table: Table,
        id: CallId,
    ) -> Result<BTreeMap<Position, T>, StoreError> {
        let mut rows = BTreeMap::new();
        self.0.scan(table, &table::number(id.0), |key, value| {
            if let Some((_, position)) = table::read_place(key) {
                rows.insert(position, from_bytes(&value)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }
}
