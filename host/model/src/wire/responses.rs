//! Responses: `POST /responses`. Nothing is kept at the provider (`store: false`): the conversation is ours and goes along whole.

use super::{Raw, Step, arguments, bounded, complaint, read, tokens_max};
use crate::api::{Finish, Message, ReplyFormat, Request, Usage};
use crate::error::{Failure, quoted};
use crate::profile::Profile;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) fn encode(profile: &Profile, request: &Request) -> Value {
    let mut body = json!({
        "model": profile.model,
        "input": request.messages.iter().flat_map(items).collect::<Vec<_>>(),
        "max_output_tokens": tokens_max(profile, request),
        "store": false,
        "stream": true,
    });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({
                "type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters,
                // Strict schemas are a dialect; the calls are checked here.
                "strict": false,
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
            format["name"] = name.as_str().into();
            format["schema"] = schema.clone();
            format["strict"] = true.into();
        }
        body["text"] = json!({"format": format});
    }
    body
}

fn items(message: &Message) -> Vec<Value> {
    let said = |role: &str, kind: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]});
    match message {
        Message::System(text) => vec![said("system", "input_text", text)],
        Message::User(text) => vec![said("user", "input_text", text)],
        Message::Assistant { text, calls } => {
            let text = (!text.is_empty()).then(|| said("assistant", "output_text", text));
            let calls = calls.iter().map(|call| {
                json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments})
            });
            text.into_iter().chain(calls).collect()
        }
        Message::ToolResult { id, text } => {
            vec![json!({"type": "function_call_output", "call_id": id, "output": text})]
        }
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type", default)]
    kind: String,
    delta: Option<Value>,
    response: Option<Value>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    status: Option<String>,
    output: Option<Vec<Item>>,
    usage: Option<Counted>,
    model: Option<String>,
    incomplete_details: Option<Incomplete>,
}

#[derive(Deserialize)]
struct Incomplete {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type", default)]
    kind: String,
    content: Option<Vec<Part>>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

/// A reply as its events come. The last one repeats all of it, so the others are only shown.
#[derive(Default)]
pub(crate) struct Stream {
    raw: Raw,
}

impl Stream {
    pub fn take(&mut self, data: &str, text: &mut dyn FnMut(&str)) -> Result<Step, Failure> {
        if data.trim() == "[DONE]" {
            return Ok(Step::Done);
        }
        if let Some((message, _)) = complaint(data.as_bytes()) {
            return Err(Failure::Provider { status: 200, message });
        }
        let event: Event = read(data.as_bytes())?;
        match event.kind.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => {
                text(event.delta.as_ref().and_then(Value::as_str).unwrap_or_default());
                Ok(Step::More)
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                self.raw = response(event.response.unwrap_or_default())?;
                Ok(Step::Done)
            }
            "error" => Err(Failure::Provider { status: 200, message: event.message.unwrap_or_default() }),
            _ => Ok(Step::More),
        }
    }

    pub fn end(self) -> Raw {
        self.raw
    }
}

fn response(value: Value) -> Result<Raw, Failure> {
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Err(Failure::Provider { status: 200, message });
    }
    let response =
        Response::deserialize(value).map_err(|error| Failure::Malformed(quoted(&error.to_string(), None)))?;
    let Some(output) = response.output else { return Err(Failure::Malformed("it has no output".to_owned())) };
    let mut raw = Raw { model: response.model.map(bounded).transpose()?, ..Raw::default() };
    let mut refused = false;
    for item in output {
        match item.kind.as_str() {
            "message" => {
                for part in item.content.into_iter().flatten() {
                    refused |= part.refusal.is_some();
                    raw.text.extend(part.text.into_iter().chain(part.refusal));
                }
            }
            "function_call" => {
                let id = item.call_id.map(bounded).transpose()?;
                raw.call(id, bounded(item.name.unwrap_or_default())?, arguments(item.arguments))?;
            }
            // What a model thought, and tools of the provider's own, which are never asked for.
            _ => {}
        }
    }
    raw.usage = response.usage.map(|counted| Usage {
        input: counted.input_tokens,
        cached_input: counted.input_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0),
        output: counted.output_tokens,
    });
    let reason = response.incomplete_details.and_then(|details| details.reason);
    raw.finish = Some(match (response.status.as_deref(), reason.as_deref()) {
        _ if refused => Finish::Refused,
        (_, Some("max_output_tokens")) => Finish::Length,
        (_, Some("content_filter")) => Finish::Refused,
        (Some("completed") | None, None) if !raw.sent.is_empty() => Finish::ToolCalls,
        (Some("completed") | None, None) => Finish::Stop,
        (status, reason) => Finish::Other(quoted(reason.or(status).unwrap_or_default(), None)),
    });
    Ok(raw)
}

/// Reads a reply that did not come as events.
pub(crate) fn whole(body: &[u8]) -> Result<Raw, Failure> {
    match complaint(body) {
        Some((message, _)) => Err(Failure::Provider { status: 200, message }),
        None => response(read(body)?),
    }
}
