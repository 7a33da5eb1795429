//! Identifiers: numbers that only grow, printed with a letter so that nobody takes one for another.

use minicbor::{CborLen, Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// A text that is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {what}; it looks like {example}")]
pub struct NotAnId {
    text: String,
    what: &'static str,
    example: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $what:literal, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, CborLen)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] pub u64);

        impl $name {
            /// Whether it stands for none: numbers begin with 1.
            pub fn is_nobody(&self) -> bool {
                self.0 == 0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// The letter may be left out.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let digits = text.strip_prefix($letter).unwrap_or(text);
                match digits.parse() {
                    Ok(number) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self(number)),
                    _ => Err(NotAnId { text: text.to_owned(), what: $what, example: $example }),
                }
            }
        }
    };
}

identifier!(
    /// A process.
    Pid, "p", "a process", "p7"
);
identifier!(
    /// One run of one tool for one process.
    CallId, "c", "a call", "c12"
);
identifier!(
    /// Something put to a person.
    QuestionId, "q", "a question", "q3"
);
identifier!(
    /// A line of authority.
    GrantId, "g", "a grant", "g5"
);
identifier!(
    /// A change outside the host.
    EffectId, "e", "an effect", "e9"
);

identifier!(
    /// Something that one process sends to another.
    MessageId, "m", "a message", "m4"
);
identifier!(
    /// A moment of a process and those below it, to go back to or to begin again from.
    CheckpointId, "k", "a checkpoint", "k2"
);
identifier!(
    /// A tool that a process proposed.
    CandidateId, "t", "a candidate", "t7"
);

/// Place of a record in the log, from 0, without gaps.
pub type Seq = u64;

/// Place of a system call within its call, from 0.
pub type Position = u32;

/// SHA-256.
pub type Digest = [u8; 32];

/// What tells whoever carries an effect out that two tries are of one effect: the same for all tries, another for any other effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, CborLen)]
#[cbor(transparent)]
pub struct EffectKey(#[cbor(n(0), with = "minicbor::bytes")] pub Digest);

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for EffectKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_printed_with_their_letter_and_read_with_or_without() {
        assert_eq!(Pid(7).to_string(), "p7");
        for (text, want) in [
            ("p7", Some(7)),
            ("7", Some(7)),
            ("c7", None),
            ("", None),
            ("p", None),
            ("+7", None),
            ("p-7", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(text.parse::<Pid>().ok(), want.map(Pid), "{text}");
        }
    }
}
