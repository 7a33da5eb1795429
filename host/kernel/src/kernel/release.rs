//! What becomes of the objects of a process that ends: they go, but for its result and what others were given by name. What a forked child
//! made waits until its parent merges it or ends; who has no parent that lives leaves nothing to merge.

use super::children::{GOAL, is_goal_name};
use super::grants::named;
use super::own_namespace;
use super::state::State;
use crate::model::call::{ObjectInfo, Payload};
use crate::model::codec::from_bytes;
use crate::model::grant::{Effect, Holder};
use crate::model::id::Pid;
use crate::model::limit;
use crate::model::record::cut;
use crate::model::resource::{Kind, Resource};
use crate::model::row::ProcessRow;
use crate::model::time::Time;
use crate::model::view::ViewMode;
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::BTreeSet;

impl State {
    /// Releases the objects of a process that is about to end, and those of its children that have ended before and were not merged.
    /// `keep` is the full name of its result. To be called while its row is still among those that live.
    ///
    /// # Errors
    /// The disk failed.
    pub fn release_objects(&mut self, pid: Pid, keep: Option<&str>, now: Time) -> Result<(), StoreError> {
        for (key, _) in self.scan(Table::Unmerged, &table::number(pid.0))? {
            let child = table::read_numbers(&key).map(|(_, child)| Pid(child));
            if let Some(row) = child.map(|child| self.ended_process(child)).transpose()?.flatten() {
                self.drop_objects(&row, row.result_object.as_deref(), now)?;
                row.view.iter().try_for_each(|view| self.drop_view(view))?;
            }
            self.remove(Table::Unmerged, key);
        }
        self.release_gifts(pid, now)?;
        let Some(row) = self.processes.get(&pid).cloned() else { return Ok(()) };
        if let Some(parent) = self.waits_for_merge(&row)? {
            self.put_bytes(Table::Unmerged, table::numbers(parent.0, pid.0), Vec::new());
            return Ok(());
        }
        self.drop_objects(&row, keep, now)?;
        row.view.iter().try_for_each(|view| self.drop_view(view))
    }

    /// What processes that have ended left to this one, which is about to end too, goes if it was the last.
    fn release_gifts(&mut self, pid: Pid, now: Time) -> Result<(), StoreError> {
        let owners: BTreeSet<Pid> = self.grants.of(&Holder::Process(pid)).filter_map(named).collect();
        for owner in owners.into_iter().filter(|owner| !self.processes.contains_key(owner)).collect::<Vec<_>>() {
            let Some(row) = self.ended_process(owner)? else { continue };
            if !self.is_unmerged(&row)? {
                self.drop_objects_but(&row, row.result_object.as_deref(), Some(pid), now)?;
            }
        }
        Ok(())
    }

    /// Removes all objects of a process, but its result and what others were given by name.
    pub(super) fn drop_objects(&mut self, row: &ProcessRow, keep: Option<&str>, now: Time) -> Result<(), StoreError> {
        self.drop_objects_but(row, keep, None, now)
    }

    /// `leaving` is given nothing any more.
    fn drop_objects_but(
        &mut self,
        row: &ProcessRow,
        keep: Option<&str>,
        leaving: Option<Pid>,
        now: Time,
    ) -> Result<(), StoreError> {
        let prefix = format!("{}/", own_namespace(row.pid));
        for (name, value) in self.scan(Table::Object, prefix.as_bytes())? {
            let info: ObjectInfo = from_bytes(&value)?;
            if keep != Some(&info.name) && !self.is_given(row.pid, &info.name, leaving, now) {
                self.drop_object(&info)?;
                self.drop_links_to(&String::from_utf8_lossy(&name))?;
            }
        }
        if self.pins.has(row.pid) { Ok(()) } else { self.drop_namespaces(row.pid) }
    }

    /// Removes the namespaces of a process that has ended, or ends. As long as anybody sees its objects as they were, they stay.
    pub(super) fn drop_namespaces(&mut self, pid: Pid) -> Result<(), StoreError> {
        for (namespace, _) in self.scan(Table::Namespace, format!("{}/", own_namespace(pid)).as_bytes())? {
            self.remove(Table::Namespace, namespace);
        }
        Ok(())
    }

    /// Whether the objects of a process that has ended wait for its parent.
    pub(super) fn is_unmerged(&self, row: &ProcessRow) -> Result<bool, StoreError> {
        let Some(parent) = row.parent else { return Ok(false) };
        Ok(self.get(Table::Unmerged, &table::numbers(parent.0, row.pid.0))?.is_some())
    }

    /// The parent for which the objects of a forked child stay, if there are any that it made.
    fn waits_for_merge(&self, row: &ProcessRow) -> Result<Option<Pid>, StoreError> {
        if row.view.as_ref().is_none_or(|view| view.mode == ViewMode::ReadOnly) {
            return Ok(None);
        }
        let Some(parent) = row.parent.filter(|parent| self.processes.contains_key(parent)) else { return Ok(None) };
        let own = own_namespace(row.pid);
        for value in self.scan(Table::Object, format!("{own}/").as_bytes())?.into_values() {
            if !is_goal(row, &from_bytes(&value)?) {
                return Ok(Some(parent));
            }
        }
        Ok(None)
    }

    /// Whether somebody else who lives, or an image, was given an object of this process by a grant that names its namespace.
    fn is_given(&self, owner: Pid, name: &str, leaving: Option<Pid>, now: Time) -> bool {
        let resource = Resource::new(Kind::Object, name);
        self.grants.naming(owner).any(|grant| {
            grant.effect == Effect::Allow
                && leaving.is_none_or(|leaving| grant.holder != Holder::Process(leaving))
                && grant.pattern.covers(&resource)
                && self.grants.in_force(grant.id, now).is_some()
        })
    }

    /// The beginning of what a process was for, to be kept with its row.
    pub(super) fn goal_to_keep(&self, row: &ProcessRow) -> Option<String> {
        // What cannot be read is not told.
        let payload = self.row(Table::ObjectPayload, goal_of(row)?.as_bytes()).ok().flatten()?;
        let mut text = text_of_goal(payload)?;
        cut(&mut text, limit::GOAL_KEPT_BYTES_MAX);
        Some(text)
    }

    pub(super) fn ended_process(&self, pid: Pid) -> Result<Option<ProcessRow>, StoreError> {
        self.row(Table::Process, &table::ended(pid.0))
    }
}

/// Whether an object of a process says what the process is for, or was before it became another image. It is the process's own and nobody
/// else's.
pub(super) fn is_goal(row: &ProcessRow, info: &ObjectInfo) -> bool {
    let own = format!("{}/", own_namespace(row.pid));
    let Some(inside) = info.name.strip_prefix(&own) else { return false };
    let is_present = row.goal.as_ref().is_some_and(|goal| *goal == info.name || goal == inside);
    is_present || (info.immutable && info.object_type == GOAL && is_goal_name(inside))
}

/// What a goal says.
pub(super) fn text_of_goal(payload: Payload) -> Option<String> {
    let Payload::Json(text) = payload else { return None };
    let value: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(value.get("text")?.as_str()?.to_owned())
}

/// Full name of a process's goal, if it has one.
pub(super) fn goal_of(row: &ProcessRow) -> Option<String> {
    let goal = row.goal.as_ref()?;
    Some(if goal.contains('/') { goal.clone() } else { format!("{}/{goal}", own_namespace(row.pid)) })
}
