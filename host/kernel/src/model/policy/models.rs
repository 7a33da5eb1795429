//! The sections `[model.NAME]`: profiles of models that processes may be given `use model:NAME` of. A profile says where a key is, never
//! the key itself, and an error repeats neither keys nor what may hold one.

use super::read::{Reader, Value};
use super::{Policy, unit};
use crate::model::ask::Price;
use crate::model::image::is_name;
use crate::model::limit;
use core::net::{IpAddr, Ipv6Addr};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// The form in which a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModelApi {
    /// Chat Completions.
    #[default]
    Chat,
    /// Responses.
    Responses,
}

/// The field of Chat Completions that limits a reply: endpoints disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenLimitField {
    #[default]
    MaxTokens,
    MaxCompletionTokens,
}

/// Where the key of a profile is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPlace {
    /// A variable of the host's environment.
    Variable(String),
    /// A file of mode 0600.
    File(PathBuf),
}

/// One model of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelProfile {
    /// `https://api.example.com/v1`.
    pub base_url: String,
    /// As the provider calls it.
    pub model: String,
    pub api: ModelApi,
    pub key: Option<KeyPlace>,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    pub token_limit_field: TokenLimitField,
    /// The endpoint knows no tools (`tools = "words"`): they are said in words, and replies are held to the form of a call.
    pub tools_in_words: bool,
    /// Each reply is to call a tool (`tool-choice = "required"`): small models call none otherwise.
    pub tools_required: bool,
    pub connect_timeout: Duration,
    /// From the sent request to the head of the answer.
    pub first_byte_timeout: Duration,
    /// Between two pieces of a reply.
    pub idle_timeout: Duration,
    /// All attempts, with the waits between them.
    pub whole_timeout: Duration,
    /// Bytes of a reply as it comes over the wire.
    pub reply_bytes: u64,
    /// Tokens that a reply may have.
    pub reply_tokens: u32,
    /// Tokens that the model can read and write together.
    pub context_tokens: u32,
    /// How often a request that started nothing is tried, the first time included.
    pub attempts: u32,
    /// Millionths of the unit of money for a million tokens, as the two that follow.
    pub price_input: u64,
    pub price_cached_input: u64,
    pub price_output: u64,
}

const KEYS: [&str; 19] = [
    "base-url",
    "model",
    "api",
    "key-env",
    "key-file",
    "ca-file",
    "cleartext",
    "token-limit-field",
    "tool-choice",
    "tools",
    "connect-timeout",
    "first-byte-timeout",
    "idle-timeout",
    "whole-timeout",
    "reply-bytes",
    "reply-tokens",
    "context-tokens",
    "attempts",
    "price",
];
const PRICE_KEYS: [&str; 3] = ["input", "cached-input", "output"];
const EXAMPLE: &str = "base-url = \"https://api.example.com/v1\" and model = \"NAME\"";

impl ModelProfile {
    /// What its tokens cost.
    pub fn price(&self) -> Price {
        Price { input: self.price_input, cached_input: self.price_cached_input, output: self.price_output }
    }

    fn new() -> ModelProfile {
        ModelProfile {
            base_url: String::new(),
            model: String::new(),
            api: ModelApi::Chat,
            key: None,
            ca_file: None,
            token_limit_field: TokenLimitField::MaxTokens,
            tools_in_words: false,
            tools_required: false,
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(60),
            whole_timeout: Duration::from_secs(600),
            reply_bytes: 8 << 20,
            reply_tokens: 8_192,
            context_tokens: 32_768,
            attempts: 4,
            price_input: 0,
            price_cached_input: 0,
            price_output: 0,
        }
    }
}

/// Refuses the variables of keys where tools or programs would get them.
pub(super) fn keep_keys_out(reader: &mut Reader<'_, '_>, document: &DeTable<'_>) {
    let names = reader.policy().models.values().filter_map(|profile| match &profile.key {
        Some(KeyPlace::Variable(name)) => Some(name.clone()),
        _ => None,
    });
    let names: BTreeSet<String> = names.collect();
    let programs = section(Some(document), "programs");
    for (variables, hint) in [
        (section(Some(document), "environment"), "tools can see what stands in [environment]"),
        (section(programs, "environment"), "programs get what stands in [programs] environment"),
    ] {
        for (key, _) in variables.into_iter().flatten().filter(|(key, _)| names.contains(key.get_ref().as_ref())) {
            refuse_key(reader, key.span().start, key.get_ref(), hint);
        }
    }
    for (list, hint) in [
        ("inherit", "programs get what stands in [programs] inherit"),
        ("settable", "what stands in [programs] settable is the caller's"),
    ] {
        let listed = programs.and_then(|programs| programs.get(list)).and_then(|value| value.get_ref().as_array());
        for value in listed.into_iter().flatten() {
            if let Some(name) = value.get_ref().as_str().filter(|name| names.contains(*name)) {
                refuse_key(reader, value.span().start, name, hint);
            }
        }
    }
}

fn section<'a, 't>(table: Option<&'a DeTable<'t>>, name: &str) -> Option<&'a DeTable<'t>> {
    table?.get(name)?.get_ref().as_table()
}

fn refuse_key(reader: &mut Reader<'_, '_>, at: usize, name: &str, why: &str) {
    let what = format!("{name} has the key of a model, and {why}");
    reader.fail(at, what, "take it away; the host reads it from its own environment");
}

/// Reads the sections; what is wrong is told and left out.
pub(super) fn read(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> BTreeMap<String, ModelProfile> {
    let mut profiles = BTreeMap::new();
    let Some(table) = reader.table(value, "model") else { return profiles };
    if table.len() > limit::MODEL_PROFILES_MAX {
        let what = format!("there are more than {} profiles of models", limit::MODEL_PROFILES_MAX);
        reader.fail(value.span().start, what, "leave out those that no image names");
        return profiles;
    }
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if !is_name(name) {
            let hint = "write [model.NAME], for example [model.default]";
            reader.fail(key.span().start, "a profile's name is of letters, digits, '-', '_' and '.'", hint);
        } else if let Some(profile) = profile(reader, name, value) {
            profiles.insert(name.to_owned(), profile);
        }
    }
    profiles
}

// long: each key has its line, so that the compiler misses none.
fn profile(reader: &mut Reader<'_, '_>, name: &str, value: &Value<'_>) -> Option<ModelProfile> {
    let section = format!("model.{name}");
    let table = reader.table(value, &section)?;
    let mut profile = ModelProfile::new();
    let (mut cleartext, mut base_at, mut has_cached) = (false, None, false);
    for (key, value) in table {
        let (at, key) = (key.span().start, key.get_ref().as_ref());
        let times = (Duration::from_millis(1), limit::MODEL_TIME_MAX);
        match key {
            "base-url" => {
                base_at = Some(value.span().start);
                profile.base_url =
                    reader.text(value, key, "https://api.example.com/v1")?.trim_end_matches('/').to_owned();
            }
            "model" => profile.model = line(reader, key, value)?,
            "api" => {
                profile.api = word(reader, key, value, &[("chat", ModelApi::Chat), ("responses", ModelApi::Responses)])?
            }
            "key-env" | "key-file" if profile.key.is_some() => {
                reader.fail(at, "a key is in key-env or in key-file, not in both", "leave one of them out");
                return None;
            }
            "key-env" => profile.key = Some(KeyPlace::Variable(variable(reader, value)?)),
            "key-file" => profile.key = Some(KeyPlace::File(absolute(reader, key, value)?)),
            "ca-file" => profile.ca_file = Some(absolute(reader, key, value)?),
            "cleartext" => cleartext = flag(reader, key, value)?,
            "token-limit-field" => {
                let fields = [
                    ("max_tokens", TokenLimitField::MaxTokens),
                    ("max_completion_tokens", TokenLimitField::MaxCompletionTokens),
                ];
                profile.token_limit_field = word(reader, key, value, &fields)?;
            }
            "tools" => profile.tools_in_words = word(reader, key, value, &[("native", false), ("words", true)])?,
            "tool-choice" => profile.tools_required = word(reader, key, value, &[("auto", false), ("required", true)])?,
            "connect-timeout" => profile.connect_timeout = reader.time(key, value, times, "10s")?,
            "first-byte-timeout" => profile.first_byte_timeout = reader.time(key, value, times, "2m")?,
            "idle-timeout" => profile.idle_timeout = reader.time(key, value, times, "1m")?,
            "whole-timeout" => profile.whole_timeout = reader.time(key, value, times, "10m")?,
            "reply-bytes" => {
                profile.reply_bytes = reader.size(key, value, (1 << 10, limit::MODEL_REPLY_BYTES_MAX as u64))?
            }
            "reply-tokens" => profile.reply_tokens = reader.number(key, value, limit::MODEL_TOKENS_MAX)?,
            "context-tokens" => profile.context_tokens = reader.number(key, value, limit::MODEL_TOKENS_MAX)?,
            "attempts" => profile.attempts = reader.number(key, value, limit::MODEL_ATTEMPTS_MAX)?,
            "price" => has_cached = prices(reader, &section, value, &mut profile)?,
            other => reader.unknown_key(at, &section, other, &KEYS),
        }
    }
    if !has_cached {
        profile.price_cached_input = profile.price_input;
    }
    let at = value.span().start;
    let Some(base_at) = base_at.filter(|_| !profile.model.is_empty()) else {
        reader.fail(at, format!("[{section}] needs base-url and model"), EXAMPLE);
        return None;
    };
    if let Err((what, hint)) = check_base(&profile.base_url, cleartext) {
        reader.fail(base_at, what, hint);
        return None;
    }
    Some(profile)
}

fn line(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>) -> Option<String> {
    let text = reader.text(value, key, "gpt-5")?;
    if text.is_empty() || text.len() > limit::MODEL_NAME_BYTES_MAX || text.chars().any(char::is_control) {
        reader.fail(
            value.span().start,
            "a model's name is a line of text that is not empty",
            "as the provider writes it",
        );
        return None;
    }
    Some(text.to_owned())
}

fn word<T: Copy>(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>, known: &[(&str, T)]) -> Option<T> {
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let text = reader.text(value, key, words.first().copied().unwrap_or_default())?;
    let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        reader.fail(
            value.span().start,
            format!("{key} is one of: {}", words.join(", ")),
            super::near::among(text, &words),
        );
    }
    found
}

/// Whoever puts the key itself here must not read it again in an error.
fn variable(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> Option<String> {
    let text = reader.text(value, "key-env", "OPENAI_API_KEY")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if text.is_empty() || text.len() > limit::VARIABLE_NAME_BYTES_MAX || !text.bytes().all(fits) {
        let what = "key-env is the name of an environment variable (letters, digits, '_'), never the key itself";
        reader.fail(value.span().start, what, "for example key-env = \"OPENAI_API_KEY\"");
        return None;
    }
    Some(text.to_owned())
}

fn absolute(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>) -> Option<PathBuf> {
    let path = reader.text(value, key, "/home/me/.config/libos/key")?;
    if !path.starts_with('/') || path.len() > limit::PATH_BYTES_MAX || path.contains('\0') {
        reader.fail(value.span().start, format!("{key} is an absolute path"), "outside of what agents can write");
        return None;
    }
    Some(path.into())
}

fn flag(reader: &mut Reader<'_, '_>, key: &str, value: &Value<'_>) -> Option<bool> {
    let flag = value.get_ref().as_bool();
    if flag.is_none() {
        reader.fail(value.span().start, format!("{key} is true or false"), format!("for example {key} = true"));
    }
    flag
}

/// Units of money for a million tokens. Answers whether there is a price for input that the provider had kept.
fn prices(reader: &mut Reader<'_, '_>, section: &str, value: &Value<'_>, profile: &mut ModelProfile) -> Option<bool> {
    let mut has_cached = false;
    for (key, value) in reader.table(value, &format!("{section}.price"))? {
        let (at, key) = (key.span().start, key.get_ref().as_ref());
        let Some(place) = (match key {
            "input" => Some(&mut profile.price_input),
            "cached-input" => Some(&mut profile.price_cached_input),
            "output" => Some(&mut profile.price_output),
            _ => None,
        }) else {
            reader.unknown_key(at, section, key, &PRICE_KEYS);
            continue;
        };
        has_cached |= key == "cached-input";
        let number = match value.get_ref() {
            DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
            }
            _ => None,
        };
        let Some(number) = number.filter(|number| (0.0..=1e9).contains(number)) else {
            reader.fail(
                value.span().start,
                "a price for a million tokens is from 0 to 1000000000",
                "for example input = 0.25",
            );
            return None;
        };
        *place = (number * 1e6).round() as u64;
    }
    Some(has_cached)
}

/// Messages do not repeat the URL: a key may have been put into it.
fn check_base(url: &str, cleartext: bool) -> Result<(), (&'static str, &'static str)> {
    const HINT: &str = "it looks like \"https://api.example.com/v1\"";
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Err(("base-url begins with https:// or http://", HINT)),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if url.len() > limit::PATH_BYTES_MAX
        || rest.contains(['?', '#'])
        || rest.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err(("base-url has a query, a # or a space in it, or is too long", HINT));
    }
    if authority.contains('@') {
        return Err(("base-url has a user name or password in it", "keys come from key-env or key-file"));
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (Some(host).filter(|host| host.parse::<Ipv6Addr>().is_ok()), port),
        None => {
            let (host, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (Some(host).filter(|host| !host.is_empty() && host.bytes().all(fits)), port)
        }
    };
    let Some(host) = host else { return Err(("base-url has no right host", HINT)) };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err(("base-url has no right port", HINT));
    }
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !secure && !is_here && !cleartext {
        let why = "http: to another machine shows key and conversation to everybody between";
        return Err((why, "use https, or say cleartext = true"));
    }
    Ok(())
}

/// The names of all profiles of two policies.
pub(super) fn names<'p>(old: &'p Policy, new: &'p Policy) -> BTreeSet<&'p String> {
    old.models.keys().chain(new.models.keys()).collect()
}

/// What is said of a profile to a person who compares two policies.
pub(super) fn told(profiles: &BTreeMap<String, ModelProfile>, name: &str) -> String {
    let Some(profile) = profiles.get(name) else { return "none".into() };
    let key = match &profile.key {
        None => "no key".to_owned(),
        Some(KeyPlace::Variable(name)) => format!("the key in ${name}"),
        Some(KeyPlace::File(path)) => format!("the key in {}", path.display()),
    };
    let ModelProfile { base_url, model, reply_tokens, attempts, .. } = profile;
    let times = [profile.connect_timeout, profile.first_byte_timeout, profile.idle_timeout, profile.whole_timeout];
    let times: Vec<String> = times.into_iter().map(unit::time).collect();
    let words = if profile.tools_in_words { ", tools in words" } else { "" };
    let must = if profile.tools_required { ", a tool call in each reply" } else { "" };
    let trusts = profile.ca_file.as_ref().map_or_else(String::new, |path| format!(", trusting {}", path.display()));
    format!(
        "{model} at {base_url} ({:?}, {:?}) with {key}{trusts}{words}{must}; replies of at most {reply_tokens} tokens and {}, {} tokens of context, {attempts} \
         attempts, times {}, prices {}, {} and {} millionths for a million tokens",
        profile.api,
        profile.token_limit_field,
        unit::size(profile.reply_bytes),
        profile.context_tokens,
        times.join(" "),
        profile.price_input,
        profile.price_cached_input,
        profile.price_output,
    )
}

#[cfg(test)]
mod tests;
