//! `libos gc`: drops what retention lets go, and nothing that anything refers to; killed anywhere, the next run finishes.

#![expect(clippy::disallowed_methods, reason = "a test looks at the files of a store, and starts what it awaits")]

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{Clerk, House, SimStorage, Tear, Trouble, done, new_grant, tool, words};
use crate::upgrade;
use libos_kernel::kernel::audit::verify;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Dropped, Keep, Kernel, Reaction, foresee};
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, Digest, QuestionId};
use libos_kernel::model::policy::Retain;
use libos_kernel::model::row::{CallState, Wait};
use libos_kernel::model::time::Time;
use libos_kernel::store::disk::{Directory, Storage};
use libos_kernel::syscall::Line;
use std::sync::Arc;
use std::time::Duration;

/// Nothing that has ended is kept.
const NOTHING: Keep = Keep {
    calls: Some(Time(u64::MAX)),
    questions: Some(Time(u64::MAX)),
    processes: Some(Time(u64::MAX)),
    journals: Some(Time(u64::MAX)),
    kept_journals: None,
};

fn ask() -> Call {
    Call::HumanAsk { question: "Which?".into(), queue: None }
}

fn object(name: &str, bytes: usize) -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json(format!("{:?}", "x".repeat(bytes))), options }
}

/// A call of a new process that is done, with a journal and a log.
async fn finished(house: &House) -> CallId {
    let mut line = house.line();
    let write = Call::FsWrite { path: "a".into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace };
    assert_eq!(words(&house.run(&mut line, write).await), "done");
    assert_eq!(words(&house.run(&mut line, object("kept", 100_000)).await), "done");
    house.kernel.end_call(line.call(), Ok("\"done\"".into())).unwrap();
    line.call()
}

pub async fn collect(kernel: &Kernel) -> Dropped {
    kernel.collect(&NOTHING).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_goes_and_what_lives_goes_on() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let old = finished(&house).await;
    let parked = house.park(house.line(), ask()).await;
    let cancelled = house.park(house.line(), ask()).await;
    house.kernel.cancel_call(cancelled, "x").unwrap();
    house.kernel.barrier().await.unwrap();
    let (files, log) = (house.disk.files().unwrap().len(), View(&house.snapshot()).log_size().unwrap());
    let foreseen = foresee(&house.snapshot(), &NOTHING, house.disk.files().unwrap()).unwrap();

    let dropped = collect(&house.kernel).await;
    assert_eq!((dropped.calls, dropped.questions), (2, 1), "{dropped:?}");
    assert!(dropped.journal_lines >= 2 && dropped.rows > dropped.calls, "{dropped:?}");
    assert_eq!(dropped, foreseen, "what was foreseen is what was done");
    let snapshot = house.snapshot();
    let view = View(&snapshot);
    assert_eq!((view.call(old).unwrap(), view.arguments(old).unwrap(), view.result(old).unwrap()), (None, None, None));
    assert_eq!((view.journal(old).unwrap(), view.call_log(old).unwrap()), (vec![], vec![]));
    assert!(view.object("process/1/kept").unwrap().is_some(), "objects are not calls");
    assert_eq!(house.disk.files().unwrap().len(), files, "the object's file is named");
    assert!(view.log_size().unwrap() > log);
    assert_eq!(verify(&snapshot).unwrap().problem, None);

    let house = house.reopen();
    house.end_wait(parked, &Clerk::default()).await.unwrap();
    let mut line = house.resume(parked).await;
    assert_eq!(words(&house.run(&mut line, ask()).await), "done");
    assert_eq!(collect(&house.kernel).await.rows, 0, "there is nothing left to drop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_younger_than_retention_stays() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let (old, day) = (finished(&house).await, Duration::from_secs(86_400));
    let ended = View(&house.snapshot_of_all().await).call(old).unwrap().unwrap().ended.unwrap();
    house.world.set_clock(ended.after(day));
    let young = finished(&house).await;
    let keep = |retain: &Retain, older: Option<Duration>, after: Duration| {
        Keep::new(retain, older, ended.after(day).after(after))
    };
    let forever = keep(&Retain::default(), None, day);
    let dropped = house.kernel.collect(&forever).await.unwrap();
    assert_eq!((dropped.calls, dropped.processes, dropped.questions), (0, 0, 0));
    assert!(dropped.journal_lines > 0, "nobody wants the journals of what has ended");
    let retain = Retain { calls: Some(day), ..Retain::default() };
    house.kernel.collect(&keep(&retain, None, Duration::from_secs(1))).await.unwrap();
    let snapshot = house.snapshot();
    assert!(View(&snapshot).call(old).unwrap().is_none() && View(&snapshot).call(young).unwrap().is_some());
    house.kernel.collect(&keep(&Retain::default(), Some(day), 3 * day)).await.unwrap();
    assert!(View(&house.snapshot()).call(young).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_another_made_is_kept_as_long_as_that_one() {
    let house = House::new(&["allow call tool:*"]);
    let other = || Call::ToolCall { tool: "echo".into(), arguments: "{}".into() };
    let nested = |call: CallId| match house.kernel.wait_of(call) {
        Some(Wait::Call(nested)) => nested,
        wait => panic!("it waits for {wait:?}"),
    };
    let outer = house.park(house.line(), other()).await;
    let middle = nested(outer);
    let middle_line = house.resume(middle).await;
    let middle = house.park(middle_line, other()).await;
    let inner = nested(middle);
    for call in [inner, middle] {
        house.resume(call).await;
        house.kernel.end_call(call, Ok("7".into())).unwrap();
    }
    let day = Duration::from_secs(86_400);
    let ended = View(&house.snapshot_of_all().await).call(middle).unwrap().unwrap().ended.unwrap();
    house.world.set_clock(ended.after(day));
    assert_eq!(collect(&house.kernel).await.calls, 0, "the caller lives");
    house.resume(outer).await;
    house.kernel.end_call(outer, Ok("7".into())).unwrap();
    let keep = |before: Time| Keep { calls: Some(before), ..NOTHING };
    let before = |time: Duration| keep(ended.after(time));
    let young = Keep { journals: Some(ended.after(day / 2)), ..before(day / 2) };
    let dropped = house.kernel.collect(&young).await.unwrap();
    assert_eq!((dropped.calls, dropped.journal_lines), (0, 0), "the caller is young");
    assert_eq!(house.kernel.collect(&before(2 * day)).await.unwrap().calls, 3);
}

impl House {
    /// What is there now, brought to the disk.
    async fn snapshot_of_all(&self) -> libos_kernel::store::reader::Snapshot {
        self.kernel.barrier().await.unwrap();
        self.snapshot()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_go_with_their_grants_unless_somebody_has_a_grant_from_them() {
    let house = House::new(&["allow read fs:workspace/**"]);
    let (giver, heir, alone) = (house.process(), house.process(), house.process());
    let rule = libos_kernel::model::rule::Rule::parse("read fs:workspace/a").unwrap();
    let line = libos_kernel::kernel::Delegation { rule, uses: None, expires_in: None };
    house.kernel.delegate(giver, heir, &[line]).unwrap();
    for pid in [giver, alone] {
        house.kernel.end_unused_process(pid, "x");
    }
    house.kernel.barrier().await.unwrap();
    let dropped = collect(&house.kernel).await;
    assert!(dropped.processes == 1 && dropped.grants > 0, "{dropped:?}");
    let snapshot = house.snapshot();
    let pids: Vec<_> = View(&snapshot).processes().unwrap().into_iter().map(|row| row.pid).collect();
    assert_eq!(pids, [giver, heir]);
    assert!(View(&snapshot).grants().unwrap().iter().all(|grant| grant.holder != Holder::Process(alone)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_goes_when_no_tool_call_or_grant_refers_to_it() {
    let house = House::new(&ALL_RULES);
    let add = |bytes: &[u8]| {
        let added = house.kernel.add_tools(bytes, &crate::sim::every_interface(), vec![tool("mine", None)], false);
        added.unwrap().what[0].component
    };
    let (first, second) = (add(b"first"), add(b"second"));
    let parked = {
        let pid = house.process();
        let start = libos_kernel::kernel::StartCall { tool: "mine".into(), ..house.start(pid) };
        let started = house.kernel.start_call(start).unwrap();
        house.park(Line::new(Arc::clone(&house.kernel), &started), ask()).await
    };
    let third = add(b"third");
    let mut grant = new_grant(Holder::Image("base".into()), "allow read fs:workspace/z", None);
    grant.only_tool = Some("mine".into());
    house.kernel.grant(grant).unwrap();
    let last = add(b"last");
    house.kernel.barrier().await.unwrap();
    assert_eq!(collect(&house.kernel).await.tool_versions, 1);
    let has = |house: &House, component: &Digest| house.kernel.component(component).is_ok();
    assert_eq!([first, second, third, last].map(|component| has(&house, &component)), [false, true, true, true]);
    assert!(house.kernel.tool_version("mine", &third).unwrap().is_some());
    house.kernel.cancel_call(parked, "x").unwrap();
    collect(&house.kernel).await;
    assert_eq!([second, third, last].map(|component| has(&house, &component)), [false, true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_older_store_everything_that_waits_is_left() {
    let path = upgrade::directory("gc-old");
    let storage = Directory::new(&path);
    upgrade::furnish(&storage);
    std::fs::write(path.join("payloads/3c/half.new"), b"half").unwrap();
    std::fs::write(path.join("payloads/3c").join("3c".repeat(32)), b"nobody names it").unwrap();
    let kernel = upgrade::kernel(Arc::new(storage.clone()));
    let dropped = collect(&kernel).await;
    // Effects whose outcome nobody knows keep their calls and processes.
    let snapshot = kernel.snapshot().unwrap();
    let view = View(&snapshot);
    let unknown: Vec<_> = view.effects().unwrap().into_iter().map(|row| row.call).collect();
    assert!(unknown.len() == 12 && unknown.iter().all(|call| view.call(*call).unwrap().is_some()));
    let left = view.calls().unwrap();
    assert!(left.iter().all(|row| !row.state.is_final() || unknown.contains(&row.id)), "{left:?}");
    assert_eq!(left.iter().filter(|row| row.state == CallState::Waiting).count(), 6);
    assert!(dropped.calls == 7 && dropped.stale_files == 1, "{dropped:?}");
    assert!(!path.join("payloads/3c/half.new").exists() && !path.join("payloads/3c").join("3c".repeat(32)).exists());
    assert!(view.object("shared/big").unwrap().is_some());
    drop(snapshot);
    kernel.answer(QuestionId(3), Reaction::Tell { text: "dos".into() }).unwrap();
    let mut line = Line::new(Arc::clone(&kernel), &kernel.resume_call(CallId(3)).await.unwrap());
    for (question, answer) in [("One?", "uno"), ("Two?", "dos")] {
        let asked = line.run(Call::HumanAsk { question: question.into(), queue: None }).await;
        assert_eq!(done(&asked), &Reply::Text(answer.into()));
    }
    kernel.shutdown();
    drop((line, kernel));
    let (before, after) = storage.compact().unwrap();
    assert!(after <= before);
    let kernel = upgrade::kernel(Arc::new(storage));
    assert_eq!(verify(&kernel.snapshot().unwrap()).unwrap().problem, None);
}

/// The power goes at this operation of a run. False if it has fewer.
async fn check_cut(number: u64, tear: Tear) -> bool {
    let storage = SimStorage::default();
    upgrade::furnish(&storage);
    let first = upgrade::kernel(Arc::new(storage.clone()));
    first.barrier().await.unwrap();
    storage.trouble_at(number, Trouble::Cut);
    let whole = first.collect(&NOTHING).await.is_ok();
    storage.cut();
    first.shutdown();
    drop(first);
    storage.recover(tear);
    let kernel = upgrade::kernel(Arc::new(storage.clone()));
    assert_eq!(verify(&kernel.snapshot().unwrap()).unwrap().problem, None, "{number}");
    assert!(View(&kernel.snapshot().unwrap()).object("shared/big").unwrap().is_some(), "{number}");
    collect(&kernel).await;
    let snapshot = kernel.snapshot().unwrap();
    let calls = View(&snapshot).calls().unwrap().len();
    assert_eq!(calls, 18, "the next run finishes, {number}");
    assert_eq!(foresee(&snapshot, &NOTHING, storage.files().unwrap()).unwrap(), Dropped::default(), "{number}");
    !whole
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_operation_the_next_run_finishes() {
    let mut number = 1;
    while check_cut(number, [Tear::None, Tear::All, Tear::Some(number)][number as usize % 3]).await {
        number += 1;
    }
    assert!(number > 5, "a run has only {number} operations");
}
