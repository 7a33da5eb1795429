//! The kernel under a scheduler that tries one order of its threads after the other (shuttle: "A Randomized Scheduler with Probabilistic
//! Guarantees of Finding Bugs", ASPLOS 2010): nobody waits for ever, and what must hold holds in every order. A failure prints its
//! schedule; `LIBOS_SCHEDULES` says how many are tried of each kind.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is a test")]

extern crate libos_kernel_scheduled as libos_kernel;

mod committer;
mod effects;
#[expect(dead_code, unused_imports, reason = "the kernel's own tests use more of it")]
mod sim;
mod turns;
mod waits;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};
use sim::{House, MOUNT, SimStorage, SimWorld};
use std::sync::{Arc, OnceLock};

/// Orders that are tried of each kind.
const SCHEDULES: usize = 250;
/// Where the search begins.
const SEED: u64 = 0x6c69_626f_7321;
/// Places at which a schedule of the second kind goes against the priorities.
const CHANGES: usize = 3;
/// Steps after which somebody waits for what never comes.
const STEPS: usize = 100_000;
/// Bytes: a commit in a debug build is deep.
const STACK: usize = 1 << 20;

/// Whether a batch's clock ever runs out. If it does not, whoever waits must be woken by what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Stands,
    Passes,
}

/// Tries orders of what a story does: at random, and by priorities that change at few places.
fn in_every_order(time: Time, story: impl Fn(House) + Send + Sync + 'static) {
    let story = Arc::new(story);
    let schedules = std::env::var("LIBOS_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(SCHEDULES);
    let disk = furnished();
    let tell = move || {
        libos_kernel::set_time_passes(time == Time::Passes);
        let disk = disk.copy();
        let world = Arc::new(SimWorld::new(MOUNT, disk.clone()));
        story(House::open(world, disk).expect("the store opens"));
    };
    run(RandomScheduler::new_from_seed(SEED, schedules), tell.clone());
    run(PctScheduler::new_from_seed(SEED, CHANGES, schedules), tell);
}

fn run(scheduler: impl shuttle::scheduler::Scheduler + 'static, story: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.silence_warnings = true;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    Runner::new(scheduler, config).run(story);
}

/// The disk of a house with its tools and rules, closed.
fn furnished() -> SimStorage {
    static FURNISHED: OnceLock<SimStorage> = OnceLock::new();
    let disk = FURNISHED.get_or_init(|| {
        let made = Arc::new(OnceLock::new());
        let theirs = Arc::clone(&made);
        run(RandomScheduler::new_from_seed(SEED, 1), move || {
            libos_kernel::set_time_passes(false);
            let house = House::new(&[
                "allow read,write fs:workspace/**",
                "allow sleep clock:sleep",
                "ask write fs:workspace/asked",
            ]);
            house.kernel.shutdown();
            theirs.get_or_init(|| house.disk.clone());
        });
        made.get().expect("the house was built").copy()
    });
    disk.copy()
}
