//! Files in memory: directories, files and symbolic links by the names of resources, with the answers that the real ones give. What
//! the kernel's tests and the authors of tools test against; `tests/e2e/tests/all/parity.rs` holds it to the real world.

use super::{Found, Probed, Range, WorldError};
use crate::model::call::{Entry, EntryKind, Stat, WriteMode};
use crate::model::decide::OWN_FILE_PREFIX;
use crate::model::id::Digest;
use crate::model::limit;
use crate::model::path;
use crate::model::resource::Resource;
use crate::model::row::{Before, Probe};
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A file with this content.
    File(Vec<u8>),
    /// A directory; what is in it has names that begin with its own.
    Directory,
    /// A symbolic link to this path.
    Link(String),
}

#[derive(Debug, Clone)]
struct Node {
    inode: u64,
    modified: Time,
    body: Body,
}

/// All files of a world. Names are `<mount>/<segments>`; a mount is a directory without anything around it.
#[derive(Debug, Clone, Default)]
pub struct Files {
    nodes: BTreeMap<String, Node>,
    inodes: u64,
    clock: Time,
}

impl Files {
    /// Puts something at a name, whatever is there, as somebody outside would. The directories around it must be there already, or
    /// nobody finds it.
    pub fn put(&mut self, path: &str, body: Body) {
        self.inodes += 1;
        let node = Node { inode: self.inodes, modified: self.clock, body };
        self.nodes.insert(path.to_owned(), node);
    }

    /// As [`Files::put`], with the directories around it that are missing.
    pub fn put_with_directories(&mut self, path: &str, body: Body) {
        for (end, _) in path.match_indices('/') {
            if !self.nodes.contains_key(&path[..end]) {
                self.put(&path[..end], Body::Directory);
            }
        }
        self.put(path, body);
    }

    /// The time that is written to what changes from now on.
    pub fn set_time(&mut self, time: Time) {
        self.clock = time;
    }

    /// What has a name; no link is followed.
    pub fn get(&self, path: &str) -> Option<&Body> {
        self.nodes.get(path).map(|node| &node.body)
    }

    /// Everything, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Body)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), &node.body))
    }

    /// Takes what has these names away, as somebody outside would.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.nodes.retain(|path, _| keep(path));
    }

    /// The names in a directory.
    pub fn names(&self, path: &str) -> Vec<String> {
        self.entries(path).into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    fn entries<'a>(&'a self, path: &str) -> Vec<(&'a str, &'a Node)> {
        let below = format!("{path}/");
        let all = self.nodes.range(below.clone()..).take_while(|(name, _)| name.starts_with(&below));
        all.map(|(name, node)| (&name[below.len()..], node)).filter(|(name, _)| !name.contains('/')).collect()
    }

    /// The directories on the way to a name, all but its last segment: each must be one.
    fn walk(&self, name: &Resource, end: usize) -> Result<(), WorldError> {
        let path = &name.path()[..end];
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]).filter(|end| *end > 0) {
            match self.nodes.get(&path[..end]).map(|node| &node.body) {
                None => return Err(WorldError::NotFound),
                Some(Body::Directory) => {}
                Some(Body::Link(target)) => return Err(link(name, end, target)),
                Some(Body::File(_)) => return Err(wrong_kind("a part of the name is no directory")),
            }
        }
        Ok(())
    }

    /// What has a name that is no mount, if something has; a link is not followed.
    fn look(&self, name: &Resource) -> Result<Option<&Node>, WorldError> {
        let Some(parent) = name.path().rfind('/') else {
            let mount = self.nodes.contains_key(name.path());
            return Err(if mount { wrong_kind("it is the directory of a whole mount") } else { WorldError::NotFound });
        };
        self.walk(name, parent)?;
        Ok(self.nodes.get(name.path()))
    }

    fn look_for_file(&self, name: &Resource) -> Result<Option<&[u8]>, WorldError> {
        match self.look(name)?.map(|node| &node.body) {
            None => Ok(None),
            Some(Body::File(content)) => Ok(Some(content)),
            Some(Body::Directory) => Err(wrong_kind("it is a directory")),
            Some(Body::Link(target)) => Err(link(name, name.path().len(), target)),
        }
    }

    /// See [`World::fs_read`](super::World::fs_read).
    ///
    /// # Errors
    /// See [`WorldError`]; so for all that follow.
    pub fn read(&self, name: &Resource, range: Option<Range>) -> Result<Vec<u8>, WorldError> {
        let content = self.look_for_file(name)?.ok_or(WorldError::NotFound)?;
        let Some(Range { offset, length }) = range else {
            check_size(content.len() as u64)?;
            return Ok(content.to_vec());
        };
        check_size(length.into())?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let to = from.saturating_add(length as usize).min(content.len());
        Ok(content[from..to].to_vec())
    }

    /// See [`World::fs_write`](super::World::fs_write).
    pub fn write(&mut self, name: &Resource, content: &[u8], mode: WriteMode) -> Result<(), WorldError> {
        check_size(content.len() as u64)?;
        match (self.look_for_file(name)?, mode) {
            (Some(_), WriteMode::CreateNew) => return Err(WorldError::AlreadyExists),
            (None, WriteMode::ReplaceExisting) => return Err(WorldError::NotFound),
            _ => {}
        }
        self.put(name.path(), Body::File(content.to_vec()));
        Ok(())
    }

    /// See [`World::fs_append`](super::World::fs_append).
    pub fn append(&mut self, name: &Resource, content: &[u8]) -> Result<(), WorldError> {
        check_size(content.len() as u64)?;
        if self.look_for_file(name)?.is_none() {
            self.put(name.path(), Body::File(content.to_vec()));
        } else if let Some(node) = self.nodes.get_mut(name.path())
            && let Body::File(old) = &mut node.body
        {
            old.extend_from_slice(content);
            node.modified = self.clock;
        }
        Ok(())
    }

    /// See [`World::fs_list`](super::World::fs_list).
    pub fn list(&self, name: &Resource) -> Result<Vec<Entry>, WorldError> {
        self.walk(name, name.path().len())?;
        let entries = self.entries(name.path());
        if entries.len() > limit::LIST_ENTRIES_MAX {
            return Err(too_large(format!("the directory has more than {} entries", limit::LIST_ENTRIES_MAX)));
        }
        let shown = entries.into_iter().filter(|(name, _)| !name.starts_with(OWN_FILE_PREFIX));
        Ok(shown.map(|(name, node)| Entry { name: name.to_owned(), stat: node.stat() }).collect())
    }

    /// See [`World::fs_stat`](super::World::fs_stat).
    pub fn stat(&self, name: &Resource) -> Result<Stat, WorldError> {
        let node = match name.path().contains('/') {
            true => self.look(name)?,
            false => self.nodes.get(name.path()),
        };
        node.map(Node::stat).ok_or(WorldError::NotFound)
    }

    /// See [`World::fs_make_dir`](super::World::fs_make_dir).
    pub fn make_dir(&mut self, name: &Resource) -> Result<(), WorldError> {
        let is_mount = !name.path().contains('/') && self.nodes.contains_key(name.path());
        if is_mount || self.look(name)?.is_some() {
            return Err(WorldError::AlreadyExists);
        }
        self.put(name.path(), Body::Directory);
        Ok(())
    }

    /// See [`World::fs_remove`](super::World::fs_remove).
    pub fn remove(&mut self, name: &Resource, recursive: bool) -> Result<(), WorldError> {
        self.look(name)?.ok_or(WorldError::NotFound)?;
        let below = self.nodes.keys().filter(|path| is_within(path, name.path())).count() - 1;
        if below > 0 && !recursive {
            return Err(WorldError::NotEmpty);
        }
        if below > limit::REMOVE_ENTRIES_MAX {
            let most = limit::REMOVE_ENTRIES_MAX;
            return Err(too_large(format!("the directory has more than {most} entries in all")));
        }
        self.nodes.retain(|path, _| !is_within(path, name.path()));
        Ok(())
    }

    /// See [`World::fs_rename`](super::World::fs_rename).
    pub fn rename(&mut self, old: &Resource, new: &Resource, replace: bool) -> Result<(), WorldError> {
        let (moved, there) = (self.look(old), self.look(new).map_err(of_second));
        let moved = match (moved, &there) {
            // Both directories are reached before either name is looked at.
            (Ok(None), Err(error)) => return Err(error.clone()),
            (moved, _) => moved?.ok_or(WorldError::NotFound)?,
        };
        let there = there?;
        let is_directory = moved.body == Body::Directory;
        if is_directory && new.is_within(old) && new != old {
            return Err(wrong_kind("a directory cannot go into itself"));
        }
        match there {
            Some(_) if !replace => return Err(WorldError::AlreadyExists),
            Some(there) if is_directory || !matches!(there.body, Body::File(_)) => {
                return Err(wrong_kind("only a file can take the place of a file, and of nothing else"));
            }
            _ => {}
        }
        if old != new {
            self.move_tree(old.path(), new.path());
        }
        Ok(())
    }

    fn move_tree(&mut self, old: &str, new: &str) {
        let all: Vec<String> = self.nodes.keys().filter(|path| is_within(path, old)).cloned().collect();
        for path in all {
            if let Some(node) = self.nodes.remove(&path) {
                self.nodes.insert(format!("{new}{}", &path[old.len()..]), node);
            }
        }
    }

    /// See [`World::fs_inspect`](super::World::fs_inspect).
    pub fn inspect(&self, name: &Resource, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.find(name, follow, content).map_err(|error| match error {
            WorldError::Link { to, .. } => WorldError::Link { index, to },
            other => other,
        })
    }

    fn find(&self, name: &Resource, follow: bool, content: bool) -> Result<Found, WorldError> {
        let node = match name.path().contains('/') {
            true => self.look(name)?,
            false => Some(self.nodes.get(name.path()).ok_or(WorldError::NotFound)?),
        };
        let content = match node.map(|node| &node.body) {
            Some(Body::Link(target)) if follow => return Err(link(name, name.path().len(), target)),
            Some(Body::File(bytes)) if content && bytes.len() <= limit::CONTENT_BYTES_MAX => Some(digest(bytes)),
            _ => None,
        };
        Ok(Found { before: self.before(name.path()), content })
    }

    fn before(&self, path: &str) -> Before {
        match self.nodes.get(path) {
            None => Before::Absent,
            Some(node) => Before::Present {
                device: 1,
                inode: node.inode,
                size: match &node.body {
                    Body::File(content) => content.len() as u64,
                    Body::Link(target) => target.len() as u64,
                    Body::Directory => self.entries(path).len() as u64,
                },
                directory: node.body == Body::Directory,
                // No number is used twice here.
                created: None,
            },
        }
    }

    /// See [`World::probe`](super::World::probe): what does not fit exactly is unknown.
    pub fn probe(&mut self, probe: &Probe, temporary: &str) -> Probed {
        match probe {
            Probe::Write { target, before, after, .. } => {
                self.nodes.remove(&sibling(target.path(), temporary));
                let now = self.content(target).map(digest);
                if now == Some(*after) && !self.is_same(target, before) {
                    Probed::Done
                } else {
                    self.unless_changed(target, before)
                }
            }
            Probe::Append { target, before, tail, size } => {
                let offset = if let Before::Present { size, .. } = before { *size as usize } else { 0 };
                let now = self.content(target);
                let added = now.and_then(|now| now.get(offset..)).filter(|added| added.len() as u64 == *size);
                let done =
                    added.map(digest) == Some(*tail) && (*before == Before::Absent || self.is_same(target, before));
                if done { Probed::Done } else { self.unless_changed(target, before) }
            }
            Probe::MakeDir { target, before } => match (before, self.before(target.path())) {
                (Before::Absent, Before::Present { directory: true, size: 0, .. }) => Probed::Done,
                _ => self.unless_changed(target, before),
            },
            Probe::Remove { target, before } => match (before, self.before(target.path())) {
                (Before::Present { .. }, Before::Absent) => Probed::Done,
                (Before::Present { directory: true, size, .. }, _) if *size > 0 => Probed::Unknown,
                _ => self.unless_changed(target, before),
            },
            Probe::Rename { old, new, before, before_new } => {
                match (self.before(old.path()), self.before(new.path())) {
                    (Before::Absent, _) if self.is_same(new, before) => Probed::Done,
                    (_, now) if self.is_same(old, before) && now == *before_new => Probed::NotStarted,
                    _ => Probed::Unknown,
                }
            }
            Probe::None => Probed::Unknown,
        }
    }

    fn content(&self, name: &Resource) -> Option<&[u8]> {
        self.look_for_file(name).ok().flatten()
    }

    fn is_same(&self, target: &Resource, before: &Before) -> bool {
        let inode = |before: &Before| if let Before::Present { inode, .. } = before { Some(*inode) } else { None };
        inode(&self.before(target.path())).is_some_and(|now| Some(now) == inode(before))
    }

    fn unless_changed(&self, target: &Resource, before: &Before) -> Probed {
        if self.before(target.path()) == *before { Probed::NotStarted } else { Probed::Unknown }
    }
}

impl Node {
    fn stat(&self) -> Stat {
        let (kind, size) = match &self.body {
            Body::File(content) => (EntryKind::File, content.len() as u64),
            Body::Directory => (EntryKind::Directory, 0),
            Body::Link(_) => (EntryKind::Link, 0),
        };
        Stat { kind, size, modified: self.modified }
    }
}

/// The name beside another one.
pub fn sibling(path: &str, name: &str) -> String {
    format!("{}/{name}", path.rsplit_once('/').map_or("", |(parent, _)| parent))
}

/// Whether a name is another one or lies below it.
pub fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The error for a link, whose name is the first `end` bytes of the resource's.
fn link(name: &Resource, end: usize, target: &str) -> WorldError {
    let (name, rest) = (Resource::new(name.kind(), &name.path()[..end]), name.path()[end..].trim_start_matches('/'));
    WorldError::Link { index: 0, to: path::follow(&name, target, rest) }
}

/// An error of the second name.
fn of_second(error: WorldError) -> WorldError {
    match error {
        WorldError::Link { to, .. } => WorldError::Link { index: 1, to },
        other => other,
    }
}

fn wrong_kind(why: &str) -> WorldError {
    WorldError::WrongKind(why.to_owned())
}

fn too_large(why: String) -> WorldError {
    WorldError::TooLarge(why)
}

fn check_size(size: u64) -> Result<(), WorldError> {
    let most = limit::CONTENT_BYTES_MAX;
    if size <= most as u64 {
        return Ok(());
    }
    Err(too_large(format!("{size} bytes, and one call moves at most {most}; a range of it can be read")))
}

fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}
