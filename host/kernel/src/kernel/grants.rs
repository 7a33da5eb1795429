//! The table of grants in memory: rows by number, an index by holder, and the decision over them.

use crate::model::decide::{Answered, Candidate, Decision, Default, Verdict, Why};
use crate::model::grant::{Effect, Grant, Holder, OnlyTool};
use crate::model::id::{Digest, GrantId, Pid};
use crate::model::image::ALL_IMAGES;
use crate::model::index::{GrantIndex, Leaf};
use crate::model::limit;
use crate::model::need::Need;
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::Right;
use crate::model::time::Time;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::ControlFlow;

/// The tool in whose name something is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub tool: &'a str,
    pub component: &'a Digest,
    pub now: Time,
    pub default: Default,
}

/// All grants that are not revoked for good.
#[derive(Debug, Default)]
pub struct Grants {
    /// A slot that is free keeps its last row; nothing refers to it.
    slots: Vec<Grant>,
    free: Vec<u32>,
    by_id: HashMap<GrantId, u32, BuildHasherDefault<ById>>,
    holders: HashMap<Holder, Held>,
    /// Allows that end by themselves, by their last moment.
    ending: BTreeSet<(Time, GrantId)>,
    /// Grants that name something in the namespace of a process, but for its own.
    naming: HashMap<Pid, BTreeSet<GrantId>>,
}

/// The process in whose namespace a grant of another one names something.
pub(super) fn named(grant: &Grant) -> Option<Pid> {
    if grant.pattern.kind() != Kind::Object {
        return None;
    }
    let mut segments = grant.pattern.segments();
    let owner =
        segments.next().filter(|first| *first == "process").and_then(|_| segments.next()?.parse().ok()).map(Pid)?;
    segments.next().filter(|_| grant.holder != Holder::Process(owner)).map(|_| owner)
}

/// Spreads numbers that we gave ourselves, one after another. Nobody else chooses them, so nothing slower is needed, and a decision
/// looks up every row of a chain.
#[derive(Debug, Default)]
struct ById(u64);

impl Hasher for ById {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

#[derive(Debug, Default)]
struct Held {
    slots: Vec<u32>,
    index: GrantIndex,
}

impl Grants {
    /// A grant.
    pub fn get(&self, id: GrantId) -> Option<&Grant> {
        self.by_id.get(&id).map(|slot| &self.slots[*slot as usize])
    }

    /// The grants of a holder, oldest first.
    pub fn of(&self, holder: &Holder) -> impl Iterator<Item = &Grant> {
        let slots = self.holders.get(holder).map_or(&[][..], |held| &held.slots);
        slots.iter().map(|slot| &self.slots[*slot as usize])
    }

    /// Those of all holders, oldest first.
    pub fn all(&self) -> Vec<Grant> {
        let mut all: Vec<Grant> = self.by_id.values().map(|slot| self.slots[*slot as usize].clone()).collect();
        all.sort_by_key(|grant| grant.id);
        all
    }

    /// The components that grants name: they are for that tool as it was.
    pub fn only_components(&self) -> impl Iterator<Item = Digest> {
        let grants = self.by_id.values().map(|slot| &self.slots[*slot as usize]);
        grants.filter_map(|grant| grant.only_tool.as_ref()).map(|only| only.component)
    }

    /// The grants of others that name something in the namespace of a process.
    pub fn naming(&self, owner: Pid) -> impl Iterator<Item = &Grant> {
        self.naming.get(&owner).into_iter().flatten().filter_map(|id| self.get(*id))
    }

    /// How many grants a holder has.
    pub fn count(&self, holder: &Holder) -> usize {
        self.holders.get(holder).map_or(0, |held| held.slots.len())
    }

    /// The index of a holder's grants.
    pub fn index(&self, holder: &Holder) -> Option<&GrantIndex> {
        self.holders.get(holder).map(|held| &held.index)
    }

    /// The grant that an index found.
    pub fn at(&self, leaf: Leaf) -> Option<&Grant> {
        self.slots.get(leaf.slot as usize)
    }

    /// Adds a grant, or takes the place of the row with its number.
    pub fn insert(&mut self, grant: Grant) {
        if let Some(last) = grant.not_after.filter(|_| grant.effect == Effect::Allow) {
            if grant.revoked {
                self.ending.remove(&(last, grant.id));
            } else {
                self.ending.insert((last, grant.id));
            }
        }
        if let Some(slot) = self.by_id.get(&grant.id) {
            self.slots[*slot as usize] = grant;
            return;
        }
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        let leaf = Leaf { slot, rights: grant.rights, effect: grant.effect };
        let held = self.holders.entry(grant.holder.clone()).or_default();
        held.index.insert(&grant.pattern, leaf);
        held.slots.push(slot);
        self.by_id.insert(grant.id, slot);
        if let Some(owner) = named(&grant) {
            self.naming.entry(owner).or_default().insert(grant.id);
        }
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = grant,
            None => self.slots.push(grant),
        }
    }

    /// Forgets the grants of a holder that has ended; their rows stay in the store.
    pub fn forget(&mut self, holder: &Holder) {
        for slot in self.holders.remove(holder).unwrap_or_default().slots {
            let grant = &self.slots[slot as usize];
            self.by_id.remove(&grant.id);
            if let Some(owner) = named(grant)
                && let Some(naming) = self.naming.get_mut(&owner)
            {
                naming.remove(&grant.id);
                if naming.is_empty() {
                    self.naming.remove(&owner);
                }
            }
            if let Some(last) = grant.not_after {
                self.ending.remove(&(last, grant.id));
            }
            self.free.push(slot);
        }
    }

    /// Removes a grant for good. Costs what its holder's grants are.
    pub fn remove(&mut self, id: GrantId) -> Option<Grant> {
        let slot = self.by_id.remove(&id)?;
        let grant = self.slots[slot as usize].clone();
        if let Some(held) = self.holders.get_mut(&grant.holder) {
            held.slots.retain(|kept| *kept != slot);
            held.index = GrantIndex::default();
            for slot in &held.slots {
                let Grant { pattern, rights, effect, .. } = &self.slots[*slot as usize];
                held.index.insert(pattern, Leaf { slot: *slot, rights: *rights, effect: *effect });
            }
        }
        if let Some(naming) = named(&grant).and_then(|owner| self.naming.get_mut(&owner)) {
            naming.remove(&id);
        }
        if let Some(last) = grant.not_after {
            self.ending.remove(&(last, id));
        }
        self.free.push(slot);
        Some(grant)
    }

    /// The last moment of the allow that ends next.
    pub fn next_end(&self) -> Option<Time> {
        self.ending.first().map(|(last, _)| *last)
    }

    /// An allow whose last moment is over.
    pub fn ended(&self, now: Time) -> Option<Grant> {
        let (_, id) = self.ending.first().filter(|(last, _)| *last < now)?;
        self.get(*id).cloned()
    }

    /// Whether a grant and all that it hangs on are in force; and if so, whether uses are limited anywhere on its chain.
    pub fn in_force(&self, id: GrantId, now: Time) -> Option<bool> {
        self.slot_in_force(*self.by_id.get(&id)?, now)
    }

    fn slot_in_force(&self, slot: u32, now: Time) -> Option<bool> {
        let mut grant = &self.slots[slot as usize];
        let (mut finite, mut counts) = (false, true);
        for _ in 0..=limit::GRANT_DEPTH_MAX {
            if grant.revoked || grant.not_after.is_some_and(|last| now > last) {
                return None;
            }
            if counts && let Some(uses) = grant.uses_left {
                if uses == 0 {
                    return None;
                }
                finite = true;
            }
            counts = !grant.moved;
            match grant.parent {
                None => return Some(finite),
                Some(parent) => grant = self.get(parent)?,
            }
        }
        None
    }

    /// The grant and what it hangs on, up to the root.
    pub fn chain(&self, id: GrantId) -> Vec<GrantId> {
        let mut chain = Vec::new();
        let mut next = Some(id);
        while let Some(grant) = next.and_then(|id| self.get(id)) {
            chain.push(grant.id);
            next = if chain.len() > limit::GRANT_DEPTH_MAX { None } else { grant.parent };
        }
        chain
    }

    /// Takes a use from each finite grant on the chains, one of each however many chains it is on. Answers the changed rows; none is
    /// changed if one has no use left.
    pub fn take_uses(&mut self, ids: &[GrantId]) -> Option<Vec<Grant>> {
        let mut changed: Vec<Grant> = Vec::new();
        for id in ids {
            let mut counts = true;
            for above in self.chain(*id) {
                let grant = self.get(above)?;
                let taken = changed.iter().any(|known| known.id == above);
                if counts
                    && !taken
                    && let Some(uses) = grant.uses_left
                {
                    changed.push(Grant { uses_left: Some(uses.checked_sub(1)?), ..grant.clone() });
                }
                counts = !grant.moved;
            }
        }
        for grant in &changed {
            self.insert(grant.clone());
        }
        Some(changed)
    }

    /// Gives a use back to one grant. None if it has ended with its holder: nobody can use it any more.
    pub fn give_back(&mut self, id: GrantId) -> Option<Grant> {
        let mut grant = self.get(id)?.clone();
        grant.uses_left = Some(grant.uses_left?.checked_add(1)?);
        self.insert(grant.clone());
        Some(grant)
    }

    /// Decides one need.
    pub fn decide(&self, holder: &Holder, need: &Need, asking: Asking<'_>, by_person: bool) -> Verdict {
        if need.whole {
            return match self.decide_whole(holder, need, asking) {
                verdict @ Verdict::Deny(Why::NoGrant | Why::Parts) => {
                    self.or_lapsed(verdict, holder, need, asking, by_person)
                }
                verdict => verdict,
            };
        }
        let mut decision = Decision::default();
        self.covering(holder, &need.resource, need.right, asking, |candidate| decision.add(candidate));
        let answered = match decision.open_ask() {
            _ if by_person => Answered::ByPerson,
            None => Answered::No,
            Some(ask) if !decision.has_several_asks() => {
                self.allow_that_names(holder, need, asking, ask).map_or(Answered::No, Answered::ByGrant)
            }
            Some(_) => self.allows_that_name_all(holder, need, asking),
        };
        match decision.verdict(answered, asking.default.about(need.resource.kind())) {
            verdict @ (Verdict::Deny(Why::NoGrant) | Verdict::Ask(None)) => {
                self.or_lapsed(verdict, holder, need, asking, by_person)
            }
            verdict => verdict,
        }
    }

    /// What allows it may have been given to the tool as it was: then a person says whether it is for the tool as it is.
    fn or_lapsed(
        &self,
        verdict: Verdict,
        holder: &Holder,
        need: &Need,
        asking: Asking<'_>,
        by_person: bool,
    ) -> Verdict {
        match self.lapsed(holder, need, asking, None) {
            Some(id) if by_person => Verdict::Allow(id),
            Some(id) => Verdict::Ask(Some(id)),
            None => verdict,
        }
    }

    /// Of the allows that answer the asks for a resource, the first that would do if it named the component that the asking tool has
    /// now. None if one of the asks has no answer even so.
    pub fn lapsed_answer(&self, holder: &Holder, need: &Need, asking: Asking<'_>) -> Option<GrantId> {
        let mut asks = Vec::new();
        self.covering(holder, &need.resource, need.right, asking, |candidate| {
            if candidate.effect == Effect::Ask {
                asks.push(candidate.id);
            }
        });
        let open = asks.into_iter().filter(|ask| self.allow_that_names(holder, need, asking, *ask).is_none());
        let lapsed: Option<Vec<GrantId>> = open.map(|ask| self.lapsed(holder, need, asking, Some(ask))).collect();
        lapsed?.first().copied()
    }

    /// An allow that would do if it named the component that the asking tool has now; with `ask` only one that answers that.
    fn lapsed(&self, holder: &Holder, need: &Need, asking: Asking<'_>, ask: Option<GrantId>) -> Option<GrantId> {
        let Held { index, .. } = self.holders.get(holder)?;
        let mut found: Option<(bool, GrantId)> = None;
        let _ = index.covering(&need.resource, need.right, |leaf| {
            let grant = &self.slots[leaf.slot as usize];
            if leaf.effect == Effect::Allow
                && grant.only_tool.as_ref().is_some_and(|only| &*only.name == asking.tool)
                && (!need.whole || grant.pattern.covers_subtree(&need.resource))
                && (ask.is_none() || grant.answers == ask)
                && let Some(finite) = self.slot_in_force(leaf.slot, asking.now)
            {
                let rank = (finite, grant.id);
                found = Some(found.map_or(rank, |best| best.min(rank)));
            }
            ControlFlow::<()>::Continue(())
        });
        found.map(|(_, id)| id)
    }

    /// Everything below must be allowed by one grant, and nothing there denied or asked for.
    fn decide_whole(&self, holder: &Holder, need: &Need, asking: Asking<'_>) -> Verdict {
        let Some(Held { index, .. }) = self.holders.get(holder) else { return Verdict::Deny(Why::NoGrant) };
        let mut inside = None;
        // A rule on any right counts: under another name, what it forbids could be done.
        for right in need.resource.kind().rights().iter() {
            let _ = index.meeting(&need.resource, right, |leaf| {
                let live = leaf.effect != Effect::Allow && self.candidate(leaf, asking).is_some();
                if live {
                    inside = Some(self.slots[leaf.slot as usize].id);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
        }
        if let Some(id) = inside {
            return Verdict::Deny(Why::Inside(id));
        }
        let (mut whole, mut part) = (None, false);
        let _ = index.covering(&need.resource, need.right, |leaf| {
            if let Some(candidate) = self.candidate(leaf, asking) {
                part = true;
                if self.slots[leaf.slot as usize].pattern.covers_subtree(&need.resource) {
                    let rank = (candidate.finite, candidate.id);
                    whole = Some(whole.map_or(rank, |best: (bool, GrantId)| best.min(rank)));
                }
            }
            ControlFlow::<()>::Continue(())
        });
        match whole {
            Some((_, id)) => Verdict::Allow(id),
            None if part => Verdict::Deny(Why::Parts),
            None => Verdict::Deny(Why::NoGrant),
        }
    }

    fn candidate(&self, leaf: Leaf, asking: Asking<'_>) -> Option<Candidate> {
        let grant = &self.slots[leaf.slot as usize];
        if let Some(OnlyTool { name, component }) = &grant.only_tool
            // A restriction holds for whatever component has the name; an allow only for the one it was given to.
            && (&**name != asking.tool || (grant.effect == Effect::Allow && component != asking.component))
        {
            return None;
        }
        let finite = self.slot_in_force(leaf.slot, asking.now)?;
        Some(Candidate { id: grant.id, effect: grant.effect, finite, answers: grant.answers })
    }

    fn covering(
        &self,
        holder: &Holder,
        resource: &Resource,
        right: Right,
        asking: Asking<'_>,
        mut visit: impl FnMut(Candidate),
    ) {
        let Some(Held { index, .. }) = self.holders.get(holder) else { return };
        let _ = index.covering(resource, right, |leaf| {
            if let Some(candidate) = self.candidate(leaf, asking) {
                visit(candidate);
            }
            ControlFlow::<()>::Continue(())
        });
    }

    fn allow_that_names(&self, holder: &Holder, need: &Need, asking: Asking<'_>, ask: GrantId) -> Option<GrantId> {
        let mut best: Option<(bool, GrantId)> = None;
        self.covering(holder, &need.resource, need.right, asking, |candidate| {
            if candidate.effect == Effect::Allow && candidate.answers == Some(ask) {
                let rank = (candidate.finite, candidate.id);
                best = Some(best.map_or(rank, |known| known.min(rank)));
            }
        });
        best.map(|(_, id)| id)
    }

    /// For a resource that several asks cover: each needs its own allow.
    fn allows_that_name_all(&self, holder: &Holder, need: &Need, asking: Asking<'_>) -> Answered {
        match self.answering(holder, need, asking).as_deref() {
            Some([.., last]) => Answered::ByGrant(*last),
            _ => Answered::No,
        }
    }

    /// For each ask that covers the resource the allow that answers it; none if one has no answer.
    pub fn answering(&self, holder: &Holder, need: &Need, asking: Asking<'_>) -> Option<Vec<GrantId>> {
        let mut asks = Vec::new();
        self.covering(holder, &need.resource, need.right, asking, |candidate| {
            if candidate.effect == Effect::Ask {
                asks.push(candidate.id);
            }
        });
        asks.into_iter().map(|ask| self.allow_that_names(holder, need, asking, ask)).collect()
    }

    /// A grant and all that hangs on it.
    pub fn tree(&self, root: GrantId) -> Vec<Grant> {
        let live = self.by_id.values().map(|slot| &self.slots[*slot as usize]);
        let mut tree: Vec<Grant> = live.filter(|grant| self.chain(grant.id).contains(&root)).cloned().collect();
        tree.sort_by_key(|grant| grant.id);
        tree
    }

    /// The processes with an allow in force that hangs on a line of the image itself.
    pub fn hanging_on_lines(&self, image: &str, now: Time) -> BTreeSet<Pid> {
        let of_image =
            |id: GrantId| matches!(self.get(id), Some(Grant { holder: Holder::Image(name), .. }) if **name == *image);
        let live = self.by_id.values().map(|slot| &self.slots[*slot as usize]);
        let hanging = live.filter(|grant| grant.effect == Effect::Allow && grant.parent.is_some_and(of_image));
        let holder = |grant: &Grant| match grant.holder {
            Holder::Process(pid) if self.in_force(grant.id, now).is_some() => Some(pid),
            _ => None,
        };
        hanging.filter_map(holder).collect()
    }

    /// The restrictions that hang on a grant itself.
    pub fn hanging_on(&self, id: GrantId) -> Vec<Grant> {
        let live = self.by_id.values().map(|slot| &self.slots[*slot as usize]);
        live.filter(|grant| grant.parent == Some(id) && grant.effect != Effect::Allow).cloned().collect()
    }

    /// The processes from whose grants others have something.
    pub fn givers(&self) -> BTreeSet<Pid> {
        let mut givers = BTreeSet::new();
        for grant in self.by_id.values().map(|slot| &self.slots[*slot as usize]) {
            let above = grant.parent.and_then(|parent| self.get(parent));
            if let Some(Grant { holder: Holder::Process(pid), .. }) = above.filter(|above| above.holder != grant.holder)
            {
                givers.insert(*pid);
            }
        }
        givers
    }

    /// The processes that have something derived from the grants of one of these, at whatever distance; with `about`, something
    /// that meets it, allows, and was not taken back. One look at all grants.
    pub fn heirs(&self, givers: &BTreeSet<Pid>, about: Option<&Pattern>) -> BTreeSet<Pid> {
        let given = |holder: &Holder| matches!(holder, Holder::Process(pid) if givers.contains(pid));
        let is_gone = |id: &GrantId| self.get(*id).is_none_or(|grant| grant.revoked);
        let mut heirs = BTreeSet::new();
        for grant in self.by_id.values().map(|slot| &self.slots[*slot as usize]) {
            let Holder::Process(pid) = grant.holder else { continue };
            let is_left = |about: &Pattern| {
                grant.effect == Effect::Allow && grant.pattern.meets(about) && !self.chain(grant.id).iter().any(is_gone)
            };
            if about.is_some_and(|about| !is_left(about)) {
                continue;
            }
            let mut above = grant.parent.and_then(|parent| self.get(parent));
            for _ in 0..limit::GRANT_DEPTH_MAX {
                match above {
                    Some(grant) if given(&grant.holder) && grant.holder != Holder::Process(pid) => {
                        heirs.insert(pid);
                        break;
                    }
                    Some(grant) => above = grant.parent.and_then(|parent| self.get(parent)),
                    None => break,
                }
            }
        }
        heirs
    }

    /// Whether a deny or an ask in force meets something at or below the resource.
    pub fn narrows(&self, holder: &Holder, resource: &Resource, now: Time) -> bool {
        let Some(Held { index, .. }) = self.holders.get(holder) else { return false };
        resource.kind().rights().iter().any(|right| {
            let found = index.meeting(resource, right, |leaf| {
                let narrow = leaf.effect != Effect::Allow && self.slot_in_force(leaf.slot, now).is_some();
                if narrow { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            found.is_break()
        })
    }

    /// The asks in force of a holder that meet what a new allow is to cover.
    pub fn asks_met(&self, allow: &Grant, now: Time) -> Vec<GrantId> {
        let probe = |ask: &Grant| {
            ask.effect == Effect::Ask
                && ask.rights.iter().any(|right| allow.rights.contains(right))
                && ask.pattern.meets(&allow.pattern)
                && self.in_force(ask.id, now).is_some()
        };
        // What holds for all images holds for each.
        let all = matches!(allow.holder, Holder::Image(_)).then(|| Holder::Image(ALL_IMAGES.into()));
        let holders = [Some(&allow.holder), all.as_ref().filter(|all| **all != allow.holder)];
        let grants = holders.into_iter().flatten().flat_map(|holder| self.of(holder));
        grants.filter(|grant| probe(grant)).map(|grant| grant.id).collect()
    }
}
