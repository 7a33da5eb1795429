//! Profiles: the sections `[model.NAME]` of `libos.toml`. Each says where a model is, whose key opens it, and how much of its time,
//! bytes and tokens one reply may take.

use crate::api::Usage;
use crate::key::KeySource;
use hyper::Uri;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

pub const PROFILES_MAX: usize = 100;
/// Characters of the name of a profile.
const NAME_CHARACTERS_MAX: usize = 64;
/// Bytes of a base URL, a model's name, a variable's name or a path.
const TEXT_BYTES_MAX: usize = 4 * 1024;
pub const REPLY_BYTES_MAX: usize = 64 * 1024 * 1024;
pub const ATTEMPTS_MAX: u32 = 10;
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Which API of the endpoint is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Chat Completions: `POST {base-url}/chat/completions`.
    Chat,
    /// Responses: `POST {base-url}/responses`.
    Responses,
}

/// The field of Chat Completions that limits a reply: endpoints disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenField {
    /// What nearly every endpoint knows.
    MaxTokens,
    /// What OpenAI's own demands for models that reason.
    MaxCompletionTokens,
}

/// One model of one provider. Holds no key, only where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub name: String,
    pub base: Base,
    pub model: String,
    pub api: Api,
    pub key: Option<KeySource>,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    pub token_field: TokenField,
    pub times: Times,
    /// Bytes of a reply as it comes over the wire, its events included.
    pub reply_bytes_max: usize,
    /// Tokens that a reply may have.
    pub reply_tokens_max: u32,
    /// Tokens that the model can read and write together; what the context is kept below.
    pub context_tokens: u32,
    /// How often a request that started nothing is tried, the first time included.
    pub attempts: u32,
    pub price: Price,
}

/// An endpoint: `http` or `https`, host, port, and the path under which the API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    pub tls: bool,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    pub port: u16,
    /// Begins with a slash or is empty; does not end with one.
    pub path: String,
}

/// Time-outs. Each bounds a stretch; `whole` bounds all attempts with the waits between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub connect: Duration,
    /// From the sent request to the head of the answer.
    pub first_byte: Duration,
    /// Between two pieces of a reply.
    pub idle: Duration,
    pub whole: Duration,
}

/// Millionths of the host's unit of money for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
}

impl Price {
    /// What tokens cost, in millionths of the unit, rounded up.
    pub fn of(&self, usage: Usage) -> u64 {
        let fresh = usage.input.saturating_sub(usage.cached_input);
        let cached = usage.cached_input.min(usage.input);
        let parts = [(fresh, self.input), (cached, self.cached_input), (usage.output, self.output)];
        let total: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
        u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// What is wrong with the section of a profile, and where; lines and columns from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ProfileError {
    pub line: usize,
    pub column: usize,
    pub what: String,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    model: BTreeMap<Spanned<String>, Section>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Section {
    base_url: Spanned<String>,
    model: Spanned<String>,
    #[serde(default = "chat")]
    api: Api,
    key_env: Option<Spanned<String>>,
    key_file: Option<Spanned<PathBuf>>,
    ca_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    cleartext: bool,
    #[serde(default = "max_tokens")]
    token_limit_field: TokenField,
    connect_timeout: Option<Spanned<String>>,
    first_byte_timeout: Option<Spanned<String>>,
    idle_timeout: Option<Spanned<String>>,
    whole_timeout: Option<Spanned<String>>,
    reply_bytes: Option<Spanned<u64>>,
    reply_tokens: Option<Spanned<u32>>,
    context_tokens: Option<Spanned<u32>>,
    attempts: Option<Spanned<u32>>,
    #[serde(default)]
    price: Prices,
}

/// Units of money for a million tokens.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Prices {
    input: Option<Spanned<f64>>,
    cached_input: Option<Spanned<f64>>,
    output: Option<Spanned<f64>>,
}

fn chat() -> Api {
    Api::Chat
}

fn max_tokens() -> TokenField {
    TokenField::MaxTokens
}

type Wrong = (usize, String);

/// Reads the profiles of a text of `libos.toml`; what its other sections mean is not looked at.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str) -> Result<BTreeMap<String, Profile>, ProfileError> {
    let place = |offset: usize, what: String| {
        let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1);
        ProfileError { line, column, what }
    };
    let file: File = toml::from_str(text)
        .map_err(|error| place(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    if file.model.len() > PROFILES_MAX {
        return Err(place(0, format!("at most {PROFILES_MAX} model profiles")));
    }
    let profiles = file.model.into_iter().map(|(name, section)| {
        let profile = section.profile(name).map_err(|(offset, what)| place(offset, what))?;
        Ok((profile.name.clone(), profile))
    });
    profiles.collect()
}

impl Section {
    fn profile(self, name: Spanned<String>) -> Result<Profile, Wrong> {
        let at = name.span().start;
        let name = name.into_inner();
        let named = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
        if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !name.chars().all(named) {
            return Err((at, format!("a profile's name is 1 to {NAME_CHARACTERS_MAX} of a-z, 0-9 and -")));
        }
        let base_at = self.base_url.span().start;
        let base = Base::parse(self.base_url.get_ref()).map_err(|why| (base_at, why))?;
        if !base.tls && !base.is_this_machine() && !self.cleartext {
            let why = "http: to another machine shows key and conversation to everybody between; use https, or say cleartext = true";
            return Err((base_at, why.to_owned()));
        }
        let model_at = self.model.span().start;
        let model = self.model.into_inner();
        if model.is_empty() || model.len() > TEXT_BYTES_MAX || model.chars().any(char::is_control) {
            return Err((model_at, "a model's name is a line of text that is not empty".to_owned()));
        }
        let times = Times {
            connect: time(self.connect_timeout, 10)?,
            first_byte: time(self.first_byte_timeout, 120)?,
            idle: time(self.idle_timeout, 60)?,
            whole: time(self.whole_timeout, 600)?,
        };
        let bytes = number(self.reply_bytes, 8 * 1024 * 1024, 1, REPLY_BYTES_MAX as u64, "reply-bytes")?;
        Ok(Profile {
            base,
            model,
            api: self.api,
            key: key(at, self.key_env, self.key_file)?,
            ca_file: self.ca_file.map(|path| absolute(path, "ca-file")).transpose()?,
            token_field: self.token_limit_field,
            times,
            reply_bytes_max: usize::try_from(bytes).unwrap_or(REPLY_BYTES_MAX),
            reply_tokens_max: number(self.reply_tokens, 8_192, 1, u32::MAX, "reply-tokens")?,
            context_tokens: number(self.context_tokens, 32_768, 512, u32::MAX, "context-tokens")?,
            attempts: number(self.attempts, 4, 1, ATTEMPTS_MAX, "attempts")?,
            price: self.price.price()?,
            name,
        })
    }
}

fn key(
    at: usize,
    variable: Option<Spanned<String>>,
    file: Option<Spanned<PathBuf>>,
) -> Result<Option<KeySource>, Wrong> {
    match (variable, file) {
        (Some(_), Some(_)) => Err((at, "a key is in key-env or in key-file, not in both".to_owned())),
        (Some(name), None) => {
            let fits = |character: char| character.is_ascii_alphanumeric() || character == '_';
            // Whoever puts the key itself here must not read it again in an error.
            let why = "key-env is the name of an environment variable (letters, digits, _), never the key itself";
            if name.get_ref().is_empty() || name.get_ref().len() > 128 || !name.get_ref().chars().all(fits) {
                return Err((name.span().start, why.to_owned()));
            }
            Ok(Some(KeySource::Environment(name.into_inner())))
        }
        (None, Some(path)) => Ok(Some(KeySource::File(absolute(path, "key-file")?))),
        (None, None) => Ok(None),
    }
}

fn absolute(path: Spanned<PathBuf>, what: &str) -> Result<PathBuf, Wrong> {
    if path.get_ref().is_absolute() {
        return Ok(path.into_inner());
    }
    Err((path.span().start, format!("{what} is an absolute path, outside of what agents can write")))
}

impl Prices {
    fn price(self) -> Result<Price, Wrong> {
        let read = |value: Option<Spanned<f64>>| match value {
            None => Ok(None),
            Some(value) if (0.0..=1e9).contains(value.get_ref()) => Ok(Some((value.get_ref() * 1e6).round() as u64)),
            Some(value) => Err((value.span().start, "a price for a million tokens is from 0 to 1000000000".to_owned())),
        };
        let (input, cached, output) = (read(self.input)?, read(self.cached_input)?, read(self.output)?);
        let input = input.unwrap_or(0);
        Ok(Price { input, cached_input: cached.unwrap_or(input), output: output.unwrap_or(0) })
    }
}

fn number<N: PartialOrd + Copy + std::fmt::Display>(
    value: Option<Spanned<N>>,
    default: N,
    least: N,
    most: N,
    what: &str,
) -> Result<N, Wrong> {
    match value {
        None => Ok(default),
        Some(value) if (least..=most).contains(value.get_ref()) => Ok(*value.get_ref()),
        Some(value) => Err((value.span().start, format!("{what} is from {least} to {most}"))),
    }
}

/// A time such as `500ms`, `30s`, `10m` or `1h`.
fn time(value: Option<Spanned<String>>, default_seconds: u64) -> Result<Duration, Wrong> {
    let Some(value) = value else { return Ok(Duration::from_secs(default_seconds)) };
    let text = value.get_ref();
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let milliseconds = unit.zip(text[..digits].parse::<u64>().ok()).and_then(|(unit, count)| count.checked_mul(unit));
    match milliseconds.map(Duration::from_millis) {
        Some(time) if !time.is_zero() && time <= TIME_MAX => Ok(time),
        _ => Err((value.span().start, "a time is \"500ms\", \"30s\", \"10m\" or \"1h\", at most 24h".to_owned())),
    }
}

impl Base {
    /// Takes a base URL apart. Messages do not repeat it: a key may have been put into it.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Base, String> {
        let wrong = |why: &str| Err(format!("base-url {why}; it looks like \"https://api.example.com/v1\""));
        if text.len() > TEXT_BYTES_MAX || text.contains('#') {
            return wrong("is too long or has a #");
        }
        let Ok(uri) = text.parse::<Uri>() else { return wrong("is no URL") };
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return wrong("begins with http:// or https://"),
        };
        let Some(authority) = uri.authority() else { return wrong("has no host") };
        if authority.as_str().contains('@') {
            return wrong("has a user name or password in it; keys come from key-env or key-file");
        }
        if uri.query().is_some() {
            return wrong("has a query");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let with_port = authority.as_str().len() > authority.host().len();
        if host.is_empty() || port == 0 || (with_port && authority.port_u16().is_none()) {
            return wrong("has no right host or port");
        }
        Ok(Base { tls, host, port, path: uri.path().trim_end_matches('/').to_owned() })
    }

    /// Whether the name can mean nothing but this machine.
    fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.host.parse::<core::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Host and port as they stand in a URL and a `Host` header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}
