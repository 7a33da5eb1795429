//! The real binary runs processes: to their end, to a question, through kills, in the background.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use scene::{Said, Scene};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["read,list,write fs:workspace/**", "ask,tell human:owner", "sleep clock:sleep"]
ask = ["write fs:workspace/asked/**"]
"#;

/// A workspace with a script of these lines.
fn scene(name: &str, lines: &[Value]) -> Scene {
    let scene = Scene::new(name, POLICY, &[]);
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    scene.write("script.jsonl", &lines.join("\n"));
    for folder in ["made/.keep", "asked/.keep"] {
        scene.write(folder, "");
    }
    scene
}

const RUN: [&str; 5] = ["run", "base", "to try it", "--planner", "script:script.jsonl"];

fn run(scene: &Scene, more: &[&str]) -> Said {
    scene.run(&[&RUN[..], more].concat())
}

/// A write that fails if it was done before.
fn once(path: &str) -> Value {
    json!({"tool": "write_text_file", "args": {"path": path, "content": "x", "overwrite": false}, "expect": {}})
}

fn processes(scene: &Scene) -> Vec<(String, String)> {
    let rows = scene.json(&["ps", "--all"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(|row| (text(&row["pid"]), text(&row["state"]))).collect()
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
fn a_run_tells_what_happens_and_prints_its_result_alone() {
    let scene = scene("whole", &[once("made/a"), json!({"tool": "echo", "args": {"n": 1}})]);
    let said = run(&scene, &[]).ends(0);
    assert_eq!(said.out, "{\"n\":1}\n");
    let said = said.says(&["p1 starts", "write_text_file {\"content\":\"x\"", "write_text_file done", "echo done"]);
    assert!(!said.err.contains("planner"), "{}", said.err);
    assert_eq!(processes(&scene), [("p1".to_owned(), "exited".to_owned())]);
    // It has ended: the same command begins anew.
    let said = scene.run(&[&["--json"], &RUN[..]].concat()).ends(1);
    assert_eq!((said.json()["pid"].as_str(), said.json()["state"].as_str()), (Some("p2"), Some("failed")));
    assert!(said.json()["why"].as_str().unwrap().starts_with("line 1: write_text_file was to give {}"), "{}", said.out);
}

#[test]
fn a_script_that_is_wrong_starts_nothing() {
    let scene = scene("wrong", &[]);
    for (text, says) in [
        ("{\"tool\":\"echo\"}\n{\"tool\":3}", "script.jsonl:2:9"),
        ("{\"tool\":\"echo\"}\n{\"exit\":{\"$from\":[2,\"\"]}}", "names line 2"),
        ("# nothing", "no step"),
    ] {
        scene.write("script.jsonl", text);
        run(&scene, &[]).ends(2).says(&[says]);
    }
    scene.write("script.jsonl", "\u{feff}{\"tool\":\"echo\"}");
    run(&scene, &[]).ends(2).says(&["byte order mark"]);
    scene.run(&["run", "base", "x", "--planner", "script:missing"]).ends(2).says(&["cannot be read"]);
    scene.run(&["run", "base", "x", "--planner", "mind:of-its-own"]).ends(2);
    scene.run(&["run", "base", "x"]).ends(2).says(&["--planner script:FILE"]);
    scene.write("script.jsonl", "{\"tool\":\"echo\"}");
    scene.run(&["run", "never-was", "x", "--planner", "script:script.jsonl"]).ends(2).says(&["no image 'never-was'"]);
    assert_eq!(processes(&scene), []);
}

#[test]
fn a_run_that_waits_for_people_says_for_whom_and_goes_on_with_their_answers() {
    let write =
        |name: &str| json!({"tool": "write_text_file", "args": {"path": format!("asked/{name}"), "content": "x"}});
    let ask = json!({"tool": "ask_human", "args": {"question": "Which?"}});
    let scene = scene("people", &[json!({"calls": [write("a"), write("b")]}), ask, once("made/c")]);
    let said = run(&scene, &[]).ends(4).says(&["p1 waits for q1 q2", "libos answer q2 allow"]);
    assert_eq!(said.out, "p1 waits for q1 q2\n");
    // The second first, and each by a host of its own.
    scene.run(&["answer", "q2", "allow"]).ends(4).says(&["p1 waits for q1"]);
    run(&scene, &[]).ends(4).says(&["p1 goes on", "p1 waits for q1"]);
    scene.run(&["answer", "q1", "allow", "--no-run"]).ends(0);
    run(&scene, &[]).ends(4).says(&["p1 waits for q3"]);
    scene.run(&["answer", "q3", "--text", "this one"]).ends(0).says(&["bytes_written"]);
    assert_eq!((scene.entries("asked"), scene.entries("made")), (Some(3), Some(2)));
    assert_eq!(processes(&scene), [("p1".to_owned(), "exited".to_owned())]);
}

#[test]
fn where_nobody_is_waited_for_a_run_comes_to_its_end() {
    let write = json!({"tool": "write_text_file", "args": {"path": "asked/a", "content": "x"}, "expect": {"failed": "nobody is there"}});
    let ask = json!({"tool": "ask_human", "args": {"question": "Which?"}, "expect": {"failed": "nobody is there"}});
    let scene = scene("unattended", &[write, ask, json!({"exit": 7})]);
    let said = run(&scene, &["--unattended", "deny"]).ends(0);
    assert_eq!(said.out, "7\n");
}

#[test]
fn somebody_at_the_terminal_is_asked_in_place() {
    let write = json!({"tool": "write_text_file", "args": {"path": "asked/a", "content": "x"}});
    let scene = scene("terminal", &[write, json!({"tool": "ask_human", "args": {"question": "Which?"}})]);
    let mut terminal = scene.sit_down(&RUN);
    terminal.shows("[a]llow once");
    terminal.types("a");
    terminal.shows("answer: ");
    terminal.types("the blue one");
    let said = terminal.running.end().ends(0);
    assert_eq!(said.out, "{\"answer\":\"the blue one\"}\n");
}

#[test]
fn what_was_interrupted_goes_on_with_the_same_command_and_no_other() {
    let sleep = json!({"tool": "sleep", "args": {"seconds": 0.5}});
    let scene = scene("interrupted", &[once("made/a"), sleep, once("made/b")]);
    let running = scene.start(&RUN);
    until("the first write", || scene.entries("made") == Some(2));
    running.signal("INT");
    running.end().ends(130).says(&["p1 is paused; the same command or `libos run --pid p1` goes on with it"]);
    scene.run(&["run", "base", "another", "--planner", "script:script.jsonl"]).ends(1).says(&["p2 starts"]);
    let said = run(&scene, &["--new"]).ends(1).says(&["p3 starts"]);
    assert!(said.err.contains("already exists"), "{}", said.err);
    run(&scene, &[]).ends(0).says(&["p1 goes on"]);
    assert_eq!(scene.entries("made"), Some(3));
}

#[test]
fn killed_at_any_moment_the_same_command_does_each_thing_once() {
    let lines: Vec<Value> =
        (0..6).map(|n| json!({"calls": [once(&format!("made/{n}a")), once(&format!("made/{n}b"))]})).collect();
    let mut killed = 0;
    let scene = scene("killed", &[&lines[..], &[json!({"exit": "all"})]].concat());
    for round in 0..20_u64 {
        if round > 0 && processes(&scene)[0].1 == "exited" {
            // It was killed when all that was left was to print that.
            break;
        }
        let before = scene.entries("made");
        let running = scene.start(&RUN);
        // It has done something more, and is at another point on each round.
        until("a write, or the end", || {
            scene.entries("made") > before || processes(&scene).iter().any(|(_, state)| state == "exited")
        });
        let moved = Instant::now();
        while moved.elapsed() < Duration::from_micros(round * 701 % 5_000) {
            std::thread::yield_now();
        }
        running.signal("KILL");
        match running.end().ended() {
            None => killed += 1,
            Some(code) => {
                assert_eq!(code, 0, "round {round}");
                break;
            }
        }
    }
    let last = processes(&scene);
    if last[0].1 != "exited" {
        run(&scene, &[]).ends(0).says(&["p1 goes on"]);
    }
    assert!(killed > 0);
    assert_eq!(processes(&scene), [("p1".to_owned(), "exited".to_owned())]);
    assert_eq!(scene.entries("made"), Some(13));
}

#[test]
fn a_detached_run_goes_on_without_its_command_and_its_host_ends_with_it() {
    let sleep = json!({"tool": "sleep", "args": {"seconds": 0.2}});
    let scene = scene("detached", &[sleep, once("made/a")]);
    let said = run(&scene, &["--detach"]).ends(0);
    assert_eq!(said.out, "p1\n");
    until("its end", || processes(&scene)[0].1 == "exited");
    assert_eq!(scene.entries("made"), Some(2));
    until("the end of its host", || !scene.has_host());
    // With a host, it goes on there; a command that needs the store waits until the last one has left it.
    scene.run(&["call", "echo"]).ends(0);
    let host = scene.serve();
    let said = run(&scene, &["--detach"]).ends(0);
    assert_eq!(said.out, "p3\n");
    until("its end", || processes(&scene).iter().any(|(pid, state)| pid == "p3" && state == "failed"));
    host.signal("INT");
    host.end().ends(0);
}

#[test]
fn what_is_held_says_why_and_what_lets_it_go_on() {
    let ask = json!({"tool": "ask_human", "args": {"question": "Which?"}});
    let scene = scene("held", &[ask, json!({"tool": "echo", "args": {"n": 1}})]);
    run(&scene, &[]).ends(4);
    scene.run(&["budget", "p1", "--set", "tool-calls=0"]).ends(0);
    let said = scene.run(&["answer", "q1", "--text", "x"]).ends(4).says(&["libos budget p1 --add tool-calls=N"]);
    assert!(!said.err.contains("signal p1 resume"), "{}", said.err);
    let said = scene.run(&["--json", "run", "--pid", "p1"]).ends(4);
    assert_eq!(said.json()["paused"][0]["pid"], "p1");
    assert_eq!(scene.json(&["events", "--kind", "budget.empty"]).as_array().map(Vec::len), Some(1));
    scene.run(&["budget", "p1", "--add", "tool-calls=5"]).ends(0);
    assert_eq!(scene.run(&["calls", "--resume"]).ends(0).out, "{\"n\":1}\n");
    scene.run(&["show", "p1"]).ends(0).says(&["to try it"]);
    scene.run(&["ps", "--tree", "--all"]).ends(0).says(&["to try it"]);
    scene.run(&["budget", "p1"]).ends(0).says(&["p1 has ended"]);
    scene.run(&["run", "--pid", "p9"]).ends(2).says(&["no process p9"]);
    scene.run(&["events", "--call", "c999"]).ends(2).says(&["no call c999"]);
    run(&scene, &[]).ends(4).says(&["p2 starts"]);
    scene.run(&["checkpoint", "create", "p2"]).ends(0);
    scene.run(&["checkpoint", "fork", "k1"]).ends(0).says(&["`libos run --pid p3` lets it go on"]);
    scene.run(&["signal", "p2", "pause", "--reason", &"x".repeat(4_000)]).ends(0);
    assert!(!scene.json(&["show", "p2"]).to_string().contains(&"x".repeat(2_000)), "a reason is cut");
    scene.run(&["signal", "p2", "resume"]).ends(0).says(&["`libos run --pid p2` lets it go on"]);
    scene.run(&["signal", "p2", "cancel"]).ends(0).says(&["`libos signal p2 kill` ends it now"]);
    scene.run(&["ps"]).ends(0).says(&["is to end: cancelled by"]);
}

#[test]
fn a_run_whose_last_call_fails_fails() {
    let scene = scene("last", &[json!({"tool": "never-was"})]);
    let said = run(&scene, &[]).ends(1).says(&["line 1: never-was: "]);
    assert!(said.err.lines().any(|line| line.starts_with("p1 ") && line.contains("never-was")), "{}", said.err);
}

#[test]
fn what_was_detached_goes_on_when_the_host_that_ran_it_goes() {
    let foreground = [json!({"tool": "sleep", "args": {"seconds": 600}})];
    let scene = scene("taken-over", &foreground);
    let running = scene.start(&RUN);
    until("a host", || scene.has_host());
    let lines = [json!({"tool": "sleep", "args": {"seconds": 1}}), once("made/a")].map(|line| line.to_string());
    scene.write("other.jsonl", &lines.join("\n"));
    let said = scene.run(&["run", "base", "x", "--planner", "script:other.jsonl", "--detach"]).ends(0);
    assert_eq!(said.out, "p2\n");
    running.signal("INT");
    running.end().ends(130);
    until("its end", || processes(&scene).contains(&("p2".to_owned(), "exited".to_owned())));
    assert_eq!(scene.entries("made"), Some(2));
}

#[test]
fn several_detached_at_once_all_come_to_their_ends() {
    let lines: Vec<Value> = [json!({"tool": "sleep", "args": {"seconds": 0.2}}), json!({"exit": 1})].into();
    let scene = scene("at-once", &lines);
    let running: Vec<_> = (0..4).map(|_| scene.start(&[&RUN[..], &["--detach", "--new"]].concat())).collect();
    running.into_iter().for_each(|running| drop(running.end().ends(0)));
    until("their ends", || processes(&scene).iter().filter(|(_, state)| state == "exited").count() == 4);
    until("the end of their hosts", || !scene.has_host());
}

#[test]
fn a_host_that_serves_goes_on_with_every_process() {
    let sleep = json!({"tool": "sleep", "args": {"seconds": 0.3}});
    let scene = scene("served", &[once("made/a"), sleep, once("made/b")]);
    let running = scene.start(&RUN);
    until("the first write", || scene.entries("made") == Some(2));
    running.signal("KILL");
    running.end();
    let host = scene.serve();
    until("its end", || processes(&scene)[0].1 == "exited");
    host.signal("INT");
    host.end().ends(0);
    assert_eq!(scene.entries("made"), Some(3));
}
