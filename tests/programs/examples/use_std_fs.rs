//! Tries to reach files past the contract, by the standard library: there must be none.

use std::{env, fs};

/// Tries to read and write files by the standard library; returns the errors that it got.
#[libos::tool]
fn use_std_fs(path: String) -> Vec<String> {
    let mut errors = Vec::new();
    for path in [path.as_str(), "/", "/etc/passwd", "."] {
        errors.push(fs::read(path).expect_err("a file was read").to_string());
        errors.push(fs::read_dir(path).expect_err("a directory was listed").to_string());
    }
    errors.push(fs::write(&path, "x").expect_err("a file was written").to_string());
    assert_eq!(env::vars().count(), 0, "the environment of the host is seen");
    assert!(env::args().all(|argument| argument.is_empty()), "arguments of the host are seen");
    errors
}
