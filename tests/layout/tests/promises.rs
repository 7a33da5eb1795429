//! What the documents promise is bound to tests that exist.

use crate::demand;
use crate::source::{self, Source, words};
use std::collections::BTreeSet;
use std::fs;

const DOCUMENTS: [&str; 2] = ["ARCHITECTURE.md", "SPECIFICATION.md"];
/// What stands before the name of a test.
const MARK: &str = "test: ";

#[test]
fn every_test_that_a_document_names_exists() {
    let tests: BTreeSet<String> = source::rust().iter().flat_map(test_names).collect();
    assert!(tests.contains("every_test_that_a_document_names_exists"), "the search for tests finds none");
    let mut problems = Vec::new();
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(source::root().join(document)) else { continue };
        for (index, line) in text.lines().enumerate() {
            for name in promised(line).filter(|name| !tests.contains(name)) {
                problems.push(format!("{document}:{}: there is no test {name}", index + 1));
            }
        }
    }
    demand(&problems, "Write the test, name the one that keeps the promise, or take the promise back.");
}

/// The tests that a line names; of a path the last part.
fn promised(line: &str) -> impl Iterator<Item = String> {
    let places = line.match_indices(MARK).map(|(at, _)| &line[at + MARK.len()..]);
    let names = places.map(|rest| {
        let rest = rest.trim_start_matches('`');
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':');
        path.rsplit("::").next().unwrap_or(path).to_owned()
    });
    names.filter(|name| !name.is_empty())
}

/// The functions of a file that carry an attribute that makes them tests.
fn test_names(source: &Source) -> Vec<String> {
    let code = &source.code;
    let mut names = Vec::new();
    for at in words(code, "fn") {
        let start = code[..at].rfind(['{', '}', ';']).map_or(0, |found| found + 1);
        let attributes: String = code[start..at].split_whitespace().collect();
        if attributes.contains("test]") || attributes.contains("test(") {
            names.push(code[at + 2..].split(['(', '<']).next().unwrap_or_default().trim().to_owned());
        }
    }
    names
}

#[test]
fn promises_and_tests_are_recognised() {
    let line = "kept (test: `a::b::c_d`), and `test: e`; the test: ";
    assert_eq!(promised(line).collect::<Vec<_>>(), ["c_d", "e"]);
    let text = "fn no() {}\n#[test]\nfn one() {}\n#[tokio::test(flavor = \"x\")]\nasync fn two() {}\n#[cfg(test)] mod m { fn no() {} }";
    assert_eq!(test_names(&Source::new("a.rs", text)), ["one", "two"]);
}
