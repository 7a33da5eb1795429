//! Floor 4: the only WebAssembly. Compiles components, starts a fresh instance a call, and connects its imports to the line.

mod alone;
mod bindings;
mod cache;
pub mod compile;
pub mod declared;
mod failure;
mod guest;
mod images;
mod imports;
pub mod inspect;
mod items;
mod objects;
mod processes;
mod scripts;
mod shell;
mod tickets;
mod tools;
mod trial;
mod wasi;

pub use cache::CodeCache;
pub use declared::Declaration;
pub use failure::failure;
pub use inspect::{BadComponent, Inspected};

use bindings::scripts::ScriptsPre;
use bindings::{Reason, Tool, ToolPre};
use compile::{Origin, PrepareError};
pub use guest::{Printed, Wire, spending};
pub use scripts::{Described, ScriptError};
pub use trial::Trial;

use guest::Guest;
use libos_kernel::kernel::{NewTool, Started};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit::{self, CallLimits};
use libos_kernel::model::record::cut;
use libos_kernel::model::row::{Failure, FailureReason};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine as Wasmtime, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
};

/// Milliseconds of one epoch tick: how finely processor time is counted.
const TICK_MILLISECONDS: u64 = 10;
/// Bytes of stack of WebAssembly code. A JavaScript engine needs them.
const WASM_STACK_BYTES: usize = 1 << 20;
/// Bytes of the stack that WebAssembly and the host's imports share.
const FIBER_STACK_BYTES: usize = 2 << 20;
/// Bytes of a slot's memory that stay mapped between calls.
const RESIDENT_BYTES: usize = 128 << 10;
/// Core instances of one component. One of a Rust tool has three: the adapter, its shims, and the tool itself.
const CORE_INSTANCES_MAX: u32 = 64;
/// Memories of one component. The pool has as many for each instance, so that no component takes those of others; each costs four GiB of
/// address space.
const MEMORIES_MAX: u32 = 2;
/// Tables of one component.
const TABLES_MAX: u32 = 4;
/// Bytes that all strings and lists of one crossing of the import boundary may have.
const CROSSING_BYTES_MAX: usize = 48 << 20;
/// Prepared components that are kept in memory.
const PREPARED_MAX: usize = 256;
/// Memory and time of a component that describes itself.
const DESCRIBE_LIMITS: (u64, u64) = (64 << 20, 500);

/// The engine. Clones share it.
#[derive(Clone)]
pub struct Engine {
    wasmtime: Wasmtime,
    linker: Arc<Linker<Guest>>,
    prepared: Arc<Mutex<HashMap<Digest, Arc<Prepared>>>>,
    running: Arc<AtomicU64>,
    /// Whether a thread moves the epoch.
    ticker: Arc<Mutex<bool>>,
    /// Epoch ticks since the start.
    epoch: Arc<AtomicU64>,
    identity: Digest,
}

/// What a call runs with, whoever asked for it.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The script, as the component compiled it; none if the component is the tool itself.
    pub program: Option<&'a [u8]>,
    /// The name that the component, or the script, exports the tool by.
    pub export: &'a str,
    /// JSON.
    pub arguments: &'a str,
    /// Where the guest's own random numbers come from.
    pub seed: Digest,
    /// What it may use.
    pub limits: CallLimits,
}

impl<'a> From<&'a Started> for Run<'a> {
    fn from(started: &'a Started) -> Run<'a> {
        let row = &started.row;
        Run { program: None, export: &row.export, arguments: &started.arguments, seed: row.seed, limits: row.limits }
    }
}

/// A component that is compiled and linked.
pub struct Prepared {
    pre: Pre,
}

/// By what it exports.
enum Pre {
    Tool(ToolPre<Guest>),
    Scripts(ScriptsPre<Guest>),
}

/// An engine that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot start: {0}")]
pub struct EngineError(String);

impl Engine {
    /// An engine for at most this many instances at once.
    ///
    /// # Errors
    /// The machine lacks address space or memory.
    pub fn new(instances_max: u32) -> Result<Engine, EngineError> {
        let fail = |error: wasmtime::Error| EngineError(error.to_string());
        let wasmtime = Wasmtime::new(&config(instances_max)).map_err(fail)?;
        let mut linker = Linker::new(&wasmtime);
        wasi::link(&mut linker).map_err(fail)?;
        Tool::add_to_linker::<_, wasmtime::component::HasSelf<Guest>>(&mut linker, |guest| guest).map_err(fail)?;
        let identity = cache::identity(&wasmtime);
        Ok(Engine {
            wasmtime,
            linker: Arc::new(linker),
            prepared: Arc::default(),
            running: Arc::default(),
            ticker: Arc::default(),
            epoch: Arc::default(),
            identity,
        })
    }

    /// A component ready to be started, compiled now unless it was before. May take minutes; runs on a thread that may block.
    ///
    /// # Errors
    /// It is no component of this world, or cannot be compiled within the limits.
    pub fn prepare(
        &self,
        digest: &Digest,
        cache: &CodeCache,
        origin: Origin<'_>,
        bytes: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Arc<Prepared>, PrepareError> {
        // Whoever had the turn before may have compiled the same.
        if let Some(known) = self.known(digest, cache) {
            return Ok(known?);
        }
        let bytes = bytes().map_err(|why| PrepareError::Machine(format!("its component cannot be read: {why}")))?;
        inspect::inspect(&bytes)?;
        let elsewhere = match origin {
            Origin::Program => None,
            Origin::Outside(compiler, wanted) => compiler.compile(&bytes, wanted),
        };
        let code = match elsewhere {
            Some(code) => code?,
            None => self.wasmtime.precompile_component(&bytes).map_err(|error| cannot_compile(&error))?,
        };
        let component = cache::deserialize(&self.wasmtime, &code).map_err(|error| {
            let why = format!("its machine code cannot be loaded here: {error:#}");
            if failure::is_of_the_machine(&error) { PrepareError::Machine(why) } else { BadComponent(why).into() }
        })?;
        cache.store(&code, digest, &self.identity);
        Ok(self.keep(digest, &component)?)
    }

    /// A component that needs no compiling: it is ready, or its code is on the disk. Runs on a thread that may block.
    pub fn known(&self, digest: &Digest, cache: &CodeCache) -> Option<Result<Arc<Prepared>, BadComponent>> {
        if let Some(ready) = self.ready(digest) {
            return Some(Ok(ready));
        }
        let component = cache.load(&self.wasmtime, digest, &self.identity)?;
        Some(self.keep(digest, &component))
    }

    fn keep(&self, digest: &Digest, component: &Component) -> Result<Arc<Prepared>, BadComponent> {
        let prepared = Arc::new(self.link(component)?);
        let mut known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PREPARED_MAX {
            known.clear();
        }
        known.insert(*digest, Arc::clone(&prepared));
        Ok(prepared)
    }

    /// A component that is ready in memory.
    pub fn ready(&self, digest: &Digest) -> Option<Arc<Prepared>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    fn link(&self, component: &Component) -> Result<Prepared, BadComponent> {
        let mut linker = (*self.linker).clone();
        linker
            .define_unknown_imports_as_traps(component)
            .map_err(|error| BadComponent(format!("its imports cannot be linked: {error:#}")))?;
        let unfit =
            |error: wasmtime::Error| BadComponent(format!("it does not fit the world libos:runtime/tool: {error:#}"));
        let instance = linker.instantiate_pre(component).map_err(unfit)?;
        let pre = match (ToolPre::new(instance.clone()), ScriptsPre::new(instance)) {
            (Ok(tool), _) => Pre::Tool(tool),
            (Err(_), Ok(scripts)) => Pre::Scripts(scripts),
            (Err(error), Err(_)) => return Err(unfit(error)),
        };
        Ok(Prepared { pre })
    }

    /// What a component says of its tools. It runs without any authority.
    ///
    /// # Errors
    /// It traps, calls an import, or says too much.
    pub async fn describe(&self, prepared: &Prepared) -> Result<Vec<NewTool>, BadComponent> {
        let Pre::Tool(pre) = &prepared.pre else {
            return Err(BadComponent("it runs scripts and is no tool itself; add a script".into()));
        };
        let (memory, ticks) = DESCRIBE_LIMITS;
        let mut store = self.store(Guest::without_authority(memory, ticks));
        let _ticking = self.tick().map_err(|stop| BadComponent(format!("it cannot be asked for its tools: {stop}")))?;
        let described = async {
            let tool = pre.instantiate_async(&mut store).await?;
            tool.call_describe(&mut store).await
        };
        let described = match described.await {
            Ok(described) => described,
            Err(error) => {
                let refused = store.data().memory_refused.then_some(memory);
                let why = match failure::classify(&error, refused, None) {
                    Ok(failure) => failure.message,
                    Err(stop) => stop.to_string(),
                };
                return Err(BadComponent(format!("it does not describe its tools: {why}")));
            }
        };
        let tools = described.into_iter().map(|description| NewTool {
            name: description.name.clone(),
            export: description.name,
            summary: description.summary,
            arguments: description.arguments,
            result: description.result,
            needs: None,
            script: None,
        });
        Ok(tools.collect())
    }

    /// Runs a call in a fresh instance, to its end.
    ///
    /// # Errors
    /// The host failed, or the call was ended from outside; the call has not ended.
    pub async fn call<'a>(
        &self,
        prepared: &Prepared,
        line: impl Into<Wire>,
        run: impl Into<Run<'a>>,
    ) -> Result<Result<String, Failure>, Stop> {
        let (line, run): (Wire, Run<'a>) = (line.into(), run.into());
        let CallLimits { memory_bytes, .. } = run.limits;
        let import = line.import();
        let mut store = self.store(Guest::for_call(line, run.seed, &run.limits, Arc::clone(&self.epoch)));
        let _ticking = self.tick()?;
        let called = async {
            match (&prepared.pre, run.program) {
                (Pre::Tool(pre), None) => {
                    let tool = pre.instantiate_async(&mut store).await?;
                    let called = tool.call_call(&mut store, run.export, run.arguments).await?;
                    Ok(called.map_err(told_failure))
                }
                (Pre::Scripts(pre), Some(program)) => {
                    let scripts = pre.instantiate_async(&mut store).await?;
                    let called = scripts.call_call(&mut store, program, run.export, run.arguments).await?;
                    let refused = store.data().memory_refused.then_some(memory_bytes);
                    Ok(called.map_err(|told| scripts::told(told, refused)))
                }
                _ => Err(wasmtime::format_err!("a script and what runs it do not belong together")),
            }
        };
        let ended = match called.await {
            Ok(Ok(result)) => check_result(result),
            Ok(Err(told)) => Err(told),
            Err(error) => {
                let refused = store.data().memory_refused.then_some(memory_bytes);
                let import = *import.lock().unwrap_or_else(PoisonError::into_inner);
                Err(failure::classify(&error, refused, import)?)
            }
        };
        store.data_mut().give_up().await?;
        Ok(ended)
    }

    fn store(&self, guest: Guest) -> Store<Guest> {
        let mut store = Store::new(&self.wasmtime, guest);
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(CROSSING_BYTES_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut ctx| {
            let guest = ctx.data_mut();
            // It may compute for long without an import at which it would learn that.
            if guest.is_over() {
                return Err(failure::Stopped(Stop::Ended).into());
            }
            if guest.tick().map_err(failure::Stopped)? {
                let seconds = (guest.ticks_max * TICK_MILLISECONDS) as f64 / 1_000.0;
                return Err(failure::OutOfTime { seconds }.into());
            }
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }

    /// Keeps the epoch moving as long as the answer lives.
    ///
    /// # Errors
    /// There is no thread to be had: a guest that computes would never be stopped, not even by its wall time.
    #[expect(clippy::disallowed_methods, reason = "the thread is there to sleep; no call shares it")]
    fn tick(&self) -> Result<Ticking, Stop> {
        let mut ticks = self.ticker.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, where the thread looks before it ends.
        self.running.fetch_add(1, Ordering::Relaxed);
        let ticking = Ticking(Arc::clone(&self.running));
        if *ticks {
            return Ok(ticking);
        }
        let (wasmtime, running, epoch) = (self.wasmtime.weak(), Arc::clone(&self.running), Arc::clone(&self.epoch));
        let ticker = Arc::clone(&self.ticker);
        let thread = move || {
            // Stops after a second without work; the next call starts it again.
            let mut idle = 0;
            loop {
                std::thread::sleep(Duration::from_millis(TICK_MILLISECONDS));
                let Some(wasmtime) = wasmtime.upgrade() else { return };
                // First the number that imports compare, so that a tick in one is never missed.
                epoch.fetch_add(1, Ordering::Relaxed);
                wasmtime.increment_epoch();
                idle = if running.load(Ordering::Relaxed) == 0 { idle + 1 } else { 0 };
                if idle >= 1_000 / TICK_MILLISECONDS {
                    let mut ticks = ticker.lock().unwrap_or_else(PoisonError::into_inner);
                    if running.load(Ordering::Relaxed) == 0 {
                        *ticks = false;
                        return;
                    }
                }
            }
        };
        match std::thread::Builder::new().name("epoch".into()).spawn(thread) {
            Ok(_) => *ticks = true,
            Err(error) => return Err(Stop::Host(format!("no thread that stops a tool in time: {error}"))),
        }
        Ok(ticking)
    }
}

struct Ticking(Arc<AtomicU64>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check_result(result: String) -> Result<String, Failure> {
    if result.len() > limit::CALL_TEXT_BYTES_MAX {
        let message = format!("result: {} bytes, at most {}", result.len(), limit::CALL_TEXT_BYTES_MAX);
        return Err(failure(FailureReason::Limit, message, None));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(&result) {
        Ok(_) => Ok(result),
        Err(error) => Err(failure(FailureReason::Fault, format!("the tool's result is not JSON: {error}"), None)),
    }
}

fn told_failure(told: bindings::Failure) -> Failure {
    let reason = match told.reason {
        Reason::InvalidArguments => FailureReason::InvalidArguments,
        Reason::Denied => FailureReason::Denied,
        Reason::Failed => FailureReason::Failed,
    };
    let mut message = told.message;
    cut(&mut message, limit::FAILURE_BYTES_MAX);
    failure(reason, message, None)
}

fn cannot_compile(error: &wasmtime::Error) -> BadComponent {
    BadComponent(format!("it cannot be compiled: {error:#}"))
}

/// Machine code for an engine of this program, made on this thread alone and without the memory that instances need.
fn precompile(component: &[u8]) -> Result<Vec<u8>, wasmtime::Error> {
    let mut config = code_config();
    config.parallel_compilation(false);
    Wasmtime::new(&config)?.precompile_component(component)
}

fn config(instances_max: u32) -> Config {
    let mut pool = PoolingAllocationConfig::default();
    // What one instance may have is what the pool has for it: a component with more is refused when it is loaded.
    pool.total_component_instances(instances_max)
        .max_core_instances_per_component(CORE_INSTANCES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .total_core_instances(instances_max.saturating_mul(CORE_INSTANCES_MAX))
        .total_memories(instances_max.saturating_mul(MEMORIES_MAX))
        .total_tables(instances_max.saturating_mul(TABLES_MAX))
        .total_stacks(instances_max)
        .max_unused_warm_slots(64)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(16 << 10)
        // It would make a call twice as fast, but in this version it leaves pages that were written and then swapped out or moved as they
        // are: the next guest would read them (wasmtime's pull request 14357).
        .pagemap_scan(Enabled::No);
    let mut config = code_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// What machine code depends on.
fn code_config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        // What a guest computes must be the same on every machine and at every replay.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false);
    config
}
