//! Who sees whose objects through a view. A view is no grant, so nothing hangs on its source; yet what is forbidden to the source is
//! forbidden to whoever sees through it, as long as he does, even when the source has ended.

use super::own_namespace;
use super::state::State;
use crate::model::codec::from_bytes;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{GrantId, Pid};
use crate::model::image::ALL_IMAGES;
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::Right;
use crate::model::row::ProcessRow;
use crate::model::time::Time;
use crate::model::view::{View, Window};
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::BTreeSet;

/// Whose objects who sees, of those that live; so an end looks only at those that it concerns.
#[derive(Debug, Default)]
pub struct Viewers {
    /// Source, which may have ended, and viewer.
    pairs: BTreeSet<(Pid, Pid)>,
}

impl Viewers {
    /// Takes a row into account that is written in the place of another one.
    pub(super) fn note(&mut self, before: Option<&ProcessRow>, row: &ProcessRow) {
        let seen = if row.state.is_final() { None } else { row.view.as_ref() };
        let before = before.and_then(|before| before.view.as_ref());
        if before == seen {
            return;
        }
        for window in before.iter().flat_map(|view| view.windows()) {
            self.pairs.remove(&(window.source, row.pid));
        }
        for window in seen.iter().flat_map(|view| view.windows()) {
            self.pairs.insert((window.source, row.pid));
        }
    }

    /// Who sees through a window of a process.
    fn of(&self, source: Pid) -> impl Iterator<Item = Pid> {
        self.pairs.range((source, Pid(0))..=(source, Pid(u64::MAX))).map(|(_, viewer)| *viewer)
    }
}

/// Whether a restriction of the source of a window is about something that the view shows there or behind it.
fn is_shown(view: &View, source: Pid, restriction: &Pattern) -> bool {
    let windows = view.windows().into_iter().skip_while(|window| window.source != source);
    windows.flat_map(|window| patterns(&window)).any(|pattern| pattern.meets(restriction))
}

/// What a window shows, by the names of its source.
fn patterns(window: &Window) -> Vec<Pattern> {
    let own = own_namespace(window.source);
    let all = || Pattern::below(&Resource::new(Kind::Object, own.as_str()));
    let below = |root: &String| Pattern::below(&Resource::new(Kind::Object, format!("{own}/{root}"))).or_else(all);
    match &window.roots {
        Some(roots) => roots.iter().filter_map(below).collect(),
        None => all().into_iter().collect(),
    }
}

impl State {
    /// Whether anybody sees through a window of the process.
    pub(super) fn has_viewers(&self, source: Pid) -> bool {
        self.viewers.of(source).next().is_some()
    }

    /// Those that see through a window of the process something that the restriction is about.
    pub(super) fn viewers_of(&self, source: Pid, restriction: &Pattern) -> BTreeSet<Pid> {
        let shows = |pid: &Pid| {
            let view = self.processes.get(pid).and_then(|process| process.view.as_ref());
            view.is_some_and(|view| is_shown(view, source, restriction))
        };
        self.viewers.of(source).filter(shows).collect()
    }

    /// What a process that is about to end may not read of what others go on seeing, these may not read either: what hangs on its
    /// restrictions hangs on what lasts, and who has none yet gets one.
    pub(super) fn leave_restrictions(&mut self, source: Pid, now: Time) {
        if !self.has_viewers(source) {
            return;
        }
        let holder = Holder::Process(source);
        let held = self.grants.of(&holder).filter(|row| row.effect != Effect::Allow);
        let held: Vec<Grant> = held.filter(|row| self.grants.in_force(row.id, now).is_some()).cloned().collect();
        for restriction in held {
            let viewers = self.viewers_of(source, &restriction.pattern);
            if viewers.is_empty() {
                continue;
            }
            let lasting = self.lasting(restriction, now);
            for heir in self.grants.hanging_on(lasting.id) {
                let not_after = [heir.not_after, lasting.not_after].into_iter().flatten().min();
                self.put_grant(Grant { parent: lasting.parent, issuer: lasting.issuer.clone(), not_after, ..heir });
            }
            for viewer in viewers {
                self.impose(&lasting, viewer, now);
            }
        }
    }

    /// As [`State::leave_restrictions`], for a process that gets a view of processes that have ended already.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn take_restrictions_left(&mut self, pid: Pid, view: &View, now: Time) -> Result<(), StoreError> {
        for window in view.windows() {
            if self.processes.contains_key(&window.source) {
                continue;
            }
            for restriction in self.restrictions_on(view, window.source, now)? {
                let lasting = self.lasting(restriction, now);
                self.impose(&lasting, pid, now);
            }
        }
        Ok(())
    }

    /// A rule that keeps from a source what its view shows, and that not every process has.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn restriction_met(&self, view: &View, now: Time) -> Result<Option<Grant>, StoreError> {
        let of_all =
            |id: GrantId| self.grants.get(id).is_some_and(|row| row.holder == Holder::Image(ALL_IMAGES.into()));
        for window in view.windows() {
            let met = self.restrictions_on(view, window.source, now)?.into_iter().find(|row| {
                let reads = row.rights.contains(Right::Read) || row.rights.contains(Right::List);
                let above = row.parent.map(|parent| self.grants.chain(parent)).unwrap_or_default();
                reads && !above.into_iter().any(of_all)
            });
            if met.is_some() {
                return Ok(met);
            }
        }
        Ok(None)
    }

    /// The restrictions of a process, alive or not, that are about what a view shows through its window, and those that its image got
    /// since it ended.
    fn restrictions_on(&self, view: &View, source: Pid, now: Time) -> Result<Vec<Grant>, StoreError> {
        let is_alive = self.processes.contains_key(&source);
        let mut found: Vec<Grant> = self.held_or_left(source)?;
        found.retain(|row| self.hangs_on_as_restriction(row, is_alive, now).is_some());
        if !is_alive && let Some(process) = self.process_row(source)? {
            let image = Holder::Image(process.image.as_str().into());
            let lines = self.grants.of(&image);
            found.extend(lines.filter(|line| self.grants.in_force(line.id, now).is_some()).cloned());
        }
        found.retain(|row| row.effect != Effect::Allow && is_shown(view, source, &row.pattern));
        Ok(found)
    }

    /// The grants that a process holds, or held when it ended.
    pub(super) fn held_or_left(&self, pid: Pid) -> Result<Vec<Grant>, StoreError> {
        if self.processes.contains_key(&pid) {
            return Ok(self.grants.of(&Holder::Process(pid)).cloned().collect());
        }
        let rows = self.scan(Table::Grant, &table::number(pid.0))?;
        Ok(rows.values().map(|row| from_bytes(row)).collect::<Result<_, _>>()?)
    }

    /// A restriction as it is to stay: hanging on a line of an image, which ends with nobody, or on nothing.
    pub(super) fn lasting(&self, restriction: Grant, now: Time) -> Grant {
        let above =
            if matches!(restriction.holder, Holder::Image(_)) { Some(restriction.id) } else { restriction.parent };
        let (mut parent, mut not_after, mut issuer) = (None, restriction.not_after, Issuer::Host);
        for id in above.map(|above| self.grants.chain(above)).unwrap_or_default() {
            let Some(row) = self.grants.get(id) else { break };
            if matches!(row.holder, Holder::Image(_)) {
                parent = Some(id).filter(|id| self.grants.in_force(*id, now).is_some());
                break;
            }
            not_after = [not_after, row.not_after].into_iter().flatten().min();
            issuer = row.issuer.clone();
        }
        // What hangs on nothing comes from whoever it came from first.
        let is_derived = |issuer: &Issuer| matches!(issuer, Issuer::Process(_));
        let issuer = match (parent, is_derived(&restriction.issuer), is_derived(&issuer)) {
            (Some(_), ..) | (None, false, _) => restriction.issuer.clone(),
            (None, true, false) => issuer,
            (None, true, true) => Issuer::Host,
        };
        Grant { parent, not_after, issuer, ..restriction }
    }

    /// Gives a process a restriction that it has not.
    fn impose(&mut self, restriction: &Grant, pid: Pid, now: Time) {
        let holder = Holder::Process(pid);
        let same = |row: &Grant| {
            row.effect == restriction.effect
                && row.pattern == restriction.pattern
                && row.rights == restriction.rights
                && row.only_tool == restriction.only_tool
                && row.parent == restriction.parent
                && self.grants.in_force(row.id, now).is_some()
        };
        if !self.grants.of(&holder).any(same) {
            let id = self.new_grant();
            self.put_grant(Grant { id, holder, uses_left: None, created: now, ..restriction.clone() });
        }
    }
}
