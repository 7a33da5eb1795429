//! Time and chance as the client sees them, so that a test can be the clock.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What the client takes from the machine besides the network.
pub trait Time: Send + Sync {
    /// Time since some moment that stays the same; never goes back.
    fn now(&self) -> Duration;
    /// Ends at `deadline`, in the time of [`Time::now`].
    fn until(&self, deadline: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// An evenly spread number from 0 to 1, by which many clients that were refused together do not come back together.
    fn chance(&self) -> f64;
}

/// The machine's own.
pub struct System(tokio::time::Instant);

impl System {
    /// Needs a tokio runtime with time when it is used, not when it is made.
    pub fn new() -> System {
        System(tokio::time::Instant::now())
    }
}

impl Default for System {
    fn default() -> System {
        System::new()
    }
}

impl Time for System {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn until(&self, deadline: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        match self.0.checked_add(deadline) {
            Some(moment) => Box::pin(tokio::time::sleep_until(moment)),
            None => Box::pin(std::future::pending()),
        }
    }

    fn chance(&self) -> f64 {
        // The standard library's hash keys differ in every state that it makes; this needs no secrecy.
        use std::hash::{BuildHasher, RandomState};
        (RandomState::new().hash_one(self.now()) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
