//! End-to-end tests: real components, a real store, real files.

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the host sees")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod artefacts;
mod bridges;
mod cancel;
mod coding;
mod components;
mod declarations;
mod dropping;
mod embedding;
mod golden;
mod images;
mod imports;
mod limits;
mod messages;
mod models;
mod models_killed;
mod models_long;
mod models_misbehaving;
mod models_secrets;
mod nested;
mod own_tools;
mod parity;
mod processes;
mod replay;
mod scripts;
mod stage;
mod syscall_names;
mod tickets;
mod typescript;
mod walking;
