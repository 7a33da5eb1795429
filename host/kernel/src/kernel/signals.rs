//! Holding processes, letting them go on, and interrupting what they wait for.

use super::Kernel;
use super::state::{LiveCall, State};
use crate::model::answer::{Answer, CallError, Stop};
use crate::model::id::{CallId, Pid, Position};
use crate::model::process::{Change, State as ProcessState};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{CallState, ProcessRow};
use crate::model::time::Time;

impl Kernel {
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

    /// Holds a process. Guests of it stop at their next import; nothing of it is started. `by_host`: only a person lets it go on.
    pub(super) fn pause(&mut self, pid: Pid, by: String, _by_host: bool) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        if let Ok(state) = process.state.clone().after(Change::Pause(by)) {
            self.put_process(ProcessRow { state, wants: None, ..process });
        }
    }

    /// Lets a process go on: what could run meanwhile is started.
    pub(super) fn resume(&mut self, pid: Pid) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        let Ok(state) = process.state.clone().after(Change::Resume) else { return };
        if state == process.state {
            return;
        }
        self.put_process(ProcessRow { state, wants: None, ..process });
        self.refresh_process(pid);
        let calls: Vec<CallId> = self.live_calls(pid).collect();
        for call in calls {
            let starts = |live: &LiveCall| live.row.state == CallState::Runnable && !live.resident;
            if self.calls.get(&call).is_some_and(starts) {
                self.set_runnable(call);
            }
        }
    }

    /// Ends the waits of a process that are for nobody in particular: for time, for messages, for children.
    pub(super) fn interrupt(&mut self, pid: Pid, by: &str, now: Time) {
        let calls: Vec<CallId> = self.live_calls(pid).collect();
        for call in calls {
            let open = self.waits.range((call, 0)..=(call, Position::MAX));
            let places: Vec<_> = open
                .filter(|(_, row)| row.kind.is_interruptible())
                .map(|((_, position), row)| (*position, row.operation.clone()))
                .collect();
            for (position, operation) in places {
                let error = CallError::Interrupted(by.to_owned());
                let record = Record::new(operation, now, Decided::Free, Outcome::Failed(error.to_string()));
                self.end_wait(call, position, Some(Answer::Failed(error)), record, now);
            }
        }
    }
}
