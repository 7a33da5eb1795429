//! Tools of two processes that exchange messages, over a restart; and tools that can pay for no more.

use libos::kernel::model::id::{CallId, Pid};
use libos::kernel::model::process::State;
use libos::kernel::model::purse::Coin;
use libos::{CallEvent, CallRequest, Runtime};
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};
use std::time::Duration;

fn by(pid: Pid, tool: &str, arguments: &Value) -> CallRequest {
    CallRequest { pid: Some(pid), ..CallRequest::new(tool, arguments.to_string()) }
}

/// Runs a call to its end.
async fn call(host: &Host, pid: Pid, tool: &str, arguments: Value) -> Value {
    result(host.runtime.call(by(pid, tool, &arguments)).await.unwrap())
}

fn process(host: &Host) -> Pid {
    host.runtime.kernel().new_process("base", false).unwrap()
}

/// Starts a call and waits until it has left memory.
async fn parked(host: &Host, pid: Pid, tool: &str, arguments: Value) -> CallId {
    let (call, mut events) = host.runtime.start(by(pid, tool, &arguments)).await.unwrap();
    loop {
        match events.recv().await {
            Some(CallEvent::Parked) => return call,
            Some(CallEvent::Waits(_)) => {}
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn two_tools_exchange_messages_over_a_restart() {
    let host = Host::with_config(OPEN, &["messages"], |config| config.park_after = Duration::from_millis(1)).await;
    let (asks, answers) = (process(&host), process(&host));
    let question = json!({"to": answers.to_string(), "body": {"n": 20}, "channel": "sums", "correlation": "a"});
    let sent = call(&host, asks, "send_message", question).await;
    assert_eq!(sent, json!({"message_id": "m1", "to": answers.to_string()}));
    let waiting = parked(&host, asks, "receive_message", json!({"correlation": "a"})).await;
    let host = host.restart().await;
    let got = call(&host, answers, "receive_message", json!({"channel": "sums", "timeout_seconds": 0})).await;
    let message = &got["message"];
    assert_eq!((&message["from"], &message["body"], &got["pending"]), (&json!(asks), &json!({"n": 20}), &json!(0)));
    let mut events = host.runtime.listen(waiting);
    let answer = json!({"to": message["from"], "body": 21, "correlation": message["correlation"]});
    call(&host, answers, "send_message", answer).await;
    let received = result(Runtime::settle(&mut events).await);
    assert_eq!((&received["message"]["body"], &received["message"]["from"]), (&json!(21), &json!(answers)));
    // What was handed over is gone.
    let nothing = call(&host, asks, "receive_message", json!({"timeout_seconds": 0})).await;
    assert_eq!(nothing, json!({"message": null, "pending": 0}));
}

#[tokio::test]
async fn a_tool_that_cannot_pay_leaves_memory_and_goes_on_when_there_is_more() {
    let host = Host::new(OPEN, &["files"]).await;
    let pid = process(&host);
    let kernel = host.runtime.kernel();
    kernel.change_purse(pid, &[], &[(Coin::BytesWritten, 3), (Coin::ToolCalls, 2)]).unwrap();
    let write = json!({"path": "a.txt", "content": "12345"});
    let (call, mut events) = host.runtime.start(by(pid, "write_text_file", &write)).await.unwrap();
    let event = Runtime::settle(&mut events).await;
    let CallEvent::Paused(why) = &event else { panic!("{event:?}") };
    assert!(why.contains(&format!("`libos budget {pid} --add bytes-written=N`")), "{why}");
    assert_eq!(host.content("a.txt"), None);
    let mut events = host.runtime.listen(call);
    kernel.raise_budget(pid, Coin::BytesWritten, 2).unwrap();
    result(Runtime::settle(&mut events).await);
    assert_eq!(host.content("a.txt").as_deref(), Some("12345"));
    assert_eq!(kernel.purses_that_do_not_add_up(), []);
}

#[tokio::test]
async fn a_tool_that_only_computes_stops_when_its_process_cannot_pay_for_the_time() {
    for coin in [Coin::ProcessorMilliseconds, Coin::WallMilliseconds] {
        let host = Host::new(OPEN, &["spin"]).await;
        let pid = process(&host);
        host.runtime.kernel().change_purse(pid, &[], &[(coin, 30)]).unwrap();
        let event = host.runtime.call(by(pid, "spin", &json!({}))).await.unwrap();
        assert!(matches!(&event, CallEvent::Paused(_)), "{coin}: {event:?}");
        host.runtime.kernel().barrier().await.unwrap();
        let snapshot = host.runtime.kernel().snapshot().unwrap();
        let row = libos::kernel::kernel::view::View(&snapshot).process(pid).unwrap().unwrap();
        assert!(matches!(&row.state, State::Paused(why) if why.contains(coin.word())), "{row:?}");
        assert_eq!(row.purse.unwrap().left(coin), Some(0));
    }
}

#[tokio::test]
async fn whoever_sleeps_is_woken_by_an_interrupt() {
    let host = Host::with_config(OPEN, &["messages", "basics"], |config| {
        config.park_after = Duration::from_millis(1);
    })
    .await;
    let (sleeper, other) = (process(&host), process(&host));
    let sleeps = parked(&host, sleeper, "sleep", json!({"seconds": 1_000_000})).await;
    let mut events = host.runtime.listen(sleeps);
    let wake = json!({"to": sleeper.to_string(), "body": "up", "kind": "interrupt"});
    call(&host, other, "send_message", wake).await;
    let event = Runtime::settle(&mut events).await;
    let CallEvent::Ended(ended) = event else { panic!("{event:?}") };
    let failure = ended.result.unwrap_err();
    assert!(failure.message.contains(&format!("interrupted: m1 came from {other}")), "{failure:?}");
    let got = call(&host, sleeper, "receive_message", json!({})).await;
    assert_eq!(got["message"]["kind"], "interrupt");
}
