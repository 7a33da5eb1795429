//! A place where one thread is held until the test lets it go; the test knows when it has arrived.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Waits for what comes by itself. The limit is far beyond what anything takes: only a test that fails meets it.
pub async fn within_reason<T>(otherwise: &str, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.unwrap_or_else(|_| panic!("{otherwise}"))
}

/// A closed door. It opens for good, at the latest when the test's handle is dropped, so that a test that fails does not hang.
#[derive(Debug)]
pub struct Gate {
    door: Arc<Door>,
}

#[derive(Debug)]
pub(super) struct Door {
    reached: watch::Sender<bool>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// A closed one.
    pub fn new() -> Gate {
        let door = Door { reached: watch::Sender::new(false), open: Mutex::new(false), opened: Condvar::new() };
        Gate { door: Arc::new(door) }
    }

    /// Resolves when somebody stands before it.
    pub async fn reached(&self) {
        let mut reached = self.door.reached.subscribe();
        within_reason("nobody came to the gate", reached.wait_for(|reached| *reached))
            .await
            .expect("the gate is there");
    }

    /// Lets everybody through.
    pub fn open(&self) {
        *self.door.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.door.opened.notify_all();
    }

    pub(super) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Door {
    /// Stands before the door until it is open.
    pub fn pass(&self) {
        self.reached.send_replace(true);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self.opened.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
