//! The doors of the host: who may name the database, the engine, the operating system and the outside.

use crate::demand;
use crate::paths::beginning_with;
use crate::source::{self, Source, words};

/// A thing outside, and the only places that name it.
struct Door {
    what: &'static str,
    /// Paths, from their first word on.
    names: &'static [&'static str],
    /// Files, and directories with a slash at the end.
    places: &'static [&'static str],
}

const DOORS: [Door; 4] = [
    Door {
        what: "the database",
        names: &["redb"],
        // The two of the floor above only hold and hand on the handle.
        places: &["host/kernel/src/store/", "host/kernel/src/kernel/mod.rs", "host/kernel/src/kernel/state.rs"],
    },
    Door { what: "the engine", names: &["wasmtime"], places: &["host/runtime/src/engine/"] },
    Door {
        what: "the operating system",
        names: &["std::fs", "std::net", "std::os", "std::process", "tokio::fs", "tokio::net", "tokio::process"],
        places: &[
            "host/kernel/src/store/disk.rs",
            "host/kernel/src/store/aside.rs",
            "host/kernel/src/store/backup.rs",
            // One connection to a provider of models; who asks has been permitted to.
            "host/model/src/transport.rs",
            "host/runtime/src/world/",
            "host/runtime/src/engine/cache.rs",
            // The program that compiles, and what it may use.
            "host/runtime/src/engine/compile/",
            // Programs under confinement: it knows nothing of the host but what it is told.
            "host/confine/",
            "host/cli/",
        ],
    },
    Door {
        what: "the system's handles",
        names: &["cap_std", "cap_primitives", "rustix"],
        places: &[
            "host/kernel/src/store/disk.rs",
            "host/kernel/src/store/backup.rs",
            // Key files, of which owner and mode are looked at.
            "host/model/src/key.rs",
            "host/runtime/src/world/",
            "host/runtime/src/engine/cache.rs",
            "host/runtime/src/engine/compile/",
            "host/confine/",
            "host/cli/",
        ],
    },
];

fn passes(door: &Door, source: &Source) -> Vec<usize> {
    let code = source.shipped();
    let mut lines = Vec::new();
    for name in door.names {
        let first = name.split("::").next().unwrap_or(name);
        let paths = beginning_with(source, &code, first);
        let named = |path: &String| path == name || path.starts_with(&format!("{name}::"));
        lines.extend(paths.iter().filter(|path| named(&path.segments.join("::"))).map(|path| path.line));
    }
    lines.sort_unstable();
    lines.dedup();
    lines
}

fn stands_at(place: &str, path: &str) -> bool {
    path == place || (place.ends_with('/') && path.starts_with(place))
}

#[test]
fn only_its_keepers_pass_a_door() {
    let sources = source::rust();
    for door in &DOORS {
        let mut problems = Vec::new();
        for source in sources.iter().filter(|source| source.path.starts_with("host/")) {
            if !door.places.iter().any(|place| stands_at(place, &source.path)) {
                let lines = passes(door, source);
                problems.extend(lines.iter().map(|line| format!("{}:{line}: names {}", source.path, door.what)));
            }
        }
        demand(
            &problems,
            &format!("Only these name {}: {}. Ask one of them for what you need.", door.what, door.places.join(", ")),
        );
    }
}

#[test]
fn a_keeper_that_needs_its_door_no_more_leaves_the_list() {
    let sources = source::rust();
    let mut problems = Vec::new();
    for door in &DOORS {
        for place in door.places {
            let used = sources.iter().any(|source| stands_at(place, &source.path) && !passes(door, source).is_empty());
            if !used {
                problems.push(format!("{place} does not name {}", door.what));
            }
        }
    }
    demand(&problems, "Take it from the list in tests/layout/tests/doors.rs.");
}

#[test]
fn the_outside_is_reached_only_on_the_line_and_by_recovery() {
    const CALLERS: [&str; 5] = [
        "host/kernel/src/syscall/",
        "host/kernel/src/kernel/recover.rs",
        // The outside itself.
        "host/kernel/src/world.rs",
        "host/kernel/src/world/",
        "host/runtime/src/world/",
    ];
    let sources = source::rust();
    let methods = world_methods(&sources);
    assert!(methods.contains(&"fs_write".to_owned()) && methods.contains(&"probe".to_owned()), "{methods:?}");
    let mut problems = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("host/")) {
        if CALLERS.iter().any(|place| stands_at(place, &source.path)) {
            continue;
        }
        let code = source.shipped();
        for method in &methods {
            for at in words(&code, method)
                .filter(|at| code[..*at].ends_with(['.', ':']) && code[at + method.len()..].starts_with('('))
            {
                problems.push(format!("{}:{}: calls World::{method}", source.path, source.line(at)));
            }
        }
    }
    demand(&problems, &format!("Make it a system call: only {} reach the outside.", CALLERS[..2].join(" and ")));
}

/// The methods of `trait World` that act on or look at what is outside. Time and randomness the kernel also needs for itself.
fn world_methods(sources: &[Source]) -> Vec<String> {
    let world = sources.iter().find(|source| source.path == "host/kernel/src/world.rs").expect("trait World has moved");
    let (_, methods) = world.code.split_once("trait World").expect("trait World has moved");
    let names =
        words(methods, "fn").map(|at| methods[at + 2..].split('(').next().unwrap_or_default().trim().to_owned());
    names.filter(|name| !["now", "random"].contains(&name.as_str())).collect()
}

#[test]
fn a_name_in_a_group_or_under_an_alias_is_found_and_one_in_a_test_is_not() {
    let system = DOORS.iter().find(|door| door.what == "the operating system").unwrap();
    let lines = |text| passes(system, &Source::new("host/kernel/src/kernel/a.rs", text));
    assert_eq!(lines("use std::io;\nuse std::{fmt, fs as disk};\nstd::net::TcpStream::connect(a);"), [2, 3]);
    assert_eq!(lines("#[cfg(test)]\nmod tests { use std::fs; }\n// std::fs"), [0; 0]);
}
