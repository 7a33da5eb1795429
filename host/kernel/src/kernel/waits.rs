//! Waits: rows that end later. A waiting call may leave memory; the end of its wait makes it runnable.

use super::Kernel;
use super::admit::{Attempt, denial_of};
use super::approvals::Asked;
use super::questions::queue_of;
use super::state::{State, Woken};
use crate::model::answer::{Answer, CallError, Stop};
use crate::model::call::{Call, Reply};
use crate::model::id::{CallId, GrantId, Position};
use crate::model::need::asked_permission;
use crate::model::question::Subject;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{CallState, Wait, WaitRow, request_digest};
use crate::model::time::Time;
use crate::store::batch::{NewJournal, NewRecord, Request};
use crate::store::table::{self, Table};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

impl Kernel {
    /// When the next timer is due.
    pub fn next_timer(&self) -> Option<Time> {
        let state = self.lock();
        let timer = state.timers.first().map(|(time, ..)| *time);
        let expiry = state.asking.next_expiry().map(|(time, _)| time);
        let end = state.grants.next_end().map(|last| last.after(Duration::from_nanos(1)));
        [timer, expiry, end].into_iter().flatten().min()
    }

    /// What a call waits for; the first, if that are several things.
    pub fn wait_of(&self, call: CallId) -> Option<Wait> {
        self.waits_of(call).into_iter().next()
    }

    /// All that a call waits for, in the order of the positions.
    pub fn waits_of(&self, call: CallId) -> Vec<Wait> {
        let state = self.lock();
        state.waits.range((call, 0)..=(call, Position::MAX)).map(|(_, row)| row.kind.clone()).collect()
    }

    /// Of what a call did at the same time nothing is left but waits: it may leave memory.
    ///
    /// `count`: so many wait. If there are fewer rows, one has ended meanwhile, and whoever asks is about to learn of it.
    pub(crate) fn set_waiting(&self, call: CallId, count: Option<usize>) {
        let mut state = self.lock();
        let waits = state.waits.range((call, 0)..=(call, Position::MAX)).take(count.unwrap_or(1)).count();
        if waits < count.unwrap_or(1) {
            return;
        }
        let Some(live) = state.calls.get_mut(&call).filter(|live| live.row.state == CallState::Running) else { return };
        live.row.state = CallState::Waiting;
        let pid = live.row.pid;
        state.save_call(call);
        state.refresh_process(pid);
    }

    /// Ends the waits and the grants whose time has come.
    pub fn fire_timers_due(&self) {
        let now = self.now();
        self.expire_questions(now);
        let mut state = self.lock();
        if state.failed.is_none() {
            state.expire_grants(now);
        }
        while let Some((due, call, position)) = state.timers.first().copied()
            && due <= now
        {
            let Some(row) = state.waits.get(&(call, position)) else {
                state.timers.remove(&(due, call, position));
                continue;
            };
            let reply = match row.kind {
                Wait::Message { .. } => {
                    state.end_receive_in_vain(call, position, now);
                    continue;
                }
                Wait::Children { .. } => Reply::EndedChild(None),
                _ => Reply::Unit,
            };
            let mut record = Record::new(row.operation.clone(), now, Decided::Free, Outcome::Done);
            record.duration = u64::try_from(now.since(row.since).as_nanos()).unwrap_or(u64::MAX);
            state.end_wait(call, position, Some(Answer::Done(reply)), record, now);
        }
    }
}

impl State {
    /// Whether this place waits already: then nothing is decided again, only awaited.
    pub(super) fn rejoin_wait(&mut self, attempt: &Attempt) -> Option<oneshot::Receiver<Woken>> {
        let place = attempt.place;
        self.waits.contains_key(&(place.call, place.position)).then(|| self.await_wait(place.call, place.position))
    }

    /// Opens the wait that a call of class `Wait` asks for.
    pub(super) fn open_wait(&mut self, attempt: &Attempt, grants: &[GrantId], now: Time) -> Result<Asked, Stop> {
        let over = |state: &mut State, error| Ok(Asked::Over(state.fail(attempt.place, &attempt.call, error, now)));
        let (kind, question) = match &*attempt.call {
            Call::ClockSleep { nanoseconds } => (Wait::Until(now.after(Duration::from_nanos(*nanoseconds))), None),
            Call::HumanAsk { question, .. } => {
                match self.put_to_person(
                    attempt,
                    queue_of(&attempt.call),
                    Subject::Question { text: question.clone() },
                    None,
                    now,
                ) {
                    Ok(id) => (Wait::Question(id), Some(id)),
                    Err(reason) => return over(self, denial_of(attempt, &reason)),
                }
            }
            Call::HumanApprove { resource, rights, reason, .. } => {
                // Checked before it came here.
                let Ok((resource, rights)) = asked_permission(resource, rights) else { return Err(Stop::Ended) };
                let subject = Subject::Permission { resource, rights, reason: reason.clone() };
                match self.put_to_person(attempt, queue_of(&attempt.call), subject, None, now) {
                    Ok(id) => (Wait::Question(id), Some(id)),
                    Err(reason) => return over(self, denial_of(attempt, &reason)),
                }
            }
            Call::AgentCall { .. } if !self.is_quantum(attempt.place.call) => {
                return over(self, CallError::Invalid("only a planner chooses tools so".into()));
            }
            Call::ToolCall { tool, arguments } | Call::AgentCall { tool, arguments } => {
                match self.start_nested(attempt.place, tool, arguments, now) {
                    Ok(call) => (Wait::Call(call), None),
                    Err(error) => return over(self, error),
                }
            }
            Call::MessageReceive { filter, timeout } => match self.receive_message(attempt, filter, *timeout, now) {
                Ok(wait) => (wait, None),
                Err(over) => return Ok(over),
            },
            Call::ProcessWait { timeout, .. } => return Ok(self.wait_for_children(attempt, *timeout, grants, now)),
            other => return Err(Stop::Host(format!("{} is no wait", other.operation()))),
        };
        let mut record = Record::new(attempt.call.operation(), now, self.decided(grants), Outcome::Waiting);
        record.question = question;
        Ok(Asked::Waits(self.start_wait(attempt, kind, record, now)))
    }

    /// Writes the wait's row and record, and sets the call waiting.
    pub(super) fn start_wait(
        &mut self,
        attempt: &Attempt,
        kind: Wait,
        mut record: Record,
        now: Time,
    ) -> oneshot::Receiver<Woken> {
        let place = attempt.place;
        self.flush_kept(place.call);
        place.mark(&mut record);
        record.resources = attempt.names.iter().map(ToString::to_string).collect();
        self.record(NewRecord { record, request: Some(Arc::clone(&attempt.call)), answer: None });
        let row = WaitRow {
            kind,
            since: now,
            request: request_digest(&attempt.call),
            operation: attempt.call.operation().to_owned(),
        };
        if let Some(until) = row.kind.until() {
            self.timers.insert((until, place.call, place.position));
            self.changed.notify_one();
        }
        self.note_child_wait(place.call, place.position, &row.kind);
        if let Wait::Message { .. } = row.kind {
            self.mail.open_receiver(place.pid, place.call, place.position);
        }
        self.put(Table::Wait, table::place(place.call, place.position), &row);
        self.waits.insert((place.call, place.position), row);
        self.await_wait(place.call, place.position)
    }

    fn await_wait(&mut self, call: CallId, position: Position) -> oneshot::Receiver<Woken> {
        let (sender, receiver) = oneshot::channel();
        let mut pid = None;
        if let Some(live) = self.calls.get_mut(&call) {
            live.waiters.retain(|(at, _)| *at != position);
            live.waiters.push((position, sender));
            // Who may be about to do more at the same time: the line says when all of that waits.
            if !live.row.is_quantum() && live.times.is_none() {
                live.row.state = CallState::Waiting;
            }
            pid = Some(live.row.pid);
        }
        self.save_call(call);
        if let Some(pid) = pid {
            self.refresh_process(pid);
        }
        receiver
    }

    fn has_waits(&self, call: CallId) -> bool {
        self.waits.range((call, 0)..=(call, Position::MAX)).next().is_some()
    }

    /// Ends a wait. With an answer, that is what the import returns; without, the import is decided again. A call that waits for
    /// something else beside it has nothing to do with an answer yet, and goes on waiting.
    pub(super) fn end_wait(
        &mut self,
        call: CallId,
        position: Position,
        answer: Option<Answer>,
        mut record: Record,
        now: Time,
    ) {
        let Some(row) = self.waits.remove(&(call, position)) else { return };
        self.remove(Table::Wait, table::place(call, position));
        if let Some(until) = row.kind.until() {
            self.timers.remove(&(until, call, position));
        }
        self.forget_child_wait(call, position, &row.kind);
        // A planner goes on when all of it has ended, a component when any of it has.
        let waits_on = answer.is_some() && self.is_quantum(call) && self.has_waits(call);
        let Some(live) = self.calls.get_mut(&call) else { return };
        let pid = live.row.pid;
        self.mail.close_receiver(pid, call, position);
        record.pid = Some(pid);
        record.call = Some(call);
        record.position = Some(position);
        record.incarnation = live.row.incarnation;
        let waiter = live.waiters.iter().position(|(at, _)| *at == position);
        let waiter = waiter.map(|index| live.waiters.swap_remove(index).1);
        let waits_on = waits_on && live.row.state == CallState::Waiting;
        if !waits_on {
            live.row.state = if live.resident { CallState::Running } else { CallState::Runnable };
        }
        let resident = live.resident;
        if answer.is_some() {
            live.note_answer(position, now);
        }
        let answer = answer.map(Arc::new);
        self.record(NewRecord { record, request: None, answer: answer.clone() });
        if let Some(answer) = &answer {
            let request = Request::Kept { digest: row.request, operation: row.operation };
            let line = NewJournal { call, position, time: now, request, answer: Arc::clone(answer) };
            if let Some(live) = self.calls.get_mut(&call) {
                live.journal_bytes += line.size();
            }
            self.journal(line);
            self.questions.remove(&(call, position));
        }
        if !resident {
            // The last of its waits starts it; once.
            let is_queued = self.calls.get(&call).is_some_and(|live| live.queued);
            if !waits_on && !is_queued {
                self.set_runnable(call);
            }
        } else if let Some(sender) = waiter {
            // A guest that was dropped meanwhile is started again by whoever dropped it.
            let _ = sender.send(answer.map_or(Woken::Again, Woken::Answer));
        }
        self.save_call(call);
        self.refresh_process(pid);
    }
}
