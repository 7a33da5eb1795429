//! Reads the text of `libos.toml`: a walk over its tables that knows where everything stands, so that every error has a place and a
//! hint. The work grows with the text, whatever is in it.

use super::near;
use super::unit;
use super::{Mount, Policy, PolicyError, Template};
use crate::model::decide::Default as WithoutGrant;
use crate::model::facility::Facility;
use crate::model::grant::Effect;
use crate::model::image::{self, ALL_IMAGES};
use crate::model::limit::{self, CallLimits};
use crate::model::name::check_new_segment;
use crate::model::rule::Rule;
use std::collections::BTreeMap;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Errors that one reading tells; a text with more is no policy that somebody mistyped.
const ERRORS_MAX: usize = 20;
/// Characters of a text of the file that an error repeats.
const QUOTED_CHARACTERS_MAX: usize = 80;

const SECTIONS: [&str; 11] = [
    "mounts",
    "image",
    "limits",
    "questions",
    "retain",
    "space",
    "audit",
    "accept",
    "environment",
    "model",
    "programs",
];
const MOUNT_KEYS: [&str; 2] = ["path", "hardlinks"];
const IMAGE_KEYS: [&str; 6] = ["allow", "ask", "deny", "default", "budget", "programs"];
const LIMIT_KEYS: [&str; 5] = ["memory", "processor-time", "wall-time", "imports", "journal"];
const QUESTION_KEYS: [&str; 3] = ["expire-after", "open-max", "per-hour"];

const RETAIN_KEYS: [&str; 4] = ["calls", "questions", "processes", "journals"];
const SPACE_KEYS: [&str; 1] = ["keep-free"];

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What was read, and where it stands.
#[derive(Default)]
pub(super) struct Read {
    pub policy: Policy,
    /// Offsets in the text: of each rule, in the order of `policy.templates`, and of each section on an image.
    pub rules: Vec<usize>,
    pub images: BTreeMap<String, usize>,
    pub errors: Vec<PolicyError>,
}

/// Where the lines of a text begin.
pub(in crate::model) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str) -> Lines<'t> {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index + 1);
        Lines { text, starts: std::iter::once(0).chain(after).collect() }
    }

    /// The line, from 1, of a byte.
    pub fn line(&self, offset: usize) -> u32 {
        self.starts.partition_point(|start| *start <= offset) as u32
    }

    /// Line and column, from 1, of a byte; columns count characters.
    pub fn place(&self, offset: usize) -> (u32, u32) {
        let line = self.line(offset);
        let start = self.starts[line as usize - 1];
        let end = self.text.floor_char_boundary(offset.min(self.text.len()));
        (line, self.text[start.min(end)..end].chars().count() as u32 + 1)
    }

    /// An error or warning at a byte.
    pub fn error(&self, offset: usize, what: impl Into<String>, hint: impl Into<String>) -> PolicyError {
        let (line, column) = self.place(offset);
        PolicyError { line, column, what: what.into(), hint: Some(hint.into()) }
    }
}

/// Reads all that can be read.
pub(super) fn read(text: &str) -> Read {
    let lines = Lines::new(text);
    let mut reader = Reader { lines: &lines, read: Read::default(), rules: Vec::new() };
    if text.len() > limit::POLICY_BYTES_MAX {
        let what = format!("a policy has at most {}", unit::size(limit::POLICY_BYTES_MAX as u64));
        reader.fail(0, what, "** for a whole directory saves lines");
        return reader.read;
    }
    match DeTable::parse(text) {
        Ok(document) => reader.document(document.get_ref()),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            reader.fail(offset, error.message().to_owned(), syntax_hint(text, &lines, offset, error.message()));
        }
    }
    let Reader { mut read, mut rules, .. } = reader;
    rules.sort_by_key(|(offset, _)| *offset);
    (read.rules, read.policy.templates) = rules.into_iter().unzip();
    read.errors.sort_by_key(|error| (error.line, error.column));
    read
}

/// What helps with a text that is no TOML.
pub(in crate::model) fn syntax_hint(text: &str, lines: &Lines<'_>, offset: usize, message: &str) -> &'static str {
    let line = text.lines().nth(lines.line(offset) as usize - 1).unwrap_or_default();
    if message.contains("duplicate") {
        "a section and a key stand once in the file; put the lines together"
    } else if line.matches('"').count() % 2 == 1 {
        "a text ends on its line with the \" that it began with"
    } else if message.contains("array") || line.trim_start().starts_with('"') {
        "a list is [\"a line\", \"another\"]: a comma after each line, ] at the end"
    } else if line.trim_start().starts_with('[') {
        "a section is [mounts], [limits] or [image.NAME], alone on its line"
    } else {
        "a line is `name = value`, with a text in \"\" and a list in []"
    }
}

pub(super) struct Reader<'a, 't> {
    lines: &'a Lines<'t>,
    read: Read,
    /// By offset, not sorted yet.
    rules: Vec<(usize, Template)>,
}

impl Reader<'_, '_> {
    /// What was read so far.
    pub(super) fn policy(&self) -> &Policy {
        &self.read.policy
    }

    pub(super) fn fail(&mut self, offset: usize, what: impl Into<String>, hint: impl Into<String>) {
        if self.read.errors.len() < ERRORS_MAX {
            let error = self.lines.error(offset, what, hint);
            self.read.errors.push(error);
        }
    }

    fn document(&mut self, document: &DeTable<'_>) {
        for (key, value) in document {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "mounts" => self.mounts(value),
                "image" => self.images(value),
                "limits" => self.limits(value),
                "questions" => self.questions(value),
                "audit" => self.read.policy.audit = super::audit::read(self, value).unwrap_or_default(),
                "retain" => self.retain(value),
                "space" => self.space(value),
                "accept" => self.accept(value),
                "model" => self.read.policy.models = super::models::read(self, value),
                "environment" => self.read.policy.environment = super::environment::read(self, value),
                "programs" => self.read.policy.programs = super::programs::read(self, value),
                other => {
                    let what = format!("there is no section '{}'", short(other));
                    self.fail(at, what, near::among(other, &SECTIONS));
                }
            }
        }
        super::models::keep_keys_out(self, document);
    }

    pub(super) fn table<'v, 't>(&mut self, value: &'v Value<'t>, name: &str) -> Option<&'v DeTable<'t>> {
        let table = value.get_ref().as_table();
        if table.is_none() {
            let found = value.get_ref().type_str();
            self.fail(value.span().start, format!("'{name}' is a section, not a {found}"), format!("write [{name}]"));
        }
        table
    }

    pub(super) fn text<'v>(&mut self, value: &'v Value<'_>, key: &str, example: &str) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let what = format!("'{key}' is a text, not a {}", value.get_ref().type_str());
            self.fail(value.span().start, what, format!("for example {key} = \"{example}\""));
        }
        text
    }

    pub(super) fn unknown_key(&mut self, at: usize, section: &str, key: &str, known: &[&str]) {
        let what = format!("there is no '{}' in [{section}]", short(key));
        self.fail(at, what, near::among(key, known));
    }

    fn mounts(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "mounts") else { return };
        if table.len() > limit::MOUNTS_MAX {
            let what = format!("there are more than {} mounts", limit::MOUNTS_MAX);
            return self.fail(value.span().start, what, "mount a directory above them");
        }
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            if let Err(why) = check_new_segment(name) {
                self.fail(at, why, "a mount's name is a word, for example workspace");
            } else if name.contains(['/', '*', ':']) {
                self.fail(at, "a mount's name has no '/', '*' or ':'", "for example workspace = \".\"");
            } else if let Some(mount) = self.mount(value, name) {
                self.read.policy.mounts.insert(name.to_owned(), mount);
            }
        }
    }

    fn mount(&mut self, value: &Value<'_>, name: &str) -> Option<Mount> {
        let example = format!("{name} = \".\", or {name} = {{ path = \".\", hardlinks = \"allow\" }}");
        let table = match value.get_ref() {
            DeValue::String(path) => {
                let path = self.mount_path(path, value.span().start)?;
                return Some(Mount { path, allow_hard_links: false });
            }
            DeValue::Table(table) => table,
            _ => {
                let what = "a mount is a path or { path = \"...\", hardlinks = \"allow\" }";
                self.fail(value.span().start, what, example);
                return None;
            }
        };
        let (mut path, mut allow_hard_links) = (None, false);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "path" => path = Some(self.text(value, "path", ".").map(|path| (path, value.span().start))?),
                "hardlinks" => match self.text(value, "hardlinks", "allow")? {
                    "guard" => {}
                    "allow" => allow_hard_links = true,
                    other => {
                        let what = format!("hardlinks is \"guard\" or \"allow\", not \"{}\"", short(other));
                        self.fail(value.span().start, what, near::among(other, &["guard", "allow"]));
                    }
                },
                other => self.unknown_key(key.span().start, &format!("mounts.{name}"), other, &MOUNT_KEYS),
            }
        }
        let Some((path, at)) = path else {
            self.fail(value.span().start, "a mount needs a path", example);
            return None;
        };
        Some(Mount { path: self.mount_path(path, at)?, allow_hard_links })
    }

    fn mount_path(&mut self, path: &str, at: usize) -> Option<String> {
        let fine = !path.is_empty() && path.len() <= limit::PATH_BYTES_MAX && !path.contains('\0');
        if !fine {
            self.fail(at, "this is no path of a directory", "for example \".\", the directory of libos.toml");
        }
        fine.then(|| path.to_owned())
    }

    fn images(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "image") else { return };
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            if name == ALL_IMAGES || image::is_name(name) {
                self.image(name, at, value);
            } else {
                let what = format!("'{}' can be no name of an image", short(name));
                self.fail(at, what, "[image.base], or [image.\"*\"] for all images");
            }
        }
    }

    fn image(&mut self, name: &str, at: usize, value: &Value<'_>) {
        let section = if name == ALL_IMAGES { "image.\"*\"".into() } else { format!("image.{name}") };
        let Some(table) = self.table(value, &section) else { return };
        self.read.images.insert(name.to_owned(), at);
        for (key, value) in table {
            let key_at = key.span().start;
            match key.get_ref().as_ref() {
                "allow" => self.rules(name, Effect::Allow, value),
                "ask" => self.rules(name, Effect::Ask, value),
                "deny" => self.rules(name, Effect::Deny, value),
                "default" if name == ALL_IMAGES => {
                    let what = "all images together have no default";
                    self.fail(key_at, what, "write it in the section of each image, for example [image.base]");
                }
                "default" => match self.text(value, "default", "deny") {
                    Some("deny") => self.set_default(name, WithoutGrant::Deny),
                    Some("ask") => self.set_default(name, WithoutGrant::Ask),
                    Some(other) => {
                        let what = format!("a default is \"deny\" or \"ask\", not \"{}\"", short(other));
                        self.fail(value.span().start, what, near::among(other, &["deny", "ask"]));
                    }
                    None => {}
                },
                "budget" if name == ALL_IMAGES => {
                    let what = "all images together have no budget";
                    self.fail(key_at, what, "write it in the section of each image, for example [image.base]");
                }
                "budget" => {
                    if let Some(amounts) = super::budget::read(self, value) {
                        self.read.policy.budgets.insert(name.to_owned(), amounts);
                    }
                }
                "programs" => super::programs::level(self, name, value),
                other => self.unknown_key(key_at, &section, other, &IMAGE_KEYS),
            }
        }
    }

    /// A default; of two that the section says in different words the wider one.
    pub(super) fn set_default(&mut self, image: &str, default: WithoutGrant) {
        let known = self.read.policy.defaults.entry(image.to_owned()).or_insert(default);
        *known = known.wider(default);
    }

    fn rules(&mut self, image: &str, effect: Effect, value: &Value<'_>) {
        let word = effect.word();
        let Some(list) = value.get_ref().as_array() else {
            let what = format!("'{word}' is a list of lines, not a {}", value.get_ref().type_str());
            return self.fail(value.span().start, what, format!("for example {word} = [\"read fs:workspace/**\"]"));
        };
        for line in list.iter() {
            let at = line.span().start;
            let Some(text) = line.get_ref().as_str() else {
                self.fail(at, format!("a line of '{word}' is a text"), near::rule(""));
                continue;
            };
            if !self.add_rule(image, effect, text, at) || self.read.errors.len() >= ERRORS_MAX {
                return;
            }
        }
    }

    /// A line of authority; whether there is room for more.
    pub(super) fn add_rule(&mut self, image: &str, effect: Effect, text: &str, at: usize) -> bool {
        match Rule::parse(text) {
            _ if self.rules.len() >= limit::POLICY_RULES_MAX => {
                let what = format!("there are more than {} rules", limit::POLICY_RULES_MAX);
                self.fail(at, what, "** for a whole directory saves lines");
                return false;
            }
            Ok(Rule { rights, pattern }) => {
                let line = self.lines.line(at);
                self.rules.push((at, Template { image: image.to_owned(), effect, rights, pattern, line }));
            }
            Err(why) => self.fail(at, why, near::rule(text)),
        }
        true
    }

    fn limits(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "limits") else { return };
        let mut limits = CallLimits::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "memory" => {
                    let range = (limit::CALL_MEMORY_BYTES_MIN, limit::CALL_MEMORY_BYTES_MAX);
                    limits.memory_bytes = self.size(name, value, range).unwrap_or(limits.memory_bytes);
                }
                "journal" => {
                    let range = (limit::CALL_JOURNAL_BYTES_MIN, limit::CALL_JOURNAL_BYTES_MAX);
                    limits.journal_bytes = self.size(name, value, range).unwrap_or(limits.journal_bytes);
                }
                "processor-time" => {
                    let range = (limit::CALL_TICK, limit::CALL_PROCESSOR_TIME_MAX);
                    if let Some(time) = self.time(name, value, range, "30s") {
                        limits.cpu_ticks = milliseconds(time).div_ceil(milliseconds(limit::CALL_TICK));
                    }
                }
                "wall-time" => {
                    let range = (limit::CALL_TICK, limit::CALL_WALL_TIME_MAX);
                    let time = self.time(name, value, range, "120s");
                    limits.wall_milliseconds = time.map_or(limits.wall_milliseconds, milliseconds);
                }
                "imports" => {
                    let number = self.number(name, value, limit::CALL_IMPORTS_MAX);
                    limits.imports = number.unwrap_or(limits.imports);
                }
                other => self.unknown_key(key.span().start, "limits", other, &LIMIT_KEYS),
            }
        }
        self.read.policy.limits = limits;
    }

    fn questions(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "questions") else { return };
        let mut rules = super::QuestionRules::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                "expire-after" if value.get_ref().as_str() == Some("never") => rules.expire_after = None,
                "expire-after" => {
                    let range = (Duration::from_secs(1), limit::QUESTION_LIFE_MAX);
                    rules.expire_after = self.time(name, value, range, "7d");
                }
                "open-max" => {
                    let number = self.number(name, value, limit::POLICY_OPEN_QUESTIONS_MAX);
                    rules.open_max = number.unwrap_or(rules.open_max);
                }
                "per-hour" => {
                    let number = self.number(name, value, limit::POLICY_QUESTIONS_PER_HOUR_MAX);
                    rules.per_hour = number.unwrap_or(rules.per_hour);
                }
                other => self.unknown_key(key.span().start, "questions", other, &QUESTION_KEYS),
            }
        }
        self.read.policy.questions = rules;
    }

    fn retain(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "retain") else { return };
        let mut retain = super::Retain::default();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let range = (limit::RETAIN_MIN, limit::RETAIN_MAX);
            let word = value.get_ref().as_str();
            match name {
                "calls" | "questions" | "processes" => {
                    let time = if word == Some("forever") { None } else { self.time(name, value, range, "30d") };
                    match name {
                        "calls" => retain.calls = time,
                        "questions" => retain.questions = time,
                        _ => retain.processes = time,
                    }
                }
                "journals" if word == Some("none") => retain.journals = Duration::ZERO,
                "journals" => {
                    let time = self.time(name, value, range, "7d");
                    retain.journals = time.unwrap_or_default();
                }
                other => self.unknown_key(key.span().start, "retain", other, &RETAIN_KEYS),
            }
        }
        self.read.policy.retain = retain;
    }

    fn space(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "space") else { return };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                name @ "keep-free" => {
                    let range = (limit::LOW_SPACE_BYTES_MIN, limit::LOW_SPACE_BYTES_MAX);
                    if let Some(bytes) = self.size(name, value, range) {
                        self.read.policy.space.keep_free = bytes;
                    }
                }
                other => self.unknown_key(key.span().start, "space", other, &SPACE_KEYS),
            }
        }
    }

    pub(super) fn size(&mut self, key: &str, value: &Value<'_>, (least, most): (u64, u64)) -> Option<u64> {
        let example = unit::size(least.max(most / 16));
        let text = self.text(value, key, &example)?;
        let range = format!("{key} is from {} to {}", unit::size(least), unit::size(most));
        match unit::parse_size(text) {
            Some(bytes) if (least..=most).contains(&bytes) => return Some(bytes),
            Some(_) => self.fail(value.span().start, range, format!("for example \"{example}\"")),
            None => {
                let what = format!("'{}' is no size", short(text));
                self.fail(value.span().start, what, format!("a number and B, KiB, MiB or GiB: \"{example}\""));
            }
        }
        None
    }

    pub(super) fn time(
        &mut self,
        key: &str,
        value: &Value<'_>,
        (least, most): (Duration, Duration),
        example: &str,
    ) -> Option<Duration> {
        let text = self.text(value, key, example)?;
        match unit::parse_time(text) {
            Some(time) if (least..=most).contains(&time) => return Some(time),
            Some(_) => {
                let what = format!("{key} is from {} to {}", unit::time(least), unit::time(most));
                self.fail(value.span().start, what, format!("for example \"{example}\""));
            }
            None => {
                let what = format!("'{}' is no length of time", short(text));
                self.fail(value.span().start, what, format!("a number and ms, s, m, h or d: \"{example}\""));
            }
        }
        None
    }

    pub(super) fn number(&mut self, key: &str, value: &Value<'_>, most: u32) -> Option<u32> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.filter(|number| (1..=most).contains(number));
        if number.is_none() {
            let what = format!("{key} is a number from 1 to {most}");
            self.fail(value.span().start, what, format!("for example {key} = {}", most.div_ceil(10)));
        }
        number
    }

    fn accept(&mut self, value: &Value<'_>) {
        let Some(table) = self.table(value, "accept") else { return };
        let required = || Facility::ALL.into_iter().filter(|facility| facility.is_required());
        for (key, value) in table {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            match Facility::parse(name) {
                Some(facility) if !facility.is_required() => {
                    self.fail(at, format!("a host starts without {name}"), "take the line away");
                }
                Some(facility) if value.get_ref().as_str() == Some(facility.weakens()) => {
                    self.read.policy.accepted = self.read.policy.accepted.with(facility);
                }
                Some(facility) => {
                    let what = format!("to do without {name}, write what that weakens, to the letter");
                    self.fail(value.span().start, what, format!("{name} = \"{}\"", facility.weakens()));
                }
                None => {
                    let words: Vec<&str> = required().map(Facility::word).collect();
                    let line = near::word(name, words.iter().copied()).and_then(Facility::parse);
                    let hint = line.map_or_else(
                        || near::among(name, &words),
                        |facility| format!("did you mean {} = \"{}\"?", facility.word(), facility.weakens()),
                    );
                    self.fail(at, format!("there is nothing called '{}' to do without", short(name)), hint);
                }
            }
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(in crate::model) fn short(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS_MAX).collect()
}
