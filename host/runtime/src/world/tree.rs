//! Directories through their handles: their names, and a walk over all that is below one, children first.

use super::OsWorld;
use super::error::{from_errno, other_mount};
use super::meta::Meta;
use super::resolve::Mount;
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::limit;
use libos_kernel::world::WorldError;
use rustix::fs::{AtFlags, Mode, OFlags, RawDir, openat, unlinkat};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

/// Bytes of directory entries that one system call fetches: a few hundred entries.
const FETCH_BYTES: usize = 32 << 10;

/// Opens a directory in a directory, to list and to sync it; no link is followed.
pub(super) fn open_directory(directory: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

/// The names in a directory that was just opened, in the system's order.
pub(super) fn names(directory: impl AsFd, at_most: usize) -> Result<Vec<CString>, WorldError> {
    let mut buffer = Vec::<u8>::with_capacity(FETCH_BYTES);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(from_errno)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if names.len() == at_most {
            return Err(WorldError::TooLarge(format!("the directory has more than {at_most} entries")));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// A walk over all that is below a directory. The same walk looks first and removes then, so that both see the same dangers.
pub(super) struct Walk<'w> {
    world: &'w OsWorld,
    mount: &'w Mount,
    removes: bool,
    /// Entries that were met.
    pub met: usize,
    /// Entries that were removed.
    pub removed: usize,
}

impl<'w> Walk<'w> {
    /// A walk that looks, or one that removes.
    pub fn new(world: &'w OsWorld, mount: &'w Mount, removes: bool) -> Walk<'w> {
        Walk { world, mount, removes, met: 0, removed: 0 }
    }

    /// Goes over all that is below the directory, which is this deep.
    pub fn run(&mut self, directory: &OwnedFd, meta: &Meta, depth: usize) -> Result<(), WorldError> {
        if depth > limit::PATH_SEGMENTS_MAX {
            let most = limit::PATH_SEGMENTS_MAX;
            return Err(WorldError::TooLarge(format!("the directory is more than {most} levels deep")));
        }
        let names = names(directory, limit::REMOVE_ENTRIES_MAX - self.met).map_err(|error| match error {
            WorldError::TooLarge(_) => {
                let most = limit::REMOVE_ENTRIES_MAX;
                WorldError::TooLarge(format!("the directory has more than {most} entries in all"))
            }
            other => other,
        })?;
        self.met += names.len();
        for name in names {
            let entry = Meta::at(directory, name.as_c_str()).map_err(from_errno)?;
            self.admit(meta, &name, &entry)?;
            let is_directory = entry.kind == EntryKind::Directory;
            if is_directory {
                let below = open_directory(directory, &name).map_err(from_errno)?;
                let opened = Meta::of(&below).map_err(from_errno)?;
                self.admit(meta, &name, &opened)?;
                self.run(&below, &opened, depth + 1)?;
            }
            if self.removes {
                let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
                unlinkat(directory, name.as_c_str(), flags).map_err(from_errno)?;
                self.removed += 1;
            }
        }
        Ok(())
    }

    fn admit(&self, parent: &Meta, name: &CStr, entry: &Meta) -> Result<(), WorldError> {
        self.world.guard.check(parent.identity, name.to_bytes(), entry)?;
        if self.mount.contains(entry) { Ok(()) } else { Err(other_mount()) }
    }
}
