//! Rights: few words, the same everywhere; none implies another.

use minicbor::{CborLen, Decode, Encode};
use std::fmt;

/// What may be done to a resource. Which rights a kind of resource knows says [`super::resource::Kind::rights`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, CborLen)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Right {
    #[n(0)]
    Read,
    #[n(1)]
    List,
    #[n(2)]
    Write,
    #[n(3)]
    Delete,
    #[n(4)]
    Link,
    #[n(5)]
    Ask,
    #[n(6)]
    Tell,
    #[n(7)]
    Spawn,
    #[n(8)]
    Signal,
    #[n(9)]
    Wait,
    #[n(10)]
    Message,
    #[n(11)]
    Execute,
    #[n(12)]
    Use,
    #[n(13)]
    Register,
    #[n(14)]
    Call,
    #[n(15)]
    Create,
    #[n(16)]
    Sleep,
}

impl Right {
    /// All of them, in the order of their numbers.
    pub const ALL: [Right; 17] = [
        Right::Read,
        Right::List,
        Right::Write,
        Right::Delete,
        Right::Link,
        Right::Ask,
        Right::Tell,
        Right::Spawn,
        Right::Signal,
        Right::Wait,
        Right::Message,
        Right::Execute,
        Right::Use,
        Right::Register,
        Right::Call,
        Right::Create,
        Right::Sleep,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::List => "list",
            Right::Write => "write",
            Right::Delete => "delete",
            Right::Link => "link",
            Right::Ask => "ask",
            Right::Tell => "tell",
            Right::Spawn => "spawn",
            Right::Signal => "signal",
            Right::Wait => "wait",
            Right::Message => "message",
            Right::Execute => "execute",
            Right::Use => "use",
            Right::Register => "register",
            Right::Call => "call",
            Right::Create => "create",
            Right::Sleep => "sleep",
        }
    }

    /// The right that a word names.
    pub fn parse(word: &str) -> Option<Right> {
        Right::ALL.into_iter().find(|right| right.word() == word)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl serde::Serialize for Right {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> serde::Deserialize<'de> for Right {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Right::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("'{text}' is no right")))
    }
}

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode, CborLen)]
#[cbor(transparent)]
pub struct Rights(#[n(0)] u32);

impl Rights {
    /// No right.
    pub const NONE: Rights = Rights(0);

    /// The set of these.
    pub const fn of(rights: &[Right]) -> Rights {
        let mut bits = 0;
        let mut index = 0;
        while index < rights.len() {
            bits |= 1 << rights[index] as u32;
            index += 1;
        }
        Rights(bits)
    }

    /// Whether the set has it.
    pub fn contains(self, right: Right) -> bool {
        self.0 & (1 << right as u32) != 0
    }

    /// Whether the set has all of the other's.
    pub fn contains_all(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set and this one.
    pub fn with(self, right: Right) -> Rights {
        Rights(self.0 | 1 << right as u32)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights in the set, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.contains(*right))
    }

    /// Reads `read,list`.
    ///
    /// # Errors
    /// The word that is no right.
    pub fn parse(text: &str) -> Result<Rights, String> {
        let mut set = Vec::new();
        for word in text.split(',') {
            set.push(Right::parse(word.trim()).ok_or_else(|| word.trim().to_owned())?);
        }
        Ok(Rights::of(&set))
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, right) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(right.word())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Rights {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_printed_and_read_by_its_word() {
        for (index, right) in Right::ALL.into_iter().enumerate() {
            assert_eq!(right as usize, index);
            assert_eq!(Right::parse(right.word()), Some(right));
        }
        assert_eq!(Rights::parse("read, list").map(|set| set.to_string()), Ok("read,list".into()));
        assert_eq!(Rights::parse("read,fly"), Err("fly".into()));
    }
}
