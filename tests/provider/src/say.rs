//! What a provider says, as turns of a script and as pieces of them.

use crate::{Step, Turn};
use serde_json::{Value, json};

/// The head of an answer whose body ends when the connection does, unless the headers say otherwise.
pub fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Said\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// An answer of a status with a text.
pub fn status(status: u16, headers: &[(&str, &str)], body: &str) -> Turn {
    let length = body.len().to_string();
    let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("content-length", length.as_str())]).collect();
    vec![Step::Send([head(status, &headers), body.as_bytes().to_vec()].concat())]
}

/// A whole answer as JSON.
pub fn json(body: &Value) -> Turn {
    status(200, &[("content-type", "application/json")], &body.to_string())
}

/// One piece of a chunked body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// An answer as a stream of events, each in a chunk, as far as they go; without the end of the body.
pub fn events(events: &[String]) -> Turn {
    let mut bytes = head(200, &[("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]);
    for event in events {
        bytes.extend(chunk(format!("data: {event}\n\n").as_bytes()));
    }
    vec![Step::Send(bytes)]
}

/// The end of a stream of Chat Completions and of its body.
pub fn done() -> Step {
    Step::Send([chunk(b"data: [DONE]\n\n"), b"0\r\n\r\n".to_vec()].concat())
}

fn delta(delta: &Value) -> String {
    json!({"id": "c", "object": "chat.completion.chunk", "model": "mock-1", "choices": [{"index": 0, "delta": delta}]})
        .to_string()
}

/// A piece of text, as an event of Chat Completions.
pub fn text(text: &str) -> String {
    delta(&json!({"content": text}))
}

/// A tool call, or a piece of one.
pub fn called(index: u64, id: &str, name: &str, arguments: &str) -> String {
    delta(&json!({"tool_calls": [{
        "index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments},
    }]}))
}

/// The reason why the model stopped.
pub fn finished(reason: &str) -> String {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}).to_string()
}

/// What was counted.
pub fn used(input: u64, cached: u64, output: u64) -> String {
    json!({"choices": [], "usage": {
        "prompt_tokens": input, "completion_tokens": output, "prompt_tokens_details": {"cached_tokens": cached},
    }})
    .to_string()
}

/// The last event of Responses, with these items of output.
pub fn responses_completed(output: &Value) -> String {
    json!({"type": "response.completed", "response": {
        "id": "r", "model": "mock-1", "status": "completed", "output": output,
        "usage": {"input_tokens": 11, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 5}},
    }})
    .to_string()
}
