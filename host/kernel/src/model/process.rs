//! What a process can be in, and the one function by which it changes.

use minicbor::{CborLen, Decode, Encode};

/// State of a process; the reason is part of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
pub enum State {
    /// Can run; nothing of it runs.
    #[n(0)]
    Ready,
    /// A call of it runs.
    #[n(1)]
    Running,
    /// All of its calls wait.
    #[n(2)]
    Waiting,
    /// Held by a person or its parent.
    #[n(3)]
    Paused(#[n(0)] String),
    /// Ended with this result (JSON).
    #[n(4)]
    Exited(#[n(0)] String),
    /// Ended by its own failure.
    #[n(5)]
    Failed(#[n(0)] String),
    /// Ended by somebody else.
    #[n(6)]
    Killed(#[n(0)] String),
}

/// What happens to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    CallStarted,
    AllCallsWait,
    NoCallsLeft,
    Pause(String),
    Resume,
    Exit(String),
    Fail(String),
    Kill(String),
}

/// A change that the state does not admit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a process that is {0:?} cannot take {1:?}")]
pub struct NotPossible(pub State, pub Change);

impl State {
    /// Whether it has ended for good.
    pub fn is_final(&self) -> bool {
        matches!(self, State::Exited(_) | State::Failed(_) | State::Killed(_))
    }

    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Running => "running",
            State::Waiting => "waiting",
            State::Paused(_) => "paused",
            State::Exited(_) => "exited",
            State::Failed(_) => "failed",
            State::Killed(_) => "killed",
        }
    }

    /// The state after a change. Nothing else makes a state from another.
    ///
    /// # Errors
    /// The change is not possible; final states stay.
    pub fn after(self, change: Change) -> Result<State, NotPossible> {
        match (self, change) {
            (state, change) if state.is_final() => Err(NotPossible(state, change)),
            (_, Change::Exit(result)) => Ok(State::Exited(result)),
            (_, Change::Fail(why)) => Ok(State::Failed(why)),
            (_, Change::Kill(by)) => Ok(State::Killed(by)),
            (_, Change::Pause(by)) => Ok(State::Paused(by)),
            (State::Paused(_), Change::Resume) => Ok(State::Ready),
            (state @ State::Paused(_), Change::CallStarted) => Err(NotPossible(state, Change::CallStarted)),
            (state @ State::Paused(_), _) => Ok(state),
            (state, Change::Resume) => Ok(state),
            (_, Change::CallStarted) => Ok(State::Running),
            (_, Change::AllCallsWait) => Ok(State::Waiting),
            (_, Change::NoCallsLeft) => Ok(State::Ready),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_stays_ended() {
        for state in [State::Exited("1".into()), State::Failed("x".into()), State::Killed("host".into())] {
            for change in [
                Change::CallStarted,
                Change::AllCallsWait,
                Change::NoCallsLeft,
                Change::Pause("host".into()),
                Change::Resume,
                Change::Exit("2".into()),
                Change::Fail("y".into()),
                Change::Kill("host".into()),
            ] {
                assert!(state.clone().after(change).is_err());
            }
        }
    }

    #[test]
    fn a_paused_process_starts_nothing_until_it_is_resumed() {
        let paused = State::Ready.after(Change::Pause("host".into())).unwrap();
        assert!(paused.clone().after(Change::CallStarted).is_err());
        assert_eq!(paused.clone().after(Change::NoCallsLeft), Ok(paused.clone()));
        assert_eq!(paused.after(Change::Resume), Ok(State::Ready));
    }
}
