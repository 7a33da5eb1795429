//! How a process stands that somebody watches: how far it is, what it has left, and who works below it.

use super::Kernel;
use crate::model::id::{Pid, QuestionId};
use crate::model::process::State as ProcessState;
use crate::model::purse::Amounts;
use crate::model::time::Time;
use serde::{Deserialize, Serialize};

/// Processes below one that are named; of more there is the number.
const NAMED_MAX: usize = 8;

/// What somebody sees of a process who watches it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Steps that have ended.
    pub steps: u64,
    /// What is left in the purse that it spends from; nothing of what has no bound.
    pub left: Amounts,
    /// What it and all below it wait for: persons.
    pub questions: Vec<QuestionId>,
    /// The next moment that something of it waits for (RFC 3339).
    pub until: Option<String>,
    /// The oldest that live below it.
    pub below: Vec<Below>,
    /// How many live below it.
    pub below_count: u64,
    /// It is to be held after its present step.
    pub halts: bool,
}

/// A process below one that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    pub pid: Pid,
    /// `ready`, `running`, `waiting` or `paused`.
    pub state: String,
}

impl Kernel {
    /// How a process stands at this moment; none if it has ended.
    pub fn standing(&self, root: Pid) -> Option<Standing> {
        let progress = self.progress(root);
        let state = self.lock();
        let process = state.processes.get(&root)?;
        let tree = state.tree(root);
        let below = tree.iter().skip(1).take(NAMED_MAX).filter_map(|pid| state.processes.get(pid));
        let left = state.payer_of(root).and_then(|payer| state.processes.get(&payer)?.purse.clone());
        Some(Standing {
            steps: process.planner.as_ref().map_or(0, |planner| planner.step),
            left: left.map(|purse| purse.left).unwrap_or_default(),
            questions: progress.questions,
            until: progress.until.map(|until: Time| until.to_string()),
            below: below.map(|row| Below { pid: row.pid, state: row.state.word().to_owned() }).collect(),
            below_count: tree.len() as u64 - 1,
            halts: process.halts && !matches!(process.state, ProcessState::Paused(_)),
        })
    }
}
