//! Why a person's verb was not carried out.

use crate::model::answer::Stop;
use crate::store::StoreError;

/// An error of the host plane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// What was asked makes no sense; the sentence says what to do.
    #[error("{0}")]
    Usage(String),
    /// The host has stopped: its disk failed. What is on the disk is whole.
    #[error("the host has stopped: {0}")]
    Stopped(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Stop> for HostError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Host(why) => HostError::Stopped(why),
            other => HostError::Usage(other.to_string()),
        }
    }
}
