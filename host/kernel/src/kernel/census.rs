//! What people see of processes as a whole: who comes from whom, what each waits for, what it is for and what it may still spend.

use super::release::{goal_of, text_of_goal};
use super::view::View;
use crate::model::call::Payload;
use crate::model::id::{CallId, Pid, Position};
use crate::model::purse::Purse;
use crate::model::row::{CallRow, ProcessRow, WaitRow};
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, HashMap};

/// A process among others.
#[derive(Debug, Clone)]
pub struct Seen {
    pub process: ProcessRow,
    /// How many are above it, as far as they are shown.
    pub depth: usize,
    /// Whether a later one has the same parent.
    pub has_next: bool,
    /// What its calls wait for.
    pub waits: Vec<Waiting>,
    /// What it is for.
    pub goal: Option<String>,
    /// Whose purse it spends, and what is left in it.
    pub purse: Option<(Pid, Purse)>,
}

/// An open wait.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub call: CallId,
    pub position: Position,
    pub row: WaitRow,
}

impl View<'_> {
    /// Processes, each after its parent and with all that come from it before the next: `all` also those that have ended.
    ///
    /// # Errors
    /// The store failed or is damaged; so for all that follow.
    pub fn census(&self, all: bool) -> Result<Vec<Seen>, StoreError> {
        let rows: BTreeMap<Pid, ProcessRow> = self.processes()?.into_iter().map(|row| (row.pid, row)).collect();
        let shown = |row: &&ProcessRow| all || !row.state.is_final();
        let mut children: BTreeMap<Option<Pid>, Vec<Pid>> = BTreeMap::new();
        for row in rows.values().filter(shown) {
            // Whose parent is not shown stands at the edge. A parent has a smaller number, whatever a damaged row says.
            let parent = row.parent.filter(|pid| *pid < row.pid && rows.get(pid).is_some_and(|row| shown(&row)));
            children.entry(parent).or_default().push(row.pid);
        }
        let mut waits = self.waits_by_process()?;
        let mut seen = Vec::new();
        let mut left: Vec<(Pid, usize, bool)> = Vec::new();
        let push = |left: &mut Vec<(Pid, usize, bool)>, parent: Option<Pid>, depth: usize| {
            let below = children.get(&parent).map(Vec::as_slice).unwrap_or_default();
            let last = below.last().copied();
            left.extend(below.iter().rev().map(|pid| (*pid, depth, Some(*pid) != last)));
        };
        push(&mut left, None, 0);
        while let Some((pid, depth, has_next)) = left.pop() {
            let Some(process) = rows.get(&pid) else { continue };
            seen.push(Seen {
                depth,
                has_next,
                waits: waits.remove(&pid).unwrap_or_default(),
                goal: self.goal_of(process)?,
                purse: purse_of(process, |pid| rows.get(&pid).cloned()),
                process: process.clone(),
            });
            push(&mut left, Some(pid), depth + 1);
        }
        Ok(seen)
    }

    /// The open waits of the calls of a process.
    pub fn waits_of(&self, pid: Pid) -> Result<Vec<Waiting>, StoreError> {
        Ok(self.waits_by_process()?.remove(&pid).unwrap_or_default())
    }

    /// What a process is for, in words.
    pub fn goal_of(&self, process: &ProcessRow) -> Result<Option<String>, StoreError> {
        if process.goal_text.is_some() {
            return Ok(process.goal_text.clone());
        }
        let Some(name) = goal_of(process) else { return Ok(None) };
        Ok(self.0.row::<Payload>(Table::ObjectPayload, name.as_bytes())?.and_then(text_of_goal))
    }

    /// Whose purse a process spends, and what is left in it.
    pub fn purse_of(&self, process: &ProcessRow) -> Result<Option<(Pid, Purse)>, StoreError> {
        let payer = match process.payer {
            Some(payer) if process.purse.is_none() => self.process(payer)?,
            _ => None,
        };
        Ok(purse_of(process, |_| payer.clone()))
    }

    fn waits_by_process(&self) -> Result<HashMap<Pid, Vec<Waiting>>, StoreError> {
        let calls: HashMap<CallId, Pid> =
            self.0.rows::<CallRow>(Table::Call, table::LIVE)?.into_iter().map(|row| (row.id, row.pid)).collect();
        let mut waits: HashMap<Pid, Vec<Waiting>> = HashMap::new();
        self.0.scan(Table::Wait, &[], |key, value| {
            if let Some((call, position)) = table::read_place(key)
                && let Some(pid) = calls.get(&call)
            {
                let row = crate::model::codec::from_bytes(&value)?;
                waits.entry(*pid).or_default().push(Waiting { call, position, row });
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(waits)
    }
}

fn purse_of(process: &ProcessRow, find: impl Fn(Pid) -> Option<ProcessRow>) -> Option<(Pid, Purse)> {
    if let Some(purse) = &process.purse {
        return Some((process.pid, purse.clone()));
    }
    let payer = find(process.payer?)?;
    Some((payer.pid, payer.purse?))
}
