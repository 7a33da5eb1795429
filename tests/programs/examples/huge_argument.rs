//! Passes more to a system call than it may take.

use libos_programs::{Outcome, outcome};

/// Writes `bytes` bytes into `huge.txt` and returns the outcome.
#[libos::tool]
fn huge_argument(bytes: usize) -> Outcome {
    outcome(libos::fs::write("huge.txt", "x".repeat(bytes)))
}
