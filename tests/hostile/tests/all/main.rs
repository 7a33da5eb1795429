//! Components that attack their host. Each ends in a typed failure; the host lives, serves others, and gets its memory back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod damaged;
mod generated;
mod house;
mod leftovers;
mod made;
mod scripts;
mod written;
