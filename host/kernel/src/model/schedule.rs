//! Whose turn it is: stride scheduling (Waldspurger and Weihl, 1995). Every process has a pass; who has the lowest is next, and a turn
//! moves its pass on by a stride that is the shorter the higher its priority. So turns are shared in the ratio of the priorities, nobody
//! starves, and the same history gives the same turns.

use super::id::Pid;
use super::planner::Priority;
use std::collections::{BTreeSet, HashMap};

/// The stride of the lowest priority; those of the others divide it.
const STRIDE: u64 = 1 << 20;

/// How many turns a process gets while one of low priority gets one.
pub fn share(priority: Priority) -> u64 {
    match priority {
        Priority::Low => 1,
        Priority::Normal => 4,
        Priority::High => 16,
    }
}

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits, is held, or nobody asked that it goes on.
    Away,
    /// It is to have a turn.
    Ready,
    /// It has one, and does not wait in it.
    Running,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    pass: u64,
    priority: Priority,
    standing: Standing,
}

/// The processes that are to have turns. Nothing of it survives a host: turns begin anew.
#[derive(Debug, Default)]
pub struct Schedule {
    entries: HashMap<Pid, Entry>,
    ready: BTreeSet<(u64, Pid)>,
    running: usize,
    /// The pass of the last turn: who comes back has saved up none while he was away.
    now: u64,
}

impl Schedule {
    /// Notes where a process stands. Answers whether there may be a turn now that there was not before.
    pub fn set(&mut self, pid: Pid, priority: Priority, standing: Standing) -> bool {
        let old = self.entries.get(&pid).copied();
        if old.is_some_and(|old| old.standing == standing && old.priority == priority) {
            return false;
        }
        self.take_out(pid);
        let pass =
            old.map_or(self.now, |old| if standing == Standing::Ready { old.pass.max(self.now) } else { old.pass });
        match standing {
            Standing::Ready => drop(self.ready.insert((pass, pid))),
            Standing::Running => self.running += 1,
            Standing::Away => {}
        }
        self.entries.insert(pid, Entry { pass, priority, standing });
        !self.ready.is_empty()
    }

    /// A process has ended. Answers as [`Schedule::set`].
    pub fn forget(&mut self, pid: Pid) -> bool {
        let was_there = self.entries.contains_key(&pid);
        self.take_out(pid);
        self.entries.remove(&pid);
        was_there && !self.ready.is_empty()
    }

    fn take_out(&mut self, pid: Pid) {
        let Some(entry) = self.entries.get(&pid) else { return };
        match entry.standing {
            Standing::Ready => drop(self.ready.remove(&(entry.pass, pid))),
            Standing::Running => self.running -= 1,
            Standing::Away => {}
        }
    }

    /// Whose turn it is, if fewer than so many run. Whoever is named is away until it is said where it stands.
    pub fn next(&mut self, running_max: u32) -> Option<Pid> {
        if self.running >= running_max as usize {
            return None;
        }
        let (pass, pid) = self.ready.pop_first()?;
        self.now = self.now.max(pass);
        let entry = self.entries.get_mut(&pid)?;
        entry.pass = pass + STRIDE / share(entry.priority);
        entry.standing = Standing::Away;
        Some(pid)
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many are to have a turn.
    pub fn ready(&self) -> usize {
        self.ready.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The processes that get the next turns, each ready again at once.
    fn turns(schedule: &mut Schedule, priorities: &[(u64, Priority)], count: usize) -> Vec<u64> {
        let of = |pid: Pid| priorities.iter().find(|(number, _)| *number == pid.0).unwrap().1;
        let turn = |_| {
            let pid = schedule.next(1).unwrap();
            schedule.set(pid, of(pid), Standing::Running);
            schedule.set(pid, of(pid), Standing::Ready);
            pid.0
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn turns_are_shared_in_the_ratio_of_the_priorities() {
        let priorities = [(1, Priority::Low), (2, Priority::Normal), (3, Priority::High), (4, Priority::Normal)];
        let mut schedule = Schedule::default();
        for (pid, priority) in priorities {
            schedule.set(Pid(pid), priority, Standing::Ready);
        }
        let had = turns(&mut schedule, &priorities, 250);
        for (pid, priority) in priorities {
            let count = had.iter().filter(|had| **had == pid).count() as u64;
            assert_eq!(count, 10 * share(priority), "p{pid}: {had:?}");
        }
    }

    #[test]
    fn equals_take_turns() {
        let priorities = [(1, Priority::Normal), (2, Priority::Normal)];
        let mut schedule = Schedule::default();
        for (pid, priority) in priorities {
            schedule.set(Pid(pid), priority, Standing::Ready);
        }
        assert_eq!(turns(&mut schedule, &priorities, 6), [1, 2, 1, 2, 1, 2]);
    }

    #[test]
    fn nobody_saves_up_turns_while_away_and_nobody_starves() {
        let priorities = [(1, Priority::High), (2, Priority::Low)];
        let mut schedule = Schedule::default();
        schedule.set(Pid(1), Priority::High, Standing::Ready);
        turns(&mut schedule, &priorities, 1_000);
        schedule.set(Pid(2), Priority::Low, Standing::Ready);
        let had = turns(&mut schedule, &priorities, 170);
        let low = had.iter().filter(|pid| **pid == 2).count();
        assert!((10..=11).contains(&low), "{low} turns of 170: {had:?}");
        assert!(had[..2].contains(&2), "who comes waits for no more than a turn of each: {had:?}");
    }

    #[test]
    fn no_more_run_than_may_and_who_waits_frees_a_place() {
        let mut schedule = Schedule::default();
        for pid in 1..=3 {
            schedule.set(Pid(pid), Priority::Normal, Standing::Ready);
        }
        for pid in 1..=2 {
            assert_eq!(schedule.next(2), Some(Pid(pid)));
            schedule.set(Pid(pid), Priority::Normal, Standing::Running);
        }
        assert_eq!((schedule.next(2), schedule.running(), schedule.ready()), (None, 2, 1));
        assert!(schedule.set(Pid(1), Priority::Normal, Standing::Away), "there may be a turn now");
        assert_eq!(schedule.next(2), Some(Pid(3)));
        assert!(!schedule.forget(Pid(2)), "nobody is left who wants one");
        assert_eq!((schedule.running(), schedule.ready()), (0, 0));
    }
}
