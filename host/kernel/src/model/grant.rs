//! A line of authority: who may do what to which things, how often and until when.

use super::id::{Digest, GrantId, Pid, QuestionId};
use super::resource::Pattern;
use super::right::Rights;
use super::time::Time;
use minicbor::{CborLen, Decode, Encode};
use std::fmt;

/// Who holds a grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, CborLen)]
pub enum Holder {
    /// A process.
    #[n(0)]
    Process(#[n(0)] Pid),
    /// A template: derived into a grant of each process that a person starts from the image of this name.
    #[n(1)]
    Image(#[n(0)] Box<str>),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Process(pid) => fmt::Display::fmt(pid, f),
            Holder::Image(name) => write!(f, "image:{name}"),
        }
    }
}

impl std::str::FromStr for Holder {
    type Err = super::id::NotAnId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("image:") {
            Some(name) if !name.is_empty() => Ok(Holder::Image(name.into())),
            _ => text.parse().map(Holder::Process),
        }
    }
}

impl serde::Serialize for Holder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a matching grant says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    #[n(0)]
    Allow,
    #[n(1)]
    Ask,
    #[n(2)]
    Deny,
}

impl Effect {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Ask => "ask",
            Effect::Deny => "deny",
        }
    }
}

/// Where a grant comes from.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// A person, by a command.
    #[n(0)]
    Host,
    /// The policy file, this line of it (from 1).
    #[n(1)]
    Policy(#[n(0)] u32),
    /// A person's answer.
    #[n(2)]
    Question(#[n(0)] QuestionId),
    /// The runtime: what every new process has, its own namespace.
    #[n(3)]
    Runtime,
    /// A process, from a grant of its own.
    #[n(4)]
    Process(#[n(0)] Pid),
    /// The image that its process was started from or became: only what denies or asks.
    #[n(5)]
    Image,
}

/// A tool that a grant is bound to: its name and the component it had.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct OnlyTool {
    #[n(0)]
    pub name: Box<str>,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub component: Digest,
}

impl serde::Serialize for OnlyTool {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// A grant. Rows are never removed while anything refers to them; revoking sets a flag.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Grant {
    #[n(0)]
    pub id: GrantId,
    #[n(1)]
    pub holder: Holder,
    #[n(2)]
    #[serde(rename = "resource")]
    pub pattern: Pattern,
    #[n(3)]
    pub rights: Rights,
    #[n(4)]
    pub effect: Effect,
    /// None is without end.
    #[n(5)]
    pub uses_left: Option<u32>,
    #[n(6)]
    pub not_after: Option<Time>,
    #[n(7)]
    pub only_tool: Option<OnlyTool>,
    /// The ask that this allow answers: only then does it satisfy it.
    #[n(8)]
    pub answers: Option<GrantId>,
    #[n(9)]
    pub parent: Option<GrantId>,
    #[n(10)]
    pub issuer: Issuer,
    #[n(11)]
    pub revoked: bool,
    #[n(12)]
    pub created: Time,
    /// Its uses were taken from its parent's count when it was made: it counts for itself, and only what lies above that count too.
    #[n(13)]
    #[cbor(default)]
    #[serde(skip)]
    pub moved: bool,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.holder, self.effect.word(), self.rights, self.pattern)?;
        if let Some(uses) = self.uses_left {
            write!(f, ", {uses} use{} left", if uses == 1 { "" } else { "s" })?;
        }
        if let Some(time) = self.not_after {
            write!(f, ", until {time}")?;
        }
        if let Some(tool) = &self.only_tool {
            write!(f, ", only tool {}", tool.name)?;
        }
        if self.revoked {
            f.write_str(", revoked")?;
        }
        Ok(())
    }
}
