//! Carries out what was permitted: one function a class, one file a family. Here the outside and the kernel's own tables are touched,
//! and nowhere else.

use super::{fs, images, objects, process, programs, tools};
use crate::kernel::{Attempt, Author, Kernel, Permit, Place, State, process_of};
use crate::model::answer::{Answer, CallError, Stop};
use crate::model::call::{Call, Reply};
use crate::model::limit::LOG_LINE_BYTES_MAX;
use crate::model::record::cut;
use crate::model::resource::{Kind, Resource};
use crate::model::time::Time;
use crate::world::WorldError;
use std::sync::Arc;

/// How far a call has come.
pub enum Performed {
    Answer(Arc<Answer>),
    /// The name with this number leads to another one.
    Link(usize, Resource),
    /// It is not told: its process cannot pay for it.
    Stopped(Stop),
}

/// What is left to do.
pub enum Step {
    Over(Performed),
    /// To be run on a thread that may block.
    Blocking(Box<dyn FnOnce() -> Performed + Send>),
}

/// Carries out an observe or an internal change.
pub fn perform(kernel: &Arc<Kernel>, permit: Permit, call: &Arc<Call>) -> Step {
    match &**call {
        Call::FsRead { .. } | Call::FsReadRange { .. } => fs::read(kernel, permit, call),
        Call::FsList { .. } => Step::Over(fs::list(kernel, permit)),
        Call::FsStat { .. } => Step::Over(fs::stat(kernel, permit)),
        Call::FsChangeDirectory { .. } => Step::Over(fs::change_directory(kernel, permit)),
        Call::ProcessSpawn { .. } | Call::ProcessFork { .. } => Step::Over(process::make(kernel, permit, call)),
        Call::ToolsPropose { proposal } => Step::Over(Performed::Answer(tools::propose(kernel, permit, proposal))),
        _ => Step::Over(Performed::Answer(inside(kernel, permit, call))),
    }
}

/// Carries out an effect. Runs on a thread that may block and owns the permit.
pub fn effect(kernel: &Arc<Kernel>, permit: Permit, attempt: &Attempt) -> Arc<Answer> {
    if let Call::ShellRun { command } = &*attempt.call {
        return programs::run(kernel, permit, attempt, command);
    }
    kernel.dispatch(&permit);
    let result = fs::effect(kernel, &permit, attempt);
    kernel.close(permit, result, |_, _, reply| Ok(reply))
}

/// What needs nothing of the outside but the time and randomness: a look at, or a change of, the kernel's tables.
fn inside(kernel: &Arc<Kernel>, permit: Permit, call: &Arc<Call>) -> Arc<Answer> {
    let now = kernel.world().now(&permit);
    let observed = match &**call {
        Call::ClockNow => Ok(Reply::Time(now)),
        Call::RandomBytes { count } => {
            let mut bytes = vec![0; *count as usize];
            let filled = kernel.world().random(&permit, &mut bytes);
            filled.map(|()| Reply::Bytes(bytes)).map_err(|error| failed(&permit, error))
        }
        _ => Ok(Reply::Unit),
    };
    let name = permit.only_resource().cloned();
    let names = if objects::is_one(call) { permit.resources().to_vec() } else { Vec::new() };
    kernel.close(permit, observed, |state, place, reply| {
        let author = Author { pid: place.pid, call: place.call, now };
        match name {
            _ if !names.is_empty() => objects::perform(state, *place, call, &names, author),
            Some(name) if name.kind() == Kind::Object && !matches!(**call, Call::ProcessExitWith { .. }) => {
                on_object(state, *place, call, &name, author)
            }
            name => match process::inside(state, *place, call, name.as_ref(), now) {
                Some(done) => done,
                None => match name {
                    Some(name) if name.kind() == Kind::Process => on_other(state, *place, call, &name, now),
                    _ => on_process(state, *place, call, now, reply),
                },
            },
        }
    })
}

/// Looks at or changes object memory.
fn on_object(
    state: &mut State,
    place: Place,
    call: &Call,
    name: &Resource,
    author: Author,
) -> Result<Reply, CallError> {
    match call {
        Call::ObjectCreate { payload, options, .. } => {
            state.object_create(name, payload, options, author).map(Reply::Info)
        }
        Call::ObjectRead { .. } => state.object_read(name, author).map(|(info, payload)| Reply::Object(info, payload)),
        Call::ObjectUpdate { payload, expected_version, .. } => {
            state.object_update(name, payload, *expected_version, author).map(Reply::Info)
        }
        Call::ObjectDelete { expected_version, .. } => {
            state.object_delete(name, *expected_version, author).map(|()| Reply::Unit)
        }
        Call::ObjectList { .. } => {
            let found = state.object_list(name, author)?;
            Ok(Reply::Infos(state.without_denied(place, found, author.now)))
        }
        Call::ObjectNamespaces { .. } => state.namespace_list(name, author).map(Reply::Names),
        Call::ObjectCreateNamespace { .. } => state.namespace_create(name, author).map(|()| Reply::Unit),
        _ => Err(CallError::Internal),
    }
}

/// Reaches another process.
fn on_other(state: &mut State, place: Place, call: &Call, name: &Resource, now: Time) -> Result<Reply, CallError> {
    let other = process_of(name).ok_or(CallError::Internal)?;
    match call {
        Call::MessageSend { body, options, .. } => {
            state.send_message(place, other, body, options, now).map(Reply::Sent)
        }
        _ => Err(CallError::Internal),
    }
}

/// Looks at or changes the process, its log and its people's notes.
fn on_process(state: &mut State, place: Place, call: &Call, now: Time, reply: Reply) -> Result<Reply, CallError> {
    match call {
        Call::LogWrite { level, message } => {
            let mut text = message.clone();
            cut(&mut text, LOG_LINE_BYTES_MAX);
            state.append_log(place.call, *level, &text, now);
            state.save_call(place.call);
            Ok(reply)
        }
        Call::HumanTell { message, queue } => {
            state.leave_note(place, message, queue.as_deref(), now)?;
            Ok(reply)
        }
        Call::ProcessSelf => state.identity(place).map(Reply::Identity).ok_or(CallError::Internal),
        Call::FsWorkingDirectory => {
            let directory = state.processes.get(&place.pid).map(|process| process.working_directory.path());
            directory.map(|path| Reply::Text(format!("/{path}"))).ok_or(CallError::Internal)
        }
        Call::ClockNow | Call::RandomBytes { .. } => Ok(reply),
        Call::MessagePending => Ok(Reply::Count(state.messages_waiting(place.pid))),
        Call::ToolsRegister { .. } | Call::ToolsUnregister { .. } | Call::ToolsList => {
            tools::perform(state, place, call)
        }
        Call::ImageRegister { .. } | Call::ImageList | Call::ImageShow { .. } => {
            images::perform(state, place, call, now)
        }
        _ => Err(CallError::Internal),
    }
}

/// What the guest learns of a failure outside. The name is the one that was asked for, as the permit has it.
pub fn failed(permit: &Permit, error: WorldError) -> CallError {
    let name = permit.first_asked().map_or_else(String::new, ToString::to_string);
    call_error(&name, error)
}

/// See [`failed`].
pub fn call_error(name: &str, error: WorldError) -> CallError {
    match error {
        WorldError::NotFound => CallError::NotFound(name.to_owned()),
        WorldError::AlreadyExists => CallError::AlreadyExists(name.to_owned()),
        WorldError::WrongKind(what) => CallError::WrongKind(format!("{name}: {what}")),
        WorldError::NotEmpty => CallError::NotEmpty(name.to_owned()),
        WorldError::TooLarge(what) => CallError::TooLarge(format!("{name}: {what}")),
        WorldError::Protected(reason) => CallError::WrongKind(format!("{name}: {reason}")),
        WorldError::Link { to: Err(reason), .. } => CallError::Invalid(format!("{name}: {reason}")),
        WorldError::Link { to: Ok(_), .. } => CallError::Io(format!("{name}: a symbolic link appeared meanwhile")),
        WorldError::Changed(what) | WorldError::Io(what) | WorldError::NotStarted(what) => {
            CallError::Io(format!("{name}: {what}"))
        }
    }
}
