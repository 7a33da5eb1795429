//! What makes a store of an older format one of this: a batch, so that it is committed whole or not at all.

use super::StoreError;
use super::batch::{Batch, NewRecord};
use super::reader::Snapshot;
use super::table::{self, FORMAT, Table};
use crate::model::codec::to_bytes;
use crate::model::id::{Pid, Seq};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ProcessRow;
use crate::model::time::Time;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// The changes from the format `old`, and the record of them, which becomes record `next`.
pub(super) fn changes(snapshot: &Snapshot, old: u32, next: Seq, now: Time) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    if old < 2 {
        say_when_processes_ended(snapshot, &mut batch)?;
    }
    let mut record = Record::new("host.upgrade", now, Decided::Host, Outcome::Done);
    record.seq = next;
    record.detail = Some(format!("the store, from format {old} to {FORMAT}; the old one lies beside it"));
    batch.records.push(NewRecord { record, request: None, answer: None });
    Ok(batch)
}

/// The log knows when a process ended; its row did not before format 2.
fn say_when_processes_ended(snapshot: &Snapshot, batch: &mut Batch) -> Result<(), StoreError> {
    let mut ends: HashMap<Pid, Time> = HashMap::new();
    snapshot.log(0, |_, stored| {
        let record = super::reader::record(&stored.bytes)?;
        if record.operation == "process.end" {
            ends.extend(record.pid.map(|pid| (pid, record.time)));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    for mut row in snapshot.rows::<ProcessRow>(Table::Process, table::ENDED)? {
        row.ended = Some(ends.get(&row.pid).copied().unwrap_or(row.created));
        batch.rows.insert((Table::Process, table::ended(row.pid.0)), Some(to_bytes(&row)));
    }
    Ok(())
}
