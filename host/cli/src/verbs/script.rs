//! Scripts that are looked at: files before they are added, and what the store has of them.

use super::{Context, block_on};
use crate::error::{Failure, code, unreadable};
use crate::{bound, problem};
use libos::scripts::{Script, Source};
use libos::{Runtime, RuntimeError};
use libos_kernel::model::id::{Digest, hex};
use libos_kernel::model::preview::escape;
use libos_kernel::store::disk::{Directory, Storage};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;

/// The script that begins with a file. Its types are taken out by a runtime that has no store and nothing to reach.
pub fn load(file: &Path) -> anyhow::Result<Script> {
    block_on(async { with(file, async |_, script| Ok(script)).await })
}

async fn with<T>(
    file: &Path,
    then: impl AsyncFnOnce(&Arc<Runtime>, Script) -> Result<T, RuntimeError>,
) -> anyhow::Result<T> {
    let runtime = Runtime::builder().open().await?;
    let done = async {
        let script = runtime.load_script(Source::file(file)).await?;
        then(&runtime, script).await
    };
    let done = done.await;
    runtime.close().await;
    done.map_err(|error| match error {
        RuntimeError::File { source, .. } => unreadable(file, &source).into(),
        RuntimeError::Script(wrong) => problem::failure(&wrong, file).into(),
        other => other.into(),
    })
}

/// Shows what a file would add.
pub fn inspect(context: &Context, file: &Path, source: bool) -> anyhow::Result<u8> {
    if source {
        return print(context, &load(file)?);
    }
    let (script, tools, imports) = block_on(with(file, async |runtime, script| {
        let (tools, imports) = runtime.inspect_script(&script, None).await?;
        Ok((script, tools, imports))
    }))?;
    let digest = hex(&script.digest());
    if context.out.json {
        let (can, cannot) = bound::abilities(&imports);
        let tool = |tool: &libos_kernel::kernel::NewTool| {
            let schema = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
            let needs: Option<Vec<String>> =
                tool.needs.as_ref().map(|needs| needs.iter().map(ToString::to_string).collect());
            json!({
                "name": tool.name, "summary": tool.summary, "needs": needs,
                "arguments": schema(&tool.arguments), "result": schema(&tool.result),
            })
        };
        context.out.value(&json!({
            "id": file, "script": digest, "modules": modules(&script), "can": can, "cannot": cannot,
            "tools": tools.iter().map(tool).collect::<Vec<_>>(),
        }))?;
        return Ok(code::DONE);
    }
    context.out.fields(&[
        ("file", file.display().to_string()),
        ("script", digest),
        ("modules", module_words(&script)),
    ])?;
    for line in bound::ability_lines(&imports) {
        context.out.line(&escape(&line))?;
    }
    for tool in &tools {
        context.out.line(&escape(&bound::needs_line(&tool.name, tool.needs.as_deref())))?;
    }
    Ok(code::DONE)
}

/// A script that the store has.
pub fn stored(context: &Context, digest: &Digest) -> anyhow::Result<Script> {
    let place = context.place()?;
    let bytes = Directory::new(&place.data).get_file(digest);
    let bytes =
        bytes.map_err(|error| Failure::cannot(format!("the script {} cannot be read: {error}", hex(digest))))?;
    if Sha256::digest(&bytes)[..] != *digest {
        return Err(Failure::cannot(format!("the script {} was changed in the store", hex(digest))).into());
    }
    Script::from_bytes(&bytes).map_err(|error| Failure::cannot(format!("the script {}: {error}", hex(digest))).into())
}

/// Its modules as JSON.
pub fn modules(script: &Script) -> Value {
    let module = |module: &libos::scripts::Module| json!({ "name": module.name, "bytes": module.source.len() });
    script.modules.iter().map(module).collect()
}

/// Its modules in words.
pub fn module_words(script: &Script) -> String {
    let names: Vec<&str> = script.modules.iter().map(|module| module.name.as_str()).collect();
    names.join(", ")
}

/// Prints what its author wrote, module by module.
pub fn print(context: &Context, script: &Script) -> anyhow::Result<u8> {
    if context.out.json {
        let module = |module: &libos::scripts::Module| json!({ "name": module.name, "source": module.source });
        context.out.value(&script.modules.iter().map(module).collect::<Vec<_>>())?;
        return Ok(code::DONE);
    }
    let several = script.modules.len() > 1;
    for module in &script.modules {
        if several {
            context.out.heading(&escape(&module.name))?;
        }
        for line in module.source.lines() {
            context.out.line(&escape_but_tabs(line))?;
        }
    }
    Ok(code::DONE)
}

/// Safe for a terminal; code is indented with tabs.
fn escape_but_tabs(line: &str) -> String {
    line.split('\t').map(escape).collect::<Vec<_>>().join("\t")
}
