//! The end of processes: with their calls, and with all that descends from them. A process ends in one change with everything below it,
//! those below first.

use super::Kernel;
use super::objects::owner;
use super::state::State;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{CallId, GrantId, Pid};
use crate::model::limit;
use crate::model::process::Change;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::{Right, Rights};
use crate::model::row::{CallState, Failure, ProcessRow};
use crate::model::time::Time;
use crate::store::table::{self, Table};

impl Kernel {
    /// Ends a process that was made for a call which could not be started.
    pub fn end_unused_process(&self, pid: Pid, why: &str) {
        let now = self.now();
        self.lock().end_process(pid, Change::Fail(why.to_owned()), None, now);
    }
}

impl State {
    /// After an outermost call: the process ends if it asked to, if somebody wants it to, or if it was made for this call; or it becomes
    /// one of another image.
    pub(super) fn end_process_after(&mut self, call: CallId, pid: Pid, result: &Result<String, Failure>, now: Time) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        if let Some(exit) = process.exit_requested.as_ref().filter(|exit| exit.call == call) {
            let (result, object) = (exit.result.clone(), exit.object.clone());
            if let Some(object) = &object {
                self.show_result(&process, object, now);
            }
            self.put_process(ProcessRow { result_object: object, ..process });
            return self.end_process(pid, Change::Exit(result), Some(call), now);
        }
        if let Some(exec) = process.exec_requested.clone().filter(|exec| exec.call == call) {
            self.become_image(pid, &exec, now);
        }
        if self.end_if_cancelled(pid, Some(call), now) || !self.ends_with_its_calls(pid) {
            return;
        }
        let change = match result {
            Ok(_) => Change::Exit("null".into()),
            Err(failure) => Change::Fail(failure.message.clone()),
        };
        self.end_process(pid, change, Some(call), now);
    }

    /// Ends a process that is to end, once it has no call any more. Answers whether it did.
    pub(super) fn end_if_cancelled(&mut self, pid: Pid, cause: Option<CallId>, now: Time) -> bool {
        let wanted = self.processes.get(&pid).and_then(|process| process.cancel_requested.clone());
        let Some(by) = wanted.filter(|_| self.live_calls(pid).next().is_none()) else { return false };
        self.end_process(pid, Change::Fail(format!("cancelled by {by}")), cause, now);
        true
    }

    /// Whether a process was made for one call and has none left.
    pub(super) fn ends_with_its_calls(&self, pid: Pid) -> bool {
        self.processes.get(&pid).is_some_and(|process| process.for_one_call) && self.live_calls(pid).next().is_none()
    }

    /// Ends a process and all below it: their other calls are cancelled and their grants leave memory.
    pub(super) fn end_process(&mut self, pid: Pid, change: Change, cause: Option<CallId>, now: Time) {
        if !self.processes.contains_key(&pid) {
            return;
        }
        self.with_many_pins_gone(|state| state.end_tree(pid, change, cause, now));
    }

    fn end_tree(&mut self, pid: Pid, change: Change, cause: Option<CallId>, now: Time) {
        let tree = self.subtree(pid);
        // All calls first: nobody is told of an end who is ended himself.
        for member in &tree {
            let others: Vec<CallId> = self.live_calls(*member).collect();
            for other in others {
                let why = "its process has ended".to_owned();
                self.finish_call(other, CallState::Cancelled(why.clone()), Outcome::Failed(why), now);
            }
        }
        for member in tree.into_iter().filter(|member| *member != pid) {
            let parent = self.processes.get(&member).and_then(|row| row.parent).unwrap_or(pid);
            let row = self.end_one(member, Change::Kill(format!("its parent {parent} has ended")), None, now);
            row.iter().for_each(|row| self.tell_end(row, false, now));
        }
        let row = self.end_one(pid, change, cause, now);
        row.iter().for_each(|row| self.tell_end(row, true, now));
    }

    fn end_one(&mut self, pid: Pid, change: Change, cause: Option<CallId>, now: Time) -> Option<ProcessRow> {
        let process = self.processes.get(&pid).cloned()?;
        let state = process.state.clone().after(change).ok()?;
        let mut record = Record::new("process.end", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = cause;
        record.detail = Some(state.word().to_owned());
        self.note(record);
        let goal_text = self.goal_to_keep(&process);
        // What cannot be read now stays: nobody can name it any more. What it releases is paid back before the purse is.
        drop(self.release_objects(pid, process.result_object.as_deref(), now));
        let process = self.processes.get(&pid).cloned()?;
        let process = self.return_purse(process);
        self.leave_restrictions(pid, now);
        let ended = ProcessRow { state, ended: Some(now), goal_text, ..process };
        self.put_process(ended.clone());
        self.release(&ended);
        Some(ended)
    }

    /// What a process leaves when it has ended.
    fn release(&mut self, process: &ProcessRow) {
        let pid = process.pid;
        self.grants.forget(&Holder::Process(pid));
        self.drop_messages(pid);
        self.drop_candidates(pid);
        self.drop_own_tools(pid);
        for digest in self.asking.forget(pid) {
            self.remove(Table::Refused, table::refused(pid, &digest));
        }
        let children: Vec<Pid> = self.children.ended_of(pid).collect();
        for child in children {
            self.children.remove_ended(pid, child);
            self.remove(Table::Process, table::not_waited_for(pid, child));
        }
    }

    /// The grants of a result go with it.
    pub(super) fn drop_grants_of_result(&mut self, name: &str) {
        let Some(owner) = owner(name).filter(|owner| !self.processes.contains_key(owner)) else { return };
        let of_it = |grant: &&Grant| is_result(grant) && *grant.pattern.to_string() == *format!("object:{name}");
        let gone: Vec<GrantId> = self.grants.naming(owner).filter(of_it).map(|grant| grant.id).collect();
        for grant in gone {
            if let Some(grant) = self.grants.remove(grant) {
                self.remove(Table::Grant, table::grant(&grant.holder, grant.id));
            }
        }
    }

    /// Lets the parent read and delete the object that a process ends with, if it is the process's own; beyond a number of such results
    /// the parent gets no more until it has deleted some. One in another namespace stays where it is,
    /// and the parent reads it with what it has: else a process could open by its end what was never its parent's.
    fn show_result(&mut self, process: &ProcessRow, object: &str, now: Time) {
        let name = Resource::new(Kind::Object, object);
        let own = Resource::new(Kind::Object, super::processes::own_namespace(process.pid));
        let Some(parent) = process.parent.filter(|parent| self.processes.contains_key(parent)) else { return };
        let Some(pattern) = Pattern::exact(&name).filter(|_| name.is_within(&own)) else { return };
        let holder = Holder::Process(parent);
        if self.grants.of(&holder).filter(|grant| is_result(grant)).count() >= limit::RESULTS_SHOWN_MAX {
            return;
        }
        let id = self.new_grant();
        self.put_grant(Grant {
            id,
            holder,
            pattern,
            rights: Rights::of(&[Right::Read, Right::Delete]),
            effect: Effect::Allow,
            uses_left: None,
            not_after: None,
            only_tool: None,
            answers: None,
            parent: None,
            issuer: Issuer::Process(process.pid),
            revoked: false,
            created: now,
            moved: false,
        });
    }
}

/// Whether a grant is one that a child left to its parent with its result: nothing else comes from a process and hangs on nothing.
fn is_result(grant: &Grant) -> bool {
    grant.effect == Effect::Allow && grant.parent.is_none() && matches!(grant.issuer, Issuer::Process(_))
}
