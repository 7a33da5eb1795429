//! The runtime: a kernel, an engine, and the loop that starts calls whose time has come.

mod drive;

use crate::engine::{BadComponent, CodeCache, Engine, EngineError, Inspected, declared, inspect};
use crate::world::WorldSetupError;
use libos_kernel::kernel::{Answered, Changed, EndedCall, HostError, Kernel, NewTool, Options, Reaction, StartCall};
use libos_kernel::model::decide::Ceiling;
use libos_kernel::model::id::{CallId, Pid, QuestionId};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::row::ToolRow;
use libos_kernel::model::time::Time;
use libos_kernel::store::disk::Storage;
use libos_kernel::world::World;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

/// Events of a call that may wait to be taken.
const EVENTS_MAX: usize = 256;

/// How long the end of a host waits for effects that have begun.
const EFFECTS_GRACE: Duration = Duration::from_secs(10);

/// What a runtime is made of.
pub struct Config {
    pub storage: Arc<dyn Storage>,
    pub world: Arc<dyn World>,
    /// What no grant can give.
    pub ceiling: Ceiling,
    /// Where compiled code is kept; nowhere if none.
    pub code: Option<PathBuf>,
    /// Calls that may be in memory at once, running or waiting.
    pub resident_max: u32,
    /// How long a waiting call stays in memory.
    pub park_after: Duration,
    /// What a call may use, instead of what the policy in force says.
    pub limits: Option<CallLimits>,
}

impl Config {
    /// Everything as it usually is.
    pub fn new(storage: Arc<dyn Storage>, world: Arc<dyn World>) -> Config {
        Config {
            storage,
            world,
            ceiling: Ceiling::default(),
            code: None,
            resident_max: 1_000,
            park_after: Duration::from_secs(2),
            limits: None,
        }
    }
}

/// Why the runtime could not do something.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    World(#[from] WorldSetupError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A component that is not of this world.
    #[error(transparent)]
    Component(#[from] BadComponent),
}

impl From<libos_kernel::model::answer::Stop> for RuntimeError {
    fn from(stop: libos_kernel::model::answer::Stop) -> Self {
        RuntimeError::Host(stop.into())
    }
}

/// A call to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRequest {
    pub tool: String,
    /// JSON.
    pub arguments: String,
    /// The process that calls; none for a new one from `image`, which ends with the call.
    pub pid: Option<Pid>,
    pub image: String,
}

impl CallRequest {
    /// A call of a tool by a new process of the image `base`.
    pub fn new(tool: impl Into<String>, arguments: impl Into<String>) -> CallRequest {
        CallRequest { tool: tool.into(), arguments: arguments.into(), pid: None, image: BASE.into() }
    }
}

/// What a call waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    Question(QuestionId),
    Until(Time),
}

/// What happens to a call, told once it is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// It waits.
    Waits(Waiting),
    /// It left memory; it comes back when its wait ends.
    Parked,
    /// It has ended.
    Ended(EndedCall),
    /// The host has stopped or closes; the call can be resumed.
    Interrupted(String),
}

/// A running libos.
pub struct Runtime {
    kernel: Arc<Kernel>,
    engine: tokio::sync::OnceCell<Engine>,
    cache: CodeCache,
    config: Settings,
    resident: Semaphore,
    listeners: Mutex<HashMap<CallId, Vec<mpsc::Sender<CallEvent>>>>,
    closing: watch::Sender<bool>,
    interrupt_at: Mutex<Option<u32>>,
    tasks: tokio_tasks::Tasks,
}

struct Settings {
    resident_max: u32,
    park_after: Duration,
    limits: Option<CallLimits>,
}

impl Runtime {
    /// Opens the store, recovers what a crash left open, and starts the run loop. Must run on a tokio runtime.
    ///
    /// # Errors
    /// Another host has the store, or it cannot be used.
    pub fn open(config: Config) -> Result<Arc<Runtime>, RuntimeError> {
        let Config { storage, world, ceiling, code, resident_max, park_after, limits } = config;
        let kernel = Kernel::open(Options { storage, world, ceiling })?;
        let runtime = Arc::new(Runtime {
            cache: CodeCache::new(Arc::clone(&kernel), code),
            kernel,
            engine: tokio::sync::OnceCell::new(),
            config: Settings { resident_max, park_after, limits },
            resident: Semaphore::new(resident_max as usize),
            listeners: Mutex::default(),
            closing: watch::Sender::new(false),
            interrupt_at: Mutex::default(),
            tasks: tokio_tasks::Tasks::default(),
        });
        let looping = Arc::clone(&runtime);
        runtime.tasks.spawn(async move { looping.run_loop().await });
        Ok(runtime)
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
        let driven = Arc::clone(self);
        self.tasks.spawn(async move { driven.drive(started).await });
        Ok((call, events))
    }

    /// Starts a call again that was interrupted, or whose wait has ended.
    ///
    /// # Errors
    /// It has ended, it runs, it still waits, or the host has stopped.
    pub async fn resume(self: &Arc<Self>, call: CallId) -> Result<mpsc::Receiver<CallEvent>, RuntimeError> {
        let started = self.kernel.resume_call(call).await?;
        let events = self.listen(call);
        let driven = Arc::clone(self);
        self.tasks.spawn(async move { driven.drive(started).await });
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
        let Inspected { imports, declarations, .. } = inspect::inspect(&bytes)?;
        let digest = {
            use sha2::{Digest as _, Sha256};
            Sha256::digest(&bytes).into()
        };
        let engine = self.engine().await?;
        let prepared = {
            let (runtime, engine, bytes) = (Arc::clone(self), engine.clone(), bytes.clone());
            let prepare = move || engine.prepare(&digest, &runtime.cache, || Ok(bytes));
            tokio::task::spawn_blocking(prepare).await.map_err(|error| BadComponent(error.to_string()))??
        };
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

    async fn engine(&self) -> Result<&Engine, RuntimeError> {
        let instances = self.config.resident_max;
        Ok(self.engine.get_or_try_init(|| async move { Engine::new(instances.saturating_add(8)) }).await?)
    }

    /// Starts what the kernel says is runnable, and ends timers.
    async fn run_loop(self: Arc<Self>) {
        let mut closing = self.closing.subscribe();
        loop {
            self.kernel.fire_timers_due();
            for call in self.kernel.take_runnable() {
                match self.kernel.resume_call(call).await {
                    Ok(started) => {
                        let driven = Arc::clone(&self);
                        self.tasks.spawn(async move { driven.drive(started).await });
                    }
                    // Somebody else was faster to start it, or an effect of it is still under way.
                    Err(HostError::Usage(_)) if self.kernel.is_live(call) => {}
                    Err(error) => self.tell_interrupted(call, &error.to_string()).await,
                }
            }
            let pause = self.kernel.next_timer().map(|time| time.since(self.kernel.now()));
            let timer = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause.max(Duration::from_millis(1))).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.kernel.changed() => {}
                () = timer => {}
                _ = closing.wait_for(|closing| *closing) => return,
                () = self.kernel.stopped() => return,
            }
        }
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

/// Tasks that are waited for at the end.
mod tokio_tasks {
    use std::future::Future;
    use std::sync::{Mutex, PoisonError};
    use tokio::task::JoinSet;

    #[derive(Default)]
    pub struct Tasks(Mutex<JoinSet<()>>);

    impl Tasks {
        pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        }

        pub async fn wait(&self) {
            loop {
                let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
                if tasks.is_empty() {
                    return;
                }
                while tasks.join_next().await.is_some() {}
            }
        }
    }
}
