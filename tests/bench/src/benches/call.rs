//! A call of a tool that does nothing: what starting, recording and ending cost beside the bare instance.

use crate::bare::Bare;
use crate::guests;
use crate::measure::{Parts, each, keep, processor_time, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Scratch};
use libos::engine::compile::Origin;
use libos::engine::{CodeCache, Engine, Prepared};
use libos::kernel::kernel::Kernel;
use libos::kernel::model::id::Pid;
use libos::kernel::model::image::BASE;
use libos::kernel::syscall::Line;
use libos::{CallEvent, CallRequest, Config, Runtime};
use std::sync::Arc;
use tokio::runtime::Handle;

const ROUNDS: usize = 9;
/// Calls of one turn.
const CALLS: usize = 2_000;
/// Calls at once through the runtime.
const AT_ONCE: usize = 64;
const TARGET: Target = Target::TimesAtMost(1.6);

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let scratch = Scratch::new("call");
    let stage = tokio.block_on(Stage::new(&scratch));
    let on = tokio.handle();
    let bare = || each(CALLS, || on.block_on(Stage::bare_calls(&stage.bare, CALLS)));
    let recorded = || {
        let cost = each(CALLS, || on.block_on(stage.recorded_calls(&mut Parts::new())));
        on.block_on(stage.kernel.barrier()).unwrap();
        cost
    };
    let together = || each(CALLS, || stage.together(on, Some(stage.pid)));
    let fresh = || each(CALLS, || stage.together(on, None));
    let bare_together = || each(CALLS, || Stage::bare_together(&stage.bare, on));
    let scanning = || each(CALLS, || on.block_on(Stage::bare_calls(&stage.scanning, CALLS)));
    let scanning_together = || each(CALLS, || Stage::bare_together(&stage.scanning, on));
    let costs = turns(
        ROUNDS,
        [
            &mut { bare },
            &mut { recorded },
            &mut { together },
            &mut { fresh },
            &mut { bare_together },
            &mut { scanning },
            &mut { scanning_together },
        ],
    );
    let mut parts = Parts::new();
    on.block_on(stage.recorded_calls(&mut parts));
    let parts = parts.means(["start_call", "a fresh instance runs", "end_call"]);
    let processor = |work: &dyn Fn()| {
        let before = processor_time();
        work();
        (processor_time() - before) / CALLS as f64
    };
    let bare_processor = processor(&|| keep(bare()));
    let against = "bare wasmtime";
    let what = "one after another: start_call, instance, end_call; durability awaited once for all, outside the time";
    let row = Row::time("call.recorded", what, costs[1]).against(against, costs[0]).target(TARGET).phases(parts);
    let row = row.phase("a bare call with pagemap_scan", costs[5]).phase("processor time, bare", bare_processor);
    report.row(row.phase("processor time, all threads", processor(&|| keep(recorded()))));
    let what = format!("Runtime::start to Ended, {AT_ONCE} at once, each one's end durable");
    let row = Row::time("call.runtime", what, costs[2]).against(against, costs[0]).target(TARGET);
    let row = row.phase(format!("bare calls, {AT_ONCE} at once"), costs[4]);
    let row = row.phase("the same with pagemap_scan", costs[6]);
    report.row(row.phase("processor time, all threads", processor(&|| keep(together()))));
    let what = format!("as call.runtime, each by a process of its own, with the {} grants of its image", 5);
    let row = Row::time("call.process", what, costs[3]).against(against, costs[0]);
    report.row(row.phase("processor time, all threads", processor(&|| keep(fresh()))));
    alone(report, on, &stage);
    tokio.block_on(stage.runtime.close());
}

/// One caller who waits for each call's end to be durable: mostly the disk.
fn alone(report: &mut Report, on: &Handle, stage: &Stage) {
    let alone = || each(100, || (0..100).for_each(|_| on.block_on(stage.one(Some(stage.pid)))));
    let disk = || {
        each(100, || {
            for _ in 0..100 {
                // Any change that waits for the disk.
                stage.kernel.set_policy(stage::POLICY).unwrap();
                on.block_on(stage.kernel.barrier()).unwrap();
            }
        })
    };
    let [alone, disk] = turns(5, [&mut { alone }, &mut { disk }]);
    let row = Row::time("call.alone", "Runtime::start to Ended, one after another, each durable", alone);
    report.row(row.against("one small durable change", disk));
}

struct Stage {
    runtime: Arc<Runtime>,
    kernel: Arc<Kernel>,
    engine: Engine,
    prepared: Arc<Prepared>,
    bare: Arc<Bare>,
    scanning: Arc<Bare>,
    pid: Pid,
}

impl Stage {
    async fn new(scratch: &Scratch) -> Stage {
        let mut config = Config::new(scratch.storage(), scratch.world());
        config.resident_max = AT_ONCE as u32;
        let runtime = Runtime::open(config).unwrap();
        runtime.kernel().set_policy(stage::POLICY).unwrap();
        let added = runtime.add_component(guests::NOOP.to_vec(), None, false).await.unwrap();
        let kernel = Arc::clone(runtime.kernel());
        let engine = Engine::new(AT_ONCE as u32 + 8).unwrap();
        let cache = CodeCache::new(Arc::clone(&kernel), None);
        let prepared =
            engine.prepare(&added.what[0].component, &cache, Origin::Program, || Ok(guests::NOOP.to_vec())).unwrap();
        let pid = stage::process(&kernel);
        Stage {
            runtime,
            kernel,
            engine,
            prepared,
            bare: Arc::new(Bare::new(guests::NOOP)),
            scanning: Arc::new(Bare::that_scans(guests::NOOP)),
            pid,
        }
    }

    async fn bare_calls(bare: &Bare, count: usize) {
        for _ in 0..count {
            bare.call("noop", "{}").await;
        }
    }

    /// Bare calls, so many at once.
    fn bare_together(bare: &Arc<Bare>, on: &Handle) {
        on.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..AT_ONCE {
                let bare = Arc::clone(bare);
                tasks.spawn(async move { Stage::bare_calls(&bare, CALLS / AT_ONCE).await });
            }
            tasks.join_all().await;
        });
    }

    /// The parts: start, run, end.
    async fn recorded_calls(&self, parts: &mut Parts<3>) {
        for _ in 0..CALLS {
            parts.begin();
            let started = stage::start(&self.kernel, self.pid, "noop", "{}".into());
            parts.ended(0);
            let line = Line::new(Arc::clone(&self.kernel), &started);
            let result = self.engine.call(&self.prepared, line, &started).await.unwrap();
            parts.ended(1);
            self.kernel.end_call(started.row.id, result).unwrap();
            parts.ended(2);
        }
    }

    /// Calls through the runtime, so many at once.
    fn together(self: &Stage, on: &Handle, pid: Option<Pid>) {
        on.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..AT_ONCE {
                let runtime = Arc::clone(&self.runtime);
                tasks.spawn(async move {
                    for _ in 0..CALLS / AT_ONCE {
                        one(&runtime, pid).await;
                    }
                });
            }
            tasks.join_all().await;
        });
    }

    async fn one(&self, pid: Option<Pid>) {
        one(&self.runtime, pid).await;
    }
}

async fn one(runtime: &Arc<Runtime>, pid: Option<Pid>) {
    let request = CallRequest { tool: "noop".into(), arguments: "{}".into(), pid, image: BASE.into(), keep: false };
    let event = runtime.call(request).await.unwrap();
    assert!(matches!(&event, CallEvent::Ended(ended) if ended.result.is_ok()), "{event:?}");
}
