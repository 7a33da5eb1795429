//! What a system call is about and which rights it needs. One place, so that no primitive can forget.

use super::answer::CallError;
use super::call::{Call, Payload};
use super::child::ChildOptions;
use super::id::Pid;
use super::limit;
use super::message;
use super::path;
use super::planner::Plan;
use super::program::{Command, Naming};
use super::resource::{Kind, Pattern, Resource};
use super::right::{Right, Rights};
use minicbor::{CborLen, Decode, Encode};
use smallvec::{SmallVec, smallvec};

/// What the names in a call are relative to.
pub struct Context<'a> {
    pub working_directory: &'a Resource,
    /// The process's own namespace.
    pub own_namespace: &'a str,
    /// The image that the process has now.
    pub image: &'a str,
    /// The name of the tool that the call would register, if that is one that the process has proposed.
    pub candidate: Option<&'a str>,
}

/// A right on a resource that a call needs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize)]
pub struct Need {
    #[n(0)]
    pub resource: Resource,
    #[n(1)]
    pub right: Right,
    /// Also on everything below it.
    #[n(2)]
    pub whole: bool,
}

/// What a call needs: hardly ever more than three things, so a decision keeps them on the stack.
pub type Needs = SmallVec<[Need; 3]>;

/// Queue of the person who runs the host.
pub const OWNER: &str = "owner";

/// The resources that a call names, in the order of its arguments; and a check of every argument that needs no look outside.
///
/// # Errors
/// `invalid` or `too-large`.
// long: each variant is named, so that the compiler misses a new one.
pub fn names(call: &Call, context: &Context<'_>) -> Result<Vec<Resource>, CallError> {
    Ok(match call {
        Call::FsRead { .. }
        | Call::FsReadRange { .. }
        | Call::FsList { .. }
        | Call::FsStat { .. }
        | Call::FsMakeDir { .. }
        | Call::FsChangeDirectory { .. }
        | Call::FsRemove { .. }
        | Call::FsWrite { .. }
        | Call::FsAppend { .. }
        | Call::FsRename { .. }
        | Call::FsCopy { .. } => file_names(call, context.working_directory)?,
        Call::ClockSleep { nanoseconds } => {
            if *nanoseconds > limit::SLEEP_NANOSECONDS_MAX {
                return Err(CallError::TooLarge("a sleep is at most ten years".into()));
            }
            vec![Resource::new(Kind::Clock, "sleep")]
        }
        Call::RandomBytes { count } => {
            at_most(*count as usize, limit::RANDOM_BYTES_MAX as usize, "random bytes")?;
            Vec::new()
        }
        Call::HumanAsk { question: text, queue } | Call::HumanTell { message: text, queue } => {
            at_most(text.len(), limit::HUMAN_TEXT_BYTES_MAX, "the text")?;
            vec![queue_name(queue.as_deref())?]
        }
        Call::HumanApprove { resource, rights, reason, queue } => {
            at_most(reason.len(), limit::HUMAN_TEXT_BYTES_MAX, "the reason")?;
            asked_permission(resource, rights)?;
            vec![queue_name(queue.as_deref())?]
        }
        Call::ToolCall { tool, arguments } | Call::AgentCall { tool, arguments } => {
            at_most(tool.len(), limit::TOOL_NAME_BYTES_MAX, "a tool's name")?;
            at_most(arguments.len(), limit::CALL_TEXT_BYTES_MAX, "the arguments")?;
            check_json(arguments)?;
            vec![one_segment(Kind::Tool, tool, "a tool's name")?]
        }
        Call::ToolsPropose { proposal } => {
            proposal.check()?;
            Vec::new()
        }
        Call::ToolsRegister { id, .. } => {
            let missing = || CallError::NotFound(format!("candidate {}", id.chars().take(40).collect::<String>()));
            let name = context.candidate.ok_or_else(missing)?;
            vec![one_segment(Kind::Tool, name, "a tool's name")?]
        }
        Call::ToolsValidate { .. } | Call::ToolsList | Call::ImageList => Vec::new(),
        Call::ImageRegister { manifest, format, .. } => {
            // Read here and not where it is kept: there everybody would wait for it.
            let image = super::image::Image::read_for_guest(manifest, *format)?;
            vec![Resource::new(Kind::Image, image.name)]
        }
        Call::ImageShow { id } => vec![one_segment(Kind::Image, id, "an image's id")?],
        Call::ModelAsk { profile, request } => {
            at_most(request.len(), limit::MODEL_REQUEST_BYTES_MAX, "the request")?;
            super::ask::check(request)?;
            vec![one_segment(Kind::Model, profile, "a model profile's name")?]
        }
        Call::ShellRun { command } => program_names(command, context.working_directory)?,
        Call::ToolsUnregister { name } => {
            super::candidate::check_tool_name(name)?;
            vec![one_segment(Kind::Tool, name, "a tool's name")?]
        }
        Call::FsWorkingDirectory
        | Call::ClockNow
        | Call::LogWrite { .. }
        | Call::ProcessSelf
        | Call::ProcessChildren
        | Call::MessagePending
        | Call::TicketNext
        | Call::TicketCancel { .. } => Vec::new(),
        Call::ProcessEnvironment { name } => {
            at_most(name.len(), limit::VARIABLE_NAME_BYTES_MAX, "a variable's name")?;
            vec![one_segment(Kind::Env, name, "a variable's name")?]
        }

        Call::ProcessExit { .. }
        | Call::ProcessExitWith { .. }
        | Call::ProcessSpawn { .. }
        | Call::ProcessFork { .. }
        | Call::ProcessExec { .. }
        | Call::ProcessWait { .. }
        | Call::ProcessSignal { .. }
        | Call::ProcessHandOver { .. }
        | Call::ProcessCheckpoint { .. }
        | Call::MessageSend { .. }
        | Call::MessageReceive { .. } => process_names(call, context)?,

        Call::ObjectCreate { .. }
        | Call::ObjectRead { .. }
        | Call::ObjectUpdate { .. }
        | Call::ObjectDelete { .. }
        | Call::ObjectList { .. }
        | Call::ObjectNamespaces { .. }
        | Call::ObjectCreateNamespace { .. }
        | Call::ObjectRename { .. }
        | Call::ObjectLink { .. }
        | Call::ObjectUnlink { .. }
        | Call::ObjectLinks { .. }
        | Call::ObjectQuery { .. }
        | Call::ObjectMerge { .. } => object_names(call, context.own_namespace)?,
    })
}

/// What [`names`] says of files.
fn file_names(call: &Call, working_directory: &Resource) -> Result<Vec<Resource>, CallError> {
    let file = |text: &str| path::resolve(text, working_directory).map_err(CallError::Invalid);
    Ok(match call {
        Call::FsRead { path }
        | Call::FsList { path }
        | Call::FsStat { path }
        | Call::FsMakeDir { path }
        | Call::FsChangeDirectory { path }
        | Call::FsRemove { path, .. } => vec![file(path)?],
        Call::FsReadRange { path, length, .. } => {
            at_most(*length as usize, limit::CONTENT_BYTES_MAX, "a range")?;
            vec![file(path)?]
        }
        Call::FsWrite { path, content, .. } | Call::FsAppend { path, content } => {
            at_most(content.len(), limit::CONTENT_BYTES_MAX, "the content")?;
            vec![file(path)?]
        }
        Call::FsRename { old: from, new: to, .. } | Call::FsCopy { source: from, target: to, .. } => {
            two_ends(file(from)?, file(to)?)?
        }
        _ => Vec::new(),
    })
}

/// What [`names`] says of processes and messages.
fn process_names(call: &Call, context: &Context<'_>) -> Result<Vec<Resource>, CallError> {
    Ok(match call {
        Call::ProcessExit { result } => {
            at_most(result.len(), limit::EXIT_RESULT_BYTES_MAX, "the result")?;
            check_json(result)?;
            Vec::new()
        }
        Call::ProcessSpawn { child } | Call::ProcessFork { child, .. } => {
            check_child(child)?;
            if let Call::ProcessFork { roots: Some(roots), .. } = call {
                at_most(roots.len(), limit::VIEW_ROOTS_MAX, "the number of roots")?;
                super::view::check_roots(roots).map_err(CallError::Invalid)?;
            }
            let mut named = vec![image_of_process(child.image.as_deref().unwrap_or(context.image))?];
            if let Some(directory) = &child.working_directory {
                named.push(path::resolve(directory, context.working_directory).map_err(CallError::Invalid)?);
            }
            named
        }
        Call::ProcessExec { image, goal } => {
            at_most(goal.as_ref().map_or(0, String::len), limit::GOAL_BYTES_MAX, "the goal")?;
            vec![one_segment(Kind::Image, image, "an image's name")?]
        }
        Call::ProcessWait { pids, timeout } => {
            if timeout.is_some_and(|timeout| timeout > limit::SLEEP_NANOSECONDS_MAX) {
                return Err(CallError::TooLarge("a wait is at most ten years".into()));
            }
            at_most(pids.len(), limit::WAIT_PIDS_MAX, "the number of processes")?;
            pids.iter().map(|pid| process_name(pid)).collect::<Result<_, _>>()?
        }
        Call::ProcessSignal { pid, reason, .. } => {
            at_most(reason.len(), limit::SIGNAL_REASON_BYTES_MAX, "the reason")?;
            vec![process_name(pid)?]
        }
        Call::ProcessHandOver { pid } => vec![process_name(pid)?],
        Call::ProcessExitWith { object } => {
            vec![path::object(object, context.own_namespace).map_err(CallError::Invalid)?]
        }
        Call::ProcessCheckpoint { reason } => {
            at_most(reason.len(), limit::CHECKPOINT_REASON_BYTES_MAX, "the reason")?;
            // A process takes checkpoints of itself only.
            let pid = context.own_namespace.rsplit('/').next().unwrap_or_default();
            vec![Resource::new(Kind::Checkpoint, pid)]
        }
        Call::MessageSend { to, body, options } => {
            at_most(body.len(), limit::MESSAGE_BYTES_MAX, "the body")?;
            options.check()?;
            check_json(body)?;
            vec![Resource::new(Kind::Process, format!("pid/{}", message::process(to)?.0))]
        }
        Call::MessageReceive { filter, timeout } => {
            if timeout.is_some_and(|timeout| timeout > limit::SLEEP_NANOSECONDS_MAX) {
                return Err(CallError::TooLarge("a message is waited for at most ten years".into()));
            }
            filter.check()?;
            Vec::new()
        }
        _ => Vec::new(),
    })
}

/// What [`names`] says of object memory.
fn object_names(call: &Call, own_namespace: &str) -> Result<Vec<Resource>, CallError> {
    let object = |text: &str| path::object(text, own_namespace).map_err(CallError::Invalid);
    let namespace = |text: &str| path::namespace(text).map_err(CallError::Invalid);
    let own = || Resource::new(Kind::Object, own_namespace);
    Ok(match call {
        Call::ObjectCreate { name, payload, options } => {
            check_payload(payload)?;
            check_options(options)?;
            vec![object(name)?]
        }
        Call::ObjectUpdate { name, payload, .. } => {
            check_payload(payload)?;
            vec![object(name)?]
        }
        Call::ObjectRead { name } | Call::ObjectDelete { name, .. } => vec![object(name)?],
        Call::ObjectList { namespace: name } | Call::ObjectNamespaces { namespace: name } => {
            vec![name.as_deref().map_or_else(|| Ok(own()), namespace)?]
        }
        Call::ObjectCreateNamespace { namespace: name } => vec![namespace(name)?],
        Call::ObjectRename { old, new, .. } => vec![object(old)?, object(new)?],
        Call::ObjectLink { from, relation, to } | Call::ObjectUnlink { from, relation, to } => {
            check_word(relation)?;
            vec![object(from)?, object(to)?]
        }
        Call::ObjectLinks { name } => vec![object(name)?],
        Call::ObjectQuery { filter } => {
            let text = filter.text.as_ref().map_or(0, String::len);
            at_most(text, limit::QUERY_TEXT_BYTES_MAX, "the text to look for")?;
            at_most(filter.tags.len(), limit::OBJECT_TAGS_MAX, "the number of tags")?;
            filter.after.as_deref().map(namespace).transpose()?;
            let mut names = vec![filter.namespace.as_deref().map_or_else(|| Ok(own()), namespace)?];
            for name in [&filter.linked_to, &filter.linked_from].into_iter().flatten() {
                names.push(object(name)?);
            }
            names
        }
        Call::ObjectMerge { child, .. } => vec![process_name(child)?, own()],
        _ => Vec::new(),
    })
}

/// The program, the directory that it starts in, and its file if that is one of a mount.
fn program_names(command: &Command, working_directory: &Resource) -> Result<Vec<Resource>, CallError> {
    command.check()?;
    let invalid = |why: String| CallError::Invalid(why);
    let directory = path::resolve(command.directory.as_deref().unwrap_or("."), working_directory).map_err(invalid)?;
    if command.naming() == Naming::File {
        let file = path::resolve(&command.program, &directory).map_err(invalid)?;
        let named = super::command::resource(file.path(), &command.arguments).map_err(invalid)?;
        return Ok(vec![named, directory, file]);
    }
    Ok(vec![command.resource()?, directory])
}

/// The rights that a call needs on the resources that it names. `directory` says that the first of them is a directory.
pub fn needs(call: &Call, names: &[Resource], directory: bool) -> Needs {
    let need = |index: usize, right: Right| Need { resource: names[index].clone(), right, whole: false };
    match call {
        Call::FsRead { .. }
        | Call::FsReadRange { .. }
        | Call::FsList { .. }
        | Call::FsStat { .. }
        | Call::FsMakeDir { .. }
        | Call::FsChangeDirectory { .. }
        | Call::FsRemove { .. }
        | Call::FsWrite { .. }
        | Call::FsAppend { .. }
        | Call::FsRename { .. }
        | Call::FsCopy { .. } => file_needs(call, names, directory),
        Call::ObjectCreate { .. }
        | Call::ObjectRead { .. }
        | Call::ObjectUpdate { .. }
        | Call::ObjectDelete { .. }
        | Call::ObjectList { .. }
        | Call::ObjectNamespaces { .. }
        | Call::ObjectCreateNamespace { .. }
        | Call::ObjectRename { .. }
        | Call::ObjectLink { .. }
        | Call::ObjectUnlink { .. }
        | Call::ObjectLinks { .. }
        | Call::ObjectQuery { .. }
        | Call::ObjectMerge { .. } => object_needs(call, names),
        Call::ProcessCheckpoint { .. }
        | Call::ProcessSpawn { .. }
        | Call::ProcessFork { .. }
        | Call::ProcessExec { .. }
        | Call::ProcessWait { .. }
        | Call::ProcessSignal { .. }
        | Call::ProcessHandOver { .. }
        | Call::ProcessExitWith { .. } => process_needs(call, names),
        Call::ClockSleep { .. } => smallvec![need(0, Right::Sleep)],
        Call::HumanAsk { .. } | Call::HumanApprove { .. } => smallvec![need(0, Right::Ask)],
        Call::HumanTell { .. } => smallvec![need(0, Right::Tell)],
        Call::ToolCall { .. } => smallvec![need(0, Right::Call)],
        Call::MessageSend { .. } => smallvec![need(0, Right::Message)],
        Call::ProcessEnvironment { .. } => smallvec![need(0, Right::Read)],
        Call::ToolsRegister { .. } | Call::ToolsUnregister { .. } | Call::ImageRegister { .. } => {
            smallvec![need(0, Right::Register)]
        }
        Call::ImageShow { .. } | Call::ModelAsk { .. } => smallvec![need(0, Right::Use)],
        Call::ShellRun { .. } => {
            let rights = [Right::Execute, Right::List, Right::Read];
            rights.into_iter().take(names.len()).enumerate().map(|(index, right)| need(index, right)).collect()
        }
        Call::FsWorkingDirectory
        | Call::ClockNow
        | Call::RandomBytes { .. }
        | Call::LogWrite { .. }
        | Call::ProcessSelf
        | Call::ProcessChildren
        | Call::ProcessExit { .. }
        | Call::MessageReceive { .. }
        | Call::MessagePending
        | Call::TicketNext
        | Call::TicketCancel { .. }
        // What is proposed gives no name to call, and is tried without authority.
        | Call::ToolsPropose { .. }
        | Call::ToolsValidate { .. }
        | Call::ToolsList
        // It shows what there is a right on.
        | Call::ImageList
        // The tools of its image are what a process was made with; what they may do is decided at their own system calls.
        | Call::AgentCall { .. } => Needs::new(),
    }
}

/// What [`needs`] says of files.
fn file_needs(call: &Call, names: &[Resource], directory: bool) -> Needs {
    let need = |index: usize, right: Right, whole: bool| Need { resource: names[index].clone(), right, whole };
    match call {
        Call::FsRead { .. } | Call::FsReadRange { .. } => smallvec![need(0, Right::Read, false)],
        Call::FsWrite { .. } | Call::FsAppend { .. } | Call::FsMakeDir { .. } => {
            smallvec![need(0, Right::Write, false)]
        }
        Call::FsList { .. } | Call::FsStat { .. } | Call::FsChangeDirectory { .. } => {
            smallvec![need(0, Right::List, false)]
        }
        Call::FsRemove { recursive, .. } => smallvec![need(0, Right::Delete, *recursive && directory)],
        Call::FsRename { .. } => {
            smallvec![
                need(0, Right::Read, directory),
                need(0, Right::Delete, directory),
                need(1, Right::Write, directory)
            ]
        }
        Call::FsCopy { .. } => smallvec![need(0, Right::Read, false), need(1, Right::Write, false)],
        _ => unreachable!("{} is not about files", call.operation()),
    }
}

/// What [`needs`] says of object memory.
fn object_needs(call: &Call, names: &[Resource]) -> Needs {
    let need = |index: usize, right: Right, whole: bool| Need { resource: names[index].clone(), right, whole };
    match call {
        Call::ObjectRead { .. } | Call::ObjectLinks { .. } => smallvec![need(0, Right::Read, false)],
        Call::ObjectCreate { .. } | Call::ObjectUpdate { .. } | Call::ObjectCreateNamespace { .. } => {
            smallvec![need(0, Right::Write, false)]
        }
        Call::ObjectList { .. } | Call::ObjectNamespaces { .. } => smallvec![need(0, Right::List, false)],
        Call::ObjectDelete { .. } => smallvec![need(0, Right::Delete, false)],
        Call::ObjectRename { .. } => {
            smallvec![need(0, Right::Read, false), need(0, Right::Delete, false), need(1, Right::Write, false)]
        }
        Call::ObjectLink { .. } => smallvec![need(0, Right::Link, false), need(1, Right::Read, false)],
        Call::ObjectUnlink { .. } => smallvec![need(0, Right::Link, false)],
        Call::ObjectQuery { .. } => {
            let ends = (1..names.len()).map(|index| need(index, Right::Read, false));
            [need(0, Right::List, false)].into_iter().chain(ends).collect()
        }
        Call::ObjectMerge { .. } => {
            smallvec![need(0, Right::Wait, false), need(1, Right::Write, true), need(1, Right::Delete, true)]
        }
        _ => unreachable!("{} is not about objects", call.operation()),
    }
}

/// What [`needs`] says of processes and their checkpoints.
fn process_needs(call: &Call, names: &[Resource]) -> Needs {
    let need = |index: usize, right: Right| Need { resource: names[index].clone(), right, whole: false };
    match call {
        Call::ProcessCheckpoint { .. } => smallvec![need(0, Right::Create)],
        Call::ProcessSpawn { .. } | Call::ProcessFork { .. } => {
            let mut wanted: Needs = smallvec![need(0, Right::Spawn)];
            if names.len() > 1 {
                wanted.push(need(1, Right::List));
            }
            wanted
        }
        Call::ProcessExec { .. } => smallvec![need(0, Right::Use)],
        Call::ProcessWait { .. } => (0..names.len()).map(|index| need(index, Right::Wait)).collect(),
        Call::ProcessSignal { .. } | Call::ProcessHandOver { .. } => smallvec![need(0, Right::Signal)],
        Call::ProcessExitWith { .. } => smallvec![need(0, Right::Read)],
        _ => unreachable!("{} is not about processes", call.operation()),
    }
}

/// The pattern and rights of a request for permission.
///
/// # Errors
/// `invalid`: no pattern, no right of its kind, or a request without bounds.
pub fn asked_permission(resource: &str, rights: &[String]) -> Result<(Pattern, Rights), CallError> {
    let pattern = Pattern::parse(resource).map_err(|error| CallError::Invalid(error.to_string()))?;
    if pattern.is_unbounded() {
        return Err(CallError::Invalid(format!("'{pattern}' has no bounds; ask for a part of it")));
    }
    if rights.is_empty() || rights.len() > limit::APPROVE_RIGHTS_MAX {
        return Err(CallError::Invalid(format!("1 to {} rights can be asked for", limit::APPROVE_RIGHTS_MAX)));
    }
    let known = pattern.kind().rights();
    let mut wanted = Vec::new();
    for word in rights {
        match Right::parse(word) {
            Some(right) if known.contains(right) => wanted.push(right),
            _ => {
                let word: String = word.chars().take(40).collect();
                return Err(CallError::Invalid(format!(
                    "'{word}' is no right on {}; it has {known}",
                    pattern.kind().word()
                )));
            }
        }
    }
    Ok((pattern, Rights::of(&wanted)))
}

fn two_ends(from: Resource, to: Resource) -> Result<Vec<Resource>, CallError> {
    if from.split_first().0 != to.split_first().0 {
        return Err(CallError::Invalid("both names must be in one mount".into()));
    }
    if to.is_within(&from) && to != from {
        return Err(CallError::Invalid("a directory cannot go into itself".into()));
    }
    Ok(vec![from, to])
}

/// The resource that spawning from an image needs a right on.
fn image_of_process(image: &str) -> Result<Resource, CallError> {
    let image = one_segment(Kind::Image, image, "an image's name")?;
    Ok(Resource::new(Kind::Process, format!("image/{}", image.path())))
}

/// `process:pid/<n>`.
pub fn process(pid: Pid) -> Resource {
    Resource::new(Kind::Process, format!("pid/{}", pid.0))
}

/// The process that [`process`] names.
pub fn pid_of(resource: &Resource) -> Option<Pid> {
    let number = resource.path().strip_prefix("pid/").filter(|_| resource.kind() == Kind::Process)?;
    number.parse().ok()
}

fn process_name(pid: &str) -> Result<Resource, CallError> {
    let short: String = pid.chars().take(40).collect();
    short.parse().map(process).map_err(|error: super::id::NotAnId| CallError::Invalid(error.to_string()))
}

fn check_child(child: &ChildOptions) -> Result<(), CallError> {
    at_most(child.goal.len(), limit::GOAL_BYTES_MAX, "the goal")?;
    at_most(child.grants.len(), limit::HANDED_GRANTS_MAX, "the number of grants")?;
    at_most(child.planner.as_ref().map_or(0, String::len), limit::PLANNER_BYTES_MAX, "the planner's text")?;
    for handed in &child.grants {
        handed.rule().map_err(|error| CallError::Invalid(format!("a grant: {error}")))?;
    }
    let amounts = child.budget.as_deref().unwrap_or_default();
    for (index, amount) in amounts.iter().enumerate() {
        if amounts[..index].iter().any(|other| other.coin == amount.coin) {
            return Err(CallError::Invalid("a budget names one kind twice".into()));
        }
    }
    // Here and not where the child is made: there everybody would wait for it.
    match child.planner.as_deref().map(Plan::parse) {
        Some(Err(error)) => Err(CallError::Invalid(error.to_string())),
        _ => Ok(()),
    }
}

fn queue_name(queue: Option<&str>) -> Result<Resource, CallError> {
    one_segment(Kind::Human, queue.unwrap_or(OWNER), "a queue's name")
}

fn one_segment(kind: Kind, name: &str, what: &str) -> Result<Resource, CallError> {
    super::name::check_new_segment(name).map_err(CallError::Invalid)?;
    if name.contains('/') {
        return Err(CallError::Invalid(format!("{what} has no '/'")));
    }
    Ok(Resource::new(kind, name))
}

fn check_payload(payload: &Payload) -> Result<(), CallError> {
    at_most(payload.len(), limit::CONTENT_BYTES_MAX, "the payload")?;
    match payload {
        Payload::Json(text) => check_json(text),
        Payload::Bytes(_) => Ok(()),
    }
}

fn check_json(text: &str) -> Result<(), CallError> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| CallError::Invalid(format!("not JSON: {error}")))
}

fn check_options(options: &super::call::ObjectOptions) -> Result<(), CallError> {
    at_most(options.title.len(), limit::OBJECT_TITLE_BYTES_MAX, "the title")?;
    at_most(options.tags.len(), limit::OBJECT_TAGS_MAX, "the number of tags")?;
    at_most(options.sources.len(), limit::OBJECT_SOURCES_MAX, "the number of sources")?;
    options.tags.iter().chain([&options.object_type]).try_for_each(|word| check_word(word))
}

fn check_word(word: &str) -> Result<(), CallError> {
    at_most(word.len(), limit::OBJECT_WORD_BYTES_MAX, "a type, tag or relation")?;
    if word.is_empty() || word.chars().any(super::name::is_hidden) {
        return Err(CallError::Invalid("a type, tag or relation is empty or has invisible characters".into()));
    }
    Ok(())
}

fn at_most(size: usize, most: usize, what: &str) -> Result<(), CallError> {
    if size <= most { Ok(()) } else { Err(CallError::TooLarge(format!("{what} is {size}, at most {most}"))) }
}
