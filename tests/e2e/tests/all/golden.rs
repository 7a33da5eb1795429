//! Recorded calls that are kept as files: the tools of today go the same way on them, on every run of the tests.
//!
//! `LIBOS_RECORD=1 cargo test -p libos-e2e --test all golden` writes them anew, after a change that is meant to be one.

use crate::artefacts::{exported, kept, replayer};
use libos::Verdict;
use libos::kernel::model::history::{self, Start};
use libos_e2e::{Host, guest};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = [
    "read,list,write,delete fs:workspace/**",
    "read,list,write,delete object:**",
    "ask,tell human:owner",
    "sleep clock:sleep",
    "call tool:*",
    "register image:*",
]
ask = ["write fs:workspace/guarded/**"]
deny = ["read fs:workspace/secret/**"]
"#;

/// File, tool, the component that exports it, arguments.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("read_text_file", "read_text_file", "files", r#"{"path":"notes/a.md"}"#),
    ("read_refused", "read_text_file", "files", r#"{"path":"secret/key"}"#),
    ("write_text_file", "write_text_file", "files", r#"{"path":"notes/b.md","content":"two\nlines\n"}"#),
    ("read_directory", "read_directory", "files", r#"{"path":"notes"}"#),
    ("write_directory", "write_directory", "files", r#"{"path":"made/inside","parents":true}"#),
    ("delete_missing", "delete_file", "files", r#"{"path":"not/there"}"#),
    (
        "create_memory_object",
        "create_memory_object",
        "objects",
        r#"{"name":"a","type":"note","payload":{"a":[1,2.50]}}"#,
    ),
    ("object_from_file", "create_object_from_file", "objects", r#"{"name":"b","path":"notes/a.md"}"#),
    ("get_current_time", "get_current_time", "basics", "{}"),
    ("sleep", "sleep", "basics", r#"{"seconds":0.001}"#),
    ("echo", "echo", "basics", r#"{"text":"é \u202e"}"#),
    ("ask_human", "ask_human", "people", r#"{"question":"Which colour?"}"#),
    (
        "request_permission",
        "request_permission",
        "people",
        r#"{"resource":"fs:workspace/x","rights":["read"],"reason":"to see"}"#,
    ),
    ("journey", "journey", "journey", r#"{"name":"a"}"#),
    ("two_writes", "two_writes", "two_writes", r#"{"first":"one.txt","second":"guarded/two.txt"}"#),
    ("dated", "dated", "dated", r#"{"path":"notes/dates"}"#),
    ("std_clock", "std_clock", "std_clock", "{}"),
    ("nest", "nest", "nest", r#"{"name":"word_count","arguments":"{\"path\":\"notes/a.md\"}"}"#),
    ("bytes", "file_act", "file_act", r#"{"operation":"read","path":"notes/bytes"}"#),
    ("word_count", "word_count", "word_count", r#"{"path":"notes/a.md"}"#),
    ("read_lines", "read_text_file", "files", r#"{"path":"code/add.py","start_line":2,"end_line":2}"#),
    ("search_text", "search_text", "search", r#"{"pattern":"return .*b"}"#),
    ("find_files", "find_files", "search", r#"{"pattern":"*.{py,md}"}"#),
    ("edit_file", "edit_file", "edit", r#"{"path":"code/add.py","old_text":"a - b","new_text":"a + b"}"#),
    (
        "apply_patch",
        "apply_patch",
        "edit",
        r#"{"path":"code","patch":"--- a/sub.py\n+++ b/sub.py\n@@ -1,2 +1,2 @@\n def sub(a, b):\n-    return a + b\n+    return a - b\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+new = 1\n"}"#,
    ),
    (
        "apply_patch_asked",
        "apply_patch",
        "edit",
        r#"{"patch":"--- /dev/null\n+++ b/guarded/new.py\n@@ -0,0 +1 @@\n+new = 1\n"}"#,
    ),
    (
        "parse_pytest_log",
        "parse_pytest_log",
        "basics",
        r#"{"log":"=== short test summary info ===\nFAILED test_a.py::test_a - assert 1 == 2\n=== 1 failed, 2 passed in 0.01s ===\n"}"#,
    ),
    ("load_image_from_yaml", "load_image_from_yaml", "images", r#"{"path":"code/helper.yaml"}"#),
    ("send_message", "send_message", "messages", r#"{"to":"p1","body":{"n":1}}"#),
    ("receive_message", "receive_message", "messages", r#"{"timeout_seconds":0}"#),
    ("list_child_processes", "list_child_processes", "processes", "{}"),
    ("query_memory", "query_memory", "objects", r#"{"type":"note"}"#),
];

fn path(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The example shows its author how it is done.
    let folder = if file == "word_count" { "../../examples/tool-rust/calls" } else { "golden" };
    root.join(folder).join(format!("{file}.jsonl"))
}

/// The component of today that has a tool.
fn component(tool: &str) -> Vec<u8> {
    let row = ROWS.iter().find(|(_, known, ..)| *known == tool).unwrap_or_else(|| panic!("no component for {tool}"));
    guest(row.2)
}

async fn record() {
    let mut guests: Vec<&str> = ROWS.iter().map(|row| row.2).collect();
    guests.sort_unstable();
    guests.dedup();
    let host = Host::new(POLICY, &guests).await;
    for folder in ["notes", "guarded", "secret", "code"] {
        fs::create_dir_all(host.workspace().join(folder)).unwrap();
    }
    host.put("notes/a.md", "four words of text\n");
    host.put("code/add.py", "def add(a, b):\n    return a - b\n");
    host.put("code/sub.py", "def sub(a, b):\n    return a + b\n");
    host.put("code/.gitignore", "*.pyc\n");
    host.put("code/old.pyc", "return a + b\n");
    host.put("code/helper.yaml", "id: helper\nversion: 1\ntools: [echo]\n");
    fs::write(host.workspace().join("notes/bytes"), [0xff, 0xfe, 0]).unwrap();
    for (file, tool, _, arguments) in ROWS {
        let call = kept(&host, tool, arguments).await;
        let text = history::write(&exported(&host, call));
        fs::create_dir_all(path(file).parent().unwrap()).unwrap();
        fs::write(path(file), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn golden_calls_go_the_same_way_with_the_tools_of_today() {
    if std::env::var_os("LIBOS_RECORD").is_some() {
        record().await;
    }
    let replayer = replayer();
    let find = |start: &Start, _: usize| Some(component(&start.tool).into());
    for (file, ..) in ROWS {
        let text = fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let history = history::read(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(history::write(&history), text, "{file} is written in another way");
        let report = replayer.replay(&history, &find).await.unwrap_or_else(|error| panic!("{file}: {error}"));
        let all = std::iter::once(&report).chain(&report.nested);
        let same = all.map(|report| (&report.verdict, report.same_imports as usize == report.imports));
        assert!(same.clone().all(|one| one == (&Verdict::Same, true)), "{file}: {report:#?}");
    }
}

#[tokio::test]
async fn a_golden_call_that_was_changed_by_hand_is_refused_by_its_line() {
    let text = fs::read_to_string(path("journey")).unwrap();
    for (old, new, line, why) in [
        ("four words", "five words", 3, "the line was changed"),
        ("\"seed\":\"", "\"seed\":\"0", 1, "is no digest"),
        ("\"answer\":\"blue\"", "\"answer\":\"red\"", 20, "one of them was changed"),
        ("\"journey\"", "\"other\"", 20, "one of them was changed"),
    ] {
        let broken = history::read(&text.replacen(old, new, 1)).unwrap_err();
        assert!(broken.line == line && broken.why.contains(why), "{old}: {broken}");
    }
    assert_eq!(json!(history::read(&text).unwrap().imports.len()), 18);
}
