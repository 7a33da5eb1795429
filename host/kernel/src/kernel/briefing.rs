//! What a planner must know of a process to choose for it: what it is, what it is for, what it sees and what it may do.

use super::Kernel;
use super::release::{goal_of, text_of_goal};
use super::state::State;
use crate::model::call::Payload;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::Pid;
use crate::model::image::ContextLimits;
use crate::model::right::Right;
use crate::model::row::{ProcessRow, ToolRow};
use crate::model::rule::Rule;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::Table;

/// A process as its planner sees it at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Briefing {
    pub pid: Pid,
    pub parent: Option<Pid>,
    pub image: String,
    /// What its image tells a model first.
    pub prompt: Option<String>,
    pub context: Option<ContextLimits>,
    /// What it is for, in words.
    pub goal: Option<String>,
    /// As the process writes it: `/workspace`.
    pub working_directory: String,
    /// Sorted by name.
    pub tools: Vec<Offered>,
    /// What was granted to it, and what is restricted of that, a line each, sorted.
    pub capabilities: Vec<String>,
    /// Messages that it has not received.
    pub messages: u64,
}

/// A tool that a process sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    pub name: String,
    pub summary: String,
    /// JSON Schema.
    pub arguments: String,
    /// It declares that it needs nothing but looks: calls of such tools do not get in each other's way.
    pub only_looks: bool,
}

impl Kernel {
    /// What the planner of a process must know. None if the process has ended.
    ///
    /// # Errors
    /// The disk failed.
    pub fn briefing(&self, pid: Pid) -> Result<Option<Briefing>, StoreError> {
        let now = self.now();
        let state = self.lock();
        let Some(process) = state.processes.get(&pid) else { return Ok(None) };
        let image = state.image_of(process);
        let offered = |known: crate::model::candidate::KnownTool| {
            let tool = state.tool_of(pid, &known.name).ok();
            let only_looks = tool.as_deref().is_some_and(only_looks);
            Offered { name: known.name, summary: known.summary, arguments: known.arguments, only_looks }
        };
        Ok(Some(Briefing {
            pid,
            parent: process.parent,
            image: process.image.clone(),
            prompt: image.as_ref().and_then(|image| image.prompt.clone()),
            context: image.as_ref().and_then(|image| image.context),
            goal: state.text_of_goal(process)?,
            working_directory: format!("/{}", process.working_directory.path()),
            tools: state.known_tools(pid).into_iter().map(offered).collect(),
            capabilities: state.capabilities(pid, now),
            messages: state.messages_waiting(pid),
        }))
    }
}

impl State {
    fn text_of_goal(&self, process: &ProcessRow) -> Result<Option<String>, StoreError> {
        let Some(name) = goal_of(process) else { return Ok(process.goal_text.clone()) };
        Ok(self.row::<Payload>(Table::ObjectPayload, name.as_bytes())?.and_then(text_of_goal))
    }

    fn capabilities(&self, pid: Pid, now: Time) -> Vec<String> {
        // Its own namespace everybody has.
        let told =
            |grant: &&Grant| !matches!(grant.issuer, Issuer::Runtime) && self.grants.in_force(grant.id, now).is_some();
        let mut lines: Vec<String> = self.grants.of(&Holder::Process(pid)).filter(told).map(line).collect();
        lines.sort();
        lines.dedup();
        lines
    }
}

fn line(grant: &Grant) -> String {
    let rule = Rule { rights: grant.rights, pattern: grant.pattern.clone() };
    let mut line = match grant.effect {
        Effect::Allow => format!("allowed: {rule}"),
        Effect::Ask => format!("a person is asked: {rule}"),
        Effect::Deny => format!("refused: {rule}"),
    };
    match grant.uses_left {
        Some(1) => line.push_str(" (once)"),
        Some(uses) => line.push_str(&format!(" ({uses} times)")),
        None => {}
    }
    if let Some(tool) = &grant.only_tool {
        line.push_str(&format!(" (by {} only)", tool.name));
    }
    line
}

/// Whether a tool reads and declares no right by which anything changes. What only lists may move the working directory, and what needs
/// nothing may take a message: their order counts.
fn only_looks(tool: &ToolRow) -> bool {
    let looks = |right: Right| matches!(right, Right::Read | Right::List);
    let needs = tool.needs.as_deref().unwrap_or_default();
    needs.iter().any(|rule| rule.rights.contains(Right::Read)) && needs.iter().all(|rule| rule.rights.iter().all(looks))
}
