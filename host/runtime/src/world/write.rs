//! Writing a file: its content is complete and on the disk under a temporary name before it takes the target's name at once.
//! Whoever reads sees the old content or the new, also after a crash. Hard links of the old file keep the old content.

use super::OsWorld;
use super::error::{from_errno, message};
use super::meta::Meta;
use super::read::check_size;
use super::rename::move_to_free_name;
use super::resolve::{Access, Place};
use libos_kernel::model::call::WriteMode;
use libos_kernel::model::decide::OWN_FILE_PREFIX;
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use rustix::fs::{
    Access as Permission, AtFlags, Gid, Mode, OFlags, Uid, accessat, fchmod, fchown, fsync, renameat, unlinkat,
};
use rustix::io::{Errno, write};
use std::os::fd::{AsFd, OwnedFd};

/// What a new file is made with; the user's umask takes bits away.
pub(super) const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

impl OsWorld {
    pub(super) fn write(
        &self,
        resource: &Resource,
        content: &[u8],
        mode: WriteMode,
        temporary: &str,
    ) -> Result<(), WorldError> {
        check_size(content)?;
        let place = self.place(resource, Access::Itself)?;
        let before = self.look_to_write(&place, mode)?;
        remove_temporary(&place, temporary)?;
        let outcome = self.write_temporary(&place, content, before.as_ref(), temporary);
        let outcome = outcome.and_then(|()| self.publish(&place, mode, temporary));
        if outcome.is_err() {
            // The first error matters more than this one; recovery tries again.
            let _ = remove_temporary(&place, temporary);
        }
        outcome?;
        sync_directory(&place.folder)
    }

    /// What is there, if it may be replaced.
    fn look_to_write(&self, place: &Place<'_>, mode: WriteMode) -> Result<Option<Meta>, WorldError> {
        let before = self.look(place)?;
        if let Some(meta) = &before {
            self.is_file(place, meta)?;
        }
        match (&before, mode) {
            (Some(_), WriteMode::CreateNew) => Err(WorldError::AlreadyExists),
            (None, WriteMode::ReplaceExisting) => Err(WorldError::NotFound),
            (None, _) => Ok(None),
            (Some(_), _) => {
                // To replace a file takes only rights on its directory; but who may not write it shall not replace it either.
                accessat(&place.folder, place.name, Permission::WRITE_OK, AtFlags::empty()).map_err(from_errno)?;
                Ok(before)
            }
        }
    }

    fn write_temporary(
        &self,
        place: &Place<'_>,
        content: &[u8],
        before: Option<&Meta>,
        temporary: &str,
    ) -> Result<(), WorldError> {
        let mode = if before.is_some() { Mode::RUSR | Mode::WUSR } else { NEW_FILE };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = self.open(&place.folder, temporary, flags, mode).map_err(from_errno)?;
        write_all(&file, content)?;
        if let Some(before) = before {
            keep_owner_and_permissions(&file, before)?;
        }
        fsync(&file).map_err(from_errno)
    }

    /// Gives the finished file its name. Writing took a while, so what is there is looked at once more.
    pub(super) fn publish(&self, place: &Place<'_>, mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        self.look_to_write(place, mode)?;
        match mode {
            WriteMode::CreateNew => {
                move_to_free_name((place.folder.as_fd(), temporary), (place.folder.as_fd(), place.name), false)
            }
            WriteMode::CreateOrReplace | WriteMode::ReplaceExisting => {
                renameat(&place.folder, temporary, &place.folder, place.name).map_err(from_errno)
            }
        }
    }
}

/// As far as the runtime's user may give files away, and the file system keeps such things; else the file is the user's alone.
/// The bits that lend a program its owner's rights are not kept: its content is another now.
fn keep_owner_and_permissions(file: &OwnedFd, before: &Meta) -> Result<(), WorldError> {
    let accept = |outcome| match outcome {
        Ok(()) | Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        Err(errno) => Err(from_errno(errno)),
    };
    if Meta::of(file).map_err(from_errno)?.owner != before.owner {
        let (user, group) = (Uid::from_raw(before.owner.0), Gid::from_raw(before.owner.1));
        accept(fchown(file, Some(user), Some(group)))?;
    }
    accept(fchmod(file, Mode::from_raw_mode(before.permissions)))
}

/// The kernel chooses names that are reserved for this; another would remove somebody's file.
fn check_temporary(name: &str) -> Result<(), WorldError> {
    if name.starts_with(OWN_FILE_PREFIX) && !name.contains('/') {
        return Ok(());
    }
    Err(WorldError::Io("the temporary name is not one of the runtime's own".into()))
}

/// Removes what an earlier try left.
pub(super) fn remove_temporary(place: &Place<'_>, temporary: &str) -> Result<(), WorldError> {
    check_temporary(temporary)?;
    match unlinkat(&place.folder, temporary, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(from_errno(errno)),
    }
}

pub(super) fn write_all(file: &OwnedFd, mut content: &[u8]) -> Result<(), WorldError> {
    while !content.is_empty() {
        match write(file, content) {
            Ok(0) => return Err(WorldError::Io("the file system took no bytes".into())),
            Ok(count) => content = &content[count..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(from_errno(errno)),
        }
    }
    Ok(())
}

/// Makes the names in a directory durable. Some file systems cannot: theirs are as durable as they are.
pub(super) fn sync_directory(directory: impl AsFd) -> Result<(), WorldError> {
    match fsync(directory) {
        Ok(()) | Err(Errno::INVAL) => Ok(()),
        Err(errno) => Err(WorldError::Io(format!("it is done, but not certain to last: {}", message(errno)))),
    }
}
