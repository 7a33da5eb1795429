//! `tool`: what the host has, and what each can ever do.

use super::{Context, block_on, script, simple};
use crate::args::ToolVerb;
use crate::error::{Failure, code, unreadable};
use crate::host::Host;
use crate::out::Table;
use crate::place::Place;
use crate::protocol::Request;
use crate::{bound, standard, store};
use libos::engine::inspect;
use libos::scripts::is_script;
use libos::world::read_component;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::hex;
use libos_kernel::model::preview::escape;
use libos_kernel::model::row::ToolRow;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

pub fn run(context: &Context, verb: ToolVerb) -> anyhow::Result<u8> {
    match verb {
        ToolVerb::Add { file, name } => {
            let file = file
                .canonicalize()
                .map_err(|error| Failure::usage(format!("no such file: {error}")).at(file.display()))?;
            simple(context, Request::ToolAdd { file, name })
        }
        ToolVerb::Rm { name } => simple(context, Request::ToolRemove { name }),
        ToolVerb::Promote { pid, name, new } => simple(context, Request::ToolPromote { pid, name, new }),
        ToolVerb::List => {
            let rows = tools(context)?;
            context.list(&rows, |rows| (table(rows), "there are no tools"))?;
            Ok(code::DONE)
        }
        ToolVerb::Inspect { what, source } => {
            let file = Path::new(&what);
            match what.contains('/') || what.ends_with(".wasm") || is_script(file) {
                true if is_script(file) => script::inspect(context, file, source),
                true => inspect_file(context, file),
                false => inspect_tool(context, &what, source),
            }
        }
    }
}

/// The tools, with the standard ones of this version.
pub(super) fn tools(context: &Context) -> anyhow::Result<Vec<ToolRow>> {
    let (place, snapshot) = context.look()?;
    let rows = View(&snapshot).tools()?;
    drop(snapshot);
    if standard::missing(rows.iter()).is_empty() {
        return Ok(rows);
    }
    match install(&place) {
        // The host that runs has its own version of them.
        Err(error) if store::is_busy(&error) => Ok(rows),
        Err(error) => Err(error),
        Ok(()) => Ok(View(&store::snapshot(&place)?).tools()?),
    }
}

fn install(place: &Place) -> anyhow::Result<()> {
    block_on(async {
        let host = Host::open_accepted(place, true)?;
        let installed = host.install_standard_tools().await;
        host.close().await;
        installed
    })
}

fn table(rows: &[ToolRow]) -> Table {
    let mut table = Table::new(&["NAME", "FROM", "CAN EVER USE", "SUMMARY"]);
    for row in rows {
        let from = match (row.standard, &row.script) {
            (true, _) => "standard",
            (false, Some(_)) => "script",
            (false, None) => "added",
        };
        let summary = row.summary.lines().next().unwrap_or_default().to_owned();
        table.row(vec![row.name.clone(), from.into(), row.imports.join(","), summary]);
    }
    table
}

fn inspect_file(context: &Context, file: &Path) -> anyhow::Result<u8> {
    let bytes = read_component(file).map_err(|error| unreadable(file, &error))?;
    let found = inspect::inspect(&bytes).map_err(|error| Failure::usage(error.to_string()).at(file.display()))?;
    let digest = hex(&<[u8; 32]>::from(Sha256::digest(&bytes)));
    if context.out.json {
        let (can, cannot) = bound::abilities(&found.reached());
        context.out.value(&serde_json::json!({
            "id": file, "component": digest, "size": found.size, "imports": found.imports, "can": can, "cannot": cannot,
            "declarations": found.declarations,
        }))?;
        return Ok(code::DONE);
    }
    context.out.fields(&[
        ("file", file.display().to_string()),
        ("component", digest),
        ("size", format!("{} bytes", found.size)),
    ])?;
    lines(context, &bound::ability_lines(&found.reached()))?;
    for declaration in &found.declarations {
        lines(context, &[bound::needs_line(&declaration.tool, Some(&declaration.needs))])?;
    }
    let rest =
        if found.declarations.is_empty() { "its tools declare" } else { "a tool that is not named here declares" };
    context.out.line(&format!("{rest} nothing: what the component can ever do is the bound"))?;
    Ok(code::DONE)
}

fn inspect_tool(context: &Context, name: &str, source: bool) -> anyhow::Result<u8> {
    let rows = tools(context)?;
    let row = rows.iter().find(|row| row.name == name).ok_or_else(|| {
        Failure::usage(format!("there is no tool '{name}'"))
            .hint("`libos tool list` shows them; a file is named with its directory: ./x.wasm")
    })?;
    let script = row.script.map(|digest| script::stored(context, &digest)).transpose()?;
    if source {
        let script = script.ok_or_else(|| {
            let what = format!("'{name}' is no script; what its component was built from is not here");
            Failure::usage(what).hint(format!("`libos tool inspect {name}` shows what it can ever do"))
        })?;
        return script::print(context, &script);
    }
    let schema: Value = serde_json::from_str(&row.arguments).unwrap_or_default();
    let result: Value = serde_json::from_str(&row.result).unwrap_or_default();
    if context.out.json {
        let mut value = bound::tool_value(row)?;
        value["arguments"] = schema;
        value["result"] = result;
        if let Some(script) = &script {
            value["modules"] = script::modules(script);
        }
        context.out.value(&value)?;
        return Ok(code::DONE);
    }
    context.out.fields(&[
        ("tool", row.name.clone()),
        ("does", row.summary.lines().collect::<Vec<_>>().join(" ")),
        (
            "from",
            if row.standard { "the runtime".into() } else { format!("a {} added at {}", bound::kind(row), row.added) },
        ),
        (bound::kind(row), hex(row.code())),
    ])?;
    if let Some(script) = &script {
        context.out.fields(&[("modules", script::module_words(script)), ("runs in", hex(&row.component))])?;
    }
    lines(context, &bound::ability_lines(&row.imports))?;
    lines(context, &[bound::needs_line(&row.name, row.needs.as_deref())])?;
    context.out.heading("arguments")?;
    for line in properties(&schema) {
        context.out.line(&format!("  {}", escape(&line)))?;
    }
    Ok(code::DONE)
}

fn lines(context: &Context, lines: &[String]) -> anyhow::Result<()> {
    Ok(lines.iter().try_for_each(|line| context.out.line(&escape(line)))?)
}

/// A line for each property of an object's schema.
fn properties(schema: &Value) -> Vec<String> {
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return vec!["any object".into()];
    };
    let line = |(name, schema): (&String, &Value)| {
        let kind = match &schema["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
                kinds.join(" or ")
            }
            _ => "any".into(),
        };
        let optional = if required(name) { "" } else { ", optional" };
        let text = schema["description"].as_str().unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("{name} ({kind}{optional})  {text}").trim_end().to_owned()
    };
    properties.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_told_in_lines() {
        let schema = serde_json::json!({
            "properties": { "path": { "type": "string", "description": "Where\n it is." }, "n": { "type": ["integer", "null"] } },
            "required": ["path"],
        });
        assert_eq!(properties(&schema), ["n (integer, optional)", "path (string)  Where it is."]);
        assert_eq!(properties(&Value::Null), ["any object"]);
    }
}
