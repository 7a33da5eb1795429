//! Tools that the host has.

use super::Kernel;
use super::host::HostError;
use super::quanta::PLANNER;
use super::rules::Changed;
use super::state::State;
use crate::model::answer::CallError;
use crate::model::bound::reached;
use crate::model::candidate::check_tool_name;
use crate::model::declaration::gained;
use crate::model::id::Digest;
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ToolRow;
use crate::model::rule::Rule;
use crate::store::StoreError;
use crate::store::files::Pin;
use crate::store::table::{self, Table};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// A tool to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTool {
    pub name: String,
    /// The name that the component exports it by.
    pub export: String,
    pub summary: String,
    /// JSON Schema.
    pub arguments: String,
    /// JSON Schema.
    pub result: String,
    /// What it declares that it needs.
    pub needs: Option<Vec<Rule>>,
    /// The script that the component runs.
    pub script: Option<Digest>,
}

impl Kernel {
    /// Adds the tools of a component; a tool of the same name is replaced. `standard`: they came with the runtime.
    ///
    /// # Errors
    /// A name or a text breaks its limits, a name is one of a standard tool, or the disk failed.
    pub fn add_tools(
        &self,
        component: &[u8],
        imports: &[String],
        tools: Vec<NewTool>,
        standard: bool,
    ) -> Result<Changed<Vec<Arc<ToolRow>>>, HostError> {
        let digest: Digest = Sha256::digest(component).into();
        if tools.is_empty() || tools.len() > limit::TOOLS_PER_COMPONENT_MAX {
            return Err(HostError::Usage(format!(
                "the component describes {} tools; it must be 1 to {}",
                tools.len(),
                limit::TOOLS_PER_COMPONENT_MAX
            )));
        }
        tools.iter().try_for_each(check_tool)?;
        if !standard {
            // Without the standard tools of this version no host starts, and what has begun could not end.
            self.lock().check_space()?;
        }
        // To the end of this function, where the rows that name it are in the batch.
        let _pin = self.pin_file("component", &digest, component)?;
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        if let Some(taken) =
            tools.iter().find(|tool| !standard && state.tools.get(&tool.name).is_some_and(|known| known.standard))
        {
            return Err(HostError::Usage(format!(
                "'{}' is a standard tool; add yours under another name with --name",
                taken.name
            )));
        }
        let mut added = Vec::new();
        for tool in tools {
            let row = Arc::new(ToolRow {
                name: tool.name,
                export: tool.export,
                component: digest,
                summary: tool.summary,
                arguments: tool.arguments,
                result: tool.result,
                imports: reached(imports, tool.needs.iter().flatten()),
                added: now,
                standard,
                needs: tool.needs,
                script: tool.script,
                within: Vec::new(),
            });
            let mut record = Record::new("host.tool-add", now, Decided::Host, Outcome::Done);
            record.detail = Some(format!("{} {}", row.name, crate::model::id::hex(row.code())));
            state.note(record);
            state.put(Table::Tool, row.name.clone().into_bytes(), &*row);
            state.put(Table::ToolVersion, table::tool_version(&row.name, row.code()), &*row);
            state.tools.insert(row.name.clone(), Arc::clone(&row));
            added.push(row);
        }
        if standard {
            state.refresh_standard_images();
        }
        Ok(Changed { what: added, durable: state.mark() })
    }

    /// Removes a tool. Calls of it that have started go on with the component that they have.
    ///
    /// # Errors
    /// There is none of that name, or it is a standard tool.
    pub fn remove_tool(&self, name: &str) -> Result<Changed<()>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        match state.tools.get(name) {
            None => return Err(HostError::Usage(format!("there is no tool '{name}'"))),
            Some(tool) if tool.standard => {
                return Err(HostError::Usage(format!("'{name}' is a standard tool and stays")));
            }
            Some(_) => {}
        }
        state.tools.remove(name);
        state.remove(Table::Tool, name.as_bytes().to_vec());
        let mut record = Record::new("host.tool-rm", now, Decided::Host, Outcome::Done);
        record.detail = Some(name.to_owned());
        state.note(record);
        Ok(Changed { what: (), durable: state.mark() })
    }

    /// The tools of the host.
    pub fn tools(&self) -> Vec<Arc<ToolRow>> {
        self.lock().tools.values().cloned().collect()
    }

    /// A tool as it was in a component, also if another one has its name now, or none.
    ///
    /// # Errors
    /// The disk failed.
    pub fn tool_version(&self, name: &str, component: &Digest) -> Result<Option<ToolRow>, StoreError> {
        self.lock().tool_version(name, component)
    }

    /// Digest of the compiled code of a component for an engine, if it was compiled before.
    pub fn compiled(&self, component: &Digest, engine: &Digest) -> Option<Digest> {
        let bytes = self.lock().get(Table::Compiled, &[*component, *engine].concat()).ok()??;
        bytes.try_into().ok()
    }

    /// Notes the digest of the compiled code of a component for an engine.
    pub fn set_compiled(&self, component: &Digest, engine: &Digest, code: Digest) {
        self.lock().put_bytes(Table::Compiled, [*component, *engine].concat(), code.to_vec());
    }

    /// Of which components compiled code is noted, with the engine that each is for.
    ///
    /// # Errors
    /// The store failed.
    pub fn all_compiled(&self) -> Result<Vec<(Digest, Digest)>, StoreError> {
        let keys = self.snapshot()?.keys(Table::Compiled, &[])?.into_iter();
        let split = |key: Vec<u8>| Some((*key.first_chunk::<32>()?, *key.last_chunk::<32>()?));
        Ok(keys.filter_map(|(key, _)| split(key)).collect())
    }

    /// The bytes of a component that was added.
    ///
    /// # Errors
    /// It is missing or was changed on the disk.
    pub fn component(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        self.file("component", digest)
    }

    /// Puts a file into the store that is about to be named.
    pub(super) fn pin_file(&self, what: &str, digest: &Digest, bytes: &[u8]) -> Result<Pin<'_>, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed(format!("the {what} cannot be stored: {error}"));
        self.files.put_pinned(digest, bytes).map_err(failed)
    }

    pub(super) fn file(&self, what: &str, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let name = crate::model::id::hex(digest);
        let bytes =
            self.storage.get_file(digest).map_err(|error| StoreError::Damaged(format!("{what} {name}: {error}")))?;
        let have: Digest = Sha256::digest(&bytes).into();
        if have == *digest { Ok(bytes) } else { Err(StoreError::Damaged(format!("{what} {name} was changed"))) }
    }
}

impl State {
    /// What a component of a tool can do that an earlier one could not, in plain words.
    pub(super) fn gained_since(&self, name: &str, old: &Digest, new: &Digest) -> Vec<String> {
        let unknown = || vec!["what it could do before is not known any more".to_owned()];
        let version = |digest| self.tool_version(name, digest).ok().flatten();
        let (Some(old), Some(new)) = (version(old), version(new)) else { return unknown() };
        gained((&old.imports, old.needs.as_deref()), (&new.imports, new.needs.as_deref()))
    }

    /// A tool as it was in a component.
    ///
    /// # Errors
    /// The disk failed.
    pub fn tool_version(&self, name: &str, component: &Digest) -> Result<Option<ToolRow>, StoreError> {
        self.row(Table::ToolVersion, &table::tool_version(name, component))
    }
}

/// Whether two names are alike enough to be meant for each other.
pub(super) fn near(known: &str, typed: &str) -> bool {
    typed.len() >= 3
        && (known.contains(typed)
            || typed.contains(known)
            || known.bytes().zip(typed.bytes()).filter(|(a, b)| a == b).count() + 2 >= known.len().max(typed.len()))
}

pub(super) fn check_tool(tool: &NewTool) -> Result<(), HostError> {
    let name = &tool.name;
    check_tool_name(name).map_err(|error| match error {
        CallError::Invalid(why) => HostError::Usage(why),
        error => HostError::Usage(error.to_string()),
    })?;
    // Its calls would look like the steps of a process.
    if name == PLANNER {
        return Err(HostError::Usage(format!(
            "'{PLANNER}' is the name of what chooses tools; give another with --name"
        )));
    }
    let too_long = tool.summary.len() > limit::TOOL_SUMMARY_BYTES_MAX
        || tool.arguments.len() > limit::TOOL_SCHEMA_BYTES_MAX
        || tool.result.len() > limit::TOOL_SCHEMA_BYTES_MAX;
    if too_long {
        return Err(HostError::Usage(format!("the description of '{name}' is too long")));
    }
    if tool.needs.as_ref().is_some_and(|needs| needs.len() > limit::TOOL_NEEDS_MAX) {
        return Err(HostError::Usage(format!("'{name}' declares more than {} lines", limit::TOOL_NEEDS_MAX)));
    }
    let bytes: usize = tool.needs.iter().flatten().map(|need| need.pattern.to_string().len()).sum();
    if bytes > limit::TOOL_NEEDS_BYTES_MAX {
        let most = limit::TOOL_NEEDS_BYTES_MAX;
        return Err(HostError::Usage(format!(
            "the resources that '{name}' declares have {bytes} bytes, at most {most}"
        )));
    }
    for schema in [&tool.arguments, &tool.result] {
        let schema: serde_json::Value = serde_json::from_str(schema)
            .map_err(|error| HostError::Usage(format!("a schema of '{name}' is not JSON: {error}")))?;
        if !schema.is_object() && !schema.is_boolean() {
            return Err(HostError::Usage(format!("a schema of '{name}' is neither an object nor true or false")));
        }
    }
    Ok(())
}
