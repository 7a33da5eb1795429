//! A question to a model, as far as the kernel looks at it: how long it is and how long its answer may be. What the rest means only the
//! client of models knows.

use super::answer::CallError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Bytes of a request that are at least one token: fewer of them are, for every writing that people use.
const BYTES_OF_A_TOKEN: u64 = 3;

/// Tokens that an answer took, as its provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    pub input: u64,
    /// Those of the input that the provider had kept, and usually sells for less.
    pub cached_input: u64,
    pub output: u64,
}

/// Millionths of the unit of money for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
}

impl Price {
    /// What tokens cost, in millionths of the unit of money, rounded up.
    pub fn of(&self, tokens: Tokens) -> u64 {
        let cached = tokens.cached_input.min(tokens.input);
        let parts = [(tokens.input - cached, self.input), (cached, self.cached_input), (tokens.output, self.output)];
        let product = |(count, price): (u64, u64)| u128::from(count).saturating_mul(u128::from(price));
        let total = parts.into_iter().map(product).fold(0, u128::saturating_add);
        u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[derive(Deserialize)]
struct Outline<M> {
    messages: Vec<M>,
    #[serde(default)]
    tokens_max: Option<u32>,
}

/// Whether a text is a request.
///
/// # Errors
/// `invalid`, with the place.
pub fn check(request: &str) -> Result<(), CallError> {
    let outline: Result<Outline<IgnoredAny>, _> = serde_json::from_str(request);
    outline.map(drop).map_err(|error| CallError::Invalid(format!("no request to a model: {error}")))
}

/// How many messages a request has.
pub fn messages(request: &str) -> usize {
    serde_json::from_str(request).map_or(0, |outline: Outline<IgnoredAny>| outline.messages.len())
}

/// The text of the last message, for a person who is asked.
pub fn last_words(request: &str) -> Option<String> {
    let outline: Outline<Value> = serde_json::from_str(request).ok()?;
    let message = outline.messages.into_iter().next_back()?;
    let (_, body) = message.as_object()?.iter().next()?;
    let text = body.as_str().or_else(|| body.get("text")?.as_str());
    Some(text.map_or_else(|| body.to_string(), str::to_owned))
}

/// Tokens that a request has at most by its bytes, and those that its answer may have if it asks for fewer than the profile allows.
pub fn tokens(request: &str) -> (u64, Option<u32>) {
    let outline: Option<Outline<IgnoredAny>> = serde_json::from_str(request).ok();
    ((request.len() as u64).div_ceil(BYTES_OF_A_TOKEN), outline.and_then(|outline| outline.tokens_max))
}
