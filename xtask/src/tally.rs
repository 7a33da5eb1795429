//! Counts what cargo's test runner prints, over all test binaries.

use crate::shell::{self, Result};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// Tests that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// Adds the numbers of a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; ...`; other lines count nothing.
    fn count(&mut self, line: &str) {
        let Some((_, numbers)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for part in numbers.split("; ") {
            let number = |text: &str| text.trim().parse::<u64>().ok();
            if let Some(passed) = part.strip_suffix(" passed").and_then(number) {
                self.passed += passed;
            } else if let Some(failed) = part.strip_suffix(" failed").and_then(number) {
                self.failed += failed;
            }
        }
    }
}

/// Runs tests, shows what they print, and counts them.
pub fn run(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let text = shell::shown(command);
    println!("$ {text}");
    let cannot = |error: std::io::Error| shell::cannot_run(&text, &error);
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(cannot)?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(cannot)?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.count(&line);
        }
    }
    let status = child.wait().map_err(cannot)?;
    if status.success() { Ok(()) } else { Err(format!("`{text}` failed: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_over_all_binaries_and_over_nothing_else() {
        let mut tally = Tally::default();
        for line in [
            "running 5 tests",
            "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test a_test_result: ok. 7 passed",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            tally.count(line);
        }
        assert_eq!(tally, Tally { passed: 7, failed: 1 });
    }
}
