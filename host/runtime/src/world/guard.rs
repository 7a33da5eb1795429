//! Keeps every mount off the runtime's own files by what they are, beside the kernel's ceiling, which knows them by name.
//!
//! A protected path is known by three things: the directory it lies in together with its name there, the file that was there at
//! the start, and the file that is there now. What that catches: a file with one name, and every directory, is protected if and
//! only if its one place is the protected one, or it is the file of the start that was moved away; both are compared without
//! asking the system. A file with several names may be a protected one under another name that came later: for such a file, and
//! before every change, the paths are looked at again, and the files directly in a protected directory too. So an ordinary read
//! costs no system call, and a replaced policy file is protected from its first moment.
//!
//! The handles stay open: an inode that is compared with cannot be given to another file meanwhile.

use super::WorldSetupError;
use super::error::{PROTECTED, from_errno};
use super::meta::{Identity, Meta};
use super::{os, tree};
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::limit;
use libos_kernel::world::WorldError;
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// The protected files and directories.
pub(super) struct Guard {
    watched: Vec<Watched>,
    /// What is at each watched path now, in the same order.
    latest: RwLock<Vec<Option<Held>>>,
}

struct Watched {
    parent: OwnedFd,
    parent_identity: Identity,
    name: Vec<u8>,
    first: Option<Held>,
}

struct Held {
    meta: Meta,
    handle: OwnedFd,
}

impl Held {
    fn identity(&self) -> Identity {
        self.meta.identity
    }
}

impl Guard {
    /// Protects these paths, which need not exist; the directories they lie in must.
    pub fn new(paths: &[PathBuf]) -> Result<Guard, WorldSetupError> {
        let mut watched: Vec<Watched> = Vec::new();
        for path in paths {
            let fail = |source| WorldSetupError::Protected { path: path.clone(), source };
            let path = std::path::absolute(path).map_err(fail)?;
            // Where a link leads is protected, and so is the link.
            let target = os::without_links_ambient(&path).ok();
            for path in [Some(&path), target.as_ref()].into_iter().flatten() {
                let new = Watched::new(path).map_err(fail)?;
                let known = |old: &Watched| old.parent_identity == new.parent_identity && old.name == new.name;
                if !watched.iter().any(known) {
                    watched.push(new);
                }
            }
        }
        let guard = Guard { latest: RwLock::new(watched.iter().map(|_| None).collect()), watched };
        guard.refresh();
        Ok(guard)
    }

    /// Looks again at what is at the protected paths.
    pub fn refresh(&self) {
        let now: Vec<_> = self.watched.iter().map(Watched::identity).collect();
        let is_now = |(held, now): (&Option<Held>, &Option<Identity>)| held.as_ref().map(Held::identity) == *now;
        if self.latest.read().unwrap_or_else(PoisonError::into_inner).iter().zip(&now).all(is_now) {
            return;
        }
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        for (watched, held) in self.watched.iter().zip(latest.iter_mut()) {
            *held = watched.hold();
        }
    }

    /// Refuses what is at this name of this directory if it is protected.
    pub fn check(&self, directory: Identity, name: &[u8], meta: &Meta) -> Result<(), WorldError> {
        self.check_name(directory, name)?;
        if self.knows(meta.identity) {
            return Err(PROTECTED);
        }
        if meta.links > 1 && meta.kind != EntryKind::Directory {
            self.refresh();
            if self.knows(meta.identity) || self.is_inside(meta.identity)? {
                return Err(PROTECTED);
            }
        }
        Ok(())
    }

    /// Refuses a name that is protected although nothing is there.
    pub fn check_name(&self, directory: Identity, name: &[u8]) -> Result<(), WorldError> {
        let hit = |watched: &Watched| watched.parent_identity == directory && watched.name == name;
        if self.watched.iter().any(hit) { Err(PROTECTED) } else { Ok(()) }
    }

    /// Whether something protected lies in the directory or below. Doubt counts as yes.
    pub fn lies_below(&self, directory: Identity) -> bool {
        self.watched.iter().any(|watched| {
            let moved = watched.first.as_ref().filter(|held| held.meta.kind == EntryKind::Directory);
            is_below(&watched.parent, directory) || moved.is_some_and(|held| is_below(&held.handle, directory))
        })
    }

    /// Whether the directory is a protected one or lies below one. Doubt counts as yes.
    pub fn covers(&self, directory: impl AsFd) -> bool {
        let held = self.watched.iter().filter_map(|watched| watched.first.as_ref());
        held.into_iter().any(|held| is_below(&directory, held.identity()))
    }

    fn knows(&self, identity: Identity) -> bool {
        let is_it = |held: &Held| held.identity() == identity;
        self.watched.iter().any(|watched| watched.first.as_ref().is_some_and(is_it))
            || self.latest.read().unwrap_or_else(PoisonError::into_inner).iter().flatten().any(is_it)
    }

    /// Whether a file with several names is one of the files directly in a protected directory.
    fn is_inside(&self, identity: Identity) -> Result<bool, WorldError> {
        for held in self.watched.iter().filter_map(|watched| watched.first.as_ref()) {
            if held.meta.kind != EntryKind::Directory || held.identity().device != identity.device {
                continue;
            }
            let directory = tree::open_directory(&held.handle, c".").map_err(from_errno)?;
            for name in tree::names(&directory, limit::LIST_ENTRIES_MAX)? {
                if Meta::at(&directory, name.as_c_str()).is_ok_and(|meta| meta.identity == identity) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl Watched {
    fn new(path: &Path) -> Result<Watched, std::io::Error> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it has no name"));
        };
        let parent = os::open_ambient_directory(parent)?;
        let parent_identity = Meta::of(&parent)?.identity;
        let mut watched = Watched { parent, parent_identity, name: name.as_bytes().to_owned(), first: None };
        watched.first = watched.hold();
        Ok(watched)
    }

    fn identity(&self) -> Option<Identity> {
        Meta::at(&self.parent, &*self.name).ok().map(|meta| meta.identity)
    }

    fn hold(&self) -> Option<Held> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(&self.parent, &*self.name, flags, Mode::empty()).ok()?;
        Some(Held { meta: Meta::of(&handle).ok()?, handle })
    }
}

/// Whether the directory is `above` or lies below it: climbs to the system's root. Doubt counts as yes.
fn is_below(directory: impl AsFd, above: Identity) -> bool {
    climb(directory, above).unwrap_or(true)
}

fn climb(directory: impl AsFd, above: Identity) -> Result<bool, Errno> {
    let up = |from: &dyn AsFd| {
        openat(from.as_fd(), c"..", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    };
    let mut meta = Meta::of(&directory)?;
    let mut here: OwnedFd = up(&directory)?;
    // A path has at most so many segments as it has bytes.
    for _ in 0..limit::PATH_BYTES_MAX {
        if meta.identity == above {
            return Ok(true);
        }
        let next = Meta::of(&here)?;
        if next.identity == meta.identity && next.mount == meta.mount {
            return Ok(false);
        }
        meta = next;
        here = up(&here)?;
    }
    Err(Errno::NAMETOOLONG)
}
