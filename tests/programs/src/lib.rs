//! What the guest programs share: outcomes of system calls as JSON that a test of the host can compare.

use libos::Error;
use libos::schemars::{self, JsonSchema};
use libos::serde::Serialize;
use libos::serde_json::{Value, json};

/// How one system call ended: `{"ok": ...}`, `{"denied": {"right", "resource"}}` or `{"error": "..."}`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(crate = "libos::serde", rename_all = "snake_case")]
#[schemars(crate = "schemars")]
pub enum Outcome {
    /// What it answered.
    Ok(Value),
    /// What it would have needed.
    Denied {
        /// The right.
        right: String,
        /// On what.
        resource: String,
    },
    /// Any other error, as text.
    Error(String),
}

/// The outcome of a system call whose answer has a JSON form.
pub fn outcome(result: Result<impl Serialize, Error>) -> Outcome {
    match result {
        Ok(value) => Outcome::Ok(json!(value)),
        Err(Error::Denied(denial)) => Outcome::Denied { right: denial.right, resource: denial.resource },
        Err(error) => Outcome::Error(error.to_string()),
    }
}

/// As [`outcome`], for an answer that only shows what it is when debugging.
pub fn debug_outcome(result: Result<impl std::fmt::Debug, Error>) -> Outcome {
    outcome(result.map(|value| format!("{value:?}")))
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
