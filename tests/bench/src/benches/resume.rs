//! A parked call whose question is answered: read its journal, start its component again, replay what it was answered.

use crate::bare::Bare;
use crate::guests;
use crate::measure::{each, median, nanoseconds};
use crate::report::{Report, Row, Target, Unit};
use crate::stage::{self, Scratch};
use libos::engine::compile::Origin;
use libos::engine::{CodeCache, Engine, Prepared};
use libos::kernel::kernel::{Kernel, Reaction, Started};
use libos::kernel::model::call::{Call, ObjectOptions, Payload};
use libos::kernel::model::id::{CallId, Pid};
use libos::kernel::syscall::Line;
use libos::{CallEvent, CallRequest, Config, Runtime, Waiting};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Answers of a long replay.
const ANSWERS: usize = 40_000;
/// Answers of 1 KiB: less than a call may keep.
const OBJECTS: usize = 20_000;

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let scratch = Scratch::new("resume");
    let kernel = stage::kernel_with_tool(scratch.storage(), scratch.world());
    let stage = Stage::new(tokio.handle().clone(), kernel);
    let waits = |count| format!(r#"{{"count":{count}}}"#);
    let short = stage.resumes(25, "wait_after", &waits(0));
    let long = stage.resumes(5, "wait_after", &waits(ANSWERS));
    let names = ["resume_call: its journal is read", "Line::new: the journal is copied", "a fresh instance replays"];
    let phases = |parts: &[f64; 3]| names.iter().zip(parts).map(|(name, cost)| ((*name).to_owned(), *cost)).collect();
    let row = Row::time(
        "resume.start",
        "a parked call without answers to replay, until the guest is back at its import",
        short.iter().sum(),
    );
    let fresh = Bare::new(guests::BENCH_LOOPS);
    let bare = |count| {
        let calls = 1 + 2_000 / (count + 1);
        each(calls, || (0..calls).for_each(|_| drop(stage.on.block_on(fresh.call("wait_after", &waits(count))))))
    };
    let bare_none = bare(0);
    report.row(row.against("a bare instance and call", bare_none).target(Target::AtMost(1e6)).phases(phases(&short)));
    let bare_rate = ANSWERS as f64 / (bare(ANSWERS) - bare_none) * 1e9;
    let replayed = |long: &[f64; 3]| -> f64 { long.iter().sum::<f64>() - short.iter().sum::<f64>() };
    let rate = ANSWERS as f64 / replayed(&long) * 1e9;
    let row = Row::new("resume.replay", format!("answers of clock.now, {ANSWERS} in one call"), rate, Unit::PerSecond);
    let row = row.against("bare imports", bare_rate).target(Target::AtLeast(500_000.0)).phases(phases(&long));
    report.row(row.phase("of all: each answer", replayed(&long) / ANSWERS as f64));
    let objects = stage.resumes(3, "read_and_wait", &format!(r#"{{"name":"note","count":{OBJECTS}}}"#));
    let rate = OBJECTS as f64 / replayed(&objects) * 1e9;
    report.row(
        Row::new(
            "resume.objects",
            format!("answers of object.read of 1 KiB, {OBJECTS} in one call"),
            rate,
            Unit::PerSecond,
        )
        .phases(phases(&objects)),
    );
    whole(report, &stage.on);
}

/// From the answer to the end of the call, through the runtime: with every wait for the disk.
fn whole(report: &mut Report, on: &Handle) {
    let scratch = Scratch::new("resume-whole");
    let (mut parked, mut answered, mut disk) = (Vec::new(), Vec::new(), Vec::new());
    on.block_on(async {
        let mut config = Config::new(scratch.storage(), scratch.world());
        config.park_after = Duration::from_millis(1);
        let runtime = Runtime::open(config).unwrap();
        runtime.kernel().set_policy(stage::POLICY).unwrap();
        runtime.add_component(guests::BENCH_LOOPS.to_vec(), None, false).await.unwrap();
        for _ in 0..25 {
            let (_, mut events) = runtime.start(CallRequest::new("wait_after", r#"{"count":0}"#)).await.unwrap();
            let CallEvent::Waits(Waiting::Question(id)) = Runtime::settle(&mut events).await else { panic!("it asks") };
            assert_eq!(events.recv().await, Some(CallEvent::Parked));
            let began = Instant::now();
            runtime.answer(id, Reaction::Tell { text: "yes".into() }).await.unwrap();
            answered.push(nanoseconds(began.elapsed()));
            let event = Runtime::settle(&mut events).await;
            assert!(matches!(event, CallEvent::Ended(_)), "{event:?}");
            parked.push(nanoseconds(began.elapsed()));
            let began = Instant::now();
            runtime.kernel().set_policy(stage::POLICY).unwrap();
            runtime.kernel().barrier().await.unwrap();
            disk.push(nanoseconds(began.elapsed()));
        }
        runtime.close().await;
    });
    let row = Row::time(
        "resume.whole",
        "through the runtime: from the answer to the call's durable end",
        median(&mut parked),
    );
    report.row(
        row.against("one small durable change", median(&mut disk))
            .phase("until the answer is durable", median(&mut answered)),
    );
}

struct Stage {
    on: Handle,
    kernel: Arc<Kernel>,
    engine: Engine,
    prepared: Arc<Prepared>,
    pid: Pid,
}

impl Stage {
    fn new(on: Handle, kernel: Arc<Kernel>) -> Stage {
        let engine = Engine::new(72).unwrap();
        let cache = CodeCache::new(Arc::clone(&kernel), None);
        let prepared = engine.prepare(&[1; 32], &cache, Origin::Program, || Ok(guests::BENCH_LOOPS.to_vec())).unwrap();
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
        on.block_on(stage::done(&mut line, Call::ObjectCreate { name: "note".into(), payload, options }));
        Stage { on, kernel, engine, prepared, pid }
    }

    /// The median of each part of so many resumes.
    fn resumes(&self, rounds: usize, export: &str, arguments: &str) -> [f64; 3] {
        let mut samples: [Vec<f64>; 3] = Default::default();
        for round in 0..=rounds {
            let parts = self.on.block_on(self.resume(export, arguments));
            if round > 0 {
                samples.iter_mut().zip(parts).for_each(|(samples, part)| samples.push(part));
            }
        }
        samples.map(|mut samples| median(&mut samples))
    }

    /// Runs a call until it waits, drops it, answers, and resumes it: reading, copying, replaying.
    async fn resume(&self, export: &str, arguments: &str) -> [f64; 3] {
        let call = self.park(export, arguments).await;
        let question = stage::question(&self.kernel, call);
        let answered = self.kernel.answer(question, Reaction::Tell { text: "yes".into() }).unwrap();
        self.kernel.durable(answered.durable).await.unwrap();
        let began = Instant::now();
        let started = self.export(self.kernel.resume_call(call).await.unwrap(), export);
        let read = nanoseconds(began.elapsed());
        let line = Line::new(Arc::clone(&self.kernel), &started);
        let copied = nanoseconds(began.elapsed());
        let result = self.engine.call(&self.prepared, line, &started).await.unwrap();
        let replayed = nanoseconds(began.elapsed());
        assert_eq!(result, Ok("\"yes\"".into()));
        self.kernel.end_call(call, result).unwrap();
        [read, copied - read, replayed - copied]
    }

    async fn park(&self, export: &str, arguments: &str) -> CallId {
        let started = self.export(stage::start(&self.kernel, self.pid, stage::TOOL, arguments.to_owned()), export);
        let line = Line::new(Arc::clone(&self.kernel), &started);
        let mut waiting = line.waiting();
        let mut running = pin!(self.engine.call(&self.prepared, line, &started));
        tokio::select! {
            ended = &mut running => panic!("it did not wait: {ended:?}"),
            waits = waiting.wait_for(Option::is_some) => drop(waits.unwrap()),
        }
        let call = started.row.id;
        assert!(self.kernel.park_call(call));
        self.kernel.barrier().await.unwrap();
        call
    }

    /// The kernel here has one tool; which export is called is the bench's business.
    fn export(&self, mut started: Started, export: &str) -> Started {
        started.row.export = export.into();
        started
    }
}
