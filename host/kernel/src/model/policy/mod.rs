//! The policy file, `libos.toml`: mounts and the authority that images start with. Closed schema; an error says line and column.

mod audit;
mod budget;
mod difference;
mod environment;
mod models;
pub(super) mod near;
mod programs;
mod read;
mod review;
pub(super) mod unit;

pub use audit::{AuditRules, Witness};
pub use difference::{Plan, answers_left, hanging, settings};
pub use models::{KeyPlace, ModelApi, ModelProfile, TokenLimitField};
pub use programs::ProgramRules;
pub(super) use read::{Lines, short, syntax_hint as toml_hint};
pub use unit::about as about_size;

use super::decide::Default as WithoutGrant;
use super::facility::Facilities;
use super::grant::Effect;
use super::id::Digest;
use super::image::BASE;
use super::limit::{self, CallLimits};
use super::purse::Amounts;
use super::resource::Pattern;
use super::right::Rights;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A mount: a directory under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Relative to the directory of the policy file.
    pub path: String,
    /// Whether files with several hard links may be read although a rule of the mount denies something.
    pub allow_hard_links: bool,
}

/// A line of authority for the processes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// [`super::image::ALL_IMAGES`] for every one.
    pub image: String,
    pub effect: Effect,
    pub rights: Rights,
    pub pattern: Pattern,
    /// Line of the file, from 1.
    pub line: u32,
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} (image {})", self.effect.word(), self.rights, self.pattern, self.image)
    }
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    pub mounts: BTreeMap<String, Mount>,
    pub templates: Vec<Template>,
    /// What processes of an image do without any grant; deny where it says nothing.
    pub defaults: BTreeMap<String, WithoutGrant>,
    /// What a process of an image may spend that nobody spawned; without bound where it says nothing.
    pub budgets: BTreeMap<String, Amounts>,
    pub questions: QuestionRules,
    /// What a call may use that starts from now on.
    pub limits: CallLimits,
    pub retain: Retain,
    pub space: Space,
    /// What a host may do without here, although it is required.
    pub accepted: Facilities,
    /// The second place of the log's signed heads.
    pub audit: AuditRules,
    /// What tools see as their environment, each variable as far as a rule grants it; nothing of the host's own is ever in it.
    pub environment: BTreeMap<String, String>,
    /// Models, by the names of their profiles.
    pub models: BTreeMap<String, ModelProfile>,
    /// What programs get beside the files that a process has.
    pub programs: ProgramRules,
}

/// How long what has ended is kept; `libos gc` drops what is older. The log is kept for ever, whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retain {
    /// Calls that have ended: their rows, texts and logs. None: for ever.
    pub calls: Option<Duration>,
    /// Questions that are closed. None: for ever.
    pub questions: Option<Duration>,
    /// Processes that have ended, and their grants. None: for ever.
    pub processes: Option<Duration>,
    /// What calls keep for replay, after their end. Zero: nothing.
    pub journals: Duration,
}

impl std::default::Default for Retain {
    /// Nothing that somebody may want to look at again is dropped unasked.
    fn default() -> Self {
        Self { calls: None, questions: None, processes: None, journals: Duration::ZERO }
    }
}

/// What stays free where the store lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes; below, nothing new is begun.
    pub keep_free: u64,
}

impl std::default::Default for Space {
    fn default() -> Self {
        Self { keep_free: limit::LOW_SPACE_BYTES }
    }
}

/// How people are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuestionRules {
    /// A question that nobody answered for so long is answered with deny. None: it waits for ever.
    pub expire_after: Option<Duration>,
    /// Questions of one process that may be open at once; more are denied.
    pub open_max: u32,
    /// Questions that one process may ask in an hour; more are denied.
    pub per_hour: u32,
}

impl std::default::Default for QuestionRules {
    fn default() -> Self {
        Self { expire_after: None, open_max: limit::OPEN_QUESTIONS_MAX, per_hour: limit::QUESTIONS_PER_HOUR_MAX }
    }
}

/// What is wrong with the file, or worth a second look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct PolicyError {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    pub what: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Everything that can be said about a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// None if there are errors.
    pub policy: Option<Policy>,
    /// In the order of the file.
    pub errors: Vec<PolicyError>,
    /// Lines that do nothing, or not what they seem to.
    pub warnings: Vec<PolicyError>,
}

/// Digest of a policy's text; what a person accepts.
pub fn digest(text: &str) -> Digest {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(text).into()
}

impl Policy {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let read = read::read(text);
        match read.errors.into_iter().next() {
            None => Ok(read.policy),
            Some(error) => Err(error),
        }
    }

    /// Reads the text and looks for lines that do nothing. `images` are those of the host, if it is known.
    pub fn check(text: &str, images: Option<&[String]>) -> Checked {
        let read = read::read(text);
        if read.errors.is_empty() {
            let warnings = review::warnings(text, &read, images);
            Checked { policy: Some(read.policy), errors: Vec::new(), warnings }
        } else {
            Checked { policy: None, errors: read.errors, warnings: Vec::new() }
        }
    }

    /// Files that hold keys of models, or say which certificates their endpoints may have: no process reads or changes them. Certificates
    /// of the system are not among them: programs may read them, and none changes them.
    pub fn model_files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.models.values().flat_map(|profile| {
            let key = match &profile.key {
                Some(KeyPlace::File(path)) => Some(path),
                _ => None,
            };
            let is_own = |path: &&PathBuf| path.to_str().is_none_or(|path| !self.programs.is_open(path));
            key.into_iter().chain(profile.ca_file.as_ref().filter(is_own)).cloned()
        })
    }

    /// What `libos init` writes.
    // long: it is one text
    pub fn starter() -> String {
        let CallLimits { memory_bytes, cpu_ticks, wall_milliseconds, imports, journal_bytes } = CallLimits::default();
        let processor_time = limit::CALL_TICK * u32::try_from(cpu_ticks).unwrap_or(u32::MAX);
        let QuestionRules { open_max, per_hour, .. } = QuestionRules::default();
        format!(
            r#"# What agents in this directory may do. Nothing is allowed that no line allows; a deny wins over everything.
# After a change: `libos policy reload` shows what it means and puts it in force.

# Directories that tools can see, by name. A path is relative to this file.
[mounts]
workspace = "."
# Files with several names are not read where a rule denies something, unless the mount says so:
# media = {{ path = "media", hardlinks = "allow" }}

# Authority of processes started from an image. A line is: rights, a space, a resource.
#   rights     fs: read, list, write, delete · object: read, list, write, delete · human: ask, tell · clock: sleep
#   resource   kind:path, with * for one segment and ** at the end for all below
[image.{BASE}]
allow = [
    "read,list fs:workspace/**",
    "ask,tell human:owner",
    "sleep clock:sleep",
]
# A person is asked each time.
ask = [
    "write,delete fs:workspace/**",
]
deny = [
    "read,list,write,delete fs:workspace/.git/**",
    "read,list,write,delete fs:workspace/.env",
]
# What happens without any line: "deny", or "ask".
default = "deny"
# What one process may spend, with those that it starts: without a line as much as it likes. `libos budget` shows and raises it.
# budget = {{ tool-calls = 1000, bytes-written = 100000000, objects = 10000, children = 100 }}

# A model that agents may be run by: `libos run IMAGE GOAL` with an image whose planner is model:default, and `use model:default` allowed.
# The key is read from the host's environment or from a file of mode 0600; no tool and no agent ever sees it.
# [model.default]
# base-url = "https://api.example.com/v1"
# model = "NAME"
# key-env = "OPENAI_API_KEY"
# price = {{ input = 0.25, output = 2.0 }}

# Lines for the processes of every image, those too that are added later. They have no default.
# [image."*"]
# deny = [
#     "read,list,write,delete fs:workspace/secrets/**",
# ]

# What one call may use; for calls that start after a change.
# [limits]
# memory = "{memory}"
# processor-time = "{processor_time}"
# wall-time = "{wall_time}"
# imports = {imports}
# journal = "{journal}"

# How people are asked. A question that nobody answers in time is answered with no; "never" lets it wait.
# [questions]
# expire-after = "7d"
# open-max = {open_max}
# per-hour = {per_hour}

# How long what has ended is kept; `libos gc` drops what is older, "forever" keeps it. The log is always kept.
# [retain]
# calls = "forever"
# questions = "forever"
# processes = "forever"
# journals = "none"

# Where the store lies, so much stays free: below, no call, process or change outside is begun, and what was begun can still end.
# [space]
# keep-free = "{keep_free}"

{audit}
# A host does not start where something is missing that it relies on (`libos doctor` shows it), unless it is told to in so many words.
# [accept]
# case-sensitive-names = "a deny can be evaded by another spelling"

{programs}"#,
            programs = programs::STARTER,
            keep_free = unit::size(Space::default().keep_free),
            memory = unit::size(memory_bytes),
            processor_time = unit::time(processor_time),
            wall_time = unit::time(Duration::from_millis(wall_milliseconds)),
            journal = unit::size(journal_bytes),
            audit = audit::STARTER,
        )
    }
}

#[cfg(test)]
mod tests;
