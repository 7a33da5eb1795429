//! Object memory beyond names and payloads: links, what is kept in rows beside what guests see, and what a change of a namespace is.

use super::id::{Pid, Seq};
use minicbor::{CborLen, Decode, Encode};

/// Where a link leads, as its object has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, CborLen, serde::Serialize)]
pub struct Link {
    /// For example `derived-from`, `supports`; an open set.
    #[n(0)]
    pub relation: String,
    /// Full name of the other object.
    #[n(1)]
    pub to: String,
}

/// What the row of an object has beside what a guest is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct Unseen {
    /// Where its links lead, sorted. Part of the version, so what goes back to an earlier one has its links.
    #[cbor(n(0), default)]
    pub links: Vec<Link>,
    /// There is nothing here: the process deleted what it saw through its view. So the row hides it.
    #[cbor(n(1), default)]
    pub gone: bool,
    /// In a child's namespace: the version (by [`super::call::ObjectInfo::changed`]) of its parent's object that was made from this one
    /// when it was merged.
    #[n(2)]
    pub merged: Option<Seq>,
    /// The version (by [`super::call::ObjectInfo::changed`]) that this one is equal to, because it was brought back to it.
    #[n(3)]
    pub same_as: Option<Seq>,
    /// It was made at a name that a rule refused to its process, so it is no change of what the view shows there.
    #[cbor(n(4), default)]
    pub unaware: bool,
    /// Whose purse was charged for it; that of nobody if none had a bound, or if it is a copy of what somebody else has.
    #[n(5)]
    pub paid_by: Option<Pid>,
}

/// How an object of a namespace differs between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was not there before.
    Made,
    /// It is another version.
    Changed,
    /// It is not there any more.
    Deleted,
}

/// An object that differs between two moments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Difference {
    /// Its full name.
    #[serde(rename = "id")]
    pub name: String,
    pub change: Change,
}

/// What a query looks for: all that is said must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// The process's own, if none.
    #[n(0)]
    pub namespace: Option<String>,
    #[n(1)]
    pub object_type: Option<String>,
    /// It has each of these.
    #[cbor(n(2), default)]
    pub tags: Vec<String>,
    /// Its name, title or payload has this text.
    #[n(3)]
    pub text: Option<String>,
    /// It links to this object.
    #[n(4)]
    pub linked_to: Option<String>,
    /// This object links to it.
    #[n(5)]
    pub linked_from: Option<String>,
    /// The relation of these links.
    #[n(6)]
    pub relation: Option<String>,
    /// Names up to this one are left out.
    #[n(7)]
    pub after: Option<String>,
    /// Most objects of the answer.
    #[n(8)]
    pub limit: Option<u32>,
}

/// One end of a link, as seen from the other one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEnd {
    #[n(0)]
    pub relation: String,
    /// Full name of the object at the other end.
    #[n(1)]
    pub name: String,
    /// The link leads there; else it comes from there.
    #[n(2)]
    pub outgoing: bool,
}

/// What becomes of an object that both a child and its parent have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// It stays with the child and is listed.
    #[n(0)]
    #[default]
    Report,
    /// The parent's stays.
    #[n(1)]
    Ours,
    /// The child's takes its place.
    #[n(2)]
    Theirs,
    /// The child's is put beside it, as `<name>.<pid>`.
    #[n(3)]
    Beside,
}

/// An object that was not merged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Full name in the parent's namespace.
    #[n(0)]
    pub name: String,
    /// For a person or a model.
    #[n(1)]
    pub why: String,
}

/// What a merge did. Names are full and in the parent's namespace, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Merged {
    /// Made or changed.
    #[n(0)]
    pub merged: Vec<String>,
    #[n(1)]
    pub deleted: Vec<String>,
    #[n(2)]
    pub conflicts: Vec<Conflict>,
}

impl Merged {
    /// Bytes of it, roughly.
    pub fn size(&self) -> usize {
        let names = self.merged.iter().chain(&self.deleted).map(|name| 16 + name.len());
        names.chain(self.conflicts.iter().map(|conflict| 32 + conflict.name.len() + conflict.why.len())).sum()
    }
}

/// An object's content: checked JSON text, or bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    #[n(0)]
    Json(#[n(0)] String),
    #[n(1)]
    Bytes(
        #[cbor(n(0), with = "minicbor::bytes")]
        #[serde(with = "super::text::bytes")]
        Vec<u8>,
    ),
}

impl Payload {
    /// Its size in bytes.
    pub fn len(&self) -> usize {
        match self {
            Payload::Json(text) => text.len(),
            Payload::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes, of whichever kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Payload::Json(text) => text.as_bytes(),
            Payload::Bytes(bytes) => bytes,
        }
    }

    /// An empty one of the same kind.
    pub(super) fn emptied(&self) -> Payload {
        match self {
            Payload::Json(_) => Payload::Json(String::new()),
            Payload::Bytes(_) => Payload::Bytes(Vec::new()),
        }
    }
}

/// What a new object gets beside name and payload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct ObjectOptions {
    #[n(0)]
    pub object_type: String,
    #[n(1)]
    pub immutable: bool,
    #[n(2)]
    pub title: String,
    #[n(3)]
    pub tags: Vec<String>,
    /// Names of the objects that it is made from, as its maker says.
    #[cbor(n(4), default, skip_if = "Vec::is_empty")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}
