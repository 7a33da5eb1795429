//! Looks what the machine offers of what the host relies on: on each mount, and in the data directory. Nothing is written to find out.

use super::meta::Meta;
use super::resolve::{Mount, Resolver};
use super::{os, tree};
use libos_kernel::model::facility::{Facilities, Facility, Finding, Presence};
use rustix::fs::{FlockOperation, RawDir, flock, fstatfs, ioctl_getflags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Names of a directory that are looked at for one that shows how spellings are told apart.
const NAMES_MAX: usize = 256;
/// Bytes of directory entries that one system call fetches.
const FETCH_BYTES: usize = 32 << 10;
/// The flag of a directory of ext4 or f2fs that ignores case (`FS_CASEFOLD_FL`).
const CASEFOLD: u32 = 0x4000_0000;

/// What is known of the kinds of file systems, by the numbers that `statfs` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileSystem {
    number: u32,
    name: &'static str,
    /// Whether names that differ in case only are different; none where that hangs on more than the kind.
    tells_case: Option<bool>,
    /// Whether what is synced is on a disk of this machine; none where that hangs on more than the kind.
    durable: Option<bool>,
}

const fn kind(number: u32, name: &'static str, tells_case: Option<bool>, durable: Option<bool>) -> FileSystem {
    FileSystem { number, name, tells_case, durable }
}

const FILE_SYSTEMS: [FileSystem; 26] = [
    kind(0x0000_ef53, "ext4", Some(true), Some(true)),
    kind(0x5846_5342, "xfs", Some(true), Some(true)),
    kind(0x9123_683e, "btrfs", Some(true), Some(true)),
    kind(0xf2f5_2010, "f2fs", Some(true), Some(true)),
    kind(0xca45_1a4e, "bcachefs", Some(true), Some(true)),
    kind(0x2fc1_2fc1, "zfs", None, Some(true)),
    kind(0x794c_7630, "overlay", Some(true), None),
    kind(0x0102_1994, "tmpfs", Some(true), Some(false)),
    kind(0x8584_58f6, "ramfs", Some(true), Some(false)),
    kind(0x6265_6572, "sysfs", Some(true), Some(false)),
    kind(0x0000_9fa0, "proc", Some(true), Some(false)),
    kind(0x0000_4d44, "vfat", Some(false), Some(true)),
    kind(0x2011_bab0, "exfat", Some(false), Some(true)),
    kind(0x5346_544e, "ntfs", Some(false), Some(true)),
    kind(0x7366_746e, "ntfs3", Some(false), Some(true)),
    kind(0x0000_4244, "hfs", Some(false), Some(true)),
    kind(0x0000_482b, "hfsplus", Some(false), Some(true)),
    kind(0x0000_4246, "befs", Some(true), Some(true)),
    kind(0x0000_9660, "iso9660", Some(false), Some(false)),
    kind(0xff53_4d42, "cifs", Some(false), Some(false)),
    kind(0xfe53_4d42, "smb2", Some(false), Some(false)),
    kind(0x0000_517b, "smb", Some(false), Some(false)),
    kind(0x0000_6969, "nfs", None, Some(false)),
    kind(0x00c3_6400, "ceph", None, Some(false)),
    kind(0x0102_1997, "9p", None, None),
    kind(0x6573_5546, "fuse", None, None),
];

fn file_system(number: u32) -> FileSystem {
    let known = FILE_SYSTEMS.into_iter().find(|known| known.number == number);
    known.unwrap_or(kind(number, "of a kind that is not known", None, None))
}

fn file_system_of(handle: impl AsFd) -> Result<FileSystem, Errno> {
    // The numbers have 32 bits; the field is wider on some processors, and signed.
    Ok(file_system(fstatfs(handle)?.f_type as u32))
}

/// What the mounts of a world offer. `absent` is what a test takes away.
pub(super) fn of_mounts(mounts: &[Mount], resolver: Resolver, absent: Facilities) -> Vec<Finding> {
    let openat2 = match resolver {
        Resolver::Walk => (Presence::Missing, "paths are walked".to_owned()),
        Resolver::Openat2 | Resolver::Automatic => (Presence::Present, "paths open in one step".to_owned()),
    };
    let numbered = worst(mounts.iter().map(|mount| match mount.meta.mount {
        Some(number) => (Presence::Present, format!("{} is mount {number}", mount.name)),
        None => (Presence::Missing, format!("{}: the system does not number its mounts", mount.name)),
    }));
    let cases = worst(mounts.iter().map(|mount| {
        let (presence, detail) = tells_case(&mount.root);
        (presence, format!("{}: {detail}", mount.name))
    }));
    let found =
        [(Facility::Openat2, openat2), (Facility::MountIdentity, numbered), (Facility::CaseSensitiveNames, cases)];
    without(found.into_iter().map(|(facility, (presence, detail))| Finding { facility, presence, detail }), absent)
}

/// What the directory of a store offers.
///
/// # Ambient authority
/// Looks at any directory of the user's: this is for the host's own settings.
///
/// # Errors
/// It cannot be opened.
pub fn probe_data_directory(path: &Path) -> io::Result<Vec<Finding>> {
    let directory = os::open_ambient_directory(path)?;
    let found = |facility, (presence, detail)| Finding { facility, presence, detail };
    Ok(vec![
        found(Facility::PrivateDataDirectory, is_private(&directory)),
        found(Facility::DurableDataDirectory, is_durable(file_system_of(&directory))),
        found(Facility::SingleWriterLock, keeps_others_out(path)),
    ])
}

/// Whether names in a directory that differ in case only are different names; none if it cannot be opened, or is no directory.
///
/// # Ambient authority
/// As [`probe_data_directory`].
pub fn probe_names(path: &Path) -> Option<Finding> {
    let (presence, detail) = tells_case(&os::open_ambient_directory(path).ok()?);
    Some(Finding { facility: Facility::CaseSensitiveNames, presence, detail: format!("{}: {detail}", path.display()) })
}

fn without(found: impl Iterator<Item = Finding>, absent: Facilities) -> Vec<Finding> {
    let take = |found: Finding| {
        if absent.contains(found.facility) {
            Finding { presence: Presence::Missing, detail: "taken away by a test".into(), ..found }
        } else {
            found
        }
    };
    found.map(take).collect()
}

/// The least that is offered by any of them.
fn worst(all: impl Iterator<Item = (Presence, String)>) -> (Presence, String) {
    let rank = |presence| match presence {
        Presence::Present => 0,
        Presence::Unknown => 1,
        Presence::Missing => 2,
    };
    let worst = all.reduce(|worst, next| if rank(next.0) > rank(worst.0) { next } else { worst });
    worst.unwrap_or((Presence::Present, "nothing is mounted".into()))
}

/// Whether names in a directory that differ in case only are different names.
fn tells_case(directory: &OwnedFd) -> (Presence, String) {
    let folds = ioctl_getflags(directory).is_ok_and(|flags| flags.bits() & CASEFOLD != 0);
    let kind = match file_system_of(directory) {
        Ok(kind) => kind,
        Err(errno) => return (Presence::Unknown, errno.to_string()),
    };
    judge_case(kind, folds, another_spelling_is_the_same(directory))
}

/// What follows from the kind of file system, the flag of the directory, and what a name in another spelling led to.
fn judge_case(kind: FileSystem, folds: bool, same: Option<bool>) -> (Presence, String) {
    let name = kind.name;
    match (kind.tells_case, folds, same) {
        (_, true, _) => (Presence::Missing, format!("a directory of {name} that ignores case")),
        (_, _, Some(true)) => (Presence::Missing, format!("{name}; a name in another case is the same file")),
        (Some(false), ..) => (Presence::Missing, format!("{name} ignores case")),
        (Some(true), ..) => (Presence::Present, format!("{name} tells upper from lower case")),
        (None, _, Some(false)) => (Presence::Present, format!("{name}; a name in another case is not there")),
        (None, _, None) => (Presence::Unknown, format!("{name}, and no name in it shows")),
    }
}

/// Whether a name with its letters in the other case leads to the same file; none if no name shows.
fn another_spelling_is_the_same(directory: &OwnedFd) -> Option<bool> {
    let listed = tree::open_directory(directory, c".").ok()?;
    let names = some_names(&listed);
    for name in &names {
        let Some(other) = in_other_case(name).filter(|other| !names.contains(other)) else { continue };
        let Ok(meta) = Meta::at(directory, name.as_c_str()) else { continue };
        match Meta::at(directory, other.as_c_str()) {
            Err(Errno::NOENT) => return Some(false),
            // Two names of one file are no sign.
            Ok(found) if found.identity == meta.identity && found.links <= 1.max(meta.links) && meta.links == 1 => {
                return Some(true);
            }
            _ => {}
        }
    }
    None
}

fn some_names(directory: &OwnedFd) -> Vec<CString> {
    let mut buffer = Vec::<u8>::with_capacity(FETCH_BYTES);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(Ok(entry)) = entries.next() {
        if names.len() == NAMES_MAX {
            break;
        }
        names.push(entry.file_name().to_owned());
    }
    names
}

fn in_other_case(name: &CStr) -> Option<CString> {
    let swap =
        |byte: &u8| if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
    let other: Vec<u8> = name.to_bytes().iter().map(swap).collect();
    CString::new(other).ok().filter(|other| other.as_c_str() != name)
}

fn is_private(directory: &OwnedFd) -> (Presence, String) {
    match Meta::of(directory) {
        Ok(meta) => judge_private(meta.permissions, meta.owner.0, rustix::process::geteuid().as_raw()),
        Err(errno) => (Presence::Unknown, errno.to_string()),
    }
}

fn judge_private(permissions: u32, owner: u32, user: u32) -> (Presence, String) {
    if owner != user {
        (Presence::Missing, format!("it belongs to user {owner}, and the host is user {user}"))
    } else if permissions & 0o077 != 0 {
        (Presence::Missing, format!("others may look into it (mode {permissions:o})"))
    } else {
        (Presence::Present, format!("mode {permissions:o}"))
    }
}

fn is_durable(kind: Result<FileSystem, Errno>) -> (Presence, String) {
    match kind {
        Ok(FileSystem { name, durable: Some(true), .. }) => (Presence::Present, format!("on {name}")),
        Ok(FileSystem { name, durable: Some(false), .. }) => (Presence::Missing, format!("on {name}")),
        Ok(FileSystem { name, durable: None, .. }) => (Presence::Unknown, format!("on {name}")),
        Err(errno) => (Presence::Unknown, errno.to_string()),
    }
}

/// Locks the directory twice, as two hosts would: the second must not get it. The store itself locks its file, not the directory.
fn keeps_others_out(path: &Path) -> (Presence, String) {
    let open = || os::open_ambient_directory(path);
    let (Ok(one), Ok(other)) = (open(), open()) else {
        return (Presence::Unknown, "it cannot be opened twice".into());
    };
    if let Err(errno) = flock(&one, FlockOperation::NonBlockingLockShared) {
        // Somebody else asks the same question at this moment, and is answered.
        let kept_out = errno == Errno::WOULDBLOCK;
        let presence = if kept_out { Presence::Present } else { Presence::Missing };
        return (presence, if kept_out { "a lock keeps others out".into() } else { errno.to_string() });
    }
    match flock(&other, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => (Presence::Present, "a lock keeps others out".into()),
        Ok(()) => (Presence::Missing, "a second lock is given while the first is held".into()),
        Err(errno) => (Presence::Missing, errno.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_told_by_the_file_system_its_flag_and_what_another_spelling_finds() {
        let check = |number: u32, folds: bool, same: Option<bool>, want: Presence| {
            let (presence, detail) = judge_case(file_system(number), folds, same);
            assert_eq!(presence, want, "{number:x} {folds} {same:?}: {detail}");
        };
        for insensitive in [0x4d44, 0x2011_bab0, 0x5346_544e, 0x7366_746e, 0xff53_4d42, 0xfe53_4d42, 0x482b] {
            for same in [None, Some(true), Some(false)] {
                check(insensitive, false, same, Presence::Missing);
            }
        }
        check(0xef53, false, None, Presence::Present);
        check(0xef53, false, Some(false), Presence::Present);
        check(0xef53, true, None, Presence::Missing);
        check(0xf2f5_2010, true, Some(false), Presence::Missing);
        // Whatever it calls itself: what is seen counts.
        check(0xef53, false, Some(true), Presence::Missing);
        check(0x6573_5546, false, Some(true), Presence::Missing);
        check(0x6573_5546, false, Some(false), Presence::Present);
        check(0x6573_5546, false, None, Presence::Unknown);
        check(0x1234_5678, false, None, Presence::Unknown);
    }

    #[test]
    fn a_disk_that_forgets_and_a_directory_that_is_open_to_others_are_told() {
        let durable = |number| is_durable(Ok(file_system(number))).0;
        assert_eq!([0xef53, 0x5846_5342].map(durable), [Presence::Present; 2]);
        assert_eq!([0x0102_1994, 0x8584_58f6, 0x6969, 0xff53_4d42].map(durable), [Presence::Missing; 4]);
        assert_eq!([0x6573_5546, 1].map(durable), [Presence::Unknown; 2]);
        assert_eq!(judge_private(0o700, 7, 7).0, Presence::Present);
        for (permissions, owner) in [(0o750, 7), (0o701, 7), (0o702, 7), (0o700, 0)] {
            assert_eq!(judge_private(permissions, owner, 7).0, Presence::Missing, "{permissions:o} {owner}");
        }
    }

    #[test]
    fn no_two_kinds_have_one_number() {
        for (index, kind) in FILE_SYSTEMS.iter().enumerate() {
            assert_eq!(FILE_SYSTEMS.iter().position(|other| other.number == kind.number), Some(index), "{}", kind.name);
        }
    }
}
