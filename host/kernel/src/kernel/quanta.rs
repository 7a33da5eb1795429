//! Quanta: calls whose guest is a planner, which is a part of the host. One does one thing that was chosen for its process; then it is
//! another one's turn. A quantum is started, parked, replayed and ended like every call, by the same rows.

use super::Kernel;
use super::calls::{EndedCall, Started, new_row};
use super::host::HostError;
use super::state::State;
use crate::model::answer::Stop;
use crate::model::id::{CallId, Pid};
use crate::model::image::ImagePlanner;
use crate::model::limit::{self, CallLimits};
use crate::model::planner::{Chosen, MODEL, PlannerRow};
use crate::model::process::{Change, State as ProcessState};
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::row::{CallState, Failure, ProcessRow, ToolRow};
use crate::model::schedule::Standing;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet};

/// What stands where a call has the name of its tool.
pub const PLANNER: &str = "planner";

/// Whose processes go on by themselves. What a person did not ask for stays as it was found.
#[derive(Debug, Default)]
pub struct Driven {
    everybody: bool,
    pids: BTreeSet<Pid>,
}

impl Driven {
    fn has(&self, pid: Pid) -> bool {
        self.everybody || self.pids.contains(&pid)
    }
}

/// What a quantum is started with.
#[derive(Debug, Clone)]
pub struct StartQuantum {
    /// Whose.
    pub pid: Pid,
    /// The number of the step that it takes, from 0: another one was taken meanwhile if it is not the process's next.
    pub step: u64,
    /// JSON: all that it depends on, so that it goes the same way when it is started again.
    pub arguments: String,
    /// What it and the tools that it calls may use.
    pub limits: CallLimits,
}

impl Kernel {
    /// Lets a process and all below it go on by themselves, those too that come later. Calls of theirs that were interrupted go on.
    pub fn drive(&self, pid: Pid) {
        let mut state = self.lock();
        for pid in state.tree(pid) {
            state.driven.pids.insert(pid);
            state.go_on(pid);
        }
    }

    /// Lets every process go on by itself, as [`Kernel::drive`].
    pub fn drive_all(&self) {
        let mut state = self.lock();
        state.driven.everybody = true;
        let all: BTreeSet<Pid> = state.processes.keys().copied().collect();
        all.into_iter().for_each(|pid| state.go_on(pid));
    }

    /// Whose turn it is, if fewer than so many processes run; each is told once. [`Kernel::changed`] resolves when there may be another.
    pub fn next_ready(&self, running_max: u32) -> Option<Pid> {
        let mut state = self.lock();
        if state.failed.is_some() { None } else { state.schedule.next(running_max) }
    }

    /// A turn that could not be taken is to be offered again. Nobody is woken by that: what was in the way may be there still.
    pub fn put_back(&self, pid: Pid) {
        self.lock().stand(pid);
    }

    /// Ends a process whose plan has no step of this number: it was brought back to the middle of its last one. It ends with what that
    /// came to, or with null if nobody knows.
    ///
    /// # Errors
    /// The disk failed, or the host has stopped; nothing has changed.
    pub fn end_of_plan(&self, pid: Pid, step: u64) -> Result<(), HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let is_its_turn = |process: &ProcessRow| {
            process.planner.as_ref().is_some_and(|planner| planner.step == step)
                && state.standing(process) == Standing::Ready
        };
        if !state.processes.get(&pid).is_some_and(is_its_turn) {
            return Ok(());
        }
        let last = step.checked_sub(1).map(|last| state.get(Table::Plan, &table::step(pid, last))).transpose()?;
        let result = last.flatten().and_then(|text| String::from_utf8(text).ok()).unwrap_or_else(|| "null".into());
        let result = if result.len() > limit::EXIT_RESULT_BYTES_MAX {
            serde_json::json!({ "result-of-step": step, "bytes": result.len() }).to_string()
        } else {
            result
        };
        state.end_process(pid, Change::Exit(result), None, now);
        Ok(())
    }

    /// The text by which the planner of a process chooses, and how many steps it has taken. None if it has no planner, or has ended.
    ///
    /// # Errors
    /// The disk failed.
    pub fn plan(&self, pid: Pid) -> Result<Option<(String, u64)>, StoreError> {
        let state = self.lock();
        let Some(planner) = state.processes.get(&pid).and_then(|process| process.planner.as_ref()) else {
            return Ok(None);
        };
        let text = state.get(Table::Plan, &table::number(pid.0))?;
        let text = text.and_then(|text| String::from_utf8(text).ok());
        let text = text.ok_or_else(|| StoreError::Damaged(format!("the plan of {pid} is missing")))?;
        Ok(Some((text, planner.step)))
    }

    /// The result of a step of a process, as JSON.
    ///
    /// # Errors
    /// The disk failed.
    pub fn step_result(&self, pid: Pid, step: u64) -> Result<Option<String>, StoreError> {
        let text = self.lock().get(Table::Plan, &table::step(pid, step))?;
        Ok(text.and_then(|text| String::from_utf8(text).ok()))
    }

    /// Starts the next quantum of a process. It is a call that runs; its line leads to the tools of its image.
    ///
    /// # Errors
    /// It is not the turn of this step: the process has ended, is held, or has a quantum; or the host has stopped or no room.
    pub fn start_quantum(&self, start: StartQuantum) -> Result<Started, HostError> {
        let (now, seed) = (self.now(), self.random32()?);
        let mut state = self.lock();
        state.check_alive()?;
        state.check_space()?;
        let pid = start.pid;
        let process = state.processes.get(&pid).cloned();
        let process = process.ok_or_else(|| HostError::Usage(format!("there is no live process {pid}")))?;
        let step = process.planner.as_ref().map(|planner| planner.step);
        if step != Some(start.step) || state.quantum_of(pid).is_some() {
            return Err(HostError::Usage(format!("it is not the turn of step {} of {pid}", start.step)));
        }
        let changed = process.state.clone().after(Change::CallStarted);
        let running = changed.map_err(|error| HostError::Usage(error.to_string()))?;
        let id = state.new_call();
        let mut record = Record::new("call.start", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = Some(id);
        record.detail = Some(format!("{PLANNER}, step {}", start.step + 1));
        let record = state.note(record);
        let mut row = new_row(id, pid, &planner_row(), (seed, start.limits), record, now);
        // A planner has no rights of its own to keep within: what it calls has a bound of its own.
        row.bounds.clear();
        row.kept = !state.policy.retain.journals.is_zero();
        state.insert_call(row.clone(), &start.arguments, true);
        state.put_process(ProcessRow { state: running, ..process });
        Ok(Started { row, arguments: start.arguments.into(), journal: BTreeMap::new() })
    }

    /// Ends a quantum, counts its step and keeps its result, all in one change; and its process, if the planner or one of the tools
    /// that it called wants that, or it failed.
    ///
    /// # Errors
    /// The call has ended already, or the host has stopped.
    pub fn end_quantum(&self, call: CallId, chosen: Result<Chosen, Failure>) -> Result<EndedCall, Stop> {
        let now = self.now();
        let mut state = self.lock();
        if let Some(why) = &state.failed {
            return Err(Stop::Host(why.clone()));
        }
        let Some(live) = state.calls.get(&call) else { return Err(Stop::Ended) };
        let pid = live.row.pid;
        let result = chosen.as_ref().map(|chosen| chosen.result().to_owned()).map_err(Clone::clone);
        let (end, outcome) = match &result {
            Ok(text) => {
                if !matches!(chosen, Ok(Chosen::Hold(_))) {
                    state.count_step(pid, text);
                }
                state.put_bytes(Table::CallText, table::result(call), text.clone().into_bytes());
                (CallState::Done, Outcome::Done)
            }
            Err(failure) => (CallState::Failed(failure.clone()), Outcome::Failed(failure.message.clone())),
        };
        state.finish_call(call, end, outcome, now);
        // What a tool asked for comes first.
        state.end_process_after(call, pid, &result, now);
        let change = match chosen {
            Ok(Chosen::GoOn(_)) => None,
            Ok(Chosen::Hold(why)) => {
                state.hold(pid, call, why, now);
                None
            }
            Ok(Chosen::Exit(text)) => Some(Change::Exit(exit_result(call, text))),
            Err(failure) => Some(Change::Fail(failure.message)),
        };
        if let Some(change) = change {
            state.end_process(pid, change, Some(call), now);
        }
        Ok(EndedCall { call, pid, result, durable: state.mark() })
    }
}

/// What stands in the place of a tool.
fn planner_row() -> ToolRow {
    ToolRow {
        name: PLANNER.into(),
        export: PLANNER.into(),
        component: Default::default(),
        summary: String::new(),
        arguments: String::new(),
        result: String::new(),
        imports: Vec::new(),
        added: Default::default(),
        standard: true,
        needs: None,
        script: None,
        within: Vec::new(),
    }
}

/// The result of a process; a larger one than a process may have is left where it is.
fn exit_result(call: CallId, text: String) -> String {
    if text.len() <= limit::EXIT_RESULT_BYTES_MAX {
        return text;
    }
    serde_json::json!({ "result-of": call, "bytes": text.len() }).to_string()
}

impl State {
    /// Whether a call is a quantum.
    pub(super) fn is_quantum(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|live| live.row.is_quantum())
    }

    /// The quantum that a process has, if it has one.
    pub(super) fn quantum_of(&self, pid: Pid) -> Option<CallId> {
        self.live_calls(pid).find(|call| self.is_quantum(*call))
    }

    /// A process and all below it, parents before children.
    pub(super) fn tree(&self, root: Pid) -> Vec<Pid> {
        let mut tree = vec![root];
        let mut next = 0;
        while let Some(pid) = tree.get(next) {
            tree.extend(self.children.of(*pid));
            next += 1;
        }
        tree
    }

    /// Holds a process whose planner cannot go on now. Its parent or a person lets it go on.
    fn hold(&mut self, pid: Pid, call: CallId, mut why: String, now: Time) {
        cut(&mut why, limit::SIGNAL_REASON_BYTES_MAX);
        let mut record = Record::new("process.hold", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = Some(call);
        record.detail = Some(why.clone());
        self.note(record);
        self.pause(pid, why, false);
    }

    /// The plan of a process for which nobody said one: what its image says. A child has one only if a model chose for its parent to make
    /// it: the parent's model if it is from the same image, or its image says nothing.
    pub(super) fn plan_of_image(&self, pid: Pid) -> Option<String> {
        let process = self.processes.get(&pid)?;
        let image = self.image_of(process)?;
        let parent = process.parent.and_then(|parent| self.processes.get(&parent));
        let above = parent.filter(|parent| parent.planner.is_some()).and_then(|parent| {
            let text = self.get(Table::Plan, &table::number(parent.pid.0)).ok().flatten()?;
            String::from_utf8(text).ok().filter(|text| text.starts_with(MODEL)).map(|text| (parent, text))
        });
        match (&image.planner, above) {
            (_, None) if process.parent.is_some() => None,
            (Some(ImagePlanner::Model(_)), Some((parent, text))) if parent.image == process.image => Some(text),
            (Some(ImagePlanner::Model(profile)), _) => Some(format!("{MODEL}{profile}")),
            (Some(ImagePlanner::Script), _) => None,
            (None, above) => above.map(|(_, text)| text),
        }
    }

    /// Counts a step and keeps its result for later ones.
    fn count_step(&mut self, pid: Pid, result: &str) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        let Some(planner) = process.planner.clone() else { return };
        self.put_bytes(Table::Plan, table::step(pid, planner.step), result.as_bytes().to_vec());
        let planner = Some(PlannerRow { step: planner.step + 1, ..planner });
        self.put_process(ProcessRow { planner, ..process });
    }

    /// Starts again what was interrupted of what a planner chose, and offers the process its turn.
    fn go_on(&mut self, pid: Pid) {
        let interrupted = |call: &CallId| {
            let live = self.calls.get(call);
            live.is_some_and(|live| !live.resident && live.row.state == CallState::Runnable)
                && self.is_quantum(self.outermost(*call))
        };
        let calls: Vec<CallId> = self.live_calls(pid).filter(interrupted).collect();
        calls.into_iter().for_each(|call| self.set_runnable(call));
        self.reschedule(pid);
    }

    /// Notes where a process stands, after whatever changed of it or of its calls.
    pub(super) fn reschedule(&mut self, pid: Pid) {
        if self.stand(pid) {
            self.changed.notify_one();
        }
    }

    /// As [`State::reschedule`], and answers whether there may be a turn now.
    fn stand(&mut self, pid: Pid) -> bool {
        match self.processes.get(&pid) {
            None => {
                self.driven.pids.remove(&pid);
                self.schedule.forget(pid)
            }
            Some(process) => {
                // A child goes on if its parent does.
                if process.parent.is_some_and(|parent| self.driven.pids.contains(&parent)) {
                    self.driven.pids.insert(pid);
                }
                if process.planner.is_none() || !self.driven.has(pid) {
                    self.schedule.forget(pid)
                } else {
                    let standing = self.standing(process);
                    self.schedule.set(pid, process.priority, standing)
                }
            }
        }
    }

    /// Lets a process that has just been spawned go on by itself, as long as this host lives.
    pub(super) fn drive_spawned(&mut self, pid: Pid) {
        self.driven.pids.insert(pid);
        let parent = self.processes.get(&pid).and_then(|process| self.processes.get(&process.parent?));
        if parent.is_some_and(|parent| parent.halts) {
            self.set_halted(pid);
        }
        self.reschedule(pid);
    }

    /// Whether a process goes on by itself.
    pub(super) fn is_driven(&self, pid: Pid) -> bool {
        self.driven.has(pid)
    }

    /// Whether a process is about to have a turn.
    pub(super) fn may_have_turn(&self, process: &ProcessRow) -> bool {
        process.planner.is_some() && self.driven.has(process.pid) && self.standing(process) != Standing::Away
    }

    /// One that asks a model goes on by itself too, but takes nobody's turn.
    fn has_call_that_works(&self, pid: Pid) -> bool {
        self.live_calls(pid).any(|call| self.calls.get(&call).is_some_and(|live| live.goes_on() && !live.asks))
    }

    fn standing(&self, process: &ProcessRow) -> Standing {
        let is_held = matches!(process.state, ProcessState::Paused(_)) || process.cancel_requested.is_some();
        match self.quantum_of(process.pid) {
            Some(_) if process.state == ProcessState::Running && self.has_call_that_works(process.pid) => {
                Standing::Running
            }
            None if !is_held => Standing::Ready,
            _ => Standing::Away,
        }
    }
}
