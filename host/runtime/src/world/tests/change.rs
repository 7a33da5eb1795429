//! Moving: what may take whose place, and where.

use super::super::{MountSpec, OsWorld, WorldOptions};
use super::{Sandbox, each, fs, short};

fn furnish(sandbox: &Sandbox) {
    let _ = std::fs::remove_dir_all(sandbox.path("mount"));
    sandbox.file("mount/file", "file");
    sandbox.file("mount/file2", "file2");
    sandbox.file("mount/dir/inside", "inside");
    sandbox.directory("mount/empty");
    sandbox.link("file", "mount/link");
    sandbox.pipe("mount/pipe");
    sandbox.hard_link("mount/file", "mount/second");
}

#[test]
fn only_a_file_takes_a_place_and_only_a_files_and_only_if_asked() {
    const ONLY: &str = "wrong kind: only a file can take the place of a file, and of nothing else";
    each(|sandbox, resolver| {
        for (old, new, replace, want) in [
            ("w/file", "w/new", false, "()"),
            ("w/file", "w/new", true, "()"),
            ("w/dir", "w/new", false, "()"),
            ("w/link", "w/new", false, "()"),
            ("w/pipe", "w/new", false, "()"),
            ("w/file", "w/empty/new", false, "()"),
            ("w/dir/inside", "w/new", false, "()"),
            ("w/file", "w/file2", false, "AlreadyExists"),
            ("w/file", "w/file2", true, "()"),
            ("w/link", "w/file2", true, "()"),
            ("w/file", "w/file", false, "AlreadyExists"),
            ("w/file2", "w/file2", true, "()"),
            ("w/file", "w/second", true, "wrong kind: both names are hard links of one file"),
            ("w/file", "w/empty", true, ONLY),
            ("w/file", "w/link", true, ONLY),
            ("w/dir", "w/empty", true, ONLY),
            ("w/dir", "w/file", true, ONLY),
            ("w/pipe", "w/file", true, ONLY),
            ("w/dir", "w/empty", false, "AlreadyExists"),
            ("w/dir", "w/dir/deeper", false, "wrong kind: a directory cannot go into itself"),
            ("w/missing", "w/new", false, "NotFound"),
            ("w/file", "w/missing/new", false, "NotFound"),
            ("w", "w/new", false, "wrong kind: it is the directory of a whole mount"),
            ("w/dir", "w", true, "wrong kind: it is the directory of a whole mount"),
        ] {
            furnish(sandbox);
            let before = sandbox.names("mount");
            let moved = sandbox.content(&old.replacen('w', "mount", 1));
            let world = sandbox.world(resolver);
            assert_eq!(short(world.rename(&fs(old), &fs(new), replace)), want, "{old} to {new} under {resolver:?}");
            if want == "()" {
                assert_eq!(sandbox.content(&new.replacen('w', "mount", 1)), moved, "{old} to {new}");
                assert!(old == new || !sandbox.path(&old.replacen('w', "mount", 1)).exists());
            } else {
                assert_eq!(sandbox.names("mount"), before, "{old} to {new}");
            }
        }
    });
}

#[test]
fn a_move_stays_on_one_file_system() {
    each(|sandbox, resolver| {
        sandbox.file("mount/file", "x");
        let mount = |name: &str, path| MountSpec { name: name.into(), path, allow_hard_links: true };
        let mounts = vec![mount("w", sandbox.path("mount")), mount("proc", "/proc".into())];
        let world = OsWorld::new(mounts, Vec::new(), WorldOptions { resolver, ..WorldOptions::default() }).unwrap();
        assert!(short(world.rename(&fs("w/file"), &fs("proc/file"), false)).contains("another file system"));
        assert_eq!(sandbox.names("mount"), ["file"]);
    });
}
