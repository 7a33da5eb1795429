//! Too little space, and a disk that stands still: what is refused, what goes on, and what waits.

#![expect(clippy::disallowed_methods, reason = "a test looks at the files of a store, and starts what it awaits")]

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{Clerk, House, MOUNT, done, words};
use libos_kernel::kernel::HostError;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply, WriteMode};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit;
use libos_kernel::model::record::Outcome;

const LOW: u64 = limit::LOW_SPACE_BYTES - 1;
const NO_SPACE: &str = "too little free space";

fn object(name: &str) -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json("1".into()), options }
}

fn write(content: &str) -> Call {
    Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

/// Tells the kernel how much is free, as a commit does.
async fn set_free(house: &House, bytes: u64) {
    house.disk.set_free(bytes);
    house.set_rules(&ALL_RULES).unwrap();
    house.kernel.barrier().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_mark_nothing_new_is_begun_and_what_was_begun_ends() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let (pid, mut line, other) = (house.process(), house.line(), house.line());
    house.world.put_file(&format!("{MOUNT}/r"), b"there");
    let asked = house.park(house.line(), Call::HumanAsk { question: "Which?".into(), queue: None }).await;
    let gate = house.world.block("fs.write", 1);
    let begun = {
        let mut line = house.line();
        tokio::spawn(async move { line.run(write("begun")).await })
    };
    gate.reached().await;
    set_free(&house, LOW).await;

    let refused = |result: Result<(), HostError>, what: &str| match result {
        Err(HostError::LowSpace { free: LOW, needed: limit::LOW_SPACE_BYTES }) => {}
        other => panic!("{what}: {other:?}"),
    };
    refused(house.kernel.new_process(BASE, false).map(drop), "a process");
    refused(house.kernel.start_call(house.start(pid)).map(drop), "a call");
    let tools = vec![crate::sim::tool("more", None)];
    refused(house.kernel.add_tools(b"bytes", &crate::sim::every_interface(), tools, false).map(drop), "a tool");
    let tools = vec![crate::sim::tool("standard", None)];
    house.kernel.add_tools(b"of now", &crate::sim::every_interface(), tools, true).expect("a host can start");
    let nested = Call::ToolCall { tool: "echo".into(), arguments: "1".into() };
    for call in [write("new"), object("new"), nested] {
        let said = words(&house.run(&mut line, call.clone()).await);
        assert!(said.contains(NO_SPACE), "{}: {said}", call.operation());
    }
    assert_eq!(house.world.count("fs.write fs:workspace/a new"), 0);

    gate.open();
    assert_eq!(done(&begun.await.unwrap()), &Reply::Unit, "the outcome of what was begun");
    assert_eq!(words(&house.run(&mut line, Call::FsRead { path: "r".into() }).await), "done");
    house.end_wait(asked, &Clerk::default()).await.unwrap();
    let mut resumed = house.resume(asked).await;
    assert_eq!(
        words(&house.run(&mut resumed, Call::HumanAsk { question: "Which?".into(), queue: None }).await),
        "done"
    );
    house.kernel.end_call(asked, Ok("1".into())).unwrap();
    house.kernel.cancel_call(other.call(), "x").unwrap();

    // Somebody made room, and nobody told.
    house.disk.set_free(limit::LOW_SPACE_BYTES + (1 << 20));
    assert_eq!(words(&house.run(&mut line, write("new")).await), "done");
    house.process();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_takes_its_part_of_what_is_free() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let mut other = house.line();
    set_free(&house, limit::LOW_SPACE_BYTES + 2_000_000).await;
    let gate = house.world.block("fs.write", 1);
    let begun = {
        let mut line = house.line();
        tokio::spawn(async move { line.run(write(&"x".repeat(3_000_000))).await })
    };
    gate.reached().await;
    house.kernel.barrier().await.unwrap();
    assert_eq!(house.kernel.uncommitted_bytes(), 0, "all that is left of it is outside");
    assert!(words(&house.run(&mut other, write("new")).await).contains(NO_SPACE));
    gate.open();
    assert_eq!(words(&begun.await.unwrap()), "done");
    house.kernel.barrier().await.unwrap();
    assert_eq!(words(&house.run(&mut other, write("new")).await), "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_learns_that_there_is_no_space_and_people_how_much() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    set_free(&house, LOW).await;
    let said = words(&house.run(&mut line, write("1")).await);
    assert!(!said.contains("MiB"), "{said}");
    let records = house.records_of(line.call()).await;
    assert!(matches!(&records[0].outcome, Outcome::Failed(text) if text.contains(NO_SPACE)));
    assert!(records[0].detail.as_ref().unwrap().contains("63.9 MiB are free"), "{:?}", records[0].detail);
    assert_eq!(View(&house.snapshot()).effects().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_is_denied_whether_there_is_space_or_not() {
    let house = House::new(&[]);
    let mut line = house.line();
    house.disk.set_free(LOW);
    house.set_rules(&[]).unwrap();
    house.kernel.barrier().await.unwrap();
    assert_eq!(words(&house.run(&mut line, write("1")).await), "denied");
}

/// Bytes of each object and file of the callers.
const EACH: usize = 600_000;
const WORKERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_callers_of_a_disk_that_stands_still_wait_and_do_not_pile_up() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    house.world.put_file(&format!("{MOUNT}/large"), vec![b'x'; EACH]);
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let mut line = house.line();
        callers.spawn(async move {
            let call = if number % 2 == 0 {
                Call::FsRead { path: "large".into() }
            } else {
                // A change of the store itself would read it, and this disk answers nobody.
                let content = vec![b'x'; EACH];
                Call::FsWrite { path: format!("w{number}"), content, mode: WriteMode::CreateOrReplace }
            };
            words(&line.run(call).await)
        });
    }
    let full = async {
        while house.kernel.uncommitted_bytes() < limit::UNCOMMITTED_BYTES_MAX {
            tokio::task::yield_now().await;
        }
    };
    crate::sim::within_reason("the callers never fill what may wait", full).await;
    let mut most = 0;
    for _ in 0..20_000 {
        most = most.max(house.kernel.uncommitted_bytes());
        tokio::task::yield_now().await;
    }
    // A change is counted with its request and its answer, and once more as a row.
    let slack = (limit::LARGE_READS_MAX + WORKERS) * 3 * EACH;
    assert!(most <= limit::UNCOMMITTED_BYTES_MAX + slack, "{most} bytes wait for the disk");
    still.open();
    while let Some(said) = callers.join_next().await {
        assert_eq!(said.unwrap(), "done");
    }
}
