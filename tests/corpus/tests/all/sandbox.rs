//! The directories that a corpus is run over, what people and other programs do in them, and what must never change or be learnt.

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What must never show: the content of the outside and of the runtime's own files, and names there.
pub const CANARIES: [&str; 4] = ["TOPSECRET-CANARY-5c1e", "PROTECTED-CANARY-77aa", "hidden-name-9d3b", "host-key-41f0"];

/// What stays in the workspace from row to row.
const KEPT: [&str; 2] = ["libos.toml", "keep"];

/// A directory with `workspace` and `free`, which are mounts, `outside`, which is none, and `data`.
pub struct Sandbox {
    pub base: PathBuf,
    undo: Vec<(PathBuf, PathBuf)>,
}

impl Sandbox {
    pub fn new(name: &str) -> Sandbox {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("libos-corpus-{}-{name}-{number}", std::process::id()));
        for directory in ["workspace/keep/data/blobs", "free", "outside", "data", "keys"] {
            fs::create_dir_all(base.join(directory)).unwrap();
        }
        let sandbox = Sandbox { base, undo: Vec::new() };
        fs::write(sandbox.base.join("workspace/keep/data/store"), CANARIES[1]).unwrap();
        fs::write(sandbox.base.join("workspace/keep/data/blobs/1"), CANARIES[1]).unwrap();
        fs::write(sandbox.base.join("keys/token"), CANARIES[3]).unwrap();
        sandbox.furnish();
        sandbox
    }

    fn furnish(&self) {
        fs::create_dir_all(self.base.join("outside/dir")).unwrap();
        // Written only if it must be: the world knows the file of its start by its identity.
        let policy = self.base.join("workspace/libos.toml");
        if fs::read_to_string(&policy).ok().as_deref() != Some(CANARIES[1]) {
            fs::write(policy, CANARIES[1]).unwrap();
        }
        for (name, content) in [("secret", CANARIES[0]), ("dir/inner", CANARIES[0]), (CANARIES[2], "x")] {
            fs::write(self.base.join("outside").join(name), content).unwrap();
        }
    }

    /// A name in the workspace; after `^`, in the sandbox.
    pub fn path(&self, name: &[u8]) -> PathBuf {
        match name.strip_prefix(b"^") {
            Some(name) => self.base.join(OsStr::from_bytes(name)),
            None => self.base.join("workspace").join(OsStr::from_bytes(name)),
        }
    }

    /// The same, for the targets of links, where `^` stands for an absolute path.
    fn target(&self, name: &[u8]) -> PathBuf {
        if name.starts_with(b"^") { self.path(name) } else { PathBuf::from(OsStr::from_bytes(name)) }
    }

    /// Does what a person or another program does. None if these are not words of theirs.
    pub fn act(&mut self, words: &[Vec<u8>]) -> Option<()> {
        let (verb, rest) = words.split_first()?;
        let rest: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
        let number = |bytes: &[u8]| -> usize { std::str::from_utf8(bytes).unwrap().parse().unwrap() };
        match (&**verb, &rest[..]) {
            (b"file", [path]) => put(&self.path(path), b""),
            (b"file", [path, content]) => put(&self.path(path), content),
            (b"save", [path, content]) => {
                let (path, new) = (self.path(path), self.path(b"^outside/saved"));
                put(&new, content);
                fs::rename(new, path).unwrap();
            }
            (b"dir", [path]) => fs::create_dir_all(self.path(path)).unwrap(),
            (b"link", [path, target]) => symlink(self.target(target), with_parent(self.path(path))).unwrap(),
            (b"hard", [path, old]) => fs::hard_link(self.path(old), with_parent(self.path(path))).unwrap(),
            (b"fifo", [path]) => node(&self.path(path), FileType::Fifo, 0),
            (b"socket", [path]) => node(&self.path(path), FileType::Socket, 0),
            (b"chain", [name, count, last]) => {
                let name = std::str::from_utf8(name).unwrap();
                for index in 1..=number(count) {
                    let next = format!("{name}{}", index - 1);
                    let target = if index == 1 { OsStr::from_bytes(last) } else { OsStr::new(&next) };
                    symlink(target, self.base.join("workspace").join(format!("{name}{index}"))).unwrap();
                }
            }
            (b"deep", [path, count]) => {
                fs::create_dir_all(self.path(path).join("d/".repeat(number(count)))).unwrap();
            }
            (b"many", [path, count]) => {
                for index in 0..number(count) {
                    put(&self.path(path).join(format!("f{index}")), b"");
                }
            }
            (b"sparse", [path, size]) => {
                fs::File::create(with_parent(self.path(path))).unwrap().set_len(number(size) as u64).unwrap();
            }
            (b"mode", [path, bits]) => {
                use std::os::unix::fs::PermissionsExt;
                let bits = u32::from_str_radix(std::str::from_utf8(bits).unwrap(), 8).unwrap();
                fs::set_permissions(self.path(path), fs::Permissions::from_mode(bits)).unwrap();
            }
            (b"move", [old, new]) => {
                let (old, new) = (self.path(old), with_parent(self.path(new)));
                fs::rename(&old, &new).unwrap();
                self.undo.push((new, old));
            }
            (b"exchange", [one, other]) => {
                renameat_with(CWD, self.path(one), CWD, self.path(other), RenameFlags::EXCHANGE).unwrap();
            }
            (b"gone", [path]) => remove(&self.path(path)),
            _ => return self.act_as_root(verb, &rest),
        }
        Some(())
    }

    /// What only root may do; others skip the row, which is counted.
    fn act_as_root(&self, verb: &[u8], rest: &[&[u8]]) -> Option<()> {
        match (verb, rest) {
            (b"device", [path, which]) => {
                let minor = if *which == b"zero" { 5 } else { 3 };
                node(&self.path(path), FileType::CharacterDevice, rustix::fs::makedev(1, minor));
            }
            (b"bind", [path, source]) => {
                let path = self.path(path);
                fs::create_dir_all(&path).unwrap();
                mount_bind(self.path(source), &path).unwrap();
            }
            (b"bind-file", [path, source]) => {
                let path = self.path(path);
                put(&path, b"");
                mount_bind(self.path(source), &path).unwrap();
            }
            (b"tmpfs", [path]) => {
                let path = self.path(path);
                fs::create_dir_all(&path).unwrap();
                mount("none", &path, "tmpfs", MountFlags::empty(), None).unwrap();
                fs::write(path.join("inner"), CANARIES[0]).unwrap();
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether a row has words that only root can follow.
    pub fn is_for_root(words: &[Vec<u8>]) -> bool {
        words.first().is_some_and(|verb| matches!(&**verb, b"device" | b"bind" | b"bind-file" | b"tmpfs"))
    }

    /// The content of a file, in the eyes of a person.
    pub fn content(&self, name: &[u8]) -> Option<Vec<u8>> {
        let path = self.path(name);
        let is_file = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
        if is_file { fs::read(path).ok() } else { None }
    }

    /// Whether something has the name.
    pub fn has(&self, name: &[u8]) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok()
    }

    /// What must not change by anything that a guest does: names, types, modes, sizes, link counts, times and contents of all that is
    /// not for guests.
    pub fn outside(&self) -> Vec<String> {
        let mut seen = Vec::new();
        for root in ["outside", "keys", "workspace/libos.toml", "workspace/keep/data"] {
            look(&self.base, &self.base.join(root), &mut seen);
        }
        seen
    }

    /// Wherever it is now: what was mounted may have been moved with the directory it is in.
    fn unmount(&self) {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let points = table
            .lines()
            .filter_map(|line| line.split(' ').nth(4))
            .filter(|path| Path::new(path).starts_with(&self.base));
        for path in points {
            let _ = unmount(path, UnmountFlags::DETACH);
        }
    }

    /// Makes everything as it was before the row.
    pub fn reset(&mut self) {
        self.unmount();
        for (now, before) in self.undo.drain(..).rev() {
            // A row that moved something twice has moved it back already.
            let _ = fs::rename(now, before);
        }
        for directory in ["workspace", "free", "outside"] {
            for entry in fs::read_dir(self.base.join(directory)).unwrap() {
                let entry = entry.unwrap();
                if directory != "workspace" || !KEPT.iter().any(|kept| entry.file_name() == *kept) {
                    remove(&entry.path());
                }
            }
        }
        for entry in fs::read_dir(self.base.join("workspace/keep")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != "data" {
                remove(&entry.path());
            }
        }
        self.furnish();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.unmount();
        let _ = fs::remove_dir_all(&self.base);
    }
}

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn with_parent(path: PathBuf) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn node(path: &Path, kind: FileType, device: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), device).unwrap();
}

fn remove(path: &Path) {
    let is_directory = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
    let done = if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = done {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}: {error}", path.display());
    }
}

fn look(base: &Path, path: &Path, seen: &mut Vec<String>) {
    let Ok(meta) = fs::symlink_metadata(path) else {
        seen.push(format!("{} is not there", path.display()));
        return;
    };
    let name = path.strip_prefix(base).unwrap().display().to_string();
    let content: Vec<u8> = match meta.file_type() {
        kind if kind.is_file() => fs::read(path).unwrap(),
        kind if kind.is_symlink() => fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec(),
        _ => Vec::new(),
    };
    let digest = Sha256::digest(&content);
    seen.push(format!(
        "{name} mode {:o} size {} links {} changed {}.{:09} content {digest:x?}",
        meta.mode(),
        if meta.is_dir() { 0 } else { meta.size() },
        meta.nlink(),
        meta.mtime(),
        meta.mtime_nsec(),
    ));
    if meta.is_dir() {
        let mut below: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        below.sort();
        below.iter().for_each(|path| look(base, path, seen));
    }
}

/// The canary that shows in some bytes, in whatever form.
pub fn leak(bytes: &[u8], base: &Path) -> Option<String> {
    let holds = |needle: &[u8]| !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle);
    if holds(base.as_os_str().as_bytes()) {
        return Some("the path of the sandbox".into());
    }
    CANARIES.iter().find(|canary| forms(canary).iter().any(|form| holds(form))).map(|canary| (*canary).to_owned())
}

/// A text plain, reversed, in hexadecimal, in base64 at each alignment, as numbers, and its digest.
fn forms(canary: &str) -> Vec<Vec<u8>> {
    let bytes = canary.as_bytes();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut forms = vec![bytes.to_vec(), bytes.iter().rev().copied().collect()];
    for text in [hex(bytes), hex(&Sha256::digest(bytes))] {
        forms.extend([text.to_uppercase().into_bytes(), text.into_bytes()]);
    }
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    forms.extend([numbers.join(", ").into_bytes(), numbers.join(",").into_bytes()]);
    // Beginnings and ends depend on what stands around, so they are left out.
    forms.extend((0..3).map(|start| base64(&bytes[start..start + (bytes.len() - start) / 3 * 3]).into_bytes()));
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks_exact(3) {
        let number = u32::from(part[0]) << 16 | u32::from(part[1]) << 8 | u32::from(part[2]);
        text.extend([18, 12, 6, 0].map(|shift| char::from(LETTERS[(number >> shift & 63) as usize])));
    }
    text
}

#[test]
fn a_canary_is_found_in_every_form() {
    let base = Path::new("/tmp/base");
    let canary = CANARIES[0];
    for form in forms(canary) {
        assert!(leak(&[b"before ", &*form, b" after"].concat(), base).is_some(), "{}", form.escape_ascii());
    }
    assert_eq!(base64(b"TOPSEC"), "VE9QU0VD");
    assert!(leak(b"/tmp/base/outside", base).is_some());
    assert!(leak(b"what anybody may know", base).is_none());
}
