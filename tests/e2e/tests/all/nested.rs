//! A tool that calls another tool: one process, one set of grants, and the bounds of both.

use libos::kernel::model::call::Approval;
use libos::{CallEvent, CallRequest, Runtime, Waiting};
use libos_e2e::{Host, OPEN, result};
use serde_json::json;

const ASKING: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["call tool:*"]
ask = ["write fs:workspace/**"]
"#;

fn nested(name: &str, arguments: serde_json::Value) -> serde_json::Value {
    json!({"name": name, "arguments": arguments.to_string()})
}

#[tokio::test]
async fn the_result_or_the_failure_of_the_other_tool_comes_back() {
    let host = Host::new(OPEN, &["nest", "basics"]).await;
    let echoed = host.done("nest", nested("echo", json!({"hello": 1}))).await;
    assert_eq!(echoed, json!(json!({"hello": 1}).to_string()));
    for (name, arguments, expected) in
        [("never_was", json!({}), "not found: tool:never_was"), ("nest", json!({"nothing": 1}), "unknown field")]
    {
        let failure = host.failed("nest", nested(name, arguments)).await;
        assert!(failure.message.contains(expected), "{name}: {}", failure.message);
    }
}

#[tokio::test]
async fn calls_within_calls_have_an_end() {
    let host = Host::new(OPEN, &["nest", "basics"]).await;
    let deep = |depth: u32| (0..depth).fold(nested("echo", json!({})), |inner, _| nested("nest", inner));
    assert!(host.done("nest", deep(7)).await.is_string());
    let failure = host.failed("nest", deep(8)).await;
    assert!(failure.message.contains("at most 8 deep"), "{}", failure.message);
}

#[tokio::test]
async fn without_the_right_no_tool_is_called_and_existence_is_not_told() {
    let host = Host::new("[mounts]\nworkspace = \".\"\n[image.base]\nallow = []\n", &["nest", "basics"]).await;
    let mut told = Vec::new();
    for name in ["echo", "never_was"] {
        let failure = host.failed("nest", nested(name, json!({}))).await;
        told.push(failure.message.replace(name, "*"));
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0].contains("no grant"), "{}", told[0]);
}

#[tokio::test]
async fn the_other_tool_can_use_only_what_both_declare() {
    let host = Host::new(OPEN, &["nest", "every_import"]).await;
    host.put("notes.md", "some notes");
    host.put("gone.md", "going");
    for (import, with, without) in [
        ("fs.read", "ok", "ok"),
        ("fs.write", "ok", "ok"),
        // It is granted, and the tool that is called may, but not the one that calls it.
        ("fs.remove", "denied", "ok"),
        ("object.read", "denied", "error"),
        ("human.tell", "denied", "ok"),
        ("clock.now", "ok", "ok"),
    ] {
        let arguments = json!({"import": import});
        let text = host.done("nest", nested("every_import", arguments.clone())).await;
        let outcome: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert!(outcome.get(with).is_some(), "{import} through another tool: {outcome}");
        let outcome = host.done("every_import", arguments).await;
        assert!(outcome.get(without).is_some(), "{import}: {outcome}");
    }
}

#[tokio::test]
async fn a_question_of_the_other_tool_reaches_whoever_called_and_survives_a_restart() {
    let host = Host::new(ASKING, &["nest", "two_writes", "every_import"]).await;
    let event = host.call("nest", nested("every_import", json!({"import": "fs.write"}))).await;
    let CallEvent::Waits(Waiting::Question(id)) = event else { panic!("{event:?}") };
    let inner = host.question(id).call;
    let callers = host.runtime.kernel().callers_of(inner);
    assert_eq!(callers.len(), 2);
    let host = host.restart().await;
    let mut events = host.runtime.listen(callers[1]);
    let answer = libos::kernel::kernel::Reaction::Approve { approval: Approval::Allow, note: None };
    host.runtime.answer(id, answer).await.unwrap();
    assert!(result(Runtime::settle(&mut events).await).is_string());
    assert_eq!(host.content("notes.md").as_deref(), Some("x"));
}

#[tokio::test]
async fn a_caller_that_is_cancelled_takes_the_other_call_along() {
    let host = Host::new(ASKING, &["nest", "every_import"]).await;
    let request = CallRequest::new("nest", nested("every_import", json!({"import": "fs.write"})).to_string());
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let event = Runtime::settle(&mut events).await;
    let CallEvent::Waits(Waiting::Question(id)) = event else { panic!("{event:?}") };
    let inner = host.question(id).call;
    host.runtime.cancel(call, "enough").await.unwrap();
    assert!(!host.runtime.kernel().is_live(inner));
    assert!(host.content("notes.md").is_none());
}
