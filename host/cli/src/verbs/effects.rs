//! `effects`: what was done outside, and a person's word on what nobody knows.

use super::{Context, simple};
use crate::args::{EffectsArgs, EffectsVerb, SettleWord};
use crate::error::{Failure, code};
use crate::out::{Out, Table};
use crate::protocol::Request;
use libos_kernel::kernel::ledger::EffectLine;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::{CallId, EffectId, EffectKey};
use libos_kernel::model::row::EffectState;

/// Hexadecimal digits of a key in a table; one effect shows it whole.
const KEY_DIGITS: usize = 16;

pub fn run(context: &Context, args: EffectsArgs) -> anyhow::Result<u8> {
    match args.verb {
        Some(EffectsVerb::Show { id }) => show(context, id),
        Some(EffectsVerb::Settle { id, outcome, note }) => {
            simple(context, Request::Settle { effect: id, done: outcome == SettleWord::Done, note })
        }
        None => list(context, args.unknown, args.call),
    }
}

fn list(context: &Context, unknown: bool, call: Option<CallId>) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    if let Some(id) = call
        && view.call(id)?.is_none()
    {
        return Err(Failure::usage(format!("there is no call {id}")).hint("`libos calls` lists them").into());
    }
    // Only those have rows; the others are found by reading the log.
    let mut rows = if unknown { view.unknown_effects()? } else { view.ledger(call)? };
    rows.retain(|row| call.is_none_or(|call| row.call == call));
    let nothing = if unknown { "it is known of every effect how it ended" } else { "nothing was done outside" };
    context.list(&rows, |rows| (table(rows), nothing))?;
    if !context.out.json {
        hint(&rows);
    }
    Ok(code::DONE)
}

/// Effects as a table.
fn table(rows: &[EffectLine]) -> Table {
    let mut table = Table::new(&["ID", "STATE", "OPERATION", "RESOURCE", "CALL", "WHEN", "KEY", "WHY"]);
    for row in rows {
        table.row(vec![
            row.id.to_string(),
            row.state.word().into(),
            row.operation.clone(),
            row.resources.join(", "),
            row.call.to_string(),
            row.time.to_string(),
            key(row.key).chars().take(KEY_DIGITS).collect(),
            row.why.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// The effects of a call, where it is shown.
pub fn section(out: &Out, rows: &[EffectLine]) -> anyhow::Result<()> {
    if !rows.is_empty() {
        out.heading("effects")?;
        out.table(&table(rows), "")?;
        hint(rows);
    }
    Ok(())
}

/// Tells whoever looks at effects of which nobody knows whether they happened what can be done about them.
fn hint(rows: &[EffectLine]) {
    let mut unknown = rows.iter().filter(|row| row.state == EffectState::Unknown);
    if let Some(first) = unknown.next() {
        let id = first.id;
        eprintln!(
            "nobody knows whether {id}{} happened: look outside, then `libos effects settle {id} done|not-done`",
            match unknown.count() {
                0 => String::new(),
                more => format!(" and {more} more"),
            }
        );
    }
}

fn key(key: Option<EffectKey>) -> String {
    key.map_or_else(String::new, |key| key.to_string())
}

fn show(context: &Context, id: EffectId) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let row = View(&snapshot).effect(id)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no effect {id}")).hint("`libos effects` lists them"))?;
    if context.out.json {
        context.out.value(&row)?;
        return Ok(code::DONE);
    }
    let mut fields = vec![
        ("effect", row.id.to_string()),
        ("state", row.state.word().to_owned()),
        ("operation", row.operation.clone()),
        ("resource", row.resources.join(", ")),
        ("process", row.pid.to_string()),
        ("call", format!("{}, at {}", row.call, row.position)),
        ("begun", row.time.to_string()),
    ];
    fields.extend(row.ended.map(|ended| ("ended", ended.to_string())));
    fields.extend(row.why.clone().map(|why| ("why", why)));
    fields.push(("key", key(row.key)));
    fields.push(("record", row.intent.to_string()));
    context.out.fields(&fields)?;
    hint(std::slice::from_ref(&row));
    Ok(code::DONE)
}
