//! Tools that belong to a process: it registered them, and they end with it. Those below see them only if they are to.
//!
//! Such a tool is a name for code and gives nothing: at its own system calls it is decided for the process that calls it, as for every
//! tool, and within what it declares. It stays besides within the calls that registered it, so that a tool that is confined does not make
//! itself one that is not. Those of tools that came with the runtime are left out of that: they do what they are told by their callers,
//! and declare no more than the system call that they are for.
//!
//! Names are looked up in one order: the image's, the process's own, then those of the processes above it, the nearest first. So a tool of
//! the host is never hidden, whichever came first, and nobody below hides anything from those above.

use super::Kernel;
use super::calls::Place;
use super::host::HostError;
use super::quanta::PLANNER;
use super::rules::Changed;
use super::state::State;
use super::tools::near;
use super::view::View;
use crate::model::answer::CallError;
use crate::model::bound::Bound;
use crate::model::candidate::{KnownTool, Origin, ProcessTool, Standing, check_tool_name};
use crate::model::codec::from_bytes;
use crate::model::id::{CallId, Pid, hex};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{CallRow, ToolRow};
use crate::store::StoreError;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The standard tool that calls another one by its name.
pub const RELAY: &str = "call_tool";

/// The tools of all processes that live.
pub type OwnTools = BTreeMap<(Pid, String), Arc<ProcessTool>>;

impl Kernel {
    /// The tools that a process registered, by their names.
    pub fn own_tools(&self, pid: Pid) -> Vec<Arc<ProcessTool>> {
        self.lock().own_tools_of(pid).cloned().collect()
    }

    /// The tools that a process sees, by their names.
    pub fn known_tools(&self, pid: Pid) -> Vec<KnownTool> {
        self.lock().known_tools(pid)
    }

    /// Makes a tool of a process one of the host, for images. It stays within what it was registered within.
    ///
    /// # Errors
    /// The process has none of that name, the host has one of the new name, or the disk failed.
    pub fn promote_tool(&self, pid: Pid, name: &str, new: Option<&str>) -> Result<Changed<Arc<ToolRow>>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let known = state.own_tools.get(&(pid, name.to_owned())).cloned();
        let known = known.ok_or_else(|| {
            HostError::Usage(format!("{pid} has registered no tool '{name}'; `libos show {pid}` lists its tools"))
        })?;
        let new = new.unwrap_or(name);
        check_tool_name(new).map_err(|error| HostError::Usage(error.to_string()))?;
        if new == PLANNER || state.tools.contains_key(new) {
            return Err(HostError::Usage(format!("the host has a tool '{new}'; give another name with --name")));
        }
        let row = Arc::new(ToolRow { name: new.to_owned(), added: now, ..known.tool.clone() });
        let mut record = Record::new("host.tool-promote", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some(format!("{name} as {new}, {}", hex(row.code())));
        state.note(record);
        state.put(Table::Tool, new.as_bytes().to_vec(), &*row);
        state.put(Table::ToolVersion, table::tool_version(new, row.code()), &*row);
        state.tools.insert(new.to_owned(), Arc::clone(&row));
        Ok(Changed { what: row, durable: state.mark() })
    }
}

impl State {
    pub(super) fn load_own_tools(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.scan(Table::ProcessTool, &[], |key, value| {
            if let Some((pid, _)) = key.split_first_chunk::<8>() {
                let row: ProcessTool = from_bytes(&value)?;
                self.own_tools.insert((Pid(u64::from_be_bytes(*pid)), row.tool.name.clone()), Arc::new(row));
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    pub(super) fn own_tools_of(&self, pid: Pid) -> impl Iterator<Item = &Arc<ProcessTool>> {
        let own = self.own_tools.range((pid, String::new())..);
        own.take_while(move |((owner, _), _)| *owner == pid).map(|(_, tool)| tool)
    }

    fn above(&self, pid: Pid) -> impl Iterator<Item = Pid> {
        let parent = |pid: &Pid| self.processes.get(pid).and_then(|process| process.parent);
        std::iter::successors(parent(&pid), move |pid| parent(pid))
    }

    /// A tool that a process sees.
    pub(super) fn tool_of(&self, pid: Pid, name: &str) -> Result<Arc<ToolRow>, HostError> {
        let process = self.processes.get(&pid);
        let image = process.map(|process| process.image.as_str()).unwrap_or_default();
        if process.and_then(|process| self.image_of(process)).is_some_and(|known| known.has(name))
            && let Some(tool) = self.tools.get(name)
        {
            return Ok(Arc::clone(tool));
        }
        if let Some((tool, _)) = self.registered(pid, name) {
            return Ok(Arc::new(tool.tool.clone()));
        }
        if self.tools.contains_key(name) {
            return Err(HostError::Usage(format!("image '{image}' does not have the tool '{name}'")));
        }
        let like = self.tools.keys().filter(|known| near(known, name));
        let like = like.min_by_key(|known| known.len().abs_diff(name.len()));
        let hint =
            like.map_or_else(|| "`libos tool list` shows them".to_owned(), |like| format!("did you mean '{like}'?"));
        Err(HostError::Usage(format!("there is no tool '{name}'; {hint}")))
    }

    /// A tool that this process, or one above it for those below, registered.
    fn registered(&self, pid: Pid, name: &str) -> Option<(&Arc<ProcessTool>, Origin)> {
        let of = |pid: Pid| self.own_tools.get(&(pid, name.to_owned()));
        if self.own_tools.is_empty() {
            return None;
        }
        if let Some(own) = of(pid) {
            return Some((own, Origin::Own));
        }
        self.above(pid).find_map(|above| of(above).filter(|tool| tool.for_children)).map(|tool| (tool, Origin::Above))
    }

    /// All tools that a process sees, by their names.
    pub(crate) fn known_tools(&self, pid: Pid) -> Vec<KnownTool> {
        let Some(process) = self.processes.get(&pid) else { return Vec::new() };
        let image = self.image_of(process);
        let of_image = self.tools.values().filter(|tool| image.as_ref().is_some_and(|image| image.has(&tool.name)));
        let mut known: BTreeMap<&str, KnownTool> =
            of_image.map(|tool| (tool.name.as_str(), known(tool, Origin::Image))).collect();
        for tool in self.own_tools_of(pid) {
            known.entry(&tool.tool.name).or_insert_with(|| self::known(&tool.tool, Origin::Own));
        }
        for above in self.above(pid) {
            for tool in self.own_tools_of(above).filter(|tool| tool.for_children) {
                known.entry(&tool.tool.name).or_insert_with(|| self::known(&tool.tool, Origin::Above));
            }
        }
        known.into_values().collect()
    }

    /// Gives a process the tool that it has proposed and that was validated.
    pub(crate) fn register_tool(&mut self, place: Place, id: &str, for_children: bool) -> Result<(), CallError> {
        let pid = place.pid;
        let mut row = self.own_candidate(pid, id)?;
        let name = row.proposal.name.clone();
        match row.standing {
            Standing::Validated => {}
            Standing::Proposed => return Err(CallError::Invalid(format!("{id} was not validated"))),
            Standing::Rejected => return Err(CallError::Invalid(format!("{id} was rejected by its validation"))),
            Standing::Registered => return Err(CallError::AlreadyExists(format!("{id} was registered"))),
        }
        let tool = row.tool.as_deref().cloned().ok_or(CallError::Internal)?;
        // Of the host every tool, whatever images have: it may get into the image at any time.
        if name == PLANNER || self.tools.contains_key(&name) || self.registered(pid, &name).is_some() {
            return Err(CallError::AlreadyExists(format!("tool:{name}")));
        }
        if self.own_tools_of(pid).count() >= limit::PROCESS_TOOLS_MAX {
            let most = limit::PROCESS_TOOLS_MAX;
            return Err(CallError::TooLarge(format!("a process has at most {most} tools of its own")));
        }
        let tool = ToolRow { within: self.bounds_of_register(place.call)?, ..tool };
        self.put(Table::ToolVersion, table::tool_version(&name, tool.code()), &tool);
        self.put_own_tool(pid, ProcessTool { tool, for_children, candidate: row.id, source: row.digest });
        row.standing = Standing::Registered;
        self.put_candidate(&row);
        Ok(())
    }

    /// What the calls are within that register a tool, but for those of the runtime's own tools.
    fn bounds_of_register(&self, call: CallId) -> Result<Vec<Bound>, CallError> {
        let mut bounds: Vec<Bound> = Vec::new();
        let mut chain = self.callers_of(call);
        chain.reverse();
        let mut above = 0;
        for call in chain {
            let Some(live) = self.calls.get(&call) else { return Err(CallError::Internal) };
            let standard = self.is_standard(&live.row);
            let own = live.row.bounds.get(above..).unwrap_or_default();
            if !standard && !live.row.is_quantum() {
                let new: Vec<Bound> = own.iter().filter(|bound| !bounds.contains(bound)).cloned().collect();
                bounds.extend(new);
            }
            above = self.bounds_handed_on(call).len();
        }
        if bounds.len() > limit::REGISTER_BOUNDS_MAX {
            let most = limit::REGISTER_BOUNDS_MAX;
            return Err(CallError::TooLarge(format!(
                "tools that were registered by tools, more than {most} one from the other"
            )));
        }
        Ok(bounds)
    }

    fn is_standard(&self, row: &CallRow) -> bool {
        self.tools.get(&row.tool).is_some_and(|tool| tool.standard && tool.code() == row.code())
    }

    /// What a call is within that this one makes. Of [`RELAY`] as it came with the runtime, only what its callers are within: it does
    /// nothing but call what it is told to, and would else leave nothing to that.
    pub(super) fn bounds_handed_on(&self, call: CallId) -> Vec<Bound> {
        let Some(row) = self.calls.get(&call).map(|live| &live.row) else { return Vec::new() };
        let own = usize::from(row.tool == RELAY && self.is_standard(row));
        row.bounds[..row.bounds.len().saturating_sub(own)].to_vec()
    }

    pub(super) fn put_own_tool(&mut self, pid: Pid, row: ProcessTool) {
        let name = row.tool.name.clone();
        self.put(Table::ProcessTool, table::process_tool(pid, &name), &row);
        self.own_tools.insert((pid, name), Arc::new(row));
    }

    /// Takes a tool away from the process that registered it. Its calls that have begun go on with the code that they have.
    pub(crate) fn unregister_tool(&mut self, pid: Pid, name: &str) -> Result<(), CallError> {
        if self.own_tools.remove(&(pid, name.to_owned())).is_none() {
            return Err(CallError::NotFound(format!("tool:{name}")));
        }
        self.remove(Table::ProcessTool, table::process_tool(pid, name));
        Ok(())
    }

    /// Takes all tools of a process away.
    pub(super) fn drop_own_tools(&mut self, pid: Pid) {
        let names: Vec<String> = self.own_tools_of(pid).map(|tool| tool.tool.name.clone()).collect();
        for name in names {
            self.remove(Table::ProcessTool, table::process_tool(pid, &name));
            self.own_tools.remove(&(pid, name));
        }
    }
}

impl View<'_> {
    /// The tools that a process registered, by their names.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub fn own_tools(&self, pid: Pid) -> Result<Vec<ProcessTool>, StoreError> {
        self.0.rows(Table::ProcessTool, &table::number(pid.0))
    }
}

fn known(tool: &ToolRow, origin: Origin) -> KnownTool {
    KnownTool {
        name: tool.name.clone(),
        summary: tool.summary.clone(),
        arguments: tool.arguments.clone(),
        result: tool.result.clone(),
        origin,
    }
}
