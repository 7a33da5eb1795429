//! Every import of the world: refused without a grant and recorded, works with one and is recorded.

use libos::CallEvent;
use libos::Waiting;
use libos::kernel::kernel::Reaction;
use libos::kernel::model::call::{Approval, Call};
use libos::kernel::model::need::{Context, names, needs};
use libos::kernel::model::question::Subject;
use libos::kernel::model::record::Outcome;
use libos::kernel::model::resource::{Kind, Resource};
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};

const NOTHING: &str = "[mounts]\nworkspace = \".\"\n[image.base]\nallow = []\n";

/// Imports that need no right, for the reasons that the WIT gives.
const FREE: [&str; 15] = [
    "fs.working-directory",
    "clock.now",
    "random.bytes",
    "log.write",
    "process.self",
    "process.exit",
    "process.children",
    "message.receive",
    "message.pending",
    "tools.propose",
    "tools.validate",
    "tools.list",
    "image.list",
    "tickets.next",
    "tickets.cancel",
];

/// Imports on the process's own namespace, which it always has.
const OWN: [&str; 12] = [
    "object.create",
    "object.read",
    "object.update",
    "object.delete",
    "object.list",
    "object.namespaces",
    "object.rename",
    "object.link",
    "object.unlink",
    "object.links",
    "object.query",
    "process.exit-with",
];

/// Imports whose objects are not there in a new process.
const MISSING: [&str; 9] = [
    "object.read",
    "object.update",
    "object.delete",
    "object.rename",
    "object.link",
    "object.unlink",
    "object.links",
    "object.merge",
    "process.exit-with",
];

fn prepare(host: &Host) {
    for name in ["notes.md", "old.md", "gone.md"] {
        host.put(name, "some notes");
    }
    // To which messages are sent by those that are no kin of it.
    let other = host.runtime.kernel().new_process("base", false).unwrap();
    assert_eq!(other.to_string(), "p1");
}

#[test]
fn the_list_of_free_imports_is_the_one_that_the_kernel_has() {
    let cwd = Resource::new(Kind::Fs, "workspace");
    let context =
        Context { working_directory: &cwd, own_namespace: "process/1", image: "base", candidate: Some("double") };
    for call in Call::examples() {
        let free = needs(&call, &names(&call, &context).unwrap(), false).is_empty();
        assert_eq!(free, FREE.contains(&call.operation()), "{}", call.operation());
    }
}

#[tokio::test]
async fn every_import_is_refused_without_a_grant_and_recorded() {
    let host = Host::new(NOTHING, &["every_import"]).await;
    prepare(&host);
    for call in Call::examples() {
        let operation = call.operation();
        let outcome = host.done("every_import", json!({"import": operation})).await;
        let free = FREE.contains(&operation) || OWN.contains(&operation);
        assert_eq!(outcome.get("denied").is_some(), !free, "{operation}: {outcome}");
        let wanted = if free { None } else { Some(Outcome::Denied) };
        let records = host.records().await;
        let record = records.iter().rfind(|record| record.operation == operation);
        let record = record.unwrap_or_else(|| panic!("{operation} left no record"));
        if let Some(wanted) = wanted {
            assert_eq!(record.outcome, wanted, "{operation}");
        }
    }
    assert!(host.content("copy.md").is_none() && host.content("gone.md").is_some(), "something was done");
}

#[tokio::test]
async fn every_import_works_with_a_grant_and_is_recorded() {
    let host = Host::new(OPEN, &["every_import", "objects", "basics"]).await;
    prepare(&host);
    for call in Call::examples() {
        let operation = call.operation();
        let event = host.call("every_import", json!({"import": operation})).await;
        let outcome = match event {
            CallEvent::Waits(Waiting::Question(id)) => {
                let question = host.question(id);
                match question.subject {
                    Subject::Question { .. } => result(host.say(id, "this one").await),
                    _ => result(host.answer(id, Approval::Allow).await),
                }
            }
            ended => result(ended),
        };
        assert!(works(operation, &outcome), "{operation}: {outcome}");
        let records = host.records().await;
        assert!(records.iter().any(|record| record.operation == operation), "{operation} left no record");
    }
    assert_eq!(host.content("copy.md").as_deref(), Some("xx"));
    assert!(host.content("gone.md").is_none() && host.content("old.md").is_none());
}

/// Each call is made by a new process, whose own namespace is empty.
fn works(operation: &str, outcome: &Value) -> bool {
    let missing = MISSING.contains(&operation);
    let error = outcome.get("error").and_then(Value::as_str).unwrap_or_default();
    // The world of these tests has nothing that confines programs, so it runs none.
    if operation == "shell.run" {
        return error.contains("nothing that confines programs");
    }
    if missing { error.contains("not found") } else { outcome.get("ok").is_some() }
}

#[tokio::test]
async fn a_permission_that_a_person_gives_once_works_once() {
    let host =
        Host::new("[mounts]\nworkspace = \".\"\n[image.base]\nallow = [\"ask human:owner\"]\n", &["every_import"])
            .await;
    prepare(&host);
    let pid = host.runtime.kernel().new_process("base", false).unwrap();
    let request = |import: &str| libos::CallRequest {
        tool: "every_import".into(),
        arguments: json!({"import": import}).to_string(),
        pid: Some(pid),
        image: "base".into(),
        keep: false,
    };
    let event = host.runtime.call(request("human.approve")).await.unwrap();
    let CallEvent::Waits(Waiting::Question(id)) = event else { panic!("{event:?}") };
    let mut events = host.runtime.listen(host.question(id).call);
    host.runtime.answer(id, Reaction::Approve { approval: Approval::Allow, note: None }).await.unwrap();
    result(libos::Runtime::settle(&mut events).await);
    for wanted in ["ok", "denied"] {
        let outcome = result(host.runtime.call(request("fs.read")).await.unwrap());
        assert!(outcome.get(wanted).is_some(), "{wanted}: {outcome}");
    }
}
