//! Object memory without a line before it: what the tables hold after a change, and as of when.

mod model;
mod versions;

use super::object_cache::ObjectCache;
use super::object_versions::Version;
use super::objects::Author;
use super::pins::Pins;
use super::state::State;
use super::{Kernel, Options};
use crate::model::call::{ObjectInfo, ObjectOptions, Payload};
use crate::model::id::{CallId, Pid, Seq};
use crate::model::image::BASE;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Resource};
use crate::model::time::Time;
use crate::store::disk::Memory;
use crate::store::table::Table;
use crate::world::memory::MemoryWorld;
use std::sync::Arc;

/// A kernel over memory, with one process.
pub(super) struct House {
    pub kernel: Arc<Kernel>,
    pub pid: Pid,
}

impl House {
    pub fn new() -> House {
        let world = Arc::new(MemoryWorld::new(&["workspace"], 1));
        let kernel = Kernel::open(Options::new(Arc::new(Memory::default()), world)).unwrap();
        kernel.set_policy("[mounts]\nworkspace = \".\"\n[image.base]\n").unwrap();
        let pid = kernel.new_process(BASE, false).unwrap();
        House { kernel, pid }
    }

    /// Forgets all that is in memory of objects and reads it again from what is committed, as a new host does.
    pub fn reopen(&self) {
        self.kernel.shutdown();
        let mut state = self.kernel.lock();
        let snapshot = state.snapshot().unwrap();
        (state.pins, state.objects) = (Pins::default(), ObjectCache::default());
        state.load_pins(&snapshot).unwrap();
    }

    pub fn author(&self) -> Author {
        Author { pid: self.pid, call: CallId(1), now: Time(1) }
    }

    /// Does something as a system call would: the change and its record are one.
    pub fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.kernel.lock();
        let done = act(&mut state);
        state.note(Record::new("test", Time(1), Decided::Host, Outcome::Done));
        done
    }

    pub fn create(&self, name: &str, payload: &str) -> ObjectInfo {
        let options = ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
        let author = self.author();
        self.act(|state| state.object_create(&object(name), &json(payload), &options, author)).unwrap()
    }

    pub fn update(&self, name: &str, payload: &str) -> ObjectInfo {
        let author = self.author();
        self.act(|state| state.object_update(&object(name), &json(payload), None, author)).unwrap()
    }

    pub fn delete(&self, name: &str) {
        let author = self.author();
        self.act(|state| state.object_delete(&object(name), None, author)).unwrap();
    }

    /// Pins the objects of the process as they are.
    pub fn pin(&self) -> Seq {
        let mut state = self.kernel.lock();
        let at = state.next_seq;
        state.pin(self.pid, at);
        at
    }

    pub fn unpin(&self, at: Seq) {
        self.kernel.lock().unpin(self.pid, at).unwrap();
    }

    pub fn namespace(&self) -> String {
        super::own_namespace(self.pid)
    }

    /// What is in the process's namespace, or was: short name, version and payload.
    pub fn seen(&self, at: Option<Seq>) -> Vec<String> {
        let state = self.kernel.lock();
        let found = state.versions_as_of(&self.namespace(), at).unwrap().into_values();
        let there = found.filter(|version: &Version| !version.info.is_gone());
        there.map(|version| shown(&state, &version)).collect()
    }

    /// How many versions are kept that are not the present ones.
    pub fn kept(&self) -> usize {
        self.kernel.lock().scan(Table::ObjectVersion, &[]).unwrap().len()
    }

    pub fn payloads(&self) -> usize {
        self.kernel.lock().scan(Table::ObjectPayload, &[]).unwrap().len()
    }
}

fn shown(state: &State, version: &Version) -> String {
    let Payload::Json(text) = state.payload_of(version).unwrap() else { panic!("bytes") };
    let name = version.info.name.splitn(3, '/').last().unwrap();
    format!("{name} {} {text}", version.info.version)
}

pub fn object(name: &str) -> Resource {
    let full = if name.contains('/') { name.to_owned() } else { format!("process/1/{name}") };
    Resource::new(Kind::Object, full)
}

pub fn json(text: &str) -> Payload {
    Payload::Json(text.to_owned())
}
