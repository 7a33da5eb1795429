//! What retention lets go: a plan made from one snapshot, and its execution through the committer in small transactions. Every row of a
//! plan is of something that has ended for good, so nothing that happens meanwhile makes it needed again; what could is looked at
//! again under the lock. The log is not touched.
//!
//! Rows that hang on another one go before it, so a run that was killed leaves what the next one finds.

use super::Kernel;
use super::host::HostError;
use super::state::State;
use crate::model::checkpoint::CheckpointRow;
use crate::model::grant::{Grant, Holder};
use crate::model::id::{CallId, Digest, GrantId, Pid, QuestionId};
use crate::model::limit;
use crate::model::policy::Retain;
use crate::model::question::{QuestionRow, QuestionState};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{CallRow, EffectRow, EffectState, ProcessRow};
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::needed::NeededCode;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

/// What is kept: what ended before these moments goes. None: nothing goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    pub calls: Option<Time>,
    pub questions: Option<Time>,
    pub processes: Option<Time>,
    pub journals: Option<Time>,
    /// What calls that were kept whole have for replay; nothing of it goes as long as the policy does not keep that of all calls.
    pub kept_journals: Option<Time>,
}

impl Keep {
    /// As a policy says. `older_than` stands for what it says of calls, questions and processes.
    pub fn new(retain: &Retain, older_than: Option<Duration>, now: Time) -> Keep {
        let before = |kept: Option<Duration>| {
            let kept = u64::try_from(kept?.as_nanos()).unwrap_or(u64::MAX);
            Some(Time(now.0.saturating_sub(kept)))
        };
        Keep {
            calls: before(older_than.or(retain.calls)),
            questions: before(older_than.or(retain.questions)),
            processes: before(older_than.or(retain.processes)),
            journals: before(Some(retain.journals)),
            kept_journals: before(Some(retain.journals).filter(|time| !time.is_zero())),
        }
    }
}

/// What was dropped, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    pub calls: u64,
    /// Lines kept for the replay of calls that have ended.
    pub journal_lines: u64,
    pub questions: u64,
    pub processes: u64,
    pub grants: u64,
    /// Rows of effects that are settled, and of refusals to processes that have ended.
    pub leftovers: u64,
    /// Tools as they were in components that nothing refers to.
    pub tool_versions: u64,
    pub rows: u64,
    /// Bytes of these rows.
    pub row_bytes: u64,
    /// Payload files and components.
    pub files: u64,
    pub file_bytes: u64,
    /// Files that were being written when a host was killed.
    pub stale_files: u64,
    /// Files of compiled code that nothing uses. Whoever knows where they are removes them after the rows that name them; they are
    /// not foreseen.
    pub compiled_files: u64,
}

/// Rows that can go, in this order.
#[derive(Debug, Default)]
struct Plan {
    rows: Vec<(Table, Vec<u8>)>,
    dropped: Dropped,
}

impl Plan {
    fn drop_row(&mut self, table: Table, key: Vec<u8>, bytes: u64) {
        self.dropped.rows += 1;
        self.dropped.row_bytes += bytes;
        self.rows.push((table, key));
    }

    fn drop_all(&mut self, snapshot: &Snapshot, table: Table, prefix: &[u8]) -> Result<u64, StoreError> {
        let keys = snapshot.keys(table, prefix)?;
        let count = keys.len() as u64;
        keys.into_iter().for_each(|(key, bytes)| self.drop_row(table, key, bytes));
        Ok(count)
    }
}

/// What a plan looks at: rows of what lives, and what it refers to.
struct Needed {
    calls: HashSet<CallId>,
    processes: HashSet<Pid>,
    questions: HashSet<QuestionId>,
}

impl Needed {
    fn read(snapshot: &Snapshot) -> Result<Needed, StoreError> {
        let mut needed = Needed { calls: HashSet::new(), processes: HashSet::new(), questions: HashSet::new() };
        for process in snapshot.rows::<ProcessRow>(Table::Process, table::LIVE)? {
            needed.processes.insert(process.pid);
            needed.processes.extend(process.parent);
        }
        for (key, _) in snapshot.keys(Table::Process, table::NOT_WAITED_FOR)? {
            needed.processes.extend(table::read_not_waited_for(&key).map(|(_, child)| child));
        }
        // What a child made waits for its parent.
        let unmerged =
            snapshot.keys(Table::Unmerged, &[])?.into_iter().filter_map(|(key, _)| table::read_numbers(&key));
        needed.processes.extend(unmerged.map(|(_, child)| Pid(child)));
        for call in snapshot.rows::<CallRow>(Table::Call, table::LIVE)? {
            needed.calls.insert(call.id);
            needed.calls.extend(call.caller.map(|caller| caller.call));
            needed.processes.insert(call.pid);
        }
        // Whoever is begun again is told where what it has comes from.
        for checkpoint in snapshot.rows::<CheckpointRow>(Table::Checkpoint, &[])? {
            needed.processes.extend(checkpoint.members.iter().map(|member| member.process.pid));
        }
        for question in snapshot.rows::<QuestionRow>(Table::Question, table::LIVE)? {
            needed.calls.extend(question.places().map(|(call, _)| call));
            needed.processes.insert(question.pid);
        }
        for effect in snapshot.rows::<EffectRow>(Table::Effect, &[])? {
            if !is_settled(&effect) {
                needed.calls.insert(effect.call);
                needed.processes.insert(effect.pid);
                needed.questions.extend(effect.question);
            }
        }
        let live: HashSet<Pid> =
            snapshot.rows::<ProcessRow>(Table::Process, table::LIVE)?.iter().map(|row| row.pid).collect();
        snapshot.scan(Table::Refused, &[], |key, value| {
            if table::read_refused(key).is_some_and(|(pid, _)| live.contains(&pid)) {
                needed.questions.extend(value.try_into().map(u64::from_be_bytes).map(QuestionId));
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(needed)
    }
}

fn is_settled(effect: &EffectRow) -> bool {
    matches!(effect.state, EffectState::Done | EffectState::NotStarted)
}

/// What may go, as far as rows are concerned. Nothing is changed.
///
/// # Errors
/// The disk failed, or a row is damaged.
fn plan(snapshot: &Snapshot, keep: &Keep) -> Result<Plan, StoreError> {
    let mut plan = Plan::default();
    let needed = Needed::read(snapshot)?;
    let kept = plan_calls(&mut plan, snapshot, keep, &needed)?;
    plan_questions(&mut plan, snapshot, keep, &needed, &kept)?;
    plan_processes(&mut plan, snapshot, keep, &needed, &kept)?;
    plan_leftovers(&mut plan, snapshot)?;
    plan_components(&mut plan, snapshot, &kept)?;
    Ok(plan)
}

/// What of a call says how long those that it made are kept.
struct CallEnd {
    caller: Option<CallId>,
    /// None: it lives.
    ended: Option<Time>,
}

impl CallEnd {
    fn of(row: &CallRow) -> CallEnd {
        let ended = row.state.is_final().then(|| row.ended.unwrap_or(row.started));
        CallEnd { caller: row.caller.map(|caller| caller.call), ended }
    }
}

/// The call from which this one was made in the end, as far as there are rows.
fn outermost(ends: &HashMap<CallId, CallEnd>, call: CallId) -> CallId {
    let caller = |call: &CallId| ends.get(call)?.caller.filter(|caller| ends.contains_key(caller));
    // The bound is for a store whose rows go in a circle.
    std::iter::successors(Some(call), caller).take(limit::NESTED_CALLS_MAX + 2).last().unwrap_or(call)
}

/// Answers the rows of the calls that stay.
fn plan_calls(
    plan: &mut Plan,
    snapshot: &Snapshot,
    keep: &Keep,
    needed: &Needed,
) -> Result<HashMap<CallId, CallRow>, StoreError> {
    let live = snapshot.rows::<CallRow>(Table::Call, table::LIVE)?;
    let mut kept: HashMap<CallId, CallRow> = live.into_iter().map(|row| (row.id, row)).collect();
    let ended_rows = snapshot.rows::<CallRow>(Table::Call, table::ENDED)?;
    let ends: HashMap<CallId, CallEnd> =
        kept.values().chain(&ended_rows).map(|row| (row.id, CallEnd::of(row))).collect();
    for row in ended_rows {
        let outermost = outermost(&ends, row.id);
        // The replay of a call starts those that it made again, so they stay with it.
        let ended = match ends.get(&outermost).and_then(|end| end.ended) {
            Some(end) => end.max(row.ended.unwrap_or(row.started)),
            None => Time(u64::MAX),
        };
        let is_needed = needed.calls.contains(&row.id) || needed.calls.contains(&outermost);
        let is_old = |before: Option<Time>| before.is_some_and(|before| ended < before) && !is_needed;
        let prefix = table::number(row.id.0);
        let journals = if row.kept { keep.kept_journals } else { keep.journals };
        if is_old(journals) || is_old(keep.calls) {
            plan.dropped.journal_lines += plan.drop_all(snapshot, Table::Journal, &prefix)?;
            plan.drop_all(snapshot, Table::CallRequest, &prefix)?;
        }
        if is_old(keep.calls) {
            for table in [Table::CallText, Table::CallLog] {
                plan.drop_all(snapshot, table, &prefix)?;
            }
            plan.drop_all(snapshot, Table::Call, &table::ended(row.id.0))?;
            plan.dropped.calls += 1;
        } else {
            kept.insert(row.id, row);
        }
    }
    Ok(kept)
}

fn plan_questions(
    plan: &mut Plan,
    snapshot: &Snapshot,
    keep: &Keep,
    needed: &Needed,
    kept: &HashMap<CallId, CallRow>,
) -> Result<(), StoreError> {
    for row in snapshot.rows::<QuestionRow>(Table::Question, table::ENDED)? {
        let closed = match &row.state {
            QuestionState::Answered { at, .. } | QuestionState::Told { at, .. } | QuestionState::Applied { at, .. } => {
                *at
            }
            // It was withdrawn with its call, at the latest.
            _ => kept.get(&row.call).map_or(row.asked, |call| call.ended.unwrap_or(Time(u64::MAX))),
        };
        let is_needed =
            needed.questions.contains(&row.id) || row.places().any(|(call, _)| needed.calls.contains(&call));
        if keep.questions.is_some_and(|before| closed < before) && !is_needed {
            plan.drop_all(snapshot, Table::Question, &table::ended(row.id.0))?;
            plan.dropped.questions += 1;
        }
    }
    Ok(())
}

fn plan_processes(
    plan: &mut Plan,
    snapshot: &Snapshot,
    keep: &Keep,
    needed: &Needed,
    kept: &HashMap<CallId, CallRow>,
) -> Result<(), StoreError> {
    let with_calls: HashSet<Pid> = kept.values().map(|call| call.pid).collect();
    let mut going: BTreeSet<Pid> = BTreeSet::new();
    for row in snapshot.rows::<ProcessRow>(Table::Process, table::ENDED)? {
        let is_old = keep.processes.is_some_and(|before| row.ended.unwrap_or(row.created) < before);
        if is_old && !with_calls.contains(&row.pid) && !needed.processes.contains(&row.pid) {
            going.insert(row.pid);
        }
    }
    if going.is_empty() {
        return Ok(());
    }
    // Whoever gave a grant that stays stays too, with what he gave it from: it says where that comes from.
    let grants = snapshot.rows::<Grant>(Table::Grant, &[])?;
    let holder: BTreeMap<GrantId, Pid> =
        grants.iter().filter_map(|grant| holder_of(grant).map(|pid| (grant.id, pid))).collect();
    loop {
        let stays = |grant: &&Grant| holder_of(grant).is_none_or(|pid| !going.contains(&pid));
        let referred = grants.iter().filter(stays).flat_map(|grant| grant.parent.into_iter().chain(grant.answers));
        let givers: Vec<Pid> =
            referred.filter_map(|id| holder.get(&id).copied()).filter(|pid| going.contains(pid)).collect();
        if givers.is_empty() {
            break;
        }
        going.retain(|pid| !givers.contains(pid));
    }
    let given: HashSet<Pid> = grants
        .iter()
        .filter(|grant| holder_of(grant).is_none_or(|pid| !going.contains(&pid)))
        .filter_map(super::grants::named)
        .collect();
    for pid in going {
        if !given.contains(&pid) {
            plan_objects(plan, snapshot, pid)?;
        }
        plan.dropped.grants += plan.drop_all(snapshot, Table::Grant, &table::number(pid.0))?;
        plan.drop_all(snapshot, Table::Plan, &table::number(pid.0))?;
        plan.drop_all(snapshot, Table::Process, &table::ended(pid.0))?;
        plan.dropped.processes += 1;
    }
    Ok(())
}

/// What a process left of its objects, its result for example, goes with it, unless a view or a checkpoint still shows them.
fn plan_objects(plan: &mut Plan, snapshot: &Snapshot, pid: Pid) -> Result<(), StoreError> {
    if snapshot.keys(Table::ObjectPin, &table::number(pid.0))?.is_empty() {
        let prefix = format!("{}/", super::own_namespace(pid));
        for table in [Table::Object, Table::ObjectPayload, Table::ObjectVersion, Table::ObjectLinkBack] {
            plan.drop_all(snapshot, table, prefix.as_bytes())?;
        }
    }
    Ok(())
}

fn holder_of(grant: &Grant) -> Option<Pid> {
    match grant.holder {
        Holder::Process(pid) => Some(pid),
        Holder::Image(_) => None,
    }
}

fn plan_leftovers(plan: &mut Plan, snapshot: &Snapshot) -> Result<(), StoreError> {
    for row in snapshot.rows::<EffectRow>(Table::Effect, &[])?.iter().filter(|row| is_settled(row)) {
        plan.dropped.leftovers += plan.drop_all(snapshot, Table::Effect, &table::number(row.id.0))?;
    }
    let live: HashSet<Pid> =
        snapshot.rows::<ProcessRow>(Table::Process, table::LIVE)?.iter().map(|row| row.pid).collect();
    for (key, bytes) in snapshot.keys(Table::Refused, &[])? {
        if table::read_refused(&key).is_some_and(|(pid, _)| !live.contains(&pid)) {
            plan.drop_row(Table::Refused, key, bytes);
            plan.dropped.leftovers += 1;
        }
    }
    Ok(())
}

/// Tools of components that no tool of now, no call that stays and no grant refers to, and what was compiled for nobody.
fn plan_components(plan: &mut Plan, snapshot: &Snapshot, kept: &HashMap<CallId, CallRow>) -> Result<(), StoreError> {
    let needed = code(snapshot, kept.values())?;
    for table in [Table::ToolVersion, Table::Compiled] {
        for (key, bytes) in snapshot.keys(table, &[])? {
            if !needs(&needed, table, &key) {
                plan.dropped.tool_versions += u64::from(table == Table::ToolVersion);
                plan.drop_row(table, key, bytes);
            }
        }
    }
    Ok(())
}

/// Whether a row about code is of use; all others are.
fn needs(needed: &NeededCode, table: Table, key: &[u8]) -> bool {
    match table {
        Table::ToolVersion => key.first_chunk::<32>().is_none_or(|code| needed.files.contains(code)),
        Table::Compiled => needed.needs_compiled(key),
        _ => true,
    }
}

fn code<'a>(snapshot: &Snapshot, calls: impl IntoIterator<Item = &'a CallRow>) -> Result<NeededCode, StoreError> {
    let mut needed = snapshot.needed_code(calls)?;
    let grants = snapshot.rows::<Grant>(Table::Grant, &[])?;
    needed.files.extend(grants.iter().filter_map(|grant| grant.only_tool.as_ref()).map(|only| only.component));
    Ok(needed)
}

/// Payload files that nothing in a snapshot names but the rows of a plan.
fn orphans(snapshot: &Snapshot, plan: &Plan, files: Vec<(Digest, u64)>) -> Result<Vec<(Digest, u64)>, StoreError> {
    let going: HashSet<&(Table, Vec<u8>)> = plan.rows.iter().collect();
    let stays = |table: Table, key: Vec<u8>| !going.contains(&(table, key));
    let mut named = snapshot.named_files(|table, key| stays(table, key.to_vec()))?;
    let calls = snapshot.rows::<CallRow>(Table::Call, &[])?;
    let calls = calls.iter().filter(|row| stays(Table::Call, table::ended(row.id.0)));
    named.extend(code(snapshot, calls)?.files);
    let versions = snapshot.keys(Table::ToolVersion, &[])?.into_iter().map(|(key, _)| key);
    let versions = versions.filter(|key| stays(Table::ToolVersion, key.clone()));
    named.extend(versions.filter_map(|key| key.first_chunk::<32>().copied()));
    Ok(files.into_iter().filter(|(digest, _)| !named.contains(digest)).collect())
}

/// What [`Kernel::collect`] would drop from a store, without dropping it. `files` are all its payload files with their bytes.
///
/// # Errors
/// The disk failed, or a row is damaged.
pub fn foresee(snapshot: &Snapshot, keep: &Keep, files: Vec<(Digest, u64)>) -> Result<Dropped, StoreError> {
    let plan = plan(snapshot, keep)?;
    let orphans = orphans(snapshot, &plan, files)?;
    let file_bytes = orphans.iter().map(|(_, bytes)| bytes).sum();
    Ok(Dropped { files: orphans.len() as u64, file_bytes, ..plan.dropped })
}

impl Kernel {
    /// Drops what is not kept: rows in small transactions, then the payload files that nothing names. Answers what was dropped; if it
    /// is interrupted, the next run finishes.
    ///
    /// # Errors
    /// Somebody else is at it, or the disk failed.
    pub async fn collect(&self, keep: &Keep) -> Result<Dropped, HostError> {
        let busy = || HostError::Usage("another `libos gc` is at work here; wait for it to end".into());
        let sweep = self.files.sweep().ok_or_else(busy)?;
        let failed = |error: std::io::Error| StoreError::Failed(format!("a payload file: {error}"));
        self.barrier().await?;
        let Plan { rows, mut dropped } = plan(&self.snapshot()?, keep)?;
        (dropped.rows, dropped.tool_versions) = (0, 0);
        for chunk in rows.chunks(limit::GC_ROWS_PER_BATCH) {
            let now = self.now();
            let mark = {
                let mut state = self.lock();
                state.check_alive()?;
                let (count, versions) = state.drop_rows(chunk, now);
                dropped.rows += count;
                dropped.tool_versions += versions;
                state.mark()
            };
            self.durable(mark).await?;
        }
        let orphans = orphans(&self.snapshot()?, &Plan::default(), sweep.files().map_err(failed)?)?;
        if !orphans.is_empty() {
            let mut record = Record::new("host.gc", self.now(), Decided::Host, Outcome::Done);
            record.detail = Some(format!("up to {} files that no row names", orphans.len()));
            let mark = {
                let mut state = self.lock();
                state.check_alive()?;
                state.note(record);
                state.mark()
            };
            self.durable(mark).await?;
        }
        (dropped.files, dropped.file_bytes) = sweep.remove(&orphans).map_err(failed)?;
        let (stale, bytes) = sweep.remove_leftovers().map_err(failed)?;
        dropped.stale_files = stale;
        dropped.file_bytes += bytes;
        Ok(dropped)
    }
}

impl State {
    /// Drops rows and records how many, in one change. A component that somebody needs again meanwhile keeps its rows. Answers how many
    /// went, and how many of them were of tools.
    fn drop_rows(&mut self, rows: &[(Table, Vec<u8>)], now: Time) -> (u64, u64) {
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        let of_code = |table: &Table| matches!(table, Table::ToolVersion | Table::Compiled);
        let needed = rows.iter().any(|(table, _)| of_code(table)).then(|| self.needed_code());
        for (table, key) in rows {
            if of_code(table) && needed.as_ref().is_some_and(|needed| needs(needed, *table, key)) {
                continue;
            }
            self.remove(*table, key.clone());
            *counts.entry(table.name()).or_default() += 1;
        }
        let total = counts.values().sum();
        if total > 0 {
            let mut record = Record::new("host.gc", now, Decided::Host, Outcome::Done);
            let words: Vec<String> = counts.iter().map(|(table, count)| format!("{table} {count}")).collect();
            record.detail = Some(format!("rows dropped: {}", words.join(", ")));
            self.note(record);
        }
        (total, counts.get(Table::ToolVersion.name()).copied().unwrap_or_default())
    }

    fn needed_code(&self) -> NeededCode {
        let mut needed = NeededCode::default();
        self.tools.values().for_each(|tool| needed.add_tool(tool));
        self.calls.values().for_each(|live| needed.add_call(&live.row));
        self.own_tools.values().for_each(|own| needed.add_own_tool(own));
        needed.files.extend(self.grants.only_components());
        needed
    }
}
