//! The log shows what was done to it: the first record that is wrong is named, and what only somebody outside could find is found by
//! whoever has seen an earlier head.

use crate::sim::{House, SimStorage};
use libos_kernel::kernel::audit::Outside;
use libos_kernel::kernel::audit::{self, Verified};
use libos_kernel::model::call::Call;
use libos_kernel::model::tree::{self, Frontier};
use libos_kernel::store::disk::Storage;
use libos_kernel::store::reader::Snapshot;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use std::sync::Arc;

pub type Bytes = TableDefinition<'static, &'static [u8], &'static [u8]>;

pub const LOG: Bytes = TableDefinition::new("log");
pub const TREE: Bytes = TableDefinition::new("tree");
pub const META: Bytes = TableDefinition::new("meta");

/// Records in the log: a whole tile and a part of the next.
const RECORDS: u64 = 300;

/// A store whose rows can be changed behind the kernel's back.
pub struct Desk {
    database: Database,
    disk: SimStorage,
    pub log: Vec<Vec<u8>>,
}

/// A log of that many records, of a host that was closed.
async fn desk() -> Desk {
    let house = House::new(&[]);
    let mut line = house.line();
    while (house.records().await.len() as u64) < RECORDS {
        house.run(&mut line, Call::ClockNow).await.unwrap();
    }
    drop(line);
    let desk = Desk::of(house);
    assert_eq!(desk.log.len() as u64, RECORDS);
    desk
}

/// Rows of the log, changed.
#[derive(Clone)]
struct Forged(Vec<(u64, Option<Vec<u8>>)>);

impl Desk {
    /// What a house leaves that is closed.
    pub fn of(house: House) -> Desk {
        house.kernel.shutdown();
        let House { disk, kernel, .. } = house;
        drop(kernel);
        let database = disk.open().unwrap();
        let read = database.begin_read().unwrap().open_table(LOG).unwrap();
        let log = read.iter().unwrap().map(|row| row.unwrap().1.value().to_vec()).collect();
        drop(read);
        Desk { database, disk, log }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.database, Arc::new(self.disk.clone())).unwrap()
    }

    /// All rows of a table.
    pub fn rows(&self, table: Bytes) -> Vec<(Vec<u8>, Vec<u8>)> {
        let table = self.database.begin_read().unwrap().open_table(table).unwrap();
        let rows = table.iter().unwrap().map(Result::unwrap);
        rows.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())).collect()
    }

    pub fn verify_against(&self, outside: Outside<'_>) -> Result<Verified, String> {
        audit::verify_against(&self.snapshot(), outside, |_| {}).map_err(|error| error.to_string())
    }

    pub fn put(&self, table: Bytes, rows: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) {
        let mut transaction = self.database.begin_write().unwrap();
        transaction.set_durability(Durability::None).unwrap();
        {
            let mut table = transaction.open_table(table).unwrap();
            for (key, value) in rows {
                match value {
                    Some(value) => drop(table.insert(&*key, &*value).unwrap()),
                    None => drop(table.remove(&*key).unwrap()),
                }
            }
        }
        transaction.commit().unwrap();
    }

    pub fn get(&self, table: Bytes, key: &[u8]) -> Vec<u8> {
        let table = self.database.begin_read().unwrap().open_table(table).unwrap();
        table.get(key).unwrap().unwrap().value().to_vec()
    }

    fn verify(&self) -> Result<Verified, String> {
        audit::verify(&self.snapshot()).map_err(|error| error.to_string())
    }

    /// Changes rows of the log, verifies, and puts them back.
    fn with(&self, forged: &Forged) -> Result<Verified, String> {
        let key = |seq: &u64| seq.to_be_bytes().to_vec();
        self.put(LOG, forged.0.iter().map(|(seq, value)| (key(seq), value.clone())));
        let verified = self.verify();
        self.put(LOG, forged.0.iter().map(|(seq, _)| (key(seq), self.log.get(*seq as usize).cloned())));
        verified
    }

    /// The first wrong record that a check of this log names.
    #[track_caller]
    fn named(&self, what: &str, forged: Forged) -> u64 {
        match self.with(&forged) {
            Ok(Verified { problem: Some(problem), .. }) => problem.record.expect("a record"),
            other => panic!("{what} is not found: {other:?}"),
        }
    }

    /// The log as somebody would make it who also knows how its hashes are made: leaf, tiles and head fit.
    fn rewrite(&self, seq: u64, bytes: &[u8], tiles: bool, head: bool) {
        let forged = [&tree::leaf(bytes)[..], bytes].concat();
        self.put(LOG, [(seq.to_be_bytes().to_vec(), Some(forged.clone()))]);
        let mut frontier = Frontier::default();
        for (index, row) in self.log.iter().enumerate() {
            let row = if index as u64 == seq { &forged } else { row };
            let leaf = row.first_chunk::<32>().unwrap();
            if let Some(root) = frontier.push(*leaf)
                && tiles
            {
                self.put(TREE, [((index as u64 / tree::TILE).to_be_bytes().to_vec(), Some(root.to_vec()))]);
            }
        }
        if head {
            self.put(META, [(b"frontier".to_vec(), Some([&[0], &frontier.to_bytes()[..]].concat()))]);
        }
    }
}

#[tokio::test]
async fn a_log_as_it_was_written_has_no_problem() {
    let desk = desk().await;
    let verified = desk.verify().unwrap();
    assert_eq!((verified.records, verified.problem), (RECORDS, None));
}

#[tokio::test]
async fn a_changed_byte_anywhere_names_its_record() {
    let desk = desk().await;
    for seq in 0..RECORDS {
        let row = &desk.log[seq as usize];
        // One of the hash, the last of the record, and one within it; both wander.
        for at in [seq as usize % 32, row.len() - 1, 32 + seq as usize % (row.len() - 32)] {
            let mut forged = row.clone();
            forged[at] ^= 1 << (seq % 8);
            assert_eq!(desk.named("a changed byte", Forged(vec![(seq, Some(forged))])), seq, "byte {at}");
        }
    }
}

#[tokio::test]
async fn a_record_that_is_dropped_swapped_doubled_or_cut_is_named() {
    let desk = desk().await;
    let row = |seq: u64| Some(desk.log[seq as usize].clone());
    for seq in 0..RECORDS - 1 {
        assert_eq!(desk.named("a dropped record", Forged(vec![(seq, None)])), seq);
        let swapped = Forged(vec![(seq, row(seq + 1)), (seq + 1, row(seq))]);
        assert_eq!(desk.named("a swap", swapped), seq);
        assert_eq!(desk.named("a double", Forged(vec![(seq + 1, row(seq))])), seq + 1);
    }
    for seq in (0..RECORDS).step_by(17) {
        let mut longer = desk.log[seq as usize].clone();
        longer.push(0);
        assert_eq!(desk.named("a longer record", Forged(vec![(seq, Some(longer))])), seq);
    }
    assert_eq!(desk.named("one more", Forged(vec![(RECORDS, row(0))])), RECORDS);
    for short in [0, 1, 31, 32] {
        let cut = Forged(vec![(7, Some(desk.log[7][..short].to_vec()))]);
        let found = desk.with(&cut).map(|verified| verified.problem.map(|problem| problem.record.expect("a record")));
        let named = matches!(&found, Ok(Some(7))) || matches!(&found, Err(why) if why.contains("record 7"));
        assert!(named, "a record of {short} bytes: {found:?}");
    }
}

#[tokio::test]
async fn a_tail_that_is_cut_is_found_as_long_as_the_head_is_the_old_one() {
    let desk = desk().await;
    for left in (0..RECORDS).step_by(7).chain([255, 256, 257]) {
        let cut = Forged((left..RECORDS).map(|seq| (seq, None)).collect());
        assert_eq!(desk.named("a cut tail", cut), left);
    }
}

/// A record is replaced with its leaf's hash, and further with what is above it.
fn check_rewritten(desk: &Desk, seq: u64, tiles: bool, head: bool) {
    let before = desk.verify().unwrap();
    let kept = (desk.get(TREE, &0u64.to_be_bytes()), desk.get(META, b"frontier"));
    let (old, what) = (&desk.log[seq as usize][32..], format!("record {seq}, tiles {tiles}, head {head}"));
    let mut record = libos_kernel::store::reader::record(old).unwrap();
    record.detail = Some("never happened".into());
    desk.rewrite(seq, &libos_kernel::model::codec::to_bytes(&record), tiles, head);
    let verified = desk.verify().unwrap();
    match (&verified.problem, head) {
        (Some(problem), false) => {
            // The smallest whole subtree that holds it and whose hash is kept.
            let subtrees = [0..256, 256..288, 288..296, 296..300];
            let here = subtrees.into_iter().find(|subtree| subtree.contains(&seq)).unwrap();
            assert_eq!(problem.record.expect("a record"), here.start, "{what}: {problem:?}");
            assert!(problem.what.contains(&format!("to {}", here.end - 1)), "{what}: {problem:?}");
        }
        // All fits: only who has seen the head before can tell.
        (None, true) => assert_ne!(verified.root, before.root, "{what}"),
        other => panic!("{what}: {other:?}"),
    }
    desk.put(LOG, [(seq.to_be_bytes().to_vec(), Some(desk.log[seq as usize].clone()))]);
    desk.put(TREE, [(0u64.to_be_bytes().to_vec(), Some(kept.0))]);
    desk.put(META, [(b"frontier".to_vec(), Some(kept.1))]);
    assert_eq!(desk.verify().unwrap(), before);
}

#[tokio::test]
async fn a_record_that_is_replaced_with_its_hash_is_found_up_to_what_was_not_replaced_too() {
    let desk = desk().await;
    for seq in [0, 100, 255, 256, 290, 299] {
        for (tiles, head) in [(false, false), (true, false), (true, true)] {
            check_rewritten(&desk, seq, tiles, head);
        }
    }
}

#[tokio::test]
async fn a_head_or_a_tile_that_is_gone_or_changed_is_found() {
    let desk = desk().await;
    let head = desk.get(META, b"frontier");
    let tile = desk.get(TREE, &0u64.to_be_bytes());
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        Some(bytes)
    };
    let rows: [(Bytes, Vec<u8>, Option<Vec<u8>>); 5] = [
        (META, b"frontier".to_vec(), None),
        (META, b"frontier".to_vec(), flipped(&head)),
        (META, b"frontier".to_vec(), Some(head[..head.len() - 1].to_vec())),
        (TREE, 0u64.to_be_bytes().to_vec(), None),
        (TREE, 0u64.to_be_bytes().to_vec(), flipped(&tile)),
    ];
    for (table, key, value) in rows {
        let old = desk.get(table, &key);
        desk.put(table, [(key.clone(), value)]);
        let found = desk.verify();
        assert!(!matches!(&found, Ok(Verified { problem: None, .. })), "{} {key:?}", table);
        desk.put(table, [(key, Some(old))]);
    }
    assert_eq!(desk.verify().unwrap().problem, None);
}
