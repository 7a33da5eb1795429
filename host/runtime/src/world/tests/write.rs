//! Writing and appending: modes, permissions, links that break, nothing left behind.

use super::super::resolve::Access;
use super::super::write::{remove_temporary, write_all};
use super::{Stop, each, fs, short};
use libos_kernel::model::call::WriteMode::{self, CreateNew, CreateOrReplace, ReplaceExisting};
use libos_kernel::model::limit;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::atomic::{AtomicBool, Ordering};

const TEMPORARY: &str = ".libos-t";

#[test]
fn each_mode_creates_or_replaces_as_it_says() {
    let rows: [(WriteMode, &str, &str, Option<&str>); 9] = [
        (CreateOrReplace, "new", "()", Some("x")),
        (CreateNew, "new", "()", Some("x")),
        (ReplaceExisting, "new", "NotFound", None),
        (CreateOrReplace, "old", "()", Some("x")),
        (CreateNew, "old", "AlreadyExists", Some("old")),
        (ReplaceExisting, "old", "()", Some("x")),
        (CreateOrReplace, "missing/new", "NotFound", None),
        (CreateOrReplace, "old/new", "wrong kind: a part of the name is no directory", None),
        (CreateOrReplace, "dir", "wrong kind: it is a directory", None),
    ];
    each(|sandbox, resolver| {
        for (mode, name, want, content) in rows {
            sandbox.file("mount/old", "old");
            sandbox.directory("mount/dir");
            // An earlier try died here.
            sandbox.file("mount/.libos-t", "left over");
            let world = sandbox.world(resolver);
            assert_eq!(short(world.write(&fs(&format!("w/{name}")), b"x", mode, TEMPORARY)), want, "{mode:?} {name}");
            assert_eq!(sandbox.content(&format!("mount/{name}")).as_deref(), content, "{mode:?} {name}");
            std::fs::remove_dir_all(sandbox.path("mount")).unwrap();
            sandbox.directory("mount");
        }
    });
}

#[test]
fn a_replaced_file_keeps_its_permissions_and_its_other_names_keep_the_content() {
    each(|sandbox, resolver| {
        sandbox.file("mount/script", "old");
        std::fs::set_permissions(sandbox.path("mount/script"), PermissionsExt::from_mode(0o4750)).unwrap();
        sandbox.hard_link("mount/script", "outside/other");
        let world = sandbox.world_with(resolver, &[("w", "mount", false)], &[]);
        world.write(&fs("w/script"), b"new", CreateOrReplace, TEMPORARY).unwrap();
        world.write(&fs("w/plain"), b"", CreateOrReplace, TEMPORARY).unwrap();
        let mode = |path: &str| std::fs::metadata(sandbox.path(path)).unwrap().mode() & 0o7777;
        assert_eq!(mode("mount/script"), 0o750);
        assert_eq!(mode("mount/plain") & 0o600, 0o600);
        assert_eq!(mode("mount/plain") & 0o111, 0);
        assert_eq!(sandbox.content("mount/script").unwrap(), "new");
        assert_eq!(sandbox.content("outside/other").unwrap(), "old");
        assert_eq!(sandbox.names("mount"), ["plain", "script"]);
    });
}

#[test]
fn content_beyond_the_limit_and_foreign_temporary_names_are_refused() {
    each(|sandbox, resolver| {
        sandbox.file("mount/precious", "precious");
        let world = sandbox.world(resolver);
        let large = vec![0; limit::CONTENT_BYTES_MAX + 1];
        assert_eq!(short(world.write(&fs("w/new"), &large, CreateNew, TEMPORARY)), "too large");
        assert_eq!(short(world.append(&fs("w/new"), &large)), "too large");
        for temporary in ["precious", ".libos-/../precious", ""] {
            assert!(short(world.write(&fs("w/new"), b"", CreateNew, temporary)).contains("not one of the runtime's"));
        }
        assert_eq!(sandbox.names("mount"), ["precious"]);
        world.write(&fs("w/new"), &large[1..], CreateNew, TEMPORARY).unwrap();
        assert_eq!(std::fs::metadata(sandbox.path("mount/new")).unwrap().len(), limit::CONTENT_BYTES_MAX as u64);
    });
}

#[test]
fn what_changed_while_the_content_was_written_is_seen_before_it_is_replaced() {
    each(|sandbox, resolver| {
        sandbox.file("mount/.libos-t", "new");
        let world = sandbox.world(resolver);
        let target = fs("w/target");
        let place = world.place(&target, Access::Itself).unwrap();
        let publish = |mode| short(world.publish(&place, mode, TEMPORARY));
        assert_eq!(publish(ReplaceExisting), "NotFound");
        sandbox.link("elsewhere", "mount/target");
        assert_eq!(publish(CreateOrReplace), "link 0 fs:w/elsewhere");
        std::fs::remove_file(sandbox.path("mount/target")).unwrap();
        sandbox.pipe("mount/target");
        assert_eq!(publish(CreateOrReplace), "wrong kind: it is a device, a pipe or a socket");
        std::fs::remove_file(sandbox.path("mount/target")).unwrap();
        sandbox.file("mount/target", "old");
        assert_eq!(publish(CreateNew), "AlreadyExists");
        assert_eq!(publish(ReplaceExisting), "()");
        assert_eq!(sandbox.content("mount/target").unwrap(), "new");
    });
}

#[test]
fn a_file_that_its_user_may_not_write_is_not_replaced() {
    each(|sandbox, resolver| {
        sandbox.file("mount/fixed", "old");
        std::fs::set_permissions(sandbox.path("mount/fixed"), PermissionsExt::from_mode(0o444)).unwrap();
        // The system's administrator may.
        let may = std::fs::OpenOptions::new().append(true).open(sandbox.path("mount/fixed")).is_ok();
        let world = sandbox.world(resolver);
        assert_eq!(world.write(&fs("w/fixed"), b"new", CreateOrReplace, TEMPORARY).is_ok(), may);
        assert_eq!(sandbox.content("mount/fixed").unwrap(), if may { "new" } else { "old" });
    });
}

#[test]
fn whatever_goes_wrong_no_temporary_file_stays() {
    const ROUNDS: usize = 300;
    each(|sandbox, resolver| {
        let world = sandbox.world(resolver);
        let (target, stop) = (sandbox.path("mount/target"), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = std::fs::create_dir(&target);
                    let _ = std::fs::remove_dir(&target);
                    let _ = std::fs::remove_file(&target);
                }
            });
            for mode in [CreateNew, CreateOrReplace, ReplaceExisting].into_iter().cycle().take(ROUNDS) {
                let _ = world.write(&fs("w/target"), b"x", mode, TEMPORARY);
            }
        });
        assert!(sandbox.names("mount").iter().all(|name| name == "target"));
    });
}

#[test]
fn a_reader_sees_the_old_content_or_the_new() {
    const ROUNDS: usize = 200;
    each(|sandbox, resolver| {
        let (old, new) = ("a".repeat(10_000), "b".repeat(20_000));
        sandbox.file("mount/file", &old);
        let world = sandbox.world(resolver);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seen = super::read(&world, "w/file").unwrap();
                    assert!(seen == old || seen == new);
                }
            });
            for content in [&new, &old].into_iter().cycle().take(ROUNDS) {
                world.write(&fs("w/file"), content.as_bytes(), CreateOrReplace, TEMPORARY).unwrap();
            }
        });
    });
}

#[test]
fn appending_adds_or_creates() {
    each(|sandbox, resolver| {
        sandbox.file("mount/old", "old");
        let world = sandbox.world(resolver);
        world.append(&fs("w/old"), b" and new").unwrap();
        world.append(&fs("w/new"), b"first").unwrap();
        world.append(&fs("w/new"), b"").unwrap();
        assert_eq!(sandbox.content("mount/old").unwrap(), "old and new");
        assert_eq!(sandbox.content("mount/new").unwrap(), "first");
        assert_eq!(short(world.append(&fs("w/missing/new"), b"x")), "NotFound");
        assert_eq!(short(world.append(&fs("w"), b"x")), "wrong kind: it is the directory of a whole mount");
    });
}

#[test]
fn the_temporary_name_is_never_followed() {
    each(|sandbox, resolver| {
        sandbox.link("../outside/secret", "mount/.libos-t");
        let world = sandbox.world(resolver);
        world.write(&fs("w/new"), b"x", CreateNew, TEMPORARY).unwrap();
        assert_eq!(sandbox.names("mount"), ["new"]);
        let place = fs("w/new");
        let place = world.place(&place, Access::Itself).unwrap();
        remove_temporary(&place, TEMPORARY).unwrap();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(short(write_all(&full.into(), b"x")), "Io(\"no space left on device\")");
    });
}
