//! What came of a call, for a program that wants its result.

use super::{CallEvent, Waiting};
use libos_kernel::kernel::EndedCall;
use libos_kernel::model::id::QuestionId;
use libos_kernel::model::row::Failure;
use libos_kernel::model::time::Time;

/// Why a call has no result, or none yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// It failed.
    #[error("the call failed: {}", .0.message)]
    Failed(Failure),
    /// It waits for an answer; `Runtime::answer` gives it one.
    #[error("the call waits for an answer to question {0}")]
    Asks(QuestionId),
    /// It waits for a time, in memory or not.
    #[error("the call sleeps{}", .0.map(|time| format!(" until {time}")).unwrap_or_default())]
    Sleeps(Option<Time>),
    /// Its process is held; it goes on when that is resumed.
    #[error("the process of the call is paused: {0}")]
    Paused(String),
    /// The host closes or has stopped, or somebody ended the call.
    #[error("the call was interrupted: {0}")]
    Interrupted(String),
}

impl CallEvent {
    /// The result of the call.
    ///
    /// # Errors
    /// It has none, or none yet.
    pub fn into_result(self) -> Result<serde_json::Value, NotDone> {
        match self {
            CallEvent::Ended(EndedCall { result: Ok(text), .. }) => {
                // The engine lets no other text through.
                serde_json::from_str(&text).map_err(|error| NotDone::Interrupted(error.to_string()))
            }
            CallEvent::Ended(EndedCall { result: Err(failure), .. }) => Err(NotDone::Failed(failure)),
            CallEvent::Waits(Waiting::Question(id)) => Err(NotDone::Asks(id)),
            CallEvent::Waits(Waiting::Until(time)) => Err(NotDone::Sleeps(Some(time))),
            CallEvent::Parked => Err(NotDone::Sleeps(None)),
            CallEvent::Paused(by) => Err(NotDone::Paused(by)),
            CallEvent::Interrupted(why) => Err(NotDone::Interrupted(why)),
        }
    }
}
