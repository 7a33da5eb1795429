//! Adding content at the end of a file, in place. So it changes every name of a file with several: guarded like reading.

use super::OsWorld;
use super::error::from_errno;
use super::meta::Meta;
use super::read::{check_hard_links, check_size};
use super::resolve::{Access, Place};
use super::write::{NEW_FILE, sync_directory, write_all};
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use rustix::fs::{AtFlags, OFlags, fdatasync, fsync, ftruncate, unlinkat};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

impl OsWorld {
    /// `narrowed` is asked only for a file with several names.
    pub(super) fn append_under(
        &self,
        resource: &Resource,
        content: &[u8],
        narrowed: impl FnOnce() -> bool,
    ) -> Result<(), WorldError> {
        check_size(content)?;
        let place = self.place(resource, Access::Itself)?;
        match self.look(&place)? {
            Some(_) => self.append_to_old(&place, content, narrowed),
            None => self.append_to_new(&place, content),
        }
    }

    fn append_to_old(
        &self,
        place: &Place<'_>,
        content: &[u8],
        narrowed: impl FnOnce() -> bool,
    ) -> Result<(), WorldError> {
        let (file, before) = self.open_file(place, OFlags::WRONLY | OFlags::APPEND)?;
        check_hard_links(place.mount, &before, narrowed)?;
        write_all(&file, content).inspect_err(|_| take_back(&file, &before, content.len()))?;
        fdatasync(&file).map_err(from_errno)
    }

    fn append_to_new(&self, place: &Place<'_>, content: &[u8]) -> Result<(), WorldError> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let file = self.open(&place.folder, place.name, flags, NEW_FILE).map_err(|errno| match errno {
            Errno::EXIST => WorldError::Changed("somebody else made the file meanwhile".into()),
            errno => from_errno(errno),
        })?;
        write_all(&file, content).inspect_err(|_| {
            // As far as it can be told that the name is still ours. The first error matters more than this one.
            let ours = Meta::of(&file).ok().map(|meta| meta.identity);
            if ours.is_some() && ours == Meta::at(&place.folder, place.name).ok().map(|meta| meta.identity) {
                let _ = unlinkat(&place.folder, place.name, AtFlags::empty());
            }
        })?;
        fsync(&file).map_err(from_errno)?;
        sync_directory(&place.folder)
    }
}

/// Cuts off the part of an unfinished addition, if nobody else added anything. The first error matters more than one here.
fn take_back(file: &OwnedFd, before: &Meta, added: usize) {
    let most = before.size.saturating_add(added as u64);
    if Meta::of(file).is_ok_and(|now| now.size > before.size && now.size < most) {
        let _ = ftruncate(file, before.size);
    }
}
