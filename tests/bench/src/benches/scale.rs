//! The cost of one operation beside few and beside many live processes with parked calls: it must not grow with them. The store is in
//! memory, so that the disk hides nothing.

use crate::measure::{each, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Nothing};
use libos::kernel::kernel::{Kernel, Reaction};
use libos::kernel::model::call::{Call, ObjectOptions, Payload};
use libos::kernel::model::child::{ChildOptions, Handed};
use libos::kernel::model::id::Pid;
use libos::kernel::store::disk::Memory;
use libos::kernel::syscall::Line;
use std::pin::pin;
use std::sync::Arc;
use tokio::runtime::Handle;

const ROUNDS: usize = 9;
const FEW: usize = 10;
/// Operations of one turn.
const COUNT: usize = 500;

type Operation = fn(&Stage);

const OPERATIONS: [(&str, &str, Operation); 7] = [
    ("scale.call", "start and end of a call", Stage::calls),
    ("scale.process", "a process is made and ended", Stage::processes),
    ("scale.spawn", "a child is spawned, and ends with its parent", Stage::spawns),
    ("scale.update", "object.update", Stage::updates),
    ("scale.list", "object.list of three objects", Stage::lists),
    ("scale.read", "fs.read over an outside that does nothing", Stage::reads),
    ("scale.ask", "a person is asked and answers", Stage::questions),
];

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let count = if report.options.full { 100_000 } else { 10_000 };
    let (few, many) = (Stage::new(tokio.handle(), FEW), Stage::new(tokio.handle(), count));
    for (name, what, operation) in OPERATIONS {
        let [few, many] = turns(ROUNDS, [&mut || few.cost(operation), &mut || many.cost(operation)]);
        let row = Row::time(name, format!("{what}, beside {count} parked calls"), many);
        report.row(row.against(format!("beside {FEW}"), few).target(Target::TimesAtMost(2.0)));
    }
    let mut spawns: Vec<f64> = (0..ROUNDS).map(|_| many.spawn_cost()).collect();
    spawns.sort_by(f64::total_cmp);
    let row = Row::time("spawn", "a child is spawned with a grant and its goal", spawns[ROUNDS / 2]);
    report.row(row.target(Target::AtMost(50_000.0)));
}

struct Stage {
    on: Handle,
    kernel: Arc<Kernel>,
    pid: Pid,
}

impl Stage {
    fn new(on: &Handle, parked: usize) -> Stage {
        let kernel = stage::kernel_with_tool(Arc::new(Memory::default()), Arc::new(Nothing));
        on.block_on(stage::park(&kernel, parked));
        let pid = stage::process(&kernel);
        let stage = Stage { on: on.clone(), kernel, pid };
        for name in ["one", "two", "three"] {
            let options = ObjectOptions {
                object_type: "note".into(),
                immutable: false,
                title: String::new(),
                tags: Vec::new(),
                sources: Vec::new(),
            };
            let mut line = stage.line();
            stage.done(&mut line, Call::ObjectCreate { name: name.into(), payload: payload(), options });
            stage.end(&line);
        }
        stage
    }

    /// Nanoseconds of one; what it leaves for the disk is brought there outside the time.
    fn cost(&self, operation: Operation) -> f64 {
        let cost = each(COUNT, || operation(self));
        self.on.block_on(self.kernel.barrier()).unwrap();
        cost
    }

    fn line(&self) -> Line {
        stage::line(&self.kernel, self.pid)
    }

    fn end(&self, line: &Line) {
        self.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    }

    fn done(&self, line: &mut Line, call: Call) {
        self.on.block_on(stage::done(line, call));
    }

    fn repeat(&self, call: impl Fn() -> Call) {
        let mut line = self.line();
        self.on.block_on(async {
            for _ in 0..COUNT {
                stage::done(&mut line, call()).await;
            }
        });
        self.end(&line);
    }

    fn calls(&self) {
        for _ in 0..COUNT {
            self.end(&self.line());
        }
    }

    fn processes(&self) {
        for _ in 0..COUNT {
            let pid = stage::process(&self.kernel);
            self.kernel.end_unused_process(pid, "it was only a bench");
        }
    }

    /// A parent, and what it spawns children with.
    fn parent(&self) -> (Pid, Line) {
        let parent = stage::process(&self.kernel);
        (parent, stage::line(&self.kernel, parent))
    }

    async fn spawn(line: &mut Line) {
        for _ in 0..COUNT {
            let handed = Handed { rule: "read fs:workspace/notes.md".into(), uses: None, expires_in: None };
            let child = ChildOptions { goal: "to measure".into(), grants: vec![handed], ..ChildOptions::default() };
            stage::done(line, Call::ProcessSpawn { child }).await;
        }
    }

    fn spawns(&self) {
        let (parent, mut line) = self.parent();
        self.on.block_on(Stage::spawn(&mut line));
        self.kernel.end_unused_process(parent, "it was only a bench");
    }

    /// Nanoseconds of one spawn alone.
    fn spawn_cost(&self) -> f64 {
        let (parent, mut line) = self.parent();
        let cost = each(COUNT, || self.on.block_on(Stage::spawn(&mut line)));
        self.kernel.end_unused_process(parent, "it was only a bench");
        self.on.block_on(self.kernel.barrier()).unwrap();
        cost
    }

    fn updates(&self) {
        self.repeat(|| Call::ObjectUpdate { name: "one".into(), payload: payload(), expected_version: None });
    }

    fn lists(&self) {
        self.repeat(|| Call::ObjectList { namespace: None });
    }

    fn reads(&self) {
        self.repeat(|| Call::FsRead { path: "notes.md".into() });
    }

    fn questions(&self) {
        let mut line = self.line();
        let call = line.call();
        for _ in 0..COUNT {
            let mut asking = pin!(line.run(Call::HumanAsk { question: "Shall it go on?".into(), queue: None }));
            assert!(stage::poll(asking.as_mut()).is_none());
            let question = stage::question(&self.kernel, call);
            self.kernel.answer(question, Reaction::Tell { text: "yes".into() }).unwrap();
            assert!(stage::poll(asking).is_some());
        }
        self.end(&line);
    }
}

fn payload() -> Payload {
    Payload::Bytes(vec![7; 200])
}
