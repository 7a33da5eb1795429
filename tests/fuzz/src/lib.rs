//! What is fuzzed: each target takes bytes and panics if something that must hold does not. `cargo xtask fuzz` runs them under
//! libFuzzer, coverage-guided; the tests of this crate run every input of `corpus/` through its target on every machine.

#![expect(clippy::expect_used, reason = "a panic is how a target says that something does not hold")]

mod component;
mod draw;
mod evidence;
mod history;
mod house;
mod imports;
mod matcher;
mod paths;
mod policy;
mod preview;
mod rows;

/// Something that is fuzzed.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Takes one input.
    ///
    /// # Panics
    /// What must hold does not.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 9] = [
    Target { name: "matcher", run: matcher::run },
    Target { name: "paths", run: paths::run },
    Target { name: "policy", run: policy::run },
    Target { name: "imports", run: imports::run },
    Target { name: "rows", run: rows::run },
    Target { name: "component", run: component::run },
    Target { name: "preview", run: preview::run },
    Target { name: "evidence", run: evidence::run },
    Target { name: "history", run: history::run },
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Takes down what the targets keep between inputs, and checks it a last time.
pub fn finish() {
    paths::finish();
    imports::finish();
}
