//! Records as a table: the log as it is.

use crate::out::Table;
use libos_kernel::kernel::view::View;
use libos_kernel::model::event::outcome_word;
use libos_kernel::model::record::{Decided, Outcome, Record};
use std::ops::ControlFlow;

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
    vec![
        row.seq.to_string(),
        row.time.to_string(),
        who,
        what,
        decision(row).into(),
        outcome_word(&row.outcome).into(),
        about,
    ]
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
