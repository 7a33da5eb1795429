//! Scripts in the store: their files, and the component that runs them.

use super::Kernel;
use super::host::HostError;
use crate::model::id::{Digest, hex};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ToolRow;
use crate::store::StoreError;
use crate::store::files::Pin;
use crate::store::table::{self, Table};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

impl Kernel {
    /// Puts the file of a script into the store. Whoever has the answer adds the tools that name it before it goes.
    ///
    /// # Errors
    /// There is too little space left, or the disk failed.
    pub fn pin_script(&self, digest: &Digest, bytes: &[u8]) -> Result<Pin<'_>, HostError> {
        self.lock().check_space()?;
        let pin = self.files.put_pinned(digest, bytes);
        pin.map_err(|error| StoreError::Failed(format!("the script cannot be stored: {error}")).into())
    }

    /// The bytes of a script that was added.
    ///
    /// # Errors
    /// It is missing or was changed on the disk.
    pub fn script(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        self.file("script", digest)
    }

    /// From now on calls of scripts are run by this component. Those that have started go on with the one that they have, and what a
    /// person agreed to stays: it is bound to the script. Nothing happens if all scripts have it already.
    ///
    /// # Errors
    /// The disk failed.
    pub fn renew_scripts(&self, component: &[u8], imports: &[String]) -> Result<(), HostError> {
        let digest: Digest = Sha256::digest(component).into();
        let is_old = |tool: &ToolRow| tool.script.is_some() && tool.component != digest;
        if !self.lock().tools.values().any(|tool| is_old(tool)) {
            return Ok(());
        }
        // To the end of this function, where the rows that name it are in the batch.
        let _pin = self
            .files
            .put_pinned(&digest, component)
            .map_err(|error| StoreError::Failed(format!("the component cannot be stored: {error}")))?;
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let old: Vec<Arc<ToolRow>> = state.tools.values().filter(|tool| is_old(tool)).cloned().collect();
        for tool in old {
            let row = Arc::new(ToolRow { component: digest, imports: imports.to_vec(), ..ToolRow::clone(&tool) });
            let mut record = Record::new("host.tool-add", now, Decided::Host, Outcome::Done);
            record.detail = Some(format!("{} {}, now run by {}", row.name, hex(row.code()), &hex(&digest)[..16]));
            state.note(record);
            state.put(Table::Tool, row.name.clone().into_bytes(), &*row);
            state.put(Table::ToolVersion, table::tool_version(&row.name, row.code()), &*row);
            state.tools.insert(row.name.clone(), row);
        }
        Ok(())
    }
}
