//! Each demo, by the very command that a person types.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program")]

mod scene;

use scene::Scene;
use serde_json::Value;

/// Plays it, and once more: what the first time left is in nobody's way.
#[track_caller]
fn plays(name: &str, says: &[&str]) {
    let scene = Scene::bare(name);
    let said = scene.run(&["demo", name]).ends(0).says(says);
    assert!(!said.out.contains("NOT SO"), "{}", said.out);
    assert!(said.out.contains("checked: "), "{}", said.out);
    assert_eq!(scene.read("libos.toml"), None, "it plays elsewhere");
}

#[test]
fn the_demos_are_listed() {
    let scene = Scene::bare("listed");
    let names: Vec<String> =
        scene.json(&["demo"]).as_array().unwrap().iter().map(|row| row["name"].to_string()).collect();
    assert_eq!(names, ["\"interleave\"", "\"copy\"", "\"ask\"", "\"chat\"", "\"repair\""]);
    scene.run(&["demo", "never-was"]).ends(2).says(&["`libos demo` lists them"]);
}

#[test]
fn demo_interleave() {
    plays("interleave", &["checked: they said A, B, A, B, in this order", "p2 says: A", "p3 says: B"]);
}

#[test]
fn demo_copy() {
    plays("copy", &["checked: copy.txt is letter.txt", "holds a word of it"]);
}

#[test]
fn demo_ask() {
    plays("ask", &["> notes.txt", "p1 says: Buy apples", "checked: "]);
}

#[test]
fn demo_chat() {
    plays("chat", &["> Good morning.", "p1 says: See you tomorrow."]);
}

#[test]
fn demo_repair() {
    plays(
        "repair",
        &[
            "denied: write on fs:workspace/calc.py",
            "> allow once",
            "libos checkpoint create p1: k1",
            "checked: calc.py adds now",
        ],
    );
}

#[test]
fn a_demo_plays_again_and_tells_its_checks_as_json() {
    let scene = Scene::bare("again");
    scene.run(&["demo", "copy"]).ends(0);
    let said = scene.run(&["--json", "demo", "copy"]).ends(0);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let checks: Vec<&Value> = lines.iter().filter(|line| line["event"] == "check").collect();
    assert!(checks.len() == 2 && checks.iter().all(|check| check["holds"] == true), "{}", said.out);
}
