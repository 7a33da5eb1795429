//! Calls as artefacts, with the real binary: kept, shown, exported, replayed where there is nothing else, cancelled.

#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it and looks at its files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write,delete fs:workspace/**", "read,list,write object:**", "ask,tell human:owner", "call tool:*"]
ask = ["write fs:workspace/guarded/**"]
deny = ["read fs:workspace/secret/**"]
"#;
const NEST: &str = r#"{"name":"read_text_file","arguments":"{\"path\":\"a.md\"}"}"#;
const WRITES: &str = r#"{"first":"one.txt","second":"guarded/two.txt"}"#;

/// A workspace with calls of every end: c1 done, c3 (by c2) done, c4 after a question, c5 refused, c6 not kept, c7 waits.
fn lived(name: &str) -> Scene {
    let scene = Scene::new(name, POLICY, &["nest", "two_writes", "every_import"]);
    scene.write("a.md", "some text\n");
    scene.write("guarded/old.txt", "");
    scene.run(&["call", "--keep", "read_text_file", r#"{"path":"a.md"}"#]).ends(0);
    scene.run(&["call", "--keep", "nest", NEST]).ends(0);
    scene.run(&["call", "--keep", "two_writes", WRITES]).ends(4);
    scene.run(&["answer", "q1", "allow", "--note", "fine\u{202e} by me"]).ends(0);
    scene.run(&["call", "--keep", "read_text_file", r#"{"path":"secret/key"}"#]).ends(3);
    scene.run(&["call", "echo", "{}"]).ends(0);
    scene.run(&["call", "--keep", "ask_human", r#"{"question":"Which?"}"#]).ends(4);
    scene
}

#[test]
fn a_kept_call_is_exported_and_replayed_where_there_is_nothing_else() {
    let scene = lived("exported");
    for (call, says) in [("c1", "1 call, 1 import"), ("c2", "2 calls, 2 imports"), ("c4", "1 call, 5 imports")] {
        let file = format!("../elsewhere/{call}.jsonl");
        scene.write(&format!("../elsewhere/{call}.jsonl.not"), "");
        scene.run(&["calls", "export", call, &file]).ends(0).says(&[says, "everything that the tool was given"]);
        let again = scene.run(&["calls", "export", call, "-"]).ends(0).out;
        assert_eq!(scene.read(&file).unwrap(), again);
        assert!(again.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{again}");
        scene.run(&["calls", "export", call, &file]).ends(2).says(&["there already", "give another name"]);
    }
    let before = scene.elsewhere_names();
    scene.elsewhere(&["replay", "c1.jsonl"]).ends(0).says(&["c1.jsonl: read_text_file: same: 1 import, same end"]);
    scene
        .elsewhere(&["replay", "c2.jsonl", "--component", "../nest.wasm"])
        .ends(0)
        .says(&["nest: same: 1 import", "made from it: read_text_file: same"]);
    scene.elsewhere(&["replay", "c4.jsonl"]).ends(2).says(&["there is no component", "--component FILE"]);
    let report = scene.elsewhere(&["--json", "replay", "c1.jsonl", "c4.jsonl", "--component", "../two_writes.wasm"]);
    let report = report.ends(0).json();
    assert_eq!((&report[0]["same"], &report[1]["verdict"]), (&json!(true), &json!("same")));
    assert_eq!(scene.elsewhere_names(), before, "a replay leaves nothing behind");
    // Where the tools are, they are found.
    scene.run(&["replay", "../elsewhere/c4.jsonl"]).ends(0).says(&["two_writes: same: 5 imports"]);
    let answers = scene.json(&["audit", "show"]).as_array().unwrap().len();
    assert_eq!(scene.json(&["audit", "show"]).as_array().unwrap().len(), answers);
}

#[test]
fn what_cannot_be_exported_is_refused_with_what_to_do() {
    let scene = lived("refused");
    for (call, says) in [
        ("c6", ["was not kept", "libos call --keep TOOL JSON"]),
        ("c3", ["was made by c2", "libos calls export c2 FILE"]),
        ("c7", ["has not ended: it is waiting", "libos calls cancel"]),
        ("c99", ["there is no call c99", "libos calls"]),
    ] {
        scene.run(&["calls", "export", call, "x.jsonl"]).ends(2).says(&says);
        assert_eq!(scene.read("x.jsonl"), None);
    }
    scene.run(&["calls", "export", "c1", "no/such/place.jsonl"]).ends(2).says(&["cannot be written"]);
    scene.run(&["calls", "cancel", "c7"]).ends(0);
    scene.run(&["calls", "cancel", "c7"]).ends(2).says(&["has ended or never was"]);
    scene.run(&["calls", "export", "c7", "x.jsonl"]).ends(0);
    scene.run(&["replay", "x.jsonl"]).ends(0).says(&["same: 0 imports; there the record was cut"]);
}

#[test]
fn another_build_is_told_at_its_first_difference() {
    let scene = lived("different");
    scene.write_bytes("../new.wasm", &libos_e2e::guest("two_writes_changed"));
    scene.run(&["calls", "export", "c4", "c4.jsonl"]).ends(0);
    scene.run(&["replay", "c4.jsonl", "--tool", "../new.wasm"]).ends(1).says(&[
        "c4.jsonl: two_writes: different",
        "at position 1: fs.write with other arguments",
        "    content\n      - two\n      + TWO\n      (the end of the last line differs)\n",
        "  recorded with ",
    ]);
    let report = scene.run(&["--json", "replay", "c4.jsonl", "--tool", "../new.wasm"]).ends(1).json();
    let difference = &report[0]["difference"];
    assert_eq!((&difference["what"], &difference["position"]), (&json!("import"), &json!(1)));
    assert_eq!(difference["fields"][0], json!({"field": "content", "recorded": "two", "made": "TWO\n"}));
    scene.run(&["replay", "c4.jsonl", "--tool", "c4.jsonl"]).ends(2).says(&["error:"]);
    scene.run(&["replay", "c4.jsonl", "--tool", "none.wasm"]).ends(2).says(&["cannot be read"]);
}

#[test]
fn the_recorded_call_of_the_example_fits_its_tool() {
    let scene = Scene::new("example", POLICY, &[]);
    scene.write("../elsewhere/README.md", "");
    scene.write_bytes("../word_count.wasm", &libos_e2e::guest("word_count"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tool-rust/calls/word_count.jsonl");
    scene.elsewhere(&["replay", file, "--tool", "../word_count.wasm"]).ends(0).says(&["word_count: same: 1 import"]);
}

#[test]
fn a_hostile_file_is_refused_by_its_line() {
    let scene = lived("hostile");
    let good = scene.run(&["calls", "export", "c1", "-"]).ends(0).out;
    let first = good.lines().next().unwrap();
    let rows: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "bad.jsonl:1"),
        (b"{}".to_vec(), "its first line does not say"),
        (b"\xff\xfe".to_vec(), "no UTF-8"),
        (vec![0; 4_096], "bad.jsonl:1"),
        (b"[".repeat(1 << 20), "bad.jsonl:1"),
        (first.as_bytes().to_vec(), "the file ends before the call does"),
        (format!("{first}\n").repeat(9).into_bytes(), "the file ends before"),
        (format!("{first}\n").repeat(10).into_bytes(), "at most 8 deep"),
        (good.replace("some text", "same text").into_bytes(), "bad.jsonl:2"),
        (good.replace("\"version\":1", "\"version\":7").into_bytes(), "the version of the format is 7"),
        (good.replace("\"imports\":100000", "\"imports\":4000000000").into_bytes(), "the limit imports is 4000000000"),
        (good.replace("\"tool\":\"", "\"tool\":\"\\u001b[2J").into_bytes(), "one of them was changed"),
        ([good.as_bytes(), b"\n"].concat(), "something follows the end"),
    ];
    for (content, says) in rows {
        scene.write_bytes("bad.jsonl", &content);
        let said = scene.run(&["replay", "bad.jsonl"]).ends(2).says(&[says]);
        assert!(!said.err.contains('\u{1b}'), "{}", said.err);
    }
    scene.run(&["replay", "."]).ends(2).says(&["it is a directory"]);
    scene.run(&["replay", "/dev/zero"]).ends(2).says(&["no regular file"]);
    scene.run(&["replay", "none.jsonl"]).ends(2).says(&["cannot be read"]);
    scene.make_sparse("huge.jsonl", 300 << 20);
    scene.run(&["replay", "huge.jsonl"]).ends(2).says(&["more than 268435456 bytes"]);
}

#[test]
fn a_call_is_shown_as_what_happened_in_order() {
    let scene = lived("shown");
    let in_order = |call: &str, parts: &[&str]| {
        let out = scene.run(&["calls", "show", call]).ends(0).out;
        let mut rest = out.as_str();
        for part in parts {
            let at = rest.find(part).unwrap_or_else(|| panic!("{call} does not show {part} there: {out}"));
            rest = &rest[at + part.len()..];
        }
        assert!(!out.contains(['\u{1b}', '\u{202e}']), "{out}");
    };
    in_order(
        "c1",
        &["tool     read_text_file", "kept     whole", "c1 starts", "fs.read", "a.md", "c1 ends: done", "result"],
    );
    in_order(
        "c2",
        &["c2 starts", "tools.call", "waits", "┌ c3 starts: read_text_file", "│ fs.read", "└ c3 ends", "c2 ends"],
    );
    in_order(
        "c4",
        &[
            "fs.write",
            "one.txt",
            "e1",
            "guarded/two.txt",
            "asks  waits for q1  (owner)",
            "a person answers q1 with allow: fine\\u{202e} by me",
            "started again, run 2: 1 answer is replayed",
            "yes to q1  e2",
            "human.tell",
            "c4 ends: done",
            "grants",
            "ask write fs:workspace/guarded/**",
        ],
    );
    in_order(
        "c5",
        &["state    failed", "denied by g", "a rule denies it", "c5 ends: failed", "deny read fs:workspace/secret/**"],
    );
    in_order("c7", &["state    waiting", "human.ask", "waits for q", "(owner: Which?)", "questions", "Which?"]);
    scene.run(&["calls", "cancel", "c7"]).ends(0);
    in_order("c7", &["state    cancelled", "waits for q", "cancelled: cancelled by a person", "c7 ends: cancelled"]);
    let shown = scene.json(&["calls", "show", "c4"]);
    let events: Vec<&str> =
        shown["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["start", "import", "wait", "woken", "resume", "import", "import", "import", "import", "end"],
        "{shown}"
    );
    assert_eq!(shown["events"][3]["said"], "allow");
    assert_eq!(shown["result"], json!(["one", "two"]));
}

#[test]
fn equal_lines_are_one_and_a_lost_payload_is_said() {
    let scene = Scene::new("folded", POLICY, &["read_loop", "log_flood"]);
    scene.write("a.md", "text");
    scene.run(&["call", "read_loop", r#"{"path":"a.md","count":50}"#]).ends(0);
    scene.run(&["calls", "show", "c1"]).ends(0).says(&["× 50"]);
    let long = json!({ "text": "x".repeat(100_000) }).to_string();
    scene.run(&["call", "echo", &long]).ends(0);
    scene.lose_payloads();
    scene.run(&["calls", "show", "c2"]).ends(0).says(&["(not stored any more)", "c2 ends: done"]);
    assert_eq!(scene.json(&["calls", "show", "c2"])["arguments"], Value::Null);
}
