//! The story of libos, told with the real binary on a scratch workspace. It fails where a promise of the story does not hold.

mod agents;
mod scripts;
mod stage;
mod tamper;
mod terminal;

use crate::shell::{self, Result};
use crate::toolchain::{self, GUEST_TARGET};
use serde_json::Value;
use stage::{Said, Stage};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use terminal::Terminal;

/// Exit codes of the command line's contract.
const DONE: i32 = 0;
const DENIED: i32 = 3;

/// How long the host may take until a question is in the inbox; the first call compiles the component.
const QUESTION_WAIT: Duration = Duration::from_secs(60);

const NOTES: &str = "Buy apples, then water the plants.";
const SALARIES: &str = "Ada 100,000 - Grace 120,000";

const POLICY: &str = r#"[mounts]
workspace = "."

[image.base]
allow = [
    "read,list fs:workspace/**",
    "write fs:workspace/first.txt",
    "ask,tell human:owner",
    "spawn process:image/base",
    "register tool:count_words",
]
ask = ["write fs:workspace/second.txt"]
deny = ["read fs:workspace/salaries.txt"]
"#;

/// Builds what is missing and tells the story.
pub fn run() -> Result<()> {
    let began = Instant::now();
    let (libos, tool) = build()?;
    let built = began.elapsed();
    let mut stage = Stage::new(&libos)?;
    workspace(&mut stage)?;
    reading(&mut stage)?;
    refusal(&mut stage)?;
    interruption(&mut stage, &tool)?;
    one_use(&mut stage)?;
    agents::tell(&mut stage)?;
    scripts::tell(&mut stage)?;
    changed_log(&mut stage)?;
    ending(&stage, built, began.elapsed());
    Ok(())
}

/// The binary and the guest program of the story.
fn build() -> Result<(PathBuf, PathBuf)> {
    toolchain::ensure_guest_target()?;
    let libos = shell::target().join("debug/libos");
    if !libos.exists() {
        println!(
            "Building libos without optimisation, which is the shortest way to a first run: some minutes, once.\n"
        );
    }
    // The whole workspace and a small test are named so that crates have the features that they have in `cargo xtask test`, where
    // tests ask for some of their own: the engine takes minutes to build, and should be built once.
    let build = ["build", "--locked", "--workspace", "--bin", "libos", "--test", "layout"];
    shell::run(&mut shell::cargo(build))?;
    let example = ["build", "--release", "--locked", "--target", GUEST_TARGET, "--example", "two_writes"];
    shell::run(&mut shell::guest_cargo("tests/programs", example))?;
    let tool = shell::guest_target().join(GUEST_TARGET).join("release/examples/two_writes.wasm");
    for file in [&libos, &tool] {
        if !file.exists() {
            return Err(format!("cargo has built everything, but {} is not there", file.display()));
        }
    }
    Ok((libos, tool))
}

fn workspace(stage: &mut Stage) -> Result<()> {
    stage.step(
        "A workspace, and the rules that its owner wrote for it. Nothing holds before a person has accepted them.",
    )?;
    stage.put("notes.txt", NOTES)?;
    stage.put("salaries.txt", SALARIES)?;
    stage.put("libos.toml", POLICY)?;
    stage.system("ls")?;
    stage.libos(&["trust", "--yes"], DONE)?;
    Ok(())
}

fn reading(stage: &mut Stage) -> Result<()> {
    stage.step("A tool, which is a sandboxed component, reads a file that it may read.")?;
    let said = stage.libos(&["call", "read_text_file", r#"{"path": "notes.txt"}"#], DONE)?;
    said.must_contain(NOTES)
}

fn refusal(stage: &mut Stage) -> Result<()> {
    stage
        .step("The same tool is refused a file that a rule denies. It is told why, and sees nothing of the content.")?;
    let said = stage.libos(&["call", "read_text_file", r#"{"path": "salaries.txt"}"#], DENIED)?;
    said.must_contain("salaries.txt")?;
    said.must_contain("rule")?;
    said.must_not_contain(SALARIES)
}

/// The heart of it: a call is killed in the middle, and goes on.
fn interruption(stage: &mut Stage, tool: &Path) -> Result<()> {
    stage.step("A new tool, from a file: what it can ever do is read off the component, not off its description.")?;
    let tool = stage.relative(tool);
    stage.libos(&["tool", "inspect", &tool], DONE)?;
    stage.libos(&["tool", "add", &tool], DONE)?;

    stage.step(
        "At a terminal, the tool writes first.txt, which it may. The rules ask a person before it writes second.txt.",
    )?;
    let terminal = stage.terminal(&["call", "two_writes"])?;
    let question = wait_for_question(stage, &terminal)?;
    stage.print(&terminal.shown());
    let first = Written::look(stage, "first.txt")?;
    stage.must(!stage.exists("second.txt"), "second.txt is not there while the question is open")?;

    stage.step(&format!(
        "Before anybody answers, the host dies: process {} is killed, with no chance to tidy up.",
        terminal.pid()
    ))?;
    stage.system(&format!("kill -9 {}", terminal.pid()))?;
    let status = terminal.wait()?;
    stage.must(status == Some(9), "the process has ended by signal 9")?;
    stage.libos(&["calls", "--waiting"], DONE)?.must_contain("two_writes")?;
    stage.libos(&["inbox"], DONE)?.must_contain(&question)?;

    stage.step("Another command answers. The tool goes on from exactly there: what it did before is replayed from the log, not done again.")?;
    stage.libos(&["answer", &question, "allow"], DONE)?;
    stage.must(stage.content("second.txt")? == "two", "second.txt is written")?;
    stage.must(
        Written::look(stage, "first.txt")? == first,
        "first.txt is the very file of before the kill: same inode, same times",
    )?;
    let intents = stage.records()?.into_iter().filter(|record| is_write_of(record, "first.txt")).count();
    stage.must(intents == 1, "the log has one write of first.txt")
}

/// The id of the question, once it is in the inbox for all to see.
fn wait_for_question(stage: &Stage, terminal: &Terminal) -> Result<String> {
    let deadline = Instant::now() + QUESTION_WAIT;
    while Instant::now() < deadline {
        if terminal.has_ended() {
            return Err(format!("the call ended without a question:\n{}", terminal.shown()));
        }
        let inbox = stage.quiet(&["--json", "inbox"])?;
        let ids = inbox.json().ok().and_then(|inbox| Some(id(inbox.as_array()?.first()?)));
        if let Some(id) = ids {
            terminal.settle();
            return Ok(id);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("no question came in {} s; the terminal shows:\n{}", QUESTION_WAIT.as_secs(), terminal.shown()))
}

/// An id, which may be text or a number.
fn id(row: &Value) -> String {
    match &row["id"] {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    }
}

/// Whether a record is the start of a write of this file.
fn is_write_of(record: &Value, file: &str) -> bool {
    let text = record.to_string();
    record["operation"] == "fs.write"
        && text.contains(&format!("\"fs:workspace/{file}\""))
        && text.contains("\"intent\"")
}

fn one_use(stage: &mut Stage) -> Result<()> {
    stage.step("A person gives a right for one use. It works once; a use is taken before the effect, so that no crash gives it back.")?;
    let write = ["call", "write_text_file", r#"{"path": "report.txt", "content": "all is well"}"#];
    stage.libos(&["grant", "image:base", "write", "fs:workspace/report.txt", "--once"], DONE)?;
    stage.libos(&write, DONE)?;
    stage.must(stage.content("report.txt")? == "all is well", "report.txt is written")?;
    stage.libos(&write, DENIED)?;
    Ok(())
}

fn changed_log(stage: &mut Stage) -> Result<()> {
    stage.step("All of this is in the log, refusals too. Every record is a leaf of a hash tree.")?;
    stage.libos(&["audit", "verify"], DONE)?;
    let records = stage.records()?;
    let grant = records.iter().rfind(|record| record["operation"] == "host.grant");
    let seq = grant.and_then(|record| record["seq"].as_u64()).ok_or("the log has no record of the grant")?;

    stage.step(&format!(
        "Somebody wants the grant forgotten, and changes one byte of record {seq} in a copy of the store."
    ))?;
    let named = format!("record {seq}");
    stage.print(&tamper::one_byte(stage, "host.grant", "host.Grant", &named)?);
    let said = stage.libos_on("copy", &["audit", "verify"], None)?;
    stage.must(said.code != Some(DONE), "the check fails")?;
    said.must_contain(&named)
}

fn ending(stage: &Stage, built: Duration, all: Duration) {
    println!(
        "\nEverything came out as told: building took {}, the story {}.\n\n\
         What to do next, in {}:\n\
         \x20 {libos} --data ../data audit show        every record of the above\n\
         \x20 {libos} --data ../data tool list         the standard tools\n\
         \x20 {libos} --help                           all verbs\n\
         Your own tool: examples/tool-rust and examples/tool-ts are the smallest ones. Your own workspace: `libos init` in its directory.\n",
        shell::seconds(built),
        shell::seconds(all - built),
        stage.workspace().display(),
        libos = stage.binary(),
    );
    println!("demo: {} passed, 0 failed", stage.steps());
}

/// What tells one file from another that was put in its place.
#[derive(PartialEq, Eq)]
struct Written {
    inode: u64,
    changed: (i64, i64),
    content: String,
}

impl Written {
    fn look(stage: &Stage, file: &str) -> Result<Written> {
        let path = stage.workspace().join(file);
        let meta = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Written { inode: meta.ino(), changed: (meta.ctime(), meta.ctime_nsec()), content: stage.content(file)? })
    }
}

/// What a command said, for checks.
impl Said {
    fn must_contain(&self, text: &str) -> Result<()> {
        if self.text.contains(text) { Ok(()) } else { Err(format!("`{}` should have said: {text}", self.command)) }
    }

    fn must_not_contain(&self, text: &str) -> Result<()> {
        if self.text.contains(text) { Err(format!("`{}` should not have said: {text}", self.command)) } else { Ok(()) }
    }
}
