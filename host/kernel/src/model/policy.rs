//! The policy file, `libos.toml`: mounts and the authority that images start with. Closed schema; an error says line and column.

use super::decide::Default as WithoutGrant;
use super::grant::Effect;
use super::id::Digest;
use super::image::BASE;
use super::limit::{self, CallLimits};
use super::name::check_new_segment;
use super::resource::Pattern;
use super::right::Rights;
use super::rule::Rule;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;

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
    pub image: String,
    pub effect: Effect,
    pub rights: Rights,
    pub pattern: Pattern,
    /// Line of the file, from 1.
    pub line: u32,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    pub mounts: BTreeMap<String, Mount>,
    pub templates: Vec<Template>,
    /// What processes of an image do without any grant; deny where it says nothing.
    pub defaults: BTreeMap<String, WithoutGrant>,
    pub questions: QuestionRules,
    /// What a call may use that starts from now on.
    pub limits: CallLimits,
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

/// What is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct PolicyError {
    pub line: u32,
    pub column: u32,
    pub what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    mounts: BTreeMap<Spanned<String>, Spanned<MountValue>>,
    #[serde(default)]
    image: BTreeMap<Spanned<String>, ImageRules>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a mount is a path or { path = \"...\", hardlinks = \"allow\" }")]
enum MountValue {
    Path(String),
    Table(MountTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MountTable {
    path: String,
    #[serde(default)]
    hardlinks: HardLinks,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum HardLinks {
    #[default]
    Guard,
    Allow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageRules {
    #[serde(default)]
    default: WithoutGrant,
    #[serde(default)]
    allow: Vec<Spanned<String>>,
    #[serde(default)]
    ask: Vec<Spanned<String>>,
    #[serde(default)]
    deny: Vec<Spanned<String>>,
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
        let fail = |offset: usize, what: String| {
            let (line, column) = place(text, offset);
            PolicyError { line, column, what }
        };
        let file: File = toml::from_str(text)
            .map_err(|error| fail(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
        let mut policy = Policy::default();
        for (name, value) in file.mounts {
            check_new_segment(name.get_ref()).map_err(|why| fail(name.span().start, why))?;
            if name.get_ref().contains(['/', '*', ':']) {
                return Err(fail(name.span().start, "a mount's name has no '/', '*' or ':'".into()));
            }
            let mount = match value.into_inner() {
                MountValue::Path(path) => Mount { path, allow_hard_links: false },
                MountValue::Table(table) => {
                    Mount { path: table.path, allow_hard_links: table.hardlinks == HardLinks::Allow }
                }
            };
            policy.mounts.insert(name.into_inner(), mount);
        }
        for (image, rules) in file.image {
            policy.defaults.insert(image.get_ref().clone(), rules.default);
            for (effect, lines) in [(Effect::Allow, rules.allow), (Effect::Ask, rules.ask), (Effect::Deny, rules.deny)]
            {
                for line in lines {
                    let Rule { rights, pattern } =
                        Rule::parse(line.get_ref()).map_err(|why| fail(line.span().start, why))?;
                    let line = place(text, line.span().start).0;
                    policy.templates.push(Template { image: image.get_ref().clone(), effect, rights, pattern, line });
                }
            }
        }
        policy.templates.sort_by_key(|template| template.line);
        Ok(policy)
    }

    /// What `libos init` writes.
    pub fn starter() -> String {
        format!(
            r#"# What agents in this directory may do. Nothing is allowed that no line allows; a deny wins over everything.
# After a change: `libos trust` shows the difference and puts it in force.

# Directories that tools can see, by name. A path is relative to this file.
[mounts]
workspace = "."

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
"#
        )
    }
}

/// Line and column, from 1, of a byte of a text.
fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line as u32 + 1, column as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_says_what_its_comments_say() {
        let policy = Policy::parse(&Policy::starter()).unwrap();
        assert_eq!(policy.mounts["workspace"].path, ".");
        assert_eq!(policy.templates.len(), 6);
        assert_eq!(policy.templates[0].rights.to_string(), "read,list");
        assert_eq!(policy.defaults[BASE], WithoutGrant::Deny);
    }

    #[test]
    fn an_error_says_line_and_column() {
        for (text, line, column, what) in [
            ("[mounts]\nworkspace = 1", 2, 13, "a mount is a path"),
            ("[image.base]\nallow = [\n  \"read fs:\",\n]", 3, 3, "no name"),
            ("[image.base]\nallow = [\"fly fs:w\"]", 2, 10, "'fly' is no right"),
            ("[image.base]\nallow = [\"sleep fs:w\"]", 2, 10, "has the rights"),
            ("[image.base]\nalow = []", 2, 1, "alow"),
            ("x", 1, 2, ""),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
            assert!(error.what.contains(what), "{text}: {error}");
        }
    }
}
