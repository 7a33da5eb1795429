//! The measurements: the benchmark of the workspace, in a release build.

use crate::shell::{self, Result};

const PACKAGE: &str = "libos-bench";

/// Builds and runs the benchmark; what follows on the command line goes to it.
pub fn run(arguments: &[String]) -> Result<()> {
    if !shell::root().join("tests/bench/Cargo.toml").exists() {
        return Err(format!("this checkout has no tests/bench, where {PACKAGE} lives"));
    }
    println!("a release build of the engine takes some minutes the first time");
    let fixed = ["run", "--release", "--locked", "--package", PACKAGE, "--"];
    shell::run(&mut shell::cargo(fixed.into_iter().chain(arguments.iter().map(String::as_str))))
}
