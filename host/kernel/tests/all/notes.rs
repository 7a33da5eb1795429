//! Heads of the log are signed in time and reach the second place; if they do not, it is known, and a strict host stops before
//! anything leaves it.

use crate::sim::{House, SECOND_PLACE_GONE, SimNotary, Tear, words};
use libos_kernel::kernel::Notary;
use libos_kernel::kernel::audit::{Outside, Verified, verify_against};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::limit::{NOTE_EVERY, NOTE_RECORDS, WITNESS_REST, WITNESS_SLOW};
use libos_kernel::model::note::open;
use libos_kernel::model::record::{Outcome, Record};
use libos_kernel::model::witness;
use std::sync::Arc;
use std::time::Duration;

fn house(strict: bool) -> (House, Arc<SimNotary>) {
    let notary = Arc::new(SimNotary::new(1, strict));
    (House::signed(&["allow read,write fs:workspace/**"], Some(Arc::clone(&notary))), notary)
}

fn write(content: &str) -> Call {
    Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

fn pass(house: &House, time: Duration) {
    house.world.pass(time.as_nanos() as u64);
}

/// The sizes of the notes in the store, each signed by the notary.
fn stored(house: &House, notary: &SimNotary) -> Vec<u64> {
    let notes = house.snapshot().notes().unwrap();
    notes
        .iter()
        .map(|(size, text)| {
            assert_eq!(open(text, notary.key()).unwrap().size, *size);
            *size
        })
        .collect()
}

fn verified(house: &House, notary: &SimNotary) -> Verified {
    let file = notary.file();
    let seen = witness::read(file.as_bytes()).notes;
    let outside = Outside { key: Some(notary.key().clone()), witness: Some(seen) };
    verify_against(&house.snapshot(), outside, |_| {}).unwrap()
}

fn named<'r>(records: &'r [Record], operation: &str) -> Vec<&'r Record> {
    records.iter().filter(|record| record.operation == operation).collect()
}

/// One more record on the disk.
async fn one_more(house: &House) -> u64 {
    house.process();
    house.records().await.len() as u64
}

#[tokio::test]
async fn the_first_batch_names_the_key_and_is_signed_with_it() {
    let (house, notary) = house(false);
    let records = house.records().await;
    let keys = named(&records, "host.key");
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].detail.as_deref(), Some(&*notary.key().to_string()));
    let first = stored(&house, &notary)[0];
    assert!(first > keys[0].seq, "the key is used before it is named");
    let house = house.reopen();
    assert_eq!(notary.sizes()[0], first);
    assert_eq!(named(&house.records().await, "host.key").len(), 1, "the same key is told again");
}

#[tokio::test]
async fn a_head_is_signed_each_second_and_at_the_end_and_never_twice() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    let before = stored(&house, &notary).len();
    for _ in 0..5 {
        one_more(&house).await;
    }
    assert_eq!(stored(&house, &notary).len(), before, "no second has passed");
    pass(&house, NOTE_EVERY);
    let size = one_more(&house).await;
    let size_after = one_more(&house).await;
    assert_eq!(stored(&house, &notary)[before..], [size], "a second has passed");
    let house = house.reopen();
    assert_eq!(stored(&house, &notary)[before..], [size, size_after], "the host was closed");
    house.kernel.barrier().await.unwrap();
    let house = house.reopen();
    assert_eq!(stored(&house, &notary)[before..], [size, size_after], "nothing is new");
    assert_eq!(notary.sizes(), stored(&house, &notary));
    assert_eq!(verified(&house, &notary).problem, None);
}

#[tokio::test]
async fn a_head_is_signed_after_a_thousand_records_although_no_second_has_passed() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    let first = stored(&house, &notary)[0];
    let mut size = 0;
    while size < first + 2 * NOTE_RECORDS + 10 {
        // Of very many equal ones of one call not each is recorded.
        let mut line = house.line();
        for _ in 0..40 {
            house.run(&mut line, Call::ClockNow).await.unwrap();
        }
        size = house.records().await.len() as u64;
    }
    let sizes = stored(&house, &notary);
    let gaps: Vec<u64> = sizes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().filter(|gap| **gap >= NOTE_RECORDS).count() >= 2, "{sizes:?}");
    assert!(gaps.iter().all(|gap| *gap < 2 * NOTE_RECORDS), "{sizes:?}");
}

#[tokio::test]
async fn what_a_crash_left_unsigned_is_signed_at_the_next_start() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    let size = one_more(&house).await;
    assert!(stored(&house, &notary).iter().all(|noted| *noted < size));
    let house = house.crash(Tear::None);
    house.kernel.shutdown();
    assert!(notary.sizes().iter().any(|seen| *seen >= size), "{:?} lacks {size}", notary.sizes());
}

#[tokio::test]
async fn a_second_place_that_fails_is_recorded_once_and_everything_goes_on() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    notary.set_failing(true);
    let mut line = house.line();
    for _ in 0..5 {
        pass(&house, NOTE_EVERY + WITNESS_REST);
        assert_eq!(words(&house.run(&mut line, write("1")).await), "done");
    }
    // What happened to a note is recorded after its batch.
    house.kernel.barrier().await.unwrap();
    one_more(&house).await;
    let records = house.records().await;
    let failed = named(&records, "host.witness-failed");
    assert_eq!(failed.len(), 1);
    assert!(matches!(&failed[0].outcome, Outcome::Failed(why) if why.contains(SECOND_PLACE_GONE)), "{failed:?}");
    let before = notary.sizes().len();
    notary.set_failing(false);
    pass(&house, NOTE_EVERY);
    one_more(&house).await;
    // A batch begins when the note of the one before has found its place.
    one_more(&house).await;
    assert_eq!(notary.sizes().len(), before, "it is left alone for a while");
    pass(&house, NOTE_EVERY + WITNESS_REST);
    one_more(&house).await;
    house.kernel.barrier().await.unwrap();
    one_more(&house).await;
    assert_eq!(named(&house.records().await, "host.witness-works").len(), 1);
    let house = house.reopen();
    let verified = verified(&house, &notary);
    assert_eq!(verified.problem, None, "the notes that it has are all true");
}

#[tokio::test]
async fn a_second_place_that_panics_is_recorded_and_everything_goes_on() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    notary.set_panicking(true);
    pass(&house, NOTE_EVERY);
    one_more(&house).await;
    house.kernel.barrier().await.unwrap();
    one_more(&house).await;
    assert_eq!(house.kernel.failure(), None);
    assert_eq!(named(&house.records().await, "host.witness-failed").len(), 1);
}

#[tokio::test]
async fn a_second_place_that_is_slow_does_not_hold_up_every_batch_and_gets_the_newest_head() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    let world = Arc::clone(&house.world);
    notary.set_meanwhile(move || world.pass(WITNESS_SLOW.as_nanos() as u64));
    pass(&house, NOTE_EVERY);
    one_more(&house).await;
    one_more(&house).await;
    let before = notary.sizes();
    let mut size = 0;
    for _ in 0..5 {
        pass(&house, NOTE_EVERY);
        size = one_more(&house).await;
    }
    one_more(&house).await;
    assert_eq!(notary.sizes(), before, "each note holds up what comes after it");
    pass(&house, WITNESS_REST);
    let due = one_more(&house).await;
    one_more(&house).await;
    let new = notary.sizes()[before.len()..].to_vec();
    assert_eq!(new.len(), 1, "{new:?}");
    assert!((size..=due).contains(&new[0]), "{new:?} is not the newest");
    let records = house.records().await;
    assert!(named(&records, "host.witness-failed").is_empty(), "it is slow, and does not fail");
}

#[tokio::test]
async fn the_last_head_reaches_a_second_place_that_works_again_before_the_host_ends() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    notary.set_failing(true);
    pass(&house, NOTE_EVERY);
    one_more(&house).await;
    house.kernel.barrier().await.unwrap();
    let size = one_more(&house).await;
    notary.set_failing(false);
    // No rest is over yet.
    house.kernel.shutdown();
    assert!(notary.sizes().last().is_some_and(|seen| *seen >= size), "{:?} lacks {size}", notary.sizes());
    let house = house.reopen();
    let records = house.records().await;
    assert_eq!(named(&records, "host.witness-works").len(), 1);
    assert!(named(&records, "host.adopted").is_empty(), "a clean close leaves nothing unsigned");
}

#[tokio::test]
async fn a_head_that_waits_is_brought_after_the_rest_although_nothing_happens() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    notary.set_failing(true);
    pass(&house, NOTE_EVERY);
    let size = one_more(&house).await;
    house.kernel.barrier().await.unwrap();
    notary.set_failing(false);
    pass(&house, NOTE_EVERY + WITNESS_REST);
    // The committer looks once a second by itself.
    let brought = async {
        while notary.sizes().last().is_none_or(|seen| *seen < size) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), brought).await.expect("it waits for more records");
}

#[tokio::test]
async fn records_that_a_host_finds_unsigned_are_named_when_it_adopts_them() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    let size = one_more(&house).await;
    let signed = *stored(&house, &notary).last().unwrap();
    assert!(signed < size);
    let house = house.crash(Tear::None);
    let records = house.records().await;
    let adopted = named(&records, "host.adopted");
    assert_eq!(adopted.len(), 1);
    let range = format!("{signed} to {}", size - 1);
    assert!(adopted[0].detail.as_deref().is_some_and(|detail| detail.contains(&range)), "{adopted:?} {range}");
    let house = house.reopen();
    assert_eq!(named(&house.records().await, "host.adopted").len(), 1, "a clean close leaves nothing unsigned");
    let house = house.reopen();
    let verified = verified(&house, &notary);
    assert_eq!(verified.problem, None);
    // They may have been replaced before they were signed, whatever the witness has seen afterwards.
    let told = verified.cannot_exclude.join("\n");
    assert!(told.contains(&range) && told.contains("before a host signed them"), "{told}");
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_recorded_once_and_everything_goes_on() {
    let (house, notary) = house(false);
    house.kernel.barrier().await.unwrap();
    notary.set_mute(true);
    let mut line = house.line();
    for _ in 0..3 {
        pass(&house, NOTE_EVERY);
        assert_eq!(words(&house.run(&mut line, write("1")).await), "done");
    }
    let house = house.reopen();
    let records = house.records().await;
    let failed = named(&records, "host.witness-failed");
    assert!(!failed.is_empty() && failed.len() <= 2, "once a start: {failed:?}");
    assert!(matches!(&failed[0].outcome, Outcome::Failed(why) if why.contains("cannot be signed")), "{failed:?}");
}

#[tokio::test]
async fn under_strict_notes_whatever_is_durable_is_in_the_second_place() {
    let (house, notary) = house(true);
    let mut line = house.line();
    for number in 0..5 {
        assert_eq!(words(&house.run(&mut line, write(&number.to_string())).await), "done");
        let size = house.records().await.len() as u64;
        assert_eq!(notary.sizes().last(), Some(&size));
    }
    // The store keeps one a second.
    assert!(stored(&house, &notary).len() <= 2, "{:?}", stored(&house, &notary));
    assert_eq!(verified(&house, &notary).problem, None);
}

/// The second place, or the key, of a strict host fails.
async fn check_strict(fail: impl Fn(&SimNotary, bool), says: &str) {
    let (house, notary) = house(true);
    let mut line = house.line();
    house.kernel.barrier().await.unwrap();
    house.world.forget();
    fail(&notary, true);
    let ended = house.run(&mut line, write("1")).await;
    assert!(matches!(ended, Err(Stop::Host(_))), "{ended:?}");
    let why = house.kernel.failure().expect("it has stopped");
    assert!(why.contains(says) && why.contains("strict"), "{why}");
    assert_eq!(house.world.done(), [""; 0], "an effect began whose intent nobody witnessed");
    for call in Call::examples() {
        let ended = house.run(&mut line, call.clone()).await;
        assert!(matches!(ended, Err(Stop::Host(_))), "{}: {ended:?}", call.operation());
    }
    assert!(house.kernel.barrier().await.is_err());
    house.kernel.stopped().await;
    fail(&notary, false);
    let call = line.call();
    drop(line);
    let house = house.reopen();
    let mut line = house.resume(call).await;
    assert_eq!(words(&house.run(&mut line, write("1")).await), "done");
    assert_eq!(house.world.count("fs.write fs:workspace/a 1"), 1);
    assert_eq!(verified(&house, &notary).problem, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_place_that_fails_stops_a_strict_host_before_any_effect() {
    check_strict(SimNotary::set_failing, SECOND_PLACE_GONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_cannot_be_used_stops_a_strict_host_before_any_effect() {
    check_strict(SimNotary::set_mute, "no card in the reader").await;
}

#[tokio::test]
async fn another_key_and_none_are_recorded_and_shown() {
    let (house, old) = house(false);
    house.kernel.barrier().await.unwrap();
    house.kernel.shutdown();
    let House { world, disk, kernel, .. } = house;
    drop(kernel);
    let new = Arc::new(SimNotary::new(2, false));
    let house = House::open_signed(world, disk, Some(Arc::clone(&new))).unwrap();
    let house = house.reopen();
    let keys: Vec<String> = verified(&house, &new).keys.into_iter().map(|change| change.key).collect();
    assert_eq!(keys, [old.key().to_string(), new.key().to_string()]);
    assert_eq!(verified(&house, &new).problem, None, "notes of the key before are good for their time");
    // Who only knows the key before is told.
    let problem = verified(&house, &old).problem.expect("another key is found");
    assert!(problem.what.contains(&new.key().to_string()), "{problem:?}");

    house.kernel.shutdown();
    let House { world, disk, kernel, .. } = house;
    drop(kernel);
    let house = House::open_signed(world, disk, None).unwrap();
    assert_eq!(named(&house.records().await, "host.unsigned").len(), 1);
}

#[tokio::test]
async fn a_host_without_a_notary_signs_nothing_and_says_nothing() {
    let house = House::new(&[]);
    let records = house.records().await;
    assert!(
        records.iter().all(|record| !record.operation.starts_with("host.key") && record.operation != "host.unsigned")
    );
    assert_eq!(house.snapshot().notes().unwrap(), []);
}
