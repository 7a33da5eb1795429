//! The part of the story in which an agent writes a tool for itself: proposed, tried, registered, called, and refused what its process may not.

use super::stage::Stage;
use super::{DENIED, DONE, NOTES, SALARIES};
use crate::shell::Result;
use serde_json::{Value, json};

/// Exit code of what waits for a person.
const WAITS: i32 = 4;

/// What the agent wrote.
const SOURCE: &str = r#"export const needs = ["read fs:workspace/**"];

export async function run(args: { path: string }): Promise<number> {
  const text: string = await Deno.readTextFile(args.path);
  return text.split(/\s+/).filter((word) => word !== "").length;
}
"#;

/// What the agent chooses, a line a step.
fn plan() -> String {
    let proposal = json!({"name": "count_words", "description": "Counts the words of a file.", "source_code": SOURCE});
    let lines = [
        json!({"tool": "propose_jit_tool", "args": proposal}),
        json!({"tool": "ask_human", "args": {"question": "Shall I use it?"}}),
    ];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Tells it.
pub fn tell(stage: &mut Stage) -> Result<()> {
    stage.step(
        "An agent needs a tool that nobody has made, and writes it: TypeScript, which is compiled and tried in the sandbox before it can \
         be called.",
    )?;
    stage.print(SOURCE);
    stage.put("tool.jsonl", &plan())?;
    let run = ["run", "base", "Count the words.", "--planner", "script:tool.jsonl"];
    stage.libos(&run, WAITS)?.must_contain("propose_jit_tool")?;
    let processes = stage.quiet(&["--json", "ps"])?.json()?;
    let agent = agent(&processes).ok_or("no process lives")?;
    let candidate = r#"{"candidate_id": "t1"}"#;
    stage.libos(&["call", "validate_jit_tool", candidate, "--as", &agent], DONE)?.must_contain("true")?;
    stage.libos(&["call", "register_jit_tool", candidate, "--as", &agent], DONE)?;

    stage.step(
        "The tool is the process's own, and has no more rights than the process. What it says that it needs gives it nothing.",
    )?;
    stage.libos(&["show", &agent], DONE)?.must_contain("count_words")?;
    let path = |name: &str| format!(r#"{{"path": "{name}"}}"#);
    let counted = stage.libos(&["call", "count_words", &path("notes.txt"), "--as", &agent], DONE)?;
    counted.must_contain(&NOTES.split_whitespace().count().to_string())?;
    let refused = stage.libos(&["call", "count_words", &path("salaries.txt"), "--as", &agent], DENIED)?;
    refused.must_contain("salaries.txt")?;
    refused.must_not_contain(SALARIES)?;

    stage.step(
        "A person makes it a tool of the host, for every process. Who wrote it is gone; what was written can be read.",
    )?;
    stage.libos(&["tool", "promote", &agent, "count_words"], DONE)?;
    stage.libos(&["signal", &agent, "kill"], DONE)?;
    stage.libos(&["call", "count_words", &path("notes.txt")], DONE)?;
    stage.libos(&["call", "count_words", &path("salaries.txt")], DENIED)?;
    stage.libos(&["tool", "inspect", "count_words", "--source"], DONE)?.must_contain("Deno.readTextFile")
}

/// The newest process that a person made.
fn agent(processes: &Value) -> Option<String> {
    let row = processes.as_array()?.iter().rfind(|row| row["parent"].is_null())?;
    Some(row["pid"].as_str()?.to_owned())
}
