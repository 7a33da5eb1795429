//! Somebody who can write the store, and knows how everything in it is made, but has neither the key nor the second place: whatever
//! he does is found, or it is said that only a witness can find it, and then the witness finds it. And what is taken away as evidence
//! proves what it says.

use crate::audit::{Bytes, Desk, LOG, META, TREE};
use crate::sim::{House, SimNotary};
use libos_kernel::kernel::Notary;
use libos_kernel::kernel::audit::{self, Outside, Problem, Verified};
use libos_kernel::kernel::evidence::{self, NoEvidence};
use libos_kernel::model::call::Call;
use libos_kernel::model::codec::to_bytes;
use libos_kernel::model::limit::NOTE_EVERY;
use libos_kernel::model::note;
use libos_kernel::model::proof_file::ProofFile;
use libos_kernel::model::record::Record;
use libos_kernel::model::tree::{self, Frontier, TILE};
use libos_kernel::model::witness;
use libos_kernel::store::reader::{StoredRecord, record};
use redb::TableDefinition;
use std::collections::BTreeMap;
use std::sync::Arc;

const NOTE: Bytes = TableDefinition::new("note");
/// Records of the log: a whole tile and a part of the next, when all of it is wanted; fewer where everything is tried.
const RECORDS: u64 = 300;
const FEW: u64 = 200;
/// Records between two notes.
const STEP: u64 = 70;

/// A signed log whose rows can be changed, and the second place.
struct Scene {
    desk: Desk,
    notary: Arc<SimNotary>,
    notes: Vec<(Vec<u8>, Vec<u8>)>,
}

async fn scene(records: u64) -> Scene {
    scene_with(records, STEP).await
}

async fn scene_with(records: u64, step: u64) -> Scene {
    let notary = Arc::new(SimNotary::new(1, false));
    let house = House::signed(&[], Some(Arc::clone(&notary)));
    let mut line = house.line();
    let mut size = 0;
    while size < records {
        if size / step != (size + 1) / step {
            house.world.pass(NOTE_EVERY.as_nanos() as u64);
        }
        house.run(&mut line, Call::ClockNow).await.unwrap();
        size = house.records().await.len() as u64;
    }
    drop(line);
    let desk = Desk::of(house);
    let notes = desk.rows(NOTE);
    assert!(notes.len() as u64 >= records / step, "there are {} notes", notes.len());
    Scene { desk, notary, notes }
}

/// Which notes the attacker leaves in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notes {
    All,
    /// Those that cover no record from this one on.
    Before(u64),
}

impl Scene {
    fn outside<'w>(&self, file: &'w str, with_witness: bool) -> Outside<'w> {
        let witness = with_witness.then(|| witness::read(file.as_bytes()).notes);
        Outside { key: Some(self.notary.key().clone()), witness }
    }

    /// What a check finds that knows the key, and with or without the second place.
    fn verified(&self, with_witness: bool) -> Result<Verified, String> {
        self.desk.verify_against(self.outside(&self.notary.file(), with_witness))
    }

    fn records(&self) -> Vec<Record> {
        self.desk.log.iter().map(|row| record(&row[32..]).unwrap()).collect()
    }

    /// Writes this log as the kernel would have: numbers, leaves, tiles and head fit. Only what is signed he cannot make.
    fn write(&self, records: &[Record], notes: Notes) {
        let mut frontier = Frontier::default();
        let (mut rows, mut tiles) = (BTreeMap::new(), Vec::new());
        for (seq, record) in (0u64..).zip(records) {
            let bytes = to_bytes(&Record { seq, ..record.clone() });
            let leaf = tree::leaf(&bytes);
            rows.insert(seq.to_be_bytes().to_vec(), Some([&leaf[..], &bytes].concat()));
            if let Some(root) = frontier.push(leaf) {
                tiles.push(((seq / TILE).to_be_bytes().to_vec(), Some(root.to_vec())));
            }
        }
        for (key, old) in self.desk.rows(LOG) {
            match rows.get(&key) {
                Some(Some(new)) if *new == old => drop(rows.remove(&key)),
                Some(_) => {}
                None => drop(rows.insert(key, None)),
            }
        }
        self.desk.put(LOG, rows);
        let old = self.desk.rows(TREE).into_iter().map(|(key, _)| (key, None));
        self.desk.put(TREE, old.chain(tiles));
        self.desk.put(META, [(b"frontier".to_vec(), Some([&[0], &frontier.to_bytes()[..]].concat()))]);
        let covers = |key: &[u8]| u64::from_be_bytes(key.try_into().unwrap());
        let kept = |key: &[u8]| match notes {
            Notes::All => true,
            Notes::Before(record) => covers(key) <= record,
        };
        let rows = self.notes.iter().map(|(key, value)| (key.clone(), kept(key).then(|| value.clone())));
        self.desk.put(NOTE, rows);
    }

    /// The size of the last note that is true of a log that was changed from this record on.
    fn last_true(&self, record: u64) -> u64 {
        self.notary.sizes().into_iter().filter(|size| *size <= record).max().unwrap_or(0)
    }

    /// A log that was changed from `first` on, every way that its notes can be left.
    #[track_caller]
    fn check(&self, what: &str, first: u64, records: &[Record]) {
        self.write(records, Notes::All);
        let problem = self.named(what, false);
        assert!(
            (self.last_true(first)..=first).contains(&problem.record.unwrap_or(0)),
            "{what} at {first}: {problem:?}"
        );

        self.write(records, Notes::Before(first));
        let verified = self.verified(false).unwrap();
        match verified.problem {
            // The record of the key, or all that it signed, is gone.
            Some(problem) => assert!(problem.record.unwrap_or(0) <= first, "{what} at {first}: {problem:?}"),
            None => {
                let told = verified.cannot_exclude.join("\n");
                assert!(told.contains("without a witness"), "{what} at {first}: {told}");
                assert!(verified.signed <= first, "{what} at {first}: it is said to be signed");
            }
        }
        let problem = self.named(what, true);
        assert!(
            (self.last_true(first)..=first).contains(&problem.record.unwrap_or(0)),
            "{what} at {first}: {problem:?}"
        );
    }

    #[track_caller]
    fn named(&self, what: &str, with_witness: bool) -> Problem {
        match self.verified(with_witness) {
            Ok(Verified { problem: Some(problem), .. }) => problem,
            other => panic!("{what} is not found, witness {with_witness}: {other:?}"),
        }
    }

    fn restore(&self) {
        self.write(&self.records(), Notes::All);
        assert_eq!(self.verified(true).unwrap().problem, None);
    }
}

#[tokio::test]
async fn a_signed_log_as_it_was_written_has_no_problem() {
    let scene = scene(RECORDS).await;
    for with_witness in [false, true] {
        let verified = scene.verified(with_witness).unwrap();
        assert_eq!((verified.records, verified.signed), (RECORDS, RECORDS), "the close signs the last head");
        assert_eq!((verified.problem, verified.notes), (None, scene.notes.len() as u64));
        assert_eq!(verified.cannot_exclude.is_empty(), with_witness, "{:?}", verified.cannot_exclude);
    }
    scene.restore();
    let without_key = scene.desk.verify_against(Outside::default()).unwrap();
    assert!(without_key.cannot_exclude.iter().any(|told| told.contains("the one that the store names")));
}

#[tokio::test]
async fn every_byte_of_the_hashes_the_head_and_the_notes_counts() {
    let scene = scene_with(RECORDS, RECORDS).await;
    for table in [TREE, NOTE] {
        for (key, value) in scene.desk.rows(table) {
            for at in 0..value.len() {
                let mut forged = value.clone();
                forged[at] ^= 1 << (at % 8);
                scene.desk.put(table, [(key.clone(), Some(forged))]);
                let found = scene.verified(false);
                assert!(!matches!(&found, Ok(Verified { problem: None, .. })), "{table} {key:?} byte {at}");
            }
            scene.desk.put(table, [(key, Some(value))]);
        }
    }
    let head = scene.desk.get(META, b"frontier");
    for at in 0..head.len() {
        let mut forged = head.clone();
        forged[at] ^= 1;
        scene.desk.put(META, [(b"frontier".to_vec(), Some(forged))]);
        assert!(!matches!(scene.verified(false), Ok(Verified { problem: None, .. })), "byte {at} of the head");
    }
    scene.restore();
}

#[tokio::test]
async fn every_byte_of_every_record_counts() {
    let scene = scene_with(FEW, FEW).await;
    // The check of one record, for each byte and each bit of it, with its hash.
    for (seq, row) in (0u64..).zip(&scene.desk.log) {
        for bit in 0..row.len() * 8 {
            let mut forged = row.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let (leaf, bytes) = forged.split_first_chunk::<32>().unwrap();
            let stored = StoredRecord { leaf: *leaf, bytes: bytes.to_vec() };
            assert_eq!(audit::check_record(seq, seq, &stored).unwrap_err().0, seq, "bit {bit}");
        }
    }
    for seq in 0..FEW {
        let key = seq.to_be_bytes().to_vec();
        let row = &scene.desk.log[seq as usize];
        // And the check of the whole log: of one record in twenty all bytes are tried, and of the others one in twenty: which, wanders.
        let step = if seq % 20 == 0 { 1 } else { 20 };
        for at in (seq as usize % step..row.len()).step_by(step) {
            let mut forged = row.clone();
            forged[at] ^= 1 << (at % 8);
            scene.desk.put(LOG, [(key.clone(), Some(forged))]);
            let problem = scene.named("a changed byte", false);
            assert_eq!(problem.record.unwrap_or(0), seq, "byte {at}: {problem:?}");
        }
        scene.desk.put(LOG, [(key, Some(row.clone()))]);
    }
    scene.restore();
}

#[tokio::test]
async fn a_log_that_was_made_anew_from_any_record_on_is_found() {
    let scene = scene(FEW).await;
    let records = scene.records();
    for at in 0..records.len() {
        let mut dropped = records.clone();
        dropped.remove(at);
        scene.check("a dropped record", at as u64, &dropped);
        let mut doubled = records.clone();
        doubled.insert(at, records[at].clone());
        if at + 1 < records.len() {
            scene.check("a doubled record", at as u64 + 1, &doubled);
        } else {
            // What comes after the last signed head the host could have written as well.
            scene.write(&doubled, Notes::All);
            let told = scene.verified(true).unwrap().cannot_exclude;
            assert!(told.iter().any(|told| told.contains("records from 200 on are in no signed head")), "{told:?}");
        }
        let mut changed = records.clone();
        changed[at].duration ^= 1;
        scene.check("a changed record", at as u64, &changed);
        // Two that are alike but for their number are the same log when they are swapped.
        let alike = |a: &Record, b: &Record| Record { seq: 0, ..a.clone() } == Record { seq: 0, ..b.clone() };
        if let Some(next) = records.get(at + 1).filter(|next| !alike(next, &records[at])) {
            let mut swapped = records.clone();
            swapped[at] = next.clone();
            swapped[at + 1] = records[at].clone();
            scene.check("a swap", at as u64, &swapped);
        }
    }
    scene.restore();
}

#[tokio::test]
async fn a_tail_that_is_cut_with_its_head_and_its_notes_is_found_by_the_witness() {
    let scene = scene(FEW).await;
    let records = scene.records();
    for left in 0..records.len() {
        // The head is that of the shorter log; a signed head of a longer one is still there.
        scene.write(&records[..left], Notes::All);
        scene.named("a cut tail with its head", false);
        // All is as it was at some earlier time, as in an older copy of the directory.
        scene.write(&records[..left], Notes::Before(left as u64));
        let verified = scene.verified(false).unwrap();
        let said = verified.problem.is_some() || verified.cannot_exclude.iter().any(|told| told.contains("older copy"));
        assert!(said, "{left}: {verified:?}");
        let problem = scene.named("an older copy", true);
        assert!(problem.record.unwrap_or(0) <= left as u64, "{left}: {problem:?}");
        assert!(problem.what.contains("older copy") || problem.what.contains("cut off") || left == 0, "{problem:?}");
    }
    scene.restore();
}

#[tokio::test]
async fn somebody_with_a_key_of_his_own_is_found_as_soon_as_the_true_key_is_known() {
    let scene = scene(FEW).await;
    let his = Arc::new(SimNotary::new(66, false));
    let mut records = scene.records();
    let named = records.iter().position(|record| record.operation == "host.key").unwrap();
    records[named].detail = Some(his.key().to_string());
    records[100].detail = Some("never happened".into());
    scene.write(&records, Notes::Before(0));
    scene.desk.put(META, [(b"notary".to_vec(), Some([&[0], his.key().to_string().as_bytes()].concat()))]);
    let mut frontier = Frontier::default();
    for (key, row) in scene.desk.rows(LOG) {
        frontier.push(*row.first_chunk::<32>().unwrap());
        let size = u64::from_be_bytes(key.try_into().unwrap()) + 1;
        if scene.notary.sizes().contains(&size) {
            let head = note::Checkpoint { origin: his.key().name().into(), size, root: frontier.root() }.text();
            let note = his.key().note(&head, &his.sign(&head).unwrap());
            scene.desk.put(NOTE, [(size.to_be_bytes().to_vec(), Some([&[0], note.as_bytes()].concat()))]);
        }
    }
    let fooled = scene.desk.verify_against(Outside::default()).unwrap();
    assert_eq!(fooled.problem, None, "by itself it is a fine log");
    assert!(fooled.cannot_exclude.iter().any(|told| told.contains("the one that the store names")), "{fooled:?}");
    assert!(scene.named("another key", false).what.contains(&scene.notary.key().to_string()));
    // The second place by itself knows too.
    let file = scene.notary.file();
    let outside = Outside { key: None, witness: Some(witness::read(file.as_bytes()).notes) };
    let problem = scene.desk.verify_against(outside).unwrap().problem;
    assert!(problem.is_some_and(|problem| problem.what.contains("no signed head of this log")));
}

#[tokio::test]
async fn notes_of_others_in_the_second_place_prove_nothing() {
    let scene = scene(FEW).await;
    let other = SimNotary::new(9, false);
    let key = scene.notary.key();
    // Of another log, and one that says it is of this one.
    let mut file = scene.notary.file();
    for origin in [other.key().name(), key.name()] {
        let head = note::Checkpoint { origin: origin.into(), size: FEW + 50, root: [1; 32] }.text();
        file.push_str(&other.key().note(&head, &other.sign(&head).unwrap()));
        file.push_str(&key.note(&head, &other.sign(&head).unwrap()));
    }
    file.push_str("not a note\n");
    let verified = scene.desk.verify_against(scene.outside(&file, true)).unwrap();
    assert_eq!(verified.problem, None);
    let seen = verified.witness.unwrap();
    assert_eq!((seen.newest, seen.passed_over), (FEW, 4));
    // A file that holds nothing of this log is no witness.
    let verified = scene.desk.verify_against(scene.outside("", true)).unwrap();
    assert!(verified.problem.is_some_and(|problem| problem.what.contains("no signed head")));
}

#[tokio::test]
async fn the_proof_of_every_record_is_good_and_a_changed_log_gives_none() {
    let scene = scene(RECORDS).await;
    let snapshot = scene.desk.snapshot();
    for seq in 0..RECORDS {
        let file = evidence::prove(&snapshot, seq).unwrap();
        let read = ProofFile::parse(&file.text()).unwrap();
        assert_eq!(read.check(scene.notary.key()).unwrap().size, RECORDS);
        assert_eq!(record(&read.record).unwrap().seq, seq);
        // The record is the one at this place and at no other.
        let elsewhere = ProofFile { index: (seq + 1) % RECORDS, ..read };
        assert!(elsewhere.check(scene.notary.key()).is_err());
    }
    let gone = evidence::prove(&snapshot, RECORDS);
    assert_eq!(gone, Err(NoEvidence::NoRecord { record: RECORDS, size: RECORDS }));
    drop(snapshot);
    let mut records = scene.records();
    records[100].duration ^= 1;
    scene.write(&records, Notes::All);
    for seq in [0, 100, 101, 299] {
        assert_eq!(evidence::prove(&scene.desk.snapshot(), seq), Err(NoEvidence::Changed), "{seq}");
    }
}

/// The entries of a bundle.
fn entries(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

#[tokio::test]
async fn an_export_has_the_layout_of_tiles_and_the_root_that_was_signed() {
    let scene = scene(RECORDS).await;
    let mut files = BTreeMap::new();
    let exported = evidence::export(&scene.desk.snapshot(), |path, bytes| {
        assert!(files.insert(path.to_owned(), bytes.to_vec()).is_none(), "{path} is written twice");
        Ok(())
    });
    assert_eq!(exported.map(|exported| (exported.records, exported.left)), Ok((RECORDS, 0)));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let want =
        ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"];
    assert_eq!(names, want);
    let checkpoint = String::from_utf8(files["checkpoint"].clone()).unwrap();
    let head = note::open(&checkpoint, scene.notary.key()).unwrap();
    let all = [entries(&files["tile/entries/000"]), entries(&files["tile/entries/001.p/44"])].concat();
    let leaves: Vec<u8> = all.iter().flat_map(|entry| tree::leaf(entry)).collect();
    assert_eq!(leaves, [&files["tile/0/000"][..], &files["tile/0/001.p/44"]].concat());
    let mut frontier = Frontier::default();
    let tiles: Vec<_> = all.iter().filter_map(|entry| frontier.push(tree::leaf(entry))).collect();
    assert_eq!((frontier.size(), frontier.root()), (head.size, head.root));
    assert_eq!(files["tile/1/000.p/1"], tiles.concat());

    let mut records = scene.records();
    records[7].duration ^= 1;
    scene.write(&records, Notes::All);
    assert_eq!(evidence::export(&scene.desk.snapshot(), |_, _| Ok(())), Err(NoEvidence::Changed));
}

#[tokio::test]
async fn a_log_without_a_key_gives_no_evidence() {
    let desk = Desk::of(House::new(&[]));
    assert_eq!(evidence::prove(&desk.snapshot(), 0), Err(NoEvidence::NoKey));
    assert_eq!(evidence::export(&desk.snapshot(), |_, _| Ok(())), Err(NoEvidence::NoKey));
}
