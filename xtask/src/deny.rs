//! Licences, banned crates and sources, by cargo-deny; it is built if it is not there.

use crate::shell::{self, GUESTS, JS, ORACLE, Result};
use std::path::{Path, PathBuf};

const VERSION: &str = "0.20.2";

/// Checks the host and every guest workspace against `deny.toml`. Not advisories: their database is no part of a checkout.
pub fn run() -> Result<()> {
    let deny = ensure()?;
    [".", JS].into_iter().chain(GUESTS).try_for_each(|folder| check(&deny, folder, &["licenses", "bans", "sources"]))
}

/// Checks what compares us with Cedar. What that is made of is in nothing that anybody runs but us, so no crate is banned.
pub fn oracle() -> Result<()> {
    check(&ensure()?, ORACLE, &["licenses", "sources"])
}

fn check(deny: &Path, folder: &str, what: &[&str]) -> Result<()> {
    let mut check = shell::program(deny);
    check.args(["--locked", "--config", "deny.toml", "--manifest-path"]).arg(format!("{folder}/Cargo.toml"));
    check.args(["check", "--hide-inclusion-graph"]);
    if folder != "." {
        // The list of licences is that of the whole tree, and the guests' few doubles were seen with the host's.
        check.args(["--allow", "license-not-encountered", "--allow", "duplicate"]);
    }
    shell::run(check.args(what))
}

/// The program: the one on the path, if it is of our version, or our own.
fn ensure() -> Result<PathBuf> {
    let tools = shell::target().join("tools");
    let own = tools.join("bin").join("cargo-deny");
    for known in [PathBuf::from("cargo-deny"), own.clone()] {
        let version = shell::output(shell::program(&known).arg("--version"));
        if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == format!("cargo-deny {VERSION}"))
        {
            return Ok(known);
        }
    }
    println!("cargo-deny {VERSION} is not there; building it takes one or two minutes, once");
    // An optimised build takes several times as long, and checks in two seconds what this one checks in three.
    let install = ["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--root"];
    let mut command = shell::cargo(install);
    command.arg(&tools).arg("--target-dir").arg(tools.join("build"));
    shell::run(&mut command)?;
    // Only the program is used again.
    if let Err(error) = std::fs::remove_dir_all(tools.join("build")) {
        println!("target/tools/build cannot be removed: {error}");
    }
    Ok(own)
}
