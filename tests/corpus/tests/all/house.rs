//! A real kernel over a real store and the real world, and a guest that makes system calls without WebAssembly.

use crate::frame;
use crate::sandbox::Sandbox;
use libos::kernel::kernel::view::View;
use libos::kernel::kernel::{Kernel, NewTool, Options, Reaction, StartCall};
use libos::kernel::model::answer::{Answer, CallError, Stop};
use libos::kernel::model::call::{Approval, Call, Reply, Stat};
use libos::kernel::model::decide::Ceiling;
use libos::kernel::model::id::{CallId, Pid, QuestionId};
use libos::kernel::model::image::BASE;
use libos::kernel::model::limit::CallLimits;
use libos::kernel::model::preview;
use libos::kernel::model::question::{QuestionRow, Subject};
use libos::kernel::model::record::Record;
use libos::kernel::model::resource::{Kind, Resource};
use libos::kernel::model::row::Wait;
use libos::kernel::store::disk::{Directory, Memory};
use libos::kernel::syscall::Line;
use libos::kernel::world::World;
use libos::world::{MountSpec, OsWorld, Resolver, WorldOptions};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The tool whose calls the guest makes.
pub const TOOL: &str = "act";
/// A request that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a request ended, or that it waits.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub word: String,
    pub text: String,
    /// All that the guest and the person were given, to be searched for what must not show.
    pub given: Vec<u8>,
}

impl Outcome {
    pub fn new(word: &str, text: impl Into<String>) -> Outcome {
        Outcome { word: word.to_owned(), text: text.into(), given: Vec::new() }
    }
}

type Ran = (Line, Result<Arc<Answer>, Stop>);
/// A request, what it waits for now, and the wait that was seen last.
type Running = (JoinHandle<Ran>, watch::Receiver<Option<u64>>, Option<u64>);

/// A call in progress.
pub struct Current {
    pub call: CallId,
    line: Option<Line>,
    running: Option<Running>,
    /// What it has asked the line for, so that it can be started again.
    made: Vec<Call>,
}

/// A host over a sandbox.
pub struct House {
    pub sandbox: Sandbox,
    pub kernel: Arc<Kernel>,
    resolver: Resolver,
    pub rules: Vec<String>,
    pub pids: HashMap<String, Pid>,
    pub pid: Pid,
    pub current: Option<Current>,
    /// Calls that wait while others act.
    aside: Vec<(Pid, Current)>,
}

/// The world of a sandbox: its workspace, a mount whose files may have several names, and a second name for a part of the workspace.
pub fn world(base: &Path, resolver: Resolver) -> OsWorld {
    let mount = |name: &str, path: &str, allow_hard_links| MountSpec {
        name: name.into(),
        path: base.join(path),
        allow_hard_links,
    };
    let mounts = vec![
        mount("workspace", "workspace", false),
        mount("free", "free", true),
        mount("inner", "workspace/keep", true),
    ];
    let protected = ["workspace/libos.toml", "workspace/keep/data", "data", "keys"];
    let protected = protected.map(|path| base.join(path)).to_vec();
    OsWorld::new(mounts, protected, WorldOptions { resolver, ..WorldOptions::default() }).unwrap()
}

fn open(base: &Path, world: Arc<dyn World>) -> Arc<Kernel> {
    let names = ["workspace/libos.toml", "workspace/keep/data", "inner/data"];
    let ceiling = Ceiling { protected: names.map(|name| Resource::new(Kind::Fs, name)).to_vec() };
    let storage = Arc::new(Directory::new(base.join("data")));
    Kernel::open(Options { ceiling, ..Options::new(storage, world) }).unwrap()
}

impl House {
    pub fn new(name: &str, resolver: Resolver) -> House {
        House::with_world(Sandbox::new(name), resolver, |world| Arc::new(world))
    }

    /// A host whose outside is changed by `wrap`.
    pub fn with_world(sandbox: Sandbox, resolver: Resolver, wrap: impl FnOnce(OsWorld) -> Arc<dyn World>) -> House {
        let kernel = open(&sandbox.base, wrap(world(&sandbox.base, resolver)));
        let mut house = House {
            sandbox,
            kernel,
            resolver,
            rules: Vec::new(),
            pids: HashMap::new(),
            pid: Pid(0),
            current: None,
            aside: Vec::new(),
        };
        house.add_tool(TOOL, b"a component").unwrap();
        house
    }

    /// Adds a tool, or another component under its name.
    pub fn add_tool(&mut self, name: &str, component: &[u8]) -> Result<(), String> {
        let tool = NewTool {
            name: name.into(),
            export: name.into(),
            summary: "Acts.".into(),
            arguments: "{}".into(),
            result: "{}".into(),
            needs: None,
            script: None,
        };
        self.kernel.add_tools(component, &interfaces(), vec![tool], false).map(drop).map_err(|error| error.to_string())
    }

    /// Puts the rules in force: `allow read fs:workspace/**`, `default ask`.
    pub fn apply_rules(&self) -> Result<(), String> {
        let lines = |word: &str| -> String {
            let rules = self.rules.iter().filter_map(|rule| rule.strip_prefix(word)?.strip_prefix(' '));
            rules.map(|rule| format!("  \"{}\",\n", rule.replace('\\', "\\\\").replace('"', "\\\""))).collect()
        };
        let default = if self.rules.iter().any(|rule| rule == "default ask") { "ask" } else { "deny" };
        let text = format!(
            "[mounts]\nworkspace = \".\"\n[image.{BASE}]\ndefault = \"{default}\"\nallow = [\n{}]\nask = [\n{}]\ndeny = [\n{}]\n",
            lines("allow"),
            lines("ask"),
            lines("deny"),
        );
        self.kernel.set_policy(&text).map(drop).map_err(|error| error.to_string())
    }

    /// A new process, which acts from now on.
    pub fn new_process(&mut self, name: &str) {
        self.pid = self.kernel.new_process(BASE, false).unwrap();
        self.pids.insert(name.to_owned(), self.pid);
        self.current = None;
    }

    /// A new call, which acts from now on.
    pub fn new_call(&mut self, tool: &str) -> Result<(), String> {
        let limits = CallLimits::default();
        let start = StartCall { pid: self.pid, tool: tool.into(), arguments: "null".into(), limits, keep: false };
        let started = self.kernel.start_call(start).map_err(|error| error.to_string())?;
        let line = Line::new(Arc::clone(&self.kernel), &started);
        self.current = Some(Current { call: line.call(), line: Some(line), running: None, made: Vec::new() });
        Ok(())
    }

    /// Makes a system call; its outcome is its end or its question.
    pub async fn request(&mut self, call: Call) -> Outcome {
        if self.current.is_none() {
            self.new_call(TOOL).unwrap();
        }
        self.begin(call);
        self.settle().await
    }

    #[expect(clippy::disallowed_methods, reason = "the call goes on while the row's people do something")]
    fn begin(&mut self, call: Call) {
        let current = self.current.as_mut().unwrap();
        current.made.push(call.clone());
        let mut line = current.line.take().expect("the call before it has ended");
        let waiting = line.waiting();
        let run = async move {
            let answer = line.run(call).await;
            (line, answer)
        };
        current.running = Some((tokio::spawn(run), waiting, None));
    }

    async fn settle(&mut self) -> Outcome {
        let current = self.current.as_mut().unwrap();
        let (mut handle, mut waiting, seen) = current.running.take().expect("a request is under way");
        let call = current.call;
        let number = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                biased;
                ran = &mut handle => Ok(ran),
                number = waiting.wait_for(|number| number.is_some() && *number != seen) => Err(number.map(|it| *it)),
            }
        });
        match number.await {
            Err(_) => Outcome::new("hangs", "no answer, no question"),
            Ok(Ok(Ok((line, answer)))) => {
                self.current.as_mut().unwrap().line = Some(line);
                outcome(&answer)
            }
            Ok(Ok(Err(panicked))) => Outcome::new("panics", panicked.to_string()),
            Ok(Err(number)) => {
                self.current.as_mut().unwrap().running = Some((handle, waiting, number.unwrap_or(None)));
                self.waits(call).await
            }
        }
    }

    async fn waits(&self, call: CallId) -> Outcome {
        let Some(Wait::Question(id)) = self.kernel.wait_of(call) else { return Outcome::new("sleeps", "") };
        let question = self.question(id).await;
        let mut lines = preview::question(&question);
        let standing = preview::standing(&question);
        if let Err(why) = frame::check(&lines).and_then(|()| frame::check_standing(&standing)) {
            return Outcome::new("deceives", why);
        }
        lines.extend(standing);
        let given = serde_json::to_vec(&question).unwrap();
        let text = lines.join("\n");
        Outcome { word: "asks".into(), given: [text.as_bytes(), &given].concat(), text }
    }

    async fn question(&self, id: QuestionId) -> QuestionRow {
        self.kernel.barrier().await.unwrap();
        View(&self.kernel.snapshot().unwrap()).question(id).unwrap().unwrap()
    }

    /// Answers the question of the call that acts; the outcome is what the call does then, or `answered` if nobody runs it.
    pub async fn answer(&mut self, words: &str) -> Outcome {
        let current = self.current.as_ref().expect("a call asks");
        let Some(Wait::Question(id)) = self.kernel.wait_of(current.call) else {
            return Outcome::new("no-question", "");
        };
        let approval = match words {
            "allow" => Some(Approval::Allow),
            "always" => Some(Approval::Always),
            "deny" => Some(Approval::Deny),
            "never" => Some(Approval::Never),
            _ => None,
        };
        let reaction = match (approval, self.question(id).await.subject) {
            (Some(approval), subject) if !matches!(subject, Subject::Question { .. }) => {
                Reaction::Approve { approval, note: None }
            }
            _ => Reaction::Tell { text: words.to_owned() },
        };
        if let Err(error) = self.kernel.answer(id, reaction) {
            return Outcome::new("usage", error.to_string());
        }
        if self.current.as_ref().is_some_and(|current| current.running.is_some()) {
            self.settle().await
        } else {
            Outcome::new("answered", "")
        }
    }

    /// Lets the waiting call go from memory.
    pub fn park(&mut self) {
        let current = self.current.as_mut().unwrap();
        if let Some((handle, ..)) = current.running.take() {
            handle.abort();
        }
        assert!(self.kernel.park_call(current.call), "a call that waits can be parked");
    }

    /// Starts the parked call again: it makes the same requests.
    pub async fn resume(&mut self) -> Outcome {
        let current = self.current.take().unwrap();
        let started = match self.kernel.resume_call(current.call).await {
            Ok(started) => started,
            Err(error) => return Outcome::new("usage", error.to_string()),
        };
        let line = Line::new(Arc::clone(&self.kernel), &started);
        self.current = Some(Current { line: Some(line), running: None, made: Vec::new(), call: current.call });
        let mut last = Outcome::new("nothing", "");
        for call in current.made {
            self.begin(call);
            last = self.settle().await;
        }
        last
    }

    /// Closes the host and opens another one over the same directories.
    pub async fn restart(&mut self) {
        if let Some(current) = &mut self.current {
            current.line = None;
            if let Some((handle, ..)) = current.running.take() {
                handle.abort();
                // Its line holds the old kernel, and with it the store.
                let _ = handle.await;
            }
        }
        self.kernel.shutdown();
        let world: Arc<dyn World> = Arc::new(world(&self.sandbox.base, self.resolver));
        let storage = Arc::new(Memory::default());
        let stand_in = Options::new(storage, Arc::clone(&world));
        self.kernel = Kernel::open(stand_in).unwrap();
        self.kernel = open(&self.sandbox.base, world);
    }

    /// Lets the call wait while others act.
    pub fn put_aside(&mut self) {
        let current = self.current.take().expect("a call waits");
        self.aside.push((self.pid, current));
    }

    /// Goes on with the call that was put aside last.
    pub fn take_back(&mut self) {
        let (pid, current) = self.aside.pop().expect("a call was put aside");
        (self.pid, self.current) = (pid, Some(current));
    }

    /// Ends what the row left running.
    pub async fn forget(&mut self) {
        if let Some(mut current) = self.current.take()
            && let Some((handle, ..)) = current.running.take()
        {
            handle.abort();
            let _ = handle.await;
        }
    }

    /// Several calls of the same process make the same request at once: how often each outcome was seen.
    pub async fn race(&mut self, count: usize, call: Call) -> Outcome {
        let mut handles = Vec::new();
        for _ in 0..count {
            self.new_call(TOOL).unwrap();
            self.begin(call.clone());
            let current = self.current.take().unwrap();
            handles.extend(current.running.map(|(handle, ..)| handle));
        }
        let (mut done, mut given) = (0, Vec::new());
        for handle in handles {
            match tokio::time::timeout(PATIENCE, handle).await {
                Ok(Ok((_, answer))) => {
                    let outcome = outcome(&answer);
                    given.extend(outcome.given);
                    done += u32::from(outcome.word == "done");
                }
                _ => return Outcome::new("hangs", ""),
            }
        }
        Outcome { word: format!("done-{done}"), text: String::new(), given }
    }

    /// How many records there are.
    pub async fn log_size(&self) -> u64 {
        self.kernel.barrier().await.unwrap();
        View(&self.kernel.snapshot().unwrap()).log_size().unwrap()
    }

    /// The records from a place in the log on.
    pub async fn records(&self, from: u64) -> Vec<Record> {
        self.kernel.barrier().await.unwrap();
        let snapshot = self.kernel.snapshot().unwrap();
        let mut records = Vec::new();
        let all = View(&snapshot).records(from, |record| {
            records.push(record);
            ControlFlow::Continue(())
        });
        all.unwrap();
        records
    }
}

/// What an answer is, in a word and a text.
pub fn outcome(answer: &Result<Arc<Answer>, Stop>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(stop) => return Outcome::new("stopped", stop.to_string()),
    };
    let (word, text) = match &**answer {
        Answer::Done(reply) => ("done", shown(reply)),
        Answer::Failed(error) => (error_word(error), error.to_string()),
    };
    let given = match &**answer {
        Answer::Done(Reply::Bytes(bytes)) => bytes.clone(),
        other => format!("{other:?}").into_bytes(),
    };
    Outcome { word: word.into(), text, given }
}

fn error_word(error: &CallError) -> &'static str {
    match error {
        CallError::Denied(_) => "denied",
        CallError::NotFound(_) => "not-found",
        CallError::AlreadyExists(_) => "exists",
        CallError::WrongKind(_) => "wrong-kind",
        CallError::NotEmpty(_) => "not-empty",
        CallError::Conflict(_) => "conflict",
        CallError::TooLarge(_) => "too-large",
        CallError::Invalid(_) => "invalid",
        CallError::OutcomeUnknown(_) => "unknown",
        CallError::Io(_) => "io",
        CallError::Interrupted(_) => "interrupted",
        CallError::Internal => "internal",
    }
}

fn stat_words(stat: &Stat) -> String {
    format!("{:?} {}", stat.kind, stat.size).to_lowercase()
}

fn shown(reply: &Reply) -> String {
    match reply {
        Reply::Unit => String::new(),
        Reply::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Reply::Entries(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|entry| format!("{} {}", entry.name, stat_words(&entry.stat))).collect();
            entries.join(", ")
        }
        Reply::Stat(stat) => stat_words(stat),
        Reply::Text(text) => text.clone(),
        Reply::Info(info) => info.name.clone(),
        Reply::Object(_, payload) => format!("{payload:?}"),
        Reply::Infos(infos) => infos.iter().map(|info| &*info.name).collect::<Vec<_>>().join(","),
        Reply::Names(names) => names.join(","),
        other => format!("{other:?}"),
    }
}

/// The imports of a component that uses everything.
fn interfaces() -> Vec<String> {
    ["fs", "object", "human", "clock", "process", "tools", "message"].map(str::to_owned).to_vec()
}
