//! The real binary and the people at it: whose question it is, what they see of it, and which call goes on.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start the program and look at its files")]

mod scene;

use scene::Scene;
use serde_json::{Value, json};

const POLICY: &str = r#"
[mounts]
workspace = "."
[limits]
processor-time = "1s"
[image.base]
allow = ["read,list fs:workspace/**", "ask,tell human:owner", "call tool:write_text_file", "call tool:spin"]
ask = ["write fs:workspace/**", "call tool:echo"]
"#;

const WRITE: &str = r#"{"path": "new.txt", "content": "hello"}"#;
const ASK: &str = r#"{"question": "Which?"}"#;

fn nested(tool: &str, arguments: &str) -> String {
    json!({ "name": tool, "arguments": arguments }).to_string()
}

fn states(scene: &Scene) -> Vec<(String, String)> {
    let calls = scene.json(&["calls"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    calls.as_array().unwrap().iter().map(|call| (text(&call["id"]), text(&call["state"]))).collect()
}

#[test]
fn a_caller_goes_on_through_the_call_that_it_made() {
    for (name, resume) in [
        ("by-id", &["calls", "--resume", "c1"][..]),
        ("all", &["calls", "--resume"]),
        ("inner", &["calls", "--resume", "c2"]),
    ] {
        let scene = Scene::new(name, POLICY, &["nest"]);
        let asked = scene.run(&["--json", "call", "nest", &nested("write_text_file", WRITE)]).ends(4).json();
        assert_eq!(
            (&asked["id"], &asked["tool"], &asked["question"]["call"]),
            (&json!("c1"), &json!("nest"), &json!("c2"))
        );
        scene.run(&["calls", "--resume"]).ends(0).says(&["no call was interrupted"]);
        scene
            .run(&["calls", "show", "c1"])
            .ends(0)
            .says(&["q1: write_text_file (c2, p1) wants fs.write", "called by nest"]);
        scene.run(&["inbox"]).ends(0).says(&["write_text_file, called by nest"]);
        scene.run(&["answer", "q1", "allow", "--no-run"]).ends(0).says(&["libos calls --resume c1"]);
        scene.run(resume).ends(0);
        assert_eq!(scene.read("new.txt").as_deref(), Some("hello"));
        scene.run(&["calls", "--resume", "c1"]).ends(0);
        assert!(states(&scene).iter().all(|(_, state)| state == "done"), "{name}: {:?}", states(&scene));
    }
}

#[test]
fn a_caller_is_taken_over_from_a_host_that_ends_while_the_other_call_runs() {
    let scene = Scene::new("takeover", POLICY, &["nest", "spin"]);
    let host = scene.serve();
    let caller = scene.start(&["call", "nest", &nested("spin", "{}")]);
    let started = || states(&scene).iter().any(|(id, _)| id == "c2");
    while !started() {}
    host.signal("INT");
    host.end().ends(0);
    caller.end().ends(1).says(&["cpu-time: the tool computed", "call c1 of the tool nest"]);
}

#[test]
fn two_calls_with_one_question_stay_two() {
    let scene = Scene::new("merged", POLICY, &[]);
    scene.run(&["call", "ask_human", ASK]).ends(4).says(&["c1 waits for q1"]);
    scene.run(&["call", "--as", "p1", "ask_human", ASK]).ends(4).says(&["c2 waits for q1"]);
    scene.run(&["--json", "call", "--as", "p1", "ask_human", ASK]).ends(4).says(&["\"id\":\"c3\""]);
    scene.run(&["inbox"]).ends(0).says(&["c1 and 2 more"]);
    scene.run(&["calls", "show", "c2"]).ends(0).says(&["asked by 3 calls (c1, c2, c3)"]);
    scene.run(&["calls", "--resume"]).ends(0).says(&["no call was interrupted"]);
    scene.run(&["calls", "--resume", "c2"]).ends(4).says(&["c2 waits for q1"]);
    // Nobody answers for the fourth: that is the end of the fourth only.
    let denied = scene.run(&["--unattended", "deny", "--json", "call", "--as", "p1", "ask_human", ASK]).ends(3).json();
    assert_eq!((&denied["id"], &denied["tool"]), (&json!("c4"), &json!("ask_human")));
    let words: Vec<String> = states(&scene).into_iter().map(|(_, state)| state).collect();
    assert_eq!(words, ["waiting", "waiting", "waiting", "cancelled"]);
    // One answer is for all who asked, and all go on.
    let answered = scene.run(&["--json", "answer", "q1", "--text", "this one"]).ends(0);
    for id in ["c1", "c2", "c3"] {
        assert!(answered.out.contains(&format!("\"id\":\"{id}\"")), "{id}: {}", answered.out);
    }
    assert_eq!(states(&scene).iter().filter(|(_, state)| state == "done").count(), 3);
}

#[test]
fn a_no_by_absence_is_for_the_call_that_was_made() {
    let scene = Scene::new("absent", POLICY, &["nest"]);
    let call = nested("write_text_file", WRITE);
    let denied = scene.run(&["--unattended", "deny", "--json", "call", "nest", &call]).ends(1).json();
    assert_eq!((&denied["id"], &denied["tool"]), (&json!("c1"), &json!("nest")));
    // The same write of one process twice: that nobody is at the one says nothing of the other.
    scene.run(&["call", "write_text_file", WRITE]).ends(4).says(&["c3 waits for q2"]);
    let denied = scene.run(&["--unattended", "deny", "--json", "call", "--as", "p2", "write_text_file", WRITE]);
    assert_eq!(denied.ends(3).json()["id"], "c4");
    scene.run(&["calls", "--resume", "c3"]).ends(4).says(&["c3 waits for q3"]);
    scene.run(&["answer", "q3", "deny"]).ends(3);
    assert_eq!(scene.read("new.txt"), None);
}

#[test]
fn who_asked_later_is_asked_again_when_the_question_was_answered_elsewhere() {
    let scene = Scene::new("elsewhere", POLICY, &[]);
    // Whoever ends first takes no host along.
    let host = scene.serve();
    let mut first = scene.sit_down(&["call", "ask_human", ASK]);
    assert!(first.shows("answer: ").contains("q1: ask_human (c1, p1) asks"));
    let mut second = scene.sit_down(&["call", "--as", "p1", "ask_human", ASK]);
    assert!(second.shows("answer: ").contains("asked by 2 calls (c1, c2)"));
    first.types("for the first");
    assert!(second.shows("answer: ").contains("q2: ask_human (c2, p1) asks"));
    second.types("for the second");
    second.running.end().ends(0).says(&["for the second"]);
    first.running.end().ends(0).says(&["for the first"]);
    host.signal("INT");
    host.end().ends(0);
}

#[test]
fn all_that_an_answer_is_bound_to_can_be_read() {
    let scene = Scene::new("whole", POLICY, &["nest"]);
    let arguments = format!("{{\"words\":\"{}the end\"}}", "word ".repeat(500));
    scene.run(&["call", "nest", &nested("echo", &arguments)]).ends(4).says(&[
        "q1: nest (c1, p1) wants tools.call",
        "  call tool:echo",
        "with these arguments, 2519 bytes:",
        "    | {\"words\":\"word word",
        "characters",
    ]);
    let shown = scene.run(&["inbox", "q1"]).ends(0).says(&["all of it:", "deny   means: the same is not asked again"]);
    let whole = shown.out.split_once("all of it:\n").unwrap().1;
    let whole: String = whole.lines().map(|line| &line[4..]).collect();
    assert_eq!(whole, arguments);
    let rows = scene.json(&["inbox", "q1"])["whole"].clone();
    let rows: String = rows.as_array().unwrap().iter().map(|line| &line.as_str().unwrap()[4..]).collect();
    assert_eq!(rows, arguments);
}

#[test]
fn a_long_text_is_shown_with_its_ends_and_to_its_end_when_it_is_wanted() {
    let scene = Scene::new("long", POLICY, &[]);
    let lines: Vec<String> = (1..=100).map(|number| format!("line {number}")).collect();
    let mut asked = scene.sit_down(&["call", "ask_human", &json!({ "question": lines.join("\n") }).to_string()]);
    let shown = asked.shows("answer (an empty line shows the whole text): ");
    assert!(shown.contains("| line 30\r\n  ... (60 more lines, then the last 10)\r\n  | line 91\r\n"), "{shown}");
    asked.types("");
    assert!(asked.shows("whole text): ").contains("| line 50\r\n"));
    asked.types("enough");
    asked.running.end().ends(0).says(&["enough"]);

    let content = json!({ "path": "new.txt", "content": lines.join("\n") }).to_string();
    let mut asked = scene.sit_down(&["call", "write_text_file", &content]);
    let shown = asked.shows("[w]hole text? ");
    assert_eq!(shown.matches("q2: write_text_file (c2, p2) wants fs.write").count(), 2, "{shown}");
    assert!(shown.contains("deny   means: the same is not asked again by this process"), "{shown}");
    asked.types("w");
    assert!(asked.shows("[w]hole text? ").contains("| line 50\r\n"));
    asked.types("a");
    asked.running.end().ends(0);
    assert_eq!(scene.read("new.txt").as_deref(), Some(&*lines.join("\n")));
}
