//! The load of trees: a root makes two children, tells them what to do, hears from them and waits for their end; or kills one, or ends
//! before them. Some trees are written down in a checkpoint and gone back to. Others are made by scripts.

use crate::guest::{Crew, Round, add, say};
use crate::point::Stage;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{HostError, NewAgent, StartCall, StartQuantum, Started};
use libos_kernel::model::answer::{Answer, Stop};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::child::{Amount, ChildOptions, Handed};
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::message::{MessageFilter, MessageOptions};
use libos_kernel::model::process::Signal;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::row::ProcessRow;
use libos_kernel::model::script::{Script, Step};
use libos_kernel::model::view::ViewMode;
use libos_kernel::syscall::Line;
use std::sync::{Arc, PoisonError};

/// Trees at once.
pub const TREES: u32 = 3;
/// Agents of this number and above are trees; above [`SCRIPTS`] they are scripts.
pub const FIRST_TREE: u32 = 100;
/// Agents of this number are scripts.
pub const SCRIPTS: u32 = 200;
/// Quanta that run at once.
const QUANTA: u32 = 4;

/// How a tree goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Everybody does his part and exits.
    Whole,
    /// The second child is killed by its parent.
    Killed,
    /// The root ends before its children.
    Left,
}

impl Round {
    fn course(self) -> Course {
        match self.number % 3 {
            0 => Course::Whole,
            1 => Course::Killed,
            _ => Course::Left,
        }
    }

    fn has_checkpoint(self) -> bool {
        self.agent < SCRIPTS && self.number.is_multiple_of(2)
    }

    fn goes_back(self) -> bool {
        self.number.is_multiple_of(4)
    }
}

fn child() -> ChildOptions {
    let budget = vec![Amount { coin: Coin::Objects, amount: 5 }];
    let handed = Handed { rule: "write fs:workspace/free/**".into(), uses: None, expires_in: None };
    ChildOptions {
        goal: "to write a file".into(),
        grants: vec![handed],
        budget: Some(budget),
        ..ChildOptions::default()
    }
}

fn send(to: Pid, body: String) -> Call {
    Call::MessageSend { to: to.to_string(), body, options: MessageOptions::default() }
}

fn receive() -> Call {
    Call::MessageReceive { filter: MessageFilter::default(), timeout: None }
}

fn signal(pid: Pid, signal: Signal) -> Call {
    Call::ProcessSignal { pid: pid.to_string(), signal, reason: "enough".into() }
}

impl Crew {
    /// Makes trees and scripts, one after the other.
    pub(crate) async fn trees(self: Arc<Self>, agent: u32) -> Result<(), HostError> {
        for number in agent..crate::guest::ROUNDS {
            let round = Round { agent, number: self.incarnation * crate::guest::ROUNDS + number };
            if agent >= SCRIPTS { self.script(round).await? } else { self.tree(round).await? }
        }
        Ok(())
    }

    async fn tree(self: &Arc<Self>, round: Round) -> Result<(), HostError> {
        let pid = self.kernel.new_process(BASE, true)?;
        self.kernel.change_purse(pid, &[], &[(Coin::Children, 10), (Coin::Objects, 100)])?;
        let started = self.kernel.start_call(call_of(pid, "tree", round))?;
        Arc::clone(self).drive(started).await;
        Ok(())
    }

    /// A process that a script chooses for; it calls a tool, then two at once.
    async fn script(self: &Arc<Self>, round: Round) -> Result<(), HostError> {
        let one = format!("{{\"tool\":\"other\",\"args\":\"{round}\"}}");
        let script = format!("{one}\n{{\"calls\":[{one},{one}]}}\n");
        let new = NewAgent { image: BASE, goal: "to write files", planner: Some(&script), new: true };
        let made = self.kernel.new_agent(new)?;
        self.kernel.durable(made.durable).await?;
        say(format_args!("made {}", made.what.pid));
        self.kernel.drive(made.what.pid);
        while self.kernel.live_processes().iter().any(|row| row.pid == made.what.pid) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            self.kernel.barrier().await?;
        }
        say(format_args!("gone {}", made.what.pid));
        Ok(())
    }

    /// Gives every process its turn that a script chooses for.
    pub(crate) fn take_turns(self: &Arc<Self>) {
        while let Some(pid) = self.kernel.next_ready(QUANTA) {
            match self.begin(pid) {
                Some(started) => drop(tokio::spawn(Arc::clone(self).quantum(started))),
                None => self.kernel.put_back(pid),
            }
        }
    }

    fn begin(&self, pid: Pid) -> Option<Started> {
        let (text, step) = self.kernel.plan(pid).ok()??;
        let results = |step| self.kernel.step_result(pid, step as u64);
        let arguments = Script::parse(&text).ok()?.step(step as usize, results).ok()??.to_json();
        self.kernel.start_quantum(StartQuantum { pid, step, arguments, limits: CallLimits::default() }).ok()
    }

    /// Runs a quantum until it ends or has left memory.
    pub(crate) async fn quantum(self: Arc<Self>, started: Started) {
        let call = started.row.id;
        let Ok(step) = Step::from_json(&started.arguments) else { return };
        let mut line = Line::new(Arc::clone(&self.kernel), &started);
        let mut waiting = line.waiting();
        let run = line.run_all(step.calls());
        tokio::pin!(run);
        let mut attended = None;
        let answers = loop {
            let is_new = |wait: &Option<u64>| wait.is_some() && *wait != attended;
            attended = tokio::select! {
                biased;
                answers = &mut run => break answers,
                wait = waiting.wait_for(is_new) => wait.ok().and_then(|wait| *wait),
            };
            if self.kernel.park_call(call) {
                return;
            }
        };
        match answers {
            Ok(answers) => drop(self.kernel.end_quantum(call, step.conclude(&answers))),
            Err(_) => self.kernel.drop_call(call),
        }
    }

    /// Learns whose call was started by an earlier host.
    pub(crate) fn learn_adopted(&self) -> Result<(), HostError> {
        let calls = View(&self.kernel.snapshot()?).calls()?;
        let mut adopted = self.adopted.lock().unwrap_or_else(PoisonError::into_inner);
        adopted.extend(calls.into_iter().map(|call| call.pid));
        Ok(())
    }

    /// Children whose call was not started before the host died.
    pub(crate) fn adopt_orphans(self: &Arc<Self>) {
        let orphan = |row: &ProcessRow| row.parent.is_some() && row.planner.is_none();
        for row in self.kernel.live_processes().into_iter().filter(orphan) {
            self.adopt(row.pid);
        }
    }

    /// Starts what a child does, once.
    fn adopt(self: &Arc<Self>, pid: Pid) {
        if !self.adopted.lock().unwrap_or_else(PoisonError::into_inner).insert(pid) {
            return;
        }
        let round = Round { agent: FIRST_TREE, number: u32::try_from(pid.0).unwrap_or(0) };
        if let Ok(started) = self.kernel.start_call(call_of(pid, "leaf", round)) {
            tokio::spawn(Arc::clone(self).drive(started));
        }
    }

    pub(crate) async fn root(self: &Arc<Self>, mut line: Line, round: Round) -> Result<String, Stop> {
        let root = match &*line.run(Call::ProcessSelf).await? {
            Answer::Done(Reply::Identity(identity)) => identity.pid,
            _ => return Ok("null".into()),
        };
        let first = self.child(&mut line, Call::ProcessSpawn { child: child() }).await?;
        let fork = Call::ProcessFork { child: child(), mode: ViewMode::Worker, roots: None };
        let second = self.child(&mut line, fork).await?;
        line.run(send(first, "1".into())).await?;
        if round.course() == Course::Killed {
            line.run(signal(second, Signal::Kill)).await?;
            self.ended(second).await?;
        } else {
            line.run(send(second, "2".into())).await?;
        }
        if round.has_checkpoint() && !line.replays() {
            self.keep(root, round).await?;
        }
        if round.course() == Course::Left {
            return Ok("null".into());
        }
        self.hear(&mut line).await?;
        if round.course() == Course::Whole {
            self.hear(&mut line).await?;
        }
        for _ in 0..2 {
            let wait = Call::ProcessWait { pids: Vec::new(), timeout: None };
            if let Answer::Done(Reply::EndedChild(Some(child))) = &*line.run(wait).await? {
                self.ended(child.pid).await?;
            }
        }
        Ok("null".into())
    }

    pub(crate) async fn leaf(self: &Arc<Self>, mut line: Line, round: Round) -> Result<String, Stop> {
        let parent = match &*line.run(Call::ProcessSelf).await? {
            Answer::Done(Reply::Identity(identity)) => identity.parent,
            _ => None,
        };
        let body = self.hear(&mut line).await?;
        self.act(&mut line, 2, add(format!("free/leaf/{}", round.number), &body)).await?;
        if let Some(parent) = parent {
            line.run(send(parent, body.clone())).await?;
        }
        line.run(Call::ProcessExit { result: body.clone() }).await?;
        Ok(body)
    }

    async fn child(self: &Arc<Self>, line: &mut Line, call: Call) -> Result<Pid, Stop> {
        match &*line.run(call).await? {
            Answer::Done(Reply::Pid(pid)) => {
                self.kernel.barrier().await?;
                say(format_args!("made {pid}"));
                self.adopt(*pid);
                Ok(*pid)
            }
            other => Err(Stop::Host(format!("no child: {other:?}"))),
        }
    }

    /// Gets a message; tells when that is durable.
    async fn hear(&self, line: &mut Line) -> Result<String, Stop> {
        let answer = line.run(receive()).await?;
        let Answer::Done(Reply::Message(Some(message))) = &*answer else { return Ok("0".into()) };
        self.kernel.barrier().await?;
        say(format_args!("got {} {}", message.id, line.call()));
        Ok(message.body.clone())
    }

    async fn ended(&self, pid: Pid) -> Result<(), Stop> {
        self.kernel.barrier().await?;
        say(format_args!("gone {pid}"));
        Ok(())
    }

    /// Takes a checkpoint of a tree; some go back to it, and then end.
    async fn keep(&self, root: Pid, round: Round) -> Result<(), Stop> {
        let failed = |error: HostError| Stop::Host(error.to_string());
        self.mine.enter(Stage::Checkpoint);
        let taken = self.kernel.checkpoint(root, "to be sure").map_err(failed)?;
        self.kernel.durable(taken.durable).await?;
        self.mine.enter(Stage::Load);
        say(format_args!("checkpoint {}", taken.what.id));
        if round.goes_back() {
            self.mine.enter(Stage::Restore);
            let back = self.kernel.restore(taken.what.id).map_err(failed)?;
            self.kernel.durable(back.durable).await?;
            self.mine.enter(Stage::Load);
            say(format_args!("restored {}", taken.what.id));
            let ended = self.kernel.signal(root, Signal::Kill, "gone back").map_err(failed)?;
            self.kernel.durable(ended.durable).await?;
        }
        Ok(())
    }

    /// Trees that were gone back to when the host died have nobody who goes on with them.
    pub(crate) fn end_restored(&self) -> Result<(), HostError> {
        let is_left = |row: &ProcessRow| row.incarnation > 0 && row.parent.is_none();
        for row in self.kernel.live_processes().into_iter().filter(is_left) {
            self.kernel.signal(row.pid, Signal::Kill, "gone back")?;
        }
        Ok(())
    }
}

fn call_of(pid: Pid, tool: &str, round: Round) -> StartCall {
    let arguments = format!("\"{round}\"");
    StartCall { pid, tool: tool.into(), arguments, limits: CallLimits::default(), keep: false }
}
