//! Stores of older formats: `fixtures/store-1.txt` is one of format 1 that a real host wrote, a row a line, in hexadecimal.

#![expect(clippy::disallowed_methods, reason = "a test looks at the files of a store, and starts what it awaits")]

use crate::sim::{MOUNT, SimStorage, SimWorld, Tear, Trouble, done};
use libos_kernel::kernel::audit::verify;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Kernel, Options, Reaction};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::id::{CallId, Digest, QuestionId};
use libos_kernel::model::row::EffectState;
use libos_kernel::model::time::Time;
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::{Directory, Storage};
use libos_kernel::store::reader::Snapshot;
use libos_kernel::store::table::{FORMAT, Table, meta};
use libos_kernel::store::writer::Writer;
use libos_kernel::syscall::Line;
use redb::TableDefinition;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

const STORE_1: &str = include_str!("fixtures/store-1.txt");

/// Bytes in hexadecimal; `(61*70000)` is so many of one.
fn bytes(text: &str) -> Vec<u8> {
    let byte = |digits: &str| u8::from_str_radix(digits, 16).unwrap();
    let (mut found, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some((run, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            let (digits, times) = run.split_once('*').unwrap();
            found.resize(found.len() + times.parse::<usize>().unwrap(), byte(digits));
            rest = after;
        } else {
            found.push(byte(&rest[..2]));
            rest = &rest[2..];
        }
    }
    found
}

/// Writes the store of the fixture.
pub fn furnish(storage: &dyn Storage) {
    let database = storage.open().unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = "";
    for line in STORE_1.lines() {
        let mut words = line.split(' ');
        match words.next().unwrap() {
            "table" => table = words.next().unwrap(),
            "file" => {
                let digest: Digest = bytes(words.next().unwrap()).try_into().unwrap();
                storage.put_file(&digest, &bytes(words.next().unwrap())).unwrap();
            }
            key => {
                let mut open = transaction.open_table(TableDefinition::<&[u8], &[u8]>::new(table)).unwrap();
                open.insert(bytes(key).as_slice(), bytes(words.next().unwrap()).as_slice()).unwrap();
            }
        }
    }
    transaction.commit().unwrap();
}

/// An empty directory for one test.
pub fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A kernel over a store, in a world where nothing is.
pub fn kernel(storage: Arc<dyn Storage>) -> Arc<Kernel> {
    let world = Arc::new(SimWorld::new(MOUNT, SimStorage::default()));
    Kernel::open(Options::new(storage, world)).unwrap()
}

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// What people can see of a store, but for the log.
fn rows(snapshot: &Snapshot) -> Rows {
    let mut rows = Rows::new();
    for table in Table::ALL.into_iter().filter(|table| ![Table::Log, Table::Tree].contains(table)) {
        snapshot
            .scan(table, &[], |key, value| {
                rows.insert((table, key.to_vec()), value);
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
    }
    rows
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

#[test]
fn a_store_of_format_1_becomes_one_of_now_with_all_that_was_in_it() {
    let path = directory("upgrade-all");
    let storage = Directory::new(&path);
    furnish(&storage);
    let file = std::fs::read(path.join("store.redb")).unwrap();
    let old = Snapshot::of_directory(&storage).expect("a reader reads an older store as it is");
    assert_eq!(old.format(), Ok(Some(1)));
    let (old_rows, old_records) = (rows(&old), records(&old));
    let ended = View(&old).processes().unwrap().into_iter().filter(|row| row.state.is_final());
    let ended: Vec<_> = ended.map(|row| row.pid).collect();
    assert!(ended.len() > 5 && View(&old).objects("shared/").unwrap().len() == 2);
    drop(old);

    drop(Writer::open(Arc::new(storage.clone()), Time(7), || unreachable!()).unwrap());
    assert!(std::fs::read(path.join("store-format-1.redb")).unwrap() == file, "the copy is not what was there");
    let new = Snapshot::of_directory(&storage).unwrap();
    assert_eq!(new.format(), Ok(Some(FORMAT)));
    assert_eq!(verify(&new).unwrap().problem, None);
    let new_records = records(&new);
    assert_eq!(new_records[..old_records.len()], old_records[..]);
    assert_eq!(new_records.len(), old_records.len() + 1);
    let mut said = None;
    View(&new)
        .records(old_records.len() as u64, |record| {
            said = Some((record.operation, record.time));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(said, Some(("host.upgrade".to_owned(), Time(7))));
    let (mut old_rows, mut new_rows) = (old_rows, rows(&new));
    for key in [meta::FORMAT, meta::FRONTIER] {
        let place = (Table::Meta, key.to_vec());
        assert!(old_rows.remove(&place) != new_rows.remove(&place));
    }
    for pid in ended {
        let row = View(&new).process(pid).unwrap().unwrap();
        assert!(row.ended.is_some_and(|end| end > row.created), "{row:?}");
        let place = (Table::Process, libos_kernel::store::table::ended(pid.0));
        assert!(old_rows.remove(&place).is_some() && new_rows.remove(&place).is_some());
    }
    assert!(old_rows == new_rows, "a row was changed");
    // A second start has nothing to do.
    drop(Writer::open(Arc::new(storage.clone()), Time(8), || unreachable!()).unwrap());
    assert_eq!(records(&Snapshot::of_directory(&storage).unwrap()).len(), new_records.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_parked_in_format_1_goes_on() {
    let storage = SimStorage::default();
    furnish(&storage);
    let kernel = kernel(Arc::new(storage));
    kernel.answer(QuestionId(3), Reaction::Tell { text: "dos".into() }).unwrap();
    let mut line = Line::new(Arc::clone(&kernel), &kernel.resume_call(CallId(3)).await.unwrap());
    for (question, answer) in [("One?", "uno"), ("Two?", "dos")] {
        let asked = line.run(Call::HumanAsk { question: question.into(), queue: None }).await;
        assert_eq!(done(&asked), &Reply::Text(answer.into()));
    }
    let snapshot = kernel.snapshot().unwrap();
    let unknown = View(&snapshot).effects().unwrap();
    assert!(!unknown.is_empty() && unknown.iter().all(|row| row.state == EffectState::Unknown));
    assert_eq!(View(&snapshot).questions(true).unwrap().len(), 3);
}

/// The power goes at this operation of the disk while the store is upgraded. False if the upgrade has fewer.
fn check_cut(number: u64, tear: Tear) -> bool {
    let storage = SimStorage::default();
    furnish(&storage);
    let before = look(&storage).0;
    storage.trouble_at(number, Trouble::Cut);
    let upgraded = Writer::open(Arc::new(storage.clone()), Time(7), || unreachable!()).map(drop);
    let cut = storage.is_cut();
    storage.cut();
    storage.recover(tear);
    let (format, records) = {
        let (records, format) = look(&storage);
        (format, records)
    };
    match format {
        Some(1) => assert_eq!(records, before, "{number}"),
        Some(FORMAT) => assert_eq!(records, before + 1, "{number}"),
        other => panic!("the store is of format {other:?}, {number}"),
    }
    assert!(upgraded.is_err() || format == Some(FORMAT), "it said that it was done, {number}");
    drop(Writer::open(Arc::new(storage.clone()), Time(8), || unreachable!()).unwrap());
    assert_eq!(look(&storage), (before + 1, Some(FORMAT)), "{number}");
    cut
}

/// How many records there are, in order, and the format.
fn look(storage: &SimStorage) -> (u64, Option<u32>) {
    let database = storage.open().unwrap();
    let snapshot = Snapshot::of(&database, Arc::new(storage.clone())).unwrap();
    let verified = verify(&snapshot).unwrap();
    assert_eq!(verified.problem, None);
    (verified.records, snapshot.format().unwrap())
}

#[test]
fn killed_at_any_operation_an_upgrade_leaves_the_old_store_or_the_new() {
    let mut number = 1;
    while check_cut(number, [Tear::None, Tear::All, Tear::Some(number)][number as usize % 3]) {
        number += 1;
    }
    assert!(number > 5, "an upgrade has only {number} operations");
}

#[test]
fn an_upgrade_that_was_killed_over_its_copy_is_done_by_the_next_start() {
    let path = directory("upgrade-killed");
    let storage = Directory::new(&path);
    furnish(&storage);
    let file = std::fs::read(path.join("store.redb")).unwrap();
    // What a killed one leaves: half a copy under a name of its own; then a whole one, and the store as it was.
    std::fs::write(path.join(format!("store-format-1.new-{}", std::process::id())), b"half").unwrap();
    std::fs::write(path.join("store-format-1.redb"), &file).unwrap();
    drop(Writer::open(Arc::new(storage.clone()), Time(7), || unreachable!()).unwrap());
    assert!(std::fs::read(path.join("store-format-1.redb")).unwrap() == file);
    assert!(!path.join("store-format-1-2.redb").exists());
    assert_eq!(Snapshot::of_directory(&storage).unwrap().format(), Ok(Some(FORMAT)));
}

#[test]
fn a_copy_that_is_there_is_not_overwritten_by_another_one() {
    let path = directory("upgrade-twice");
    let storage = Directory::new(&path);
    furnish(&storage);
    let file = std::fs::read(path.join("store.redb")).unwrap();
    std::fs::write(path.join("store-format-1.redb"), b"of an earlier day").unwrap();
    drop(Writer::open(Arc::new(storage), Time(7), || unreachable!()).unwrap());
    assert_eq!(std::fs::read(path.join("store-format-1.redb")).unwrap(), b"of an earlier day");
    assert!(std::fs::read(path.join("store-format-1-2.redb")).unwrap() == file);
}

#[test]
fn an_upgrade_that_cannot_be_leaves_no_copy_however_often_it_is_tried() {
    let path = directory("upgrade-damaged");
    let storage = Directory::new(&path);
    furnish(&storage);
    let database = storage.open().unwrap();
    let transaction = database.begin_write().unwrap();
    let key = libos_kernel::store::table::ended(99);
    let definition = TableDefinition::<&[u8], &[u8]>::new(Table::Process.name());
    let mut table = transaction.open_table(definition).unwrap();
    table.insert(key.as_slice(), b"\0no row".as_slice()).unwrap();
    drop(table);
    transaction.commit().unwrap();
    drop(database);
    for _ in 0..3 {
        let failed = Writer::open(Arc::new(storage.clone()), Time(7), || unreachable!()).err();
        assert!(matches!(failed, Some(StoreError::Damaged(_))), "{failed:?}");
    }
    assert!(!path.join("store-format-1.redb").exists());
}

#[test]
fn a_copy_of_the_same_log_is_enough() {
    let path = directory("upgrade-again");
    let storage = Directory::new(&path);
    furnish(&storage);
    std::fs::copy(path.join("store.redb"), path.join("store-format-1.redb")).unwrap();
    // As an upgrade does that could not be written to its end.
    storage.open().unwrap().begin_write().unwrap().commit().unwrap();
    let bytes = |name: &str| std::fs::read(path.join(name)).unwrap();
    assert!(bytes("store.redb") != bytes("store-format-1.redb"));
    drop(Writer::open(Arc::new(storage), Time(7), || unreachable!()).unwrap());
    assert!(!path.join("store-format-1-2.redb").exists());
}

#[test]
fn a_store_that_somebody_has_open_is_not_upgraded() {
    let path = directory("upgrade-busy");
    let storage = Directory::new(&path);
    furnish(&storage);
    let theirs = storage.open().unwrap();
    assert_eq!(Writer::open(Arc::new(storage.clone()), Time(7), || unreachable!()).err(), Some(StoreError::Busy));
    drop(theirs);
    assert!(!path.join("store-format-1.redb").exists());
}
