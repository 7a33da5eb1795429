//! The rules of the house, as tests over the text of the sources: floors, doors, sizes, promises, versions.

#![expect(clippy::disallowed_methods, reason = "these tests read the checkout")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this crate is a test")]

mod contract;
mod doors;
mod floors;
mod paths;
mod promises;
mod sizes;
mod source;
mod versions;

/// Fails with all that is wrong at once, and with what to do about it.
#[track_caller]
fn demand(problems: &[String], advice: &str) {
    assert!(problems.is_empty(), "\n{}\n\n{advice}\n", problems.join("\n"));
}
