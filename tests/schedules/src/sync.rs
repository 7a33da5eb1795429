//! Threads, locks, channels and tasks whose every step is a point at which the scheduler may let somebody else go first. Time does not
//! pass here: a wait for so long ends at whatever moment the scheduler likes, or never, as the test says.

pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use shuttle::thread;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LockResult};
use std::time::Duration;

thread_local! {
    static TIME_PASSES: Cell<bool> = const { Cell::new(false) };
}

/// Whether a wait for so long ever ends by itself, for kernels of this thread of the system.
pub fn set_time_passes(passes: bool) {
    TIME_PASSES.set(passes);
}

/// A condition.
#[derive(Default)]
pub(crate) struct Condvar(Arc<shuttle::sync::Condvar>);

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar::default()
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard)
    }

    /// If time passes, another thread wakes the one that waits, whenever it has its turn.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        pause: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, shuttle::sync::WaitTimeoutResult)> {
        let over = Arc::new(AtomicBool::new(false));
        if TIME_PASSES.get() {
            let (condition, over) = (Arc::clone(&self.0), Arc::clone(&over));
            thread::spawn(move || {
                // It may be early: then nobody waits yet.
                while !over.load(Ordering::Relaxed) {
                    condition.notify_one();
                    thread::yield_now();
                }
            });
        }
        let waited = self.0.wait_timeout(guard, pause);
        over.store(true, Ordering::Relaxed);
        waited
    }
}

/// A channel of the last value. Others may go first before each step.
pub(crate) mod watch {
    use super::thread::yield_now;
    pub(crate) use tokio::sync::watch::{Receiver, Ref};

    pub(crate) struct Sender<T>(tokio::sync::watch::Sender<T>);

    impl<T> Sender<T> {
        pub(crate) fn new(value: T) -> Sender<T> {
            Sender(tokio::sync::watch::Sender::new(value))
        }

        pub(crate) fn send_replace(&self, value: T) -> T {
            yield_now();
            self.0.send_replace(value)
        }

        pub(crate) fn borrow(&self) -> Ref<'_, T> {
            yield_now();
            self.0.borrow()
        }

        pub(crate) fn subscribe(&self) -> Receiver<T> {
            yield_now();
            self.0.subscribe()
        }
    }
}

/// Tasks. What may block a thread of the system is a task like others here.
pub(crate) mod task {
    pub(crate) use shuttle::future::{JoinHandle, spawn};

    pub(crate) fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        spawn(async move { work() })
    }
}
