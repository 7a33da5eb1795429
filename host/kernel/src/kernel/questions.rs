//! Questions: what is put to people, and what their answers do.

use super::Kernel;
use super::admit::Attempt;
use super::approvals::refused_before;
use super::calls::Place;
use super::host::HostError;
use super::state::State;
use crate::model::answer::{Answer, CallError, Denial};
use crate::model::call::{Approval, Call, Reply};
use crate::model::codec::to_bytes;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{CallId, GrantId, Pid, QuestionId};
use crate::model::limit;
use crate::model::need::OWNER;
use crate::model::question::{Consent, QuestionRow, QuestionState, Subject};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Pattern;
use crate::model::right::{Right, Rights};
use crate::model::row::Wait;
use crate::model::time::Time;
use crate::store::table::{self, Table};

/// What a person does with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// A decision, for approvals and permissions.
    Approve {
        /// Yes or no, once or from now on.
        approval: Approval,
        /// What the tool is told with it.
        note: Option<String>,
    },
    /// Words, for an open question.
    Tell {
        /// The answer.
        text: String,
    },
    /// Nobody is there to ask, and somebody decided beforehand that this means no. Nobody's word: it is asked again another time.
    Nobody {
        /// What the tool is told.
        note: String,
    },
}

impl Reaction {
    /// Yes, once.
    pub fn allow() -> Reaction {
        Reaction::Approve { approval: Approval::Allow, note: None }
    }

    /// No, once.
    pub fn deny() -> Reaction {
        Reaction::Approve { approval: Approval::Deny, note: None }
    }

    /// An answer in words.
    pub fn tell(text: impl Into<String>) -> Reaction {
        Reaction::Tell { text: text.into() }
    }
}

/// What an answer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The call that waited; the first, if several asked the same.
    pub call: CallId,
    /// The rules that it made or changed.
    pub grants: Vec<Grant>,
    /// The batch that must be on the disk before anybody learns of it.
    pub durable: u64,
}

/// Why a question ended that nobody answered.
pub(super) const EXPIRED: &str = "nobody answered in time";

impl Kernel {
    /// Answers a question, as a person.
    ///
    /// # Errors
    /// It is not open any more, or the reaction does not fit it.
    pub fn answer(&self, id: QuestionId, reaction: Reaction) -> Result<Answered, HostError> {
        self.answer_seen(id, reaction, None)
    }

    /// Answers a question as it was seen: of these calls. Of others that asked it meanwhile it stays open, as a question of its own.
    ///
    /// # Errors
    /// As [`Kernel::answer`].
    pub fn answer_seen(
        &self,
        id: QuestionId,
        reaction: Reaction,
        seen: Option<&[CallId]>,
    ) -> Result<Answered, HostError> {
        let now = self.now();
        self.expire_questions(now);
        let mut state = self.lock();
        state.check_alive()?;
        let mut question = state.question(id)?.ok_or_else(|| HostError::Usage(format!("there is no question {id}")))?;
        match &question.state {
            QuestionState::Open => {}
            QuestionState::Withdrawn { why } => {
                return Err(HostError::Usage(format!("question {id} is gone: {why}")));
            }
            _ if question.expired => {
                return Err(HostError::Usage(format!("question {id} has expired: {EXPIRED}, and it was denied")));
            }
            _ => return Err(HostError::Usage(format!("question {id} was answered already"))),
        }
        check_reaction(&question, &reaction)?;
        if let Some(seen) = seen {
            state.split_unseen(&mut question, seen)?;
        }
        let answered = match reaction {
            Reaction::Approve { approval, note } => state.approve(question, approval, note, now)?,
            Reaction::Tell { text } => state.tell(question, text, now),
            Reaction::Nobody { note } => state.end_unanswered(question, note, now),
        };
        Ok(answered)
    }

    /// Denies what nobody answered in time.
    pub(super) fn expire_questions(&self, now: Time) {
        let mut state = self.lock();
        while state.failed.is_none()
            && let Some(id) = state.asking.take_expiry(now)
        {
            match state.question(id) {
                Ok(Some(mut question)) if question.state == QuestionState::Open => {
                    question.expired = true;
                    state.end_unanswered(question, EXPIRED.into(), now);
                }
                Ok(_) => {}
                // A question that cannot be read is never answered, so nothing may go on as if it had been.
                Err(error) => {
                    state.failed = Some(error.to_string());
                    self.shared.stopped.send_replace(true);
                }
            }
        }
    }
}

/// Refuses what does not fit a question.
fn check_reaction(question: &QuestionRow, reaction: &Reaction) -> Result<(), HostError> {
    let id = question.id;
    let wants_words = matches!(question.subject, Subject::Question { .. });
    let wrong = match reaction {
        Reaction::Approve { .. } if wants_words => format!("question {id} wants words: libos answer {id} --text '...'"),
        _ if matches!(question.subject, Subject::Note { .. }) => format!("{id} is a note; nobody waits for an answer"),
        Reaction::Approve { note: Some(note), .. } if note.len() > limit::HUMAN_TEXT_BYTES_MAX => {
            format!("a note has at most {} bytes", limit::HUMAN_TEXT_BYTES_MAX)
        }
        Reaction::Nobody { note } if note.len() > limit::HUMAN_TEXT_BYTES_MAX => {
            format!("a note has at most {} bytes", limit::HUMAN_TEXT_BYTES_MAX)
        }
        Reaction::Tell { .. } if !wants_words => {
            format!("question {id} wants a decision: libos answer {id} allow, always, deny or never")
        }
        Reaction::Tell { text } if text.len() > limit::ANSWER_TEXT_BYTES_MAX => {
            format!("an answer has at most {} bytes", limit::ANSWER_TEXT_BYTES_MAX)
        }
        Reaction::Approve { approval, .. }
            if matches!(approval, Approval::Always | Approval::Never)
                && question.standing_rules(*approval).is_none() =>
        {
            "a name with '*' cannot become a rule; answer allow or deny".into()
        }
        _ => return Ok(()),
    };
    Err(HostError::Usage(wrong))
}

impl State {
    fn approve(
        &mut self,
        mut question: QuestionRow,
        approval: Approval,
        note: Option<String>,
        now: Time,
    ) -> Result<Answered, HostError> {
        let grants = self.grants_of_answer(&question, approval, now)?;
        let answer = match &question.subject {
            Subject::Permission { .. } => Some(Answer::Done(Reply::Approval(approval))),
            _ => None,
        };
        question.state = QuestionState::Answered { approval, note, at: now };
        self.put_question(&question);
        if matches!(approval, Approval::Deny | Approval::Never)
            && let Some(key) = self.asking.refuse(&question)
        {
            self.put_bytes(Table::Refused, table::refused(question.pid, &key), table::number(question.id.0));
        }
        Ok(self.end_question(&question, answer, grants, now))
    }

    fn tell(&mut self, mut question: QuestionRow, text: String, now: Time) -> Answered {
        question.state = QuestionState::Told { text: text.clone(), at: now };
        self.put_question(&question);
        self.end_question(&question, Some(Answer::Done(Reply::Text(text))), Vec::new(), now)
    }

    /// Nobody answered: that is a no to what was asked, and to nothing else.
    fn end_unanswered(&mut self, mut question: QuestionRow, why: String, now: Time) -> Answered {
        let answer = match &question.subject {
            Subject::Permission { .. } => Some(Answer::Done(Reply::Approval(Approval::Deny))),
            Subject::Question { .. } => Some(Answer::Failed(CallError::Denied(Denial {
                right: Right::Ask,
                resource: format!("human:{}", question.queue),
                reason: why.clone(),
            }))),
            Subject::Approval { .. } | Subject::Note { .. } => None,
        };
        question.unattended = true;
        question.state = QuestionState::Answered { approval: Approval::Deny, note: Some(why), at: now };
        self.put_question(&question);
        self.end_question(&question, answer, Vec::new(), now)
    }

    /// Wakes every call that asked.
    fn end_question(
        &mut self,
        question: &QuestionRow,
        answer: Option<Answer>,
        grants: Vec<Grant>,
        now: Time,
    ) -> Answered {
        let (operation, said) = match &question.state {
            _ if question.expired => ("question.expire", EXPIRED.into()),
            QuestionState::Answered { approval, .. } => ("host.answer", format!("{approval:?}").to_lowercase()),
            _ => ("host.answer", "told".into()),
        };
        for (call, position) in question.places() {
            let mut record = Record::new(operation, now, Decided::Host, Outcome::Done);
            record.question = Some(question.id);
            record.detail = Some(said.clone());
            record.duration = u64::try_from(now.since(question.asked).as_nanos()).unwrap_or(u64::MAX);
            self.end_wait(call, position, answer.clone(), record, now);
        }
        Answered { call: question.call, grants, durable: self.mark() }
    }

    /// Where a question was asked after it was seen, it becomes one of its own.
    fn split_unseen(&mut self, question: &mut QuestionRow, seen: &[CallId]) -> Result<(), HostError> {
        let (known, unseen): (Vec<_>, Vec<_>) = question.places().partition(|(call, _)| seen.contains(call));
        let Some((first, rest)) = unseen.split_first() else { return Ok(()) };
        let Some((kept, also)) = known.split_first() else {
            return Err(HostError::Usage(format!(
                "question {} is not of the calls that you saw any more",
                question.id
            )));
        };
        let mut other = QuestionRow { id: self.new_question(), ..question.clone() };
        question.set_places(*kept, also.to_vec());
        other.set_places(*first, rest.to_vec());
        for (call, position) in other.places() {
            self.questions.insert((call, position), other.id);
            if let Some(row) = self.waits.get_mut(&(call, position)) {
                row.kind = Wait::Question(other.id);
                let row = row.clone();
                self.put(Table::Wait, table::place(call, position), &row);
            }
        }
        if let Ok(Some(asked)) = self.get(Table::Asked, &table::number(question.id.0)) {
            self.put_bytes(Table::Asked, table::number(other.id.0), asked);
        }
        self.put_question(question);
        self.put_question(&other);
        Ok(())
    }

    /// The rules that an answer makes: uses for `allow` to a request for rights, standing ones for `always` and `never`.
    fn grants_of_answer(
        &mut self,
        question: &QuestionRow,
        approval: Approval,
        now: Time,
    ) -> Result<Vec<Grant>, HostError> {
        if let (Approval::Allow, Subject::Permission { resource, rights, .. }) = (approval, &question.subject) {
            let uses = u32::try_from(question.places().count()).unwrap_or(u32::MAX);
            let grant = answer_grant(question, resource.clone(), *rights, Effect::Allow, now);
            let grant = Grant { holder: Holder::Process(question.pid), uses_left: Some(uses), ..grant };
            return Ok(self.add_grants(grant, now));
        }
        if let Subject::Approval { consent: Some(Consent { grant, component, .. }), .. } = question.subject {
            let names_it = |grant: &Grant| {
                !grant.revoked && grant.only_tool.as_ref().is_some_and(|only| only.component == component)
            };
            if matches!(approval, Approval::Always | Approval::Never) && !self.grants.get(grant).is_some_and(names_it) {
                let gone = format!("{grant} does not name the component any more that {} is about", question.id);
                return Err(HostError::Usage(format!("{gone}; answer allow or deny")));
            }
            return Ok(match approval {
                Approval::Always => self.rebind(grant, question.call, now),
                Approval::Never => {
                    self.grants.get(grant).cloned().map(|grant| self.set_revoked(grant, now)).into_iter().collect()
                }
                Approval::Allow | Approval::Deny => Vec::new(),
            });
        }
        let mut made = Vec::new();
        for rule in question.standing_rules(approval).unwrap_or_default() {
            let grant = answer_grant(question, rule.pattern, rule.rights, rule.effect, now);
            let new = self.add_grants(grant, now);
            if matches!(question.lasting, Some(Holder::Image(_))) && rule.effect == Effect::Allow {
                self.reach_process(&new, question.pid, now);
            }
            made.extend(new);
        }
        Ok(made)
    }

    /// An allow on an image reaches only processes that start later; the one that asked is to have it now.
    fn reach_process(&mut self, lines: &[Grant], pid: Pid, now: Time) {
        for line in lines {
            let answers = line.answers.and_then(|ask| self.child_of(ask, pid));
            let id = self.new_grant();
            self.put_grant(Grant {
                id,
                holder: Holder::Process(pid),
                uses_left: None,
                answers,
                parent: Some(line.id),
                created: now,
                ..line.clone()
            });
        }
    }

    fn child_of(&self, line: GrantId, pid: Pid) -> Option<GrantId> {
        self.grants.of(&Holder::Process(pid)).find(|grant| grant.parent == Some(line)).map(|grant| grant.id)
    }

    /// Puts something to a person: joins the open question that is the same, or opens a new one. Refuses, with the reason, what a
    /// person has refused before and what is asked too often.
    pub(super) fn put_to_person(
        &mut self,
        attempt: &Attempt,
        queue: &str,
        subject: Subject,
        again: Option<String>,
        now: Time,
    ) -> Result<QuestionId, String> {
        let place = attempt.place;
        let mut question = self.new_row(place, queue, subject, now);
        question.again = again;
        if question.again.is_none()
            && let Some(before) = self.asking.refused(&question)
        {
            return Err(refused_before(before));
        }
        if let Some(same) = self.asking.same(&question)
            && let Ok(Some(mut open)) = self.question(same)
            && open.also.len() + 1 < limit::QUESTION_PLACES_MAX
        {
            let mut places: Vec<_> = open.places().collect();
            places.push((place.call, place.position));
            open.set_places(places[0], places[1..].to_vec());
            self.put_question(&open);
            self.questions.insert((place.call, place.position), same);
            return Ok(same);
        }
        // A person has just answered what is asked again.
        let rules = &self.policy.questions;
        self.asking.room(place.pid, rules)?;
        if question.again.is_none() {
            self.asking.count(place.pid, rules, now)?;
        }
        question.id = self.new_question();
        let rules = self.policy.questions;
        question.expires = rules.expire_after.map(|time| now.after(time));
        self.put_bytes(Table::Asked, table::number(question.id.0), to_bytes(&*attempt.call));
        self.put_question(&question);
        self.questions.insert((place.call, place.position), question.id);
        Ok(question.id)
    }

    pub(super) fn new_row(&self, place: Place, queue: &str, subject: Subject, now: Time) -> QuestionRow {
        let process = self.processes.get(&place.pid);
        let image = process.filter(|process| process.for_one_call).map(|process| process.image.as_str());
        QuestionRow {
            id: QuestionId(0),
            pid: place.pid,
            call: place.call,
            position: place.position,
            tool: self.calls.get(&place.call).map(|live| live.row.tool.clone()).unwrap_or_default(),
            queue: queue.to_owned(),
            subject,
            asked: now,
            state: QuestionState::Open,
            again: None,
            also: Vec::new(),
            expires: None,
            lasting: image.map(|image| Holder::Image(image.into())),
            callers: self.tools_behind(place.call),
            expired: false,
            unattended: false,
        }
    }

    /// Leaves a note for people; nobody waits.
    pub(crate) fn leave_note(
        &mut self,
        place: Place,
        message: &str,
        queue: Option<&str>,
        now: Time,
    ) -> Result<(), CallError> {
        let queue = queue.unwrap_or(OWNER);
        let denied = |reason| {
            let resource = format!("human:{queue}");
            CallError::Denied(Denial { right: Right::Tell, resource, reason })
        };
        self.asking.count(place.pid, &self.policy.questions, now).map_err(denied)?;
        let mut note = self.new_row(place, queue, Subject::Note { text: message.to_owned() }, now);
        note.id = self.new_question();
        self.put_question(&note);
        Ok(())
    }
}

fn answer_grant(question: &QuestionRow, pattern: Pattern, rights: Rights, effect: Effect, now: Time) -> Grant {
    Grant {
        id: GrantId(0),
        holder: question.lasting_holder(),
        pattern,
        rights,
        effect,
        uses_left: None,
        not_after: None,
        only_tool: None,
        answers: None,
        parent: None,
        issuer: Issuer::Question(question.id),
        revoked: false,
        created: now,
        moved: false,
    }
}

/// The queue that a call names.
pub(super) fn queue_of(call: &Call) -> &str {
    match call {
        Call::HumanAsk { queue, .. } | Call::HumanApprove { queue, .. } => queue.as_deref().unwrap_or(OWNER),
        _ => OWNER,
    }
}
