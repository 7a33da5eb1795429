//! A store that is a copy: the host that it was copied from may have gone on, and two hosts would then live one history on. What was
//! begun there may have ended there, and what was granted for a number of uses may have been used. So a copy begins with nothing under
//! way: calls are cancelled, processes in the middle of a step of their planner end, effects without an outcome are unknown, and grants that count their uses are revoked, all in one change
//! that is recorded. Grants without a number of uses, processes, objects and the log are as they were.

use super::state::State;
use crate::model::grant::{Grant, Holder};
use crate::model::id::{CallId, Digest};
use crate::model::process::Change;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{CallState, EffectRow};
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::backup::Origin;
use crate::store::table::{Table, meta};
use crate::world::Probed;

const WHY: &str = "this store is a copy; where it was copied from, the call may have gone on";

impl State {
    /// Takes a copy over, before anything else is done with it. `instance`: random, so that no effect of here has the key of one of
    /// there.
    ///
    /// # Errors
    /// The disk failed.
    pub(super) fn take_over(&mut self, origin: &Origin, instance: Digest, now: Time) -> Result<(), StoreError> {
        self.instance = Some(instance);
        self.put_bytes(Table::Meta, meta::INSTANCE.to_vec(), instance.to_vec());
        self.remove(Table::Meta, meta::BACKUP.to_vec());
        let mut effects: Vec<EffectRow> = self.effects.values().cloned().collect();
        effects.sort_by_key(|row| row.id);
        let mut calls: Vec<CallId> = self.calls.keys().copied().collect();
        calls.sort_unstable();
        let counted = self.counted_grants()?;
        let mut record = Record::new("host.restored", now, Decided::Host, Outcome::Done);
        record.detail = Some(format!(
            "from a copy of {} with {} records; {} calls are cancelled, {} effects unknown, {} grants with a number of uses revoked",
            origin.time,
            origin.records,
            calls.len(),
            effects.len(),
            counted.len()
        ));
        self.note(record);
        for effect in effects {
            self.close_recovered(effect, Probed::Unknown, now);
        }
        for call in calls {
            let Some(pid) = self.calls.get(&call).map(|live| live.row.pid) else { continue };
            let is_quantum = self.is_quantum(call);
            self.finish_call(call, CallState::Cancelled(WHY.into()), Outcome::Failed(WHY.into()), now);
            // A step that was cut off is not begun again: what it did may have been done where this was copied from.
            if !self.end_if_cancelled(pid, Some(call), now) && (self.ends_with_its_calls(pid) || is_quantum) {
                self.end_process(pid, Change::Kill(WHY.into()), Some(call), now);
            }
        }
        for grant in counted {
            self.set_revoked(grant, now);
        }
        Ok(())
    }

    /// Grants in force, of images and of processes that live, that count their uses.
    fn counted_grants(&self) -> Result<Vec<Grant>, StoreError> {
        let mut counted = Vec::new();
        for row in self.scan(Table::Grant, &[])?.values() {
            let grant: Grant = crate::model::codec::from_bytes(row)?;
            let lives = match grant.holder {
                Holder::Process(pid) => self.processes.contains_key(&pid),
                Holder::Image(_) => true,
            };
            if lives && !grant.revoked && grant.uses_left.is_some() {
                counted.push(grant);
            }
        }
        counted.sort_by_key(|grant| grant.id);
        Ok(counted)
    }
}
