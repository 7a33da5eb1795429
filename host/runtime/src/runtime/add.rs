//! Adding tools: components, and files that may be scripts.

use super::{Runtime, RuntimeError, blocking};
use crate::engine::{BadComponent, Inspected, declared, inspect};
use crate::scripts::Source;
use crate::world::read_component;
use libos_kernel::kernel::{Changed, NewTool};
use libos_kernel::model::row::ToolRow;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

impl Runtime {
    /// Adds the tools of a component; `name` renames the tool of a component that has one.
    ///
    /// # Errors
    /// It is no component of this world, or its names are taken.
    pub async fn add_component(
        self: &Arc<Self>,
        bytes: Vec<u8>,
        name: Option<String>,
        standard: bool,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, RuntimeError> {
        // Reading it, too, may take a second.
        let inspect =
            move || inspect::inspect(&bytes).map(|inspected| (inspected, Sha256::digest(&bytes).into(), bytes));
        let (inspected, digest, bytes) = blocking(inspect).await??;
        let Inspected { imports, declarations, .. } = inspected;
        let copy = bytes.clone();
        let prepared = self.prepare(digest, standard, || Ok(copy)).await?;
        let engine = self.engine().await?;
        let mut tools: Vec<NewTool> = engine.describe(&prepared).await?;
        // By the names in the component: a new name changes nothing of what it needs.
        declared::attach(declarations, &mut tools)?;
        if let Some(name) = name {
            match tools.as_mut_slice() {
                [only] => only.name = name,
                _ => {
                    let count = tools.len();
                    return Err(
                        BadComponent(format!("it has {count} tools; --name is for a component with one")).into()
                    );
                }
            }
        }
        let added = self.kernel.add_tools(&bytes, &imports, tools, standard)?;
        self.kernel.durable(added.durable).await?;
        Ok(added)
    }

    /// Adds the tools of a component's file, or of a script's (`.ts`, `.mts`, `.js`, `.mjs`) with what it imports from its folder; `name`
    /// renames the tool of one that has one. It comes from outside.
    ///
    /// # Errors
    /// The file cannot be read, or as [`Runtime::add_component`] and [`Runtime::add_script`].
    pub async fn add_file(
        self: &Arc<Self>,
        file: impl Into<PathBuf>,
        name: Option<String>,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, RuntimeError> {
        let path: PathBuf = file.into();
        if crate::scripts::is_script(&path) {
            let script = self.load_script(Source::file(path)).await?;
            return self.add_script(&script, name).await;
        }
        let read = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || read_component(&path)).await.map_err(std::io::Error::other)
        };
        let bytes = read.flatten().map_err(|source| RuntimeError::File { path, source })?;
        self.add_component(bytes, name, false).await
    }
}
