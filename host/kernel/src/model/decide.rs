//! The decision: built-in ceiling and denies first, then asks, then allows, then the process's default. Pure: what it looks at it is
//! given.

use super::grant::Effect;
use super::id::GrantId;
use super::resource::{Kind, Resource};
use super::right::Right;
use minicbor::{CborLen, Decode, Encode};

/// What a process does without any grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Default {
    /// It is refused.
    #[n(0)]
    #[default]
    Deny,
    /// A person is asked.
    #[n(1)]
    Ask,
    /// A person is asked about programs; all else is refused.
    #[n(2)]
    AskPrograms,
}

impl Default {
    /// What it means for a kind of things: to ask, or to refuse.
    #[must_use]
    pub fn about(self, kind: Kind) -> Default {
        match self {
            Default::AskPrograms if kind == Kind::Shell => Default::Ask,
            Default::AskPrograms => Default::Deny,
            plain => plain,
        }
    }

    /// Whichever of both asks about more.
    #[must_use]
    pub fn wider(self, other: Default) -> Default {
        match (self, other) {
            (Default::Ask, _) | (_, Default::Ask) => Default::Ask,
            (Default::AskPrograms, _) | (_, Default::AskPrograms) => Default::AskPrograms,
            _ => Default::Deny,
        }
    }
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The runtime itself never allows it.
    Ceiling(&'static str),
    /// This grant denies it.
    Rule(GrantId),
    /// For a whole directory: this grant denies or asks for something in it.
    Inside(GrantId),
    /// For a whole directory: only parts of it are allowed.
    Parts,
    /// The tool, or one that it was called from, does not declare that it needs it.
    Undeclared,
    /// Nothing allows it.
    NoGrant,
}

impl Why {
    /// For the guest and its people. Does not say which rule it was: that is for the host's people, in the record.
    pub fn reason(&self) -> &'static str {
        match self {
            Why::Ceiling(reason) => reason,
            Why::Rule(_) => "a rule denies it",
            Why::Inside(_) => "a rule denies or asks for something inside this directory",
            Why::Parts => "the whole directory must be allowed, not parts of it",
            Why::Undeclared => "the tool does not declare that it needs it",
            Why::NoGrant => "no grant allows it",
        }
    }
}

/// What is decided for one right on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This grant allows it.
    Allow(GrantId),
    /// A person decides: because of this ask, or of the process's default.
    Ask(Option<GrantId>),
    Deny(Why),
}

/// A live grant that covers the resource, as the decision sees it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    pub id: GrantId,
    pub effect: Effect,
    /// Uses are limited somewhere on its chain.
    pub finite: bool,
    /// The ask that it answers.
    pub answers: Option<GrantId>,
}

/// Collects candidates in any order and says what follows from them.
///
/// An ask is satisfied only by an allow that names it, or by a person's answer to this very call, which the caller knows. An
/// allow with unlimited uses is preferred, so that a finite one is not used up without need; among equals the oldest.
#[derive(Debug, Clone, Copy, std::default::Default)]
pub struct Decision {
    deny: Option<GrantId>,
    ask: Option<GrantId>,
    allow: Option<(bool, GrantId)>,
    several_asks: bool,
}

impl Decision {
    /// Takes a candidate into account.
    pub fn add(&mut self, candidate: Candidate) {
        match candidate.effect {
            Effect::Deny => self.deny = Some(self.deny.map_or(candidate.id, |id| id.min(candidate.id))),
            Effect::Ask => {
                self.several_asks |= self.ask.is_some();
                self.ask = Some(self.ask.map_or(candidate.id, |id| id.min(candidate.id)));
            }
            Effect::Allow => {
                let rank = (candidate.finite, candidate.id);
                self.allow = Some(self.allow.map_or(rank, |best| best.min(rank)));
            }
        }
    }

    /// The grant that asks, if the verdict hangs on an ask: then the caller looks for an allow that names each ask.
    pub fn open_ask(&self) -> Option<GrantId> {
        if self.deny.is_some() { None } else { self.ask }
    }

    /// Whether more than one ask covers the resource.
    pub fn has_several_asks(&self) -> bool {
        self.several_asks
    }

    /// The verdict. `answered` is the allow that names the asks, or a person's answer to this very call.
    pub fn verdict(&self, answered: Answered, default: Default) -> Verdict {
        if let Some(id) = self.deny {
            return Verdict::Deny(Why::Rule(id));
        }
        match (self.ask, answered) {
            (Some(_), Answered::ByGrant(id)) => return Verdict::Allow(id),
            (Some(id), Answered::ByPerson) => return Verdict::Allow(id),
            (Some(id), Answered::No) => return Verdict::Ask(Some(id)),
            (None, _) => {}
        }
        match (self.allow, default) {
            (Some((_, id)), _) => Verdict::Allow(id),
            (None, Default::Ask) if answered == Answered::ByPerson => Verdict::Allow(GrantId(0)),
            (None, Default::Ask) => Verdict::Ask(None),
            (None, Default::Deny | Default::AskPrograms) => Verdict::Deny(Why::NoGrant),
        }
    }
}

/// What satisfies an ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    No,
    ByPerson,
    ByGrant(GrantId),
}

/// What no grant can give: names that hold the runtime itself.
#[derive(Debug, Clone, std::default::Default)]
pub struct Ceiling {
    /// Files and directories that no process touches, with all below them: the policy, the data directory, the keys.
    pub protected: Vec<Resource>,
}

/// Names that the runtime uses for files in the making.
pub const OWN_FILE_PREFIX: &str = ".libos-";

impl Ceiling {
    /// Why the ceiling refuses it, if it does. `whole` is for what touches everything below the resource.
    pub fn refuses(&self, resource: &Resource, _right: Right, whole: bool) -> Option<&'static str> {
        if resource.kind() != super::resource::Kind::Fs {
            return None;
        }
        if resource.segments().any(|segment| segment.starts_with(OWN_FILE_PREFIX)) {
            return Some("the name is reserved for the runtime's own files");
        }
        for protected in &self.protected {
            if resource.is_within(protected) || (whole && protected.is_within(resource)) {
                return Some("no tool may touch the runtime's own policy, data or keys");
            }
        }
        None
    }
}
