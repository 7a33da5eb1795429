//! Turns: starts the quanta of processes that go on by themselves, as the kernel's schedule says, and waits for such processes.

use super::{Runtime, RuntimeError, blocking};
use crate::planner::{Turn, planner_of};
use libos_kernel::kernel::{Changed, HostError, NewAgent, Planned, Progress, StartQuantum, Started};
use libos_kernel::model::id::Pid;
use std::sync::Arc;
use std::time::Duration;

/// After this time a turn that could not be taken, for want of room on the disk for example, is tried again.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Whoever waits for processes looks no more often than this how they stand.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Runtime {
    /// Starts a process with a goal, or goes on with the one that the same command started before, and lets it and all below it go on
    /// by themselves.
    ///
    /// # Errors
    /// There is no such image, the script is none, or the host has stopped.
    pub async fn start_agent(&self, new: NewAgent<'_>) -> Result<Changed<Planned>, RuntimeError> {
        let made = self.kernel.new_agent(new)?;
        self.kernel.durable(made.durable).await?;
        self.kernel.drive(made.what.pid);
        Ok(made)
    }

    /// Waits until a process has ended, or nothing of it and of all below it runs or sleeps any more. What it says is on the disk.
    ///
    /// # Errors
    /// The host has stopped.
    pub async fn settled(&self, pid: Pid) -> Result<Progress, RuntimeError> {
        let mut commits = self.kernel.commits();
        loop {
            let looked = tokio::time::Instant::now();
            commits.borrow_and_update();
            let progress = self.kernel.progress(pid);
            // A runtime that closes drops what runs, which then looks as if it waited for somebody.
            if progress.is_settled() && !progress.is_over && *self.closing.borrow() {
                return Err(HostError::Stopped("the host is closed".into()).into());
            }
            if progress.is_settled() {
                self.kernel.barrier().await?;
                return Ok(progress);
            }
            tokio::select! {
                changed = commits.changed() => {
                    if changed.is_err() {
                        return Err(HostError::Stopped("the host is closed".into()).into());
                    }
                    // A look goes through all processes: not at every commit.
                    tokio::time::sleep_until(looked + LOOK_AGAIN).await;
                }
                () = self.kernel.stopped() => {
                    let why = self.kernel.failure().unwrap_or_else(|| "the host is closed".into());
                    return Err(HostError::Stopped(why).into());
                }
            }
        }
    }

    /// Starts the quanta whose turn it is. Answers whether there is one that could not be started.
    pub(super) async fn take_turns(self: &Arc<Self>) -> bool {
        let mut left = Vec::new();
        while let Some(pid) = self.kernel.next_ready(self.config.processes_max) {
            // Scripts and earlier results are read, and may be large.
            let runtime = Arc::clone(self);
            match blocking(move || runtime.begin_quantum(pid)).await {
                Ok(Ok(Some(started))) => self.spawn_drive(started),
                Ok(Ok(None)) => {}
                Ok(Err(_)) | Err(_) => left.push(pid),
            }
        }
        left.iter().for_each(|pid| self.kernel.put_back(*pid));
        !left.is_empty()
    }

    /// None if the process cannot have the turn: it has ended, or nothing can choose for it.
    fn begin_quantum(&self, pid: Pid) -> Result<Option<Started>, HostError> {
        let Some((text, step)) = self.kernel.plan(pid)? else { return Ok(None) };
        let planner = match planner_of(&text) {
            Ok(planner) => planner,
            Err(why) => {
                self.kernel.end_unused_process(pid, &why);
                return Ok(None);
            }
        };
        let Some(arguments) = planner.prepare(&Turn::new(&self.kernel, pid, step))? else {
            self.kernel.end_of_plan(pid, step)?;
            return Ok(None);
        };
        let limits = self.config.limits.unwrap_or_else(|| self.kernel.call_limits());
        self.kernel.start_quantum(StartQuantum { pid, step, arguments, limits }).map(Some)
    }
}
