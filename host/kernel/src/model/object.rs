//! Object memory beyond names and payloads: links, what is kept in rows beside what guests see, and what a change of a namespace is.

use super::id::Seq;
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
