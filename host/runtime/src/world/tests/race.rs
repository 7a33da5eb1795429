//! Somebody swaps directories, links, pipes and hard links while names are opened: the outside is never reached, nothing
//! protected is read, and nothing blocks.

use super::{Stop, each, fs, read};
use libos_kernel::model::call::WriteMode;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::sync::atomic::{AtomicBool, Ordering};

/// Operations of each kind while the names are swapped.
const ROUNDS: usize = 20_000;

#[test]
fn no_swap_leads_outside_or_to_what_is_protected_or_blocks() {
    each(|sandbox, resolver| {
        sandbox.file("mount/a/b/secret", "inside");
        sandbox.link("../../outside", "mount/a/evil");
        sandbox.link("../outside/secret", "mount/link");
        sandbox.file("mount/file", "inside");
        sandbox.file("mount/other", "inside");
        sandbox.pipe("mount/pipe");
        sandbox.file("mount/libos.toml", "policy");
        sandbox.hard_link("mount/libos.toml", "mount/second");
        sandbox.file("mount/third", "inside");
        let world = sandbox.world_with(resolver, &[("w", "mount", true)], &["mount/libos.toml"]);
        let stop = AtomicBool::new(false);
        let swap = |one: &str, other: &str| {
            let (one, other) = (sandbox.path(one), sandbox.path(other));
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        };
        std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            scope.spawn(|| swap("mount/a/b", "mount/a/evil"));
            scope.spawn(|| swap("mount/file", "mount/link"));
            scope.spawn(|| swap("mount/other", "mount/pipe"));
            scope.spawn(|| swap("mount/third", "mount/second"));
            for round in 0..ROUNDS {
                for name in ["w/a/b/secret", "w/file", "w/other", "w/third"] {
                    if let Ok(content) = read(&world, name) {
                        assert_eq!(content, "inside", "{name} under {resolver:?}");
                    }
                }
                if round % 100 == 0 {
                    let _ = world.write(&fs("w/a/b/new"), b"x", WriteMode::CreateOrReplace, ".libos-t");
                    let _ = world.append(&fs("w/a/b/new"), b"x");
                    let _ = world.remove(&fs("w/a/b/new"), false);
                }
            }
        });
        assert_eq!(sandbox.names("outside"), ["secret"]);
    });
}
