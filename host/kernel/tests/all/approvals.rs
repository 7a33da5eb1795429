//! Asking people: not twice the same, not too often, not for ever; and an answer is for exactly what was shown.

use crate::sim::{Clerk, House, MOUNT, words};
use libos_kernel::kernel::Reaction;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Approval, Call, WriteMode};
use libos_kernel::model::codec::{from_bytes, to_bytes};
use libos_kernel::model::grant::{Effect, Holder};
use libos_kernel::model::id::{CallId, Pid, QuestionId};
use libos_kernel::model::image::BASE;
use libos_kernel::model::question::{QuestionRow, QuestionState, Subject};
use libos_kernel::model::row::Wait;
use libos_kernel::store::disk::Storage;
use libos_kernel::store::table::live;
use libos_kernel::syscall::Line;
use redb::{ReadableTable, TableDefinition};
use std::time::Duration;

const ASKING: [&str; 3] =
    ["allow read,list fs:workspace/**", "ask write,delete fs:workspace/**", "allow ask,tell human:owner"];

pub fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.as_bytes().to_vec(), mode: WriteMode::CreateOrReplace }
}

pub fn approve(approval: Approval) -> Reaction {
    Reaction::Approve { approval, note: None }
}

/// What a system call does until it ends or waits: `waits`, or how it ended.
pub async fn first_step(house: &House, line: &mut Line, call: Call) -> String {
    let mut waiting = line.waiting();
    tokio::select! {
        biased;
        answer = line.run(call) => words(&answer),
        waits = waiting.wait_for(Option::is_some) => { drop(waits); house.kernel.barrier().await.unwrap(); "waits".into() }
    }
}

/// Parked calls of one process that ask the same.
async fn same(house: &House, pid: Pid, count: usize) -> Vec<CallId> {
    let mut calls = Vec::new();
    for _ in 0..count {
        calls.push(house.park(house.line_of(pid), write("a", "1")).await);
    }
    house.kernel.barrier().await.unwrap();
    calls
}

fn open(house: &House) -> Vec<QuestionRow> {
    View(&house.snapshot()).questions(true).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_the_same_is_asked_for_once_and_one_answer_does_for_all() {
    let house = House::new(&["ask read,write fs:workspace/**"]);
    house.world.put_file("workspace/a", "there");
    let pid = house.process();
    let read = || Call::FsRead { path: "a".into() };
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(house.park(house.line_of(pid), read()).await);
    }
    let others = [house.park(house.line_of(pid), write("a", "2")).await, house.park(house.line(), read()).await];
    house.kernel.barrier().await.unwrap();
    let questions = open(&house);
    let asked: Vec<usize> = questions.iter().map(|question| question.places().count()).collect();
    assert_eq!(asked, [3, 1, 1], "the same of one process is one question; other bytes or another process are not");
    let house = house.reopen();
    house.kernel.answer(questions[0].id, approve(Approval::Allow)).unwrap();
    for call in &calls {
        assert_eq!(first_step(&house, &mut house.resume(*call).await, read()).await, "done");
    }
    for other in others {
        assert!(matches!(house.kernel.wait_of(other), Some(Wait::Question(_))));
    }
    house.kernel.barrier().await.unwrap();
    let row = house.question(questions[0].id);
    assert!(matches!(row.state, QuestionState::Applied { .. }), "{row:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_of_them_changed_is_asked_again_by_the_others() {
    let house = House::new(&ASKING);
    let calls = same(&house, house.process(), 2).await;
    house.kernel.answer(house.asked(calls[0]), approve(Approval::Allow)).unwrap();
    assert_eq!(first_step(&house, &mut house.resume(calls[0]).await, write("a", "1")).await, "done");
    assert_eq!(first_step(&house, &mut house.resume(calls[1]).await, write("a", "1")).await, "waits");
    let again = house.question(house.asked(calls[1])).again.unwrap();
    assert!(again.contains("the kind of what is there"), "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_for_the_calls_that_were_seen() {
    let house = House::new(&ASKING);
    let pid = house.process();
    let calls = same(&house, pid, 2).await;
    let id = house.asked(calls[0]);
    let late = same(&house, pid, 1).await[0];
    let gone = house.kernel.answer_seen(id, approve(Approval::Allow), Some(&[CallId(999)])).unwrap_err();
    assert!(gone.to_string().contains("you saw"), "{gone}");
    assert_eq!(house.asked(late), id);
    house.kernel.answer_seen(id, approve(Approval::Allow), Some(&calls)).unwrap();
    assert_ne!(house.asked(late), id, "what nobody saw is a question of its own");
    let house = house.reopen();
    for call in calls {
        assert_eq!(words(&house.run(&mut house.resume(call).await, write("a", "1")).await), "done");
    }
    house.kernel.answer(house.asked(late), approve(Approval::Deny)).unwrap();
    assert_eq!(words(&house.run(&mut house.resume(late).await, write("a", "1")).await), "denied");
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_stays_while_one_of_its_calls_waits() {
    let house = House::new(&ASKING);
    let pid = house.process();
    let calls = same(&house, pid, 2).await;
    let id = house.asked(calls[0]);
    house.kernel.cancel_call(calls[0], "enough").unwrap();
    house.kernel.barrier().await.unwrap();
    assert_eq!(house.question(id).state, QuestionState::Open);
    assert_eq!(house.question(id).call, calls[1]);
    house.kernel.cancel_call(calls[1], "enough").unwrap();
    house.kernel.barrier().await.unwrap();
    assert!(matches!(house.question(id).state, QuestionState::Withdrawn { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_refused_stays_refused_to_that_process() {
    let house = House::new(&ASKING);
    let pid = house.process();
    let no = Clerk { approval: Approval::Deny, ..Clerk::default() };
    let mut line = house.line_of(pid);
    assert_eq!(words(&house.run_with(&mut line, write("a", "1"), &no).await), "denied");
    house.world.put_file("workspace/a", "what is there now does not matter");
    let house = house.reopen();
    for (pid, call, want) in [
        (pid, write("a", "1"), "denied"),
        (pid, write("a", "2"), "waits"),
        (pid, write("b", "1"), "waits"),
        (house.process(), write("a", "1"), "waits"),
    ] {
        assert_eq!(first_step(&house, &mut house.line_of(pid), call).await, want);
    }
    // A person's grant that answers the rule takes the refusal back.
    house.grant(Holder::Process(pid), "allow write fs:workspace/a", None);
    assert_eq!(first_step(&house, &mut house.line_of(pid), write("a", "1")).await, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_asks_only_so_much() {
    let house = House::new(&ASKING);
    let text = "[mounts]\nworkspace = \".\"\n[questions]\nopen-max = 2\nper-hour = 4\n[image.base]\n\
                ask = [\"write fs:workspace/**\"]\nallow = [\"ask,tell human:owner\"]\n";
    house.kernel.set_policy(text).unwrap();
    let pid = house.process();
    let ask = |text: &str| Call::HumanAsk { question: text.into(), queue: None };
    let mut parked = Vec::new();
    for (call, want) in [
        (write("a", "1"), "waits"),
        (ask("which?"), "waits"),
        (write("a", "2"), "denied"),
        (ask("what?"), "denied"),
        // The same as what waits already costs nobody a look.
        (write("a", "1"), "waits"),
    ] {
        let mut line = house.line_of(pid);
        assert_eq!(first_step(&house, &mut line, call).await, want);
        parked.push(line.call());
    }
    assert_eq!(first_step(&house, &mut house.line(), write("a", "2")).await, "waits", "others may ask");
    for call in [parked[0], parked[1], parked[4]] {
        house.kernel.cancel_call(call, "enough").unwrap();
    }
    let tell = || Call::HumanTell { message: "hello".into(), queue: None };
    let mut line = house.line_of(pid);
    for want in ["done", "done", "denied"] {
        assert_eq!(words(&house.run(&mut line, tell()).await), want);
    }
    house.world.pass(3_600_000_000_000);
    assert_eq!(words(&house.run(&mut line, tell()).await), "done", "the next hour");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_answers_is_denied_in_time_and_never_allowed() {
    let house = House::new(&ASKING);
    let text = "[mounts]\nworkspace = \".\"\n[questions]\nexpire-after = \"7d\"\n[image.base]\n\
                ask = [\"write fs:workspace/**\"]\nallow = [\"ask human:owner\"]\n";
    house.kernel.set_policy(text).unwrap();
    let permission = Call::HumanApprove {
        resource: "fs:workspace/a".into(),
        rights: vec!["read".into()],
        reason: "to see".into(),
        queue: None,
    };
    let calls = [write("a", "1"), Call::HumanAsk { question: "which?".into(), queue: None }, permission];
    let mut parked = Vec::new();
    for call in &calls {
        parked.push(house.park(house.line(), call.clone()).await);
    }
    let start = house.kernel.now();
    let week = Duration::from_secs(7 * 24 * 3_600);
    assert_eq!(house.kernel.next_timer(), Some(start.after(week)));
    for early in [start, libos_kernel::model::time::Time(0), start.after(week - Duration::from_nanos(1))] {
        house.world.set_clock(early);
        house.kernel.fire_timers_due();
        assert_eq!(house.kernel.take_runnable(), [CallId(0); 0]);
    }
    let house = house.reopen();
    house.world.set_clock(start.after(week));
    let late = house.kernel.answer(house.asked(parked[0]), approve(Approval::Allow)).unwrap_err();
    assert!(late.to_string().contains("expired"), "{late}");
    assert_eq!(house.kernel.take_runnable(), parked);
    for (call, want) in calls.into_iter().zip(["denied", "denied", "done"]) {
        let mut line = house.resume(parked.remove(0)).await;
        assert_eq!(words(&house.run(&mut line, call).await), want);
    }
    assert_eq!(house.world.done(), [""; 0]);
    assert_eq!(
        View(&house.snapshot())
            .grants()
            .unwrap()
            .iter()
            .filter(|grant| grant.effect == Effect::Allow && grant.pattern.to_string() == "fs:workspace/a")
            .count(),
        0
    );
}

/// Changes one field of the only question on the disk, as somebody with an editor would.
fn forge(house: House, change: impl FnOnce(&mut QuestionRow)) -> House {
    let (world, disk) = (std::sync::Arc::clone(&house.world), house.disk.clone());
    house.kernel.shutdown();
    drop(house);
    let table: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("question");
    let database = disk.open().unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(table).unwrap();
        let key = live(1);
        let bytes = table.get(&*key).unwrap().unwrap().value().to_vec();
        let mut row: QuestionRow = from_bytes(&bytes[1..]).unwrap();
        change(&mut row);
        let mut value = vec![bytes[0]];
        value.extend(to_bytes(&row));
        table.insert(&*key, &*value).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    House::open(world, disk).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_applies_only_if_every_field_is_what_was_asked() {
    let count = {
        let house = House::new(&ASKING);
        let call = house.park(house.line(), write("a", "1")).await;
        house.kernel.barrier().await.unwrap();
        let Subject::Approval { parts, .. } = house.question(house.asked(call)).subject else { panic!() };
        parts.len()
    };
    assert!(count >= 10, "{count}");
    // One past the last is the rule that asks; two past it nothing is changed.
    for field in 0..count + 2 {
        let house = House::new(&ASKING);
        let call = house.park(house.line(), write("a", "1")).await;
        house.kernel.answer(house.asked(call), approve(Approval::Allow)).unwrap();
        let mut name = "the rule that asks".to_owned();
        let house = forge(house, |row| {
            let Subject::Approval { parts, rule, .. } = &mut row.subject else { panic!() };
            match parts.get_mut(field) {
                Some(part) => {
                    name = part.field.words().to_owned();
                    part.digest[0] ^= 1;
                }
                None if field == count => *rule = None,
                None => name = "nothing".into(),
            }
        });
        let mut line = house.resume(call).await;
        let step = first_step(&house, &mut line, write("a", "1")).await;
        if name == "nothing" {
            assert_eq!(step, "done");
            continue;
        }
        assert_eq!(step, "waits", "{name}");
        let again = house.question(house.asked(call)).again.unwrap();
        assert!(again.contains(&name), "{name}: {again}");
        assert_eq!(house.world.done(), [""; 0], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_a_note_and_the_same_bytes_saved_again_change_nothing() {
    let house = House::new(&ASKING);
    house.world.put_file("workspace/a", "there");
    let call = house.park(house.line(), write("a", "1")).await;
    let house = house.reopen();
    house.world.pass(7 * 24 * 3_600_000_000_000);
    house.world.put_file("workspace/a", "there");
    let note = Reaction::Approve { approval: Approval::Allow, note: Some("fine".into()) };
    house.kernel.answer(house.asked(call), note).unwrap();
    let house = house.reopen();
    assert_eq!(words(&house.run(&mut house.resume(call).await, write("a", "1")).await), "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lasting_answer_to_a_process_of_one_call_is_for_its_image() {
    for (approval, first, second) in [(Approval::Always, "done", "done"), (Approval::Never, "denied", "denied")] {
        let house = House::new(&ASKING);
        let once = |house: &House| house.kernel.new_process(BASE, true).unwrap();
        let call = house.park(house.line_of(once(&house)), write("a", "1")).await;
        house.kernel.barrier().await.unwrap();
        let question = house.question(house.asked(call));
        let shown = libos_kernel::model::preview::standing(&question).join("\n");
        assert!(shown.contains("makes for image:base"), "{shown}");
        let made = house.kernel.answer(question.id, approve(approval)).unwrap().grants;
        assert!(made.iter().all(|grant| grant.holder == Holder::Image(BASE.into())), "{made:?}");
        assert_eq!(words(&house.run(&mut house.resume(call).await, write("a", "1")).await), first);
        assert_eq!(first_step(&house, &mut house.line_of(once(&house)), write("a", "2")).await, second);
        assert_eq!(first_step(&house, &mut house.line_of(once(&house)), write("b", "2")).await, "waits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_look_is_asked_for_before_an_error_tells_what_is_there() {
    for (rules, want) in [
        (&["ask write fs:workspace/**"][..], "waits"),
        (&["ask write fs:workspace/**", "allow list fs:workspace/**"], "not found"),
        (&["allow write fs:workspace/**"], "not found"),
    ] {
        let house = House::new(rules);
        let mut line = house.line();
        let step = first_step(&house, &mut line, write("missing/a", "1")).await;
        assert!(step.contains(want), "{rules:?}: {step}");
        if step == "waits" {
            let shown = libos_kernel::model::preview::question(&house.question(house.asked(line.call()))).join("\n");
            assert!(shown.contains("would fail: not found"), "{shown}");
            let call = line.call();
            drop(line);
            assert!(house.kernel.park_call(call));
            house.kernel.answer(house.asked(call), approve(Approval::Allow)).unwrap();
            let ended = words(&house.run(&mut house.resume(call).await, write("missing/a", "1")).await);
            assert!(ended.contains("not found"), "{ended}");
        }
    }
}

#[tokio::test]
async fn the_whole_of_what_is_asked_is_kept_while_it_is_open() {
    let house = House::new(&ASKING);
    let content = "line\n".repeat(10_000);
    let call = house.park(house.line(), write("a", &content)).await;
    house.kernel.barrier().await.unwrap();
    let id: QuestionId = house.asked(call);
    let asked = View(&house.snapshot()).asked(id).unwrap().unwrap();
    assert_eq!(asked, write("a", &content));
    assert_eq!(libos_kernel::model::preview::whole(&asked).len(), 10_000);
    house.kernel.answer(id, approve(Approval::Deny)).unwrap();
    house.run(&mut house.resume(call).await, write("a", &content)).await.unwrap();
    house.kernel.barrier().await.unwrap();
    assert_eq!(View(&house.snapshot()).asked(id).unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_is_asked_about_is_refused_without_a_look() {
    let house = House::new(&ASKING);
    let pid = house.process();
    let no = Clerk { approval: Approval::Deny, ..Clerk::default() };
    let mut line = house.line_of(pid);
    house.run_with(&mut line, write("a", "1"), &no).await.unwrap();
    house.world.forget();
    assert_eq!(words(&house.run(&mut line, write("a", "1")).await), "denied");
    assert_eq!(house.world.looks(), [""; 0], "what was refused before");
    let text =
        "[mounts]\nworkspace = \".\"\n[questions]\nper-hour = 1\n[image.base]\nask = [\"write fs:workspace/**\"]\n";
    house.kernel.set_policy(text).unwrap();
    let mut line = house.line();
    house.run_with(&mut line, write("a", "1"), &no).await.unwrap();
    house.world.forget();
    assert_eq!(words(&house.run(&mut line, write("b", "1")).await), "denied");
    assert_eq!(house.world.looks(), [""; 0], "beyond the limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_not_a_person() {
    let house = House::new(&ASKING);
    let pid = house.process();
    let call = house.park(house.line_of(pid), write("a", "1")).await;
    house.kernel.answer(house.asked(call), Reaction::Nobody { note: "nobody is here".into() }).unwrap();
    let mut line = house.resume(call).await;
    let answer = house.run(&mut line, write("a", "1")).await.unwrap();
    let said = format!("{answer:?}");
    assert!(said.contains("nobody is here") && !said.contains("a person"), "{said}");
    assert_eq!(
        first_step(&house, &mut house.line_of(pid), write("a", "1")).await,
        "waits",
        "a person may say otherwise"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_joins_what_is_the_same_and_keeps_to_the_limit() {
    let house = House::new(&ASKING);
    let calls = same(&house, house.process(), 4).await;
    house.kernel.answer(house.asked(calls[0]), approve(Approval::Allow)).unwrap();
    assert_eq!(first_step(&house, &mut house.resume(calls[0]).await, write("a", "1")).await, "done");
    for call in &calls[1..] {
        assert_eq!(first_step(&house, &mut house.resume(*call).await, write("a", "1")).await, "waits");
    }
    let questions = open(&house);
    assert_eq!(questions.iter().map(|question| question.places().count()).collect::<Vec<_>>(), [3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_stays_in_the_history_when_its_call_ends() {
    let house = House::new(&ASKING);
    let permission = Call::HumanApprove {
        resource: "fs:workspace/a".into(),
        rights: vec!["read".into()],
        reason: "to see".into(),
        queue: None,
    };
    let call = house.park(house.line(), permission).await;
    let id = house.asked(call);
    house.kernel.answer(id, approve(Approval::Allow)).unwrap();
    let house = house.reopen();
    house.kernel.cancel_call(call, "enough").unwrap();
    house.kernel.barrier().await.unwrap();
    let row = house.question(id);
    assert!(matches!(row.state, QuestionState::Answered { approval: Approval::Allow, .. }), "{row:?}");
    assert_eq!(View(&house.snapshot()).asked(id).unwrap(), None);
    assert_eq!(open(&house).len(), 0);
}

/// A task of 200 writes to eight files: how often its person is asked.
async fn questions_of_a_task(approval: Approval) -> usize {
    let house = House::new(&ASKING);
    let pid = house.process();
    let clerk = Clerk { approval, ..Clerk::default() };
    for step in 0..200 {
        let call = write(&format!("file{}", step % 8), &format!("step {}", step % 40));
        house.run_with(&mut house.line_of(pid), call, &clerk).await.unwrap();
    }
    house.kernel.barrier().await.unwrap();
    View(&house.snapshot()).questions(false).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_task_asks_its_person_a_bounded_number_of_times() {
    assert_eq!(questions_of_a_task(Approval::Always).await, 8, "once a file");
    assert_eq!(questions_of_a_task(Approval::Never).await, 8, "once a file");
    assert_eq!(questions_of_a_task(Approval::Deny).await, 40, "once for each different request");
    let most = libos_kernel::model::limit::QUESTIONS_PER_HOUR_MAX as usize;
    assert_eq!(questions_of_a_task(Approval::Allow).await, most, "as often as the limit lets it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_to_a_change_of_an_object_is_for_the_object_as_it_was() {
    let house =
        House::new(&["allow read,list,write object:team/**", "allow write object:team", "ask delete object:team/**"]);
    let options = libos_kernel::model::call::ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    let payload = || libos_kernel::model::call::Payload::Json("1".into());
    let pid = house.process();
    let mut line = house.line_of(pid);
    for call in [
        Call::ObjectCreateNamespace { namespace: "team".into() },
        Call::ObjectCreate { name: "team/plan".into(), payload: payload(), options },
    ] {
        assert_eq!(words(&house.run(&mut line, call).await), "done");
    }
    let delete = || Call::ObjectDelete { name: "team/plan".into(), expected_version: None };
    for changed in [true, false] {
        let call = house.park(house.line_of(pid), delete()).await;
        if changed {
            let update = Call::ObjectUpdate { name: "team/plan".into(), payload: payload(), expected_version: None };
            assert_eq!(words(&house.run(&mut line, update).await), "done");
        }
        house.kernel.answer(house.asked(call), approve(Approval::Allow)).unwrap();
        let step = first_step(&house, &mut house.resume(call).await, delete()).await;
        assert_eq!(step, if changed { "waits" } else { "done" });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_while_a_person_thinks_is_shown_to_him_although_the_call_stays_in_memory() {
    let house = House::new(&["allow read,list fs:workspace/**", "ask write fs:workspace/**"]);
    house.world.put_file(&format!("{MOUNT}/a"), "one");
    let mut line = house.line();
    let (mut waiting, id) = (line.waiting(), line.call());
    let call = Call::FsWrite { path: "a".into(), content: b"mine".to_vec(), mode: WriteMode::CreateOrReplace };
    let run = line.run(call);
    tokio::pin!(run);
    let mut asked = Vec::new();
    for (content, told) in [("two", None), ("two", Some(1)), ("two", Some(2))] {
        tokio::select! {
            biased;
            answer = &mut run => {
                assert_eq!((words(&answer), asked.len()), ("done".into(), 2), "it was asked again, once");
                return;
            }
            waits = waiting.wait_for(|at| at.is_some() && *at != told) => drop(waits),
        }
        house.kernel.barrier().await.unwrap();
        asked.push(house.asked(id));
        house.world.put_file(&format!("{MOUNT}/a"), content);
        house.kernel.answer(asked[asked.len() - 1], Reaction::allow()).unwrap();
    }
    panic!("it does not end: {asked:?}");
}
