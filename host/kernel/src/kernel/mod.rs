//! Floor 2: the tables in memory and their changes. Everything that is decided, changed or recorded is decided, changed and recorded
//! here, under one lock; a committer thread brings it to the disk in order.

mod admit;
mod agents;
mod approvals;
mod asking;
pub mod audit;
mod briefing;
mod calls;
mod candidates;
pub mod census;
mod checkpoint_diff;
mod checkpoint_fork;
pub mod checkpoints;
mod child_waits;
mod children;
mod committer;
mod delegate;
pub mod evidence;
mod exec;
pub mod explain;
mod flood;
mod gc;
mod given;
pub mod grants;
mod halt;
mod hand_over;
mod history;
pub mod host;
mod images;
pub mod ledger;
mod lifetime;
mod lineage;
mod links;
mod mail;
mod merge;
mod models;
mod moves;
mod nested;
mod notary;
mod object_cache;
#[cfg(test)]
mod object_tests;
mod object_versions;
mod objects;
mod open;
mod own_tools;
mod permit;
mod pins;
mod policy;
mod processes;
mod programs;
mod purses;
mod quanta;
mod query;
mod questions;
mod recover;
mod release;
mod restore;
mod restored;
mod rules;
mod scripts;
mod signals;
mod space;
mod standing;
mod state;
mod tickets;
mod tools;
pub mod view;
mod viewers;
mod views;
mod waits;

pub use admit::{Admit, Attempt, Prepared};
pub(crate) use admit::{Around, Foreseen};
pub use agents::{NewAgent, Planned, Progress};
pub use briefing::{Briefing, Offered};
pub use calls::{EndedCall, LogLine, Place, Resumed, StartCall, Started};
pub use candidates::{FoundTool, Validation};
pub use checkpoint_diff::{Between, MemberChange};
pub use delegate::Delegation;
pub use gc::{Dropped, Keep, foresee};
pub use history::NotKept;
pub use host::HostError;
pub(crate) use lineage::process_of;
pub use notary::Notary;
pub use objects::Author;
pub use open::Options;
pub use permit::Permit;
pub use processes::{FIRST_MOUNT, own_namespace};
pub(crate) use programs::command;
pub use purses::{Budget, TimeLeft};
pub use quanta::{PLANNER, StartQuantum};
pub use questions::{Answered, Reaction};
pub use recover::temporary_name;
pub use rules::{Changed, NewGrant};
pub use standing::{Below, Standing};
pub(crate) use state::Moment;
pub use state::{State, Woken};
pub use tools::NewTool;

use crate::model::answer::Stop;
use crate::model::id::CallId;
use crate::model::row::ProcessRow;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::disk::Storage;
use crate::store::files::Files;
use crate::store::reader::Snapshot;
use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, MutexGuard, watch};
use crate::world::World;
use redb::Database;
use std::sync::{Arc, LockResult, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// What the committer and everybody else share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the committer.
    work: Arc<Condvar>,
    /// The number of the last batch on the disk.
    durable: watch::Sender<u64>,
    /// A commit failed, or the kernel is closed.
    stopped: watch::Sender<bool>,
}

impl Shared {
    /// The lock. A panic under it must not free its holders to go on with half a change: the state is marked as failed first.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.sound(self.state.lock())
    }

    fn sound<'a>(&self, locked: LockResult<MutexGuard<'a, State>>) -> MutexGuard<'a, State> {
        locked.unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            state.failed.get_or_insert_with(|| "a part of the host panicked".into());
            state
        })
    }
}

/// The kernel over one store and one world.
pub struct Kernel {
    shared: Arc<Shared>,
    world: Arc<dyn World>,
    storage: Arc<dyn Storage>,
    files: Arc<Files>,
    database: Arc<Database>,
    committer: Mutex<Option<JoinHandle<()>>>,
    /// Something became runnable or a timer changed.
    changed: Arc<Notify>,
    large_reads: Arc<Semaphore>,
    programs: Arc<Semaphore>,
}

impl Kernel {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// The outside.
    pub(crate) fn world(&self) -> &dyn World {
        &*self.world
    }

    /// The time, for records and timers.
    pub fn now(&self) -> Time {
        self.world.now(&Permit::of_kernel(Vec::new()))
    }

    /// Random bytes for keys and seeds.
    ///
    /// # Errors
    /// The system has none.
    pub fn random32(&self) -> Result<[u8; 32], Stop> {
        let mut bytes = [0; 32];
        self.world
            .random(&Permit::of_kernel(Vec::new()), &mut bytes)
            .map_err(|error| Stop::Host(format!("no randomness: {error:?}")))?;
        Ok(bytes)
    }

    /// What is committed at this moment: what may be shown to anybody.
    ///
    /// # Errors
    /// The disk failed.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::of(&self.database, Arc::clone(&self.storage))
    }

    /// Waits until a batch is on the disk.
    ///
    /// # Errors
    /// A commit failed; nothing is done any more.
    pub async fn durable(&self, number: u64) -> Result<(), Stop> {
        if *self.shared.durable.borrow() >= number {
            return Ok(());
        }
        let mut durable = self.shared.durable.subscribe();
        let mut stopped = self.shared.stopped.subscribe();
        {
            let mut state = self.lock();
            if let Some(why) = &state.failed {
                let there = *self.shared.durable.borrow() >= number;
                return if there { Ok(()) } else { Err(Stop::Host(why.clone())) };
            }
            if state.number == number {
                state.urgent = true;
                self.shared.work.notify_one();
            }
        }
        tokio::select! {
            biased;
            reached = durable.wait_for(|have| *have >= number) => reached.map(|_| ()).map_err(|_| self.why_stopped()),
            _ = stopped.wait_for(|stopped| *stopped) => {
                if *self.shared.durable.borrow() >= number { Ok(()) } else { Err(self.why_stopped()) }
            }
        }
    }

    /// Numbers of the batches that are on the disk: it changes whenever there is something new to see.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.shared.durable.subscribe()
    }

    /// Waits until everything until now is on the disk.
    ///
    /// # Errors
    /// A commit failed; nothing is done any more.
    pub async fn barrier(&self) -> Result<(), Stop> {
        let mark = self.lock().mark();
        self.durable(mark).await
    }

    /// Waits for a turn to read something large, and until there is room for it. The turn ends with the value.
    ///
    /// # Errors
    /// A commit failed; nothing is done any more.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Stop> {
        let turn = Arc::clone(&self.large_reads).acquire_owned().await.map_err(|_| self.why_stopped())?;
        self.room().await?;
        Ok(turn)
    }

    /// Waits for a turn to run a program. The turn ends with the value.
    ///
    /// # Errors
    /// A commit failed; nothing is done any more.
    pub(crate) async fn program_turn(&self) -> Result<OwnedSemaphorePermit, Stop> {
        Arc::clone(&self.programs).acquire_owned().await.map_err(|_| self.why_stopped())
    }

    /// Bytes of changes that are not on the disk yet, roughly.
    pub fn uncommitted_bytes(&self) -> usize {
        self.lock().uncommitted()
    }

    /// Waits until there is room for more changes. Whoever makes a large one waits here first.
    ///
    /// # Errors
    /// A commit failed; nothing is done any more.
    pub async fn room(&self) -> Result<(), Stop> {
        loop {
            let mark = {
                let state = self.lock();
                if let Some(why) = &state.failed {
                    return Err(Stop::Host(why.clone()));
                }
                if state.uncommitted() < crate::model::limit::UNCOMMITTED_BYTES_MAX {
                    return Ok(());
                }
                if state.in_flight.is_some() { state.number - 1 } else { state.number }
            };
            self.durable(mark).await?;
        }
    }

    fn why_stopped(&self) -> Stop {
        Stop::Host(self.lock().failed.clone().unwrap_or_else(|| "the host is closed".into()))
    }

    /// Resolves when a call became runnable or the next timer changed since the last time.
    /// Whoever waits does not keep the kernel.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        let changed = Arc::clone(&self.changed);
        async move { changed.notified().await }
    }

    /// Calls whose wait has ended and that nobody runs; each is told once.
    pub fn take_runnable(&self) -> Vec<CallId> {
        std::mem::take(&mut self.lock().runnable)
    }

    /// Whether the outside is being changed at this moment.
    pub fn has_effects_under_way(&self) -> bool {
        !self.lock().effects.is_empty()
    }

    /// Whether a call has not ended.
    pub fn is_live(&self, call: CallId) -> bool {
        self.lock().calls.contains_key(&call)
    }

    /// The processes that live, as they are now, committed or not.
    pub fn live_processes(&self) -> Vec<ProcessRow> {
        self.lock().processes.values().cloned().collect()
    }

    /// Why the kernel has stopped, if it has.
    pub fn failure(&self) -> Option<String> {
        self.lock().failed.clone()
    }

    /// Resolves when a commit has failed, or the kernel is gone. Whoever waits does not keep it.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopped = self.shared.stopped.subscribe();
        async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    }

    /// Brings everything to the disk and ends the committer. Also done when the kernel is dropped.
    pub fn shutdown(&self) {
        {
            let mut state = self.lock();
            state.closing = true;
            self.shared.work.notify_one();
        }
        let thread = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A committer that panicked has nothing more to bring to the disk.
            let _ = thread.join();
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.shutdown();
    }
}
