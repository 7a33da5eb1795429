//! Every operation of the contract is read from JSON as its typed import makes it, and nothing else is.

use super::arguments::read;
use libos_kernel::model::call::Call;
use serde_json::{Value, json};

/// The arguments of every example, in the names of the contract.
// long: a line an operation
fn rows() -> Vec<(&'static str, Value, Option<&'static str>)> {
    let path = |path: &str| json!({"path": path});
    let child = json!({
        "image": "base", "goal": "work", "grants": [], "budget": null, "workingDirectory": null, "priority": null, "planner": null,
    });
    let options = json!({"type": "note", "immutable": false, "title": "", "tags": [], "sources": []});
    let manifest = "id = \"helper\"\nversion = \"1\"\ntools = [\"echo\"]\n";
    let proposal = json!({
        "name": "double", "summary": "Doubles a number.", "code": {"typescript": "export const run = ({ n }) => 2 * n;"},
        "arguments": null, "result": null, "tests": [{"arguments": "{\"n\":1}", "expect": {"returns": "2"}}],
    });
    vec![
        ("fs.read", path("notes.md"), None),
        ("fs.read-range", json!({"path": "notes.md", "offset": 1, "length": 2}), None),
        ("fs.write", json!({"path": "notes.md", "mode": "create-or-replace"}), Some("x")),
        ("fs.append", path("notes.md"), Some("x")),
        ("fs.list", path("."), None),
        ("fs.stat", path("notes.md"), None),
        ("fs.make-dir", path("made"), None),
        ("fs.remove", json!({"path": "gone.md", "recursive": false}), None),
        ("fs.rename", json!({"oldPath": "old.md", "newPath": "new.md", "replace": false}), None),
        ("fs.copy", json!({"source": "notes.md", "target": "copy.md", "replace": false}), None),
        ("fs.working-directory", json!({}), None),
        ("fs.change-directory", path("."), None),
        ("object.create", json!({"name": "made", "payload": {"json": "{}"}, "options": options}), None),
        ("object.read", json!({"name": "note"}), None),
        ("object.update", json!({"name": "note", "payload": {"json": "{}"}, "expectedVersion": null}), None),
        ("object.delete", json!({"name": "gone", "expectedVersion": null}), None),
        ("object.list", json!({"namespace": null}), None),
        ("object.namespaces", json!({"namespace": null}), None),
        ("object.create-namespace", json!({"namespace": "team"}), None),
        ("clock.now", json!({}), None),
        ("clock.sleep", json!({"nanoseconds": 1}), None),
        ("random.bytes", json!({"count": 8}), None),
        ("human.ask", json!({"question": "Which?", "queue": null}), None),
        (
            "human.approve",
            json!({"resource": "fs:workspace/a", "rights": ["read"], "reason": "to see", "queue": null}),
            None,
        ),
        ("human.tell", json!({"message": "Done.", "queue": null}), None),
        ("log.write", json!({"level": "info", "message": "line"}), None),
        ("process.self", json!({}), None),
        ("process.exit", json!({"result": "null"}), None),
        ("tools.call", json!({"name": "echo", "arguments": "{}"}), None),
        ("object.rename", json!({"old": "note", "new": "renamed", "expectedVersion": null}), None),
        ("object.link", json!({"from": "note", "relation": "references", "to": "gone"}), None),
        ("object.unlink", json!({"from": "note", "relation": "supports", "to": "gone"}), None),
        ("object.links", json!({"name": "note"}), None),
        ("object.query", json!({"filter": {"text": "a", "tags": []}}), None),
        ("object.merge", json!({"child": "p1", "conflicts": "report"}), None),
        ("process.checkpoint", json!({"reason": "before it goes on"}), None),
        ("process.spawn", json!({"options": child}), None),
        ("process.fork", json!({"options": child, "mode": "read-only", "roots": null}), None),
        ("process.exec", json!({"image": "base", "goal": null}), None),
        ("process.wait", json!({"pids": ["p1"], "timeout": 1}), None),
        ("process.children", json!({}), None),
        ("process.signal", json!({"pid": "p1", "signal": "pause", "reason": "to look"}), None),
        ("process.hand-over", json!({"pid": "p1"}), None),
        ("process.exit-with", json!({"object": "note"}), None),
        ("message.send", json!({"to": "p1", "body": "{}", "options": {"kind": "normal", "channel": ""}}), None),
        ("message.receive", json!({"filter": {}, "timeout": 1}), None),
        ("message.pending", json!({}), None),
        ("process.environment", json!({"name": "LANG"}), None),
        ("tools.propose", json!({"proposal": proposal}), None),
        ("tools.validate", json!({"id": "t1"}), None),
        ("tools.register", json!({"id": "t1", "forChildren": false}), None),
        ("tools.unregister", json!({"name": "double"}), None),
        ("tools.list", json!({}), None),
        ("image.register", json!({"manifest": manifest, "format": "toml", "replace": false}), None),
        ("image.list", json!({}), None),
        ("image.show", json!({"id": "base"}), None),
        ("shell.run", json!({"program": "/usr/bin/true", "arguments": [], "options": {}}), None),
    ]
}

fn submitted(operation: &str, arguments: &Value, content: Option<&str>) -> Result<Call, String> {
    read(operation, &arguments.to_string(), content.map(|text| text.as_bytes().to_vec()))
}

#[test]
fn every_operation_is_read_as_its_typed_import_makes_it() {
    let rows = rows();
    for example in Call::examples().into_iter().filter(|call| !call.is_about_tickets()) {
        let row = rows.iter().find(|(operation, ..)| *operation == example.operation());
        let (operation, arguments, content) = row.unwrap_or_else(|| panic!("{} has no row", example.operation()));
        assert_eq!(submitted(operation, arguments, *content), Ok(example));
    }
}

#[test]
fn what_is_missing_unknown_or_of_another_type_is_named() {
    for (operation, arguments, content) in rows() {
        let told = |changed: &Value, content: Option<&str>, name: &str| {
            let why = submitted(operation, changed, content).expect_err(operation);
            assert!(why.starts_with(operation) && why.contains(name), "{operation} {changed}: {why}");
        };
        let with = |name: &str, value: Value| {
            let mut changed = arguments.clone();
            changed[name] = value;
            changed
        };
        told(&with("other_name", json!(1)), content, "other_name");
        told(&arguments, if content.is_some() { None } else { Some("x") }, "content");
        for (name, value) in arguments.as_object().unwrap() {
            told(&with(name, json!({"a": {"b": [-1.5]}})), content, name);
            let mut without = arguments.clone();
            without.as_object_mut().unwrap().remove(name);
            match value {
                Value::Null => {
                    assert!(submitted(operation, &without, content).is_ok(), "{operation}: {name} may be left out")
                }
                // A time that may be none, too.
                _ if name == "timeout" => {}
                _ => told(&without, content, name),
            }
        }
    }
    for (operation, arguments) in [
        ("fs.nothing", "{}"),
        ("nothing", "{}"),
        ("", "{}"),
        ("agent.call", r#"{"tool":"a","arguments":"{}"}"#),
        ("model.ask", r#"{"profile":"main","request":"{\"messages\":[]}"}"#),
        ("tickets.next", "{}"),
        ("tickets.cancel", r#"{"ticket":1}"#),
        ("fs.read", "[]"),
        ("fs.read", ""),
        ("fs.read", r#"{"path":"a"} x"#),
    ] {
        assert!(read(operation, arguments, None).is_err(), "{operation} {arguments}");
    }
    let long = "x\u{1b}".repeat(100_000);
    let why = read(&long, "{}", None).unwrap_err();
    assert!(why.len() < 2_000 && !why.contains('\u{1b}'), "{}", why.len());
}

#[test]
fn bytes_of_an_object_are_in_the_content() {
    let arguments = json!({"name": "a", "payload": "bytes", "expectedVersion": 3});
    let call = submitted("object.update", &arguments, Some("x")).unwrap();
    assert!(matches!(&call, Call::ObjectUpdate { expected_version: Some(3), .. }) && call.split_payload().1 == b"x");
    assert!(submitted("object.update", &arguments, None).unwrap_err().contains("content"));
}
