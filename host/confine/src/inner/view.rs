//! What the program sees: a root of its own in which only what it is given is mounted, under the paths that it has outside.

#![expect(clippy::disallowed_methods, reason = "files of the kernel, and mount points in memory")]

use super::missing;
use crate::outcome::Piece;
use crate::program::{Identity, Place};
use crate::wire::{Orders, Report};
use rustix::fs::{CWD, StatVfsMountFlags, statvfs};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change, mount_remount,
    move_mount, open_tree, unmount,
};
use rustix::process::{chdir, pivot_root};
use std::collections::BTreeSet;
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// The program's own, empty at its start and gone with it.
pub(super) const HOME: &str = "/home/program";
/// As [`HOME`].
pub(super) const TMPDIR: &str = "/tmp";
const SHARED_MEMORY: &str = "/dev/shm";
/// What is mounted over a file that is denied.
const NOTHING: &str = "/.denied";
/// The root is built over one of these: any directory does.
const BASES: [&str; 5] = ["/tmp", "/run", "/mnt", "/usr", "/etc"];
/// The least that a file in memory takes.
const BLOCK_BYTES: u64 = 4096;
/// Files and directories in one file system in memory: never fewer.
const FILES_MIN: u64 = 1024;
/// As [`FILES_MIN`]: never more.
const FILES_MAX: u64 = 1 << 18;
/// No place of the host in or above these is given: they are made anew.
const OWN: [&str; 5] = ["/proc", "/sys", "/dev", TMPDIR, HOME];
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
const LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// What is mounted, for the laws above it.
pub(super) struct View {
    pub readable: Vec<PathBuf>,
    pub writable: Vec<PathBuf>,
}

/// A mount that is not attached yet.
struct Source {
    tree: OwnedFd,
    path: PathBuf,
    write: bool,
}

/// A link, and what it says.
type Link = (PathBuf, PathBuf);

/// The text of a file of the kernel's.
pub(super) fn read_text(path: &str) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Sets a value of the kernel's.
pub(super) fn write_text(path: &str, text: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path).and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
}

/// The names in a directory.
pub(super) fn list(path: &str) -> io::Result<Vec<String>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Builds it and makes it the root.
pub(super) fn build(orders: &Orders) -> Result<View, Report> {
    let of_view = |what: &'static str| missing::<io::Error>(Piece::View, what);
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|error| of_view("mounts of its own")(error.into()))?;
    let (mut sources, links) = sources(orders)?;
    check_directory(orders, &sources)?;
    let devices = DEVICES.map(|device| (device, clone(Path::new(device))));
    let base = BASES.iter().map(Path::new).find(|base| base.is_dir());
    let base = base.ok_or_else(|| Report::Missing(Piece::View, "no directory to build it over".into()))?;
    let within = |path: &Path| base.join(path.strip_prefix("/").unwrap_or(path));
    memory(base, 0o755, 1 << 20, MountFlags::empty()).map_err(of_view("a root"))?;
    frame(orders.limits.scratch_bytes, &within).map_err(of_view("directories of its own"))?;
    for (device, tree) in devices {
        tree.and_then(|tree| {
            fs::write(within(Path::new(device)), "")?;
            attach(&tree, &within(Path::new(device)))
        })
        .map_err(of_view(device))?;
    }
    // Outer ones first, so that inner ones are mounted in them.
    sources.sort_by_key(|source| source.path.components().count());
    let mut mounted: Vec<(PathBuf, bool)> = Vec::new();
    for source in &sources {
        mount_source(source, &mounted, &within(&source.path))
            .map_err(|error| Report::Missing(Piece::View, format!("{}: {error}", source.path.display())))?;
        mounted.push((source.path.clone(), source.write));
    }
    limit_mounts(&mounted, base).map_err(of_view("what may be written"))?;
    for (path, target) in links {
        let made = make_parents(&within(&path)).and_then(|()| symlink(&target, within(&path)));
        made.map_err(|error| Report::Missing(Piece::View, format!("{}: {error}", path.display())))?;
    }
    mask(&orders.denied(), &mounted, &within)?;
    let proc = mount("proc", within(Path::new("/proc")), "proc", own_flags() | MountFlags::NOEXEC, c"subset=pid");
    proc.map_err(missing(Piece::Proc, ""))?;
    enter(base).map_err(of_view("the root"))?;
    let (writable, readable): (Vec<_>, Vec<_>) = mounted.into_iter().partition(|(_, write)| *write);
    let paths = |list: Vec<(PathBuf, bool)>| list.into_iter().map(|(path, _)| path).collect();
    Ok(View { readable: paths(readable), writable: paths(writable) })
}

fn own_flags() -> MountFlags {
    MountFlags::NOSUID | MountFlags::NODEV
}

/// Handles of all that is given, before anything of the outside is hidden; and links of the system.
fn sources(orders: &Orders) -> Result<(Vec<Source>, Vec<Link>), Report> {
    let (mut sources, mut links) = (Vec::new(), Vec::new());
    for (place, write) in orders.given() {
        check_path(&place.path)?;
        let tree = same(&place)?;
        sources.push(Source { tree, path: place.path, write });
    }
    for path in orders.system() {
        check_path(&path)?;
        if sources.iter().any(|source: &Source| source.path == path) {
            continue;
        }
        match path.read_link() {
            Ok(target) => links.push((path, target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => {
                let tree = clone(&path).map_err(|error| description(&path, &error.to_string()))?;
                sources.push(Source { tree, path, write: false });
            }
        }
    }
    Ok((sources, links))
}

fn description(path: &Path, what: &str) -> Report {
    Report::Description(format!("{}: {what}", path.display()))
}

fn check_path(path: &Path) -> Result<(), Report> {
    let plain =
        path.is_absolute() && path.components().skip(1).all(|part| matches!(part, std::path::Component::Normal(_)));
    if !plain || path.components().count() < 2 {
        return Err(description(path, "give a directory below the root, by its absolute path"));
    }
    if OWN.iter().any(|own| Path::new(own).starts_with(path))
        || ["/proc", "/sys", "/dev"].iter().any(|own| path.starts_with(own))
    {
        return Err(description(path, "the program has one of its own there; give something below it or elsewhere"));
    }
    Ok(())
}

/// A detached copy of the mounts at a path, whose last name is no link.
fn clone(path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    Ok(open_tree(CWD, path, flags)?)
}

/// As [`clone`], of the very directory or file that was meant.
fn same(place: &Place) -> Result<OwnedFd, Report> {
    let tree = clone(&place.path).map_err(|error| description(&place.path, &error.to_string()))?;
    match Identity::of(&tree) {
        Ok(found) if found == place.identity => Ok(tree),
        _ => Err(description(&place.path, "something else is there now than what was given")),
    }
}

fn check_directory(orders: &Orders, sources: &[Source]) -> Result<(), Report> {
    let Some(directory) = orders.directory() else { return Ok(()) };
    same(&directory)?;
    if sources.iter().any(|source| directory.path.starts_with(&source.path)) {
        Ok(())
    } else {
        Err(description(&directory.path, "the working directory is not in what the program is given"))
    }
}

fn attach(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    Ok(move_mount(tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// A file system in memory. Its files are bounded in number, too: an empty one takes memory that its size does not count.
fn memory(target: &Path, mode: u32, bytes: u64, flags: MountFlags) -> io::Result<()> {
    // To the kernel no bytes are any number of them.
    let bytes = bytes.max(BLOCK_BYTES);
    let files = (bytes / BLOCK_BYTES).clamp(FILES_MIN, FILES_MAX);
    let data = CString::new(format!("mode={mode:o},size={bytes},nr_inodes={files}")).map_err(io::Error::other)?;
    Ok(mount("tmpfs", target, "tmpfs", own_flags() | flags, data.as_c_str())?)
}

/// What every program has.
fn frame(scratch: u64, within: &impl Fn(&Path) -> PathBuf) -> io::Result<()> {
    for directory in [Path::new("/proc"), Path::new("/dev")] {
        fs::create_dir_all(within(directory))?;
    }
    for (directory, mode) in [(HOME, 0o700), (TMPDIR, 0o1777), (SHARED_MEMORY, 0o1777)] {
        let target = within(Path::new(directory));
        fs::create_dir_all(&target)?;
        memory(&target, mode, scratch, MountFlags::empty())?;
    }
    for (path, target) in LINKS {
        symlink(target, within(Path::new(path)))?;
    }
    fs::write(within(Path::new(NOTHING)), "")
}

fn make_parents(target: &Path) -> io::Result<()> {
    target.parent().map_or(Ok(()), fs::create_dir_all)
}

fn mount_source(source: &Source, mounted: &[(PathBuf, bool)], target: &Path) -> io::Result<()> {
    // Below something that is mounted already it is there; nothing is ever made in what belongs to the outside.
    if !mounted.iter().any(|(outer, _)| source.path.starts_with(outer)) {
        make_parents(target)?;
        let is_directory = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&source.tree)?.st_mode).is_dir();
        if is_directory { fs::create_dir_all(target)? } else { fs::write(target, "")? }
    }
    attach(&source.tree, target)
}

/// Takes from each mount what the innermost place that was given around it does not allow: each has its own flags, also those that came
/// with what is given.
fn limit_mounts(mounted: &[(PathBuf, bool)], base: &Path) -> io::Result<()> {
    for mount in mounts_below(base)? {
        let path = Path::new("/").join(mount.strip_prefix(base).unwrap_or(&mount));
        if let Some((_, write)) = mounted.iter().rev().find(|(outer, _)| path.starts_with(outer)) {
            remount(&mount, !write)?;
        }
    }
    Ok(())
}

/// The mounts at and below a directory.
fn mounts_below(target: &Path) -> io::Result<Vec<PathBuf>> {
    let all = fs::read("/proc/self/mountinfo")?;
    let fifth = |line: &[u8]| line.split(|byte| *byte == b' ').nth(4).map(unescaped);
    let mounts = all.split(|byte| *byte == b'\n').filter_map(fifth).map(|name| PathBuf::from(OsString::from_vec(name)));
    Ok(mounts.filter(|mount| mount.starts_with(target)).collect())
}

/// A name of `mountinfo`: spaces and what else would part its fields are a backslash and three octal digits there.
fn unescaped(name: &[u8]) -> Vec<u8> {
    let (mut plain, mut rest) = (Vec::new(), name);
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        match digits {
            Some(digits) => {
                plain.push(digits.iter().fold(0_u8, |value, digit| (value << 3) | (digit - b'0')));
                rest = &after[3..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

/// Takes what is not needed from a mount. What it was already without stays so: the kernel lets nobody inside change that.
fn remount(target: &Path, read_only: bool) -> io::Result<()> {
    let now = statvfs(target)?.f_flag;
    let mut flags = MountFlags::BIND | own_flags();
    for (is, stays) in [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        flags.set(stays, now.contains(is));
    }
    if read_only {
        flags |= MountFlags::RDONLY;
    }
    Ok(mount_remount(target, flags, "")?)
}

/// Hides what is denied. In what may be written the directories above it are made mounts of their own: those cannot be renamed, and so
/// what is denied cannot be carried to another name, where a later program would find it.
fn mask(
    denied: &[(PathBuf, bool)],
    mounted: &[(PathBuf, bool)],
    within: &impl Fn(&Path) -> PathBuf,
) -> Result<(), Report> {
    let (mut pinned, mut masked) = (BTreeSet::new(), Vec::new());
    for (path, only_report) in denied {
        if let Some((given, _)) = mounted.iter().find(|(given, _)| given.starts_with(path)) {
            return Err(description(given, "it is given, and denied"));
        }
        // The innermost mount is the one that counts.
        let Some((outer, write)) = mounted.iter().rev().find(|(outer, _)| path.starts_with(outer)) else { continue };
        let target = within(path);
        match target.symlink_metadata() {
            Ok(_) if target.canonicalize().ok().as_ref() != Some(&target) => {
                return Err(description(path, "it is denied and reached by a link: deny what the link leads to"));
            }
            Ok(meta) if meta.is_file() && meta.nlink() > 1 => {
                return Err(description(path, "it is denied and has other names, at which it cannot be masked"));
            }
            Ok(meta) => masked.push((target, meta.is_dir())),
            Err(_) if *write && !*only_report => {
                return Err(description(
                    path,
                    "it is denied and not there, in a directory that may be written: it cannot be masked; make it, or let \
                     programs run and tell if they made it (absent-denied = \"report\" in [programs])",
                ));
            }
            Err(_) => continue,
        }
        if *write {
            let above = path.ancestors().skip(1).take_while(|above| *above != outer);
            pinned.extend(above.map(|above| (above.components().count(), above.to_owned())));
        }
    }
    for (_, path) in pinned {
        let target = within(&path);
        let made = clone(&target).and_then(|tree| attach(&tree, &target));
        made.map_err(|error| Report::Missing(Piece::Masks, format!("{}: {error}", path.display())))?;
    }
    for (target, is_directory) in masked {
        let made = if is_directory { memory(&target, 0, 0, MountFlags::RDONLY) } else { cover(&target, within) };
        made.map_err(|error| Report::Missing(Piece::Masks, format!("{}: {error}", target.display())))?;
    }
    Ok(())
}

/// Mounts an empty file that cannot be opened over one.
fn cover(target: &Path, within: &impl Fn(&Path) -> PathBuf) -> io::Result<()> {
    let nothing = within(Path::new(NOTHING));
    fs::set_permissions(&nothing, std::os::unix::fs::PermissionsExt::from_mode(0o0))?;
    attach(&clone(&nothing)?, target)?;
    remount(target, true)
}

/// Makes it the root and lets go of the old one.
fn enter(base: &Path) -> io::Result<()> {
    chdir(base)?;
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    remount(Path::new("/"), true)
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn names_of_mounts_are_read_as_they_are() {
        for (name, want) in
            [("/a", "/a"), ("/a\\040b\\134c", "/a b\\c"), ("/a\\04", "/a\\04"), ("/\\", "/\\"), ("", "")]
        {
            assert_eq!(String::from_utf8(unescaped(name.as_bytes())).unwrap(), want);
        }
    }
}
