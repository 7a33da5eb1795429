//! The outside as the kernel sees it. Every method takes a [`Permit`], which only the kernel makes: forgetting a check does not
//! compile. The names come from the permit, so that what is opened is what was decided.

pub mod files;
pub mod memory;

use crate::kernel::Permit;
use crate::model::ask::Tokens;
use crate::model::call::{Entry, Stat, WriteMode};
use crate::model::policy::ModelProfile;
use crate::model::program::{Executable, Naming, Ran};
use crate::model::resource::Resource;
use crate::model::row::{Before, Probe};
use crate::model::time::Time;
use std::future::ready;
use std::pin::Pin;

/// Why the outside did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldError {
    NotFound,
    AlreadyExists,
    /// A directory where a file is needed, a socket, a name that is not UTF-8; a sentence says what.
    WrongKind(String),
    NotEmpty,
    /// The limit, in a sentence.
    TooLarge(String),
    /// What is there may not be touched, whatever was granted: it is the runtime's own, or a hard link under a mount with denies.
    Protected(&'static str),
    /// A symbolic link is met: the name of the permit with this number leads to that name, which is to be decided again; or out of
    /// the mount, with the reason.
    Link {
        index: usize,
        to: Result<Resource, String>,
    },
    /// Between the decision and the act something changed.
    Changed(String),
    /// The system's error.
    Io(String),
    /// A program was not started, and nothing of it has run; a sentence says why.
    NotStarted(String),
}

/// A program that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct ProgramName<'a> {
    /// As it was asked for; a file of a mount is the permit's third name.
    pub name: &'a str,
    pub naming: Naming,
    /// Where a bare name is looked up, in this order.
    pub directories: &'a [String],
    /// Links at which the search stops.
    pub keep_name: &'a [String],
}

/// Content, or the rest of the work to get it. Small files are read at once; the rest belongs on a thread that may block.
pub enum Content {
    Whole(Vec<u8>),
    Later(Box<dyn FnOnce() -> Result<Vec<u8>, WorldError> + Send>),
}

/// What is at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub before: Before,
    /// SHA-256 of a file's content, if it was asked for and the file is not larger than one call may read.
    pub content: Option<crate::model::id::Digest>,
}

/// Whether an effect happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    Done,
    NotStarted,
    Unknown,
}

/// Part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub offset: u64,
    pub length: u32,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAnswer {
    /// JSON, as the client of models writes it.
    pub reply: String,
    /// None if the provider did not count them.
    pub tokens: Option<Tokens>,
}

/// Why there is no answer of a model, in a sentence; and what can have happened at its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelTrouble {
    /// Nothing left, or the provider refused it: it costs nothing.
    NotStarted(String),
    /// It left, and nobody knows what came of it.
    Unknown(String),
    /// The provider answered, and charges for it; the answer is of no use.
    Useless(String),
}

/// A model that is being asked.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<ModelAnswer, ModelTrouble>> + Send + 'a>>;

/// Everything outside the kernel. Methods may block for as long as a local disk does.
///
/// `fs_*`: the names are the permit's resources, `fs:<mount>/<segments>`.
pub trait World: Send + Sync + 'static {
    /// The time.
    fn now(&self, permit: &Permit) -> Time;

    /// Fills `bytes` with randomness fit for secrets.
    ///
    /// # Errors
    /// The system has none.
    fn random(&self, permit: &Permit, bytes: &mut [u8]) -> Result<(), WorldError>;

    /// The content of a regular file, whole or a range of it.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError>;

    /// Puts content in a file's place, atomically and durably. `temporary` is a name in the same directory that nobody else uses.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError>;

    /// Adds content at the end of a file, durably.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError>;

    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError>;

    /// What is at the name; a link in the last segment is not followed.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError>;

    /// Makes a directory, durably.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError>;

    /// Removes a file, a link or a directory, durably. A recursive removal that fails half-way is an error that says so.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError>;

    /// Moves the first name to the second, durably.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError>;

    /// What is at the permit's name with this number, before an effect. With `follow`, a link in the last segment is a
    /// [`WorldError::Link`] too. `content` asks for the digest.
    ///
    /// # Errors
    /// See [`WorldError`].
    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError>;

    /// Asks a model: `model:<profile>`, as the policy in force describes it. It takes as long as the model does, and no thread; dropped,
    /// it is given up, and nobody knows what came of it.
    ///
    /// # Errors
    /// See [`ModelTrouble`]; that of this default is that there is no model.
    fn model_ask<'a>(&'a self, permit: &'a Permit, profile: &'a ModelProfile, request: &'a str) -> Asking<'a> {
        let _ = (permit, profile, request);
        Box::pin(ready(Err(ModelTrouble::NotStarted("this host can ask no model".into()))))
    }

    /// The file of a program, with all links resolved, and its digest.
    ///
    /// # Errors
    /// See [`WorldError`]. A world that runs no programs has none.
    fn shell_find(&self, _permit: &Permit, _program: &ProgramName<'_>) -> Result<Executable, WorldError> {
        Err(WorldError::NotStarted("this host runs no programs".into()))
    }

    /// Runs a program to its end, with what the permit's order says and nothing else. Blocks as long as it runs; ends it when it is not
    /// wanted any more.
    ///
    /// # Errors
    /// See [`WorldError`]; [`WorldError::NotStarted`] if nothing of it has run.
    fn shell_run(
        &self,
        _permit: &Permit,
        _stdin: &[u8],
        _wanted: &(dyn Fn() -> bool + Sync),
    ) -> Result<Ran, WorldError> {
        Err(WorldError::NotStarted("this host runs no programs".into()))
    }

    /// Whether an effect happened; removes `temporary` if it was left behind. Only for recovery.
    fn probe(&self, permit: &Permit, probe: &Probe, temporary: &str) -> Probed;
}
