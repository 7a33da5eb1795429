//! One command in any directory: what it makes, what it gives and tells, what is shown while it runs, and how it pauses and goes on.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use libos_provider::{Clock, Provider, Step, Turn, json as said};
use scene::{Said, Scene};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const GO: [&str; 5] = ["run", "coding", "Look around.", "--planner", "script:script.jsonl"];

/// A directory that nobody has made a workspace yet, with a script of these lines.
fn bare(name: &str, lines: &[Value]) -> Scene {
    let scene = Scene::bare(name);
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    scene.write("script.jsonl", &lines.join("\n"));
    scene.write("notes.txt", "Buy apples.");
    scene
}

fn go(scene: &Scene, more: &[&str]) -> Said {
    scene.run(&[&GO[..], more].concat())
}

fn tool(name: &str, args: Value) -> Value {
    json!({ "tool": name, "args": args })
}

/// A call that must be refused.
fn refused(name: &str, args: Value) -> Value {
    json!({ "tool": name, "args": args, "expect": { "failed": "denied" } })
}

fn read(path: &str) -> Value {
    json!({ "path": path })
}

fn write(path: &str) -> Value {
    json!({ "path": path, "content": "x" })
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn in_any_directory_one_command_makes_a_workspace_and_reads_there_and_no_more() {
    let scene = bare(
        "any",
        &[
            tool("read_text_file", read("notes.txt")),
            refused("write_text_file", write("made")),
            refused("read_text_file", read(".git/config")),
            refused("read_text_file", read(".env")),
            json!({ "exit": "seen" }),
        ],
    );
    scene.write(".git/config", "url = https://name:token@example.com/");
    scene.write(".env", "KEY=secret");
    let said = go(&scene, &[]).ends(0);
    assert_eq!(said.out, "\"seen\"\n");
    let said =
        said.says(&["wrote ", "preset read-only", "may    read,list fs:workspace/**", "never  read,list,write,delete"]);
    let (block, start) = (said.err.find("preset read-only").unwrap(), said.err.find("p1 starts").unwrap());
    assert!(block < start, "what is given is told before it starts: {}", said.err);
    assert_eq!(scene.read("made"), None);
    // The workspace is the one that `libos init` makes.
    assert!(scene.read("libos.toml").unwrap().contains("[image.base]"));
    scene.run(&["call", "read_text_file", r#"{"path":"notes.txt"}"#]).ends(0);
}

#[test]
fn a_home_directory_becomes_no_workspace_by_the_way() {
    let scene = bare("home", &[json!({ "exit": 1 })]);
    scene.run_at_home(&GO).ends(2).says(&["all of your home directory"]);
    assert_eq!(scene.read("libos.toml"), None);
}

#[test]
fn a_preset_gives_one_process_what_it_says_and_flags_give_and_take_exactly() {
    let scene = bare(
        "presets",
        &[
            tool("write_text_file", write("made")),
            refused("write_text_file", write(".env")),
            refused("write_text_file", write(".git/hooks/pre-commit")),
            tool("delete_file", read("made")),
            refused("write_text_file", write("secret/a")),
            tool("echo", json!({})),
        ],
    );
    for folder in ["secret/.keep", ".git/hooks/.keep", "notes/.keep"] {
        scene.write(folder, "");
    }
    go(&scene, &["--preset", "edit", "--deny", "read,write fs:workspace/secret/**", "--budget", "tool-calls=20"])
        .ends(1)
        .says(&[
            "preset edit",
            "never  ",
            "read,write fs:workspace/secret/**",
            "spends tool-calls=20",
            "not found: tool:echo",
        ]);
    // It was given to that process alone.
    go(&scene, &["--new"]).ends(1).says(&["denied: write on fs:workspace/made"]);
    scene.write(
        "script.jsonl",
        &[tool("write_text_file", write("notes/a")), refused("write_text_file", write("b"))]
            .map(|line| line.to_string())
            .join("\n"),
    );
    let one = ["--preset", "none", "--grant", "write fs:workspace/notes/**"];
    go(&scene, &one).ends(0).says(&["write fs:workspace/notes/**  (without being asked)"]);
    assert_eq!(scene.read("notes/a").as_deref(), Some("x"));
    go(&scene, &["--grant", "write notes"]).ends(2);
    go(&scene, &["--grant", "execute fs:workspace/a"]).ends(2).says(&["has the rights"]);
}

#[test]
fn with_all_of_a_workspace_programs_run_where_nothing_is_that_a_preset_keeps_away() {
    let shell = |script: &str| tool("run_shell_command", json!({ "argv": ["sh", "-c", script] }));
    let scene = bare("full", &[shell("cat notes.txt > copy"), shell("echo K=1 > .env"), json!({ "exit": "done" })]);
    go(&scene, &["--preset", "full"]).ends(0).says(&["preset full"]);
    assert_eq!(scene.read("copy").as_deref(), Some("Buy apples."));
    let records = scene.run(&["audit", "show"]).ends(0).out;
    assert!(records.contains("/.env, which is denied"), "what it made is told: {records}");
}

#[test]
fn rules_of_the_policy_stand_over_a_preset_and_make_it_needless() {
    let scene = bare("rules", &[tool("write_text_file", write("asked"))]);
    scene.write("libos.toml", "[mounts]\nworkspace = \".\"\n[image.coding]\nask = [\"write fs:workspace/asked\"]\n");
    scene.run(&["trust", "--yes"]).ends(0);
    // Somebody has said what this image may do: no preset unless it is named.
    let said = go(&scene, &[]).ends(4).says(&["p1 waits for q1"]);
    assert!(!said.err.contains("preset"), "{}", said.err);
    // The ask holds over what a preset gives, and is answered by a grant that was said for it.
    go(&scene, &["--preset", "edit", "--new"]).ends(4).says(&["preset edit", "and    1 rule of libos.toml"]);
    go(&scene, &["--grant", "write fs:workspace/asked", "--new"]).ends(0);
}

#[test]
fn a_policy_that_came_with_a_repository_is_shown_and_never_taken_unasked() {
    let scene = bare("cloned", &[tool("write_text_file", write("made"))]);
    scene.write("libos.toml", "[mounts]\nworkspace = \".\"\n[image.coding]\nallow = [\"write fs:workspace/**\"]\n");
    for more in [&[][..], &["--preset", "full"], &["--unattended", "deny"]] {
        go(&scene, more).ends(2).says(&["was not accepted yet", "libos trust"]);
    }
    let mut terminal = scene.sit_down(&GO);
    assert!(terminal.shows("[y/N]").contains("allow = [\"write fs:workspace/**\"]"));
    terminal.types("n");
    terminal.running.end().ends(1).says(&[]);
    assert_eq!(scene.read("made"), None);
    let mut terminal = scene.sit_down(&GO);
    terminal.shows("[y/N]");
    terminal.types("y");
    let said = terminal.running.end().ends(0);
    assert!(!said.out.contains("mounts"), "the output is the result alone: {}", said.out);
    assert_eq!(scene.read("made").as_deref(), Some("x"));
}

#[test]
fn without_a_model_it_says_what_to_write() {
    let scene = bare("model", &[]);
    scene.run(&["run", "coding", "x"]).ends(2).says(&[
        "says nothing of a model 'default', by which image 'coding' chooses",
        "[model.default]",
        "base-url = ",
        "key-env = ",
        "libos policy reload",
        "--planner script:FILE",
    ]);
    scene.run(&["run", "coding", "x", "--planner", "model:big"]).ends(2).says(&["[model.big]"]);
    assert!(scene.json(&["ps", "--all"]).as_array().unwrap().is_empty());
}

#[test]
fn the_same_command_goes_on_and_one_that_gives_more_is_told_so() {
    let scene =
        bare("same", &[tool("ask_human", json!({ "question": "Which?" })), refused("write_text_file", write("made"))]);
    go(&scene, &[]).ends(4).says(&["p1 starts", "p1 waits for q1"]);
    go(&scene, &[]).ends(4).says(&["p1 goes on"]);
    let said = go(&scene, &["--preset", "edit"]).ends(2);
    said.says(&["+ allow write,delete fs:workspace/**", "`libos run --pid p1` goes on with it as it is", "--new"]);
    scene.run(&["answer", "q1", "--text", "this"]).ends(0).says(&["write_text_file"]);
    assert_eq!(scene.read("made"), None, "what was told was not done");
}

#[test]
fn ctrl_c_pauses_after_the_present_step_and_the_same_command_goes_on() {
    let once = json!({ "path": "made", "content": "x", "overwrite": false });
    let lines = [tool("write_text_file", once), tool("sleep", json!({ "seconds": 600 })), json!({ "exit": "done" })];
    let scene = bare("paused", &lines);
    let edit = [&GO[..], &["--preset", "edit"]].concat();
    let running = scene.start(&edit);
    until("the sleep", || scene.read("made").is_some() && scene.run(&["ps"]).out.contains("waiting"));
    running.signal("INT");
    running.end().ends(130).says(&["p1 is paused; the same command or `libos run --pid p1` goes on with it"]);
    scene.run(&["ps"]).ends(0).says(&["paused", "the same command goes on"]);
    let running = scene.start(&edit);
    until("it goes on", || scene.run(&["ps"]).out.contains("waiting"));
    running.signal("TERM");
    running.end().ends(130).says(&["p1 is parked"]);
}

/// A reply with these calls of tools.
fn reply(calls: &[(&str, Value)]) -> Turn {
    let call = |(index, (name, arguments)): (usize, &(&str, Value))| {
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        json!({ "id": format!("call_{index}"), "type": "function", "function": function })
    };
    let calls: Vec<Value> = calls.iter().enumerate().map(call).collect();
    let message = json!({ "role": "assistant", "content": "", "tool_calls": calls });
    said(&json!({
        "model": "mock-1",
        "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 100, "completion_tokens": 10 },
    }))
}

/// A workspace whose libos.toml has a model and no rule, and the provider, which lives as long as the runtime.
fn with_model(name: &str, turns: Vec<Turn>) -> (tokio::runtime::Runtime, Provider, Scene) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let provider = runtime.block_on(Provider::start(&Arc::new(Clock::default()), turns)).unwrap();
    let scene = bare(name, &[]);
    let model = format!("[model.default]\nbase-url = \"{}\"\nmodel = \"mock\"\nattempts = 1\n", provider.base_url());
    scene.write("libos.toml", &format!("[mounts]\nworkspace = \".\"\n{model}"));
    scene.run(&["trust", "--yes"]).ends(0);
    (runtime, provider, scene)
}

#[test]
fn a_model_works_on_the_goal_within_its_preset_and_its_report_is_the_output() {
    let turns = vec![
        reply(&[("read_text_file", read("notes.txt"))]),
        reply(&[("write_text_file", write("made")), ("write_text_file", write(".env"))]),
        reply(&[("process_exit", json!({ "payload": "I wrote one file." }))]),
    ];
    let (_runtime, provider, scene) = with_model("model-works", turns);
    let go = ["run", "coding", "Write a file.", "--preset", "edit", "--budget", "tokens=100000"];
    let said =
        scene.run(&go).ends(0).says(&["preset edit, model default", "use model:default", "asks the model default"]);
    assert_eq!(said.out, "\"I wrote one file.\"\n");
    assert_eq!((scene.read("made").as_deref(), scene.read(".env")), (Some("x"), None));
    assert_eq!(provider.asked().len(), 3);
}

#[test]
fn a_second_ctrl_c_leaves_at_once_what_the_first_one_waits_for() {
    let (_runtime, provider, scene) = with_model("silent", vec![vec![Step::Silence]]);
    let terminal = scene.sit_down(&["run", "coding", "Wait."]);
    terminal.shows("asks the model default");
    until("the request", || provider.asked().len() == 1);
    terminal.running.signal("INT");
    terminal.shows("pauses after this step");
    terminal.running.signal("INT");
    terminal.running.end().ends(130);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn as_json_each_event_is_a_line_and_the_last_is_what_it_came_to() {
    let scene = bare("json", &[tool("read_text_file", read("notes.txt")), json!({ "exit": { "a": 1 } })]);
    let said = scene.run(&[&["--json"], &GO[..]].concat()).ends(0);
    let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((events[0], events[1], events[events.len() - 1]), ("given", "agent", "end"));
    let called = lines.iter().find(|line| line["what"] == "called").unwrap();
    assert_eq!((called["tool"].as_str(), &called["failed"]), (Some("read_text_file"), &Value::Null));
    assert_eq!(lines[lines.len() - 1]["result"], json!({ "a": 1 }));
    assert!(lines[0]["lines"].as_array().unwrap().contains(&json!("allow read,list fs:workspace/**")));
}

#[test]
fn on_a_terminal_what_happens_is_drawn_below_what_has_happened() {
    let evil = "a\u{1b}[2Jb";
    let scene = bare(
        "drawn",
        &[
            tool("read_text_file", read("notes.txt")),
            refused("write_text_file", write(evil)),
            tool("ask_human", json!({ "question": "Which?" })),
        ],
    );
    let mut terminal = scene.sit_down(&GO);
    let shown = terminal.shows("answer: ");
    // It moves, draws and takes away; what has ended stays as a line.
    for part in ["\u{1b}[J", "coding · step 1", "read_text_file path=notes.txt", "✓", "✗", "denied"] {
        assert!(shown.contains(part), "{part}: {shown:?}");
    }
    assert!(!shown.contains(evil) && shown.contains("\\u{1b}[2J"), "{shown:?}");
    terminal.types("this");
    terminal.shows("p1 exited after 3 steps");
    assert_eq!(terminal.running.end().ends(0).out, "{\"answer\":\"this\"}\n");
}
