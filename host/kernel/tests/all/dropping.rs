//! A guest that is dropped in the middle of an import leaves no half-done silence: what has begun ends by itself and is recorded.

use crate::calls::ALL_RULES;
use crate::sim::{Gate, House, MOUNT, Plan, done, within_reason, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Call, Reply, WriteMode};
use libos_kernel::model::id::CallId;
use libos_kernel::model::process::Signal;
use libos_kernel::model::record::{Outcome, Record};
use libos_kernel::syscall::Line;
use tokio::task::JoinSet;

const LARGE: usize = 10_000;

fn write(content: &str) -> Call {
    Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

/// Begins a system call, waits until it stands before the gate, and drops its guest.
pub async fn begin_and_drop(house: &House, mut line: Line, call: Call, gate: &Gate) -> CallId {
    let id = line.call();
    let mut guests = JoinSet::new();
    guests.spawn(async move { line.run(call).await });
    gate.reached().await;
    guests.shutdown().await;
    house.kernel.drop_call(id);
    id
}

/// The records of a call once one of them says how the system call ended. Whoever ends it does so without us: there is nothing to
/// wait for but that.
pub async fn ended(house: &House, call: CallId) -> Vec<Record> {
    recorded(house, call, |records| records.iter().any(|record| record.outcome != Outcome::Intent)).await
}

/// The records of a call once they are as wanted.
async fn recorded(house: &House, call: CallId, wanted: impl Fn(&[Record]) -> bool) -> Vec<Record> {
    let look = async {
        loop {
            let records = house.records_of(call).await;
            if wanted(&records) {
                return records;
            }
            tokio::task::yield_now().await;
        }
    };
    within_reason("it is never recorded", look).await
}

fn outcomes(records: &[Record]) -> Vec<&Outcome> {
    records.iter().map(|record| &record.outcome).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_whose_guest_is_dropped_ends_is_recorded_and_is_not_done_again() {
    let house = House::new(&ALL_RULES);
    let gate = house.world.block("fs.write", 1);
    let call = begin_and_drop(&house, house.line(), write("1"), &gate).await;
    gate.open();
    assert_eq!(outcomes(&ended(&house, call).await), [&Outcome::Intent, &Outcome::Done]);
    assert_eq!(View(&house.snapshot()).effects().unwrap(), []);
    let mut line = house.resume(call).await;
    assert_eq!(done(&house.run(&mut line, write("1")).await), &Reply::Unit);
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_whose_guest_is_dropped_while_its_intent_waits_for_the_disk_is_done_once() {
    let house = House::new(&ALL_RULES);
    let line = house.line();
    house.kernel.barrier().await.unwrap();
    let gate = house.disk.stand_still();
    let call = begin_and_drop(&house, line, write("1"), &gate).await;
    assert_eq!(house.world.done(), [""; 0], "nothing is done before its intent is on the disk");
    gate.open();
    assert_eq!(outcomes(&ended(&house, call).await), [&Outcome::Intent, &Outcome::Done]);
    let mut line = house.resume(call).await;
    assert_eq!(done(&house.run(&mut line, write("1")).await), &Reply::Unit);
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_not_started_again_while_an_effect_of_it_is_under_way() {
    let house = House::new(&ALL_RULES);
    let gate = house.world.block("fs.write", 1);
    let call = begin_and_drop(&house, house.line(), write("1"), &gate).await;
    let error = house.kernel.resume_call(call).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("still under way"), "{error}");
    gate.open();
    ended(&house, call).await;
    let mut line = house.resume(call).await;
    assert_eq!(done(&house.run(&mut line, write("1")).await), &Reply::Unit);
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_to_go_on_while_an_effect_of_it_is_under_way_goes_on_when_that_has_ended() {
    let house = House::new(&ALL_RULES);
    let gate = house.world.block("fs.write", 1);
    let pid = house.process();
    let call = begin_and_drop(&house, house.line_of(pid), write("1"), &gate).await;
    house.kernel.signal(pid, Signal::Pause, "").unwrap();
    house.kernel.signal(pid, Signal::Resume, "").unwrap();
    assert_eq!(house.kernel.take_runnable(), [call]);
    assert!(house.kernel.resume_call(call).await.is_err(), "too early");
    gate.open();
    ended(&house, call).await;
    assert_eq!(house.kernel.take_runnable(), [call]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_read_whose_guest_is_dropped_is_recorded() {
    let house = House::new(&ALL_RULES);
    house.world.put_file(&format!("{MOUNT}/large"), vec![b'x'; LARGE]);
    let gate = house.world.block("fs.read-rest", 1);
    let call = begin_and_drop(&house, house.line(), Call::FsRead { path: "large".into() }, &gate).await;
    gate.open();
    assert_eq!(outcomes(&ended(&house, call).await), [&Outcome::Done]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_read_of_an_earlier_run_does_not_change_what_a_later_run_saw() {
    let house = House::new(&ALL_RULES);
    house.world.put_file(&format!("{MOUNT}/large"), vec![b'x'; LARGE]);
    let read = || Call::FsRead { path: "large".into() };
    let gate = house.world.block("fs.read-rest", 1);
    let call = begin_and_drop(&house, house.line(), read(), &gate).await;
    house.world.put_file(&format!("{MOUNT}/large"), vec![b'y'; LARGE]);
    let mut line = house.resume(call).await;
    let seen = done(&house.run(&mut line, read()).await).clone();
    assert!(seen == Reply::Bytes(vec![b'y'; LARGE]));
    gate.open();
    recorded(&house, call, |records| records.len() == 2).await;
    // What was seen is kept with the first thing that must survive.
    done(&house.run(&mut line, write("1")).await);
    drop(line);
    house.kernel.drop_call(call);
    let mut line = house.resume(call).await;
    assert!(*done(&house.run(&mut line, read()).await) == seen, "the first run's read is replayed");
    assert_eq!(done(&house.run(&mut line, write("1")).await), &Reply::Unit);
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_panics_is_unknown_and_stays_so() {
    let house = House::new(&ALL_RULES);
    house.world.plan("fs.write", 1, Plan::Panic);
    let mut line = house.line();
    let call = line.call();
    let stopped = house.run(&mut line, write("1")).await;
    assert!(matches!(stopped, Err(Stop::Host(_))), "{stopped:?}");
    drop(line);
    assert_eq!(outcomes(&ended(&house, call).await), [&Outcome::Intent, &Outcome::Unknown]);
    house.kernel.drop_call(call);
    let mut line = house.resume(call).await;
    let answer = house.run(&mut line, write("1")).await.unwrap();
    let Answer::Failed(CallError::OutcomeUnknown(effect)) = &*answer else { panic!("{answer:?}") };
    assert_eq!(View(&house.snapshot()).effects().unwrap()[0].id, *effect);
    assert_eq!(house.world.done(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_of_a_call_that_is_cancelled_meanwhile_is_not_started_or_is_recorded() {
    let house = House::new(&ALL_RULES);
    let line = house.line();
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    let early = begin_and_drop(&house, line, write("early"), &still).await;
    house.kernel.cancel_call(early, "by hand").unwrap();
    still.open();
    assert_eq!(outcomes(&ended(&house, early).await), [&Outcome::Intent, &Outcome::NotStarted]);
    let gate = house.world.block("fs.write", 1);
    let late = begin_and_drop(&house, house.line(), write("late"), &gate).await;
    house.kernel.cancel_call(late, "by hand").unwrap();
    gate.open();
    assert_eq!(outcomes(&ended(&house, late).await), [&Outcome::Intent, &Outcome::Done]);
    assert_eq!(house.world.done(), ["fs.write fs:workspace/a late"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_use_of_a_call_that_is_cancelled_is_gone_only_with_its_effect() {
    use libos_kernel::model::grant::Holder;
    let house = House::new(&[]);
    for begins in [false, true] {
        let pid = house.process();
        let once = house.grant(Holder::Process(pid), "allow write fs:workspace/**", Some(1))[0].id;
        let line = house.line_of(pid);
        house.kernel.barrier().await.unwrap();
        let gate = if begins { house.world.block("fs.write", 1) } else { house.disk.stand_still() };
        let call = begin_and_drop(&house, line, write("1"), &gate).await;
        house.kernel.cancel_call(call, "by hand").unwrap();
        gate.open();
        ended(&house, call).await;
        let grant = View(&house.snapshot()).grant(once).unwrap().unwrap();
        assert_eq!(grant.uses_left, Some(u32::from(!begins)), "begins: {begins}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_outside_is_an_answer_and_is_recorded() {
    use libos_kernel::world::WorldError;
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    house.world.plan("fs.write", 1, Plan::Fail(WorldError::Io("the stick was pulled".into())));
    let failed = words(&house.run(&mut line, write("1")).await);
    assert!(failed.contains("the stick was pulled"), "{failed}");
    let records = house.records_of(line.call()).await;
    assert!(matches!(outcomes(&records)[..], [Outcome::Intent, Outcome::Failed(_)]), "{records:?}");
    assert_eq!(words(&house.run(&mut line, write("1")).await), "done");
}
