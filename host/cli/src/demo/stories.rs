//! The short stories.

use super::{Act, Demo};
use serde_json::{Value, json};

fn call(tool: &str, args: Value) -> Value {
    json!({ "tool": tool, "args": args })
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Two processes that sleep in turn.
pub fn interleave() -> Demo {
    Demo {
        name: "interleave",
        about: "two processes take turns by sleeping: A B A B",
        image: "base",
        goal: "Let two processes take turns.",
        policy: "[mounts]\nworkspace = \".\"\n\n[image.base]\n\
                 allow = [\"tell human:owner\", \"sleep clock:sleep\", \"spawn process:image/base\"]\n",
        files: &[],
        plan: || {
            let say = |name: &str| call("human_output", json!({ "message": name }));
            let sleep = |seconds: f64| call("sleep", json!({ "seconds": seconds }));
            let spawn = |name: &str, planner: String| {
                call(
                    "spawn_child_process",
                    json!({
                        "goal": format!("Say {name} twice."),
                        "grants": [{ "rule": "tell human:owner" }, { "rule": "sleep clock:sleep" }],
                        "planner": planner,
                    }),
                )
            };
            let first = lines(&[say("A"), sleep(3.0), say("A")]);
            let second = lines(&[sleep(1.5), say("B"), sleep(3.0), say("B")]);
            let wait =
                |line: usize| call("wait_child_process", json!({ "child_pid": { "$from": [line, "/child_pid"] } }));
            vec![
                spawn("A", first),
                spawn("B", second),
                json!({ "calls": [wait(1), wait(2)] }),
                json!({ "exit": "both have said it twice" }),
            ]
        },
        person: &[],
        checks: |seen| Ok(vec![("they said A, B, A, B, in this order", seen.notes()? == ["A", "B", "A", "B"])]),
    }
}

const LETTER: &str = "Dear Ada, the key is under the third flower pot.";

/// A file that is copied without being read by who copies it.
pub fn copy() -> Demo {
    Demo {
        name: "copy",
        about: "a file is copied through an object, and its content reaches nobody who chooses",
        image: "base",
        goal: "Copy letter.txt to copy.txt.",
        policy: "[mounts]\nworkspace = \".\"\n\n[image.base]\n\
                 allow = [\"read fs:workspace/letter.txt\", \"write fs:workspace/copy.txt\"]\n",
        files: &[("letter.txt", LETTER)],
        plan: || {
            vec![
                call("create_object_from_file", json!({ "name": "letter", "path": "letter.txt" })),
                call("write_object_to_file", json!({ "name": "letter", "path": "copy.txt" })),
                json!({ "exit": { "$from": [2, ""] } }),
            ]
        },
        person: &[],
        checks: |seen| {
            Ok(vec![
                ("copy.txt is letter.txt", seen.file("copy.txt").as_deref() == Some(LETTER)),
                ("no argument and no result of a tool holds a word of it", !seen.transcript()?.contains("flower")),
            ])
        },
    }
}

/// A person says which file, and sees it.
pub fn ask() -> Demo {
    Demo {
        name: "ask",
        about: "an agent asks which file is meant, reads it, and shows it",
        image: "base",
        goal: "Show the file that the person wants to see.",
        policy: "[mounts]\nworkspace = \".\"\n\n[image.base]\n\
                 allow = [\"read,list fs:workspace/**\", \"ask,tell human:owner\"]\n",
        files: &[("notes.txt", "Buy apples, then water the plants."), ("other.txt", "Nothing of interest.")],
        plan: || {
            vec![
                call("ask_human", json!({ "question": "Which file shall I show you?" })),
                call("read_text_file", json!({ "path": { "$from": [1, "/answer"] } })),
                call("human_output", json!({ "message": { "$from": [2, "/content"] } })),
                json!({ "exit": "shown" }),
            ]
        },
        person: &[Act::Words("notes.txt")],
        checks: |seen| {
            let notes = seen.notes()?;
            Ok(vec![("the person saw what is in notes.txt", notes == ["Buy apples, then water the plants."])])
        },
    }
}

/// A person talks with an agent that repeats what it hears.
pub fn chat() -> Demo {
    Demo {
        name: "chat",
        about: "a person and an agent talk: each question waits as long as it takes",
        image: "base",
        goal: "Repeat what the person says, three times.",
        policy: "[mounts]\nworkspace = \".\"\n\n[image.base]\nallow = [\"ask,tell human:owner\"]\n",
        files: &[],
        plan: || {
            let rounds = (0..3).flat_map(|round| {
                let question = ["What do you say?", "And then?", "And at last?"][round];
                let heard = json!({ "message": { "$from": [2 * round + 1, "/answer"] } });
                [call("ask_human", json!({ "question": question })), call("human_output", heard)]
            });
            rounds.chain([json!({ "exit": "goodbye" })]).collect()
        },
        person: &[Act::Words("Good morning."), Act::Words("It rains."), Act::Words("See you tomorrow.")],
        checks: |seen| {
            let said = ["Good morning.", "It rains.", "See you tomorrow."];
            Ok(vec![("the agent repeated all three sentences in order", seen.notes()? == said)])
        },
    }
}
