//! Calls that behave beside calls that attack: what the attack costs the others.

use crate::guests;
use crate::measure::{median, nanoseconds, percentile};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Scratch};
use libos::kernel::model::limit::CallLimits;
use libos::kernel::store::disk::Memory;
use libos::{CallRequest, Config, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::runtime::Handle;

/// Calls that are measured, alone and beside each attack.
const CALLS: usize = 2_000;
/// What is attacked with, and its arguments.
const ATTACKS: [&str; 3] = ["spin", "memory_bomb", "import_flood"];

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let on = tokio.handle();
    let scratch = Scratch::new("hostile");
    let runtime = on.block_on(open(&scratch));
    let mut alone = calls(on, &runtime);
    let quiet = (percentile(&mut alone, 0.99), median(&mut alone));
    for attack in ATTACKS {
        let stop = Arc::new(AtomicBool::new(false));
        let attacker = {
            let (runtime, stop) = (Arc::clone(&runtime), Arc::clone(&stop));
            on.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    runtime.call(CallRequest::new(attack, "{}")).await.unwrap();
                }
            })
        };
        let mut beside = calls(on, &runtime);
        stop.store(true, Ordering::Relaxed);
        on.block_on(attacker).unwrap();
        let row = Row::time(
            format!("hostile.{}", attack.replace('_', "-")),
            format!("a call that does nothing, p99, while one `{attack}` after another runs"),
            percentile(&mut beside, 0.99),
        );
        let row = row.against("p99 alone", quiet.0).target(Target::TimesAtMost(2.0));
        report.row(row.phase("the median", median(&mut beside)).phase("the median alone", quiet.1));
    }
    on.block_on(runtime.close());
}

async fn open(scratch: &Scratch) -> Arc<Runtime> {
    // In memory: the disk is no part of this.
    let mut config = Config::new(Arc::new(Memory::default()), scratch.world());
    config.limits = Some(CallLimits { cpu_ticks: 20, ..CallLimits::default() });
    let runtime = Runtime::open(config).unwrap();
    runtime.kernel().set_policy(stage::POLICY).unwrap();
    for guest in [guests::NOOP, guests::SPIN, guests::MEMORY_BOMB, guests::IMPORT_FLOOD] {
        runtime.add_component(guest.to_vec(), None, false).await.unwrap();
    }
    runtime
}

/// Nanoseconds of each of so many calls, one after another.
fn calls(on: &Handle, runtime: &Arc<Runtime>) -> Vec<f64> {
    let one = || {
        let began = Instant::now();
        on.block_on(runtime.call(CallRequest::new("noop", "{}"))).unwrap();
        nanoseconds(began.elapsed())
    };
    (0..CALLS).map(|_| one()).collect()
}
