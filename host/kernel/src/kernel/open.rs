//! Opening a kernel over a store: reads the tables, then recovers what a crash left open.

use super::notary::{Notary, Notes};
use super::object_cache::ObjectCache;
use super::pins::Pins;
use super::quanta::Driven;
use super::state::{Counters, LiveCall, State};
use super::{HostError, Kernel, Permit, Shared, committer};
use crate::model::codec::from_bytes;
use crate::model::decide::Ceiling;
use crate::model::grant::Grant;
use crate::model::id::{CallId, QuestionId};
use crate::model::image::Image;
use crate::model::limit;
use crate::model::policy::Policy;
use crate::model::question::{QuestionRow, QuestionState};
use crate::model::row::{CallRow, CallState, EffectRow, EffectState, ProcessRow, ToolRow, Wait, WaitRow};
use crate::model::schedule::Schedule;
use crate::store::StoreError;
use crate::store::batch::Batch;
use crate::store::disk::Storage;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table, meta};
use crate::store::writer::Writer;
use crate::sync::{Condvar, Mutex, thread, watch};
use crate::world::World;
use minicbor::Decode;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};

/// What a kernel is opened with.
#[derive(Clone)]
pub struct Options {
    pub storage: Arc<dyn Storage>,
    pub world: Arc<dyn World>,
    /// What no grant can give.
    pub ceiling: Ceiling,
    /// Who signs the heads of the log and brings them to a second place.
    pub notary: Option<Arc<dyn Notary>>,
}

impl Options {
    /// Without a ceiling and without signatures.
    pub fn new(storage: Arc<dyn Storage>, world: Arc<dyn World>) -> Options {
        Options { storage, world, ceiling: Ceiling::default(), notary: None }
    }
}

impl Kernel {
    /// Opens the store, makes it if there is none, and classifies what a crash left open. Nothing is performed.
    ///
    /// # Errors
    /// Another host has it, it is newer or damaged, or the disk failed.
    // long: most of it is the list of what a state consists of.
    pub fn open(options: Options) -> Result<Arc<Kernel>, HostError> {
        let Options { storage, world, ceiling, notary } = options;
        let random = Arc::clone(&world);
        let now = world.now(&Permit::of_kernel(Vec::new()));
        let writer = Writer::open(Arc::clone(&storage), now, || random32(&*random))?;
        let (database, files) = (Arc::clone(writer.database()), Arc::clone(writer.files()));
        let snapshot = Snapshot::of(&database, Arc::clone(&storage))?;
        let work = Arc::new(Condvar::new());
        let changed = Arc::new(Notify::new());
        let mut state = State {
            batch: Batch::default(),
            in_flight: None,
            number: 1,
            urgent: false,
            closing: false,
            free: storage.free_bytes(),
            failed: None,
            counters: Counters::default(),
            next_seq: writer.size(),
            grants: super::grants::Grants::default(),
            processes: HashMap::new(),
            children: super::children::Children::default(),
            viewers: super::viewers::Viewers::default(),
            calls: HashMap::new(),
            calls_of: BTreeSet::new(),
            waits: BTreeMap::new(),
            timers: BTreeSet::new(),
            questions: BTreeMap::new(),
            asking: super::asking::Asking::default(),
            mail: super::mail::Mail::default(),
            effects: HashMap::new(),
            under_way: super::space::UnderWay::default(),
            found_unknown: Vec::new(),
            store_key: *writer.key(),
            tools: BTreeMap::new(),
            candidates: super::candidates::Candidates::default(),
            own_tools: BTreeMap::new(),
            images: BTreeMap::new(),
            standard_images: BTreeSet::new(),
            image_versions: BTreeMap::new(),
            policy: Policy::default(),
            ceiling,
            objects: ObjectCache::default(),
            checkpoints: BTreeSet::new(),
            pins: Pins::default(),
            instance: None,
            runnable: Vec::new(),
            schedule: Schedule::default(),
            driven: Driven::default(),
            work: Arc::clone(&work),
            changed: Arc::clone(&changed),
            database: Arc::clone(&database),
            storage: Arc::clone(&storage),
        };
        state.load(&snapshot)?;
        if let Some(origin) = snapshot.row(Table::Meta, meta::BACKUP)? {
            state.take_over(&origin, random32(&*random)?, now)?;
        }
        state.note_key(notary.as_deref(), &snapshot, now)?;
        let noted = snapshot.last_noted()?;
        if notary.is_some() {
            state.note_adopted(noted, writer.size(), now);
        }
        let notes = notary.map(|notary| Notes::new(notary, Arc::clone(&world), noted));
        drop(snapshot);
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            work,
            durable: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("committer".into())
            .spawn(move || committer::run(&theirs, writer, notes))
            .map_err(|error| StoreError::Failed(format!("no thread for the committer: {error}")))?;
        let kernel = Arc::new(Kernel {
            shared,
            world,
            storage,
            files,
            database,
            committer: Mutex::new(Some(thread)),
            changed,
            large_reads: Arc::new(Semaphore::new(limit::LARGE_READS_MAX)),
            programs: Arc::new(Semaphore::new(limit::PROGRAMS_AT_ONCE_MAX)),
        });
        kernel.recover();
        // What ended while no host ran has ended, whatever the clock says next.
        let now = kernel.now();
        kernel.lock().expire_grants(now);
        Ok(kernel)
    }
}

fn random32(world: &dyn World) -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    world
        .random(&Permit::of_kernel(Vec::new()), &mut bytes)
        .map_err(|error| StoreError::Failed(format!("no randomness: {error:?}")))?;
    Ok(bytes)
}

/// Each row of a table that is in memory.
fn each<T: for<'b> Decode<'b, ()>>(
    snapshot: &Snapshot,
    table: Table,
    prefix: &[u8],
    mut visit: impl FnMut(&[u8], T),
) -> Result<(), StoreError> {
    snapshot.scan(table, prefix, |key, value| {
        visit(key, from_bytes(&value)?);
        Ok(ControlFlow::Continue(()))
    })
}

impl State {
    fn load(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.counters = snapshot.row(Table::Meta, meta::COUNTERS)?.unwrap_or_default();
        self.instance = snapshot.get(Table::Meta, meta::INSTANCE)?.and_then(|bytes| bytes.try_into().ok());
        if let Some(text) = snapshot.get(Table::Meta, meta::POLICY)? {
            // It was read when it was put in force; a newer version may know more, then it is to be trusted again.
            self.policy = String::from_utf8(text).ok().and_then(|text| Policy::parse(&text).ok()).unwrap_or_default();
        }
        each(snapshot, Table::Process, table::LIVE, |_, row: ProcessRow| {
            self.children.note(&row);
            self.viewers.note(None, &row);
            self.processes.insert(row.pid, row);
        })?;
        self.load_ended_children(snapshot)?;
        self.load_grants(snapshot)?;
        self.load_checkpoints(snapshot)?;
        self.load_pins(snapshot)?;
        each(snapshot, Table::Call, table::LIVE, |_, row: CallRow| {
            self.calls_of.insert((row.pid, row.id));
            self.calls.insert(row.id, LiveCall::new(row, false));
        })?;
        each(snapshot, Table::Wait, &[], |key, row: WaitRow| {
            if let Some((call, position)) = table::read_place(key) {
                if let Some(until) = row.kind.until() {
                    self.timers.insert((until, call, position));
                }
                match (&row.kind, self.calls.get(&call)) {
                    (Wait::Question(id), _) => drop(self.questions.insert((call, position), *id)),
                    (Wait::Message { .. }, Some(live)) => self.mail.open_receiver(live.row.pid, call, position),
                    _ => {}
                }
                self.note_child_wait(call, position, &row.kind);
                self.waits.insert((call, position), row);
            }
        })?;
        each(snapshot, Table::Effect, &[], |_, row: EffectRow| {
            if matches!(row.state, EffectState::Prepared | EffectState::Dispatched) {
                self.effects.insert(row.id, row);
            }
        })?;
        each(snapshot, Table::Tool, &[], |_, row: ToolRow| drop(self.tools.insert(row.name.clone(), Arc::new(row))))?;
        self.refresh_standard_images();
        each(snapshot, Table::Image, &[], |_, image: Image| self.load_image(image))?;
        each(snapshot, Table::ImageVersion, &[], |key, image: Image| {
            if let Some((name, digest)) = table::read_image_version(key) {
                self.image_versions.insert((name.to_owned(), digest), image.version);
            }
        })?;
        self.mail.load(snapshot)?;
        self.load_candidates(snapshot)?;
        self.load_own_tools(snapshot)?;
        self.load_answers(snapshot)
    }

    fn load_grants(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let holders: Vec<u64> = [0].into_iter().chain(self.processes.keys().map(|pid| pid.0)).collect();
        for holder in holders {
            each(snapshot, Table::Grant, &table::number(holder), |_, grant: Grant| self.grants.insert(grant))?;
        }
        Ok(())
    }

    /// Answers to approvals that the call which asked has not used yet.
    fn load_answers(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let live: BTreeSet<CallId> = self.calls.keys().copied().collect();
        each(snapshot, Table::Question, table::LIVE, |_, row: QuestionRow| {
            self.asking.note(&row);
            if matches!(row.state, QuestionState::Answered { .. }) {
                let waiting = row.places().filter(|(call, _)| live.contains(call));
                self.questions.extend(waiting.map(|place| (place, row.id)));
            }
        })?;
        snapshot.scan(Table::Refused, &[], |key, value| {
            let id = value.try_into().map(u64::from_be_bytes).map(QuestionId);
            if let (Some((pid, digest)), Ok(id)) = (table::read_refused(key), id) {
                self.asking.load_refusal(pid, digest, id);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        // What ran when the host died is to be started again.
        for live in self.calls.values_mut().filter(|live| live.row.state == CallState::Running) {
            live.row.state = CallState::Runnable;
        }
        Ok(())
    }
}
