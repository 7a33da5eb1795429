//! The walking line: a tool reads, is refused, asks, waits, is parked, goes on.

use libos::CallEvent;
use libos::kernel::model::call::Approval;
use libos::kernel::model::record::Outcome;
use libos::kernel::model::row::FailureReason;
use libos_e2e::{Host, OPEN, result};
use serde_json::json;

const ASKS: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**", "write fs:workspace/first.txt", "ask,tell human:owner"]
ask = ["write fs:workspace/second.txt"]
deny = ["read fs:workspace/secret.txt"]
"#;

#[tokio::test]
async fn a_tool_reads_what_it_may_and_is_refused_what_it_may_not() {
    let host = Host::new(ASKS, &["files"]).await;
    host.put("notes.txt", "hello");
    host.put("secret.txt", "hidden");
    let read = host.done("read_text_file", json!({"path": "notes.txt"})).await;
    assert_eq!(read["content"], "hello");
    let failure = host.failed("read_text_file", json!({"path": "secret.txt"})).await;
    assert_eq!(failure.reason, FailureReason::Denied, "{failure:?}");
    assert!(failure.message.contains("a rule denies it"), "{failure:?}");
    let records = host.records().await;
    assert!(records.iter().any(|record| record.operation.starts_with("fs.read") && record.outcome == Outcome::Denied));
}

#[tokio::test]
async fn an_ask_waits_and_the_tool_goes_on_after_it() {
    let host = Host::new(ASKS, &["two_writes"]).await;
    let question = host.asks("two_writes", json!({"first": "first.txt", "second": "second.txt"})).await;
    assert!(host.content("first.txt").is_some() && host.content("second.txt").is_none());
    let done = result(host.answer(question.id, Approval::Allow).await);
    assert!(host.content("second.txt").is_some(), "{done}");
}

#[tokio::test]
async fn a_parked_call_goes_on_in_another_host_and_writes_once() {
    let host = Host::new(ASKS, &["two_writes"]).await;
    let question = host.asks("two_writes", json!({"first": "first.txt", "second": "second.txt"})).await;
    let host = host.restart().await;
    let event = host.answer(question.id, Approval::Allow).await;
    assert!(matches!(event, CallEvent::Ended(_)), "{event:?}");
    result(event);
    let writes = host.records().await;
    let intents = writes.iter().filter(|record| record.outcome == Outcome::Intent).count();
    assert_eq!(intents, 2, "one intent for each of two writes");
}

#[tokio::test]
async fn a_refusal_by_a_person_reaches_the_tool() {
    let host = Host::new(ASKS, &["two_writes"]).await;
    let question = host.asks("two_writes", json!({"first": "first.txt", "second": "second.txt"})).await;
    let event = host.answer(question.id, Approval::Deny).await;
    let CallEvent::Ended(ended) = event else { panic!("{event:?}") };
    assert!(ended.result.unwrap_err().message.contains("a person refused it"));
    assert!(host.content("second.txt").is_none());
}

#[tokio::test]
async fn the_journey_works() {
    let host = Host::new(OPEN, &["journey"]).await;
    std::fs::create_dir(host.workspace().join("notes")).unwrap();
    host.put("notes/ada.md", "some notes\n");
    let question = host.asks("journey", json!({"name": "ada"})).await;
    let done = result(host.say(question.id, "Ada").await);
    assert!(done.is_object(), "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_does_not_apply_any_more_is_asked_again_and_told() {
    let host = Host::new(ASKS, &["two_writes"]).await;
    host.put("second.txt", "old");
    let question = host.asks("two_writes", json!({"first": "first.txt", "second": "second.txt"})).await;
    host.put("second.txt", "somebody else's");
    let event = host.answer(question.id, Approval::Allow).await;
    let CallEvent::Waits(libos::Waiting::Question(id)) = event else { panic!("{event:?}") };
    let again = host.question(id).again.unwrap_or_default();
    assert!(again.contains("what is there"), "{again}");
    assert_eq!(host.content("second.txt").as_deref(), Some("somebody else's"));
    result(host.answer(id, Approval::Allow).await);
    assert_eq!(host.content("second.txt").as_deref(), Some("two"));
}

#[tokio::test]
async fn a_call_of_somebody_else_does_not_end_the_process_that_waits() {
    let host = Host::new(ASKS, &["two_writes", "noop"]).await;
    let question = host.asks("two_writes", json!({"first": "first.txt", "second": "second.txt"})).await;
    let request = libos::CallRequest { pid: Some(question.pid), ..libos::CallRequest::new("noop", "{}") };
    result(host.runtime.call(request).await.unwrap());
    result(host.answer(question.id, Approval::Allow).await);
}

#[tokio::test]
async fn a_restriction_reaches_a_process_that_has_started() {
    let host = Host::new(ASKS, &["two_writes"]).await;
    let question = host.asks("two_writes", json!({"first": "first.txt", "second": "second.txt"})).await;
    let stricter = ASKS.replace("deny = [", "deny = [\"write fs:workspace/second.txt\", ");
    host.runtime.kernel().set_policy(&stricter).unwrap();
    let event = host.answer(question.id, Approval::Allow).await;
    let CallEvent::Ended(ended) = event else { panic!("{event:?}") };
    assert!(ended.result.unwrap_err().message.contains("a rule denies it"));
    assert!(host.content("second.txt").is_none());
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_comes_to_the_disk_by_itself() {
    let host = Host::new(OPEN, &[]).await;
    host.records().await;
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let begun = std::time::Instant::now();
    loop {
        let snapshot = host.runtime.kernel().snapshot().unwrap();
        if libos::kernel::kernel::view::View(&snapshot).process(pid).unwrap().is_some() {
            return;
        }
        assert!(begun.elapsed().as_secs() < 20, "it is still only in memory");
        tokio::task::yield_now().await;
    }
}
