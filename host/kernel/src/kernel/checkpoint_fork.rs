//! Beginning again from a checkpoint: new processes that stand for those of then, or an image whose processes find what was in memory then.
//!
//! What was granted is not in a checkpoint. The new processes get children of what their sources hold, had then, and still may use; of
//! what counts its uses nothing, because uses are never doubled; and every restriction. An image gets nothing at all.

use super::Kernel;
use super::checkpoints::{seen_then, several};
use super::host::HostError;
use super::objects::Author;
use super::processes::own_namespace;
use super::rules::Changed;
use super::state::State;
use crate::model::call::{ObjectInfo, ObjectOptions, Payload};
use crate::model::checkpoint::{CheckpointRow, Forked, Member};
use crate::model::codec::from_bytes;
use crate::model::decide::Default as WithoutGrant;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{CallId, CheckpointId, GrantId, MessageId, Pid};
use crate::model::image::{ALL_IMAGES, Image, is_name, is_standard};
use crate::model::limit;
use crate::model::message::Message;
use crate::model::planner::PlannerRow;
use crate::model::process::{Change, State as ProcessState};
use crate::model::purse::Purse;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Resource};
use crate::model::row::ProcessRow;
use crate::model::time::Time;
use crate::model::view::{View, ViewMode};
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet};

/// What is read before anything is changed.
struct Source<'a> {
    member: &'a Member,
    view: View,
    /// All that it holds now, or held when it ended.
    grants: Vec<Grant>,
    is_alive: bool,
    goal: Option<(ObjectInfo, Payload)>,
    /// The text of its planner and what that keeps, by what follows the number of the process in their keys.
    plan: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Kernel {
    /// Makes new processes that stand for those of a checkpoint, as a person. They see the objects of then and change copies. `budget`:
    /// what they may spend together; no bound, if none.
    ///
    /// # Errors
    /// There is no such checkpoint, an image of then is not there any more, or the host has stopped.
    pub fn fork_checkpoint(&self, id: CheckpointId, budget: Option<Purse>) -> Result<Changed<Forked>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        state.check_space()?;
        let row = state.checkpoint_row(id)?;
        let sources: Vec<Source<'_>> =
            row.members.iter().map(|member| state.source(&row, member)).collect::<Result<_, HostError>>()?;
        let messages = state.messages_of(&row)?;
        let forked = state.fork_from(&row, sources, messages, budget, now)?;
        Ok(Changed { what: forked, durable: state.mark() })
    }

    /// Makes an image from a checkpoint, as a person: the tools of its process, and its objects as first memory. It grants nothing.
    ///
    /// # Errors
    /// There is no such checkpoint, the name is none or that of the built-in image, or the host has stopped.
    pub fn commit_checkpoint(&self, id: CheckpointId, name: &str) -> Result<Changed<Image>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        state.check_space()?;
        if !is_name(name) || is_standard(name) {
            let text = "an image's name has 1 to 64 characters of a-z, A-Z, 0-9, '-', '_' and '.', and is none that comes with the program";
            return Err(HostError::Usage(text.into()));
        }
        let row = state.checkpoint_row(id)?;
        let Some(member) = row.member(row.pid) else {
            return Err(StoreError::Damaged(format!("{id} lacks its own process")).into());
        };
        let image = state.image_of(&member.process).ok_or_else(|| no_image(&member.process.image))?;
        let memory = view_of(&row, member);
        if let Some(rule) = state.restriction_met(&memory, now)? {
            return Err(HostError::Usage(format!(
                "the memory at {id} cannot be an image's: {} is kept from {} by {}, and an image has no such rule; revoke it, or delete \
                 what it is about and take another checkpoint",
                rule.pattern, rule.holder, rule.id
            )));
        }
        let image = Image {
            name: name.to_owned(),
            version: id.to_string(),
            description: format!("{} as it was at {id}: {}", row.pid, row.reason),
            memory: Some(memory),
            ..image.without_memory()
        };
        state.put_image(image.clone())?;
        let mut record = Record::new("checkpoint.commit", now, Decided::Host, Outcome::Done);
        record.pid = Some(row.pid);
        record.resources = vec![id.to_string(), format!("image:{name}")];
        state.note(record);
        Ok(Changed { what: image, durable: state.mark() })
    }
}

/// What stands for a process sees what that one saw then, and changes copies.
fn view_of(row: &CheckpointRow, member: &Member) -> View {
    let beyond = seen_then(&member.process, row.at);
    View { mode: ViewMode::CopyOnWrite, source: member.process.pid, at: row.at, roots: None, beyond }
}

fn no_image(image: &str) -> HostError {
    HostError::Usage(format!("there is no image '{image}' any more; `libos image list` shows them"))
}

impl State {
    fn source<'a>(&self, row: &CheckpointRow, member: &'a Member) -> Result<Source<'a>, HostError> {
        let pid = member.process.pid;
        if self.image_of(&member.process).is_none() {
            return Err(no_image(&member.process.image));
        }
        let view = view_of(row, member);
        if view.windows().len() > limit::VIEW_WINDOWS_MAX {
            let most = limit::VIEW_WINDOWS_MAX;
            return Err(HostError::Usage(format!(
                "{pid} saw through views already; at most {most} stand behind each other"
            )));
        }
        let is_alive = self.processes.contains_key(&pid);
        let grants = self.held_or_left(pid)?;
        let goal = match &member.process.goal {
            Some(goal) => self.object_read_as_of(goal, row.at)?,
            None => None,
        };
        let plan = self.scan(Table::Plan, &table::number(pid.0))?;
        let plan = plan.into_iter().map(|(key, value)| (key[8..].to_vec(), value)).collect();
        Ok(Source { member, view, grants, is_alive, goal, plan })
    }

    /// The messages of a checkpoint, by who was to get them.
    fn messages_of(&self, row: &CheckpointRow) -> Result<Vec<(Pid, Message)>, StoreError> {
        let mut messages = Vec::new();
        for (key, value) in self.scan(Table::CheckpointMessage, &table::number(row.id.0))? {
            if let Some((to, ..)) = key.get(8..).and_then(table::read_message) {
                messages.push((to, from_bytes(&value)?));
            }
        }
        Ok(messages)
    }

    fn fork_from(
        &mut self,
        row: &CheckpointRow,
        sources: Vec<Source<'_>>,
        messages: Vec<(Pid, Message)>,
        budget: Option<Purse>,
        now: Time,
    ) -> Result<Forked, HostError> {
        let news: BTreeMap<Pid, Pid> = row.members.iter().map(|member| (member.process.pid, self.new_pid())).collect();
        let Some(root) = news.get(&row.pid).copied() else { return Err(no_image("")) };
        let mut forked = Forked { checkpoint: row.id, pid: root, ..Forked::default() };
        for source in &sources {
            let old = source.member.process.pid;
            let Some(new) = news.get(&old).copied() else { continue };
            let is_root = new == root;
            let spends = if is_root { (budget.clone(), None) } else { (None, budget.as_ref().map(|_| root)) };
            let parent =
                source.member.process.parent.filter(|_| !is_root).and_then(|parent| news.get(&parent).copied());
            self.begin_again(source, new, parent, spends, now)?;
            self.derive_again(source, new, &mut forked, now);
            self.take_restrictions_left(new, &source.view, now)?;
            forked.processes.push((old, new));
        }
        for (to, message) in messages {
            let Some(to) = news.get(&to).copied() else { continue };
            let from = news.get(&message.from).copied().unwrap_or(message.from);
            let id: MessageId = self.new_message();
            self.enqueue(to, &Message { id, from, ..message });
        }
        let mut record = Record::new("checkpoint.fork", now, Decided::Host, Outcome::Done);
        record.pid = Some(root);
        record.resources = vec![row.id.to_string()];
        record.detail = Some(format!(
            "{} from {} of {}, with {}",
            several(forked.processes.len(), "process", "processes"),
            row.id,
            row.pid,
            several(forked.grants as usize, "grant", "grants"),
        ));
        self.note(record);
        for new in news.values() {
            self.refresh_process(*new);
            self.reschedule(*new);
        }
        Ok(forked)
    }

    /// The row of a process that stands for one of then, with all that is its own.
    fn begin_again(
        &mut self,
        source: &Source<'_>,
        pid: Pid,
        parent: Option<Pid>,
        (purse, payer): (Option<Purse>, Option<Pid>),
        now: Time,
    ) -> Result<(), HostError> {
        let then = &source.member.process;
        let row = ProcessRow::new(pid, parent, then.image.clone(), then.working_directory.clone(), now);
        let state = match &then.state {
            ProcessState::Paused(by) => row.state.clone().after(Change::Pause(by.clone())),
            _ => Ok(row.state.clone()),
        };
        let step = |planner: &PlannerRow| planner.step + u64::from(source.member.in_step);
        let planner = then.planner.as_ref().filter(|_| !source.plan.is_empty());
        self.put_process(ProcessRow {
            state: state.map_err(|error| HostError::Usage(error.to_string()))?,
            default: self.default_again(then),
            priority: then.priority,
            // What a person holds he holds in who stands for it, too.
            held_by_host: then.held_by_host,
            planner: planner.map(|planner| PlannerRow { step: step(planner), command: None, given: None }),
            purse,
            payer,
            image_digest: then.image_digest,
            ..row
        });
        // Before the view, through which the name would be taken.
        if let Some((info, payload)) = &source.goal {
            self.copy_goal(pid, info, payload, now);
        }
        self.set_view(pid, source.view.clone());
        self.grant_own_namespace(pid, now);
        for (rest, value) in &source.plan {
            self.put_bytes(Table::Plan, [table::number(pid.0), rest.clone()].concat(), value.clone());
        }
        for tool in &source.member.own_tools {
            self.put_own_tool(pid, tool.clone());
        }
        let mut record = Record::new("process.new", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some(format!("forked from {} as it was, from image {}", then.pid, then.image));
        self.note(record);
        Ok(())
    }

    /// What is asked where no rule decides: only if both the policy and the process of then ask.
    fn default_again(&self, then: &ProcessRow) -> WithoutGrant {
        match (self.policy.defaults.get(&then.image), then.default) {
            (Some(WithoutGrant::Ask), WithoutGrant::Ask) => WithoutGrant::Ask,
            (Some(WithoutGrant::AskPrograms | WithoutGrant::Ask), WithoutGrant::AskPrograms)
            | (Some(WithoutGrant::AskPrograms), WithoutGrant::Ask) => WithoutGrant::AskPrograms,
            _ => WithoutGrant::Deny,
        }
    }

    fn copy_goal(&mut self, pid: Pid, info: &ObjectInfo, payload: &Payload, now: Time) {
        let name = info.name.rsplit('/').next().unwrap_or(&info.name);
        let goal = format!("{}/{name}", own_namespace(pid));
        let options = ObjectOptions {
            object_type: info.object_type.clone(),
            immutable: info.immutable,
            title: info.title.clone(),
            ..ObjectOptions::default()
        };
        let author = Author { pid, call: CallId(0), now };
        let made =
            self.object_create_paid_by(None, &Resource::new(Kind::Object, goal.as_str()), payload, &options, author);
        // Without one of its own it sees the one of then under the same name.
        if made.is_ok()
            && let Some(process) = self.processes.get(&pid).cloned()
        {
            self.put_process(ProcessRow { goal: Some(goal), ..process });
        }
    }

    /// What a new process may do: see the head of this file.
    fn derive_again(&mut self, source: &Source<'_>, pid: Pid, forked: &mut Forked, now: Time) {
        let old = source.member.process.pid;
        let mut copies: BTreeMap<GrantId, GrantId> = BTreeMap::new();
        // Who has ended gives nothing any more: then it comes from whom he had it from.
        let issuer_of = |grant: &Grant| if source.is_alive { Issuer::Process(old) } else { grant.issuer.clone() };
        let (allows, restrictions): (Vec<&Grant>, Vec<&Grant>) =
            source.grants.iter().partition(|grant| grant.effect == Effect::Allow);
        for grant in restrictions {
            let Some(parent) = self.hangs_on_as_restriction(grant, source.is_alive, now) else { continue };
            let id = self.new_grant();
            copies.insert(grant.id, id);
            let issuer = issuer_of(grant);
            let (holder, uses_left) = (Holder::Process(pid), None);
            let copy = Grant { id, holder, uses_left, parent, issuer, created: now, ..grant.clone() };
            // What the new one sees stays, so what is kept from it stays too.
            let stays = !source.is_alive && (parent.is_none() || grant.pattern.kind() == Kind::Object);
            self.put_grant(if stays { self.lasting(copy, now) } else { copy });
        }
        self.derive_new_restrictions(source, pid, &copies, now);
        self.derive_restrictions_of_givers(source, pid, now);
        let then: BTreeSet<GrantId> = source.member.grants.iter().copied().collect();
        let mut left = then.clone();
        for grant in allows.into_iter().filter(|grant| then.contains(&grant.id)) {
            left.remove(&grant.id);
            // The new one has a namespace of its own.
            if grant.issuer == Issuer::Runtime {
                continue;
            }
            match self.hangs_on(grant, source.is_alive, now) {
                Err(why) => forked.not_given.push((grant.id, why)),
                Ok(parent) => {
                    let id = self.new_grant();
                    self.put_grant(Grant {
                        id,
                        holder: Holder::Process(pid),
                        uses_left: None,
                        answers: grant.answers.and_then(|ask| copies.get(&ask).copied()),
                        parent: Some(parent),
                        issuer: issuer_of(grant),
                        created: now,
                        moved: false,
                        ..grant.clone()
                    });
                    forked.grants += 1;
                }
            }
        }
        let known: BTreeSet<GrantId> = source.grants.iter().map(|grant| grant.id).collect();
        let gone = left.into_iter().filter(|id| !known.contains(id));
        forked.not_given.extend(gone.map(|id| (id, "it is not there any more")));
    }

    /// What a new allow hangs on: on the one that it comes from as long as that lives, else on what that hung on. Both only as long as
    /// all of it is in force, and nothing on the way counts its uses.
    fn hangs_on(&self, grant: &Grant, is_alive: bool, now: Time) -> Result<GrantId, &'static str> {
        if grant.revoked || grant.not_after.is_some_and(|last| now > last) {
            return Err("it is revoked or has ended");
        }
        if grant.uses_left.is_some() {
            return Err("it counts its uses");
        }
        let above = if is_alive { Some(grant.id) } else { grant.parent };
        let above = above.ok_or("its process has ended, and it hangs on nothing else")?;
        match self.grants.in_force(above, now) {
            None => Err("what it hangs on is not in force"),
            Some(true) => Err("what it hangs on counts its uses"),
            Some(false) if self.grants.chain(above).len() > limit::GRANT_DEPTH_MAX => Err("it was derived too often"),
            Some(false) => Ok(above),
        }
    }

    /// What a new deny or ask hangs on, if it is to be there: one whose source has ended holds on by itself rather than not at all.
    pub(super) fn hangs_on_as_restriction(&self, grant: &Grant, is_alive: bool, now: Time) -> Option<Option<GrantId>> {
        if grant.revoked || grant.not_after.is_some_and(|last| now > last) {
            return None;
        }
        let above = if is_alive { Some(grant.id) } else { grant.parent };
        let Some(above) = above.filter(|above| self.grants.get(*above).is_some()) else { return Some(None) };
        let deep = self.grants.chain(above).len() > limit::GRANT_DEPTH_MAX;
        self.grants.in_force(above, now).map(|_| Some(above).filter(|_| !deep))
    }

    /// Restrictions that those got since from whom a process had something when it ended, and who live.
    fn derive_restrictions_of_givers(&mut self, source: &Source<'_>, pid: Pid, now: Time) {
        if source.is_alive {
            return;
        }
        let allows = source.grants.iter().filter(|grant| source.member.grants.contains(&grant.id));
        let above = allows.filter(|grant| grant.effect == Effect::Allow).filter_map(|grant| {
            let above = self.hangs_on(grant, false, now).ok()?;
            self.grants.get(above).map(|row| row.holder.clone())
        });
        let givers: BTreeSet<Pid> = above
            .filter_map(|holder| match holder {
                Holder::Process(giver) => Some(giver),
                Holder::Image(_) => None,
            })
            .collect();
        for giver in givers {
            let new = self.restrictions_without_copy(giver, pid, now);
            for id in new.into_iter().map(|row| row.id).collect::<Vec<_>>() {
                self.copy_restriction(id, giver, pid, now);
            }
        }
    }

    /// Restrictions that the image got when its process of then had ended already.
    fn derive_new_restrictions(
        &mut self,
        source: &Source<'_>,
        pid: Pid,
        copies: &BTreeMap<GrantId, GrantId>,
        now: Time,
    ) {
        let mut holders =
            vec![Holder::Image(source.member.process.image.as_str().into()), Holder::Image(ALL_IMAGES.into())];
        // Also an image that it was before, of which it still has something.
        for id in source.grants.iter().filter(|grant| grant.effect == Effect::Allow).filter_map(|grant| grant.parent) {
            let line = self.grants.get(id).filter(|line| matches!(line.holder, Holder::Image(_)));
            if let Some(line) = line.filter(|line| !holders.contains(&line.holder)) {
                holders.push(line.holder.clone());
            }
        }
        let covered: BTreeSet<GrantId> = copies.values().flat_map(|copy| self.grants.chain(*copy)).collect();
        let new: Vec<Grant> = holders
            .iter()
            .flat_map(|holder| self.grants.of(holder))
            .filter(|line| line.effect != Effect::Allow && !covered.contains(&line.id))
            .filter(|line| self.grants.in_force(line.id, now).is_some())
            .cloned()
            .collect();
        for line in new {
            let id = self.new_grant();
            let (holder, uses_left) = (Holder::Process(pid), None);
            self.put_grant(Grant { id, holder, uses_left, parent: Some(line.id), created: now, ..line });
        }
    }
}
