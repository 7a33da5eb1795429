//! The part of the story in which an agent makes others: two workers over views of its objects, one of whom asks a person.

use super::DONE;
use super::stage::{Said, Stage};
use crate::shell::Result;
use serde_json::{Value, json};

/// Exit code of what waits for a person.
const WAITS: i32 = 4;
/// Exit code of a tool that failed.
const FAILED: i32 = 1;

/// What the first worker chooses.
fn writes_opening() -> String {
    let read = json!({"tool": "read_memory_object", "args": {"name": "outline"}});
    lines(&[read, made("opening", json!("Two things are needed."))])
}

/// What the second worker chooses: it asks before it goes on.
fn writes_figures() -> String {
    let ask = json!({"tool": "ask_human", "args": {"question": "How many apples?"}});
    lines(&[ask, made("figures", json!({"apples": {"$from": [1, "/answer"]}}))])
}

/// What the agent itself chooses, a line a step.
fn plan() -> String {
    let fork = |goal: &str, grants: Value, planner: String| {
        json!({"tool": "fork_child_process", "args": {
            "goal": goal, "mode": "copy-on-write", "grants": grants, "planner": planner,
        }})
    };
    let of = |worker: usize, tool: &str| json!({"tool": tool, "args": {"child_pid": {"$from": [2, format!("/{worker}/child_pid")]}}});
    lines(&[
        made("outline", json!(["opening", "figures"])),
        json!({"calls": [
            fork("Write the opening.", json!([]), writes_opening()),
            fork("Write the figures.", json!([{"rule": "ask human:owner"}]), writes_figures()),
        ]}),
        json!({"calls": [of(0, "wait_child_process"), of(1, "wait_child_process")]}),
        json!({"calls": [of(0, "merge_child_memory"), of(1, "merge_child_memory")]}),
        json!({"tool": "read_memory_object", "args": {"name": "figures"}}),
    ])
}

fn made(name: &str, payload: Value) -> Value {
    json!({"tool": "create_memory_object", "args": {"name": name, "type": "plan", "payload": payload}})
}

fn lines(lines: &[Value]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Tells it.
pub fn tell(stage: &mut Stage) -> Result<()> {
    stage.step(
        "An agent is a process. This one follows a script, which stands for what a model would choose: it forks two workers, which see \
         its objects as they are now and change only their own. They work at the same time, and one asks a person.",
    )?;
    stage.put("plan.jsonl", &plan())?;
    let run = ["run", "base", "Write a report.", "--planner", "script:plan.jsonl"];
    stage.libos(&run, WAITS)?;
    let tree = stage.libos(&["ps", "--tree"], DONE)?;
    tree.must_contain("Write the figures.")?;
    let processes = stage.quiet(&["--json", "ps"])?.json()?;
    let agent = oldest(&processes).ok_or("no process lives")?;

    stage.step("Its state is kept: a checkpoint costs nothing for each object. Then the person answers, and it goes on to its end.")?;
    let checkpoint = stage.libos(&["checkpoint", "create", &agent], DONE)?;
    let question = stage.quiet(&["--json", "inbox"])?.json()?;
    let question = question[0]["id"].as_str().ok_or("no question is open")?.to_owned();
    let answered = stage.libos(&["answer", &question, "--text", "seven"], DONE)?;
    answered.must_contain("seven")?;

    stage.step("From the checkpoint it begins again as another process, from before the answer, and with no authority that was taken since.")?;
    let checkpoint = first_word_with(&checkpoint, 'k').ok_or("no checkpoint was made")?;
    stage.libos(&["checkpoint", "fork", &checkpoint], DONE)?;
    let processes = stage.quiet(&["--json", "ps"])?.json()?;
    let copy = oldest(&processes).ok_or("no process lives")?;
    let read = |name: &str| format!(r#"{{"name": "{name}"}}"#);
    let outline = stage.libos(&["call", "read_memory_object", &read("outline"), "--as", &copy], DONE)?;
    outline.must_contain("opening")?;
    stage.libos(&["call", "read_memory_object", &read("figures"), "--as", &copy], FAILED)?;
    stage.libos(&["signal", &copy, "kill"], DONE)?;
    Ok(())
}

fn oldest(processes: &Value) -> Option<String> {
    let row = processes.as_array()?.iter().find(|row| row["parent"].is_null())?;
    Some(row["pid"].as_str()?.to_owned())
}

/// The first word of a letter and a number.
fn first_word_with(said: &Said, letter: char) -> Option<String> {
    let words = said.text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        word.strip_prefix(letter).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    words.into_iter().find(is_id).map(str::to_owned)
}
