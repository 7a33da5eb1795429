//! Processes and authority over histories at random, against a small model of the processes (proptest-state-machine: after QuickCheck's
//! "Testing Monadic Code", Claessen and Hughes 2002). After every step the table of processes is the model's, and one law holds.

mod checks;
mod model;
mod moment;
mod real;
mod step;
mod tree;

use super::cases;
use checks::{Attenuation, Confinement, Denial, Forward, Purses, Table};
use proptest::test_runner::Config;
use proptest_state_machine::prop_state_machine;
use real::Machine;

/// Steps of a history, at most.
const STEPS: usize = 14;

fn histories() -> Config {
    Config { max_shrink_iters: 4_000, ..cases(10_000) }
}

prop_state_machine! {
    #![proptest_config(histories())]

    #[test]
    fn the_table_of_processes_is_that_of_the_model(sequential 2..STEPS => Machine<Table>);

    #[test]
    fn what_was_handed_on_is_no_more_than_its_giver_has(sequential 2..STEPS => Machine<Attenuation>);

    #[test]
    fn every_live_grant_hangs_on_what_the_host_gave(sequential 2..STEPS => Machine<Confinement>);

    #[test]
    fn what_is_used_up_or_revoked_stays_so(sequential 2..STEPS => Machine<Forward>);

    #[test]
    fn whoever_comes_and_goes_purses_add_up(sequential 2..STEPS => Machine<Purses>);

    #[test]
    fn a_deny_decides_and_without_a_grant_nothing_is_allowed(sequential 2..STEPS => Machine<Denial>);
}
