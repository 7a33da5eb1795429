//! Delegation: a process's grants become narrower grants of another process. What is derived hangs on what it was derived from, so
//! revoking or using up the one reaches the other; and the restrictions of the giver go along.
//!
//! Uses are never copied. A grant that counts its own uses hands over some of them; a grant that hangs on one that counts shares the
//! count.

use super::Kernel;
use super::host::HostError;
use super::rules::Changed;
use super::state::State;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{GrantId, Pid};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::right::{Right, Rights};
use crate::model::rule::Rule;
use crate::model::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What one process hands to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    pub rule: Rule,
    /// So many uses. Needed for a grant that counts its uses: it loses them.
    pub uses: Option<u32>,
    /// At most as long as what it is derived from.
    pub expires_in: Option<Duration>,
}

impl Kernel {
    /// The grants of a process, in force or not, oldest first.
    pub fn grants_of(&self, pid: Pid) -> Vec<Grant> {
        self.lock().grants.of(&Holder::Process(pid)).cloned().collect()
    }

    /// All grants in memory, in force or not: those of images and of live processes.
    pub fn grants(&self) -> Vec<Grant> {
        self.lock().grants.all()
    }

    /// Derives grants of `to` from those of `from`, as a person.
    ///
    /// # Errors
    /// One of them is not there, or `from` has no grant that covers a line. Then nothing has changed.
    pub fn delegate(&self, from: Pid, to: Pid, lines: &[Delegation]) -> Result<Changed<Vec<Grant>>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        let made = state.delegate(from, to, lines, now)?;
        Ok(Changed { what: made, durable: state.mark() })
    }
}

/// A grant to be derived.
struct Planned {
    source: GrantId,
    rights: Rights,
    /// Uses that the source loses.
    moved: Option<u32>,
    line: usize,
}

impl Planned {
    fn is_of(&self, source: GrantId, line: usize) -> bool {
        self.source == source && self.line == line
    }
}

/// What a delegation is about to make.
pub(super) struct Ready {
    planned: Vec<Planned>,
    restrictions: Vec<GrantId>,
    copies: BTreeMap<GrantId, GrantId>,
}

/// Uses are counted by one grant.
fn several(from: Pid, line: &Delegation) -> HostError {
    HostError::Usage(format!(
        "several grants of {from} together cover {}: hand over uses right by right, of what one grant covers",
        line.rule
    ))
}

impl State {
    /// See [`Kernel::delegate`]. Everything is checked before the first change.
    pub(super) fn delegate(
        &mut self,
        from: Pid,
        to: Pid,
        lines: &[Delegation],
        now: Time,
    ) -> Result<Vec<Grant>, HostError> {
        let usage = |text: String| Err(HostError::Usage(text));
        for pid in [from, to] {
            if !self.processes.contains_key(&pid) {
                return usage(format!("there is no live process {pid}"));
            }
        }
        if from == to {
            return usage(format!("{from} has what it has; name another process"));
        }
        let ready = self.plan_delegation(from, to, lines, &[], now)?;
        Ok(self.carry_out_delegation(ready, from, to, lines, now))
    }

    /// What a delegation would make; everything that can be refused is refused here, and nothing is changed. `to` need not be there
    /// yet. With the lines go the restrictions that meet them, and those that meet what is `seen`.
    pub(super) fn plan_delegation(
        &self,
        from: Pid,
        to: Pid,
        lines: &[Delegation],
        seen: &[Rule],
        now: Time,
    ) -> Result<Ready, HostError> {
        let usage = |text: String| Err(HostError::Usage(text));
        let mut planned = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            self.plan(from, index, line, now, &mut planned)?;
        }
        let handed: Vec<&Rule> = lines.iter().map(|line| &line.rule).chain(seen).collect();
        let all = self.restrictions(from, to, &handed, now);
        let copies: BTreeMap<GrantId, GrantId> =
            all.iter().filter_map(|id| Some((*id, self.held_above(*id, to)?))).collect();
        let restrictions: Vec<GrantId> = all.into_iter().filter(|id| !copies.contains_key(id)).collect();
        let deep = |id: &GrantId| self.grants.chain(*id).len() > limit::GRANT_DEPTH_MAX;
        if let Some(id) = planned.iter().map(|plan| plan.source).chain(restrictions.iter().copied()).find(deep) {
            let most = limit::GRANT_DEPTH_MAX;
            return usage(format!("{id} is derived {most} times over already, as often as a grant can be"));
        }
        let count = self.grants.count(&Holder::Process(to)) + planned.len() + restrictions.len();
        if count > limit::GRANTS_PER_HOLDER_MAX {
            return usage(format!("{to} would have {count} grants, at most {}", limit::GRANTS_PER_HOLDER_MAX));
        }
        Ok(Ready { planned, restrictions, copies })
    }

    /// Makes what was planned under the same hold of the lock.
    pub(super) fn carry_out_delegation(
        &mut self,
        ready: Ready,
        from: Pid,
        to: Pid,
        lines: &[Delegation],
        now: Time,
    ) -> Vec<Grant> {
        let Ready { planned, restrictions, mut copies } = ready;
        // Restrictions first: there is no moment at which the grants are there without them.
        // One look at all grants, and none for whom nobody can have anything from: a process that was just made has no grant yet.
        let is_new = restrictions.is_empty() || self.grants.count(&Holder::Process(to)) == 0;
        let gives = !is_new && (self.has_viewers(to) || self.grants.givers().contains(&to));
        for id in restrictions {
            if let Some(copy) = self.copy_restriction(id, from, to, now) {
                copies.insert(id, copy);
                if gives {
                    self.restrict_heirs(to, copy, now);
                }
            }
        }
        let copies = self.copies_of(to, copies);
        let mut made = Vec::new();
        for plan in planned {
            made.extend(self.derive(&plan, &lines[plan.line], from, to, &copies, now));
        }
        made
    }

    /// Finds what a line is derived from: for each right a grant of the giver's that covers all of the pattern, and for each ask in it
    /// the allow that answers it.
    fn plan(
        &self,
        from: Pid,
        line_number: usize,
        line: &Delegation,
        now: Time,
        planned: &mut Vec<Planned>,
    ) -> Result<(), HostError> {
        let holder = Holder::Process(from);
        let covering = |right: Right| {
            self.grants.of(&holder).filter(move |grant| {
                grant.effect == Effect::Allow
                    && grant.rights.contains(right)
                    && grant.pattern.contains(&line.rule.pattern)
                    && self.grants.in_force(grant.id, now).is_some()
            })
        };
        for right in line.rule.rights.iter() {
            let rank = |grant: &&Grant| (grant.uses_left.is_some(), grant.answers.is_some(), grant.id);
            let best = covering(right).min_by_key(rank).ok_or_else(|| {
                HostError::Usage(format!("{from} has no grant that covers {right} on all of {}", line.rule.pattern))
            })?;
            let mut sources = vec![best];
            let answering: BTreeSet<GrantId> = covering(right).filter_map(|grant| grant.answers).collect();
            for ask in answering {
                sources.extend(covering(right).filter(|grant| grant.answers == Some(ask)).min_by_key(rank));
            }
            if line.uses.is_some() && sources.len() > 1 {
                return Err(several(from, line));
            }
            for source in sources {
                // What other lines take of it is not there any more.
                let taken = planned.iter().filter(|plan| plan.source == source.id && plan.line != line_number);
                let taken: u32 = taken.filter_map(|plan| plan.moved).sum();
                let left = source.uses_left.map(|left| left.saturating_sub(taken));
                let moved = match (left, line.uses) {
                    (None, _) => None,
                    (Some(left), Some(uses)) if uses <= left => Some(uses),
                    (Some(left), Some(uses)) => {
                        return Err(HostError::Usage(format!("{} has {left} uses left, not {uses}", source.id)));
                    }
                    (Some(left), None) => {
                        return Err(HostError::Usage(format!(
                            "{} is for {left} uses: say how many of them to hand over (--uses N)",
                            source.id
                        )));
                    }
                };
                let another = |plan: &Planned| plan.line == line_number && plan.source != source.id;
                // Uses that are counted twice would be twice as many.
                if line.uses.is_some() && planned.iter().any(another) {
                    return Err(several(from, line));
                }
                match planned.iter_mut().find(|plan| plan.is_of(source.id, line_number)) {
                    Some(plan) => plan.rights = plan.rights.with(right),
                    None => planned.push(Planned {
                        source: source.id,
                        rights: Rights::of(&[right]),
                        moved,
                        line: line_number,
                    }),
                }
            }
        }
        Ok(())
    }

    /// The denies and asks of the giver that meet what is handed over and that the taker has not yet, denies first. An ask brings the
    /// denies along that meet it: without them the taker could ask for more than the giver.
    fn restrictions(&self, from: Pid, to: Pid, rules: &[&Rule], now: Time) -> Vec<GrantId> {
        let new = self.restrictions_without_copy(from, to, now);
        let handed = |row: &Grant| rules.iter().any(|rule| row.pattern.meets(&rule.pattern));
        let (denies, asks): (Vec<&Grant>, Vec<&Grant>) = new.into_iter().partition(|row| row.effect == Effect::Deny);
        let asks: Vec<&Grant> = asks.into_iter().filter(|row| handed(row)).collect();
        let wanted = |row: &&Grant| handed(row) || asks.iter().any(|ask| row.pattern.meets(&ask.pattern));
        denies.into_iter().filter(wanted).chain(asks.iter().copied()).map(|row| row.id).collect()
    }

    /// The restrictions in force of one process that have no child with another one.
    pub(super) fn restrictions_without_copy(&self, from: Pid, to: Pid, now: Time) -> Vec<&Grant> {
        let holder = Holder::Process(to);
        let held = self.grants.of(&holder).filter(|grant| !grant.revoked);
        let known: BTreeSet<GrantId> = held.filter_map(|grant| grant.parent).collect();
        let new = |grant: &&Grant| {
            grant.effect != Effect::Allow && !known.contains(&grant.id) && self.grants.in_force(grant.id, now).is_some()
        };
        self.grants.of(&Holder::Process(from)).filter(new).collect()
    }

    /// The denies of a giver that meet an ask which its heir is to get, and that the heir has not.
    fn denies_in(&self, ask: GrantId, giver: Pid, heir: Pid, now: Time) -> Vec<GrantId> {
        let Some(ask) = self.grants.get(ask).filter(|row| row.effect == Effect::Ask) else { return Vec::new() };
        self.restrictions_without_copy(giver, heir, now)
            .into_iter()
            .filter(|row| row.effect == Effect::Deny && row.pattern.meets(&ask.pattern))
            .map(|row| row.id)
            .filter(|id| self.held_above(*id, heir).is_none())
            .collect()
    }

    /// The taker's own row on which a restriction of the giver's hangs: what is handed back comes with no copy of it.
    fn held_above(&self, restriction: GrantId, to: Pid) -> Option<GrantId> {
        let ours = |id: &GrantId| self.grants.get(*id).is_some_and(|row| row.holder == Holder::Process(to));
        self.grants.chain(restriction).into_iter().find(ours)
    }

    pub(super) fn copy_restriction(&mut self, id: GrantId, from: Pid, to: Pid, now: Time) -> Option<GrantId> {
        let source = self.grants.get(id)?.clone();
        let copy = self.new_grant();
        self.put_grant(Grant {
            id: copy,
            holder: Holder::Process(to),
            uses_left: None,
            parent: Some(id),
            issuer: Issuer::Process(from),
            created: now,
            ..source
        });
        Some(copy)
    }

    /// Which of the taker's restrictions stands for which of the giver's, earlier ones too.
    fn copies_of(&self, to: Pid, mut copies: BTreeMap<GrantId, GrantId>) -> BTreeMap<GrantId, GrantId> {
        let holder = Holder::Process(to);
        let earlier = self.grants.of(&holder).filter(|grant| grant.effect == Effect::Ask);
        copies.extend(earlier.filter_map(|grant| Some((grant.parent?, grant.id))));
        copies
    }

    fn derive(
        &mut self,
        plan: &Planned,
        line: &Delegation,
        from: Pid,
        to: Pid,
        copies: &BTreeMap<GrantId, GrantId>,
        now: Time,
    ) -> Option<Grant> {
        let source = self.grants.get(plan.source)?.clone();
        if let Some(uses) = plan.moved {
            let uses_left = source.uses_left.map(|left| left.saturating_sub(uses));
            self.put_grant(Grant { uses_left, ..source.clone() });
        }
        let asked = line.expires_in.map(|duration| now.after(duration));
        let grant = Grant {
            id: self.new_grant(),
            holder: Holder::Process(to),
            pattern: line.rule.pattern.clone(),
            rights: plan.rights,
            effect: Effect::Allow,
            uses_left: line.uses,
            not_after: [asked, source.not_after].into_iter().flatten().min(),
            only_tool: source.only_tool,
            answers: source.answers.and_then(|ask| copies.get(&ask).copied()),
            parent: Some(source.id),
            issuer: Issuer::Process(from),
            revoked: false,
            created: now,
            moved: plan.moved.is_some(),
        };
        let mut record = Record::new("host.delegate", now, Decided::Host, Outcome::Done);
        record.pid = Some(to);
        record.detail = Some(format!("{} from {}: {grant}", grant.id, source.id));
        self.note(record);
        self.put_grant(grant.clone());
        Some(grant)
    }

    /// A new restriction of a process reaches every process that has something from it, and what these have handed on of their own:
    /// they may not do it any more either.
    pub(super) fn restrict_heirs(&mut self, of: Pid, restriction: GrantId, now: Time) {
        let on_its_way = self.grants.chain(restriction).into_iter().filter_map(|id| self.grants.get(id));
        let mut reached: BTreeSet<Holder> = on_its_way.map(|row| row.holder.clone()).collect();
        // To whom nothing is left of what was handed over and what it is about, an ask would open a way that a denial closes now.
        let asks = self.grants.get(restriction).is_some_and(|row| row.effect == Effect::Ask);
        let pattern = self.grants.get(restriction).map(|row| row.pattern.clone());
        let mut givers = vec![of];
        while let Some(giver) = givers.pop() {
            let about = pattern.as_ref().filter(|_| asks);
            let mut heirs = self.grants.heirs(&BTreeSet::from([giver]), about);
            // Who sees through its view what it is about has no grant of it, and goes on seeing it when the giver has ended.
            heirs.extend(pattern.iter().flat_map(|pattern| self.viewers_of(giver, pattern)));
            for heir in heirs {
                if reached.insert(Holder::Process(heir)) {
                    for deny in self.denies_in(restriction, giver, heir, now) {
                        self.copy_restriction(deny, giver, heir, now);
                    }
                    self.copy_restriction(restriction, of, heir, now);
                    givers.push(heir);
                }
            }
        }
    }
}
