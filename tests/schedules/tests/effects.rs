//! Effects: what is carried out was allowed at that moment, its intent was on the disk, and one use is one use.

use crate::sim::{House, SimWorld, Trouble, words};
use crate::{MOUNT, Time, in_every_order};
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::record::Outcome;
use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng;
use std::ops::ControlFlow;
use std::sync::Arc;

fn write(path: &str) -> Call {
    Call::FsWrite { path: path.into(), content: b"content".to_vec(), mode: WriteMode::CreateOrReplace }
}

/// Records of a kind.
fn count(house: &House, outcome: &Outcome) -> usize {
    let mut count = 0;
    let read = View(&house.snapshot()).records(0, |record| {
        count += usize::from(record.outcome == *outcome && record.operation == "fs.write");
        ControlFlow::Continue(())
    });
    read.unwrap();
    count
}

#[test]
fn two_who_race_for_one_use_are_one_who_has_it() {
    in_every_order(Time::Stands, |house| {
        let one = house.process();
        let template = Holder::Process(one);
        house.grant(template, "allow delete fs:workspace/**", Some(1));
        house.world.put_file("workspace/a", "a");
        house.world.put_file("workspace/b", "b");
        let calls = ["a", "b"].map(|path| {
            let mut line = house.line_of(one);
            let call = Call::FsRemove { path: path.into(), recursive: false };
            spawn(async move { words(&line.run(call).await) })
        });
        let mut ended = calls.map(|call| block_on(call).unwrap());
        ended.sort();
        assert_eq!(ended, ["denied", "done"]);
        assert_eq!(house.world.done().len(), 1);
    });
}

#[test]
fn a_revocation_comes_before_the_effect_or_after_it_and_its_record_says_which() {
    in_every_order(Time::Stands, |house| {
        let pid = house.process();
        let grants = house.grant(Holder::Process(pid), "allow delete fs:workspace/a", None);
        house.world.put_file("workspace/a", "a");
        let mut line = house.line_of(pid);
        let call = Call::FsRemove { path: "a".into(), recursive: false };
        let guest = spawn(async move { words(&line.run(call).await) });
        let kernel = Arc::clone(&house.kernel);
        let revoker = spawn(async move { kernel.revoke(grants[0].id).map(|_| ()) });
        let ended = block_on(guest).unwrap();
        block_on(revoker).unwrap().unwrap();
        assert_eq!(house.world.done().len(), usize::from(ended == "done"), "{ended}");
    });
}

#[test]
fn a_guest_that_is_dropped_anywhere_leaves_an_effect_that_ends() {
    in_every_order(Time::Stands, |house| {
        let mut line = house.line();
        let guest = spawn(async move { words(&line.run(write("a")).await) });
        guest.abort();
        let ended = block_on(guest);
        // The task that owns the permit goes on.
        while house.kernel.has_effects_under_way() {
            shuttle::thread::yield_now();
        }
        block_on(house.kernel.barrier()).unwrap();
        let (intents, done) = (count(&house, &Outcome::Intent), count(&house, &Outcome::Done));
        assert_eq!((intents, done), (house.world.done().len(), house.world.done().len()), "{ended:?}");
    });
}

#[test]
fn what_was_carried_out_has_its_intent_on_the_disk_whenever_that_fails() {
    in_every_order(Time::Stands, |house| {
        let mut line = house.line();
        let nth = shuttle::rand::thread_rng().gen_range(1..20);
        house.disk.trouble_at(nth, Trouble::Fail);
        let guest = spawn(async move { words(&line.run(write("a")).await) });
        let ended = block_on(guest);
        house.kernel.shutdown();
        // A house over a copy, so that recovery asks an outside in which nothing was done.
        let disk = house.disk.copy();
        let left = House::open(Arc::new(SimWorld::new(MOUNT, disk.clone())), disk).unwrap();
        assert!(house.world.done().len() <= count(&left, &Outcome::Intent), "{ended:?}");
    });
}
