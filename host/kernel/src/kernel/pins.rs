//! Moments at which objects are still shown as they were: by views of processes that were forked then, and by checkpoints. A pin costs
//! nothing for each object; what is replaced or deleted while one needs it is kept, until the last such pin goes.

use super::state::State;
use crate::model::codec::from_bytes;
use crate::model::id::{Pid, Seq};
use crate::store::StoreError;
use crate::store::reader::Snapshot;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Pins: how many there are at each place of the log, by the process whose objects they show.
#[derive(Debug, Default)]
pub struct Pins {
    held: HashMap<Pid, BTreeMap<Seq, u32>>,
    /// While many pins go in one change: the processes of which some have gone. What nothing needs any more is looked for once.
    gone: Option<BTreeSet<Pid>>,
}

impl Pins {
    /// Whether anybody sees objects of this process as they were.
    pub fn has(&self, source: Pid) -> bool {
        self.held.contains_key(&source)
    }

    /// Whether a version that was made at `changed` and replaced at `until` is seen by anybody. A pin at a place of the log shows what
    /// was made before it.
    pub fn needs(&self, source: Pid, changed: Seq, until: Seq) -> bool {
        changed < until && self.held.get(&source).is_some_and(|pins| pins.range(changed + 1..=until).next().is_some())
    }

    fn add(&mut self, source: Pid, at: Seq) -> u32 {
        let count = self.held.entry(source).or_default().entry(at).or_default();
        *count += 1;
        *count
    }

    /// Takes one away; answers how many are left there, or none if there was none.
    fn take(&mut self, source: Pid, at: Seq) -> Option<u32> {
        let pins = self.held.get_mut(&source)?;
        let count = pins.get_mut(&at)?;
        *count -= 1;
        let left = *count;
        if left == 0 {
            pins.remove(&at);
            if pins.is_empty() {
                self.held.remove(&source);
            }
        }
        Some(left)
    }
}

impl State {
    /// Keeps the objects of a process, all in its own namespace, as they are now, for whoever asks for them as of `at`. That is
    /// [`State::next_seq`] of now. It survives a restart.
    pub fn pin(&mut self, source: Pid, at: Seq) {
        let count = self.pins.add(source, at);
        self.put(Table::ObjectPin, table::numbers(source.0, at), &count);
    }

    /// Takes a pin away. With the last that needs them, kept versions go.
    ///
    /// # Errors
    /// The disk failed.
    pub fn unpin(&mut self, source: Pid, at: Seq) -> Result<(), StoreError> {
        let Some(left) = self.pins.take(source, at) else { return Ok(()) };
        let key = table::numbers(source.0, at);
        if left > 0 {
            self.put(Table::ObjectPin, key, &left);
            return Ok(());
        }
        self.remove(Table::ObjectPin, key);
        match &mut self.pins.gone {
            Some(gone) => {
                gone.insert(source);
                Ok(())
            }
            None => self.drop_unpinned(source),
        }
    }

    /// Does something that takes many pins away, and then drops what no pin needs any more, looking at each source once. What cannot be
    /// read now stays: nothing shows it any more.
    pub(super) fn with_many_pins_gone(&mut self, change: impl FnOnce(&mut State)) {
        if self.pins.gone.is_some() {
            return change(self);
        }
        self.pins.gone = Some(BTreeSet::new());
        change(self);
        for source in self.pins.gone.take().unwrap_or_default() {
            drop(self.drop_unpinned(source));
        }
    }

    /// Drops what pins alone held, and none holds any more.
    fn drop_unpinned(&mut self, source: Pid) -> Result<(), StoreError> {
        self.drop_versions(source)?;
        if self.pins.has(source) || self.processes.contains_key(&source) {
            return Ok(());
        }
        match self.ended_process(source)? {
            Some(row) if self.is_unmerged(&row)? => Ok(()),
            _ => self.drop_namespaces(source),
        }
    }

    pub(super) fn load_pins(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        snapshot.scan(Table::ObjectPin, &[], |key, value| {
            if let Some((source, at)) = table::read_numbers(key) {
                self.pins.held.entry(Pid(source)).or_default().insert(at, from_bytes(&value)?);
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_needed_by_a_pin_that_came_after_it_and_before_its_end() {
        let mut pins = Pins::default();
        pins.add(Pid(1), 5);
        for (changed, until, needed) in [
            (4, 5, true),
            (4, 9, true),
            (0, 5, true),
            (5, 9, false),
            (4, 4, false),
            (0, 4, false),
            (6, 9, false),
            (u64::MAX, u64::MAX, false),
        ] {
            assert_eq!(pins.needs(Pid(1), changed, until), needed, "{changed} {until}");
            assert!(!pins.needs(Pid(2), changed, until));
        }
        pins.add(Pid(1), 5);
        assert_eq!(pins.take(Pid(1), 5), Some(1));
        assert!(pins.needs(Pid(1), 4, 5), "another one is left");
        assert_eq!(pins.take(Pid(1), 5), Some(0));
        assert!(!pins.needs(Pid(1), 4, 5) && !pins.has(Pid(1)));
        assert_eq!(pins.take(Pid(1), 5), None);
    }
}
