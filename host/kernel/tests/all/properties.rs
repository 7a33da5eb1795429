//! Properties over values at random: 1,000 cases each, or as many as PROPTEST_CASES says.

mod codec;
mod decisions;
mod matching;
mod values;

use proptest::test_runner::Config;

/// As many cases as the environment says, or 1,000; a failure is printed with its smallest case, and nothing is written to the sources.
fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000);
    Config { cases, failure_persistence: None, ..Config::default() }
}
