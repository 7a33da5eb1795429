//! System calls of one call that are under way at once: which of them ended is told and journaled, and what is open is given up.

use super::Kernel;
use super::calls::Place;
use super::permit::Open;
use super::state::State;
use crate::model::answer::{Answer, CallError, Stop};
use crate::model::call::{Call, Reply};
use crate::model::id::{CallId, Position};
use crate::model::question::QuestionState;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::CallState;
use crate::model::time::Time;
use crate::store::batch::NewRecord;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why what a guest cancels has ended.
const CANCELLED: &str = "its ticket was cancelled";
/// Why what is open when a guest ends has ended.
const LEFT_OPEN: &str = "the tool ended while its ticket was open";

impl Kernel {
    /// From here on several operations of a call are under way at once: its line says when all of them wait.
    pub(crate) fn set_overlapping(&self, call: CallId) {
        if let Some(live) = self.lock().calls.get_mut(&call) {
            live.times.get_or_insert_with(BTreeMap::new);
        }
    }

    /// When the answer at this place came, if it was not told yet.
    pub(crate) fn answered_at(&self, place: Place) -> Option<Time> {
        self.lock().calls.get(&place.call)?.times.as_ref()?.get(&place.position).copied()
    }

    /// A call that waited does something again.
    pub(crate) fn goes_on(&self, call: CallId) {
        self.lock().goes_on(call);
    }

    /// Writes down which ticket `next` tells.
    ///
    /// # Errors
    /// The call has ended, or the host has stopped.
    pub(crate) fn tell_ticket(self: &Arc<Self>, place: Place, ticket: Option<Position>) -> Result<(), Stop> {
        let now = self.now();
        let mut state = self.lock();
        state.check_lives(place.call)?;
        state.goes_on(place.call);
        if let Some(times) = state.calls.get_mut(&place.call).and_then(|live| live.times.as_mut())
            && let Some(ticket) = ticket
        {
            times.remove(&ticket);
        }
        self.close_ticket(&mut state, place, Call::TicketNext, Reply::Ticket(ticket), now);
        Ok(())
    }

    /// Gives a ticket up, if it is open and no effect of it has begun. False if not.
    ///
    /// # Errors
    /// The call has ended, or the host has stopped.
    pub(crate) fn cancel_ticket(
        self: &Arc<Self>,
        place: Place,
        ticket: Position,
        open: Option<&Arc<Call>>,
    ) -> Result<bool, Stop> {
        let now = self.now();
        let mut state = self.lock();
        state.check_lives(place.call)?;
        let at = Place { position: ticket, ..place };
        let given_up = open.is_some_and(|call| state.give_up(at, call, CANCELLED, now));
        self.close_ticket(&mut state, place, Call::TicketCancel { ticket }, Reply::GivenUp(given_up), now);
        Ok(given_up)
    }

    /// Gives up what is open at the end of a guest. Answers what could be; effects that have begun are not among it.
    ///
    /// # Errors
    /// The call has ended, or the host has stopped.
    pub(crate) fn give_up_tickets(&self, place: Place, open: &[(Position, Arc<Call>)]) -> Result<Vec<Position>, Stop> {
        let now = self.now();
        let mut state = self.lock();
        state.check_lives(place.call)?;
        let given_up = |(position, call): &&(Position, Arc<Call>)| {
            state.give_up(Place { position: *position, ..place }, call, LEFT_OPEN, now)
        };
        Ok(open.iter().filter(given_up).map(|(position, _)| *position).collect())
    }

    fn close_ticket(self: &Arc<Self>, state: &mut State, place: Place, call: Call, reply: Reply, now: Time) {
        let open = Open {
            kernel: Arc::clone(self),
            place,
            call: Arc::new(call),
            asked: Vec::new(),
            decided: Decided::Free,
            uses: Vec::new(),
            charged: None,
            question: None,
            effect: None,
            started: now,
        };
        state.finish(open, &[], now, &Arc::new(Answer::Done(reply)), false);
    }
}

impl State {
    fn check_lives(&self, call: CallId) -> Result<(), Stop> {
        match &self.failed {
            Some(why) => Err(Stop::Host(why.clone())),
            None if self.calls.contains_key(&call) => Ok(()),
            None => Err(Stop::Ended),
        }
    }

    fn goes_on(&mut self, call: CallId) {
        let Some(live) = self.calls.get_mut(&call).filter(|live| live.row.state == CallState::Waiting) else { return };
        live.row.state = CallState::Running;
        let pid = live.row.pid;
        self.save_call(call);
        self.refresh_process(pid);
    }

    /// Ends what is under way at a place, unless it has ended or is an effect that has begun. The answer there says so: a guest that is
    /// started again does not do it again.
    fn give_up(&mut self, place: Place, call: &Arc<Call>, why: &str, now: Time) -> bool {
        let at = (place.call, place.position);
        let is_answered =
            |live: &super::state::LiveCall| live.times.as_ref().is_some_and(|times| times.contains_key(&at.1));
        let has_begun = self.effects.values().any(|effect| (effect.call, effect.position) == at);
        if has_begun || self.calls.get(&place.call).is_none_or(is_answered) {
            return false;
        }
        let waited = self.withdraw_wait(at, why, now);
        self.leave_question(at, QuestionState::Withdrawn { why: why.to_owned() });
        if let Some(live) = self.calls.get_mut(&place.call) {
            live.waiters.retain(|(position, _)| *position != at.1);
        }
        let error = CallError::Interrupted(why.to_owned());
        let outcome = Outcome::Failed(error.to_string());
        let answer = Arc::new(Answer::Failed(error));
        self.journal_answer(place, call, &answer, now, waited);
        let mut record = Record::new(call.operation(), now, Decided::Free, outcome);
        place.mark(&mut record);
        self.record(NewRecord { record, request: Some(Arc::clone(call)), answer: Some(answer) });
        true
    }
}
