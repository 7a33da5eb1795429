//! The committer: who waits for the disk is woken, by a commit, a failure or a close; what counts as durable is on the disk.

use crate::sim::{House, SimStorage, SimWorld, Trouble};
use crate::{MOUNT, Time, in_every_order};
use libos_kernel::kernel::Kernel;
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::Stop;
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::BASE;
use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng;
use std::sync::Arc;

/// Tasks that change something and wait for it.
const WRITERS: usize = 3;

/// Changes the tables twice, waits after each; answers what counts as durable, and why it stopped, if it did.
async fn writer(kernel: Arc<Kernel>) -> (Vec<Pid>, Option<String>) {
    let mut durable = Vec::new();
    for _ in 0..2 {
        let pid = match kernel.new_process(BASE, false) {
            Ok(pid) => pid,
            Err(why) => return (durable, Some(why.to_string())),
        };
        match kernel.barrier().await {
            Ok(()) => durable.push(pid),
            Err(Stop::Host(why)) => return (durable, Some(why)),
            Err(other) => panic!("{other}"),
        }
        let there = View(&kernel.snapshot().unwrap()).process(pid).unwrap();
        assert!(there.is_some(), "{pid} counts as durable and is not on the disk");
    }
    (durable, None)
}

/// What several writers came to, each.
fn write(house: &House) -> Vec<(Vec<Pid>, Option<String>)> {
    let writers: Vec<_> = (0..WRITERS).map(|_| spawn(writer(Arc::clone(&house.kernel)))).collect();
    writers.into_iter().map(|writer| block_on(writer).unwrap()).collect()
}

/// What is on a disk whose kernel is gone, or has stopped.
fn left(disk: &SimStorage) -> Vec<Pid> {
    let disk = disk.copy();
    let world = Arc::new(SimWorld::new(MOUNT, disk.clone()));
    let house = House::open(world, disk).unwrap();
    let all = View(&house.snapshot()).processes().unwrap();
    all.into_iter().map(|process| process.pid).collect()
}

#[test]
fn who_waits_for_the_disk_is_woken_by_the_commit() {
    for time in [Time::Stands, Time::Passes] {
        in_every_order(time, |house| {
            for (durable, stopped) in write(&house) {
                assert_eq!((durable.len(), stopped), (2, None));
            }
            assert_eq!(house.kernel.uncommitted_bytes(), 0);
        });
    }
}

#[test]
fn who_waits_for_a_disk_that_fails_is_told_and_nothing_that_was_told_is_lost() {
    in_every_order(Time::Stands, |house| {
        let nth = shuttle::rand::thread_rng().gen_range(1..40);
        house.disk.trouble_at(nth, Trouble::Fail);
        let stopped = house.kernel.stopped();
        let ends = write(&house);
        let failed = house.kernel.failure();
        assert!(failed.is_some() || ends.iter().all(|(_, stopped)| stopped.is_none()), "{ends:?}");
        if let Some(why) = failed {
            assert!(
                ends.iter().filter_map(|(_, told)| told.as_ref()).all(|told| told.contains(&why)),
                "{ends:?}, not {why}"
            );
            block_on(stopped);
            assert!(house.kernel.new_process(BASE, false).is_err() && block_on(house.kernel.barrier()).is_err());
        }
        house.kernel.shutdown();
        let left = left(&house.disk);
        let told = ends.iter().flat_map(|(durable, _)| durable);
        assert!(told.clone().all(|pid| left.contains(pid)), "{ends:?} was told, {left:?} is there");
    });
}

#[test]
fn who_waits_while_the_host_closes_is_told_and_what_was_changed_before_is_there() {
    in_every_order(Time::Stands, |house| {
        let writers: Vec<_> = (0..WRITERS).map(|_| spawn(writer(Arc::clone(&house.kernel)))).collect();
        let kernel = Arc::clone(&house.kernel);
        let closer = spawn(async move { kernel.shutdown() });
        let stopped = house.kernel.stopped();
        let ends: Vec<_> = writers.into_iter().map(|writer| block_on(writer).unwrap()).collect();
        block_on(closer).unwrap();
        block_on(stopped);
        let left = left(&house.disk);
        for (durable, stopped) in &ends {
            assert!(durable.iter().all(|pid| left.contains(pid)), "{ends:?} was told, {left:?} is there");
            assert!(durable.len() == 2 || stopped.as_deref().is_some_and(|why| why.contains("closed")), "{stopped:?}");
        }
    });
}

#[test]
fn what_nobody_waits_for_comes_to_the_disk_by_its_clock() {
    in_every_order(Time::Passes, |house| {
        let made: Vec<Pid> = (0..2).map(|_| house.process()).collect();
        let there = || made.iter().all(|pid| View(&house.snapshot()).process(*pid).unwrap().is_some());
        while !there() {
            shuttle::thread::yield_now();
        }
    });
}
