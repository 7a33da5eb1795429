//! What a running component has: its end of the line, its handles and its limits. The data of a wasmtime store.

use super::failure::Stopped;
use super::trial::Trial;
use super::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use libos_kernel::model::answer::{Answer, CallError, Fault, Stop};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::id::{Digest, Position};
use libos_kernel::model::limit::REPLAY_PRINTED_BYTES_MAX;
use libos_kernel::model::time::Time;
use libos_kernel::syscall::{Line, Recorded};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Result};

/// Handles that one instance may hold.
const HANDLES_MAX: usize = 4_096;
/// Elements of one table.
const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Where a guest's system calls go.
#[expect(clippy::large_enum_variant, reason = "one a call, and nearly all are live")]
pub enum Wire {
    /// To a kernel.
    Live(Line),
    /// To the answers of a recorded call, and nowhere else.
    Recorded(Recorded, Printed),
    /// Nowhere.
    Trial(Trial),
}

/// The end of what a guest printed while nobody kept a log.
pub type Printed = Arc<std::sync::Mutex<Vec<u8>>>;

impl From<Line> for Wire {
    fn from(line: Line) -> Wire {
        Wire::Live(line)
    }
}

impl Wire {
    /// The import in progress, or the last one.
    pub(super) fn import(&self) -> Arc<std::sync::Mutex<Option<&'static str>>> {
        match self {
            Wire::Live(line) => line.import(),
            Wire::Recorded(line, _) => line.import(),
            Wire::Trial(_) => Arc::default(),
        }
    }

    async fn run(&mut self, call: Call) -> std::result::Result<Arc<Answer>, Stop> {
        match self {
            Wire::Live(line) => line.run(call).await,
            Wire::Recorded(line, _) => line.run(call),
            Wire::Trial(trial) => trial.run(&call),
        }
    }

    async fn submit(&mut self, call: Call) -> std::result::Result<std::result::Result<Position, CallError>, Stop> {
        match self {
            Wire::Live(line) => line.submit(call).await,
            Wire::Recorded(line, _) => line.submit(call),
            Wire::Trial(trial) => trial.submit(&call),
        }
    }

    async fn next(&mut self) -> std::result::Result<Option<(Position, Arc<Answer>)>, Stop> {
        match self {
            Wire::Live(line) => line.next().await,
            Wire::Recorded(line, _) => line.next_answer(),
            Wire::Trial(trial) => Ok(trial.next()),
        }
    }

    async fn cancel(&mut self, ticket: Position) -> std::result::Result<bool, Stop> {
        match self {
            Wire::Live(line) => line.cancel(ticket).await,
            Wire::Recorded(line, _) => line.cancel(ticket),
            // It has ended.
            Wire::Trial(_) => Ok(false),
        }
    }
}

tokio::task_local! {
    static SPENT: Arc<AtomicU64>;
}

/// Does something, and adds the ticks of processor time that everything in the sandbox takes meanwhile, whoever starts it.
pub async fn spending<T>(spent: Arc<AtomicU64>, what: impl Future<Output = T>) -> T {
    SPENT.scope(spent, what).await
}

/// The data of a store.
pub struct Guest {
    /// None while a component describes itself: then every import is refused.
    line: Option<Wire>,
    pub(super) table: ResourceTable,
    pub(super) random: SeededRandom,
    pub(super) printed: u64,
    memory_bytes: u64,
    memory_bytes_max: u64,
    /// The guest asked for more memory than it may have.
    pub(super) memory_refused: bool,
    /// Epoch ticks in which it ran and did not replay.
    pub(super) ticks: u64,
    pub(super) ticks_max: u64,
    /// Epoch ticks of the engine since its start.
    epoch: Arc<AtomicU64>,
    /// A tick went by while the guest was in an import: that one is not its own.
    in_import: bool,
}

impl Guest {
    /// The data for a call.
    pub fn for_call(
        line: Wire,
        seed: Digest,
        limits: &libos_kernel::model::limit::CallLimits,
        epoch: Arc<AtomicU64>,
    ) -> Guest {
        Guest::new(Some(line), seed, (limits.memory_bytes, limits.cpu_ticks), epoch)
    }

    /// The data for a component that describes itself: no authority at all.
    pub fn without_authority(memory_bytes_max: u64, ticks_max: u64) -> Guest {
        Guest::new(None, [0; 32], (memory_bytes_max, ticks_max), Arc::default())
    }

    fn new(line: Option<Wire>, seed: Digest, most: (u64, u64), epoch: Arc<AtomicU64>) -> Guest {
        let (memory_bytes_max, ticks_max) = most;
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Guest {
            line,
            table,
            random: SeededRandom::new(seed),
            printed: 0,
            memory_bytes: 0,
            memory_bytes_max,
            memory_refused: false,
            ticks: 0,
            ticks_max,
            epoch,
            in_import: false,
        }
    }

    /// What its own clocks show: the time of the last answer.
    pub(super) fn time(&self) -> Time {
        match &self.line {
            None | Some(Wire::Trial(_)) => Time::default(),
            Some(Wire::Live(line)) => line.time(),
            Some(Wire::Recorded(line, _)) => line.time(),
        }
    }

    /// Counts an epoch tick that the guest met. Answers whether its processor time is used up.
    ///
    /// # Errors
    /// Its process cannot pay for more.
    pub(super) fn tick(&mut self) -> std::result::Result<bool, Stop> {
        // However long it waited for an import, that is one tick here.
        if !std::mem::take(&mut self.in_import) && !self.replays() {
            self.ticks += 1;
            // Outside of a validation nobody asks.
            let _ = SPENT.try_with(|spent| spent.fetch_add(1, Ordering::Relaxed));
            if let Some(Wire::Live(line)) = &self.line {
                line.tick()?;
            }
        }
        Ok(self.ticks > self.ticks_max)
    }

    /// Sends a system call down the line. With [`Guest::submit_call`], the one way out for everything that a guest does.
    pub(super) async fn run(&mut self, call: Call) -> Result<Arc<Answer>> {
        let Some(line) = &mut self.line else {
            return Err(Stopped(Stop::Fault(Fault::Describes(call.operation()))).into());
        };
        let before = self.epoch.load(Ordering::Relaxed);
        let answer = line.run(call).await.map_err(|stop| Stopped(stop).into());
        self.in_import |= self.epoch.load(Ordering::Relaxed) != before;
        answer
    }

    /// Refuses an import while a component describes itself.
    pub(super) fn check_line(&self, operation: &'static str) -> Result<()> {
        match &self.line {
            Some(_) => Ok(()),
            None => Err(Stopped(Stop::Fault(Fault::Describes(operation))).into()),
        }
    }

    /// Sends a system call down the line whose answer comes with [`Guest::next_answer`].
    pub(super) async fn submit_call(&mut self, call: Call) -> Result<std::result::Result<Position, CallError>> {
        let operation = call.operation();
        self.with_line(operation, async |line| line.submit(call).await).await
    }

    /// What was submitted and ended first.
    pub(super) async fn next_answer(&mut self) -> Result<Option<(Position, Arc<Answer>)>> {
        self.with_line("tickets.next", async |line| line.next().await).await
    }

    /// Gives up what was submitted.
    pub(super) async fn cancel_ticket(&mut self, ticket: Position) -> Result<bool> {
        self.with_line("tickets.cancel", async |line| line.cancel(ticket).await).await
    }

    async fn with_line<T>(
        &mut self,
        operation: &'static str,
        act: impl AsyncFnOnce(&mut Wire) -> std::result::Result<T, Stop>,
    ) -> Result<T> {
        let Some(line) = &mut self.line else { return Err(Stopped(Stop::Fault(Fault::Describes(operation))).into()) };
        let before = self.epoch.load(Ordering::Relaxed);
        let done = act(line).await.map_err(|stop| Stopped(stop).into());
        self.in_import |= self.epoch.load(Ordering::Relaxed) != before;
        done
    }

    /// The guest has ended: nothing of it stays under way.
    pub(super) async fn give_up(&mut self) -> std::result::Result<(), Stop> {
        match &mut self.line {
            Some(Wire::Live(line)) => line.give_up().await,
            _ => Ok(()),
        }
    }

    /// As [`Guest::run`], for calls that always answer and whose WIT has no error.
    pub(super) async fn run_sure(&mut self, call: Call) -> Result<Reply> {
        match &*self.run(call).await? {
            Answer::Done(reply) => Ok(reply.clone()),
            Answer::Failed(error) => Err(Stopped(Stop::Host(error.to_string())).into()),
        }
    }

    /// As [`Guest::run`], with the error apart.
    pub(super) async fn ask(&mut self, call: Call) -> Result<std::result::Result<Reply, CallError>> {
        Ok(match &*self.run(call).await? {
            Answer::Done(reply) => Ok(reply.clone()),
            Answer::Failed(error) => Err(error.clone()),
        })
    }

    /// Puts what the guest printed in the call's log.
    pub(super) fn print(&mut self, bytes: &[u8]) {
        match &self.line {
            None => {}
            Some(Wire::Live(line)) => line.kernel().print(line.call(), self.printed, bytes),
            Some(Wire::Trial(trial)) => trial.print(bytes),
            Some(Wire::Recorded(_, printed)) => {
                let mut printed = printed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                printed.extend(bytes);
                let over = printed.len().saturating_sub(REPLAY_PRINTED_BYTES_MAX);
                printed.drain(..over);
            }
        }
        self.printed += bytes.len() as u64;
    }

    /// Whether its call was ended from outside while it runs.
    pub(super) fn is_over(&self) -> bool {
        matches!(&self.line, Some(Wire::Live(line)) if !line.kernel().is_live(line.call()))
    }

    /// Whether answers of an earlier run are being replayed: that time is not the guest's.
    pub(super) fn replays(&self) -> bool {
        // A run on a record alone is bounded by its own time: nobody else counts it.
        matches!(&self.line, Some(Wire::Live(line)) if line.replays())
    }
}

impl ResourceLimiter for Guest {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let grown = self.memory_bytes + (desired - current) as u64;
        if grown > self.memory_bytes_max {
            self.memory_refused = true;
            return Ok(false);
        }
        self.memory_bytes = grown;
        Ok(true)
    }

    /// The system refused memory within the limit: the guest must not see it, or its replay would go another way.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        Err(Stopped(Stop::Host(format!("no memory for a guest: {error}"))).into())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}

/// The guest's own random numbers: SHA-256 of the call's seed and a counter, so that a replay sees the same ones.
pub struct SeededRandom {
    seed: Digest,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl SeededRandom {
    fn new(seed: Digest) -> SeededRandom {
        SeededRandom { seed, counter: 0, block: [0; 32], used: 32 }
    }

    /// The next bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.block.len() {
                self.block =
                    Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize().into();
                self.counter += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }
}
