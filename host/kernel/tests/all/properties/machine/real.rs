//! The real kernel in the middle of a history.

use super::checks::Law;
use super::model::{Call as Under, Model, Paper, Process};
use super::step::{Line as Handed, Step};
use crate::sim::{House, Tear, words};
use libos_kernel::kernel::{Admit, Attempt, Delegation, Kernel, NewGrant, Place, Prepared};
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::child::{Amount, ChildOptions, Handed as HandedGrant};
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::{CallId, CheckpointId, GrantId, Pid};
use libos_kernel::model::image::{BASE, Image};
use libos_kernel::model::message::{MessageFilter, MessageOptions};
use libos_kernel::model::purse::Coin;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::row::{Probe, ProcessRow};
use libos_kernel::model::rule::Rule;
use libos_kernel::model::view::ViewMode;
use libos_kernel::syscall::Line;
use proptest_state_machine::StateMachineTest;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Histories of one kernel: a kernel has what it had, and gets slower by it.
const HISTORIES: usize = 50;
/// Seconds: a sleep, and the step in which all of them end.
const SLEEP: u64 = 60;
/// The image that is not the usual one.
pub const OTHER: &str = "other";

thread_local! {
    static HOUSE: RefCell<Option<(House, usize)>> = const { RefCell::new(None) };
}

/// What roots have of each kind.
const PURSE: u64 = 1_000_000;
const COINS: [Coin; 3] = [Coin::Children, Coin::Objects, Coin::ToolCalls];

/// What every process needs to take part, and hands on to its children.
const RULES: [&str; 4] = ["sleep clock:sleep", "spawn process:image/**", "use image:**", "message process:pid/**"];

fn furnished() -> House {
    let rules: Vec<String> = RULES[..3].iter().map(|rule| format!("allow {rule}")).collect();
    let house = House::new(&rules.iter().map(String::as_str).collect::<Vec<_>>());
    let other = Image { name: OTHER.into(), ..Image::base() };
    house.kernel.add_image(other).expect("an image is added");
    house
}

/// The kernel, and what is known of the history's processes.
pub struct Real {
    house: Option<House>,
    /// How often this kernel may be used after this.
    left: usize,
    runtime: Runtime,
    pub pids: Vec<Pid>,
    /// As in the model: of each process, in the order in which they were started.
    calls: Vec<Vec<CallId>>,
    lines: HashMap<CallId, Line>,
    /// Sleeps that a call has begun.
    slept: HashMap<CallId, usize>,
    /// Rows as they were last seen, those that are gone too.
    pub past: BTreeMap<GrantId, Grant>,
    /// The messages that waited for each before the step.
    inboxes: HashMap<usize, Vec<usize>>,
    moments: Vec<CheckpointId>,
    /// What was last said of what is asked for each process.
    pub verdicts: HashMap<(Pid, usize), u8>,
}

impl Real {
    fn new() -> Real {
        let (house, left) = HOUSE.with_borrow_mut(Option::take).unwrap_or_else(|| (furnished(), HISTORIES));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Real {
            house: Some(house),
            left,
            runtime,
            pids: Vec::new(),
            calls: Vec::new(),
            lines: HashMap::new(),
            slept: HashMap::new(),
            past: BTreeMap::new(),
            inboxes: HashMap::new(),
            moments: Vec::new(),
            verdicts: HashMap::new(),
        }
    }

    pub fn house(&self) -> &House {
        self.house.as_ref().expect("it is there but while it restarts")
    }

    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.house().kernel
    }

    /// Brings everything to the disk.
    pub fn barrier(&self) {
        self.runtime.block_on(self.kernel().barrier()).expect("the disk works");
    }

    /// Leaves the kernel to the next history. One in which something failed is not used again.
    fn close(mut self) {
        for pid in &self.pids {
            self.kernel().end_unused_process(*pid, "the history has ended");
        }
        for line in self.kernel().grants().iter().filter(|grant| !grant.revoked && grant.pattern.kind() == Kind::Fs) {
            self.kernel().revoke(line.id).unwrap();
        }
        for moment in &self.moments {
            self.kernel().remove_checkpoint(*moment).unwrap();
        }
        let _ = self.kernel().take_runnable();
        self.lines.clear();
        HOUSE.set(self.house.take().filter(|_| self.left > 0).map(|house| (house, self.left - 1)));
    }

    fn step(&mut self, step: &Step, model: &Model) {
        let kernel = Arc::clone(self.kernel());
        match step {
            Step::New => {
                let pid = self.house().process();
                self.endow(pid);
                self.pids.push(pid);
                self.calls.push(Vec::new());
            }
            Step::Grant { .. } => self.grant(step),
            Step::Delegate { from, to, lines } => self.delegate(*from, *to, lines),
            Step::Revoke { which } => {
                // Who lifts a restriction from one process alone means it, and gives it more than its givers have.
                let handed = |grant: &Grant| matches!(grant.issuer, libos_kernel::model::grant::Issuer::Process(_));
                let ours = |grant: &Grant| !grant.revoked && (grant.effect == Effect::Allow || !handed(grant));
                let files = |grant: &&Grant| grant.pattern.kind() == Kind::Fs && ours(grant);
                let rows: Vec<GrantId> = kernel.grants().iter().filter(files).map(|row| row.id).collect();
                if !rows.is_empty() {
                    kernel.revoke(*which.get(&rows)).unwrap();
                }
            }
            Step::Use { by, name } => self.read(*by, name),
            Step::End { who } => {
                kernel.end_unused_process(self.pids[*who], "it is time");
                self.forget_ended(model);
            }
            Step::Pass => {
                self.house().world.set_clock(kernel.now().after(Duration::from_secs(SLEEP + 1)));
                kernel.fire_timers_due();
            }
            Step::Restart => self.again(House::reopen),
            Step::Crash => {
                self.barrier();
                let seed = kernel.now().0;
                self.again(|house| house.crash(Tear::Some(seed)));
            }
            Step::Spawn { .. }
            | Step::Signal { .. }
            | Step::HandOver { .. }
            | Step::Exit { .. }
            | Step::Exec { .. }
            | Step::Wait { .. }
            | Step::Send { .. }
            | Step::Receive { .. } => self.of_process(step, model),
            Step::Checkpoint { .. } | Step::Restore { .. } | Step::Fork { .. } => self.of_moment(step, model),
            of_call => self.of_call(of_call, model),
        }
    }

    fn of_moment(&mut self, step: &Step, model: &Model) {
        let kernel = Arc::clone(self.kernel());
        match step {
            Step::Checkpoint { who } => {
                self.moments.push(kernel.checkpoint(self.pids[*who], "").unwrap().what.id);
            }
            Step::Restore { at } => {
                let moment = &model.moments[*at];
                let back = kernel.restore(self.moments[*at]);
                assert_eq!(back.is_ok(), model.processes[moment.root].is_live(), "{back:?}");
                if let Ok(restored) = &back {
                    let cut = [&restored.what.processes, &restored.what.ended].into_iter().flatten();
                    for who in cut.filter_map(|pid| self.pids.iter().position(|known| known == pid)) {
                        self.calls[who].clear();
                    }
                }
                self.forget_ended(model);
            }
            Step::Fork { at } => {
                let forked = kernel.fork_checkpoint(self.moments[*at], None).unwrap().what;
                for (old, _) in &model.moments[*at].members {
                    let new = forked.processes.iter().find(|(pid, _)| *pid == self.pids[*old]);
                    self.pids.push(new.expect("each has one that stands for it").1);
                    self.calls.push(Vec::new());
                }
            }
            other => unreachable!("{other:?} is of no checkpoint"),
        }
    }

    fn of_call(&mut self, step: &Step, model: &Model) {
        let kernel = Arc::clone(self.kernel());
        match step {
            Step::Start { who } => {
                let line = self.house().line_of(self.pids[*who]);
                self.calls[*who].push(line.call());
                self.lines.insert(line.call(), line);
            }
            Step::Sleep { who, call } => {
                let id = self.calls[*who][*call];
                let line = self.lines.remove(&id).expect("it runs");
                self.runtime.block_on(self.house().park(line, sleep()));
                *self.slept.entry(id).or_default() += 1;
            }
            Step::GoOn { who, call } => {
                let id = self.calls[*who][*call];
                let slept = self.slept.get(&id).copied().unwrap_or(0);
                let mut line = self.runtime.block_on(self.house().resume(id));
                for _ in 0..slept {
                    let slept = words(&self.runtime.block_on(line.run(sleep())));
                    assert!(slept == "done" || slept.contains("interrupted"), "{slept}");
                }
                self.lines.insert(id, line);
            }
            Step::Held { who, call } => {
                let id = self.calls[*who][*call];
                let mut line = self.lines.remove(&id).expect("it runs");
                let stopped = self.runtime.block_on(line.run(sleep()));
                assert!(matches!(stopped, Err(Stop::Paused(_))), "{stopped:?}");
                kernel.hold_call(id);
            }
            Step::Finish { who, call } => {
                let id = self.calls[*who].remove(*call);
                self.lines.remove(&id);
                kernel.end_call(id, Ok("null".into())).unwrap();
                self.forget_ended(model);
            }
            Step::Cancel { who, call } => {
                let id = self.calls[*who].remove(*call);
                self.lines.remove(&id);
                kernel.cancel_call(id, "it is time").unwrap();
                self.forget_ended(model);
            }
            other => unreachable!("{other:?} is of no call"),
        }
    }

    /// Makes a system call in a call of its own that ends with it.
    fn says(&self, by: usize, call: Call) -> Result<Arc<Answer>, Stop> {
        let mut line = self.house().line_of(self.pids[by]);
        let answer = self.runtime.block_on(line.run(call));
        self.kernel().end_call(line.call(), Ok("null".into())).unwrap();
        answer
    }

    fn of_process(&mut self, step: &Step, model: &Model) {
        let pid = |real: &Real, who: usize| real.pids[who].to_string();
        match step {
            Step::Spawn { by, fork, lines, has_purse } => {
                let budget = has_purse.then(|| self.tenth(*by));
                self.spawn(*by, *fork, lines, budget);
            }
            Step::Signal { by: None, who, signal } => drop(self.kernel().signal(self.pids[*who], *signal, "").unwrap()),
            Step::Signal { by: Some(by), who, signal } => {
                let call = Call::ProcessSignal { pid: pid(self, *who), signal: *signal, reason: String::new() };
                let told = words(&self.says(*by, call));
                let is_child = model.processes[*who].parent == Some(*by);
                assert!(is_child || told == "denied", "{by} told {who} {signal:?}, though it is no child: {told}");
            }
            Step::HandOver { by, who } => {
                let _ = self.says(*by, Call::ProcessHandOver { pid: pid(self, *who) });
                // Who spent from the giver has nothing to spend: a person gives him something.
                if model.processes[*who].is_live() && model.processes[*who].parent.is_none() {
                    self.endow(self.pids[*who]);
                }
            }
            Step::Exit { who } => {
                assert_eq!(words(&self.says(*who, Call::ProcessExit { result: "7".into() })), "done");
            }
            Step::Exec { who } => {
                let image = if model.processes[*who].other_image { OTHER } else { BASE };
                let asked = self.says(*who, Call::ProcessExec { image: image.into(), goal: None });
                assert_eq!(words(&asked), "done");
            }
            Step::Wait { by } => self.wait(*by, model),
            Step::Send { from, to } => {
                let options = MessageOptions::default();
                let body = model.sent.to_string();
                let sent = words(&self.says(*from, Call::MessageSend { to: pid(self, *to), body, options }));
                assert_eq!(sent == "done", super::tree::may_write(model, *from, *to), "{from} wrote to {to}: {sent}");
            }
            Step::Receive { by } => self.receive(*by),
            other => unreachable!("{other:?} is of no process"),
        }
        self.forget_ended(model);
    }

    /// Whoever ended took his calls along.
    fn forget_ended(&mut self, model: &Model) {
        for (who, _) in model.processes.iter().enumerate().filter(|(_, process)| !process.is_live()) {
            self.calls[who].clear();
        }
    }

    fn endow(&self, pid: Pid) {
        self.kernel().change_purse(pid, &[], &COINS.map(|coin| (coin, PURSE))).unwrap();
    }

    /// A tenth of what a process may spend.
    fn tenth(&self, by: usize) -> Vec<Amount> {
        let rows: HashMap<Pid, ProcessRow> =
            self.kernel().live_processes().into_iter().map(|row| (row.pid, row)).collect();
        let row = &rows[&self.pids[by]];
        let payer = if row.purse.is_some() { Some(row) } else { row.payer.and_then(|pid| rows.get(&pid)) };
        let left = |coin| payer.and_then(|row| row.purse.as_ref()).and_then(|purse| purse.left(coin));
        COINS.iter().filter_map(|coin| Some(Amount { coin: *coin, amount: left(*coin)? / 10 })).collect()
    }

    /// What it was to hand on and cannot is left out: that it cannot is said by the law of attenuation.
    fn spawn(&mut self, by: usize, fork: Option<ViewMode>, lines: &[Handed], budget: Option<Vec<Amount>>) {
        let handed = |rule: String, uses: Option<u32>| HandedGrant { rule, uses, expires_in: None };
        let needed = || RULES[..3].iter().map(|rule| handed((*rule).to_owned(), None));
        let wanted = self.handed(by, lines).into_iter().map(|line| handed(line.rule.to_string(), line.uses));
        let mut grants: Vec<HandedGrant> = needed().chain(wanted).collect();
        for _ in 0..2 {
            let budget = budget.clone();
            let child = ChildOptions { goal: "work".into(), grants, budget, ..ChildOptions::default() };
            let call = match fork {
                None => Call::ProcessSpawn { child },
                Some(mode) => Call::ProcessFork { child, mode, roots: None },
            };
            if let Ok(answer) = &self.says(by, call)
                && let Answer::Done(Reply::Pid(pid)) = &**answer
            {
                self.pids.push(*pid);
                self.calls.push(Vec::new());
                return;
            }
            grants = needed().collect();
        }
        panic!("{by} cannot make a child");
    }

    /// A look at whether a child has ended, which leaves the caller as it was.
    fn wait(&self, by: usize, model: &Model) {
        let found = self.says(by, Call::ProcessWait { pids: Vec::new(), timeout: Some(0) });
        match &found {
            Ok(answer) => match &**answer {
                Answer::Done(Reply::EndedChild(Some(child))) => {
                    let at = self.pids.iter().position(|pid| *pid == child.pid);
                    assert!(at.is_some() && at == model.told, "{by} was told of {child:?}, not of {:?}", model.told);
                }
                Answer::Done(Reply::EndedChild(None)) => {
                    assert!(model.told.is_none() && super::tree::has_children(model, by));
                }
                other => assert!(model.told.is_none() && !super::tree::has_children(model, by), "{other:?}"),
            },
            Err(stop) => panic!("{stop}"),
        }
    }

    /// The oldest message, or none; the model has taken it out already.
    fn receive(&mut self, by: usize) {
        let filter = MessageFilter::default();
        let answer = self.says(by, Call::MessageReceive { filter, timeout: Some(0) });
        let Reply::Message(message) = crate::sim::done(&answer) else { panic!("{answer:?}") };
        let number = message.as_ref().map(|message| message.body.parse::<usize>().expect("a number"));
        let expected = self.inboxes.get(&by).and_then(|inbox| inbox.first().copied());
        assert_eq!(number, expected, "{by} got another message");
    }

    /// Another kernel over the same disk.
    fn again(&mut self, how: impl FnOnce(House) -> House) {
        self.lines.clear();
        self.house = self.house.take().map(how);
    }

    fn grant(&self, step: &Step) {
        let Step::Grant { to, pattern, rights, effect, uses, seconds } = step else { return };
        let new = NewGrant {
            holder: to.map_or(Holder::Image(BASE.into()), |at| Holder::Process(self.pids[at])),
            rights: *rights,
            pattern: pattern.clone(),
            effect: *effect,
            uses: *uses,
            expires_in: seconds.map(Duration::from_secs),
            only_tool: None,
        };
        self.kernel().grant(new).unwrap();
    }

    /// What is handed on, over what the giver has.
    pub fn handed(&self, from: usize, lines: &[Handed]) -> Vec<Delegation> {
        let own: Vec<Grant> = self.kernel().grants_of(self.pids[from]);
        let of_files = |grant: &&Grant| grant.effect == Effect::Allow && grant.pattern.kind() == Kind::Fs;
        let own: Vec<&Grant> = own.iter().filter(of_files).collect();
        let line = |line: &Handed| {
            let like = line.like.filter(|_| !own.is_empty()).map(|index| *index.get(&own));
            let (rights, pattern) = match like {
                Some(like) if like.pattern.contains(&line.pattern) => (like.rights, line.pattern.clone()),
                Some(like) => (like.rights, like.pattern.clone()),
                None => (line.rights, line.pattern.clone()),
            };
            Delegation { rule: Rule { rights, pattern }, uses: line.uses, expires_in: None }
        };
        lines.iter().map(line).collect()
    }

    fn delegate(&self, from: usize, to: usize, lines: &[Handed]) {
        let before = self.kernel().grants();
        if self.kernel().delegate(self.pids[from], self.pids[to], &self.handed(from, lines)).is_err() {
            assert_eq!(before, self.kernel().grants(), "what is refused changes nothing");
        }
    }

    /// Reads a file, if it may: a use is taken.
    fn read(&self, by: usize, name: &Resource) {
        let (kernel, pid) = (self.kernel(), self.pids[by]);
        let started = kernel.start_call(self.house().start(pid)).unwrap();
        let place = Place { pid, call: started.row.id, position: 0, incarnation: 0 };
        let prepared = Prepared {
            probe: Probe::None,
            directory: false,
            present: [0; 32],
            content: true,
            trouble: None,
            order: None,
        };
        let attempt = Attempt {
            kind: None,
            place,
            call: Arc::new(Call::FsRead { path: String::new() }),
            asked: vec![name.clone()],
            names: vec![name.clone()],
            prepared: Some(prepared),
        };
        if let Admit::Go(permit, _) = kernel.admit(&attempt).unwrap() {
            let _ = kernel.close(permit, Err(CallError::Internal), |_, _, reply| Ok(reply));
        }
        kernel.end_call(place.call, Ok("null".into())).unwrap();
    }

    /// Whether the calls of a process are the model's.
    pub fn has_calls(&self, who: usize, calls: &[Under]) -> bool {
        let live = |id: &CallId| self.kernel().is_live(*id);
        self.calls[who].len() == calls.len() && self.calls[who].iter().all(live)
    }
}

fn sleep() -> Call {
    Call::ClockSleep { nanoseconds: SLEEP * 1_000_000_000 }
}

/// The real kernel as a machine, on which a law is checked after every step.
pub struct Machine<L>(PhantomData<L>);

impl<L: Law> StateMachineTest for Machine<L> {
    type SystemUnderTest = Real;
    type Reference = Paper;

    fn init_test(_: &Model) -> Real {
        Real::new()
    }

    fn apply(mut real: Real, model: &Model, step: Step) -> Real {
        real.step(&step, model);
        let bodies = |process: &Process| process.inbox.iter().map(|message| message.body).collect();
        real.inboxes = model.processes.iter().map(bodies).enumerate().collect();
        L::check(&mut real, model, &step);
        real
    }

    fn teardown(real: Real, model: Model) {
        L::close(&real, &model);
        real.close();
    }
}
