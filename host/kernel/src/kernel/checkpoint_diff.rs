//! How two checkpoints differ: a look at committed rows, linear in what there is.

use super::processes::own_namespace;
use super::view::View;
use crate::model::call::ObjectInfo;
use crate::model::checkpoint::{CheckpointRow, Member};
use crate::model::codec::from_bytes;
use crate::model::id::{GrantId, Pid, Seq};
use crate::model::object::{Change, Difference};
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// The difference between two checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Between {
    /// Processes that are only in the second one.
    pub made: Vec<Pid>,
    /// Processes that are only in the first one.
    pub ended: Vec<Pid>,
    pub changed: Vec<MemberChange>,
    pub objects: Vec<Difference>,
    /// Tools whose component is another one, or that are in one of them only.
    pub tools: Vec<String>,
}

/// How a process differs between two checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MemberChange {
    pub pid: Pid,
    /// What of it, before and after.
    pub fields: Vec<(&'static str, String, String)>,
    /// Grants that it got.
    pub grants_gained: Vec<GrantId>,
    /// Grants that it held before.
    pub grants_lost: Vec<GrantId>,
}

impl View<'_> {
    /// How the second checkpoint differs from the first.
    ///
    /// # Errors
    /// The store failed or is damaged.
    pub fn between(&self, first: &CheckpointRow, second: &CheckpointRow) -> Result<Between, StoreError> {
        let pids =
            |row: &CheckpointRow| -> BTreeSet<Pid> { row.members.iter().map(|member| member.process.pid).collect() };
        let (before, after) = (pids(first), pids(second));
        let mut between = Between {
            made: after.difference(&before).copied().collect(),
            ended: before.difference(&after).copied().collect(),
            tools: tools_between(first, second),
            ..Between::default()
        };
        for member in &first.members {
            let pid = member.process.pid;
            if let Some(other) = second.member(pid) {
                between.changed.extend(member_change(member, other));
                self.objects_between(pid, first.at, second.at, &mut between.objects)?;
            }
        }
        between.objects.sort();
        Ok(between)
    }

    fn objects_between(
        &self,
        pid: Pid,
        first: Seq,
        second: Seq,
        found: &mut Vec<Difference>,
    ) -> Result<(), StoreError> {
        let prefix = format!("{}/", own_namespace(pid));
        // Of each name the version that was there at each of the two moments.
        let mut names: BTreeMap<String, [Option<Seq>; 2]> = BTreeMap::new();
        let mut note = |info: ObjectInfo, until: Seq| {
            for (index, at) in [first, second].into_iter().enumerate() {
                if info.changed < at && at <= until && !info.is_gone() {
                    names.entry(info.name.clone()).or_default()[index] = Some(info.origin());
                }
            }
        };
        self.0.scan(Table::Object, prefix.as_bytes(), |_, value| {
            note(from_bytes(&value)?, Seq::MAX);
            Ok(ControlFlow::Continue(()))
        })?;
        self.0.scan(Table::ObjectVersion, prefix.as_bytes(), |key, value| {
            if let Some((_, until)) = table::read_object_version(key) {
                note(from_bytes(&value)?, until);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let change = |[before, after]: [Option<Seq>; 2]| match (before, after) {
            (None, Some(_)) => Some(Change::Made),
            (Some(_), None) => Some(Change::Deleted),
            (Some(before), Some(after)) if before != after => Some(Change::Changed),
            _ => None,
        };
        found.extend(
            names.into_iter().filter_map(|(name, versions)| Some(Difference { name, change: change(versions)? })),
        );
        Ok(())
    }
}

fn tools_between(first: &CheckpointRow, second: &CheckpointRow) -> Vec<String> {
    let tools = |row: &CheckpointRow| -> BTreeSet<(String, [u8; 32])> {
        row.tools.iter().map(|tool| (tool.name.clone(), tool.component)).collect()
    };
    let (before, after) = (tools(first), tools(second));
    let names: BTreeSet<String> = before.symmetric_difference(&after).map(|(name, _)| name.clone()).collect();
    names.into_iter().collect()
}

fn member_change(before: &Member, after: &Member) -> Option<MemberChange> {
    let mut fields = Vec::new();
    let mut field = |name: &'static str, before: String, after: String| {
        if before != after {
            fields.push((name, before, after));
        }
    };
    let (old, new) = (&before.process, &after.process);
    let step =
        |member: &Member| member.process.planner.as_ref().map_or(String::new(), |planner| planner.step.to_string());
    let purse = |member: &Member| {
        let left = member.process.purse.iter().flat_map(|purse| &purse.left);
        left.map(|(coin, amount)| format!("{coin:?} {amount}")).collect::<Vec<_>>().join(", ")
    };
    field("state", old.state.word().to_owned(), new.state.word().to_owned());
    field("image", old.image.clone(), new.image.clone());
    field("directory", old.working_directory.to_string(), new.working_directory.to_string());
    field("goal", old.goal.clone().unwrap_or_default(), new.goal.clone().unwrap_or_default());
    field("parent", show(old.parent), show(new.parent));
    field("step", step(before), step(after));
    field("left to spend", purse(before), purse(after));
    field("messages", before.messages.to_string(), after.messages.to_string());
    field("incarnation", old.incarnation.to_string(), new.incarnation.to_string());
    let (held, holds): (BTreeSet<_>, BTreeSet<_>) =
        (before.grants.iter().copied().collect(), after.grants.iter().copied().collect());
    let change = MemberChange {
        pid: old.pid,
        fields,
        grants_gained: holds.difference(&held).copied().collect(),
        grants_lost: held.difference(&holds).copied().collect(),
    };
    let is_same = change.fields.is_empty() && change.grants_gained.is_empty() && change.grants_lost.is_empty();
    (!is_same).then_some(change)
}

fn show(parent: Option<Pid>) -> String {
    parent.map_or("none".into(), |pid| pid.to_string())
}
