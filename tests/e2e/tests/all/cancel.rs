//! A call that a person ends, wherever it stands: it stops, nothing of it is left open, and what it did is recorded.

use crate::dropping::{outcome_of, slow_host};
use libos::kernel::kernel::view::View;
use libos::kernel::model::id::CallId;
use libos::kernel::model::question::QuestionState;
use libos::kernel::model::record::Outcome;
use libos::kernel::model::row::CallState;
use libos::{CallEvent, CallRequest, Runtime, Waiting};
use libos_e2e::{Host, OPEN};
use serde_json::json;
use std::time::Duration;

/// After so long something hangs.
const PATIENCE: Duration = Duration::from_secs(100);
/// More than patience: a guest that nobody stops is still there then.
const LONG_MILLISECONDS: u64 = 1_000_000;

fn state(host: &Host, call: CallId) -> CallState {
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    View(&snapshot).call(call).unwrap().unwrap().state
}

/// The operations that were recorded of a call from its cancelling on.
async fn last_words(host: &Host, call: CallId) -> Vec<String> {
    let records = host.records().await.into_iter().filter(|record| record.call == Some(call));
    records.map(|record| record.operation).skip_while(|operation| operation != "host.cancel").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_only_computes_is_stopped_when_it_is_cancelled() {
    let host = Host::with_limits(OPEN, &["spin"], |limits| {
        (limits.cpu_ticks, limits.wall_milliseconds) = (LONG_MILLISECONDS / 10, LONG_MILLISECONDS);
    })
    .await;
    let (call, mut events) = host.runtime.start(CallRequest::new("spin", "{}")).await.unwrap();
    host.runtime.kernel().cancel_call(call, "enough").unwrap();
    // Whoever drives the guest tells this once the guest is gone.
    let event = tokio::time::timeout(PATIENCE, Runtime::settle(&mut events)).await.expect("the guest goes on");
    assert_eq!(event, CallEvent::Interrupted("the call has ended".into()));
    assert_eq!(last_words(&host, call).await, ["host.cancel", "call.end", "process.end"]);
    assert_eq!(state(&host, call), CallState::Cancelled("enough".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_is_cancelled_with_its_question_and_with_the_calls_that_it_made() {
    let host =
        Host::new(&format!("{OPEN}ask = [\"write fs:workspace/guarded/**\"]\n"), &["nest", "people", "files"]).await;
    let ask = json!({"question": "Which?"}).to_string();
    let write = json!({"path": "guarded/a", "content": "x"}).to_string();
    let nested = json!({"name": "write_text_file", "arguments": write}).to_string();
    for (tool, arguments, parked, calls) in [
        ("ask_human", ask.clone(), false, 1),
        ("ask_human", ask, true, 1),
        ("nest", nested.clone(), false, 2),
        ("nest", nested, true, 2),
    ] {
        let (call, mut events) = host.runtime.start(CallRequest::new(tool, arguments)).await.unwrap();
        let event = Runtime::settle(&mut events).await;
        let CallEvent::Waits(Waiting::Question(id)) = event else { panic!("{event:?}") };
        let asking = host.question(id).call;
        if parked {
            assert!(host.park(asking) && (asking == call || host.park(call)));
        }
        host.runtime.cancel(call, "enough").await.unwrap();
        let event = Runtime::settle(&mut events).await;
        assert!(matches!(event, CallEvent::Interrupted(_)), "{event:?}");
        let question = host.question(id);
        assert!(matches!(question.state, QuestionState::Withdrawn { .. }), "{question:?}");
        assert_eq!(state(&host, call), CallState::Cancelled("enough".into()));
        assert!(matches!(state(&host, asking), CallState::Cancelled(_)));
        let ended = host
            .records()
            .await
            .into_iter()
            .filter(|record| record.operation == "call.end" && [Some(call), Some(asking)].contains(&record.call));
        assert_eq!(ended.count(), calls, "{tool}");
        let snapshot = host.runtime.kernel().snapshot().unwrap();
        assert_eq!(View(&snapshot).resumable().unwrap(), [], "{tool}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_in_the_middle_of_which_its_call_is_cancelled_ends_and_is_recorded() {
    let (host, gate) = slow_host(&["two_writes"], LONG_MILLISECONDS).await;
    let (call, mut events) = host.runtime.start(CallRequest::new("two_writes", "{}")).await.unwrap();
    while !host.records().await.iter().any(|record| record.outcome == Outcome::Intent) {
        tokio::task::yield_now().await;
    }
    host.runtime.kernel().cancel_call(call, "enough").unwrap();
    gate.open();
    let record = outcome_of(&host, "fs.write").await;
    assert!(record.parent.is_some() && record.effect.is_some(), "{record:?}");
    let event = tokio::time::timeout(PATIENCE, Runtime::settle(&mut events)).await.expect("the guest goes on");
    assert!(matches!(event, CallEvent::Interrupted(_)), "{event:?}");
    // Whether it had begun when the call was cancelled or not: what the record says is what is there.
    assert_eq!(host.content("first.txt").is_some(), record.outcome == Outcome::Done, "{record:?}");
    assert_eq!(host.content("second.txt"), None);
    assert_eq!(state(&host, call), CallState::Cancelled("enough".into()));
    assert!(!host.runtime.kernel().has_effects_under_way());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_cancelled_once() {
    let host = Host::new(OPEN, &["ask", "noop"]).await;
    let (call, mut events) = host.runtime.start(CallRequest::new("ask", r#"{"question":"Which?"}"#)).await.unwrap();
    Runtime::settle(&mut events).await;
    let cancel = |why: &'static str| {
        let runtime = std::sync::Arc::clone(&host.runtime);
        tokio::spawn(async move { runtime.cancel(call, why).await.map_err(|error| error.to_string()) })
    };
    let (one, two) = (cancel("one"), cancel("two"));
    let both = [one.await.unwrap(), two.await.unwrap()];
    let refused: Vec<_> = both.iter().filter_map(|done| done.as_ref().err()).collect();
    assert!(matches!(refused[..], [why] if why.contains("has ended or never was")), "{refused:?}");
    host.done("noop", json!({})).await;
    let ended = CallId(call.0 + 1);
    for call in [call, ended, CallId(99)] {
        let refused = host.runtime.cancel(call, "late").await.map(drop).unwrap_err().to_string();
        assert!(refused.contains("has ended or never was"), "{refused}");
    }
    assert_eq!(state(&host, ended), CallState::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_component_is_being_compiled_is_over_when_it_is_cancelled() {
    let host = Host::new(OPEN, &["noop"]).await;
    // The code is gone, and the compiler never ends by itself.
    let forget = |root: &std::path::Path| std::fs::remove_dir_all(root.join("data/code")).unwrap();
    let place = std::env::temp_dir().join(format!("libos-cancel-{}", std::process::id()));
    std::fs::write(&place, "#!/bin/sh\nexec sleep 1000000\n").unwrap();
    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let compile = libos::Compile::Child(place.clone());
    let host = host.restart_with(forget, |config| config.compile = compile).await;
    let (call, mut events) = host.runtime.start(CallRequest::new("noop", "{}")).await.unwrap();
    host.runtime.kernel().cancel_call(call, "enough").unwrap();
    let event = tokio::time::timeout(PATIENCE, Runtime::settle(&mut events)).await.expect("it waits for the compiler");
    assert_eq!(event, CallEvent::Interrupted("the call has ended".into()));
    std::fs::remove_file(place).unwrap();
}
