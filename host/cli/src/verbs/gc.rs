//! `gc`: drops what retention lets go, then makes the store's file smaller where no host has it open.

use super::{Context, block_on};
use crate::error::{Failure, code};
use crate::own;
use crate::protocol::{Event, Request};
use crate::session::Session;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Dropped, Keep, foresee};
use libos_kernel::model::policy::{Policy, about_size};
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::{Directory, Storage};
use serde_json::json;
use std::time::Duration;

/// Drops, or says what would be dropped.
pub fn run(context: &Context, dry_run: bool, older_than: Option<Duration>) -> anyhow::Result<u8> {
    if dry_run {
        return preview(context, older_than);
    }
    let place = context.place_to_change()?;
    let directory = Directory::new(&place.data);
    let (event, was_host) = block_on(async {
        let session = Session::new(place);
        let event = session.ask(Request::Gc { older_than_seconds: older_than.map(|time| time.as_secs()) }).await;
        let was_host = session.is_host().await;
        session.close().await;
        Ok((event?, was_host))
    })?;
    let Event::Changed { rows, text } = event else {
        return Err(Failure::cannot("the host answered something else").into());
    };
    let compacted = if was_host { compact(&directory)? } else { None };
    if context.out.json {
        let mut value = rows.into_iter().next().unwrap_or_default();
        if let Some((before, after)) = compacted {
            value["store_bytes"] = json!({ "before": before, "after": after });
        }
        context.out.value(&value)?;
        return Ok(code::DONE);
    }
    for line in text.lines() {
        context.out.line(line)?;
    }
    match compacted {
        Some((before, after)) => {
            context.out.line(&format!("the store: {} before, {} now", about_size(before), about_size(after)))?;
        }
        None => context.out.line("a host runs: the store's file shrinks at the next `libos gc` without one")?,
    }
    Ok(code::DONE)
}

/// None if somebody has opened the store meanwhile.
fn compact(directory: &Directory) -> anyhow::Result<Option<(u64, u64)>> {
    match directory.compact() {
        Ok(sizes) => Ok(Some(sizes)),
        Err(StoreError::Busy) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn preview(context: &Context, older_than: Option<Duration>) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    let retain = View(&snapshot).policy()?.and_then(|text| Policy::parse(&text).ok()).unwrap_or_default().retain;
    let dropped =
        foresee(&snapshot, &Keep::new(&retain, older_than, own::now()), Directory::new(&place.data).files()?)?;
    if context.out.json {
        context.out.value(&dropped)?;
    } else {
        for line in lines(&dropped, true) {
            context.out.line(&line)?;
        }
    }
    Ok(code::DONE)
}

/// What was dropped, or would be, for a person.
pub fn lines(dropped: &Dropped, would: bool) -> Vec<String> {
    let verb = if would { "would drop" } else { "dropped" };
    let Dropped { calls, journal_lines, questions, processes, grants, leftovers, tool_versions, .. } = *dropped;
    let mut lines = Vec::new();
    for (count, what) in [
        (calls, "calls"),
        (journal_lines, "lines kept for replay"),
        (questions, "questions"),
        (processes, "processes"),
        (grants, "grants of processes"),
        (leftovers, "rows that nobody needs"),
        (tool_versions, "tools of components that are not used any more"),
        (dropped.compiled_files, "files of compiled code that is not used any more"),
        (dropped.stale_files, "files that were never finished"),
    ] {
        if count > 0 {
            lines.push(format!("{verb} {count} {what}"));
        }
    }
    let (rows, files) = (about_size(dropped.row_bytes), about_size(dropped.file_bytes));
    lines.push(match (dropped.rows, dropped.files + dropped.compiled_files + dropped.stale_files) {
        (0, 0) => "there is nothing to drop".into(),
        (count, of_files) => format!("in all {count} rows of {rows} and {of_files} files of {files}"),
    });
    lines
}
