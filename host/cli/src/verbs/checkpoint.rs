//! `checkpoint`: moments of processes, taken, compared, gone back to, begun again from.

use super::{Context, simple};
use crate::args_processes::CheckpointVerb;
use crate::duration;
use crate::error::{Failure, code};
use crate::out::Table;
use crate::own::now;
use crate::protocol::{CheckpointRequest, Request};
use libos_kernel::kernel::Between;
use libos_kernel::kernel::view::View;
use libos_kernel::model::checkpoint::CheckpointRow;
use libos_kernel::model::id::CheckpointId;

/// Carries a verb out.
pub fn run(context: &Context, verb: CheckpointVerb) -> anyhow::Result<u8> {
    let change = |request| simple(context, Request::Checkpoint(request));
    match verb {
        CheckpointVerb::Create { pid, reason } => change(CheckpointRequest::Create { pid, reason }),
        CheckpointVerb::Restore { id } => change(CheckpointRequest::Restore { id }),
        CheckpointVerb::Fork { id, budget } => change(CheckpointRequest::Fork { id, budget }),
        CheckpointVerb::Commit { id, image } => change(CheckpointRequest::Commit { id, image }),
        CheckpointVerb::Rm { id } => change(CheckpointRequest::Remove { id }),
        CheckpointVerb::List { pid } => {
            let (_, snapshot) = context.look()?;
            let mut rows = View(&snapshot).checkpoints()?;
            rows.retain(|row| pid.is_none_or(|pid| row.member(pid).is_some()));
            context
                .list(&rows, |rows| (table(rows), "there are no checkpoints; `libos checkpoint create` takes one"))?;
            Ok(code::DONE)
        }
        CheckpointVerb::Show { id } => show(context, id),
        CheckpointVerb::Diff { first, second } => {
            let (_, snapshot) = context.look()?;
            let view = View(&snapshot);
            let (first, second) = (find(&view, first)?, find(&view, second)?);
            let between = view.between(&first, &second)?;
            if context.out.json {
                context.out.value(&between)?
            } else {
                tell(context, &between)?
            }
            Ok(code::DONE)
        }
    }
}

fn find(view: &View<'_>, id: CheckpointId) -> anyhow::Result<CheckpointRow> {
    let row = view.checkpoint(id)?;
    let none = || Failure::usage(format!("there is no checkpoint {id}")).hint("`libos checkpoint list` shows them");
    Ok(row.ok_or_else(none)?)
}

/// Checkpoints as a table.
pub fn table(rows: &[CheckpointRow]) -> Table {
    let mut table = Table::new(&["ID", "OF", "AGE", "PROCESSES", "BY", "REASON"]);
    for row in rows {
        table.row(vec![
            row.id.to_string(),
            row.pid.to_string(),
            duration::short(now().since(row.time)),
            row.members.len().to_string(),
            row.call.map_or("a person".into(), |call| call.to_string()),
            row.reason.clone(),
        ]);
    }
    table
}

fn show(context: &Context, id: CheckpointId) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let row = find(&View(&snapshot), id)?;
    if context.out.json {
        context.out.value(&row)?;
        return Ok(code::DONE);
    }
    let out = &context.out;
    out.fields(&[
        ("checkpoint", row.id.to_string()),
        ("of", row.pid.to_string()),
        ("taken", row.time.to_string()),
        ("by", row.call.map_or("a person".into(), |call| call.to_string())),
        ("reason", row.reason.clone()),
        ("place in the log", row.at.to_string()),
        ("tools", row.tools.len().to_string()),
    ])?;
    out.heading("processes")?;
    let mut table = Table::new(&["PID", "IMAGE", "STATE", "CALLS", "MESSAGES", "GRANTS"]);
    for member in &row.members {
        let calls: Vec<String> = member.calls.iter().map(ToString::to_string).collect();
        table.row(vec![
            member.process.pid.to_string(),
            member.process.image.clone(),
            member.process.state.word().into(),
            calls.join(", "),
            member.messages.to_string(),
            member.grants.len().to_string(),
        ]);
    }
    out.table(&table, "")?;
    Ok(code::DONE)
}

/// Prints a difference, a line each.
fn tell(context: &Context, between: &Between) -> anyhow::Result<()> {
    let mut table = Table::new(&["WHAT", "NAME", "BEFORE", "AFTER"]);
    let mut row = |what: &str, name: String, before: &str, after: &str| {
        table.row(vec![what.into(), name, before.into(), after.into()]);
    };
    for pid in &between.made {
        row("process", pid.to_string(), "", "there");
    }
    for pid in &between.ended {
        row("process", pid.to_string(), "there", "");
    }
    for change in &between.changed {
        for (field, before, after) in &change.fields {
            row(field, change.pid.to_string(), before, after);
        }
        for grant in &change.grants_gained {
            row("grant", format!("{} of {}", grant, change.pid), "", "held");
        }
        for grant in &change.grants_lost {
            row("grant", format!("{} of {}", grant, change.pid), "held", "");
        }
    }
    for object in &between.objects {
        let (before, after) = match serde_json::to_value(object.change)?.as_str() {
            Some("made") => ("", "there"),
            Some("deleted") => ("there", ""),
            _ => ("there", "changed"),
        };
        row("object", object.name.clone(), before, after);
    }
    for tool in &between.tools {
        row("tool", tool.clone(), "", "another one");
    }
    context.out.table(&table, "they do not differ")?;
    Ok(())
}
