//! Properties over values at random: 10,000 cases each, a tenth of that where each case is a kernel's work; or as many as
//! PROPTEST_CASES says. Which ones follows from PROPTEST_RNG_SEED, to which .cargo/config.toml gives a value.

mod bounds;
mod codec;
mod decisions;
mod histories;
mod laws;
mod machine;
mod matching;
mod rows;
mod tables;
mod tickets;
mod turns;
mod values;
mod words;

use proptest::test_runner::Config;

/// As many cases as the environment says, or 10,000; a failure is printed with its smallest case, and nothing is written to the
/// sources.
fn config() -> Config {
    cases(10_000)
}

/// The same for what goes through a whole kernel.
fn fewer() -> Config {
    cases(1_000)
}

fn cases(usual: u32) -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual);
    Config { cases, failure_persistence: None, ..Config::default() }
}
