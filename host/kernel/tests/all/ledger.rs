//! The ledger of effects: one key over all tries, how each ended, and a person's word on what nobody knows.

use crate::sim::{House, MOUNT, Plan, Tear, done, new_grant, words};
use libos_kernel::kernel::Keep;
use libos_kernel::kernel::audit;
use libos_kernel::kernel::ledger::EffectLine;
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, CallError};
use libos_kernel::model::call::{Call, Reply, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CallId, EffectId, EffectKey, GrantId};
use libos_kernel::model::record::Outcome;
use libos_kernel::model::row::EffectState;
use libos_kernel::world::WorldError;
use proptest::prelude::*;
use std::collections::BTreeMap;

const FREE: [&str; 1] = ["allow read,write,delete fs:workspace/**"];

fn append(path: &str) -> Call {
    Call::FsAppend { path: path.into(), content: b"content".to_vec() }
}

fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

async fn ledger(house: &House, call: Option<CallId>) -> Vec<EffectLine> {
    house.kernel.barrier().await.unwrap();
    View(&house.snapshot()).ledger(call).unwrap()
}

/// The keys of all intents, by the place and the content that they are for.
async fn keys(house: &House) -> Vec<(CallId, u32, EffectKey)> {
    let records = house.records().await.into_iter();
    let intents = records.filter(|record| record.outcome == Outcome::Intent);
    intents
        .map(|record| (record.call.unwrap(), record.position.unwrap(), record.key.expect("an intent has a key")))
        .collect()
}

/// A house after a crash in the middle of an addition, of which nobody can know; its grant was good for one use.
struct Doubt {
    house: House,
    call: CallId,
    once: GrantId,
}

impl Doubt {
    async fn new() -> Doubt {
        let house = House::new(&["allow read fs:workspace/**"]);
        house.world.put_file(&format!("{MOUNT}/log"), "before;");
        let pid = house.process();
        let once = house.grant(Holder::Process(pid), "allow write fs:workspace/**", Some(1)).remove(0).id;
        let mut line = house.line_of(pid);
        let call = line.call();
        house.world.plan("fs.append", 1, Plan::CutWithin);
        let _ = house.run(&mut line, append("log")).await;
        Doubt { house: house.crash(Tear::None), call, once }
    }

    async fn uses(&self) -> Option<u32> {
        self.house.kernel.barrier().await.unwrap();
        View(&self.house.snapshot()).grant(self.once).unwrap().unwrap().uses_left
    }

    /// The call goes on with the same effect; how that ends.
    async fn goes_on(&self) -> String {
        let mut line = self.house.resume(self.call).await;
        words(&self.house.run(&mut line, append("log")).await)
    }

    async fn line(&self) -> EffectLine {
        ledger(&self.house, None).await.remove(0)
    }
}

const E1: EffectId = EffectId(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_effect_that_is_settled_before_its_call_goes_on_is_answered_so() {
    for (happened, then, uses_before, uses_after, times) in
        [(true, "done", Some(0), Some(0), 0), (false, "done", Some(1), Some(0), 1)]
    {
        let doubt = Doubt::new().await;
        assert_eq!(doubt.line().await.state, EffectState::Unknown);
        let key = doubt.line().await.key;
        let note = Some("looked at the file".to_owned());
        let row = doubt.house.kernel.settle(E1, happened, "user 7", note).unwrap().what;
        let settled = row.settled.unwrap();
        assert_eq!((settled.done, settled.by.as_str(), settled.too_late), (happened, "user 7", false));
        assert_eq!(doubt.uses().await, uses_before, "{happened}");
        let before = doubt.house.world.done().len();
        assert_eq!(doubt.goes_on().await, then);
        assert_eq!(doubt.house.world.done().len() - before, times, "{happened}");
        assert_eq!(doubt.uses().await, uses_after, "{happened}");
        let records = doubt.house.records().await;
        let settle = records.iter().find(|record| record.operation == "host.settle").unwrap();
        let detail = settle.detail.as_deref().unwrap();
        assert!(detail.contains("by user 7") && detail.contains("looked at the file"), "{detail}");
        assert_eq!(settle.effect, Some(E1));
        assert_eq!(audit::verify(&doubt.house.snapshot()).unwrap().problem, None);
        // The try that follows has the same key.
        assert!(ledger(&doubt.house, None).await.iter().all(|line| line.key == key), "{happened}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_settlement_survives_a_restart_before_its_call_goes_on() {
    for (happened, times) in [(true, 0), (false, 1)] {
        let mut doubt = Doubt::new().await;
        doubt.house.kernel.settle(E1, happened, "user 7", None).unwrap();
        doubt.house = doubt.house.reopen();
        let before = doubt.house.world.done().len();
        assert_eq!(doubt.goes_on().await, "done");
        assert_eq!(doubt.house.world.done().len() - before, times, "{happened}");
        let line = ledger(&doubt.house, Some(doubt.call)).await.remove(0);
        assert_eq!(line.settled.map(|settled| settled.done), Some(happened));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_told_already_keeps_what_it_was_told() {
    for happened in [true, false] {
        let doubt = Doubt::new().await;
        assert!(doubt.goes_on().await.starts_with("nobody knows"));
        let row = doubt.house.kernel.settle(E1, happened, "user 7", None).unwrap().what;
        assert!(row.settled.unwrap().too_late);
        let line = doubt.line().await;
        assert!(line.why.unwrap().contains("told before"), "{happened}");
        assert_eq!(doubt.uses().await, Some(u32::from(!happened)));
        doubt.house.kernel.drop_call(doubt.call);
        assert!(doubt.goes_on().await.starts_with("nobody knows"), "a replay says the same");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_settled_is_known_after_its_row_has_gone() {
    let nothing_goes = Keep { calls: None, questions: None, processes: None, journals: None, kept_journals: None };
    for (happened, state) in [(true, EffectState::Done), (false, EffectState::NotStarted)] {
        let doubt = Doubt::new().await;
        let mut line = doubt.house.resume(doubt.call).await;
        let _ = doubt.house.run(&mut line, append("log")).await;
        doubt.house.kernel.end_call(doubt.call, Ok("1".into())).unwrap();
        doubt.house.kernel.settle(E1, happened, "user 7", Some("looked: it is so".into())).unwrap();
        let before = doubt.line().await;
        assert_eq!(before.settled.as_ref().map(|settled| settled.too_late), Some(true));
        assert_eq!(doubt.house.kernel.collect(&nothing_goes).await.unwrap().leftovers, 1);
        let after = ledger(&doubt.house, Some(doubt.call)).await.remove(0);
        assert_eq!((after.state, after.why.clone(), after.settled.clone()), (state, before.why, before.settled));
        assert_eq!(doubt.line().await, after);
        assert_eq!(View(&doubt.house.snapshot()).effect(E1).unwrap(), Some(after));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_use_comes_back_only_to_a_grant_that_lives() {
    let doubt = Doubt::new().await;
    doubt.house.kernel.revoke(doubt.once).unwrap();
    doubt.house.kernel.settle(E1, false, "user 7", None).unwrap();
    assert_eq!(doubt.goes_on().await, "denied");
    let doubt = Doubt::new().await;
    doubt.house.kernel.cancel_call(doubt.call, "by hand").unwrap();
    let row = doubt.house.kernel.settle(E1, false, "user 7", None).unwrap().what;
    assert!(row.settled.unwrap().too_late, "a call that has ended learns nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_or_was_settled_is_not_settled() {
    let doubt = Doubt::new().await;
    let refused = |id: u64| doubt.house.kernel.settle(EffectId(id), true, "user 7", None).unwrap_err().to_string();
    assert_eq!(refused(9), "there is no effect e9");
    assert_eq!(refused(0), "there is no effect e0");
    doubt.house.kernel.settle(E1, true, "user 7", None).unwrap();
    assert!(refused(1).contains("was settled already, as done, by user 7"), "{}", refused(1));
    doubt.house.kernel.grant(new_grant(Holder::Image("base".into()), "allow write fs:workspace/**", None)).unwrap();
    let mut line = doubt.house.line();
    done(&doubt.house.run(&mut line, write("x", "1")).await);
    assert!(refused(2).contains("it is known how effect e2 ended"), "{}", refused(2));
    let gate = doubt.house.world.block("fs.write", 1);
    let (again, _) = tokio::join!(doubt.house.run(&mut line, write("x", "2")), async {
        gate.reached().await;
        assert!(refused(3).contains("still under way"), "{}", refused(3));
        gate.open();
    });
    done(&again);
    assert_eq!(doubt.house.records().await.iter().filter(|record| record.operation == "host.settle").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_says_how_every_effect_ended() {
    let house = House::new(&FREE);
    let mut first = house.line();
    done(&house.run(&mut first, write("a", "1")).await);
    house.world.plan("fs.write", 1, Plan::Fail(WorldError::Io("full".into())));
    words(&house.run(&mut first, write("a", "2")).await);
    let mut second = house.line();
    house.world.plan("fs.append", 1, Plan::Panic);
    assert!(house.run(&mut second, append("b")).await.is_err());
    let mut third = house.line();
    // The look after the intent fails: nothing was handed to the outside.
    house.world.plan("fs.inspect", 2, Plan::Fail(WorldError::Io("away".into())));
    words(&house.run(&mut third, write("c", "1")).await);
    let all = ledger(&house, None).await;
    let states: Vec<EffectState> = all.iter().map(|line| line.state).collect();
    use EffectState::{Done, Failed, NotStarted, Unknown};
    assert_eq!(states, [Done, Failed, Unknown, NotStarted]);
    assert!(all[1].why.as_ref().unwrap().contains("full") && all[3].why.as_ref().unwrap().contains("away"), "{all:?}");
    assert!(all.iter().all(|line| line.key.is_some()));
    for line in &all {
        assert_eq!(View(&house.snapshot()).effect(line.id).unwrap().as_ref(), Some(line), "alone as in the list");
    }
    assert_eq!(ledger(&house, Some(first.call())).await, all[..2]);
    assert_eq!(ledger(&house, Some(second.call())).await, all[2..3]);
    let unknown = View(&house.snapshot()).unknown_effects().unwrap();
    assert_eq!(unknown.iter().map(|line| line.id).collect::<Vec<_>>(), [EffectId(3)]);
    house.kernel.end_call(first.call(), Ok("null".into())).unwrap();
    assert_eq!(ledger(&house, Some(first.call())).await, all[..2], "also after its call has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_handed_to_the_outside_is_not_unknown() {
    let house = House::new(&["allow read fs:workspace/**"]);
    let pid = house.process();
    let once = house.grant(Holder::Process(pid), "allow write fs:workspace/**", Some(1)).remove(0).id;
    let mut line = house.line_of(pid);
    let call = line.call();
    house.world.plan("fs.inspect", 2, Plan::Panic);
    assert!(house.run(&mut line, write("a", "1")).await.is_err());
    assert_eq!(ledger(&house, None).await[0].state, EffectState::NotStarted);
    assert_eq!(View(&house.snapshot()).grant(once).unwrap().unwrap().uses_left, Some(1));
    drop(line);
    house.kernel.drop_call(call);
    let mut line = house.resume(call).await;
    done(&house.run(&mut line, write("a", "1")).await);
    let keys = keys(&house).await;
    assert_eq!(keys[0], keys[1], "it is one effect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_effect_is_told_to_the_tool_with_its_number_and_found_by_the_host_that_starts() {
    let doubt = Doubt::new().await;
    assert_eq!(doubt.house.kernel.found_unknown(), [E1]);
    let mut line = doubt.house.resume(doubt.call).await;
    let answer = doubt.house.run(&mut line, append("log")).await.unwrap();
    assert!(matches!(&*answer, Answer::Failed(CallError::OutcomeUnknown(E1))), "{answer:?}");
    let house = doubt.house.reopen();
    assert_eq!(house.kernel.found_unknown(), [], "it was found before");
}

/// What becomes of one effect of the stories below.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Done,
    /// The power goes before it, and once more when it is asked for again.
    Cut(u8),
    /// Its call is dropped after it and resumed.
    Dropped,
}

async fn story(fates: &[Fate]) -> Result<(), TestCaseError> {
    let mut house = House::new(&FREE);
    let mut line = house.line();
    let call = line.call();
    let effects: Vec<Call> = (0..fates.len()).map(|number| write(&format!("f{}", number % 3), "same")).collect();
    for (number, fate) in fates.iter().enumerate() {
        let cuts = if let Fate::Cut(times) = fate { *times } else { 0 };
        for _ in 0..cuts {
            house.world.plan("fs.write", 1, Plan::CutBefore);
            let _ = house.run(&mut line, effects[number].clone()).await;
            drop(line);
            house = house.crash(Tear::None);
            line = house.resume(call).await;
            for before in &effects[..number] {
                house.run(&mut line, before.clone()).await.unwrap();
            }
        }
        prop_assert_eq!(words(&house.run(&mut line, effects[number].clone()).await), "done");
        if matches!(fate, Fate::Dropped) {
            drop(line);
            house.kernel.drop_call(call);
            line = house.resume(call).await;
            for before in &effects[..=number] {
                prop_assert_eq!(&*house.run(&mut line, before.clone()).await.unwrap(), &Answer::Done(Reply::Unit));
            }
        }
    }
    // The same requests by another call of the same process, and by another process.
    for pid in [View(&house.snapshot()).call(call).unwrap().unwrap().pid, house.process()] {
        let mut other = house.line_of(pid);
        for effect in &effects {
            prop_assert_eq!(words(&house.run(&mut other, effect.clone()).await), "done");
        }
    }
    let mut by_place: BTreeMap<(CallId, u32), EffectKey> = BTreeMap::new();
    let mut tries = 0;
    for (call, position, key) in keys(&house).await {
        tries += 1;
        prop_assert_eq!(*by_place.entry((call, position)).or_insert(key), key, "one effect has two keys");
    }
    let cuts: usize = fates.iter().map(|fate| if let Fate::Cut(times) = fate { usize::from(*times) } else { 0 }).sum();
    prop_assert_eq!((by_place.len(), tries), (3 * fates.len(), 3 * fates.len() + cuts));
    let different: std::collections::BTreeSet<EffectKey> = by_place.values().copied().collect();
    prop_assert_eq!(different.len(), by_place.len(), "two effects have one key");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_tries_of_one_effect_have_one_key_and_no_two_effects_share_one(
        fates in prop::collection::vec(
            prop_oneof![Just(Fate::Done), (1_u8..3).prop_map(Fate::Cut), Just(Fate::Dropped)], 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(story(&fates))?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_store_share_the_keys_of_calls_from_before_and_no_others() {
    let house = House::new(&FREE);
    let mut line = house.line();
    let old = line.call();
    done(&house.run(&mut line, write("a", "1")).await);
    drop(line);
    house.kernel.shutdown();
    let House { world, disk, kernel, .. } = house;
    drop(kernel);
    let mut seen = Vec::new();
    for request in ["b", "b", "other"] {
        let house = House::open(std::sync::Arc::clone(&world), disk.copy()).unwrap();
        let mut line = house.resume(old).await;
        done(&house.run(&mut line, write("a", "1")).await);
        done(&house.run(&mut line, write(request, "2")).await);
        let mut new = house.line();
        done(&house.run(&mut new, write(request, "3")).await);
        let keys = keys(&house).await;
        seen.push((keys[keys.len() - 2], keys[keys.len() - 1]));
    }
    assert_eq!(seen[0].0, seen[1].0, "the same call at the same place with the same request");
    assert_ne!(seen[0].0.2, seen[2].0.2, "it went another way");
    assert_eq!(seen[0].1.0, seen[1].1.0, "the same number of another call");
    assert_ne!(seen[0].1.2, seen[1].1.2, "another call");
}
