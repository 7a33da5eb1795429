//! Checkpoints of processes with few and with many objects: taking one costs nothing for an object, going back costs what has changed.
//! The store is in memory, so that the disk hides nothing.

use crate::measure::{median, nanoseconds};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Nothing};
use libos::kernel::kernel::Kernel;
use libos::kernel::model::call::{Call, ObjectOptions, Payload};
use libos::kernel::model::id::Pid;
use libos::kernel::store::disk::Memory;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

const ROUNDS: usize = 5;
const FEW: usize = 1_000;

pub fn run(report: &mut Report) {
    let tokio = stage::tokio();
    let many = if report.options.full { 100_000 } else { 10_000 };
    let (few, more) = (Costs::of(tokio.handle(), FEW), Costs::of(tokio.handle(), many));
    let each = |cost: f64, count: usize| cost / count as f64;
    let row = Row::time("checkpoint.create", format!("of a process with {FEW} objects"), few.create);
    report.row(row.target(Target::AtMost(5e6)));
    let row = Row::time("checkpoint.restore", format!("{FEW} objects that have all changed since"), few.restore);
    report.row(row.target(Target::AtMost(10e6)));
    let row = Row::time("checkpoint.create.many", format!("of a process with {many} objects"), more.create);
    report.row(row.against(format!("with {FEW}"), few.create).target(Target::TimesAtMost(3.0)));
    let row = Row::time(
        "checkpoint.restore.many",
        format!("an object of {many} that have changed"),
        each(more.restore, many),
    );
    report.row(row.against(format!("of {FEW}"), each(few.restore, FEW)).target(Target::TimesAtMost(2.0)));
}

/// Nanoseconds.
struct Costs {
    create: f64,
    restore: f64,
}

impl Costs {
    fn of(on: &Handle, count: usize) -> Costs {
        let kernel = stage::kernel_with_tool(Arc::new(Memory::default()), Arc::new(Nothing));
        let pid = stage::process(&kernel);
        let options = || ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
        each_object(on, &kernel, pid, count, |name| Call::ObjectCreate {
            name,
            payload: payload(),
            options: options(),
        });
        let (mut create, mut restore) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let taken = kernel.checkpoint(pid, "to come back").unwrap().what.id;
            create.push(nanoseconds(began.elapsed()));
            let update = |name| Call::ObjectUpdate { name, payload: payload(), expected_version: None };
            each_object(on, &kernel, pid, count, update);
            let began = Instant::now();
            let restored = kernel.restore(taken).unwrap().what;
            restore.push(nanoseconds(began.elapsed()));
            assert_eq!(restored.objects, count as u64);
            kernel.remove_checkpoint(taken).unwrap();
            on.block_on(kernel.barrier()).unwrap();
        }
        Costs { create: median(&mut create), restore: median(&mut restore) }
    }
}

/// Does something with each object; all of it is on the disk then. A call makes so many system calls at most.
fn each_object(on: &Handle, kernel: &Arc<Kernel>, pid: Pid, count: usize, call: impl Fn(String) -> Call) {
    const A_CALL: usize = 5_000;
    on.block_on(async {
        for first in (0..count).step_by(A_CALL) {
            let mut line = stage::line(kernel, pid);
            for number in first..count.min(first + A_CALL) {
                kernel.room().await.unwrap();
                stage::done(&mut line, call(format!("o{number}"))).await;
            }
            kernel.end_call(line.call(), Ok("null".into())).unwrap();
        }
        kernel.barrier().await.unwrap();
    });
}

fn payload() -> Payload {
    Payload::Bytes(vec![7; 200])
}
