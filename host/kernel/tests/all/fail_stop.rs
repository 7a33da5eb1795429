//! A commit that fails stops the host: nothing is done or shown any more, and what is on the disk is some earlier moment, whole.

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{House, MOUNT, Trouble, words};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{HostError, Reaction};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Approval, Call, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, GrantId, QuestionId};
use libos_kernel::model::image::{BASE, Image};
use libos_kernel::syscall::Line;

fn object() -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    Call::ObjectCreate { name: "o".into(), payload: Payload::Json("1".into()), options }
}

fn write(content: &str) -> Call {
    Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

/// A house whose next commit fails, with a call that has just changed something.
async fn about_to_fail(trouble: Trouble) -> (House, Line) {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    house.disk.trouble_at(1, trouble);
    house.world.forget();
    assert_eq!(words(&house.run(&mut line, object()).await), "done");
    (house, line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_commit_no_system_call_is_carried_out() {
    let (house, mut line) = about_to_fail(Trouble::Fail).await;
    assert!(matches!(house.kernel.barrier().await, Err(Stop::Host(_))));
    for call in Call::examples() {
        let ended = house.run(&mut line, call.clone()).await;
        assert!(matches!(ended, Err(Stop::Host(_))), "{}: {ended:?}", call.operation());
    }
    assert_eq!(house.world.done(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_commit_every_verb_of_a_person_says_that_the_host_has_stopped() {
    let (house, line) = about_to_fail(Trouble::Full).await;
    assert!(house.kernel.barrier().await.is_err());
    let kernel = &house.kernel;
    let pid = libos_kernel::model::id::Pid(1);
    let image = Image {
        name: "other".into(),
        version: "1".into(),
        description: String::new(),
        tools: vec!["*".into()],
        ..Image::base()
    };
    let allow = Reaction::Approve { approval: Approval::Allow, note: None };
    let rule = crate::sim::new_grant(Holder::Image(BASE.into()), "allow sleep clock:sleep", None);
    let verbs: [(&str, Result<(), HostError>); 11] = [
        ("new process", kernel.new_process(BASE, false).map(drop)),
        ("start", kernel.start_call(house.start(pid)).map(drop)),
        ("resume", kernel.resume_call(line.call()).await.map(drop)),
        ("end", kernel.end_call(line.call(), Ok("1".into())).map(drop).map_err(HostError::from)),
        ("cancel", kernel.cancel_call(line.call(), "x").map(|_| ())),
        ("grant", kernel.grant(rule).map(drop)),
        ("revoke", kernel.revoke(GrantId(1)).map(drop)),
        ("policy", house.set_rules(&[])),
        ("answer", kernel.answer(QuestionId(1), allow).map(drop)),
        ("remove a tool", kernel.remove_tool("act").map(|_| ())),
        ("add an image", kernel.add_image(image).map(|_| ())),
    ];
    for (verb, result) in verbs {
        let Err(HostError::Stopped(why)) = &result else { panic!("{verb}: {result:?}") };
        assert!(why.contains("no space left on device"), "{verb}: {why}");
    }
    assert!(kernel.failure().is_some());
    kernel.stopped().await;
}

/// A commit that fails at this operation of the disk. False if it has fewer.
async fn check_whole(number: u64) -> bool {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    let records = house.records().await.len() as u64;
    house.disk.trouble_at(number, Trouble::Fail);
    assert_eq!(words(&house.run(&mut line, object()).await), "done");
    if house.kernel.barrier().await.is_ok() {
        return false;
    }
    if let Ok(snapshot) = house.kernel.snapshot()
        && let (Ok(size), Ok(object)) = (View(&snapshot).log_size(), View(&snapshot).object("process/1/o"))
    {
        assert_eq!((size, object), (records, None), "what was not committed is shown, {number}");
    }
    let house = house.reopen();
    let snapshot = house.snapshot();
    let object = View(&snapshot).object("process/1/o").unwrap().is_some();
    let logged = View(&snapshot).log_size().unwrap() > records;
    assert_eq!(object, logged, "half of a change is on the disk, {number}");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_commit_shows_nothing_and_leaves_a_change_whole_or_not_at_all() {
    let mut number = 1;
    while check_whole(number).await {
        number += 1;
    }
    assert!(number > 3, "a commit has only {number} operations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_waits_for_the_disk_learns_that_it_failed() {
    let (house, _line) = about_to_fail(Trouble::Fail).await;
    let still = house.disk.stand_still();
    let mut waiters = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let kernel = std::sync::Arc::clone(&house.kernel);
        waiters.spawn(async move { kernel.barrier().await });
    }
    still.open();
    while let Some(waited) = waiters.join_next().await {
        assert!(matches!(waited.unwrap(), Err(Stop::Host(_))));
    }
}

/// The intent of an effect cannot be committed, because of the operation with this number. False if it has fewer.
async fn check_effect(number: u64) -> bool {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    house.disk.trouble_at(number, Trouble::Fail);
    let ended = house.run(&mut line, write("1")).await;
    let call = line.call();
    drop(line);
    if ended.is_ok() {
        return false;
    }
    assert_eq!(house.world.done(), [""; 0], "it was done though its intent is not known to be on the disk, {number}");
    let house = house.reopen();
    let mut line = house.resume_or_start(call).await;
    assert_eq!(words(&house.run(&mut line, write("1")).await), "done", "{number}");
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1, "{number}");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_whose_intent_cannot_be_committed_is_not_done() {
    let mut number = 1;
    while check_effect(number).await {
        number += 1;
    }
    assert!(number > 3, "an intent has only {number} operations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_is_told_that_the_host_has_stopped_and_still_waits_after_a_new_start() {
    let house = House::new(&["allow ask human:owner"]);
    let ask = || Call::HumanAsk { question: "Which?".into(), queue: None };
    let call = house.park(house.line(), ask()).await;
    house.kernel.barrier().await.unwrap();
    house.disk.trouble_at(1, Trouble::Fail);
    house.kernel.answer(house.asked(call), Reaction::Tell { text: "blue".into() }).unwrap();
    assert!(house.kernel.barrier().await.is_err());
    let house = house.reopen();
    house.kernel.answer(house.asked(call), Reaction::Tell { text: "red".into() }).expect("nobody had answered");
    let mut line = house.resume(call).await;
    let answer = house.run(&mut line, ask()).await;
    assert_eq!(crate::sim::done(&answer), &libos_kernel::model::call::Reply::Text("red".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_that_cannot_be_stored_fails_the_commit_that_names_it() {
    let house = House::new(&ALL_RULES);
    house.world.put_file(&format!("{MOUNT}/large"), vec![b'x'; 100_000]);
    let mut line = house.line();
    assert_eq!(words(&house.run(&mut line, Call::FsRead { path: "large".into() }).await), "done");
    house.kernel.barrier().await.unwrap();
    // The read is kept with the first thing that must survive; its payload is a file beside the database.
    house.disk.trouble_at(1, Trouble::Full);
    let ended = words(&house.run(&mut line, write("1")).await);
    assert!(ended.contains("no space left") || ended.contains("stopped"), "{ended}");
    assert_eq!(house.world.done(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_host_does_nothing_and_has_lost_nothing() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    assert_eq!(words(&house.run(&mut line, object()).await), "done");
    house.kernel.shutdown();
    let ended = house.run(&mut line, object()).await;
    assert_eq!(words(&ended), "stopped: the host is closed");
    assert!(View(&house.snapshot()).object("process/1/o").unwrap().is_some());
}

impl House {
    /// The call, if the disk knows it, or a new one.
    async fn resume_or_start(&self, call: CallId) -> Line {
        match View(&self.snapshot()).call(call) {
            Ok(Some(_)) => self.resume(call).await,
            _ => self.line(),
        }
    }
}
