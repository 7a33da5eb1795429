//! Checks the log against its hash tree, record by record, and names the first that is wrong.

use crate::model::codec::to_bytes;
use crate::model::id::{Digest, Seq, hex};
use crate::model::tree::{self, Frontier};
use crate::store::StoreError;
use crate::store::reader::{Snapshot, record};
use std::ops::ControlFlow;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Verified {
    /// Records that are as they were written.
    pub records: u64,
    /// Head of the tree, in hexadecimal.
    pub root: String,
    /// The first thing that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Something wrong in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The record; for a tile the first record of it.
    pub record: Seq,
    pub what: String,
}

/// Reads the whole log and computes its tree anew.
///
/// # Errors
/// The disk failed.
pub fn verify(snapshot: &Snapshot) -> Result<Verified, StoreError> {
    let head = snapshot.frontier()?;
    let mut computed = Frontier::default();
    let mut problem = None;
    let mut tile_roots: Vec<(u64, Digest)> = Vec::new();
    snapshot.log(0, |seq, stored| {
        let expected = computed.size();
        let fail = |record: Seq, what: String| Some(Problem { record, what });
        problem = if seq != expected {
            fail(expected, format!("record {expected} is missing; the next one is {seq}"))
        } else if tree::leaf(&stored.bytes) != stored.leaf {
            fail(seq, "its bytes are not those that were hashed when it was written".into())
        } else {
            match record(&stored.bytes) {
                Err(error) => fail(seq, error.to_string()),
                Ok(record) if record.seq != seq => fail(seq, format!("it says that it is record {}", record.seq)),
                Ok(record) if to_bytes(&record) != stored.bytes => fail(seq, "it is not in canonical form".into()),
                Ok(_) => None,
            }
        };
        if problem.is_some() {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(root) = computed.push(stored.leaf) {
            tile_roots.push((seq / tree::TILE, root));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for (tile, root) in tile_roots {
        if problem.is_none() && snapshot.tile(tile)? != Some(root) {
            let record = tile * tree::TILE;
            let what =
                format!("a record from {record} to {} was replaced together with its hash", record + tree::TILE - 1);
            problem = Some(Problem { record, what });
        }
    }
    if problem.is_none() && computed != head {
        problem = Some(if computed.size() == head.size() {
            let (record, last) = computed.first_difference(&head).unwrap_or((0, computed.size() - 1));
            let what = format!("a record from {record} to {last} was replaced together with its hash");
            Problem { record, what }
        } else {
            let record = computed.size().min(head.size());
            Problem { record, what: format!("the log has {} records, its head says {}", computed.size(), head.size()) }
        });
    }
    Ok(Verified { records: computed.size(), root: hex(&head.root()), problem })
}
