//! What a forked process sees of its parent's objects.

use super::id::{Pid, Seq};
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

/// A window of a process on the objects in the namespace of another one. It holds them: what it shows stays, whatever becomes of its
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
}
