//! A kernel over the simulated world and disk, with one tool, and a person who ends waits.

use super::disk::{SimStorage, Tear};
use super::notary::SimNotary;
use super::world::SimWorld;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{FoundTool, HostError, Kernel, NewTool, Options, Reaction, StartCall, Validation};
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Approval, Call, Reply};
use libos_kernel::model::candidate::{Problem, Report, TestOutcome};
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::{CallId, Digest, Pid, QuestionId, hex};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::question::{QuestionRow, Subject};
use libos_kernel::model::record::Record;
use libos_kernel::model::resource::Pattern;
use libos_kernel::model::right::Rights;
use libos_kernel::model::row::Wait;
use libos_kernel::model::rule::Rule;
use libos_kernel::store::reader::Snapshot;
use libos_kernel::syscall::Line;
use sha2::{Digest as _, Sha256};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The mount that processes start in.
pub const MOUNT: &str = "workspace";
/// The only tool.
const TOOL: &str = "act";
/// The component that runs the scripts of tools that processes propose.
pub const BRIDGE: &[u8] = b"the component of scripts";

/// A kernel and what is around it.
pub struct House {
    pub world: Arc<SimWorld>,
    pub disk: SimStorage,
    pub kernel: Arc<Kernel>,
    /// Who signs the heads of its log, if anybody does.
    pub notary: Option<Arc<SimNotary>>,
}

/// How the person who ends waits answers.
#[derive(Debug, Clone)]
pub struct Clerk {
    pub approval: Approval,
    pub note: Option<String>,
    pub text: &'static str,
}

impl Default for Clerk {
    fn default() -> Self {
        Self { approval: Approval::Allow, note: None, text: "the blue one" }
    }
}

/// The models that its rules may be about.
const MODELS: &str = "[model.main]\nbase-url = \"https://model.example/v1\"\nmodel = \"main-1\"\n";

impl House {
    /// A new one. A rule is `allow`, `ask` or `deny`, rights and a resource, for processes of the image `base`; `default ask` is one
    /// too.
    pub fn new(rules: &[&str]) -> House {
        House::signed(rules, None)
    }

    /// A new one whose heads are signed.
    pub fn signed(rules: &[&str], notary: Option<Arc<SimNotary>>) -> House {
        let disk = SimStorage::default();
        let world = Arc::new(SimWorld::new(MOUNT, disk.clone()));
        let house = House::open_signed(world, disk, notary).expect("a new store opens");
        house.furnish(rules).expect("a new store takes a policy");
        house
    }

    /// Adds the tool, another one that it can call, and puts the rules in force.
    pub fn furnish(&self, rules: &[&str]) -> Result<(), HostError> {
        self.kernel.add_tools(b"a component", &every_interface(), vec![tool(TOOL, None), tool("echo", None)], true)?;
        self.set_rules(rules)
    }

    /// Puts other rules in force.
    pub fn set_rules(&self, rules: &[&str]) -> Result<(), HostError> {
        let lines = |word: &str| -> String {
            let rules = rules.iter().filter_map(|rule| rule.strip_prefix(word)?.strip_prefix(' '));
            rules.map(|rule| format!("  {rule:?},\n")).collect()
        };
        let default = if rules.contains(&"default ask") { "ask" } else { "deny" };
        let text = format!(
            "{MODELS}[mounts]\n{MOUNT} = \".\"\n[image.{BASE}]\ndefault = \"{default}\"\nallow = [\n{}]\nask = [\n{}]\ndeny = [\n{}]\n",
            lines("allow"),
            lines("ask"),
            lines("deny"),
        );
        self.kernel.set_policy(&text).map(drop)
    }

    /// A kernel over what is on the disk.
    pub fn open(world: Arc<SimWorld>, disk: SimStorage) -> Result<House, HostError> {
        House::open_signed(world, disk, None)
    }

    /// A kernel over what is on the disk, whose heads are signed.
    pub fn open_signed(
        world: Arc<SimWorld>,
        disk: SimStorage,
        notary: Option<Arc<SimNotary>>,
    ) -> Result<House, HostError> {
        let mut options = Options::new(Arc::new(disk.clone()), Arc::clone(&world) as _);
        options.notary = notary.clone().map(|notary| notary as _);
        Ok(House { world, disk, kernel: Kernel::open(options)?, notary })
    }

    /// Closes the kernel in an orderly way and opens it again.
    pub fn reopen(self) -> House {
        self.kernel.shutdown();
        let House { world, disk, kernel, notary } = self;
        drop(kernel);
        House::open_signed(world, disk, notary).expect("what was closed opens again")
    }

    /// Takes the power away, gives it back, and opens what is left.
    pub fn crash(self, tear: Tear) -> House {
        self.disk.cut();
        self.kernel.shutdown();
        let House { world, disk, kernel, notary } = self;
        drop(kernel);
        disk.recover(tear);
        House::open_signed(world, disk, notary).expect("what a crash leaves opens again")
    }

    /// A process of the image `base`.
    pub fn process(&self) -> Pid {
        self.kernel.new_process(BASE, false).expect("a process starts")
    }

    /// What a call of the tool is started with.
    pub fn start(&self, pid: Pid) -> StartCall {
        StartCall { pid, tool: TOOL.into(), arguments: "null".into(), limits: CallLimits::default(), keep: false }
    }

    /// A call by a process.
    pub fn line_of(&self, pid: Pid) -> Line {
        let started = self.kernel.start_call(self.start(pid)).expect("a call starts");
        Line::new(Arc::clone(&self.kernel), &started)
    }

    /// A call by a new process.
    pub fn line(&self) -> Line {
        self.line_of(self.process())
    }

    /// A call that is started again.
    pub async fn resume(&self, call: CallId) -> Line {
        let started = self.kernel.resume_call(call).await.expect("the call can be resumed");
        Line::new(Arc::clone(&self.kernel), &started)
    }

    /// Makes a system call; whenever it waits, the clerk ends the wait.
    pub async fn run_with(&self, line: &mut Line, call: Call, clerk: &Clerk) -> Result<Arc<Answer>, Stop> {
        let (mut waiting, id) = (line.waiting(), line.call());
        let run = line.run(call);
        tokio::pin!(run);
        loop {
            tokio::select! {
                biased;
                answer = &mut run => return answer,
                waits = waiting.wait_for(Option::is_some) => drop(waits),
                () = self.kernel.stopped() => return Err(Stop::Host("stopped".into())),
            }
            self.end_wait(id, clerk).await?;
        }
    }

    /// Makes a system call, with a clerk who says yes.
    pub async fn run(&self, line: &mut Line, call: Call) -> Result<Arc<Answer>, Stop> {
        self.run_with(line, call, &Clerk::default()).await
    }

    /// Makes a system call that must wait, and lets the call go from memory.
    pub async fn park(&self, mut line: Line, call: Call) -> CallId {
        let (mut waiting, id) = (line.waiting(), line.call());
        tokio::select! {
            biased;
            answer = line.run(call) => panic!("it did not wait, it answered {answer:?}"),
            waits = waiting.wait_for(Option::is_some) => drop(waits),
        }
        assert!(self.kernel.park_call(id), "a call that waits can be parked");
        id
    }

    /// Ends what a call waits for.
    pub async fn end_wait(&self, call: CallId, clerk: &Clerk) -> Result<(), Stop> {
        match self.kernel.wait_of(call) {
            None => {}
            // Who sends nothing lets the time pass.
            Some(Wait::Until(time) | Wait::Message { until: Some(time), .. }) => {
                self.world.set_clock(time);
                self.kernel.fire_timers_due();
            }
            Some(Wait::Children { until, .. }) => {
                let until = until.ok_or_else(|| Stop::Host("nobody ends this wait for a child".into()))?;
                self.world.set_clock(until);
                self.kernel.fire_timers_due();
            }
            Some(Wait::Message { until: None, .. }) => return Err(Stop::Host("nothing is sent".into())),
            Some(Wait::Call(nested)) => {
                let started = self.kernel.resume_call(nested).await;
                let started = started.map_err(|error| Stop::Host(error.to_string()))?;
                self.kernel.end_call(started.row.id, Ok(clerk.text.into()))?;
            }
            Some(Wait::Validation(_)) => self.validate(None),
            Some(Wait::Question(id)) => {
                self.kernel.barrier().await?;
                let reaction = match self.question(id).subject {
                    Subject::Question { .. } => Reaction::Tell { text: clerk.text.into() },
                    _ => Reaction::Approve { approval: clerk.approval, note: clerk.note.clone() },
                };
                if let Err(error) = self.kernel.answer(id, reaction) {
                    return Err(Stop::Host(error.to_string()));
                }
            }
        }
        Ok(())
    }

    /// Ends every validation that is wanted: all tests pass, or there is this problem.
    pub fn validate(&self, problem: Option<&str>) {
        for Validation { row, .. } in self.kernel.take_validations() {
            let script = script_of(&row.digest).into_bytes();
            let files = vec![(digest(BRIDGE), BRIDGE.to_vec()), (digest(&script), script.clone())];
            let tool = NewTool { script: Some(digest(&script)), ..tool("run", None) };
            let found = FoundTool { component: digest(BRIDGE), imports: vec!["fs".into()], tool, files };
            let passed = |_: &_| TestOutcome { passed: true, message: String::new() };
            let tests = row.proposal.tests.iter().map(passed).collect();
            let problems: Vec<Problem> = problem.map(Problem::of).into_iter().collect();
            let found = if problems.is_empty() { Ok(found) } else { Err(problems) };
            self.kernel.end_validation(&row, found, Report { tests, ..Report::default() });
        }
    }

    /// What a call waits for, which must be a person.
    pub fn asked(&self, call: CallId) -> QuestionId {
        match self.kernel.wait_of(call) {
            Some(Wait::Question(id)) => id,
            other => panic!("{call} waits for {other:?}, not for a person"),
        }
    }

    /// A committed question.
    pub fn question(&self, id: QuestionId) -> QuestionRow {
        View(&self.snapshot()).question(id).expect("the store can be read").expect("the question is committed")
    }

    /// What is in all purses, and what was spent, is what was put in.
    #[track_caller]
    pub fn purses_add_up(&self) {
        assert_eq!(self.kernel.purses_that_do_not_add_up(), []);
    }

    /// What is committed.
    pub fn snapshot(&self) -> Snapshot {
        self.kernel.snapshot().expect("the store can be read")
    }

    /// All records, after everything is on the disk.
    pub async fn records(&self) -> Vec<Record> {
        self.kernel.barrier().await.expect("the disk works");
        let mut records = Vec::new();
        let all = View(&self.snapshot()).records(0, |record| {
            records.push(record);
            ControlFlow::Continue(())
        });
        all.expect("the log can be read");
        records
    }

    /// The records of a call's system calls.
    pub async fn records_of(&self, call: CallId) -> Vec<Record> {
        let all = self.records().await.into_iter();
        all.filter(|record| record.call == Some(call) && record.position.is_some()).collect()
    }

    /// Makes grants, as a person. The rule is as for [`House::new`].
    pub fn grant(&self, holder: Holder, rule: &str, uses: Option<u32>) -> Vec<Grant> {
        self.kernel.grant(new_grant(holder, rule, uses)).expect("the grant is made").what
    }
}

/// What bytes are known by.
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The script that is made of a proposal with this source.
pub fn script_of(source: &Digest) -> String {
    format!("the script of {}", hex(source))
}

/// A tool that declares this.
pub fn tool(name: &str, needs: Option<&[&str]>) -> NewTool {
    NewTool {
        name: name.into(),
        export: name.into(),
        summary: "Acts.".into(),
        arguments: "{}".into(),
        result: "{}".into(),
        needs: needs.map(|needs| needs.iter().map(|need| Rule::parse(need).expect("a rule")).collect()),
        script: None,
    }
}

/// The imports of a component that uses everything.
pub fn every_interface() -> Vec<String> {
    ["fs", "object", "human", "clock", "process", "tools", "message", "shell"].map(str::to_owned).to_vec()
}

/// A grant as a person writes it.
pub fn new_grant(holder: Holder, rule: &str, uses: Option<u32>) -> libos_kernel::kernel::NewGrant {
    let words: Vec<&str> = rule.split(' ').collect();
    let [effect, rights, pattern] = words[..] else { panic!("'{rule}' is no rule") };
    let effect = [Effect::Allow, Effect::Ask, Effect::Deny].into_iter().find(|known| known.word() == effect);
    libos_kernel::kernel::NewGrant {
        holder,
        rights: Rights::parse(rights).expect("rights"),
        pattern: Pattern::parse(pattern).expect("a pattern"),
        effect: effect.expect("an effect"),
        uses,
        expires_in: None,
        only_tool: None,
    }
}

/// The reply of a system call that must have been carried out.
#[track_caller]
pub fn done(answer: &Result<Arc<Answer>, Stop>) -> &Reply {
    match answer {
        Ok(answer) => match &**answer {
            Answer::Done(reply) => reply,
            Answer::Failed(error) => panic!("it failed: {error}"),
        },
        Err(stop) => panic!("it was stopped: {stop}"),
    }
}

/// A word for how a system call ended: `done`, `denied`, another error's text, or `stopped`.
pub fn words(answer: &Result<Arc<Answer>, Stop>) -> String {
    match answer {
        Ok(answer) => match &**answer {
            Answer::Done(_) => "done".into(),
            Answer::Failed(CallError::Denied(_)) => "denied".into(),
            Answer::Failed(error) => error.to_string(),
        },
        Err(stop) => format!("stopped: {stop}"),
    }
}
