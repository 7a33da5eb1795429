//! The floors of the kernel: each may import only lower ones.

use crate::demand;
use crate::paths::beginning_with;
use crate::source::{self, Source};

const KERNEL: &str = "host/kernel/src/";

/// What each floor may name, lowest first; every module at the top of the kernel is one.
const FLOORS: [(&str, &[&str]); 6] = [
    // Locks and threads only: a test puts others in their place.
    ("sync", &["sync"]),
    ("model", &["model"]),
    ("store", &["model", "store"]),
    // The outside takes permits, which the floor above makes: the one name that it needs from there.
    ("world", &["model", "world", "kernel::Permit"]),
    ("kernel", &["model", "store", "world", "sync", "kernel"]),
    ("syscall", &["model", "store", "world", "sync", "kernel", "syscall"]),
];

#[test]
fn a_floor_of_the_kernel_imports_only_lower_ones() {
    let problems: Vec<String> = source::rust().iter().flat_map(problems).collect();
    demand(
        &problems,
        "Move what is needed down to the floor that needs it, or the code that needs it up. The floors are, from below: model, \
         store, world, kernel, syscall (tests/layout/tests/floors.rs).",
    );
}

fn problems(source: &Source) -> Vec<String> {
    let Some(inside) = source.path.strip_prefix(KERNEL).filter(|inside| *inside != "lib.rs") else { return Vec::new() };
    let floor = inside.split(['/', '.']).next().unwrap_or(inside);
    let Some((_, may)) = FLOORS.iter().find(|(name, _)| *name == floor) else {
        return vec![format!("{}: {floor} is on no floor; say which in FLOORS", source.path)];
    };
    let mut problems = Vec::new();
    for first in ["crate", "super"] {
        for path in beginning_with(source, &source.code, first) {
            let named = path.segments.join("::");
            let allowed = |may: &&str| named == **may || named.starts_with(&format!("{may}::"));
            if !may.iter().any(allowed) {
                problems.push(format!("{}:{}: floor {floor} names {named}", source.path, path.line));
            }
        }
    }
    problems
}

#[test]
fn an_import_from_above_is_found() {
    let check = |path: &str, text: &str| problems(&Source::new(&format!("{KERNEL}{path}"), text)).len();
    assert_eq!(check("model/a.rs", "use crate::model::b; use super::c;"), 0);
    assert_eq!(check("model/a.rs", "use crate::{model::b, store::c};"), 1);
    assert_eq!(check("model/a.rs", "fn f() { super::super::kernel::g() }"), 1);
    assert_eq!(check("world.rs", "use crate::kernel::Permit;"), 0);
    assert_eq!(check("world.rs", "use crate::kernel::{Kernel, Permit};"), 1);
    assert_eq!(check("kernel/a.rs", "use crate::syscall::Line;"), 1);
    assert_eq!(check("engine/a.rs", ""), 1);
}
