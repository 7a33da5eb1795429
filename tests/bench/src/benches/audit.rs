//! The whole log is read, decoded, hashed and compared with its tree.

use crate::measure::{each, keep, turns};
use crate::report::{Report, Row, Target, Unit};
use crate::stage::Scratch;
use libos::kernel::kernel::audit;
use libos::kernel::model::answer::Answer;
use libos::kernel::model::call::{Call, Reply};
use libos::kernel::model::codec::{from_bytes, to_bytes};
use libos::kernel::model::id::{CallId, GrantId, Pid};
use libos::kernel::model::record::{Decided, Outcome, Record};
use libos::kernel::model::time::Time;
use libos::kernel::model::tree;
use libos::kernel::store::batch::{Batch, NewRecord};
use libos::kernel::store::disk::Directory;
use libos::kernel::store::reader::Snapshot;
use libos::kernel::store::writer::Writer;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What the target is for.
const PROMISED: u64 = 1_000_000;
const BATCH: u64 = 5_000;

pub fn run(report: &mut Report) {
    let records = if report.options.full { PROMISED } else { PROMISED / 5 };
    let scratch = Scratch::new("audit");
    let written = each(records as usize, || write(&scratch, records));
    let snapshot = Snapshot::of_directory(&Directory::new(scratch.data())).unwrap();
    let count = records as usize;
    let verify = || {
        each(count, || {
            let verified = audit::verify(&snapshot).unwrap();
            assert!(verified.problem.is_none() && verified.records == records, "{verified:?}");
        })
    };
    let read = || each(count, || visit(&snapshot, |_| {}));
    let hash = || each(count, || visit(&snapshot, |bytes| keep(tree::leaf(bytes))));
    let decode = || each(count, || visit(&snapshot, |bytes| keep(from_bytes::<Record>(bytes).unwrap())));
    let twice = || each(count, || visit(&snapshot, |bytes| keep(to_bytes(&from_bytes::<Record>(bytes).unwrap()))));
    let rounds = if report.options.full { 1 } else { 5 };
    let costs = turns(rounds, [&mut { verify }, &mut { hash }, &mut { read }, &mut { decode }, &mut { twice }]);
    let all = costs.map(|cost| cost * PROMISED as f64);
    let what = if records == PROMISED { "records".to_owned() } else { format!("records, scaled from {records}") };
    let row = Row::time("audit.verify", format!("{PROMISED} {what}"), all[0]);
    let row = row.against("reading and hashing alone", all[1]).target(Target::AtMost(3e9));
    let row =
        row.phase("reading alone", all[2]).phase("leaf hashes", all[1] - all[2]).phase("decoding", all[3] - all[2]);
    report.row(
        row.phase("encoding again", all[4] - all[3]).phase("tree, and all else", all[0] - all[4] - (all[1] - all[2])),
    );
    let row = Row::new("audit.write", "records written in bulk, hashed and synced", 1e9 / written, Unit::PerSecond);
    report.row(row.fact("bytes of the store each", format!("{}", scratch.store_bytes() / records)));
}

fn visit(snapshot: &Snapshot, mut work: impl FnMut(&[u8])) {
    snapshot
        .log(0, |_, stored| {
            work(&stored.bytes);
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
}

/// Records as reads of a file leave them.
fn write(scratch: &Scratch, records: u64) {
    let mut writer = Writer::open(scratch.storage(), Time(0), || Ok([7; 32])).unwrap();
    let request = Arc::new(Call::FsRead { path: "notes.md".into() });
    let answer = Arc::new(Answer::Done(Reply::Bytes(vec![7; 64])));
    for first in (0..records).step_by(BATCH as usize) {
        let mut batch = Batch::default();
        for seq in first..first + BATCH {
            let time = Time(1_800_000_000_000_000_000 + seq);
            let decided = Decided::Allow { grants: vec![GrantId(seq / 100), GrantId(1)] };
            let mut record = Record::new(request.operation(), time, decided, Outcome::Done);
            let (pid, call) = (Pid(seq / 1_000), CallId(seq / 100));
            record.seq = seq;
            (record.pid, record.call, record.position) = (Some(pid), Some(call), Some(seq as u32 % 100));
            record.resources = vec!["fs:workspace/notes.md".into()];
            record.duration = 4_000;
            batch.records.push(NewRecord {
                record,
                request: Some(Arc::clone(&request)),
                answer: Some(Arc::clone(&answer)),
            });
        }
        writer.commit(&batch).unwrap();
    }
}
