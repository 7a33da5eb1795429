//! From where a key may come.

#![expect(clippy::disallowed_methods, reason = "the tests write the files that are looked at")]

use crate::support::KEY;
use libos_model::{Key, KeyError, KeySource};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn file(path: &Path, bytes: &[u8], mode: u32) -> PathBuf {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_owned()
}

fn load(path: &Path) -> Result<Key, KeyError> {
    Key::load(&KeySource::File(path.to_owned()), |_| panic!("no variable is asked for"))
}

#[test]
fn a_key_file_that_others_can_reach_is_refused() {
    let at = directory("key-modes");
    let line = format!("{KEY}\n");
    for mode in 0..0o10000_u32 {
        let others = mode & !0o600 != 0;
        // Unreadable ones are read by the superuser and by nobody else.
        if others && mode & 0o400 != 0 && mode.count_ones() < 4 {
            let path = file(&at.join("key"), line.as_bytes(), mode);
            let refused = load(&path).unwrap_err();
            assert!(matches!(&refused, KeyError::Unsafe { why, .. } if why.contains("mode")), "{mode:o}: {refused}");
            fs::remove_file(path).unwrap();
        }
    }
    for mode in [0o600, 0o400] {
        assert!(load(&file(&at.join(format!("{mode:o}")), line.as_bytes(), mode)).is_ok(), "{mode:o}");
    }
}

#[test]
fn a_key_file_is_a_regular_file_that_holds_one_key() {
    let at = directory("key-files");
    let good = file(&at.join("good"), KEY.as_bytes(), 0o600);
    symlink(&good, at.join("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, at.join("pipe"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    let malformed = |name: &str, bytes: &[u8]| file(&at.join(name), bytes, 0o600);
    let rows: Vec<(PathBuf, &str)> = vec![
        (at.join("link"), "symbolic link"),
        (at.join("pipe"), "no regular file"),
        (at.clone(), "no regular file"),
        (PathBuf::from("/dev/null"), "no regular file"),
        (at.join("missing"), "No such file"),
        (malformed("empty", b""), "empty"),
        (malformed("blank", b"\n"), "empty"),
        (malformed("two", b"one\ntwo\n"), "character"),
        (malformed("binary", b"\xff\xfe"), "no text"),
        (malformed("long", &[b'k'; 5_000]), "longer"),
    ];
    for (path, why) in rows {
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains(path.to_str().unwrap()), "{error}");
    }
    assert!(load(&good).is_ok());
    // Only the superuser can give a file away.
    if rustix::process::geteuid().is_root() {
        chown(&good, Some(65_534), None).unwrap();
        assert!(load(&good).unwrap_err().to_string().contains("another user"));
    }
}

#[test]
fn only_the_variable_that_the_profile_names_is_asked_for() {
    let source = KeySource::Environment("LIBOS_TEST_KEY".to_owned());
    let mut asked = Vec::new();
    let key = Key::load(&source, |name| {
        asked.push(name.to_owned());
        Some(format!("{KEY}\r\n"))
    });
    assert!(key.is_ok());
    assert_eq!(asked, ["LIBOS_TEST_KEY"]);
    let error = Key::load(&source, |_| None).unwrap_err().to_string();
    assert!(error.contains("LIBOS_TEST_KEY"), "{error}");
    let error = Key::load(&source, |_| Some(format!("{KEY} {KEY}"))).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
}
