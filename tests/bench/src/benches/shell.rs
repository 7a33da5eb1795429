//! The command line as people and scripts start it: a new process each time, until it has ended.

use crate::measure::{nanoseconds, turns};
use crate::report::{Report, Row, Target};
use crate::stage::{self, Scratch};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

const ROUNDS: usize = 15;

pub fn run(report: &mut Report) {
    let Some(program) = stage::command_line() else {
        for name in ["shell.help", "shell.call"] {
            report
                .skip(name, "there is no libos beside this program; build it with: cargo build --release -p libos-cli");
        }
        return;
    };
    let scratch = Scratch::new("shell");
    let time = |words: &[&str]| {
        let began = Instant::now();
        let output = libos(&program, &scratch, words);
        let took = nanoseconds(began.elapsed());
        assert!(output.status.success(), "libos {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        took
    };
    let nothing = || {
        let began = Instant::now();
        Command::new("/bin/true").output().unwrap();
        nanoseconds(began.elapsed())
    };
    let [help, floor] = turns(ROUNDS, [&mut || time(&["--help"]), &mut { nothing }]);
    let row = Row::time("shell.help", "libos --help", help).against("/bin/true", floor);
    report.row(row.target(Target::AtMost(10e6)));
    for words in [&["init"][..], &["trust", "--yes"], &["call", "echo", "{}"]] {
        let output = libos(&program, &scratch, words);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return report.skip("shell.call", &format!("libos {}: {}", words.join(" "), said.trim()));
        }
    }
    let [call, list, floor] =
        turns(ROUNDS, [&mut || time(&["call", "echo", "{}"]), &mut || time(&["tool", "list"]), &mut { nothing }]);
    let row = Row::time("shell.call", "libos call echo '{}', compiled before, no host runs", call)
        .against("/bin/true", floor);
    report.row(row.target(Target::AtMost(40e6)).phase("libos tool list: reads only", list).phase("libos --help", help));
}

fn libos(program: &Path, scratch: &Scratch, words: &[&str]) -> Output {
    let workspace = scratch.workspace();
    let mut command = Command::new(program);
    command.args(words).current_dir(&workspace).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", scratch.data().join("state")).env("XDG_CONFIG_HOME", scratch.data().join("config"));
    command.output().unwrap()
}
