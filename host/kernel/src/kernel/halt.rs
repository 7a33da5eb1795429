//! Halting a tree of processes: each is held as soon as its present step has come to its end, or waits. Nothing is cut off, so nothing has
//! to be found out or done again. It goes on when whoever runs it comes back, or when a person resumes it.

use super::Kernel;
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use crate::model::id::Pid;
use crate::model::process::State as ProcessState;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ProcessRow;

/// Why a halted process stands still.
const HALTED: &str = "whoever ran it; the same command goes on with it";

impl Kernel {
    /// Halts a process and all below it, as a person. Answers whether anything of it still runs, and will be held after its step.
    ///
    /// # Errors
    /// There is no such live process, or the host has stopped.
    pub fn halt(&self, pid: Pid) -> Result<Changed<bool>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        if !state.processes.contains_key(&pid) {
            return Err(HostError::Usage(format!("there is no live process {pid}; `libos ps` shows them")));
        }
        let mut record = Record::new("host.signal", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some("pause after the present step".into());
        state.note(record);
        let tree = state.tree(pid);
        tree.iter().for_each(|pid| state.set_halted(*pid));
        let runs = |pid: &Pid| state.processes.get(pid).is_some_and(|process| process.state == ProcessState::Running);
        let runs = tree.iter().any(runs);
        Ok(Changed { what: runs, durable: state.mark() })
    }

    /// Lets a process and all below it go on that were halted. What is held for another reason stays held.
    pub fn end_halt(&self, pid: Pid) {
        let mut state = self.lock();
        for pid in state.tree(pid) {
            let Some(process) = state.processes.get(&pid).filter(|process| process.halts).cloned() else { continue };
            if process.state.why() == Some(HALTED) {
                state.resume(pid);
            } else {
                state.put_process(ProcessRow { halts: false, ..process });
            }
        }
    }
}

impl State {
    /// A process is to be held after its present step; at once if it has none.
    pub(super) fn set_halted(&mut self, pid: Pid) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        self.put_process(ProcessRow { halts: true, ..process });
        self.hold_halted(pid);
    }

    /// Holds a halted process if nothing of it runs.
    pub(super) fn hold_halted(&mut self, pid: Pid) {
        let Some(process) = self.processes.get(&pid) else { return };
        if process.halts && matches!(process.state, ProcessState::Ready | ProcessState::Waiting) {
            self.pause(pid, HALTED.into(), true);
        }
    }
}
