//! What the system knows of a file, asked through a handle or beside one, never by a path from the system's root.

use libos_kernel::model::call::{EntryKind, Stat};
use libos_kernel::model::time::Time;
use rustix::fs::{AtFlags, FileType, StatxFlags, makedev, statat, statx};
use rustix::io::Errno;
use rustix::path::Arg;
use std::os::fd::AsFd;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub device: u64,
    pub inode: u64,
}

/// What is known of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meta {
    pub identity: Identity,
    pub kind: EntryKind,
    pub size: u64,
    /// Names that it has.
    pub links: u64,
    /// Bits of who may read, write and execute.
    pub permissions: u32,
    pub owner: (u32, u32),
    pub modified: Time,
    /// When it was made; not every file system knows.
    pub created: Option<Time>,
    /// The number of the system's mount it was reached through; old systems do not tell.
    pub mount: Option<u64>,
}

impl Meta {
    /// Of what the handle stands for.
    pub fn of(handle: impl AsFd) -> Result<Meta, Errno> {
        read(handle, c"", AtFlags::EMPTY_PATH)
    }

    /// Of a name in a directory; a link is not followed, and nothing is mounted by looking.
    pub fn at(directory: impl AsFd, name: impl Arg + Copy) -> Result<Meta, Errno> {
        read(directory, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)
    }

    /// What a guest learns of it.
    pub fn stat(&self) -> Stat {
        let size = if self.kind == EntryKind::File { self.size } else { 0 };
        Stat { kind: self.kind, size, modified: self.modified }
    }
}

fn read(directory: impl AsFd, name: impl Arg + Copy, flags: AtFlags) -> Result<Meta, Errno> {
    match statx(&directory, name, flags, StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID) {
        Ok(have) => Ok(Meta {
            identity: Identity { device: makedev(have.stx_dev_major, have.stx_dev_minor), inode: have.stx_ino },
            kind: kind(FileType::from_raw_mode(have.stx_mode.into())),
            size: have.stx_size,
            links: have.stx_nlink.into(),
            permissions: u32::from(have.stx_mode) & 0o777,
            owner: (have.stx_uid, have.stx_gid),
            modified: time(have.stx_mtime.tv_sec, have.stx_mtime.tv_nsec.into()),
            created: (have.stx_mask & StatxFlags::BTIME.bits() != 0)
                .then(|| time(have.stx_btime.tv_sec, have.stx_btime.tv_nsec.into())),
            mount: (have.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(have.stx_mnt_id),
        }),
        // A system, or a filter of system calls, that is older than statx.
        Err(Errno::NOSYS | Errno::PERM) => read_old(directory, name, flags),
        Err(errno) => Err(errno),
    }
}

#[expect(clippy::useless_conversion, reason = "the widths of these fields differ between processors")]
fn read_old(directory: impl AsFd, name: impl Arg, flags: AtFlags) -> Result<Meta, Errno> {
    let have = statat(directory, name, flags)?;
    Ok(Meta {
        identity: Identity { device: have.st_dev, inode: have.st_ino },
        kind: kind(FileType::from_raw_mode(have.st_mode)),
        size: u64::try_from(have.st_size).unwrap_or_default(),
        links: have.st_nlink.into(),
        permissions: have.st_mode & 0o777,
        owner: (have.st_uid, have.st_gid),
        modified: time(have.st_mtime, u64::try_from(have.st_mtime_nsec).unwrap_or_default()),
        created: None,
        mount: None,
    })
}

fn kind(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

/// Before 1970 is 1970, after 2554 is 2554.
fn time(seconds: i64, nanoseconds: u64) -> Time {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    Time(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the outside that the world sees")]
mod tests {
    use super::*;

    #[test]
    fn the_old_way_to_ask_says_the_same() {
        let directory = std::fs::File::open(std::env::temp_dir()).unwrap();
        let (new, old) = (Meta::of(&directory).unwrap(), read_old(&directory, c"", AtFlags::EMPTY_PATH).unwrap());
        assert_eq!(new.identity, old.identity);
        assert_eq!((new.kind, new.links, new.permissions), (old.kind, old.links, old.permissions));
        assert_eq!((new.kind, new.owner), (EntryKind::Directory, old.owner));
    }
}
