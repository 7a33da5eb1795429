//! Hosts that die. `LIBOS_SOAK_RUNS` says how many; `LIBOS_SOAK_SEED` which.

use crate::stage::{Death, Stage};
use libos_endurance::check::Seen;
use libos_endurance::point::Point;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Hosts that die in an ordinary test.
const RUNS: u32 = 500;
/// Stores that are worked on at once.
const STORES_AT_ONCE: usize = 2;
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
    match run % 14 {
        0..3 => vec![Death::KillUnderLoad(dice.moment())],
        // While it starts, too.
        3 => vec![Death::Kill(dice.moment())],
        number @ 4..11 => {
            let point = Point::ALL[number as usize - 4];
            let nth = if point == Point::PayloadFile { 1 + nth % 3 } else { nth };
            vec![Death::At(point, nth)]
        }
        11 => vec![Death::At(Point::Checkpoint, 1 + nth % 3)],
        12 => vec![Death::At(Point::Restore, 1 + nth % 2)],
        _ => match dice.below(3) {
            0 => vec![under_way, Death::At(Point::Recovery, in_recovery)],
            1 => vec![under_way, Death::At(Point::Recovery, 1), Death::At(Point::SecondRecovery, in_recovery)],
            _ => vec![under_way, Death::Kill(dice.moment() / 4), Death::Kill(dice.moment() / 4)],
        },
    }
}

/// What the hosts of some stores did and left.
#[derive(Debug, Default)]
struct Tally {
    runs: u32,
    seen: Seen,
    heard: usize,
    openings: Vec<Duration>,
    reached: BTreeMap<String, u32>,
}

impl Tally {
    fn add(&mut self, mut other: Tally) {
        self.runs += other.runs;
        self.seen.records += other.seen.records;
        self.seen.effects += other.seen.effects;
        self.seen.unknown += other.seen.unknown;
        self.seen.found_by_recovery += other.seen.found_by_recovery;
        self.seen.not_started += other.seen.not_started;
        self.heard += other.heard;
        self.openings.append(&mut other.openings);
        for (point, times) in other.reached {
            *self.reached.entry(point).or_default() += times;
        }
    }

    /// So many hosts die over one store; then another brings all to its end. A store's hosts follow from the seed and its number.
    fn of_store(seed: u64, store: u32, runs: u32) -> Tally {
        let mut dice = Dice((seed ^ u64::from(store + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1);
        let (mut stage, mut tally) = (Stage::new(false), Tally::default());
        while tally.runs < runs {
            let deaths = deaths(store * RUNS_OF_A_STORE + tally.runs, &mut dice);
            for death in &deaths {
                let by_itself = stage.host(*death);
                tally.runs += 1;
                if let (true, Death::At(point, _)) = (by_itself, death) {
                    *tally.reached.entry(point.word()).or_default() += 1;
                }
            }
            if let Err(problem) = stage.check() {
                panic!("{problem}\nLIBOS_SOAK_SEED={seed}, store {store}, run {}, {deaths:?}", tally.runs);
            }
        }
        stage.drain();
        let seen = stage.check();
        tally.seen =
            seen.unwrap_or_else(|problem| panic!("{problem}\nLIBOS_SOAK_SEED={seed}, store {store}, in the end"));
        assert_eq!(tally.seen.waiting, 0, "LIBOS_SOAK_SEED={seed}, store {store}: calls are left");
        tally.heard = stage.witness.size();
        tally.openings = std::mem::take(&mut stage.openings);
        tally
    }
}

#[test]
fn whatever_moment_a_host_dies_at_nothing_is_lost_and_nothing_is_done_twice() {
    let runs = setting("LIBOS_SOAK_RUNS").map_or(RUNS, |runs| u32::try_from(runs).unwrap());
    let seed = setting("LIBOS_SOAK_SEED").unwrap_or(SEED);
    let (began, next) = (Instant::now(), AtomicU32::new(0));
    let work = || {
        let mut tally = Tally::default();
        loop {
            let store = next.fetch_add(1, Ordering::Relaxed);
            match runs.saturating_sub(store * RUNS_OF_A_STORE) {
                0 => return tally,
                left => tally.add(Tally::of_store(seed, store, left.min(RUNS_OF_A_STORE))),
            }
        }
    };
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..STORES_AT_ONCE).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            all.add(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    let Tally { runs, seen, heard, mut openings, reached } = all;
    openings.sort();
    let part = |hundredths: usize| openings[(openings.len() - 1) * hundredths / 100];
    println!(
        "{runs} hosts died in {:?}: {} records, {} effects, {} found by recovery, {} not started, {} unknown, {heard} acknowledgements; \
         reopened in {:?} (p50), {:?} (p99); came to their points: {reached:?}",
        began.elapsed(),
        seen.records,
        seen.effects,
        seen.found_by_recovery,
        seen.not_started,
        seen.unknown,
        part(50),
        part(99),
    );
    assert!(part(100) < OPENING_MAX, "a store was opened in {:?}", part(100));
    let hit = seen.found_by_recovery > runs as usize / 5 && seen.unknown > 0 && seen.not_started > 0;
    assert!(runs < RUNS || (hit && reached.len() == Point::ALL.len()), "the kills missed: {reached:?}, {seen:?}");
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
