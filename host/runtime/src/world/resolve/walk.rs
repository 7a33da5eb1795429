//! Resolving without `openat2`: each segment is opened in the directory before it. Only ever downwards: `..` occurs in no name,
//! so a directory that is moved away meanwhile leads to what is in it and nowhere else.

use super::super::OsWorld;
use super::super::error::{from_errno, other_mount, wrong_kind};
use super::super::meta::Meta;
use super::{Access, Mount, link};
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use rustix::fs::{Mode, openat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Opens a directory of a mount.
pub(super) fn directory(
    world: &OsWorld,
    mount: &Mount,
    resource: &Resource,
    path: &str,
    access: Access,
) -> Result<(OwnedFd, Meta), WorldError> {
    let mut here: Option<OwnedFd> = None;
    let mut meta = mount.meta;
    // Where the path stands in the resource's name, which begins with the mount's.
    let mut end = mount.name.len();
    for segment in path.split('/') {
        let parent: BorrowedFd<'_> = here.as_ref().map_or(mount.root.as_fd(), |handle| handle.as_fd());
        end += 1 + segment.len();
        let is_last = end == mount.name.len() + 1 + path.len();
        let access = if is_last { access } else { Access::Through };
        let handle = match openat(parent, segment, access.flags(), Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let here = Meta::at(parent, segment).map_err(from_errno)?;
                world.guard.check(meta.identity, segment.as_bytes(), &here)?;
                return Err(obstacle(resource, end, parent, segment, here.kind));
            }
            Err(errno) => return Err(from_errno(errno)),
        };
        let below = Meta::of(&handle).map_err(from_errno)?;
        if !mount.contains(&below) {
            return Err(other_mount());
        }
        world.guard.check(meta.identity, segment.as_bytes(), &below)?;
        (here, meta) = (Some(handle), below);
    }
    here.map(|handle| (handle, meta)).ok_or_else(|| wrong_kind("the name is empty"))
}

/// The error for what stands where a directory should.
fn obstacle(resource: &Resource, end: usize, directory: BorrowedFd<'_>, name: &str, kind: EntryKind) -> WorldError {
    match kind {
        EntryKind::Link => link(resource, end, directory, name),
        EntryKind::Directory => WorldError::Changed("a part of the name was replaced while it was looked at".into()),
        EntryKind::File | EntryKind::Other => from_errno(Errno::NOTDIR),
    }
}
