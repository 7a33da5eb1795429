//! Admission: decide, take uses, and write what must be written before anything happens, in one change.

use super::Kernel;
use super::approvals::{Asked, Said};
use super::calls::Place;
use super::grants::Asking;
use super::permit::{Intended, Open, Permit};
use super::state::{State, Woken};
use crate::model::answer::{Answer, CallError, Denial, Fault, Stop};
use crate::model::bound::Bound;
use crate::model::call::{Call, Class, ObjectInfo};
use crate::model::decide::{Verdict, Why};
use crate::model::grant::{Effect, Holder};
use crate::model::id::{Digest, EffectKey, GrantId, QuestionId};
use crate::model::limit::UNCOMMITTED_BYTES_MAX;
use crate::model::need::{Need, needs};
use crate::model::program::Order;
use crate::model::purse::Charged;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Resource};
use crate::model::right::Right;
use crate::model::row::{EffectRow, EffectState, Probe, request_digest};
use crate::model::time::Time;
use crate::store::batch::NewRecord;
use crate::store::table::{self, Table};
use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;
use std::sync::Arc;
use tokio::sync::oneshot;

/// One try to carry out a system call.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub place: Place,
    pub call: Arc<Call>,
    /// What it is about now; differs from `asked` where a link led elsewhere.
    pub names: Vec<Resource>,
    pub asked: Vec<Resource>,
    /// What kind of things were at the names, as far as somebody looked.
    pub kind: Option<String>,
    /// What was seen outside before an effect.
    pub prepared: Option<Prepared>,
}

/// What was seen outside before an effect.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub probe: Probe,
    /// The first name is a directory.
    pub directory: bool,
    /// Digest of what is there now: part of what an approval is bound to.
    pub present: Digest,
    /// Whether the content of files was looked at for it.
    pub content: bool,
    /// Why it would fail as it stands. A person is asked all the same: who may not look is not to learn it before.
    pub trouble: Option<CallError>,
    /// What a program gets.
    pub order: Option<Arc<Order>>,
}

/// What deciding says.
#[must_use]
#[expect(clippy::large_enum_variant, reason = "one at a time, on the way to its only reader")]
pub enum Admit {
    /// Go on. For an effect: once this batch is on the disk.
    Go(Permit, Option<u64>),
    /// Wait; then decide again or take the answer.
    Wait(oneshot::Receiver<Woken>),
    /// It was refused before anybody looked outside and is not any more: look, then decide again.
    Look,
    /// It is over: refused.
    Over(Arc<Answer>),
}

/// What deciding will say, as far as can be told before anybody looks outside.
pub(crate) enum Foreseen {
    Refused,
    /// A person is asked, or was.
    Asks,
    /// It is over: nobody would be asked about it.
    Over(Arc<Answer>),
    Allowed,
}

/// What the names in a call are relative to.
pub(crate) struct Around {
    pub working_directory: Resource,
    pub image: String,
}

/// The outcome of deciding all needs of a call.
pub(super) enum Decisions {
    Allowed(SmallVec<[GrantId; 3]>),
    Ask(Option<GrantId>),
    Denied(Need, Why),
}

impl Kernel {
    /// Decides without changing anything: whether it is out of the question, whatever a person would say.
    pub fn would_refuse(&self, attempt: &Attempt) -> bool {
        let now = self.now();
        let state = self.lock();
        let wanted = needs(&attempt.call, &attempt.names, false);
        matches!(state.decide(attempt.place, &wanted, now, true), Decisions::Denied(..))
    }

    /// What deciding will say, as far as can be told before anybody looks outside.
    pub(crate) fn foresee(&self, attempt: &Attempt) -> Foreseen {
        let now = self.now();
        let mut state = self.lock();
        let wanted = needs(&attempt.call, &attempt.names, false);
        let asked = state.questions.contains_key(&(attempt.place.call, attempt.place.position));
        match state.decide(attempt.place, &wanted, now, false) {
            Decisions::Denied(..) => Foreseen::Refused,
            Decisions::Ask(rule) if !asked && state.failed.is_none() => {
                let refused = state.refuse_before_looking(attempt, &wanted, rule, now);
                refused.map_or(Foreseen::Asks, Foreseen::Over)
            }
            Decisions::Ask(_) => Foreseen::Asks,
            Decisions::Allowed(_) if asked => Foreseen::Asks,
            Decisions::Allowed(_) => Foreseen::Allowed,
        }
    }

    /// Whether the process may list what a call names without asking: then an error tells it nothing new.
    pub(crate) fn may_look(&self, attempt: &Attempt) -> bool {
        let now = self.now();
        let state = self.lock();
        let listed = attempt.names.iter().map(|name| Need { resource: name.clone(), right: Right::List, whole: false });
        matches!(state.decide(attempt.place, &listed.collect::<Vec<_>>(), now, false), Decisions::Allowed(_))
    }

    /// Why the call would be refused if its first name is a directory, with all below it.
    pub(crate) fn refuses_directory(&self, attempt: &Attempt) -> Option<CallError> {
        let now = self.now();
        let state = self.lock();
        let wanted = needs(&attempt.call, &attempt.names, true);
        match state.decide(attempt.place, &wanted, now, true) {
            Decisions::Denied(need, why) => Some(CallError::Denied(Denial {
                right: need.right,
                resource: attempt.asked.first().unwrap_or(&need.resource).to_string(),
                reason: why.reason().to_owned(),
            })),
            _ => None,
        }
    }

    /// Ends a system call that makes no sense: recorded, and answered with the error.
    ///
    /// # Errors
    /// The call has ended, or the host has stopped.
    pub fn refuse_invalid(&self, place: Place, call: &Arc<Call>, error: CallError) -> Result<Arc<Answer>, Stop> {
        let now = self.now();
        let mut state = self.lock();
        if let Some(why) = &state.failed {
            return Err(Stop::Host(why.clone()));
        }
        Ok(state.fail(place, call, error, now))
    }

    /// Lets a system call in: the working directory and the image of its process, or none if it must wait for room.
    ///
    /// # Errors
    /// The process has ended or is paused, or the host has stopped.
    pub(crate) fn enter(&self, place: Place) -> Result<Option<Around>, Stop> {
        let mut state = self.lock();
        if state.failed.is_some() || state.uncommitted() >= UNCOMMITTED_BYTES_MAX {
            return Ok(None);
        }
        if let Some(by) = state.paused(place.pid) {
            return Err(Stop::Paused(by));
        }
        if state.lacks_time(place.pid) {
            // The world's clock is not read under the lock.
            drop(state);
            let now = self.now();
            state = self.lock();
            state.check_time(place.pid, place.call, now)?;
        }
        let process = state.processes.get(&place.pid).ok_or(Stop::Ended)?;
        Ok(Some(Around { working_directory: process.working_directory.clone(), image: process.image.clone() }))
    }

    /// Lets a system call out: the time of its answer, if the call is still there.
    ///
    /// # Errors
    /// Its journal is full.
    pub(crate) fn leave(&self, place: Place, journal_bytes_max: u64) -> Result<Option<Time>, Stop> {
        match self.lock().calls.get_mut(&place.call) {
            Some(live) if live.journal_bytes as u64 > journal_bytes_max => {
                Err(Stop::Fault(Fault::Journal(journal_bytes_max)))
            }
            // Answers that its guest has not seen may have come after it.
            Some(live) => Ok(Some(match &mut live.times {
                Some(times) => times.remove(&place.position).map_or(live.last_time, |(time, _)| time),
                None => live.last_time,
            })),
            None => Ok(None),
        }
    }

    /// Whether what allowed an effect is still in force, after its intent has become durable.
    pub fn still_allowed(&self, permit: &Permit, attempt: &Attempt) -> bool {
        let now = self.now();
        let state = self.lock();
        let directory = attempt.prepared.as_ref().is_some_and(|prepared| prepared.directory);
        let revoked = |id: &GrantId| state.grants.get(*id).is_none_or(|grant| grant.revoked);
        let stopped = state.failed.is_some();
        if stopped || !state.calls.contains_key(&attempt.place.call) || permit.grants().iter().any(revoked) {
            return false;
        }
        needs(&attempt.call, &attempt.names, directory).iter().all(|need| {
            // The use is taken already, so only a deny or a revocation counts: a spent grant is in force for this effect.
            let verdict = state.decide_one(attempt.place, need, now, true);
            !matches!(verdict, Verdict::Deny(Why::Ceiling(_) | Why::Rule(_) | Why::Inside(_)))
        })
    }

    /// Decides, and takes the first durable step.
    ///
    /// # Errors
    /// The call has ended, or the host has stopped.
    pub fn admit(self: &Arc<Self>, attempt: &Attempt) -> Result<Admit, Stop> {
        let now = self.now();
        let mut state = self.lock();
        if let Some(why) = &state.failed {
            return Err(Stop::Host(why.clone()));
        }
        if !state.calls.contains_key(&attempt.place.call) {
            return Err(Stop::Ended);
        }
        if let Some(by) = state.paused(attempt.place.pid) {
            return Err(Stop::Paused(by));
        }
        if let Some(receiver) = state.rejoin_wait(attempt) {
            return Ok(Admit::Wait(receiver));
        }
        if let Some(answer) = state.refuse_for_planners(attempt, now) {
            return Ok(Admit::Over(answer));
        }
        let directory = attempt.prepared.as_ref().is_some_and(|prepared| prepared.directory);
        let wanted = needs(&attempt.call, &attempt.names, directory);
        if attempt.call.class() == Class::Effect
            && attempt.prepared.is_none()
            && !matches!(state.decide(attempt.place, &wanted, now, true), Decisions::Denied(..))
        {
            return Ok(Admit::Look);
        }
        let said = state.said_by_person(attempt, &wanted, now)?;
        if let Said::No(reason) = said {
            return Ok(Admit::Over(state.refuse_by_person(attempt, &wanted, reason, now)));
        }
        let question = if let Said::Yes(question) = said { Some(question) } else { None };
        match state.decide(attempt.place, &wanted, now, question.is_some()) {
            Decisions::Denied(need, why) => Ok(Admit::Over(state.refuse(attempt, &need, &why, now))),
            Decisions::Ask(rule) => Ok(match state.ask_approval(attempt, &wanted, rule, said, now) {
                Asked::Waits(receiver) => Admit::Wait(receiver),
                Asked::Over(answer) | Asked::Answered(answer) => Admit::Over(answer),
            }),
            Decisions::Allowed(grants) => {
                if let Some(answer) = state.refuse_for_space(attempt.place, &attempt.call, now) {
                    return Ok(Admit::Over(answer));
                }
                let charged = state.charge_for(attempt, now)?;
                let Some(uses) = state.take_uses(&grants) else {
                    state.give_back_charge(charged.as_ref());
                    // Another call took the last use since the decision: impossible under one lock, but closed all the same.
                    let need = wanted.into_iter().next();
                    return need.map_or(Err(Stop::Ended), |need| {
                        Ok(Admit::Over(state.refuse(attempt, &need, &Why::NoGrant, now)))
                    });
                };
                if question.is_some() {
                    state.use_answer((attempt.place.call, attempt.place.position));
                }
                if attempt.call.class() == Class::Wait {
                    let waits = match state.open_wait(attempt, &grants, now)? {
                        Asked::Waits(receiver) => Admit::Wait(receiver),
                        Asked::Answered(answer) => Admit::Over(answer),
                        Asked::Over(answer) => {
                            state.give_uses_back(&uses);
                            state.give_back_charge(charged.as_ref());
                            Admit::Over(answer)
                        }
                    };
                    return Ok(waits);
                }
                Ok(self.permit(&mut state, attempt, &grants, (uses, charged), question, now))
            }
        }
    }

    fn permit(
        self: &Arc<Self>,
        state: &mut State,
        attempt: &Attempt,
        grants: &[GrantId],
        (uses, charged): (Vec<GrantId>, Option<Charged>),
        question: Option<QuestionId>,
        now: Time,
    ) -> Admit {
        let decided = state.decided(grants);
        let mut open = Open {
            kernel: Arc::clone(self),
            place: attempt.place,
            call: Arc::clone(&attempt.call),
            asked: attempt.asked.clone(),
            decided,
            uses,
            charged,
            question,
            effect: None,
            started: now,
        };
        let mut durable = None;
        if attempt.call.class() == Class::Effect {
            open.effect = Some(state.write_intent(attempt, &open, now));
            durable = Some(state.mark());
        }
        Admit::Go(Permit::of_call(attempt.names.clone(), open), durable)
    }
}

impl State {
    /// Records a system call that makes no sense, and answers it with the error.
    pub(super) fn fail(&mut self, place: Place, call: &Arc<Call>, error: CallError, now: Time) -> Arc<Answer> {
        let outcome = Outcome::Failed(error.to_string());
        let answer = Arc::new(Answer::Failed(error));
        self.journal_answer(place, call, &answer, now, false);
        if self.is_refused_again(place, call, &outcome, "", now) {
            return answer;
        }
        let mut record = Record::new(call.operation(), now, Decided::Free, outcome);
        place.mark(&mut record);
        self.record(NewRecord { record, request: Some(Arc::clone(call)), answer: Some(Arc::clone(&answer)) });
        answer
    }

    /// Decides every need. `by_person`: a person has said yes to this very call.
    pub(super) fn decide(&self, place: Place, wanted: &[Need], now: Time, by_person: bool) -> Decisions {
        let mut grants = SmallVec::new();
        let mut ask = None;
        for need in wanted {
            match self.decide_one(place, need, now, by_person) {
                Verdict::Allow(GrantId(0)) => {}
                Verdict::Allow(id) => {
                    grants.push(id);
                    grants.extend(self.beside(place, need, now, id));
                }
                Verdict::Ask(rule) => ask = ask.or(Some(rule)),
                Verdict::Deny(why) => return Decisions::Denied(need.clone(), why),
            }
        }
        match ask {
            Some(rule) => Decisions::Ask(rule),
            None => Decisions::Allowed(grants),
        }
    }

    pub(super) fn decide_one(&self, place: Place, need: &Need, now: Time, by_person: bool) -> Verdict {
        if let Some(reason) = self.ceiling.refuses(&need.resource, need.right, need.whole) {
            return Verdict::Deny(Why::Ceiling(reason));
        }
        let Some((asking, bounds)) = self.asking(place, now) else { return Verdict::Deny(Why::NoGrant) };
        if !bounds.iter().all(|bound| bound.covers(need)) {
            return Verdict::Deny(Why::Undeclared);
        }
        let verdict = self.grants.decide(&Holder::Process(place.pid), need, asking, by_person);
        // An ask by a rule stands before descent; one because a tool is not what an allow names does not.
        let is_open = match &verdict {
            Verdict::Ask(Some(id)) => self.grants.get(*id).is_some_and(|grant| grant.effect == Effect::Allow),
            verdict => matches!(verdict, Verdict::Ask(None) | Verdict::Deny(Why::NoGrant)),
        };
        if is_open && self.by_descent(place.pid, need) { Verdict::Allow(GrantId(0)) } else { verdict }
    }

    /// What answered the rule that asks, for the tool as it was.
    pub(super) fn lapsed_answer(&self, place: Place, wanted: &[Need], now: Time) -> Option<GrantId> {
        let (asking, _) = self.asking(place, now)?;
        wanted.iter().find_map(|need| self.grants.lapsed_answer(&Holder::Process(place.pid), need, asking))
    }

    fn asking(&self, place: Place, now: Time) -> Option<(Asking<'_>, &[Bound])> {
        let (tool, component, bounds) = self.asking_tool(place.call)?;
        let default = self.processes.get(&place.pid).map(|process| process.default).unwrap_or_default();
        Some((Asking { tool, component, now, default }, bounds))
    }

    /// Where several asks cover what is allowed, the allows that answer the others: a use is taken of each.
    pub(super) fn beside(&self, place: Place, need: &Need, now: Time, id: GrantId) -> Vec<GrantId> {
        if self.grants.get(id).is_none_or(|grant| grant.answers.is_none()) {
            return Vec::new();
        }
        let answering = self
            .asking(place, now)
            .and_then(|(asking, _)| self.grants.answering(&Holder::Process(place.pid), need, asking));
        answering.unwrap_or_default().into_iter().filter(|other| *other != id).collect()
    }

    /// Leaves out the objects that a rule denies listing.
    pub(crate) fn without_denied(&self, place: Place, found: Vec<ObjectInfo>, now: Time) -> Vec<ObjectInfo> {
        let denied = |info: &ObjectInfo| {
            let resource = Resource::new(Kind::Object, info.name.as_str());
            let need = Need { resource, right: Right::List, whole: false };
            matches!(self.decide_one(place, &need, now, false), Verdict::Deny(Why::Rule(_) | Why::Ceiling(_)))
        };
        found.into_iter().filter(|info| !denied(info)).collect()
    }

    pub(super) fn decided(&self, grants: &[GrantId]) -> Decided {
        if grants.is_empty() {
            return Decided::Free;
        }
        Decided::Allow { grants: grants.iter().flat_map(|id| self.grants.chain(*id)).collect() }
    }

    /// Takes a use of each grant that counts, above the deciding ones too: one for the whole call, however many of its needs hang on it.
    fn take_uses(&mut self, grants: &[GrantId]) -> Option<Vec<GrantId>> {
        let changed = self.grants.take_uses(grants)?;
        let taken = changed.iter().map(|grant| grant.id).collect();
        changed.into_iter().for_each(|grant| self.put_grant(grant));
        Some(taken)
    }

    pub(super) fn give_uses_back(&mut self, uses: &[GrantId]) {
        for id in uses {
            if let Some(grant) = self.grants.give_back(*id) {
                self.put_grant(grant);
            }
        }
    }

    /// Writes what must be known before an effect may start.
    fn write_intent(&mut self, attempt: &Attempt, open: &Open, now: Time) -> Intended {
        self.flush_kept(attempt.place.call);
        let (id, request) = (self.new_effect(), request_digest(&attempt.call));
        let key = self.idempotency_key(attempt.place, &request);
        let mut record = Record::new(attempt.call.operation(), now, open.decided.clone(), Outcome::Intent);
        attempt.place.mark(&mut record);
        record.resources = attempt.names.iter().map(ToString::to_string).collect();
        if attempt.asked != attempt.names {
            record.asked = attempt.asked.iter().map(ToString::to_string).collect();
        }
        record.effect = Some(id);
        record.key = Some(key);
        record.question = open.question;
        let intent = self.record(NewRecord { record, request: Some(Arc::clone(&attempt.call)), answer: None });
        let row = EffectRow {
            id,
            pid: attempt.place.pid,
            call: attempt.place.call,
            position: attempt.place.position,
            operation: attempt.call.operation().to_owned(),
            resources: attempt.names.clone(),
            idempotency_key: key,
            probe: attempt.prepared.as_ref().map_or(Probe::None, |prepared| prepared.probe.clone()),
            state: EffectState::Prepared,
            intent,
            time: now,
            uses: open.uses.clone(),
            charged: open.charged.clone(),
            request,
            question: open.question,
            settled: None,
            incarnation: Some(attempt.place.incarnation),
        };
        self.put(Table::Effect, table::number(id.0), &row);
        self.effects.insert(id, row);
        self.under_way.begin(id, attempt.call.size());
        Intended { id, key, intent }
    }

    /// The same for all tries of one effect, and for no other. The store and the place in a call say which effect it is. A copy of a
    /// store makes calls of its own with the same numbers: they are told apart by the call's seed, which nothing derives. And if a
    /// call from before the copy goes another way in each, the request tells them apart.
    fn idempotency_key(&self, place: Place, request: &Digest) -> EffectKey {
        let seed = self.calls.get(&place.call).map(|live| live.row.seed).unwrap_or_default();
        let digest = Sha256::new()
            .chain_update(b"libos effect")
            .chain_update(self.store_key)
            .chain_update(self.instance.unwrap_or_default())
            .chain_update(seed)
            .chain_update(place.call.0.to_be_bytes())
            .chain_update(place.position.to_be_bytes())
            .chain_update(request)
            .finalize();
        EffectKey(digest.into())
    }

    /// Refuses; the guest gets a typed value. A refusal that was told before in this call is only counted.
    fn refuse(&mut self, attempt: &Attempt, need: &Need, why: &Why, now: Time) -> Arc<Answer> {
        let rule = match why {
            Why::Rule(id) | Why::Inside(id) => Some(*id),
            _ => None,
        };
        self.refuse_with(attempt, need, rule, (why.reason().to_owned(), false), now)
    }

    fn refuse_by_person(&mut self, attempt: &Attempt, wanted: &[Need], reason: String, now: Time) -> Arc<Answer> {
        let first = wanted.first().cloned();
        let Some(need) = first else { return Arc::new(Answer::Failed(CallError::Internal)) };
        self.use_answer((attempt.place.call, attempt.place.position));
        self.refuse_with(attempt, &need, None, (reason, true), now)
    }

    pub(super) fn refuse_with(
        &mut self,
        attempt: &Attempt,
        need: &Need,
        rule: Option<GrantId>,
        (reason, survives): (String, bool),
        now: Time,
    ) -> Arc<Answer> {
        let index = attempt.names.iter().position(|name| *name == need.resource).unwrap_or(0);
        let answer = Arc::new(Answer::Failed(CallError::Denied(Denial {
            right: need.right,
            // What was asked for: a resolved name would tell what a link says.
            resource: attempt.asked.get(index).unwrap_or(&need.resource).to_string(),
            reason: reason.clone(),
        })));
        let place = attempt.place;
        // A call that others saw go on must be refused again when it is replayed, whatever is granted meanwhile.
        self.journal_answer(place, &attempt.call, &answer, now, survives);
        let told = format!("{} {}: {reason}", need.right, need.resource);
        if self.is_refused_again(place, &attempt.call, &Outcome::Denied, &told, now) {
            return answer;
        }
        let resource = need.resource.to_string();
        let decided = Decided::Deny { right: need.right, resource, rule, reason };
        let mut record = Record::new(attempt.call.operation(), now, decided, Outcome::Denied);
        place.mark(&mut record);
        record.resources = attempt.names.iter().map(ToString::to_string).collect();
        if attempt.asked != attempt.names {
            record.asked = attempt.asked.iter().map(ToString::to_string).collect();
        }
        self.record(NewRecord { record, request: Some(Arc::clone(&attempt.call)), answer: Some(Arc::clone(&answer)) });
        answer
    }
}

/// The refusal of a call's first need.
pub(super) fn denial_of(attempt: &Attempt, reason: &str) -> CallError {
    match needs(&attempt.call, &attempt.asked, false).into_iter().next() {
        Some(need) => CallError::Denied(Denial {
            right: need.right,
            resource: need.resource.to_string(),
            reason: reason.to_owned(),
        }),
        None => CallError::Internal,
    }
}
