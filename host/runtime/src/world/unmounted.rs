//! The outside of a host without mounts: files in memory, under the real clock and with real randomness.

use super::models::Models;
use super::os;
use libos_kernel::kernel::Permit;
use libos_kernel::model::call::{Entry, Stat, WriteMode};
use libos_kernel::model::policy::ModelProfile;
use libos_kernel::model::row::Probe;
use libos_kernel::model::time::Time;
use libos_kernel::world::memory::MemoryWorld;
use libos_kernel::world::{Asking, Content, Found, Probed, Range, World, WorldError};

/// Files in memory. Timers, limits of grants, keys and seeds rest on the clock and on randomness, which are the system's: those of
/// [`MemoryWorld`] are for tests.
pub(crate) struct Unmounted(MemoryWorld, Models);

impl Unmounted {
    /// One empty directory.
    pub(crate) fn new(mount: &str) -> Unmounted {
        Unmounted(MemoryWorld::new(&[mount], 0), Models::default())
    }

    /// The files; what is changed now gets the time of now.
    fn files(&self) -> &MemoryWorld {
        self.0.advance(os::now().since(self.0.time()));
        &self.0
    }
}

impl World for Unmounted {
    fn now(&self, _: &Permit) -> Time {
        os::now()
    }

    fn random(&self, _: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        os::random(bytes)
    }

    fn model_ask<'a>(&'a self, permit: &'a Permit, profile: &'a ModelProfile, request: &'a str) -> Asking<'a> {
        self.1.ask(permit, profile, request)
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        self.files().fs_read(permit, range)
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        self.files().fs_write(permit, content, mode, temporary)
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        self.files().fs_append(permit, content)
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        self.files().fs_list(permit)
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        self.files().fs_stat(permit)
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.files().fs_make_dir(permit)
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        self.files().fs_remove(permit, recursive)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        self.files().fs_rename(permit, replace)
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.files().fs_inspect(permit, index, follow, content)
    }

    fn probe(&self, permit: &Permit, probe: &Probe, temporary: &str) -> Probed {
        self.files().probe(permit, probe, temporary)
    }
}
