//! Everything that a provider or a model can do wrong, through the whole loop: the process goes on, is held with a sentence or ends; it
//! never hangs, nothing of a bad reply is carried out, and the records say what happened.

use crate::models::{policy, reply, settled, start};
use libos::kernel::model::process::State;
use libos::kernel::model::record::{Outcome, Record};
use libos_e2e::{Host, OPEN};
use libos_provider::{Clock, Provider, Step, Turn, events, head, json as said, status, text};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How the first question ended, as its record says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ended {
    Done,
    NotStarted,
    Failed,
    Unknown,
}

fn ended(record: &Record) -> Ended {
    match record.outcome {
        Outcome::Done => Ended::Done,
        Outcome::NotStarted => Ended::NotStarted,
        Outcome::Failed(_) => Ended::Failed,
        _ => Ended::Unknown,
    }
}

fn write() -> (&'static str, Value) {
    ("write_text_file", json!({ "path": "bad", "content": "x" }))
}

/// A reply with these calls, as they stand.
fn raw(calls: &Value) -> Turn {
    said(
        &json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": "", "tool_calls": calls }, "finish_reason": "tool_calls" }] }),
    )
}

fn call(id: &str, arguments: &str) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": "write_text_file", "arguments": arguments } })
}

fn huge() -> Turn {
    let piece = format!("data: {}\n\n", text(&"x".repeat(10_000)));
    vec![Step::Send(head(200, &[("content-type", "text/event-stream")])), Step::Endless(piece.into_bytes())]
}

/// What is said first; how the record of it ends, and words that are in it or in what the model or a person is told of it.
fn rows() -> Vec<(&'static str, Turn, Ended, &'static str)> {
    let good = r#"{"path":"bad","content":"x"}"#;
    let event_stream = || head(200, &[("content-type", "text/event-stream")]);
    vec![
        ("slow head", vec![Step::Silence], Ended::Unknown, "300ms"),
        ("slow in the middle", vec![Step::Send(event_stream()), Step::Silence], Ended::Unknown, "300ms"),
        ("cut mid-stream", events(&[text("I wri")]), Ended::Unknown, "broke off"),
        ("reset", vec![Step::Reset], Ended::Unknown, ""),
        ("hangs up unread", vec![Step::Deaf], Ended::Unknown, ""),
        (
            "cut JSON",
            status(200, &[("content-type", "application/json")], "{\"choices\": [{"),
            Ended::Unknown,
            "broke off",
        ),
        (
            "malformed JSON",
            status(200, &[("content-type", "application/json")], "{\"choices\": nonsense}"),
            Ended::Failed,
            "",
        ),
        (
            "no JSON at all",
            status(200, &[("content-type", "text/html")], "<html>login</html>"),
            Ended::Unknown,
            "text/html",
        ),
        ("empty body", status(200, &[("content-type", "application/json")], ""), Ended::Unknown, "broke off"),
        ("empty reply", reply("", &[]), Ended::Failed, ""),
        ("words only", reply("I shall write it.", &[]), Ended::Done, "You called no tool"),
        ("429", status(429, &[("retry-after", "3600")], "{}"), Ended::NotStarted, "429"),
        ("500", status(500, &[], "broken"), Ended::Unknown, "500"),
        ("unknown tool", reply("", &[write(), ("no_such_tool", json!({}))]), Ended::Done, "no_such_tool"),
        ("wrong type", raw(&json!([call("1", r#"{"path":7,"content":"x"}"#)])), Ended::Done, "None of your tool calls"),
        ("missing argument", raw(&json!([call("1", r#"{"path":"bad"}"#)])), Ended::Done, "content"),
        ("arguments that are no JSON", raw(&json!([call("1", "{\"path\": ")])), Ended::Done, "None of your tool calls"),
        ("duplicate ids", raw(&json!([call("1", good), call("1", good)])), Ended::Done, "None of your tool calls"),
        (
            "a call inside text",
            reply(
                "<tool_call>{\"name\": \"write_text_file\", \"arguments\": {\"path\": \"bad\", \"content\": \"x\"}}</tool_call>",
                &[],
            ),
            Ended::Done,
            "None of your tool calls",
        ),
        ("huge", huge(), Ended::Failed, "larger than 65536 bytes"),
    ]
}

/// What the hosts of these tests begin with.
async fn template() -> Host {
    let template = Host::new(OPEN, &["basics", "files", "processes"]).await;
    template.runtime.close().await;
    template
}

fn house(template: &Host, provider: &Provider, attempts: u32) -> Host {
    let policy = policy(&provider.base_url()).replace("attempts = 1", &format!("attempts = {attempts}"));
    let limits =
        "first-byte-timeout = \"300ms\"\nidle-timeout = \"300ms\"\nwhole-timeout = \"20s\"\nreply-bytes = \"64KiB\"\n";
    template.like(&format!("{policy}{limits}"), |world| Arc::new(world))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_provider_does_wrong_the_loop_goes_on_and_says_it() {
    let template = template().await;
    let mut wrong = Vec::new();
    for (what, turn, want, words) in rows() {
        let good = || reply("", &[("process_exit", json!({ "payload": 1 }))]);
        let provider = Provider::start(&Arc::new(Clock::default()), vec![turn, good()]).await.unwrap();
        let host = house(&template, &provider, 1);
        let pid = start(&host, "Write it.").await;
        let settling = tokio::time::timeout(Duration::from_secs(300), settled(&host, pid));
        let (state, _) = settling.await.unwrap_or_else(|_| panic!("{what}: it hangs"));
        assert_eq!(state, State::Exited("1".into()), "{what}");
        assert_eq!(host.content("bad"), None, "{what}: nothing of a bad reply is carried out");
        let records = host.records().await;
        let asked: Vec<&Record> = records
            .iter()
            .filter(|record| record.operation == "model.ask" && record.outcome != Outcome::Intent)
            .collect();
        // Whether anything left before the hang-up is a matter of who was faster.
        let unsent = what == "hangs up unread" && ended(asked[0]) == Ended::NotStarted;
        if asked.len() != 2 || (ended(asked[0]) != want && !unsent) {
            wrong.push(format!("{what}: {asked:?}"));
        }
        assert_eq!(provider.connections(), 2, "{what}");
        let last = provider.asked().last().unwrap().json();
        let told = format!("{:?} {last}", asked[0]);
        if !told.contains(words) {
            wrong.push(format!("{what}: {words} is not in {told}"));
        }
        host.runtime.close().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_never_gets_better_is_not_asked_for_ever() {
    let template = template().await;
    for (what, turn, want, _) in rows() {
        let provider = Provider::start(&Arc::new(Clock::default()), vec![turn; 20]).await.unwrap();
        let host = house(&template, &provider, 1);
        let pid = start(&host, "Write it.").await;
        let settling = tokio::time::timeout(Duration::from_secs(300), settled(&host, pid));
        let (state, _) = settling.await.unwrap_or_else(|_| panic!("{what}: it hangs"));
        match state {
            State::Paused(why) => assert!(why.contains("its model"), "{what}: {why}"),
            State::Exited(_) => assert_eq!(what, "words only"),
            other => panic!("{what}: {other:?}"),
        }
        // A step is one question, or two where the first reply is repaired.
        let most = if want == Ended::Done { 6 } else { 3 };
        assert!(provider.connections() <= most, "{what}: {}", provider.connections());
        assert_eq!(host.content("bad"), None, "{what}");
        host.runtime.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_for_now_is_waited_for_within_one_step() {
    let script =
        vec![status(429, &[("retry-after", "0")], "{}"), reply("", &[("process_exit", json!({ "payload": 1 }))])];
    let provider = Provider::start(&Arc::new(Clock::default()), script).await.unwrap();
    let host = house(&template().await, &provider, 3);
    let pid = start(&host, "End.").await;
    assert_eq!(settled(&host, pid).await.0, State::Exited("1".into()));
    let asked = provider.asked();
    // The provider has done nothing yet, so it is the same effect.
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
    assert_eq!(asked[0].body, asked[1].body);
    let records = host.records().await;
    let outcomes: Vec<_> =
        records.iter().filter(|record| record.operation == "model.ask").map(|record| &record.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Intent, &Outcome::Done]);
    host.runtime.close().await;
}
