//! Least versions of what safety rests on: older ones have known holes.

use crate::demand;
use crate::source;
use std::fs;

/// Crate, least version, first version that is too new to be taken without thought.
const LIMITS: [(&str, &str, &str); 5] = [
    // Before 4.0.3 a path could leave its root where openat2 is missing.
    ("cap-std", "4.0.3", "5"),
    ("cap-primitives", "4.0.3", "5"),
    // Before 4.5.0 a second crash during repair could lose commits.
    ("redb", "4.5.0", "5"),
    // The line with long support.
    ("wasmtime", "48.0.8", "49"),
    // It reads manifests that come from anybody; the line that was tried with hostile ones.
    ("saphyr-parser", "0.3.4", "0.4"),
];

#[test]
fn the_locked_versions_are_safe_ones() {
    let lock = fs::read_to_string(source::root().join("Cargo.lock")).expect("Cargo.lock is part of the checkout");
    demand(&problems(&lock), "`cargo update -p CRATE` in the root, and read its changelog.");
}

fn problems(lock: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, least, end) in LIMITS {
        let mut versions = locked(lock, name).peekable();
        if versions.peek().is_none() {
            problems.push(format!("{name} is not in Cargo.lock; if it is needed no more, take it from LIMITS"));
        }
        for version in versions.filter(|version| number(version) < number(least) || number(version) >= number(end)) {
            problems.push(format!("{name} is {version}; it must be at least {least} and below {end}"));
        }
    }
    problems
}

fn locked<'a>(lock: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    lock.split("[[package]]").filter_map(move |package| {
        let field = |key: &str| {
            package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        field("version").filter(|_| field("name") == Some(name))
    })
}

/// The parts of a version; what follows a release number counts as nothing.
fn number(version: &str) -> Vec<u64> {
    version.split(['-', '+']).next().unwrap_or(version).split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[test]
fn an_old_version_is_found() {
    let lock = |redb: &str| {
        let packages = [
            ("cap-std", "4.0.3"),
            ("cap-primitives", "4.1.0"),
            ("wasmtime", "48.0.10"),
            ("saphyr-parser", "0.3.4"),
            ("redb", redb),
        ];
        packages.map(|(name, version)| format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")).concat()
    };
    assert_eq!(problems(&lock("4.5.0")), [""; 0]);
    assert_eq!(problems(&lock("4.4.9")).len(), 1);
    assert_eq!(problems(&lock("5.0.0")).len(), 1);
    assert_eq!(problems("").len(), LIMITS.len());
}
