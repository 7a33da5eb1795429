//! What the kernel has to do with models: who asks them, and what it charges for that.

use super::admit::Attempt;
use super::state::State;
use crate::model::answer::{Answer, CallError};
use crate::model::call::Call;
use crate::model::time::Time;
use std::sync::Arc;

impl State {
    /// Refuses a question to a model that no planner asks: its answer decides what an agent does, and nothing else may have it.
    pub(super) fn refuse_for_planners(&mut self, attempt: &Attempt, now: Time) -> Option<Arc<Answer>> {
        if !matches!(*attempt.call, Call::ModelAsk { .. }) || self.is_quantum(attempt.place.call) {
            return None;
        }
        let error = CallError::Invalid("only a planner asks models so".into());
        Some(self.fail(attempt.place, &attempt.call, error, now))
    }
}
