//! Hosts that die. `LIBOS_SOAK_RUNS` says how many; `LIBOS_SOAK_SEED` which.

use crate::stage::{Death, Stage};
use libos_endurance::point::Point;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Hosts that die in an ordinary test.
const RUNS: u32 = 500;
/// Hosts over one store.
const RUNS_OF_A_STORE: u32 = 25;
const SEED: u64 = 0x6c69_626f_7321;
/// A reopening that takes longer hangs. What it takes is printed; a limit in earnest would measure the machine.
const OPENING_MAX: Duration = Duration::from_secs(20);

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % end
    }

    /// From 2 to 42 milliseconds.
    fn moment(&mut self) -> Duration {
        Duration::from_micros(2_000 + self.below(40_000))
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// How the hosts of a run die, one after the other, before somebody looks.
fn deaths(run: u32, dice: &mut Dice) -> Vec<Death> {
    let nth = 1 + dice.below(12) as u32;
    let in_recovery = 1 + dice.below(3) as u32;
    let under_way = Death::At(Point::AfterDispatch, nth);
    match run % 12 {
        0..3 => vec![Death::KillUnderLoad(dice.moment())],
        // While it starts, too.
        3 => vec![Death::Kill(dice.moment())],
        number @ 4..11 => {
            let point = Point::ALL[number as usize - 4];
            let nth = if point == Point::PayloadFile { 1 + nth % 3 } else { nth };
            vec![Death::At(point, nth)]
        }
        _ => match dice.below(3) {
            0 => vec![under_way, Death::At(Point::Recovery, in_recovery)],
            1 => vec![under_way, Death::At(Point::Recovery, 1), Death::At(Point::SecondRecovery, in_recovery)],
            _ => vec![under_way, Death::Kill(dice.moment() / 4), Death::Kill(dice.moment() / 4)],
        },
    }
}

#[test]
fn whatever_moment_a_host_dies_at_nothing_is_lost_and_nothing_is_done_twice() {
    let runs = setting("LIBOS_SOAK_RUNS").map_or(RUNS, |runs| u32::try_from(runs).unwrap());
    let seed = setting("LIBOS_SOAK_SEED").unwrap_or(SEED);
    let (began, mut run) = (Instant::now(), 0);
    let (mut openings, mut reached) = (Vec::new(), BTreeMap::new());
    let (mut records, mut effects, mut unknown, mut recovered, mut not_started, mut heard) = (0, 0, 0, 0, 0, 0);
    for store in 0.. {
        if run >= runs {
            break;
        }
        // A store begins with numbers of its own, so that one can be run again without those before.
        let mut dice = Dice((seed ^ (store + 1_u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
        let mut stage = Stage::new(false);
        for _ in 0..RUNS_OF_A_STORE.min(runs - run) {
            let deaths = deaths(run, &mut dice);
            for death in &deaths {
                let by_itself = stage.host(*death);
                run += 1;
                if let (true, Death::At(point, _)) = (by_itself, death) {
                    *reached.entry(point.word()).or_insert(0_u32) += 1;
                }
            }
            if let Err(problem) = stage.check() {
                panic!("{problem}\nseed {seed}, store {store}, run {run}, {deaths:?}");
            }
        }
        stage.drain();
        let seen = stage.check().unwrap_or_else(|problem| panic!("{problem}\nseed {seed}, store {store}, in the end"));
        assert_eq!(seen.waiting, 0, "seed {seed}, store {store}: calls are left");
        records += seen.records;
        effects += seen.effects;
        unknown += seen.unknown;
        recovered += seen.found_by_recovery;
        not_started += seen.not_started;
        heard += stage.witness.size();
        openings.append(&mut stage.openings);
    }
    openings.sort();
    let part = |hundredths: usize| openings[(openings.len() - 1) * hundredths / 100];
    println!(
        "{run} hosts died in {:?}: {records} records, {effects} effects, {recovered} found by recovery ({not_started} not started, \
         {unknown} unknown), {heard} acknowledgements; reopened in {:?} (p50), {:?} (p99)",
        began.elapsed(),
        part(50),
        part(99),
    );
    println!("points that were reached: {reached:?}");
    assert!(part(100) < OPENING_MAX, "a store was opened in {:?}", part(100));
    let hit = recovered as u32 > run / 5 && not_started as u32 > run / 50 && unknown as u32 > run / 100;
    assert!(run < RUNS || (hit && reached.len() == Point::ALL.len()), "the kills missed: {reached:?}");
}

#[test]
fn a_probe_that_lies_is_found_out() {
    let mut stage = Stage::new(true);
    let problem = (1..20).find_map(|nth| {
        stage.host(Death::At(Point::ResultUnread, nth));
        stage.host(Death::KillUnderLoad(Duration::from_millis(30)));
        stage.check().err()
    });
    let problem = problem.expect("effects are done twice and nobody notices");
    assert!(problem.starts_with("I3: "), "{problem}");
}
