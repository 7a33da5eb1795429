//! A guest that is dropped while it is blocked in an import: no lost record, no half-done silence.

use libos::kernel::kernel::Permit;
use libos::kernel::model::call::{Entry, Stat, WriteMode};
use libos::kernel::model::limit::CallLimits;
use libos::kernel::model::record::{Outcome, Record};
use libos::kernel::model::row::{FailureReason, Probe};
use libos::kernel::model::time::Time;
use libos::kernel::world::{Content, Found, Probed, Range, World, WorldError};
use libos::world::OsWorld;
use libos_e2e::{Host, OPEN};
use serde_json::json;
use std::sync::{Arc, Condvar, Mutex};

/// Holds back reads and writes until it is opened.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn pass(&self) {
        drop(self.changed.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// The real outside behind a gate.
struct Slow {
    world: OsWorld,
    gate: Arc<Gate>,
}

impl World for Slow {
    fn now(&self, permit: &Permit) -> Time {
        self.world.now(permit)
    }

    fn random(&self, permit: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        self.world.random(permit, bytes)
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        let content = self.world.fs_read(permit, range)?;
        let gate = Arc::clone(&self.gate);
        Ok(Content::Later(Box::new(move || {
            gate.pass();
            match content {
                Content::Whole(bytes) => Ok(bytes),
                Content::Later(rest) => rest(),
            }
        })))
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        self.gate.pass();
        self.world.fs_write(permit, content, mode, temporary)
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        self.world.fs_append(permit, content)
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        self.world.fs_list(permit)
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        self.world.fs_stat(permit)
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.world.fs_make_dir(permit)
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        self.world.fs_remove(permit, recursive)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        self.world.fs_rename(permit, replace)
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.world.fs_inspect(permit, index, follow, content)
    }

    fn probe(&self, permit: &Permit, probe: &Probe, temporary: &str) -> Probed {
        self.world.probe(permit, probe, temporary)
    }
}

/// A host whose reads and writes are held back; calls have so much wall time.
pub async fn slow_host(guests: &[&str], wall_milliseconds: u64) -> (Host, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let limits = CallLimits { wall_milliseconds, ..CallLimits::default() };
    let host = Host::with_world(OPEN, guests, limits, |world| Arc::new(Slow { world, gate: held })).await;
    (host, gate)
}

/// The record of how an operation ended; it may come only after the call has ended.
pub async fn outcome_of(host: &Host, operation: &str) -> Record {
    loop {
        let records = host.records().await;
        let ended = |record: &&Record| record.operation == operation && record.outcome != Outcome::Intent;
        if let Some(record) = records.iter().find(ended) {
            return record.clone();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wall_deadline_covers_a_blocked_read_and_its_record_is_written() {
    let (host, gate) = slow_host(&["read_loop"], 300).await;
    host.put("notes.md", "some notes");
    let failure = host.failed("read_loop", json!({"path": "notes.md", "count": 1})).await;
    assert_eq!(failure.reason, FailureReason::Limit, "{failure:?}");
    assert!(failure.message.contains("wall-time"), "{failure:?}");
    assert_eq!(failure.import.as_deref(), Some("fs.read"));
    gate.open();
    assert_eq!(outcome_of(&host, "fs.read").await.outcome, Outcome::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_goes_on_to_its_end_when_its_guest_is_dropped() {
    let (host, gate) = slow_host(&["two_writes"], 300).await;
    let failure = host.failed("two_writes", json!({})).await;
    assert_eq!(failure.import.as_deref(), Some("fs.write"), "{failure:?}");
    assert!(host.content("first.txt").is_none());
    gate.open();
    let record = outcome_of(&host, "fs.write").await;
    assert_eq!(record.outcome, Outcome::Done);
    assert!(record.parent.is_some() && record.effect.is_some(), "{record:?}");
    assert_eq!(host.content("first.txt").as_deref(), Some("one"));
    assert!(host.content("second.txt").is_none(), "a dropped guest went on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_of_a_host_that_closes_meanwhile_is_not_done_twice() {
    let (host, gate) = slow_host(&["append_loop", "two_writes"], 300).await;
    let request = libos::CallRequest::new("two_writes", "{}");
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    // The intent is on the disk, the write is held back.
    while !host.records().await.iter().any(|record| record.outcome == Outcome::Intent) {
        tokio::task::yield_now().await;
    }
    let closing = Arc::clone(&host.runtime);
    let closed = tokio::spawn(async move { closing.close().await });
    let event = libos::Runtime::settle(&mut events).await;
    assert!(matches!(event, libos::CallEvent::Interrupted(_)), "{event:?}");
    gate.open();
    closed.await.unwrap();
    let host = host.restart().await;
    let mut events = host.runtime.resume(call).await.unwrap();
    libos_e2e::result(libos::Runtime::settle(&mut events).await);
    let intents = |path: &str| {
        let path = path.to_owned();
        move |record: &&Record| record.outcome == Outcome::Intent && record.resources.contains(&path)
    };
    let records = host.records().await;
    assert_eq!(records.iter().filter(intents("fs:workspace/second.txt")).count(), 1);
    assert_eq!(host.content("first.txt").as_deref(), Some("one"));
}
