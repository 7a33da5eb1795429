//! Waiting for the end of processes: at once if it has come, else a row that ends with it or with its time.
//!
//! Who has ended is told of once to whoever waits for any child, and again to whoever names it.

use super::Kernel;
use super::admit::Attempt;
use super::approvals::Asked;
use super::calls::Place;
use super::state::State;
use crate::model::answer::{Answer, CallError, Denial};
use crate::model::call::Reply;
use crate::model::child::{End, EndedChild};
use crate::model::decide::Verdict;
use crate::model::id::{CallId, GrantId, Pid, Position};
use crate::model::need::{Need, pid_of, process};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::right::Right;
use crate::model::row::{ProcessRow, Wait};
use crate::model::time::Time;
use crate::store::batch::NewRecord;
use crate::store::table::{self, Table};
use std::sync::Arc;
use std::time::Duration;

impl Kernel {
    /// The live children of a process, oldest first.
    pub fn children_of(&self, pid: Pid) -> Vec<Pid> {
        self.lock().children.of(pid).collect()
    }
}

fn ended(row: &ProcessRow) -> Option<EndedChild> {
    let end = End::of(&row.state)?;
    Some(EndedChild { pid: row.pid, end, result_object: row.result_object.clone() })
}

impl State {
    /// Waits for one of the processes, or any child, or says at once that one has ended.
    pub(super) fn wait_for_children(
        &mut self,
        attempt: &Attempt,
        timeout: Option<u64>,
        grants: &[GrantId],
        now: Time,
    ) -> Asked {
        let place = attempt.place;
        let pids: Vec<Pid> = attempt.names.iter().filter_map(pid_of).collect();
        let found = if pids.is_empty() { self.any_ended(place, now) } else { self.first_ended(place, &pids) };
        match found {
            Err(error) => Asked::Over(self.fail(place, &attempt.call, error, now)),
            Ok(Some(child)) => {
                self.collect(place.pid, child.pid);
                self.answer_wait(attempt, Reply::EndedChild(Some(child)), grants, now)
            }
            Ok(None) if timeout == Some(0) => self.answer_wait(attempt, Reply::EndedChild(None), grants, now),
            Ok(None) => {
                let until = timeout.map(|timeout| now.after(Duration::from_nanos(timeout)));
                let decided = Decided::Allow { grants: grants.iter().flat_map(|id| self.grants.chain(*id)).collect() };
                let record = Record::new(attempt.call.operation(), now, decided, Outcome::Waiting);
                Asked::Waits(self.start_wait(attempt, Wait::Children { pids, until }, record, now))
            }
        }
    }

    /// Answers a wait that has nothing to wait for.
    pub(super) fn answer_wait(&mut self, attempt: &Attempt, reply: Reply, grants: &[GrantId], now: Time) -> Asked {
        let answer = Arc::new(Answer::Done(reply));
        self.journal_answer(attempt.place, &attempt.call, &answer, now, true);
        let mut record = Record::new(attempt.call.operation(), now, self.decided(grants), Outcome::Done);
        attempt.place.mark(&mut record);
        record.resources = attempt.names.iter().map(ToString::to_string).collect();
        let request = Some(Arc::clone(&attempt.call));
        self.record(NewRecord { record, request, answer: Some(Arc::clone(&answer)) });
        Asked::Answered(answer)
    }

    /// The first of those named that has ended.
    fn first_ended(&self, place: Place, pids: &[Pid]) -> Result<Option<EndedChild>, CallError> {
        if pids.contains(&place.pid) {
            return Err(CallError::Invalid("a process cannot wait for its own end".into()));
        }
        let mut first = None;
        for pid in pids {
            let row = self.process_row(*pid)?.ok_or_else(|| CallError::NotFound(pid.to_string()))?;
            first = first.or_else(|| ended(&row));
        }
        Ok(first)
    }

    /// A child that has ended and that nobody was told of.
    fn any_ended(&mut self, place: Place, now: Time) -> Result<Option<EndedChild>, CallError> {
        let waiting: Vec<Pid> = self.children.ended_of(place.pid).collect();
        let (mut refused, mut there) = (None, false);
        for pid in waiting {
            match (self.why_no_wait(place, pid, now), self.process_row(pid)?) {
                (Some(denial), _) => refused = Some(denial),
                (None, Some(row)) => return Ok(ended(&row)),
                (None, None) => self.collect(place.pid, pid),
            }
        }
        for pid in self.children.of(place.pid) {
            match self.why_no_wait(place, pid, now) {
                Some(denial) => refused = refused.or(Some(denial)),
                None => {
                    there = true;
                    break;
                }
            }
        }
        match refused {
            _ if there => Ok(None),
            Some(denial) => Err(CallError::Denied(denial)),
            None => Err(no_child()),
        }
    }

    /// Why a process may not wait for another one, if it may not.
    fn why_no_wait(&self, place: Place, pid: Pid, now: Time) -> Option<Denial> {
        let need = Need { resource: process(pid), right: Right::Wait, whole: false };
        let reason = match self.decide_one(place, &need, now, false) {
            Verdict::Allow(_) => return None,
            Verdict::Ask(_) => "a person is asked about it; name the child",
            Verdict::Deny(why) => why.reason(),
        };
        Some(Denial { right: Right::Wait, resource: need.resource.to_string(), reason: reason.to_owned() })
    }

    /// The parent has learnt of a child's end.
    fn collect(&mut self, parent: Pid, child: Pid) {
        if self.children.remove_ended(parent, child) {
            self.remove(Table::Process, table::not_waited_for(parent, child));
        }
    }

    /// Keeps in mind whose end a wait is about.
    pub(super) fn note_child_wait(&mut self, call: CallId, position: Position, kind: &Wait) {
        let waits: Vec<_> = self.awaited(call, kind).into_iter().map(|pid| (pid, call, position)).collect();
        self.children.waits.extend(waits);
    }

    /// Undoes [`State::note_child_wait`].
    pub(super) fn forget_child_wait(&mut self, call: CallId, position: Position, kind: &Wait) {
        for pid in self.awaited(call, kind) {
            self.children.waits.remove(&(pid, call, position));
        }
    }

    fn awaited(&self, call: CallId, kind: &Wait) -> Vec<Pid> {
        match kind {
            Wait::Children { pids, .. } if pids.is_empty() => {
                self.calls.get(&call).map(|live| live.row.pid).into_iter().collect()
            }
            Wait::Children { pids, .. } => pids.clone(),
            _ => Vec::new(),
        }
    }

    /// The places that wait for this process by name, or, with `any`, that wait in it for any child of its.
    fn waits_for(&self, pid: Pid, any: bool) -> Vec<(CallId, Position)> {
        let all = self.children.waits.range((pid, CallId(0), 0)..=(pid, CallId(u64::MAX), Position::MAX));
        let places = all.map(|(_, call, position)| (*call, *position));
        let is_meant = |place: &(CallId, Position)| match self.waits.get(place).map(|row| &row.kind) {
            Some(Wait::Children { pids, .. }) => pids.is_empty() == any,
            _ => false,
        };
        places.filter(is_meant).collect()
    }

    /// Ends the waits for a process that has ended. `to_parent`: its parent lives and is to learn of it.
    pub(super) fn tell_end(&mut self, row: &ProcessRow, to_parent: bool, now: Time) {
        let Some(child) = ended(row) else { return };
        let mut learnt = false;
        for place in self.waits_for(row.pid, false) {
            learnt |= self.calls.get(&place.0).is_some_and(|live| Some(live.row.pid) == row.parent);
            self.end_child_wait(place, Answer::Done(Reply::EndedChild(Some(child.clone()))), now);
        }
        let Some(parent) = row.parent.filter(|parent| to_parent && self.processes.contains_key(parent)) else { return };
        if !learnt {
            let takes = |(call, position): &(CallId, Position)| {
                let place = Place { pid: parent, call: *call, position: *position, incarnation: 0 };
                self.why_no_wait(place, row.pid, now).is_none()
            };
            match self.waits_for(parent, true).into_iter().find(takes) {
                Some(place) => self.end_child_wait(place, Answer::Done(Reply::EndedChild(Some(child))), now),
                None => {
                    self.children.add_ended(parent, row.pid);
                    self.put_bytes(Table::Process, table::not_waited_for(parent, row.pid), Vec::new());
                }
            }
        }
        self.end_idle_waits(parent, now);
    }

    /// Ends the waits for any child in a process that has none left.
    pub(super) fn end_idle_waits(&mut self, parent: Pid, now: Time) {
        if self.children.count(parent) > 0 {
            return;
        }
        for place in self.waits_for(parent, true) {
            self.end_child_wait(place, Answer::Failed(no_child()), now);
        }
    }

    fn end_child_wait(&mut self, (call, position): (CallId, Position), answer: Answer, now: Time) {
        let outcome = match &answer {
            Answer::Done(_) => Outcome::Done,
            Answer::Failed(error) => Outcome::Failed(error.to_string()),
        };
        let record = Record::new("process.wait", now, Decided::Free, outcome);
        self.end_wait(call, position, Some(answer), record, now);
    }
}

fn no_child() -> CallError {
    CallError::NotFound("a child to wait for".into())
}
