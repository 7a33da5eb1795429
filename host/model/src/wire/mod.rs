//! The two forms of the API on the wire, and what they have in common.

pub(crate) mod chat;
pub(crate) mod events;
pub(crate) mod headers;
pub(crate) mod responses;

use crate::api::{Finish, ReplyFormat, Request, SentCall, ToolChoice, Usage};
use crate::error::Failure;
use crate::profile::{Api, Profile};
use serde::Deserialize;
use serde_json::Value;

/// Tool calls in one reply.
pub(crate) const CALLS_MAX: usize = 128;
/// Characters of a name or id that a provider sends.
const ID_CHARACTERS_MAX: usize = 256;

/// A reply as the wire had it, before the tool calls are looked at.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub text: String,
    pub sent: Vec<SentCall>,
    pub usage: Option<Usage>,
    /// `None` where the provider has not said that it is at its end.
    pub finish: Option<Finish>,
    pub model: Option<String>,
}

impl Raw {
    /// Adds a call; the provider's own text is bounded by the bytes of the reply.
    fn call(&mut self, id: Option<String>, name: String, arguments: String) -> Result<(), Failure> {
        if self.sent.len() == CALLS_MAX {
            return Err(Failure::TooMany { what: "tool calls", limit: CALLS_MAX });
        }
        self.sent.push(SentCall { id: id.unwrap_or_default(), name, arguments });
        Ok(())
    }

    /// Gives calls without an id one, the same every time.
    pub fn name_calls(&mut self) {
        for at in 0..self.sent.len() {
            if self.sent[at].id.is_empty() {
                let free = |id: &String| self.sent.iter().all(|call| call.id != *id);
                let id = (at..).map(|number| format!("call_{number}")).find(free).unwrap_or_default();
                self.sent[at].id = id;
            }
        }
    }
}

/// What reading a piece of a reply came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    More,
    Done,
}

/// A reply that comes as events.
pub(crate) enum Stream {
    Chat(chat::Stream),
    Responses(responses::Stream),
}

impl Stream {
    pub fn new(api: Api) -> Stream {
        match api {
            Api::Chat => Stream::Chat(chat::Stream::default()),
            Api::Responses => Stream::Responses(responses::Stream::default()),
        }
    }

    /// Takes one event; `text` gets what it adds to the text.
    pub fn take(&mut self, data: &str, text: &mut dyn FnMut(&str)) -> Result<Step, Failure> {
        match self {
            Stream::Chat(stream) => stream.take(data, text),
            Stream::Responses(stream) => stream.take(data, text),
        }
    }

    /// The reply, if the provider came to its end.
    pub fn end(self) -> Result<Raw, Failure> {
        let raw = match self {
            Stream::Chat(stream) => stream.end()?,
            Stream::Responses(stream) => stream.end(),
        };
        match raw.finish {
            Some(_) => Ok(raw),
            None => Err(Failure::Cut("the stream ended before the model said that it had finished".to_owned())),
        }
    }
}

/// The path of an API below the base URL, and the body of a request. The same request gives the same bytes.
pub(crate) fn encode(profile: &Profile, request: &Request) -> Result<(&'static str, Vec<u8>), Failure> {
    let (path, body) = match profile.api {
        Api::Chat => ("/chat/completions", chat::encode(profile, request)),
        Api::Responses => ("/responses", responses::encode(profile, request)),
    };
    match serde_json::to_vec(&body) {
        Ok(bytes) => Ok((path, bytes)),
        Err(error) => Err(Failure::Request(error.to_string())),
    }
}

/// Reads a reply that came as one JSON value.
pub(crate) fn whole(api: Api, body: &[u8]) -> Result<Raw, Failure> {
    let read = match api {
        Api::Chat => chat::whole(body),
        Api::Responses => responses::whole(body),
    };
    // A body that ends with its connection has no other sign that it was cut.
    let cut = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err_and(|error| error.is_eof());
    match read {
        Err(Failure::Malformed(_)) if cut() => Err(Failure::Cut("the connection ended within the reply".to_owned())),
        read => read,
    }
}

fn tokens_max(profile: &Profile, request: &Request) -> u32 {
    request.tokens_max.unwrap_or(u32::MAX).min(profile.reply_tokens_max)
}

/// The word for what tools are to be called; none where the model may do as it likes.
fn tool_choice(profile: &Profile, request: &Request) -> Option<&'static str> {
    match request.tool_choice.unwrap_or(profile.tool_choice) {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none"),
        ToolChoice::Required => Some("required"),
    }
}

/// The name of a format that a schema has on the wire, and whether there is one.
fn format(request: &Request) -> Option<Value> {
    match &request.format {
        ReplyFormat::Text => None,
        ReplyFormat::Json => Some(serde_json::json!({"type": "json_object"})),
        ReplyFormat::Schema { .. } => Some(serde_json::json!({"type": "json_schema"})),
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(text).map_err(|error| Failure::Malformed(error.to_string()))
}

/// A name of the provider's, bounded.
fn bounded(text: String) -> Result<String, Failure> {
    if text.chars().count() > ID_CHARACTERS_MAX {
        return Err(Failure::TooMany { what: "characters in a name or id", limit: ID_CHARACTERS_MAX });
    }
    Ok(text)
}

/// Arguments: meant to be a text that holds JSON; several servers send the JSON itself.
fn arguments(value: Option<Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}

/// An error as endpoints write it: `{"error": {"message": ..., "type": ..., "code": ...}}`, or with a plain text in place of the inner
/// object. Gives the message and the kind.
pub(crate) fn complaint(body: &[u8]) -> Option<(String, String)> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error").filter(|error| !error.is_null())?;
    let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = error.as_str().map_or_else(|| text("message"), str::to_owned);
    let kind = [text("code"), text("type")].join(" ");
    Some((message, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a stream in pieces of these sizes, over and over; the text, the calls and whether it ended well.
    fn read_in(api: Api, bytes: &[u8], sizes: &[usize]) -> (String, Vec<SentCall>, bool) {
        let (mut events, mut stream, mut shown) = (events::Events::default(), Stream::new(api), String::new());
        let (mut rest, mut failed) = (bytes, false);
        for size in sizes.iter().cycle() {
            let (piece, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            let done = events.take::<Failure>(piece, |data| {
                let data = String::from_utf8_lossy(data).into_owned();
                Ok(stream.take(&data, &mut |text| shown.push_str(text))? == Step::Done)
            });
            failed = done.is_err();
            if rest.is_empty() || !matches!(done, Ok(false)) {
                break;
            }
        }
        let raw = stream.end();
        let good = raw.is_ok() && !failed;
        (shown, raw.map(|raw| raw.sent).unwrap_or_default(), good)
    }

    const GOOD: &str = "\u{feff}data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"gr\u{fc}n\"}}]}\r\n\r\n: hello\r\nevent: x\rdata:\
        {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"n\",\"arguments\":\"{}\"}}]},\n\
        data: \"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn pieces_of_any_size_give_the_same_reply(sizes in proptest::collection::vec(1_usize..40, 1..20)) {
            let (shown, sent, good) = read_in(Api::Chat, GOOD.as_bytes(), &sizes);
            prop_assert_eq!((shown.as_str(), sent.len(), good), ("gr\u{fc}n", 1, true));
        }

        #[test]
        fn a_damaged_stream_is_an_error_or_a_reply_and_nothing_else(
            damage in proptest::collection::vec((0_usize..GOOD.len(), any::<u8>()), 0..8),
            end in 0_usize..=GOOD.len(),
            responses in any::<bool>(),
        ) {
            let mut bytes = GOOD.as_bytes().to_vec();
            damage.iter().for_each(|(at, byte)| bytes[*at] = *byte);
            let api = if responses { Api::Responses } else { Api::Chat };
            read_in(api, &bytes[..end], &[7]);
            let _ = whole(api, &bytes[..end]);
        }
    }
}
