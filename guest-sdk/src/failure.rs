//! Why a call of a tool failed, and what `?` makes one of.

use crate::Error;
use crate::bindings;
use std::fmt;

/// Most bytes of a failure's message; what is longer is cut.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Why a call of a tool failed: a reason for programs and a message for whoever called.
///
/// The message is what a model reads, so it should say what to do differently. At most 16 KiB of it arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(bindings::Failure);

impl Failure {
    /// The arguments make no sense; the message says which and why.
    pub fn invalid_arguments(message: impl fmt::Display) -> Self {
        Self::new(bindings::Reason::InvalidArguments, message)
    }

    /// A system call was denied and the tool could not go on.
    pub fn denied(message: impl fmt::Display) -> Self {
        Self::new(bindings::Reason::Denied, message)
    }

    /// Anything else; also how an error that has no conversion becomes a failure: `.map_err(Failure::failed)?`.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new(bindings::Reason::Failed, message)
    }

    fn new(reason: bindings::Reason, message: impl fmt::Display) -> Self {
        let mut message = message.to_string();
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
        Self(bindings::Failure { reason, message })
    }

    /// What happened, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for bindings::Failure {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(_) => Self::denied(error),
            _ => Self::failed(error),
        }
    }
}

/// Makes a failure of an error by its text. A conversion of all errors at once would exclude `Failure` itself and strings.
macro_rules! from_text {
    ($($type:ty),* $(,)?) => {
        $(impl From<$type> for Failure {
            fn from(error: $type) -> Self {
                Self::failed(error)
            }
        })*
    };
}

from_text! {
    String,
    &str,
    fmt::Error,
    serde_json::Error,
    std::io::Error,
    std::num::ParseFloatError,
    std::num::ParseIntError,
    std::num::TryFromIntError,
    std::str::Utf8Error,
    std::string::FromUtf8Error,
    Box<dyn std::error::Error>,
    Box<dyn std::error::Error + Send + Sync>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Denial;

    #[test]
    fn a_denial_stays_a_denial() {
        let denial = Denial { right: "read".into(), resource: "fs:workspace/a".into(), reason: "no grant".into() };
        assert_eq!(Failure::from(Error::Denied(denial)).0.reason, bindings::Reason::Denied);
        assert_eq!(Failure::from(Error::Internal).0.reason, bindings::Reason::Failed);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let failure = Failure::failed("é".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(failure.message().len(), MESSAGE_BYTES_MAX);
        assert_eq!(
            Failure::failed(format!("a{}", "é".repeat(MESSAGE_BYTES_MAX))).message().len(),
            MESSAGE_BYTES_MAX - 1
        );
    }
}
