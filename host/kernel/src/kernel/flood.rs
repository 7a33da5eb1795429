//! Equal events of one call are counted, not listed: a flood of them neither makes the store larger without bound nor hides what else
//! happened. The counts of all records of a call's events add up to their number.
//!
//! A count is written when it has doubled, when the call leaves memory and when it ends. So after a crash what is in the log is at
//! least half of what was counted and less than [`limit::FLOOD_COUNT_FIRST`] apart from it: a count that was not the last one says
//! "so far", which means at least.

use super::calls::Place;
use super::state::State;
use crate::model::call::Call;
use crate::model::id::{CallId, Digest};
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record, cut};
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// What one call did so often that it is only counted.
#[derive(Debug, Default)]
pub struct Tally {
    kinds: HashMap<Digest, Counted>,
    /// Kinds that stand for one event each time, not for all others.
    named: usize,
    /// Observes that were recorded in full.
    observed: u32,
}

#[derive(Debug)]
struct Counted {
    operation: &'static str,
    outcome: Outcome,
    what: String,
    /// Events so far, with those that have records of their own.
    total: u64,
    /// Events that no record stands for yet.
    pending: u32,
}

/// What to do with an event that is not equal to an earlier one when there are too many kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// It was refused and did nothing: it is counted with others of its operation.
    Count,
    /// It was carried out: that is evidence.
    Record,
}

impl Tally {
    /// Whether an event is only counted; and the count, if it is to be written now.
    fn count(
        &mut self,
        operation: &'static str,
        outcome: &Outcome,
        what: &str,
        unknown: Unknown,
    ) -> (bool, Option<Counted>) {
        let mut digest = key(operation, outcome, what);
        let mut what = what;
        if !self.kinds.contains_key(&digest) {
            let full = self.named >= limit::FLOOD_KINDS_MAX;
            if full && unknown == Unknown::Record {
                return (false, None);
            }
            if full {
                what = "others, of more kinds than are told apart";
                digest = key(operation, &Outcome::Denied, what);
            } else {
                self.named += 1;
                self.kinds.insert(digest, Counted::new(operation, outcome, what, 1, 0));
                return (false, None);
            }
        }
        let counted = self.kinds.entry(digest).or_insert_with(|| Counted::new(operation, outcome, what, 0, 0));
        counted.total += 1;
        counted.pending += 1;
        let due = counted.total >= limit::FLOOD_COUNT_FIRST && counted.total.is_power_of_two();
        (true, due.then(|| counted.take()))
    }

    /// Lets go what it told apart, after it was recorded: what comes later begins a count of its own.
    pub(super) fn forget(&mut self) {
        *self = Tally { observed: self.observed, ..Tally::default() };
    }

    /// What no record stands for yet, in an order that does not depend on chance.
    fn take(&mut self) -> Vec<Counted> {
        let pending = self.kinds.values_mut().filter(|counted| counted.pending > 0);
        let mut taken: Vec<Counted> = pending.map(Counted::take).collect();
        taken.sort_by(|a, b| (a.operation, &a.what).cmp(&(b.operation, &b.what)));
        taken
    }
}

impl Counted {
    fn new(operation: &'static str, outcome: &Outcome, what: &str, total: u64, pending: u32) -> Counted {
        let mut what = what.to_owned();
        cut(&mut what, limit::RECORD_TEXT_BYTES_MAX / 2);
        let mut outcome = outcome.clone();
        if let Outcome::Failed(text) = &mut outcome {
            cut(text, limit::RECORD_TEXT_BYTES_MAX / 2);
        }
        Counted { operation, outcome, what, total, pending }
    }

    fn take(&mut self) -> Counted {
        let taken = Counted::new(self.operation, &self.outcome, &self.what, self.total, self.pending);
        self.pending = 0;
        taken
    }
}

fn key(operation: &str, outcome: &Outcome, what: &str) -> Digest {
    let (word, text) = match outcome {
        Outcome::Denied => ("denied", ""),
        Outcome::Failed(text) => ("failed", text.as_str()),
        _ => ("done", ""),
    };
    let mut hash = Sha256::new();
    for part in [operation, word, text, what] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

impl State {
    /// Whether a refusal is equal to one that was recorded before in this call, so that it is only counted.
    pub(super) fn is_refused_again(
        &mut self,
        place: Place,
        call: &Call,
        outcome: &Outcome,
        what: &str,
        now: Time,
    ) -> bool {
        self.is_counted(place, call, outcome, what, Unknown::Count, now)
    }

    /// Whether something that a call observed, or a line that it logged, is one of so many that it is only counted. What differs in its
    /// resource is always recorded.
    pub(super) fn is_observed_again(
        &mut self,
        place: Place,
        call: &Call,
        outcome: &Outcome,
        what: impl FnOnce() -> String,
        now: Time,
    ) -> bool {
        let Some(live) = self.calls.get_mut(&place.call) else { return false };
        if live.tally.observed < limit::OBSERVES_IN_FULL_MAX {
            live.tally.observed += 1;
            return false;
        }
        let unknown = if *outcome == Outcome::Done { Unknown::Record } else { Unknown::Count };
        self.is_counted(place, call, outcome, &what(), unknown, now)
    }

    fn is_counted(
        &mut self,
        place: Place,
        call: &Call,
        outcome: &Outcome,
        what: &str,
        unknown: Unknown,
        now: Time,
    ) -> bool {
        let Some(live) = self.calls.get_mut(&place.call) else { return false };
        let (counted, due) = live.tally.count(call.operation(), outcome, what, unknown);
        if let Some(due) = due {
            self.record_count(place.call, due, "so far", now);
        }
        counted
    }

    /// Records what was counted and is in no record yet. `last`: nothing comes after it.
    pub(super) fn record_counts(&mut self, call: CallId, last: bool, now: Time) {
        let Some(live) = self.calls.get_mut(&call) else { return };
        let when = if last { "" } else { "so far" };
        for counted in live.tally.take() {
            self.record_count(call, counted, when, now);
        }
    }

    fn record_count(&mut self, call: CallId, counted: Counted, when: &str, now: Time) {
        let Some(live) = self.calls.get(&call) else { return };
        let mut record = Record::new(counted.operation, now, Decided::Free, counted.outcome);
        record.pid = Some(live.row.pid);
        record.call = Some(call);
        record.incarnation = live.row.incarnation;
        record.count = counted.pending;
        record.detail = Some(match (when, counted.what.is_empty()) {
            ("", false) => counted.what,
            ("", true) => format!("{} times in all", counted.total),
            (when, true) => format!("{} {when}", counted.total),
            (when, false) => format!("{} {when}: {}", counted.total, counted.what),
        });
        self.note(record);
    }
}
