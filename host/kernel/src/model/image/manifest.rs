//! Reads the manifest of an image: a closed schema, every error with its place and what to write instead. The work grows with the text,
//! whatever is in it.

use super::node::{At, Node, Value, error};
use super::{ContextLimits, Format, Image, ImagePlanner, ManifestError, Restriction, is_name, yaml};
use crate::model::candidate::check_tool_name;
use crate::model::grant::Effect;
use crate::model::limit;
use crate::model::name::is_hidden;
use crate::model::policy::{Lines, near, short, toml_hint, unit};
use crate::model::purse::Coin;
use crate::model::rule::Rule;
use toml::de::DeTable;

/// Errors that one reading tells; a text with more is no manifest that somebody mistyped.
const ERRORS_MAX: usize = 20;
/// `name` is what `id` was called once.
const KEYS: [&str; 10] =
    ["id", "version", "description", "prompt", "planner", "tools", "context", "needs", "policy", "budget"];
const CONTEXT_KEYS: [&str; 2] = ["compact-at", "preview"];
const POLICY_KEYS: [&str; 2] = ["ask", "deny"];
/// Bytes of a transcript: less is no work that anybody could go on with, more no model reads.
const COMPACT_AT: std::ops::RangeInclusive<u64> = 4 << 10..=16 << 20;
const PREVIEW: std::ops::RangeInclusive<u64> = 64..=64 << 10;

/// Reads a manifest.
pub(super) fn read(text: &str, format: Format) -> Result<Image, Vec<ManifestError>> {
    if text.len() > limit::IMAGE_BYTES_MAX {
        let what = format!("a manifest has at most {}", unit::size(limit::IMAGE_BYTES_MAX as u64));
        return Err(vec![error(
            (1, 1),
            what,
            "the prompt says what matters always; the rest is for files and objects",
        )]);
    }
    let document = match format {
        Format::Toml => toml(text),
        Format::Yaml => yaml::read(text),
    };
    let document = document.map_err(|error| vec![error])?;
    let mut reader = Reader { errors: Vec::new(), format };
    let image = reader.image(&document);
    match image {
        Some(image) if reader.errors.is_empty() => Ok(image),
        _ => {
            reader.errors.sort_by_key(|error| (error.line, error.column));
            Err(reader.errors)
        }
    }
}

fn toml(text: &str) -> Result<Node, ManifestError> {
    let lines = Lines::new(text);
    match DeTable::parse(text) {
        Ok(document) => {
            let span = document.span();
            let table = toml::de::DeValue::Table(document.into_inner());
            Ok(Node::of_toml(&toml::Spanned::new(span, table), &lines))
        }
        Err(wrong) => {
            let offset = wrong.span().map_or(0, |span| span.start);
            let hint = toml_hint(text, &lines, offset, wrong.message());
            Err(error(lines.place(offset), wrong.message(), hint))
        }
    }
}

struct Reader {
    errors: Vec<ManifestError>,
    format: Format,
}

impl Reader {
    fn fail(&mut self, at: At, what: impl Into<String>, hint: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error(at, what, hint));
        }
    }

    /// A right line, in the format of the text.
    fn example(&self, key: &str, text: &str) -> String {
        match self.format {
            Format::Toml => format!("for example {key} = \"{text}\""),
            Format::Yaml => format!("for example `{key}: \"{text}\"`"),
        }
    }

    fn image(&mut self, document: &Node) -> Option<Image> {
        let Value::Table(rows) = &document.value else { return None };
        let mut image = Image { name: String::new(), version: String::new(), ..Image::base() };
        image.description = String::new();
        image.tools = Vec::new();
        let (mut named, mut numbered, mut equipped) = (false, false, false);
        for (at, key, value) in rows {
            match key.as_str() {
                "id" | "name" if named => self.fail(*at, "'id' and 'name' are the same", "leave 'name' out"),
                "id" | "name" => {
                    named = true;
                    image.name = self.word(value, key, "helper");
                }
                "version" => {
                    numbered = true;
                    image.version = self.word(value, key, "1");
                }
                "description" => image.description = self.text(value, key, limit::IMAGE_DESCRIPTION_BYTES_MAX),
                "prompt" => image.prompt = Some(self.text(value, key, limit::IMAGE_PROMPT_BYTES_MAX)),
                "planner" => image.planner = self.planner(value),
                "tools" => {
                    equipped = true;
                    image.tools = self.tools(value);
                }
                "context" => image.context = self.context(value),
                "needs" => image.needs = Some(self.rules(value, key, limit::TOOL_NEEDS_MAX)),
                "policy" => image.policy = self.policy(value),
                "budget" => image.budget = self.budget(value),
                other => self.unknown(*at, other),
            }
        }
        for (there, key, text) in [(named, "id", "helper"), (numbered, "version", "1")] {
            if !there {
                let hint = self.example(key, text);
                self.fail(document.at, format!("'{key}' is missing"), hint);
            }
        }
        if !equipped {
            let hint = match self.format {
                Format::Toml => "for example tools = [\"read_text_file\"], or [\"*\"] for every tool of the host",
                Format::Yaml => "for example `tools: [read_text_file]`, or [\"*\"] for every tool of the host",
            };
            self.fail(document.at, "'tools' is missing", hint);
        }
        Some(image)
    }

    fn unknown(&mut self, at: At, key: &str) {
        let hint = match key {
            "allow" | "grants" | "capabilities" | "permissions" => {
                "an image grants nothing; what it needs stands in 'needs', and libos.toml grants it".to_owned()
            }
            "ask" | "deny" => format!("'{key}' is a key of 'policy'"),
            "system_prompt" | "system-prompt" => "did you mean 'prompt'?".to_owned(),
            _ => near::among(key, &KEYS),
        };
        self.fail(at, format!("there is no '{}' in a manifest", short(key)), hint);
    }

    /// A text of at most so many bytes, as it stands. Line ends and tabs are a text's own; what nobody sees is refused.
    fn text(&mut self, value: &Node, key: &str, most: usize) -> String {
        let Some(text) = value.text().map(|text| text.replace("\r\n", "\n")) else {
            let hint = self.example(key, "a text");
            self.fail(value.at, format!("'{key}' is a text, not a{}", noun(value.kind())), hint);
            return String::new();
        };
        if text.len() > most {
            let what = format!("'{key}' has {} bytes, at most {most}", text.len());
            self.fail(value.at, what, "what is needed now and then is for files and objects");
        }
        if let Some(hidden) = text.chars().find(|character| is_hidden(*character) && !matches!(character, '\n' | '\t'))
        {
            let what = format!("'{key}' has a character that nobody sees, U+{:04X}", hidden as u32);
            self.fail(value.at, what, "take it out: who reads the manifest would not know what the model reads");
        }
        text
    }

    /// An id or a version.
    fn word(&mut self, value: &Node, key: &str, example: &str) -> String {
        match value.text() {
            Some(text) if is_name(text) => text.to_owned(),
            Some(_) => {
                let what = format!("'{key}' has 1 to 64 characters of a-z, A-Z, 0-9, '-', '_' and '.'");
                let hint = self.example(key, example);
                self.fail(value.at, what, hint);
                String::new()
            }
            None => {
                let hint = self.example(key, example);
                self.fail(value.at, format!("'{key}' is a text, not a{}", noun(value.kind())), hint);
                String::new()
            }
        }
    }

    fn planner(&mut self, value: &Node) -> Option<ImagePlanner> {
        let hint = "\"script\", or \"model:\" and the name of a profile of libos.toml, for example \"model:default\"";
        match value.text() {
            Some("script") => Some(ImagePlanner::Script),
            Some(text) => {
                let profile = text.strip_prefix("model:").filter(|profile| is_name(profile));
                if profile.is_none() {
                    self.fail(value.at, format!("'{}' is no planner", short(text)), hint);
                }
                profile.map(|profile| ImagePlanner::Model(profile.to_owned()))
            }
            None => {
                self.fail(value.at, format!("'planner' is a text, not a{}", noun(value.kind())), hint);
                None
            }
        }
    }

    fn list<'n>(&mut self, value: &'n Node, key: &str, most: usize) -> &'n [Node] {
        match &value.value {
            Value::List(list) if list.len() <= most => list,
            Value::List(list) => {
                self.fail(value.at, format!("'{key}' has {} lines, at most {most}", list.len()), "leave some out");
                &[]
            }
            _ => {
                let hint = match self.format {
                    Format::Toml => format!("for example {key} = [\"one\", \"another\"]"),
                    Format::Yaml => "a list has a line `- value` for each".to_owned(),
                };
                self.fail(value.at, format!("'{key}' is a list, not a{}", noun(value.kind())), hint);
                &[]
            }
        }
    }

    fn tools(&mut self, value: &Node) -> Vec<String> {
        let mut tools: Vec<String> = Vec::new();
        for node in self.list(value, "tools", limit::IMAGE_TOOLS_MAX) {
            let hint = "a name that `libos tool list` shows, or \"*\" for every tool of the host";
            match node.text() {
                Some(name) if name != "*" && check_tool_name(name).is_err() => {
                    self.fail(node.at, format!("'{}' is no name of a tool", short(name)), hint);
                }
                Some(name) if tools.iter().any(|known| known == name) => {
                    self.fail(node.at, format!("the tool '{}' stands twice", short(name)), "once is enough");
                }
                Some(name) => tools.push(name.to_owned()),
                None => self.fail(node.at, format!("a tool is a text, not a{}", noun(node.kind())), hint),
            }
        }
        tools
    }

    fn table<'n>(&mut self, value: &'n Node, key: &str, example: &str) -> &'n [(At, String, Node)] {
        if let Value::Table(rows) = &value.value {
            return rows;
        }
        self.fail(value.at, format!("'{key}' is a table, not a{}", noun(value.kind())), example);
        &[]
    }

    fn context(&mut self, value: &Node) -> Option<ContextLimits> {
        let mut limits = ContextLimits { compact_at: None, preview: None };
        let mut preview_at = value.at;
        for (at, key, value) in self.table(value, "context", "it has compact-at and preview, for example \"32 KiB\"") {
            let (field, range) = match key.as_str() {
                "compact-at" => (&mut limits.compact_at, COMPACT_AT),
                "preview" => {
                    preview_at = value.at;
                    (&mut limits.preview, PREVIEW)
                }
                other => {
                    let what = format!("there is no '{}' in 'context'", short(other));
                    self.fail(*at, what, near::among(other, &CONTEXT_KEYS));
                    continue;
                }
            };
            *field = value.text().and_then(unit::parse_size).filter(|size| range.contains(size));
            if field.is_none() {
                let (least, most) = (unit::size(*range.start()), unit::size(*range.end()));
                let hint = self.example(key, if key == "preview" { "2 KiB" } else { "32 KiB" });
                self.fail(value.at, format!("'{key}' is a size from {least} to {most}"), hint);
            }
        }
        if let (Some(compact_at), Some(preview)) = (limits.compact_at, limits.preview)
            && preview > compact_at / 2
        {
            self.fail(
                preview_at,
                "'preview' is more than half of 'compact-at'",
                "one result would fill the transcript",
            );
        }
        Some(limits)
    }

    /// The lines of a list of rules.
    fn rules(&mut self, value: &Node, key: &str, most: usize) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for node in self.list(value, key, most) {
            let Some(text) = node.text() else {
                self.fail(node.at, format!("a line of '{key}' is a text"), near::rule(""));
                continue;
            };
            match Rule::parse(text) {
                Ok(rule) if rules.contains(&rule) => {
                    self.fail(node.at, format!("the line stands twice in '{key}'"), "once is enough");
                }
                Ok(rule) => rules.push(rule),
                Err(why) => self.fail(node.at, why, near::rule(text)),
            }
        }
        rules
    }

    fn policy(&mut self, value: &Node) -> Option<Vec<Restriction>> {
        let mut restrictions = Vec::new();
        for (at, key, value) in self.table(value, "policy", "it has 'ask' and 'deny', lists of rules") {
            let effect = match key.as_str() {
                "ask" => Effect::Ask,
                "deny" => Effect::Deny,
                "allow" => {
                    let hint = "what it needs stands in 'needs', and libos.toml grants it";
                    self.fail(*at, "an image grants nothing", hint);
                    continue;
                }
                other => {
                    let what = format!("there is no '{}' in 'policy'", short(other));
                    self.fail(*at, what, near::among(other, &POLICY_KEYS));
                    continue;
                }
            };
            let rules = self.rules(value, key, limit::IMAGE_RULES_MAX);
            restrictions.extend(rules.into_iter().map(|rule| Restriction { effect, rule }));
        }
        // Denies and asks in one order, however the manifest has them.
        restrictions.sort_by_key(|restriction| restriction.effect != Effect::Deny);
        Some(restrictions)
    }

    fn budget(&mut self, value: &Node) -> Option<Vec<(Coin, u64)>> {
        let example = "it has kinds and numbers, for example tool-calls and 100";
        let mut amounts: Vec<(Coin, u64)> = Vec::new();
        for (at, key, value) in self.table(value, "budget", example) {
            let Some(coin) = Coin::parse(key) else {
                let what = format!("there is no kind of budget '{}'", short(key));
                self.fail(*at, what, near::among(key, &Coin::ALL.map(Coin::word)));
                continue;
            };
            match value.number().filter(|number| *number <= limit::PURSE_AMOUNT_MAX) {
                Some(number) => amounts.push((coin, number)),
                None => {
                    let what = format!("{coin} is a number from 0 to {}", limit::PURSE_AMOUNT_MAX);
                    self.fail(value.at, what, "a number of tens, without quotes, units and points");
                }
            }
        }
        amounts.sort_unstable();
        Some(amounts)
    }
}

/// A word with what "a" needs before it.
fn noun(kind: &str) -> String {
    if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { format!("n {kind}") } else { format!(" {kind}") }
}
