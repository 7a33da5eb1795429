//! How a run of a program ended, and in what two runs differ.

use crate::program::{Program, Tree};
use serde_json::Value;

/// How a run of a program ended.
#[derive(Debug)]
pub struct Outcome {
    pub end: End,
    /// What it logged with `console.log`, `info` and `debug`.
    pub log: String,
    pub files: Tree,
}

#[derive(Debug, PartialEq)]
pub enum End {
    Returned(Value),
    /// The name is empty for what is no error.
    Threw { name: String, message: String },
}

/// In what the second run differs from the first; none if in nothing that counts.
pub fn difference(program: &Program, deno: &Outcome, bridge: &Outcome) -> Option<String> {
    let same_end = match (&deno.end, &bridge.end) {
        (End::Returned(left), End::Returned(right)) => left == right,
        (End::Threw { name: left, message }, End::Threw { name: right, message: there }) => {
            left == right && (!program.exact || message == there)
        }
        _ => false,
    };
    let mut found = Vec::new();
    if !same_end {
        found.push(format!("deno:   {}\n    bridge: {}", deno.end.shown(), bridge.end.shown()));
    }
    if program.compares_log && deno.log != bridge.log {
        found.push(format!("deno logs:   {:?}\n    bridge logs: {:?}", deno.log, bridge.log));
    }
    if deno.files != bridge.files {
        found.push(format!("deno leaves:   {:?}\n    bridge leaves: {:?}", deno.files, bridge.files));
    }
    (!found.is_empty()).then(|| found.join("\n    "))
}

impl End {
    pub fn shown(&self) -> String {
        match self {
            End::Returned(value) => value.to_string(),
            End::Threw { name, message } => format!("throws {name}: {message}"),
        }
    }
}
