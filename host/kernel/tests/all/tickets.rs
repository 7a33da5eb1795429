//! System calls that are under way at once: what ends first is told first, and told again the same in a replay; what is open at the
//! end is given up.

use crate::sim::{Clerk, House, MOUNT, SimStorage, SimWorld, Tear, Trouble, done, within_reason, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Call, Reply, WriteMode};
use libos_kernel::model::id::{CallId, Position, QuestionId};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::TICKETS_OPEN_MAX;
use libos_kernel::model::process::Signal;
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::record::Outcome;
use libos_kernel::model::row::{CallRow, CallState, Failure, FailureReason, Wait};
use libos_kernel::model::time::Time;
use libos_kernel::syscall::Line;
use std::sync::Arc;

const RULES: [&str; 4] = [
    "allow read,list,write fs:workspace/free/**",
    "ask write fs:workspace/asked/**",
    "allow ask,tell human:owner",
    "allow sleep clock:sleep",
];

fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

fn read(path: &str) -> Call {
    Call::FsRead { path: path.into() }
}

fn sleep(nanoseconds: u64) -> Call {
    Call::ClockSleep { nanoseconds }
}

fn ask() -> Call {
    Call::HumanAsk { question: "Which?".into(), queue: None }
}

async fn submit(line: &mut Line, call: Call) -> Position {
    line.submit(call).await.unwrap().unwrap()
}

/// Takes the next answer; whenever all that is open waits, the clerk ends the first wait.
pub async fn next(house: &House, line: &mut Line) -> Result<Option<(Position, Arc<Answer>)>, Stop> {
    let (mut waiting, id) = (line.waiting(), line.call());
    let next = line.next();
    tokio::pin!(next);
    loop {
        tokio::select! {
            biased;
            told = &mut next => return told,
            waits = waiting.wait_for(Option::is_some) => drop(waits),
            () = house.kernel.stopped() => return Err(Stop::Host("stopped".into())),
        }
        house.end_wait(id, &Clerk::default()).await?;
    }
}

/// Waits in `next` until all that is open waits, and lets the call go from memory.
async fn park(house: &House, mut line: Line) -> CallId {
    let (mut waiting, id) = (line.waiting(), line.call());
    tokio::select! {
        biased;
        told = line.next() => panic!("it did not wait, it was told {told:?}"),
        waits = waiting.wait_for(Option::is_some) => drop(waits),
    }
    assert!(house.kernel.park_call(id), "a call that waits can be parked");
    house.kernel.barrier().await.unwrap();
    id
}

/// The questions that a call waits for.
fn asked(house: &House, call: CallId) -> Vec<QuestionId> {
    let question = |wait| if let Wait::Question(id) = wait { Some(id) } else { None };
    house.kernel.waits_of(call).into_iter().filter_map(question).collect()
}

async fn row(house: &House, call: CallId) -> CallRow {
    house.kernel.barrier().await.unwrap();
    View(&house.snapshot()).call(call).unwrap().unwrap()
}

fn furnished() -> House {
    let house = House::new(&RULES);
    furnish(&house.world);
    house
}

fn furnish(world: &SimWorld) {
    for name in ["free", "asked"] {
        world.put_directory(&format!("{MOUNT}/{name}"));
    }
    world.put_file(&format!("{MOUNT}/free/a"), "a");
}

#[tokio::test]
async fn what_ends_first_is_told_first() {
    let house = furnished();
    let mut line = house.line();
    let long = submit(&mut line, sleep(20)).await;
    let short = submit(&mut line, sleep(10)).await;
    let quick = submit(&mut line, read("free/a")).await;
    let refused = submit(&mut line, read("elsewhere")).await;
    assert_eq!([long, short, quick, refused], [0, 1, 2, 3]);
    let told = next(&house, &mut line).await.unwrap().unwrap();
    assert_eq!((told.0, done(&Ok(told.1.clone()))), (quick, &Reply::Bytes(b"a".to_vec())));
    let told = next(&house, &mut line).await.unwrap().unwrap();
    assert!(told.0 == refused && words(&Ok(told.1)).starts_with("denied"));
    house.world.pass(100);
    house.kernel.fire_timers_due();
    let order = [next(&house, &mut line).await.unwrap().unwrap().0, next(&house, &mut line).await.unwrap().unwrap().0];
    assert_eq!(order, [short, long]);
    assert_eq!(line.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_replay_is_told_the_same_order_and_does_nothing_twice() {
    let house = furnished();
    let mut line = house.line();
    let calls = || [sleep(30), write("free/x", "1"), read("free/a"), sleep(10), ask()];
    for (at, call) in (0..).zip(calls()) {
        assert_eq!(submit(&mut line, call).await, at);
    }
    let mut told = Vec::new();
    for _ in 0..2 {
        told.push(next(&house, &mut line).await.unwrap().unwrap());
    }
    let time = line.time();
    house.kernel.barrier().await.unwrap();
    // What it was told must survive: something that does is recorded after it.
    let noted = line.run(Call::HumanTell { message: "on".into(), queue: None }).await.unwrap();
    let call = park(&house, line).await;
    let house = house.crash(Tear::All);
    let asked = asked(&house, call)[0];
    house.world.pass(15);
    house.kernel.fire_timers_due();
    assert_eq!(house.kernel.take_runnable(), [call]);
    let mut line = house.resume(call).await;
    for call in calls() {
        submit(&mut line, call).await;
    }
    for (ticket, answer) in told {
        assert_eq!(line.next().await.unwrap(), Some((ticket, answer)));
    }
    assert!(line.time() >= time);
    assert_eq!(line.run(Call::HumanTell { message: "on".into(), queue: None }).await.unwrap(), noted);
    assert_eq!(line.next().await.unwrap().unwrap().0, 3);
    let rest = [next(&house, &mut line).await.unwrap().unwrap().0, next(&house, &mut line).await.unwrap().unwrap().0];
    assert_eq!(rest, [0, 4], "the sleep ends, then the question that was asked once");
    assert_eq!(line.next().await.unwrap(), None);
    assert_eq!(house.world.count("fs.write fs:workspace/free/x 1"), 1);
    house.kernel.barrier().await.unwrap();
    assert!(matches!(house.question(asked).state, QuestionState::Told { .. }));
}

#[tokio::test]
async fn a_thousand_sleeps_end_after_one() {
    let house = furnished();
    let mut line = house.line();
    let start = house.kernel.now();
    for _ in 0..1_000 {
        submit(&mut line, sleep(1_000)).await;
    }
    let mut order = Vec::new();
    while let Some((ticket, _)) = next(&house, &mut line).await.unwrap() {
        order.push(ticket);
    }
    assert_eq!(order, (0..1_000).collect::<Vec<_>>());
    assert_eq!(house.kernel.now(), Time(start.0 + 1_000));
}

#[tokio::test]
async fn no_more_than_the_limit_is_open_and_a_taken_one_makes_room() {
    let house = furnished();
    let mut line = house.line();
    for _ in 0..TICKETS_OPEN_MAX {
        submit(&mut line, Call::ClockNow).await;
    }
    for _ in 0..2 {
        assert!(matches!(line.submit(Call::ClockNow).await, Ok(Err(CallError::TooLarge(_)))));
    }
    line.next().await.unwrap();
    assert_eq!(submit(&mut line, Call::ClockNow).await as usize, TICKETS_OPEN_MAX + 1);
    assert!(matches!(line.submit(Call::ClockNow).await, Ok(Err(CallError::TooLarge(_)))));
}

#[tokio::test]
async fn what_is_about_tickets_is_not_submitted() {
    let house = furnished();
    let mut line = house.line();
    let planned = Call::AgentCall { tool: "act".into(), arguments: "{}".into() };
    for call in [Call::TicketNext, Call::TicketCancel { ticket: 0 }, planned] {
        assert!(matches!(line.submit(call).await, Ok(Err(CallError::Invalid(_)))));
    }
}

#[tokio::test]
async fn what_is_open_at_the_end_of_a_guest_is_given_up_and_recorded_as_such() {
    let house = furnished();
    let mut line = house.line();
    let call = line.call();
    for wanted in [sleep(1_000), ask(), write("asked/z", "1"), write("free/x", "1")] {
        submit(&mut line, wanted).await;
    }
    let questions = asked(&house, call);
    assert_eq!(questions.len(), 2);
    line.give_up().await.unwrap();
    house.kernel.end_call(call, Ok("null".into())).unwrap();
    assert_eq!(house.kernel.next_timer(), None);
    let outcomes: Vec<String> = house
        .records_of(call)
        .await
        .iter()
        .map(|record| format!("{}@{} {:?}", record.operation, record.position.unwrap(), record.outcome))
        .collect();
    for given_up in ["clock.sleep@0", "human.ask@1", "fs.write@2"] {
        let of_it = outcomes.iter().filter(|line| line.starts_with(given_up)).collect::<Vec<_>>();
        assert!(of_it.last().unwrap().contains("while its ticket was open"), "{outcomes:?}");
    }
    assert!(outcomes.contains(&"fs.write@3 Done".to_owned()), "{outcomes:?}");
    for question in questions {
        assert!(matches!(house.question(question).state, QuestionState::Withdrawn { .. }));
    }
    assert_eq!(house.world.done(), ["fs.write fs:workspace/free/x 1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_had_begun_when_its_call_was_cut_off_comes_to_its_end_and_is_recorded() {
    let failure = Failure { reason: FailureReason::Limit, message: "wall-time: long".into(), import: None };
    for cut_off in [None, Some(failure)] {
        let house = furnished();
        let gate = house.world.block("fs.write", 1);
        let mut line = house.line();
        let call = line.call();
        for wanted in [sleep(1_000), write("free/x", "1"), ask()] {
            submit(&mut line, wanted).await;
        }
        gate.reached().await;
        match cut_off {
            None => drop(house.kernel.cancel_call(call, "enough").unwrap()),
            Some(failure) => drop(house.kernel.end_call(call, Err(failure)).unwrap()),
        }
        assert_eq!(line.next().await.unwrap_err(), Stop::Ended);
        drop(line);
        assert_eq!(house.kernel.next_timer(), None);
        gate.open();
        let is_recorded = async {
            while !house.records_of(call).await.iter().any(|record| {
                (record.operation.as_str(), record.position, &record.outcome) == ("fs.write", Some(1), &Outcome::Done)
            }) {
                tokio::task::yield_now().await;
            }
        };
        within_reason("its end is never recorded", is_recorded).await;
        assert_eq!(house.world.done(), ["fs.write fs:workspace/free/x 1"]);
    }
}

#[tokio::test]
async fn what_is_cancelled_is_never_told_and_not_done_again_by_a_replay() {
    let house = furnished();
    let mut line = house.line();
    let call = line.call();
    let calls = || [sleep(1_000), ask(), write("asked/z", "1"), read("free/a"), sleep(5)];
    for call in calls() {
        submit(&mut line, call).await;
    }
    let asked = asked(&house, call);
    assert_eq!(asked.len(), 2);
    // Ended, unknown, and three that wait.
    let cancels = [(3, false), (77, false), (0, true), (1, true), (2, true), (0, false)];
    for (ticket, given_up) in cancels {
        assert_eq!(line.cancel(ticket).await.unwrap(), given_up, "{ticket}");
    }
    assert_eq!(next(&house, &mut line).await.unwrap().unwrap().0, 3);
    assert_eq!(park(&house, line).await, call);
    let house = house.crash(Tear::All);
    let open = house.kernel.waits_of(call);
    assert!(matches!(open[..], [Wait::Until(_)]), "{open:?}");
    house.world.pass(5);
    house.kernel.fire_timers_due();
    let mut line = house.resume(call).await;
    for call in calls() {
        submit(&mut line, call).await;
    }
    for (ticket, given_up) in cancels {
        assert_eq!(line.cancel(ticket).await.unwrap(), given_up, "{ticket}");
    }
    let told = [line.next().await.unwrap().unwrap().0, line.next().await.unwrap().unwrap().0];
    assert_eq!(told, [3, 4]);
    assert_eq!(line.next().await.unwrap(), None);
    for question in asked {
        assert!(matches!(house.question(question).state, QuestionState::Withdrawn { .. }));
    }
    assert_eq!(house.world.done(), Vec::<String>::new());
}

#[tokio::test]
async fn a_call_waits_only_when_all_that_is_open_waits_and_its_guest_too() {
    let house = furnished();
    let mut line = house.line();
    let (waiting, call) = (line.waiting(), line.call());
    submit(&mut line, sleep(10)).await;
    assert_eq!((*waiting.borrow(), row(&house, call).await.state), (None, CallState::Running), "its guest computes");
    assert!(!house.kernel.park_call(call));
    let gate = house.world.block("fs.write", 1);
    submit(&mut line, write("free/x", "1")).await;
    {
        let next = line.next();
        tokio::pin!(next);
        tokio::select! {
            biased;
            told = &mut next => panic!("{told:?}"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(
            (*waiting.borrow(), row(&house, call).await.state),
            (None, CallState::Running),
            "an effect is under way"
        );
        gate.open();
        assert_eq!(next.await.unwrap().unwrap().0, 1);
    }
    park(&house, line).await;
    assert_eq!(row(&house, call).await.state, CallState::Waiting);
}

#[tokio::test]
async fn what_a_guest_waits_for_beside_its_tickets_leaves_them_open() {
    let house = furnished();
    let mut line = house.line();
    let sleeps = submit(&mut line, sleep(10)).await;
    let asks = submit(&mut line, ask()).await;
    assert_eq!(done(&line.run(read("free/a")).await), &Reply::Bytes(b"a".to_vec()));
    let slept = house.run(&mut line, sleep(5)).await;
    assert_eq!(done(&slept), &Reply::Unit);
    let told = [next(&house, &mut line).await.unwrap().unwrap().0, next(&house, &mut line).await.unwrap().unwrap().0];
    assert_eq!(told, [sleeps, asks]);
}

#[tokio::test]
async fn an_end_of_the_call_and_a_pause_reach_a_guest_that_awaits_its_tickets() {
    for (end, want) in [("cancel", Stop::Ended), ("kill", Stop::Ended), ("pause", Stop::Paused(String::new()))] {
        let house = furnished();
        let mut line = house.line();
        let (call, mut waiting) = (line.call(), line.waiting());
        let pid = row(&house, call).await.pid;
        submit(&mut line, sleep(10)).await;
        submit(&mut line, ask()).await;
        let told = {
            let next = line.next();
            tokio::pin!(next);
            tokio::select! {
                biased;
                told = &mut next => panic!("{told:?}"),
                waits = waiting.wait_for(Option::is_some) => drop(waits),
            }
            match end {
                "cancel" => drop(house.kernel.cancel_call(call, "enough").unwrap()),
                "kill" => drop(house.kernel.signal(pid, Signal::Kill, "enough").unwrap()),
                _ => {
                    house.kernel.signal(pid, Signal::Pause, "wait").unwrap();
                    house.world.pass(10);
                    house.kernel.fire_timers_due();
                }
            }
            next.await
        };
        let stop = told.unwrap_err();
        assert_eq!(std::mem::discriminant(&stop), std::mem::discriminant(&want), "{end}: {stop}");
    }
}

/// What a signal ends, and what it leaves: `parked` if the call has left memory when it comes.
async fn check_signal(signal: Signal, parked: bool) {
    let what = format!("{signal:?}, parked: {parked}");
    let house = furnished();
    let mut line = house.line();
    let call = line.call();
    let pid = row(&house, call).await.pid;
    let gate = house.world.block("fs.write", 1);
    let begins = || write("free/x", "1");
    let waits = || [sleep(1_000), ask(), write("asked/z", "1"), sleep(2_000)];
    let mut begun = None;
    if !parked {
        begun = Some(submit(&mut line, begins()).await);
        gate.reached().await;
    }
    for call in waits() {
        submit(&mut line, call).await;
    }
    let questions = asked(&house, call);
    let (mut line, first) = if parked {
        park(&house, line).await;
        house.kernel.signal(pid, signal, "so").unwrap();
        assert_eq!(house.kernel.take_runnable(), [call], "{what}");
        let mut line = house.resume(call).await;
        for call in waits() {
            submit(&mut line, call).await;
        }
        (line, 0)
    } else {
        house.kernel.signal(pid, signal, "so").unwrap();
        (line, 1)
    };
    let mut told = Vec::new();
    for _ in 0..2 {
        let (ticket, answer) = line.next().await.unwrap().unwrap();
        told.push((ticket, words(&Ok(answer))));
    }
    let interrupted = || "interrupted: a person: so".to_owned();
    assert_eq!(told, [(first, interrupted()), (first + 3, interrupted())], "{what}");
    assert_eq!(asked(&house, call), questions, "{what}: what a person is asked stays");
    gate.open();
    if let Some(begun) = begun {
        let (ticket, answer) = line.next().await.unwrap().unwrap();
        assert_eq!((ticket, words(&Ok(answer))), (begun, "done".to_owned()), "{what}: what has begun comes to its end");
    }
    let mut rest = Vec::new();
    while let Some((ticket, answer)) = next(&house, &mut line).await.unwrap() {
        rest.push((ticket, words(&Ok(answer))));
    }
    assert_eq!(rest, [(first + 1, "done".to_owned()), (first + 2, "done".to_owned())], "{what}");
    assert_eq!(submit(&mut line, read("free/a")).await, if parked { 9 } else { 11 }, "{what}: its guest goes on");
    line.give_up().await.unwrap();
    house.kernel.end_call(call, Ok("null".into())).unwrap();
    house.kernel.barrier().await.unwrap();
    let process = View(&house.snapshot()).process(pid).unwrap().unwrap();
    assert_eq!(process.state.word(), if signal == Signal::Cancel { "failed" } else { "ready" }, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_tickets_that_it_interrupts_and_no_others() {
    for signal in [Signal::Interrupt, Signal::Cancel] {
        for parked in [false, true] {
            check_signal(signal, parked).await;
        }
    }
}

/// What the story submits at once.
fn story() -> [Call; 4] {
    [write("free/x", "1"), write("free/y", "2"), sleep(10), ask()]
}

fn host(error: impl ToString) -> Stop {
    Stop::Host(error.to_string())
}

/// Starts the story, or goes on with it wherever it was stopped. Answers which ticket was told what.
async fn tell(house: &House) -> Result<Option<Vec<(Position, String)>>, Stop> {
    let snapshot = house.kernel.snapshot().map_err(host)?;
    let view = View(&snapshot);
    if view.policy().map_err(host)?.is_none() {
        house.furnish(&RULES).map_err(host)?;
    }
    let started = match view.calls().map_err(host)?.pop() {
        None => {
            let pid = house.kernel.new_process(BASE, false).map_err(host)?;
            house.kernel.start_call(house.start(pid)).map_err(host)?
        }
        Some(known) if known.state.is_final() => return Ok(None),
        Some(known) => {
            house.end_wait(known.id, &Clerk::default()).await?;
            house.kernel.resume_call(known.id).await.map_err(host)?
        }
    };
    let mut line = Line::new(Arc::clone(&house.kernel), &started);
    for call in story() {
        line.submit(call).await?.map_err(host)?;
    }
    let mut told = Vec::new();
    while let Some((ticket, answer)) = next(house, &mut line).await? {
        told.push((ticket, words(&Ok(answer))));
    }
    line.submit(sleep(1_000)).await?.map_err(host)?;
    line.give_up().await?;
    let end = house.kernel.end_call(line.call(), Ok("null".into()))?;
    house.kernel.durable(end.durable).await?;
    Ok(Some(told))
}

/// The power goes at this operation of the disk, and the story goes on in another host. False if it ended before.
async fn check(number: u64) -> bool {
    let what = format!("cut at {number}");
    let disk = SimStorage::default();
    let world = Arc::new(SimWorld::new(MOUNT, disk.clone()));
    furnish(&world);
    disk.trouble_at(number, Trouble::Cut);
    if let Ok(house) = House::open(Arc::clone(&world), disk.clone()) {
        let holders = Arc::strong_count(&house.kernel);
        let _ = tell(&house).await;
        disk.cut();
        house.kernel.shutdown();
        // An effect that had begun is over before the next host looks what became of it: a host that died does nothing more.
        while Arc::strong_count(&house.kernel) > holders {
            tokio::task::yield_now().await;
        }
    }
    let missed = disk.operations() < number;
    disk.recover([Tear::None, Tear::All, Tear::Some(number)][number as usize % 3]);
    let house = House::open(world, disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let told = tell(&house).await.unwrap_or_else(|stop| panic!("{what}: {stop}"));
    let mut unknown = 0;
    if let Some(mut told) = told {
        told.sort();
        let tickets: Vec<_> = told.iter().map(|(ticket, _)| *ticket).collect();
        assert_eq!(tickets, [0, 1, 2, 3], "{what}: each is told once: {told:?}");
        unknown = told.iter().filter(|(_, words)| words.starts_with("nobody knows")).count();
    }
    for effect in ["fs.write fs:workspace/free/x 1", "fs.write fs:workspace/free/y 2"] {
        let times = house.world.count(effect);
        assert!(times == 1 || (times == 0 && unknown > 0), "{what}: {effect} was done {times} times");
    }
    house.kernel.barrier().await.unwrap();
    let questions = View(&house.snapshot()).questions(false).unwrap();
    assert_eq!(questions.len(), 1, "{what}: it was asked once");
    assert_eq!(house.kernel.next_timer(), None, "{what}: nothing waits any more");
    !missed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_loss_of_power_at_any_operation_of_the_disk_each_ticket_is_told_once() {
    let mut number = 1;
    while check(number).await {
        number += 1;
    }
    assert!(number > 30, "the story has only {number} operations of the disk");
}
