//! Copies of a store: whole, of one moment, and with nothing under way when a host takes them over.

#![expect(clippy::disallowed_methods, reason = "a test looks at the files of a store, and starts what it awaits")]

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{House, MOUNT, SimStorage, SimWorld, words};
use crate::upgrade::{self, directory};
use libos_kernel::kernel::audit::verify;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Kernel, NewAgent, Options, StartQuantum};
use libos_kernel::model::call::{Call, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::row::{CallState, EffectRow};
use libos_kernel::model::time::Time;
use libos_kernel::store::StoreError;
use libos_kernel::store::backup::back_up;
use libos_kernel::store::disk::{Directory, Storage};
use libos_kernel::store::reader::Snapshot;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn object(name: String, bytes: usize) -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    let text = format!("\"{name}{}\"", "x".repeat(bytes));
    Call::ObjectCreate { name, payload: Payload::Json(text), options }
}

fn records(snapshot: &Snapshot) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    snapshot
        .log(0, |_, stored| {
            records.push(stored.bytes);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    records
}

/// A house over a directory.
fn house(path: &Path) -> House {
    let disk = SimStorage::default();
    let world = Arc::new(SimWorld::new(MOUNT, disk.clone()));
    let storage = Arc::new(Directory::new(path));
    let kernel = Kernel::open(Options::new(storage, Arc::clone(&world) as _)).unwrap();
    let house = House { world, disk, kernel, notary: None };
    house.furnish(&ALL_RULES).unwrap();
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn copies_that_are_made_while_calls_write_are_each_a_moment_of_history() {
    let root = directory("backup-while");
    std::fs::create_dir(root.join("data")).unwrap();
    let house = house(&root.join("data"));
    house.kernel.barrier().await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let (mut line, done) = (house.line(), Arc::clone(&done));
        writers.spawn(async move {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                let bytes = if number % 4 == 0 { 70_000 } else { 10 };
                assert_eq!(words(&line.run(object(format!("o{writer}-{number}"), bytes)).await), "done");
                line.kernel().barrier().await.unwrap();
                number += 1;
            }
        });
    }
    for number in 0..5 {
        // As another process does it.
        let snapshot = Snapshot::of_directory(&Directory::new(root.join("data"))).unwrap();
        let copied = back_up(&snapshot, &root.join(format!("copy-{number}")), Time(number)).unwrap();
        assert_eq!(copied.records, View(&snapshot).log_size().unwrap());
    }
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    house.kernel.barrier().await.unwrap();
    let all = records(&house.snapshot());
    let mut lengths = Vec::new();
    for number in 0..5 {
        let copy = Snapshot::of_directory(&Directory::new(root.join(format!("copy-{number}")))).unwrap();
        assert_eq!(verify(&copy).unwrap().problem, None);
        let have = records(&copy);
        assert!(all.starts_with(&have), "copy {number} is no prefix");
        for info in View(&copy).objects("").unwrap() {
            assert!(View(&copy).object(&info.name).unwrap().is_some(), "{}", info.name);
        }
        // What the log tells is there, and nothing else.
        let told = have.iter().filter(|bytes| bytes.windows(13).any(|part| part == b"object.create")).count();
        assert_eq!(View(&copy).objects("").unwrap().len(), told);
        lengths.push(have.len());
    }
    assert!(lengths.is_sorted() && lengths.first() < lengths.last(), "{lengths:?}");
}

#[test]
fn a_copy_is_put_over_nothing_and_a_failed_one_leaves_nothing() {
    let root = directory("backup-fails");
    std::fs::create_dir(root.join("data")).unwrap();
    let storage = Directory::new(root.join("data"));
    upgrade::furnish(&storage);
    let snapshot = Snapshot::of_directory(&storage).unwrap();
    let here = |name: &str| std::fs::read_dir(&root).unwrap().any(|entry| entry.unwrap().file_name() == name);
    // The fixture has no components, so a copy of it is not whole.
    assert!(matches!(back_up(&snapshot, &root.join("copy"), Time(0)), Err(StoreError::Damaged(_))));
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1, "something is left");
    std::fs::create_dir(root.join("empty")).unwrap();
    std::fs::write(root.join("file"), b"x").unwrap();
    for name in ["empty", "file"] {
        assert_eq!(back_up(&snapshot, &root.join(name), Time(0)), Err(StoreError::Exists), "{name}");
        assert!(here(name));
    }
    assert_eq!(std::fs::read(root.join("file")).unwrap(), b"x");
}

/// The intent of the first write of a new call.
async fn intent(house: &House) -> EffectRow {
    let gate = house.world.block("fs.write", 1);
    let mut line = house.line();
    let write = Call::FsWrite { path: "a".into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace };
    let task = tokio::spawn(async move { line.run(write).await });
    gate.reached().await;
    let row = View(&house.snapshot()).effects().unwrap().pop().unwrap();
    gate.open();
    task.await.unwrap().unwrap();
    row
}

/// A process whose step has called a tool.
fn in_the_middle_of_a_step(house: &House) -> Pid {
    let script = Some("{\"tool\":\"echo\"}\n{\"exit\":1}");
    let pid = house.kernel.new_agent(NewAgent { image: BASE, goal: "", planner: script, new: true }).unwrap().what.pid;
    let (step, limits) = (0, CallLimits::default());
    house.kernel.start_quantum(StartQuantum { pid, step, arguments: "{}".into(), limits }).unwrap();
    pid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_begins_with_nothing_under_way() {
    let root = directory("backup-restored");
    std::fs::create_dir(root.join("data")).unwrap();
    let house = house(&root.join("data"));
    furnish(&house);
    let ask = || Call::HumanAsk { question: "Which?".into(), queue: None };
    let pid = house.process();
    let parked = house.park(house.line_of(pid), ask()).await;
    let in_step = in_the_middle_of_a_step(&house);
    let cancelled = house.process();
    house.park(house.line_of(cancelled), ask()).await;
    house.kernel.signal(cancelled, Signal::Cancel, "enough").unwrap();
    let counted = house.grant(Holder::Process(pid), "allow read fs:workspace/once", Some(3));
    let lasting = house.grant(Holder::Process(pid), "allow read fs:workspace/always", None);
    house.kernel.barrier().await.unwrap();
    back_up(&house.snapshot(), &root.join("copy"), Time(5)).unwrap();
    let there = intent(&house).await;
    house.end_wait(parked, &Default::default()).await.unwrap();

    let open = || {
        let world = Arc::new(SimWorld::new(MOUNT, SimStorage::default()));
        let storage = Arc::new(Directory::new(root.join("copy")));
        let kernel = Kernel::open(Options::new(storage, Arc::clone(&world) as _));
        House { kernel: kernel.unwrap(), world, disk: SimStorage::default(), notary: None }
    };
    let copy = open();
    copy.kernel.barrier().await.unwrap();
    {
        let snapshot = copy.snapshot();
        let view = View(&snapshot);
        assert!(matches!(view.call(parked).unwrap().unwrap().state, CallState::Cancelled(why) if why.contains("copy")));
        assert_eq!(view.questions(true).unwrap(), []);
        assert!(view.grant(counted[0].id).unwrap().unwrap().revoked);
        assert!(!view.grant(lasting[0].id).unwrap().unwrap().revoked);
        let state = |pid| view.process(pid).unwrap().unwrap().state;
        assert!(!state(pid).is_final());
        assert!(matches!(state(in_step), State::Killed(why) if why.contains("copy")), "a step is not begun again");
        assert_eq!(state(cancelled).word(), "failed", "it was to end");
        assert_eq!(verify(&snapshot).unwrap().problem, None);
    }
    assert!(copy.kernel.resume_call(parked).await.is_err());
    let here = intent(&copy).await;
    assert_eq!((here.call, here.position), (there.call, there.position), "the same place, in two histories");
    assert_ne!(here.idempotency_key, there.idempotency_key);
    let restored = |records: &[libos_kernel::model::record::Record]| {
        records.iter().filter(|record| record.operation == "host.restored").count()
    };
    assert_eq!(restored(&copy.records().await), 1);
    copy.kernel.shutdown();
    drop(copy);
    let again = open();
    assert_eq!(restored(&again.records().await), 1, "it is a store of its own now");
    assert_eq!(restored(&house.records().await), 0);
}

/// What a store without any files needs of its disk.
#[test]
fn a_copy_of_an_empty_store_opens() {
    let root = directory("backup-empty");
    let kernel = upgrade::kernel(Arc::new(SimStorage::default()) as Arc<dyn Storage>);
    back_up(&kernel.snapshot().unwrap(), &root.join("copy"), Time(0)).unwrap();
    let copy = upgrade::kernel(Arc::new(Directory::new(root.join("copy"))));
    assert_eq!(verify(&copy.snapshot().unwrap()).unwrap().problem, None);
}
