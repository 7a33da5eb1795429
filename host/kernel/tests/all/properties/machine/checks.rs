//! What must hold after every step. Each law is a property of its own, over histories of its own.

use super::model::{Model, Word};
use super::real::{OTHER, Real};
use super::step::Step;
use crate::properties::laws::{TOOL, everything_hangs_on_what_is_in_force, nobody_has_more_than_a_giver};
use crate::properties::words::Rows;
use libos_kernel::kernel::view::View;
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::Pid;
use libos_kernel::model::need::Need;
use libos_kernel::model::process::State;
use libos_kernel::model::row::ProcessRow;
use std::collections::HashMap;

/// A law.
pub trait Law: 'static {
    /// After a step.
    fn check(real: &mut Real, model: &Model, step: &Step);

    /// At the end of a history.
    fn close(_: &Real, _: &Model) {}
}

/// The processes are the model's.
pub struct Table;

impl Table {
    fn check_row(real: &Real, model: &Model, at: usize, row: &ProcessRow) {
        let process = &model.processes[at];
        let word = match row.state {
            State::Ready => Word::Ready,
            State::Running => Word::Running,
            State::Waiting => Word::Waiting,
            State::Paused(_) => Word::Paused,
            State::Exited(_) => Word::Exited,
            State::Failed(_) => Word::Failed,
            State::Killed(_) => Word::Killed,
        };
        let parent = row.parent.map(|pid| real.pids.iter().position(|known| *known == pid));
        assert_eq!(word, process.state, "{at}: {row:?}, not {process:?}");
        assert_eq!(parent, process.parent.map(Some), "{at}: {row:?}, not {process:?}");
        let held = process.state == Word::Paused && process.held_by_host;
        assert_eq!(row.held_by_host && process.state == Word::Paused, held, "{at}: {row:?}, not {process:?}");
        assert_eq!(row.incarnation, process.incarnation, "{at}: {row:?}, not {process:?}");
        assert_eq!(row.image == OTHER, process.other_image, "{at}: {row:?}, not {process:?}");
    }
}

impl Law for Table {
    fn check(real: &mut Real, model: &Model, _: &Step) {
        let rows: HashMap<Pid, ProcessRow> =
            real.kernel().live_processes().into_iter().map(|row| (row.pid, row)).collect();
        for (at, process) in model.processes.iter().enumerate() {
            let row = rows.get(&real.pids[at]);
            assert_eq!(row.is_some(), process.is_live(), "{at}: {row:?}, not {process:?}");
            if let Some(row) = row {
                Table::check_row(real, model, at, row);
                assert!(real.has_calls(at, &process.calls), "{at}: not {process:?}");
                let above = row.parent.is_none_or(|parent| rows.contains_key(&parent));
                assert!(above, "{at} lives and its parent does not");
            }
        }
    }

    /// What has ended, and what waits in a queue, is told by the store alone.
    fn close(real: &Real, model: &Model) {
        if model.sent == 0 && model.processes.iter().all(|process| process.is_live()) {
            return;
        }
        real.barrier();
        let snapshot = real.house().snapshot();
        for at in 0..model.processes.len() {
            let row = View(&snapshot).process(real.pids[at]).unwrap().unwrap();
            Table::check_row(real, model, at, &row);
            let waiting = View(&snapshot).messages_waiting(real.pids[at]).unwrap();
            assert_eq!(waiting, model.processes[at].inbox.len() as u64, "messages of {at}");
        }
    }
}

fn rows(real: &Real) -> Rows {
    Rows::new(real.kernel().grants(), real.kernel().now())
}

fn live(real: &Real, model: &Model) -> Vec<Pid> {
    model.live().into_iter().map(|at| real.pids[at]).collect()
}

/// P1: nobody has more than those that he has it from.
pub struct Attenuation;

impl Law for Attenuation {
    fn check(real: &mut Real, model: &Model, _: &Step) {
        nobody_has_more_than_a_giver(real.kernel(), &live(real, model), &model.wanted).unwrap();
    }
}

/// P2: everything in force hangs on what is in force, up to what a person, the policy or the runtime gave.
pub struct Confinement;

impl Law for Confinement {
    fn check(real: &mut Real, _: &Model, _: &Step) {
        everything_hangs_on_what_is_in_force(&rows(real)).unwrap();
    }
}

/// P3: what was revoked stays revoked, uses and times only get fewer, and nothing but these changes.
pub struct Forward;

impl Law for Forward {
    fn check(real: &mut Real, _: &Model, step: &Step) {
        for row in real.kernel().grants() {
            let Some(before) = real.past.insert(row.id, row.clone()) else { continue };
            assert!(row.revoked || !before.revoked, "{step:?} brought back {row:?}");
            assert!(row.uses_left <= before.uses_left, "{step:?} gave uses to {row:?}, which was {before:?}");
            let end = |row: &Grant| row.not_after.map_or(u64::MAX, |last| last.0);
            assert!(end(&row) <= end(&before), "{step:?} prolonged {row:?}, which was {before:?}");
            let mut same = Grant { revoked: before.revoked, uses_left: before.uses_left, ..row.clone() };
            if matches!(step, Step::HandOver { .. }) {
                // It hangs on what the giver's hangs on.
                same =
                    Grant { parent: before.parent, issuer: before.issuer.clone(), not_after: before.not_after, ..same };
            }
            assert_eq!(same, before, "{step:?} changed a grant");
        }
    }
}

/// P5: a deny decides; without a grant nothing is allowed; another deny allows nothing.
pub struct Denial;

/// Worse is less.
fn verdict(real: &Real, pid: Pid, need: &Need) -> u8 {
    match real.kernel().explain(pid, need, Some(TOOL)).unwrap().verdict {
        "allow" => 2,
        "ask" => 1,
        _ => 0,
    }
}

impl Law for Denial {
    fn check(real: &mut Real, model: &Model, step: &Step) {
        let rows = rows(real);
        for pid in live(real, model) {
            let holder = Holder::Process(pid);
            for need in &model.wanted {
                let covers = |row: &&Grant, effect: Effect| {
                    let meets = row.pattern.covers(&need.resource)
                        || (need.whole && effect == Effect::Deny && row.pattern.meets_subtree(&need.resource));
                    row.holder == holder && row.effect == effect && row.rights.contains(need.right) && meets
                };
                let in_force = |effect| rows.rows.values().any(|row| covers(&row, effect) && rows.in_force(row));
                let now = verdict(real, pid, need);
                assert!(!in_force(Effect::Deny) || now == 0, "{pid} may {need:?} over a deny, after {step:?}");
                assert!(in_force(Effect::Allow) || now < 2, "{pid} may {need:?} without a grant, after {step:?}");
            }
        }
        let denies = matches!(step, Step::Grant { effect: Effect::Deny, .. });
        let verdicts: Vec<(Pid, usize, u8)> = live(real, model)
            .into_iter()
            .flat_map(|pid| model.wanted.iter().enumerate().map(move |(at, need)| (pid, at, need)))
            .map(|(pid, at, need)| (pid, at, verdict(real, pid, need)))
            .collect();
        for (pid, at, now) in &verdicts {
            let before = real.verdicts.insert((*pid, *at), *now);
            assert!(!denies || before.is_none_or(|before| *now <= before), "a deny gave {pid} {:?}", model.wanted[*at]);
        }
    }
}

/// What was put into purses is in them or spent, whoever made, ended, forked or brought back whom.
pub struct Purses;

impl Law for Purses {
    fn check(real: &mut Real, _: &Model, step: &Step) {
        let wrong = real.kernel().purses_that_do_not_add_up();
        assert!(wrong.is_empty(), "after {step:?}: {wrong:?}");
    }
}
