//! An outside in memory: [`Files`], a clock that only its owner moves, and randomness from a seed. For tests of tools, and for hosts
//! whose tools are to touch nothing real.

use super::files::{Body, Files};
use super::{Content, Found, Probed, Range, World, WorldError};
use crate::kernel::Permit;
use crate::model::call::{Entry, Stat, WriteMode};
use crate::model::row::Probe;
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When the clock stands until somebody moves it: 2026-01-01, in nanoseconds.
const BEGIN: Time = Time(1_767_225_600_000_000_000);

#[derive(Debug)]
struct Outside {
    files: Files,
    clock: Time,
    seed: u64,
    drawn: u64,
}

/// The outside; clones share it.
#[derive(Debug, Clone)]
pub struct MemoryWorld(Arc<Mutex<Outside>>);

impl MemoryWorld {
    /// An outside with these directories as mounts. The same seed gives the same random numbers.
    pub fn new(mounts: &[&str], seed: u64) -> MemoryWorld {
        let mut files = Files::default();
        files.set_time(BEGIN);
        for mount in mounts {
            files.put(mount, Body::Directory);
        }
        MemoryWorld(Arc::new(Mutex::new(Outside { files, clock: BEGIN, seed, drawn: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, Outside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something there, with the directories around it, as somebody outside would. The name begins with the mount's:
    /// `workspace/notes.md`.
    pub fn put(&self, path: &str, body: Body) {
        self.lock().files.put_with_directories(path, body);
    }

    /// What has a name; no link is followed.
    pub fn get(&self, path: &str) -> Option<Body> {
        self.lock().files.get(path).cloned()
    }

    /// Everything, sorted by name.
    pub fn files(&self) -> Files {
        self.lock().files.clone()
    }

    /// What its clock shows.
    pub fn time(&self) -> Time {
        self.lock().clock
    }

    /// Moves the clock. A host that runs over it is told by [`Kernel::fire_timers_due`](crate::kernel::Kernel::fire_timers_due).
    pub fn advance(&self, time: Duration) {
        let mut outside = self.lock();
        outside.clock = outside.clock.after(time);
        let now = outside.clock;
        outside.files.set_time(now);
    }
}

impl World for MemoryWorld {
    fn now(&self, _: &Permit) -> Time {
        self.time()
    }

    fn random(&self, _: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        let mut outside = self.lock();
        for piece in bytes.chunks_mut(32) {
            outside.drawn += 1;
            let block =
                Sha256::new().chain_update(outside.seed.to_be_bytes()).chain_update(outside.drawn.to_be_bytes());
            piece.copy_from_slice(&block.finalize()[..piece.len()]);
        }
        Ok(())
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        self.lock().files.read(permit.resource(0), range).map(Content::Whole)
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, _: &str) -> Result<(), WorldError> {
        self.lock().files.write(permit.resource(0), content, mode)
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        self.lock().files.append(permit.resource(0), content)
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        self.lock().files.list(permit.resource(0))
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        self.lock().files.stat(permit.resource(0))
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.lock().files.make_dir(permit.resource(0))
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        self.lock().files.remove(permit.resource(0), recursive)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        self.lock().files.rename(permit.resource(0), permit.resource(1), replace)
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.lock().files.inspect(permit.resource(index), index, follow, content)
    }

    fn probe(&self, _: &Permit, probe: &Probe, temporary: &str) -> Probed {
        self.lock().files.probe(probe, temporary)
    }
}
