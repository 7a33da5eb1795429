//! Time that a test moves.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// A clock that stands still until somebody moves it, or until a provider that is silent lets it run.
#[derive(Default)]
pub struct Clock(Mutex<State>);

#[derive(Default)]
struct State {
    now: Duration,
    /// Providers that are silent now.
    silent: usize,
    waiting: Vec<Waker>,
}

impl Clock {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Duration {
        self.state().now
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.now = state.now.saturating_add(by);
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// From now on it jumps to whatever moment somebody waits for.
    pub(crate) fn run(&self) {
        let mut state = self.state();
        state.silent += 1;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// Takes back one [`Clock::run`].
    pub(crate) fn stop(&self) {
        self.state().silent -= 1;
    }

    /// Ends when it shows that moment.
    pub async fn until(&self, deadline: Duration) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.silent > 0 {
                state.now = state.now.max(deadline);
            }
            if state.now >= deadline {
                return Poll::Ready(());
            }
            state.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
