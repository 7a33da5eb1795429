//! The example is as short as it says, and does what it says.

#![expect(clippy::disallowed_methods, reason = "the test runs the example as its reader does")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs the example over a directory with one letter.
fn embed(name: &str, letter: &str) -> Output {
    let component = libos_e2e::GUESTS.iter().find(|(known, _)| *known == "word_count").unwrap().1;
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(directory.join("letters")).unwrap();
    std::fs::write(directory.join("letters/dear.txt"), "dear friend, come soon").unwrap();
    Command::new(env!("CARGO_BIN_EXE_embed")).arg(component).arg(directory).arg(letter).output().unwrap()
}

#[test]
fn a_host_in_thirty_lines_runs_a_tool_and_answers_its_question() {
    let lines = include_str!("../src/main.rs").lines().count();
    assert!(lines <= 30, "the example has {lines} lines");
    let output = embed("answers", "dear.txt");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "word_count asks to read a letter: yes\n4 words\n", "{output:?}");
    assert!(output.status.success());
}

#[test]
fn what_is_missing_is_said() {
    let output = embed("missing", "none.txt");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("letters/none.txt"), "{output:?}");
}
