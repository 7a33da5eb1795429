//! Quanta: steps of planners, which need no WebAssembly. So whole scripts run here, on the simulated disk and with hosts that die.

use crate::sim::House;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{NewAgent, StartQuantum, Started};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::process::State;
use libos_kernel::model::row::Wait;
use libos_kernel::model::script::{Script, Step};
use libos_kernel::syscall::Line;
use std::sync::Arc;

const RULES: [&str; 3] = ["allow ask human:owner", "allow sleep clock:sleep", "allow read,list,write fs:workspace/**"];

/// Makes a process with a script.
fn process(house: &House, script: &str) -> Pid {
    Script::parse(script).unwrap();
    let new = NewAgent { image: BASE, goal: "to try it", script: Some(script), new: true };
    let pid = house.kernel.new_agent(new).unwrap().what.pid;
    house.kernel.drive(pid);
    pid
}

/// Starts the next quantum of a process, as a run loop does.
fn begin(house: &House, pid: Pid) -> Started {
    let (text, step) = house.kernel.plan(pid).unwrap().expect("it lives and has a plan");
    let results = |step| house.kernel.step_result(pid, step as u64);
    let arguments = Script::parse(&text).unwrap().step(step as usize, results).unwrap().expect("a step").to_json();
    let limits = CallLimits::default();
    house.kernel.start_quantum(StartQuantum { pid, step, arguments, limits }).unwrap()
}

/// Runs a quantum until it has ended or waits for others; then it leaves memory.
async fn run(house: &House, started: &Started) -> Result<(), Stop> {
    let mut line = Line::new(Arc::clone(&house.kernel), started);
    let step = Step::from_json(&started.arguments).unwrap();
    let mut waiting = line.waiting();
    let answers = tokio::select! {
        biased;
        answers = line.run_all(step.calls()) => answers?,
        waits = waiting.wait_for(Option::is_some) => { drop(waits); assert!(house.kernel.park_call(started.row.id)); return Ok(()); }
    };
    house.kernel.end_quantum(started.row.id, step.conclude(&answers)).map(drop)
}

/// The calls that a call waits for.
fn made(house: &House, call: CallId) -> Vec<CallId> {
    let made = |wait| match wait {
        Wait::Call(made) => made,
        other => panic!("it waits for {other:?}"),
    };
    house.kernel.waits_of(call).into_iter().map(made).collect()
}

/// What a process has come to.
async fn state(house: &House, pid: Pid) -> State {
    house.kernel.barrier().await.unwrap();
    View(&house.snapshot()).process(pid).unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_goes_step_by_step_and_ends_with_its_last_result() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"tool\":\"echo\",\"args\":{\"x\":{\"$from\":[1,\"/a\"]}}}");
    for (step, result) in [(0, r#"{"a":7}"#), (1, "2")] {
        assert_eq!(house.kernel.next_ready(1), Some(pid));
        let quantum = begin(&house, pid);
        assert_eq!(quantum.arguments.contains("{\"x\":7}"), step == 1, "{}", quantum.arguments);
        run(&house, &quantum).await.unwrap();
        let tool = made(&house, quantum.row.id)[0];
        assert_eq!(house.kernel.take_runnable(), [tool]);
        house.resume(tool).await;
        house.kernel.end_call(tool, Ok(result.into())).unwrap();
        assert_eq!(house.kernel.take_runnable(), [quantum.row.id]);
        let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
        run(&house, &resumed).await.unwrap();
    }
    assert_eq!(state(&house, pid).await, State::Exited("2".into()));
    assert_eq!(house.kernel.next_ready(1), None);
}
