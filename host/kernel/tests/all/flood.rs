//! Floods: equal events of one call are counted, not listed, and the counts add up.

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{Clerk, House, MOUNT, Tear, words};
use libos_kernel::kernel::audit::verify;
use libos_kernel::model::call::{Call, Level, WriteMode};
use libos_kernel::model::limit;
use libos_kernel::model::record::{Outcome, Record};
use libos_kernel::syscall::Line;

/// As many as a call may make.
const FLOOD: u32 = limit::IMPORTS_MAX;
/// Records that a flood of one kind may leave: the first, and one each time the count has doubled.
const ONE_KIND: usize = 12;

fn write(name: &str) -> Call {
    Call::FsWrite { path: name.into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace }
}

/// A house in which only reading is allowed.
fn house() -> House {
    let house = House::new(&["allow read fs:workspace/**", "allow read object:**"]);
    house.world.put_file(&format!("{MOUNT}/a"), b"there");
    house
}

/// Makes so many system calls.
async fn flood(house: &House, line: &mut Line, count: u32, want: &str, call: impl Fn(u32) -> Call) {
    for number in 0..count {
        let said = words(&line.run(call(number)).await);
        assert!(said.contains(want), "{number}: {said}");
    }
    let _ = house;
}

/// Ends the call; its records of this operation.
async fn ended(house: &House, line: &Line, operation: &str) -> Vec<Record> {
    house.kernel.end_call(line.call(), Ok("1".into())).unwrap();
    let all = house.records().await.into_iter();
    all.filter(|record| record.call == Some(line.call()) && record.operation == operation).collect()
}

fn sum(records: &[Record]) -> u64 {
    records.iter().map(|record| u64::from(record.count)).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_leaves_few_records_whose_counts_add_up() {
    let house = house();
    let mut line = house.line();
    flood(&house, &mut line, FLOOD, "denied", |_| write("a")).await;
    let records = ended(&house, &line, "fs.write").await;
    assert!(records.len() <= ONE_KIND, "{}", records.len());
    assert_eq!(sum(&records), u64::from(FLOOD));
    assert!(records.iter().all(|record| record.outcome == Outcome::Denied));
    assert_eq!(verify(&house.snapshot()).unwrap().problem, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_that_all_differ_are_told_apart_only_so_far() {
    let house = house();
    let mut line = house.line();
    flood(&house, &mut line, FLOOD, "denied", |number| write(&format!("f{number}"))).await;
    let records = ended(&house, &line, "fs.write").await;
    assert!(records.len() <= limit::FLOOD_KINDS_MAX + ONE_KIND, "{}", records.len());
    assert_eq!(sum(&records), u64::from(FLOOD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_make_no_sense_are_counted_too() {
    let house = house();
    let mut line = house.line();
    flood(&house, &mut line, FLOOD / 10, "invalid", |_| write("a\0b")).await;
    let records = ended(&house, &line, "fs.write").await;
    assert!(records.len() <= ONE_KIND, "{}", records.len());
    assert_eq!(sum(&records), u64::from(FLOOD / 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_observes_the_first_are_recorded_and_the_others_counted() {
    let house = house();
    let mut line = house.line();
    let count = 20_000;
    flood(&house, &mut line, count, "done", |_| Call::FsRead { path: "a".into() }).await;
    let records = ended(&house, &line, "fs.read").await;
    assert!(records.len() <= limit::OBSERVES_IN_FULL_MAX as usize + ONE_KIND, "{}", records.len());
    assert_eq!(sum(&records), u64::from(count));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_does_not_hide_what_else_was_seen() {
    let house = house();
    for number in 0..1_500 {
        house.world.put_file(&format!("{MOUNT}/d{number}"), b"x");
    }
    house.world.put_file(&format!("{MOUNT}/secret"), b"s");
    let mut line = house.line();
    flood(&house, &mut line, 3_000, "done", |number| Call::FsRead { path: format!("d{}", number % 1_500) }).await;
    flood(&house, &mut line, 1, "done", |_| Call::FsRead { path: "secret".into() }).await;
    let records = ended(&house, &line, "fs.read").await;
    assert!(records.iter().any(|record| record.resources == ["fs:workspace/secret"]));
    assert_eq!(sum(&records), 3_001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_the_log_are_counted_beyond_their_limit() {
    let house = house();
    let mut line = house.line();
    let count = 3_000;
    let log = |_| Call::LogWrite { level: Level::Info, message: "x".repeat(4_000) };
    flood(&house, &mut line, count, "done", log).await;
    let row = libos_kernel::kernel::view::View(&house.snapshot()).call(line.call()).unwrap();
    drop(row);
    let records = ended(&house, &line, "log.write").await;
    assert!(records.len() <= limit::OBSERVES_IN_FULL_MAX as usize + ONE_KIND, "{}", records.len());
    assert_eq!(sum(&records), u64::from(count));
    let snapshot = house.snapshot();
    let row = libos_kernel::kernel::view::View(&snapshot).call(line.call()).unwrap().unwrap();
    assert!(row.log_bytes <= limit::LOG_BYTES_MAX as u64 && row.log_dropped > 0);
    assert_eq!(row.log_bytes + row.log_dropped, u64::from(count) * 4_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_before_a_loss_of_power_says_that_it_is_at_least_so_many() {
    let house = house();
    let mut line = house.line();
    flood(&house, &mut line, 5_000, "denied", |_| write("a")).await;
    let call = line.call();
    house.kernel.barrier().await.unwrap();
    drop(line);
    let house = house.crash(Tear::None);
    let records: Vec<Record> = house.records_of_all(call, "fs.write").await;
    let counted = sum(&records);
    assert!((2_500..=5_000).contains(&counted), "{counted}");
    assert!(records.last().unwrap().detail.as_ref().unwrap().starts_with("4096 so far"), "{records:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_leaves_memory_in_order_loses_no_count() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    house.set_rules(&["allow sleep clock:sleep"]).unwrap();
    let mut line = house.line();
    flood(&house, &mut line, 100, "denied", |_| write("a")).await;
    let call = house.park(line, Call::ClockSleep { nanoseconds: 1_000_000_000 }).await;
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    assert_eq!(sum(&house.records_of_all(call, "fs.write").await), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_out_of_memory_keeps_no_counts_there() {
    let house = House::new(&["allow sleep clock:sleep"]);
    let mut line = house.line();
    let sleep = || Call::ClockSleep { nanoseconds: 1_000_000_000 };
    flood(&house, &mut line, 10, "denied", |_| write("a")).await;
    let call = house.park(line, sleep()).await;
    house.end_wait(call, &Clerk::default()).await.unwrap();
    let mut line = house.resume(call).await;
    flood(&house, &mut line, 10, "denied", |_| write("a")).await;
    assert_eq!(words(&house.run(&mut line, sleep()).await), "done");
    flood(&house, &mut line, 10, "denied", |_| write("a")).await;
    let counts: Vec<u32> = ended(&house, &line, "fs.write").await.iter().map(|record| record.count).collect();
    assert_eq!(counts, [1, 9, 1, 9], "what comes after is told by itself first");
}

impl House {
    /// The records of an operation of a call, those too that stand for many events.
    async fn records_of_all(&self, call: libos_kernel::model::id::CallId, operation: &str) -> Vec<Record> {
        let all = self.records().await.into_iter();
        all.filter(|record| record.call == Some(call) && record.operation == operation).collect()
    }
}
