//! What a process is started from. An image declares; it grants nothing.

mod difference;
mod manifest;
mod node;
mod standard;
mod yaml;

pub use difference::difference;
pub use standard::{is_standard, standard};

pub use super::policy::PolicyError as ManifestError;

use super::answer::CallError;
use super::grant::Effect;
use super::id::Digest;
use super::limit;
use super::purse::{Amounts, Coin};
use super::rule::Rule;
use super::view::View;
use minicbor::{CborLen, Decode, Encode};
use std::fmt;

/// The image that is always there: every tool of the host, nothing else.
pub const BASE: &str = "base";

/// Stands in a policy for every image, those too that come later.
pub const ALL_IMAGES: &str = "*";

/// Errors of a manifest that a guest is told at once.
const ERRORS_TOLD: usize = 3;

/// Whether an image can have this name, or this version.
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= limit::TOOL_NAME_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// How a manifest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    #[n(0)]
    Toml,
    #[n(1)]
    Yaml,
}

impl Format {
    /// The format that a file's name says; TOML, if it says none.
    pub fn of_file(name: &str) -> Format {
        let name = name.to_ascii_lowercase();
        if name.ends_with(".yaml") || name.ends_with(".yml") { Format::Yaml } else { Format::Toml }
    }
}

/// Who chooses what a process does, if nobody says so when it is started.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub enum ImagePlanner {
    /// A script, which is given when the process is started.
    #[n(0)]
    Script,
    /// A model, by the name of its profile.
    #[n(1)]
    Model(#[n(0)] String),
}

impl fmt::Display for ImagePlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImagePlanner::Script => f.write_str("script"),
            ImagePlanner::Model(profile) => write!(f, "model:{profile}"),
        }
    }
}

impl serde::Serialize for ImagePlanner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How much of what a process has seen is shown to its model again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct ContextLimits {
    /// Bytes of the transcript from which on it is summarised.
    #[n(0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compact_at: Option<u64>,
    /// Bytes of a larger result that stand in the transcript; the rest is read by a tool.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<u64>,
}

/// A restriction that comes with an image.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Restriction {
    /// Never [`Effect::Allow`].
    #[n(0)]
    pub effect: Effect,
    #[n(1)]
    pub rule: Rule,
}

impl serde::Serialize for Restriction {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} {}", self.effect.word(), self.rule))
    }
}

/// What there is to know of an image before it is used.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
pub struct ImageInfo {
    #[n(0)]
    pub id: String,
    #[n(1)]
    pub version: String,
    /// 64 hexadecimal digits.
    #[n(2)]
    pub digest: String,
    #[n(3)]
    pub description: String,
    /// Names; `*` is every tool of the host.
    #[n(4)]
    pub tools: Vec<String>,
}

impl ImageInfo {
    /// Bytes of it, roughly.
    pub fn size(&self) -> usize {
        160 + self.description.len() + self.tools.iter().map(|tool| 16 + tool.len()).sum::<usize>()
    }
}

/// What became of an image that was to be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Registered {
    /// There was none of this name.
    #[n(0)]
    Added,
    /// The same one has this name already.
    #[n(1)]
    Unchanged,
    /// Another one had this name.
    #[n(2)]
    Replaced,
}

impl Registered {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Registered::Added => "added",
            Registered::Unchanged => "unchanged",
            Registered::Replaced => "replaced",
        }
    }
}

/// An image, as its manifest says it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
#[cbor(map)]
pub struct Image {
    #[n(0)]
    #[serde(rename(serialize = "id"))]
    pub name: String,
    #[n(1)]
    pub version: String,
    #[n(2)]
    pub description: String,
    /// Names of tools; `*` is every tool that the host has.
    #[n(3)]
    pub tools: Vec<String>,
    /// What a model that plans for its processes is told first.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planner: Option<ImagePlanner>,
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextLimits>,
    /// What its processes are useless without. It is told to people and grants nothing.
    #[n(7)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<Vec<Rule>>,
    /// What its processes are refused or must ask for, whatever the host grants.
    #[n(8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Vec<Restriction>>,
    /// What a process may spend that a person starts, where the host's policy says nothing.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "budget")]
    pub budget: Option<Vec<(Coin, u64)>>,
    /// Objects that its processes find, which it holds. Only a checkpoint gives an image one; no file can.
    #[n(30)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<View>,
}

/// As it is written in a manifest.
fn budget<S: serde::Serializer>(amounts: &Option<Vec<(Coin, u64)>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(amounts.iter().flatten().map(|(coin, amount)| (coin.word(), amount)))
}

impl Image {
    /// The image `base`.
    pub fn base() -> Image {
        Image {
            name: BASE.into(),
            version: "1".into(),
            description: "Every tool that the host has.".into(),
            tools: vec!["*".into()],
            prompt: None,
            planner: None,
            context: None,
            needs: None,
            policy: None,
            budget: None,
            memory: None,
        }
    }

    /// Reads a manifest in TOML.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Image, ManifestError> {
        Image::read(text, Format::Toml).map_err(|errors| {
            let nothing = ManifestError { line: 1, column: 1, what: "it is no manifest".into(), hint: None };
            errors.into_iter().next().unwrap_or(nothing)
        })
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong and where, in the order of the text; at least one.
    pub fn read(text: &str, format: Format) -> Result<Image, Vec<ManifestError>> {
        manifest::read(text, format)
    }

    /// As [`Image::read`], for a guest, which learns the first thing that is wrong.
    ///
    /// # Errors
    /// `too-large` or `invalid`, with the place and what to write instead.
    pub fn read_for_guest(text: &str, format: Format) -> Result<Image, CallError> {
        if text.len() > limit::IMAGE_BYTES_MAX {
            let most = limit::IMAGE_BYTES_MAX;
            return Err(CallError::TooLarge(format!("the manifest has {} bytes, at most {most}", text.len())));
        }
        Image::read(text, format).map_err(|errors| {
            let told = errors.iter().take(ERRORS_TOLD).map(|error| match &error.hint {
                Some(hint) => format!("{error} ({hint})"),
                None => error.to_string(),
            });
            CallError::Invalid(told.collect::<Vec<_>>().join("; "))
        })
    }

    /// What there is to know before it is used.
    pub fn info(&self) -> ImageInfo {
        ImageInfo {
            id: self.name.clone(),
            version: self.version.clone(),
            digest: super::id::hex(&self.digest()),
            description: self.description.clone(),
            tools: self.tools.clone(),
        }
    }

    /// Whether its processes see a tool.
    pub fn has(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == "*" || name == tool)
    }

    /// The same without what it remembers: what a process goes by that was started from it.
    pub fn without_memory(&self) -> Image {
        Image { memory: None, ..self.clone() }
    }

    /// What its processes go by, in one number: SHA-256 of all that it says but its memory. Fields that came later are left out of the
    /// encoding where they say nothing, so older images keep theirs.
    pub fn digest(&self) -> Digest {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new_with_prefix(b"libos image\0");
        hash.update(super::codec::to_bytes(&self.without_memory()));
        hash.finalize().into()
    }

    /// What a process may spend that a person starts, as far as the image says.
    pub fn default_budget(&self) -> Option<Amounts> {
        self.budget.as_ref().map(|amounts| amounts.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests;
