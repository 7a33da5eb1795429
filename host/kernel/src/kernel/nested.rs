//! Calls that a tool makes of other tools: rows of their own, which the run loop starts; the caller waits for their end.
//!
//! A nested call works for the same process, so it has the same grants; but it is within the bounds of every call that it was made
//! from. Otherwise a tool could do through another what it does not declare.

use super::Kernel;
use super::calls::{Place, new_row};
use super::state::State;
use crate::model::answer::{Answer, CallError};
use crate::model::call::{Called, Reply};
use crate::model::id::{CallId, Digest};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Resource;
use crate::model::row::{CallRow, CallState, Caller, Moved};
use crate::model::time::Time;
use crate::store::table::{self, Table};
use sha2::{Digest as _, Sha256};

impl Kernel {
    /// The call itself and those that it was made from, the innermost first.
    pub fn callers_of(&self, call: CallId) -> Vec<CallId> {
        self.lock().callers_of(call)
    }
}

impl State {
    pub(super) fn callers_of(&self, call: CallId) -> Vec<CallId> {
        let caller = |call: &CallId| self.calls.get(call)?.row.caller.map(|caller| caller.call);
        std::iter::successors(Some(call), caller).take(limit::NESTED_CALLS_MAX + 2).collect()
    }

    /// Changes the working directory of a process. The calls of tools that were made by others note it, to take it back at their end.
    pub(crate) fn change_directory(&mut self, place: Place, to: Resource) {
        let Some(from) = self.processes.get(&place.pid).map(|process| process.working_directory.clone()) else {
            return;
        };
        for call in self.callers_of(place.call) {
            // What a planner chose moves the process: that is what it was chosen for.
            let is_nested = self.calls.get(&call).and_then(|live| live.row.caller);
            if is_nested.is_none_or(|caller| self.is_quantum(caller.call)) {
                continue;
            }
            let Some(live) = self.calls.get_mut(&call) else { continue };
            let from = live.row.moved.take().map_or_else(|| from.clone(), |moved| moved.from);
            live.row.moved = Some(Moved { from, to: to.clone() });
            self.save_call(call);
        }
        self.set_directory(place.pid, to);
    }

    /// The tools of the calls that this one was made from, the outermost first.
    pub(super) fn tools_behind(&self, call: CallId) -> Vec<String> {
        let behind = self.callers_of(call).into_iter().skip(1).filter(|call| !self.is_quantum(*call));
        let mut tools: Vec<String> =
            behind.filter_map(|call| self.calls.get(&call)).map(|live| live.row.tool.clone()).collect();
        tools.reverse();
        tools
    }

    /// The outermost call that this one was made from; itself, if a person or an agent made it.
    pub(super) fn outermost(&self, call: CallId) -> CallId {
        self.callers_of(call).last().copied().unwrap_or(call)
    }

    /// Makes the row of a call that the tool at `place` makes. It waits for the run loop to start it.
    pub(super) fn start_nested(
        &mut self,
        place: Place,
        tool: &str,
        arguments: &str,
        now: Time,
    ) -> Result<CallId, CallError> {
        self.check_space().map_err(|_| super::space::no_space())?;
        let Some(caller) = self.calls.get(&place.call) else {
            return Err(CallError::Internal);
        };
        let callers = self.callers_of(place.call);
        if callers.iter().filter(|call| !self.is_quantum(**call)).count() > limit::NESTED_CALLS_MAX {
            let most = limit::NESTED_CALLS_MAX;
            return Err(CallError::TooLarge(format!("calls within calls go at most {most} deep")));
        }
        // Which tools there are beside those of its image is not for the guest to know.
        let missing = |_| CallError::NotFound(format!("tool:{tool}"));
        let tool = self.tool_of(place.pid, tool).map_err(missing)?;
        let above = self.bounds_handed_on(place.call);
        let outermost = self.outermost(place.call);
        let made = self.calls.get(&outermost).map_or(0, |live| live.row.nested);
        if made >= limit::NESTED_CALLS_TOTAL_MAX {
            let most = limit::NESTED_CALLS_TOTAL_MAX;
            return Err(CallError::TooLarge(format!("at most {most} calls can be made from one call")));
        }
        let (seed, limits, parent) = (nested_seed(&caller.row.seed, place), caller.row.limits, caller.row.record);
        let kept = caller.row.kept;
        let id = self.new_call();
        let mut record = Record::new("call.start", now, Decided::Host, Outcome::Done);
        record.pid = Some(place.pid);
        record.call = Some(id);
        record.parent = Some(parent);
        let component = &crate::model::id::hex(tool.code())[..16];
        record.detail = Some(format!("{} {component}, for {} at {}", tool.name, place.call, place.position));
        let record = self.note(record);
        let mut row = new_row(id, place.pid, &tool, (seed, limits), record, now);
        row.state = CallState::Runnable;
        row.kept = kept;
        row.caller = Some(Caller { call: place.call, position: place.position });
        row.bounds.splice(0..0, above);
        self.insert_call(row, arguments, false);
        self.set_runnable(id);
        if let Some(live) = self.calls.get_mut(&outermost) {
            live.row.nested = made + 1;
        }
        self.save_call(outermost);
        if let Some(live) = self.calls.get_mut(&place.call) {
            live.journal_bytes += arguments.len();
        }
        Ok(id)
    }

    /// Tells the call that made this one how it ended.
    pub(super) fn end_wait_of_caller(&mut self, ended: &CallRow, now: Time) {
        let Some(Caller { call, position }) = ended.caller else { return };
        // A tool that is called does not move its caller.
        if let Some(Moved { from, to }) = ended.moved.clone()
            && self.processes.get(&ended.pid).is_some_and(|process| process.working_directory == to)
        {
            self.set_directory(ended.pid, from);
        }
        let called = match &ended.state {
            CallState::Done => match self.get(Table::CallText, &table::result(ended.id)) {
                Ok(Some(text)) => Called::Done(String::from_utf8_lossy(&text).into_owned()),
                _ => Called::Failed("its result is lost".into()),
            },
            CallState::Failed(failure) => Called::Failed(failure.message.clone()),
            CallState::Cancelled(why) => Called::Failed(why.clone()),
            CallState::Running | CallState::Waiting | CallState::Runnable => return,
        };
        let operation = if self.is_quantum(call) { "agent.call" } else { "tools.call" };
        let mut record = Record::new(operation, now, Decided::Free, Outcome::Done);
        record.parent = Some(ended.record);
        record.duration = u64::try_from(now.since(ended.started).as_nanos()).unwrap_or(u64::MAX);
        self.end_wait(call, position, Some(Answer::Done(Reply::Called(called))), record, now);
    }
}

/// As secret as the caller's, and another one at every place.
fn nested_seed(seed: &Digest, place: Place) -> Digest {
    Sha256::new()
        .chain_update(b"nested call")
        .chain_update(seed)
        .chain_update(place.call.0.to_be_bytes())
        .chain_update(place.position.to_be_bytes())
        .finalize()
        .into()
}
