//! Names that try to leave the mount, honest names that look as if they did, links, and what is no file.

use super::super::{MountSpec, OsWorld, Resolver, WorldOptions, WorldSetupError};
use super::{Sandbox, each, fs, read, short};
use libos_kernel::model::limit;
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use std::os::unix::ffi::OsStrExt;

fn furnish(sandbox: &Sandbox) {
    sandbox.file("mount/a", "a");
    sandbox.file("mount/dir/sub/c", "c");
    for name in ["...", ".. ", "..\\..\\x", "%2e%2e", "~root", "C:\\x", "`id`", "-rf", "two\nlines", "\u{202e}txt.exe"]
    {
        sandbox.file(&format!("mount/{name}"), "plain");
    }
    sandbox.link("/etc/passwd", "mount/absolute");
    sandbox.link("../outside/secret", "mount/up");
    sandbox.link("../../outside", "mount/dir/out");
    sandbox.link("../a", "mount/dir/near");
    sandbox.link("dir/sub", "mount/into");
    sandbox.link(".", "mount/dot");
    sandbox.link("loop2", "mount/loop1");
    sandbox.link("loop1", "mount/loop2");
    sandbox.link("/proc/self/root/etc/passwd", "mount/magic");
    sandbox.link("nothing", "mount/dangling");
    sandbox.link(std::ffi::OsStr::from_bytes(b"caf\xe9"), "mount/bytes");
    sandbox.pipe("mount/pipe");
    std::os::unix::net::UnixListener::bind(sandbox.path("mount/socket")).unwrap();
}

#[test]
fn a_name_is_read_as_it_stands_or_not_at_all() {
    const OUT: &str = "link 0 a symbolic link leads out of its mount";
    const SPECIAL: &str = "wrong kind: it is a device, a pipe or a socket";
    const NO_DIRECTORY: &str = "wrong kind: a part of the name is no directory";
    each(|sandbox, resolver| {
        furnish(sandbox);
        let world = sandbox.world(resolver);
        let long = format!("w/{}", "x".repeat(256));
        for (name, want) in [
            ("w/a", "\"a\""),
            ("w/dir/sub/c", "\"c\""),
            ("w/...", "\"plain\""),
            ("w/.. ", "\"plain\""),
            ("w/..\\..\\x", "\"plain\""),
            ("w/%2e%2e", "\"plain\""),
            ("w/~root", "\"plain\""),
            ("w/C:\\x", "\"plain\""),
            ("w/`id`", "\"plain\""),
            ("w/-rf", "\"plain\""),
            ("w/two\nlines", "\"plain\""),
            ("w/\u{202e}txt.exe", "\"plain\""),
            ("w", "wrong kind: it is the directory of a whole mount"),
            ("w/dir", "wrong kind: it is a directory"),
            ("w/missing", "NotFound"),
            ("w/missing/x", "NotFound"),
            ("w/a/x", NO_DIRECTORY),
            ("w/a/x/y", NO_DIRECTORY),
            ("other/a", "NotFound"),
            ("w/../outside/secret", "wrong kind: the name is not a plain path"),
            ("w/dir/../../outside/secret", "wrong kind: the name is not a plain path"),
            ("w/./a", "wrong kind: the name is not a plain path"),
            ("w/a\0b", "Io(\"invalid argument\")"),
            (&long, "Io(\"file name too long\")"),
            ("w/absolute", OUT),
            ("w/up", OUT),
            ("w/magic", OUT),
            ("w/dir/out/secret", OUT),
            ("w/dir/out/x/y", OUT),
            ("w/dir/near", "link 0 fs:w/a"),
            ("w/into/c", "link 0 fs:w/dir/sub/c"),
            ("w/dot/dir/sub/c", "link 0 fs:w/dir/sub/c"),
            ("w/dot/into/c", "link 0 fs:w/into/c"),
            ("w/loop1", "link 0 fs:w/loop2"),
            ("w/loop1/x", "link 0 fs:w/loop2/x"),
            ("w/dangling", "link 0 fs:w/nothing"),
            ("w/bytes", "wrong kind: a symbolic link leads to a name that is not UTF-8"),
            ("w/bytes/x", "wrong kind: a symbolic link leads to a name that is not UTF-8"),
            ("w/pipe", SPECIAL),
            ("w/socket", SPECIAL),
            ("w/pipe/x", NO_DIRECTORY),
        ] {
            let name = Resource::new(libos_kernel::model::resource::Kind::Fs, name);
            assert_eq!(short(read(&world, name.path())), want, "{name:?} under {resolver:?}");
        }
    });
}

/// As the line does it: each name that a link leads to is decided again, a bounded number of times.
fn read_through_links(world: &OsWorld, path: &str) -> Result<String, WorldError> {
    let mut name = fs(path);
    for _ in 0..=limit::LINKS_MAX {
        match read(world, name.path()) {
            Err(WorldError::Link { to: Ok(to), .. }) => name = to,
            other => return other,
        }
    }
    Err(WorldError::Io("too many links".into()))
}

#[test]
fn links_lead_on_inside_the_mount_and_a_bounded_number_of_times() {
    each(|sandbox, resolver| {
        furnish(sandbox);
        for number in 0..45 {
            sandbox.link(format!("chain{}", number + 1), &format!("mount/chain{number}"));
        }
        sandbox.file("mount/chain45", "end");
        let world = sandbox.world(resolver);
        for (name, want) in [
            ("w/dot/dot/into/c", "\"c\""),
            ("w/dir/near", "\"a\""),
            ("w/loop1", "Io(\"too many links\")"),
            ("w/chain5", "\"end\""),
            ("w/chain4", "Io(\"too many links\")"),
        ] {
            assert_eq!(short(read_through_links(&world, name)), want, "{name} under {resolver:?}");
        }
    });
}

#[test]
fn every_operation_stops_at_a_link_and_at_what_is_no_file() {
    use libos_kernel::model::call::WriteMode;
    const SPECIAL: &str = "wrong kind: it is a device, a pipe or a socket";
    each(|sandbox, resolver| {
        furnish(sandbox);
        let world = sandbox.world(resolver);
        let write = |name: &str| short(world.write(&fs(name), b"x", WriteMode::CreateOrReplace, ".libos-t"));
        assert_eq!(write("w/dangling"), "link 0 fs:w/nothing");
        assert_eq!(write("w/into/new"), "link 0 fs:w/dir/sub/new");
        assert_eq!(write("w/pipe"), SPECIAL);
        assert_eq!(write("w/dir"), "wrong kind: it is a directory");
        assert_eq!(short(world.append(&fs("w/dir/near"), b"x")), "link 0 fs:w/a");
        assert_eq!(short(world.append(&fs("w/pipe"), b"x")), SPECIAL);
        assert_eq!(short(world.list(&fs("w/into"))), "link 0 fs:w/dir/sub");
        assert_eq!(short(world.list(&fs("w/dir/out"))), "link 0 a symbolic link leads out of its mount");
        assert_eq!(short(world.list(&fs("w/a"))), "wrong kind: a part of the name is no directory");
        assert_eq!(short(world.list(&fs("w/pipe"))), "wrong kind: a part of the name is no directory");
        assert_eq!(short(world.stat(&fs("w/into/c"))), "link 0 fs:w/dir/sub/c");
        assert!(short(world.stat(&fs("w/absolute"))).contains("Link"));
        assert_eq!(short(world.make_directory(&fs("w/into/d"))), "link 0 fs:w/dir/sub/d");
        assert_eq!(short(world.make_directory(&fs("w/dangling"))), "AlreadyExists");
        assert_eq!(short(world.remove(&fs("w/into/c"), false)), "link 0 fs:w/dir/sub/c");
        assert_eq!(short(world.rename(&fs("w/a"), &fs("w/into/a"), false)), "link 1 fs:w/dir/sub/a");
        assert_eq!(short(world.rename(&fs("w/into/c"), &fs("w/x"), false)), "link 0 fs:w/dir/sub/c");
        assert_eq!(short(world.inspect(&fs("w/into/c"), 1, true, true)), "link 1 fs:w/dir/sub/c");
        assert_eq!(short(world.inspect(&fs("w/dir/near"), 1, true, true)), "link 1 fs:w/a");
        assert!(short(world.inspect(&fs("w/dir/near"), 1, false, true)).contains("content: None"));
        assert!(short(world.inspect(&fs("w/pipe"), 0, true, true)).contains("content: None"));
    });
}

#[test]
fn what_the_system_mounted_inside_is_another_mount() {
    let world = |resolver| {
        let mount = |name: &str, path: &str| MountSpec { name: name.into(), path: path.into(), allow_hard_links: true };
        let mounts = vec![mount("root", "/"), mount("dev", "/dev")];
        OsWorld::new(mounts, Vec::new(), WorldOptions { resolver, ..WorldOptions::default() }).unwrap()
    };
    for resolver in [Resolver::Openat2, Resolver::Walk] {
        let world = world(resolver);
        for name in ["root/proc/version", "root/proc/self/environ", "root/dev/null"] {
            assert!(short(read(&world, name)).contains("another file system"), "{name} under {resolver:?}");
        }
        assert!(short(world.stat(&fs("root/proc"))).contains("another file system"));
        for name in ["dev/null", "dev/zero", "dev/full"] {
            assert_eq!(short(read(&world, name)), "wrong kind: it is a device, a pipe or a socket");
        }
        assert!(short(read(&world, "dev/fd/0")).starts_with("link 0"));
    }
}

#[test]
fn a_world_is_not_made_of_what_cannot_be_kept() {
    let sandbox = Sandbox::new();
    sandbox.directory("mount/own/below");
    sandbox.link("mount", "linked");
    let make = |mounts: &[(&str, &str)], protected: &str| {
        let spec = |(name, path): &(&str, &str)| MountSpec {
            name: (*name).into(),
            path: sandbox.path(path),
            allow_hard_links: true,
        };
        let mounts = mounts.iter().map(spec).collect();
        OsWorld::new(mounts, vec![sandbox.path(protected)], WorldOptions::default()).map(|world| world.resolver())
    };
    let own = "mount/own";
    assert!(matches!(make(&[("w", "missing")], own), Err(WorldSetupError::Mount { .. })));
    assert!(matches!(make(&[("w", "outside/secret")], own), Err(WorldSetupError::Mount { .. })));
    assert!(matches!(make(&[("w", "mount"), ("w", "outside")], own), Err(WorldSetupError::MountName { .. })));
    assert!(matches!(make(&[("a/b", "mount")], own), Err(WorldSetupError::MountName { .. })));
    assert!(matches!(make(&[("w", "mount/own")], own), Err(WorldSetupError::MountProtected { .. })));
    assert!(matches!(make(&[("w", "mount/own/below")], own), Err(WorldSetupError::MountProtected { .. })));
    assert!(matches!(make(&[("w", "mount")], "missing/file"), Err(WorldSetupError::Protected { .. })));
    assert_ne!(make(&[("w", "linked"), ("o", "outside")], own).unwrap(), Resolver::Automatic);
}
