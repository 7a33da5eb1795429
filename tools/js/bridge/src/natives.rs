//! What the prelude calls in Rust. No script reaches these functions but through the prelude.

use crate::bindings::libos::runtime::types::Error;
use crate::bindings::libos::runtime::{fs, log, tickets};
use crate::{failure, system};
use rquickjs::prelude::Opt;
use rquickjs::{Array, Ctx, Function, IntoJs, Object, Result, TypedArray, Value};

/// The object `internal.natives`.
pub fn all<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let natives = Object::new_proto(ctx.clone(), None)?;
    natives.set("submit", Function::new(ctx.clone(), submit)?)?;
    natives.set("next", Function::new(ctx.clone(), next)?)?;
    natives.set("cancel", Function::new(ctx.clone(), |ticket: u32| system::is_open() && tickets::cancel(ticket))?)?;
    natives.set("isOpen", Function::new(ctx.clone(), system::is_open)?)?;
    natives.set("now", Function::new(ctx.clone(), || system::now_microseconds() / 1000.0)?)?;
    natives.set("clock", Function::new(ctx.clone(), clock)?)?;
    natives.set("encode", Function::new(ctx.clone(), encode)?)?;
    natives.set("decode", Function::new(ctx.clone(), decode)?)?;
    natives.set("random", Function::new(ctx.clone(), random)?)?;
    natives.set("randomNumber", Function::new(ctx.clone(), system::random_number)?)?;
    natives.set("log", Function::new(ctx.clone(), write_log)?)?;
    natives.set("workingDirectory", Function::new(ctx.clone(), working_directory)?)?;
    natives.set("mapStack", Function::new(ctx.clone(), |stack: String| failure::stack(stack))?)?;
    crate::deno::install(ctx, &natives)?;
    crate::web::install(ctx, &natives)?;
    Ok(natives)
}

/// Submits an operation: a ticket, or what is wrong.
fn submit<'js>(ctx: Ctx<'js>, operation: String, arguments: String, content: Opt<Value<'js>>) -> Result<Value<'js>> {
    if !system::is_open() {
        return closed(&ctx).into_js(&ctx);
    }
    let content = content.0.and_then(|value| TypedArray::<u8>::from_value(value).ok());
    match tickets::submit(&operation, &arguments, content.as_ref().and_then(bytes)) {
        Ok(ticket) => ticket.into_js(&ctx),
        Err(error) => problem(&ctx, &error)?.into_js(&ctx),
    }
}

/// What is in an array, while no script runs.
#[expect(unsafe_code, reason = "the engine lends its memory")]
pub fn bytes<'a>(array: &'a TypedArray<'_, u8>) -> Option<&'a [u8]> {
    // SAFETY: whoever asks uses them before any script runs again, so the array is neither resized nor detached meanwhile.
    unsafe { array.as_bytes() }
}

/// What ended: `[ticket, value, content]` or `[ticket, problem]`; nothing if no ticket is open.
fn next(ctx: Ctx<'_>) -> Result<Option<Array<'_>>> {
    let Some(answer) = system::is_open().then(tickets::next).flatten() else {
        return Ok(None);
    };
    let parts = Array::new(ctx.clone())?;
    parts.set(0, answer.ticket)?;
    match answer.outcome {
        Ok(reply) => {
            parts.set(1, reply.value)?;
            if let Some(content) = reply.content {
                parts.set(2, TypedArray::<u8>::new(ctx.clone(), content)?)?;
            }
        }
        Err(error) => parts.set(1, problem(&ctx, &error)?)?,
    }
    Ok(Some(parts))
}

/// Seconds and nanoseconds; 0 and 0 before a call has begun.
fn clock(ctx: Ctx<'_>) -> Result<Array<'_>> {
    let (seconds, nanoseconds) = system::now();
    let parts = Array::new(ctx)?;
    parts.set(0, seconds as f64)?;
    parts.set(1, nanoseconds)?;
    Ok(parts)
}

/// The bytes of a text without lone surrogates.
fn encode(ctx: Ctx<'_>, text: String) -> Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, text.into_bytes())
}

/// The text that bytes are; nothing if they are not UTF-8.
fn decode(array: TypedArray<'_, u8>) -> Option<String> {
    bytes(&array).and_then(|bytes| str::from_utf8(bytes).ok()).map(str::to_owned)
}

fn random(ctx: Ctx<'_>, count: u32) -> Result<Option<TypedArray<'_, u8>>> {
    system::random(count).map(|bytes| TypedArray::new(ctx, bytes)).transpose()
}

fn write_log(level: u32, message: String) {
    let level = match level {
        0 => log::Level::Debug,
        1 => log::Level::Info,
        2 => log::Level::Warn,
        _ => log::Level::Error,
    };
    if system::is_open() {
        log::write(level, &message);
    }
}

fn working_directory() -> Option<String> {
    system::is_open().then(fs::working_directory)
}

fn closed<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let text = "there are no system calls while a script is compiled or describes its tools; make them in `run`";
    described(ctx, "denied", text)
}

/// An error of a system call, as an object of the prelude's.
fn problem<'js>(ctx: &Ctx<'js>, error: &Error) -> Result<Object<'js>> {
    let (code, text) = match error {
        Error::Denied(denial) => {
            let text = format!("{} on {} was refused: {}", denial.right, denial.resource, denial.reason);
            let object = described(ctx, "denied", &text)?;
            object.set("right", denial.right.as_str())?;
            object.set("resource", denial.resource.as_str())?;
            object.set("reason", denial.reason.as_str())?;
            return Ok(object);
        }
        Error::Conflict(version) => {
            let object = described(ctx, "conflict", &format!("the object's version is {version}"))?;
            object.set("version", *version as f64)?;
            return Ok(object);
        }
        Error::NotFound(text) => ("not-found", text.as_str()),
        Error::AlreadyExists(text) => ("already-exists", text.as_str()),
        Error::WrongKind(text) => ("wrong-kind", text.as_str()),
        Error::NotEmpty(text) => ("not-empty", text.as_str()),
        Error::TooLarge(text) => ("too-large", text.as_str()),
        Error::Invalid(text) => ("invalid", text.as_str()),
        Error::OutcomeUnknown(text) => ("outcome-unknown", text.as_str()),
        Error::Io(text) => ("io", text.as_str()),
        Error::Internal => ("internal", "the host failed; its log says more"),
        Error::Interrupted(text) => ("interrupted", text.as_str()),
    };
    described(ctx, code, text)
}

fn described<'js>(ctx: &Ctx<'js>, code: &str, message: &str) -> Result<Object<'js>> {
    let object = Object::new_proto(ctx.clone(), None)?;
    object.set("code", code)?;
    object.set("message", message)?;
    Ok(object)
}
