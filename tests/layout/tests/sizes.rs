//! Tripwires: how long a file or a function may be without saying why, and what every file has.

use crate::demand;
use crate::source::{self, Source, block_end, words};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;
/// What the line says that lets a file or function be longer; the reason follows.
const EXCUSE: &str = "// long: ";

#[test]
fn every_file_says_in_its_first_line_what_it_is() {
    let sources = source::rust();
    let silent = sources.iter().filter(|source| !source.text.starts_with("//! "));
    let problems: Vec<String> = silent.map(|source| format!("{}:1: no `//!` line", source.path)).collect();
    demand(&problems, "Begin the file with one sentence that says what is in it and why.");
}

#[test]
fn no_file_is_long_without_a_reason() {
    let mut problems = Vec::new();
    for source in source::rust() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES && !source.text.contains(EXCUSE) {
            problems.push(format!("{}: {lines} lines, more than {FILE_LINES}", source.path));
        }
    }
    demand(&problems, "Is it one room or several? Split it, or say why not in a line `// long: why`.");
}

#[test]
fn no_function_is_long_without_a_reason() {
    let mut problems = Vec::new();
    for source in source::rust() {
        for (name, line, lines) in long_functions(&source) {
            problems.push(format!("{}:{line}: fn {name} has {lines} lines, more than {FUNCTION_LINES}", source.path));
        }
    }
    demand(
        &problems,
        "Give a part of it a name of its own, or say why not in a line `// long: why` in or right above it.",
    );
}

/// Name, first line and number of lines of each function that is too long and does not say why.
fn long_functions(source: &Source) -> Vec<(String, usize, usize)> {
    let code = &source.code;
    let mut found = Vec::new();
    for at in words(code, "fn") {
        let rest = code[at + 2..].trim_start();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // A semicolon first: a declaration. It is none inside the brackets of an array's type, of which there are few.
        let body = code[at..].find(['{', ';']).filter(|found| code.as_bytes()[at + found] == b'{');
        let (Some(body), false) = (body, name.is_empty()) else { continue };
        let end = block_end(code, at + body);
        let (first, last) = (source.line(at), source.line(end - 1));
        let lines = last - first + 1;
        let excused = || {
            let around = source.text.lines().skip(first.saturating_sub(4)).take(lines + 3);
            around.into_iter().any(|line| line.contains(EXCUSE))
        };
        if lines > FUNCTION_LINES && !excused() {
            found.push((name, first, lines));
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later() {
    // In two parts, so that this file does not find itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let mut problems = Vec::new();
    for (path, text) in ["rs", "toml", "wit", "md"].into_iter().flat_map(source::files) {
        for (index, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| words(line, mark).next().is_some()) {
                problems.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    demand(&problems, "Do it, or say in the text what is so and why.");
}

#[test]
fn a_long_function_is_found_and_its_reason_is_heard() {
    let function =
        |reason: &str, lines: usize| format!("{reason}fn f() -> [u8; 2] {{\n{}}}\n", "x();\n".repeat(lines - 2));
    let long = |text: String| long_functions(&Source::new("a.rs", &text)).len();
    let plain = |reason: &str, lines: usize| long(function(reason, lines).replace("-> [u8; 2] ", ""));
    assert_eq!([plain("", 70), plain("", 71), plain("// long: a table\n", 71)], [0, 1, 0]);
}
