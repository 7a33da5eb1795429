//! What a forked process sees of its parent's objects.

use super::id::{Pid, Seq};
use super::limit;
use super::name::check_new;
use minicbor::{CborLen, Decode, Encode};

/// How it sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum ViewMode {
    /// As they were at the fork; what is seen cannot be changed.
    #[n(0)]
    ReadOnly,
    /// As they were at the fork; what is changed is the process's own from then on, and its source never sees it.
    #[n(1)]
    CopyOnWrite,
    /// As they are now, and only those that were chosen; what is seen cannot be changed.
    #[n(2)]
    Worker,
}

impl ViewMode {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            ViewMode::ReadOnly => "read-only",
            ViewMode::CopyOnWrite => "copy-on-write",
            ViewMode::Worker => "worker",
        }
    }
}

/// What a process sees of the objects in the namespace of another one. It holds them: what it shows stays, whatever becomes of its
/// source.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct View {
    #[n(0)]
    pub mode: ViewMode,
    /// Whose objects.
    #[n(1)]
    pub source: Pid,
    /// Versions that were made before this place of the log are seen; not for [`ViewMode::Worker`].
    #[n(2)]
    pub at: Seq,
    /// Names in the source's namespace, each with all below it; none: all of it.
    #[n(3)]
    pub roots: Option<Vec<String>>,
    /// What the source itself saw of others when the view was made, the nearest first.
    #[cbor(n(4), default)]
    pub beyond: Vec<Window>,
}

/// A part of a view: objects in the namespace of one process.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Window {
    #[n(0)]
    pub source: Pid,
    /// Versions that were made before this place of the log; none: as they are now.
    #[n(1)]
    pub at: Option<Seq>,
    /// As [`View::roots`].
    #[n(2)]
    pub roots: Option<Vec<String>>,
}

impl Window {
    /// Whether it shows what has this name in the source's namespace.
    pub fn shows(&self, name: &str) -> bool {
        self.roots.as_ref().is_none_or(|roots| roots.iter().any(|root| is_at_or_below(name, root)))
    }

    /// Whether it shows a namespace, or anything in it.
    pub fn opens_on(&self, namespace: &str) -> bool {
        let inside = |root: &String| is_at_or_below(root, namespace);
        self.shows(namespace) || self.roots.iter().flatten().any(inside)
    }
}

fn is_at_or_below(name: &str, root: &str) -> bool {
    name.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether roots can be those of a view: each is a name that an object can have.
///
/// # Errors
/// Why not.
pub fn check_roots(roots: &[String]) -> Result<(), String> {
    if roots.len() > limit::VIEW_ROOTS_MAX {
        return Err(format!("a view has at most {} roots", limit::VIEW_ROOTS_MAX));
    }
    roots.iter().try_for_each(|root| {
        if root.len() > limit::OBJECT_NAME_BYTES_MAX {
            return Err(format!("a root has at most {} bytes", limit::OBJECT_NAME_BYTES_MAX));
        }
        check_new(root)
    })
}

impl View {
    /// Its windows, the nearest first: what is not in one is looked for in the next.
    pub fn windows(&self) -> Vec<Window> {
        let at = (self.mode != ViewMode::Worker).then_some(self.at);
        let mut windows = vec![Window { source: self.source, at, roots: self.roots.clone() }];
        windows.extend(self.beyond.iter().cloned());
        windows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_shows_its_roots_and_what_is_below_them() {
        let window = |roots: Option<&[&str]>| {
            let roots = roots.map(|roots| roots.iter().map(|root| (*root).to_owned()).collect());
            Window { source: Pid(1), at: None, roots }
        };
        for (roots, name, shown, opened) in [
            (None, "a", true, true),
            (Some(&["a"][..]), "a", true, true),
            (Some(&["a"]), "a/b", true, true),
            (Some(&["a"]), "ab", false, false),
            (Some(&["a/b"]), "a", false, true),
            (Some(&["a/b"]), "a/c", false, false),
            (Some(&["x", "a"]), "a", true, true),
            (Some(&[]), "a", false, false),
        ] {
            let window = window(roots);
            assert_eq!((window.shows(name), window.opens_on(name)), (shown, opened), "{roots:?} {name}");
        }
    }
}
