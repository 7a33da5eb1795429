//! The code of tools: components, scripts and sources, which rows name in ways of their own. Who copies a store and who cleans one up
//! must know the same of them.

use super::StoreError;
use super::reader::Snapshot;
use super::table::Table;
use crate::model::candidate::{CandidateRow, ProcessTool};
use crate::model::checkpoint::CheckpointRow;
use crate::model::id::Digest;
use crate::model::row::{CallRow, ToolRow};
use std::collections::{HashMap, HashSet};

/// Code that rows name.
#[derive(Debug, Default)]
pub struct NeededCode {
    /// Files of the store.
    pub files: HashSet<Digest>,
    /// The components that run each script.
    scripts: HashMap<Digest, HashSet<Digest>>,
}

impl NeededCode {
    /// What a tool of the host needs.
    pub fn add_tool(&mut self, tool: &ToolRow) {
        self.files.extend(tool.files());
        self.add_script(tool.script, tool.component);
    }

    /// What a tool of a process needs.
    pub fn add_own_tool(&mut self, own: &ProcessTool) {
        self.files.extend(own.files());
        self.add_script(own.tool.script, own.tool.component);
    }

    /// What a call needs to be started again.
    pub fn add_call(&mut self, call: &CallRow) {
        self.files.extend(call.files());
        self.add_script(call.script, call.component);
    }

    fn add_candidate(&mut self, candidate: &CandidateRow) {
        self.files.extend(candidate.files());
        if let Some(tool) = &candidate.tool {
            self.add_script(tool.script, tool.component);
        }
    }

    fn add_script(&mut self, script: Option<Digest>, component: Digest) {
        if let Some(script) = script {
            self.scripts.entry(script).or_default().insert(component);
        }
    }

    /// Whether a row of [`Table::Compiled`] is of use: for what of a component was compiled whoever has the component says so, but a script
    /// is compiled for the component that runs it.
    pub fn needs_compiled(&self, key: &[u8]) -> bool {
        let (Some(code), Some(compiled_for)) = (key.first_chunk::<32>(), key.last_chunk::<32>()) else { return true };
        match self.scripts.get(code) {
            Some(components) => components.contains(compiled_for),
            None => self.files.contains(code),
        }
    }
}

impl Snapshot {
    /// The code that tools, proposals and checkpoints need, and these calls.
    ///
    /// # Errors
    /// The disk failed, or a row is damaged.
    pub fn needed_code<'a>(&self, calls: impl IntoIterator<Item = &'a CallRow>) -> Result<NeededCode, StoreError> {
        let mut needed = NeededCode::default();
        calls.into_iter().for_each(|call| needed.add_call(call));
        self.rows(Table::Tool, &[])?.iter().for_each(|tool| needed.add_tool(tool));
        self.rows(Table::Candidate, &[])?.iter().for_each(|candidate| needed.add_candidate(candidate));
        self.rows(Table::ProcessTool, &[])?.iter().for_each(|own| needed.add_own_tool(own));
        let checkpoints = self.rows::<CheckpointRow>(Table::Checkpoint, &[])?;
        let members = checkpoints.iter().flat_map(|row| &row.members);
        members.flat_map(|member| &member.own_tools).for_each(|own| needed.add_own_tool(own));
        Ok(needed)
    }
}
