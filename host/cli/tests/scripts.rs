//! Scripts with the real binary: added, looked at, called, kept by `gc`, exported and replayed, changed, wrong, and made one of the host.

#![expect(clippy::disallowed_methods, reason = "a test of the real program starts it and looks at its files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "ask,tell human:owner", "register,call tool:*"]
deny = ["read fs:workspace/secret.txt"]
"#;
/// The example that a reader begins with.
const WORD_COUNT: &str = include_str!("../../../examples/tool-ts/word_count.ts");
const NOTES: &str = r#"{"path":"notes.md"}"#;

fn workspace(name: &str) -> Scene {
    let scene = Scene::new(name, POLICY, &[]);
    scene.write("notes.md", "buy three red apples\n");
    scene.write("secret.txt", "a secret");
    scene.write("word_count.ts", WORD_COUNT);
    scene
}

#[test]
fn a_script_is_added_looked_at_called_and_kept() {
    let scene = workspace("added");
    let needs = "word_count needs: read fs:workspace/**; gets nothing else, whatever is granted";
    scene.run(&["tool", "inspect", "./word_count.ts"]).ends(0).says(&[needs, "word_count.ts"]);
    scene.run(&["tool", "add", "word_count.ts"]).ends(0).says(&["added word_count", needs]);
    let list = scene.run(&["tool", "list"]).ends(0).out;
    let line = list.lines().find(|line| line.starts_with("word_count")).unwrap_or_else(|| panic!("{list}"));
    assert!(line.contains("script") && line.contains("Counts the words"), "{line}");
    assert_eq!(scene.run(&["tool", "inspect", "word_count", "--source"]).ends(0).out, WORD_COUNT);
    let tool = scene.json(&["tool", "inspect", "word_count"]);
    assert_eq!(
        (&tool["needs"], tool["modules"][0]["name"].as_str()),
        (&json!(["read fs:workspace/**"]), Some("word_count.ts"))
    );

    assert_eq!(scene.run(&["call", "word_count", NOTES]).ends(0).out.trim(), "4");
    scene.run(&["call", "word_count", r#"{"path":"secret.txt"}"#]).ends(3).says(&["secret.txt"]);
    scene.run(&["call", "word_count", "{}"]).ends(1).says(&["path"]);
    scene.run(&["gc", "--older-than", "1s"]).ends(0);
    assert_eq!(scene.run(&["call", "word_count", NOTES]).ends(0).out.trim(), "4", "its file is kept");
}

#[test]
fn a_changed_script_says_what_it_gained_and_is_tried_against_calls_of_the_old_one() {
    let scene = workspace("changed");
    scene.run(&["tool", "add", "word_count.ts"]).ends(0);
    scene.run(&["call", "--keep", "word_count", NOTES]).ends(0);
    scene.run(&["calls", "export", "c1", "c1.jsonl"]).ends(0).says(&["1 call"]);
    scene.run(&["replay", "c1.jsonl"]).ends(0).says(&["word_count: same"]);
    let more = WORD_COUNT.replace(r#"["read fs:workspace/**"]"#, r#"["read fs:workspace/**", "ask human:owner"]"#);
    scene.write("word_count.ts", &more.replace(".length;", ".length + 1;"));
    scene.run(&["replay", "c1.jsonl", "--tool", "word_count.ts"]).ends(1).says(&["word_count"]);
    let added = scene.json(&["tool", "add", "word_count.ts"]);
    assert_eq!(added[0]["replaced"]["gained"], json!(["now needs ask human:owner"]));
    assert_eq!(scene.run(&["call", "word_count", NOTES]).ends(0).out.trim(), "5");
}

#[test]
fn a_wrong_script_is_refused_with_its_line_and_a_mark() {
    let scene = workspace("wrong");
    scene.write("wrong.ts", "export function run() {\n  return (;\n}\n");
    scene.write("imports.ts", "import fs from \"node:fs\";\nexport const run = () => fs;\n");
    for verb in ["add", "inspect"] {
        for (file, says) in [
            ("./wrong.ts", &["wrong.ts:2:11: ", "  2 |   return (;", "    |           ^"][..]),
            ("./imports.ts", &["imports.ts:1:", "node:fs"][..]),
        ] {
            scene.run(&["tool", verb, file]).ends(2).says(says);
        }
    }
}

#[test]
fn a_script_that_an_agent_wrote_is_made_one_of_the_host() {
    let scene = workspace("promoted");
    // It waits for a person, and so lives on.
    let ask = json!({"tool": "ask_human", "args": {"question": "Is it of use?"}});
    scene.write("plan.jsonl", &format!("{ask}\n"));
    scene.run(&["run", "base", "Write a tool.", "--planner", "script:plan.jsonl"]).ends(4);
    let agent = scene.json(&["ps"])[0]["pid"].as_str().unwrap().to_owned();
    let of_agent = |tool: &str, arguments: Value| {
        scene.run(&["--json", "call", tool, &arguments.to_string(), "--as", &agent]).ends(0).out
    };
    let source = "export async function run(args, libos) { return { doubled: 2 * args.n }; }";
    let tests = json!([{"args": {"n": 21}, "result": {"doubled": 42}}]);
    let proposal = json!({"name": "double", "description": "Doubles n.", "source_code": source, "tests": tests});
    assert!(of_agent("propose_jit_tool", proposal).contains("t1"));
    let validated = of_agent("validate_jit_tool", json!({"candidate_id": "t1"}));
    assert!(validated.replace(' ', "").contains(r#""ok":true"#), "{validated}");
    of_agent("register_jit_tool", json!({"candidate_id": "t1"}));
    assert!(of_agent("double", json!({"n": 4})).contains('8'));
    scene.run(&["show", &agent]).ends(0).says(&["double"]);
    scene.run(&["call", "double", r#"{"n":5}"#]).ends(2).says(&["no tool 'double'"]);

    scene.run(&["tool", "promote", &agent, "double", "--name", "twice"]).ends(0).says(&["twice"]);
    scene.run(&["signal", &agent, "kill"]).ends(0);
    scene.run(&["gc", "--older-than", "1s"]).ends(0);
    scene.run(&["call", "twice", r#"{"n":6}"#]).ends(0).says(&["12"]);
    assert_eq!(scene.run(&["tool", "inspect", "twice", "--source"]).ends(0).out.trim_end(), source);
}

#[test]
fn a_run_goes_on_while_what_it_proposed_is_validated() {
    let scene = workspace("validated-in-a-run");
    let source = "export function run(args) { return args.n + 1; }";
    let tests = json!([{"args": {"n": 1}, "result": 2}]);
    let lines = [
        json!({"tool": "propose_jit_tool", "args": {"name": "next", "description": "Adds one.", "source_code": source, "tests": tests}}),
        json!({"tool": "validate_jit_tool", "args": {"candidate_id": "t1"}}),
        json!({"tool": "register_jit_tool", "args": {"candidate_id": "t1"}}),
        json!({"tool": "next", "args": {"n": 41}}),
    ];
    scene.write("plan.jsonl", &lines.map(|line| line.to_string()).join("\n"));
    let said = scene.run(&["run", "base", "Write a tool.", "--planner", "script:plan.jsonl"]).ends(0);
    assert_eq!(said.out, "42\n");
}

#[test]
fn a_file_that_is_odd_is_taken_as_it_is_or_refused_with_what_to_do() {
    let scene = workspace("odd");
    scene.write("fine.ts", "export const run = () => 1;");
    scene.run(&["tool", "add", "fine.ts"]).ends(0);
    std::fs::create_dir(scene.path("folder.ts")).unwrap();
    for (file, text, refusal) in [
        ("mark.ts", "\u{feff}export const run = () => 'mark';", None),
        ("lines.ts", "export const run = () => {\r\n  return 'lines';\r\n};\r\n", None),
        ("itself.ts", "import { run as me } from './itself.ts';\nexport const run = () => typeof me;", None),
        ("line.ts", "#!/usr/bin/env deno\nexport const run = () => 1;", None),
        ("null.ts", "export const run = () => '\0';", Some("null.ts:1:27: there is a NUL character")),
        // It would be `fine`, and that is another one.
        ("fine.test.ts", "export const run = () => 2;", Some("'fine.test' is no name of a tool")),
        ("nothing.ts", "", Some("error: TypeError: the script has no tool")),
        ("none.ts", "export const tools = {};", Some("its `tools` is empty")),
        ("SHOUTS.TS", "export const run = () => 1;", Some("a script's name ends in .ts")),
        ("two words.ts", "export const run = () => 1;", Some("'two words' is no name of a tool")),
        ("folder.ts", "", Some("it is a folder")),
    ] {
        if file != "folder.ts" {
            scene.write(file, text);
        }
        let said = scene.run(&["tool", "add", file]);
        match refusal {
            None => {
                said.ends(0);
                scene.run(&["call", file.trim_end_matches(".ts")]).ends(0);
            }
            Some(why) => assert!(said.ends(2).err.contains(why), "{file}"),
        }
    }
    assert_eq!(scene.run(&["call", "fine"]).ends(0).out, "1\n");
    scene.run(&["tool", "add", "two words.ts", "--name", "two_words"]).ends(0);
}

#[test]
fn killed_at_any_moment_a_script_is_added_whole_or_not_at_all() {
    let scene = workspace("killed");
    let add = |number: u32| {
        scene.write("number.ts", &format!("export const run = () => {number}; // {}", "x".repeat(20_000)));
        scene.start(&["tool", "add", "number.ts"])
    };
    // What runs it is compiled now.
    add(0).end().ends(0);
    let begun = std::time::Instant::now();
    add(0).end().ends(0);
    let whole = begun.elapsed();
    let (mut last, mut killed) = (0, 0);
    for round in 1..=16 {
        let (begun, adding) = (std::time::Instant::now(), add(round));
        while begun.elapsed() < whole * (round - 1) / 16 {
            std::thread::yield_now();
        }
        adding.signal("KILL");
        let said = adding.end();
        killed += u32::from(said.ended().is_none());
        let now: u32 = scene.run(&["call", "number"]).ends(0).out.trim().parse().unwrap();
        assert!(now == round || now == last && !said.out.contains("added"), "round {round}: {now} after {last}");
        last = now;
    }
    assert!(killed > 0);
    scene.run(&["audit", "verify"]).ends(0);
    scene.run(&["gc", "--older-than", "1s"]).ends(0);
    assert_eq!(scene.run(&["call", "number"]).ends(0).out.trim(), last.to_string());
}

#[test]
fn killed_at_any_moment_a_run_makes_its_tool_and_uses_it_once() {
    let scene = workspace("made-in-a-killed-run");
    let source = "export async function run(args, libos) {
        await libos.fs.write(args.path, new Uint8Array([49]), 'create-new');
        return 1;
    }";
    let lines = |folder: &str| {
        let write = |file: &str| json!({"tool": "writes", "args": {"path": format!("{folder}/{file}")}, "expect": 1});
        let lines = [
            json!({"tool": "propose_jit_tool", "args": {"name": "writes", "description": "", "source_code": source, "tests": []}}),
            json!({"tool": "validate_jit_tool", "args": {"candidate_id": {"$from": [1, "/candidate_id"]}}}),
            json!({"tool": "register_jit_tool", "args": {"candidate_id": {"$from": [1, "/candidate_id"]}}}),
            write("a"),
            write("b"),
            json!({"exit": "all"}),
        ];
        std::fs::create_dir(scene.path(folder)).unwrap();
        scene.write(&format!("{folder}.jsonl"), &lines.map(|line| line.to_string()).join("\n"));
    };
    // What runs it is compiled by the first.
    for folder in ["cold", "warm", "killed"] {
        lines(folder);
    }
    let run = |folder: &str| scene.start(&["run", "base", folder, "--planner", &format!("script:{folder}.jsonl")]);
    run("cold").end().ends(0);
    let begun = std::time::Instant::now();
    run("warm").end().ends(0);
    let whole = begun.elapsed();
    let state = || {
        let all = scene.json(&["ps", "--all"]);
        let mut runs: Vec<&Value> =
            all.as_array().unwrap().iter().filter(|process| process["for_one_call"] == false).collect();
        runs.sort_by(|one, other| one["created"].as_str().cmp(&other["created"].as_str()));
        assert!(runs.len() <= 3, "it goes on, and none is started beside it: {all}");
        runs.get(2).map(|process| process["state"].clone())
    };
    for round in 0..12 {
        // It may have been killed when all that was left was to print its end.
        if state() == Some(json!("exited")) {
            break;
        }
        let (begun, running) = (std::time::Instant::now(), run("killed"));
        while begun.elapsed() < whole * round / 12 {
            std::thread::yield_now();
        }
        running.signal("KILL");
        running.end();
    }
    if state() != Some(json!("exited")) {
        assert_eq!(run("killed").end().ends(0).out, "\"all\"\n");
    }
    // They are made by `create-new`: a second time would have failed.
    assert_eq!((scene.entries("killed"), state()), (Some(2), Some(json!("exited"))));
}

#[test]
fn a_script_that_waits_outlives_its_removal_and_the_collection_of_what_is_not_used() {
    let scene = workspace("removed");
    scene.write(
        "asks.ts",
        "export const run = (args, libos) => Promise.all([libos.human.ask('a'), libos.human.ask('b')]);",
    );
    scene.run(&["tool", "add", "asks.ts"]).ends(0);
    scene.run(&["call", "asks"]).ends(4);
    scene.run(&["tool", "rm", "asks"]).ends(0);
    scene.run(&["gc", "--older-than", "0s"]);
    scene.run(&["answer", "q2", "--text", "two"]).ends(4);
    scene.run(&["gc", "--older-than", "0s"]);
    assert_eq!(scene.run(&["answer", "q1", "--text", "one"]).ends(0).out.replace([' ', '\n'], ""), r#"["one","two"]"#);
    scene.run(&["call", "asks"]).ends(2).says(&["no tool 'asks'"]);
}
