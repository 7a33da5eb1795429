//! Recovery classifies what a crash left open: done, not started, or unknown. It performs nothing.

use super::state::State;
use super::{Kernel, Permit};
use crate::model::answer::{Answer, CallError};
use crate::model::call::Reply;
use crate::model::decide::OWN_FILE_PREFIX;
use crate::model::id::{CallId, EffectId, Pid, Position, QuestionId};
use crate::model::process::Change;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{EffectRow, EffectState, Probe, ProcessRow};
use crate::model::time::Time;
use crate::store::batch::{NewJournal, NewRecord, Request};
use crate::world::Probed;
use std::sync::Arc;

/// Name of the file that an effect writes before it takes its place.
pub fn temporary_name(effect: EffectId) -> String {
    format!("{OWN_FILE_PREFIX}{effect}")
}

impl Kernel {
    /// Closes each intent without an outcome.
    pub(super) fn recover(&self) {
        let mut open: Vec<EffectRow> = self.lock().effects.values().cloned().collect();
        open.sort_by_key(|row| row.id);
        for row in open {
            let probed = match &row.probe {
                Probe::None => Probed::Unknown,
                probe => {
                    let permit = Permit::of_effect(&row);
                    self.world().probe(&permit, probe, &temporary_name(row.id))
                }
            };
            let now = self.now();
            self.lock().close_recovered(row, probed, now);
        }
        let now = self.now();
        self.lock().end_without_call(now);
    }
}

impl State {
    /// A process that is made for one call is made before it. If the host dies between the two, nobody would ever end it. One that was
    /// gone back to has lost its call, and is its person's.
    fn end_without_call(&mut self, now: Time) {
        let is_left = |process: &&ProcessRow| process.incarnation == 0 && self.ends_with_its_calls(process.pid);
        let left: Vec<Pid> = self.processes.values().filter(is_left).map(|process| process.pid).collect();
        for pid in left {
            self.end_process(pid, Change::Fail("its host ended before its call began".into()), None, now);
        }
    }

    pub(super) fn close_recovered(&mut self, row: EffectRow, probed: Probed, now: Time) {
        let (state, outcome, answer) = match probed {
            Probed::Done => (EffectState::Done, Outcome::Done, Some(Answer::Done(Reply::Unit))),
            Probed::NotStarted => (EffectState::NotStarted, Outcome::NotStarted, None),
            Probed::Unknown => {
                (EffectState::Unknown, Outcome::Unknown, Some(Answer::Failed(CallError::OutcomeUnknown(row.id))))
            }
        };
        if state == EffectState::NotStarted {
            self.give_uses_back(&row.uses);
            self.give_back_charge(row.charged.as_ref());
            self.give_answer_back(row.question, (row.call, row.position));
        }
        let answer = answer.map(Arc::new);
        let mut record = Record::new(row.operation.clone(), now, Decided::Free, outcome);
        row.mark(&mut record);
        record.detail = Some("found by recovery".into());
        self.record(NewRecord { record, request: None, answer: answer.clone() });
        if let Some(answer) = answer.filter(|_| self.calls.contains_key(&row.call)) {
            let request = Request::Kept { digest: row.request, operation: row.operation.clone() };
            self.journal(NewJournal { call: row.call, position: row.position, time: now, request, answer });
        }
        self.close_effect(row.id, state);
        if state == EffectState::Unknown {
            self.found_unknown.push(row.id);
        }
    }

    /// An approval that was used for what did not come to be can be used again.
    pub(super) fn give_answer_back(&mut self, question: Option<QuestionId>, place: (CallId, Position)) {
        use crate::model::question::QuestionState;
        // A call that has ended uses no answer.
        let Some(id) = question.filter(|_| self.calls.contains_key(&place.0)) else { return };
        let Ok(Some(mut question)) = self.question(id) else { return };
        match question.state {
            QuestionState::Applied { approval, at, note } => {
                question.state = QuestionState::Answered { approval, note, at };
                question.set_places(place, Vec::new());
            }
            // Others have not used it yet.
            QuestionState::Answered { .. } => {
                let mut places: Vec<_> = question.places().collect();
                places.retain(|other| *other != place);
                question.set_places(place, places);
            }
            _ => return,
        }
        self.put_question(&question);
        self.questions.insert(place, id);
    }
}
