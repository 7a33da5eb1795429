//! What waits for the disk: how much of it there may be, who waits, and what may be seen of it.

use crate::calls::ALL_RULES;
use crate::sim::{House, done, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::limit::UNCOMMITTED_BYTES_MAX;
use libos_kernel::syscall::Line;

const MIB: usize = 1 << 20;

fn object(number: usize, bytes: usize) -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    Call::ObjectCreate { name: format!("o{number}"), payload: Payload::Bytes(vec![0; bytes]), options }
}

/// Whether a system call ends at once; one that must wait is dropped.
async fn at_once(line: &mut Line, call: Call) -> bool {
    tokio::select! {
        biased;
        answer = line.run(call) => { done(&answer); true }
        () = std::future::ready(()) => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_the_disk_is_bounded_and_who_would_add_to_it_waits() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    let mut taken = 0;
    while at_once(&mut line, object(taken, MIB)).await {
        taken += 1;
        assert!(taken * MIB < 2 * UNCOMMITTED_BYTES_MAX, "nobody waits");
    }
    assert!(taken * MIB > UNCOMMITTED_BYTES_MAX / 4, "it waits after {taken} MiB");
    assert!(!at_once(&mut line, Call::ClockNow).await, "nor is anything smaller taken");
    still.open();
    assert_eq!(words(&house.run(&mut line, object(taken, MIB)).await), "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_observes_or_changes_the_kernel_does_not_wait_for_the_disk_and_what_leaves_does() {
    let house = House::new(&ALL_RULES);
    house.world.put_file("workspace/notes.md", "x");
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    for call in [Call::FsRead { path: "notes.md".into() }, Call::ClockNow, object(1, 10)] {
        let name = call.operation();
        assert!(at_once(&mut line, call).await, "{name} waits for the disk");
    }
    let write = Call::FsWrite { path: "a".into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace };
    assert!(!at_once(&mut line, write).await, "a write does not wait for the disk");
    assert_eq!(house.world.done(), [""; 0]);
    assert_eq!(View(&house.snapshot()).object("process/1/o1").unwrap(), None, "what is not on the disk is not shown");
    still.open();
    house.kernel.barrier().await.unwrap();
    assert!(View(&house.snapshot()).object("process/1/o1").unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_seen_by_the_next_call_before_it_is_on_the_disk() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    let read = || Call::ObjectRead { name: "o1".into() };
    let list = || Call::ObjectList { namespace: None };
    assert!(at_once(&mut line, object(1, 10)).await);
    assert_eq!(words(&house.run(&mut line, object(1, 10)).await), "already exists: process/1/o1");
    assert!(at_once(&mut line, read()).await);
    let delete = Call::ObjectDelete { name: "o1".into(), expected_version: Some(1) };
    assert!(at_once(&mut line, delete).await);
    assert!(words(&house.run(&mut line, read()).await).starts_with("not found"));
    let listed = house.run(&mut line, list()).await;
    assert_eq!(done(&listed), &libos_kernel::model::call::Reply::Infos(Vec::new()));
    still.open();
    house.kernel.barrier().await.unwrap();
    assert_eq!(View(&house.snapshot()).objects("process/1/").unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payloads_larger_than_a_row_are_files_that_are_checked_when_they_are_read() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    let call = line.call();
    assert_eq!(words(&house.run(&mut line, object(1, 200_000)).await), "done");
    house.kernel.barrier().await.unwrap();
    drop(line);
    house.kernel.drop_call(call);
    let house = house.reopen();
    house.disk.spoil_files();
    let object = View(&house.snapshot()).object("process/1/o1").map(drop).unwrap_err().to_string();
    assert!(object.contains("was changed"), "{object}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_reaches_the_disk_by_itself() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    for _ in 0..3 {
        house.kernel.barrier().await.unwrap();
        let still = house.disk.stand_still();
        assert!(at_once(&mut line, Call::ClockNow).await);
        // The committer comes of its own accord.
        still.reached().await;
    }
}
