//! Why a person's verb was not carried out.

use crate::model::answer::Stop;
use crate::model::policy::about_size;
use crate::store::StoreError;

/// An error of the host plane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// What was asked makes no sense; the sentence says what to do.
    #[error("{0}")]
    Usage(String),
    /// Too little is free where the store lies: nothing new is begun, and what was begun goes on to its end.
    #[error(
        "nothing new is begun: {free} are free where the store lies, and {needed} must stay free",
        free = about_size(*.free),
        needed = about_size(*.needed)
    )]
    LowSpace {
        /// Bytes.
        free: u64,
        /// Bytes.
        needed: u64,
    },
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
