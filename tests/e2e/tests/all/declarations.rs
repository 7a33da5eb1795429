//! What tools declare that they need: read back as it was written, refused where it lies, and enough for the standard tools.

use libos::engine::declared::SECTION;
use libos::engine::inspect::inspect;
use libos::kernel::model::bound::Bound;
use libos::kernel::model::call::{Approval, Call};
use libos::kernel::model::id::CallId;
use libos::kernel::model::limit;
use libos::kernel::model::need::{Need, needs};
use libos::kernel::model::record::Record;
use libos::kernel::model::resource::{Kind, Resource};
use libos::kernel::model::right::Right;
use libos::kernel::model::rule::Rule;
use libos::{CallEvent, CallRequest, Waiting};
use libos_e2e::{Host, OPEN, guest, result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The components that come with the runtime, but for that of programs: the world of these tests runs none.
const STANDARD: [&str; 9] = ["basics", "edit", "files", "jit", "messages", "objects", "people", "processes", "search"];

/// A file of the checkout.
fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tools of a source with what stands in their `needs(...)`; the texts of these sources are JSON as they are.
fn written(source: &str) -> BTreeMap<String, Vec<String>> {
    let places = source.match_indices("needs(").map(|(at, mark)| &source[at + mark.len()..]);
    places
        .map(|rest| {
            let (list, rest) = rest.split_once(")").unwrap();
            let (_, rest) = rest.split_once("fn ").unwrap();
            let (name, _) = rest.split_once('(').unwrap();
            (name.trim_start_matches("r#").to_owned(), serde_json::from_str(&format!("[{list}]")).unwrap())
        })
        .collect()
}

#[track_caller]
fn read_back(name: &str, path: &str, count: usize) {
    let written = written(&source(path));
    assert_eq!(written.len(), count, "{path}");
    let found = inspect(&guest(name)).unwrap().declarations;
    assert_eq!(found.len(), count, "{name}");
    for declaration in found {
        let expected: Vec<Rule> = written[&declaration.tool].iter().map(|line| Rule::parse(line).unwrap()).collect();
        assert_eq!(declaration.needs, expected, "{name}: {}", declaration.tool);
    }
}

#[test]
fn what_a_source_declares_is_read_back_from_its_component() {
    read_back("word_count", "examples/tool-rust/src/lib.rs", 1);
    read_back("declares", "tests/programs/examples/declares.rs", 3);
    read_back("noop", "tests/programs/examples/noop.rs", 0);
    read_back("basics", "tools/basics/src/lib.rs", 4);
    read_back("edit", "tools/edit/src/lib.rs", 2);
    read_back("files", "tools/files/src/lib.rs", 8);
    read_back("objects", "tools/objects/src/lib.rs", 12);
    read_back("people", "tools/people/src/lib.rs", 3);
    read_back("jit", "tools/jit/src/lib.rs", 6);
    read_back("messages", "tools/messages/src/lib.rs", 2);
    read_back("processes", "tools/processes/src/lib.rs", 9);
    read_back("programs", "tools/programs/src/lib.rs", 1);
    read_back("search", "tools/search/src/lib.rs", 2);
}

#[test]
fn the_attribute_knows_the_kinds_and_rights_that_the_host_has() {
    let source = source("guest-sdk/macros/src/needs.rs");
    for kind in Kind::ALL {
        let row = format!("(\"{}\", \"{}\"),", kind.word(), kind.rights());
        assert!(source.contains(&row), "{row} is not in guest-sdk/macros/src/needs.rs");
    }
    assert!(source.contains(&format!("KINDS: [(&str, &str); {}]", Kind::ALL.len())));
    assert!(source.contains(&format!("LINES_MAX: usize = {};", limit::TOOL_NEEDS_MAX)));
    assert!(source.contains(&format!("SECTION: &str = {SECTION:?};")));
}

/// A number as WebAssembly writes it.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id][..], &leb128(content.len()), content].concat()
}

/// A custom section.
fn custom(content: &[u8]) -> Vec<u8> {
    section(0, &[&leb128(SECTION.len())[..], SECTION.as_bytes(), content].concat())
}

/// A component with more sections at its end.
fn with(name: &str, sections: &[Vec<u8>]) -> Vec<u8> {
    [guest(name), sections.concat()].concat()
}

/// A core module, or a component, that holds nothing but sections; as a section of a component.
fn nested(component: bool, sections: &[u8]) -> Vec<u8> {
    let (id, header) = if component { (4, b"\0asm\x0d\0\x01\0") } else { (1, b"\0asm\x01\0\0\0") };
    section(id, &[&header[..], sections].concat())
}

fn line(tool: &str, needs: &[&str]) -> Vec<u8> {
    (json!({ "tool": tool, "needs": needs }).to_string() + "\n").into_bytes()
}

#[tokio::test]
async fn a_declaration_that_lies_is_refused_with_a_reason() {
    let host = Host::new(OPEN, &[]).await;
    let long = format!("read fs:{}", "a/".repeat(limit::PATH_SEGMENTS_MAX) + "a");
    let deep = "[".repeat(200_000);
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("an unknown tool", with("noop", &[custom(&line("other", &[]))]), "'other' is no tool that it describes"),
        ("an empty name", with("noop", &[custom(&line("", &[]))]), "'' is no tool"),
        ("one tool twice", with("noop", &[custom(&line("noop", &[]).repeat(2))]), "declares twice"),
        ("in two sections", with("noop", &[custom(&line("noop", &[])), custom(&line("noop", &[]))]), "declares twice"),
        ("beside what it was built with", with("word_count", &[custom(&line("word_count", &[]))]), "declares twice"),
        ("another field", with("noop", &[custom(br#"{"tool":"noop","needs":[],"grant":1}"#)]), "unknown field"),
        ("no rule", with("noop", &[custom(&line("noop", &["all"]))]), "a rule is rights"),
        ("an unknown right", with("noop", &[custom(&line("noop", &["fly fs:a"]))]), "'fly' is no right"),
        ("a long rule", with("noop", &[custom(&line("noop", &[&long]))]), "segments"),
        ("no text", with("noop", &[custom(b"\xff\xfe")]), "not UTF-8"),
        ("a deep text", with("noop", &[custom(deep.as_bytes())]), "no line of them"),
        ("too many lines", with("noop", &[custom(&line("noop", &["read fs:a"; 65]))]), "at most 64"),
        ("too many bytes", with("noop", &[custom(&vec![b' '; (1 << 20) + 1])]), "at most 1048576"),
        ("too many sections", with("noop", &vec![custom(b""); 65]), "more than 64 sections"),
        ("no import", with("noop", &[custom(&line("noop", &["read fs:a"]))]), "but does not import fs"),
        ("in a module in it", with("noop", &[nested(false, &custom(b"hello"))]), "'hello' is no line of them"),
        ("a section cut short", [with("noop", &[]), vec![0, 20, 11]].concat(), "damaged or cut short"),
    ];
    for (what, bytes, text) in rows {
        let error = host.runtime.add_component(bytes, None, false).await.expect_err(what).to_string();
        assert!(error.contains(text), "{what}: {error}");
        assert!(error.len() < 600, "{what}: {error}");
    }
    assert!(host.runtime.kernel().tools().is_empty());
    // A component in it has tools of its own.
    let composed = with("noop", &[nested(true, &custom(b"hello"))]);
    host.runtime.add_component(composed, None, false).await.unwrap();
    assert_eq!(host.runtime.kernel().tools()[0].needs, None);
}

#[tokio::test]
async fn a_declaration_stays_with_its_tool_whatever_it_is_called() {
    let host = Host::new(OPEN, &[]).await;
    let add = async |bytes, name: Option<&str>| {
        let added = host.runtime.add_component(bytes, name.map(str::to_owned), false).await.unwrap();
        let declared = |needs: &Vec<Rule>| needs.iter().map(Rule::to_string).collect::<Vec<_>>();
        let rows = added.what.iter().map(|row| (row.name.clone(), row.needs.as_ref().map(declared)));
        rows.collect::<BTreeMap<_, _>>()
    };
    let found = add(guest("word_count"), Some("count")).await;
    assert_eq!(found["count"], Some(vec!["read fs:workspace/**".to_owned()]));
    let found = add(guest("declares"), None).await;
    assert_eq!((&found["undeclared"], &found["needs_nothing"]), (&None, &Some(Vec::new())));
    assert_eq!(found["loop"], Some(vec!["sleep clock:sleep".to_owned()]));
    // A section that another language's tool may have added to the component itself.
    let found = add(with("noop", &[custom(&line("noop", &[]))]), Some("later")).await;
    assert_eq!(found["later"], Some(Vec::new()));
}

/// Creates a file, and deletes one.
const PATCH: &str = "--- /dev/null\n+++ new/a.md\n@@ -0,0 +1 @@\n+a\n--- old.md\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n";

/// Calls of every standard tool that together make every system call that it can make.
fn uses() -> Vec<(&'static str, Value)> {
    vec![
        ("echo", json!({"a": 1})),
        ("get_current_time", json!({})),
        ("sleep", json!({"seconds": 0.001})),
        ("get_working_directory", json!({})),
        ("write_text_file", json!({"path": "notes.md", "content": "some notes"})),
        ("read_text_file", json!({"path": "link.md"})),
        ("read_text_file", json!({"path": "notes.md", "start_line": 1, "end_line": 1})),
        ("parse_pytest_log", json!({"log": "1 failed in 0.1s"})),
        ("search_text", json!({"pattern": "notes"})),
        ("find_files", json!({"pattern": "*.md"})),
        ("edit_file", json!({"path": "notes.md", "old_text": "some", "new_text": "many"})),
        ("apply_patch", json!({"patch": PATCH})),
        ("read_directory", json!({"path": "."})),
        ("write_directory", json!({"path": "d/e/f", "parents": true})),
        ("write_directory", json!({"path": "d", "exist_ok": true})),
        ("set_working_directory", json!({"path": "d"})),
        ("write_text_file", json!({"path": "d/e/gone.md", "content": ""})),
        ("delete_file", json!({"path": "d/e/gone.md"})),
        ("delete_directory", json!({"path": "d", "recursive": true})),
        ("create_memory_namespace", json!({"namespace": "notes"})),
        ("create_memory_namespace", json!({"namespace": "old", "parent_namespace": "notes"})),
        ("create_memory_object", json!({"type": "plan", "payload": []})),
        ("create_memory_object", json!({"namespace": "notes", "name": "plan", "type": "plan", "payload": []})),
        ("append_memory_object", json!({"namespace": "notes", "name": "plan", "entry": 1})),
        ("read_memory_object", json!({"namespace": "notes", "name": "plan"})),
        ("list_memory_namespace", json!({"namespace": "notes"})),
        ("create_object_from_file", json!({"namespace": "notes", "name": "text", "path": "notes.md"})),
        ("link_memory_objects", json!({"from": "notes/plan", "relation": "supports", "to": "notes/text"})),
        ("list_memory_links", json!({"namespace": "notes", "name": "plan"})),
        ("query_memory", json!({"namespace": "notes", "linked_to": "notes/text"})),
        (
            "link_memory_objects",
            json!({"from": "notes/plan", "relation": "supports", "to": "notes/text", "remove": true}),
        ),
        ("rename_memory_object", json!({"name": "notes/plan", "new_name": "notes/old/plan"})),
        ("delete_memory_object", json!({"namespace": "notes/old", "name": "plan"})),
        ("write_object_to_file", json!({"namespace": "notes", "name": "text", "path": "copy.md"})),
        (
            "propose_jit_tool",
            json!({"name": "one", "description": "One.", "source_code": "export const run = () => 1;"}),
        ),
        ("validate_jit_tool", json!({"candidate_id": "t1"})),
        ("register_jit_tool", json!({"candidate_id": "t1"})),
        ("list_tools", json!({})),
        ("call_tool", json!({"name": "one"})),
        ("unregister_jit_tool", json!({"name": "one"})),
        ("ask_human", json!({"question": "Which?"})),
        ("human_output", json!({"message": "Done."})),
        ("request_permission", json!({"resource": "fs:workspace/a", "rights": ["read"], "reason": "I must."})),
        ("send_message", json!({"to": "p1", "body": "hello"})),
        ("receive_message", json!({"timeout_seconds": 0})),
        ("spawn_child_process", json!({"goal": "to work", "working_directory": "."})),
        ("fork_child_process", json!({"goal": "to work", "mode": "worker", "roots": ["a"], "working_directory": "."})),
        ("list_child_processes", json!({"include_terminal": false})),
        ("exec_process", json!({"image": "base", "goal": "to review"})),
        ("create_memory_object", json!({"namespace": "notes", "name": "end", "type": "summary", "payload": 1})),
        ("process_exit", json!({"result_object": "notes/end"})),
        ("wait_child_process", json!({"child_pid": "p1", "block": false})),
        ("signal_child_process", json!({"child_pid": "p1", "signal": "interrupt"})),
    ]
}

/// What the system calls of a call needed, by the record.
fn needed(records: &[Record], call: CallId) -> Vec<Need> {
    let own = |record: &&Record| record.call == Some(call) && record.position.is_some();
    let mut all = Vec::new();
    for record in records.iter().filter(own) {
        // None for a record of something else.
        let example = Call::examples().into_iter().find(|call| call.operation() == record.operation);
        let Some(example) = example else { continue };
        for names in [&record.resources, &record.asked].into_iter().filter(|names| !names.is_empty()) {
            let names: Vec<Resource> = names.iter().map(|name| resource(name)).collect();
            let whole = record.operation == "fs.remove";
            all.extend(
                needs(&example, &names, whole).into_iter().map(|need| Need { whole: need.whole || whole, ..need }),
            );
        }
    }
    all
}

fn resource(name: &str) -> Resource {
    let (word, path) = name.split_once(':').unwrap();
    Resource::new(Kind::ALL.into_iter().find(|kind| kind.word() == word).unwrap(), path)
}

#[tokio::test]
async fn the_standard_tools_declare_what_they_use_and_no_more() {
    let policy = OPEN.replace("message process:pid/*", "message,signal,wait process:pid/*");
    let host = Host::new(&policy, &[]).await;
    // Somebody to be told things.
    host.runtime.kernel().new_process("base", false).unwrap();
    for name in STANDARD {
        host.runtime.add_component(guest(name), None, true).await.unwrap();
    }
    // To which messages are sent.
    host.runtime.kernel().new_process("base", false).unwrap();
    host.put("old.md", "old\n");
    host.put(".gitignore", "target\n");
    std::os::unix::fs::symlink("notes.md", host.workspace().join("link.md")).unwrap();
    let mut used: BTreeMap<&str, BTreeMap<(Kind, Right), usize>> = BTreeMap::new();
    // What a process has proposed is its own.
    let author = host.runtime.kernel().new_process("base", false).unwrap();
    for (tool, arguments) in uses() {
        let mut request = CallRequest::new(tool, arguments.to_string());
        let is_about_tools = tool.ends_with("_jit_tool") || ["call_tool", "list_tools"].contains(&tool);
        request.pid = is_about_tools.then_some(author);
        let event = match host.runtime.call(request).await.unwrap() {
            CallEvent::Waits(Waiting::Question(id)) if tool == "ask_human" => host.say(id, "That one.").await,
            CallEvent::Waits(Waiting::Question(id)) => host.answer(id, Approval::Allow).await,
            event => event,
        };
        let CallEvent::Ended(ended) = &event else { panic!("{tool}: {event:?}") };
        let call = ended.call;
        result(event);
        let row = host.runtime.kernel().tools().into_iter().find(|row| row.name == tool).unwrap();
        assert!(row.needs.is_some(), "{tool} declares nothing");
        let used = used.entry(tool).or_default();
        for need in needed(&host.records().await, call) {
            let kind = need.resource.kind();
            assert!(Bound::new(&row.imports, row.needs.clone()).covers(&need), "{tool} needs {need:?}");
            *used.entry((kind, need.right)).or_default() += 1;
        }
    }
    for row in host.runtime.kernel().tools() {
        // Nobody else's child is handed over or merged; the tests of processes do it.
        if ["hand_over_child_process", "merge_child_memory"].contains(&&*row.name) {
            continue;
        }
        let used = used.get(&*row.name).unwrap_or_else(|| panic!("{} is not tried", row.name));
        // Whatever a child can be handed.
        if ["spawn_child_process", "fork_child_process"].contains(&&*row.name) {
            continue;
        }
        for rule in row.needs.iter().flatten() {
            for right in rule.rights.iter() {
                assert!(used.contains_key(&(rule.pattern.kind(), right)), "{} never uses {right} of {rule}", row.name);
            }
        }
    }
}
