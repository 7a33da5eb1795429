//! How a system call can fail.

use crate::Denial;
use crate::bindings::libos::runtime::types;
use std::fmt;

/// How a system call can fail. The tool goes on after each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Refused by the rules or by a person. Says nothing about whether the resource exists.
    Denied(Denial),
    /// There is nothing of that name.
    NotFound(String),
    /// Something of that name is there already.
    AlreadyExists(String),
    /// It is there but of another kind: a directory where a file is needed, an immutable object.
    WrongKind(String),
    /// A directory that was to be removed has entries.
    NotEmpty(String),
    /// The object's version is not the expected one; this is its present version.
    Conflict(u64),
    /// A limit is exceeded; the text names the limit and its value.
    TooLarge(String),
    /// An argument makes no sense, or content is not of the form that was asked for; the text says which and why.
    Invalid(String),
    /// Nobody knows whether the effect happened. The text is the effect's id; it is never tried again by itself.
    OutcomeUnknown(String),
    /// The outside failed: disk full, device error. The text says what the system said.
    Io(String),
    /// The host failed. What happened is in its log.
    Internal,
    /// Somebody ended the wait; the text says who and why.
    Interrupted(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denial) => write!(f, "{denial}"),
            Self::NotFound(text) => write!(f, "not found: {text}"),
            Self::AlreadyExists(text) => write!(f, "already exists: {text}"),
            Self::WrongKind(text) => write!(f, "wrong kind: {text}"),
            Self::NotEmpty(text) => write!(f, "not empty: {text}"),
            Self::Conflict(version) => write!(f, "conflict: the present version is {version}"),
            Self::TooLarge(text) => write!(f, "too large: {text}"),
            Self::Invalid(text) => write!(f, "invalid: {text}"),
            Self::OutcomeUnknown(effect) => {
                write!(f, "nobody knows whether effect {effect} happened")
            }
            Self::Io(text) => write!(f, "input or output failed: {text}"),
            Self::Internal => write!(f, "the host failed"),
            Self::Interrupted(text) => write!(f, "interrupted: {text}"),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "denied: {} on {}: {}", self.right, self.resource, self.reason)
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Self {
        match error {
            types::Error::Denied(denial) => Self::Denied(denial),
            types::Error::NotFound(text) => Self::NotFound(text),
            types::Error::AlreadyExists(text) => Self::AlreadyExists(text),
            types::Error::WrongKind(text) => Self::WrongKind(text),
            types::Error::NotEmpty(text) => Self::NotEmpty(text),
            types::Error::Conflict(version) => Self::Conflict(version),
            types::Error::TooLarge(text) => Self::TooLarge(text),
            types::Error::Invalid(text) => Self::Invalid(text),
            types::Error::OutcomeUnknown(effect) => Self::OutcomeUnknown(effect),
            types::Error::Io(text) => Self::Io(text),
            types::Error::Internal => Self::Internal,
            types::Error::Interrupted(text) => Self::Interrupted(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_says_what_was_needed_and_why() {
        let error = Error::Denied(Denial {
            right: "write".into(),
            resource: "fs:workspace/a".into(),
            reason: "no grant".into(),
        });
        assert_eq!(error.to_string(), "denied: write on fs:workspace/a: no grant");
    }
}
