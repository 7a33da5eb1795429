//! `inbox`: what waits for a person.

use super::Context;
use super::events::STEP;
use crate::error::{Failure, code};
use crate::out::Table;
use crate::place::Place;
use crate::{duration, own, question, store};
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::QuestionId;
use libos_kernel::model::question::{QuestionRow, QuestionState, Subject};
use libos_kernel::store::reader::Snapshot;

/// Open questions of one table, if nothing is said.
const LIMIT: usize = 100;

/// Lists questions, once or as they come.
pub fn run(context: &Context, follow: bool, all: bool, limit: Option<usize>) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    if follow {
        return as_they_come(context, &place, snapshot, all);
    }
    let most = limit.unwrap_or(if context.out.json { usize::MAX } else { LIMIT });
    let view = View(&snapshot);
    let mut rows =
        if all { view.questions(false)? } else { view.open_questions(QuestionId(0), most.saturating_add(1))? };
    drop(snapshot);
    let more = !all && rows.len() > most;
    if more {
        rows.truncate(most);
    }
    context.list(&rows, |rows| (table(rows), "nothing waits for you"))?;
    if more {
        eprintln!("note: more than these wait; `libos inbox --limit {}` shows more of them", most.saturating_mul(10));
    }
    Ok(code::DONE)
}

fn as_they_come(context: &Context, place: &Place, snapshot: Snapshot, all: bool) -> anyhow::Result<u8> {
    let (mut next, mut snapshot) = (QuestionId(0), Some(snapshot));
    loop {
        let now = match snapshot.take() {
            Some(first) => first,
            None => store::snapshot(place)?,
        };
        let rows = if all { View(&now).questions(false)? } else { View(&now).open_questions(next, usize::MAX)? };
        drop(now);
        for row in rows.iter().filter(|row| row.id >= next) {
            print(context, row)?;
        }
        next = rows.last().map_or(next, |row| next.max(QuestionId(row.id.0 + 1)));
        own::pause(STEP);
    }
}

/// Shows one question with all that it is about.
pub fn show(context: &Context, id: QuestionId) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    let row = View(&snapshot).question(id)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no question {id}")).hint("`libos inbox --all` lists them"))?;
    drop(snapshot);
    let whole = super::call::whole(&place, id)?;
    if context.out.json {
        let mut value = serde_json::to_value(&row)?;
        value["whole"] = whole.into();
        context.out.value(&value)?;
        return Ok(code::DONE);
    }
    print(context, &row)?;
    for line in question::standing_lines(&row) {
        context.out.line(&line)?;
    }
    if !whole.is_empty() {
        context.out.line("  all of it:")?;
    }
    for line in whole {
        context.out.line(&line)?;
    }
    Ok(code::DONE)
}

fn print(context: &Context, row: &QuestionRow) -> anyhow::Result<()> {
    if context.out.json {
        return context.out.value(row);
    }
    for line in question::lines(row) {
        context.out.line(&line)?;
    }
    if row.state == QuestionState::Open && !matches!(row.subject, Subject::Note { .. }) {
        context.out.line(&format!("  {}", question::command(row)))?;
    }
    Ok(())
}

fn table(rows: &[QuestionRow]) -> Table {
    let mut table = Table::new(&["ID", "STATE", "AGE", "CALL", "TOOL", "WHAT"]);
    for row in rows {
        table.row(vec![
            row.id.to_string(),
            state(row).into(),
            duration::short(own::now().since(row.asked)),
            calls(row),
            tools(row),
            question::summary(row),
        ]);
    }
    table
}

/// The asking tool, and who is behind it.
fn tools(row: &QuestionRow) -> String {
    // A table escapes by itself.
    let callers = row.callers.iter().rev().map(|name| format!(", called by {name}"));
    format!("{}{}", row.tool, callers.collect::<String>())
}

fn calls(row: &QuestionRow) -> String {
    match row.also.len() {
        0 => row.call.to_string(),
        more => format!("{} and {more} more", row.call),
    }
}

fn state(row: &QuestionRow) -> &'static str {
    match (&row.subject, &row.state) {
        (Subject::Note { .. }, _) => "note",
        (_, QuestionState::Open) => "open",
        (_, QuestionState::Answered { .. } | QuestionState::Told { .. }) => "answered",
        (_, QuestionState::Applied { .. }) => "applied",
        (_, QuestionState::Withdrawn { .. }) => "withdrawn",
    }
}
