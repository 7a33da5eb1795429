//! Chat Completions: `POST /chat/completions`.

use super::{Raw, Step, arguments, bounded, complaint, read, tokens_max};
use crate::api::{Finish, Message, ReplyFormat, Request, SentCall, Usage};
use crate::error::{Failure, quoted};
use crate::profile::{Profile, TokenField};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn encode(profile: &Profile, request: &Request) -> Value {
    let mut body = json!({
        "model": profile.model,
        "messages": request.messages.iter().map(message).collect::<Vec<_>>(),
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    let field = match profile.token_field {
        TokenField::MaxTokens => "max_tokens",
        TokenField::MaxCompletionTokens => "max_completion_tokens",
    };
    body[field] = tokens_max(profile, request).into();
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            })
        });
        body["tools"] = tools.collect();
        body["parallel_tool_calls"] = request.parallel_tool_calls.into();
        if let Some(choice) = super::tool_choice(profile, request) {
            body["tool_choice"] = choice.into();
        }
    }
    if let Some(mut format) = super::format(request) {
        if let ReplyFormat::Schema { name, schema } = &request.format {
            format["json_schema"] = json!({"name": name, "schema": schema, "strict": true});
        }
        body["response_format"] = format;
    }
    body
}

fn message(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({"role": "system", "content": text}),
        Message::User(text) => json!({"role": "user", "content": text}),
        Message::Assistant { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
        Message::Assistant { text, calls } => {
            let content = if text.is_empty() { Value::Null } else { text.as_str().into() };
            json!({"role": "assistant", "content": content, "tool_calls": calls.iter().map(sent).collect::<Vec<_>>()})
        }
        Message::ToolResult { id, text } => json!({"role": "tool", "tool_call_id": id, "content": text}),
    }
}

fn sent(call: &SentCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    usage: Option<Counted>,
    model: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    /// In a stream.
    delta: Option<Said>,
    /// In a whole reply.
    message: Option<Said>,
    finish_reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Said {
    content: Option<Value>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize, Default)]
struct Function {
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

impl From<Counted> for Usage {
    fn from(counted: Counted) -> Usage {
        let cached_input = counted.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0);
        Usage { input: counted.prompt_tokens, cached_input, output: counted.completion_tokens }
    }
}

/// A reply as it comes in pieces.
#[derive(Default)]
pub(crate) struct Stream {
    raw: Raw,
    calls: BTreeMap<u64, SentCall>,
    last: u64,
    /// The model declined in words of its own.
    refused: bool,
}

impl Stream {
    pub fn take(&mut self, data: &str, text: &mut dyn FnMut(&str)) -> Result<Step, Failure> {
        if data.trim() == "[DONE]" {
            return Ok(Step::Done);
        }
        if let Some((message, _)) = complaint(data.as_bytes()) {
            return Err(Failure::Provider { status: 200, message });
        }
        let chunk: Chunk = read(data.as_bytes())?;
        if let Some(counted) = chunk.usage {
            self.raw.usage = Some(counted.into());
        }
        if self.raw.model.is_none() {
            self.raw.model = chunk.model.map(bounded).transpose()?;
        }
        for choice in chunk.choices.into_iter().flatten().filter(|choice| choice.index == 0) {
            if let Some(said) = choice.delta.or(choice.message) {
                self.said(said, text)?;
            }
            if let Some(reason) = choice.finish_reason {
                self.raw.finish = Some(finish(&reason));
            }
        }
        Ok(Step::More)
    }

    fn said(&mut self, said: Said, text: &mut dyn FnMut(&str)) -> Result<(), Failure> {
        for piece in words(said.content)?.into_iter().chain(said.refusal.inspect(|_| self.refused = true)) {
            text(&piece);
            self.raw.text.push_str(&piece);
        }
        for called in said.tool_calls.into_iter().flatten() {
            self.called(called)?;
        }
        Ok(())
    }

    fn called(&mut self, called: Called) -> Result<(), Failure> {
        let id = called.id.filter(|id| !id.is_empty()).map(bounded).transpose()?;
        let function = called.function.unwrap_or_default();
        let index = match called.index {
            Some(index) => index,
            // Without an index, an id that is new begins a call, and what has none goes on with the last.
            None if self.calls.get(&self.last).is_some_and(|call| id.is_none() || id.as_ref() == Some(&call.id)) => {
                self.last
            }
            None => self.calls.last_key_value().map_or(0, |(last, _)| last.saturating_add(1)),
        };
        self.last = index;
        let call = self.calls.entry(index).or_insert_with(|| SentCall {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
        });
        // The name and the id come once; several servers repeat them with every piece.
        if let Some(id) = id.filter(|_| call.id.is_empty()) {
            call.id = id;
        }
        if let Some(name) = function.name.filter(|_| call.name.is_empty()) {
            call.name = bounded(name)?;
        }
        call.arguments.push_str(&arguments(function.arguments));
        Ok(())
    }

    pub fn end(self) -> Result<Raw, Failure> {
        let Stream { mut raw, calls, refused, .. } = self;
        for call in calls.into_values() {
            raw.call(Some(call.id), call.name, call.arguments)?;
        }
        if refused && raw.finish.is_some() {
            raw.finish = Some(Finish::Refused);
        }
        Ok(raw)
    }
}

/// The text of a message: a text, nothing, or a list of parts.
fn words(content: Option<Value>) -> Result<Option<String>, Failure> {
    match content {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Array(parts)) => {
            Ok(Some(parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()))
        }
        Some(_) => Err(Failure::Malformed("content is neither a text nor a list".to_owned())),
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::ToolCalls,
        "content_filter" => Finish::Refused,
        other => Finish::Other(quoted(other, None)),
    }
}

/// Reads a reply that did not come as events.
pub(crate) fn whole(body: &[u8]) -> Result<Raw, Failure> {
    let mut stream = Stream::default();
    let text = std::str::from_utf8(body).map_err(|_| Failure::Malformed("it is not UTF-8".to_owned()))?;
    let chunk: Chunk = match complaint(body) {
        Some((message, _)) => return Err(Failure::Provider { status: 200, message }),
        None => read(body)?,
    };
    if chunk.choices.is_none() {
        return Err(Failure::Malformed("it has no choices".to_owned()));
    }
    stream.take(text, &mut |_| {})?;
    let mut raw = stream.end()?;
    // A whole reply is at its end; servers leave the reason out.
    raw.finish.get_or_insert(Finish::Stop);
    Ok(raw)
}
