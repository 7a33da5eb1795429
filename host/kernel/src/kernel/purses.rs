//! Purses: what processes may spend, moved from parents to children and back, charged where it is. A charge, what it is for and the record
//! of that are one change. What cannot be paid is not begun: the process is paused, and tries again when somebody has put more in.

use super::Kernel;
use super::admit::Attempt;
use super::host::HostError;
use super::permit::Permit;
use super::rules::Changed;
use super::state::State;
use crate::model::answer::{Answer, CallError, Stop};
use crate::model::call::{Call, ObjectInfo, Reply};
use crate::model::id::{CallId, Pid};
use crate::model::limit;
use crate::model::process::State as ProcessState;
use crate::model::purse::{Amounts, Charged, Coin, Purse};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::row::{Probe, ProcessRow};
use crate::model::time::Time;
use crate::store::table::{self, Table};
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a system call costs before it is begun.
pub(super) type Costs = SmallVec<[(Coin, u64); 3]>;

/// A purse in which there is too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Empty {
    /// Whose purse it is.
    pub payer: Pid,
    pub coin: Coin,
    /// So much more must be in it.
    pub missing: u64,
}

impl Empty {
    /// Why the process stands still, and what lets it go on.
    pub fn reason(&self) -> String {
        let Empty { payer, coin, missing } = self;
        let least = if *missing > 1 { format!("; N is at least {missing}") } else { String::new() };
        format!(
            "too little is left of {coin} in the purse of {payer}: `libos budget {payer} --add {coin}=N` puts more in{least}"
        )
    }
}

/// What a process may spend, as people are shown it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Budget {
    pub pid: Pid,
    /// Whose purse it spends from; none if nothing is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<Pid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purse: Option<Purse>,
}

impl Budget {
    /// What a process may spend, from its row and, if it has no purse, that of whom it spends from.
    pub fn of(row: &ProcessRow, payer: Option<&ProcessRow>) -> Budget {
        let from = if row.purse.is_some() { Some(row) } else { payer };
        let from = from.filter(|from| from.purse.is_some());
        Budget { pid: row.pid, payer: from.map(|from| from.pid), purse: from.and_then(|from| from.purse.clone()) }
    }
}

/// Time that a call may still spend, in milliseconds; none of a kind without a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeLeft {
    pub wall: Option<u64>,
    pub processor: Option<u64>,
}

/// The kinds that are charged after the fact.
const TIMES: [Coin; 2] = [Coin::WallMilliseconds, Coin::ProcessorMilliseconds];

impl Kernel {
    /// Puts more of a kind into the purse that a process spends from, as a person, and lets those go on that stand still for want of it.
    ///
    /// # Errors
    /// There is no such live process, nothing bounds it, it would be more than a purse holds, or the host has stopped.
    pub fn raise_budget(&self, pid: Pid, coin: Coin, amount: u64) -> Result<Changed<Budget>, HostError> {
        self.change_purse(pid, &[(coin, amount)], &[])
    }

    /// As [`Kernel::raise_budget`], of several kinds at once; `exactly` says what is to be left of a kind, which gets a bound by that
    /// if it had none.
    ///
    /// # Errors
    /// As [`Kernel::raise_budget`]; nothing has changed.
    pub fn change_purse(
        &self,
        pid: Pid,
        more: &[(Coin, u64)],
        exactly: &[(Coin, u64)],
    ) -> Result<Changed<Budget>, HostError> {
        let now = self.now();
        let mut state = self.lock();
        state.check_alive()?;
        if !state.processes.contains_key(&pid) {
            return Err(HostError::Usage(format!("there is no live process {pid}; `libos ps` shows them")));
        }
        let payer = state.payer_of(pid).unwrap_or(pid);
        let row = state.processes.get(&payer).cloned();
        let row = row.ok_or_else(|| HostError::Usage(format!("there is no live process {payer}")))?;
        let mut purse = row.purse.clone().unwrap_or_default();
        exactly.iter().for_each(|(coin, amount)| purse.set(*coin, *amount));
        for (coin, amount) in more {
            let Some(left) = purse.left(*coin) else {
                return Err(HostError::Usage(format!(
                    "{pid} has no bound on {coin}; `libos budget {pid} --set {coin}={amount}` gives it one"
                )));
            };
            if left.saturating_add(*amount) > limit::PURSE_AMOUNT_MAX {
                let most = limit::PURSE_AMOUNT_MAX;
                return Err(HostError::Usage(format!("a purse holds at most {most} of {coin}, and {left} are in it")));
            }
            purse.put(*coin, *amount);
        }
        let is_new = row.purse.is_none();
        let row = ProcessRow { purse: Some(purse), ..row };
        state.put_process(row.clone());
        if is_new {
            state.bind_heirs(payer);
        }
        let mut record = Record::new("host.budget", now, Decided::Host, Outcome::Done);
        record.pid = Some(payer);
        let words = |sign: &str, amounts: &[(Coin, u64)]| {
            amounts.iter().map(|(coin, amount)| format!("{coin}{sign}{amount}")).collect::<Vec<_>>()
        };
        record.detail = Some([words("+", more), words("=", exactly)].concat().join(" "));
        state.note(record);
        let changed: Vec<Coin> = more.iter().chain(exactly).map(|(coin, _)| *coin).collect();
        state.resume_who_can_pay(payer, &changed);
        let budget = Budget { pid, payer: Some(payer), purse: row.purse };
        Ok(Changed { what: budget, durable: state.mark() })
    }

    /// Charges a process the time that a call of it was in memory, whether or not either has ended meanwhile. What is more than there
    /// was is not counted; a process that has none left is paused.
    pub fn charge_time(&self, pid: Pid, call: CallId, wall_milliseconds: u64, processor_milliseconds: u64) {
        let now = self.now();
        let mut state = self.lock();
        state.spend_time(pid, wall_milliseconds, processor_milliseconds);
        if state.paused(pid).is_none() && state.calls.contains_key(&call) {
            // Whoever drives the call is told at its next import.
            let _ = state.check_time(pid, call, now);
        }
    }

    /// Charges a process the time that a proposal of it was compiled and tried, whether or not it has ended meanwhile; as
    /// [`Kernel::charge_time`]. A process that has none left is paused at its next import.
    pub fn charge_validation(&self, pid: Pid, processor_milliseconds: u64) {
        self.lock().spend_time(pid, 0, processor_milliseconds);
    }

    /// Whether a process has any processor time to spend on a validation.
    ///
    /// # Errors
    /// Its purse is empty.
    pub fn can_validate(&self, pid: Pid) -> Result<(), Empty> {
        self.lock().lacks(pid, &[Coin::ProcessorMilliseconds]).map_or(Ok(()), Err)
    }

    /// The time that a call may still spend.
    pub fn time_left(&self, call: CallId) -> TimeLeft {
        let state = self.lock();
        let purse = state.calls.get(&call).and_then(|live| state.purse_of(live.row.pid));
        let left = |coin| purse.and_then(|purse| purse.left(coin));
        TimeLeft { wall: left(TIMES[0]), processor: left(TIMES[1]) }
    }

    /// Closes the permit of a read, and charges what was read. If that cannot be paid, nothing of it is told or recorded.
    ///
    /// # Errors
    /// The process is paused until somebody has put more into its purse.
    pub(crate) fn close_read(&self, mut permit: Permit, result: Result<Reply, CallError>) -> Result<Arc<Answer>, Stop> {
        let now = self.now();
        let size = if let Ok(Reply::Bytes(bytes)) = &result { bytes.len() as u64 } else { 0 };
        let resources = permit.take_resources();
        let answer = Arc::new(Answer::from(result));
        let Some(mut open) = permit.take_open() else { return Ok(answer) };
        let mut state = self.lock();
        match state.charge(open.place.pid, &[(Coin::BytesRead, size)]) {
            Ok(charged) => open.charged = charged,
            Err(empty) => {
                state.give_uses_back(&open.uses);
                state.give_answer_back(open.question, (open.place.call, open.place.position));
                return Err(state.stop_for_want(open.place.pid, open.place.call, empty, now));
            }
        }
        state.finish(open, &resources, now, &answer, false);
        Ok(answer)
    }

    /// Whether what is in all purses and what was spent is what was put in, of each kind: the kinds of which it is not, with both sums.
    /// For tests of anything that makes, ends or restores processes.
    pub fn purses_that_do_not_add_up(&self) -> Vec<(Coin, i64, i64)> {
        let state = self.lock();
        let mut sums: BTreeMap<Coin, (i64, i64)> = BTreeMap::new();
        for purse in state.processes.values().filter_map(|row| row.purse.as_ref()) {
            for coin in Coin::ALL {
                let of = |amounts: &Amounts| amounts.get(&coin).copied().unwrap_or_default() as i64;
                let sum = sums.entry(coin).or_default();
                sum.0 += of(&purse.left) + of(&purse.spent);
                sum.1 += purse.put_in.get(&coin).copied().unwrap_or_default();
            }
        }
        let wrong = sums.into_iter().filter(|(_, (have, put_in))| have != put_in);
        wrong.map(|(coin, (have, put_in))| (coin, have, put_in)).collect()
    }
}

/// What a system call costs before it is begun.
fn costs(attempt: &Attempt) -> Costs {
    match &*attempt.call {
        Call::FsWrite { content, .. } | Call::FsAppend { content, .. } => {
            smallvec![(Coin::BytesWritten, content.len() as u64)]
        }
        Call::FsCopy { .. } => match attempt.prepared.as_ref().map(|seen| &seen.probe) {
            Some(Probe::Write { size, .. }) => smallvec![(Coin::BytesRead, *size), (Coin::BytesWritten, *size)],
            _ => Costs::new(),
        },
        Call::ObjectCreate { .. } => smallvec![(Coin::Objects, 1)],
        Call::ToolCall { .. } | Call::AgentCall { .. } => smallvec![(Coin::ToolCalls, 1)],
        // A goal is an object.
        Call::ProcessSpawn { .. } | Call::ProcessFork { .. } => smallvec![(Coin::Children, 1), (Coin::Objects, 1)],
        _ => Costs::new(),
    }
}

/// The kind of which something must be left, although how much of it is spent is known only at the end.
fn settled_later(call: &Call) -> Option<Coin> {
    match call {
        Call::FsRead { .. } | Call::FsReadRange { .. } => Some(Coin::BytesRead),
        // Its goal is made when the image is changed, and only the last that was asked for.
        Call::ProcessExec { goal: Some(_), .. } => Some(Coin::Objects),
        _ => None,
    }
}

impl State {
    /// Whose purse a process spends from.
    pub(super) fn payer_of(&self, pid: Pid) -> Option<Pid> {
        let row = self.processes.get(&pid)?;
        if row.purse.is_some() {
            return Some(pid);
        }
        row.payer.filter(|payer| self.processes.get(payer).is_some_and(|row| row.purse.is_some()))
    }

    fn purse_of(&self, pid: Pid) -> Option<&Purse> {
        self.processes.get(&self.payer_of(pid)?)?.purse.as_ref()
    }

    /// Changes the purse that a process spends from. The change answers whether there was one.
    fn with_purse(&mut self, pid: Pid, change: impl FnOnce(&mut Purse) -> bool) {
        let Some(payer) = self.payer_of(pid) else { return };
        let Some(mut row) = self.processes.get(&payer).cloned() else { return };
        if row.purse.as_mut().is_some_and(change) {
            self.put_process(row);
        }
    }

    pub(super) fn spend_time(&mut self, pid: Pid, wall_milliseconds: u64, processor_milliseconds: u64) {
        let Some(payer) = self.heir_of(pid) else { return };
        let spent = [(TIMES[0], wall_milliseconds), (TIMES[1], processor_milliseconds)];
        self.with_purse(payer, |purse| {
            spent.into_iter().map(|(coin, amount)| purse.spend(coin, amount)).sum::<u64>() > 0
        });
    }

    /// Charges the purse that a process spends from; none if it has no bound on any of it.
    ///
    /// # Errors
    /// There is too little; nothing has changed.
    pub(super) fn charge(&mut self, pid: Pid, amounts: &[(Coin, u64)]) -> Result<Option<Charged>, Empty> {
        let (Some(payer), Some(purse)) = (self.payer_of(pid), self.purse_of(pid)) else { return Ok(None) };
        if let Some((coin, amount)) = amounts.iter().find(|(coin, amount)| !purse.has(*coin, *amount)) {
            let missing = amount.saturating_sub(purse.left(*coin).unwrap_or_default());
            return Err(Empty { payer, coin: *coin, missing });
        }
        let spent: Vec<(Coin, u64)> =
            amounts.iter().copied().filter(|(coin, amount)| *amount > 0 && purse.bounds(*coin)).collect();
        if spent.is_empty() {
            return Ok(None);
        }
        self.with_purse(payer, |purse| spent.iter().map(|(coin, amount)| purse.spend(*coin, *amount)).sum::<u64>() > 0);
        Ok(Some(Charged { payer, amounts: spent }))
    }

    /// Charges what a system call costs before it is begun, or pauses its process.
    ///
    /// # Errors
    /// [`Stop::Paused`]: nothing has changed but that.
    pub(super) fn charge_for(&mut self, attempt: &Attempt, now: Time) -> Result<Option<Charged>, Stop> {
        let place = attempt.place;
        // Who has no purse pays nothing; that is most of them.
        let Some(purse) = self.purse_of(place.pid) else { return Ok(None) };
        if let Some(coin) = settled_later(&attempt.call).filter(|coin| !purse.has(*coin, 1)) {
            let payer = self.payer_of(place.pid).unwrap_or(place.pid);
            return Err(self.stop_for_want(place.pid, place.call, Empty { payer, coin, missing: 1 }, now));
        }
        let costs = match &*attempt.call {
            Call::ModelAsk { profile, request } => self.costs_of_asking(profile, request),
            _ => costs(attempt),
        };
        self.charge(place.pid, &costs).map_err(|empty| self.stop_for_want(place.pid, place.call, empty, now))
    }

    /// Holds a process for want of something; the import that wanted it is tried again when the process goes on.
    pub(super) fn stop_for_want(&mut self, pid: Pid, call: CallId, empty: Empty, now: Time) -> Stop {
        let reason = empty.reason();
        // What it observed until now was paid for: it is not to be observed, and paid for, again.
        self.flush_kept(call);
        // Whoever holds it already lets it go; then it tries again.
        if let Some(by) = self.paused(pid) {
            return Stop::Paused(by);
        }
        self.pause(pid, reason.clone(), true);
        if let Some(process) = self.processes.get(&pid).cloned() {
            self.put_process(ProcessRow { wants: Some(empty.coin), ..process });
        }
        // What it does at the same time wants it too, and finds it paused.
        let mut record = Record::new("budget.empty", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = Some(call);
        record.detail = Some(reason.clone());
        self.note(record);
        Stop::Paused(reason)
    }

    /// Pauses a process whose time is used up.
    pub(super) fn check_time(&mut self, pid: Pid, call: CallId, now: Time) -> Result<(), Stop> {
        self.lacks(pid, &TIMES).map_or(Ok(()), |empty| Err(self.stop_for_want(pid, call, empty, now)))
    }

    /// Whether there is no time left for a process to spend.
    pub(super) fn lacks_time(&self, pid: Pid) -> bool {
        self.lacks(pid, &TIMES).is_some()
    }

    /// Of which of these kinds nothing is left for a process to spend.
    fn lacks(&self, pid: Pid, coins: &[Coin]) -> Option<Empty> {
        let purse = self.purse_of(pid)?;
        let coin = *coins.iter().find(|coin| !purse.has(**coin, 1))?;
        Some(Empty { payer: self.payer_of(pid)?, coin, missing: 1 })
    }

    /// Charges a call that is started, also one that a person starts.
    ///
    /// # Errors
    /// There is too little.
    pub(super) fn charge_call(&mut self, pid: Pid) -> Result<(), Empty> {
        self.lacks(pid, &TIMES).map_or(Ok(()), Err)?;
        self.charge(pid, &[(Coin::ToolCalls, 1)]).map(drop)
    }

    /// Makes a charge what it turned out to be. What is more than there is left is not counted; of what had no bound when it was charged
    /// nothing is.
    pub(super) fn settle_charge(&mut self, charged: &Charged, costs: &[(Coin, u64)]) {
        let Some(heir) = self.heir_of(charged.payer) else { return };
        let amounts = charged.amounts.clone();
        self.with_purse(heir, |purse| {
            for (coin, taken) in amounts {
                let cost = costs.iter().find(|(kind, _)| *kind == coin).map_or(taken, |(_, cost)| *cost);
                purse.unspend(coin, taken.saturating_sub(cost));
                purse.spend(coin, cost.saturating_sub(taken));
            }
            true
        });
    }

    /// Gives back what was charged for something that did not come to be. If whoever paid has ended, to whom its purse went.
    pub(super) fn give_back_charge(&mut self, charged: Option<&Charged>) {
        let Some(Charged { payer, amounts }) = charged else { return };
        let amounts = amounts.clone();
        let Some(heir) = self.heir_of(*payer) else { return };
        self.with_purse(heir, |purse| {
            amounts.iter().for_each(|(coin, amount)| purse.unspend(*coin, *amount));
            true
        });
    }

    /// Who has the purse of a process that may have ended.
    fn heir_of(&self, pid: Pid) -> Option<Pid> {
        let mut pid = pid;
        for _ in 0..limit::PURSE_DEPTH_MAX {
            if self.processes.contains_key(&pid) {
                return self.payer_of(pid);
            }
            pid = self.row::<ProcessRow>(Table::Process, &table::ended(pid.0)).ok().flatten()?.payer?;
        }
        None
    }

    /// Whose purse is charged for an object that a process makes, if any is.
    pub(super) fn who_pays_for_objects(&self, pid: Pid) -> Option<Pid> {
        self.payer_of(pid).filter(|_| self.purse_of(pid).is_some_and(|purse| purse.bounds(Coin::Objects)))
    }

    /// An object goes: what it cost is free again, for whoever was charged for it.
    pub(super) fn give_back_object(&mut self, info: &ObjectInfo) {
        let Some(payer) = info.paid_by() else { return };
        self.give_back_charge(Some(&Charged { payer, amounts: vec![(Coin::Objects, 1)] }));
    }

    /// Whether a child of `parent` can get a purse with so much in it.
    ///
    /// # Errors
    /// There is not so much, or it is more than a purse holds.
    pub(super) fn check_purse(&self, parent: Pid, amounts: &[(Coin, u64)]) -> Result<(), CallError> {
        if let Some((coin, amount)) = amounts.iter().find(|(_, amount)| *amount > limit::PURSE_AMOUNT_MAX) {
            let most = limit::PURSE_AMOUNT_MAX;
            return Err(CallError::TooLarge(format!("a budget of {amount} {coin}; at most {most}")));
        }
        let mut purse = self.purse_of(parent).cloned().unwrap_or_default();
        purse.split(amounts).map(drop).map_err(|coin| {
            let left = purse.left(coin).unwrap_or_default();
            CallError::TooLarge(format!("a budget of {coin}: {left} are left to give"))
        })
    }

    /// Gives a new child a purse of its own, taken from what its parent spends from. Its row is there already.
    ///
    /// # Errors
    /// As [`State::check_purse`]; nothing has changed.
    pub(super) fn move_purse(&mut self, parent: Pid, child: Pid, amounts: &[(Coin, u64)]) -> Result<(), CallError> {
        self.check_purse(parent, amounts)?;
        let payer = self.payer_of(parent);
        let mut purse = Purse::default();
        if let Some(mut from) = payer.and_then(|payer| self.processes.get(&payer).cloned()) {
            let split = from.purse.get_or_insert_default().split(amounts);
            purse = split.map_err(|_| CallError::Internal)?;
            self.put_process(from);
        } else {
            amounts.iter().for_each(|(coin, amount)| purse.put(*coin, *amount));
        }
        let Some(row) = self.processes.get(&child).cloned() else { return Err(CallError::Internal) };
        self.put_process(ProcessRow { purse: Some(purse), payer, ..row });
        Ok(())
    }

    /// A process ends: what is left of its purse goes back, and it does not count as a child any more. Answers its row.
    pub(super) fn return_purse(&mut self, row: ProcessRow) -> ProcessRow {
        let Some(payer) = row.payer.filter(|payer| *payer != row.pid) else { return row };
        let own = row.purse.clone();
        self.with_purse(payer, |purse| {
            if let Some(own) = &own {
                purse.merge(own);
            }
            purse.unspend(Coin::Children, 1);
            true
        });
        let Some(own) = own else { return row };
        // What was spent stays to be seen; what is left is not here any more.
        ProcessRow { purse: Some(Purse { left: BTreeMap::new(), put_in: BTreeMap::new(), ..own }), ..row }
    }

    /// A process and those below it leave `giver`: who spent from its purse spends from whom it got that from, and one that has
    /// nobody above it gets a purse with nothing in it, lest it be without bounds by that.
    pub(super) fn hand_over_purses(&mut self, top: Pid, members: &[Pid], giver: Pid) {
        let Some(giver) = self.processes.get(&giver).cloned() else { return };
        let Some(bounds) = &giver.purse else { return };
        let nothing = Purse { left: bounds.left.keys().map(|coin| (*coin, 0)).collect(), ..Purse::default() };
        for member in members {
            let row = self.processes.get(member).filter(|row| row.payer == Some(giver.pid));
            let Some(mut row) = row.cloned() else { continue };
            self.with_purse(giver.pid, |purse| {
                purse.unspend(Coin::Children, 1);
                true
            });
            if let Some(above) = giver.payer {
                self.with_purse(above, |purse| purse.spend(Coin::Children, 1) > 0);
            } else if *member == top {
                row.purse.get_or_insert_with(|| nothing.clone());
            }
            row.payer = giver.payer.or((*member != top).then_some(top));
            self.put_process(row);
        }
        self.settle_what_left(members, giver.pid, giver.payer);
    }

    /// What came from outside into the giver's purse and was moved to those that leave goes with them, if it will not come back to where
    /// the giver's own goes back to.
    fn settle_what_left(&mut self, members: &[Pid], giver: Pid, above: Option<Pid>) {
        for coin in Coin::ALL {
            if above.and_then(|above| self.purse_of(above)).is_some_and(|purse| purse.bounds(coin)) {
                continue;
            }
            let bound = |pid: &Pid| self.processes.get(pid)?.purse.as_ref().filter(|purse| purse.bounds(coin));
            let moved: i64 = members.iter().filter_map(bound).map(|purse| purse.beyond_put_in(coin)).sum();
            // The last of them stands above all others.
            let Some(taker) = members.iter().rev().find(|pid| bound(pid).is_some()).copied() else { continue };
            for (pid, amount) in [(taker, moved), (giver, -moved)] {
                if let Some(mut row) = self.processes.get(&pid).cloned()
                    && let Some(purse) = &mut row.purse
                {
                    *purse.put_in.entry(coin).or_default() += amount;
                    self.put_process(row);
                }
            }
        }
    }

    /// A process without bounds got some: those below it that have none spend from its purse from now on.
    fn bind_heirs(&mut self, root: Pid) {
        let above = |pid: &Pid| self.processes.get(pid)?.parent;
        let below =
            |pid: &Pid| std::iter::successors(Some(*pid), above).take(limit::PURSE_DEPTH_MAX).any(|pid| pid == root);
        let unbound = |row: &&ProcessRow| row.pid != root && row.purse.is_none() && row.payer.is_none();
        let heirs: Vec<ProcessRow> =
            self.processes.values().filter(unbound).filter(|row| below(&row.pid)).cloned().collect();
        for row in heirs {
            self.put_process(ProcessRow { payer: Some(root), ..row });
        }
    }

    /// Lets those go on that stand still for want of something of which their purse has more.
    fn resume_who_can_pay(&mut self, payer: Pid, changed: &[Coin]) {
        let held = self.processes.values().filter(|row| matches!(row.state, ProcessState::Paused(_)));
        let held: Vec<(Pid, Coin)> = held.filter_map(|row| Some((row.pid, row.wants?))).collect();
        for (pid, coin) in held {
            if changed.contains(&coin)
                && self.payer_of(pid) == Some(payer)
                && self.purse_of(pid).is_some_and(|purse| purse.has(coin, 1))
            {
                self.resume(pid);
            }
        }
    }

    /// What a process of an image may spend that nobody spawned, as the policy says; where that says nothing, as the image does.
    pub(super) fn purse_of_image(&self, image: &str) -> Option<Purse> {
        let image_says = || self.images.get(image).and_then(|image| image.default_budget());
        self.policy.budgets.get(image).cloned().or_else(image_says).as_ref().map(Purse::of)
    }
}
