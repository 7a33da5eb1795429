//! The real binary keeps images: manifests are added, replaced, shown with how their needs stand, and taken away.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list fs:workspace/**"]
[image.helper]
allow = ["read,list,write fs:workspace/**", "ask human:owner"]
ask = ["write fs:workspace/made/**"]
deny = ["read fs:workspace/.env"]
"#;

const MANIFEST: &str = r#"id: helper
version: 1
description: Helps.
tools: [read_text_file, echo]
needs:
  - list fs:workspace/src
  - read fs:workspace/**
  - write fs:workspace/made/a
  - sleep clock:sleep
policy:
  deny: ["read fs:workspace/private/**"]
budget: {tool-calls: 9}
prompt: |
  Help.
  And stop.
"#;

fn scene(name: &str) -> Scene {
    let scene = Scene::new(name, POLICY, &[]);
    scene.write("helper.yaml", MANIFEST);
    scene
}

fn names(scene: &Scene) -> Vec<String> {
    let rows = scene.json(&["image", "list"]);
    rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_standard_images_are_there_and_are_nobodys_to_change() {
    let scene = scene("standard");
    assert_eq!(names(&scene), ["base", "coding", "research", "review", "toolmaker"]);
    let listed = scene.run(&["image", "list"]).ends(0).out;
    let base: Vec<&str> = listed.lines().next().unwrap().split('\t').collect();
    assert_eq!((base[0], base[1], base[2].len(), base[3]), ("base", "1", 12, "all"), "{listed}");
    scene.write("base.toml", "id = \"base\"\nversion = \"2\"\ntools = []\n");
    for arguments in [&["image", "add", "base.toml"][..], &["image", "add", "base.toml", "--replace"]] {
        scene.run(arguments).ends(2).says(&["the image 'base' comes with the program; add yours under another id"]);
    }
    scene.run(&["image", "rm", "coding"]).ends(2).says(&["coding"]);
    assert_eq!(names(&scene).len(), 5);
}

#[test]
fn an_image_is_added_once_and_replaced_only_if_that_is_said() {
    let scene = scene("replaced");
    let add = |more: &[&str]| scene.json(&[&["image", "add", "helper.yaml"], more].concat())[0]["change"].clone();
    assert_eq!((add(&[]), add(&[])), (json!("added"), json!("unchanged")));
    let before = scene.json(&["image", "show", "helper"])["digest"].clone();
    scene.write("helper.yaml", &MANIFEST.replace("And stop.", "And go on."));
    let said = scene.run(&["image", "add", "helper.yaml"]).ends(2);
    said.says(&["give yours another version", "--replace", "- prompt: And stop.", "+ prompt: And go on."]);
    assert_eq!(scene.json(&["image", "show", "helper"])["digest"], before);
    assert_eq!(add(&["--replace"]), "replaced");
    assert_ne!(scene.json(&["image", "show", "helper"])["digest"], before);
    scene.write("helper.toml", "id = \"helper\"\nversion = \"2\"\ntools = [\"echo\"]\n");
    scene.run(&["image", "add", "helper.toml"]).ends(0);
    assert_eq!(scene.json(&["image", "show", "helper"])["version"], "2");
    scene.write("helper.toml", "id = \"helper\"\nversion = \"3\"\ntools = [\"ecko\"]\n");
    scene
        .run(&["image", "add", "helper.toml"])
        .ends(2)
        .says(&["the image names the tool 'ecko', which the host has not"]);
}

#[test]
fn an_image_is_shown_with_how_what_it_needs_stands() {
    let scene = scene("shown");
    scene.run(&["image", "add", "helper.yaml"]).ends(0);
    let said = scene.run(&["image", "show", "helper"]).ends(0);
    said.says(&[
        "list fs:workspace/src (allowed)",
        "read fs:workspace/** (allowed in part)",
        "write fs:workspace/made/a (a person is asked)",
        "sleep clock:sleep (not allowed by libos.toml)",
        "deny read fs:workspace/private/**",
        "9 tool-calls",
        "read_text_file, echo",
        "  And stop.",
    ]);
    let shown = scene.json(&["image", "show", "helper"]);
    let needs: Vec<&str> =
        shown["needs"].as_array().unwrap().iter().map(|need| need["standing"].as_str().unwrap()).collect();
    assert_eq!(needs, ["allowed", "allowed in part", "a person is asked", "not allowed by libos.toml"]);
    assert_eq!((&shown["standard"], &shown["prompt"]), (&json!(false), &json!("Help.\nAnd stop.\n")));
    // What it needs it has not got by that: nobody declares himself a right.
    let sleep = scene.run(&["call", "sleep", r#"{"seconds": 0.01}"#, "--image", "helper"]).ends(2);
    sleep.says(&["sleep"]);
    scene.run(&["image", "show", "helpers"]).ends(2).says(&["there is no image 'helpers'", "libos image list"]);
}

#[test]
fn a_manifest_that_is_wrong_is_told_with_every_line_and_adds_nothing() {
    let scene = scene("wrong");
    scene.write("wrong.yaml", "id: helper\nversion: 1\ntools: []\nallow: [read fs:**]\nneeds: [fly fs:workspace]\n");
    let said = scene.run(&["image", "add", "wrong.yaml"]).ends(2);
    said.says(&[
        "error: wrong.yaml:4:1: there is no 'allow' in a manifest",
        "  4 | allow: [read fs:**]",
        "error: wrong.yaml:5:9:",
        "the manifest has 2 errors",
        "nothing was added",
    ]);
    scene.write("wrong.toml", "id = \"helper\"\nversion = \"1\"\ntools = []\npromt = \"x\"\n");
    scene.run(&["image", "add", "wrong.toml"]).ends(2).says(&["wrong.toml:4:1", "did you mean 'prompt'?", "1 error"]);
    scene.run(&["image", "add", "none.toml"]).ends(2).says(&["none.toml", "cannot be read"]);
    scene.write("wrong.yaml", "id: &a helper\nversion: *a\ntools: []\n");
    scene.run(&["image", "add", "wrong.yaml"]).ends(2).says(&["wrong.yaml:1:5"]);
    assert_eq!(names(&scene).len(), 5);
}

#[test]
fn what_was_started_from_an_image_keeps_it_when_the_image_goes() {
    let scene = scene("removed");
    scene.run(&["image", "add", "helper.yaml"]).ends(0);
    scene.write(
        "script.jsonl",
        "{\"tool\":\"ask_human\",\"args\":{\"question\":\"Which?\"}}\n{\"tool\":\"echo\",\"args\":{\"n\":1}}",
    );
    scene.write("asker.toml", "id = \"helper\"\nversion = \"2\"\ntools = [\"ask_human\", \"echo\"]\n");
    scene.run(&["image", "add", "asker.toml"]).ends(0);
    scene.run(&["run", "helper", "to ask", "--planner", "script:script.jsonl"]).ends(4);
    scene.run(&["image", "rm", "helper"]).ends(0);
    assert_eq!(names(&scene).len(), 5);
    scene.run(&["image", "rm", "helper"]).ends(2).says(&["helper"]);
    scene.run(&["run", "helper", "again", "--planner", "script:script.jsonl"]).ends(2).says(&["no image 'helper'"]);
    let said = scene.run(&["answer", "q1", "--text", "this"]).ends(0);
    assert_eq!(said.out, "{\"n\":1}\n");
    let shown: Value = scene.json(&["show", "p1"]);
    assert_eq!(shown["image"], "helper", "{shown}");
}
