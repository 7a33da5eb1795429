//! The typed memory of processes: named, versioned objects that hold JSON or bytes.
//!
//! A name without `/` is in the process's own namespace, `process/<pid>`; a name with `/` is `<namespace>/<name>` in full. The
//! rights named below are decided on `object:<namespace>/<name>`.

use crate::Error;
use crate::bindings::libos::runtime::object as raw;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use raw::{Conflict, Filter, Found, Info, LinkEnd, Merged, Options, Payload, Resolution};

impl Options {
    /// A mutable object of this type (at most 64 bytes, for example `observation`), without title, tags and sources.
    #[must_use]
    pub fn new(type_: impl Into<String>) -> Self {
        Self { type_: type_.into(), immutable: false, title: String::new(), tags: Vec::new(), sources: Vec::new() }
    }
}

impl Payload {
    /// `value` as JSON; [`Error::Invalid`] if it has no JSON form.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        serde_json::to_string(value).map(Self::Json).map_err(|error| Error::Invalid(error.to_string()))
    }

    /// The value that JSON stands for; [`Error::WrongKind`] if the payload is bytes, [`Error::Invalid`] if it is of another form.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self {
            Self::Json(text) => serde_json::from_str(text).map_err(|error| Error::Invalid(error.to_string())),
            Self::Bytes(_) => Err(Error::WrongKind("the payload is bytes, not JSON".into())),
        }
    }
}

impl Default for Filter {
    /// Everything in the process's own namespace.
    fn default() -> Self {
        Self {
            namespace: None,
            type_: None,
            tags: Vec::new(),
            text: None,
            linked_to: None,
            linked_from: None,
            relation: None,
            after: None,
            limit: None,
        }
    }
}

/// Makes a new object with a payload of at most 16 MiB. [`Error::AlreadyExists`] if the name is taken, [`Error::NotFound`] if the
/// namespace is not there. Needs `write`.
pub fn create(name: &str, payload: &Payload, options: &Options) -> Result<Info, Error> {
    Ok(raw::create(name, payload, options)?)
}

/// The object and its payload. Needs `read`.
pub fn read(name: &str) -> Result<(Info, Payload), Error> {
    Ok(raw::read(name)?)
}

/// Replaces the payload. With `expected_version`, [`Error::Conflict`] if the object has moved on; an immutable object is
/// [`Error::WrongKind`]. Needs `write`.
pub fn update(name: &str, payload: &Payload, expected_version: Option<u64>) -> Result<Info, Error> {
    Ok(raw::update(name, payload, expected_version)?)
}

/// Removes the object, with the same check of the version as [`update`]. Needs `delete`.
pub fn delete(name: &str, expected_version: Option<u64>) -> Result<(), Error> {
    Ok(raw::delete(name, expected_version)?)
}

/// The objects directly in a namespace (`None`: the process's own), sorted by name, at most 10,000. Needs `list` on it; objects
/// that a rule denies listing are left out.
pub fn list(namespace: Option<&str>) -> Result<Vec<Info>, Error> {
    Ok(raw::list(namespace)?)
}

/// The namespaces directly below one (`None`: the process's own), in full, sorted, at most 10,000. Needs `list` on it.
pub fn namespaces(namespace: Option<&str>) -> Result<Vec<String>, Error> {
    Ok(raw::namespaces(namespace)?)
}

/// Gives an object another name, in its namespace or in another one; its links go along. Errors as for [`update`] and [`create`].
/// Needs `read` and `delete` on the old name and `write` on the new one.
pub fn rename(old: &str, new: &str, expected_version: Option<u64>) -> Result<Info, Error> {
    Ok(raw::rename(old, new, expected_version)?)
}

/// Links an object to another one; nothing happens if it is linked so already. A relation is a word of at most 64 bytes, for example
/// `derived-from`. Needs `link` on `from` and `read` on `to`.
pub fn link(from: &str, relation: &str, to: &str) -> Result<(), Error> {
    Ok(raw::link(from, relation, to)?)
}

/// Takes a link away; [`Error::NotFound`] if there is none. Needs `link` on `from`.
pub fn unlink(from: &str, relation: &str, to: &str) -> Result<(), Error> {
    Ok(raw::unlink(from, relation, to)?)
}

/// The links of an object in both directions, without those whose other end may not be read as it is. Needs `read`.
pub fn links(name: &str) -> Result<Vec<LinkEnd>, Error> {
    Ok(raw::links(name)?)
}

/// Looks for objects that may be read as they are: without a question, and without taking a use of a grant. A query stops at its limit
/// (at most 1,000), at 10,000 objects that it has looked at, and when it has looked through 8 MiB of payloads; then [`Found::next`]
/// is the name to go on after. Needs `list` on the namespace and `read` on the objects that the filter names.
pub fn query(filter: &Filter) -> Result<Found, Error> {
    Ok(raw::query(filter)?)
}

/// Brings what a forked child has made, changed and deleted into the process's own namespace; what both have changed since the fork
/// becomes what `conflicts` says. [`Error::NotFound`] if there is no such child or nothing of it is left. Needs `wait` on
/// `process:pid/<child>`, and `write` and `delete` on all of the process's own namespace.
pub fn merge(child: &str, conflicts: Resolution) -> Result<Merged, Error> {
    Ok(raw::merge(child, conflicts)?)
}

/// Makes a namespace; its parent must exist unless it has one segment. Needs `write` on it.
pub fn create_namespace(namespace: &str) -> Result<(), Error> {
    Ok(raw::create_namespace(namespace)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_keeps_its_value() {
        let payload = Payload::json(&vec![1, 2]).unwrap();
        assert_eq!(payload.parse::<Vec<u8>>().unwrap(), [1, 2]);
        assert!(matches!(payload.parse::<String>(), Err(Error::Invalid(_))));
        assert!(matches!(Payload::Bytes(vec![1]).parse::<u8>(), Err(Error::WrongKind(_))));
    }
}
