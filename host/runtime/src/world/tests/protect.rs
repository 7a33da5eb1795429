//! The runtime's own files, reached by every name but the one that the kernel's ceiling knows.

use super::super::{OsWorld, Resolver};
use super::{Sandbox, each, fs, read, short};
use libos_kernel::model::call::WriteMode;

const PROTECTED: &[&str] = &["mount/libos.toml", "mount/state/data", "outside/keys"];

fn furnish(sandbox: &Sandbox, resolver: Resolver) -> OsWorld {
    sandbox.file("mount/libos.toml", "policy");
    sandbox.file("mount/state/data/store", "records");
    sandbox.file("mount/state/data/blobs/1", "blob");
    sandbox.file("mount/free/file", "free");
    let mounts = [("w", "mount", true), ("all", "", true)];
    sandbox.world_with(resolver, &mounts, PROTECTED)
}

/// Every operation on a name that must not be touched.
#[track_caller]
fn check_untouchable(world: &OsWorld, name: &str) {
    let name = fs(name);
    let write = |mode| short(world.write(&name, b"x", mode, ".libos-t"));
    let have = [
        short(world.read(&name, None).map(|_| ())),
        write(WriteMode::CreateOrReplace),
        write(WriteMode::CreateNew),
        short(world.append(&name, b"x")),
        short(world.list(&name)),
        short(world.stat(&name)),
        short(world.make_directory(&name)),
        short(world.remove(&name, false)),
        short(world.remove(&name, true)),
        short(world.rename(&name, &fs("w/free/moved"), true)),
        short(world.rename(&fs("w/free/file"), &name, true)),
        short(world.inspect(&name, 0, true, true)),
    ];
    assert_eq!(have, ["protected"; 12], "{name}");
}

#[test]
fn the_runtimes_own_files_are_out_of_reach_by_any_mount_and_any_name() {
    each(|sandbox, resolver| {
        let world = furnish(sandbox, resolver);
        sandbox.hard_link("mount/libos.toml", "mount/free/second");
        sandbox.hard_link("mount/state/data/store", "mount/free/third");
        for name in [
            "w/libos.toml",
            "all/mount/libos.toml",
            "w/free/second",
            "w/state/data",
            "w/state/data/store",
            "w/state/data/blobs",
            "w/state/data/blobs/1",
            "all/mount/state/data/blobs/1",
            "w/state/data/new",
            "w/free/third",
        ] {
            check_untouchable(&world, name);
        }
        assert_eq!(short(read(&world, "w/free/file")), "\"free\"");
        assert_eq!(sandbox.names("mount/free"), ["file", "second", "third"]);
        assert_eq!(world.list(&fs("w")).unwrap().len(), 3);
    });
}

#[test]
fn a_protected_name_is_protected_although_nothing_is_there() {
    each(|sandbox, resolver| {
        let world = furnish(sandbox, resolver);
        let name = fs("all/outside/keys");
        assert_eq!(short(world.write(&name, b"x", WriteMode::CreateNew, ".libos-t")), "protected");
        assert_eq!(short(world.append(&name, b"x")), "protected");
        assert_eq!(short(world.make_directory(&name)), "protected");
        assert_eq!(short(world.rename(&fs("w/free"), &name, false)), "protected");
        assert!(!sandbox.path("outside/keys").exists());
    });
}

#[test]
fn a_policy_file_that_was_replaced_is_protected_and_so_is_the_old_one() {
    each(|sandbox, resolver| {
        let world = furnish(sandbox, resolver);
        sandbox.hard_link("mount/libos.toml", "mount/free/old");
        for round in ["second policy", "third policy"] {
            sandbox.file("outside/edited", round);
            std::fs::rename(sandbox.path("outside/edited"), sandbox.path("mount/libos.toml")).unwrap();
            assert_eq!(short(read(&world, "all/mount/libos.toml")), "protected", "by its place");
            let _ = std::fs::remove_file(sandbox.path("mount/free/new"));
            sandbox.hard_link("mount/libos.toml", "mount/free/new");
            for name in ["w/free/new", "w/libos.toml", "all/mount/libos.toml", "w/free/old"] {
                check_untouchable(&world, name);
            }
        }
    });
}

#[test]
fn a_directory_that_was_moved_into_a_mount_is_still_protected() {
    each(|sandbox, resolver| {
        sandbox.file("outside/data/store", "records");
        sandbox.file("outside/data/deep/er/file", "x");
        sandbox.file("mount/free/file", "free");
        let world = sandbox.world_with(resolver, &[("w", "mount", true)], &["outside/data"]);
        for (now, names) in [
            ("mount/moved", ["w/moved", "w/moved/store", "w/moved/deep/er/file"]),
            ("mount/free/a", ["w/free/a", "w/free/a/deep", "w/free/a/deep/er"]),
        ] {
            std::fs::rename(sandbox.path("outside/data"), sandbox.path(now)).unwrap();
            for name in names {
                check_untouchable(&world, name);
            }
            std::fs::rename(sandbox.path(now), sandbox.path("outside/data")).unwrap();
        }
    });
}

#[test]
fn a_directory_with_something_protected_below_is_neither_moved_nor_removed() {
    each(|sandbox, resolver| {
        let world = furnish(sandbox, resolver);
        sandbox.file("mount/state/aaa", "first in the order");
        sandbox.hard_link("mount/libos.toml", "mount/free/second");
        for name in ["w/state", "all/mount/state", "all/mount"] {
            assert_eq!(short(world.rename(&fs(name), &fs("all/new"), false)), "protected", "{name}");
            assert_eq!(short(world.remove(&fs(name), true)), "protected", "{name}");
        }
        assert_eq!(short(world.remove(&fs("w/free"), true)), "protected");
        assert_eq!(sandbox.names("mount/state"), ["aaa", "data"]);
        assert_eq!(sandbox.names("mount/free"), ["file", "second"]);
        assert_eq!(short(world.rename(&fs("w/free"), &fs("w/freed"), false)), "()");
    });
}

#[test]
fn a_directory_with_a_protected_file_is_not_moved_whoever_wrote_that_file() {
    each(|sandbox, resolver| {
        sandbox.file("mount/sub/deep/libos.toml", "policy");
        let world = sandbox.world_with(resolver, &[("w", "mount", true)], &["mount/sub/deep/libos.toml"]);
        sandbox.file("mount/sub/deep/edited", "policy");
        std::fs::rename(sandbox.path("mount/sub/deep/edited"), sandbox.path("mount/sub/deep/libos.toml")).unwrap();
        for name in ["w/sub", "w/sub/deep"] {
            assert_eq!(short(world.rename(&fs(name), &fs("w/new"), false)), "protected", "{name}");
            assert_eq!(short(world.remove(&fs(name), true)), "protected", "{name}");
        }
    });
}

#[test]
fn a_protected_link_and_where_it_leads_are_protected() {
    each(|sandbox, resolver| {
        sandbox.file("outside/shared", "policy");
        sandbox.file("mount/free/file", "free");
        sandbox.link("../outside/shared", "mount/libos.toml");
        let mounts = [("w", "mount", true), ("all", "", true)];
        let world = sandbox.world_with(resolver, &mounts, &["mount/libos.toml"]);
        check_untouchable(&world, "w/libos.toml");
        check_untouchable(&world, "all/outside/shared");
    });
}
