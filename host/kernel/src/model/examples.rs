//! One of each system call that a component can ask for, for tests that must not forget one.

use super::call::{Call, Level, ObjectOptions, Payload, WriteMode};
use super::candidate::{Code, Expectation, Proposal, Test};
use super::child::ChildOptions;
use super::image::Format;
use super::message::{MessageFilter, MessageOptions};
use super::object::{Filter, Resolution};
use super::process::Signal;
use super::program::Command;
use super::view::ViewMode;

impl Call {
    /// One of each variant that a component can ask for, for tests that must not forget one.
    pub fn examples() -> Vec<Call> {
        [files(), objects(), processes(), others()].concat()
    }

    /// One of each variant that only a planner can ask for.
    pub fn examples_of_planners() -> Vec<Call> {
        vec![
            Call::AgentCall { tool: "echo".into(), arguments: "{}".into() },
            Call::ModelAsk { profile: "main".into(), request: r#"{"messages":[{"user":"Hello."}]}"#.into() },
        ]
    }
}

/// Of each system call about files.
fn files() -> Vec<Call> {
    let path = || "notes.md".to_owned();
    vec![
        Call::FsRead { path: path() },
        Call::FsReadRange { path: path(), offset: 1, length: 2 },
        Call::FsWrite { path: path(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace },
        Call::FsAppend { path: path(), content: b"x".to_vec() },
        Call::FsList { path: ".".into() },
        Call::FsStat { path: path() },
        Call::FsMakeDir { path: "made".into() },
        Call::FsRemove { path: "gone.md".into(), recursive: false },
        Call::FsRename { old: "old.md".into(), new: "new.md".into(), replace: false },
        Call::FsCopy { source: path(), target: "copy.md".into(), replace: false },
        Call::FsWorkingDirectory,
        Call::FsChangeDirectory { path: ".".into() },
    ]
}

/// Of each about object memory.
fn objects() -> Vec<Call> {
    let json = || Payload::Json("{}".to_owned());
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    vec![
        Call::ObjectCreate { name: "made".into(), payload: json(), options },
        Call::ObjectRead { name: "note".into() },
        Call::ObjectUpdate { name: "note".into(), payload: json(), expected_version: None },
        Call::ObjectDelete { name: "gone".into(), expected_version: None },
        Call::ObjectList { namespace: None },
        Call::ObjectNamespaces { namespace: None },
        Call::ObjectCreateNamespace { namespace: "team".into() },
        Call::ObjectRename { old: "note".into(), new: "renamed".into(), expected_version: None },
        Call::ObjectLink { from: "note".into(), relation: "references".into(), to: "gone".into() },
        Call::ObjectUnlink { from: "note".into(), relation: "supports".into(), to: "gone".into() },
        Call::ObjectLinks { name: "note".into() },
        Call::ObjectQuery { filter: Filter { text: Some("a".into()), ..Filter::default() } },
        Call::ObjectMerge { child: "p1".into(), resolution: Resolution::Report },
    ]
}

/// Of each about processes and their messages.
fn processes() -> Vec<Call> {
    let child = || ChildOptions { image: Some("base".into()), goal: "work".into(), ..ChildOptions::default() };
    vec![
        Call::ProcessSelf,
        Call::ProcessExit { result: "null".into() },
        Call::ProcessCheckpoint { reason: "before it goes on".into() },
        Call::ProcessSpawn { child: child() },
        Call::ProcessFork { child: child(), mode: ViewMode::ReadOnly, roots: None },
        Call::ProcessExec { image: "base".into(), goal: None },
        Call::ProcessWait { pids: vec!["p1".into()], timeout: Some(1) },
        Call::ProcessChildren,
        Call::ProcessSignal { pid: "p1".into(), signal: Signal::Pause, reason: "to look".into() },
        Call::ProcessHandOver { pid: "p1".into() },
        Call::ProcessExitWith { object: "note".into() },
        Call::MessageSend { to: "p1".into(), body: "{}".into(), options: MessageOptions::default() },
        Call::MessageReceive { filter: MessageFilter::default(), timeout: Some(1) },
        Call::MessagePending,
        Call::ProcessEnvironment { name: "LANG".into() },
    ]
}

/// Of each about time, randomness, people, tools and tickets.
fn others() -> Vec<Call> {
    vec![
        Call::ClockNow,
        Call::ClockSleep { nanoseconds: 1 },
        Call::RandomBytes { count: 8 },
        Call::HumanAsk { question: "Which?".into(), queue: None },
        Call::HumanApprove {
            resource: "fs:workspace/a".into(),
            rights: vec!["read".into()],
            reason: "to see".into(),
            queue: None,
        },
        Call::HumanTell { message: "Done.".into(), queue: None },
        Call::LogWrite { level: Level::Info, message: "line".into() },
        Call::ToolCall { tool: "echo".into(), arguments: "{}".into() },
        Call::ToolsPropose { proposal: proposal() },
        Call::ToolsValidate { id: "t1".into() },
        Call::ToolsRegister { id: "t1".into(), for_children: false },
        Call::ToolsUnregister { name: "double".into() },
        Call::ToolsList,
        Call::ImageRegister {
            manifest: "id = \"helper\"\nversion = \"1\"\ntools = [\"echo\"]\n".into(),
            format: Format::Toml,
            replace: false,
        },
        Call::ImageList,
        Call::ImageShow { id: "base".into() },
        Call::ShellRun { command: Command { program: "/usr/bin/true".into(), ..Command::default() } },
        Call::TicketNext,
        Call::TicketCancel { ticket: 7 },
    ]
}

fn proposal() -> Proposal {
    Proposal {
        name: "double".into(),
        summary: "Doubles a number.".into(),
        code: Code::Typescript("export const run = ({ n }) => 2 * n;".into()),
        arguments: None,
        result: None,
        tests: vec![Test { arguments: r#"{"n":1}"#.into(), expect: Expectation::Returns("2".into()) }],
    }
}
