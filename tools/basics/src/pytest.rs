//! Reading what pytest printed.

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Bytes of a log.
pub const LOG_BYTES_MAX: usize = 4 << 20;
/// Entries of each list.
const ENTRIES_MAX: usize = 500;
/// What the last line counts.
const OUTCOMES: [&str; 9] =
    ["failed", "passed", "error", "skipped", "xfailed", "xpassed", "warning", "deselected", "rerun"];
/// Characters of one entry.
const ENTRY_CHARACTERS: usize = 500;

/// What a run of pytest came to.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failures {
    /// Tests that failed, as pytest names them: `tests/test_a.py::test_b`.
    pub failed: Vec<String>,
    /// Tests or files that could not be run: errors of fixtures, imports, syntax.
    pub errors: Vec<String>,
    /// The lines that pytest marks with `E`: what was asserted or raised.
    pub assertions: Vec<String>,
    /// How many tests failed: by the last line of the log if it is there, else as many as `failed` has.
    pub failure_count: usize,
    /// Whether a list has only the first 500 entries, or an entry only its first 500 characters.
    pub truncated: bool,
}

/// Reads a log. It is text from anywhere: nothing in it is trusted to be there, or to be what it looks like.
pub fn parse(log: &str) -> Failures {
    let mut found = Failures::default();
    let (mut failed, mut errors) = (BTreeSet::new(), BTreeSet::new());
    let mut counted = None;
    for line in log.lines() {
        let line = &*plain(line);
        if let Some(text) = line.strip_prefix("E ").map(str::trim).filter(|text| !text.is_empty()) {
            add(&mut found.assertions, text, &mut found.truncated);
        } else if let Some(test) = outcome(line, "FAILED") {
            if failed.insert(test.to_owned()) {
                add(&mut found.failed, test, &mut found.truncated);
            }
        } else if let Some(test) = outcome(line, "ERROR").or_else(|| collecting(line)) {
            if errors.insert(test.to_owned()) {
                add(&mut found.errors, test, &mut found.truncated);
            }
        } else {
            counted = summary(line).or(counted);
        }
    }
    found.failure_count = counted.unwrap_or(failed.len());
    found
}

fn add(list: &mut Vec<String>, text: &str, truncated: &mut bool) {
    if list.len() == ENTRIES_MAX {
        *truncated = true;
        return;
    }
    let entry: String = text.chars().take(ENTRY_CHARACTERS).collect();
    *truncated |= entry.len() < text.len();
    list.push(entry);
}

/// A line without the codes that colour it on a terminal.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.trim_end();
    while let Some((before, code)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        rest = code.trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
        rest = rest.strip_prefix(|character: char| character.is_ascii_alphabetic()).unwrap_or(rest);
    }
    text.push_str(rest);
    text
}

/// The test of `FAILED test - why`, as the summary has it, or of `test FAILED [ 5%]`, as `-v` prints it.
fn outcome<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    if let Some(rest) = line.strip_prefix(word).and_then(|rest| rest.strip_prefix(' ')) {
        let test = rest.split_once(" - ").map_or(rest, |(test, _)| test);
        return is_test(test).then_some(test);
    }
    let (test, rest) = line.split_once(&format!(" {word}"))?;
    let rest = rest.trim_start();
    (test.contains("::") && is_test(test) && (rest.is_empty() || rest.starts_with('['))).then_some(test)
}

/// A file of tests, or a test in one. Log lines of programs have the same words at their beginning.
fn is_test(text: &str) -> bool {
    let file = text.split("::").next().unwrap_or_default();
    !file.starts_with(' ') && (text.contains("::") && !file.is_empty() || file.ends_with(".py"))
}

/// The file of `____ ERROR collecting tests/test_a.py ____`.
fn collecting(line: &str) -> Option<&str> {
    let text = line.trim_matches('_').trim();
    text.strip_prefix("ERROR collecting ").filter(|_| line.starts_with("__"))
}

/// How many failed, of `==== 2 failed, 1 passed in 0.12s ====`.
fn summary(line: &str) -> Option<usize> {
    let text = line.trim_matches('=').trim();
    let (counts, time) = text.rsplit_once(" in ")?;
    let _seconds: f64 = time.split(' ').next()?.strip_suffix('s')?.parse().ok()?;
    let mut failed = 0;
    for part in counts.split(", ") {
        let (count, what) = part.split_once(' ')?;
        if !OUTCOMES.contains(&what.trim_end_matches('s')) {
            return None;
        }
        let count: usize = count.parse().ok()?;
        failed = if what == "failed" { count } else { failed };
    }
    Some(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
============================= test session starts ==============================
collected 3 items

tests/test_a.py::test_one PASSED                                         [ 33%]
tests/test_a.py::test_two FAILED                                         [ 66%]
tests/test_a.py::test_has[x y - z] ERROR                                 [100%]

=================================== FAILURES ===================================
___________________________________ test_two ___________________________________

    def test_two():
>       assert add(1, 2) == 4
E       assert 3 == 4
E        +  where 3 = add(1, 2)

tests/test_a.py:6: AssertionError
------------------------------ Captured log call -------------------------------
ERROR    root:test_a.py:5 FAILED to add
=========================== short test summary info ============================
FAILED tests/test_a.py::test_two - assert 3 == 4
ERROR tests/test_b.py - ImportError: no module
==================== 2 failed, 1 passed, 1 error in 0.12s =====================
";

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_log_is_read() {
        let expected = Failures {
            failed: texts(&["tests/test_a.py::test_two"]),
            errors: texts(&["tests/test_a.py::test_has[x y - z]", "tests/test_b.py"]),
            assertions: texts(&["assert 3 == 4", "+  where 3 = add(1, 2)"]),
            failure_count: 2,
            truncated: false,
        };
        assert_eq!(parse(LOG), expected);
        assert_eq!(parse(&LOG.replace('\n', "\r\n")), expected);
        assert_eq!(parse(&LOG.replace("FAILED", "\u{1b}[31mFAILED\u{1b}[0m")), expected);
    }

    #[track_caller]
    fn check(log: &str, failed: &[&str], errors: &[&str], count: usize) {
        let found = parse(log);
        assert_eq!((found.failed, found.errors, found.failure_count), (texts(failed), texts(errors), count), "{log}");
    }

    #[test]
    fn what_only_looks_like_it_is_left_out() {
        check("", &[], &[], 0);
        check("FAILED to connect\nERROR: no\nERROR    a:b.py:1 c\nx FAILED y\n", &[], &[], 0);
        check("FAILED a.py::b\nFAILED a.py::b - why\n", &["a.py::b"], &[], 1);
        check("______ ERROR collecting tests/a.py ______\nE   ImportError\n", &[], &["tests/a.py"], 0);
        check("1 failed in 0.01s\n", &[], &[], 1);
        check("FAILED a.py::b\n= 3 passed in 1 day =\n", &["a.py::b"], &[], 1);
        check("FAILED a.py::b\n7 boxes in 2s\n", &["a.py::b"], &[], 1);
        check("FAILED a.py::b\n7 things in 2 boxes\n99999999999999999999999 failed in 1s\n", &["a.py::b"], &[], 1);
        check("FAILED a.py::b\n= 2 failed in 61.02s (0:01:01) =\n", &["a.py::b"], &[], 2);
    }

    #[test]
    fn a_hostile_log_is_cut_and_says_so() {
        let many: String = (0..ENTRIES_MAX + 1).map(|index| format!("FAILED a.py::t{index}\n")).collect();
        let found = parse(&many);
        assert!(found.truncated && found.failed.len() == ENTRIES_MAX && found.failure_count == ENTRIES_MAX + 1);
        assert!(parse(&format!("E {}", "é".repeat(9_999))).truncated);
        assert!(!parse(&"\u{1b}[".repeat(100_000)).truncated);
    }
}
