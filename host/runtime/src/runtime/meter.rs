//! What a run of a call in memory costs its process: time outside waits, and processor time. And what a validation costs: processor time.

use libos_kernel::kernel::Kernel;
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::limit::CALL_TICK;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Counts, and charges when the run is over, however that comes.
pub struct Meter<'k> {
    kernel: &'k Kernel,
    /// Whoever ends the call, or the process, pays nevertheless.
    pid: Pid,
    call: CallId,
    ticks: Arc<AtomicU64>,
    spent: Duration,
    running: Option<Instant>,
    /// What the process can pay of the time outside waits.
    left: Option<Duration>,
}

impl<'k> Meter<'k> {
    /// Begins to count.
    pub fn new(kernel: &'k Kernel, (pid, call): (Pid, CallId), ticks: Arc<AtomicU64>) -> Meter<'k> {
        let left = kernel.time_left(call).wall.map(Duration::from_millis);
        Meter { kernel, pid, call, ticks, spent: Duration::ZERO, running: None, left }
    }

    /// It does not wait from now on. Answers how long the process can pay for that, if there is a bound.
    pub fn run(&mut self) -> Option<Duration> {
        self.running = Some(Instant::now());
        self.left.map(|left| left.saturating_sub(self.spent))
    }

    /// Looks again at what the process can pay: somebody may have put more into its purse. Answers whether there is some left.
    pub fn renew(&mut self) -> bool {
        self.left = self.kernel.time_left(self.call).wall.map(Duration::from_millis);
        self.left.is_none_or(|left| left > self.spent)
    }

    /// It waits from now on. Answers how long it ran.
    pub fn wait(&mut self) -> Duration {
        let ran = self.running.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.spent += ran;
        ran
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.wait();
        // What is begun counts: many short runs are not for nothing.
        let wall = u64::try_from(self.spent.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let ticks = self.ticks.load(Ordering::Relaxed);
        self.kernel.charge_time(self.pid, self.call, wall, ticks.saturating_mul(CALL_TICK.as_millis() as u64));
    }
}

/// Charges a process for the validation of what it proposed when that is over, however that comes.
pub struct Validating<'k> {
    pub kernel: &'k Kernel,
    pub pid: Pid,
    pub ticks: Arc<AtomicU64>,
}

impl Drop for Validating<'_> {
    fn drop(&mut self) {
        let ticks = self.ticks.load(Ordering::Relaxed);
        self.kernel.charge_validation(self.pid, ticks.saturating_mul(CALL_TICK.as_millis() as u64));
    }
}
