//! What a kept call was: how it was started, every system call that it made with its answer, the calls that were made from it, and how
//! it ended. As a text it is a file that a repository can keep, and that a later build of the tool is run against.
//!
//! The text has one JSON value a line: `call` opens a call, `import` is a system call of the innermost open one, `end` closes it. The
//! call that a `tools.call` made stands right before the import's own line, so the lines are in the order in which things ended.

mod difference;
mod read;
mod write;

pub use difference::{Field, differences};
pub use read::{Broken, read};
pub use write::write;

use super::answer::Answer;
use super::call::{Call, ObjectInfo, Reply};
use super::id::{CallId, Digest, Pid};
use super::limit::CallLimits;
use super::row::{Failure, FailureReason};
use super::time::Time;
use sha2::{Digest as _, Sha256};

/// What the first line names itself.
pub const FORMAT: &str = "libos-call";
/// The version of the text; a reader refuses others.
pub const VERSION: u32 = 1;
/// The interfaces that the calls are of.
pub const WORLD: &str = "libos:runtime@0.1.0";

/// A call from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    pub start: Start,
    /// In the order of their positions, from 0 without gaps.
    pub imports: Vec<Import>,
    pub end: End,
}

/// What a call was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub tool: String,
    /// The name that the component exports the tool by.
    pub export: String,
    pub component: Digest,
    /// The script that the component ran; none if it was the tool itself.
    pub script: Option<Digest>,
    /// The image of its process; none if that is not known any more.
    pub image: Option<String>,
    /// What the guest got, byte for byte. JSON, if whoever called was a person.
    pub arguments: String,
    pub limits: CallLimits,
    /// Where the guest's own random numbers come from.
    pub seed: Digest,
    pub started: Time,
    /// How often it was started again.
    pub resumes: u32,
}

impl Start {
    /// Digest of what the tool was: of the script, if it was one; else of the component.
    pub fn code(&self) -> &Digest {
        self.script.as_ref().unwrap_or(&self.component)
    }
}

/// A system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub call: Call,
    /// The answer and when it came; none if the call ended in it, or while it was submitted and open.
    pub answered: Option<(Time, Answer)>,
    /// The call that it made, if it was `tools.call` and made one.
    pub nested: Option<Box<History>>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With a result: JSON, byte for byte.
    Done(String),
    Failed(Failure),
    /// By a person, or with whoever called.
    Cancelled(String),
}

impl History {
    /// Imports and calls in it, with those of the calls that were made from it.
    pub fn size(&self) -> (usize, usize) {
        let nested = self.imports.iter().filter_map(|import| import.nested.as_ref());
        nested
            .map(|nested| nested.size())
            .fold((self.imports.len(), 1), |(imports, calls), (more, inner)| (imports + more, calls + inner))
    }

    /// Whether something that no replay has ended it: a person, a clock, the room for its journal. Then only what it did before can be
    /// compared.
    pub fn is_cut(&self) -> bool {
        match &self.end {
            End::Done(_) => false,
            End::Cancelled(_) => true,
            End::Failed(failure) => {
                let by_host = ["cpu-time:", "wall-time:", "journal-full:"];
                failure.reason == FailureReason::NotRunnable
                    || by_host.iter().any(|limit| failure.message.starts_with(limit))
                        && matches!(failure.reason, FailureReason::Limit | FailureReason::Fault)
            }
        }
    }
}

impl End {
    /// SHA-256 of everything that stands before the end in the text, and of the end: a start or an end that was changed by hand does not
    /// have it.
    fn digest(&self, before: &Sha256) -> Digest {
        use super::codec::to_bytes;
        let (kind, text) = match self {
            End::Done(text) => (0, text.clone().into_bytes()),
            End::Failed(failure) => (1, to_bytes(failure)),
            End::Cancelled(why) => (2, why.clone().into_bytes()),
        };
        before.clone().chain_update([kind]).chain_update(text).finalize().into()
    }
}

impl Import {
    /// Leaves out of the answer what the guest does not learn: who made an object.
    pub fn without_strangers(mut self) -> Import {
        fn clear(info: &mut ObjectInfo) {
            (info.created_by, info.written_by, info.changed) = (Pid::default(), CallId::default(), 0);
        }
        if let Some((_, Answer::Done(reply))) = &mut self.answered {
            match reply {
                Reply::Info(info) | Reply::Object(info, _) => clear(info),
                Reply::Infos(infos) | Reply::Found(infos, _) => infos.iter_mut().for_each(clear),
                _ => {}
            }
        }
        self
    }

    /// SHA-256 of request and answer in their canonical form: a line that was changed by hand does not have it.
    pub fn digest(&self) -> Digest {
        use super::codec::to_bytes;
        let mut digest = Sha256::new().chain_update(to_bytes(&self.call));
        if let Some((time, answer)) = &self.answered {
            digest.update(to_bytes(time));
            digest.update(to_bytes(answer));
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests;
