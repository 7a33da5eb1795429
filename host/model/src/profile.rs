//! Profiles: what the sections `[model.NAME]` of `libos.toml` say, which the kernel reads. Each says where a model is, whose key opens
//! it, and how much of its time, bytes and tokens one reply may take.

use crate::api::{ToolChoice, Usage};
use crate::key::KeySource;
use hyper::Uri;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of a base URL.
const TEXT_BYTES_MAX: usize = 4 * 1024;

/// Which API of the endpoint is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Chat Completions: `POST {base-url}/chat/completions`.
    Chat,
    /// Responses: `POST {base-url}/responses`.
    Responses,
}

/// The field of Chat Completions that limits a reply: endpoints disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The endpoint knows no tools: they are said in words, and replies are held to the form of a call.
    pub tools_in_words: bool,
    /// Whether the model must call tools, where a request does not say.
    pub tool_choice: ToolChoice,
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

    /// Host and port as they stand in a URL and a `Host` header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}
