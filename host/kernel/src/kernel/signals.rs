//! Signals: what a parent or a person tells a process. No signal reaches what has ended, and what a person holds only a person lets go.

use super::Kernel;
use super::calls::Place;
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use crate::model::answer::{CallError, Stop};
use crate::model::id::{CallId, Pid};
use crate::model::limit;
use crate::model::process::{Change, Signal, State as ProcessState};
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::row::{CallState, ProcessRow};
use crate::model::time::Time;

impl Kernel {
    /// Tells a process something, as a person. Answers the state that it is in then.
    ///
    /// # Errors
    /// There is no live process of that number, or the host has stopped.
    pub fn signal(&self, pid: Pid, signal: Signal, reason: &str) -> Result<Changed<ProcessState>, HostError> {
        let now = self.now();
        let mut reason = reason.to_owned();
        cut(&mut reason, limit::SIGNAL_REASON_BYTES_MAX);
        let mut state = self.lock();
        state.check_alive()?;
        if !state.processes.contains_key(&pid) {
            return Err(HostError::Usage(format!("there is no live process {pid}; `libos ps` shows them")));
        }
        let mut record = Record::new("host.signal", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some(format!("{}: {reason}", signal.word()));
        state.note(record);
        let by = if reason.is_empty() { "a person".to_owned() } else { format!("a person: {reason}") };
        state.tell_signal(pid, signal, by, true, now);
        let after = state.process_row(pid)?.map(|row| row.state).unwrap_or(ProcessState::Ready);
        Ok(Changed { what: after, durable: state.mark() })
    }

    /// The instance of a call is gone because its process is paused. The call stays as it was and goes on when the process does.
    pub fn hold_call(&self, call: CallId) {
        self.drop_call(call);
        let mut state = self.lock();
        let Some(pid) = state.calls.get(&call).map(|live| live.row.pid) else { return };
        // It may have been resumed while the guest was on its way out.
        if state.paused(pid).is_none() {
            state.set_runnable(call);
        }
    }

    /// Stops a guest of a process that is paused.
    pub(crate) fn check_held(&self, pid: Pid) -> Result<(), Stop> {
        match self.lock().paused(pid) {
            Some(by) => Err(Stop::Paused(by)),
            None => Ok(()),
        }
    }
}

impl State {
    /// Who or what holds a process, if anything does.
    pub(super) fn paused(&self, pid: Pid) -> Option<String> {
        match &self.processes.get(&pid)?.state {
            ProcessState::Paused(by) => Some(by.clone()),
            _ => None,
        }
    }

    /// Tells a process what another one says. Answers the state that it is in then, in a word.
    pub(crate) fn signal(
        &mut self,
        place: Place,
        pid: Pid,
        signal: Signal,
        reason: &str,
        now: Time,
    ) -> Result<&'static str, CallError> {
        let Some(process) = self.processes.get(&pid) else {
            return Err(CallError::NotFound(format!("{pid}: it has ended or never was")));
        };
        if signal == Signal::Resume && process.held_by_host && matches!(process.state, ProcessState::Paused(_)) {
            let by = process.state.why().unwrap_or_default();
            return Err(CallError::Invalid(format!("{pid} is held by {by}; only a person lets it go on")));
        }
        let by = if reason.is_empty() { place.pid.to_string() } else { format!("{}: {reason}", place.pid) };
        self.tell_signal(pid, signal, by, false, now);
        Ok(self.process_row(pid)?.map_or("ended", |row| row.state.word()))
    }

    fn tell_signal(&mut self, pid: Pid, signal: Signal, by: String, by_host: bool, now: Time) {
        match signal {
            Signal::Pause => self.pause(pid, by, by_host),
            Signal::Resume => self.resume(pid),
            Signal::Interrupt => self.interrupt_waits(pid, &by, now),
            Signal::Cancel => self.cancel_process(pid, &by, now),
            Signal::Kill => self.end_process(pid, Change::Kill(by), None, now),
        }
    }

    /// Holds a process. Guests of it stop at their next import; nothing of it is started. `by_host`: only a person lets it go on.
    pub(super) fn pause(&mut self, pid: Pid, by: String, by_host: bool) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        // A child cannot be taken out of a person's hands by being paused again.
        let held_by_host = by_host || (process.held_by_host && matches!(process.state, ProcessState::Paused(_)));
        let stays = held_by_host && !by_host;
        let change = Change::Pause(if stays { process.state.why().unwrap_or_default().into() } else { by });
        if let Ok(state) = process.state.clone().after(change) {
            // What it wants goes with the reason that names it.
            let wants = process.wants.filter(|_| stays);
            self.put_process(ProcessRow { state, held_by_host, wants, ..process });
        }
    }

    /// Lets a process go on: what could run meanwhile is started.
    pub(super) fn resume(&mut self, pid: Pid) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        let Ok(state) = process.state.clone().after(Change::Resume) else { return };
        if state == process.state {
            return;
        }
        self.put_process(ProcessRow { state, held_by_host: false, halts: false, ..process });
        self.refresh_process(pid);
        let calls: Vec<CallId> = self.live_calls(pid).collect();
        for call in calls {
            let starts = |live: &super::state::LiveCall| live.row.state == CallState::Runnable && !live.resident;
            if self.calls.get(&call).is_some_and(starts) {
                self.set_runnable(call);
            }
        }
    }

    /// A process and all below it are to end when their present calls have; those that have none end at once.
    fn cancel_process(&mut self, pid: Pid, by: &str, now: Time) {
        for member in self.subtree(pid) {
            let Some(process) = self.processes.get(&member).cloned() else { continue };
            self.put_process(ProcessRow { cancel_requested: Some(by.to_owned()), ..process });
            self.interrupt_waits(member, by, now);
            self.end_if_cancelled(member, None, now);
        }
    }
}
