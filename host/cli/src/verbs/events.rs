//! `events`: what happened and happens, a line a record.

use super::Context;
use crate::error::code;
use crate::out::Table;
use crate::store;
use libos_kernel::kernel::view::View;
use libos_kernel::model::preview::escape;
use libos_kernel::model::record::{Decided, Outcome, Record};
use std::ops::ControlFlow;
use std::time::Duration;

/// How often a follower looks again.
pub const STEP: Duration = Duration::from_millis(200);
/// Records that are shown if nobody says from where.
const RECENT: u64 = 50;
/// Records that one look takes at most.
const BATCH: usize = 1_000;

/// Shows records.
pub fn run(context: &Context, follow: bool, from: Option<u64>) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    let size = View(&snapshot).log_size()?;
    let mut next = from.unwrap_or(if follow { size } else { size.saturating_sub(RECENT) });
    if !follow {
        drop(snapshot);
        let rows = records(&store::snapshot(&place)?, next, usize::MAX)?;
        context.list(&rows, |rows| (table(rows), "nothing has happened"))?;
        return Ok(code::DONE);
    }
    drop(snapshot);
    loop {
        let rows = records(&store::snapshot(&place)?, next, BATCH)?;
        for row in &rows {
            if context.out.json { context.out.value(row)? } else { context.out.line(&escape(&line(row)))? }
        }
        next += rows.len() as u64;
        if rows.len() < BATCH {
            crate::own::pause(STEP);
        }
    }
}

/// The records from a number on, so many at most.
pub fn records(
    snapshot: &libos_kernel::store::reader::Snapshot,
    from: u64,
    most: usize,
) -> anyhow::Result<Vec<Record>> {
    let mut rows = Vec::new();
    View(snapshot).records(from, |record| {
        rows.push(record);
        if rows.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}

/// The records as a table.
pub fn table(rows: &[Record]) -> Table {
    let mut table = Table::new(&["SEQ", "TIME", "WHO", "WHAT", "DECISION", "OUTCOME", "ABOUT"]);
    for row in rows {
        table.row(cells(row));
    }
    table
}

fn line(row: &Record) -> String {
    cells(row).into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
}

fn cells(row: &Record) -> Vec<String> {
    let who = match (row.pid, row.call) {
        (_, Some(call)) => call.to_string(),
        (Some(pid), None) => pid.to_string(),
        (None, None) => "host".into(),
    };
    let mut about = row.resources.join(", ");
    for text in [row.detail.as_deref(), denial(row)].into_iter().flatten() {
        about.push_str(if about.is_empty() { "" } else { "; " });
        about.push_str(text);
    }
    if let Some(question) = row.question {
        about.push_str(&format!(" ({question})"));
    }
    if row.count > 1 {
        about.push_str(&format!(" ({} times)", row.count));
    }
    let what = row.operation.clone();
    vec![row.seq.to_string(), row.time.to_string(), who, what, decision(row).into(), outcome(row).into(), about]
}

fn denial(row: &Record) -> Option<&str> {
    match (&row.decided, &row.outcome) {
        (Decided::Deny { reason, .. }, _) => Some(reason),
        (_, Outcome::Failed(text)) => Some(text),
        _ => None,
    }
}

fn decision(row: &Record) -> &'static str {
    match row.decided {
        Decided::Free => "free",
        Decided::Allow { .. } => "allow",
        Decided::Ask { .. } => "ask",
        Decided::Deny { .. } => "deny",
        Decided::Host => "host",
    }
}

fn outcome(row: &Record) -> &'static str {
    match row.outcome {
        Outcome::Intent => "intent",
        Outcome::Done => "done",
        Outcome::Failed(_) => "failed",
        Outcome::Denied => "denied",
        Outcome::Waiting => "waiting",
        Outcome::Unknown => "unknown",
        Outcome::NotStarted => "not-started",
    }
}
