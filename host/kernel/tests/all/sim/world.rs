//! The outside in memory: files, directories and links by the names of resources, a clock that the test sets, numbers in place of
//! randomness, a log of what was done, and trouble at the moment that a test names.

use super::disk::SimStorage;
use super::gate::{Door, Gate};
use libos_kernel::kernel::Permit;
use libos_kernel::model::call::{Entry, Stat, WriteMode};
use libos_kernel::model::id::Digest;
use libos_kernel::model::policy::ModelProfile;
use libos_kernel::model::program::{Executable, Place, ProgramEnd, Ran, Written};
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::row::Probe;
use libos_kernel::model::time::Time;
use libos_kernel::world::files::{Body, Files, is_within, sibling};
use libos_kernel::world::{
    Asking, Content, Found, ModelAnswer, ModelTrouble, Probed, ProgramName, Range, World, WorldError,
};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
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

#[derive(Debug, Default)]
struct Outside {
    clock: u64,
    drawn: u64,
    files: Files,
    done: Vec<String>,
    looks: Vec<String>,
    counts: HashMap<&'static str, u64>,
    hooks: HashMap<(&'static str, u64), Hook>,
    /// What models answer, in order.
    replies: VecDeque<Result<ModelAnswer, ModelTrouble>>,
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
        self.lock().files.put(path, body);
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
        self.lock().files.iter().map(|(path, body)| format!("{path} {body:?}")).collect()
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

    /// The next model that is asked answers this; one for which nothing was planned says that nothing was planned.
    pub fn answer_as_model(&self, reply: Result<ModelAnswer, ModelTrouble>) {
        self.lock().replies.push_back(reply);
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
        let content = self.lock().files.read(name, range)?;
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
        let said = format!("fs.write {name} {}", String::from_utf8_lossy(content));
        let whole = |outside: &mut Outside| outside.files.write(name, content, mode);
        self.change("fs.write", said, whole, |outside| {
            outside.files.put(&sibling(name.path(), temporary), Body::File(content[..content.len() / 2].to_vec()));
        })
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let said = format!("fs.append {name} {}", String::from_utf8_lossy(content));
        let half = &content[..content.len() / 2];
        let add = |outside: &mut Outside, content: &[u8]| outside.files.append(name, content);
        self.change("fs.append", said, |outside| add(outside, content), |outside| drop(add(outside, half)))
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        let name = permit.resource(0);
        self.look("fs.list", name)?;
        self.lock().files.list(name)
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        let name = permit.resource(0);
        self.look("fs.stat", name)?;
        self.lock().files.stat(name)
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let whole = |outside: &mut Outside| outside.files.make_dir(name);
        self.change("fs.make-dir", format!("fs.make-dir {name}"), whole, |_| {})
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        let name = permit.resource(0);
        let whole = |outside: &mut Outside| outside.files.remove(name, recursive);
        let half = |outside: &mut Outside| {
            let first = outside.files.names(name.path()).first().map(|entry| format!("{}/{entry}", name.path()));
            outside.files.retain(|path| first.as_ref().is_none_or(|first| !is_within(path, first)));
        };
        self.change("fs.remove", format!("fs.remove {name}"), whole, half)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        let (old, new) = (permit.resource(0), permit.resource(1));
        let whole = |outside: &mut Outside| outside.files.rename(old, new, replace);
        self.change("fs.rename", format!("fs.rename {old} {new}"), whole, |_| {})
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        let name = permit.resource(index);
        self.look("fs.inspect", name)?;
        self.lock().files.inspect(name, index, follow, content)
    }

    fn model_ask<'a>(&'a self, permit: &'a Permit, _: &'a ModelProfile, request: &'a str) -> Asking<'a> {
        Box::pin(async move {
            let key = permit.idempotency_key().expect("an effect has a key");
            let said = format!("model.ask {} {key} {request}", permit.resource(0));
            let asked = self.change("model.ask", said, |_| Ok(()), |_| {});
            asked.map_err(|error| ModelTrouble::Unknown(format!("{error:?}")))?;
            let reply = self.lock().replies.pop_front();
            reply.unwrap_or_else(|| Err(ModelTrouble::NotStarted("no answer was planned".into())))
        })
    }

    /// Every program is below `/usr/bin`; `link` leads to `/usr/bin/true`.
    fn shell_find(&self, permit: &Permit, program: &ProgramName<'_>) -> Result<Executable, WorldError> {
        self.look("shell.find", permit.resource(0))?;
        let name = program.name.rsplit('/').next().unwrap_or_default();
        let path = format!("/usr/bin/{}", if name == "link" { "true" } else { name });
        let content = self.lock().files.read(&Resource::new(Kind::Fs, "workspace/true"), None).unwrap_or_default();
        Ok(Executable { file: path.clone(), path, device: 1, inode: 1, digest: digest(&content), size: 1 })
    }

    fn shell_run(&self, permit: &Permit, _: &[u8], _: &(dyn Fn() -> bool + Sync)) -> Result<Ran, WorldError> {
        let order = permit.order().expect("a program has an order");
        let place =
            |place: &Place| format!(" {:?} {}{}", place.access, place.name, if place.whole { "/**" } else { "" });
        let places: String = order.places.iter().map(place).collect();
        self.change("shell.run", format!("shell.run {}{places}", permit.resource(0)), |_| Ok(()), |_| {})?;
        let limits = (order.limits.wall_milliseconds, order.limits.processor_milliseconds);
        let stdout = Written { head: format!("{limits:?}"), ..Written::default() };
        let (end, code, confined) = (ProgramEnd::Exited, 0, "confined by nothing: simulated".into());
        Ok(Ran { end, code, stdout, stderr: Written::default(), wall_time: 5, processor_time: 7_000_000, confined })
    }

    fn probe(&self, _: &Permit, probe: &Probe, temporary: &str) -> Probed {
        if self.look("probe", &Resource::new(libos_kernel::model::resource::Kind::Fs, "probe")).is_err() {
            return Probed::Unknown;
        }
        self.lock().files.probe(probe, temporary)
    }
}
