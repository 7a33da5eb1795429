//! What the kernel has to do with models: who asks them, and what it charges for that. What a request may cost is taken before it is
//! sent, and what it did not cost is given back with its answer: so no request is sent that cannot be paid, however many are at once.

use super::admit::Attempt;
use super::calls::Place;
use super::permit::Permit;
use super::purses::Costs;
use super::state::State;
use super::{Kernel, permit};
use crate::model::answer::{Answer, CallError};
use crate::model::ask::{self, Price, Tokens};
use crate::model::call::{Call, Reply};
use crate::model::preview;
use crate::model::purse::Coin;
use crate::model::time::Time;
use smallvec::smallvec;
use std::sync::Arc;

impl Kernel {
    /// Closes the permit of a question that was answered, and charges what the answer took; all that was taken before, if nobody
    /// counted it.
    pub(crate) fn close_asked(&self, mut permit: Permit, reply: String, tokens: Option<Tokens>) -> Arc<Answer> {
        let now = self.now();
        let resources = permit.take_resources();
        let answer = Arc::new(Answer::Done(Reply::Model(reply)));
        let Some(open) = permit.take_open() else { return answer };
        let mut state = self.lock();
        state.settle_asked(&open, tokens);
        state.finish(open, &resources, now, &answer, false);
        answer
    }
}

impl State {
    /// Refuses a question to a model that no planner asks: its answer decides what an agent does, and nothing else may have it.
    pub(super) fn refuse_for_planners(&mut self, attempt: &Attempt, now: Time) -> Option<Arc<Answer>> {
        if !matches!(*attempt.call, Call::ModelAsk { .. }) || self.is_quantum(attempt.place.call) {
            return None;
        }
        let error = CallError::Invalid("only a planner asks models so".into());
        Some(self.fail(attempt.place, &attempt.call, error, now))
    }

    /// What a question costs at most: its own tokens, by its bytes, and as many as the answer may have.
    pub(super) fn costs_of_asking(&self, profile: &str, request: &str) -> Costs {
        let (input, wanted) = ask::tokens(request);
        let (output, price) = self.terms_of(profile);
        let output = wanted.map_or(output, |wanted| wanted.min(output)).into();
        amounts(Tokens { input, cached_input: 0, output }, price)
    }

    /// Whether a call waits for a model: meanwhile others have their turns.
    pub(super) fn set_asks(&mut self, place: &Place, asks: bool) {
        let Some(live) = self.calls.get_mut(&place.call) else { return };
        if live.asks != asks {
            live.asks = asks;
            self.reschedule(place.pid);
        }
    }

    /// What a person who is asked about it must know of a model.
    pub(super) fn preview_of_model(&self, call: &Call) -> Option<String> {
        let Call::ModelAsk { profile, .. } = call else { return None };
        let profile = self.policy.models.get(profile)?;
        Some(preview::escape(&format!("the model is {} at {}", profile.model, profile.base_url)))
    }

    fn settle_asked(&mut self, open: &permit::Open, tokens: Option<Tokens>) {
        let (Some(charged), Some(tokens), Call::ModelAsk { profile, .. }) = (&open.charged, tokens, &*open.call) else {
            return;
        };
        let (_, price) = self.terms_of(profile);
        self.settle_charge(charged, &amounts(tokens, price));
    }

    /// Tokens that an answer may have, and what tokens cost. A profile that is not there is not asked, either.
    fn terms_of(&self, profile: &str) -> (u32, Price) {
        self.policy.models.get(profile).map_or_else(Default::default, |found| (found.reply_tokens, found.price()))
    }
}

fn amounts(tokens: Tokens, price: Price) -> Costs {
    let count = tokens.input.saturating_add(tokens.output);
    smallvec![(Coin::ModelCalls, 1), (Coin::Tokens, count), (Coin::Money, price.of(tokens))]
}
