//! What is worth much more time than the gate has: three opinions on random policies, the races, the kernel's properties with many
//! more cases, thousands of hosts that die, generated components, and the fuzzers.

use crate::shell::{self, ORACLE, Result};
use crate::{deny, fuzz};
use std::hash::{BuildHasher, Hasher, RandomState};

/// Cases of each property if nothing is said. By what 1,000 took, a quarter of an hour on two cores; it was not run whole.
const CASES: u64 = 200_000;
/// Pairs of a policy and a request for each case of a property.
const PAIRS_PER_CASE: u64 = 5;
/// Hosts that die in the kill matrix.
const DEATHS: u32 = 5_000;
/// Modules from wasm-smith.
const MODULES: u32 = 20_000;
/// Seconds of each fuzz target.
const FUZZ_SECONDS: u64 = 600;
/// How often the races are run.
const RACES: u32 = 20;

/// Runs all of it; a number on the command line is that of the cases.
pub fn run(arguments: &[String]) -> Result<()> {
    let cases = match arguments {
        [] => CASES,
        [number] => number.parse().map_err(|_| format!("'{number}' is no number of cases"))?,
        more => return Err(format!("soak takes one number, and got {more:?}")),
    };
    oracle(cases.saturating_mul(PAIRS_PER_CASE))?;
    let tests = ["test", "--release", "--locked", "--package", "libos-kernel", "--test", "all"];
    for _ in 0..RACES {
        shell::run(&mut shell::cargo(tests.into_iter().chain(["races::"])))?;
    }
    let (cases, seed) = (cases.to_string(), seed().to_string());
    println!("properties: PROPTEST_RNG_SEED={seed}");
    let properties = &mut shell::cargo(tests.into_iter().chain(["properties::"]));
    shell::run(properties.env("PROPTEST_CASES", cases).env("PROPTEST_RNG_SEED", seed))?;
    let deaths = ["test", "--locked", "--package", "libos-endurance", "--", "--nocapture"];
    shell::run(shell::cargo(deaths).env("LIBOS_SOAK_RUNS", DEATHS.to_string()))?;
    let hostile = ["test", "--locked", "--package", "libos-hostile", "--", "--nocapture", "generated"];
    shell::run(shell::cargo(hostile).env("LIBOS_SOAK_MODULES", MODULES.to_string()))?;
    fuzz::run(&["--seconds".into(), FUZZ_SECONDS.to_string()])
}

/// Another one each time: the gate tries the same values always.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Its crate is a workspace of its own: Cedar has more crates than the runtime, and nobody else needs them.
fn oracle(pairs: u64) -> Result<()> {
    deny::oracle()?;
    let pairs = pairs.to_string();
    let own = |words: &[&str]| {
        let mut command = shell::cargo(words.iter().copied());
        command.current_dir(shell::root().join(ORACLE)).env("CARGO_TARGET_DIR", shell::target().join("oracle"));
        command
    };
    shell::run(&mut own(&["clippy", "--release", "--locked", "--all-targets", "--", "-D", "warnings"]))?;
    shell::run(&mut own(&["test", "--release", "--locked"]))?;
    shell::run(&mut own(&["run", "--release", "--locked", "--", &pairs]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_of_cases_is_refused_before_anything_runs() {
        assert!(run(&["many".into()]).unwrap_err().contains("'many'"));
        assert!(run(&["1".into(), "2".into()]).is_err());
    }
}
