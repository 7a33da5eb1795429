//! How asking a model fails, and whether anything can have started at the provider.

use std::time::Duration;

/// Characters of a provider's own words that an error repeats.
pub const QUOTED_CHARACTERS_MAX: usize = 300;

/// What can have happened at the provider. It decides whether asking again could do the work, and cost, twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// No byte of the request left, or the provider said that it refused it.
    Nothing,
    /// The request, or a part of it, left, and no whole answer came back.
    Unknown,
    /// The provider answered and will charge for it; the answer is of no use.
    Answered,
}

/// Why a model was not asked, or gave no usable reply.
#[derive(Clone, Debug, thiserror::Error)]
#[error("model profile {profile}: {failure}{}", again(*attempts, *started))]
pub struct Error {
    pub profile: String,
    pub failure: Failure,
    pub started: Started,
    /// How often the request was tried; 0 if it was found wrong before.
    pub attempts: u32,
    /// What the provider asked to wait, if it did.
    pub retry_after: Option<Duration>,
    /// The provider's name for the request, which its support asks for.
    pub request_id: Option<String>,
}

fn again(attempts: u32, started: Started) -> String {
    match (attempts, started) {
        (0, _) => "; nothing was sent".to_owned(),
        (1, Started::Nothing) => "; nothing was started there".to_owned(),
        (tries, Started::Nothing) => format!("; tried {tries} times, nothing was started there"),
        (_, Started::Unknown) => "; whether the provider did the work is unknown, so it is not asked again".to_owned(),
        (_, Started::Answered) => "; the provider has charged for it".to_owned(),
    }
}

/// Which part of asking failed. Words of the provider in it are shortened, without control characters, and without the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the request cannot be made: {0}")]
    Request(String),
    #[error("there is no key: {0}")]
    Key(#[from] crate::KeyError),
    #[error("no connection to {host}: {why}")]
    Connect { host: String, why: String },
    #[error("no trusted connection to {host}: {why}")]
    Trust { host: String, why: String },
    #[error("the connection broke while the request was sent: {0}")]
    Send(String),
    #[error("{what} took longer than {limit:?}")]
    TimeOut { what: Phase, limit: Duration },
    #[error("the provider refused the request ({status}): {message}")]
    Refused { status: u16, message: String },
    #[error("the provider allows no more requests for now ({status}): {message}")]
    Busy { status: u16, message: String },
    #[error("the provider failed ({status}): {message}")]
    Provider { status: u16, message: String },
    #[error(
        "the provider redirects ({status}); redirects are not followed, because the key would go with them: put the right base-url into libos.toml"
    )]
    Redirect { status: u16 },
    #[error(
        "the provider answered {found} where JSON or an event stream was asked for; is base-url the root of an OpenAI-compatible API?"
    )]
    ContentType { found: String },
    #[error("the reply is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the reply has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("the reply broke off: {0}")]
    Cut(String),
    #[error("the reply is not in the form that this API has: {0}")]
    Malformed(String),
    #[error("the reply is empty: neither text nor a tool call")]
    Empty,
}

impl Failure {
    /// The same with every word from outside made plain; see [`quoted`].
    pub(crate) fn plain(mut self, key: Option<&crate::Key>) -> Failure {
        match &mut self {
            Failure::Request(words)
            | Failure::Connect { why: words, .. }
            | Failure::Trust { why: words, .. }
            | Failure::Send(words)
            | Failure::Refused { message: words, .. }
            | Failure::Busy { message: words, .. }
            | Failure::Provider { message: words, .. }
            | Failure::ContentType { found: words }
            | Failure::Cut(words)
            | Failure::Malformed(words) => *words = quoted(words, key),
            // Without words from outside.
            Failure::Key(_)
            | Failure::TimeOut { .. }
            | Failure::Redirect { .. }
            | Failure::TooLarge { .. }
            | Failure::TooMany { .. }
            | Failure::Empty => {}
        }
        self
    }
}

/// A stretch of time that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Connect,
    FirstByte,
    Idle,
    Whole,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Phase::Connect => "connecting",
            Phase::FirstByte => "the wait for the first byte of the reply",
            Phase::Idle => "a silence within the reply",
            Phase::Whole => "asking",
        })
    }
}

/// Words from outside as an error may repeat them: one line, no control characters, shortened, without the key.
pub(crate) fn quoted(text: &str, key: Option<&crate::Key>) -> String {
    let text = key.map_or_else(|| text.to_owned(), |key| key.scrub(text));
    let mut plain = String::new();
    for (count, character) in text.trim().chars().enumerate() {
        if count == QUOTED_CHARACTERS_MAX {
            plain.push('…');
            break;
        }
        let hidden = character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        plain.push(if hidden { '\u{fffd}' } else { character });
    }
    plain
}
