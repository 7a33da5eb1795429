//! A clock that cannot be trusted: back an hour, forward ten years, stopped. No wait is lost, and none turns into a yes.

use crate::sim::{House, done, words};
use libos_kernel::kernel::Reaction;
use libos_kernel::model::call::{Approval, Call, Reply, WriteMode};
use libos_kernel::model::id::CallId;
use libos_kernel::model::time::Time;
use std::collections::BTreeSet;
use std::time::Duration;

/// Calls that wait for time, and as many that wait for a person.
const WAITING: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);
const DECADE: Duration = Duration::from_secs(10 * 366 * 24 * 3_600);

fn write(number: usize) -> Call {
    Call::FsWrite { path: format!("f{number}"), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace }
}

fn sleep() -> Call {
    Call::ClockSleep { nanoseconds: u64::try_from(HOUR.as_nanos()).unwrap() }
}

/// So many calls that sleep for an hour, and so many that ask whether they may write; their questions expire after a week.
async fn waiting(count: usize) -> (House, Vec<CallId>, Vec<CallId>) {
    let house = House::new(&[]);
    let text = "[mounts]\nworkspace = \".\"\n[questions]\nexpire-after = \"7d\"\n[image.base]\n\
                ask = [\"write fs:workspace/**\"]\nallow = [\"sleep clock:sleep\"]\n";
    house.kernel.set_policy(text).unwrap();
    let (mut asleep, mut asking) = (Vec::new(), Vec::new());
    for number in 0..count {
        asleep.push(house.park(house.line(), sleep()).await);
        asking.push(house.park(house.line(), write(number)).await);
    }
    house.kernel.barrier().await.unwrap();
    (house, asleep, asking)
}

fn woken(house: &House) -> BTreeSet<CallId> {
    house.kernel.fire_timers_due();
    let all = house.kernel.take_runnable();
    let set: BTreeSet<CallId> = all.iter().copied().collect();
    assert_eq!(set.len(), all.len(), "a call is told once that it can go on");
    set
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_clock_does_no_wait_is_lost_and_none_turns_into_a_yes() {
    let (house, asleep, asking) = waiting(WAITING).await;
    let start = house.kernel.now();
    let back = Time(start.0.saturating_sub(u64::try_from(HOUR.as_nanos()).unwrap()));
    // Back, stopped, and back over a restart: nothing ends early, and nothing is forgotten.
    house.world.set_clock(back);
    assert_eq!(woken(&house), BTreeSet::new());
    let house = house.reopen();
    assert_eq!(woken(&house), BTreeSet::new());
    house.world.set_clock(start);
    assert_eq!(woken(&house), BTreeSet::new());
    // A person's answers work all the same while it stands still.
    let (allowed, rest) = asking.split_at(10);
    for call in allowed {
        let yes = Reaction::Approve { approval: Approval::Allow, note: None };
        house.kernel.answer(house.asked(*call), yes).unwrap();
    }
    assert_eq!(woken(&house), allowed.iter().copied().collect());
    // Forward ten years: all sleeps have ended at once, and what nobody answered is denied.
    house.world.set_clock(start.after(DECADE));
    let all: BTreeSet<CallId> = asleep.iter().chain(rest).copied().collect();
    assert_eq!(woken(&house), all);
    assert_eq!(woken(&house), BTreeSet::new());
    // And back again: what has ended stays ended.
    house.world.set_clock(start);
    assert_eq!(house.kernel.next_timer(), None);
    for call in &asleep {
        let mut line = house.resume(*call).await;
        assert_eq!(done(&house.run(&mut line, sleep()).await), &Reply::Unit);
    }
    for (number, call) in asking.iter().enumerate() {
        let mut line = house.resume(*call).await;
        let want = if number < allowed.len() { "done" } else { "denied" };
        assert_eq!(words(&house.run(&mut line, write(number)).await), want, "{number}");
    }
    let written = house.world.done().iter().filter(|what| what.starts_with("fs.write")).count();
    assert_eq!(written, allowed.len());
}
