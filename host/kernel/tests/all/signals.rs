//! What processes are told, handed over and turned into; and that a child is made wholly or not at all.

use crate::processes::{SPAWNING, child, row, spawn};
use crate::sim::{House, MOUNT, Tear, Trouble, done, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply, WriteMode};
use libos_kernel::model::child::{ChildOptions, End, Handed};
use libos_kernel::model::grant::{Grant, Holder};
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::Image;
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::row::{CallState, Wait};
use std::collections::BTreeSet;

const SLEEP: Call = Call::ClockSleep { nanoseconds: 10 };

fn tell(pid: Pid, signal: Signal) -> Call {
    Call::ProcessSignal { pid: pid.to_string(), signal, reason: "so".into() }
}

fn paused<T: std::fmt::Debug>(answer: Result<T, Stop>) -> bool {
    matches!(answer, Err(Stop::Paused(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_process_starts_nothing_and_loses_nothing() {
    let house = House::new(&SPAWNING);
    let pid = house.process();
    let (mut running, sleeper) = (house.line_of(pid), house.line_of(pid));
    let sleeping = house.park(sleeper, SLEEP).await;
    house.kernel.signal(pid, Signal::Pause, "to look").unwrap();
    assert_eq!(row(&house, pid).await.state, State::Paused("a person: to look".into()));
    // A guest stops at its next import, whatever it is, and nothing of it is recorded.
    let before = house.records().await.len();
    assert!(paused(house.run(&mut running, Call::ClockNow).await));
    assert_eq!(house.records().await.len(), before);
    let running = running.call();
    house.kernel.hold_call(running);
    // The end of a wait is recorded; the call is not started.
    house.world.pass(100);
    house.kernel.fire_timers_due();
    for call in house.kernel.take_runnable() {
        assert!(house.kernel.resume_call(call).await.unwrap_err().to_string().contains("is paused"));
    }
    assert!(house.kernel.start_call(house.start(pid)).is_err());
    let house = house.reopen();
    assert!(house.kernel.resume_call(running).await.is_err());
    house.kernel.signal(pid, Signal::Resume, "").unwrap();
    let woken: BTreeSet<_> = house.kernel.take_runnable().into_iter().collect();
    assert_eq!(woken, [running, sleeping].into());
    let mut line = house.resume(sleeping).await;
    assert_eq!(done(&house.run(&mut line, SLEEP).await), &Reply::Unit);
    let mut line = house.resume(running).await;
    assert_eq!(words(&house.run(&mut line, Call::ClockNow).await), "done");
    assert_eq!(row(&house, pid).await.state, State::Running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_in_memory_gets_the_end_of_its_wait_when_its_process_goes_on() {
    let house = House::new(&SPAWNING);
    let pid = house.process();
    let mut line = house.line_of(pid);
    let call = line.call();
    let mut waiting = line.waiting();
    let run = line.run(SLEEP);
    tokio::pin!(run);
    tokio::select! {
        biased;
        _ = &mut run => panic!("it does not sleep"),
        waits = waiting.wait_for(Option::is_some) => drop(waits),
    }
    house.kernel.signal(pid, Signal::Pause, "").unwrap();
    house.world.pass(100);
    house.kernel.fire_timers_due();
    assert!(paused(run.await));
    house.kernel.hold_call(call);
    assert_eq!(house.kernel.take_runnable(), []);
    house.kernel.signal(pid, Signal::Resume, "").unwrap();
    assert_eq!(house.kernel.take_runnable(), [call]);
    let mut line = house.resume(call).await;
    assert_eq!(done(&house.run(&mut line, SLEEP).await), &Reply::Unit);
}

#[tokio::test]
async fn a_guest_that_stops_after_its_process_was_resumed_is_started_again() {
    let house = House::new(&SPAWNING);
    let pid = house.process();
    let mut line = house.line_of(pid);
    house.kernel.signal(pid, Signal::Pause, "").unwrap();
    assert!(paused(house.run(&mut line, Call::ClockNow).await));
    house.kernel.signal(pid, Signal::Resume, "").unwrap();
    assert_eq!(house.kernel.take_runnable(), []);
    house.kernel.hold_call(line.call());
    assert_eq!(house.kernel.take_runnable(), [line.call()]);
}

#[tokio::test]
async fn what_a_person_paused_no_parent_resumes() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let pid = spawn(&house, &mut line, child(&[])).await;
    done(&house.run(&mut line, tell(pid, Signal::Pause)).await);
    done(&house.run(&mut line, tell(pid, Signal::Resume)).await);
    assert_eq!(row(&house, pid).await.state, State::Ready);
    house.kernel.signal(pid, Signal::Pause, "to look").unwrap();
    // Nor by pausing it first itself.
    done(&house.run(&mut line, tell(pid, Signal::Pause)).await);
    let told = words(&house.run(&mut line, tell(pid, Signal::Resume)).await);
    assert!(told.contains("only a person lets it go on"), "{told}");
    assert_eq!(row(&house, pid).await.state, State::Paused("a person: to look".into()));
    house.kernel.signal(pid, Signal::Resume, "").unwrap();
    assert_eq!(row(&house, pid).await.state, State::Ready);
}

#[tokio::test]
async fn an_interrupt_ends_sleeps_and_waits_for_children_and_no_question() {
    let house = House::new(&[&SPAWNING[..], &["allow ask human:owner"]].concat());
    let mut line = house.line();
    spawn(&house, &mut line, child(&[])).await;
    let wait = || Call::ProcessWait { pids: Vec::new(), timeout: None };
    let ask = Call::HumanAsk { question: "Which?".into(), queue: None };
    let asking = house.park(house.line_of(Pid(1)), ask).await;
    let mut calls = Vec::new();
    for call in [SLEEP, wait()] {
        calls.push((house.park(house.line_of(Pid(1)), call.clone()).await, call));
    }
    house.kernel.signal(Pid(1), Signal::Interrupt, "wake up").unwrap();
    for (id, call) in calls {
        let mut line = house.resume(id).await;
        assert_eq!(words(&house.run(&mut line, call).await), "interrupted: a person: wake up");
    }
    assert!(matches!(house.kernel.wait_of(asking), Some(Wait::Question(_))));
    assert_eq!(house.kernel.next_timer(), None);
    assert!(!row(&house, Pid(1)).await.state.is_final());
}

#[tokio::test]
async fn a_cancelled_process_ends_as_failed_when_its_present_calls_have_ended() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let busy = spawn(&house, &mut line, child(&["spawn process:image/*"])).await;
    let mut its = house.line_of(busy);
    let idle = spawn(&house, &mut its, child(&[])).await;
    done(&house.run(&mut line, tell(busy, Signal::Cancel)).await);
    let cancelled = State::Failed("cancelled by p1: so".into());
    assert_eq!(row(&house, idle).await.state, cancelled);
    assert_eq!(row(&house, busy).await.state, State::Running);
    assert!(house.kernel.start_call(house.start(busy)).unwrap_err().to_string().contains("takes no more calls"));
    house.kernel.end_call(its.call(), Ok("null".into())).unwrap();
    assert_eq!(row(&house, busy).await.state, cancelled);
    let wait = Call::ProcessWait { pids: Vec::new(), timeout: None };
    let Reply::EndedChild(Some(ended)) = done(&house.run(&mut line, wait).await).clone() else {
        panic!("it has ended")
    };
    assert_eq!(ended.end, End::Failed("cancelled by p1: so".into()));
}

#[tokio::test]
async fn a_child_that_is_handed_over_outlives_its_parent_and_its_grants_hang_higher() {
    let house = House::new(&SPAWNING);
    house.world.put_directory(&format!("{MOUNT}/src"));
    house.world.put_file(&format!("{MOUNT}/src/a"), "x");
    let mut line = house.line();
    let middle = spawn(&house, &mut line, child(&["spawn process:image/*", "read,write fs:workspace/src/**"])).await;
    let counted = house.grant(Holder::Process(middle), "allow list fs:workspace/once", Some(5)).remove(0);
    let mut its = house.line_of(middle);
    let mut options = child(&["read fs:workspace/src/**"]);
    options.grants.push(Handed { rule: "list fs:workspace/once".into(), uses: Some(2), expires_in: None });
    let low = spawn(&house, &mut its, options).await;
    let write = Call::FsWrite { path: "src/a".into(), content: b"y".to_vec(), mode: WriteMode::CreateOrReplace };
    let hand = |pid: Pid| Call::ProcessHandOver { pid: pid.to_string() };
    assert_eq!(words(&house.run(&mut line, hand(low)).await), "denied");
    done(&house.run(&mut its, hand(low)).await);
    assert_eq!(row(&house, low).await.parent, Some(Pid(1)));
    assert_eq!(house.kernel.children_of(Pid(1)), [middle, low]);
    let held: Vec<Grant> = house.kernel.grants_of(low);
    let read = held.iter().find(|grant| grant.pattern.to_string() == "fs:workspace/src/**").unwrap();
    let above = house.kernel.grants().into_iter().find(|grant| Some(grant.id) == read.parent).unwrap();
    assert_eq!(above.holder, Holder::Process(Pid(1)));
    // What hung on nothing above the giver is not kept.
    let moved = held.iter().find(|grant| grant.pattern.to_string() == "fs:workspace/once").unwrap();
    assert_eq!((moved.uses_left, moved.parent, moved.revoked), (Some(2), counted.parent, true));
    house.kernel.signal(middle, Signal::Kill, "").unwrap();
    let mut lower = house.line_of(low);
    assert_eq!(words(&house.run(&mut lower, Call::FsRead { path: "src/a".into() }).await), "done");
    assert_eq!(words(&house.run(&mut lower, write).await), "denied");
    // Revoking what it hangs on now reaches it.
    house.kernel.revoke(above.id).unwrap();
    assert_eq!(words(&house.run(&mut lower, Call::FsRead { path: "src/a".into() }).await), "denied");
    // From a root it goes to nobody.
    done(&house.run(&mut line, hand(low)).await);
    house.kernel.signal(Pid(1), Signal::Kill, "").unwrap();
    assert_eq!(row(&house, low).await.parent, None);
    assert!(house.kernel.is_live(lower.call()));
}

#[tokio::test]
async fn exec_changes_the_tools_and_gives_nothing_of_the_new_image() {
    let house = House::new(&["allow use image:small", "allow read fs:workspace/a"]);
    let image = "name = \"small\"\nversion = \"1\"\ntools = [\"echo\"]\n";
    house.kernel.add_image(Image::parse(image).unwrap()).unwrap();
    house
        .kernel
        .grant(crate::sim::new_grant(Holder::Image("small".into()), "allow write fs:workspace/**", None))
        .unwrap();
    let pid = house.process();
    let mut line = house.line_of(pid);
    let before = house.kernel.grants_of(pid);
    for (image, want) in [("other", "denied"), ("base", "denied"), ("small", "done")] {
        let exec = Call::ProcessExec { image: image.into(), goal: Some("to review".into()) };
        assert_eq!(words(&house.run(&mut line, exec).await), want, "{image}");
    }
    // The tool that asked goes on as what it was.
    assert_eq!(row(&house, pid).await.image, "base");
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    let process = row(&house, pid).await;
    assert_eq!((&*process.image, process.state, process.exec_requested), ("small", State::Ready, None));
    assert_eq!(house.kernel.grants_of(pid), before);
    assert!(house.kernel.start_call(house.start(pid)).unwrap_err().to_string().contains("does not have the tool"));
    assert_eq!(process.goal.as_deref(), Some(&*format!("process/{}/goal", pid.0)));
}

fn note() -> ObjectOptions {
    ObjectOptions {
        object_type: "summary".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    }
}

#[tokio::test]
async fn a_result_object_is_readable_by_the_process_that_ends_with_it_and_then_by_its_parent() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let pid = spawn(&house, &mut line, child(&[])).await;
    let secret = house.process();
    let mut theirs = house.line_of(secret);
    let create =
        |name: &str| Call::ObjectCreate { name: name.into(), payload: Payload::Json("42".into()), options: note() };
    done(&house.run(&mut theirs, create("secret")).await);
    let mut its = house.line_of(pid);
    let foreign = format!("process/{}/secret", secret.0);
    let exit = |object: &str| Call::ProcessExitWith { object: object.into() };
    assert_eq!(words(&house.run(&mut its, exit(&foreign)).await), "denied");
    assert!(words(&house.run(&mut its, exit("none")).await).contains("not found"));
    done(&house.run(&mut its, create("answer")).await);
    done(&house.run(&mut its, exit("answer")).await);
    let name = format!("process/{}/answer", pid.0);
    let read = |name: &str| Call::ObjectRead { name: name.into() };
    assert_eq!(words(&house.run(&mut line, read(&name)).await), "denied");
    house.kernel.end_call(its.call(), Ok("null".into())).unwrap();
    let wait = Call::ProcessWait { pids: vec![pid.to_string()], timeout: None };
    let Reply::EndedChild(Some(ended)) = done(&house.run(&mut line, wait).await).clone() else {
        panic!("it has ended")
    };
    assert_eq!(ended.result_object.as_ref(), Some(&name));
    assert_eq!(words(&house.run(&mut line, read(&name)).await), "done");
    assert_eq!(words(&house.run(&mut line, read(&foreign)).await), "denied");
    assert_eq!(words(&house.run(&mut line, read(&format!("process/{}/goal", pid.0))).await), "denied");
}

/// The power goes at this operation of the disk while a child is made; says whether the child was there after it, or none if nothing
/// happened at all.
async fn crash_at(number: u64) -> Option<bool> {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    house.disk.trouble_at(number, Trouble::Cut);
    let options = ChildOptions { planner: None, ..child(&["read fs:workspace/src/**"]) };
    let answer = house.run(&mut line, Call::ProcessSpawn { child: options }).await;
    let durable = house.kernel.barrier().await.is_ok();
    let missed = house.disk.operations() < number;
    let house = house.crash(Tear::Some(number));
    let snapshot = house.snapshot();
    let view = View(&snapshot);
    let pid = Pid(2);
    let there = view.process(pid).unwrap().is_some();
    let of = |operation: &str, about: Option<Pid>, records: &[libos_kernel::model::record::Record]| {
        records
            .iter()
            .filter(|record| record.operation == operation && (about.is_none() || record.pid == about))
            .count()
    };
    let records = house.records().await;
    let grants = view.grants().unwrap().into_iter().filter(|grant| grant.holder == Holder::Process(pid)).count();
    let found = (of("process.spawn", None, &records), of("process.new", Some(pid), &records), grants);
    assert_eq!(found, if there { (1, 1, 3) } else { (0, 0, 0) }, "at {number}");
    assert_eq!(view.objects("").unwrap().len(), usize::from(there), "at {number}");
    assert!(there || !durable || answer.is_err(), "at {number}: what was durable is gone");
    let state = view.call(line.call()).unwrap().unwrap().state;
    assert!(matches!(state, CallState::Running | CallState::Runnable), "{state:?}");
    (!missed).then_some(there)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_its_grants_its_goal_and_the_record_of_it_are_there_together_or_not_at_all() {
    let (mut number, mut seen) = (1, BTreeSet::new());
    while let Some(there) = crash_at(number).await {
        seen.insert(there);
        number += 1;
    }
    assert!(number > 3, "the change has only {number} operations of the disk");
    assert!(seen.contains(&false), "{seen:?}");
}
