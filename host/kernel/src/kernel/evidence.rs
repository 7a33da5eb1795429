//! Evidence to take away: the proof of one record, and the whole log as static files that anybody's tool can check.

use crate::model::id::{Digest, Seq};
use crate::model::note::{self, VerifierKey};
use crate::model::proof;
use crate::model::proof_file::ProofFile;
use crate::model::tree::{self, Frontier, TILE};
use crate::store::StoreError;
use crate::store::reader::{Snapshot, StoredRecord};
use std::ops::ControlFlow;

/// Bits of a tile's width.
const TILE_HEIGHT: u32 = TILE.trailing_zeros();

/// Why there is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEvidence {
    /// The log ends before.
    #[error("there is no record {record}: the log has {size}")]
    NoRecord { record: Seq, size: u64 },
    /// No key signs this log.
    #[error("no head of this log is signed")]
    NoKey,
    /// The newest note is older.
    #[error("no signed head covers it yet: the newest covers {signed} records")]
    NotSigned { signed: u64 },
    /// What is stored does not fit the signed head.
    #[error("the log is not the one whose head was signed")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The newest signed head, its note and the key.
fn newest(snapshot: &Snapshot) -> Result<(note::Checkpoint, String, VerifierKey), NoEvidence> {
    let key = snapshot.notary()?.and_then(|text| VerifierKey::parse(&text).ok()).ok_or(NoEvidence::NoKey)?;
    let size = snapshot.last_noted()?;
    let text = snapshot.note(size)?.ok_or(NoEvidence::NotSigned { signed: 0 })?;
    let head = note::open(&text, &key).map_err(|_| NoEvidence::Changed)?;
    Ok((head, text, key))
}

/// The proof that a record is in the log of the newest signed head.
///
/// # Errors
/// See [`NoEvidence`].
pub fn prove(snapshot: &Snapshot, record: Seq) -> Result<ProofFile, NoEvidence> {
    let size = snapshot.frontier()?.size();
    if record >= size {
        return Err(NoEvidence::NoRecord { record, size });
    }
    let (head, text, key) = newest(snapshot)?;
    if record >= head.size {
        return Err(NoEvidence::NotSigned { signed: head.size });
    }
    let mut subtree = |first, height| subtree(snapshot, first, height);
    let hashes = proof::inclusion(record, head.size, &mut subtree)?;
    let bytes = stored(snapshot, record)?.bytes;
    let file = ProofFile { index: record, record: bytes, key, hashes, note: text };
    match file.check(&file.key) {
        Ok(_) => Ok(file),
        Err(_) => Err(NoEvidence::Changed),
    }
}

fn stored(snapshot: &Snapshot, record: Seq) -> Result<StoredRecord, NoEvidence> {
    let mut found = None;
    snapshot.log(record, |seq, stored| {
        found = (seq == record).then_some(stored);
        Ok(ControlFlow::Break(()))
    })?;
    found.ok_or(NoEvidence::Changed)
}

/// The root of 2^height leaves that are all there: of the tiles' roots, or of leaves.
fn subtree(snapshot: &Snapshot, first: u64, height: u32) -> Result<Digest, NoEvidence> {
    if height > TILE_HEIGHT {
        let half = 1 << (height - 1);
        return Ok(tree::node(&subtree(snapshot, first, height - 1)?, &subtree(snapshot, first + half, height - 1)?));
    }
    if height == TILE_HEIGHT {
        return snapshot.tile(first / TILE)?.ok_or(NoEvidence::Changed);
    }
    let mut frontier = Frontier::default();
    snapshot.log(first, |seq, stored| {
        if seq == first + frontier.size() {
            frontier.push(stored.leaf);
        }
        let done = frontier.size() == 1 << height || seq >= first + (1 << height);
        Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if frontier.size() == 1 << height { Ok(frontier.root()) } else { Err(NoEvidence::Changed) }
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// Records: as many as the newest signed head covers.
    pub records: u64,
    /// Records after them, which are not exported.
    pub left: u64,
    /// The key that the head is signed with.
    pub key: String,
}

/// Gives the log of the newest signed head as files of C2SP tlog-tiles, each with its path; the last one is `checkpoint`. Full tiles
/// come as they fill, partial ones at the end.
///
/// # Errors
/// See [`NoEvidence`], or what `put` says.
pub fn export(
    snapshot: &Snapshot,
    mut put: impl FnMut(&str, &[u8]) -> Result<(), StoreError>,
) -> Result<Exported, NoEvidence> {
    let size = snapshot.frontier()?.size();
    let (head, text, key) = newest(snapshot)?;
    if head.size > size {
        return Err(NoEvidence::Changed);
    }
    let mut tiles = Tiles::default();
    let mut frontier = Frontier::default();
    if head.size > 0 {
        snapshot.log(0, |seq, stored| {
            if seq != frontier.size() {
                return Ok(ControlFlow::Break(()));
            }
            let leaf = tree::leaf(&stored.bytes);
            frontier.push(leaf);
            tiles.entry(&stored.bytes, leaf, &mut put)?;
            Ok(if frontier.size() == head.size { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
    }
    if frontier.size() != head.size || frontier.root() != head.root {
        return Err(NoEvidence::Changed);
    }
    tiles.partial(&mut put)?;
    put("checkpoint", text.as_bytes())?;
    Ok(Exported { records: head.size, left: size - head.size, key: key.to_string() })
}

/// Tiles that are being filled.
#[derive(Default)]
struct Tiles {
    entries: Vec<u8>,
    /// Of each level, from the leaves up: hashes of the tile that is not full, and how many are.
    levels: Vec<(Vec<Digest>, u64)>,
}

impl Tiles {
    fn entry(
        &mut self,
        record: &[u8],
        leaf: Digest,
        put: &mut impl FnMut(&str, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let length = u16::try_from(record.len());
        let length = length.map_err(|_| StoreError::Damaged("a record is too long for a bundle of entries".into()))?;
        self.entries.extend(length.to_be_bytes());
        self.entries.extend(record);
        let (mut hash, mut level) = (leaf, 0);
        loop {
            if self.levels.len() == level {
                self.levels.push((Vec::new(), 0));
            }
            let (hashes, full) = &mut self.levels[level];
            hashes.push(hash);
            if (hashes.len() as u64) < TILE {
                return Ok(());
            }
            let number = tile_number(*full);
            put(&format!("tile/{level}/{number}"), &hashes.concat())?;
            if level == 0 {
                put(&format!("tile/entries/{number}"), &self.entries)?;
                self.entries.clear();
            }
            let mut frontier = Frontier::default();
            for hash in hashes.drain(..) {
                frontier.push(hash);
            }
            *full += 1;
            (hash, level) = (frontier.root(), level + 1);
        }
    }

    fn partial(&self, put: &mut impl FnMut(&str, &[u8]) -> Result<(), StoreError>) -> Result<(), StoreError> {
        for (level, (hashes, full)) in self.levels.iter().enumerate().filter(|(_, (hashes, _))| !hashes.is_empty()) {
            let place = format!("{}.p/{}", tile_number(*full), hashes.len());
            put(&format!("tile/{level}/{place}"), &hashes.concat())?;
            if level == 0 {
                put(&format!("tile/entries/{place}"), &self.entries)?;
            }
        }
        Ok(())
    }
}

/// A tile's number as a path: three digits an element, all but the last with an x.
fn tile_number(number: u64) -> String {
    let mut path = format!("{:03}", number % 1_000);
    let mut rest = number / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_tile_is_written_as_the_format_says() {
        for (number, path) in [(0, "000"), (7, "007"), (999, "999"), (1_000, "x001/000"), (1_234_067, "x001/x234/067")]
        {
            assert_eq!(tile_number(number), path);
        }
    }
}
