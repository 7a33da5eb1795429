//! Going back to a checkpoint: the same processes, as they were, in one change. Forward only: the log goes on, grants stay as they have
//! become, numbers of versions grow, what has ended stays ended, and what was done outside stays done and is listed.
//!
//! A message that was handed over since waits again: its process is back where it had not got it. What came since from processes that do
//! not go back, and still waits, waits on.

use super::Kernel;
use super::checkpoints::several;
use super::host::HostError;
use super::objects::Author;
use super::processes::own_namespace;
use super::rules::Changed;
use super::state::State;
use super::view::View;
use crate::model::checkpoint::{CheckpointRow, Member, Restored, Since};
use crate::model::codec::from_bytes;
use crate::model::event::outcome_word;
use crate::model::id::{CallId, CheckpointId, EffectId, Pid, QuestionId};
use crate::model::limit;
use crate::model::message::Message;
use crate::model::planner::PlannerRow;
use crate::model::process::{Change, State as ProcessState};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{CallState, ProcessRow};
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

impl Kernel {
    /// Takes a process and those below it back to a checkpoint, as a person. What they did outside since is found with
    /// [`View::effects_since`], when this is on the disk.
    ///
    /// # Errors
    /// There is no such checkpoint, its process has ended, its objects have changed too much since, or the host has stopped.
    pub fn restore(&self, id: CheckpointId) -> Result<Changed<Restored>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        state.check_space()?;
        let row = state.checkpoint_row(id)?;
        if !state.processes.contains_key(&row.pid) {
            return Err(HostError::Usage(format!(
                "{} has ended, and what has ended stays so; `libos checkpoint fork {id}` begins again from there",
                row.pid
            )));
        }
        state.check_size_of_return(&row)?;
        let then = state.scan(Table::CheckpointMessage, &table::number(id.0))?;
        match state.go_back(&row, then, now) {
            Ok(restored) => Ok(Changed { what: restored, durable: state.mark() }),
            Err(error) => {
                // What was begun is half done in memory, and must not be seen by anybody: the disk has the moment before.
                state.failed.get_or_insert_with(|| format!("the return to {id} failed: {error}"));
                self.shared.stopped.send_replace(true);
                Err(error.into())
            }
        }
    }
}

impl State {
    /// Whether what would be copied to bring all objects back is not too much for one change.
    fn check_size_of_return(&self, row: &CheckpointRow) -> Result<(), HostError> {
        let below: BTreeSet<Pid> = self.living_below(row.pid).into_iter().collect();
        let mut bytes = 0_u64;
        for pid in row.members.iter().map(|member| member.process.pid).filter(|pid| below.contains(pid)) {
            let more = self.bytes_to_restore(&own_namespace(pid), row.at)?;
            bytes = bytes.saturating_add(more);
        }
        if bytes > limit::RESTORE_BYTES_MAX {
            return Err(HostError::Usage(format!(
                "{bytes} bytes of objects have changed or gone since {id}, and at most {most} are brought back; `libos checkpoint fork {id}` \
                 begins again from there and copies nothing",
                id = row.id,
                most = limit::RESTORE_BYTES_MAX,
            )));
        }
        Ok(())
    }

    fn go_back(
        &mut self,
        row: &CheckpointRow,
        then: BTreeMap<Vec<u8>, Vec<u8>>,
        now: Time,
    ) -> Result<Restored, StoreError> {
        let why = format!("{} went back to {}", row.pid, row.id);
        let below: BTreeSet<Pid> = self.living_below(row.pid).into_iter().collect();
        let mut restored = Restored { checkpoint: row.id, pid: row.pid, from: row.at, ..Restored::default() };
        restored.tools = self.tools_changed(row);
        let mut members = Vec::new();
        for member in &row.members {
            let pid = member.process.pid;
            match (below.contains(&pid), self.processes.contains_key(&pid)) {
                (true, _) => members.push(member),
                (false, true) => restored.elsewhere.push(pid),
                (false, false) => restored.gone.push(pid),
            }
        }
        let back: BTreeSet<Pid> = members.iter().map(|member| member.process.pid).collect();
        let since: Vec<Pid> = below.difference(&back).copied().collect();
        // Before anything of them ends: a request that applies at the end of a call must not apply now.
        for member in &members {
            self.forget_requests(member.process.pid);
        }
        for pid in back.iter().chain(&since) {
            self.cut_off(*pid, &why, &mut restored, now);
        }
        let inside: BTreeSet<Pid> = row.members.iter().map(|member| member.process.pid).chain(since.clone()).collect();
        // Children have the larger numbers: they end before their parents.
        for pid in since.into_iter().rev() {
            restored.ended.push(pid);
            self.end_process(pid, Change::Kill(format!("{why}, before it was made")), None, now);
        }
        for member in &members {
            self.hold_view_of_then(member, now)?;
            self.set_back(member);
            restored.processes.push(member.process.pid);
        }
        restored.messages = self.set_queues(&back, &inside, then)?;
        for pid in &back {
            let author = Author { pid: *pid, call: CallId(0), now };
            let changed = self.objects_restore(&own_namespace(*pid), row.at, author)?;
            restored.objects += changed.len() as u64;
            let room = limit::RESTORED_OBJECTS_SHOWN.saturating_sub(restored.changed_objects.len());
            restored.changed_objects.extend(changed.into_iter().take(room).map(|difference| difference.name));
        }
        let mut record = Record::new("checkpoint.restore", now, Decided::Host, Outcome::Done);
        record.pid = Some(row.pid);
        record.resources = vec![row.id.to_string()];
        record.detail = Some(format!(
            "{} and {} went back; {} cut off; {} ended that were made since",
            several(restored.processes.len(), "process", "processes"),
            several(restored.objects as usize, "object", "objects"),
            several(restored.interrupted.len(), "call", "calls"),
            several(restored.ended.len(), "process", "processes"),
        ));
        restored.to = self.note(record);
        self.changed.notify_one();
        Ok(restored)
    }

    /// Tools whose component is another one than then, or that are not there any more.
    fn tools_changed(&self, row: &CheckpointRow) -> Vec<String> {
        let is_same = |name: &String, component| self.tools.get(name).is_some_and(|tool| *tool.code() == component);
        let changed = row.tools.iter().filter(|tool| !is_same(&tool.name, tool.component));
        changed.map(|tool| tool.name.clone()).collect()
    }

    fn forget_requests(&mut self, pid: Pid) {
        if let Some(process) = self.processes.get(&pid).cloned() {
            self.put_process(ProcessRow {
                exit_requested: None,
                exec_requested: None,
                cancel_requested: None,
                checkpoint_requested: None,
                // It goes on without the call that it was made for.
                for_one_call: false,
                ..process
            });
        }
    }

    /// Ends the calls of a process. An effect that has started ends by itself and is recorded.
    fn cut_off(&mut self, pid: Pid, why: &str, restored: &mut Restored, now: Time) {
        let calls: Vec<CallId> = self.live_calls(pid).collect();
        for call in calls {
            let questions = self.questions.range((call, 0)..=(call, u32::MAX)).map(|(_, question)| *question);
            let questions: Vec<QuestionId> = questions.collect();
            restored.withdrawn.extend(questions);
            restored.interrupted.push(call);
            let why = format!("interrupted: {why}");
            self.finish_call(call, CallState::Cancelled(why.clone()), Outcome::Failed(why), now);
        }
    }

    /// What its view shows is held by the process: of the view that it gets, and no longer of the one that it has.
    fn hold_view_of_then(&mut self, member: &Member, time: Time) -> Result<(), StoreError> {
        let now = self.processes.get(&member.process.pid).and_then(|process| process.view.clone());
        let then = member.process.view.clone();
        if now == then {
            return Ok(());
        }
        if let Some(then) = then {
            self.set_view(member.process.pid, then.clone());
            self.take_restrictions_left(member.process.pid, &then, time)?;
        }
        now.map_or(Ok(()), |now| self.drop_view(&now))
    }

    /// Makes a process what it was. What it was granted and what it may still spend stay as they have become, and so does its parent.
    fn set_back(&mut self, member: &Member) {
        let Some(now) = self.processes.get(&member.process.pid).cloned() else { return };
        let then = member.process.clone();
        let change = match &then.state {
            ProcessState::Paused(by) => Change::Pause(by.clone()),
            _ => Change::Resume,
        };
        let Ok(state) = now.state.clone().after(change) else { return };
        let planner = then.planner.map(|planner| {
            if member.in_step {
                // What it came to afterwards belongs to what is gone back from.
                self.remove(Table::Plan, table::step(member.process.pid, planner.step));
            }
            let step = planner.step + u64::from(member.in_step);
            PlannerRow { step, ..planner }
        });
        self.put_process(ProcessRow {
            state,
            image: then.image,
            image_digest: then.image_digest,
            working_directory: then.working_directory,
            goal: then.goal,
            view: then.view,
            priority: then.priority,
            planner,
            result_object: None,
            held_by_host: then.held_by_host,
            incarnation: now.incarnation.saturating_add(1),
            ..now
        });
        self.drop_own_tools(member.process.pid);
        for tool in &member.own_tools {
            self.put_own_tool(member.process.pid, tool.clone());
        }
        self.refresh_process(member.process.pid);
    }

    /// Makes the queues what they were; answers how many messages wait. What was sent from `inside`
    /// since is taken back. `then`: what waited, by its key in the checkpoint.
    fn set_queues(
        &mut self,
        back: &BTreeSet<Pid>,
        inside: &BTreeSet<Pid>,
        then: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<u64, StoreError> {
        for pid in back {
            for (_, value) in self.scan(Table::Message, &table::number(pid.0))? {
                let message: Message = from_bytes(&value)?;
                if inside.contains(&message.from) {
                    self.unqueue(*pid, &message)?;
                }
            }
        }
        for (key, value) in then {
            let Some((pid, ..)) = key.get(8..).and_then(table::read_message) else { continue };
            if back.contains(&pid) {
                let message: Message = from_bytes(&value)?;
                // It may be one that still waits, from outside.
                self.unqueue(pid, &message)?;
                self.enqueue(pid, &message);
            }
        }
        Ok(back.iter().map(|pid| self.mail.waiting(*pid)).sum())
    }
}

impl View<'_> {
    /// What the processes that went back did outside between the checkpoint and the return, or had begun, and how many that were; the
    /// first ones are listed.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub fn effects_since(&self, restored: &Restored) -> Result<(Vec<Since>, u64), StoreError> {
        let theirs: BTreeSet<Pid> =
            [&restored.processes, &restored.ended, &restored.gone].into_iter().flatten().copied().collect();
        let mut known: BTreeSet<EffectId> = BTreeSet::new();
        let mut found: BTreeMap<EffectId, Since> = BTreeMap::new();
        self.records(restored.from, |record| {
            if record.seq >= restored.to {
                return ControlFlow::Break(());
            }
            let (Some(pid), Some(effect)) = (record.pid, record.effect) else { return ControlFlow::Continue(()) };
            if !theirs.contains(&pid) {
                return ControlFlow::Continue(());
            }
            if record.outcome == Outcome::NotStarted {
                known.remove(&effect);
                found.remove(&effect);
            } else if let Some(since) = found.get_mut(&effect) {
                since.outcome = outcome_word(&record.outcome);
            } else if known.insert(effect) && found.len() < limit::EFFECTS_SINCE_MAX {
                let (operation, resources) = (record.operation, record.resources);
                let outcome = outcome_word(&record.outcome);
                found.insert(effect, Since { seq: record.seq, pid, effect, operation, resources, outcome });
            }
            ControlFlow::Continue(())
        })?;
        Ok((found.into_values().collect(), known.len() as u64))
    }
}
