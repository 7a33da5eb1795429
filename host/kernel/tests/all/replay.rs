//! A call that stops anywhere is started again and ends as if nothing had been: recorded answers are given again, and what was done
//! outside is not done a second time.

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{Clerk, House, MOUNT, Tear, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, Fault, Stop};
use libos_kernel::model::call::{Approval, Call, Class, Level, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::syscall::Line;
use std::sync::Arc;

fn text(text: &str) -> String {
    text.to_owned()
}

/// Every class, mixed, with a refusal, an error, and answers that would be other ones a second time.
fn script() -> Vec<Call> {
    let write = |path: &str, content: &str| Call::FsWrite {
        path: text(path),
        content: content.as_bytes().to_vec(),
        mode: WriteMode::CreateOrReplace,
    };
    let append = |content: &str| Call::FsAppend { path: text("log"), content: content.as_bytes().to_vec() };
    let options = ObjectOptions {
        object_type: text("note"),
        immutable: false,
        title: text(""),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    let json = |json: &str| Payload::Json(text(json));
    vec![
        Call::FsRead { path: text("notes.md") },
        Call::RandomBytes { count: 16 },
        write("out", "one"),
        append("first;"),
        Call::ObjectCreate { name: text("plan"), payload: json("1"), options },
        // What was only seen stands right before a wait.
        Call::ClockNow,
        Call::ClockSleep { nanoseconds: 5_000 },
        append("second;"),
        Call::FsRead { path: text("secret/key") },
        Call::HumanAsk { question: text("Which?"), queue: None },
        Call::FsMakeDir { path: text("made") },
        Call::FsMakeDir { path: text("made") },
        Call::ObjectUpdate { name: text("plan"), payload: json("2"), expected_version: Some(1) },
        Call::FsCopy { source: text("out"), target: text("made/copy"), replace: false },
        Call::FsStat { path: text("guarded") },
        write("guarded", "asked for"),
        Call::FsRename { old: text("old.md"), new: text("made/new.md"), replace: false },
        Call::LogWrite { level: Level::Info, message: text("half") },
        Call::HumanApprove {
            resource: text("fs:workspace/secret/key"),
            rights: vec![text("read")],
            reason: text("to see"),
            queue: None,
        },
        Call::FsRemove { path: text("gone.md"), recursive: false },
        Call::HumanTell { message: text("Done."), queue: None },
        Call::FsChangeDirectory { path: text("made") },
        Call::FsList { path: text(".") },
        Call::FsWorkingDirectory,
        Call::ProcessExitWith { object: text("plan") },
    ]
}

fn house() -> House {
    let rules = [&ALL_RULES[..], &["ask write fs:workspace/guarded", "deny read fs:workspace/secret/**"]].concat();
    let house = House::new(&rules);
    furnish(&house);
    house.world.put_directory(&format!("{MOUNT}/secret"));
    house.world.put_file(&format!("{MOUNT}/secret/key"), "k");
    house.world.forget();
    house
}

/// Goes through the script from where the line stands.
async fn play(house: &House, line: &mut Line, script: &[Call]) -> Vec<Arc<Answer>> {
    let mut answers = Vec::new();
    for call in script {
        // Nothing that the outside tells is the same twice.
        house.world.pass(1_000);
        let answer = house.run_with(line, call.clone(), &Clerk::default()).await;
        answers.push(answer.unwrap_or_else(|stop| panic!("{} was stopped: {stop}", call.operation())));
    }
    answers
}

/// Answers up to here must come again: what follows the last of them that had to survive was told to nobody.
fn told(script: &[Call]) -> usize {
    let survives = |call: &Call| call.class() != Class::Observe;
    script.iter().rposition(survives).map_or(0, |last| last + 1)
}

async fn play_to_the_end(house: &House, line: &mut Line) -> Vec<Arc<Answer>> {
    let answers = play(house, line, &script()).await;
    let ended = house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    house.kernel.durable(ended.durable).await.unwrap();
    answers
}

/// All that the script leaves behind, outside and in the kernel.
fn outcome(house: &House, call: CallId) -> Vec<String> {
    let snapshot = house.snapshot();
    let view = View(&snapshot);
    let mut left = [house.world.done(), house.world.listing()].concat();
    let (info, payload) = view.object("process/1/plan").unwrap().expect("the object is there");
    left.push(format!("{} {} {payload:?}", info.name, info.version));
    left.extend(view.call_log(call).unwrap().into_iter().map(|line| line.text));
    left.extend(
        view.questions(false).unwrap().into_iter().map(|question| format!("{} {:?}", question.id, question.subject)),
    );
    left.push(format!("{:?}", view.process(Pid(1)).unwrap().map(|process| process.state)));
    left
}

#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    Reopened,
    Crashed,
}

async fn go_between(house: House, call: CallId, between: Between) -> House {
    house.kernel.drop_call(call);
    match between {
        Between::Nothing => house,
        Between::Reopened => house.reopen(),
        Between::Crashed => {
            house.kernel.barrier().await.unwrap();
            house.crash(Tear::None)
        }
    }
}

/// Stops after the first `stop` system calls, and goes on.
async fn check_stop(stop: usize, between: Between, unbroken: &[String]) {
    let script = script();
    let house = house();
    let mut line = house.line();
    let call = line.call();
    let first = play(&house, &mut line, &script[..stop]).await;
    drop(line);
    let house = go_between(house, call, between).await;
    let mut line = house.resume(call).await;
    let again = play_to_the_end(&house, &mut line).await;
    let told = told(&script[..stop]);
    assert_eq!(again[..told], first[..told], "stopped after {stop}, {between:?}");
    assert_eq!(outcome(&house, call), unbroken, "stopped after {stop}, {between:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_stops_anywhere_goes_on_as_if_nothing_had_been() {
    let whole = house();
    let mut line = whole.line();
    let answers = play_to_the_end(&whole, &mut line).await;
    let unbroken = outcome(&whole, line.call());
    assert_eq!(whole.world.done().len(), 8, "{unbroken:?}");
    let ended: Vec<String> = answers.into_iter().map(|answer| words(&Ok(answer))).collect();
    assert_eq!(ended.iter().filter(|word| *word != "done").count(), 3, "{ended:?}");
    for between in [Between::Nothing, Between::Reopened, Between::Crashed] {
        for stop in 0..=script().len() {
            check_stop(stop, between, &unbroken).await;
        }
    }
}

/// Stops while the system call at this position waits, and goes on when the wait has ended.
async fn check_wait(position: usize, between: Between, unbroken: &[String]) {
    let script = script();
    let house = house();
    let mut line = house.line();
    let first = play(&house, &mut line, &script[..position]).await;
    let call = house.park(line, script[position].clone()).await;
    let house = match between {
        Between::Nothing => house,
        other => go_between(house, call, other).await,
    };
    assert!(house.kernel.resume_call(call).await.is_err(), "a call that still waits is not started");
    house.end_wait(call, &Clerk::default()).await.unwrap();
    assert_eq!(house.kernel.take_runnable(), [call], "the end of the wait is told once");
    assert_eq!(house.kernel.take_runnable(), []);
    let mut line = house.resume(call).await;
    let again = play_to_the_end(&house, &mut line).await;
    assert_eq!(again[..position], first, "waiting at {position}, {between:?}");
    assert_eq!(outcome(&house, call), unbroken, "waiting at {position}, {between:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_parked_in_a_wait_goes_on_as_if_nothing_had_been() {
    let whole = house();
    let mut line = whole.line();
    play_to_the_end(&whole, &mut line).await;
    let unbroken = outcome(&whole, line.call());
    let waits =
        |call: &Call| call.class() == Class::Wait || matches!(call, Call::FsWrite { path, .. } if path == "guarded");
    let positions: Vec<usize> = (0..script().len()).filter(|at| waits(&script()[*at])).collect();
    assert_eq!(positions.len(), 4);
    for position in positions {
        for between in [Between::Nothing, Between::Reopened, Between::Crashed] {
            check_wait(position, between, &unbroken).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_goes_another_way_is_stopped_and_nothing_is_done() {
    let (house, script) = (house(), script());
    let mut line = house.line();
    let call = line.call();
    let answers = play(&house, &mut line, &script[..8]).await;
    drop(line);
    house.world.forget();
    // An operation that differs, and one that differs only in its last byte.
    let other = Call::FsAppend { path: text("log"), content: b"second.".to_vec() };
    for (position, made) in [(2, Call::ClockNow), (7, other)] {
        house.kernel.drop_call(call);
        let mut line = house.resume(call).await;
        assert_eq!(play(&house, &mut line, &script[..position]).await, answers[..position]);
        assert!(line.replays());
        let recorded = script[position].operation().to_owned();
        let want = Fault::Diverged { position: position as u32, recorded, made: made.operation().into() };
        assert_eq!(house.run(&mut line, made).await, Err(Stop::Fault(want)));
    }
    assert_eq!(house.world.done(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_replayed_was_not_looked_at_again_and_needs_no_grant_any_more() {
    let (house, script) = (house(), script());
    let mut line = house.line();
    let call = line.call();
    let answers = play(&house, &mut line, &script[..8]).await;
    drop(line);
    house.kernel.drop_call(call);
    house.set_rules(&[]).unwrap();
    house.world.put_file(&format!("{MOUNT}/notes.md"), "other");
    house.world.forget();
    let mut line = house.resume(call).await;
    assert_eq!(play(&house, &mut line, &script[..8]).await, answers);
    assert!(!line.replays());
    assert_eq!((house.world.done(), house.world.looks()), (Vec::new(), Vec::new()));
    let next = house.run(&mut line, Call::FsRead { path: text("notes.md") }).await;
    assert_eq!(words(&next), "denied", "what is new is decided anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_observed_is_seen_anew_and_what_followed_it_pins_it() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let mut line = house.line();
    let call = line.call();
    let read = || Call::FsRead { path: text("notes.md") };
    let log = Call::LogWrite { level: Level::Info, message: text("read it") };
    let old = house.run(&mut line, read()).await.unwrap();
    house.run(&mut line, log).await.unwrap();
    house.run(&mut line, read()).await.unwrap();
    drop(line);
    house.kernel.drop_call(call);
    house.world.put_file(&format!("{MOUNT}/notes.md"), "other");
    let mut line = house.resume(call).await;
    assert_eq!(house.run(&mut line, read()).await.unwrap(), old);
    house.run(&mut line, Call::LogWrite { level: Level::Info, message: text("read it") }).await.unwrap();
    assert!(!line.replays());
    assert_ne!(house.run(&mut line, read()).await.unwrap(), old);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_use_or_a_persons_word_gave_is_kept_though_it_only_observed() {
    let read = |path: &str| Call::FsRead { path: text(path) };
    let house = House::new(&["ask read fs:workspace/*"]);
    furnish(&house);
    house.world.put_directory(&format!("{MOUNT}/once"));
    house.world.put_file(&format!("{MOUNT}/once/key"), "k");
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow read fs:workspace/once/**", Some(1));
    let mut line = house.line_of(pid);
    let call = line.call();
    let no = Clerk { approval: Approval::Deny, ..Clerk::default() };
    let first = [
        house.run(&mut line, read("once/key")).await,
        house.run(&mut line, read("notes.md")).await,
        house.run_with(&mut line, read("old.md"), &no).await,
    ];
    assert_eq!(first.each_ref().map(words), ["done", "done", "denied"]);
    drop(line);
    house.kernel.drop_call(call);
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    let mut line = house.resume(call).await;
    for (path, before) in ["once/key", "notes.md", "old.md"].into_iter().zip(first) {
        // The clerk would say yes now, and there is no use left.
        assert_eq!(house.run(&mut line, read(path)).await, before, "{path}");
    }
    assert_eq!(View(&house.snapshot()).questions(false).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_started_again_only_when_nothing_of_it_runs_or_waits() {
    let house = house();
    let line = house.line();
    let call = line.call();
    let refused = |error: libos_kernel::kernel::HostError| error.to_string();
    assert!(house.kernel.resume_call(call).await.map_err(refused).unwrap_err().contains("runs already"));
    house.kernel.end_call(call, Ok("1".into())).unwrap();
    assert!(house.kernel.resume_call(call).await.map_err(refused).unwrap_err().contains("has ended"));
    assert_eq!(house.kernel.end_call(call, Ok("2".into())), Err(Stop::Ended), "a call ends once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_and_journal_have_their_limits() {
    use libos_kernel::kernel::StartCall;
    use libos_kernel::model::limit::CallLimits;
    let house = house();
    let line = |limits: CallLimits| {
        let pid = house.process();
        let start = StartCall { pid, tool: text("act"), arguments: text("null"), limits, keep: false };
        Line::new(Arc::clone(&house.kernel), &house.kernel.start_call(start).unwrap())
    };
    let mut few = line(CallLimits { imports: 2, ..CallLimits::default() });
    for want in ["done", "done", "stopped: import-flood: more than 2 imports in one call"] {
        assert_eq!(words(&house.run(&mut few, Call::ClockNow).await), want);
    }
    let mut small = line(CallLimits { journal_bytes: 400, ..CallLimits::default() });
    assert_eq!(words(&house.run(&mut small, Call::RandomBytes { count: 10 }).await), "done");
    let full = house.run(&mut small, Call::RandomBytes { count: 400 }).await;
    assert_eq!(full, Err(Stop::Fault(Fault::Journal(400))));
}
