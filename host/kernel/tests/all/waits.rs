//! Calls that wait: for time, for words, for a person's yes to exactly what was asked.

use crate::sim::{Clerk, House, MOUNT, Tear, done, words};
use libos_kernel::kernel::Reaction;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Approval, Call, Reply, WriteMode};
use libos_kernel::model::grant::{Effect, Holder};
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::question::{QuestionState, Subject};
use libos_kernel::model::record::{Decided, Outcome};
use libos_kernel::model::row::Wait;
use libos_kernel::model::time::Time;
use libos_kernel::syscall::Line;

const ASKING: [&str; 3] =
    ["allow read,list fs:workspace/**", "ask write,delete fs:workspace/**", "allow ask,tell human:owner"];

fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.as_bytes().to_vec(), mode: WriteMode::CreateOrReplace }
}

fn approve(approval: Approval) -> Reaction {
    Reaction::Approve { approval, note: None }
}

/// What a system call does until it ends or waits: `waits`, or how it ended.
async fn first_step(house: &House, line: &mut Line, call: Call) -> String {
    let mut waiting = line.waiting();
    tokio::select! {
        biased;
        answer = line.run(call) => words(&answer),
        waits = waiting.wait_for(Option::is_some) => { drop(waits); house.kernel.barrier().await.unwrap(); "waits".into() }
    }
}

#[tokio::test]
async fn a_sleep_ends_when_the_clock_has_passed_its_time_and_not_before() {
    let house = House::new(&["allow sleep clock:sleep"]);
    let start = house.kernel.now();
    let short = house.park(house.line(), Call::ClockSleep { nanoseconds: 10 }).await;
    let long = house.park(house.line(), Call::ClockSleep { nanoseconds: 20 }).await;
    assert_eq!(house.kernel.wait_of(short), Some(Wait::Until(Time(start.0 + 10))));
    let rows: [(u64, &[CallId], Option<u64>); 5] =
        [(0, &[], Some(10)), (9, &[], Some(10)), (10, &[short], Some(20)), (11, &[], Some(20)), (25, &[long], None)];
    for (after, runnable, next) in rows {
        house.world.set_clock(Time(start.0 + after));
        house.kernel.fire_timers_due();
        assert_eq!(house.kernel.take_runnable(), runnable, "{after} ns later");
        assert_eq!(house.kernel.next_timer(), next.map(|next| Time(start.0 + next)), "{after} ns later");
    }
}

#[tokio::test]
async fn a_sleep_goes_on_while_the_host_is_down() {
    let house = House::new(&["allow sleep clock:sleep"]);
    let call = house.park(house.line(), Call::ClockSleep { nanoseconds: 10 }).await;
    let house = house.reopen();
    house.world.pass(10);
    house.kernel.fire_timers_due();
    assert_eq!(house.kernel.take_runnable(), [call]);
    let mut line = house.resume(call).await;
    let answer = house.run(&mut line, Call::ClockSleep { nanoseconds: 10 }).await;
    assert_eq!(done(&answer), &Reply::Unit);
    assert_eq!(house.kernel.next_timer(), None);
}

#[tokio::test]
async fn a_question_gets_the_words_of_its_answer() {
    let house = House::new(&ASKING);
    let mut line = house.line();
    let ask = || Call::HumanAsk { question: "Which?".into(), queue: None };
    let answer = house.run_with(&mut line, ask(), &Clerk { text: "a \u{1b}[2J word", ..Clerk::default() }).await;
    assert_eq!(done(&answer), &Reply::Text("a \u{1b}[2J word".into()));
    let call = line.call();
    let records = house.records().await;
    let answered = records.iter().find(|record| record.operation == "host.answer").unwrap();
    assert_eq!((answered.call, answered.position, &answered.decided), (Some(call), Some(0), &Decided::Host));
}

/// Answers the first write so, and says how it and an equal second one end, and how many rules there are then.
async fn check_answer(approval: Approval, first: &str, second: &str, rules: usize) {
    let house = House::new(&ASKING);
    let mut line = house.line();
    let clerk = Clerk { approval, ..Clerk::default() };
    let ended = words(&house.run_with(&mut line, write("a", "1"), &clerk).await);
    assert_eq!(ended, first, "{approval:?}");
    let made = |grant: &&libos_kernel::model::grant::Grant| {
        matches!(grant.issuer, libos_kernel::model::grant::Issuer::Question(_))
    };
    assert_eq!(first_step(&house, &mut line, write("a", "1")).await, second, "{approval:?}");
    house.kernel.barrier().await.unwrap();
    assert_eq!(View(&house.snapshot()).grants().unwrap().iter().filter(made).count(), rules, "{approval:?}");
    let performed = usize::from(first == "done") + usize::from(second == "done");
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), performed, "{approval:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_to_an_approval_means_what_it_says() {
    check_answer(Approval::Allow, "done", "waits", 0).await;
    check_answer(Approval::Always, "done", "done", 1).await;
    check_answer(Approval::Deny, "denied", "denied", 0).await;
    check_answer(Approval::Never, "denied", "denied", 1).await;
}

/// Answers a tool's request for the right to read a file, and says how two reads end.
async fn check_permission(approval: Approval, first: &str, second: &str) {
    let house = House::new(&["allow ask human:owner"]);
    house.world.put_file("workspace/a", "1");
    let mut line = house.line();
    let ask = Call::HumanApprove {
        resource: "fs:workspace/a".into(),
        rights: vec!["read".into()],
        reason: "to see".into(),
        queue: None,
    };
    let answer = house.run_with(&mut line, ask, &Clerk { approval, ..Clerk::default() }).await;
    assert_eq!(done(&answer), &Reply::Approval(approval));
    for want in [first, second] {
        let read = house.run(&mut line, Call::FsRead { path: "a".into() }).await;
        assert_eq!(words(&read), want, "{approval:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_to_a_request_for_rights_means_what_it_says() {
    check_permission(Approval::Allow, "done", "denied").await;
    check_permission(Approval::Always, "done", "done").await;
    check_permission(Approval::Deny, "denied", "denied").await;
    check_permission(Approval::Never, "denied", "denied").await;
}

#[tokio::test]
async fn a_refusal_by_a_person_carries_the_note() {
    let house = House::new(&ASKING);
    let mut line = house.line();
    let clerk = Clerk { approval: Approval::Deny, note: Some("not on a Friday".into()), ..Clerk::default() };
    let answer = house.run_with(&mut line, write("a", "1"), &clerk).await.unwrap();
    assert!(format!("{answer:?}").contains("not on a Friday"), "{answer:?}");
}

/// A write that a person has approved; then something happens, and the write is tried. `again`: what the new question says.
async fn check_change(what: &str, change: impl Fn(&House, Pid), ended: &str, again: Option<&str>) {
    let house = House::new(&ASKING);
    house.world.put_file("workspace/a", "old");
    let pid = house.process();
    let call = house.park(house.line_of(pid), write("a", "new")).await;
    let question = house.asked(call);
    house.kernel.answer(question, approve(Approval::Allow)).unwrap();
    house.kernel.barrier().await.unwrap();
    change(&house, pid);
    let mut line = house.resume(call).await;
    assert_eq!(first_step(&house, &mut line, write("a", "new")).await, ended, "{what}");
    assert_eq!(house.world.count("fs.write fs:workspace/a new"), usize::from(ended == "done"), "{what}");
    if let Some(again) = again {
        let asked = house.question(house.asked(call));
        assert!(asked.again.as_ref().is_some_and(|why| why.contains(again)), "{what}: {asked:?}");
        let old = house.question(question).state;
        assert!(matches!(old, QuestionState::Withdrawn { .. }), "{what}: {old:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_for_what_was_shown_and_nothing_else() {
    let save = |content: &'static str| move |house: &House, _: Pid| house.world.put_file("workspace/a", content);
    let to = |pid: Pid| Holder::Process(pid);
    check_change("nothing changed", |_, _| {}, "done", None).await;
    check_change("the same bytes were saved again", save("old"), "done", None).await;
    check_change("the content changed", save("other"), "waits", Some("what is there")).await;
    let directory = |house: &House, _| house.world.put_directory("workspace/a");
    check_change("it became a directory", directory, "waits", Some("what is there")).await;
    let denied = |house: &House, pid| drop(house.grant(to(pid), "deny write fs:workspace/a", None));
    check_change("a deny came", denied, "denied", None).await;
    let second = |house: &House, pid| drop(house.grant(to(pid), "ask write fs:workspace/a", None));
    check_change("another rule asks too", second, "done", None).await;
    let moved = |house: &House, pid| {
        let asks = View(&house.snapshot()).grants().unwrap().into_iter();
        let ours = |grant: &libos_kernel::model::grant::Grant| grant.holder == to(pid) && grant.effect == Effect::Ask;
        house.kernel.revoke(asks.filter(ours).map(|grant| grant.id).next().unwrap()).unwrap();
        house.grant(to(pid), "ask write fs:workspace/**", None);
    };
    check_change("another rule asks instead", moved, "waits", Some("the rule that asks")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_for_the_bytes_that_were_asked_and_the_place_that_asked() {
    let house = House::new(&ASKING);
    let call = house.park(house.line(), write("a", "shown")).await;
    house.kernel.answer(house.asked(call), approve(Approval::Allow)).unwrap();
    let mut line = house.resume(call).await;
    assert_eq!(first_step(&house, &mut line, write("a", "other")).await, "waits");
    let asked = house.question(house.asked(call));
    assert!(asked.again.as_ref().is_some_and(|why| why.contains("the payload")), "{asked:?}");
    assert_eq!(house.world.done(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_shows_what_will_be_done() {
    let house = House::new(&ASKING);
    house.world.put_file("workspace/a", "old");
    let call = house.park(house.line(), write("a", "new\u{1b}[2J")).await;
    house.kernel.barrier().await.unwrap();
    let Subject::Approval { operation, preview, .. } = house.question(house.asked(call)).subject else { panic!() };
    assert_eq!(operation, "fs.write");
    assert!(preview[0].contains("replaces the 3 bytes"), "{preview:?}");
    assert!(preview[1].contains("new\\u{1b}[2J"), "{preview:?}");
}

/// A call waits for a person, and ends otherwise: the question is gone, and an answer is told so.
async fn check_withdrawn(what: &str, end: impl Fn(&House, CallId)) {
    let house = House::new(&ASKING);
    let call = house.park(house.line(), write("a", "1")).await;
    let question = house.asked(call);
    end(&house, call);
    let error = house.kernel.answer(question, approve(Approval::Always)).unwrap_err().to_string();
    assert!(error.contains("is gone: the call has ended"), "{what}: {error}");
    house.kernel.barrier().await.unwrap();
    assert!(matches!(house.question(question).state, QuestionState::Withdrawn { .. }), "{what}");
    assert_eq!(View(&house.snapshot()).questions(true).unwrap(), [], "{what}");
    assert_eq!(house.kernel.wait_of(call), None, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_question_of_a_call_that_has_ended_is_withdrawn() {
    check_withdrawn("ended", |house, call| drop(house.kernel.end_call(call, Ok("1".into())).unwrap())).await;
    check_withdrawn("cancelled", |house, call| assert!(house.kernel.cancel_call(call, "by hand").is_ok())).await;
    check_withdrawn("its process ended", |house, _| house.kernel.end_unused_process(Pid(1), "no more")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_must_fit_its_question_and_is_given_once() {
    let house = House::new(&ASKING);
    let approval = house.asked(house.park(house.line(), write("a", "1")).await);
    let ask = Call::HumanAsk { question: "Which?".into(), queue: None };
    let question = house.asked(house.park(house.line(), ask).await);
    let tell = || Reaction::Tell { text: "x".into() };
    let star = house.asked(house.park(house.line(), write("a*", "1")).await);
    let rows = [
        (approval, tell(), "wants a decision"),
        (question, approve(Approval::Allow), "wants words"),
        (question, Reaction::Tell { text: "x".repeat(65_537) }, "at most 65536 bytes"),
        (
            approval,
            Reaction::Approve { approval: Approval::Allow, note: Some("x".repeat(16_385)) },
            "at most 16384 bytes",
        ),
        (star, approve(Approval::Always), "cannot become a rule"),
        (libos_kernel::model::id::QuestionId(99), tell(), "there is no question q99"),
    ];
    for (id, reaction, what) in rows {
        let error = house.kernel.answer(id, reaction).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    for (id, reaction) in [(approval, approve(Approval::Allow)), (question, tell()), (star, approve(Approval::Deny))] {
        house.kernel.answer(id, reaction.clone()).expect("a wrong answer leaves the question open");
        let error = house.kernel.answer(id, reaction).unwrap_err().to_string();
        assert!(error.contains("was answered already"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_not_used_yet_is_used_after_a_crash_and_once() {
    for tear in [Tear::None, Tear::All] {
        let house = House::new(&ASKING);
        let call = house.park(house.line(), write("a", "1")).await;
        let answered = house.kernel.answer(house.asked(call), approve(Approval::Allow)).unwrap();
        house.kernel.durable(answered.durable).await.unwrap();
        let house = house.crash(tear);
        let mut line = house.resume(call).await;
        assert_eq!(first_step(&house, &mut line, write("a", "1")).await, "done");
        assert_eq!(first_step(&house, &mut line, write("a", "1")).await, "waits");
        assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1);
        assert_eq!(View(&house.snapshot()).questions(false).unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_not_asked_for_again_when_the_call_is_started_again() {
    let house = House::new(&ASKING);
    let call = house.park(house.line(), write("a", "1")).await;
    let question = house.asked(call);
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    assert_eq!(house.asked(call), question, "the wait is the same after a crash");
    house.kernel.answer(question, approve(Approval::Allow)).unwrap();
    let mut line = house.resume(call).await;
    assert_eq!(first_step(&house, &mut line, write("a", "1")).await, "done");
    let records = house.records_of(call).await;
    let asked = records.iter().filter(|record| record.outcome == Outcome::Waiting).count();
    assert_eq!(asked, 1, "{records:?}");
    let intent = records.iter().find(|record| record.outcome == Outcome::Intent).unwrap();
    assert_eq!(intent.question, Some(question));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_needs_an_approval_is_approved_first() {
    let house = House::new(&["ask ask human:owner"]);
    let mut line = house.line();
    let answer = house.run(&mut line, Call::HumanAsk { question: "Which?".into(), queue: None }).await;
    assert_eq!(done(&answer), &Reply::Text(Clerk::default().text.into()));
    assert_eq!(View(&house.snapshot()).questions(false).unwrap().len(), 2);
}

/// Makes a system call that a person must approve name by name; the call leaves memory at each question.
async fn check_parked(what: &str, call: Call, questions: usize) {
    let house = House::new(&["ask read,write fs:workspace/**"]);
    house.world.put_link(&format!("{MOUNT}/link"), "target");
    house.world.put_file(&format!("{MOUNT}/target"), "t");
    let mut line = house.line();
    let id = line.call();
    let mut asked = 0;
    loop {
        match first_step(&house, &mut line, call.clone()).await.as_str() {
            "done" => break,
            "waits" => asked += 1,
            other => panic!("{what}: {other}"),
        }
        assert!(asked <= questions, "{what}: asked again and again");
        assert!(house.kernel.park_call(id));
        house.end_wait(id, &Clerk::default()).await.unwrap();
        line = house.resume(id).await;
    }
    assert_eq!(asked, questions, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_reaches_through_a_link_though_the_call_leaves_memory() {
    check_parked("write", write("link", "1"), 1).await;
    check_parked("append", Call::FsAppend { path: "link".into(), content: b"1".to_vec() }, 1).await;
    check_parked("copy", Call::FsCopy { source: "link".into(), target: "copy".into(), replace: false }, 1).await;
    check_parked("read", Call::FsRead { path: "link".into() }, 1).await;
}

/// An approved change waits for the disk; meanwhile something happens outside.
async fn check_meanwhile(what: &str, call: Call, meanwhile: impl Fn(&House), want: &str) {
    let house = House::new(&ASKING);
    house.world.put_file("workspace/a", "old");
    house.world.put_file("workspace/source", "source");
    let id = house.park(house.line(), call.clone()).await;
    house.kernel.answer(house.asked(id), approve(Approval::Allow)).unwrap();
    let mut line = house.resume(id).await;
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    let mut guests = tokio::task::JoinSet::new();
    guests.spawn(async move { words(&line.run(call).await) });
    still.reached().await;
    meanwhile(&house);
    still.open();
    let ended = guests.join_next().await.unwrap().unwrap();
    assert!(ended.contains(want), "{what}: {ended}");
    assert_eq!(house.world.done().len(), usize::from(want == "done"), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_approved_is_not_done_to_what_it_became_meanwhile() {
    let copy = || Call::FsCopy { source: "source".into(), target: "a".into(), replace: true };
    let change = |name: &'static str| move |house: &House| house.world.put_file(&format!("{MOUNT}/{name}"), "changed");
    let changed = "changed meanwhile";
    check_meanwhile("nothing", write("a", "new"), |_| {}, "done").await;
    check_meanwhile("the file", write("a", "new"), change("a"), changed).await;
    check_meanwhile("the target", copy(), change("a"), changed).await;
    check_meanwhile("the source", copy(), change("source"), changed).await;
    check_meanwhile("another file", copy(), change("other"), "done").await;
}
