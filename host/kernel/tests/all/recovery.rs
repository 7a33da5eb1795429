//! What was under way when the power went is told apart by what is there now: done, not started, or unknown; and told apart only once,
//! whatever happens to the recovery itself.

use crate::sim::{House, MOUNT, Plan, Tear, Trouble, words};
use libos_kernel::kernel::audit;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::grant::{Grant, Holder};
use libos_kernel::model::id::{CallId, GrantId};
use libos_kernel::model::image::BASE;
use libos_kernel::model::process::State;
use libos_kernel::model::record::Outcome;
use libos_kernel::model::row::EffectState;
use std::sync::Arc;

fn write(path: &str) -> Call {
    Call::FsWrite { path: path.into(), content: b"content".to_vec(), mode: WriteMode::CreateOrReplace }
}

fn append(path: &str) -> Call {
    Call::FsAppend { path: path.into(), content: b"content".to_vec() }
}

/// A house with one call whose grant is good for one use, after the power has gone around or in the middle of its effect.
struct Ruin {
    house: House,
    call: CallId,
    once: GrantId,
}

/// The operation of the world that a call makes.
fn operation(call: &Call) -> &'static str {
    if matches!(call, Call::FsCopy { .. }) { "fs.write" } else { call.operation() }
}

async fn ruin(call: &Call, plan: Plan) -> (House, CallId, GrantId) {
    let house = House::new(&["allow read fs:workspace/**"]);
    for file in ["old", "tree/one", "tree/two"] {
        if let Some((directory, _)) = file.split_once('/') {
            house.world.put_directory(&format!("{MOUNT}/{directory}"));
        }
        house.world.put_file(&format!("{MOUNT}/{file}"), "before");
    }
    let pid = house.process();
    let once = house.grant(Holder::Process(pid), "allow write,delete,read fs:workspace/**", Some(1)).remove(0).id;
    let mut line = house.line_of(pid);
    let id = line.call();
    house.world.plan(operation(call), 1, plan);
    let _ = house.run(&mut line, call.clone()).await;
    assert!(house.disk.is_cut(), "{} was not cut", operation(call));
    house.kernel.shutdown();
    (house, id, once)
}

impl Ruin {
    async fn of(call: &Call, plan: Plan) -> Ruin {
        let (house, call, once) = ruin(call, plan).await;
        Ruin { house: house.crash(Tear::None), call, once }
    }

    fn grant(&self) -> Grant {
        View(&self.house.snapshot()).grant(self.once).unwrap().expect("the grant is there")
    }

    async fn outcomes(&self) -> Vec<Outcome> {
        let records = self.house.records_of(self.call).await;
        records.into_iter().map(|record| record.outcome).collect()
    }
}

/// The power goes; recovery finds `outcome`; the call goes on and is told `then`.
async fn check(call: Call, plan: Plan, outcome: Outcome, then: &str) {
    let what = format!("{} {plan:?}", call.operation());
    let ruin = Ruin::of(&call, plan).await;
    let before = ruin.house.world.done().len();
    assert_eq!(ruin.outcomes().await, [Outcome::Intent, outcome.clone()], "{what}");
    let left = if outcome == Outcome::NotStarted { 1 } else { 0 };
    assert_eq!(ruin.grant().uses_left, Some(left), "{what}");
    let unknown = View(&ruin.house.snapshot()).effects().unwrap();
    let states: Vec<EffectState> = unknown.iter().map(|row| row.state).collect();
    assert_eq!(states, if outcome == Outcome::Unknown { vec![EffectState::Unknown] } else { Vec::new() }, "{what}");
    let mut line = ruin.house.resume(ruin.call).await;
    let ended = words(&ruin.house.run(&mut line, call).await);
    assert!(ended.starts_with(then), "{what}: {ended}");
    let again = ruin.house.world.done().len() - before;
    assert_eq!(again, usize::from(outcome == Outcome::NotStarted), "{what}");
    let left = ruin.house.world.listing().into_iter().filter(|name| name.contains(".libos-")).count();
    assert_eq!(left, 0, "{what}: a temporary file is left");
    ruin.house.kernel.barrier().await.unwrap();
    assert_eq!(ruin.grant().uses_left, Some(0), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_had_not_started_gives_its_use_back_and_is_done_when_the_call_goes_on() {
    let not = || Outcome::NotStarted;
    for call in [
        write("new"),
        write("old"),
        append("new"),
        append("old"),
        Call::FsMakeDir { path: "made".into() },
        Call::FsRemove { path: "old".into(), recursive: false },
        Call::FsRename { old: "old".into(), new: "new".into(), replace: false },
        Call::FsRename { old: "tree".into(), new: "moved".into(), replace: false },
        Call::FsCopy { source: "old".into(), target: "new".into(), replace: false },
    ] {
        check(call, Plan::CutBefore, not(), "done").await;
    }
    // Half a file under another name is no file.
    for call in
        [write("new"), write("old"), Call::FsCopy { source: "old".into(), target: "new".into(), replace: false }]
    {
        check(call, Plan::CutWithin, not(), "done").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_was_done_is_not_done_again() {
    for call in [
        write("new"),
        write("old"),
        append("new"),
        append("old"),
        Call::FsMakeDir { path: "made".into() },
        Call::FsRemove { path: "old".into(), recursive: false },
        Call::FsRemove { path: "tree".into(), recursive: true },
        Call::FsRename { old: "old".into(), new: "new".into(), replace: false },
        Call::FsRename { old: "old".into(), new: "tree/one".into(), replace: true },
        Call::FsCopy { source: "old".into(), target: "new".into(), replace: false },
    ] {
        check(call, Plan::CutAfter, Outcome::Done, "done").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_of_which_nobody_knows_stays_unknown_and_its_use_stays_taken() {
    for call in [append("old"), append("new"), Call::FsRemove { path: "tree".into(), recursive: true }] {
        check(call, Plan::CutWithin, Outcome::Unknown, "nobody knows").await;
    }
}

/// The power goes in an effect, and again at each operation of the disk while that is recovered.
async fn check_twice(call: Call, plan: Plan, outcome: Outcome) {
    let mut number = 1;
    loop {
        let (house, id, once) = ruin(&call, plan.clone()).await;
        let House { world, disk, kernel, .. } = house;
        drop(kernel);
        disk.recover(Tear::None);
        disk.trouble_at(number, Trouble::Cut);
        if let Ok(second) = House::open(Arc::clone(&world), disk.clone()) {
            // What recovery found may or may not reach the disk.
            let _ = second.kernel.barrier().await;
            disk.cut();
            second.kernel.shutdown();
        }
        let reached = disk.operations() >= number;
        disk.recover(if number.is_multiple_of(2) { Tear::None } else { Tear::Some(number) });
        let what = format!("{} {plan:?}, cut again at {number}", call.operation());
        let house = House::open(world, disk).unwrap_or_else(|error| panic!("{what}: {error}"));
        let ruin = Ruin { house, call: id, once };
        assert_eq!(ruin.outcomes().await, [Outcome::Intent, outcome.clone()], "{what}");
        assert_eq!(ruin.grant().uses_left, Some(u32::from(outcome == Outcome::NotStarted)), "{what}");
        assert_eq!(audit::verify(&ruin.house.snapshot()).unwrap().problem, None, "{what}");
        number += 1;
        if !reached {
            break;
        }
    }
    assert!(number > 10, "recovery has only {number} operations of the disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_that_is_cut_short_is_made_again_with_the_same_end() {
    check_twice(write("new"), Plan::CutBefore, Outcome::NotStarted).await;
    check_twice(append("old"), Plan::CutAfter, Outcome::Done).await;
    check_twice(append("old"), Plan::CutWithin, Outcome::Unknown).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_an_effect_used_which_did_not_start_is_used_again() {
    for (plan, asked_again) in [(Plan::CutBefore, false), (Plan::CutAfter, false)] {
        let house = House::new(&["ask write fs:workspace/**"]);
        let mut line = house.line();
        let id = line.call();
        house.world.plan("fs.write", 1, plan);
        let _ = house.run(&mut line, write("new")).await;
        let house = house.crash(Tear::None);
        let mut line = house.resume(id).await;
        let mut waiting = line.waiting();
        let asked = tokio::select! {
            biased;
            answer = line.run(write("new")) => { assert_eq!(words(&answer), "done"); false }
            waits = waiting.wait_for(Option::is_some) => { drop(waits); true }
        };
        assert_eq!(asked, asked_again);
        assert_eq!(house.world.count("fs.write fs:workspace/new content"), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_was_revoked_meanwhile_does_not_come_back_with_its_use() {
    let ruin = Ruin::of(&write("new"), Plan::CutBefore).await;
    ruin.house.kernel.revoke(ruin.once).unwrap();
    let mut line = ruin.house.resume(ruin.call).await;
    assert_eq!(words(&ruin.house.run(&mut line, write("new")).await), "denied");
    assert_eq!(ruin.house.world.done(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_probes_and_changes_nothing() {
    let ruin = Ruin::of(&write("new"), Plan::CutBefore).await;
    assert_eq!(ruin.house.world.done(), [""; 0]);
    assert!(ruin.house.world.looks().iter().any(|look| look.starts_with("probe")));
    // What was closed is closed: the next start has nothing to probe.
    ruin.house.kernel.barrier().await.unwrap();
    let house = ruin.house.reopen();
    let probes = house.world.looks().iter().filter(|look| look.starts_with("probe")).count();
    assert_eq!(probes, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_host_died_before_its_only_call_began_is_not_left() {
    let house = House::new(&[]);
    let (left, called, agent) =
        (house.kernel.new_process(BASE, true).unwrap(), house.kernel.new_process(BASE, true).unwrap(), house.process());
    drop(house.line_of(called));
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::All);
    let live: Vec<_> = house.kernel.live_processes().iter().map(|process| process.pid).collect();
    assert!(!live.contains(&left) && live.contains(&called) && live.contains(&agent), "{live:?}");
    house.kernel.barrier().await.unwrap();
    let row = View(&house.snapshot()).process(left).unwrap().unwrap();
    assert!(matches!(row.state, State::Failed(_)), "{row:?}");
}
