//! Scripts in the store: their files, and the component that runs them.

use super::Kernel;
use super::host::HostError;
use super::state::State;
use crate::model::candidate::ProcessTool;
use crate::model::id::{CandidateId, Digest, Pid, hex};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ToolRow;
use crate::model::time::Time;
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
        Ok(self.pin_file("script", digest, bytes)?)
    }

    /// The bytes of a script that was added.
    ///
    /// # Errors
    /// It is missing or was changed on the disk.
    pub fn script(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        self.file("script", digest)
    }

    /// From now on calls of scripts are run by this component: of the host's tools, of those that processes have registered, and of what
    /// they may yet register. Calls that have started go on with the one that they have, and what a person agreed to stays: it is bound
    /// to the script. Nothing changes if all scripts have it already.
    ///
    /// # Errors
    /// The disk failed.
    pub fn renew_scripts(&self, component: &[u8], imports: &[String]) -> Result<(), HostError> {
        // No component has this digest: a host without scripts does not look for that of its own.
        if self.lock().scripts_not_run_by(&Digest::default()).is_empty() {
            return Ok(());
        }
        let digest: Digest = Sha256::digest(component).into();
        // To the end of this function, where the rows that name it are in the batch.
        let _pin = self.pin_file("component", &digest, component)?;
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let renewed = |tool: &ToolRow| ToolRow { component: digest, imports: imports.to_vec(), ..tool.clone() };
        let old = state.scripts_not_run_by(&digest);
        for tool in old.tools {
            let row = Arc::new(renewed(&tool));
            state.note_renewal(None, &row, now);
            state.put(Table::Tool, row.name.clone().into_bytes(), &*row);
            state.tools.insert(row.name.clone(), row);
        }
        for (pid, own) in old.own_tools {
            let own = ProcessTool { tool: renewed(&own.tool), ..ProcessTool::clone(&own) };
            state.note_renewal(Some(pid), &own.tool, now);
            state.put_own_tool(pid, own);
        }
        for (pid, id) in old.candidates {
            if let Some(mut row) = state.candidate(pid, id)? {
                row.tool = row.tool.map(|tool| Box::new(renewed(&tool)));
                state.put_candidate(&row);
            }
        }
        Ok(())
    }
}

/// Scripts by who has them.
struct Scripts {
    tools: Vec<Arc<ToolRow>>,
    own_tools: Vec<(Pid, Arc<ProcessTool>)>,
    /// Those that were validated.
    candidates: Vec<(Pid, CandidateId)>,
}

impl Scripts {
    fn is_empty(&self) -> bool {
        self.tools.is_empty() && self.own_tools.is_empty() && self.candidates.is_empty()
    }
}

impl State {
    fn scripts_not_run_by(&self, component: &Digest) -> Scripts {
        let is_old = |tool: &ToolRow| tool.script.is_some() && tool.component != *component;
        let own = self.own_tools.iter().filter(|(_, own)| is_old(&own.tool));
        Scripts {
            tools: self.tools.values().filter(|tool| is_old(tool)).cloned().collect(),
            own_tools: own.map(|((pid, _), own)| (*pid, Arc::clone(own))).collect(),
            candidates: self.candidates.not_run_by(component),
        }
    }

    fn note_renewal(&mut self, pid: Option<Pid>, tool: &ToolRow, now: Time) {
        let mut record = Record::new("host.tool-add", now, Decided::Host, Outcome::Done);
        record.pid = pid;
        record.detail = Some(format!("{} {}, now run by {}", tool.name, hex(tool.code()), &hex(&tool.component)[..16]));
        self.note(record);
        self.put(Table::ToolVersion, table::tool_version(&tool.name, tool.code()), tool);
    }
}
