//! Moving a name, at once, within one file system.

use super::OsWorld;
use super::error::{PROTECTED, about, from_errno, wrong_kind};
use super::meta::Meta;
use super::resolve::{Access, Place};
use super::write::sync_directory;
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use rustix::fs::{AtFlags, RenameFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd};

impl OsWorld {
    pub(super) fn rename(&self, old: &Resource, new: &Resource, replace: bool) -> Result<(), WorldError> {
        let from = self.place(old, Access::Itself)?;
        let to = self.place(new, Access::Itself).map_err(about(1))?;
        let moved = self.look(&from)?.ok_or(WorldError::NotFound)?;
        let there = self.look(&to).map_err(about(1))?;
        let is_directory = moved.kind == EntryKind::Directory;
        if is_directory && self.guard.lies_below(moved.identity) {
            return Err(PROTECTED);
        }
        if is_directory && new.is_within(old) && new != old {
            return Err(wrong_kind("a directory cannot go into itself"));
        }
        match there {
            Some(_) if !replace => return Err(WorldError::AlreadyExists),
            Some(there) => replace_file(&from, &moved, &to, &there)?,
            None => {
                let (from, to) = ((from.folder.as_fd(), from.name), (to.folder.as_fd(), to.name));
                move_to_free_name(from, to, is_directory)?;
            }
        }
        sync_directory(&to.folder)?;
        if from.folder_identity == to.folder_identity { Ok(()) } else { sync_directory(&from.folder) }
    }
}

fn replace_file(from: &Place<'_>, moved: &Meta, to: &Place<'_>, there: &Meta) -> Result<(), WorldError> {
    if !matches!(moved.kind, EntryKind::File | EntryKind::Link) || there.kind != EntryKind::File {
        return Err(wrong_kind("only a file can take the place of a file, and of nothing else"));
    }
    // The system would do nothing, say that it did it, and leave both names.
    if moved.identity == there.identity
        && moved.links > 1
        && (from.folder_identity, from.name) != (to.folder_identity, to.name)
    {
        return Err(wrong_kind("both names are hard links of one file"));
    }
    renameat(&from.folder, from.name, &to.folder, to.name).map_err(from_errno)
}

/// Moves to a name that must be free. A file system that has no such move gets a file by a link and the removal of the old name,
/// which is as safe; a directory by a look before, since only an empty directory that comes between could be replaced.
pub(super) fn move_to_free_name(
    (from, old): (BorrowedFd<'_>, &str),
    (to, new): (BorrowedFd<'_>, &str),
    is_directory: bool,
) -> Result<(), WorldError> {
    match renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) if is_directory => move_directory((from, old), (to, new)),
        Err(Errno::INVAL | Errno::NOSYS) => move_by_link((from, old), (to, new)),
        outcome => outcome.map_err(from_errno),
    }
}

fn move_directory((from, old): (BorrowedFd<'_>, &str), (to, new): (BorrowedFd<'_>, &str)) -> Result<(), WorldError> {
    match Meta::at(to, new) {
        Err(Errno::NOENT) => renameat(from, old, to, new).map_err(from_errno),
        Err(errno) => Err(from_errno(errno)),
        Ok(_) => Err(WorldError::AlreadyExists),
    }
}

fn move_by_link((from, old): (BorrowedFd<'_>, &str), (to, new): (BorrowedFd<'_>, &str)) -> Result<(), WorldError> {
    linkat(from, old, to, new, AtFlags::empty()).map_err(from_errno)?;
    unlinkat(from, old, AtFlags::empty()).map_err(from_errno)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the outside that the world sees")]
mod tests {
    use super::super::tests::{Sandbox, short};
    use super::*;

    #[test]
    fn without_a_move_to_a_free_name_nothing_is_replaced_either() {
        let sandbox = Sandbox::new();
        sandbox.file("mount/file", "file");
        sandbox.file("mount/taken", "taken");
        sandbox.file("mount/dir/inside", "inside");
        sandbox.directory("mount/empty");
        let mount = std::fs::File::open(sandbox.path("mount")).unwrap();
        let mount = mount.as_fd();
        assert_eq!(short(move_by_link((mount, "file"), (mount, "taken"))), "AlreadyExists");
        assert_eq!(short(move_by_link((mount, "file"), (mount, "free"))), "()");
        assert_eq!(short(move_directory((mount, "dir"), (mount, "empty"))), "AlreadyExists");
        assert_eq!(short(move_directory((mount, "dir"), (mount, "moved"))), "()");
        assert_eq!(sandbox.names("mount"), ["empty", "free", "moved", "taken"]);
        assert_eq!(sandbox.content("mount/taken").unwrap(), "taken");
    }
}
