//! The outside in memory: files, directories and links by the names of resources, a clock that the test sets, numbers in place of
//! randomness, a log of what was done, and trouble at the moment that a test names.

use super::disk::SimStorage;
use super::gate::{Door, Gate};
use libos_kernel::kernel::Permit;
use libos_kernel::model::call::{Entry, EntryKind, Stat, WriteMode};
use libos_kernel::model::id::Digest;
use libos_kernel::model::path;
use libos_kernel::model::resource::Resource;
use libos_kernel::model::row::{Before, Probe};
use libos_kernel::model::time::Time;
use libos_kernel::world::{Content, Found, Probed, Range, World, WorldError};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files from this size on are read on a thread that may block.
const LARGE: usize = 1_000;

/// What happens at the named operation.
#[derive(Debug, Clone)]
pub enum Plan {
    /// It fails with this, and nothing is done.
    Fail(WorldError),
    /// It panics.
    Panic,
    /// The power goes before it, after it, or in the middle of it.
    CutBefore,
    CutAfter,
    CutWithin,
}

#[derive(Debug, Clone)]
enum Hook {
    Plan(Plan),
    Wait(Arc<Door>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    File(Vec<u8>),
    Directory,
    Link(String),
}

#[derive(Debug, Clone)]
struct Node {
    inode: u64,
    body: Body,
}

#[derive(Debug, Default)]
struct Outside {
    clock: u64,
    drawn: u64,
    inodes: u64,
    nodes: BTreeMap<String, Node>,
    done: Vec<String>,
    looks: Vec<String>,
    counts: HashMap<&'static str, u64>,
    hooks: HashMap<(&'static str, u64), Hook>,
    /// Operations of whatever name until one fails, and with what.
    fails_after: Option<(u64, WorldError)>,
}

/// The outside.
#[derive(Debug)]
pub struct SimWorld {
    outside: Mutex<Outside>,
    disk: SimStorage,
}

/// What is left to do of an operation that may go on.
struct Begun {
    cut: Option<Plan>,
}

impl SimWorld {
    /// An outside with the one directory `mount`; `disk` loses its power with it.
    pub fn new(mount: &str, disk: SimStorage) -> SimWorld {
        let world = SimWorld { outside: Mutex::default(), disk };
        world.lock().clock = 1_000_000_000;
        world.put(mount, Body::Directory);
        world
    }

    fn lock(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, path: &str, body: Body) {
        self.lock().put(path, body);
    }

    /// Puts a file there, as somebody outside.
    pub fn put_file(&self, path: &str, content: impl AsRef<[u8]>) {
        self.put(path, Body::File(content.as_ref().to_vec()));
    }

    /// Puts a directory there.
    pub fn put_directory(&self, path: &str) {
        self.put(path, Body::Directory);
    }

    /// Puts a symbolic link there.
    pub fn put_link(&self, path: &str, target: &str) {
        self.put(path, Body::Link(target.to_owned()));
    }

    /// Names and contents of everything, to be compared.
    pub fn listing(&self) -> Vec<String> {
        self.lock().nodes.iter().map(|(path, node)| format!("{path} {:?}", node.body)).collect()
    }

    /// What was changed, in order.
    pub fn done(&self) -> Vec<String> {
        self.lock().done.clone()
    }

    /// How often something was done.
    pub fn count(&self, what: &str) -> usize {
        self.lock().done.iter().filter(|done| *done == what).count()
    }

    /// What was looked at, in order.
    pub fn looks(&self) -> Vec<String> {
        self.lock().looks.clone()
    }

    /// Forgets what was done and seen so far.
    pub fn forget(&self) {
        let mut outside = self.lock();
        outside.done.clear();
        outside.looks.clear();
    }

    /// Sets the clock.
    pub fn set_clock(&self, time: Time) {
        self.lock().clock = time.0;
    }

    /// Moves the clock.
    pub fn pass(&self, nanoseconds: u64) {
        self.lock().clock += nanoseconds;
    }

    /// At the next-but-`nth` operation of that name, from 1 and from now, this happens.
    pub fn plan(&self, operation: &'static str, nth: u64, plan: Plan) {
        self.hook(operation, nth, Hook::Plan(plan));
    }

    /// That operation waits for the gate before it does anything.
    pub fn block(&self, operation: &'static str, nth: u64) -> Gate {
        let gate = Gate::new();
        self.hook(operation, nth, Hook::Wait(gate.door()));
        gate
    }

    /// The operation with this number, from 1 and from now, of whatever name, fails with this.
    pub fn fail_at(&self, number: u64, error: WorldError) {
        self.lock().fails_after = Some((number, error));
    }

    /// Forgets what is planned. False if it had not come to the failure.
    pub fn calm(&self) -> bool {
        let mut outside = self.lock();
        outside.hooks.clear();
        outside.fails_after.take().is_none()
    }

    fn hook(&self, operation: &'static str, nth: u64, hook: Hook) {
        let mut outside = self.lock();
        let at = outside.counts.get(operation).copied().unwrap_or(0) + nth;
        outside.hooks.insert((operation, at), hook);
    }

    /// Begins an operation: counts it, and lets what is planned happen.
    fn begin(&self, operation: &'static str) -> Result<Begun, WorldError> {
        let hook = {
            let mut outside = self.lock();
            let count = outside.counts.entry(operation).or_insert(0);
            *count += 1;
            let place = (operation, *count);
            if let Some(error) = outside.fails_now() {
                return Err(error);
            }
            outside.hooks.remove(&place)
        };
        let without_power = || Err(WorldError::Io("there is no power".into()));
        match hook {
            Some(Hook::Wait(door)) => door.pass(),
            Some(Hook::Plan(Plan::Fail(error))) => return Err(error),
            Some(Hook::Plan(Plan::Panic)) => panic!("{operation} panics, as planned"),
            Some(Hook::Plan(Plan::CutBefore)) => self.disk.cut(),
            Some(Hook::Plan(cut)) => return Ok(Begun { cut: Some(cut) }),
            None => {}
        }
        if self.disk.is_cut() { without_power() } else { Ok(Begun { cut: None }) }
    }

    fn look(&self, operation: &'static str, name: &Resource) -> Result<(), WorldError> {
        self.begin(operation)?;
        self.lock().looks.push(format!("{operation} {name}"));
        Ok(())
    }

    /// Makes a change. `half` is what is there if the power goes in the middle.
    fn change(
        &self,
        operation: &'static str,
        said: String,
        whole: impl FnOnce(&mut Outside) -> Result<(), WorldError>,
        half: impl FnOnce(&mut Outside),
    ) -> Result<(), WorldError> {
        let begun = self.begin(operation)?;
        let mut outside = self.lock();
        match begun.cut {
            Some(Plan::CutWithin) => {
                half(&mut outside);
                self.disk.cut();
                Err(WorldError::Io("there is no power".into()))
            }
            cut => {
                whole(&mut outside)?;
                outside.done.push(said);
                if cut.is_some() {
                    self.disk.cut();
                }
                Ok(())
            }
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn sibling(path: &str, name: &str) -> String {
    format!("{}/{name}", parent(path))
}

fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

impl Outside {
    /// Whether this is the operation that is to fail.
    fn fails_now(&mut self) -> Option<WorldError> {
        let (left, _) = self.fails_after.as_mut()?;
        *left -= 1;
        if *left > 0 { None } else { self.fails_after.take().map(|(_, error)| error) }
    }

    fn put(&mut self, path: &str, body: Body) {
        self.inodes += 1;
        self.nodes.insert(path.to_owned(), Node { inode: self.inodes, body });
    }

    /// What is at a name; a link on the way, or at the end with `follow`, leads elsewhere.
    fn find(&self, name: &Resource, index: usize, follow: bool) -> Result<Option<&Node>, WorldError> {
        let path = name.path();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let last = end == path.len();
            let Some(node) = self.nodes.get(&path[..end]) else {
                return if last { Ok(None) } else { Err(WorldError::NotFound) };
            };
            match &node.body {
                Body::Link(target) if !last || follow => {
                    let link = Resource::new(name.kind(), &path[..end]);
                    let rest = path[end..].trim_start_matches('/');
                    return Err(WorldError::Link { index, to: path::follow(&link, target, rest) });
                }
                Body::File(_) if !last => return Err(WorldError::WrongKind("a file is no directory".into())),
                _ if last => return Ok(Some(node)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn content(&self, name: &Resource) -> Result<&[u8], WorldError> {
        match self.find(name, 0, true)?.map(|node| &node.body) {
            Some(Body::File(content)) => Ok(content),
            Some(_) => Err(WorldError::WrongKind("not a file".into())),
            None => Err(WorldError::NotFound),
        }
    }

    fn entries(&self, path: &str) -> Vec<(String, &Node)> {
        let below = format!("{path}/");
        let all = self.nodes.range(below.clone()..).take_while(|(name, _)| name.starts_with(&below));
        all.map(|(name, node)| (name[below.len()..].to_owned(), node)).filter(|(name, _)| !name.contains('/')).collect()
    }

    fn stat(&self, node: &Node) -> Stat {
        let (kind, size) = match &node.body {
            Body::File(content) => (EntryKind::File, content.len() as u64),
            Body::Directory => (EntryKind::Directory, 0),
            Body::Link(_) => (EntryKind::Link, 0),
        };
        Stat { kind, size, modified: Time(0) }
    }

    fn before(&self, path: &str) -> Before {
        match self.nodes.get(path) {
            None => Before::Absent,
            Some(node) => Before::Present {
                device: 1,
                inode: node.inode,
                size: match &node.body {
                    Body::File(content) => content.len() as u64,
                    _ => self.entries(path).len() as u64,
                },
                directory: node.body == Body::Directory,
            },
        }
    }

    fn move_tree(&mut self, old: &str, new: &str) {
        let all: Vec<String> = self.nodes.keys().filter(|path| is_within(path, old)).cloned().collect();
        for path in all {
            if let Some(node) = self.nodes.remove(&path) {
                self.nodes.insert(format!("{new}{}", &path[old.len()..]), node);
            }
        }
    }
}

fn is_within(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl World for SimWorld {
    fn now(&self, _: &Permit) -> Time {
        Time(self.lock().clock)
    }

    fn random(&self, _: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        self.begin("random")?;
        let mut outside = self.lock();
        for piece in bytes.chunks_mut(32) {
            outside.drawn += 1;
            let number: Digest = digest(&outside.drawn.to_be_bytes());
            piece.copy_from_slice(&number[..piece.len()]);
        }
        Ok(())
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        let name = permit.resource(0);
        self.look("fs.read", name)?;
        let content = self.lock().content(name)?.to_vec();
        let content = match range {
            Some(range) => content.into_iter().skip(range.offset as usize).take(range.length as usize).collect(),
            None => content,
        };
        if content.len() < LARGE {
            return Ok(Content::Whole(content));
        }
        let hook = {
            let mut outside = self.lock();
            let count = outside.counts.entry("fs.read-rest").or_insert(0);
            *count += 1;
            let place = ("fs.read-rest", *count);
            let fails = outside.fails_now().map(|error| Hook::Plan(Plan::Fail(error)));
            fails.or_else(|| outside.hooks.remove(&place))
        };
        Ok(Content::Later(Box::new(move || {
            match hook {
                Some(Hook::Wait(door)) => door.pass(),
                Some(Hook::Plan(Plan::Fail(error))) => return Err(error),
                _ => {}
            }
            Ok(content)
        })))
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let path = name.path();
        let said = format!("fs.write {name} {}", String::from_utf8_lossy(content));
        let whole = |outside: &mut Outside| {
            match (outside.find(name, 0, true)?.map(|node| &node.body), mode) {
                (Some(Body::Directory), _) => return Err(WorldError::WrongKind("a directory".into())),
                (Some(_), WriteMode::CreateNew) => return Err(WorldError::AlreadyExists),
                (None, WriteMode::ReplaceExisting) => return Err(WorldError::NotFound),
                _ => {}
            }
            outside.put(path, Body::File(content.to_vec()));
            Ok(())
        };
        self.change("fs.write", said, whole, |outside| {
            outside.put(&sibling(path, temporary), Body::File(content[..content.len() / 2].to_vec()));
        })
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let said = format!("fs.append {name} {}", String::from_utf8_lossy(content));
        let add = |outside: &mut Outside, content: &[u8]| match outside.nodes.get_mut(name.path()) {
            Some(Node { body: Body::File(old), .. }) => {
                old.extend(content);
                Ok(())
            }
            Some(_) => Err(WorldError::WrongKind("not a file".into())),
            None => {
                outside.put(name.path(), Body::File(content.to_vec()));
                Ok(())
            }
        };
        let half = &content[..content.len() / 2];
        self.change("fs.append", said, |outside| add(outside, content), |outside| drop(add(outside, half)))
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        let name = permit.resource(0);
        self.look("fs.list", name)?;
        let outside = self.lock();
        match outside.find(name, 0, true)?.map(|node| &node.body) {
            Some(Body::Directory) => {}
            Some(_) => return Err(WorldError::WrongKind("not a directory".into())),
            None => return Err(WorldError::NotFound),
        }
        let entries = outside.entries(name.path()).into_iter();
        Ok(entries.map(|(name, node)| Entry { name, stat: outside.stat(node) }).collect())
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        let name = permit.resource(0);
        self.look("fs.stat", name)?;
        let outside = self.lock();
        let node = outside.find(name, 0, false)?.ok_or(WorldError::NotFound)?;
        Ok(outside.stat(node))
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let whole = |outside: &mut Outside| {
            if outside.find(name, 0, false)?.is_some() {
                return Err(WorldError::AlreadyExists);
            }
            outside.put(name.path(), Body::Directory);
            Ok(())
        };
        self.change("fs.make-dir", format!("fs.make-dir {name}"), whole, |_| {})
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let whole = |outside: &mut Outside| {
            outside.find(name, 0, false)?.ok_or(WorldError::NotFound)?;
            if !recursive && !outside.entries(name.path()).is_empty() {
                return Err(WorldError::NotEmpty);
            }
            outside.nodes.retain(|path, _| !is_within(path, name.path()));
            Ok(())
        };
        let half = |outside: &mut Outside| {
            let first = outside.entries(name.path()).first().map(|(entry, _)| format!("{}/{entry}", name.path()));
            outside.nodes.retain(|path, _| first.as_ref().is_none_or(|first| !is_within(path, first)));
        };
        self.change("fs.remove", format!("fs.remove {name}"), whole, half)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        let (old, new) = (permit.resource(0), permit.resource(1));
        let whole = |outside: &mut Outside| {
            outside.find(old, 0, false)?.ok_or(WorldError::NotFound)?;
            if outside.find(new, 1, false)?.is_some() && !replace {
                return Err(WorldError::AlreadyExists);
            }
            outside.nodes.retain(|path, _| !is_within(path, new.path()));
            outside.move_tree(old.path(), new.path());
            Ok(())
        };
        self.change("fs.rename", format!("fs.rename {old} {new}"), whole, |_| {})
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        let name = permit.resource(index);
        self.look("fs.inspect", name)?;
        let outside = self.lock();
        let found = outside.find(name, index, follow)?;
        let content = match found.map(|node| &node.body) {
            Some(Body::File(bytes)) if content => Some(digest(bytes)),
            _ => None,
        };
        Ok(Found { before: outside.before(name.path()), content })
    }

    fn probe(&self, _: &Permit, probe: &Probe, temporary: &str) -> Probed {
        if self.look("probe", &Resource::new(libos_kernel::model::resource::Kind::Fs, "probe")).is_err() {
            return Probed::Unknown;
        }
        self.lock().probe(probe, temporary)
    }
}

/// Classifies as the runtime's world does: what does not fit exactly is unknown.
impl Outside {
    fn probe(&mut self, probe: &Probe, temporary: &str) -> Probed {
        match probe {
            Probe::Write { target, before, after, .. } => {
                self.nodes.remove(&sibling(target.path(), temporary));
                let now = self.content(target).ok().map(digest);
                if now == Some(*after) && !self.is_same(target, before) {
                    Probed::Done
                } else {
                    self.unless_changed(target, before)
                }
            }
            Probe::Append { target, before, tail, size } => {
                let offset = if let Before::Present { size, .. } = before { *size as usize } else { 0 };
                let now = self.content(target).ok();
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

    fn is_same(&self, target: &Resource, before: &Before) -> bool {
        let inode = |before: &Before| if let Before::Present { inode, .. } = before { Some(*inode) } else { None };
        inode(&self.before(target.path())).is_some_and(|now| Some(now) == inode(before))
    }

    fn unless_changed(&self, target: &Resource, before: &Before) -> Probed {
        if self.before(target.path()) == *before { Probed::NotStarted } else { Probed::Unknown }
    }
}
