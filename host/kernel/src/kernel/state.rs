//! Everything the kernel knows, behind one lock: the tables in memory and the batch of what is not on the disk yet. A change and
//! the record of it are made under one hold of the lock, so they are committed together.

use super::asking::Asking;
use super::candidates::Candidates;
use super::children::Children;
use super::flood::Tally;
use super::grants::Grants;
use super::images::{ImageVersions, KnownImage};
use super::mail::Mail;
use super::object_cache::ObjectCache;
use super::own_tools::OwnTools;
use super::pins::Pins;
use super::quanta::Driven;
use super::space::UnderWay;
use super::viewers::Viewers;
use crate::model::codec::{from_bytes, to_bytes};
use crate::model::decide::Ceiling;
use crate::model::grant::Grant;
use crate::model::id::{
    CallId, CandidateId, CheckpointId, Digest, EffectId, GrantId, MessageId, Pid, Position, QuestionId, Seq,
};
use crate::model::policy::Policy;
use crate::model::process::State as ProcessState;
use crate::model::question::QuestionRow;
use crate::model::record::Record;
use crate::model::row::{CallRow, EffectRow, ProcessRow, ToolRow, WaitRow};
use crate::model::schedule::Schedule;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::batch::{Batch, NewJournal, NewRecord};
use crate::store::disk::Storage;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table, meta};
use crate::sync::Condvar;
use minicbor::{CborLen, Decode, Encode};
use redb::Database;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};

/// The next number of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Counters {
    #[n(0)]
    pub pid: u64,
    #[n(1)]
    pub call: u64,
    #[n(2)]
    pub question: u64,
    #[n(3)]
    pub grant: u64,
    #[n(4)]
    pub effect: u64,
    #[n(5)]
    #[cbor(default)]
    pub message: u64,
    #[n(6)]
    #[cbor(default)]
    pub checkpoint: u64,
    #[n(7)]
    #[cbor(default)]
    pub candidate: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self { pid: 1, call: 1, question: 1, grant: 1, effect: 1, message: 1, checkpoint: 1, candidate: 1 }
    }
}

/// What a waiting import is told.
#[derive(Debug)]
pub enum Woken {
    /// This is the answer.
    Answer(Arc<crate::model::answer::Answer>),
    /// Decide again.
    Again,
}

/// When an answer came, and how many bytes of its call's journal came before it: of several at one time the first comes first.
pub type Moment = (Time, u64);

/// A call that has not ended.
#[derive(Debug)]
pub struct LiveCall {
    pub row: CallRow,
    /// Answers of observes that are not in the journal yet: they go there with the first thing that must survive.
    pub kept: Vec<NewJournal>,
    /// The time of the last journal line, kept or on the disk: what the guest's own clocks show. A replay shows the same.
    pub last_time: Time,
    /// Bytes of all journal lines so far.
    pub journal_bytes: usize,
    /// An instance of it is in memory.
    pub resident: bool,
    /// The run loop was told to start it, and has not yet.
    pub queued: bool,
    /// When answers came that its guest has not seen, once it has submitted anything: its clocks show only what it has seen.
    pub times: Option<BTreeMap<Position, Moment>>,
    /// Who awaits the ends of open waits, if the call is resident.
    pub waiters: Vec<(Position, oneshot::Sender<Woken>)>,
    /// What it did so often that it is only counted.
    pub tally: Tally,
    /// It asks a model, which takes long and nothing of the host's.
    pub asks: bool,
}

/// The tables and the batch.
pub struct State {
    pub batch: Batch,
    /// The batch that is being written now.
    pub in_flight: Option<Arc<Batch>>,
    /// Number of `batch`; the first is 1.
    pub number: u64,
    /// Somebody waits for `batch`.
    pub urgent: bool,
    pub closing: bool,
    /// Bytes that were free where the store lies when that was last looked at; none if nobody knows.
    pub free: Option<u64>,
    /// Why nothing is done any more.
    pub failed: Option<String>,

    pub counters: Counters,
    pub next_seq: Seq,
    pub grants: Grants,
    pub processes: HashMap<Pid, ProcessRow>,
    pub children: Children,
    pub viewers: Viewers,
    pub calls: HashMap<CallId, LiveCall>,
    /// The live calls of each process.
    pub calls_of: BTreeSet<(Pid, CallId)>,
    pub waits: BTreeMap<(CallId, Position), WaitRow>,
    pub timers: BTreeSet<(Time, CallId, Position)>,
    /// Questions that wait or whose answer waits to be used.
    pub questions: BTreeMap<(CallId, Position), QuestionId>,
    pub asking: Asking,
    pub mail: Mail,
    pub effects: HashMap<EffectId, EffectRow>,
    pub under_way: UnderWay,
    /// What recovery could not find out when the store was opened.
    pub found_unknown: Vec<EffectId>,
    /// Random, and only in this store and its copies.
    pub(super) store_key: Digest,
    pub tools: BTreeMap<String, Arc<ToolRow>>,
    pub(super) candidates: Candidates,
    pub(super) own_tools: OwnTools,
    pub(super) images: BTreeMap<String, Arc<KnownImage>>,
    /// Names of those among them that come with the program.
    pub(super) standard_images: BTreeSet<String>,
    pub(super) image_versions: ImageVersions,
    pub policy: Policy,
    pub ceiling: Ceiling,
    pub objects: ObjectCache,
    /// Whose checkpoints there are.
    pub checkpoints: BTreeSet<(Pid, CheckpointId)>,
    /// The moments at which objects are still shown as they were.
    pub pins: Pins,
    /// What sets the effects of a restored copy apart from those of the host that it was copied from.
    pub instance: Option<Digest>,
    /// Calls whose wait has ended and that nobody runs.
    pub runnable: Vec<CallId>,
    /// Whose quantum is next.
    pub(super) schedule: Schedule,
    pub(super) driven: Driven,

    /// Wakes the committer.
    pub(super) work: Arc<Condvar>,
    /// Wakes the run loop.
    pub(super) changed: Arc<Notify>,
    pub(super) database: Arc<Database>,
    pub(super) storage: Arc<dyn Storage>,
}

impl State {
    /// The committer sleeps while there is nothing to commit: the first change of a batch starts its clock.
    fn wake_committer(&self) {
        if self.batch.is_empty() {
            self.work.notify_one();
        }
    }

    /// Changes a row.
    pub fn put<T: Encode<()> + CborLen<()>>(&mut self, table: Table, key: Vec<u8>, row: &T) {
        self.put_bytes(table, key, to_bytes(row));
    }

    /// Changes a value.
    pub fn put_bytes(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.wake_committer();
        self.batch.size += key.len() + value.len() + 32;
        self.batch.rows.insert((table, key), Some(value));
    }

    /// Changes a row that has a place for what lives and one for what has ended.
    pub fn put_by_life<T: Encode<()> + CborLen<()>>(&mut self, table: Table, number: u64, live: bool, row: &T) {
        if live {
            self.put(table, table::live(number), row);
        } else {
            self.remove(table, table::live(number));
            self.put(table, table::ended(number), row);
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.wake_committer();
        self.batch.size += key.len() + 32;
        self.batch.rows.insert((table, key), None);
    }

    /// A value as it is now, committed or not.
    ///
    /// # Errors
    /// The disk failed.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let place = (table, key.to_vec());
        for batch in [Some(&self.batch), self.in_flight.as_deref()].into_iter().flatten() {
            if let Some(value) = batch.rows.get(&place) {
                return Ok(value.clone());
            }
        }
        self.snapshot()?.get(table, key)
    }

    /// A row as it is now, committed or not.
    ///
    /// # Errors
    /// The disk failed, or the row is damaged.
    pub fn row<T: for<'b> Decode<'b, ()>>(&self, table: Table, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get(table, key)?.map(|bytes| from_bytes(&bytes).map_err(StoreError::from)).transpose()
    }

    /// Keys and values that start with `prefix` as they are now, committed or not, in order.
    ///
    /// # Errors
    /// The disk failed.
    pub fn scan(&self, table: Table, prefix: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let mut found = BTreeMap::new();
        self.snapshot()?.scan(table, prefix, |key, value| {
            found.insert(key.to_vec(), value);
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        for batch in [self.in_flight.as_deref(), Some(&self.batch)].into_iter().flatten() {
            let changes = batch.rows.range((table, prefix.to_vec())..);
            for ((_, key), value) in changes.take_while(|((found, key), _)| *found == table && key.starts_with(prefix))
            {
                match value {
                    Some(value) => drop(found.insert(key.clone(), value.clone())),
                    None => drop(found.remove(key)),
                }
            }
        }
        Ok(found)
    }

    /// What is committed.
    ///
    /// # Errors
    /// The disk failed.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::of(&self.database, Arc::clone(&self.storage))
    }

    /// Adds a record; answers its place.
    pub fn record(&mut self, mut new: NewRecord) -> Seq {
        self.wake_committer();
        let seq = self.next_seq;
        self.next_seq += 1;
        new.record.seq = seq;
        self.batch.size += 256
            + new.request.as_ref().map_or(0, |call| call.size())
            + new.answer.as_ref().map_or(0, |answer| answer.size());
        self.batch.records.push(new);
        seq
    }

    /// Adds a record of something without request and answer.
    pub fn note(&mut self, record: Record) -> Seq {
        self.record(NewRecord { record, request: None, answer: None })
    }

    /// Adds a line to the journal on the disk.
    pub fn journal(&mut self, line: NewJournal) {
        self.wake_committer();
        self.batch.size += line.size();
        self.batch.journal.push(line);
    }

    /// The number of the batch that holds everything until now.
    pub fn mark(&self) -> u64 {
        if self.batch.is_empty() { self.number - 1 } else { self.number }
    }

    /// Bytes that are not on the disk.
    pub fn uncommitted(&self) -> usize {
        self.batch.size + self.in_flight.as_ref().map_or(0, |batch| batch.size)
    }

    fn count(&mut self, next: impl Fn(&mut Counters) -> &mut u64) -> u64 {
        let counter = next(&mut self.counters);
        // A store of an older format has never counted some kinds.
        let number = (*counter).max(1);
        *counter = number + 1;
        let counters = self.counters;
        self.put(Table::Meta, meta::COUNTERS.to_vec(), &counters);
        number
    }

    /// A new process's number.
    pub fn new_pid(&mut self) -> Pid {
        Pid(self.count(|counters| &mut counters.pid))
    }

    /// A new call's number.
    pub fn new_call(&mut self) -> CallId {
        CallId(self.count(|counters| &mut counters.call))
    }

    /// A new question's number.
    pub fn new_question(&mut self) -> QuestionId {
        QuestionId(self.count(|counters| &mut counters.question))
    }

    /// A new grant's number.
    pub fn new_grant(&mut self) -> GrantId {
        GrantId(self.count(|counters| &mut counters.grant))
    }

    /// A new effect's number.
    pub fn new_effect(&mut self) -> EffectId {
        EffectId(self.count(|counters| &mut counters.effect))
    }

    /// A new message's number.
    pub fn new_message(&mut self) -> MessageId {
        MessageId(self.count(|counters| &mut counters.message))
    }

    /// A new checkpoint's number.
    pub fn new_checkpoint(&mut self) -> CheckpointId {
        CheckpointId(self.count(|counters| &mut counters.checkpoint))
    }

    /// A new candidate's number.
    pub fn new_candidate(&mut self) -> CandidateId {
        CandidateId(self.count(|counters| &mut counters.candidate))
    }

    /// Changes a grant, in memory and on the disk.
    pub fn put_grant(&mut self, grant: Grant) {
        self.put(Table::Grant, table::grant(&grant.holder, grant.id), &grant);
        self.grants.insert(grant);
    }

    /// Changes a process, in memory and on the disk; one that has ended leaves memory.
    pub fn put_process(&mut self, mut process: ProcessRow) {
        if !matches!(process.state, ProcessState::Paused(_)) {
            process.wants = None;
        }
        let pid = process.pid;
        self.put_by_life(Table::Process, process.pid.0, !process.state.is_final(), &process);
        self.children.note(&process);
        self.viewers.note(self.processes.get(&pid), &process);
        if process.state.is_final() {
            self.processes.remove(&process.pid);
        } else {
            self.processes.insert(process.pid, process);
        }
        self.reschedule(pid);
    }

    /// Writes a live call's row.
    pub fn save_call(&mut self, call: CallId) {
        if let Some(row) = self.calls.get(&call).map(|live| to_bytes(&live.row)) {
            self.put_bytes(Table::Call, table::live(call.0), row);
        }
    }

    /// A call can be started again.
    pub fn set_runnable(&mut self, call: CallId) {
        self.runnable.push(call);
        self.changed.notify_one();
        if let Some(live) = self.calls.get_mut(&call) {
            live.queued = true;
            let pid = live.row.pid;
            self.reschedule(pid);
        }
    }

    /// Changes a question's row.
    pub fn put_question(&mut self, question: &QuestionRow) {
        let next = self.asking.next_expiry();
        self.asking.note(question);
        if self.asking.next_expiry() != next {
            self.changed.notify_one();
        }
        if !question.is_live() {
            self.remove(Table::Asked, table::number(question.id.0));
        }
        let live = question.is_live();
        self.put_by_life(Table::Question, question.id.0, live, question);
    }

    /// A question.
    ///
    /// # Errors
    /// The disk failed.
    pub fn question(&self, id: QuestionId) -> Result<Option<QuestionRow>, StoreError> {
        match self.row(Table::Question, &table::live(id.0))? {
            Some(question) => Ok(Some(question)),
            None => self.row(Table::Question, &table::ended(id.0)),
        }
    }

    /// Moves what a call observed so far to the journal on the disk, because what comes next must survive.
    pub fn flush_kept(&mut self, call: CallId) {
        let kept = self.calls.get_mut(&call).map(|live| std::mem::take(&mut live.kept)).unwrap_or_default();
        for line in kept {
            self.journal(line);
        }
    }
}
