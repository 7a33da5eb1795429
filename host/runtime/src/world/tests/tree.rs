//! Listing, making and removing directories.

use super::super::resolve::Access;
use super::super::tree::{Walk, open_directory};
use super::{each, fs, short};
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::limit;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[test]
fn a_listing_is_sorted_escaped_and_without_the_runtimes_own_files() {
    each(|sandbox, resolver| {
        sandbox.file("mount/b", "12345");
        sandbox.file("mount/B", "");
        sandbox.directory("mount/a");
        sandbox.link("/etc/passwd", "mount/c");
        sandbox.pipe("mount/d");
        sandbox.file("mount/.libos-1", "");
        sandbox.file("mount/.hidden", "");
        std::fs::write(sandbox.path("mount").join(OsStr::from_bytes(b"caf\xe9")), "1").unwrap();
        let world = sandbox.world(resolver);
        let entries = world.list(&fs("w")).unwrap();
        let have: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.stat.kind, entry.stat.size)).collect();
        let want = [
            (".hidden", EntryKind::File, 0),
            ("B", EntryKind::File, 0),
            ("a", EntryKind::Directory, 0),
            ("b", EntryKind::File, 5),
            ("c", EntryKind::Link, 0),
            ("caf\\xe9", EntryKind::File, 1),
            ("d", EntryKind::Other, 0),
        ];
        assert_eq!(have, want);
        assert_eq!(world.list(&fs("w")).unwrap(), entries, "a second listing begins at the start");
        assert_eq!(world.list(&fs("w/a")).unwrap(), []);
        assert_eq!(short(world.list(&fs("w/missing"))), "NotFound");
        assert_eq!(world.stat(&fs("w/b")).unwrap(), entries[3].stat);
        assert_eq!(world.stat(&fs("w")).unwrap().kind, EntryKind::Directory);
        assert_eq!(short(world.stat(&fs("w/missing"))), "NotFound");
    });
}

#[test]
fn a_listing_is_whole_or_refused() {
    let sandbox = super::Sandbox::new();
    let world = sandbox.world(super::Resolver::Automatic);
    for number in 0..limit::LIST_ENTRIES_MAX {
        std::fs::File::create(sandbox.path(&format!("mount/{number}"))).unwrap();
    }
    assert_eq!(world.list(&fs("w")).unwrap().len(), limit::LIST_ENTRIES_MAX);
    sandbox.file("mount/more", "");
    assert_eq!(short(world.list(&fs("w"))), "too large");
}

#[test]
fn directories_are_made_and_removed_one_by_one() {
    each(|sandbox, resolver| {
        sandbox.link("dir", "mount/link");
        sandbox.pipe("mount/pipe");
        let world = sandbox.world(resolver);
        let (make, remove) =
            (|name: &str| short(world.make_directory(&fs(name))), |name: &str| short(world.remove(&fs(name), false)));
        assert_eq!(make("w/dir"), "()");
        assert_eq!(make("w/dir"), "AlreadyExists");
        assert_eq!(make("w"), "AlreadyExists");
        assert_eq!(make("w/missing/dir"), "NotFound");
        sandbox.file("mount/dir/file", "");
        assert_eq!(remove("w/dir"), "NotEmpty");
        assert_eq!(remove("w/dir/file"), "()");
        assert_eq!(remove("w/link"), "()");
        assert_eq!(remove("w/pipe"), "()");
        assert_eq!(remove("w/dir"), "()");
        assert_eq!(remove("w/dir"), "NotFound");
        assert_eq!(remove("w"), "wrong kind: it is the directory of a whole mount");
        assert_eq!(sandbox.names("mount"), [""; 0]);
    });
}

#[test]
fn a_tree_is_removed_without_following_its_links() {
    each(|sandbox, resolver| {
        sandbox.file("mount/tree/a/b/c/file", "x");
        sandbox.file("mount/tree/a/file", "x");
        sandbox.link("../../outside", "mount/tree/out");
        sandbox.link("/", "mount/tree/a/root");
        sandbox.hard_link("outside/secret", "mount/tree/a/b/second");
        sandbox.pipe("mount/tree/pipe");
        sandbox.file("mount/kept", "x");
        let world = sandbox.world(resolver);
        assert_eq!(short(world.remove(&fs("w/tree"), true)), "()");
        assert_eq!(sandbox.names("mount"), ["kept"]);
        assert_eq!(short(world.remove(&fs("w/kept"), true)), "()");
        assert_eq!(short(world.remove(&fs("w/kept"), true)), "NotFound");
        assert_eq!(short(world.remove(&fs("w"), true)), "wrong kind: it is the directory of a whole mount");
    });
}

#[test]
fn a_tree_beyond_the_limits_stays_whole() {
    each(|sandbox, resolver| {
        let deep = "d/".repeat(limit::PATH_SEGMENTS_MAX + 1);
        sandbox.directory(&format!("mount/{deep}"));
        sandbox.file("mount/d/file", "x");
        for name in ["1", "2/3", "4"] {
            sandbox.file(&format!("mount/wide/{name}"), "x");
        }
        let world = sandbox.world(resolver);
        assert_eq!(short(world.remove(&fs("w/d"), true)), "too large");
        assert_eq!(sandbox.names("mount/d"), ["d", "file"]);
        let resource = fs("w/wide");
        let place = world.place(&resource, Access::Itself).unwrap();
        let directory = || open_directory(&place.folder, c"wide").unwrap();
        let meta = world.look(&place).unwrap().unwrap();
        let mut walk = Walk::new(&world, place.mount, false);
        walk.met = limit::REMOVE_ENTRIES_MAX - 4;
        walk.run(&directory(), &meta, 1).unwrap();
        assert_eq!(walk.met, limit::REMOVE_ENTRIES_MAX);
        walk.met = limit::REMOVE_ENTRIES_MAX - 3;
        assert_eq!(short(walk.run(&directory(), &meta, 1)), "too large");
        walk.met = limit::REMOVE_ENTRIES_MAX - 2;
        assert_eq!(short(walk.run(&directory(), &meta, 1)), "too large");
    });
}
