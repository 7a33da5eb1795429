//! Quanta: steps of planners, which need no WebAssembly. So whole scripts run here, on the simulated disk and with hosts that die.

use crate::sim::{House, MOUNT, Tear, done, tool, words};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{NewAgent, StartQuantum, Started};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Call, Reply, WriteMode};
use libos_kernel::model::child::ChildOptions;
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::{CallLimits, EXIT_RESULT_BYTES_MAX};
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::record::{Outcome, Record};
use libos_kernel::model::row::Wait;
use libos_kernel::model::script::{Script, Step};
use libos_kernel::syscall::Line;
use std::sync::Arc;

const RULES: [&str; 3] = ["allow ask human:owner", "allow sleep clock:sleep", "allow read,list,write fs:workspace/**"];

/// Makes a process with a script.
pub fn process(house: &House, script: &str) -> Pid {
    Script::parse(script).unwrap();
    let new = NewAgent { image: BASE, goal: "to try it", planner: Some(script), new: true };
    let pid = house.kernel.new_agent(new).unwrap().what.pid;
    house.kernel.drive(pid);
    pid
}

/// Starts the next quantum of a process, as a run loop does.
pub fn begin(house: &House, pid: Pid) -> Started {
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

/// Ends a tool's call with this result, as if its component had run.
async fn end(house: &House, tool: CallId, result: &str) {
    house.resume(tool).await;
    house.kernel.end_call(tool, Ok(result.into())).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_calls_made_at_once_each_is_made_once_over_a_crash_at_every_point_in_any_order() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        for crashes in 0..8_u32 {
            let mut house = House::new(&RULES);
            let pid = process(
                &house,
                r#"{"calls":[{"tool":"echo"},{"tool":"echo","args":{"n":1}},{"tool":"echo","args":{"n":2}}]}"#,
            );
            let quantum = begin(&house, pid);
            run(&house, &quantum).await.unwrap();
            let tools = made(&house, quantum.row.id);
            for (done, index) in order.into_iter().enumerate() {
                if crashes >> done & 1 == 1 {
                    house.kernel.barrier().await.unwrap();
                    house = house.crash(Tear::None);
                    house.kernel.drive(pid);
                }
                assert_eq!(made(&house, quantum.row.id).len(), 3 - done, "{order:?} {crashes}");
                end(&house, tools[index], &index.to_string()).await;
                let started: Vec<CallId> = house.kernel.take_runnable();
                assert_eq!(started.contains(&quantum.row.id), done == 2, "only the last of its waits starts it again");
            }
            let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
            assert_eq!(resumed.journal.len(), 3);
            run(&house, &resumed).await.unwrap();
            assert_eq!(state(&house, pid).await, State::Exited("[0,1,2]".into()), "{order:?} {crashes}");
            let records = house.records().await;
            assert_eq!(records.iter().filter(|record| record.operation == "call.start").count(), 4);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_dies_between_calls_made_at_once_makes_the_rest_of_them() {
    for position in 0..3 {
        let house = House::new(&RULES);
        let pid = process(&house, r#"{"calls":[{"tool":"echo"},{"tool":"echo"},{"tool":"echo"}]}"#);
        let quantum = begin(&house, pid);
        let mut line = Line::new(Arc::clone(&house.kernel), &quantum);
        line.interrupt_at(Some(position));
        let calls = Step::from_json(&quantum.arguments).unwrap().calls();
        assert!(matches!(line.run_all(calls).await, Err(Stop::Host(_))));
        assert_eq!(made(&house, quantum.row.id).len(), position as usize);
        house.kernel.barrier().await.unwrap();
        let house = house.crash(Tear::None);
        house.kernel.drive(pid);
        // It is started again although it waits: it had not come to all that it does.
        assert!(house.kernel.take_runnable().contains(&quantum.row.id), "{position}");
        let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
        run(&house, &resumed).await.unwrap();
        assert_eq!(made(&house, quantum.row.id).len(), 3, "{position}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_planner_chooses_tools_without_a_right_to_call_them() {
    let house = House::new(&["allow call tool:*"]);
    let mut line = house.line();
    let chosen = || Call::AgentCall { tool: "echo".into(), arguments: "{}".into() };
    let refused = line.run(chosen()).await.unwrap();
    assert!(format!("{refused:?}").contains("only a planner"), "{refused:?}");
    let several = line.run_all(vec![chosen(), chosen()]).await.unwrap();
    assert!(several.iter().all(|answer| format!("{answer:?}").contains("only a planner")), "{several:?}");
    assert_eq!(house.kernel.take_runnable(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_was_chosen_keeps_to_its_own_bound_and_to_the_grants_of_the_process() {
    let house = House::new(&["allow read,write fs:workspace/**", "deny read fs:workspace/secret"]);
    house
        .kernel
        .add_tools(b"narrow", &["fs".into()], vec![tool("narrow", Some(&["read fs:workspace/**"]))], true)
        .unwrap();
    for file in ["a", "secret"] {
        house.world.put_file(&format!("{MOUNT}/{file}"), "1");
    }
    let pid = process(&house, r#"{"tool":"narrow"}"#);
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let mut line = house.resume(made(&house, quantum.row.id)[0]).await;
    let content = || b"2".to_vec();
    let write = Call::FsWrite { path: "b".into(), content: content(), mode: WriteMode::CreateOrReplace };
    for (call, want) in [
        (Call::FsRead { path: "a".into() }, "done"),
        (Call::FsRead { path: "secret".into() }, "denied"),
        (write, "denied"),
    ] {
        assert_eq!(words(&house.run(&mut line, call.clone()).await), want, "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_is_not_of_its_image_is_a_failure_that_the_planner_sees_and_nobody_is_asked() {
    let house = House::new(&["default ask"]);
    let pid = process(&house, r#"{"tool":"never_was","expect":{"failed":"not found"}}"#);
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    assert!(matches!(state(&house, pid).await, State::Exited(_)));
    assert_eq!(View(&house.snapshot()).questions(false).unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_cancelled_is_not_begun_again() {
    let house = House::new(&RULES);
    let pid = process(&house, r#"{"tool":"echo"}"#);
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let tool = made(&house, quantum.row.id)[0];
    house.kernel.cancel_call(quantum.row.id, "enough").unwrap();
    assert_eq!(house.kernel.next_ready(1), None);
    assert!(!house.kernel.is_live(tool));
    assert_eq!(state(&house, pid).await, State::Killed("enough".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_of_a_planner_that_is_cancelled_is_a_failure_of_that_tool_alone() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\",\"expect\":{\"failed\":\"enough\"}}\n{\"exit\":1}");
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    house.kernel.cancel_call(made(&house, quantum.row.id)[0], "enough").unwrap();
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    assert_eq!(house.kernel.next_ready(1), Some(pid));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_taken_once_and_counted_with_its_end() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"exit\":1}");
    let start = |step| StartQuantum { pid, step, arguments: "{}".into(), limits: CallLimits::default() };
    assert!(house.kernel.start_quantum(start(1)).unwrap_err().to_string().contains("not the turn of step 1"));
    let quantum = begin(&house, pid);
    assert!(house.kernel.start_quantum(start(0)).is_err(), "it has one already");
    run(&house, &quantum).await.unwrap();
    assert_eq!(house.kernel.plan(pid).unwrap().unwrap().1, 0);
    end(&house, made(&house, quantum.row.id)[0], "5").await;
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    assert_eq!(house.kernel.plan(pid).unwrap().unwrap().1, 1);
    assert_eq!(house.kernel.step_result(pid, 0).unwrap().as_deref(), Some("5"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_the_host_could_not_run_is_a_failure_that_the_planner_sees() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\",\"expect\":{\"failed\":\"the host failed\"}}\n{\"exit\":1}");
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let tool = made(&house, quantum.row.id)[0];
    house.resume(tool).await;
    house.kernel.lose_call(tool, "no compiler at /secret");
    assert!(!house.kernel.is_live(tool));
    assert!(house.kernel.take_runnable().contains(&quantum.row.id));
    run(&house, &house.kernel.resume_call(quantum.row.id).await.unwrap()).await.unwrap();
    assert_eq!(house.kernel.next_ready(1), Some(pid), "the script goes on");
    let why = Outcome::Failed("no compiler at /secret".into());
    assert!(house.records().await.iter().any(|record| record.call == Some(tool) && record.outcome == why));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_starts_again_holds_no_place_and_nobody_waits_for_it() {
    let house = House::new(&RULES);
    let (one, other) = (process(&house, r#"{"tool":"echo"}"#), process(&house, r#"{"tool":"echo"}"#));
    assert_eq!(house.kernel.next_ready(1), Some(one));
    let quantum = begin(&house, one);
    assert!(!house.kernel.progress(one).is_settled());
    house.kernel.lose_call(quantum.row.id, "a planner panicked");
    assert!(house.kernel.is_live(quantum.row.id), "it can be resumed");
    assert!(house.kernel.progress(one).is_settled());
    assert_eq!(house.kernel.next_ready(1), Some(other));
    house.kernel.drive(one);
    assert!(!house.kernel.progress(one).is_settled(), "it is about to go on");
    // One that a person made for a process with a planner.
    let call = house.line_of(other).call();
    assert!(house.kernel.progress(other).runs);
    house.kernel.signal(other, Signal::Cancel, "enough").unwrap();
    house.kernel.lose_call(call, "the host is closed");
    assert!(house.kernel.progress(other).is_settled());
}

/// Whether the run loop is woken.
async fn is_woken(house: &House) -> bool {
    tokio::select! {
        biased;
        () = house.kernel.changed() => true,
        () = std::future::ready(()) => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_cannot_be_taken_is_offered_again_and_wakes_nobody() {
    let house = House::new(&RULES);
    let pid = process(&house, r#"{"tool":"echo"}"#);
    assert!(is_woken(&house).await, "there is a turn");
    for _ in 0..3 {
        assert_eq!(house.kernel.next_ready(1), Some(pid));
        house.kernel.put_back(pid);
        assert!(!is_woken(&house).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_goes_back_into_its_last_step_ends_with_nothing() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"tool\":\"echo\"}");
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    end(&house, made(&house, quantum.row.id)[0], "5").await;
    run(&house, &house.kernel.resume_call(quantum.row.id).await.unwrap()).await.unwrap();
    let last = begin(&house, pid);
    run(&house, &last).await.unwrap();
    let taken = house.kernel.checkpoint(pid, "in its last step").unwrap().what.id;
    house.kernel.restore(taken).unwrap();
    let step = house.kernel.plan(pid).unwrap().unwrap().1;
    assert_eq!(step, 2, "the step that was cut off is not taken again");
    house.kernel.end_of_plan(pid, 1).unwrap();
    assert_eq!(house.kernel.next_ready(9), Some(pid), "another step was meant");
    house.kernel.end_of_plan(pid, step).unwrap();
    assert_eq!(state(&house, pid).await, State::Exited("null".into()));
    assert_eq!(house.kernel.next_ready(9), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_waits_leaves_its_place_to_another() {
    let house = House::new(&RULES);
    let script = "{\"tool\":\"echo\"}\n{\"exit\":1}";
    let (one, other) = (process(&house, script), process(&house, script));
    assert_eq!(house.kernel.next_ready(1), Some(one));
    let quantum = begin(&house, one);
    assert_eq!(house.kernel.next_ready(1), None, "one runs");
    run(&house, &quantum).await.unwrap();
    assert_eq!(house.kernel.next_ready(1), None, "its tool is about to run");
    let mut tool = house.resume(made(&house, quantum.row.id)[0]).await;
    let sleep = Call::ClockSleep { nanoseconds: 10 };
    let mut waiting = tool.waiting();
    tokio::select! {
        biased;
        answer = tool.run(sleep) => panic!("{answer:?}"),
        waits = waiting.wait_for(Option::is_some) => drop(waits),
    }
    assert_eq!(house.kernel.next_ready(1), Some(other), "all of the first waits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_drives_has_no_turn_and_children_go_on_with_their_parents() {
    let house = House::new(&RULES);
    let new = NewAgent { image: BASE, goal: "to wait", planner: Some(r#"{"exit":1}"#), new: true };
    let pid = house.kernel.new_agent(new).unwrap().what.pid;
    assert_eq!(house.kernel.next_ready(9), None);
    house.kernel.drive_all();
    assert_eq!(house.kernel.next_ready(9), Some(pid));
    let house = house.reopen();
    assert_eq!(house.kernel.next_ready(9), None, "a host that was opened for something else leaves it alone");
    house.kernel.drive(pid);
    assert_eq!(house.kernel.next_ready(9), Some(pid));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_command_goes_on_with_what_it_made_and_another_does_not() {
    let house = House::new(&RULES);
    let make = |goal: &str, script: &str, new: bool| {
        house.kernel.new_agent(NewAgent { image: BASE, goal, planner: Some(script), new }).unwrap().what
    };
    let first = make("a", r#"{"exit":1}"#, false);
    assert!(!first.was_there);
    for (goal, script, new, same) in [
        ("a", r#"{"exit":1}"#, false, true),
        ("b", r#"{"exit":1}"#, false, false),
        ("a", r#"{"exit":2}"#, false, false),
        ("a", r#"{"exit":1}"#, true, false),
    ] {
        let made = make(goal, script, new);
        assert_eq!((made.pid == first.pid, made.was_there), (same, same), "{goal} {script}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_too_large_for_a_process_is_left_where_it_is() {
    let house = House::new(&RULES);
    let pid = process(&house, r#"{"tool":"echo"}"#);
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let large = format!("\"{}\"", "x".repeat(EXIT_RESULT_BYTES_MAX));
    end(&house, made(&house, quantum.row.id)[0], &large).await;
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    let State::Exited(result) = state(&house, pid).await else { panic!() };
    assert_eq!(result, format!("{{\"bytes\":{},\"result-of\":\"{}\"}}", large.len(), quantum.row.id));
    assert_eq!(View(&house.snapshot()).result(quantum.row.id).unwrap(), Some(large));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_held_has_no_turn_and_its_step_goes_on_where_it_was_when_it_is_let_go() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"exit\":1}");
    let signal = |signal| drop(house.kernel.signal(pid, signal, "to look at it").unwrap());
    signal(Signal::Pause);
    assert_eq!(house.kernel.next_ready(9), None);
    assert_eq!(house.kernel.progress(pid).paused, [pid]);
    signal(Signal::Resume);
    assert_eq!(house.kernel.next_ready(9), Some(pid));
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let tool = made(&house, quantum.row.id)[0];
    let running = house.resume(tool).await;
    signal(Signal::Pause);
    house.kernel.end_call(running.call(), Ok("5".into())).unwrap();
    assert!(house.kernel.resume_call(quantum.row.id).await.is_err(), "nothing of it is started");
    house.kernel.take_runnable();
    signal(Signal::Resume);
    assert_eq!(house.kernel.next_ready(9), None, "it has a step already");
    assert!(house.kernel.take_runnable().contains(&quantum.row.id));
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    assert_eq!(house.kernel.plan(pid).unwrap().unwrap().1, 1);
    assert_eq!(house.kernel.next_ready(9), Some(pid));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_to_end_takes_no_more_steps() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"exit\":1}");
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    house.kernel.signal(pid, Signal::Cancel, "enough").unwrap();
    end(&house, made(&house, quantum.row.id)[0], "5").await;
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    assert_eq!(house.kernel.next_ready(9), None);
    assert_eq!(state(&house, pid).await, State::Failed("cancelled by a person: enough".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_that_a_tool_asks_for_comes_at_the_end_of_the_step_and_before_what_the_planner_wants() {
    let house = House::new(&RULES);
    let pid = process(&house, r#"{"calls":[{"tool":"echo"},{"tool":"echo"}]}"#);
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let tools = made(&house, quantum.row.id);
    let mut line = house.resume(tools[0]).await;
    let exit = Call::ProcessExit { result: "\"by a tool\"".into() };
    assert_eq!(words(&house.run(&mut line, exit).await), "done");
    house.kernel.end_call(tools[0], Ok("1".into())).unwrap();
    assert!(house.kernel.is_live(tools[1]), "what runs beside it is not cut off");
    end(&house, tools[1], "2").await;
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    assert_eq!(state(&house, pid).await, State::Exited("\"by a tool\"".into()));
    assert_eq!(View(&house.snapshot()).result(quantum.row.id).unwrap().as_deref(), Some("[1,2]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_with_a_script_has_turns_while_its_parent_is_driven_also_in_the_next_host() {
    let house = House::new(&["allow spawn process:image/*"]);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"exit\":{\"$from\":[1,\"/pid\"]}}");
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let tool = made(&house, quantum.row.id)[0];
    let mut line = house.resume(tool).await;
    let spawn = |planner: &str| {
        let child = ChildOptions { goal: "to help".into(), planner: Some(planner.into()), ..ChildOptions::default() };
        Call::ProcessSpawn { child }
    };
    let refused = words(&house.run(&mut line, spawn("{\"tool\":1}")).await);
    assert!(refused.contains("the script: line 1"), "{refused}");
    let answer = house.run(&mut line, spawn("{\"exit\":7}")).await;
    let Reply::Pid(child) = *done(&answer) else { panic!("{answer:?}") };
    assert_eq!(house.kernel.next_ready(9), Some(child));
    house.kernel.put_back(child);
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    assert_eq!(house.kernel.next_ready(9), None);
    house.kernel.drive(pid);
    assert_eq!(house.kernel.next_ready(9), Some(child));
    let its = begin(&house, child);
    run(&house, &its).await.unwrap();
    assert_eq!(state(&house, child).await, State::Exited("7".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_a_call_of_a_person_spawns_has_turns_too() {
    let house = House::new(&["allow spawn process:image/*"]);
    let mut line = house.line();
    let child =
        ChildOptions { goal: "to help".into(), planner: Some("{\"exit\":7}".into()), ..ChildOptions::default() };
    let answer = house.run(&mut line, Call::ProcessSpawn { child }).await;
    let Reply::Pid(child) = *done(&answer) else { panic!("{answer:?}") };
    assert_eq!(house.kernel.next_ready(9), Some(child));
}

/// Four processes whose tools sleep and end in an order that the seed chooses. Answers what the log says.
async fn walk(seed: u64) -> Vec<String> {
    let house = House::new(&RULES);
    let script =
        "{\"calls\":[{\"tool\":\"echo\"},{\"tool\":\"echo\"}]}\n{\"tool\":\"echo\",\"args\":{\"$from\":[1,\"/1\"]}}";
    let pids: Vec<Pid> = (0..4).map(|_| process(&house, script)).collect();
    let (mut dice, mut runnable, mut sleeping) = (seed, Vec::new(), 0);
    loop {
        runnable.extend(house.kernel.take_runnable());
        // Xorshift, by Marsaglia.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let is_quantum = |call: CallId| house.kernel.waits_of(call).is_empty();
        if dice % 3 == 0
            && let Some(pid) = house.kernel.next_ready(2)
        {
            let quantum = begin(&house, pid);
            run(&house, &quantum).await.unwrap();
        } else if dice % 3 == 1 && !runnable.is_empty() {
            let call = runnable.swap_remove(dice as usize / 3 % runnable.len());
            assert!(is_quantum(call));
            let Ok(started) = house.kernel.resume_call(call).await else { continue };
            if started.row.is_quantum() {
                run(&house, &started).await.unwrap();
            } else if started.journal.is_empty() && dice % 2 == 0 {
                let mut line = Line::new(Arc::clone(&house.kernel), &started);
                let mut waiting = line.waiting();
                tokio::select! {
                    biased;
                    answer = line.run(Call::ClockSleep { nanoseconds: dice % 50 + 1 }) => panic!("{answer:?}"),
                    waits = waiting.wait_for(Option::is_some) => drop(waits),
                }
                assert!(house.kernel.park_call(call));
                sleeping += 1;
            } else {
                house.kernel.end_call(call, Ok(call.0.to_string())).unwrap();
            }
        } else if let Some(time) = house.kernel.next_timer() {
            house.world.set_clock(time);
            house.kernel.fire_timers_due();
        }
        if pids.iter().all(|pid| house.kernel.progress(*pid).is_over) {
            break;
        }
    }
    assert!(sleeping > 0);
    let line = |record: &Record| {
        format!("{:?} {:?} {:?} {} {:?}", record.pid, record.call, record.position, record.operation, record.time)
    };
    house.records().await.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_history_of_many_processes() {
    let mut histories = std::collections::BTreeSet::new();
    for seed in 1..=12_u64 {
        let history = walk(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).await;
        assert_eq!(history, walk(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).await, "seed {seed}");
        histories.insert(history);
    }
    assert!(histories.len() > 6, "the seed chooses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_halted_ends_its_step_first_and_goes_on_when_whoever_ran_it_is_back() {
    let house = House::new(&RULES);
    let pid = process(&house, "{\"tool\":\"echo\"}\n{\"tool\":\"echo\"}\n{\"exit\":1}");
    // Between two steps it is held at once.
    assert!(!house.kernel.halt(pid).unwrap().what);
    assert_eq!((house.kernel.next_ready(9), house.kernel.progress(pid).paused), (None, vec![pid]));
    house.kernel.end_halt(pid);
    let quantum = begin(&house, pid);
    run(&house, &quantum).await.unwrap();
    let tool = made(&house, quantum.row.id)[0];
    let held = house.resume(tool).await;
    assert!(house.kernel.halt(pid).unwrap().what, "its step goes on");
    assert!(matches!(state(&house, pid).await, State::Running));
    drop(held);
    house.kernel.end_call(tool, Ok("2".into())).unwrap();
    let resumed = house.kernel.resume_call(quantum.row.id).await.unwrap();
    run(&house, &resumed).await.unwrap();
    assert!(matches!(state(&house, pid).await, State::Paused(why) if why.contains("the same command")));
    assert_eq!(house.kernel.plan(pid).unwrap().unwrap().1, 1, "the step counts");
    // Another host leaves it alone until somebody wants it to go on.
    let house = house.reopen();
    house.kernel.drive(pid);
    assert_eq!(house.kernel.next_ready(9), None);
    house.kernel.end_halt(pid);
    assert_eq!(house.kernel.next_ready(9), Some(pid));
    // What a person holds stays held.
    house.kernel.signal(pid, Signal::Pause, "mine").unwrap();
    house.kernel.halt(pid).unwrap();
    house.kernel.end_halt(pid);
    assert!(matches!(state(&house, pid).await, State::Paused(why) if why.contains("mine")));
}
