//! `objects`, `object show`: the memory of processes.

use super::Context;
use crate::error::{Failure, code};
use crate::out::Table;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::{ObjectInfo, Payload};
use libos_kernel::model::id::{Pid, hex};
use libos_kernel::model::preview::escape;
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::Write;

/// Lists objects.
pub fn list(context: &Context, pid: Option<Pid>) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let prefix = pid.map(|pid| format!("process/{}/", pid.0)).unwrap_or_default();
    context.list(&View(&snapshot).objects(&prefix)?, |rows| (table(rows), "there are no objects"))?;
    Ok(code::DONE)
}

fn table(rows: &[ObjectInfo]) -> Table {
    let mut table = Table::new(&["NAME", "TYPE", "VERSION", "BYTES", "BY", "TITLE"]);
    for row in rows {
        table.row(vec![
            row.name.clone(),
            row.object_type.clone(),
            row.version.to_string(),
            row.size.to_string(),
            row.created_by.to_string(),
            row.title.clone(),
        ]);
    }
    table
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    info: &'a ObjectInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

/// Shows an object. Bytes go to a pipe as they are, to a terminal only as text.
pub fn show(context: &Context, name: &str) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let found = View(&snapshot).object(name)?;
    let (info, payload) = found.ok_or_else(|| {
        Failure::usage(format!("there is no object '{name}'")).hint("`libos objects` lists them with their whole names")
    })?;
    let out = &context.out;
    match &payload {
        Payload::Json(text) if out.json => {
            let compact = crate::json::compact(text);
            out.value(&Shown { info: &info, json: Some(serde_json::from_str(&compact)?), hex: None })?;
        }
        Payload::Bytes(bytes) if out.json => out.value(&Shown { info: &info, json: None, hex: Some(hex(bytes)) })?,
        Payload::Json(text) => out.json_text(text)?,
        Payload::Bytes(bytes) if !out.is_terminal() => std::io::stdout().write_all(bytes)?,
        Payload::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.lines().try_for_each(|line| out.line(&escape(line)))?,
            Err(_) => out.line(&format!("{} bytes that are no text; send them to a file with > FILE", bytes.len()))?,
        },
    }
    Ok(code::DONE)
}
