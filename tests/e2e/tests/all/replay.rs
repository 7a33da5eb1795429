//! Replay: a call that is dropped before any of its imports and started again ends as the unbroken one does, with every effect done once.

use libos::kernel::model::call::{Approval, Call, Class};
use libos::kernel::model::question::Subject;
use libos::kernel::model::record::{Outcome, Record};
use libos::{CallEvent, CallRequest, Runtime, Waiting};
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A program, and its arguments for a run with this name.
type Row = (&'static str, fn(&str) -> Value);

const PROGRAMS: &[Row] = &[
    ("journey", |run| json!({"name": run})),
    ("two_writes", |run| json!({"first": format!("notes/{run}.1"), "second": format!("notes/{run}.2")})),
    ("dated", |run| json!({"path": format!("notes/{run}.dates")})),
    ("append_loop", |run| json!({"path": format!("notes/{run}.log"), "count": 4})),
    ("object_loop", |run| json!({"name": format!("counter-{run}"), "count": 3})),
    ("std_clock", |_| json!({})),
    ("ask_twice", |_| json!({"first": "One?", "second": "Two?"})),
    ("exit_midway", |run| json!({"after": format!("notes/{run}.after")})),
    ("sleep_ms", |_| json!({"ms": 1})),
    ("print_flood", |_| json!({"lines": 3, "bytes": 10})),
    ("read_text_file", |_| json!({"path": "notes/fixed.md"})),
    ("write_text_file", |run| json!({"path": format!("notes/{run}.txt"), "content": "text"})),
    ("read_directory", |_| json!({"path": "fixed"})),
    ("write_directory", |run| json!({"path": format!("notes/{run}.d/e"), "parents": true})),
    ("delete_file", |run| json!({"path": format!("notes/{run}.md")})),
    ("delete_directory", |run| json!({"path": format!("gone/{run}"), "recursive": true})),
    ("get_working_directory", |_| json!({})),
    ("set_working_directory", |_| json!({"path": "notes"})),
    ("create_memory_object", |run| json!({"name": run, "type": "note", "payload": {"a": 1}})),
    ("create_memory_namespace", |run| json!({"namespace": format!("space-{run}")})),
    ("list_memory_namespace", |_| json!({})),
    ("create_object_from_file", |run| json!({"name": run, "path": "notes/fixed.md"})),
    ("read_memory_object", |run| json!({"name": run, "namespace": "team"})),
    ("append_memory_object", |run| json!({"name": run, "namespace": "team", "entry": 1, "list_field": "list"})),
    ("write_object_to_file", |run| json!({"name": run, "namespace": "team", "path": format!("notes/{run}.obj")})),
    ("read_loop", |_| json!({"path": "notes/fixed.md", "count": 3})),
    ("noop", |_| json!({})),
    ("nan_probe", |_| json!({})),
    ("search_text", |_| json!({"pattern": "f.xed", "path": "notes", "glob": "fix*", "context": 1})),
    ("find_files", |_| json!({"pattern": "fixed*"})),
    (
        "edit_file",
        |run| json!({"path": format!("notes/{run}.md"), "old_text": "some notes\n", "new_text": "many notes\n"}),
    ),
    ("apply_patch", |run| json!({"patch": patch(run)})),
    ("parse_pytest_log", |_| json!({"log": "FAILED a.py::b"})),
    ("echo", |run| json!({"run": run})),
    ("get_current_time", |_| json!({})),
    ("sleep", |_| json!({"seconds": 0.001})),
    ("ask_human", |_| json!({"question": "Which?"})),
    ("human_output", |_| json!({"message": "done"})),
    ("request_permission", |_| json!({"resource": "fs:workspace/x", "rights": ["read"], "reason": "to see"})),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_dropped_before_any_import_ends_as_the_unbroken_one() {
    let host = Host::new(OPEN, &guests()).await;
    fs::create_dir_all(host.workspace().join("notes")).unwrap();
    fs::create_dir_all(host.workspace().join("fixed/inside")).unwrap();
    host.put("notes/fixed.md", "fixed");
    host.done("create_memory_namespace", json!({"namespace": "team"})).await;
    for (program, arguments) in PROGRAMS {
        let whole = run(&host, program, arguments, &format!("{program}-whole"), None).await;
        let pure = ["print_flood", "echo", "parse_pytest_log", "noop", "nan_probe"].contains(program);
        assert!(whole.imports > 0 || pure, "{program}");
        for stop in 0..whole.imports {
            let name = format!("{program}-{stop}");
            let broken = run(&host, program, arguments, &name, Some(stop)).await;
            assert_eq!(broken.changes, whole.changes, "{program} stopped before import {stop}");
            assert_eq!(broken.result, whole.result, "{program} stopped before import {stop}");
            assert_eq!(broken.log, whole.log, "{program} stopped before import {stop}");
        }
    }
}

/// Changes, creates in a new directory, renames and deletes.
fn patch(run: &str) -> String {
    format!(
        "diff --git a/notes/{run}.md b/notes/{run}.md\n--- a/notes/{run}.md\n+++ b/notes/{run}.md\n@@ -1 +1 @@\n-some notes\n+x\n\
         diff --git a/notes/{run}.n/a b/notes/{run}.n/a\nnew file mode 100644\n--- /dev/null\n+++ b/notes/{run}.n/a\n@@ -0,0 +1 @@\n+x\n\
         diff --git a/gone/{run}/r b/gone/{run}/s\nrename from gone/{run}/r\nrename to gone/{run}/s\n\
         diff --git a/gone/{run}/d b/gone/{run}/d\ndeleted file mode 100644\n--- a/gone/{run}/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    )
}

fn guests() -> Vec<&'static str> {
    let standard = ["files", "objects", "people", "basics", "search", "edit"];
    let programs = [
        "journey",
        "two_writes",
        "append_loop",
        "object_loop",
        "std_clock",
        "ask_twice",
        "exit_midway",
        "sleep_ms",
        "dated",
        "read_loop",
        "noop",
        "nan_probe",
    ];
    programs.into_iter().chain(["print_flood"]).chain(standard).collect()
}

/// What can be compared of two runs.
struct Run {
    /// What does not depend on the moment, on chance or on the run's name.
    result: Value,
    /// Imports that were made.
    imports: u32,
    /// The records of what changed something, in order: operation and outcome.
    changes: Vec<(String, String)>,
    /// Lines of the call's log.
    log: Vec<String>,
}

async fn run(host: &Host, program: &str, arguments: &fn(&str) -> Value, name: &str, stop: Option<u32>) -> Run {
    prepare(&host.workspace(), name);
    host.runtime.interrupt_first_runs_at(None);
    if ["read_memory_object", "append_memory_object", "write_object_to_file"].contains(&program) {
        let payload = json!({"content": "text", "list": []});
        let object = json!({"name": name, "namespace": "team", "type": "note", "payload": payload});
        host.done("create_memory_object", object).await;
    }
    host.runtime.interrupt_first_runs_at(stop);
    let request = CallRequest::new(program, arguments(name).to_string());
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let mut event = Runtime::settle(&mut events).await;
    let mut resumed = 0;
    let result = loop {
        event = match event {
            CallEvent::Interrupted(why) => {
                assert_eq!(why, "interrupted");
                resumed += 1;
                let mut events = host.runtime.resume(call).await.unwrap();
                Runtime::settle(&mut events).await
            }
            CallEvent::Waits(Waiting::Question(id)) => match host.question(id).subject {
                Subject::Question { .. } => host.say(id, "yes").await,
                _ => host.answer(id, Approval::Deny).await,
            },
            ended => break result(ended),
        };
    };
    assert_eq!(resumed, u32::from(stop.is_some()), "{program} was not stopped");
    let records: Vec<Record> = host.records().await.into_iter().filter(|record| record.call == Some(call)).collect();
    let imports = records.iter().filter_map(|record| record.position).max().map_or(0, |last| last + 1);
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    let log = libos::kernel::kernel::view::View(&snapshot).call_log(call).unwrap();
    Run {
        result: neutral(result, name),
        imports,
        changes: records.iter().filter_map(change).collect(),
        log: log.into_iter().map(|line| line.text).collect(),
    }
}

fn prepare(workspace: &Path, name: &str) {
    fs::write(workspace.join(format!("notes/{name}.md")), "some notes\n").unwrap();
    fs::create_dir_all(workspace.join(format!("gone/{name}/inside"))).unwrap();
    for file in ["r", "d"] {
        fs::write(workspace.join(format!("gone/{name}/{file}")), "x\n").unwrap();
    }
}

/// Operation and outcome of a record of something that changes.
fn change(record: &Record) -> Option<(String, String)> {
    let examples = Call::examples();
    let call = examples.iter().find(|call| call.operation() == record.operation)?;
    // What failed before it was started changed nothing and may be tried again.
    if call.class() == Class::Observe || (call.class() == Class::Effect && record.effect.is_none()) {
        return None;
    }
    let outcome = match &record.outcome {
        Outcome::Failed(text) => format!("failed {}", text.split(':').next().unwrap_or_default()),
        other => format!("{other:?}"),
    };
    Some((record.operation.clone(), outcome))
}

/// Takes away what is different in every run: times, random bytes, numbers of processes and calls, and the run's name. What must hold
/// inside one run is checked before.
fn neutral(mut result: Value, name: &str) -> Value {
    if let Some(random) = result.get("random").and_then(Value::as_str) {
        let output = result["output"].as_str().unwrap_or_default();
        assert!(output.starts_with(random), "the random bytes that were written are not those that were returned");
    }
    for key in
        ["process", "random", "before", "after", "output", "entries", "wall_seconds", "wall_nanoseconds", "order"]
    {
        if let Some(value) = result.get_mut(key) {
            *value = Value::Null;
        }
    }
    for key in ["iso8601", "unix_seconds", "elapsed_seconds", "elapsed_nanoseconds", "created_at", "updated_at"] {
        if let Some(value) = result.get_mut(key) {
            *value = Value::Null;
        }
    }
    if name.starts_with("dated") {
        result = Value::Null;
    }
    let mut text = result.to_string().replace(name, "NAME");
    // A process's own namespace has its number.
    while let Some(start) = text.find("process/") {
        let digits = text[start + 8..].bytes().take_while(u8::is_ascii_digit).count();
        text.replace_range(start..start + 8 + digits, "OWN");
    }
    serde_json::from_str(&text).unwrap()
}
