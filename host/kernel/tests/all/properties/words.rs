//! The rules of authority in words: slow, over plain rows, and written apart from the product.

use libos_kernel::model::decide::Default as WithoutGrant;
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::{Digest, GrantId};
use libos_kernel::model::need::Need;
use libos_kernel::model::time::Time;
use std::collections::BTreeMap;

/// What is decided, the worse for the asking one the less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    Denied,
    Asked,
    Allowed,
}

/// Rows at a moment.
pub struct Rows {
    pub rows: BTreeMap<GrantId, Grant>,
    pub now: Time,
    /// Whether a grant without uses left is of no use.
    pub counts: bool,
}

/// Who asks, and in which tool's name.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    pub holder: &'a Holder,
    pub tool: &'a str,
    pub component: &'a Digest,
    pub default: WithoutGrant,
    /// A person has said yes to this very call.
    pub by_person: bool,
}

impl Rows {
    pub fn new(rows: impl IntoIterator<Item = Grant>, now: Time) -> Rows {
        Rows { rows: rows.into_iter().map(|row| (row.id, row)).collect(), now, counts: true }
    }

    /// The same rows, whatever has been used up.
    pub fn without_counts(&self) -> Rows {
        Rows { rows: self.rows.clone(), now: self.now, counts: false }
    }

    /// Only the rows that fit.
    pub fn only(&self, fits: impl Fn(&Grant) -> bool) -> Rows {
        let fitting = self.rows.values().filter(|row| fits(row)).cloned();
        Rows { counts: self.counts, ..Rows::new(fitting, self.now) }
    }

    /// A row and what it hangs on, up to the root; none if a part of it is gone.
    pub fn chain(&self, row: &Grant) -> Option<Vec<&Grant>> {
        let mut chain = vec![self.rows.get(&row.id)?];
        while let Some(parent) = chain[chain.len() - 1].parent {
            assert!(chain.len() < 1_000, "the chain of {row} has no end");
            chain.push(self.rows.get(&parent)?);
        }
        Some(chain)
    }

    /// Nothing on the chain is revoked or expired, and every count that is its own has a use left: not those from which uses were
    /// moved to it.
    pub fn in_force(&self, row: &Grant) -> bool {
        let Some(chain) = self.chain(row) else { return false };
        let live = |row: &&Grant| !row.revoked && row.not_after.is_none_or(|last| self.now <= last);
        let counted = chain.iter().enumerate().filter(|(at, _)| *at == 0 || !chain[at - 1].moved);
        let left = |(_, row): (usize, &&Grant)| row.uses_left != Some(0);
        chain.len() <= 9 && chain.iter().all(live) && (!self.counts || counted.into_iter().all(left))
    }

    /// The rows in force that count for who asks.
    pub fn of<'a>(&'a self, who: Who<'a>) -> impl Iterator<Item = &'a Grant> {
        let counts = move |row: &&Grant| {
            row.holder == *who.holder
                && row.only_tool.as_ref().is_none_or(|only| {
                    *only.name == *who.tool && (row.effect != Effect::Allow || only.component == *who.component)
                })
        };
        self.rows.values().filter(counts).filter(|row| self.in_force(row))
    }

    /// The decision on one right.
    pub fn decide(&self, who: Who<'_>, need: &Need) -> Word {
        if need.whole { self.whole(who, need) } else { self.one(who, need) }
    }

    fn one(&self, who: Who<'_>, need: &Need) -> Word {
        let covering = |effect: Effect| -> Vec<&Grant> {
            let fits = |row: &&Grant| {
                row.effect == effect && row.rights.contains(need.right) && row.pattern.covers(&need.resource)
            };
            self.of(who).filter(fits).collect()
        };
        let (denies, asks, allows) = (covering(Effect::Deny), covering(Effect::Ask), covering(Effect::Allow));
        let named = |ask: &&Grant| allows.iter().any(|allow| allow.answers == Some(ask.id));
        if !denies.is_empty() {
            Word::Denied
        } else if !asks.is_empty() {
            if who.by_person || asks.iter().all(named) { Word::Allowed } else { Word::Asked }
        } else if !allows.is_empty() {
            Word::Allowed
        } else if who.default == WithoutGrant::Ask || self.lapsed(who, need) {
            if who.by_person { Word::Allowed } else { Word::Asked }
        } else {
            Word::Denied
        }
    }

    /// An allow that names the asking tool as it was.
    fn lapsed(&self, who: Who<'_>, need: &Need) -> bool {
        self.rows.values().any(|row| {
            row.holder == *who.holder
                && row.effect == Effect::Allow
                && row.rights.contains(need.right)
                && row.pattern.covers(&need.resource)
                && (!need.whole || row.pattern.covers_subtree(&need.resource))
                && row.only_tool.as_ref().is_some_and(|only| *only.name == *who.tool)
                && self.in_force(row)
        })
    }

    fn whole(&self, who: Who<'_>, need: &Need) -> Word {
        let inside = |row: &Grant| row.effect != Effect::Allow && row.pattern.meets_subtree(&need.resource);
        let all = |row: &Grant| {
            row.effect == Effect::Allow && row.rights.contains(need.right) && row.pattern.covers_subtree(&need.resource)
        };
        if self.of(who).any(inside) {
            Word::Denied
        } else if self.of(who).any(all) {
            Word::Allowed
        } else if self.lapsed(who, need) {
            if who.by_person { Word::Allowed } else { Word::Asked }
        } else {
            Word::Denied
        }
    }
}
