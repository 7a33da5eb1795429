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

/// What can be told to a process by its parent or by a person.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize,
)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Nothing of it runs until it is resumed: calls stop at their next import, and nothing of them is lost.
    #[n(0)]
    Pause,
    /// It goes on.
    #[n(1)]
    Resume,
    /// Its waits for time, messages and children end with an error.
    #[n(2)]
    Interrupt,
    /// As an interrupt, and it ends as failed when its present calls have ended; its children too.
    #[n(3)]
    Cancel,
    /// It ends at once; its children too.
    #[n(4)]
    Kill,
}

impl Signal {
    /// All of them.
    pub const ALL: [Signal; 5] = [Signal::Pause, Signal::Resume, Signal::Interrupt, Signal::Cancel, Signal::Kill];

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Signal::Pause => "pause",
            Signal::Resume => "resume",
            Signal::Interrupt => "interrupt",
            Signal::Cancel => "cancel",
            Signal::Kill => "kill",
        }
    }

    /// The signal of that word.
    pub fn parse(word: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.word() == word)
    }
}

/// A change that the state does not admit: it has ended, or is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPossible(pub State, pub Change);

impl std::error::Error for NotPossible {}

impl std::fmt::Display for NotPossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            State::Paused(by) => write!(f, "the process is paused: {by}; it starts nothing until it is resumed"),
            state => write!(f, "the process has ended: it is {}", state.word()),
        }
    }
}

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

    /// Why it is as it is: who holds it, its result, or who or what ended it.
    pub fn why(&self) -> Option<&str> {
        match self {
            State::Ready | State::Running | State::Waiting => None,
            State::Paused(why) | State::Exited(why) | State::Failed(why) | State::Killed(why) => Some(why),
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

    /// All states and all changes.
    fn all() -> ([State; 7], [Change; 8]) {
        let text = || "x".to_owned();
        (
            [
                State::Ready,
                State::Running,
                State::Waiting,
                State::Paused(text()),
                State::Exited(text()),
                State::Failed(text()),
                State::Killed(text()),
            ],
            [
                Change::CallStarted,
                Change::AllCallsWait,
                Change::NoCallsLeft,
                Change::Pause(text()),
                Change::Resume,
                Change::Exit(text()),
                Change::Fail(text()),
                Change::Kill(text()),
            ],
        )
    }

    #[test]
    fn every_state_takes_every_change_as_the_table_says() {
        // A row a state, a column a change; `-` is refused.
        let table = [
            ("ready", "running waiting ready paused ready exited failed killed"),
            ("running", "running waiting ready paused running exited failed killed"),
            ("waiting", "running waiting ready paused waiting exited failed killed"),
            ("paused", "- paused paused paused ready exited failed killed"),
            ("exited", "- - - - - - - -"),
            ("failed", "- - - - - - - -"),
            ("killed", "- - - - - - - -"),
        ];
        let (states, changes) = all();
        for (state, (word, row)) in states.into_iter().zip(table) {
            assert_eq!(state.word(), word);
            for (change, want) in changes.iter().zip(row.split(' ')) {
                let after = state.clone().after(change.clone());
                assert_eq!(after.as_ref().map_or("-", State::word), want, "{word} and {change:?}");
            }
        }
    }

    #[test]
    fn a_signal_is_read_by_its_word() {
        for signal in Signal::ALL {
            assert_eq!(Signal::parse(signal.word()), Some(signal));
        }
        assert_eq!(Signal::parse("stop"), None);
    }

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
