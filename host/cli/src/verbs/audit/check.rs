//! The check of the log itself, in a process of its own: a store that was damaged on purpose may end it in ways that nobody can catch.

use super::super::Context;
use crate::error::{Failure, code};
use crate::place::Place;
use crate::{keys, own, store};
use libos_kernel::kernel::audit::{Outside, Verified, verify_against};
use libos_kernel::model::limit::WITNESS_BYTES_MAX;
use libos_kernel::model::witness;
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::Directory;
use libos_kernel::store::reader::Snapshot;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Records between two signs of life.
const SIGN_EVERY: u64 = 1 << 16;
/// What a line of standard error begins with that says how far the check has come.
pub const AT: &str = "at: ";
/// What a line of standard error begins with that says why it ended in the middle.
pub const BECAUSE: &str = "because: ";

/// What the process that checks tells the one that asked, on one line of standard output.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    Verified {
        verified: Box<Verified>,
        /// What is worth knowing about the witness's file.
        remarks: Vec<String>,
    },
    /// The store makes no sense.
    Damaged(String),
    /// Nothing could be checked.
    Cannot(Failure),
}

/// Checks, and tells the process that asked.
pub fn check_log(context: &Context, witness: Option<&Path>, key: Option<&str>) -> anyhow::Result<u8> {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or("a part of the store makes no sense");
        let place = panic.location().map(|location| format!(" ({}:{})", location.file(), location.line()));
        eprintln!("{BECAUSE}{}{}", said.lines().next().unwrap_or_default(), place.unwrap_or_default());
    }));
    let report = match checked(&context.place()?, witness, key) {
        Ok(report) => report,
        Err(error) => match error.downcast_ref::<Failure>() {
            Some(failure) => Report::Cannot(failure.clone()),
            None => Report::Damaged(format!("{error:#}")),
        },
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(code::DONE)
}

fn checked(place: &Place, witness: Option<&Path>, key: Option<&str>) -> anyhow::Result<Report> {
    // Before anything of the store is read: these are the person's own mistakes, not findings.
    let key = key.map(keys::named_key).transpose()?;
    let file = match witness {
        Some(path) => Some(own::read_end(path, WITNESS_BYTES_MAX).map_err(|error| {
            Failure::usage(format!("the witness's file cannot be read: {error}")).at(path.display())
        })?),
        None => None,
    };
    eprintln!("{AT}the policy in force");
    if store::policy_in_force(place).is_ok_and(|policy| policy.is_none()) {
        return Err(store::not_accepted(place).into());
    }
    eprintln!("{AT}the tables of the store");
    let snapshot = match Snapshot::of_directory(&Directory::new(&place.data)) {
        Err(StoreError::NeedsRecovery) => {
            eprintln!("{AT}the recovery of a store that was not closed");
            store::snapshot(place)?
        }
        other => other?,
    };
    eprintln!("{AT}the head of the log");
    let mut remarks = Vec::new();
    let seen = file.as_ref().map(|(bytes, whole)| {
        let contents = witness::read(bytes);
        if !whole {
            remarks.push(format!("of the witness's file only the last {WITNESS_BYTES_MAX} bytes were read"));
        }
        if contents.stray_lines > 0 {
            let lines: Vec<String> = contents.stray.iter().map(u64::to_string).collect();
            let (count, lines) = (contents.stray_lines, lines.join(", "));
            remarks.push(format!("the witness's file has {count} lines that are no notes, the first at {lines}"));
        }
        contents.notes
    });
    let outside = Outside { key, witness: seen };
    let verified = verify_against(&snapshot, outside, |record| {
        if record % SIGN_EVERY == 0 {
            eprintln!("{AT}the log, record {record}");
        }
    })?;
    if let Some(seen) = verified.witness.filter(|seen| seen.passed_over > 0) {
        remarks.push(format!(
            "the witness's file has {} heads of other logs, or that no key of this one signed",
            seen.passed_over
        ));
    }
    Ok(Report::Verified { verified: Box::new(verified), remarks })
}
