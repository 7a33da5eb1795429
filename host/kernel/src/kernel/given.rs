//! What a person gives one process as it is started: grants of it alone, made in the same change as the process, and a budget.

use super::host::HostError;
use super::state::State;
use crate::model::given::{Given, difference};
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{GrantId, Pid};
use crate::model::limit;
use crate::model::planner::PlannerRow;
use crate::model::purse::Purse;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::ProcessRow;
use crate::model::time::Time;

/// Refuses what no process can be given.
///
/// # Errors
/// It is too much.
pub(super) fn check(given: &Given) -> Result<(), HostError> {
    let (have, most) = (given.lines.len(), limit::GIVEN_LINES_MAX);
    if have > most {
        return Err(HostError::Usage(format!("a process is given {have} lines of authority, at most {most}")));
    }
    Ok(())
}

impl State {
    /// What a process may spend that a person starts: of each kind what was given, else what the policy or the image says.
    pub(super) fn purse_at_start(&self, image: &str, given: &Given) -> Option<Purse> {
        let purse = self.purse_of_image(image);
        if given.budget.is_empty() {
            return purse;
        }
        let mut amounts = purse.map(|purse| purse.left).unwrap_or_default();
        amounts.extend(given.budget.iter().map(|(coin, amount)| (*coin, *amount)));
        Some(Purse::of(&amounts))
    }

    /// Restrictions come first, so that an allow that answers them finds them.
    pub(super) fn give_at_start(&mut self, pid: Pid, given: &Given, now: Time) {
        let (allows, restrictions): (Vec<_>, Vec<_>) =
            given.lines.iter().partition(|line| line.effect == Effect::Allow);
        for line in restrictions.into_iter().chain(allows) {
            let grant = Grant {
                id: GrantId(0),
                holder: Holder::Process(pid),
                pattern: line.rule.pattern.clone(),
                rights: line.rule.rights,
                effect: line.effect,
                uses_left: None,
                not_after: None,
                only_tool: None,
                answers: None,
                parent: None,
                issuer: Issuer::Host,
                revoked: false,
                created: now,
                moved: false,
            };
            if line.answers {
                self.add_grants(grant, now);
                continue;
            }
            let grant = Grant { id: self.new_grant(), ..grant };
            let mut record = Record::new("host.grant", now, Decided::Host, Outcome::Done);
            record.pid = Some(pid);
            record.detail = Some(format!("{} {grant}", grant.id));
            self.note(record);
            self.put_grant(grant);
        }
    }

    /// Keeps what was given beside the command, to tell it from another.
    pub(super) fn note_given(&mut self, pid: Pid, given: &Given) {
        let (Some(process), Some(texts)) = (self.processes.get(&pid).cloned(), given.texts()) else { return };
        let planner = process.planner.clone().map(|planner| PlannerRow { given: Some(texts), ..planner });
        self.put_process(ProcessRow { planner, ..process });
    }

    /// The same command goes on with what it made only if it gives the same: nothing is added or taken behind a person's back.
    pub(super) fn check_given(&self, pid: Pid, given: &Given) -> Result<(), HostError> {
        let planner = self.processes.get(&pid).and_then(|process| process.planner.as_ref());
        let before = planner.and_then(|planner| planner.given.clone()).unwrap_or_default();
        let after = given.texts().unwrap_or_default();
        if before == after {
            return Ok(());
        }
        Err(HostError::Usage(format!(
            "{pid} does this already, and was given something else:\n{}\n  `libos run --pid {pid}` goes on with it as it is, `libos grant \
             {pid}` gives it more, and --new starts another one",
            difference(&before, &after).join("\n")
        )))
    }
}
