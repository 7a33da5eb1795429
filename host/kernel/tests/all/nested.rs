//! Calls that a tool makes of other tools: bounded in number and size, and without a way to change what their caller stands on.

use crate::sim::{Clerk, House, MOUNT, done, words};
use libos_kernel::model::answer::{Fault, Stop};
use libos_kernel::model::call::{Call, Called, Reply};
use libos_kernel::model::id::CallId;
use libos_kernel::model::limit::{CallLimits, NESTED_CALLS_TOTAL_MAX};
use libos_kernel::model::row::{CallState, Wait};
use libos_kernel::syscall::Line;
use std::sync::Arc;

const CALLING: [&str; 2] = ["allow call tool:*", "allow list,write fs:workspace/**"];

fn other() -> Call {
    Call::ToolCall { tool: "echo".into(), arguments: "{}".into() }
}

/// The call that a call waits for.
fn nested(house: &House, call: CallId) -> CallId {
    match house.kernel.wait_of(call) {
        Some(Wait::Call(nested)) => nested,
        wait => panic!("it waits for {wait:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_other_call_starts_a_caller_that_has_left_memory() {
    let house = House::new(&CALLING);
    let caller = house.park(house.line(), other()).await;
    let house = house.reopen();
    let inner = nested(&house, caller);
    house.kernel.take_runnable();
    let started = house.kernel.resume_call(inner).await.unwrap();
    house.kernel.end_call(started.row.id, Ok("7".into())).unwrap();
    assert_eq!(house.kernel.take_runnable(), [caller]);
    // Whoever waits for something to do was told.
    house.kernel.changed().await;
    let mut line = house.resume(caller).await;
    let answer = house.run(&mut line, other()).await;
    assert_eq!(done(&answer), &Reply::Called(Called::Done("7".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_other_tools_answer_counts_as_kept_for_replay() {
    let house = House::new(&CALLING);
    let limits = CallLimits { journal_bytes: 100_000, ..CallLimits::default() };
    let start = libos_kernel::kernel::StartCall { limits, ..house.start(house.process()) };
    let started = house.kernel.start_call(start).unwrap();
    let mut line = Line::new(Arc::clone(&house.kernel), &started);
    let clerk = Clerk { text: Box::leak("x".repeat(60_000).into_boxed_str()), ..Clerk::default() };
    assert_eq!(words(&house.run_with(&mut line, other(), &clerk).await), "done");
    let second = house.run_with(&mut line, other(), &clerk).await;
    assert!(matches!(second, Err(Stop::Fault(Fault::Journal(100_000)))), "{second:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_makes_only_so_many_others() {
    let house = House::new(&CALLING);
    let mut line = house.line();
    for made in 0..=NESTED_CALLS_TOTAL_MAX {
        let ended = words(&house.run(&mut line, other()).await);
        let want = if made < NESTED_CALLS_TOTAL_MAX { "done" } else { "can be made from one call" };
        assert!(ended.contains(want), "{made}: {ended}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_is_called_does_not_move_its_caller() {
    let house = House::new(&CALLING);
    house.world.put_directory(&format!("{MOUNT}/hooks"));
    let caller = house.park(house.line(), other()).await;
    let mut inner = house.resume(nested(&house, caller)).await;
    let moved = house.run(&mut inner, Call::FsChangeDirectory { path: "hooks".into() }).await;
    assert_eq!(words(&moved), "done");
    let inside = house.run(&mut inner, Call::FsWorkingDirectory).await;
    assert_eq!(done(&inside), &Reply::Text("/workspace/hooks".into()));
    house.kernel.end_call(inner.call(), Ok("null".into())).unwrap();
    let mut line = house.resume(caller).await;
    house.run(&mut line, other()).await.unwrap();
    let after = house.run(&mut line, Call::FsWorkingDirectory).await;
    assert_eq!(done(&after), &Reply::Text("/workspace".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_ends_takes_the_other_calls_along() {
    let house = House::new(&CALLING);
    let caller = house.park(house.line(), other()).await;
    let inner = nested(&house, caller);
    let deeper = house.park(house.resume(inner).await, other()).await;
    let last = nested(&house, deeper);
    house.kernel.cancel_call(caller, "enough").unwrap();
    house.kernel.barrier().await.unwrap();
    let snapshot = house.snapshot();
    for call in [caller, inner, last] {
        let row = libos_kernel::kernel::view::View(&snapshot).call(call).unwrap().unwrap();
        assert!(matches!(row.state, CallState::Cancelled(_)), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_another_call_went_meanwhile_stays() {
    let house = House::new(&CALLING);
    for name in ["hooks", "other"] {
        house.world.put_directory(&format!("{MOUNT}/{name}"));
    }
    for (moves, want) in [(true, "/workspace/other"), (false, "/workspace/other")] {
        let pid = house.process();
        let caller = house.park(house.line_of(pid), other()).await;
        let mut inner = house.resume(nested(&house, caller)).await;
        if moves {
            assert_eq!(words(&house.run(&mut inner, Call::FsChangeDirectory { path: "hooks".into() }).await), "done");
        }
        let mut beside = house.line_of(pid);
        let path = "/workspace/other".to_owned();
        assert_eq!(words(&house.run(&mut beside, Call::FsChangeDirectory { path }).await), "done");
        house.kernel.end_call(inner.call(), Ok("null".into())).unwrap();
        let after = house.run(&mut beside, Call::FsWorkingDirectory).await;
        assert_eq!(done(&after), &Reply::Text(want.into()), "{moves}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_call_that_ends_with_its_process_is_told_to_the_run_loop() {
    let house = House::new(&["allow sleep clock:sleep"]);
    let pid = house.process();
    let parked = house.park(house.line_of(pid), Call::ClockSleep { nanoseconds: 1_000_000 }).await;
    let mut line = house.line_of(pid);
    assert_eq!(words(&house.run(&mut line, Call::ProcessExit { result: "null".into() }).await), "done");
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    assert!(!house.kernel.is_live(parked));
    assert_eq!(house.kernel.take_runnable(), [parked]);
    house.kernel.changed().await;
}
