//! Processes that a model chooses for: a real runtime and real tools, and a provider that speaks real HTTP and says what the test says.

use libos::kernel::kernel::view::View;
use libos::kernel::model::id::Pid;
use libos::kernel::model::image::BASE;
use libos::kernel::model::process::State;
use libos::{NewAgent, Progress};
use libos_e2e::{Host, OPEN};
use libos_provider::{Clock, Provider, Turn, json as said, status};
use serde_json::{Value, json};
use std::sync::Arc;

/// A reply of Chat Completions: a text, and calls of tools.
pub fn reply(text: &str, calls: &[(&str, Value)]) -> Turn {
    reply_that(if calls.is_empty() { "stop" } else { "tool_calls" }, text, calls)
}

/// A reply that ended for this reason.
fn reply_that(reason: &str, text: &str, calls: &[(&str, Value)]) -> Turn {
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(index, (name, arguments))| {
            let function = json!({ "name": name, "arguments": arguments.to_string() });
            json!({ "id": format!("call_{index}"), "type": "function", "function": function })
        })
        .collect();
    let message = json!({ "role": "assistant", "content": text, "tool_calls": calls });
    said(&json!({
        "model": "mock-1",
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10 },
    }))
}

/// A provider with these replies, and a host whose policy has it as `model:test`.
pub async fn house(turns: Vec<Turn>, guests: &[&str]) -> (Provider, Host) {
    let provider = Provider::start(&Arc::new(Clock::default()), turns).await.unwrap();
    let policy = policy(&provider.base_url());
    (provider, Host::new(&policy, guests).await)
}

/// All that programs of the tests may do, and a model.
pub fn policy(base_url: &str) -> String {
    let open = OPEN.replace("allow = [", "allow = [\n    \"use model:test\",");
    format!("{open}\n[model.test]\nbase-url = \"{base_url}\"\nmodel = \"mock\"\nattempts = 1\n")
}

/// Starts a process of an image whose model chooses.
pub async fn start(host: &Host, goal: &str) -> Pid {
    let new = NewAgent { image: BASE, goal, planner: Some("model:test"), new: false };
    host.runtime.start_agent(new).await.unwrap().what.pid
}

/// What a process has come to, once nothing of it runs any more.
pub async fn settled(host: &Host, pid: Pid) -> (State, Progress) {
    let progress = host.runtime.settled(pid).await.unwrap();
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    (View(&snapshot).process(pid).unwrap().unwrap().state, progress)
}

/// The messages of a request, each as its role and text.
fn messages(provider: &Provider, request: usize) -> Vec<(String, String)> {
    let body = provider.asked()[request].json();
    let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    messages.iter().map(|message| (message["role"].as_str().unwrap_or_default().to_owned(), text(message))).collect()
}

#[tokio::test]
async fn a_model_sees_its_goal_and_what_its_tools_gave_and_ends_by_a_tool() {
    let turns = vec![
        reply("I look first.", &[("write_text_file", json!({ "path": "a.md", "content": "one" }))]),
        reply(
            "",
            &[("read_text_file", json!({ "path": "a.md" })), ("read_text_file", json!({ "path": "missing.md" }))],
        ),
        reply("", &[("process_exit", json!({ "payload": { "found": "one" } }))]),
    ];
    let (provider, host) = house(turns, &["basics", "files", "processes"]).await;
    let pid = start(&host, "Say what is in a.md.").await;
    let (state, _) = settled(&host, pid).await;
    assert_eq!(state, State::Exited(r#"{"found":"one"}"#.into()));
    assert_eq!(host.content("a.md").unwrap(), "one");
    let first = messages(&provider, 0);
    assert!(first[1].1.contains("Say what is in a.md."), "{first:?}");
    assert!(first[2].1.contains("allowed: read,list,write,delete fs:workspace/**"), "{first:?}");
    let third = messages(&provider, 2);
    let tools: Vec<&str> = third.iter().filter(|(role, _)| role == "tool").map(|(_, text)| &**text).collect();
    assert_eq!(tools.len(), 3, "{third:?}");
    assert!(tools[1].contains("one"), "{tools:?}");
    assert!(tools[2].starts_with("failed: ") && tools[2].contains("not found"), "{tools:?}");
    // What was said stays the same to the byte, so that a provider can keep it.
    for (before, after) in [(0, 1), (1, 2)] {
        let (before, after) = (messages(&provider, before), messages(&provider, after));
        assert_eq!(before[..], after[..before.len()]);
    }
}

#[tokio::test]
async fn what_a_model_says_has_no_effect_and_two_replies_without_a_call_are_the_end() {
    let turns = vec![reply("write_text_file a.md", &[]), reply("I am done.", &[])];
    let (provider, host) = house(turns, &["basics", "files", "processes"]).await;
    let pid = start(&host, "Say hello.").await;
    let (state, _) = settled(&host, pid).await;
    assert_eq!(state, State::Exited(r#"{"said":"I am done."}"#.into()));
    assert_eq!(host.content("a.md"), None);
    let second = messages(&provider, 1);
    assert!(second.last().unwrap().1.contains("You called no tool"), "{second:?}");
}

#[tokio::test]
async fn tool_calls_that_are_no_good_get_one_repair_and_none_of_them_is_carried_out() {
    let write = |path: &str| ("write_text_file", json!({ "path": path, "content": "x" }));
    let turns = vec![
        reply("", &[write("a.md"), ("no_such_tool", json!({}))]),
        reply("", &[write("b.md")]),
        reply("", &[("process_exit", json!({ "payload": 1 }))]),
    ];
    let (provider, host) = house(turns, &["basics", "files", "processes"]).await;
    let pid = start(&host, "Write a file.").await;
    let (state, _) = settled(&host, pid).await;
    assert_eq!(state, State::Exited("1".into()));
    assert_eq!((host.content("a.md"), host.content("b.md").as_deref()), (None, Some("x")));
    let repair = messages(&provider, 1).last().unwrap().1.clone();
    assert!(repair.contains("no_such_tool") && repair.contains("None of your tool calls"), "{repair}");
}

#[tokio::test]
async fn a_model_that_cannot_be_asked_holds_its_process_and_nothing_is_lost() {
    let (away, done) = (|| status(500, &[], "broken"), reply("", &[("process_exit", json!({ "payload": 1 }))]));
    let (provider, host) = house(vec![away(), away(), away(), done], &["basics", "processes"]).await;
    let pid = start(&host, "End.").await;
    let (state, progress) = settled(&host, pid).await;
    let State::Paused(why) = state else { panic!("{state:?}") };
    assert!(why.contains("its model does not answer") && progress.paused == [pid], "{why}");
    assert_eq!(provider.asked().len(), 3);
    host.runtime.kernel().signal(pid, libos::kernel::model::process::Signal::Resume, "").unwrap();
    assert_eq!(settled(&host, pid).await.0, State::Exited("1".into()));
}

#[tokio::test]
async fn without_the_right_or_the_profile_a_model_is_not_asked() {
    let (provider, host) = house(Vec::new(), &["basics"]).await;
    for (planner, want) in [("model:other", "denied"), ("model:test", "")] {
        let new = NewAgent { image: BASE, goal: "try", planner: Some(planner), new: true };
        if want.is_empty() {
            host.runtime.kernel().set_policy(OPEN).unwrap();
        }
        let pid = host.runtime.start_agent(new).await.unwrap().what.pid;
        let State::Paused(why) = settled(&host, pid).await.0 else { panic!("{planner}") };
        assert!(why.contains(want) && why.contains("grant"), "{planner}: {why}");
    }
    assert_eq!(provider.connections(), 0);
}

#[tokio::test]
async fn a_reply_that_was_cut_is_told_so_behind_the_results_of_its_calls() {
    let write = ("write_text_file", json!({ "path": "a.md", "content": "x".repeat(7_000) }));
    let exit = || reply("", &[("process_exit", json!({ "payload": 1 }))]);
    let turns = vec![reply_that("length", "", &[write]), exit()];
    let (provider, host) = house(turns, &["basics", "files", "processes"]).await;
    let pid = start(&host, "Write.").await;
    assert_eq!(settled(&host, pid).await.0, State::Exited("1".into()));
    assert_eq!(host.content("a.md").map(|text| text.len()), Some(7_000));
    let second = messages(&provider, 1);
    let last: Vec<&str> = second.iter().rev().take(3).map(|(role, _)| &**role).collect();
    assert_eq!(last, ["user", "tool", "assistant"], "{second:?}");
    assert!(second.last().unwrap().1.contains("cut at its limit"), "{second:?}");
    // Its arguments are too long to be shown again, and it is told so.
    assert!(second[second.len() - 2].1.contains("carried out as you wrote them"), "{second:?}");
}

#[tokio::test]
async fn replies_that_are_cut_hold_their_process_and_are_no_end_of_it() {
    let turns = (0..3).map(|_| reply_that("length", "I think and think", &[])).collect();
    let (provider, host) = house(turns, &["basics"]).await;
    let pid = start(&host, "Think.").await;
    let State::Paused(why) = settled(&host, pid).await.0 else { panic!("it is not held") };
    assert!(why.contains("reply-tokens"), "{why}");
    assert_eq!(provider.asked().len(), 3);
}

#[tokio::test]
async fn a_long_goal_is_no_reason_to_summarise() {
    let look = || reply("", &[("get_current_time", json!({}))]);
    let turns = vec![look(), look(), reply("", &[("process_exit", json!({ "payload": 1 }))])];
    let (provider, host) = house(turns, &["basics", "people", "processes"]).await;
    let pid = start(&host, &"Read this. ".repeat(5_000)).await;
    assert_eq!(settled(&host, pid).await.0, State::Exited("1".into()));
    assert_eq!(provider.asked().len(), 3);
    let results = messages(&provider, 2).into_iter().filter(|(role, _)| role == "tool");
    for (_, text) in results {
        assert!(text.len() > 20 && !text.contains("left out"), "{text}");
    }
}
