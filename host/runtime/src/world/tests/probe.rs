//! What recovery finds: before, after and in between every effect.

use super::super::{OsWorld, Resolver};
use super::{Sandbox, each, fs, short};
use libos_kernel::model::call::WriteMode;
use libos_kernel::model::id::Digest;
use libos_kernel::model::row::{Before, Probe};
use libos_kernel::world::Probed::{self, Done, NotStarted, Unknown};
use sha2::{Digest as _, Sha256};

const TEMPORARY: &str = ".libos-t";

fn digest(text: &str) -> Digest {
    Sha256::digest(text).into()
}

fn before(world: &OsWorld, name: &str) -> Before {
    world.inspect(&fs(name), 0, true, false).unwrap().before
}

/// Somebody writes into a file as it is, without making another.
fn overwrite(sandbox: &Sandbox, name: &str, content: &str) {
    std::fs::write(sandbox.path(name), content).unwrap();
}

/// Makes a sandbox, notes what is there, lets something happen and asks what recovery would find.
#[track_caller]
fn check(
    resolver: Resolver,
    furnish: impl Fn(&Sandbox),
    probe: impl Fn(&OsWorld) -> Probe,
    happens: impl Fn(&Sandbox, &OsWorld),
    want: Probed,
) {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let world = sandbox.world(resolver);
    let probe = probe(&world);
    happens(&sandbox, &world);
    assert_eq!(world.probe_effect(&probe, TEMPORARY), want);
    assert_eq!(world.probe_effect(&probe, TEMPORARY), want, "asked again");
    assert!(!sandbox.path("mount/.libos-t").exists());
}

#[test]
fn a_write_is_told_by_its_content_or_by_the_file_that_was_there() {
    let probe = |world: &OsWorld| Probe::Write {
        target: fs("w/f"),
        before: before(world, "w/f"),
        after: digest("new"),
        size: 3,
    };
    let write = |world: &OsWorld, content: &str| {
        world.write(&fs("w/f"), content.as_bytes(), WriteMode::CreateOrReplace, TEMPORARY).unwrap();
    };
    each(|_, resolver| {
        let absent = |_: &Sandbox| {};
        let present = |sandbox: &Sandbox| sandbox.file("mount/f", "old");
        check(resolver, absent, probe, |_, _| {}, NotStarted);
        check(resolver, present, probe, |_, _| {}, NotStarted);
        check(resolver, absent, probe, |_, world| write(world, "new"), Done);
        check(resolver, present, probe, |_, world| write(world, "new"), Done);
        check(resolver, present, probe, |sandbox, _| sandbox.file("mount/.libos-t", "ne"), NotStarted);
        check(resolver, absent, probe, |sandbox, _| sandbox.file("mount/.libos-t", "new"), NotStarted);
        check(resolver, present, probe, |_, world| write(world, "odd"), Unknown);
        check(resolver, absent, probe, |_, world| write(world, "odd"), Unknown);
        check(resolver, present, probe, |_, world| world.remove(&fs("w/f"), false).unwrap(), Unknown);
        check(resolver, absent, probe, |sandbox, _| sandbox.directory("mount/f"), Unknown);
        check(resolver, absent, probe, |sandbox, _| sandbox.link("g", "mount/f"), Unknown);
        check(resolver, absent, probe, |sandbox, _| sandbox.pipe("mount/f"), Unknown);
        // Somebody else wrote into the old file: ours never took its place.
        check(resolver, present, probe, |sandbox, _| overwrite(sandbox, "mount/f", "new"), NotStarted);
        check(resolver, present, probe, |sandbox, _| overwrite(sandbox, "mount/f", "else"), Unknown);
        let longer = |sandbox: &Sandbox| sandbox.file("mount/f", "older");
        check(resolver, longer, probe, |sandbox, _| overwrite(sandbox, "mount/f", "new"), Unknown);
        let same = |sandbox: &Sandbox| sandbox.file("mount/f", "new");
        check(resolver, same, probe, |_, _| {}, NotStarted);
        check(resolver, same, probe, |_, world| write(world, "new"), Done);
        let written_then = |sandbox: &Sandbox, world: &OsWorld, content: &str| {
            write(world, "new");
            overwrite(sandbox, "mount/f", content);
        };
        check(resolver, present, probe, |sandbox, world| written_then(sandbox, world, "newer"), Unknown);
        check(resolver, absent, probe, |sandbox, world| written_then(sandbox, world, "NEW"), Unknown);
    });
}

#[test]
fn an_addition_is_told_by_the_length_and_the_tail() {
    let probe = |world: &OsWorld| Probe::Append {
        target: fs("w/f"),
        before: before(world, "w/f"),
        tail: digest("more"),
        size: 4,
    };
    let append = |world: &OsWorld, content: &str| world.append(&fs("w/f"), content.as_bytes()).unwrap();
    each(|_, resolver| {
        let absent = |_: &Sandbox| {};
        let present = |sandbox: &Sandbox| sandbox.file("mount/f", "old");
        check(resolver, absent, probe, |_, _| {}, NotStarted);
        check(resolver, present, probe, |_, _| {}, NotStarted);
        check(resolver, absent, probe, |_, world| append(world, "more"), Done);
        check(resolver, present, probe, |_, world| append(world, "more"), Done);
        check(resolver, absent, probe, |_, world| append(world, ""), Unknown);
        check(resolver, present, probe, |_, world| append(world, "mo"), Unknown);
        check(resolver, present, probe, |_, world| append(world, "else"), Unknown);
        check(resolver, present, probe, |_, world| append(world, "more and more"), Unknown);
        check(resolver, present, probe, |_, world| world.remove(&fs("w/f"), false).unwrap(), Unknown);
        let replace = |_: &Sandbox, world: &OsWorld| {
            world.write(&fs("w/f"), b"oldmore", WriteMode::CreateOrReplace, TEMPORARY).unwrap();
        };
        check(resolver, present, probe, replace, Unknown);
    });
}

#[test]
fn a_new_directory_is_told_by_its_presence() {
    let probe = |world: &OsWorld| Probe::MakeDir { target: fs("w/d"), before: before(world, "w/d") };
    each(|_, resolver| {
        let absent = |_: &Sandbox| {};
        let present = |sandbox: &Sandbox| sandbox.file("mount/d", "a file");
        check(resolver, absent, probe, |_, _| {}, NotStarted);
        check(resolver, absent, probe, |_, world| world.make_directory(&fs("w/d")).unwrap(), Done);
        check(resolver, present, probe, |_, _| {}, NotStarted);
        check(resolver, absent, probe, |sandbox, _| sandbox.file("mount/d", ""), Unknown);
        check(resolver, absent, probe, |sandbox, _| sandbox.file("mount/d/of-somebody", ""), Unknown);
        check(resolver, absent, probe, |sandbox, _| sandbox.link("elsewhere", "mount/d"), Unknown);
        let other_directory = |sandbox: &Sandbox, world: &OsWorld| {
            world.remove(&fs("w/d"), true).unwrap();
            sandbox.directory("mount/d");
        };
        check(resolver, present, probe, other_directory, Unknown);
        check(resolver, present, probe, |_, world| world.remove(&fs("w/d"), false).unwrap(), Unknown);
    });
}

#[test]
fn a_removal_is_told_by_absence_and_a_full_directory_not_at_all() {
    let probe = |world: &OsWorld| Probe::Remove { target: fs("w/x"), before: before(world, "w/x") };
    let remove = |_: &Sandbox, world: &OsWorld| world.remove(&fs("w/x"), true).unwrap();
    each(|_, resolver| {
        let file = |sandbox: &Sandbox| sandbox.file("mount/x", "x");
        let empty = |sandbox: &Sandbox| sandbox.directory("mount/x");
        let full = |sandbox: &Sandbox| sandbox.file("mount/x/y/z", "x");
        check(resolver, file, probe, |_, _| {}, NotStarted);
        check(resolver, empty, probe, |_, _| {}, NotStarted);
        check(resolver, full, probe, |_, _| {}, Unknown);
        check(resolver, file, probe, remove, Done);
        check(resolver, empty, probe, remove, Done);
        check(resolver, full, probe, remove, Done);
        check(resolver, full, probe, |_, world| world.remove(&fs("w/x/y"), true).unwrap(), Unknown);
        check(resolver, empty, probe, |sandbox, _| sandbox.file("mount/x/new", ""), Unknown);
        check(resolver, |_| {}, probe, |_, _| {}, NotStarted);
        let replace = |_: &Sandbox, world: &OsWorld| {
            world.write(&fs("w/x"), b"y", WriteMode::CreateOrReplace, TEMPORARY).unwrap();
        };
        check(resolver, file, probe, replace, Unknown);
        check(resolver, file, probe, |sandbox, _| overwrite(sandbox, "mount/x", "longer"), Unknown);
        let by_directory = |sandbox: &Sandbox, world: &OsWorld| {
            world.remove(&fs("w/x"), true).unwrap();
            sandbox.directory("mount/x");
        };
        for furnish in [&file as &dyn Fn(&Sandbox), &empty, &full] {
            check(resolver, furnish, probe, by_directory, Unknown);
        }
        // Half of it is gone and somebody put as much there again.
        let refilled = |sandbox: &Sandbox, world: &OsWorld| {
            world.remove(&fs("w/x/y"), true).unwrap();
            sandbox.file("mount/x/other", "");
        };
        check(resolver, full, probe, refilled, Unknown);
        check(resolver, |_| {}, probe, |sandbox, _| sandbox.file("mount/x", ""), Unknown);
    });
}

#[test]
fn a_copy_is_told_as_the_write_that_it_is_whatever_became_of_its_source() {
    let probe = |world: &OsWorld| Probe::Write {
        target: fs("w/to"),
        before: before(world, "w/to"),
        after: digest("source"),
        size: 6,
    };
    let copy = |world: &OsWorld| {
        world.write(&fs("w/to"), b"source", WriteMode::CreateOrReplace, TEMPORARY).unwrap();
    };
    each(|_, resolver| {
        let source = |sandbox: &Sandbox| sandbox.file("mount/from", "source");
        let both = |sandbox: &Sandbox| {
            source(sandbox);
            sandbox.file("mount/to", "target");
        };
        for furnish in [&source as &dyn Fn(&Sandbox), &both] {
            check(resolver, furnish, probe, |_, _| {}, NotStarted);
            check(resolver, furnish, probe, |_, world| copy(world), Done);
            let source_gone = |_: &Sandbox, world: &OsWorld| {
                copy(world);
                world.remove(&fs("w/from"), false).unwrap();
            };
            check(resolver, furnish, probe, source_gone, Done);
            check(resolver, furnish, probe, |_, world| world.remove(&fs("w/from"), false).unwrap(), NotStarted);
            check(resolver, furnish, probe, |sandbox, _| sandbox.file("mount/.libos-t", "sour"), NotStarted);
            let linked = |sandbox: &Sandbox, world: &OsWorld| {
                let _ = world.remove(&fs("w/to"), false);
                sandbox.link("from", "mount/to");
            };
            check(resolver, furnish, probe, linked, Unknown);
        }
    });
}

#[test]
fn a_move_is_told_by_both_ends() {
    let probe = |world: &OsWorld| Probe::Rename {
        old: fs("w/old"),
        new: fs("w/dir/new"),
        before: before(world, "w/old"),
        before_new: before(world, "w/dir/new"),
    };
    let rename = |_: &Sandbox, world: &OsWorld| world.rename(&fs("w/old"), &fs("w/dir/new"), true).unwrap();
    each(|_, resolver| {
        let free = |sandbox: &Sandbox| {
            sandbox.file("mount/old", "old");
            sandbox.directory("mount/dir");
        };
        let taken = |sandbox: &Sandbox| {
            sandbox.file("mount/old", "old");
            sandbox.file("mount/dir/new", "new");
        };
        let directory = |sandbox: &Sandbox| {
            sandbox.file("mount/old/inside", "x");
            sandbox.directory("mount/dir");
        };
        for furnish in [&free as &dyn Fn(&Sandbox), &taken, &directory] {
            check(resolver, furnish, probe, |_, _| {}, NotStarted);
            check(resolver, furnish, probe, rename, Done);
        }
        let link_only = |sandbox: &Sandbox, _: &OsWorld| sandbox.hard_link("mount/old", "mount/dir/new");
        check(resolver, free, probe, link_only, Unknown);
        check(resolver, free, probe, |_, world| world.remove(&fs("w/old"), false).unwrap(), Unknown);
        check(resolver, taken, probe, |_, world| world.remove(&fs("w/dir/new"), false).unwrap(), Unknown);
        check(resolver, taken, probe, |_, world| world.remove(&fs("w/dir"), true).unwrap(), Unknown);
        let taken_meanwhile = |sandbox: &Sandbox, _: &OsWorld| sandbox.file("mount/dir/new", "of somebody");
        check(resolver, free, probe, taken_meanwhile, Unknown);
        let moved_then_replaced = |sandbox: &Sandbox, world: &OsWorld| {
            rename(sandbox, world);
            world.write(&fs("w/dir/new"), b"else", WriteMode::CreateOrReplace, TEMPORARY).unwrap();
        };
        check(resolver, free, probe, moved_then_replaced, Unknown);
        let moved_and_old_is_back = |sandbox: &Sandbox, world: &OsWorld| {
            rename(sandbox, world);
            sandbox.file("mount/old", "old");
        };
        check(resolver, free, probe, moved_and_old_is_back, Unknown);
        check(resolver, taken, probe, moved_and_old_is_back, Unknown);
    });
}

#[test]
fn what_cannot_be_looked_at_is_unknown() {
    each(|sandbox, resolver| {
        let world = sandbox.world(resolver);
        let probe = |target| Probe::MakeDir { target, before: Before::Absent };
        for target in [fs("other/x"), fs("w/missing/x"), fs("w")] {
            assert_eq!(world.probe_effect(&probe(target), TEMPORARY), Unknown);
        }
        assert_eq!(world.probe_effect(&Probe::None, TEMPORARY), Unknown);
    });
}

#[test]
fn an_inspection_names_what_is_there() {
    each(|sandbox, resolver| {
        sandbox.file("mount/f", "abc");
        sandbox.file("mount/d/1", "");
        sandbox.file("mount/d/2", "");
        let world = sandbox.world(resolver);
        let found = world.inspect(&fs("w/f"), 0, true, true).unwrap();
        assert_eq!(found.content, Some(digest("abc")));
        assert!(matches!(found.before, Before::Present { size: 3, directory: false, .. }));
        assert_eq!(world.inspect(&fs("w/f"), 0, true, false).unwrap().content, None);
        assert!(matches!(before(&world, "w/d"), Before::Present { size: 2, directory: true, .. }));
        assert!(matches!(before(&world, "w"), Before::Present { size: 2, directory: true, .. }));
        assert_eq!(before(&world, "w/missing"), Before::Absent);
        assert_eq!(short(world.inspect(&fs("w/missing/x"), 0, true, true)), "NotFound");
        let large = std::fs::File::create(sandbox.path("mount/large")).unwrap();
        large.set_len(libos_kernel::model::limit::CONTENT_BYTES_MAX as u64 + 1).unwrap();
        assert_eq!(world.inspect(&fs("w/large"), 0, true, true).unwrap().content, None);
    });
}
