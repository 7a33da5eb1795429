//! Resolving by `openat2`: the system itself keeps to what is beneath, without links and without other mounts.

use super::super::OsWorld;
use super::super::error::{from_errno, other_mount};
use super::super::meta::Meta;
use super::{Access, Mount, walk};
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// Tries of one opening. The system asks for another when a directory is moved meanwhile, or a signal comes.
const TRIES: usize = 16;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// Whether the system has it (since Linux 5.6) and no filter of system calls forbids it.
pub(super) fn is_available(directory: impl AsFd) -> bool {
    open(directory, ".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).is_ok()
}

/// Opens a path beneath a directory.
pub(super) fn open(directory: impl AsFd, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let mut result = Err(Errno::AGAIN);
    for _ in 0..TRIES {
        result = rustix::fs::openat2(&directory, path, flags, mode, BENEATH);
        if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    result
}

/// Opens a directory of a mount. If that fails, the walk finds out where and why.
pub(super) fn directory(
    world: &OsWorld,
    mount: &Mount,
    resource: &Resource,
    path: &str,
    access: Access,
) -> Result<(OwnedFd, Meta), WorldError> {
    match open(&mount.root, path, access.flags(), Mode::empty()) {
        Ok(handle) => {
            let meta = Meta::of(&handle).map_err(from_errno)?;
            check_all(world, mount, path, &meta)?;
            Ok((handle, meta))
        }
        Err(Errno::XDEV) => Err(other_mount()),
        Err(_) => walk::directory(world, mount, resource, path, access),
    }
}

/// Whether a directory on the way is protected. These are looked up by name once more: only who may move a protected directory
/// could make the two ways differ, and so needs no such trick.
fn check_all(world: &OsWorld, mount: &Mount, path: &str, last: &Meta) -> Result<(), WorldError> {
    let (mut parent, mut start) = (mount.meta.identity, 0);
    for (end, _) in path.match_indices('/') {
        let meta = Meta::at(&mount.root, &path[..end]).map_err(from_errno)?;
        world.guard.check(parent, &path.as_bytes()[start..end], &meta)?;
        (parent, start) = (meta.identity, end + 1);
    }
    world.guard.check(parent, &path.as_bytes()[start..], last)
}
