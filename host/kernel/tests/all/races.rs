//! Two who want the same last use at the same time: one has it.

use crate::sim::{House, words};
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::image::BASE;
use tokio::task::JoinSet;

const ROUNDS: usize = 200;

fn write(content: &str) -> Call {
    Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

/// Several calls at once, each of a process of its own; answers how they ended, sorted.
async fn race(house: &House, calls: &[&str]) -> Vec<String> {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(calls.len()));
    let mut guests = JoinSet::new();
    for content in calls {
        let (mut line, call, barrier) = (house.line(), write(content), std::sync::Arc::clone(&barrier));
        guests.spawn(async move {
            barrier.wait().await;
            words(&line.run(call).await)
        });
    }
    let mut ended = guests.join_all().await;
    ended.sort();
    ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_race_for_one_use_are_one_who_has_it_and_one_who_is_refused() {
    let house = House::new(&[]);
    for round in 0..ROUNDS {
        let uses = house.grant(Holder::Image(BASE.into()), "allow write fs:workspace/**", Some(1));
        assert_eq!(race(&house, &["left", "right"]).await, ["denied", "done"], "round {round}");
        assert_eq!(house.world.done().len(), round + 1);
        house.kernel.revoke(uses[0].id).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_race_for_three_uses_are_three_who_have_them() {
    let house = House::new(&[]);
    house.grant(Holder::Image(BASE.into()), "allow write fs:workspace/**", Some(3));
    let ended = race(&house, &["a"; 12]).await;
    assert_eq!(ended.iter().filter(|ended| *ended == "done").count(), 3, "{ended:?}");
    assert_eq!(house.world.done().len(), 3);
}
