//! The low-space mark: before the disk is full nothing new is begun, so that what was begun can be written to its end. Reads, answers,
//! ends of calls, outcomes of effects and `libos gc` go on below it.

use super::calls::Place;
use super::host::HostError;
use super::state::State;
use crate::model::answer::{Answer, CallError};
use crate::model::call::{Call, Class};
use crate::model::id::EffectId;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::time::Time;
use crate::store::batch::NewRecord;
use std::collections::HashMap;
use std::sync::Arc;

/// The requests of effects that have begun and not ended: most of them write what they hold.
#[derive(Debug, Default)]
pub struct UnderWay {
    sizes: HashMap<EffectId, u64>,
    bytes: u64,
}

impl UnderWay {
    pub(super) fn begin(&mut self, id: EffectId, bytes: usize) {
        self.bytes += bytes as u64;
        self.sizes.insert(id, bytes as u64);
    }

    pub(super) fn end(&mut self, id: EffectId) {
        self.bytes -= self.sizes.remove(&id).unwrap_or_default();
    }
}

impl State {
    /// Whether something new may be begun. What is free is measured at each commit; here only while it was too little, because people
    /// make room without telling.
    ///
    /// # Errors
    /// [`HostError::LowSpace`].
    pub(super) fn check_space(&mut self) -> Result<(), HostError> {
        let needed = self.policy.space.keep_free;
        // What has begun takes its part of what is free, and none of that is measured before it ends.
        let taken = (self.uncommitted() as u64).saturating_add(self.under_way.bytes);
        let is_enough = |free: Option<u64>| free.is_none_or(|free| free.saturating_sub(taken) >= needed);
        if is_enough(self.free) {
            return Ok(());
        }
        self.free = self.storage.free_bytes();
        match self.free {
            Some(free) if !is_enough(Some(free)) => {
                let free = if free < needed { free } else { free.saturating_sub(taken) };
                Err(HostError::LowSpace { free, needed })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a system call that begins something outside or makes the store larger, while too little is free. The guest learns no
    /// numbers; people find them in the record.
    pub(super) fn refuse_for_space(&mut self, place: Place, call: &Arc<Call>, now: Time) -> Option<Arc<Answer>> {
        let grows = matches!(**call, Call::ObjectCreate { .. } | Call::ObjectUpdate { .. });
        if call.class() != Class::Effect && !grows {
            return None;
        }
        let low = self.check_space().err()?;
        let error = no_space();
        let outcome = Outcome::Failed(error.to_string());
        let answer = Arc::new(Answer::Failed(error));
        self.journal_answer(place, call, &answer, now, false);
        if self.is_refused_again(place, call, &outcome, "", now) {
            return Some(answer);
        }
        let mut record = Record::new(call.operation(), now, Decided::Free, outcome);
        place.mark(&mut record);
        record.detail = Some(low.to_string());
        self.record(NewRecord { record, request: Some(Arc::clone(call)), answer: Some(Arc::clone(&answer)) });
        Some(answer)
    }
}

/// What a guest is told.
pub(super) fn no_space() -> CallError {
    CallError::Io("the host has too little free space to begin anything new; try again later".into())
}
