//! Real programs under confinement: what they reach, what they do not, and how they end.

#![expect(clippy::disallowed_methods, reason = "these tests are the outside")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this crate is a test")]

mod bounds;
mod description;
mod ends;
mod reach;
mod real;
mod rows;
mod stage;
