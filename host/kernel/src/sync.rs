//! What the kernel's tables are locked with and what its committer runs on: threads, locks and channels of the system; in the build
//! that `tests/schedules` makes of these same sources, those of a scheduler that tries one order after the other.

#[cfg(not(schedules))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread,
};
#[cfg(not(schedules))]
pub(crate) use tokio::{sync::watch, task};

#[cfg(schedules)]
#[path = "../../../tests/schedules/src/sync.rs"]
mod scheduled;
#[cfg(schedules)]
pub use scheduled::set_time_passes;
#[cfg(schedules)]
pub(crate) use scheduled::{Condvar, Mutex, MutexGuard, task, thread, watch};
