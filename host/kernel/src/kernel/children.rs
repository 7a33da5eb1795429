//! Children: who descends from whom, what that gives, and how a process makes another one. A child has what it was handed, its own
//! namespace and nothing else; it is made in one change with all that.

use super::calls::Place;
use super::delegate::{Delegation, Ready};
use super::host::HostError;
use super::images::KnownImage;
use super::objects::Author;
use super::processes::own_namespace;
use super::state::State;
use crate::model::answer::{CallError, Denial};
use crate::model::call::{Call, ObjectOptions, Payload};
use crate::model::child::{ChildInfo, ChildOptions};
use crate::model::decide::Why;
use crate::model::id::{CallId, Pid, Position};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::{Right, Rights};
use crate::model::row::ProcessRow;
use crate::model::rule::Rule;
use crate::model::time::Time;
use crate::model::view::View;
use crate::store::StoreError;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// What is found of children without a look at all processes.
#[derive(Debug, Default)]
pub struct Children {
    /// Parent and child, both alive.
    live: BTreeSet<(Pid, Pid)>,
    /// Parent, which lives, and a child that has ended and that it did not wait for.
    ended: BTreeSet<(Pid, Pid)>,
    /// How many a parent has of both.
    counts: HashMap<Pid, usize>,
    /// Whose end is waited for, and where; for any child that is the process which waits.
    pub(super) waits: BTreeSet<(Pid, CallId, Position)>,
}

impl Children {
    /// Takes a row into account that is written.
    pub(super) fn note(&mut self, row: &ProcessRow) {
        let Some(parent) = row.parent else { return };
        if row.state.is_final() {
            self.remove(parent, row.pid);
        } else if self.live.insert((parent, row.pid)) {
            *self.counts.entry(parent).or_default() += 1;
        }
    }

    /// The child lives no more, or has another parent.
    pub(super) fn remove(&mut self, parent: Pid, child: Pid) {
        if self.live.remove(&(parent, child)) {
            self.uncount(parent);
        }
    }

    /// The child has ended, and its parent, which lives, does not know.
    pub(super) fn add_ended(&mut self, parent: Pid, child: Pid) {
        if self.ended.insert((parent, child)) {
            *self.counts.entry(parent).or_default() += 1;
        }
    }

    /// The parent knows, or has ended itself. Answers whether it did not know.
    pub(super) fn remove_ended(&mut self, parent: Pid, child: Pid) -> bool {
        let was_there = self.ended.remove(&(parent, child));
        if was_there {
            self.uncount(parent);
        }
        was_there
    }

    fn uncount(&mut self, parent: Pid) {
        if let Entry::Occupied(mut count) = self.counts.entry(parent) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// How many children a process has that live or were not waited for.
    pub(super) fn count(&self, parent: Pid) -> usize {
        self.counts.get(&parent).copied().unwrap_or_default()
    }

    /// The live children of a process, oldest first.
    pub(super) fn of(&self, parent: Pid) -> impl Iterator<Item = Pid> {
        self.live.range((parent, Pid(0))..=(parent, Pid(u64::MAX))).map(|(_, child)| *child)
    }

    /// The children of a process that have ended and that it did not wait for, oldest first.
    pub(super) fn ended_of(&self, parent: Pid) -> impl Iterator<Item = Pid> {
        self.ended.range((parent, Pid(0))..=(parent, Pid(u64::MAX))).map(|(_, child)| *child)
    }
}

/// What a child is made of, checked.
struct Ordered {
    image: Arc<KnownImage>,
    lines: Vec<Delegation>,
    working_directory: Resource,
    view: Option<View>,
}

impl State {
    /// Reads who has ended and was not waited for.
    pub(super) fn load_ended_children(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.scan(Table::Process, table::NOT_WAITED_FOR, |key, _| {
            if let Some((parent, child)) = table::read_not_waited_for(key) {
                self.children.add_ended(parent, child);
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// A process, alive or not.
    pub(super) fn process_row(&self, pid: Pid) -> Result<Option<ProcessRow>, StoreError> {
        match self.processes.get(&pid) {
            Some(row) => Ok(Some(row.clone())),
            None => self.row(Table::Process, &table::ended(pid.0)),
        }
    }

    /// A process and all below it that lives: each comes after those below it. Bounded by the number of processes, not by recursion.
    pub(super) fn subtree(&self, top: Pid) -> Vec<Pid> {
        let mut tree = self.tree(top);
        tree.reverse();
        tree
    }

    /// The children that live, and those that have ended and were not waited for.
    pub(crate) fn list_children(&self, parent: Pid) -> Result<Vec<ChildInfo>, CallError> {
        let mut found = Vec::new();
        for pid in self.children.of(parent).chain(self.children.ended_of(parent)) {
            let Some(row) = self.process_row(pid)? else { continue };
            let mut why = row.state.why().map(str::to_owned);
            why.iter_mut().for_each(|why| cut(why, limit::RECORD_TEXT_BYTES_MAX));
            found.push(ChildInfo {
                pid,
                state: row.state.word().to_owned(),
                why,
                image: row.image,
                goal: row.goal,
                created: row.created,
            });
        }
        found.sort_by_key(|child| child.pid);
        Ok(found)
    }

    /// Makes a child, as the process at `place` asks: the image is in the first of the names, its working directory in the second.
    pub(crate) fn make_child(
        &mut self,
        place: Place,
        call: &Call,
        names: &[Resource],
        now: Time,
    ) -> Result<Pid, CallError> {
        let (Call::ProcessSpawn { child } | Call::ProcessFork { child, .. }) = call else {
            return Err(CallError::Internal);
        };
        self.check_space().map_err(|_| super::space::no_space())?;
        let parent = self.processes.get(&place.pid).cloned().ok_or(CallError::Internal)?;
        let ordered = self.check_child(place, &parent, call, child, names, now)?;
        let amounts: Vec<_> = child.budget.iter().flatten().map(|amount| (amount.coin, amount.amount)).collect();
        self.check_purse(parent.pid, &amounts)?;
        // A number that is not used leaves a gap, and nobody minds.
        let pid = self.new_pid();
        let seen = ordered.view.as_ref().map(rules_seen).unwrap_or_default();
        let ready = self.plan_handing(parent.pid, pid, &ordered.lines, &seen, now)?;
        let goal = self.make_goal(pid, &child.goal, Author { pid: parent.pid, call: place.call, now })?;
        self.put_process(ProcessRow {
            priority: child.priority.unwrap_or(parent.priority),
            payer: if parent.purse.is_some() { Some(parent.pid) } else { parent.payer },
            goal: Some(goal.clone()),
            image_digest: Some(ordered.image.digest),
            ..ProcessRow::new(pid, Some(parent.pid), ordered.image.name.clone(), ordered.working_directory.clone(), now)
        });
        let author = Author { pid: parent.pid, call: place.call, now };
        if child.budget.is_some()
            && let Err(error) = self.move_purse(parent.pid, pid, &amounts)
        {
            self.processes.remove(&pid);
            self.children.remove(parent.pid, pid);
            self.reschedule(pid);
            self.remove(Table::Process, table::live(pid.0));
            self.object_delete(&Resource::new(Kind::Object, goal), None, author)?;
            return Err(error);
        }
        let made = self.carry_out_delegation(ready, parent.pid, pid, &ordered.lines, now);
        self.grant_own_namespace(pid, now);
        self.take_image(&ordered.image.name);
        self.restrict_as(&ordered.image, pid, now);
        if let Some(text) = child.planner.clone().or_else(|| self.plan_of_image(pid)) {
            self.set_plan(pid, &text, None);
        }
        let how = ordered.view.as_ref().map_or("spawned", |_| "forked");
        if let Some(view) = ordered.view {
            self.set_view(pid, view);
        }
        let mut record = Record::new("process.new", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some(format!(
            "{how} by {}, from image {}, with {} grants of it",
            parent.pid,
            ordered.image.name,
            made.len()
        ));
        self.note(record);
        Ok(pid)
    }

    /// Everything about a child that can be refused before its grants are looked at.
    fn check_child(
        &self,
        place: Place,
        parent: &ProcessRow,
        call: &Call,
        child: &ChildOptions,
        names: &[Resource],
        now: Time,
    ) -> Result<Ordered, CallError> {
        let image = names.first().and_then(|name| name.path().strip_prefix("image/")).ok_or(CallError::Internal)?;
        let known = self.images.get(image).cloned();
        let image = known.ok_or_else(|| CallError::NotFound(format!("image:{image}")))?;
        self.check_room_for_child(parent.pid)?;
        if child.priority.is_some_and(|priority| priority > parent.priority) {
            return Err(CallError::Invalid("a child's priority is at most that of its parent".into()));
        }
        let line = |handed: &crate::model::child::Handed| {
            let rule = handed.rule().map_err(|error| CallError::Invalid(format!("a grant: {error}")))?;
            Ok(Delegation { rule, uses: handed.uses, expires_in: handed.expires_in.map(Duration::from_nanos) })
        };
        let lines: Vec<Delegation> = child.grants.iter().map(line).collect::<Result<_, CallError>>()?;
        // What a tool may not use it may not give away either.
        let (_, _, bounds) = self.asking_tool(place.call).ok_or(CallError::Internal)?;
        if let Some(line) = lines.iter().find(|line| !bounds.iter().all(|bound| bound.contains(&line.rule))) {
            return Err(not_handed(&line.rule, Why::Undeclared.reason()));
        }
        let view = match call {
            Call::ProcessFork { mode, roots, .. } => Some(self.make_view(
                parent.pid,
                *mode,
                roots.clone(),
                Author { pid: parent.pid, call: place.call, now },
            )?),
            _ => None,
        };
        // A view hands out as much as a grant would.
        let opened = view.as_ref().map(rules_opened).unwrap_or_default();
        if let Some(rule) = opened.iter().find(|rule| !bounds.iter().all(|bound| bound.contains(rule))) {
            return Err(not_handed(rule, Why::Undeclared.reason()));
        }
        let working_directory = names.get(1).unwrap_or(&parent.working_directory).clone();
        Ok(Ordered { image, lines, working_directory, view })
    }

    /// Whether a process may have one more child.
    pub(super) fn check_room_for_child(&self, parent: Pid) -> Result<(), CallError> {
        let count = self.children.count(parent);
        if count >= limit::CHILDREN_MAX {
            let most = limit::CHILDREN_MAX;
            return Err(CallError::TooLarge(format!(
                "{parent} has {count} children, at most {most}; those that have ended count until they are waited for"
            )));
        }
        if self.processes.len() >= limit::PROCESSES_MAX {
            return Err(CallError::TooLarge(format!("at most {} processes live at once", limit::PROCESSES_MAX)));
        }
        let above = |pid: &Pid| self.processes.get(pid)?.parent;
        let depth = std::iter::successors(Some(parent), above).take(limit::PROCESS_DEPTH_MAX + 1).count();
        if depth > limit::PROCESS_DEPTH_MAX {
            return Err(CallError::TooLarge(format!(
                "processes descend from each other at most {} times over",
                limit::PROCESS_DEPTH_MAX
            )));
        }
        Ok(())
    }

    /// Plans what is handed to a child; the line that cannot be is named.
    fn plan_handing(
        &self,
        from: Pid,
        to: Pid,
        lines: &[Delegation],
        seen: &[Rule],
        now: Time,
    ) -> Result<Ready, CallError> {
        self.plan_delegation(from, to, lines, seen, now).map_err(|error| {
            let alone =
                |line: &&Delegation| self.plan_delegation(from, to, std::slice::from_ref(line), &[], now).is_err();
            match (lines.iter().find(alone).or(lines.first()), error) {
                (Some(line), HostError::Usage(why)) => not_handed(&line.rule, &why),
                (None, HostError::Usage(why)) => CallError::TooLarge(why),
                _ => CallError::Internal,
            }
        })
    }

    /// The object that says what a process is for: another one each time, because it never changes.
    pub(super) fn make_goal(&mut self, pid: Pid, text: &str, author: Author) -> Result<String, CallError> {
        let own = own_namespace(pid);
        let names = [format!("{own}/{GOAL}"), format!("{own}/{GOAL}-{}", author.call)];
        let payload = Payload::Json(serde_json::json!({ "text": text }).to_string());
        let options = ObjectOptions {
            object_type: GOAL.into(),
            immutable: true,
            title: String::new(),
            tags: Vec::new(),
            sources: Vec::new(),
        };
        let mut made = Err(CallError::Internal);
        for name in names {
            let resource = Resource::new(Kind::Object, name.as_str());
            made = self.object_create(&resource, &payload, &options, author).map(|_| name);
            if !matches!(made, Err(CallError::AlreadyExists(_))) {
                break;
            }
        }
        made
    }
}

/// What a fork opens, by the names that its parent has for it: its own namespace, or the roots with all below them.
fn rules_opened(view: &View) -> Vec<Rule> {
    let own = own_namespace(view.source);
    let all = || Pattern::below(&Resource::new(Kind::Object, own.as_str()));
    let below = |root: &String| Pattern::below(&Resource::new(Kind::Object, format!("{own}/{root}"))).or_else(all);
    let patterns: Vec<Pattern> = match &view.roots {
        Some(roots) => roots.iter().filter_map(below).collect(),
        None => all().into_iter().collect(),
    };
    let rule = |pattern| Rule { rights: Rights::of(&[Right::Read, Right::List]), pattern };
    patterns.into_iter().map(rule).collect()
}

/// Whose names are seen through a view: what the parent may not read there, its child may not either.
fn rules_seen(view: &View) -> Vec<Rule> {
    let sources = [view.source].into_iter().chain(view.beyond.iter().map(|window| window.source));
    let patterns = sources.filter_map(|pid| Pattern::below(&Resource::new(Kind::Object, own_namespace(pid))));
    patterns.map(|pattern| Rule { rights: Rights::of(&[Right::Read, Right::List]), pattern }).collect()
}

/// Name and type of the object that says what a process is for.
pub(super) const GOAL: &str = "goal";

/// Whether an object of this name can be a goal.
pub(super) fn is_goal_name(inside: &str) -> bool {
    let call = inside.strip_prefix(GOAL).and_then(|rest| rest.strip_prefix('-'));
    inside == GOAL || call.is_some_and(|call| call.parse::<CallId>().is_ok())
}

fn not_handed(rule: &Rule, why: &str) -> CallError {
    CallError::Denied(Denial {
        right: rule.rights.iter().next().unwrap_or(Right::Use),
        resource: rule.pattern.to_string(),
        reason: why.to_owned(),
    })
}
