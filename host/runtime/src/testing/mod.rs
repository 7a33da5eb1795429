//! Tests of tools: a component runs against an outside in memory, under rules that the test states, with answers that the test gives and
//! a clock that only the test moves. The kernel, the line, the store's formats and the engine are the real ones.
//!
//! ```no_run
//! use libos::testing::{Stage, StageError};
//! use serde_json::json;
//!
//! #[tokio::test]
//! async fn it_counts_words() -> Result<(), StageError> {
//!     let mut stage = Stage::new()
//!         .tool("target/wasm32-wasip2/release/word_count.wasm")
//!         .file("notes.md", "three little words")
//!         .grant("read fs:workspace/**");
//!     let outcome = stage.call("word_count", json!({ "path": "notes.md" })).await?;
//!     assert_eq!(outcome.result(), json!(3));
//!     assert!(outcome.was_allowed("fs.read", "fs:workspace/notes.md"));
//!     assert_eq!(stage.file_text("notes.md").as_deref(), Some("three little words"));
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! Everything is as on the first day of every run: the clock stands at 2026-01-01, and the same seed gives the same random numbers. A
//! component is compiled in the test's own process, so a test is for tools that you build yourself.

mod outcome;

pub use outcome::{Ended, Outcome};

use crate::runtime::{Builder, CallEvent, CallRequest, Runtime, RuntimeError, Waiting};
use crate::world::{Body, MemoryWorld};
use crate::{BuildError, CallId, NotDone, Reaction};
use libos_kernel::kernel::FIRST_MOUNT;
use libos_kernel::kernel::view::View;
use libos_kernel::model::question::QuestionRow;
use libos_kernel::model::time::Time;
use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Calls that a stage has in memory at once: each has its share of the engine's address space.
const RESIDENT_MAX: u32 = 16;

/// A host for one test: first what there is, then calls. Dropped, it is gone.
#[must_use = "a stage does nothing before a call"]
pub struct Stage {
    world: MemoryWorld,
    tools: Vec<PathBuf>,
    scripts: Vec<(String, String)>,
    builder: Option<Builder>,
    answers: Arc<Mutex<VecDeque<Reaction>>>,
    asked: Arc<Mutex<Vec<QuestionRow>>>,
    runtime: Option<Arc<Runtime>>,
    /// A call that sleeps.
    sleeping: Option<(CallId, mpsc::Receiver<CallEvent>)>,
}

/// Why a stage could not do what a test asked for. It prints the same as an error and as a failed assertion.
pub enum StageError {
    /// The stage cannot be made: a rule is none, or a component is missing or no tool.
    Build(BuildError),
    /// The runtime refused: there is no such tool, a component is missing or no tool of this world.
    Runtime(RuntimeError),
    /// The test asked for something that cannot be: to go on with a call that does not sleep, for example.
    Misuse(&'static str),
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StageError::Build(error) => error.fmt(f),
            StageError::Runtime(error) => error.fmt(f),
            StageError::Misuse(why) => f.write_str(why),
        }
    }
}

impl fmt::Debug for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StageError {}

impl From<BuildError> for StageError {
    fn from(error: BuildError) -> Self {
        StageError::Build(error)
    }
}

impl From<RuntimeError> for StageError {
    fn from(error: RuntimeError) -> Self {
        StageError::Runtime(error)
    }
}

impl From<libos_kernel::model::answer::Stop> for StageError {
    fn from(stop: libos_kernel::model::answer::Stop) -> Self {
        RuntimeError::from(stop).into()
    }
}

impl From<libos_kernel::store::StoreError> for StageError {
    fn from(error: libos_kernel::store::StoreError) -> Self {
        RuntimeError::Host(error.into()).into()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Stage::new()
    }
}

impl Stage {
    /// A stage with an empty workspace, where nothing is allowed. Random numbers are those of the seed 0.
    pub fn new() -> Stage {
        Stage::with_seed(0)
    }

    /// A stage with the random numbers of another seed.
    pub fn with_seed(seed: u64) -> Stage {
        let world = MemoryWorld::new(&[FIRST_MOUNT], seed);
        let builder = Runtime::builder().world(Arc::new(world.clone()), &[FIRST_MOUNT]).resident_max(RESIDENT_MAX);
        Stage {
            world,
            tools: Vec::new(),
            scripts: Vec::new(),
            builder: Some(builder),
            answers: Arc::default(),
            asked: Arc::default(),
            runtime: None,
            sleeping: None,
        }
    }

    /// The file of a component whose tools can be called; tools call one another, if that is granted. A relative path is looked for
    /// from the directory that the test runs in, which under cargo is the package's.
    pub fn tool(mut self, component: impl Into<PathBuf>) -> Stage {
        self.tools.push(component.into());
        self
    }

    /// A script whose tools can be called: the name that its file would have, and what is in it. A script of one tool without a name is
    /// called as its file: `word_count` if that is `word_count.ts`.
    pub fn script(mut self, file: &str, text: &str) -> Stage {
        self.scripts.push((file.to_owned(), text.to_owned()));
        self
    }

    /// A file of the workspace, with the directories that it lies in.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Stage {
        self.put(path, Body::File(content.as_ref().to_vec()))
    }

    /// An empty directory of the workspace.
    pub fn directory(self, path: &str) -> Stage {
        self.put(path, Body::Directory)
    }

    /// A symbolic link in the workspace.
    pub fn link(self, path: &str, target: &str) -> Stage {
        self.put(path, Body::Link(target.to_owned()))
    }

    fn put(self, path: &str, body: Body) -> Stage {
        self.world.put(&in_workspace(path), body);
        self
    }

    /// Allows something, as a policy writes it: `read,list fs:workspace/**`.
    pub fn grant(self, rule: &str) -> Stage {
        self.build(|builder| builder.allow(rule))
    }

    /// Has somebody asked each time, whatever is granted; see [`Stage::answer`].
    pub fn ask(self, rule: &str) -> Stage {
        self.build(|builder| builder.ask(rule))
    }

    /// Denies something, whatever is granted.
    pub fn deny(self, rule: &str) -> Stage {
        self.build(|builder| builder.deny(rule))
    }

    fn build(mut self, change: impl FnOnce(Builder) -> Builder) -> Stage {
        self.builder = self.builder.take().map(change);
        self
    }

    /// The answer to the next question that has none yet: the first answer is for the first question. A question without an answer
    /// ends [`Stage::call`], see [`Ended::Asks`].
    pub fn answer(self, reaction: Reaction) -> Stage {
        lock(&self.answers).push_back(reaction);
        self
    }

    /// Runs a tool to its end, to a question without an answer, or to a sleep; see [`Stage::advance`].
    ///
    /// # Errors
    /// There is no such tool, or the stage cannot be made. A tool that fails is no error but an [`Outcome`].
    pub async fn call(&mut self, tool: &str, arguments: serde_json::Value) -> Result<Outcome, StageError> {
        let runtime = self.open().await?;
        let (call, events) = runtime.start(CallRequest::new(tool, arguments.to_string())).await?;
        self.follow(call, events).await
    }

    /// Moves the clock, and runs the call that sleeps on to its end or its next wait. A sleep whose time has not come stays one.
    ///
    /// # Errors
    /// No call sleeps.
    pub async fn advance(&mut self, time: Duration) -> Result<Outcome, StageError> {
        let (Some(runtime), Some((call, events))) = (self.runtime.clone(), self.sleeping.take()) else {
            return Err(StageError::Misuse(
                "no call sleeps: `advance` goes on with one whose outcome is `Ended::Sleeps`",
            ));
        };
        self.world.advance(time);
        if let Some(until) = runtime.kernel().next_timer().filter(|until| *until > self.world.time()) {
            self.sleeping = Some((call, events));
            return self.outcome(call, Ended::Sleeps(until)).await;
        }
        runtime.kernel().fire_timers_due();
        self.follow(call, events).await
    }

    /// Moves the clock while nothing sleeps.
    pub fn set_forward(&self, time: Duration) {
        self.world.advance(time);
    }

    /// What the clock shows.
    pub fn time(&self) -> Time {
        self.world.time()
    }

    /// The content of a file of the workspace as it is now; no link is followed.
    pub fn file_bytes(&self, path: &str) -> Option<Vec<u8>> {
        match self.world.get(&in_workspace(path)) {
            Some(Body::File(content)) => Some(content),
            _ => None,
        }
    }

    /// As [`Stage::file_bytes`], as text; none if it is none.
    pub fn file_text(&self, path: &str) -> Option<String> {
        self.file_bytes(path).and_then(|content| String::from_utf8(content).ok())
    }

    /// Names of all files, directories and links of the workspace, sorted; a directory's ends in a slash.
    pub fn files(&self) -> Vec<String> {
        let root = in_workspace("");
        let name = |(path, body): (&str, &Body)| {
            let name = path.strip_prefix(&root)?;
            Some(if *body == Body::Directory { format!("{name}/") } else { name.to_owned() })
        };
        self.world.files().iter().filter_map(name).collect()
    }

    /// The runtime, once a call has opened it: for what a stage has no word for.
    pub fn runtime(&self) -> Option<&Arc<Runtime>> {
        self.runtime.as_ref()
    }

    async fn open(&mut self) -> Result<Arc<Runtime>, StageError> {
        if let Some(runtime) = &self.runtime {
            return Ok(Arc::clone(runtime));
        }
        let (answers, asked) = (Arc::clone(&self.answers), Arc::clone(&self.asked));
        let answer = move |question: &QuestionRow| {
            lock(&asked).push(question.clone());
            lock(&answers).pop_front()
        };
        let builder = self.builder.take().ok_or(StageError::Misuse("the stage could not be made before"))?;
        let runtime = builder.on_question(answer).open().await?;
        for tool in &self.tools {
            runtime.add_file(tool, None).await?;
        }
        for (file, text) in &self.scripts {
            runtime.add_source(file, text, None).await?;
        }
        self.runtime = Some(Arc::clone(&runtime));
        Ok(runtime)
    }

    async fn follow(&mut self, call: CallId, mut events: mpsc::Receiver<CallEvent>) -> Result<Outcome, StageError> {
        let ended = loop {
            match events.recv().await {
                Some(CallEvent::Parked) => {}
                Some(CallEvent::Waits(Waiting::Until(until))) => {
                    self.sleeping = Some((call, events));
                    break Ended::Sleeps(until);
                }
                Some(CallEvent::Waits(Waiting::Question(id))) => break Ended::Asks(id),
                Some(event) => match event.into_result() {
                    Ok(result) => break Ended::Done(result),
                    Err(NotDone::Failed(failure)) => break Ended::Failed(failure),
                    Err(other) => break Ended::Interrupted(other.to_string()),
                },
                None => break Ended::Interrupted("the stage is gone".into()),
            }
        };
        self.outcome(call, ended).await
    }

    async fn outcome(&self, call: CallId, ended: Ended) -> Result<Outcome, StageError> {
        let runtime = self.runtime.as_ref().ok_or(StageError::Misuse("the stage is not open"))?;
        runtime.kernel().barrier().await?;
        let snapshot = runtime.kernel().snapshot()?;
        let view = View(&snapshot);
        let mut records = Vec::new();
        view.records(0, |record| {
            if record.call == Some(call) && record.position.is_some() {
                records.push(record);
            }
            ControlFlow::Continue(())
        })?;
        let log = view.call_log(call)?;
        Ok(Outcome { call, ended, records, log, questions: lock(&self.asked).clone() })
    }
}

fn in_workspace(path: &str) -> String {
    format!("{FIRST_MOUNT}/{path}")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
