//! `audit`: the log, and whether it is as it was written.

use super::{Context, events};
use crate::args::AuditVerb;
use crate::error::{Failure, code};
use crate::store;
use libos_kernel::kernel::audit::{Verified, verify};
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::Directory;
use libos_kernel::store::reader::Snapshot;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Shows or checks the log.
pub fn run(context: &Context, verb: AuditVerb) -> anyhow::Result<u8> {
    match verb {
        AuditVerb::Show { from } => {
            let (_, snapshot) = context.look()?;
            let rows = events::records(&snapshot, from, usize::MAX)?;
            context.list(&rows, |rows| (events::table(rows), "the log is empty"))?;
            Ok(code::DONE)
        }
        AuditVerb::Verify => check(context),
    }
}

/// Whatever is wrong with the store is what was found, not a failure of the check.
fn check(context: &Context) -> anyhow::Result<u8> {
    let place = context.place()?;
    if store::policy_in_force(&place).is_ok_and(|policy| policy.is_none()) {
        return Err(store::not_accepted(&place).into());
    }
    let read = || -> anyhow::Result<Verified> {
        let snapshot = match Snapshot::of_directory(&Directory::new(&place.data)) {
            Err(StoreError::NeedsRecovery) => store::snapshot(&place)?,
            other => other?,
        };
        Ok(verify(&snapshot)?)
    };
    // In a file that was damaged on purpose redb may meet what it takes to be impossible.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = catch_unwind(AssertUnwindSafe(read));
    std::panic::set_hook(hook);
    let verified = match found {
        Ok(Ok(verified)) => verified,
        Ok(Err(error)) => return damaged(context, &format!("{error:#}")),
        Err(_) => return damaged(context, "the store's file is damaged: its pages make no sense"),
    };
    if context.out.json {
        context.out.value(&verified)?;
    } else if verified.problem.is_none() {
        context.out.line(&format!("{} records, as they were written", verified.records))?;
        context.out.line(&format!("root {}", verified.root))?;
    }
    match verified.problem {
        None => Ok(code::DONE),
        Some(_) if context.out.json => Ok(code::FAILED),
        Some(problem) => Err(Failure::new(code::FAILED, format!("the log was changed: {}", problem.what))
            .at(format!("record {}", problem.record))
            .hint("records before it are as they were written; put a copy of the data directory aside")
            .into()),
    }
}

fn damaged(context: &Context, what: &str) -> anyhow::Result<u8> {
    if context.out.json {
        context.out.value(&serde_json::json!({ "problem": { "what": what } }))?;
        return Ok(code::FAILED);
    }
    Err(Failure::new(code::FAILED, what).hint("put a copy of the data directory aside before anything else").into())
}
