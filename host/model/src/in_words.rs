//! Tool calls for models whose endpoint knows none: the tools stand in the prompt, and the reply is held to the form of a call by a JSON
//! Schema, which servers of small models turn into a grammar (llama.cpp, vLLM).

use crate::api::{Message, ReplyFormat, Request, SentCall, Tool, ToolChoice};
use crate::wire::Raw;
use serde_json::{Value, json};

/// The same request without tools in it.
pub(crate) fn request(request: &Request) -> Request {
    let mut messages: Vec<Message> = request.messages.iter().map(message).collect();
    let may_call = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
    let mut format = request.format.clone();
    if may_call {
        let text = described(&request.tools);
        match messages.first_mut() {
            Some(Message::System(first)) => *first = format!("{first}\n\n{text}"),
            _ => messages.insert(0, Message::System(text)),
        }
        format = ReplyFormat::Schema { name: "call".into(), schema: schema(&request.tools) };
    }
    Request { messages, tools: Vec::new(), tool_choice: None, format, ..request.clone() }
}

/// A reply whose text is a call, as one that calls.
pub(crate) fn reply(raw: Raw, asked: &Request) -> Raw {
    if asked.tools.is_empty() || asked.tool_choice == Some(ToolChoice::None) || !raw.sent.is_empty() {
        return raw;
    }
    let Ok(Value::Object(call)) = serde_json::from_str(&raw.text) else { return raw };
    let Some(name) = call.get("tool").and_then(Value::as_str) else { return raw };
    let arguments = call.get("arguments").map_or_else(|| "{}".to_owned(), Value::to_string);
    let sent = vec![SentCall { id: String::new(), name: name.chars().take(200).collect(), arguments }];
    Raw { text: String::new(), sent, ..raw }
}

fn message(message: &Message) -> Message {
    match message {
        Message::Assistant { text, calls } if !calls.is_empty() => {
            let calls = calls.iter().map(|call| {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
                json!({ "tool": call.name, "arguments": arguments }).to_string()
            });
            let lines: Vec<String> =
                Some(text.clone()).filter(|text| !text.is_empty()).into_iter().chain(calls).collect();
            Message::Assistant { text: lines.join("\n"), calls: Vec::new() }
        }
        Message::ToolResult { text, .. } => Message::User(format!("Result of the tool:\n{text}")),
        other => other.clone(),
    }
}

fn described(tools: &[Tool]) -> String {
    let lines: Vec<String> = tools
        .iter()
        .map(|tool| format!("- {}: {} Arguments (JSON Schema): {}", tool.name, tool.description, tool.parameters))
        .collect();
    format!(
        "Answer with one JSON object and nothing else: {{\"tool\": NAME, \"arguments\": {{...}}}}. The tools:\n{}",
        lines.join("\n")
    )
}

fn schema(tools: &[Tool]) -> Value {
    let call = |tool: &Tool| {
        // A reference would lead out of its place here.
        let plain = !tool.parameters.to_string().contains("\"$ref\"");
        let arguments = if plain { tool.parameters.clone() } else { json!({ "type": "object" }) };
        json!({
            "type": "object",
            "properties": { "tool": { "const": tool.name }, "arguments": arguments },
            "required": ["tool", "arguments"],
            "additionalProperties": false,
        })
    };
    json!({ "anyOf": tools.iter().map(call).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_its_tools_in_words_and_a_reply_that_is_a_call_calls() {
        let tool = Tool { name: "tell".into(), description: "Tells.".into(), parameters: json!({ "type": "object" }) };
        let call = SentCall { id: "call_0".into(), name: "tell".into(), arguments: "{\"a\":1}".into() };
        let asked = Request {
            tools: vec![tool],
            ..Request::new(vec![
                Message::System("Be short.".into()),
                Message::Assistant { text: "So.".into(), calls: vec![call] },
                Message::ToolResult { id: "call_0".into(), text: "done".into() },
            ])
        };
        let plain = request(&asked);
        let Message::System(first) = &plain.messages[0] else { panic!("{plain:?}") };
        assert!(first.starts_with("Be short.") && first.contains("- tell: Tells."), "{first}");
        let said =
            Message::Assistant { text: "So.\n{\"arguments\":{\"a\":1},\"tool\":\"tell\"}".into(), calls: Vec::new() };
        assert_eq!(plain.messages[1..], [said, Message::User("Result of the tool:\ndone".into())]);
        assert!(plain.tools.is_empty() && matches!(plain.format, ReplyFormat::Schema { .. }));
        let quiet = request(&Request { tool_choice: Some(ToolChoice::None), ..asked.clone() });
        assert_eq!((quiet.format, quiet.messages[0].clone()), (ReplyFormat::Text, Message::System("Be short.".into())));
        for (text, calls) in [("{\"tool\":\"tell\",\"arguments\":{}}", 1), ("hello", 0), ("{\"n\":1}", 0), ("[1]", 0)] {
            let raw = reply(Raw { text: text.into(), ..Raw::default() }, &asked);
            assert_eq!((raw.sent.len(), raw.text.is_empty()), (calls, calls == 1), "{text}");
        }
    }
}
