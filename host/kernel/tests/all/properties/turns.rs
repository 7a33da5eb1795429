//! Turns over histories at random: nobody waits for more than two rounds, no more run than may, and whoever could have a turn is told of
//! it. In one round everybody has as many turns as his priority is worth.

use super::config;
use libos_kernel::model::id::Pid;
use libos_kernel::model::planner::Priority;
use libos_kernel::model::schedule::{Schedule, Standing, share};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;
use std::collections::BTreeMap;

const PROCESSES: u64 = 6;

#[derive(Debug, Clone)]
enum Step {
    Stands(Pid, Standing),
    Ends(Pid),
    Turn,
}

fn step() -> impl Strategy<Value = Step> {
    let pid = || (1..=PROCESSES).prop_map(Pid);
    let standing = select(&[Standing::Ready, Standing::Ready, Standing::Running, Standing::Away][..]);
    prop_oneof![
        6 => (pid(), standing).prop_map(|(pid, standing)| Step::Stands(pid, standing)),
        1 => pid().prop_map(Step::Ends),
        8 => Just(Step::Turn),
    ]
}

fn priorities() -> impl Strategy<Value = Vec<Priority>> {
    prop::collection::vec(select(&[Priority::Low, Priority::Normal, Priority::High][..]), PROCESSES as usize)
}

/// Who is ready, with the turns that others have had since.
#[derive(Default)]
struct Waiting(BTreeMap<Pid, BTreeMap<Pid, u64>>);

impl Waiting {
    /// A turn of one of them.
    fn turn(&mut self, of: Pid, priority: impl Fn(Pid) -> Priority) -> TestCaseResult {
        prop_assert!(self.0.remove(&of).is_some(), "{} has a turn and is not ready", of);
        for (who, others) in &mut self.0 {
            let had = others.entry(of).or_default();
            *had += 1;
            let round = share(priority(of)).div_ceil(share(priority(*who)));
            prop_assert!(*had <= 2 * round, "{} had {} turns while {} waited", of, had, who);
        }
        Ok(())
    }
}

fn check(priorities: &[Priority], steps: &[Step], most: u32) -> TestCaseResult {
    let priority = |pid: Pid| priorities[pid.0 as usize - 1];
    let (mut schedule, mut waiting) = (Schedule::default(), Waiting::default());
    let mut running: BTreeMap<Pid, ()> = BTreeMap::new();
    // Whether the run loop sleeps, because there was no turn when it last asked.
    let mut sleeps = false;
    for step in steps {
        let told = match step {
            Step::Stands(pid, standing) => {
                let told = schedule.set(*pid, priority(*pid), *standing);
                if *standing == Standing::Ready {
                    waiting.0.entry(*pid).or_default();
                } else {
                    waiting.0.remove(pid);
                }
                running.remove(pid);
                if *standing == Standing::Running {
                    running.insert(*pid, ());
                }
                told
            }
            Step::Ends(pid) => {
                waiting.0.remove(pid);
                // No process comes back: another one that is ready under this number has had no turns.
                waiting.0.values_mut().for_each(|others| {
                    others.remove(pid);
                });
                running.remove(pid);
                schedule.forget(*pid)
            }
            Step::Turn => {
                let next = schedule.next(most);
                let may = running.len() < most as usize && !waiting.0.is_empty();
                prop_assert_eq!(next.is_some(), may, "{:?} run, {:?} wait", running, waiting.0.keys());
                if let Some(pid) = next {
                    waiting.turn(pid, priority)?;
                }
                sleeps = next.is_none();
                continue;
            }
        };
        let may = running.len() < most as usize && !waiting.0.is_empty();
        prop_assert!(told || !sleeps || !may, "{:?} makes a turn possible and tells nobody", step);
        sleeps &= !told;
        prop_assert_eq!((schedule.running(), schedule.ready()), (running.len(), waiting.0.len()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nobody_waits_more_than_two_rounds_and_no_turn_is_forgotten(
        priorities in priorities(),
        steps in prop::collection::vec(step(), 1..80),
        most in 1u32..4,
    ) {
        check(&priorities, &steps, most)?;
    }
}
