//! Arguments of an operation as JSON. They come from a guest: nothing is taken that is not named, and nothing named is missed.

use libos_kernel::model::call::{Call, Level, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::candidate::{Code, Proposal, Test};
use libos_kernel::model::child::{Amount, ChildOptions, Handed};
use libos_kernel::model::image::Format;
use libos_kernel::model::message::{MessageFilter, MessageKind, MessageOptions};
use libos_kernel::model::object::{Filter, Resolution};
use libos_kernel::model::planner::Priority;
use libos_kernel::model::process::Signal;
use libos_kernel::model::program::Command;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::view::ViewMode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Characters of a guest's text that an error shows.
const SHOWN_MAX: usize = 100;

/// What is there and not taken yet.
struct Arguments {
    named: Map<String, Value>,
    content: Option<Vec<u8>>,
}

type Read<T> = Result<T, String>;

/// Takes arguments by their names, each to a variable.
macro_rules! take {
    ($from:ident; $($name:ident: $type:ty),+ $(,)?) => {
        $(let $name: $type = $from.take(stringify!($name))?;)+
    };
}

/// The system call that an operation with its arguments is.
///
/// # Errors
/// There is no such operation, or an argument is missing, unknown or of another type: the text names it.
pub fn read(operation: &str, arguments: &str, content: Option<Vec<u8>>) -> Read<Call> {
    let named = serde_json::from_str(arguments);
    let named = named.map_err(|error| format!("{}: the arguments are no JSON object: {error}", shown(operation)))?;
    let mut from = Arguments { named, content };
    let call = match operation.split_once('.') {
        Some(("fs", function)) => file(function, &mut from),
        Some(("object", function)) => object(function, &mut from),
        Some(("process", function)) => process(function, &mut from),
        Some(("human", function)) => human(function, &mut from),
        Some(("message", function)) => message(function, &mut from),
        Some(_) => other(operation, &mut from),
        None => Ok(None),
    };
    let call = call.and_then(|call| {
        let call = call.ok_or("there is no such operation")?;
        from.check_empty()?;
        Ok(call)
    });
    call.map_err(|why| format!("{}: {why}", shown(operation)))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX).flat_map(char::escape_debug).collect()
}

impl Arguments {
    fn take<T: DeserializeOwned>(&mut self, field: &str) -> Read<T> {
        let name = lower_camel_case(field);
        match self.named.remove(&name) {
            Some(value) => T::deserialize(value).map_err(|error| format!("{name}: {}", shown(&error.to_string()))),
            // What may be none may be left out.
            None => T::deserialize(Value::Null).map_err(|_| format!("{name} is missing")),
        }
    }

    fn content(&mut self) -> Read<Vec<u8>> {
        self.content.take().ok_or_else(|| "content is missing".into())
    }

    fn payload(&mut self) -> Read<Payload> {
        take!(self; payload: NamedPayload);
        Ok(match payload {
            NamedPayload::Json(text) => Payload::Json(text),
            NamedPayload::Bytes => Payload::Bytes(self.content()?),
        })
    }

    fn check_empty(&self) -> Read<()> {
        match self.named.keys().next() {
            Some(name) => Err(format!("it has no argument {}", shown(name))),
            None if self.content.is_some() => Err("it takes no content".into()),
            None => Ok(()),
        }
    }
}

fn lower_camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        name + &initial.to_ascii_uppercase() + rest
    })
}

fn file(function: &str, from: &mut Arguments) -> Read<Option<Call>> {
    Ok(Some(match function {
        "read" => {
            take!(from; path: String);
            Call::FsRead { path }
        }
        "read-range" => {
            take!(from; path: String, offset: u64, length: u32);
            Call::FsReadRange { path, offset, length }
        }
        "write" => {
            take!(from; path: String, mode: WriteMode);
            Call::FsWrite { path, content: from.content()?, mode }
        }
        "append" => {
            take!(from; path: String);
            Call::FsAppend { path, content: from.content()? }
        }
        "list" => {
            take!(from; path: String);
            Call::FsList { path }
        }
        "stat" => {
            take!(from; path: String);
            Call::FsStat { path }
        }
        "make-dir" => {
            take!(from; path: String);
            Call::FsMakeDir { path }
        }
        "remove" => {
            take!(from; path: String, recursive: bool);
            Call::FsRemove { path, recursive }
        }
        "rename" => {
            take!(from; old_path: String, new_path: String, replace: bool);
            Call::FsRename { old: old_path, new: new_path, replace }
        }
        "copy" => {
            take!(from; source: String, target: String, replace: bool);
            Call::FsCopy { source, target, replace }
        }
        "working-directory" => Call::FsWorkingDirectory,
        "change-directory" => {
            take!(from; path: String);
            Call::FsChangeDirectory { path }
        }
        _ => return Ok(None),
    }))
}

fn object(function: &str, from: &mut Arguments) -> Read<Option<Call>> {
    Ok(Some(match function {
        "create" => {
            take!(from; name: String, options: NamedOptions);
            Call::ObjectCreate { name, payload: from.payload()?, options: options.into() }
        }
        "read" => {
            take!(from; name: String);
            Call::ObjectRead { name }
        }
        "update" => {
            take!(from; name: String, expected_version: Option<u64>);
            Call::ObjectUpdate { name, payload: from.payload()?, expected_version }
        }
        "delete" => {
            take!(from; name: String, expected_version: Option<u64>);
            Call::ObjectDelete { name, expected_version }
        }
        "list" => {
            take!(from; namespace: Option<String>);
            Call::ObjectList { namespace }
        }
        "namespaces" => {
            take!(from; namespace: Option<String>);
            Call::ObjectNamespaces { namespace }
        }
        "rename" => {
            take!(from; old: String, new: String, expected_version: Option<u64>);
            Call::ObjectRename { old, new, expected_version }
        }
        "link" | "unlink" => {
            let end: String = from.take("from")?;
            take!(from; relation: String, to: String);
            if function == "link" {
                Call::ObjectLink { from: end, relation, to }
            } else {
                Call::ObjectUnlink { from: end, relation, to }
            }
        }
        "links" => {
            take!(from; name: String);
            Call::ObjectLinks { name }
        }
        "query" => {
            take!(from; filter: NamedFilter);
            Call::ObjectQuery { filter: filter.into() }
        }
        "merge" => {
            take!(from; child: String, conflicts: Resolution);
            Call::ObjectMerge { child, resolution: conflicts }
        }
        "create-namespace" => {
            take!(from; namespace: String);
            Call::ObjectCreateNamespace { namespace }
        }
        _ => return Ok(None),
    }))
}

fn process(function: &str, from: &mut Arguments) -> Read<Option<Call>> {
    Ok(Some(match function {
        "self" => Call::ProcessSelf,
        "exit" => {
            take!(from; result: String);
            Call::ProcessExit { result }
        }
        "environment" => {
            take!(from; name: String);
            Call::ProcessEnvironment { name }
        }
        "checkpoint" => {
            take!(from; reason: String);
            Call::ProcessCheckpoint { reason }
        }
        "exit-with" => {
            take!(from; object: String);
            Call::ProcessExitWith { object }
        }
        "spawn" => {
            take!(from; options: NamedChild);
            Call::ProcessSpawn { child: options.into() }
        }
        "fork" => {
            take!(from; options: NamedChild, mode: ViewMode, roots: Option<Vec<String>>);
            Call::ProcessFork { child: options.into(), mode, roots }
        }
        "exec" => {
            take!(from; image: String, goal: Option<String>);
            Call::ProcessExec { image, goal }
        }
        "wait" => {
            take!(from; pids: Vec<String>, timeout: Option<u64>);
            Call::ProcessWait { pids, timeout }
        }
        "children" => Call::ProcessChildren,
        "signal" => {
            take!(from; pid: String, signal: Signal, reason: String);
            Call::ProcessSignal { pid, signal, reason }
        }
        "hand-over" => {
            take!(from; pid: String);
            Call::ProcessHandOver { pid }
        }
        _ => return Ok(None),
    }))
}

fn human(function: &str, from: &mut Arguments) -> Read<Option<Call>> {
    Ok(Some(match function {
        "ask" => {
            take!(from; question: String, queue: Option<String>);
            Call::HumanAsk { question, queue }
        }
        "approve" => {
            take!(from; resource: String, rights: Vec<String>, reason: String, queue: Option<String>);
            Call::HumanApprove { resource, rights, reason, queue }
        }
        "tell" => {
            take!(from; message: String, queue: Option<String>);
            Call::HumanTell { message, queue }
        }
        _ => return Ok(None),
    }))
}

fn message(function: &str, from: &mut Arguments) -> Read<Option<Call>> {
    Ok(Some(match function {
        "send" => {
            take!(from; to: String, body: String, options: NamedMessage);
            let NamedMessage { kind, channel, correlation } = options;
            Call::MessageSend { to, body, options: MessageOptions { kind, channel, correlation } }
        }
        "receive" => {
            take!(from; filter: MessageFilter, timeout: Option<u64>);
            Call::MessageReceive { filter, timeout }
        }
        "pending" => Call::MessagePending,
        _ => return Ok(None),
    }))
}

fn other(operation: &str, from: &mut Arguments) -> Read<Option<Call>> {
    Ok(Some(match operation {
        "clock.now" => Call::ClockNow,
        "clock.sleep" => {
            take!(from; nanoseconds: u64);
            Call::ClockSleep { nanoseconds }
        }
        "random.bytes" => {
            take!(from; count: u32);
            Call::RandomBytes { count }
        }
        "log.write" => {
            take!(from; level: Level, message: String);
            Call::LogWrite { level, message }
        }
        "tools.call" => {
            take!(from; name: String, arguments: String);
            Call::ToolCall { tool: name, arguments }
        }
        "tools.propose" => {
            take!(from; proposal: NamedProposal);
            Call::ToolsPropose { proposal: proposal.with(from.content.take())? }
        }
        "tools.validate" => {
            take!(from; id: String);
            Call::ToolsValidate { id }
        }
        "tools.register" => {
            take!(from; id: String, for_children: bool);
            Call::ToolsRegister { id, for_children }
        }
        "tools.unregister" => {
            take!(from; name: String);
            Call::ToolsUnregister { name }
        }
        "tools.list" => Call::ToolsList,
        "image.register" => {
            take!(from; manifest: String, format: Format, replace: bool);
            Call::ImageRegister { manifest, format, replace }
        }
        "image.list" => Call::ImageList,
        "image.show" => {
            take!(from; id: String);
            Call::ImageShow { id }
        }
        "shell.run" => {
            take!(from; program: String, arguments: Vec<String>, options: RunOptions);
            Call::ShellRun { command: options.with(program, arguments) }
        }
        _ => return Ok(None),
    }))
}

/// How a program is run.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct RunOptions {
    directory: Option<String>,
    environment: Vec<Variable>,
    stdin: String,
    timeout: Option<u64>,
    output_bytes: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    value: String,
}

impl RunOptions {
    fn with(self, program: String, arguments: Vec<String>) -> Command {
        let RunOptions { directory, environment, stdin, timeout, output_bytes } = self;
        let environment = environment.into_iter().map(|Variable { name, value }| (name, value)).collect();
        Command { program, arguments, directory, environment, stdin: stdin.into_bytes(), timeout, output_bytes }
    }
}

/// The code as `{"typescript": "..."}`, or `"component"` with the bytes in the content.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NamedCode {
    Typescript(String),
    Component,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamedProposal {
    name: String,
    summary: String,
    code: NamedCode,
    arguments: Option<String>,
    result: Option<String>,
    tests: Vec<Test>,
}

impl NamedProposal {
    fn with(self, content: Option<Vec<u8>>) -> Read<Proposal> {
        let NamedProposal { name, summary, code, arguments, result, tests } = self;
        let code = match (code, content) {
            (NamedCode::Typescript(text), None) => Code::Typescript(text),
            (NamedCode::Component, Some(bytes)) => Code::Component(bytes),
            (NamedCode::Typescript(_), Some(_)) => return Err("the code is text, and there is content".into()),
            (NamedCode::Component, None) => return Err("the component is not in the content".into()),
        };
        Ok(Proposal { name, summary, code, arguments, result, tests })
    }
}

/// `{"json": "..."}`, or `"bytes"` with the bytes in the content.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NamedPayload {
    Json(String),
    Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamedOptions {
    #[serde(rename = "type")]
    object_type: String,
    immutable: bool,
    title: String,
    tags: Vec<String>,
    sources: Vec<String>,
}

impl From<NamedOptions> for ObjectOptions {
    fn from(named: NamedOptions) -> Self {
        let NamedOptions { object_type, immutable, title, tags, sources } = named;
        Self { object_type, immutable, title, tags, sources }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamedFilter {
    namespace: Option<String>,
    #[serde(rename = "type")]
    object_type: Option<String>,
    tags: Vec<String>,
    text: Option<String>,
    linked_to: Option<String>,
    linked_from: Option<String>,
    relation: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

impl From<NamedFilter> for Filter {
    fn from(named: NamedFilter) -> Self {
        let NamedFilter { namespace, object_type, tags, text, linked_to, linked_from, relation, after, limit } = named;
        Self { namespace, object_type, tags, text, linked_to, linked_from, relation, after, limit }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedMessage {
    kind: MessageKind,
    channel: String,
    correlation: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamedChild {
    image: Option<String>,
    goal: String,
    grants: Vec<NamedGrant>,
    budget: Option<Vec<NamedAmount>>,
    working_directory: Option<String>,
    priority: Option<Priority>,
    planner: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NamedGrant {
    rule: String,
    uses: Option<u32>,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedAmount {
    kind: Coin,
    amount: u64,
}

impl From<NamedChild> for ChildOptions {
    fn from(named: NamedChild) -> Self {
        let NamedChild { image, goal, grants, budget, working_directory, priority, planner } = named;
        let handed = |NamedGrant { rule, uses, expires_in }| Handed { rule, uses, expires_in };
        let amount = |NamedAmount { kind, amount }| Amount { coin: kind, amount };
        let grants = grants.into_iter().map(handed).collect();
        let budget = budget.map(|amounts| amounts.into_iter().map(amount).collect());
        Self { image, goal, grants, budget, working_directory, priority, planner }
    }
}
