//! Many steps in which nothing much happens: prompts stay small, and between two summaries each begins as the one before it, to the
//! byte. What was summarised is still there for who asks.

use crate::models::{policy, reply, settled, start};
use libos::kernel::model::process::State;
use libos_e2e::Host;
use libos_provider::{Asked, Clock, Provider, Turn};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Steps; a thousand take longer than a test may, without optimisation.
const STEPS: usize = 500;
/// Characters of a prompt: all that is said in it. What the tools are comes besides, and is the same each time.
const PROMPT_MAX: usize = 40_000;

/// What is asked of the model at the end of a request for a summary.
fn is_summary(asked: &Value) -> bool {
    let last = asked["messages"].as_array().and_then(|messages| messages.last());
    last.is_some_and(|last| last["content"].as_str().is_some_and(|text| text.starts_with("What is above leaves")))
}

/// Characters of texts, calls and results.
fn said(prompt: &Value) -> usize {
    let text = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
    let call =
        |call: &Value| text(&call["id"]) + text(&call["function"]["name"]) + text(&call["function"]["arguments"]);
    let calls = |message: &Value| message["tool_calls"].as_array().map_or(0, |calls| calls.iter().map(call).sum());
    let messages = prompt["messages"].as_array().unwrap().iter();
    messages.map(|message| text(&message["content"]) + text(&message["tool_call_id"]) + calls(message)).sum()
}

fn trivial(step: usize, asked: &Asked) -> Turn {
    let body = asked.json();
    if is_summary(&body) {
        return reply("The time was looked at many times. Go on.", &[]);
    }
    let text = body.to_string();
    // What an earlier summary dropped is asked for, by the name that the context gives it.
    let dropped = text.find("transcript-before-").map(|at| text[at..at + "transcript-before-000000".len()].to_owned());
    match step {
        step if step < STEPS => reply("", &[("get_current_time", json!({}))]),
        _ if !text.contains("max_payload_chars\\\":1000") && dropped.is_some() => {
            let name = dropped.unwrap_or_default();
            reply("", &[("read_memory_object", json!({ "name": name, "max_payload_chars": 1000 }))])
        }
        _ => reply("", &[("process_exit", json!({ "payload": 1 }))]),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_trivial_steps_a_prompt_is_small_and_begins_as_the_one_before() {
    let (steps, prompts) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::<Value>::new())));
    let (count, kept) = (Arc::clone(&steps), Arc::clone(&prompts));
    let answer = move |asked: &Asked| {
        let body = asked.json();
        let step = if is_summary(&body) { 0 } else { count.fetch_add(1, Ordering::SeqCst) };
        let turn = trivial(step, asked);
        kept.lock().unwrap().push(body);
        turn
    };
    let provider = Provider::answering(&Arc::new(Clock::default()), answer).await.unwrap();
    let host = Host::new(&policy(&provider.base_url()), &["basics", "objects", "processes"]).await;
    let began = std::time::Instant::now();
    let pid = start(&host, "Look at the time.").await;
    assert_eq!(settled(&host, pid).await.0, State::Exited("1".into()));
    println!("{} steps in {:?}", steps.load(Ordering::SeqCst), began.elapsed());
    assert!(steps.load(Ordering::SeqCst) >= STEPS + 2, "what was dropped was read");
    let prompts = prompts.lock().unwrap().clone();
    let (mut compactions, mut longest, mut before) = (0, 0, None::<Vec<Value>>);
    for prompt in &prompts {
        longest = longest.max(said(prompt));
        let messages = prompt["messages"].as_array().unwrap().clone();
        if is_summary(prompt) {
            compactions += 1;
            before = None;
            continue;
        }
        if let Some(before) = before {
            let begins = serde_json::to_string(&messages[..before.len()]).unwrap();
            assert_eq!(begins, serde_json::to_string(&before).unwrap(), "a prompt begins as the one before it");
        }
        before = Some(messages);
    }
    assert!(longest < PROMPT_MAX, "the longest prompt has {longest} characters");
    assert!(compactions >= 1, "{compactions}");
    // What was dropped was read, and it is what was said.
    let read = |message: &Value| {
        message["role"] == json!("tool")
            && message["content"].as_str().is_some_and(|text| text.contains("get_current_time"))
    };
    let last = prompts.last().unwrap()["messages"].as_array().unwrap();
    assert!(last.iter().any(read), "{last:?}");
    println!("{compactions} compactions, the longest prompt has {longest} characters");
    host.runtime.close().await;
}
