//! What authority is about: typed names, parsed once, compared segment by segment, printed as people write them.

use super::command;
use super::limit;
use super::name::check_new_segment;
use super::right::{Right, Rights};
use minicbor::{CborLen, Decode, Encode};
use std::fmt;
use std::sync::Arc;

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, CborLen)]
#[cbor(index_only)]
#[repr(u8)]
pub enum Kind {
    #[n(0)]
    Fs,
    #[n(1)]
    Object,
    #[n(2)]
    Human,
    #[n(3)]
    Process,
    #[n(4)]
    Shell,
    #[n(5)]
    Http,
    #[n(6)]
    Model,
    #[n(7)]
    Image,
    #[n(8)]
    Tool,
    #[n(9)]
    Checkpoint,
    #[n(10)]
    Secret,
    #[n(11)]
    Clock,
    #[n(12)]
    Mcp,
    #[n(13)]
    Env,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Kind; 14] = [
        Kind::Fs,
        Kind::Object,
        Kind::Human,
        Kind::Process,
        Kind::Shell,
        Kind::Http,
        Kind::Model,
        Kind::Image,
        Kind::Tool,
        Kind::Checkpoint,
        Kind::Secret,
        Kind::Clock,
        Kind::Mcp,
        Kind::Env,
    ];

    /// The interface of the contract that reaches it.
    pub fn interface(self) -> &'static str {
        match self {
            // A contract's world and its interfaces share their names, and the world is called `tool`.
            Kind::Tool => "tools",
            other => other.word(),
        }
    }

    /// Whether an interface of the contract reaches it: its own, or another one that is about the same.
    pub fn is_reached_by(self, interface: &str) -> bool {
        self.told_by() == interface
            || self.interface() == interface
            || (self == Kind::Process && interface == "message")
            // What a program reaches, its tool reaches by it.
            || (self == Kind::Fs && interface == "shell")
    }

    /// The interface that has it: its own, or that of processes.
    pub fn told_by(self) -> &'static str {
        match self {
            // A process becomes one of another image, takes checkpoints of itself and sees its environment by its own interface; models
            // no tool asks, but it hands a child the right to.
            Kind::Image | Kind::Checkpoint | Kind::Env | Kind::Model => Kind::Process.interface(),
            other => other.interface(),
        }
    }

    /// The word before the colon.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Fs => "fs",
            Kind::Object => "object",
            Kind::Human => "human",
            Kind::Process => "process",
            Kind::Shell => "shell",
            Kind::Http => "http",
            Kind::Model => "model",
            Kind::Image => "image",
            Kind::Tool => "tool",
            Kind::Checkpoint => "checkpoint",
            Kind::Secret => "secret",
            Kind::Clock => "clock",
            Kind::Mcp => "mcp",
            Kind::Env => "env",
        }
    }

    /// The rights that make sense on this kind.
    pub fn rights(self) -> Rights {
        match self {
            Kind::Fs => Rights::of(&[Right::Read, Right::List, Right::Write, Right::Delete]),
            Kind::Object => Rights::of(&[Right::Read, Right::List, Right::Write, Right::Delete, Right::Link]),
            Kind::Human => Rights::of(&[Right::Ask, Right::Tell]),
            Kind::Process => Rights::of(&[Right::Spawn, Right::Signal, Right::Wait, Right::Message]),
            Kind::Shell => Rights::of(&[Right::Execute]),
            Kind::Http => Rights::of(&[Right::Read, Right::Write]),
            Kind::Model | Kind::Secret => Rights::of(&[Right::Use]),
            Kind::Image => Rights::of(&[Right::Use, Right::Register]),
            Kind::Tool => Rights::of(&[Right::Call, Right::Register]),
            Kind::Checkpoint => Rights::of(&[Right::Create]),
            Kind::Clock => Rights::of(&[Right::Sleep]),
            Kind::Mcp => Rights::of(&[Right::Call]),
            Kind::Env => Rights::of(&[Right::Read]),
        }
    }
}

/// A text that is no resource or pattern; the sentence says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' names no resource: {why}")]
pub struct NotAResource {
    text: String,
    why: String,
}

/// One thing, for example `fs:workspace/src/main.rs`. Its segments are taken literally, also `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, CborLen)]
pub struct Resource {
    #[n(0)]
    kind: Kind,
    // Shared: every decision takes names along, and none may allocate.
    #[cbor(n(1), with = "shared")]
    path: Arc<str>,
}

/// A shared text, written as any other.
mod shared {
    use minicbor::decode::Error as Unreadable;
    use minicbor::encode::{Error as Unwritable, Write};
    use minicbor::{CborLen, Decoder, Encoder};
    use std::sync::Arc;

    pub fn encode<C, W: Write>(
        text: &Arc<str>,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), Unwritable<W::Error>> {
        encoder.str(text)?.ok()
    }

    pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Arc<str>, Unreadable> {
        decoder.str().map(Arc::from)
    }

    pub fn cbor_len<C>(text: &Arc<str>, context: &mut C) -> usize {
        str::cbor_len(text, context)
    }
}

impl Resource {
    /// The resource of a path that is already made of clean segments.
    pub fn new(kind: Kind, path: impl Into<Arc<str>>) -> Resource {
        let path = path.into();
        debug_assert!(!path.is_empty() && path.split('/').all(|segment| !segment.is_empty()));
        Resource { kind, path }
    }

    /// What kind of thing it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The segments, joined by `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The segments.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/')
    }

    /// The first segment and the rest, which may be empty: mount and path, or queue, or profile.
    pub fn split_first(&self) -> (&str, &str) {
        self.path.split_once('/').unwrap_or((&self.path, ""))
    }

    /// Whether it is the other one or lies below it.
    pub fn is_within(&self, other: &Resource) -> bool {
        self.kind == other.kind
            && self.path.strip_prefix(&*other.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::Shell {
            return write!(f, "shell:{}", command::shown(&self.path));
        }
        write!(f, "{}:{}", self.kind.word(), self.path)
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Resource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Many things: exact segments, `*` for any one segment, `**` only at the end for the path before it and all below, and for hosts
/// `*.suffix` on a label boundary. `fs:workspace/**` therefore covers the mount's root too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, CborLen)]
pub struct Pattern {
    #[n(0)]
    kind: Kind,
    #[n(1)]
    path: Box<str>,
}

impl Pattern {
    /// Reads what a person or a program wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, NotAResource> {
        let fail = |why: String| NotAResource { text: text.chars().take(200).collect(), why };
        let Some((word, path)) = text.split_once(':') else {
            return Err(fail("it is written as kind:path, for example fs:workspace/src/**".into()));
        };
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.word() == word) else {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
            return Err(fail(format!("the kind is one of {}", known.join(", "))));
        };
        let command = if kind == Kind::Shell { Some(command::parse(path).map_err(&fail)?) } else { None };
        let path = command.as_deref().unwrap_or(path);
        if path.len() > limit::PATH_BYTES_MAX {
            return Err(fail(format!("it has more than {} bytes", limit::PATH_BYTES_MAX)));
        }
        let count = path.split('/').count();
        if count > limit::PATH_SEGMENTS_MAX {
            return Err(fail(format!("it has more than {} segments", limit::PATH_SEGMENTS_MAX)));
        }
        for (index, segment) in path.split('/').enumerate() {
            check_new_segment(segment).map_err(&fail)?;
            match segment {
                "*" => {}
                "**" if index + 1 == count => {}
                "**" => return Err(fail("** stands only at the end".into())),
                _ if kind == Kind::Http && index == 1 && is_host_suffix(segment) => {}
                _ if segment.contains('*') => {
                    return Err(fail("* stands only for a whole segment".into()));
                }
                _ => {}
            }
        }
        Ok(Pattern { kind, path: path.into() })
    }

    /// The pattern that covers just this resource; none if a segment of it would be read as a wildcard.
    pub fn exact(resource: &Resource) -> Option<Pattern> {
        let literal = resource.segments().all(|segment| !segment.contains('*'));
        literal.then(|| Pattern { kind: resource.kind, path: (&*resource.path).into() })
    }

    /// The pattern that covers this resource and all below it; none as for [`Pattern::exact`].
    pub fn below(resource: &Resource) -> Option<Pattern> {
        Pattern::exact(resource).map(|exact| Pattern { kind: exact.kind, path: format!("{}/**", exact.path).into() })
    }

    /// What kind of things it covers.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The segments.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/')
    }

    /// Whether every segment is a wildcard: such a pattern is never asked for by a tool.
    pub fn is_unbounded(&self) -> bool {
        self.segments().all(|segment| matches!(segment, "*" | "**"))
    }

    /// Whether the resource is covered. The plain definition; [`super::index`] finds the same much faster among many.
    pub fn covers(&self, resource: &Resource) -> bool {
        if self.kind != resource.kind {
            return false;
        }
        let mut have = resource.segments();
        for want in self.segments() {
            match (want, have.next()) {
                ("**", _) => return true,
                (_, None) => return false,
                ("*", Some(_)) => {}
                (want, Some(segment)) if want == segment || covers_host(want, segment) => {}
                _ => return false,
            }
        }
        have.next().is_none()
    }

    /// Whether everything at and below the resource is covered.
    pub fn covers_subtree(&self, resource: &Resource) -> bool {
        if self.kind != resource.kind {
            return false;
        }
        let mut have = resource.segments();
        for want in self.segments() {
            match (want, have.next()) {
                ("**", _) => return true,
                (_, None) => return false,
                ("*", Some(_)) => {}
                (want, Some(segment)) if want == segment || covers_host(want, segment) => {}
                _ => return false,
            }
        }
        false
    }

    /// Whether everything that the other pattern covers is covered.
    pub fn contains(&self, other: &Pattern) -> bool {
        if self.kind != other.kind {
            return false;
        }
        let mut have = other.bounds();
        for want in self.bounds() {
            match (want, have.next()) {
                ("**", _) => return true,
                (_, None | Some("**")) => return false,
                ("*", Some(_)) => {}
                (want, Some(segment)) if want == segment || contains_host(want, segment) => {}
                _ => return false,
            }
        }
        have.next().is_none()
    }

    /// The segments, with one before a `**` that stands alone: every resource has one, so it covers the same.
    fn bounds(&self) -> impl Iterator<Item = &str> {
        (&*self.path == "**").then_some("*").into_iter().chain(self.segments())
    }

    /// Whether some resource could be covered by both. In doubt yes: two patterns of hosts count as meeting.
    pub fn meets(&self, other: &Pattern) -> bool {
        if self.kind != other.kind {
            return false;
        }
        let (mut left, mut right) = (self.segments(), other.segments());
        loop {
            match (left.next(), right.next()) {
                (None, None) | (Some("**"), _) | (_, Some("**")) => return true,
                (None, Some(_)) | (Some(_), None) => return false,
                (Some(left), Some(right)) if left == right || left.starts_with('*') || right.starts_with('*') => {}
                _ => return false,
            }
        }
    }

    /// Whether something at or below the resource is covered.
    pub fn meets_subtree(&self, resource: &Resource) -> bool {
        if self.kind != resource.kind {
            return false;
        }
        let mut have = resource.segments();
        for want in self.segments() {
            match (want, have.next()) {
                ("**", _) | (_, None) => return true,
                ("*", Some(_)) => {}
                (want, Some(segment)) if want == segment || covers_host(want, segment) => {}
                _ => return false,
            }
        }
        have.next().is_none()
    }
}

/// Whether a segment of an http pattern is `*.suffix`.
pub(super) fn is_host_suffix(segment: &str) -> bool {
    segment.strip_prefix("*.").is_some_and(|suffix| !suffix.is_empty() && !suffix.contains('*'))
}

/// Whether `*.suffix` covers a host: at least one label before the suffix.
pub(super) fn covers_host(pattern: &str, host: &str) -> bool {
    pattern.strip_prefix('*').is_some_and(|suffix| {
        suffix.starts_with('.') && host.strip_suffix(suffix).is_some_and(|label| !label.is_empty())
    })
}

/// Whether a segment `*.suffix` covers all hosts that the other segment, a host or `*.suffix` too, stands for.
fn contains_host(pattern: &str, segment: &str) -> bool {
    match segment.strip_prefix('*') {
        Some(narrow) if is_host_suffix(pattern) => is_host_suffix(segment) && narrow.ends_with(&pattern[1..]),
        Some(_) => false,
        None => covers_host(pattern, segment),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::Shell {
            return write!(f, "shell:{}", command::shown(&self.path));
        }
        write!(f, "{}:{}", self.kind.word(), self.path)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        let (word, path) = text.split_once(':').unwrap();
        Resource::new(Kind::ALL.into_iter().find(|kind| kind.word() == word).unwrap(), path)
    }

    #[track_caller]
    fn check(pattern: &str, name: &str, covers: bool, whole: bool, meets: bool) {
        let (pattern, resource) = (Pattern::parse(pattern).unwrap(), resource(name));
        assert_eq!(pattern.covers(&resource), covers, "{pattern} covers {resource}");
        assert_eq!(pattern.covers_subtree(&resource), whole, "{pattern} covers all of {resource}");
        assert_eq!(pattern.meets_subtree(&resource), meets, "{pattern} meets {resource}");
    }

    #[test]
    fn patterns_cover_what_they_say() {
        check("fs:w/a", "fs:w/a", true, false, true);
        check("fs:w/a", "fs:w/ab", false, false, false);
        check("fs:w/a", "fs:w/a/b", false, false, false);
        check("fs:w/a", "fs:w", false, false, true);
        check("fs:w/**", "fs:w", true, true, true);
        check("fs:w/**", "fs:w/a/b", true, true, true);
        check("fs:w/**", "fs:wx/a", false, false, false);
        check("fs:w/*", "fs:w/a", true, false, true);
        check("fs:w/*", "fs:w/a/b", false, false, false);
        check("fs:w/*/secret", "fs:w/a", false, false, true);
        check("fs:w/*/secret/**", "fs:w/a/secret/k", true, true, true);
        check("fs:w/a", "object:w/a", false, false, false);
        check("http:https/*.example.com/443/**", "http:https/api.example.com/443", true, true, true);
        check("http:https/*.example.com/443/**", "http:https/example.com/443", false, false, false);
        check("http:https/*.example.com/443/**", "http:https/evilexample.com/443", false, false, false);
    }

    #[track_caller]
    fn contains(wide: &str, narrow: &str, expected: bool) {
        let (wide, narrow) = (Pattern::parse(wide).unwrap(), Pattern::parse(narrow).unwrap());
        assert_eq!(wide.contains(&narrow), expected, "{wide} contains {narrow}");
    }

    #[test]
    fn patterns_contain_those_that_cover_no_more() {
        contains("fs:w/**", "fs:w/a/*", true);
        contains("fs:w/**", "fs:w", true);
        contains("fs:w/**", "fs:w/**", true);
        contains("fs:w/**", "fs:wx/**", false);
        contains("fs:w/**", "fs:**", false);
        contains("fs:w/a", "fs:w/*", false);
        contains("fs:w/*", "fs:w/a", true);
        contains("fs:w/*", "fs:w/**", false);
        contains("fs:w/*", "fs:w", false);
        contains("fs:w/*/**", "fs:w/**", false);
        contains("fs:*/**", "fs:**", true);
        contains("fs:**", "fs:*/**", true);
        contains("fs:**", "object:a", false);
        contains("http:https/*.b.c/443", "http:https/*.a.b.c/443", true);
        contains("http:https/*.b.c/443", "http:https/a.b.c/443", true);
        contains("http:https/*.b.c/443", "http:https/b.c/443", false);
        contains("http:https/*.b.c/443", "http:https/*.eb.c/443", false);
        contains("http:https/*.b.c/443", "http:https/*/443", false);
        contains("http:https/a.b/443", "http:https/*.b/443", false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in
            ["", "fs", "fs:", "fs:/a", "fs:a//b", "fs:a/..", "fs:**/a", "fs:a*", "net:x", "*", "fs:a\nb", "fs:*.com/a"]
        {
            assert!(Pattern::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Pattern::parse("shell:/usr/bin/git").unwrap().to_string(), "shell:/usr/bin/git");
        assert!(Pattern::parse("fs:**").unwrap().is_unbounded());
        assert!(Pattern::exact(&resource("fs:w/*")).is_none());
    }
}
