//! What deciding leaves behind: the right to do one thing once. Only the kernel makes one, and every method of the outside takes
//! one.

use super::Kernel;
use super::calls::Place;
use super::state::State;
use crate::model::answer::{Answer, CallError};
use crate::model::call::{Call, Class, Reply};
use crate::model::grant::Holder;
use crate::model::id::{EffectId, EffectKey, GrantId, QuestionId, Seq};
use crate::model::program::Order;
use crate::model::purse::Charged;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Resource;
use crate::model::row::{EffectRow, EffectState};
use crate::model::time::Time;
use crate::store::batch::{NewJournal, NewRecord, Request};
use crate::store::table::{self, Table};
use std::sync::Arc;

/// The right to do one thing once. It cannot be copied. Dropped without being closed, it closes its record as `unknown`.
#[must_use = "a permit that is not closed is recorded as unknown"]
pub struct Permit {
    resources: Vec<Resource>,
    key: Option<EffectKey>,
    open: Option<Open>,
    order: Option<Arc<Order>>,
}

/// What is to be recorded when it is closed.
pub(super) struct Open {
    pub kernel: Arc<Kernel>,
    pub place: Place,
    pub call: Arc<Call>,
    pub asked: Vec<Resource>,
    pub decided: Decided,
    /// The grants of which a use was taken.
    pub uses: Vec<GrantId>,
    /// What was taken from a purse.
    pub charged: Option<Charged>,
    pub question: Option<QuestionId>,
    pub effect: Option<Intended>,
    pub started: Time,
}

/// An effect whose intent is written.
#[derive(Clone, Copy)]
pub(super) struct Intended {
    pub id: EffectId,
    pub key: EffectKey,
    pub intent: Seq,
}

impl Permit {
    /// For what the kernel itself must see: the time, randomness, what is at a name before an effect, what became of an effect.
    pub(crate) fn of_kernel(resources: Vec<Resource>) -> Permit {
        Permit { resources, key: None, open: None, order: None }
    }

    /// For a look at what became of an effect.
    pub(super) fn of_effect(row: &EffectRow) -> Permit {
        Permit { resources: row.resources.clone(), key: Some(row.idempotency_key), open: None, order: None }
    }

    pub(super) fn of_call(resources: Vec<Resource>, open: Open) -> Permit {
        let key = open.effect.as_ref().map(|effect| effect.key);
        Permit { resources, key, open: Some(open), order: None }
    }

    /// What a provider can tell tries of one effect by: for an effect, and for a look at what became of one. It is the same when an
    /// effect that did not start is asked for again, in this host or a later one, and another for every other effect.
    ///
    /// In a store that was copied, a call from before the copy goes on in both with the same keys: its provider carries each
    /// effect out for one of them. Calls that are started after the copy have keys of their own.
    pub fn idempotency_key(&self) -> Option<EffectKey> {
        self.key
    }

    /// What it is for.
    ///
    /// # Panics
    /// The operation has no resource of that number, which is a mistake in a primitive.
    pub fn resource(&self, index: usize) -> &Resource {
        &self.resources[index]
    }

    /// Whether a person approved exactly this.
    pub(crate) fn is_approved(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.question.is_some())
    }

    /// Whether a file with several names may not be read under this one: a rule of the process denies or asks for something in the
    /// mount, so it may be about another name of the file. Only to be asked for such a file, because it looks through the rules.
    pub fn forbids_second_names(&self, index: usize) -> bool {
        let (Some(open), Some(name)) = (&self.open, self.resources.get(index)) else { return false };
        let mount = Resource::new(name.kind(), name.split_first().0);
        let (state, now) = (open.kernel.lock(), open.started);
        let allowed = state.policy.mounts.get(mount.path()).is_some_and(|mount| mount.allow_hard_links);
        !allowed && state.grants.narrows(&Holder::Process(open.place.pid), &mount, now)
    }

    pub(super) fn take_resources(&mut self) -> Vec<Resource> {
        std::mem::take(&mut self.resources)
    }

    pub(super) fn take_open(&mut self) -> Option<Open> {
        self.open.take()
    }

    /// What it is for, if that is one thing.
    pub fn only_resource(&self) -> Option<&Resource> {
        self.resources.first()
    }

    /// All that it is for.
    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The first name as it was asked for.
    pub fn first_asked(&self) -> Option<&Resource> {
        self.open.as_ref().and_then(|open| open.asked.first()).or(self.resources.first())
    }

    /// All that the program gets that it is for.
    pub fn order(&self) -> Option<&Order> {
        self.order.as_deref()
    }

    pub(crate) fn give(&mut self, order: Arc<Order>) {
        self.order = Some(order);
    }

    /// The part of it that is for its second name: where a copy is written.
    pub(crate) fn of_second(&self) -> Permit {
        Permit { resources: self.resources[1..].to_vec(), key: self.key, open: None, order: None }
    }

    pub(super) fn grants(&self) -> &[GrantId] {
        match self.open.as_ref().map(|open| &open.decided) {
            Some(Decided::Allow { grants }) => grants,
            _ => &[],
        }
    }

    /// The effect that it stands for.
    pub fn effect(&self) -> Option<EffectId> {
        self.open.as_ref().and_then(|open| open.effect.as_ref()).map(|effect| effect.id)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            let kernel = Arc::clone(&open.kernel);
            let now = kernel.now();
            kernel.lock().abandon(open, &self.resources, now);
        }
    }
}

impl Kernel {
    /// Closes a permit: record, journal and the change of the kernel's own state are one. `apply` makes that change; it runs only if
    /// the outside did its part.
    pub fn close(
        &self,
        mut permit: Permit,
        result: Result<Reply, CallError>,
        apply: impl FnOnce(&mut State, &Place, Reply) -> Result<Reply, CallError>,
    ) -> Arc<Answer> {
        let now = self.now();
        let resources = std::mem::take(&mut permit.resources);
        let Some(open) = permit.open.take() else { return Arc::new(Answer::from(result)) };
        let mut state = self.lock();
        let result = result.and_then(|reply| apply(&mut state, &open.place, reply));
        let answer = Arc::new(Answer::from(result));
        state.finish(open, &resources, now, &answer, false);
        answer
    }

    /// From here on the outside may have carried the effect out.
    pub(crate) fn dispatch(&self, permit: &Permit) {
        let Some(id) = permit.effect() else { return };
        let mut state = self.lock();
        let Some(row) = state.effects.get_mut(&id) else { return };
        row.state = EffectState::Dispatched;
        if let Some(open) = permit.open.as_ref().filter(|open| matches!(*open.call, Call::ModelAsk { .. })) {
            state.set_asks(&open.place, true);
        }
    }

    /// Closes the permit of an effect that was not started, because its authority was taken back while its intent became durable.
    pub fn close_revoked(&self, permit: Permit, attempt: &super::Attempt) -> Arc<Answer> {
        let lives = self.is_live(attempt.place.call);
        let why = if lives { "it was revoked meanwhile" } else { "its call had ended" };
        self.close_unstarted(permit, super::admit::denial_of(attempt, why))
    }

    /// Closes the permit of an effect that was not started; its uses are given back in the same change.
    pub fn close_unstarted(&self, mut permit: Permit, error: CallError) -> Arc<Answer> {
        let now = self.now();
        let answer = Arc::new(Answer::Failed(error));
        let resources = std::mem::take(&mut permit.resources);
        let Some(open) = permit.open.take() else { return answer };
        let mut state = self.lock();
        state.give_uses_back(&open.uses);
        state.give_back_charge(open.charged.as_ref());
        state.finish(open, &resources, now, &answer, true);
        answer
    }

    /// Closes the permit of an effect of which the outside cannot say whether it happened. What it cost stays charged.
    pub(crate) fn close_unknown(&self, mut permit: Permit, why: String) -> Arc<Answer> {
        let now = self.now();
        let resources = std::mem::take(&mut permit.resources);
        let Some(open) = permit.open.take() else { return Arc::new(Answer::Failed(CallError::Internal)) };
        let Some(Intended { id, .. }) = open.effect else { return Arc::new(Answer::Failed(CallError::Internal)) };
        let answer = Arc::new(Answer::Failed(CallError::OutcomeUnknown(id)));
        let mut state = self.lock();
        state.close_effect(id, EffectState::Unknown);
        state.journal_answer(open.place, &open.call, &answer, now, true);
        state.record_end(open, &resources, now, (Outcome::Unknown, Some(why)), Some(Arc::clone(&answer)));
        answer
    }

    /// Gives a permit back that was not used: the name leads to another one, which is to be decided again. Only for observes.
    pub fn give_back(&self, mut permit: Permit) {
        if let Some(open) = permit.open.take() {
            let mut state = self.lock();
            state.give_uses_back(&open.uses);
            state.give_back_charge(open.charged.as_ref());
        }
    }
}

impl State {
    /// Writes record and journal line of something that has ended.
    pub(super) fn finish(
        &mut self,
        mut open: Open,
        resources: &[Resource],
        now: Time,
        answer: &Arc<Answer>,
        unstarted: bool,
    ) {
        let class = open.call.class();
        let (outcome, state, detail) = match &**answer {
            Answer::Done(Reply::Ran(ran)) => (Outcome::Done, EffectState::Done, Some(ran.confined.clone())),
            Answer::Done(_) => (Outcome::Done, EffectState::Done, None),
            Answer::Failed(error) if unstarted => {
                (Outcome::NotStarted, EffectState::NotStarted, Some(error.to_string()))
            }
            Answer::Failed(error) => (Outcome::Failed(error.to_string()), EffectState::Failed, None),
        };
        if let Some(effect) = open.effect {
            self.close_effect(effect.id, state);
        } else if matches!(outcome, Outcome::Failed(_)) {
            // What changes only the kernel's own tables has changed nothing.
            self.give_back_charge(open.charged.take().as_ref());
        }
        let place = open.place;
        // A use or a person's answer that was taken is gone for good, so what it gave must not be lost either.
        let survives = class != Class::Observe || !open.uses.is_empty() || open.question.is_some();
        self.journal_answer(place, &open.call, answer, now, survives);
        let plain = open.uses.is_empty() && open.question.is_none();
        if plain && (class == Class::Observe || matches!(*open.call, Call::LogWrite { .. })) {
            let names = || resources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            if self.is_observed_again(place, &open.call, &outcome, names, now) {
                return;
            }
        }
        self.record_end(open, resources, now, (outcome, detail), Some(Arc::clone(answer)));
    }

    /// Writes the record of something of which nobody knows how it ended; of an effect that was never handed to the outside it is
    /// known that it did not start.
    fn abandon(&mut self, open: Open, resources: &[Resource], now: Time) {
        let mut outcome = Outcome::Unknown;
        if let Some(Intended { id, .. }) = open.effect {
            let prepared = self.effects.get(&id).filter(|row| row.state == EffectState::Prepared).cloned();
            if let Some(row) = prepared {
                outcome = Outcome::NotStarted;
                self.give_uses_back(&row.uses);
                self.give_back_charge(row.charged.as_ref());
                self.give_answer_back(row.question, (row.call, row.position));
                self.close_effect(id, EffectState::NotStarted);
            } else {
                self.close_effect(id, EffectState::Unknown);
                let answer = Arc::new(Answer::Failed(CallError::OutcomeUnknown(id)));
                self.journal_answer(open.place, &open.call, &answer, now, true);
            }
        }
        self.record_end(open, resources, now, (outcome, None), None);
    }

    fn record_end(
        &mut self,
        open: Open,
        resources: &[Resource],
        now: Time,
        (outcome, detail): (Outcome, Option<String>),
        answer: Option<Arc<Answer>>,
    ) {
        self.set_asks(&open.place, false);
        let mut record = Record::new(open.call.operation(), now, open.decided, outcome);
        open.place.mark(&mut record);
        record.resources = resources.iter().map(ToString::to_string).collect();
        if open.asked != resources {
            record.asked = open.asked.iter().map(ToString::to_string).collect();
        }
        record.question = open.question;
        record.effect = open.effect.map(|effect| effect.id);
        record.parent = open.effect.map(|effect| effect.intent);
        record.detail = detail;
        record.duration = u64::try_from(now.since(open.started).as_nanos()).unwrap_or(u64::MAX);
        self.record(NewRecord { record, request: Some(open.call), answer });
    }

    /// Takes an effect off the list of open ones. A row of a finished effect stays only if a person may have to settle it.
    pub(super) fn close_effect(&mut self, id: EffectId, state: EffectState) {
        self.under_way.end(id);
        if let Some(mut row) = self.effects.remove(&id) {
            // It was to be started again, and could not be while this was under way.
            if self.calls.get(&row.call).is_some_and(|live| live.queued) {
                self.set_runnable(row.call);
            }
            row.state = state;
            let key = table::number(id.0);
            match state {
                EffectState::Unknown => self.put(Table::Effect, key, &row),
                _ => self.remove(Table::Effect, key),
            }
        }
    }

    /// Keeps the answer of a position for replay: on the disk if it must survive by itself, else in memory until something does.
    pub(super) fn journal_answer(
        &mut self,
        place: Place,
        call: &Arc<Call>,
        answer: &Arc<Answer>,
        time: Time,
        survives: bool,
    ) {
        let line = NewJournal {
            call: place.call,
            position: place.position,
            time,
            request: Request::Call(Arc::clone(call)),
            answer: Arc::clone(answer),
        };
        // A call that was cancelled meanwhile has no journal any more; what it did stays in the log.
        let Some(live) = self.calls.get_mut(&place.call) else { return };
        if live.row.incarnation != place.incarnation {
            // A read of an earlier run, whose guest was dropped: the present run has an answer of its own there.
            return;
        }
        live.note_answer(place.position, time);
        live.journal_bytes += line.size();
        if survives || live.row.kept {
            self.flush_kept(place.call);
            self.journal(line);
        } else {
            live.kept.push(line);
        }
    }
}
