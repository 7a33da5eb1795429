//! Checkpoints: taken, listed, removed. One costs what its processes and their waiting messages are, and nothing for each object: these
//! are held as they were by a pin.
//!
//! Of authority it holds numbers only. What was revoked or used up since stays so, whatever is done with a checkpoint.

use super::Kernel;
use super::calls::Place;
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use super::view::View;
use crate::model::answer::CallError;
use crate::model::checkpoint::{BoundTool, CheckpointRequest, CheckpointRow, Member};
use crate::model::codec::from_bytes;
use crate::model::grant::Holder;
use crate::model::id::{CallId, CheckpointId, Digest, Pid, Seq};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::row::{CallRow, CallState, ProcessRow};
use crate::model::time::Time;
use crate::model::view::{View as ObjectView, Window};
use crate::store::StoreError;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

impl Kernel {
    /// Takes a checkpoint of a process and all below it, as a person, at once: calls in flight are noted in it.
    ///
    /// # Errors
    /// There is no such live process, there are too many checkpoints, processes or messages, or the host has stopped.
    pub fn checkpoint(&self, pid: Pid, reason: &str) -> Result<Changed<CheckpointRow>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        state.check_space()?;
        state.check_room_for_checkpoint(pid).map_err(HostError::Usage)?;
        let id = state.new_checkpoint();
        let mut reason = reason.to_owned();
        cut(&mut reason, limit::CHECKPOINT_REASON_BYTES_MAX);
        let row = state.take_checkpoint(CheckpointRequest { call: CallId(0), id, reason }, pid, now)?;
        Ok(Changed { what: row, durable: state.mark() })
    }

    /// Removes a checkpoint. Versions of objects go that nothing else shows.
    ///
    /// # Errors
    /// There is none of that number, or the host has stopped.
    pub fn remove_checkpoint(&self, id: CheckpointId) -> Result<Changed<CheckpointRow>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let row = state.checkpoint_row(id)?;
        let messages = state.scan(Table::CheckpointMessage, &table::number(id.0))?;
        for (source, at) in pins(&row) {
            state.unpin(source, at)?;
        }
        for key in messages.into_keys() {
            state.remove(Table::CheckpointMessage, key);
        }
        state.remove(Table::Checkpoint, table::number(id.0));
        state.checkpoints.remove(&(row.pid, id));
        let mut record = Record::new("checkpoint.remove", now, Decided::Host, Outcome::Done);
        record.pid = Some(row.pid);
        record.resources = vec![id.to_string()];
        state.note(record);
        Ok(Changed { what: row, durable: state.mark() })
    }
}

/// The moments that a checkpoint holds: of each process its own objects, and those that it sees as they were.
fn pins(row: &CheckpointRow) -> Vec<(Pid, Seq)> {
    let mut pins = Vec::new();
    for member in &row.members {
        pins.push((member.process.pid, row.at));
        pins.extend(
            seen_then(&member.process, row.at).into_iter().filter_map(|window| Some((window.source, window.at?))),
        );
    }
    pins
}

/// What a process saw of others at a moment: what it saw as it is now, it saw as it was then.
pub(super) fn seen_then(process: &ProcessRow, at: Seq) -> Vec<Window> {
    let mut windows = process.view.as_ref().map(ObjectView::windows).unwrap_or_default();
    windows.iter_mut().for_each(|window| window.at = Some(window.at.unwrap_or(at)));
    windows
}

impl State {
    pub(super) fn load_checkpoints(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.scan(Table::Checkpoint, &[], |_, value| {
            let row: CheckpointRow = from_bytes(&value)?;
            self.checkpoints.insert((row.pid, row.id));
            Ok(ControlFlow::Continue(()))
        })
    }

    /// A checkpoint that is there.
    pub(super) fn checkpoint_row(&self, id: CheckpointId) -> Result<CheckpointRow, HostError> {
        let row = self.row(Table::Checkpoint, &table::number(id.0))?;
        row.ok_or_else(|| HostError::Usage(format!("there is no checkpoint {id}; `libos checkpoint list` shows them")))
    }

    /// A process and all below it that lives, each after its parent.
    pub(super) fn living_below(&self, top: Pid) -> Vec<Pid> {
        let mut tree = self.subtree(top);
        tree.reverse();
        tree
    }

    fn check_room_for_checkpoint(&self, pid: Pid) -> Result<(), String> {
        if !self.processes.contains_key(&pid) {
            return Err(format!("there is no live process {pid}"));
        }
        let (count, most) = (self.checkpoints.len(), limit::CHECKPOINTS_MAX);
        if count >= most {
            return Err(format!("there are {count} checkpoints, at most {most}: `libos checkpoint rm` removes one"));
        }
        let of_process = (pid, CheckpointId(0))..=(pid, CheckpointId(u64::MAX));
        let count = self.checkpoints.range(of_process).count();
        let most = limit::CHECKPOINTS_PER_PROCESS_MAX;
        if count >= most {
            return Err(format!("{pid} has {count} checkpoints, at most {most}: `libos checkpoint rm` removes one"));
        }
        Ok(())
    }

    /// Notes that a checkpoint is to be taken once the call that asks has ended: then what it did is in it, and it is not in flight. Who
    /// asks again in the same call asks for the same moment.
    pub(crate) fn request_checkpoint(&mut self, place: Place, reason: &str) -> Result<CheckpointId, CallError> {
        let process = self.processes.get(&place.pid).cloned().ok_or(CallError::Internal)?;
        let call = self.outermost(place.call);
        if let Some(asked) = process.checkpoint_requested.as_ref().filter(|asked| asked.call == call) {
            return Ok(asked.id);
        }
        self.check_room_for_checkpoint(place.pid).map_err(CallError::TooLarge)?;
        let id = self.new_checkpoint();
        let checkpoint_requested = Some(CheckpointRequest { call, id, reason: reason.to_owned() });
        self.put_process(ProcessRow { checkpoint_requested, ..process });
        Ok(id)
    }

    /// Takes the checkpoint that was asked for in a call, which has ended.
    pub(super) fn take_requested_checkpoint(&mut self, ended: &CallRow, now: Time) {
        let Some(process) = self.processes.get(&ended.pid) else { return };
        let Some(asked) = process.checkpoint_requested.clone().filter(|asked| asked.call == ended.id) else { return };
        let process = ProcessRow { checkpoint_requested: None, ..process.clone() };
        self.put_process(process);
        let (id, taken) = match &ended.state {
            CallState::Cancelled(why) => (asked.id, Err(format!("its call was cancelled: {why}"))),
            _ => (asked.id, self.take_checkpoint(asked, ended.pid, now).map_err(|error| error.to_string())),
        };
        if let Err(why) = taken {
            let mut record = Record::new("checkpoint.create", now, Decided::Free, Outcome::Failed(why));
            record.pid = Some(ended.pid);
            record.call = Some(ended.id);
            record.resources = vec![id.to_string()];
            self.note(record);
        }
    }

    /// Takes a checkpoint. Everything that can fail comes before the first change.
    fn take_checkpoint(&mut self, asked: CheckpointRequest, pid: Pid, now: Time) -> Result<CheckpointRow, HostError> {
        let CheckpointRequest { call, id, reason } = asked;
        let pids = self.living_below(pid);
        if pids.len() > limit::CHECKPOINT_PROCESSES_MAX {
            let most = limit::CHECKPOINT_PROCESSES_MAX;
            return Err(HostError::Usage(format!("{pid} and those below it are {}, at most {most}", pids.len())));
        }
        let (mut members, mut queues) = (Vec::with_capacity(pids.len()), Vec::new());
        for pid in pids {
            let Some(process) = self.processes.get(&pid).cloned() else { continue };
            let queue = self.scan(Table::Message, &table::number(pid.0))?;
            let calls: Vec<CallId> = self.live_calls(pid).collect();
            members.push(Member {
                grants: self.grants.of(&Holder::Process(pid)).map(|grant| grant.id).collect(),
                in_step: calls.iter().any(|call| self.is_step(*call)),
                calls,
                own_tools: self.own_tools_of(pid).map(|tool| (**tool).clone()).collect(),
                messages: u32::try_from(queue.len()).unwrap_or(u32::MAX),
                process,
            });
            queues.extend(queue);
            if queues.len() > limit::CHECKPOINT_MESSAGES_MAX {
                let most = limit::CHECKPOINT_MESSAGES_MAX;
                return Err(HostError::Usage(format!("more than {most} messages wait for {pid} and those below it")));
            }
        }
        let call = Some(call).filter(|call| !call.is_nobody());
        let tools = self.tools_of(&members);
        let row = CheckpointRow { id, pid, reason, time: now, at: self.next_seq, call, members, tools };
        for (source, at) in pins(&row) {
            self.pin(source, at);
        }
        for (key, message) in queues {
            self.put_bytes(Table::CheckpointMessage, [table::number(id.0), key].concat(), message);
        }
        self.put(Table::Checkpoint, table::number(id.0), &row);
        self.checkpoints.insert((pid, id));
        let mut record = Record::new("checkpoint.create", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = row.call;
        record.resources = vec![id.to_string()];
        let flying: usize = row.members.iter().map(|member| member.calls.len()).sum();
        record.detail = Some(format!(
            "{}, {} in flight: {}",
            several(row.members.len(), "process", "processes"),
            several(flying, "call", "calls"),
            row.reason
        ));
        self.note(record);
        Ok(row)
    }

    /// Whether a call is a step of a planner: it has no component.
    fn is_step(&self, call: CallId) -> bool {
        self.calls.get(&call).is_some_and(|live| live.row.component == [0; 32])
    }

    fn tools_of(&self, members: &[Member]) -> Vec<BoundTool> {
        let images: BTreeMap<Digest, _> = members
            .iter()
            .filter_map(|member| self.image_of(&member.process))
            .map(|image| (image.digest, image))
            .collect();
        let seen = self.tools.values().filter(|tool| images.values().any(|image| image.has(&tool.name)));
        let bound = seen.map(|tool| BoundTool { name: tool.name.clone(), component: *tool.code() });
        bound.take(limit::CHECKPOINT_TOOLS_MAX).collect()
    }
}

/// `1 process`, `3 processes`.
pub(super) fn several(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl View<'_> {
    /// All checkpoints, oldest first.
    ///
    /// # Errors
    /// The store failed or is damaged; so for all that follow.
    pub fn checkpoints(&self) -> Result<Vec<CheckpointRow>, StoreError> {
        self.0.rows(Table::Checkpoint, &[])
    }

    /// A checkpoint.
    pub fn checkpoint(&self, id: CheckpointId) -> Result<Option<CheckpointRow>, StoreError> {
        self.0.row(Table::Checkpoint, &table::number(id.0))
    }

    /// How many messages wait for a process.
    pub fn messages_waiting(&self, pid: Pid) -> Result<u64, StoreError> {
        Ok(self.0.keys(Table::Message, &table::number(pid.0))?.len() as u64)
    }
}
