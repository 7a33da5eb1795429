//! Approvals: putting exactly one system call to a person, and finding out later whether the answer still is about it.

use super::admit::{Attempt, Decisions};
use super::asking::Refusal;
use super::state::{State, Woken};
use crate::model::answer::{Answer, Stop};
use crate::model::call::{Approval, Call};
use crate::model::codec::to_bytes;
use crate::model::grant::Effect;
use crate::model::id::{CallId, GrantId, Position, QuestionId};
use crate::model::need::{Need, OWNER};
use crate::model::preview;
use crate::model::question::{Consent, Field, FingerprintPart, QuestionState, Subject};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::Wait;
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::oneshot;

/// How a refusal by a person begins.
pub(super) const REFUSED_BY_PERSON: &str = "a person refused it";

/// Why what a person refused before is refused again.
pub(super) fn refused_before(question: QuestionId) -> String {
    format!("{REFUSED_BY_PERSON}: the same was asked as {question}")
}

/// What a person said to this very call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing yet: not asked, or still open.
    Nothing,
    Yes(QuestionId),
    No(String),
    /// An answer that does not apply any more, and why.
    Stale(String),
}

/// What became of the wish to ask.
pub(super) enum Asked {
    Waits(oneshot::Receiver<Woken>),
    Over(Arc<Answer>),
    /// It was carried out at once.
    Answered(Arc<Answer>),
}

impl State {
    /// Puts exactly this system call to a person; or waits on, if that has been done.
    pub(super) fn ask_approval(
        &mut self,
        attempt: &Attempt,
        wanted: &[Need],
        rule: Option<GrantId>,
        said: Said,
        now: Time,
    ) -> Asked {
        let place = (attempt.place.call, attempt.place.position);
        let again = match said {
            Said::Stale(why) => {
                self.leave_question(place, QuestionState::Withdrawn { why: why.clone() });
                Some(why)
            }
            _ => None,
        };
        let prepared = attempt.prepared.as_ref();
        let mut lines = preview::lines(&attempt.call, prepared.map(|seen| &seen.probe));
        if let Some(order) = prepared.and_then(|seen| seen.order.as_deref()) {
            lines.splice(0..0, order.lines());
        }
        lines.extend(self.preview_of_register(attempt.place.pid, &attempt.call));
        lines.extend(self.preview_of_model(&attempt.call));
        if let Some(trouble) = prepared.and_then(|seen| seen.trouble.as_ref()) {
            lines.push(format!("as it stands it would fail: {}", preview::escape(&trouble.to_string())));
        }
        let subject = Subject::Approval {
            operation: attempt.call.operation().to_owned(),
            needs: wanted.to_vec(),
            rule,
            preview: lines,
            parts: self.fingerprint(attempt),
            consent: self.consent(attempt, wanted, rule, now),
        };
        match self.put_to_person(attempt, OWNER, subject, again, now) {
            Ok(id) => {
                let mut record = Record::new(attempt.call.operation(), now, Decided::Ask { rule }, Outcome::Waiting);
                record.question = Some(id);
                Asked::Waits(self.start_wait(attempt, Wait::Question(id), record, now))
            }
            Err(reason) => Asked::Over(self.refuse_unasked(attempt, &wanted[0], reason, now)),
        }
    }

    /// Refuses what nobody is asked about. Others may see that it was refused, so it stays so when the call is replayed.
    fn refuse_unasked(&mut self, attempt: &Attempt, need: &Need, reason: String, now: Time) -> Arc<Answer> {
        self.refuse_with(attempt, need, None, (reason, true), now)
    }

    /// Refuses before anybody looks at what is there what nobody would be asked about anyway: how long it takes must not tell either.
    pub(super) fn refuse_before_looking(
        &mut self,
        attempt: &Attempt,
        wanted: &[Need],
        rule: Option<GrantId>,
        now: Time,
    ) -> Option<Arc<Answer>> {
        let subject = Subject::Approval {
            operation: attempt.call.operation().to_owned(),
            needs: Vec::new(),
            rule,
            preview: Vec::new(),
            parts: self.fingerprint(attempt),
            consent: None,
        };
        let row = self.new_row(attempt.place, OWNER, subject, now);
        let reason = match self.asking.refuses(&row, &self.policy.questions, now)? {
            Refusal::ByPerson(before) => refused_before(before),
            Refusal::TooMany(reason) => reason,
        };
        Some(self.refuse_unasked(attempt, wanted.first()?, reason, now))
    }

    /// What a person must know if the grant that would allow it names the component that the tool had before.
    ///
    /// The grant is the topmost one on the chain that names that component: whoever gave that is who decides about the new one.
    fn consent(&self, attempt: &Attempt, wanted: &[Need], rule: Option<GrantId>, now: Time) -> Option<Consent> {
        let asks = self.grants.get(rule?)?;
        let grant = match asks.effect {
            Effect::Ask => self.grants.get(self.lapsed_answer(attempt.place, wanted, now)?)?,
            _ => asks,
        };
        let only = grant.only_tool.as_ref().filter(|_| grant.effect == Effect::Allow)?;
        let (tool, component, _) = self.asking_tool(attempt.place.call)?;
        let names_it = |id: &GrantId| self.grants.get(*id).is_some_and(|above| above.only_tool.as_ref() == Some(only));
        let top = self.grants.chain(grant.id).into_iter().take_while(names_it).last()?;
        let gained = self.gained_since(tool, &only.component, component);
        Some(Consent { grant: top, gained, component: only.component })
    }

    /// What an approval is bound to: the bytes of the call, what the names mean, what is there now, and whose code asks.
    pub(super) fn fingerprint(&self, attempt: &Attempt) -> Vec<FingerprintPart> {
        let part = |field: Field, bytes: &[u8]| FingerprintPart { field, digest: Sha256::digest(bytes).into() };
        let (arguments, payload) = attempt.call.split_payload();
        let mut parts = vec![
            part(Field::Process, &attempt.place.pid.0.to_be_bytes()),
            part(Field::Operation, attempt.call.operation().as_bytes()),
            part(Field::Arguments, &to_bytes(&arguments)),
            part(Field::Payload, payload),
            part(Field::Name, &to_bytes(&attempt.names)),
        ];
        if let Some(kind) = &attempt.kind {
            parts.push(part(Field::Kind, kind.as_bytes()));
        }
        if let Some(seen) = &attempt.prepared {
            parts.push(FingerprintPart { field: Field::Content, digest: seen.present });
        }
        match &*attempt.call {
            Call::ObjectUpdate { .. } | Call::ObjectDelete { .. } | Call::ObjectRename { .. } => {
                let version = attempt.names.first().and_then(|name| self.object_version(attempt.place.pid, name));
                parts.push(part(Field::Content, &to_bytes(&version)));
            }
            Call::ToolCall { tool, .. } => {
                let component = self.tools.get(tool).map(|tool| *tool.code());
                parts.push(part(Field::CalledComponent, component.unwrap_or_default().as_slice()));
            }
            _ => {}
        }
        if let Some((tool, component, _)) = self.asking_tool(attempt.place.call) {
            parts.push(part(Field::Tool, tool.as_bytes()));
            parts.push(part(Field::Component, component));
        }
        if let Some(process) = self.processes.get(&attempt.place.pid) {
            parts.push(part(Field::WorkingDirectory, &to_bytes(&process.working_directory)));
        }
        parts
    }

    /// What a person has said to this very call: same bytes, same rule, same state of the outside.
    pub(super) fn said_by_person(&self, attempt: &Attempt, wanted: &[Need], now: Time) -> Result<Said, Stop> {
        let place = (attempt.place.call, attempt.place.position);
        let Some(id) = self.questions.get(&place) else { return Ok(Said::Nothing) };
        let question = self.question(*id).map_err(|error| Stop::Host(error.to_string()))?;
        let Some(question) = question else { return Ok(Said::Nothing) };
        let QuestionState::Answered { approval, note, .. } = &question.state else { return Ok(Said::Nothing) };
        let Subject::Approval { parts, rule, .. } = &question.subject else { return Ok(Said::Nothing) };
        if matches!(approval, Approval::Deny | Approval::Never) {
            return Ok(Said::No(match note {
                Some(note) if question.unattended => note.clone(),
                Some(note) => format!("{REFUSED_BY_PERSON}: {note}"),
                None => REFUSED_BY_PERSON.into(),
            }));
        }
        let present = self.fingerprint(attempt);
        let differ = |part: &&FingerprintPart| !present.contains(part) || !parts.contains(part);
        let mut changed: Vec<&str> =
            parts.iter().chain(&present).filter(differ).map(|part| part.field.words()).collect();
        let asks = self.decide(attempt.place, wanted, now, false);
        if matches!(asks, Decisions::Ask(asking) if asking != *rule) {
            changed.push("the rule that asks");
        }
        changed.sort_unstable();
        changed.dedup();
        // Another kind of thing has another content.
        if changed.contains(&Field::Kind.words()) {
            changed.retain(|name| *name != Field::Content.words());
        }
        if changed.is_empty() {
            Ok(Said::Yes(*id))
        } else {
            Ok(Said::Stale(format!("{} changed since {id} was asked", changed.join(" and "))))
        }
    }

    /// Notes that the answer for this place was used.
    pub(super) fn use_answer(&mut self, place: (CallId, Position)) {
        let approval = self.questions.get(&place).and_then(|id| self.question(*id).ok().flatten());
        if let Some(QuestionState::Answered { approval, note, at }) = approval.map(|question| question.state) {
            self.leave_question(place, QuestionState::Applied { approval, at, note });
        }
    }

    /// One place does not wait for a question or its answer any more. If no other one does, that is how the question ends.
    pub(super) fn leave_question(&mut self, place: (CallId, Position), end: QuestionState) {
        let Some(id) = self.questions.remove(&place) else { return };
        let Ok(Some(mut question)) = self.question(id) else { return };
        let others: Vec<_> = question.places().filter(|other| self.questions.get(other) == Some(&id)).collect();
        match others.split_first() {
            None => {
                question.state = match (question.state, end) {
                    (QuestionState::Open, end) | (_, end @ QuestionState::Applied { .. }) => end,
                    // What was said stays said.
                    (QuestionState::Answered { approval, .. }, QuestionState::Withdrawn { why })
                        if matches!(question.subject, Subject::Approval { .. }) =>
                    {
                        let said = format!("{approval:?}").to_lowercase();
                        QuestionState::Withdrawn { why: format!("it was answered with {said}, but {why}") }
                    }
                    (state, _) => state,
                }
            }
            Some((first, rest)) => question.set_places(*first, rest.to_vec()),
        }
        self.put_question(&question);
    }
}
