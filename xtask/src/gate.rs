//! The gate: what must hold before anything lands, in the order in which a mistake shows soonest.

use crate::shell::{self, GUESTS, JS, ORACLE, Result, SDK};
use crate::tally::{self, Tally};
use crate::toolchain::GUEST_TARGET;
use crate::{deno, deny, fuzz, js, toolchain};
use std::fs;
use std::time::{Duration, Instant};

/// One step.
pub struct Step {
    pub name: &'static str,
    pub about: &'static str,
    run: fn(&mut Tally) -> Result<()>,
}

/// All steps. They share one build of everything: one profile and one set of features for the host, one directory for the guests.
pub const STEPS: [Step; 11] = [
    Step {
        name: "toolchain",
        about: "the pinned compiler, the guests' target, clippy, rustfmt",
        run: |_| toolchain::ensure(),
    },
    Step { name: "format", about: "rustfmt, over the host and every guest workspace", run: |_| format() },
    Step { name: "layout", about: "floors, doors, sizes, versions, promises, the WIT contract", run: |_| layout() },
    Step { name: "deny", about: "licences, sources and banned crates, by cargo-deny", run: |_| deny::run() },
    Step { name: "clippy", about: "lints of the host, warnings as errors", run: |_| clippy() },
    Step {
        name: "guests",
        about: "lints and native tests of the SDK, the tools, the guest programs and the example",
        run: guests,
    },
    Step {
        name: "js-bridge",
        about: "what runs scripts: its lints, and a new build has the bytes that are kept; skipped in a line without clang",
        run: js_bridge,
    },
    Step { name: "tests", about: "all tests of the host, against real components", run: tests },
    Step { name: "docs", about: "the documentation of the libraries, warnings as errors", run: |_| docs() },
    Step {
        name: "example",
        about: "the smallest tools: the one in Rust built, the one in TypeScript added and called, as their readers do it",
        run: |_| example(),
    },
    Step { name: "fuzz", about: "each fuzz target for a minute, coverage-guided", run: |_| fuzz::run(&[]) },
];

/// Runs the named steps, or all; stops at the first that fails. The last line is the number of tests.
pub fn run(names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("there is no step {unknown}; there are: {}", known.join(", ")));
    }
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name));
    let mut tally = Tally::default();
    let mut times: Vec<(&str, Duration)> = Vec::new();
    let mut failed = None;
    for step in chosen {
        println!("\n== {}: {}", step.name, step.about);
        let began = Instant::now();
        let done = (step.run)(&mut tally);
        times.push((step.name, began.elapsed()));
        if let Err(why) = done {
            failed = Some(format!("step {}: {why}", step.name));
            break;
        }
        println!("-- {}: {}", step.name, shell::seconds(began.elapsed()));
    }
    // A step that failed without a failed test is a failure all the same.
    if failed.is_some() && tally.failed == 0 {
        tally.failed = 1;
    }
    if let Some(why) = &failed {
        println!("\nfailed: {why}");
    }
    println!("\n== summary");
    for (name, time) in &times {
        println!("  {name:<12} {:>9}", shell::seconds(*time));
    }
    println!("  {:<12} {:>9}", "in all", shell::seconds(times.iter().map(|(_, time)| *time).sum()));
    println!("{} passed, {} failed", tally.passed, tally.failed);
    match failed {
        None => Ok(()),
        Some(why) => Err(why),
    }
}

fn format() -> Result<()> {
    rustfmt(&["--check"]).map_err(|why| format!("{why}; `cargo xtask fmt` formats everything"))
}

/// Formats the host and every guest workspace, or only looks, with `--check`.
pub fn rustfmt(arguments: &[&str]) -> Result<()> {
    for folder in [".", ORACLE, JS].into_iter().chain(GUESTS) {
        let words = ["fmt", "--all"].into_iter().chain(arguments.iter().copied());
        shell::run(shell::cargo(words).current_dir(shell::root().join(folder)))?;
    }
    Ok(())
}

/// Runs again with all other tests, where it is counted; it comes first on its own because it takes a second and builds little.
fn layout() -> Result<()> {
    // The whole workspace is named so that the features are those of the steps that follow.
    shell::run(&mut shell::cargo(["test", "--quiet", "--workspace", "--locked", "--test", "layout"]))
}

fn clippy() -> Result<()> {
    shell::run(&mut shell::cargo(["clippy", "--workspace", "--locked", "--all-targets", "--", "-D", "warnings"]))
}

fn guests(tally: &mut Tally) -> Result<()> {
    // The tests of the SDK and of the tools run here. Naming this machine as a target, too, makes cargo share the macros with the builds for the other.
    let machine = toolchain::machine()?;
    for folder in GUESTS {
        let target = if folder == SDK { &machine } else { GUEST_TARGET };
        let lints = ["clippy", "--workspace", "--locked", "--all-targets", "--target", target, "--", "-D", "warnings"];
        shell::run(&mut shell::guest_cargo(folder, lints))?;
    }
    for folder in [SDK, "tools"] {
        let test = ["test", "--workspace", "--locked", "--no-fail-fast", "--target", &machine];
        tally::run(&mut shell::guest_cargo(folder, test), tally)?;
    }
    Ok(())
}

/// The engine in C is built for this machine, too: lints and tests are of what is Rust around it.
fn js_bridge(tally: &mut Tally) -> Result<()> {
    let machine = toolchain::machine()?;
    for (package, target) in [("libos-js-bridge", machine.as_str()), ("libos-js-typescript", GUEST_TARGET)] {
        let lints =
            ["clippy", "--package", package, "--locked", "--all-targets", "--target", target, "--", "-D", "warnings"];
        shell::run(&mut shell::guest_cargo(JS, lints))?;
    }
    let test = ["test", "--package", "libos-js-bridge", "--locked", "--no-fail-fast", "--target", &machine];
    tally::run(&mut shell::guest_cargo(JS, test), tally)?;
    js::check()
}

fn tests(tally: &mut Tally) -> Result<()> {
    deno::ensure()?;
    tally::run(&mut shell::cargo(["test", "--workspace", "--locked", "--no-fail-fast"]), tally)
}

fn docs() -> Result<()> {
    let host = ["doc", "--no-deps", "--locked", "--package", "libos", "--package", "libos-kernel"];
    shell::run(shell::cargo(host).env("RUSTDOCFLAGS", "-D warnings"))?;
    let guest = ["doc", "--no-deps", "--locked", "--package", "libos-guest", "--target", GUEST_TARGET];
    shell::run(shell::guest_cargo(SDK, guest).env("RUSTDOCFLAGS", "-D warnings"))
}

fn example() -> Result<()> {
    let build = ["build", "--release", "--locked", "--target", GUEST_TARGET];
    shell::run(&mut shell::guest_cargo("examples/tool-rust", build))?;
    // As in the demo, so that crates have the features that they have in the other steps.
    let build = ["build", "--locked", "--workspace", "--bin", "libos", "--test", "layout"];
    shell::run(&mut shell::cargo(build))?;
    example_script()
}

/// A script has no build step: it is looked at, added and called, in a workspace of its own.
fn example_script() -> Result<()> {
    let scratch = shell::target().join("example");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    }
    let workspace = scratch.join("workspace");
    let notes = workspace.join("notes.md");
    let made = fs::create_dir_all(&workspace).and_then(|()| fs::write(&notes, "buy three red apples\n"));
    made.map_err(|error| format!("{}: {error}", notes.display()))?;
    let script = shell::root().join("examples/tool-ts/word_count.ts").display().to_string();
    let libos = |arguments: &[&str]| {
        let mut command = shell::program(shell::target().join("debug/libos"));
        command.current_dir(&workspace).args(arguments);
        // Neither its data nor its keys are those of whoever runs the gate.
        command.env("XDG_STATE_HOME", scratch.join("state")).env("XDG_CONFIG_HOME", scratch.join("config"));
        command
    };
    for arguments in [&["init"][..], &["tool", "inspect", &script], &["tool", "add", &script]] {
        shell::run(&mut libos(arguments))?;
    }
    let said = shell::output(&mut libos(&["call", "word_count", r#"{"path": "notes.md"}"#]))?;
    let result = String::from_utf8_lossy(&said.stdout);
    match result.trim() {
        "4" => Ok(()),
        _ => Err(format!("examples/tool-ts counted 4 words as: {result}{}", String::from_utf8_lossy(&said.stderr))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_named_before_anything_runs() {
        let why = run(&["formt".into()]).unwrap_err();
        assert!(why.contains("formt") && why.contains("format"), "{why}");
    }
}
