//! Turns: whoever is to have one has it in the end, whatever the order in which quanta, tools and the run loop come to the lock; and no
//! more run at once than may.

use crate::sim::House;
use crate::{Time, in_every_order};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Kernel, NewAgent, StartQuantum, Started};
use libos_kernel::model::call::Call;
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::message::MessageFilter;
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::script::{Script, Step};
use libos_kernel::syscall::Line;
use shuttle::future::{block_on, spawn};
use std::sync::Arc;

/// Quanta that may run at once.
const RUNNING: u32 = 1;
const PROCESSES: usize = 3;

/// A step with one tool, and one with two at once.
const SCRIPT: &str = "{\"tool\":\"echo\"}\n{\"calls\":[{\"tool\":\"echo\"},{\"tool\":\"echo\"}]}";

fn process(kernel: &Kernel) -> Pid {
    let new = NewAgent { image: BASE, goal: "to try it", planner: Some(SCRIPT), new: true };
    let pid = kernel.new_agent(new).unwrap().what.pid;
    kernel.drive(pid);
    pid
}

/// Starts the next quantum of a process whose turn it is.
fn begin(kernel: &Kernel, pid: Pid) -> Option<Started> {
    let (text, step) = kernel.plan(pid).unwrap()?;
    let results = |step| kernel.step_result(pid, step as u64);
    let step_text = Script::parse(&text).unwrap().step(step as usize, results).unwrap()?.to_json();
    kernel.start_quantum(StartQuantum { pid, step, arguments: step_text, limits: CallLimits::default() }).ok()
}

/// Runs a quantum until it has ended or has left memory.
async fn quantum(kernel: Arc<Kernel>, started: Started) {
    let (mut line, step) = (Line::new(Arc::clone(&kernel), &started), Step::from_json(&started.arguments).unwrap());
    let mut waiting = line.waiting();
    let run = line.run_all(step.calls());
    tokio::pin!(run);
    let mut told = None;
    let answers = loop {
        let is_new = |wait: &Option<u64>| wait.is_some() && *wait != told;
        told = tokio::select! {
            biased;
            answers = &mut run => break answers.unwrap(),
            wait = waiting.wait_for(is_new) => *wait.unwrap(),
        };
        if kernel.park_call(started.row.id) {
            return;
        }
    };
    kernel.end_quantum(started.row.id, step.conclude(&answers)).unwrap();
}

/// Goes on with a call: a quantum, or a tool, which waits for a message if it is of this process, else is done at once.
async fn go_on(kernel: Arc<Kernel>, call: CallId, waiter: Pid) {
    // It has ended, or another one was faster.
    let Ok(started) = kernel.resume_call(call).await else { return };
    if started.row.is_quantum() {
        return quantum(kernel, started).await;
    }
    if started.row.pid == waiter {
        let mut line = Line::new(Arc::clone(&kernel), &started);
        let mut waiting = line.waiting();
        let run = line.run(Call::MessageReceive { filter: MessageFilter::default(), timeout: None });
        tokio::pin!(run);
        let waits = tokio::select! {
            biased;
            _ = &mut run => false,
            _ = waiting.wait_for(Option::is_some) => true,
        };
        if waits {
            if kernel.park_call(call) {
                return;
            }
            run.await.unwrap();
        }
    }
    let _ = kernel.end_call(call, Ok("1".into()));
}

/// Starts what can run, and sleeps until something has changed.
async fn run_loop(kernel: Arc<Kernel>, waiter: Pid) {
    loop {
        for call in kernel.take_runnable() {
            spawn(go_on(Arc::clone(&kernel), call, waiter));
        }
        while let Some(pid) = kernel.next_ready(RUNNING) {
            match begin(&kernel, pid) {
                Some(started) => drop(spawn(quantum(Arc::clone(&kernel), started))),
                None => kernel.put_back(pid),
            }
        }
        kernel.changed().await;
    }
}

fn until_ended(house: &House, pids: &[Pid]) {
    while house.kernel.live_processes().iter().any(|process| pids.contains(&process.pid)) {
        shuttle::thread::yield_now();
    }
}

#[test]
fn everybody_has_all_his_turns_and_no_wake_up_is_lost() {
    in_every_order(Time::Stands, |house: House| {
        let mut pids: Vec<Pid> = (1..PROCESSES).map(|_| process(&house.kernel)).collect();
        let looped = spawn(run_loop(Arc::clone(&house.kernel), pids[0]));
        let kernel = Arc::clone(&house.kernel);
        // One comes when the loop may be asleep.
        pids.push(block_on(spawn(async move { process(&kernel) })).unwrap());
        // Who waits takes nobody's place.
        until_ended(&house, &pids[1..]);
        while !house.kernel.live_processes().is_empty() {
            // It may not have come so far, or have ended meanwhile.
            let _ = house.kernel.signal(pids[0], Signal::Interrupt, "enough");
            shuttle::thread::yield_now();
        }
        looped.abort();
        let _ = block_on(looped);
        block_on(house.kernel.barrier()).unwrap();
        let snapshot = house.snapshot();
        for pid in pids {
            let row = View(&snapshot).process(pid).unwrap().unwrap();
            assert!(matches!(row.state, State::Exited(_)), "{row:?}");
            assert_eq!(row.planner.map(|planner| planner.step), Some(2));
        }
    });
}
