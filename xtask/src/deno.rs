//! Real Deno, with which `tests/corpus/deno` is compared: the npm package that is locked there, installed where the host is built.

use crate::shell::{self, Result};
use std::fs;

/// What says which Deno, and which bytes it is.
const LOCKED: [&str; 2] = ["package.json", "package-lock.json"];
const HERE: &str = "tests/corpus/deno";

/// Installs it unless it is there already. Where it cannot be had the tests say so and compare with nothing.
pub fn ensure() -> Result<()> {
    if std::env::var_os("LIBOS_DENO").is_some() {
        return Ok(());
    }
    let target = shell::target().join("deno");
    let wanted = LOCKED.map(|name| fs::read(shell::root().join(HERE).join(name)));
    let present = LOCKED.map(|name| fs::read(target.join(name)));
    let same = wanted.iter().zip(&present).all(|(wanted, present)| match (wanted, present) {
        (Ok(wanted), Ok(present)) => wanted == present,
        _ => false,
    });
    if same && target.join("node_modules/@deno").is_dir() {
        return Ok(());
    }
    if !shell::works(shell::program("npm").arg("--version")) {
        println!("skipped: no npm, so programs are not compared with real Deno; LIBOS_DENO may name one");
        return Ok(());
    }
    let file = |error: std::io::Error| format!("{}: {error}", target.display());
    fs::create_dir_all(&target).map_err(file)?;
    for (name, content) in LOCKED.iter().zip(wanted) {
        let content = content.map_err(|error| format!("{HERE}/{name}: {error}"))?;
        fs::write(target.join(name), content).map_err(file)?;
    }
    // Not `ci`: it refuses a lock without the packages of other systems. The package's own script only links what is there already.
    let install = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    if let Err(why) = shell::run(shell::program("npm").args(install).current_dir(&target)) {
        // The next run tries again.
        let _ = fs::remove_dir_all(target.join("node_modules"));
        println!("skipped: {why}, so programs are not compared with real Deno; LIBOS_DENO may name one");
    }
    Ok(())
}
