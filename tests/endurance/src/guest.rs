//! The load: agents whose guests are native. Each loops over rounds; a round is a call that logs, changes objects, uses a grant that is
//! good once, changes the outside, calls another tool and asks a person.
//!
//! What a round does follows from its number, so that a call that is started again makes the same system calls.

use crate::point::Mine;
use crate::tree::{FIRST_TREE, SCRIPTS, TREES};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{HostError, Kernel, NewGrant, NewTool, Reaction, StartCall, Started};
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Approval, Call, Level, ObjectOptions, Payload, Reply, WriteMode};
use libos_kernel::model::grant::{Effect, Holder};
use libos_kernel::model::id::{CallId, Pid, QuestionId};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::resource::Pattern;
use libos_kernel::model::right::Rights;
use libos_kernel::model::row::{CallState, Wait};
use libos_kernel::syscall::Line;
use std::collections::HashSet;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Agents at once.
pub const AGENTS: u32 = 8;
/// Rounds of one incarnation of the host, at most.
pub const ROUNDS: u32 = 10_000;
/// More than a row may hold: it becomes a file.
const LARGE: usize = 70_000;

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["spawn process:image/**", "write fs:workspace/free/**", "call tool:*", "read,list,write object:team", "read,list,write object:team/**"]
ask = ["write fs:workspace/asked/**"]
"#;

/// What a person says to a round's question, if asked in this incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    Allows,
    Denies,
    /// A later one allows it.
    Later,
    /// Nobody, to the end.
    Never,
}

/// A round of an agent, as its call's arguments say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Round {
    pub agent: u32,
    pub number: u32,
}

impl Round {
    /// Reads `agent-number`.
    pub fn read(text: &str) -> Option<Round> {
        let (agent, number) = text.trim_matches('"').split_once('-')?;
        Some(Round { agent: agent.parse().ok()?, number: number.parse().ok()? })
    }

    /// What a person says.
    pub fn person(self) -> Person {
        match self.number % 4 {
            0 => Person::Allows,
            1 => Person::Denies,
            2 => Person::Later,
            _ => Person::Never,
        }
    }
}

impl Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.agent, self.number)
    }
}

/// Tells the test what is durable. A line is one write: a kill leaves it whole or not at all, or cut off at the end.
pub(crate) fn say(line: impl Display) {
    let mut stdout = std::io::stdout().lock();
    // Without a test that listens there is nobody to tell.
    let _ = stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush());
}

pub(crate) fn add(path: String, content: &str) -> Call {
    Call::FsAppend { path, content: content.into() }
}

fn usage(error: impl Display) -> HostError {
    HostError::Usage(error.to_string())
}

/// Gives a new store its tools, its policy and what the agents share.
///
/// # Errors
/// The store failed.
pub async fn furnish(kernel: &Arc<Kernel>) -> Result<(), HostError> {
    let tool = |name: &str| NewTool {
        name: name.into(),
        export: name.into(),
        summary: "Acts.".into(),
        arguments: "{}".into(),
        result: "{}".into(),
        needs: None,
        script: None,
    };
    let imports = ["fs", "object", "human", "process", "message", "tools", "log"].map(str::to_owned);
    kernel.add_tools(b"a component", &imports, vec![tool("round"), tool("other"), tool("tree"), tool("leaf")], true)?;
    kernel.set_policy(POLICY)?;
    let pid = kernel.new_process(BASE, true)?;
    let start =
        StartCall { pid, tool: "round".into(), arguments: "null".into(), limits: CallLimits::default(), keep: false };
    let mut line = Line::new(Arc::clone(kernel), &kernel.start_call(start)?);
    let made = line.run(Call::ObjectCreateNamespace { namespace: "team".into() }).await?;
    if let Answer::Failed(error) = &*made {
        return Err(usage(error));
    }
    kernel.end_call(line.call(), Ok("null".into()))?;
    Ok(kernel.barrier().await?)
}

/// A host's run loop over its agents.
pub struct Crew {
    pub kernel: Arc<Kernel>,
    pub mine: Arc<Mine>,
    /// Children whose call was started.
    pub adopted: Mutex<HashSet<Pid>>,
    /// How often the store was opened by a host before: rounds are numbered from it.
    pub incarnation: u32,
    /// No new rounds; every question is answered; it ends when every call has ended.
    pub drains: bool,
}

impl Crew {
    /// Runs until it is killed, or until all has ended if it drains.
    ///
    /// # Errors
    /// The store failed.
    pub async fn run(self: Arc<Self>) -> Result<(), HostError> {
        tokio::spawn(Arc::clone(&self).run_loop());
        self.kernel.drive_all();
        self.learn_adopted()?;
        self.go_on().await?;
        self.end_restored()?;
        self.adopt_orphans();
        if self.drains {
            while !self.kernel.live_processes().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.kernel.barrier().await?;
            }
            return Ok(());
        }
        for agent in 0..AGENTS {
            let crew = Arc::clone(&self);
            tokio::spawn(async move {
                // Each begins with another kind of round.
                for number in agent..ROUNDS {
                    crew.round(Round { agent, number: crew.incarnation * ROUNDS + number }).await?;
                }
                Ok::<(), HostError>(())
            });
        }
        for agent in (FIRST_TREE..FIRST_TREE + TREES).chain([SCRIPTS]) {
            tokio::spawn(Arc::clone(&self).trees(agent));
        }
        loop {
            self.kernel.barrier().await?;
            let head = self.kernel.snapshot()?.frontier()?;
            say(format_args!("head {} {}", head.size(), libos_kernel::model::id::hex(&head.root())));
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    /// What an earlier host left: calls that ran are started again; a person who has slept over it answers.
    async fn go_on(self: &Arc<Self>) -> Result<(), HostError> {
        let calls = View(&self.kernel.snapshot()?).calls()?;
        for row in calls.into_iter().filter(|row| !row.state.is_final()) {
            if row.state == CallState::Waiting {
                if let Some(Wait::Question(question)) = self.kernel.wait_of(row.id) {
                    self.answer_late(row.id, question).await?;
                }
                continue;
            }
            match self.kernel.resume_call(row.id).await {
                Ok(started) => drop(tokio::spawn(Arc::clone(self).drive(started))),
                // The run loop was faster.
                Err(HostError::Usage(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn answer_late(&self, call: CallId, question: QuestionId) -> Result<(), HostError> {
        let Some(round) = self.round_of(call)? else { return Ok(()) };
        let approval = match round.person() {
            Person::Allows => Approval::Allow,
            Person::Later if self.drains || !round.number.is_multiple_of(3) => Approval::Allow,
            Person::Denies => Approval::Deny,
            Person::Never if self.drains => Approval::Deny,
            Person::Later | Person::Never => return Ok(()),
        };
        self.answer(question, approval).await
    }

    async fn answer(&self, question: QuestionId, approval: Approval) -> Result<(), HostError> {
        self.kernel.barrier().await?;
        match self.kernel.answer(question, Reaction::Approve { approval, note: None }) {
            Ok(answered) => Ok(self.kernel.durable(answered.durable).await?),
            Err(HostError::Usage(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn round_of(&self, call: CallId) -> Result<Option<Round>, HostError> {
        Ok(View(&self.kernel.snapshot()?).arguments(call)?.as_deref().and_then(Round::read))
    }

    async fn run_loop(self: Arc<Self>) {
        loop {
            for call in self.kernel.take_runnable() {
                if let Ok(started) = self.kernel.resume_call(call).await {
                    tokio::spawn(Arc::clone(&self).drive(started));
                }
            }
            self.take_turns();
            self.kernel.changed().await;
        }
    }

    async fn round(self: &Arc<Self>, round: Round) -> Result<(), HostError> {
        let pid = self.kernel.new_process(BASE, true)?;
        let once = NewGrant {
            holder: Holder::Process(pid),
            rights: Rights::parse("write").map_err(usage)?,
            pattern: Pattern::parse(&format!("fs:workspace/once/{round}")).map_err(usage)?,
            effect: Effect::Allow,
            uses: Some(1),
            expires_in: None,
            only_tool: None,
        };
        self.kernel.grant(once)?;
        let arguments = format!("\"{round}\"");
        let start = StartCall { pid, tool: "round".into(), arguments, limits: CallLimits::default(), keep: false };
        Arc::clone(self).drive(self.kernel.start_call(start)?).await;
        Ok(())
    }

    /// Runs a call until it ends or is parked.
    pub(crate) async fn drive(self: Arc<Self>, started: Started) {
        if started.row.is_quantum() {
            return self.quantum(started).await;
        }
        let Some(round) = Round::read(&started.arguments) else { return };
        let call = started.row.id;
        let line = Line::new(Arc::clone(&self.kernel), &started);
        let mut waiting = line.waiting();
        let tool = started.row.tool.clone();
        let guest = async {
            match tool.as_str() {
                "other" => self.nested(line, round).await,
                "tree" => self.root(line, round).await,
                "leaf" => self.leaf(line, round).await,
                _ => self.guest(line, round).await,
            }
        };
        tokio::pin!(guest);
        let mut attended = None;
        let ended = loop {
            let is_new = |wait: &Option<u64>| wait.is_some() && *wait != attended;
            attended = tokio::select! {
                biased;
                ended = &mut guest => break ended,
                wait = waiting.wait_for(is_new) => wait.ok().and_then(|wait| *wait),
            };
            if self.attend(call, round) {
                return;
            }
        };
        let Ok(result) = ended else { return self.kernel.drop_call(call) };
        if let Ok(end) = self.kernel.end_call(call, Ok(result))
            && self.kernel.durable(end.durable).await.is_ok()
        {
            say(format_args!("end {call}"));
        }
    }

    /// Sees to what a call waits for. True if the call has left memory.
    fn attend(self: &Arc<Self>, call: CallId, round: Round) -> bool {
        let Some(Wait::Question(question)) = self.kernel.wait_of(call) else {
            return call.0.is_multiple_of(3) && self.kernel.park_call(call);
        };
        let approval = match round.person() {
            Person::Allows => Some(Approval::Allow),
            Person::Denies => Some(Approval::Deny),
            Person::Later if self.drains => Some(Approval::Allow),
            Person::Never if self.drains => Some(Approval::Deny),
            Person::Later | Person::Never => None,
        };
        let parked = (approval.is_none() || call.0.is_multiple_of(2)) && self.kernel.park_call(call);
        let crew = Arc::clone(self);
        tokio::spawn(async move {
            crew.kernel.barrier().await?;
            say(format_args!("asked {question} {call}"));
            if let Some(approval) = approval {
                crew.answer(question, approval).await?;
            }
            Ok::<(), HostError>(())
        });
        parked
    }

    /// Makes a system call; if it changes something outside, tells how it ended, once that is durable.
    pub(crate) async fn act(&self, line: &mut Line, position: u32, call: Call) -> Result<Arc<Answer>, Stop> {
        let answer = line.run(call).await?;
        let word = match &*answer {
            Answer::Done(_) => "done",
            Answer::Failed(CallError::Denied(_)) => "denied",
            Answer::Failed(CallError::OutcomeUnknown(_)) => "unknown",
            Answer::Failed(_) => "failed",
        };
        self.kernel.barrier().await?;
        say(format_args!("effect {} {position} {word}", line.call()));
        Ok(answer)
    }

    async fn guest(&self, mut line: Line, round: Round) -> Result<String, Stop> {
        line.run(Call::LogWrite { level: Level::Info, message: round.to_string() }).await?;
        let name = format!("team/c{}", round.agent);
        let payload = Payload::Json(round.number.to_string());
        let options = || ObjectOptions {
            object_type: "note".into(),
            immutable: false,
            title: String::new(),
            tags: Vec::new(),
            sources: Vec::new(),
        };
        let update = Call::ObjectUpdate { name: name.clone(), payload: payload.clone(), expected_version: None };
        let updated = match &*line.run(update).await? {
            Answer::Failed(_) => line.run(Call::ObjectCreate { name, payload, options: options() }).await?,
            Answer::Done(_) => line.run(Call::ObjectRead { name }).await?,
        };
        if let Answer::Done(Reply::Info(info) | Reply::Object(info, _)) = &*updated {
            self.kernel.barrier().await?;
            say(format_args!("version {} {}", info.name, info.version));
        }
        let size = if round.number.is_multiple_of(4) { LARGE } else { 10 };
        let digit = char::from_digit(round.number % 9 + 1, 10).unwrap_or('1');
        let payload = Payload::Json(digit.to_string().repeat(size) + &round.number.to_string());
        line.run(Call::ObjectCreate { name: "mine".into(), payload, options: options() }).await?;
        self.act(&mut line, 4, add(format!("once/{round}"), "first")).await?;
        self.act(&mut line, 5, add(format!("once/{round}"), "second")).await?;
        let kind = if round.number % 5 == 1 { "mute" } else { "plain" };
        let write = Call::FsWrite {
            path: format!("free/{kind}/{round}"),
            content: b"content".to_vec(),
            mode: WriteMode::CreateOrReplace,
        };
        self.act(&mut line, 6, write).await?;
        if round.number % 2 == 1 {
            line.run(Call::ToolCall { tool: "other".into(), arguments: format!("\"{round}\"") }).await?;
        }
        let position = 7 + round.number % 2;
        let asked = self.act(&mut line, position, add(format!("asked/{round}"), "asked")).await?;
        Ok(format!("\"{}\"", matches!(&*asked, Answer::Done(_))))
    }

    async fn nested(&self, mut line: Line, round: Round) -> Result<String, Stop> {
        line.run(Call::LogWrite { level: Level::Info, message: format!("nested {round}") }).await?;
        self.act(&mut line, 1, add(format!("free/nested/{round}"), "nested")).await?;
        Ok("null".into())
    }
}
