//! Reading: sizes, ranges, files that grow, and files with several names.

use super::{each, fs, read, short};
use libos_kernel::model::limit;
use libos_kernel::world::{Content, Range};
use std::fs::OpenOptions;

#[test]
fn small_files_are_read_at_once_and_large_ones_later_and_none_beyond_the_limit() {
    each(|sandbox, resolver| {
        let world = sandbox.world(resolver);
        for (size, now) in [
            (0, Some(true)),
            (1, Some(true)),
            (limit::INLINE_BYTES_MAX, Some(true)),
            (limit::INLINE_BYTES_MAX + 1, Some(false)),
            (limit::CONTENT_BYTES_MAX, Some(false)),
            (limit::CONTENT_BYTES_MAX + 1, None),
        ] {
            std::fs::write(sandbox.path("mount/file"), vec![7; size]).unwrap();
            match (world.read(&fs("w/file"), None), now) {
                (Ok(Content::Whole(content)), Some(true)) => assert_eq!(content, vec![7; size]),
                (Ok(Content::Later(rest)), Some(false)) => assert!(rest().unwrap() == vec![7; size]),
                (Err(error), None) => assert_eq!(short::<()>(Err(error)), "too large"),
                _ => panic!("{size} bytes under {resolver:?}"),
            }
        }
    });
}

#[test]
fn a_range_ends_with_the_file() {
    each(|sandbox, resolver| {
        sandbox.file("mount/file", "0123456789");
        let world = sandbox.world(resolver);
        for (offset, length, want) in [
            (0, 10, "0123456789"),
            (3, 4, "3456"),
            (8, 10, "89"),
            (10, 1, ""),
            (11, 1, ""),
            (0, 0, ""),
            (u64::MAX, 5, ""),
        ] {
            let content = world.read(&fs("w/file"), Some(Range { offset, length })).unwrap();
            assert!(matches!(content, Content::Whole(content) if content == want.as_bytes()), "{offset} {length}");
        }
        let range = Range { offset: 0, length: limit::CONTENT_BYTES_MAX as u32 + 1 };
        assert_eq!(short(world.read(&fs("w/file"), Some(range)).map(|_| ())), "too large");
        let large = std::fs::File::create(sandbox.path("mount/large")).unwrap();
        large.set_len(1 << 40).unwrap();
        let range = Range { offset: (1 << 40) - 2, length: limit::CONTENT_BYTES_MAX as u32 };
        assert!(matches!(world.read(&fs("w/large"), Some(range)), Ok(Content::Whole(content)) if content == [0, 0]));
    });
}

#[test]
fn a_file_that_grows_while_it_is_read_stays_within_the_limit() {
    each(|sandbox, resolver| {
        let world = sandbox.world(resolver);
        sandbox.file("mount/file", &"x".repeat(limit::INLINE_BYTES_MAX + 1));
        let Ok(Content::Later(whole)) = world.read(&fs("w/file"), None) else { panic!() };
        let range = Range { offset: 0, length: limit::INLINE_BYTES_MAX as u32 + 1 };
        let Ok(Content::Later(part)) = world.read(&fs("w/file"), Some(range)) else { panic!() };
        let file = OpenOptions::new().write(true).open(sandbox.path("mount/file")).unwrap();
        file.set_len(limit::CONTENT_BYTES_MAX as u64 * 2).unwrap();
        assert_eq!(short(whole()), "too large");
        assert_eq!(part().unwrap().len(), limit::INLINE_BYTES_MAX + 1);
    });
}

#[test]
fn a_file_with_several_names_is_read_only_where_no_rule_denies_one() {
    each(|sandbox, resolver| {
        sandbox.hard_link("outside/secret", "mount/second");
        sandbox.file("mount/own", "own");
        let open = sandbox.world_with(resolver, &[("w", "mount", true)], &[]);
        let guarded = sandbox.world_with(resolver, &[("w", "mount", false)], &[]);
        assert_eq!(short(read(&open, "w/second")), "\"TOPSECRET\"");
        assert_eq!(short(read(&guarded, "w/second")), "hard link");
        assert_eq!(short(read(&guarded, "w/own")), "\"own\"");
        assert_eq!(short(guarded.append(&fs("w/second"), b"x")), "hard link");
        assert!(guarded.inspect(&fs("w/second"), 0, true, true).unwrap().content.is_some());
    });
}
