//! Checks the log against its hash tree, its signed heads and what was seen outside, record by record, and names the first that is wrong.

use super::notary::Adopted;
use crate::model::codec::to_bytes;
use crate::model::id::{Digest, Seq, hex};
use crate::model::note::{self, NoteError, VerifierKey};
use crate::model::record::Record;
use crate::model::tree::{self, Frontier};
use crate::model::witness::Seen;
use crate::store::StoreError;
use crate::store::reader::{Snapshot, StoredRecord, record};
use std::ops::ControlFlow;

/// Ranges of records that a host signed as it found them and that are named one by one; more are counted.
const ADOPTED_MAX: usize = 8;

/// What is known beside the store, where whoever can write the store cannot change it.
#[derive(Debug, Clone, Default)]
pub struct Outside<'w> {
    /// The public key that heads are signed with.
    pub key: Option<VerifierKey>,
    /// Heads that somebody saw; none if nobody looked, empty if there were none.
    pub witness: Option<Vec<Seen<'w>>>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Verified {
    /// Records that are as they were written.
    pub records: u64,
    /// Head of the tree, in hexadecimal.
    pub root: String,
    /// Signed notes of the store that fit.
    pub notes: u64,
    /// Records that the last of them covers.
    pub signed: u64,
    /// The keys that heads were signed with, the one in force last.
    pub keys: Vec<KeyChange>,
    /// What was compared with the notes of the witness, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witnessed>,
    /// The first thing that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What a log without a problem may hide all the same, a sentence for each.
    pub cannot_exclude: Vec<String>,
}

/// A record from which on heads were signed with another key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyChange {
    pub record: Seq,
    pub key: String,
}

/// What the witness's notes said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Witnessed {
    /// Notes that fit.
    pub notes: u64,
    /// Records that the newest of them covers.
    pub newest: u64,
    /// Notes of other logs, or that no key of this one signed.
    pub passed_over: u64,
}

/// Something wrong in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Problem {
    /// The record; for a tile or a note the first record that may be meant. None where it is not the log that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Seq>,
    pub what: String,
}

/// Reads the whole log and computes its tree anew, as [`verify_against`] with nothing known outside.
///
/// # Errors
/// The disk failed.
pub fn verify(snapshot: &Snapshot) -> Result<Verified, StoreError> {
    verify_against(snapshot, Outside::default(), |_| {})
}

/// Reads the whole log, computes its tree anew, and compares it with the store's notes and with what is known outside. `progress` is
/// told each 256th record.
///
/// # Errors
/// The disk failed, or what is there makes no sense.
pub fn verify_against(
    snapshot: &Snapshot,
    mut outside: Outside<'_>,
    mut progress: impl FnMut(Seq),
) -> Result<Verified, StoreError> {
    let head = snapshot.frontier()?;
    if let Some(seen) = &mut outside.witness {
        seen.sort_by_key(|seen| seen.head.size);
    }
    let mut check = Check { notes: snapshot.notes()?, witnessed: Witnessed::default(), ..Check::new(&outside) };
    snapshot.log(0, |seq, stored| {
        if seq % tree::TILE == 0 {
            progress(seq);
        }
        Ok(if check.record(seq, &stored) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    check.tree(snapshot, &head)?;
    check.end();
    Ok(check.verified(&head))
}

/// Whether this is record `expected`, as it was written. An error names the record and says what is wrong.
///
/// # Errors
/// It is not.
pub fn check_record(seq: Seq, expected: Seq, stored: &StoredRecord) -> Result<Record, (Seq, String)> {
    if seq != expected {
        return Err((expected, format!("record {expected} is missing; the next one is {seq}")));
    }
    if tree::leaf(&stored.bytes) != stored.leaf {
        return Err((seq, "its bytes are not those that were hashed when it was written".into()));
    }
    match record(&stored.bytes) {
        Err(error) => Err((seq, error.to_string())),
        Ok(record) if record.seq != seq => Err((seq, format!("it says that it is record {}", record.seq))),
        Ok(record) if to_bytes(&record) != stored.bytes => Err((seq, "it is not in canonical form".into())),
        Ok(record) => Ok(record),
    }
}

struct Check<'o> {
    outside: &'o Outside<'o>,
    computed: Frontier,
    tiles: Vec<Digest>,
    /// Of the store, by size.
    notes: Vec<(u64, String)>,
    /// How many of them were looked at, and how many of the witness's.
    looked: usize,
    looked_outside: usize,
    good: u64,
    /// Records covered by the last good note of the store.
    signed: u64,
    /// Records covered by the last note, here or outside, whose root is the log's.
    fits: u64,
    /// The public keys and the records that say so.
    keys: Vec<(Seq, VerifierKey)>,
    /// The first records that a host signed as it found them, and how often that happened.
    adopted: Vec<Adopted>,
    adoptions: u64,
    witnessed: Witnessed,
    problem: Option<Problem>,
}

impl<'o> Check<'o> {
    fn new(outside: &'o Outside<'o>) -> Check<'o> {
        Check {
            outside,
            computed: Frontier::default(),
            tiles: Vec::new(),
            notes: Vec::new(),
            looked: 0,
            looked_outside: 0,
            good: 0,
            signed: 0,
            fits: 0,
            keys: Vec::new(),
            adopted: Vec::new(),
            adoptions: 0,
            witnessed: Witnessed::default(),
            problem: None,
        }
    }

    /// The first problem stays.
    fn fail(&mut self, record: Seq, what: impl Into<String>) {
        self.problem.get_or_insert(Problem { record: Some(record), what: what.into() });
    }

    /// The next record of the log. False if it is the end of what makes sense.
    fn record(&mut self, seq: Seq, stored: &StoredRecord) -> bool {
        let expected = self.computed.size();
        self.heads();
        match check_record(seq, expected, stored) {
            _ if self.problem.is_some() => return false,
            Err((record, what)) => {
                self.fail(record, what);
                return false;
            }
            Ok(record) if record.operation == "host.key" => self.key(&record),
            Ok(record) if record.operation == "host.adopted" => self.adopt(&record),
            Ok(_) => {}
        }
        self.tiles.extend(self.computed.push(stored.leaf));
        true
    }

    fn key(&mut self, record: &Record) {
        match VerifierKey::parse(record.detail.as_deref().unwrap_or_default()) {
            Ok(key) => self.keys.push((record.seq, key)),
            Err(_) => self.fail(record.seq, "it names no key that heads could be signed with"),
        }
    }

    fn adopt(&mut self, record: &Record) {
        self.adoptions += 1;
        if self.adopted.len() < ADOPTED_MAX {
            self.adopted.extend(record.detail.as_deref().and_then(Adopted::parse));
        }
    }

    /// Compares the heads of the log's present size with the notes of that size.
    fn heads(&mut self) {
        let size = self.computed.size();
        let due = |note: Option<u64>| note.is_some_and(|have| have <= size);
        while due(self.notes.get(self.looked).map(|(size, _)| *size)) {
            let (says, text) = self.notes[self.looked].clone();
            self.looked += 1;
            self.stored_note(says, &text);
        }
        let outside = self.outside;
        let seen = outside.witness.as_deref().unwrap_or_default();
        while due(seen.get(self.looked_outside).map(|seen| seen.head.size)) {
            let seen = &seen[self.looked_outside];
            self.looked_outside += 1;
            self.seen_note(seen);
        }
    }

    /// A note of the store: signed by the key that was in force, and of the head that the log had.
    fn stored_note(&mut self, says: u64, text: &str) {
        let size = self.computed.size();
        let first = self.fits;
        let opened = match self.keys.last() {
            Some((_, key)) => note::open(text, key),
            None => Err(NoteError::Unknown),
        };
        match opened {
            Err(error) => self.fail(first, format!("the signed head of {says} records was changed: {error}")),
            Ok(head) if head.size != says || says != size => {
                self.fail(first, format!("the signed head of {} records stands where that of {says} was", head.size));
            }
            Ok(head) if head.root != self.computed.root() => self.fail(
                first,
                format!("a record from {first} to {} is not the one whose head was signed", says.saturating_sub(1)),
            ),
            Ok(_) => {
                self.good += 1;
                (self.signed, self.fits) = (size, size);
            }
        }
    }

    /// A note that somebody outside has, of a size that the log had.
    fn seen_note(&mut self, seen: &Seen<'_>) {
        let size = seen.head.size;
        // One that fits proves nothing wrong, whoever signed it; only the newest is relied upon, and that at the end.
        if size == self.computed.size() && seen.head.root == self.computed.root() && self.is_ours(seen) {
            self.witnessed.notes += 1;
            self.witnessed.newest = size;
            self.fits = self.fits.max(size);
        } else if self.is_ours(seen) {
            let (first, last) = (self.fits, size.saturating_sub(1));
            let what = format!(
                "a record from {first} to {last} is not the one that the witness has seen (line {}): the log was rewritten",
                seen.line
            );
            self.fail(first, what);
        } else {
            self.witnessed.passed_over += 1;
        }
    }

    /// Whether a key of this log, or the one that is known outside, has signed a note.
    fn is_ours(&self, seen: &Seen<'_>) -> bool {
        let keys = self.outside.key.iter().chain(self.keys.iter().rev().map(|(_, key)| key));
        keys.into_iter().any(|key| key.name() == seen.head.origin && note::open(seen.note, key).is_ok())
    }

    /// The hashes above the records.
    fn tree(&mut self, snapshot: &Snapshot, head: &Frontier) -> Result<(), StoreError> {
        self.heads();
        for (tile, root) in (0..).zip(std::mem::take(&mut self.tiles)) {
            if self.problem.is_none() && snapshot.tile(tile)? != Some(root) {
                let record = tile * tree::TILE;
                let last = record + tree::TILE - 1;
                self.fail(record, format!("a record from {record} to {last} was replaced together with its hash"));
            }
        }
        if self.problem.is_none() && self.computed != *head {
            let size = self.computed.size();
            if size == head.size() {
                let (record, last) = self.computed.first_difference(head).unwrap_or((0, size.saturating_sub(1)));
                self.fail(record, format!("a record from {record} to {last} was replaced together with its hash"));
            } else {
                let what = format!("the log has {size} records, its head says {}", head.size());
                self.fail(size.min(head.size()), what);
            }
        }
        Ok(())
    }

    /// What is beyond the end of the log, and whose log it is.
    fn end(&mut self) {
        let size = self.computed.size();
        if self.problem.is_some() {
            return;
        }
        let outside = self.outside;
        for seen in outside.witness.iter().flatten().skip(self.looked_outside) {
            if self.is_ours(seen) {
                let (line, more) = (seen.line, seen.head.size);
                let first = self.fits;
                let what = format!(
                    "the log has {size} records, and the witness has seen {more} (line {line}): its end was cut off, or records from \
                     {first} on were taken out, or it is an older copy"
                );
                return self.fail(first, what);
            }
            self.witnessed.passed_over += 1;
        }
        if let Some((says, _)) = self.notes.get(self.looked) {
            let first = self.fits;
            let what = format!(
                "the log has {size} records, and there is a signed head of {says}: its end was cut off, or records from {first} on \
                 were taken out"
            );
            return self.fail(first, what);
        }
        if outside.witness.is_some() && self.witnessed.notes == 0 && size > 0 {
            // It may be the file of another log; or this one is another log than it was.
            let what = "the witness file has no signed head of this log".into();
            self.problem.get_or_insert(Problem { record: None, what });
        }
        if let Some(key) = &outside.key {
            match self.keys.last() {
                None if size > 0 => self.fail(0, format!("no record names the key that is known outside: {key}")),
                Some((record, last)) if last != key => {
                    let (record, what) =
                        (*record, format!("heads are signed with {last}; the key that is known outside is {key}"));
                    self.fail(record, what);
                }
                Some((record, _)) if self.signed <= *record => {
                    let first = self.fits;
                    self.fail(first, "the key that is known outside has signed no head of this log");
                }
                _ => {}
            }
        }
    }

    fn verified(self, head: &Frontier) -> Verified {
        let cannot_exclude = self.cannot_exclude();
        let keys = self.keys.iter().map(|(record, key)| KeyChange { record: *record, key: key.to_string() }).collect();
        Verified {
            records: self.computed.size(),
            root: hex(&head.root()),
            notes: self.good,
            signed: self.signed,
            keys,
            witness: self.outside.witness.is_some().then_some(self.witnessed),
            problem: self.problem,
            cannot_exclude,
        }
    }

    fn cannot_exclude(&self) -> Vec<String> {
        let (mut told, size) = (Vec::new(), self.computed.size());
        if self.signed < size {
            let from = self.signed;
            told.push(format!(
                "records from {from} on are in no signed head: whoever can write the store can have made them"
            ));
        }
        if self.outside.key.is_none() && !self.keys.is_empty() {
            told.push(
                "the key is the one that the store names: whoever can write the store can have signed everything anew"
                    .into(),
            );
        }
        if self.adoptions > 0 {
            let named: Vec<String> =
                self.adopted.iter().map(|range| format!("{} to {}", range.first, range.last)).collect();
            let more = self.adoptions.saturating_sub(named.len() as u64);
            let more = if more == 0 { String::new() } else { format!(", and {more} ranges more (host.adopted)") };
            told.push(format!(
                "that records {}{more} were replaced before a host signed them: it found them in no signed head when it started, \
                 as a crash leaves them",
                named.join(", ")
            ));
        }
        match self.outside.witness {
            None => told.push(
                "without a witness: that records at the end were cut off, that records written since the last head that was seen \
                 outside were replaced before a host signed them, or that the whole directory is an older copy"
                    .into(),
            ),
            Some(_) if self.witnessed.newest < size => told.push(format!(
                "that records after the {} that the witness has seen were cut off, or were replaced before a host signed them",
                self.witnessed.newest
            )),
            Some(_) => {}
        }
        told
    }
}
