//! Handing a child over to its grandparent, so that it outlives its parent. What hung on the parent's grants hangs on what these hang on.

use super::calls::Place;
use super::state::State;
use crate::model::answer::CallError;
use crate::model::grant::{Effect, Grant, Holder};
use crate::model::id::Pid;
use crate::model::limit;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ProcessRow;
use crate::model::time::Time;

impl State {
    /// Hands a child of the process at `place` to that one's own parent, or makes it a root if there is none.
    pub(crate) fn hand_child_over(&mut self, place: Place, pid: Pid, now: Time) -> Result<(), CallError> {
        let giver = self.processes.get(&place.pid).cloned().ok_or(CallError::Internal)?;
        let child = self.processes.get(&pid).filter(|child| child.parent == Some(giver.pid)).cloned();
        let child =
            child.ok_or_else(|| CallError::NotFound(format!("{pid} among the live children of {}", giver.pid)))?;
        if let Some(parent) = giver.parent {
            self.check_room_for_child(parent)?;
            // The receiver is not asked: it keeps room for its own.
            let (count, most) = (self.children.count(parent), limit::CHILDREN_MAX / 2);
            if count >= most {
                return Err(CallError::TooLarge(format!(
                    "{parent} has {count} children; with {most} or more none are handed over to it"
                )));
            }
        }
        let members = self.subtree(pid);
        for member in &members {
            self.rehang(*member, giver.pid, now);
        }
        self.hand_over_purses(pid, &members, giver.pid);
        let Some(child) = self.processes.get(&pid).cloned().or(Some(child)) else { return Ok(()) };
        self.children.remove(giver.pid, pid);
        self.put_process(ProcessRow { parent: giver.parent, ..child });
        self.end_idle_waits(giver.pid, now);
        Ok(())
    }

    /// Takes the giver out of the chains of a process's grants. What counts uses at the giver, or is not in force, is not kept; nor is an
    /// allow of what the giver has from nobody: it would hang on nothing, and no revocation would reach it.
    fn rehang(&mut self, holder: Pid, giver: Pid, now: Time) {
        let held: Vec<Grant> = self.grants.of(&Holder::Process(holder)).cloned().collect();
        for grant in held {
            let above = grant.parent.and_then(|id| self.grants.get(id)).cloned();
            let Some(above) = above.filter(|above| above.holder == Holder::Process(giver)) else { continue };
            let counts_there = above.uses_left.is_some() && !grant.moved;
            let hangs_on_nothing = grant.effect == Effect::Allow && above.parent.is_none();
            let lost = counts_there || hangs_on_nothing || self.grants.in_force(grant.id, now).is_none();
            // A giver's own end of a grant holds for what it gave of it.
            let not_after = [grant.not_after, above.not_after].into_iter().flatten().min();
            // Whoever gave it to the giver has given it now.
            let hung = Grant { parent: above.parent, issuer: above.issuer, not_after, ..grant };
            match lost && !hung.revoked {
                true => drop(self.set_revoked(hung, now)),
                false => {
                    let mut record = Record::new("grant.rehang", now, Decided::Free, Outcome::Done);
                    record.pid = Some(holder);
                    record.detail = Some(match hung.parent {
                        Some(parent) => format!("{} from {}, on {parent} now: {hung}", hung.id, above.id),
                        None => format!("{} from {}, by itself now: {hung}", hung.id, above.id),
                    });
                    self.note(record);
                    self.put_grant(hung);
                }
            }
        }
    }
}
