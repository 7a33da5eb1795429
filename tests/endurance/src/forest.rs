//! What must hold of processes whenever a host is dead: who lives has a parent that lives, nobody comes back, no message is handed over
//! twice, and what was said of them is there.

use libos_kernel::kernel::view::View;
use libos_kernel::model::id::{CallId, CheckpointId, MessageId, Pid};
use libos_kernel::model::record::{Outcome, Record};
use libos_kernel::model::row::ProcessRow;
use libos_kernel::store::reader::Snapshot;
use std::collections::{BTreeMap, BTreeSet};

/// What hosts have acknowledged of trees.
#[derive(Debug, Default)]
pub struct Trees {
    made: BTreeSet<Pid>,
    gone: BTreeSet<Pid>,
    got: BTreeSet<(MessageId, CallId)>,
    checkpoints: BTreeSet<CheckpointId>,
    restored: BTreeSet<CheckpointId>,
}

impl Trees {
    /// Hears a line of words.
    pub fn hear(&mut self, words: &[&str]) {
        match *words {
            ["made", pid] => self.made.extend(pid.parse::<Pid>()),
            ["gone", pid] => self.gone.extend(pid.parse::<Pid>()),
            ["got", message, call] => self.got.extend(message.parse().ok().zip(call.parse().ok())),
            ["checkpoint", id] => self.checkpoints.extend(id.parse::<CheckpointId>()),
            ["restored", id] => self.restored.extend(id.parse::<CheckpointId>()),
            _ => {}
        }
    }

    /// How much was heard.
    pub fn size(&self) -> usize {
        self.made.len() + self.gone.len() + self.got.len() + self.checkpoints.len() + self.restored.len()
    }
}

/// Checks all of it.
///
/// # Errors
/// Something does not hold; the sentence says what.
pub fn check_trees(snapshot: &Snapshot, records: &[Record], trees: &Trees) -> Result<(), String> {
    let view = View(snapshot);
    let failed = |error| format!("the store cannot be read: {error}");
    let rows = view.processes().map_err(failed)?;
    let rows: BTreeMap<Pid, &ProcessRow> = rows.iter().map(|row| (row.pid, row)).collect();
    for row in rows.values().filter(|row| !row.state.is_final()) {
        let lives = |parent: &Pid| rows.get(parent).is_some_and(|above| !above.state.is_final());
        if row.parent.is_some_and(|parent| !lives(&parent)) {
            return Err(format!("T1: {} lives, and its parent {:?} does not", row.pid, row.parent));
        }
    }
    if let Some(lost) = trees.made.iter().find(|pid| !rows.contains_key(pid)) {
        return Err(format!("I1: {lost} was made and is not there"));
    }
    if let Some(back) = trees.gone.iter().find(|pid| rows.get(pid).is_some_and(|row| !row.state.is_final())) {
        return Err(format!("T2: {back} had ended and lives"));
    }
    check_messages(records, trees)?;
    let kept: BTreeSet<CheckpointId> = view.checkpoints().map_err(failed)?.iter().map(|row| row.id).collect();
    if let Some(lost) = trees.checkpoints.iter().find(|id| !kept.contains(id)) {
        return Err(format!("I1: checkpoint {lost} was taken and is not there"));
    }
    check_ends(records)
}

/// Each is handed over once, to whom it was acknowledged.
fn check_messages(records: &[Record], trees: &Trees) -> Result<(), String> {
    let mut handed: BTreeMap<&str, (Option<CallId>, u32)> = BTreeMap::new();
    let received = |record: &&Record| record.operation == "message.receive" && record.outcome == Outcome::Done;
    for record in records.iter().filter(received) {
        let Some((message, _)) = record.detail.as_deref().and_then(|detail| detail.split_once(" from ")) else {
            continue;
        };
        if let Some((call, position)) = handed.insert(message, (record.call, record.position.unwrap_or(0))) {
            return Err(format!("T3: {message} was handed over to {call:?} at {position} and to {:?}", record.call));
        }
    }
    for (message, call) in &trees.got {
        let name = message.to_string();
        if handed.get(name.as_str()).map(|(call, _)| *call) != Some(Some(*call)) {
            return Err(format!("I1: {name} was handed over to {call}, the log says nothing of it"));
        }
    }
    Ok(())
}

/// A process ends once.
fn check_ends(records: &[Record]) -> Result<(), String> {
    let mut ended = BTreeSet::new();
    for record in records.iter().filter(|record| record.operation == "process.end") {
        if !ended.insert(record.pid) {
            return Err(format!("T2: {:?} ended twice", record.pid));
        }
    }
    Ok(())
}
