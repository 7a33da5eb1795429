//! Checkpoints and processes as a whole, with the real binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it and looks at its files")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "ask,tell human:owner", "read,list,write object:**"]
"#;

/// A process that waits for a person, and has an object of its own.
fn scene(name: &str) -> Scene {
    let scene = Scene::new(name, POLICY, &[]);
    scene.run(&["call", "ask_human", r#"{"question": "Which?"}"#]).ends(4);
    let made = r#"{"name": "a", "type": "note", "payload": {"x": 1}}"#;
    scene.run(&["call", "create_memory_object", made, "--as", "p1"]).ends(0);
    scene
}

fn write(path: &str) -> String {
    json!({ "path": path, "content": "x" }).to_string()
}

#[test]
fn a_process_goes_back_and_says_what_that_did() {
    let scene = scene("back");
    let taken = scene.json(&["checkpoint", "create", "p1", "--reason", "before it writes"]);
    assert_eq!((&taken[0]["id"], &taken[0]["pid"]), (&json!("k1"), &json!("p1")));
    scene.run(&["call", "write_text_file", &write("since.txt"), "--as", "p1"]).ends(0);
    let listed = scene.json(&["checkpoint", "list"]);
    assert_eq!((&listed[0]["id"], &listed[0]["reason"]), (&json!("k1"), &json!("before it writes")));
    scene.run(&["checkpoint", "list", "p9"]).ends(0);
    scene.run(&["checkpoint", "show", "k1"]).ends(0).says(&["before it writes", "p1"]);
    let said = scene.run(&["checkpoint", "restore", "k1"]).ends(0);
    said.says(&["p1 is back at k1", "calls cut off: c1", "questions withdrawn: q1", "fs:workspace/since.txt"]);
    assert_eq!(scene.json(&["inbox"]), json!([]));
    let shown = scene.json(&["show", "p1"]);
    assert_eq!((&shown["incarnation"], &shown["checkpoints"]), (&json!(1), &json!(["k1"])));
    assert!(scene.read("since.txt").is_some(), "what was done outside stays done");
    let events = scene.json(&["events", "--kind", "checkpoint"]);
    let kinds: Vec<&Value> = events.as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["checkpoint.created", "checkpoint.restored"]);
    scene.run(&["checkpoint", "restore", "k9"]).ends(2).says(&["there is no checkpoint k9"]);
    scene.run(&["audit", "verify"]).ends(0);
}

#[test]
fn a_checkpoint_is_begun_again_from_compared_committed_and_removed() {
    let scene = scene("again");
    scene.run(&["checkpoint", "create", "p1"]).ends(0).says(&["k1: 1 process of p1", "c1"]);
    scene
        .run(&["call", "create_memory_object", r#"{"name": "b", "type": "note", "payload": 2}"#, "--as", "p1"])
        .ends(0);
    scene.run(&["checkpoint", "create", "p1"]).ends(0);
    scene.run(&["checkpoint", "diff", "k1", "k2"]).ends(0).says(&["process/1/b"]);
    let between = scene.json(&["checkpoint", "diff", "k1", "k2"]);
    assert_eq!(between["objects"], json!([{ "id": "process/1/b", "change": "made" }]));
    let forked = scene.json(&["checkpoint", "fork", "k1", "--budget", "tool-calls=7"]);
    let new = forked[0]["pid"].as_str().unwrap().to_owned();
    assert_eq!(scene.json(&["show", &new])["spends"]["left"], json!({ "tool-calls": 7 }));
    scene.run(&["checkpoint", "fork", "k1", "--budget", "sweets=7"]).ends(2);
    let tree = scene.run(&["ps", "--tree"]).ends(0);
    tree.says(&["p1 base", "q1", &format!("{new} base"), "7 calls"]);
    scene.run(&["checkpoint", "commit", "k1", "made"]).ends(0).says(&["it grants nothing"]);
    scene.run(&["image", "show", "made"]).ends(0).says(&["k1"]);
    scene.run(&["call", "write_text_file", &write("no.txt"), "--image", "made"]).ends(3);
    for id in ["k1", "k2"] {
        scene.run(&["checkpoint", "rm", id]).ends(0);
    }
    assert_eq!(scene.json(&["checkpoint", "list"]), json!([]));
    scene.run(&["gc"]).ends(0);
}

#[test]
fn a_process_is_paused_goes_on_and_is_killed_by_command() {
    let scene = scene("signals");
    scene.run(&["signal", "p1", "pause", "--reason", "to look"]).ends(0).says(&["p1 is paused", "to look"]);
    assert_eq!(scene.json(&["show", "p1"])["state"], "paused");
    scene.run(&["call", "echo", "--as", "p1"]).ends(2);
    scene.run(&["signal", "p1", "resume"]).ends(0);
    scene.run(&["call", "echo", "--as", "p1"]).ends(0);
    scene.run(&["signal", "p1", "kill", "--reason", "enough"]).ends(0).says(&["p1 is killed", "enough"]);
    scene.run(&["signal", "p1", "resume"]).ends(2).says(&["no live process p1"]);
    scene.run(&["signal", "p2", "stop"]).ends(2).says(&["pause, resume, interrupt, cancel, kill"]);
    let events = scene.json(&["events", "--kind", "process.signalled", "--pid", "p1"]);
    assert_eq!(events.as_array().unwrap().len(), 3);
}
