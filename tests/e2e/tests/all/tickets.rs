//! Tickets from a Rust program, through the whole line: system calls at once, one of which waits for a person, and a host that is killed.

use libos::kernel::model::call::Approval;
use libos::kernel::model::record::Outcome;
use libos::{CallEvent, CallRequest, Runtime, Waiting};
use libos_e2e::{Host, OPEN, result};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;

const ASKING: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read fs:workspace/**", "write fs:workspace/free/**"]
ask = ["write fs:workspace/asked/**"]
"#;

/// Writes that were done.
async fn written(host: &Host) -> usize {
    let done = |record: &&libos::Record| record.operation == "fs.write" && record.outcome == Outcome::Done;
    host.records().await.iter().filter(done).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_at_once_is_done_once_wherever_the_host_is_killed() {
    let mut host = Host::new(ASKING, &["at_once"]).await;
    for folder in ["free", "asked"] {
        fs::create_dir(host.workspace().join(folder)).unwrap();
    }
    host.put("a", "one");
    host.put("b", "three");
    let (mut stop, mut whole) = (0, false);
    while !whole {
        host.runtime.interrupt_first_runs_at(Some(stop));
        let writes = [format!("free/{stop}a"), format!("asked/{stop}"), format!("free/{stop}b")];
        let arguments = json!({ "reads": ["a", "b", "a"], "writes": writes });
        let before = written(&host).await;
        let (call, mut events) = host.runtime.start(CallRequest::new("at_once", arguments.to_string())).await.unwrap();
        let mut event = Runtime::settle(&mut events).await;
        whole = !matches!(event, CallEvent::Interrupted(_));
        if !whole {
            host = host.restart().await;
            event = Runtime::settle(&mut host.runtime.resume(call).await.unwrap()).await;
        }
        let CallEvent::Waits(Waiting::Question(id)) = event else { panic!("{stop}: it does not ask: {event:?}") };
        assert_eq!(host.content(&writes[1]), None, "{stop}");
        host = host.restart().await;
        let seen = result(host.answer(id, Approval::Allow).await);
        assert_eq!(seen["bytes"], json!(11), "{stop}");
        for path in &writes {
            assert_eq!(host.content(path).as_deref(), Some("11"), "{stop}: {path}");
        }
        assert_eq!(written(&host).await - before, 3, "{stop}");
        let order: Vec<String> = seen["order"].as_array().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), 6, "{stop}: {order:?}");
        assert_eq!(host.log(call), order, "{stop}: what it took before the kill, it took again in that order");
        stop += 1;
    }
    // Submitting, taking and noting six, and learning twice that nothing is open.
    assert!(stop >= 18, "{stop}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_tickets_a_component_gets_what_it_declares_and_that_is_what_it_can_ever_do() {
    let host = Host::new(OPEN, &["at_once"]).await;
    let tool = host.runtime.kernel().tools()[0].clone();
    // It calls no function of this interface.
    assert!(tool.imports.contains(&"fs".to_owned()) && !tool.imports.contains(&"object".to_owned()), "{tool:?}");
}
