//! The store in a directory: made whole or not at all, with one writer, and payload files that are checked.

#![expect(clippy::disallowed_methods, reason = "the disk itself is tested")]

use libos_kernel::model::id::Digest;
use libos_kernel::model::time::Time;
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::{Directory, Storage};
use libos_kernel::store::writer::Writer;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// An empty directory of this test's own.
fn scratch(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn names(path: &PathBuf) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_store_that_was_half_made_under_its_temporary_name_is_made_anew() {
    let path = scratch("half-made");
    for number in 0..100 {
        let rest = path.join(format!("store.new-{}-{number}", std::process::id()));
        std::fs::write(&rest, vec![0; 4_096]).unwrap();
    }
    drop(Directory::new(&path).open().expect("what an interrupted start left is no hindrance"));
    assert!(names(&path).contains(&"store.redb".to_owned()));
    std::fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_store_has_one_writer_and_is_kept() {
    let path = scratch("one-writer");
    let open = || Writer::open(Arc::new(Directory::new(&path)), Time(0), || Ok([7; 32]));
    let first = open().unwrap();
    assert_eq!(open().map(drop), Err(StoreError::Busy));
    drop(first);
    let unused = || -> Result<Digest, StoreError> { panic!("the store has a key") };
    drop(Writer::open(Arc::new(Directory::new(&path)), Time(0), unused).unwrap());
    std::fs::remove_dir_all(&path).unwrap();
}

#[test]
fn two_who_start_at_the_same_time_share_one_store() {
    let path = scratch("two-starts");
    for _ in 0..20 {
        let start = std::sync::Barrier::new(2);
        let open = || {
            start.wait();
            Writer::open(Arc::new(Directory::new(&path)), Time(0), || Ok([7; 32]))
        };
        let opened = std::thread::scope(|scope| {
            let both = [scope.spawn(open), scope.spawn(open)];
            both.map(|thread| thread.join().unwrap())
        });
        for result in &opened {
            assert!(matches!(result, Ok(_) | Err(StoreError::Busy)), "{:?}", result.as_ref().map(drop));
        }
        assert!(opened.iter().any(Result::is_ok), "nobody has the store");
        drop(opened);
        assert_eq!(names(&path), ["store.redb"]);
        std::fs::remove_file(path.join("store.redb")).unwrap();
    }
    std::fs::remove_dir_all(&path).unwrap();
}

#[test]
fn a_payload_file_is_found_by_its_digest_and_written_once() {
    let path = scratch("payloads");
    let directory = Directory::new(&path);
    let digest: Digest = Sha256::digest(b"content").into();
    assert!(directory.get_file(&digest).is_err());
    for _ in 0..2 {
        directory.put_file(&digest, b"content").unwrap();
        assert_eq!(directory.get_file(&digest).unwrap(), b"content");
    }
    std::fs::remove_dir_all(&path).unwrap();
}
