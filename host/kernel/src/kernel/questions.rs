//! Questions: what is put to people, and what their answers do.

use super::Kernel;
use super::admit::{Attempt, Said};
use super::calls::Place;
use super::host::HostError;
use super::state::{State, Woken};
use crate::model::answer::{Answer, Stop};
use crate::model::call::{Approval, Call, Reply};
use crate::model::codec::to_bytes;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{CallId, Digest, GrantId, QuestionId};
use crate::model::limit;
use crate::model::need::{Need, OWNER};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Pattern;
use crate::model::right::Rights;
use crate::model::row::{FingerprintPart, QuestionRow, QuestionState, Subject, Wait, request_digest};
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

/// What a person does with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    Approve { approval: Approval, note: Option<String> },
    Tell { text: String },
}

/// What an answer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The call that waited.
    pub call: CallId,
    /// The rules that it made.
    pub grants: Vec<Grant>,
    /// The batch that must be on the disk before anybody learns of it.
    pub durable: u64,
}

impl Kernel {
    /// Answers a question, as a person.
    ///
    /// # Errors
    /// It is not open any more, or the reaction does not fit it.
    pub fn answer(&self, id: QuestionId, reaction: Reaction) -> Result<Answered, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let question = state.question(id)?.ok_or_else(|| HostError::Usage(format!("there is no question {id}")))?;
        match &question.state {
            QuestionState::Open => {}
            QuestionState::Withdrawn { why } => {
                return Err(HostError::Usage(format!("question {id} is gone: {why}")));
            }
            _ => return Err(HostError::Usage(format!("question {id} was answered already"))),
        }
        let answered = match reaction {
            Reaction::Approve { approval, note } => state.approve(question, approval, note, now)?,
            Reaction::Tell { text } => state.tell(question, text, now)?,
        };
        drop(state);
        self.changed.notify_one();
        Ok(answered)
    }
}

impl State {
    fn approve(
        &mut self,
        mut question: QuestionRow,
        approval: Approval,
        note: Option<String>,
        now: Time,
    ) -> Result<Answered, HostError> {
        let id = question.id;
        if matches!(question.subject, Subject::Question { .. } | Subject::Note { .. }) {
            return Err(HostError::Usage(format!("question {id} wants words: libos answer {id} --text '...'")));
        }
        if note.as_ref().is_some_and(|note| note.len() > limit::HUMAN_TEXT_BYTES_MAX) {
            return Err(HostError::Usage(format!("a note has at most {} bytes", limit::HUMAN_TEXT_BYTES_MAX)));
        }
        let grants = self.grants_of_answer(&question, approval, now)?;
        let answer = match &question.subject {
            Subject::Permission { .. } => Some(Answer::Done(Reply::Approval(approval))),
            _ => None,
        };
        question.state = QuestionState::Answered { approval, note, at: now };
        self.put_question(&question);
        Ok(self.end_question(&question, answer, grants, now))
    }

    fn tell(&mut self, mut question: QuestionRow, text: String, now: Time) -> Result<Answered, HostError> {
        let id = question.id;
        if !matches!(question.subject, Subject::Question { .. }) {
            return Err(HostError::Usage(format!(
                "question {id} wants a decision: libos answer {id} allow, always, deny or never"
            )));
        }
        if text.len() > limit::ANSWER_TEXT_BYTES_MAX {
            return Err(HostError::Usage(format!("an answer has at most {} bytes", limit::ANSWER_TEXT_BYTES_MAX)));
        }
        question.state = QuestionState::Told { text: text.clone(), at: now };
        self.put_question(&question);
        Ok(self.end_question(&question, Some(Answer::Done(Reply::Text(text))), Vec::new(), now))
    }

    fn end_question(
        &mut self,
        question: &QuestionRow,
        answer: Option<Answer>,
        grants: Vec<Grant>,
        now: Time,
    ) -> Answered {
        let (operation, said) = match (&question.state, &question.subject) {
            (QuestionState::Answered { approval, .. }, _) => ("host.answer", format!("{approval:?}").to_lowercase()),
            _ => ("host.answer", "told".into()),
        };
        let mut record = Record::new(operation, now, Decided::Host, Outcome::Done);
        record.question = Some(question.id);
        record.detail = Some(said);
        record.duration = u64::try_from(now.since(question.asked).as_nanos()).unwrap_or(u64::MAX);
        self.end_wait(question.call, question.position, answer, record, now);
        Answered { call: question.call, grants, durable: self.mark() }
    }

    /// The rules that an answer makes: a use once for `allow` to a request for rights, standing ones for `always` and `never`.
    fn grants_of_answer(
        &mut self,
        question: &QuestionRow,
        approval: Approval,
        now: Time,
    ) -> Result<Vec<Grant>, HostError> {
        let mut made = Vec::new();
        if let (Approval::Allow, Subject::Permission { resource, rights, .. }) = (approval, &question.subject) {
            made.extend(self.grant_of_answer(question, resource.clone(), *rights, Effect::Allow, Some(1), now));
            return Ok(made);
        }
        if matches!(approval, Approval::Allow | Approval::Deny) {
            return Ok(made);
        }
        let rules = question
            .standing_rules(approval)
            .ok_or_else(|| HostError::Usage("a name with '*' cannot become a rule; answer allow or deny".into()))?;
        for rule in rules {
            made.extend(self.grant_of_answer(question, rule.pattern, rule.rights, rule.effect, None, now));
        }
        Ok(made)
    }

    fn grant_of_answer(
        &mut self,
        question: &QuestionRow,
        pattern: Pattern,
        rights: Rights,
        effect: Effect,
        uses_left: Option<u32>,
        now: Time,
    ) -> Vec<Grant> {
        let grant = Grant {
            id: GrantId(0),
            holder: Holder::Process(question.pid),
            pattern,
            rights,
            effect,
            uses_left,
            not_after: None,
            only_tool: None,
            answers: None,
            parent: None,
            issuer: Issuer::Question(question.id),
            revoked: false,
            created: now,
            moved: false,
        };
        self.add_grants(grant, now)
    }

    /// Puts exactly this system call to a person; or waits on, if that has been done.
    pub(super) fn ask_approval(
        &mut self,
        attempt: &Attempt,
        wanted: &[Need],
        rule: Option<GrantId>,
        said: Said,
        now: Time,
    ) -> Result<oneshot::Receiver<Woken>, Stop> {
        let place = (attempt.place.call, attempt.place.position);
        let again = match said {
            Said::Stale(why) => {
                if let Some(id) = self.questions.remove(&place)
                    && let Ok(Some(mut question)) = self.question(id)
                {
                    question.state = QuestionState::Withdrawn { why: why.clone() };
                    self.put_question(&question);
                }
                Some(why)
            }
            _ => None,
        };
        let preview = attempt.prepared.as_ref();
        let preview =
            preview.map(|prepared| crate::model::preview::lines(&attempt.call, &prepared.probe)).unwrap_or_default();
        let subject = Subject::Approval {
            operation: attempt.call.operation().to_owned(),
            needs: wanted.to_vec(),
            rule,
            preview,
            parts: self.fingerprint(attempt),
        };
        let id = self.new_open_question(attempt, subject, again, now);
        let mut record = Record::new(attempt.call.operation(), now, Decided::Ask { rule }, Outcome::Waiting);
        record.question = Some(id);
        Ok(self.start_wait(attempt, Wait::Question(id), record, now))
    }

    pub(super) fn new_open_question(
        &mut self,
        attempt: &Attempt,
        subject: Subject,
        again: Option<String>,
        now: Time,
    ) -> QuestionId {
        let id = self.new_question();
        let place = attempt.place;
        let queue = match &*attempt.call {
            Call::HumanAsk { queue, .. } | Call::HumanApprove { queue, .. } => queue.as_deref().unwrap_or(OWNER),
            _ => OWNER,
        };
        let tool = self.calls.get(&place.call).map(|live| live.row.tool.clone()).unwrap_or_default();
        let question = QuestionRow {
            id,
            pid: place.pid,
            call: place.call,
            position: place.position,
            tool,
            queue: queue.to_owned(),
            subject,
            asked: now,
            state: QuestionState::Open,
            again,
        };
        self.put_question(&question);
        self.questions.insert((place.call, place.position), id);
        id
    }

    /// Leaves a note for people; nobody waits.
    pub(crate) fn leave_note(&mut self, place: Place, message: &str, queue: Option<&str>, now: Time) {
        let id = self.new_question();
        let tool = self.calls.get(&place.call).map(|live| live.row.tool.clone()).unwrap_or_default();
        self.put_question(&QuestionRow {
            id,
            pid: place.pid,
            call: place.call,
            position: place.position,
            tool,
            queue: queue.unwrap_or(OWNER).to_owned(),
            subject: Subject::Note { text: message.to_owned() },
            asked: now,
            state: QuestionState::Open,
            again: None,
        });
    }

    /// What an approval is bound to: the bytes of the call, what the names mean, what is there now, and whose code asks.
    pub(super) fn fingerprint(&self, attempt: &Attempt) -> Vec<FingerprintPart> {
        let part = |name: &str, digest: Digest| FingerprintPart { name: name.into(), digest };
        let mut parts = vec![
            part("the request", request_digest(&attempt.call)),
            part("the name it leads to", Sha256::digest(to_bytes(&attempt.names)).into()),
        ];
        if let Some(prepared) = &attempt.prepared {
            parts.push(part("what is there", prepared.present));
        }
        if let Some((tool, component, _)) = self.asking_tool(attempt.place.call) {
            let digest = Sha256::new().chain_update(tool).chain_update(component).finalize().into();
            parts.push(part("the tool", digest));
        }
        if let Some(process) = self.processes.get(&attempt.place.pid) {
            let digest = Sha256::digest(to_bytes(&process.working_directory)).into();
            parts.push(part("the working directory", digest));
        }
        parts
    }
}
