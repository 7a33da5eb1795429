//! Who descends from whom, and what that allows without any grant. It cannot be handed on, and a deny or an ask beats it.

use super::state::State;
use crate::model::id::Pid;
use crate::model::need::{Need, process};
use crate::model::right::Right;
use crate::model::row::ProcessRow;
use crate::store::table::{self, Table};

pub(crate) use crate::model::need::pid_of as process_of;

/// The need of a message to a process.
pub(super) fn need_of_message(to: Pid) -> Need {
    Need { resource: process(to), right: Right::Message, whole: false }
}

impl State {
    /// Whether a process may do this by its descent alone: signal and wait for its own children; send messages to its children, its
    /// parent and itself.
    pub(super) fn by_descent(&self, pid: Pid, need: &Need) -> bool {
        let Some(other) = process_of(&need.resource) else { return false };
        match need.right {
            Right::Signal | Right::Wait => self.is_child_of(other, pid),
            Right::Message => other == pid || self.is_child_of(pid, other) || self.is_child_of(other, pid),
            _ => false,
        }
    }

    fn is_child_of(&self, child: Pid, parent: Pid) -> bool {
        match self.processes.get(&child) {
            Some(row) => row.parent == Some(parent),
            // What has ended has left memory.
            None => self
                .row::<ProcessRow>(Table::Process, &table::ended(child.0))
                .is_ok_and(|row| row.is_some_and(|row| row.parent == Some(parent))),
        }
    }
}
