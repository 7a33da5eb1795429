//! A host, continued: tools that people add, components and scripts.

use crate::bound::{self, Replaced};
use crate::error::unreadable;
use crate::host::{Host, Listener};
use crate::problem;
use libos::RuntimeError;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::hex;
use libos_kernel::model::row::ToolRow;
use std::path::Path;
use std::sync::Arc;

impl Host {
    /// Adds the tools of a file.
    pub(crate) async fn add_tool(&self, file: &Path, name: Option<String>, listener: &Listener) -> anyhow::Result<()> {
        let before = self.kernel().tools();
        let added = self.runtime()?.add_file(file, name).await.map_err(|error| match error {
            RuntimeError::File { source, .. } => unreadable(file, &source).into(),
            RuntimeError::Script(wrong) => problem::failure(&wrong, file).into(),
            other => anyhow::Error::from(other),
        })?;
        let snapshot = self.kernel().snapshot()?;
        let mut lines = vec![added_line(&added.what)];
        if let Some(tool) = added.what.first() {
            lines.extend(bound::ability_lines(&tool.imports));
        }
        lines.extend(added.what.iter().map(|tool| bound::needs_line(&tool.name, tool.needs.as_deref())));
        let mut rows = Vec::new();
        for tool in &added.what {
            let mut row = bound::tool_value(tool)?;
            let old = before.iter().find(|old| old.name == tool.name).map(|old| &**old);
            if let Some(replaced) = Replaced::compare(old, tool, &View(&snapshot), self.kernel().now())? {
                lines.extend(replaced.lines(&tool.name));
                row["replaced"] = replaced.value();
            }
            rows.push(row);
        }
        self.changed(added.durable, rows, lines.join("\n"), listener).await
    }
}

fn added_line(tools: &[Arc<ToolRow>]) -> String {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let script = tools.first().and_then(|tool| tool.script).map(|script| format!(", script {}", &hex(&script)[..16]));
    format!("added {}{}", names.join(", "), script.unwrap_or_default())
}
