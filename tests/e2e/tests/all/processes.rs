//! Processes with real components: children are made and waited for, a running tool is paused in the middle and goes on in another host,
//! and what is under way outside ends by itself.

use crate::dropping::{outcome_of, slow_host};
use libos::kernel::kernel::view::View;
use libos::kernel::model::id::{CallId, Pid};
use libos::kernel::model::process::{Signal, State};
use libos::kernel::model::record::Outcome;
use libos::kernel::model::row::{CallState, ProcessRow};
use libos::{CallEvent, CallRequest, Runtime};
use libos_e2e::{Host, OPEN, result};
use serde_json::json;

fn request(pid: Pid, tool: &str, arguments: serde_json::Value) -> CallRequest {
    CallRequest { pid: Some(pid), ..CallRequest::new(tool, arguments.to_string()) }
}

fn act(pid: Pid, act: &str, text: &str) -> CallRequest {
    request(pid, "family", json!({"act": act, "text": text}))
}

async fn row(host: &Host, pid: Pid) -> ProcessRow {
    host.runtime.kernel().barrier().await.unwrap();
    View(&host.runtime.kernel().snapshot().unwrap()).process(pid).unwrap().unwrap()
}

fn call_state(host: &Host, call: CallId) -> CallState {
    View(&host.runtime.kernel().snapshot().unwrap()).call(call).unwrap().unwrap().state
}

/// The only child of a process, once there is one.
async fn child_of(host: &Host, pid: Pid) -> Pid {
    loop {
        if let [child] = host.runtime.kernel().children_of(pid)[..] {
            return child;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parent_waits_for_its_child_in_another_host_and_learns_its_result() {
    let host = Host::new(OPEN, &["family", "processes"]).await;
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let (call, _) = host.runtime.start(act(pid, "spawn-and-wait", "read fs:workspace/a")).await.unwrap();
    let child = child_of(&host, pid).await;
    while host.runtime.kernel().wait_of(call).is_none() {
        tokio::task::yield_now().await;
    }
    assert!(host.park(call));
    let host = host.restart().await;
    let mut events = host.runtime.listen(call);
    let exit = request(child, "process_exit", json!({"payload": {"n": 7}}));
    let Ok(CallEvent::Ended(_)) = host.runtime.call(exit).await else { panic!("a child may exit") };
    assert_eq!(
        result(Runtime::settle(&mut events).await),
        json!(format!("{child} exited {{\"n\": 7}}").replace(": 7", ":7"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exec_and_exit_that_a_tool_asks_for_apply_when_its_result_is_stored() {
    let host = Host::new(OPEN, &["family"]).await;
    host.put("notes.md", "some notes");
    let image = libos::kernel::model::image::Image::parse("name = \"small\"\nversion = \"1\"\ntools = []\n").unwrap();
    host.runtime.kernel().add_image(image).unwrap();
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let before = host.runtime.kernel().grants_of(pid);
    assert_eq!(result(host.runtime.call(act(pid, "exec", "small")).await.unwrap()), json!("base"));
    let process = row(&host, pid).await;
    assert_eq!((&*process.image, &process.state), ("small", &State::Ready));
    assert_eq!(host.runtime.kernel().grants_of(pid), before);
    // Its tools are those of its image now.
    let refused = host.runtime.call(act(pid, "exec", "base")).await.unwrap_err().to_string();
    assert!(refused.contains("image 'small' does not have the tool"), "{refused}");

    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    // It asked for its end, and did what came after.
    assert_eq!(result(host.runtime.call(act(pid, "exit-then-read", "1")).await.unwrap()), json!("some notes"));
    assert_eq!(row(&host, pid).await.state, State::Exited("\"1\"".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_that_is_paused_between_two_imports_goes_on_in_another_host_and_does_nothing_twice() {
    let (host, gate) = slow_host(&["family"], 1_000_000).await;
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let (call, mut events) = host.runtime.start(act(pid, "write-twice", "")).await.unwrap();
    while !host.records().await.iter().any(|record| record.outcome == Outcome::Intent) {
        tokio::task::yield_now().await;
    }
    host.runtime.kernel().signal(pid, Signal::Pause, "to look").unwrap();
    gate.open();
    // What was under way ends and is recorded; the guest stops at its next import, and that is no error.
    assert_eq!(outcome_of(&host, "fs.write").await.outcome, Outcome::Done);
    assert_eq!(Runtime::settle(&mut events).await, CallEvent::Paused("a person: to look".into()));
    assert_eq!(host.content("first.txt").as_deref(), Some("1"));
    assert_eq!(host.content("second.txt"), None);
    let host = host.restart().await;
    let refused = host.runtime.resume(call).await.unwrap_err().to_string();
    assert!(refused.contains("is paused"), "{refused}");
    assert_eq!(call_state(&host, call), CallState::Runnable);
    let mut events = host.runtime.listen(call);
    host.runtime.kernel().signal(pid, Signal::Resume, "").unwrap();
    assert_eq!(result(Runtime::settle(&mut events).await), json!("written"));
    assert_eq!(host.content("second.txt").as_deref(), Some("2"));
    let intents = host.records().await.into_iter().filter(|record| record.outcome == Outcome::Intent);
    assert_eq!(intents.count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_in_the_middle_of_which_its_process_is_killed_ends_and_is_recorded() {
    let (host, gate) = slow_host(&["family"], 1_000_000).await;
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let (call, mut events) = host.runtime.start(act(pid, "write-twice", "")).await.unwrap();
    while !host.records().await.iter().any(|record| record.outcome == Outcome::Intent) {
        tokio::task::yield_now().await;
    }
    host.runtime.kernel().signal(pid, Signal::Kill, "enough").unwrap();
    gate.open();
    let record = outcome_of(&host, "fs.write").await;
    assert!(record.parent.is_some() && record.effect.is_some(), "{record:?}");
    let event = Runtime::settle(&mut events).await;
    assert!(matches!(event, CallEvent::Interrupted(_)), "{event:?}");
    assert_eq!(host.content("first.txt").is_some(), record.outcome == Outcome::Done, "{record:?}");
    assert_eq!(host.content("second.txt"), None);
    assert_eq!(row(&host, pid).await.state, State::Killed("a person: enough".into()));
    assert!(matches!(call_state(&host, call), CallState::Cancelled(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_tools_make_list_tell_and_end_children() {
    let policy = OPEN.replace("\"use image:*\",", "");
    let host = Host::new(&policy, &["processes", "files", "objects"]).await;
    host.put("notes.md", "some notes");
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let call = async |pid, tool: &str, arguments| host.runtime.call(request(pid, tool, arguments)).await.unwrap();
    let grants = json!([{"rule": "read fs:workspace/notes.md"}]);
    let made = result(call(pid, "spawn_child_process", json!({"goal": "to read", "grants": grants})).await);
    assert_eq!(made, json!({"child_pid": "p2", "parent_pid": "p1", "image": "base", "grants": 1}));
    let forked = result(call(pid, "fork_child_process", json!({"goal": "to look", "mode": "worker"})).await);
    assert_eq!(forked["child_pid"], "p3");
    let read = result(call(Pid(2), "read_text_file", json!({"path": "notes.md"})).await);
    assert_eq!(read["content"], "some notes");
    // Neither what it was not handed, nor what belongs to its image.
    let CallEvent::Ended(refused) = call(Pid(3), "read_text_file", json!({"path": "notes.md"})).await else { panic!() };
    assert!(refused.result.unwrap_err().message.contains("denied"));
    let told = result(call(pid, "signal_child_process", json!({"child_pid": "p3", "signal": "pause"})).await);
    assert_eq!(told["status"], "paused");
    let listed = result(call(pid, "list_child_processes", json!({})).await);
    let words: Vec<_> = listed["children"].as_array().unwrap().iter().map(|child| child["status"].clone()).collect();
    assert_eq!(words, ["ready", "paused"]);
    let looked = result(call(pid, "wait_child_process", json!({"block": false})).await);
    assert_eq!(looked["ready"], false);
    result(call(Pid(2), "process_exit", json!({"payload": [1]})).await);
    let waited = result(call(pid, "wait_child_process", json!({"child_pid": "p2"})).await);
    assert_eq!((&waited["status"], &waited["result"]), (&json!("exited"), &json!([1])));
    // What a forked child makes comes back when it is wanted.
    let copied = result(call(pid, "fork_child_process", json!({"goal": "to try", "mode": "copy-on-write"})).await);
    assert_eq!(copied["child_pid"], "p4");
    let made = json!({"name": "found", "type": "evidence", "payload": 1});
    result(call(Pid(4), "create_memory_object", made).await);
    let merged = result(call(pid, "merge_child_memory", json!({"child_pid": "p4"})).await);
    assert_eq!((&merged["merged"], &merged["conflicts"]), (&json!(["process/1/found"]), &json!([])), "{merged}");
    assert_eq!(result(call(pid, "read_memory_object", json!({"name": "found"})).await)["payload"], 1);
    let killed = result(call(pid, "signal_child_process", json!({"child_pid": "p3", "signal": "kill"})).await);
    assert_eq!(killed["status"], "killed");
    let CallEvent::Ended(refused) = call(pid, "exec_process", json!({"image": "base"})).await else { panic!() };
    assert!(refused.result.unwrap_err().message.contains("denied"));
}
