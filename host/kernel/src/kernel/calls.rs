//! Calls: started, resumed, logged to, dropped from memory, ended.

use super::Kernel;
use super::flood::Tally;
use super::state::{LiveCall, State};
use crate::model::answer::{CallError, Stop};
use crate::model::bound::Bound;
use crate::model::call::Level;
use crate::model::id::{CallId, Digest, Pid, Position, Seq};
use crate::model::limit::{self, CallLimits};
use crate::model::process::Change;
use crate::model::question::QuestionState;
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::row::{CallRow, CallState, Failure, FailureReason, JournalRow, ToolRow, Wait};
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::{self, Table};
use minicbor::{CborLen, Decode, Encode};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where in which call something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub pid: Pid,
    pub call: CallId,
    pub position: Position,
    pub incarnation: u32,
}

impl Place {
    pub(super) fn mark(&self, record: &mut Record) {
        record.pid = Some(self.pid);
        record.call = Some(self.call);
        record.position = Some(self.position);
        record.incarnation = self.incarnation;
    }
}

/// What a call is started with.
#[derive(Debug, Clone)]
pub struct StartCall {
    pub pid: Pid,
    pub tool: String,
    /// JSON.
    pub arguments: String,
    pub limits: CallLimits,
    /// Keep every request and every answer, so that the call can be exported when it has ended.
    pub keep: bool,
}

/// A call that was started.
#[derive(Debug, Clone)]
pub struct Started {
    pub row: CallRow,
    pub arguments: Arc<str>,
    /// Answers of an earlier run, by their positions. Of calls that were made at once some may be missing.
    pub journal: BTreeMap<Position, JournalRow>,
}

/// A call that is started again.
pub type Resumed = Started;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedCall {
    /// Its number.
    pub call: CallId,
    /// The process that called.
    pub pid: Pid,
    /// JSON, or why not.
    pub result: Result<String, Failure>,
    /// The batch that must be on the disk before anybody learns of it.
    pub durable: u64,
}

/// One line of a call's log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct LogLine {
    /// When it was written.
    #[n(0)]
    pub time: Time,
    /// How important the tool says it is.
    #[n(1)]
    pub level: Level,
    /// The line, without its end.
    #[n(2)]
    pub text: String,
}

impl Kernel {
    /// Starts a call of a tool for a process.
    ///
    /// # Errors
    /// A sentence for whoever asked: no such process or tool, or the host has stopped.
    pub fn start_call(&self, start: StartCall) -> Result<Started, super::HostError> {
        use super::HostError;
        let (now, seed) = (self.now(), self.random32()?);
        if start.arguments.len() > limit::CALL_TEXT_BYTES_MAX {
            return Err(HostError::Usage(format!("the arguments have more than {} bytes", limit::CALL_TEXT_BYTES_MAX)));
        }
        let mut state = self.lock();
        state.check_alive()?;
        state.check_space()?;
        let process = state.processes.get(&start.pid).cloned();
        let process = process.ok_or_else(|| HostError::Usage(format!("there is no live process {}", start.pid)))?;
        let tool = state.tool_of(start.pid, &start.tool)?;
        let changed = process.state.clone().after(Change::CallStarted);
        let running = changed.map_err(|error| HostError::Usage(format!("{}: {error}", start.pid)))?;
        if let Some(by) = &process.cancel_requested {
            return Err(HostError::Usage(format!("{} takes no more calls: it was cancelled by {by}", start.pid)));
        }
        state.charge_call(start.pid).map_err(|empty| HostError::Usage(format!("{}: {}", start.pid, empty.reason())))?;
        // A charge changes the row.
        let process = state.processes.get(&start.pid).cloned().unwrap_or(process);
        let id = state.new_call();
        let mut record = Record::new("call.start", now, Decided::Host, Outcome::Done);
        record.pid = Some(start.pid);
        record.call = Some(id);
        record.detail = Some(format!("{} {}", tool.name, &crate::model::id::hex(tool.code())[..16]));
        let record = state.note(record);
        let mut row = new_row(id, start.pid, &tool, (seed, start.limits), record, now);
        row.kept = start.keep || !state.policy.retain.journals.is_zero();
        state.put_process(crate::model::row::ProcessRow { state: running, ..process });
        state.insert_call(row.clone(), &start.arguments, true);
        state.reschedule(start.pid);
        Ok(Started { row, arguments: start.arguments.into(), journal: BTreeMap::new() })
    }

    /// Starts a call again that was waiting or interrupted. Its journal is read from the disk: everything until now is brought there
    /// first.
    ///
    /// # Errors
    /// There is no such call, it runs already, it still waits, or the host has stopped.
    pub async fn resume_call(&self, call: CallId) -> Result<Resumed, super::HostError> {
        self.barrier().await?;
        self.start_again(call)
    }

    /// As [`Kernel::resume_call`], for whoever has waited for a [`Kernel::barrier`] since the call was to be started again.
    ///
    /// # Errors
    /// As [`Kernel::resume_call`].
    pub fn start_again(&self, call: CallId) -> Result<Resumed, super::HostError> {
        use super::HostError;
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let under_way = state.effects.values().any(|effect| effect.call == call);
        let live = state.calls.get(&call);
        let live = live.ok_or_else(|| HostError::Usage(format!("call {call} has ended or never was")))?;
        if live.resident {
            return Err(HostError::Usage(format!("call {call} runs already")));
        }
        if live.row.state == CallState::Waiting {
            return Err(HostError::Usage(format!("call {call} still waits")));
        }
        if let Some(by) = state.paused(live.row.pid) {
            let pid = live.row.pid;
            return Err(HostError::Usage(format!("{pid} is paused: {by}; call {call} goes on when it is resumed")));
        }
        if under_way {
            // Its answer is not in the journal yet: the effect would be done again.
            return Err(HostError::Usage(format!(
                "an effect of call {call} is still under way; try again when it has ended"
            )));
        }
        // Everything that can fail comes before the first change.
        let journal = state.read_journal(call)?;
        let requests = if state.is_kept(call) { state.request_bytes(call)? } else { 0 };
        let arguments = state.get(Table::CallText, &table::arguments(call))?;
        let arguments = arguments.and_then(|bytes| String::from_utf8(bytes).ok());
        let arguments = arguments.ok_or_else(|| StoreError::Damaged(format!("the arguments of {call} are missing")))?;
        let Some(live) = state.calls.get_mut(&call) else { return Err(Stop::Ended.into()) };
        live.row.incarnation += 1;
        live.row.state = CallState::Running;
        live.resident = true;
        live.queued = false;
        live.kept.clear();
        live.times = None;
        live.journal_bytes = requests + journal.values().map(|line| 64 + line.answer.size()).sum::<usize>();
        live.last_time = journal.values().map(|line| line.time).max().unwrap_or(live.row.started);
        let row = live.row.clone();
        let mut record = Record::new("call.resume", now, Decided::Host, Outcome::Done);
        record.pid = Some(row.pid);
        record.call = Some(call);
        record.incarnation = row.incarnation;
        record.parent = Some(row.record);
        record.detail = Some(match journal.len() {
            1 => "1 answer is replayed".into(),
            count => format!("{count} answers are replayed"),
        });
        state.note(record);
        state.save_call(call);
        state.refresh_process(row.pid);
        state.reschedule(row.pid);
        Ok(Resumed { row, arguments: arguments.into(), journal })
    }

    /// Lets a waiting call go from memory. False if its wait has ended meanwhile: then it goes on.
    pub fn park_call(&self, call: CallId) -> bool {
        let now = self.now();
        let mut state = self.lock();
        state.record_counts(call, false, now);
        let Some(live) = state.calls.get_mut(&call) else { return false };
        let waits = live.row.state == CallState::Waiting;
        if waits {
            live.leave_memory();
        }
        waits
    }

    /// The instance of a call is gone and it has not ended: the host closes, or a fault that is not the call's. It stays resumable.
    pub fn drop_call(&self, call: CallId) {
        let now = self.now();
        let mut state = self.lock();
        state.record_counts(call, false, now);
        // What it observed was paid for: it is not to be observed, and paid for, again.
        if state.calls.get(&call).is_some_and(|live| state.payer_of(live.row.pid).is_some()) {
            state.flush_kept(call);
        }
        if let Some(live) = state.calls.get_mut(&call) {
            live.leave_memory();
            if live.row.state == CallState::Running {
                live.row.state = CallState::Runnable;
            }
            let pid = live.row.pid;
            state.reschedule(pid);
        }
        state.save_call(call);
    }

    /// As [`Kernel::drop_call`], for a fault of the host's own: `why` is for the record. A tool that a planner chose ends as failed, so
    /// that the planner sees it and goes on: nobody else would start it again. Others stay resumable.
    pub fn lose_call(&self, call: CallId, why: &str) {
        self.drop_call(call);
        let now = self.now();
        let mut state = self.lock();
        let is_cut_off = state.calls.get(&call).is_some_and(|live| live.row.state == CallState::Runnable);
        let outermost = state.outermost(call);
        if state.failed.is_some() || !is_cut_off || outermost == call || !state.is_quantum(outermost) {
            return;
        }
        // What is wrong with the host is not for its guests.
        let message = CallError::Internal.to_string();
        let failure = Failure { reason: FailureReason::NotRunnable, message, import: None };
        let mut why = why.to_owned();
        cut(&mut why, limit::RECORD_TEXT_BYTES_MAX);
        state.finish_call(call, CallState::Failed(failure), Outcome::Failed(why), now);
    }

    /// Ends a call with its result, and its process if that was made for it or asked to exit.
    ///
    /// # Errors
    /// The call has ended already, or the host has stopped.
    pub fn end_call(&self, call: CallId, result: Result<String, Failure>) -> Result<EndedCall, Stop> {
        let now = self.now();
        let mut state = self.lock();
        if let Some(why) = &state.failed {
            return Err(Stop::Host(why.clone()));
        }
        let Some(live) = state.calls.get(&call) else { return Err(Stop::Ended) };
        let pid = live.row.pid;
        let (end, outcome) = match &result {
            Ok(_) => (CallState::Done, Outcome::Done),
            Err(failure) => (CallState::Failed(failure.clone()), Outcome::Failed(failure.message.clone())),
        };
        if let Ok(text) = &result {
            state.put_bytes(Table::CallText, table::result(call), text.clone().into_bytes());
        }
        state.finish_call(call, end, outcome, now);
        state.end_process_after(call, pid, &result, now);
        Ok(EndedCall { call, pid, result, durable: state.mark() })
    }

    /// Ends a call, as a person; its process too, if that was made for it. Its waits and questions are withdrawn. An effect that has
    /// started ends by itself and is recorded; a guest that runs is stopped at its next import, and by the engine at its next tick.
    ///
    /// # Errors
    /// It has ended already or never was, or the host has stopped.
    pub fn cancel_call(&self, call: CallId, why: &str) -> Result<super::Changed<()>, super::HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let Some(pid) = state.calls.get(&call).map(|live| live.row.pid) else {
            return Err(super::HostError::Usage(format!("call {call} has ended or never was")));
        };
        let mut record = Record::new("host.cancel", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = Some(call);
        record.detail = Some(why.to_owned());
        state.note(record);
        let is_quantum = state.is_quantum(call);
        state.finish_call(call, CallState::Cancelled(why.to_owned()), Outcome::Failed(why.to_owned()), now);
        if !state.end_if_cancelled(pid, Some(call), now) && (state.ends_with_its_calls(pid) || is_quantum) {
            // Of a step that was cut off nobody knows what its planner would make: to begin it again could do all of it twice.
            state.end_process(pid, Change::Kill(why.to_owned()), Some(call), now);
        }
        Ok(super::Changed { what: (), durable: state.mark() })
    }

    /// Adds what the guest printed to the call's log. What an earlier run printed already is skipped: `offset` is where in the whole
    /// output this piece starts.
    pub fn print(&self, call: CallId, offset: u64, bytes: &[u8]) {
        let now = self.now();
        let mut state = self.lock();
        let Some(live) = state.calls.get_mut(&call) else { return };
        let seen = live.row.printed.saturating_sub(offset).min(bytes.len() as u64);
        let new = &bytes[seen as usize..];
        if new.is_empty() {
            return;
        }
        live.row.printed += new.len() as u64;
        if live.row.log_bytes + new.len() as u64 > limit::LOG_BYTES_MAX as u64 {
            live.row.log_dropped += new.len() as u64;
            return;
        }
        // What was printed may tell of what was observed: both survive, or neither.
        state.flush_kept(call);
        state.append_log(call, Level::Info, &String::from_utf8_lossy(new), now);
        state.save_call(call);
    }
}

/// The row of a call that starts.
pub(super) fn new_row(
    id: CallId,
    pid: Pid,
    tool: &ToolRow,
    (seed, limits): (Digest, CallLimits),
    record: Seq,
    now: Time,
) -> CallRow {
    CallRow {
        id,
        pid,
        tool: tool.name.clone(),
        export: tool.export.clone(),
        component: tool.component,
        state: CallState::Running,
        seed,
        limits,
        incarnation: 0,
        started: now,
        ended: None,
        record,
        log_lines: 0,
        log_bytes: 0,
        log_dropped: 0,
        printed: 0,
        caller: None,
        bounds: tool.within.iter().cloned().chain([Bound::new(&tool.imports, tool.needs.clone())]).collect(),
        nested: 0,
        moved: None,
        kept: false,
        script: tool.script,
    }
}

impl LiveCall {
    pub(super) fn new(row: CallRow, resident: bool) -> LiveCall {
        let last_time = row.started;
        LiveCall {
            row,
            kept: Vec::new(),
            last_time,
            journal_bytes: 0,
            resident,
            queued: false,
            waiters: Vec::new(),
            tally: Tally::default(),
            times: None,
            asks: false,
        }
    }

    /// An answer has come, whose journal line is about to be counted.
    pub(super) fn note_answer(&mut self, position: Position, time: Time) {
        self.last_time = time;
        if let Some(times) = &mut self.times {
            times.insert(position, (time, self.journal_bytes as u64));
        }
    }

    /// Whether it goes on by itself. One that was interrupted, and that nobody was told to start again, does not.
    pub(super) fn goes_on(&self) -> bool {
        matches!(self.row.state, CallState::Running | CallState::Runnable) && (self.resident || self.queued)
    }

    /// Nobody drives it until it is resumed. What it did is recorded, so nothing is kept to count more of it: many calls wait at once.
    fn leave_memory(&mut self) {
        self.resident = false;
        self.queued = false;
        self.waiters.clear();
        self.tally.forget();
    }
}

impl State {
    /// Adds a line to a call's log, as long as there is room.
    pub(crate) fn append_log(&mut self, call: CallId, level: Level, text: &str, now: Time) {
        let Some(live) = self.calls.get_mut(&call) else { return };
        let row = &mut live.row;
        if row.log_bytes + text.len() as u64 > limit::LOG_BYTES_MAX as u64 {
            row.log_dropped += text.len() as u64;
            return;
        }
        row.log_bytes += text.len() as u64;
        let line = row.log_lines;
        row.log_lines += 1;
        self.put(Table::CallLog, table::place(call, line), &LogLine { time: now, level, text: text.to_owned() });
    }

    /// The answers of a call as they are now, committed or not.
    fn read_journal(&self, call: CallId) -> Result<BTreeMap<Position, JournalRow>, StoreError> {
        let mut lines = BTreeMap::new();
        for (key, value) in self.scan(Table::Journal, &table::number(call.0))? {
            if let Some((_, position)) = table::read_place(&key) {
                lines.insert(position, crate::model::codec::from_bytes(&value)?);
            }
        }
        for batch in [self.in_flight.as_deref(), Some(&self.batch)].into_iter().flatten() {
            let new = batch.journal.iter().filter(|line| line.call == call);
            lines.extend(new.map(|line| (line.position, line.row())));
        }
        Ok(lines)
    }

    /// Writes the end of a call and forgets it: open waits end, open questions are withdrawn, counted refusals are recorded.
    pub(super) fn finish_call(&mut self, call: CallId, end: CallState, outcome: Outcome, now: Time) {
        self.withdraw_waits(call, "the call has ended", now);
        self.record_counts(call, true, now);
        let Some(mut live) = self.calls.remove(&call) else { return };
        self.calls_of.remove(&(live.row.pid, call));
        live.row.state = end;
        live.row.ended = Some(now);
        // Nothing is decided for it any more.
        live.row.bounds.clear();
        let mut record = Record::new("call.end", now, Decided::Host, outcome);
        record.pid = Some(live.row.pid);
        record.call = Some(call);
        record.incarnation = live.row.incarnation;
        record.parent = Some(live.row.record);
        record.duration = u64::try_from(now.since(live.row.started).as_nanos()).unwrap_or(u64::MAX);
        record.detail = Some(live.row.tool.clone());
        self.note(record);
        self.put_by_life(Table::Call, call.0, false, &live.row);
        if !live.resident {
            // Nobody drives it: the run loop finds that it has ended, and tells those who wait for it.
            self.set_runnable(call);
        }
        self.end_wait_of_caller(&live.row, now);
        self.refresh_process(live.row.pid);
        self.take_requested_checkpoint(&live.row, now);
        self.reschedule(live.row.pid);
    }

    /// Ends every open wait of a call without an answer; a call that it made and that it waits for is cancelled.
    pub(super) fn withdraw_waits(&mut self, call: CallId, why: &str, now: Time) {
        let all = (call, 0)..=(call, Position::MAX);
        let waits: Vec<_> = self.waits.range(all.clone()).map(|(place, _)| *place).collect();
        for place in waits {
            self.withdraw_wait(place, &format!("the call that made it has ended: {why}"), now);
        }
        let questions: Vec<_> = self.questions.range(all).map(|(place, _)| *place).collect();
        for place in questions {
            self.leave_question(place, QuestionState::Withdrawn { why: why.to_owned() });
        }
    }

    /// Ends an open wait without an answer; false if there is none. A call that was waited for is cancelled: `why` is what it is told.
    pub(super) fn withdraw_wait(&mut self, place: (CallId, Position), why: &str, now: Time) -> bool {
        let Some(row) = self.waits.remove(&place) else { return false };
        self.remove(Table::Wait, table::place(place.0, place.1));
        if let Some(until) = row.kind.until() {
            self.timers.remove(&(until, place.0, place.1));
        }
        self.forget_child_wait(place.0, place.1, &row.kind);
        match row.kind {
            Wait::Message { .. } => {
                if let Some(live) = self.calls.get(&place.0) {
                    self.mail.close_receiver(live.row.pid, place.0, place.1);
                }
            }
            Wait::Call(nested) => {
                let why = why.to_owned();
                self.finish_call(nested, CallState::Cancelled(why.clone()), Outcome::Failed(why), now);
            }
            Wait::Until(_) | Wait::Question(_) | Wait::Children { .. } | Wait::Validation(_) => {}
        }
        true
    }

    /// The tool of a call, its component, and what it can use at most.
    pub(super) fn asking_tool(&self, call: CallId) -> Option<(&str, &Digest, &[Bound])> {
        let row = &self.calls.get(&call)?.row;
        Some((&row.tool, row.code(), &row.bounds))
    }
}
