//! What goes over the wire: the request of both APIs to the byte, the reply of Responses, and pieces in any sizes.

use crate::support::{Outcome, ask, request};
use libos_model::api::SentCall;
use libos_model::{Finish, Message, ReplyFormat, Request, Usage};
use libos_provider::{Step, events, json, responses_completed};
use serde_json::{Value, json};

fn conversation() -> Request {
    let call = SentCall { id: "a".to_owned(), name: "read".to_owned(), arguments: "{ \"path\" :\"x\"}".to_owned() };
    let mut request = request();
    request.messages.extend([
        Message::Assistant { text: String::new(), calls: vec![call] },
        Message::ToolResult { id: "a".to_owned(), text: "found".to_owned() },
    ]);
    request.parallel_tool_calls = false;
    request.tokens_max = Some(9);
    request.format = ReplyFormat::Schema { name: "verdict".to_owned(), schema: json!({"type": "object"}) };
    request
}

async fn sent(lines: &str) -> (String, Value) {
    let turn = json(&json!({"choices": [{"message": {"content": "ok"}}], "output": []}));
    let provider = ask(vec![turn], lines, &conversation()).await.provider;
    let asked = provider.asked().remove(0);
    assert_eq!((asked.method.as_str(), asked.header("content-type")), ("POST", Some("application/json")));
    (asked.path.clone(), asked.json())
}

#[tokio::test]
async fn a_request_is_put_as_each_api_wants_it() {
    let (path, body) = sent("").await;
    assert_eq!(path, "/v1/chat/completions");
    let expected = json!({
        "model": "mock-1", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "read", "arguments": "{ \"path\" :\"x\"}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "found"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "read", "description": "A tool.", "parameters": conversation().tools[0].parameters}},
            {"type": "function", "function": {"name": "list", "description": "A tool.", "parameters": conversation().tools[1].parameters}},
        ],
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "verdict", "schema": {"type": "object"}, "strict": true}},
    });
    assert_eq!(body, expected);
    let (_, body) = sent("token-limit-field = \"max_completion_tokens\"\nreply-tokens = 5").await;
    assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(5), &Value::Null));
    let (path, body) = sent("api = \"responses\"").await;
    assert_eq!(path, "/v1/responses");
    assert_eq!((&body["store"], &body["max_output_tokens"]), (&json!(false), &json!(9)));
    assert_eq!(
        body["text"]["format"],
        json!({"type": "json_schema", "name": "verdict", "schema": {"type": "object"}, "strict": true})
    );
    assert_eq!(
        body["input"][2],
        json!({"type": "function_call", "call_id": "a", "name": "read", "arguments": "{ \"path\" :\"x\"}"})
    );
    assert_eq!(body["input"][3], json!({"type": "function_call_output", "call_id": "a", "output": "found"}));
    assert_eq!(body["tools"][1]["name"], "list");
}

#[tokio::test]
async fn a_reply_of_responses_is_read_from_its_last_event() {
    let output = json!([
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "ok"}]},
        {"type": "function_call", "id": "f", "call_id": "a", "name": "list", "arguments": "{}"},
    ]);
    let delta = |text: &str| json!({"type": "response.output_text.delta", "delta": text}).to_string();
    let completed = responses_completed(&output);
    let response: Value = serde_json::from_str::<Value>(&completed).unwrap()["response"].clone();
    let lines = "api = \"responses\"";
    for turn in
        [events(&[json!({"type": "response.created"}).to_string(), delta("o"), delta("k"), completed]), json(&response)]
    {
        let streamed = matches!(&turn[0], Step::Send(bytes) if bytes.windows(5).any(|part| part == b"delta"));
        let Outcome { answer, shown, .. } = ask(vec![turn], lines, &request()).await;
        let reply = answer.unwrap().reply;
        assert_eq!((reply.text.as_str(), shown.as_str()), ("ok", if streamed { "ok" } else { "" }));
        assert_eq!((reply.calls.len(), reply.calls[0].id.as_str(), reply.finish), (1, "a", Finish::ToolCalls));
        assert_eq!(reply.usage, Some(Usage { input: 11, cached_input: 5, output: 7 }));
    }
    let ended = |status: &str, more: Value| {
        let mut response = json!({"status": status, "output": [{"type": "message", "content": [{"type": "output_text", "text": "o"}]}]});
        response.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        events(&[json!({"type": format!("response.{status}"), "response": response}).to_string()])
    };
    let cut = ended("incomplete", json!({"incomplete_details": {"reason": "max_output_tokens"}}));
    assert_eq!(ask(vec![cut], lines, &request()).await.answer.unwrap().reply.finish, Finish::Length);
    let failed = ended("failed", json!({"error": {"code": "server_error", "message": "it broke"}}));
    let error = ask(vec![failed], lines, &request()).await.answer.unwrap_err();
    assert!(error.to_string().contains("it broke"), "{error}");
    let silent = ask(vec![events(&[delta("o")])], lines, &request()).await.answer.unwrap_err();
    assert!(matches!(silent.failure, libos_model::Failure::Cut(_)), "{silent}");
}
