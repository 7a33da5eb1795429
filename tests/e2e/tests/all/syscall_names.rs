//! `libos.syscall(name, args)`: every name that scripts of the system before may use, with what it answers here.

use libos::kernel::model::call::Approval;
use libos_e2e::{Host, OPEN, result};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Makes calls in turn and tells what each answered, or the case of its error.
const TELLER: &str = r#"
export async function run(args: { calls: [string, any][] }, libos: any) {
  const told: any[] = [];
  for (const [name, given] of args.calls) {
    told.push(await libos.syscall(name, given).catch((error: any) => ({ error: error.code ?? error.name })));
  }
  return told;
}
"#;

/// Where the names are.
const SOURCE: &str = include_str!("../../../../tools/js/bridge/core/syscall.js");

/// All names that the bridge knows, of calls and of their aliases.
fn names() -> BTreeSet<String> {
    let aliases = SOURCE.split_once("const aliases = {").unwrap().1.split_once("};").unwrap().0;
    let alias =
        aliases.lines().filter_map(|line| line.split_once(": \"")).map(|(name, _)| name.trim().trim_matches('"'));
    let call = SOURCE.lines().filter_map(|line| line.strip_prefix("  async \"")?.split_once('"')).map(|(name, _)| name);
    alias.chain(call).map(str::to_owned).collect()
}

/// Whether a value is the expected one, where `"*"` is anything.
fn fits(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Object(all), Value::Object(got)) => {
            all.len() == got.len() && all.iter().all(|(key, value)| got.get(key).is_some_and(|got| fits(value, got)))
        }
        (Value::Array(all), Value::Array(got)) => {
            all.len() == got.len() && all.iter().zip(got).all(|(value, got)| fits(value, got))
        }
        _ => expected == got,
    }
}

type Row = (&'static str, Value, Value);

fn files() -> Vec<Row> {
    let read = json!({"path": "a", "content": "text", "bytes_read": 4, "truncated": false});
    let entry = json!({"name": "a", "path": "a", "kind": "file", "size_bytes": 4, "modified_at": "*"});
    let error = |code: &str| json!({ "error": code });
    vec![
        (
            "filesystem.write_text",
            json!({"path": "a", "content": "text"}),
            json!({"path": "a", "bytes_written": 4, "created": true}),
        ),
        (
            "write_text_file",
            json!({"path": "a", "content": "text"}),
            json!({"path": "a", "bytes_written": 4, "created": false}),
        ),
        ("write_text_file", json!({"path": "a", "content": "", "overwrite": false}), error("already-exists")),
        ("write_text_file", json!({"path": "a", "content": "", "encoding": "latin1"}), error("invalid")),
        ("filesystem.read_text", json!({"path": "a"}), read.clone()),
        ("read_text_file", json!({"path": "a", "encoding": "utf-8"}), read),
        (
            "read_text_file",
            json!({"path": "a", "max_bytes": 2}),
            json!({"path": "a", "content": "te", "bytes_read": 2, "truncated": true}),
        ),
        ("read_text_file", json!({"path": "none"}), error("not-found")),
        (
            "filesystem.read_directory",
            json!({}),
            json!({"path": ".", "entries": [entry.clone()], "count": 1, "truncated": false}),
        ),
        (
            "list_directory",
            json!({"path": ".", "limit": 1}),
            json!({"path": ".", "entries": [entry], "count": 1, "truncated": false}),
        ),
        (
            "filesystem.write_directory",
            json!({"path": "b/c", "parents": true}),
            json!({"path": "b/c", "created": true}),
        ),
        ("make_directory", json!({"path": "b", "exist_ok": true}), json!({"path": "b", "created": false})),
        ("make_directory", json!({"path": "b"}), error("already-exists")),
        ("process.get_working_directory", json!({}), json!({"working_directory": "/workspace"})),
        ("process.set_working_directory", json!({"path": "b"}), json!({"working_directory": "/workspace/b"})),
        ("process.chdir", json!({"path": "/workspace"}), json!({"working_directory": "/workspace"})),
        ("process.cwd", json!({}), json!({"working_directory": "/workspace"})),
        ("process.chdir", json!({"path": "none"}), error("not-found")),
        (
            "filesystem.delete_file",
            json!({"path": "a"}),
            json!({"path": "a", "kind": "file", "deleted": true, "recursive": false}),
        ),
        (
            "filesystem.delete_file",
            json!({"path": "a", "missing_ok": true}),
            json!({"path": "a", "kind": "file", "deleted": false, "recursive": false}),
        ),
        ("filesystem.delete_file", json!({"path": "a"}), error("not-found")),
        ("filesystem.delete_directory", json!({"path": "b"}), error("not-empty")),
        (
            "filesystem.delete_directory",
            json!({"path": "b", "recursive": true}),
            json!({"path": "b", "kind": "directory", "deleted": true, "recursive": true}),
        ),
    ]
}

fn memory() -> Vec<Row> {
    let note = |version: u64, payload: Value, truncated: bool| {
        json!({"oid": "shelf/note", "namespace": "shelf", "name": "note", "type": "list", "version": version, "immutable": false,
               "payload": payload, "truncated": truncated})
    };
    let appended = |version: u64, field: &str, length: u64| json!({"oid": "*", "namespace": "shelf", "name": "*", "type": "list", "version": version, "appended": true, "list_field": field, "length": length});
    let described =
        |name: &str| json!({"oid": format!("shelf/{name}"), "namespace": "shelf", "name": name, "type": "list"});
    let error = |code: &str| json!({ "error": code });
    vec![
        (
            "memory.create_namespace",
            json!({"namespace": "shelf"}),
            json!({"namespace": "shelf", "parent_namespace": null, "created": true}),
        ),
        (
            "memory.create_namespace",
            json!({"namespace": "in", "parent_namespace": "shelf"}),
            json!({"namespace": "in", "parent_namespace": "shelf", "created": true}),
        ),
        (
            "memory.create_object",
            json!({"name": "note", "namespace": "shelf", "type": "list", "payload": {"entries": [1]}}),
            described("note"),
        ),
        (
            "memory.create_object",
            json!({"name": "note", "namespace": "shelf", "type": "list", "payload": {}}),
            error("already-exists"),
        ),
        (
            "memory.create_object",
            json!({"name": "bare", "namespace": "shelf", "type": "list", "payload": []}),
            described("bare"),
        ),
        (
            "memory.create_object",
            json!({"type": "note", "payload": 1}),
            json!({"oid": "*", "namespace": "*", "name": "*", "type": "note"}),
        ),
        ("memory.append_object", json!({"name": "note", "namespace": "shelf", "entry": 2}), appended(2, "entries", 2)),
        ("append_memory_object", json!({"name": "bare", "namespace": "shelf", "entry": 1}), appended(2, "entries", 1)),
        (
            "memory.append_memory_object",
            json!({"name": "bare", "namespace": "shelf", "entry": 1}),
            appended(3, "entries", 2),
        ),
        (
            "append_memory_object",
            json!({"name": "note", "namespace": "shelf", "entry": 2, "list_field": "none"}),
            error("wrong-kind"),
        ),
        (
            "memory.read_object",
            json!({"name": "note", "namespace": "shelf"}),
            note(2, json!({"entries": [1, 2]}), false),
        ),
        ("memory.get_object", json!({"name": "shelf/note"}), note(2, json!({"entries": [1, 2]}), false)),
        ("get_object", json!({"name": "shelf/note", "max_payload_chars": 5}), note(2, json!("{\"ent"), true)),
        ("get_object", json!({"name": "shelf/none"}), error("not-found")),
        (
            "memory.list_namespace",
            json!({"namespace": "shelf"}),
            json!({"namespace": "shelf", "objects": [described("bare"), described("note")], "namespaces": "*"}),
        ),
    ]
}

fn others() -> Vec<Row> {
    let now = json!({"iso8601": "*", "unix_seconds": "*", "timezone": "UTC"});
    let error = |code: &str| json!({ "error": code });
    let told = |chars: u64| json!({"delivered": true, "channel": "owner", "chars": chars});
    vec![
        ("clock.now", json!({}), now.clone()),
        ("time.now", json!({"timezone": "UTC"}), now),
        ("time.now", json!({"timezone": "Europe/Berlin"}), error("invalid")),
        ("clock.sleep", json!({"seconds": 0.001}), json!({"requested_seconds": 0.001, "elapsed_seconds": "*"})),
        ("sleep", json!({"seconds": 0}), json!({"requested_seconds": 0, "elapsed_seconds": "*"})),
        ("human.output", json!({"message": "hello"}), told(5)),
        ("human_output", json!({"message": "hi"}), told(2)),
        ("shell.run", json!({"argv": ["ls"]}), error("not-found")),
        ("shell.run_command", json!({"argv": ["ls"]}), error("not-found")),
        ("image.register", json!({}), error("not-found")),
        ("image.load_yaml", json!({}), error("not-found")),
        ("__proto__", json!({}), error("not-found")),
        ("clock.now", json!(null), error("TypeError")),
    ]
}

fn processes() -> Vec<Row> {
    let error = |code: &str| json!({ "error": code });
    let running = json!({"child_pid": "p2", "status": "running", "ready": false, "result_oid": null, "message": null});
    let ended = json!({"child_pid": "p2", "status": "killed", "ready": true, "result_oid": null, "message": "*"});
    let listed = |pid: &str, status: &str| json!({"child_pid": pid, "pid": pid, "status": status, "image": "base", "goal_oid": "*"});
    vec![
        (
            "process.spawn_child",
            json!({"image": "base", "goal": "look"}),
            json!({"child_pid": "p2", "parent_pid": "p1", "image": "base", "status": "ready"}),
        ),
        (
            "process.spawn_child",
            json!({"image": "base", "goal": {"text": "look"}, "inherit_read_files": ["a"]}),
            error("invalid"),
        ),
        (
            "process.fork",
            json!({"goal": "look", "mode": "worker"}),
            json!({"child_pid": "p3", "parent_pid": "p1", "image": null, "mode": "worker", "status": "ready"}),
        ),
        ("process.wait", json!({"child_pid": "p2", "block": false}), running),
        (
            "process.merge_child_memory",
            json!({"child_pid": 3}),
            json!({"child_pid": 3, "merged_oids": [], "skipped_oids": []}),
        ),
        (
            "process.signal",
            json!({"child_pid": 2, "signal": "pause"}),
            json!({"child_pid": 2, "signal": "pause", "status": "*"}),
        ),
        (
            "process.signal",
            json!({"child_pid": "p2", "signal": "resume"}),
            json!({"child_pid": "p2", "signal": "resume", "status": "*"}),
        ),
        (
            "process.signal",
            json!({"child_pid": "p2", "signal": "terminate", "reason": "done"}),
            json!({"child_pid": "p2", "signal": "terminate", "status": "*"}),
        ),
        ("process.signal", json!({"child_pid": "p1", "signal": "terminate"}), error("*")),
        ("process.wait", json!({"child_pid": 2}), ended),
        // Its end was told, and it has left nothing.
        ("process.merge_child_memory", json!({"child_pid": "p2"}), error("not-found")),
        ("process.list_children", json!({}), json!({"children": [listed("p3", "ready")]})),
        (
            "process.signal",
            json!({"child_pid": "p3", "signal": "terminate"}),
            json!({"child_pid": "p3", "signal": "terminate", "status": "*"}),
        ),
        ("process.list_children", json!({}), json!({"children": [listed("p3", "killed")]})),
        ("process.list_children", json!({"include_terminal": false}), json!({"children": []})),
        ("process.exec", json!({"image": "none"}), error("not-found")),
        ("process.exec", json!({"image": "base", "goal": "again"}), json!({"new_image": "base", "status": "ready"})),
        ("process.exit", json!({"payload": {"n": 1}}), json!({"status": "exited", "result_oid": null})),
    ]
}

/// What people are asked, and in which name.
const ASKED: [(&str, bool); 5] = [
    ("human.ask", false),
    ("ask_human", false),
    ("human.request_permission", true),
    ("request_permission", true),
    ("permission.request", true),
];

async fn check(rows: Vec<Row>) -> Vec<&'static str> {
    let host = Host::new(OPEN, &[]).await;
    host.add_script("teller.ts", TELLER).await;
    let calls: Vec<Value> = rows.iter().map(|(name, given, _)| json!([name, given])).collect();
    let told = host.done("teller", json!({ "calls": calls })).await;
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .zip(told)
        .filter(|((_, _, expected), got)| !fits(expected, got))
        .map(|((name, given, expected), got)| format!("{name}({given})\n  answered {got}\n  and not  {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    rows.iter().map(|(name, _, _)| *name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_name_of_the_system_before_answers_as_it_did_there() {
    let mut met: BTreeSet<String> = BTreeSet::new();
    for rows in [files(), memory(), others(), processes()] {
        met.extend(check(rows).await.into_iter().map(str::to_owned));
    }
    met.extend(ASKED.map(|(name, _)| name.to_owned()));
    let missing: Vec<String> = names().difference(&met).cloned().collect();
    assert!(names().len() > 30 && missing.is_empty(), "no row is about {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_asked_by_the_names_of_the_system_before() {
    let host = Host::new(OPEN, &[]).await;
    host.add_script("teller.ts", TELLER).await;
    for (name, permission) in ASKED {
        let given = if permission {
            json!({"resource": "fs:workspace/a", "rights": ["write"], "reason": "to write"})
        } else {
            json!({"question": "why", "context": {"n": 1}})
        };
        let question = host.asks("teller", json!({ "calls": [[name, given]] })).await;
        let (event, expected) = if permission {
            let expected =
                json!({"resource": "fs:workspace/a", "rights": ["write"], "status": "approved", "answer": "*"});
            (host.answer(question.id, Approval::Allow).await, expected)
        } else {
            assert!(format!("{question:?}").contains("why"), "{question:?}");
            (host.say(question.id, "because").await, json!({"answer": "because", "status": "answered"}))
        };
        let told = result(event);
        assert!(fits(&json!([expected]), &told), "{name}: {told}");
    }
}
