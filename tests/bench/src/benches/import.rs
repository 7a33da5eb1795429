//! One system call of a guest that only looks: the difference between a guest that makes many and one that makes none.

use crate::alloc::allocations;
use crate::bare::Bare;
use crate::guests;
use crate::measure::{each, keep, nanoseconds, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Scratch};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use libos::engine::compile::Origin;
use libos::engine::{CodeCache, Engine, Prepared};
use libos::kernel::kernel::{Admit, Attempt, Kernel, Place};
use libos::kernel::model::call::{Call, ObjectOptions, Payload};
use libos::kernel::model::id::{CallId, Pid};
use libos::kernel::model::resource::{Kind, Resource};
use libos::kernel::model::row::request_digest;
use libos::kernel::syscall::Line;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

const ROUNDS: usize = 9;
/// System calls of one turn.
const IMPORTS: usize = 4_000;
/// So many that the committer's pace shows: what is recorded and not yet on the disk is bounded.
const MANY: usize = 40_000;
const FILE: &str = "notes.md";
const OBJECT: &str = "note";

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let scratch = Scratch::new("import");
    std::fs::write(scratch.workspace().join(FILE), [b'x'; 1_024]).unwrap();
    let world = scratch.world();
    let kernel = stage::kernel_with_tool(scratch.storage(), world);
    let stage = Stage::new(tokio.handle().clone(), kernel);
    object(report, &stage);
    file(report, &stage, &scratch);
}

fn object(report: &mut Report, stage: &Stage) {
    let reads = |count| format!(r#"{{"name":"{OBJECT}","count":{count}}}"#);
    let bare = Bare::new(guests::BENCH_LOOPS);
    let through = || stage.difference(&stage.loops, "read_object", reads, IMPORTS);
    let bare = || {
        let time = |count| {
            let began = Instant::now();
            stage.on.block_on(bare.call("read_object", &reads(count)));
            nanoseconds(began.elapsed())
        };
        (time(IMPORTS) - time(0)) / IMPORTS as f64
    };
    let call = || Call::ObjectRead { name: OBJECT.into() };
    let line = || stage.line_alone(call);
    let name = Resource::new(Kind::Object, format!("process/{}/{OBJECT}", stage.pid.0));
    let admit = || stage.admit_alone(&call(), &name);
    let digest = || each(IMPORTS, || (0..IMPORTS).for_each(|_| keep(request_digest(&call()))));
    let costs = turns(ROUNDS, [&mut { through }, &mut { bare }, &mut { line }, &mut { admit }, &mut { digest }]);
    let row = Row::time("import.object.read", "1 KiB through the line", costs[0]);
    let row = row.against("a bare import", costs[1]).target(Target::OverAtMost(1_500.0));
    let row = row
        .phase("the line alone, without a guest", costs[2])
        .phase("of it: admit, and the permit given back", costs[3]);
    let row = row.phase("digest of the request, when it is replayed", costs[4]);
    report.row(row.fact("allocations of the line", stage.allocations(call)));
    let [many] = turns(3, [&mut || stage.difference(&stage.loops, "read_object", reads, MANY)]);
    let what = format!("the same, {MANY} without a pause: the committer's pace");
    report.row(Row::time("import.object.many", what, many).against("a bare import", costs[1]));
}

fn file(report: &mut Report, stage: &Stage, scratch: &Scratch) {
    let directory = Dir::open_ambient_dir(scratch.workspace(), ambient_authority()).unwrap();
    let reads = |count| format!(r#"{{"path":"{FILE}","count":{count}}}"#);
    let through = || stage.difference(&stage.reads, "read_loop", reads, IMPORTS);
    let native = || each(IMPORTS, || (0..IMPORTS).for_each(|_| keep(directory.read(FILE).unwrap())));
    let line = || stage.line_alone(|| Call::FsRead { path: FILE.into() });
    let nothing = || stage.line_without_outside(|| Call::FsRead { path: FILE.into() });
    let costs = turns(ROUNDS, [&mut { through }, &mut { native }, &mut { line }, &mut { nothing }]);
    let row = Row::time("import.fs.read", "1 KiB through the line", costs[0]);
    let row = row.against("native cap-std read", costs[1]).target(Target::TimesAtMost(2.0));
    let row = row.phase("the line alone, without a guest", costs[2]);
    let row = row.phase("the line alone, over an outside that does nothing", costs[3]);
    report.row(row.fact("allocations of the line", stage.allocations(|| Call::FsRead { path: FILE.into() })));
}

struct Stage {
    on: Handle,
    kernel: Arc<Kernel>,
    /// A kernel over an outside that does nothing.
    idle: Arc<Kernel>,
    engine: Engine,
    loops: Arc<Prepared>,
    reads: Arc<Prepared>,
    pid: Pid,
}

impl Stage {
    fn new(on: Handle, kernel: Arc<Kernel>) -> Stage {
        let engine = Engine::new(72).unwrap();
        let cache = CodeCache::new(Arc::clone(&kernel), None);
        let prepare = |number: u8, bytes: &'static [u8]| {
            engine.prepare(&[number; 32], &cache, Origin::Program, || Ok(bytes.to_vec())).unwrap()
        };
        let (loops, reads) = (prepare(1, guests::BENCH_LOOPS), prepare(2, guests::READ_LOOP));
        let pid = stage::process(&kernel);
        let payload = Payload::Bytes(vec![7; 1_024]);
        let options = ObjectOptions {
            object_type: "note".into(),
            immutable: false,
            title: String::new(),
            tags: Vec::new(),
            sources: Vec::new(),
        };
        let mut line = stage::line(&kernel, pid);
        on.block_on(stage::done(&mut line, Call::ObjectCreate { name: OBJECT.into(), payload, options }));
        let idle =
            stage::kernel_with_tool(Arc::new(libos::kernel::store::disk::Memory::default()), Arc::new(stage::Nothing));
        Stage { on, kernel, idle, engine, loops, reads, pid }
    }

    /// Nanoseconds of one of the system calls that a guest makes.
    fn difference(&self, prepared: &Prepared, export: &str, arguments: impl Fn(usize) -> String, count: usize) -> f64 {
        let none = self.guest(prepared, export, arguments(0));
        (self.guest(prepared, export, arguments(count)) - none) / count as f64
    }

    /// Nanoseconds of a call, until its end; then everything is brought to the disk.
    fn guest(&self, prepared: &Prepared, export: &str, arguments: String) -> f64 {
        let mut started = stage::start(&self.kernel, self.pid, stage::TOOL, arguments);
        started.row.export = export.into();
        let line = Line::new(Arc::clone(&self.kernel), &started);
        let began = Instant::now();
        let result = self.on.block_on(self.engine.call(prepared, line, &started)).unwrap();
        let took = nanoseconds(began.elapsed());
        assert!(result.is_ok(), "{result:?}");
        self.end(&self.kernel, started.row.id);
        took
    }

    fn end(&self, kernel: &Kernel, call: CallId) {
        kernel.end_call(call, Ok("null".into())).unwrap();
        self.on.block_on(kernel.barrier()).unwrap();
    }

    /// Allocations of a system call of a native caller, its arguments with them.
    fn allocations(&self, call: impl Fn() -> Call) -> String {
        let (first, last) = (Cell::new(None), Cell::new(0));
        self.line_alone(|| {
            last.set(allocations());
            first.set(first.get().or(Some(last.get())));
            call()
        });
        let count = last.get() - first.get().unwrap_or_default();
        format!("{:.1}", count as f64 / (IMPORTS - 1) as f64)
    }

    /// Nanoseconds of a system call of a native caller.
    fn line_alone(&self, call: impl FnMut() -> Call) -> f64 {
        self.native(&self.kernel, self.pid, call)
    }

    fn line_without_outside(&self, call: impl Fn() -> Call) -> f64 {
        self.native(&self.idle, stage::process(&self.idle), call)
    }

    fn native(&self, kernel: &Arc<Kernel>, pid: Pid, mut call: impl FnMut() -> Call) -> f64 {
        let mut line = stage::line(kernel, pid);
        let cost = each(IMPORTS, || {
            self.on.block_on(async {
                for _ in 0..IMPORTS {
                    stage::done(&mut line, call()).await;
                }
            });
        });
        self.end(kernel, line.call());
        cost
    }

    fn admit_alone(&self, call: &Call, name: &Resource) -> f64 {
        let line = stage::line(&self.kernel, self.pid);
        let place = Place { pid: self.pid, call: line.call(), position: 0, incarnation: 0 };
        let names = vec![name.clone()];
        let attempt =
            Attempt { place, call: Arc::new(call.clone()), asked: names.clone(), names, kind: None, prepared: None };
        let cost = each(IMPORTS, || {
            for _ in 0..IMPORTS {
                match self.kernel.admit(&attempt).unwrap() {
                    Admit::Go(permit, _) => self.kernel.give_back(permit),
                    _ => panic!("it is granted"),
                }
            }
        });
        self.end(&self.kernel, line.call());
        cost
    }
}
