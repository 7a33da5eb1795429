//! The world in a temporary directory. Every test runs under both resolvers.

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the world sees")]

mod change;
mod facility;
mod models;
mod paths;
mod probe;
mod programs;
mod protect;
mod race;
mod read;
mod tree;
mod write;

use super::{MountSpec, OsWorld, Resolver, WorldOptions};
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::world::{Content, Range, WorldError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// A directory with `mount`, which the world knows as `w`, and `outside`, which it does not know.
pub(super) struct Sandbox {
    base: PathBuf,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("libos-world-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let base = std::env::temp_dir().join(name);
        std::fs::create_dir_all(base.join("mount")).unwrap();
        std::fs::create_dir_all(base.join("outside")).unwrap();
        std::fs::write(base.join("outside/secret"), "TOPSECRET").unwrap();
        Sandbox { base }
    }

    /// A path in the sandbox.
    pub fn path(&self, path: &str) -> PathBuf {
        self.base.join(path)
    }

    /// Writes a file, with the directories it lies in.
    pub fn file(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn directory(&self, path: &str) {
        std::fs::create_dir_all(self.path(path)).unwrap();
    }

    pub fn link(&self, target: impl AsRef<Path>, path: &str) {
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
    }

    pub fn hard_link(&self, old: &str, new: &str) {
        std::fs::hard_link(self.path(old), self.path(new)).unwrap();
    }

    pub fn pipe(&self, path: &str) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, self.path(path), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    }

    /// The content of a file; none if there is none.
    pub fn content(&self, path: &str) -> Option<String> {
        let path = self.path(path);
        // A pipe would be waited for.
        if path.is_file() { std::fs::read_to_string(path).ok() } else { None }
    }

    /// The names in a directory, sorted.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A world of `mount` as `w`.
    pub fn world(&self, resolver: Resolver) -> OsWorld {
        self.world_with(resolver, &[("w", "mount", true)], &[])
    }

    /// A world of these mounts (name, path, hard links) and protected paths.
    pub fn world_with(&self, resolver: Resolver, mounts: &[(&str, &str, bool)], protected: &[&str]) -> OsWorld {
        let spec = |(name, path, allow_hard_links): &(&str, &str, bool)| MountSpec {
            name: (*name).to_owned(),
            path: self.path(path),
            allow_hard_links: *allow_hard_links,
        };
        let protected = protected.iter().map(|path| self.path(path)).collect();
        OsWorld::new(mounts.iter().map(spec).collect(), protected, WorldOptions { resolver, ..WorldOptions::default() })
            .unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.base);
    }
}

/// Ends the other threads of a test, also when it fails.
pub(super) struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a test in a sandbox of its own under each resolver.
pub(super) fn each(test: impl Fn(&Sandbox, Resolver)) {
    for resolver in [Resolver::Openat2, Resolver::Walk] {
        let sandbox = Sandbox::new();
        test(&sandbox, resolver);
        assert_eq!(sandbox.content("outside/secret").as_deref(), Some("TOPSECRET"), "{resolver:?} changed the outside");
    }
}

pub(super) fn fs(path: &str) -> Resource {
    Resource::new(Kind::Fs, path)
}

/// Reads all of a file as text.
impl OsWorld {
    /// For a process that no rule narrows.
    fn read(&self, resource: &Resource, range: Option<Range>) -> Result<Content, WorldError> {
        self.read_under(resource, range, || false)
    }

    /// For a process that no rule narrows.
    fn append(&self, resource: &Resource, content: &[u8]) -> Result<(), WorldError> {
        self.append_under(resource, content, || false)
    }
}

pub(super) fn read(world: &OsWorld, path: &str) -> Result<String, WorldError> {
    let content = match world.read(&fs(path), None)? {
        Content::Whole(content) => content,
        Content::Later(rest) => rest()?,
    };
    Ok(String::from_utf8(content).unwrap())
}

/// What a test expects to be refused, in short.
pub(super) fn short<T: std::fmt::Debug>(result: Result<T, WorldError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(WorldError::Link { index, to: Ok(to) }) => format!("link {index} {to}"),
        Err(WorldError::Link { index, to: Err(why) }) => format!("link {index} {why}"),
        Err(WorldError::WrongKind(why)) => format!("wrong kind: {why}"),
        Err(WorldError::TooLarge(_)) => "too large".into(),
        Err(WorldError::Protected(why)) if why.contains("hard link") => "hard link".into(),
        Err(WorldError::Protected(_)) => "protected".into(),
        Err(error) => format!("{error:?}"),
    }
}
