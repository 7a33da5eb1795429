//! The runtime: a kernel, an engine, and the loop that starts calls whose time has come.

mod builder;
mod drive;
mod meter;
mod outcome;
mod tasks;
mod turns;

pub use builder::{BuildError, Builder};
pub use outcome::NotDone;

use crate::engine::compile::{Compile, CompileError, CompileLimits, Compiler, Origin, PrepareError, Wants};
use crate::engine::{BadComponent, CodeCache, Engine, EngineError, Inspected, Prepared, declared, inspect};
use crate::world::{WorldSetupError, read_component};
use libos_kernel::kernel::{
    Answered, Changed, EndedCall, HostError, Kernel, NewTool, Notary, Options, Reaction, StartCall,
};
use libos_kernel::model::decide::Ceiling;
use libos_kernel::model::id::{CallId, Digest, Pid, QuestionId};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::{self, CallLimits};
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::question::QuestionRow;
use libos_kernel::model::row::ToolRow;
use libos_kernel::model::time::Time;
use libos_kernel::store::disk::Storage;
use libos_kernel::world::World;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tasks::Tasks;
use tokio::sync::{Semaphore, mpsc, watch};

/// Events of a call that may wait to be taken.
const EVENTS_MAX: usize = 256;

/// How long the end of a host waits for effects that have begun.
const EFFECTS_GRACE: Duration = Duration::from_secs(10);

/// What a runtime is made of.
pub struct Config {
    /// Where everything is kept that is to survive.
    pub storage: Arc<dyn Storage>,
    /// What tools can reach, as far as they are allowed.
    pub world: Arc<dyn World>,
    /// What no grant can give.
    pub ceiling: Ceiling,
    /// Who signs the heads of the log and brings them to a second place.
    pub notary: Option<Arc<dyn Notary>>,
    /// Where compiled code is kept; nowhere if none.
    pub code: Option<PathBuf>,
    /// Where components from outside are compiled. Calls of theirs whose compiled code is gone are compiled there, too.
    pub compile: Compile,
    /// What one compilation in a child process may use.
    pub compile_limits: CompileLimits,
    /// Calls that may be in memory at once, running or waiting.
    pub resident_max: u32,
    /// Processes that run at once: so many have a step under way that does not wait.
    pub processes_max: u32,
    /// How long a waiting call stays in memory.
    pub park_after: Duration,
    /// What a call may use, instead of what the policy in force says.
    pub limits: Option<CallLimits>,
    /// Who answers questions as they are asked; see [`Builder::on_question`].
    pub on_question: Option<AnswerQuestion>,
}

/// Answers a question, or leaves it to somebody else.
pub type AnswerQuestion = Arc<dyn Fn(&QuestionRow) -> Option<Reaction> + Send + Sync>;

impl Config {
    /// Everything as it usually is.
    pub fn new(storage: Arc<dyn Storage>, world: Arc<dyn World>) -> Config {
        Config {
            storage,
            world,
            ceiling: Ceiling::default(),
            notary: None,
            code: None,
            compile: Compile::default(),
            compile_limits: CompileLimits::default(),
            resident_max: 1_000,
            processes_max: limit::PROCESSES_RUNNING_MAX,
            park_after: Duration::from_secs(2),
            limits: None,
            on_question: None,
        }
    }
}

/// Why the runtime could not do something.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The kernel: what was asked makes no sense, or the disk failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The outside cannot be made.
    #[error(transparent)]
    World(#[from] WorldSetupError),
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A component that is not of this world.
    #[error(transparent)]
    Component(#[from] BadComponent),
    /// The file of a component.
    #[error(
        "the component {} cannot be read: {source}; a tool in Rust is built with `cargo build --release --target wasm32-wasip2`, into \
         target/wasm32-wasip2/release/",
        path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A component that cannot be compiled within limits.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The machine could not, for example for want of memory; it may at another time.
    #[error("{0}")]
    Machine(String),
}

impl RuntimeError {
    /// Whether a component is at fault that will be no better the next time.
    fn is_of_the_component(&self) -> bool {
        match self {
            RuntimeError::Component(_) => true,
            RuntimeError::Compile(error) => error.is_of_the_component(),
            _ => false,
        }
    }
}

impl From<PrepareError> for RuntimeError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Component(error) => error.into(),
            PrepareError::Compile(error) => error.into(),
            PrepareError::Machine(why) => RuntimeError::Machine(why),
        }
    }
}

impl From<libos_kernel::model::answer::Stop> for RuntimeError {
    fn from(stop: libos_kernel::model::answer::Stop) -> Self {
        RuntimeError::Host(stop.into())
    }
}

/// A call to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRequest {
    /// Its name.
    pub tool: String,
    /// JSON.
    pub arguments: String,
    /// The process that calls; none for a new one from `image`, which ends with the call.
    pub pid: Option<Pid>,
    /// The image of a new process.
    pub image: String,
    /// Keep every request and every answer, so that the call can be exported when it has ended.
    pub keep: bool,
}

impl CallRequest {
    /// A call of a tool by a new process of the image `base`.
    pub fn new(tool: impl Into<String>, arguments: impl Into<String>) -> CallRequest {
        CallRequest { tool: tool.into(), arguments: arguments.into(), pid: None, image: BASE.into(), keep: false }
    }
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// For a person's answer.
    Question(QuestionId),
    /// For a time.
    Until(Time),
}

/// What happens to a call, told once it is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// It waits.
    Waits(Waiting),
    /// It left memory; it comes back when its wait ends.
    Parked,
    /// Its process is paused, for this reason: it left memory, and goes on when the process is resumed.
    Paused(String),
    /// It has ended.
    Ended(EndedCall),
    /// The host has stopped or closes; the call can be resumed.
    Interrupted(String),
}

/// A running libos. [`Runtime::close`] ends it in an orderly way; one that nobody has any more ends when no call of it is in memory.
pub struct Runtime {
    kernel: Arc<Kernel>,
    engine: tokio::sync::OnceCell<Engine>,
    cache: CodeCache,
    compiler: Compiler,
    /// Turns to compile.
    compilers: Arc<Semaphore>,
    config: Settings,
    resident: Semaphore,
    listeners: Mutex<HashMap<CallId, Vec<mpsc::Sender<CallEvent>>>>,
    closing: watch::Sender<bool>,
    interrupt_at: Mutex<Option<u32>>,
    tasks: Tasks,
}

struct Settings {
    resident_max: u32,
    processes_max: u32,
    park_after: Duration,
    limits: Option<CallLimits>,
    on_question: Option<AnswerQuestion>,
}

impl Runtime {
    /// Makes a runtime step by step.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Opens the store, recovers what a crash left open, and starts the run loop. Must run on a tokio runtime.
    ///
    /// # Errors
    /// Another host has the store, or it cannot be used.
    pub fn open(config: Config) -> Result<Arc<Runtime>, RuntimeError> {
        let runtime = Runtime::assemble(config)?;
        runtime.begin();
        Ok(runtime)
    }

    /// A runtime that starts no call by itself before it is told to begin.
    fn assemble(config: Config) -> Result<Arc<Runtime>, RuntimeError> {
        let Config {
            storage,
            world,
            ceiling,
            notary,
            code,
            compile,
            compile_limits,
            resident_max,
            processes_max,
            park_after,
            limits,
            on_question,
        } = config;
        let kernel = Kernel::open(Options { storage, world, ceiling, notary })?;
        Ok(Arc::new(Runtime {
            cache: CodeCache::new(Arc::clone(&kernel), code),
            compiler: Compiler { place: compile, limits: compile_limits },
            compilers: Arc::new(Semaphore::new(limit::COMPILERS_MAX)),
            kernel,
            engine: tokio::sync::OnceCell::new(),
            config: Settings { resident_max, processes_max, park_after, limits, on_question },
            resident: Semaphore::new(resident_max as usize),
            listeners: Mutex::default(),
            closing: watch::Sender::new(false),
            interrupt_at: Mutex::default(),
            tasks: Tasks::default(),
        }))
    }

    /// Starts the run loop. It has the runtime only while it does something, so that one that nobody has any more goes, and its store
    /// with it.
    fn begin(self: &Arc<Self>) {
        let (runtime, closing) = (Arc::downgrade(self), self.closing.subscribe());
        self.tasks.spawn(run_loop(runtime, closing));
    }

    /// The kernel: the person's verbs and everything to look at.
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    /// Starts a call. Its events come in order; the last is `Ended` or `Interrupted`.
    ///
    /// # Errors
    /// There is no such process, image or tool, or the host has stopped.
    pub async fn start(
        self: &Arc<Self>,
        request: CallRequest,
    ) -> Result<(CallId, mpsc::Receiver<CallEvent>), RuntimeError> {
        // Its arguments may be large.
        self.kernel.room().await.map_err(HostError::from)?;
        let pid = match request.pid {
            Some(pid) => pid,
            None => self.kernel.new_process(&request.image, true)?,
        };
        let started = self.kernel.start_call(StartCall {
            pid,
            tool: request.tool,
            arguments: request.arguments,
            limits: self.config.limits.unwrap_or_else(|| self.kernel.call_limits()),
            keep: request.keep,
        });
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                if request.pid.is_none() {
                    self.kernel.end_unused_process(pid, &error.to_string());
                }
                return Err(error.into());
            }
        };
        let call = started.row.id;
        let events = self.listen(call);
        self.spawn_drive(started);
        Ok((call, events))
    }

    /// Starts a call again that was interrupted, or whose wait has ended.
    ///
    /// # Errors
    /// It has ended, it runs, it still waits, or the host has stopped.
    pub async fn resume(self: &Arc<Self>, call: CallId) -> Result<mpsc::Receiver<CallEvent>, RuntimeError> {
        let started = self.kernel.resume_call(call).await?;
        let events = self.listen(call);
        self.spawn_drive(started);
        Ok(events)
    }

    /// Runs a call to its end or to a question that a person must answer.
    ///
    /// # Errors
    /// As [`Runtime::start`].
    pub async fn call(self: &Arc<Self>, request: CallRequest) -> Result<CallEvent, RuntimeError> {
        let (_, mut events) = self.start(request).await?;
        Ok(Self::settle(&mut events).await)
    }

    /// The end of a call, or the question that it waits for.
    pub async fn settle(events: &mut mpsc::Receiver<CallEvent>) -> CallEvent {
        loop {
            match events.recv().await {
                Some(CallEvent::Waits(Waiting::Until(_)) | CallEvent::Parked) => {}
                Some(event) => return event,
                None => return CallEvent::Interrupted("the host is closed".into()),
            }
        }
    }

    /// The events of a call from now on.
    pub fn listen(&self, call: CallId) -> mpsc::Receiver<CallEvent> {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.entry(call).or_default().push(sender);
        receiver
    }

    /// Answers a question and waits until that is on the disk. The call that waited goes on by itself.
    ///
    /// # Errors
    /// The question is not open, or the reaction does not fit it.
    pub async fn answer(&self, id: QuestionId, reaction: Reaction) -> Result<Answered, RuntimeError> {
        let answered = self.kernel.answer(id, reaction)?;
        self.kernel.durable(answered.durable).await?;
        Ok(answered)
    }

    /// Ends a call, as a person, and waits until that is on the disk. Who listens to the call hears `Interrupted`.
    ///
    /// # Errors
    /// It has ended already or never was, or the host has stopped.
    pub async fn cancel(&self, call: CallId, why: &str) -> Result<Changed<()>, RuntimeError> {
        let cancelled = self.kernel.cancel_call(call, why)?;
        self.kernel.durable(cancelled.durable).await?;
        // A call that is in memory tells it too, later; a parked one has nobody else to tell it.
        self.tell(call, CallEvent::Interrupted(why.to_owned())).await;
        Ok(cancelled)
    }

    /// Tells a process something, as a person, and waits until that is on the disk. Answers the state that it is in then. Who listens to a
    /// call that is paused hears [`CallEvent::Paused`], to one that has ended with it [`CallEvent::Interrupted`].
    ///
    /// # Errors
    /// There is no live process of that number, or the host has stopped.
    pub async fn signal(&self, pid: Pid, signal: Signal, reason: &str) -> Result<Changed<State>, RuntimeError> {
        let told = self.kernel.signal(pid, signal, reason)?;
        self.kernel.durable(told.durable).await?;
        Ok(told)
    }

    /// Adds the tools of a component; `name` renames the tool of a component that has one.
    ///
    /// # Errors
    /// It is no component of this world, or its names are taken.
    pub async fn add_component(
        self: &Arc<Self>,
        bytes: Vec<u8>,
        name: Option<String>,
        standard: bool,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, RuntimeError> {
        // Reading it, too, may take a second.
        let inspect =
            move || inspect::inspect(&bytes).map(|inspected| (inspected, Sha256::digest(&bytes).into(), bytes));
        let (inspected, digest, bytes) = blocking(inspect).await??;
        let Inspected { imports, declarations, .. } = inspected;
        let copy = bytes.clone();
        let prepared = self.prepare(digest, standard, || Ok(copy)).await?;
        let engine = self.engine().await?;
        let mut tools: Vec<NewTool> = engine.describe(&prepared).await?;
        // By the names in the component: a new name changes nothing of what it needs.
        declared::attach(declarations, &mut tools)?;
        if let Some(name) = name {
            match tools.as_mut_slice() {
                [only] => only.name = name,
                _ => {
                    let count = tools.len();
                    return Err(
                        BadComponent(format!("it has {count} tools; --name is for a component with one")).into()
                    );
                }
            }
        }
        let added = self.kernel.add_tools(&bytes, &imports, tools, standard)?;
        self.kernel.durable(added.durable).await?;
        Ok(added)
    }

    /// Adds the tools of a component's file; `name` renames the tool of a component that has one. It is a component from outside.
    ///
    /// # Errors
    /// The file cannot be read, or as [`Runtime::add_component`].
    pub async fn add_file(
        self: &Arc<Self>,
        file: impl Into<PathBuf>,
        name: Option<String>,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, RuntimeError> {
        let path: PathBuf = file.into();
        let read = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || read_component(&path)).await.map_err(std::io::Error::other)
        };
        let bytes = read.flatten().map_err(|source| RuntimeError::File { path, source })?;
        self.add_component(bytes, name, false).await
    }

    /// A component ready to run. What must be compiled outside waits for its turn, and holds up nothing that is compiled already.
    pub(crate) async fn prepare(
        self: &Arc<Self>,
        digest: Digest,
        standard: bool,
        bytes: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
    ) -> Result<Arc<Prepared>, RuntimeError> {
        let engine = self.engine().await?;
        if let Some(ready) = engine.ready(&digest) {
            return Ok(ready);
        }
        let (runtime, known) = (Arc::clone(self), engine.clone());
        if let Some(known) = blocking(move || known.known(&digest, &runtime.cache)).await? {
            return Ok(known?);
        }
        let turn = match standard {
            true => None,
            // It is closed never.
            false => Arc::clone(&self.compilers).acquire_owned().await.ok(),
        };
        let (runtime, engine) = (Arc::clone(self), engine.clone());
        // Whoever does not wait any more, or a host that closes, ends the compiler too.
        let wants = Wants::default();
        let wanted = wants.told();
        let prepare = move || {
            let _turn = turn;
            let origin = if standard { Origin::Program } else { Origin::Outside(&runtime.compiler, &wanted) };
            engine.prepare(&digest, &runtime.cache, origin, bytes)
        };
        Ok(blocking(prepare).await??)
    }

    pub(crate) async fn engine(&self) -> Result<&Engine, RuntimeError> {
        let instances = self.config.resident_max;
        Ok(self.engine.get_or_try_init(|| async move { Engine::new(instances.saturating_add(8)) }).await?)
    }

    /// Starts what the kernel says is runnable, and ends timers. Answers how long until the next one.
    async fn turn(self: &Arc<Self>) -> Option<Duration> {
        self.kernel.fire_timers_due();
        let runnable = self.kernel.take_runnable();
        if !runnable.is_empty() {
            // What they replay is brought to the disk once for all. If that fails, each of them is told below.
            let _ = self.kernel.barrier().await;
        }
        for call in runnable {
            match self.kernel.start_again(call) {
                Ok(started) => self.spawn_drive(started),
                // Somebody else was faster to start it, or an effect of it is still under way.
                Err(HostError::Usage(_)) if self.kernel.is_live(call) => {}
                Err(error) => {
                    let why = error.to_string();
                    self.kernel.lose_call(call, &why);
                    self.tell_interrupted(call, &why).await;
                }
            }
        }
        let is_left = self.take_turns().await;
        let timer = self.kernel.next_timer().map(|time| time.since(self.kernel.now()));
        [timer, is_left.then_some(turns::TRY_AGAIN)].into_iter().flatten().min()
    }

    /// Tells that a call does not run any more. Whoever waits for a call that it was made from, and that has not ended, waits for it
    /// too.
    async fn tell_interrupted(&self, call: CallId, why: &str) {
        let told = if self.kernel.is_live(call) { self.kernel.callers_of(call) } else { vec![call] };
        for call in told {
            self.tell(call, CallEvent::Interrupted(why.to_owned())).await;
        }
    }

    async fn tell(&self, call: CallId, event: CallEvent) {
        let last = matches!(event, CallEvent::Ended(_) | CallEvent::Interrupted(_));
        let senders = {
            let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            if last {
                listeners.remove(&call).unwrap_or_default()
            } else {
                listeners.get(&call).cloned().unwrap_or_default()
            }
        };
        let small = matches!(event, CallEvent::Waits(Waiting::Until(_)) | CallEvent::Parked);
        for sender in senders {
            // Who does not listen any more misses nothing. What only tells how it goes leaves room for what must be heard.
            if small && sender.capacity() < EVENTS_MAX / 4 {
                continue;
            }
            let _ = sender.try_send(event.clone());
        }
    }

    /// For tests: from now on the first run of every call is dropped before its import at this position, as if the host had died.
    pub fn interrupt_first_runs_at(&self, position: Option<u32>) {
        *self.interrupt_at.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }

    fn interrupts_at(&self) -> Option<u32> {
        *self.interrupt_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends everything in an orderly way: calls in memory are dropped and stay resumable, and what happened is brought to the disk.
    pub async fn close(self: &Arc<Self>) {
        self.closing.send_replace(true);
        self.tasks.wait().await;
        // An effect that has begun ends by itself, and its outcome belongs to the record. One that hangs is left to recovery.
        let begun = tokio::time::Instant::now();
        while self.kernel.has_effects_under_way() && begun.elapsed() < EFFECTS_GRACE {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let kernel = Arc::clone(&self.kernel);
        // Joining the committer is quick, but it blocks.
        let _ = tokio::task::spawn_blocking(move || kernel.shutdown()).await;
    }
}

/// Turn after turn, until the runtime closes, or nobody has it any more.
async fn run_loop(runtime: Weak<Runtime>, mut closing: watch::Receiver<bool>) {
    loop {
        let Some(turning) = runtime.upgrade() else { return };
        let pause = turning.turn().await;
        let (changed, stopped) = (turning.kernel.changed(), turning.kernel.stopped());
        drop(turning);
        let timer = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause.max(Duration::from_millis(1))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            () = timer => {}
            // Also when the runtime, which alone could say so, is gone.
            _ = closing.wait_for(|closing| *closing) => return,
            () = stopped => return,
        }
    }
}

/// Runs something on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> Result<T, RuntimeError> {
    let done = tokio::task::spawn_blocking(what).await;
    done.map_err(|error| RuntimeError::Machine(format!("a thread of the host ended without an answer: {error}")))
}
