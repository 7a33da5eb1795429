//! The part of WASI 0.2 that the standard library of every guest imports, linked by hand so that a replay is exact: no environment, no
//! arguments, no files, no sockets; closed input, output to the call's log; random numbers from the call's seed; clocks at the time of the
//! last journal entry; and waiting for a clock is the system call `clock.sleep`. Everything else of WASI traps by name when it is called.

use super::failure::{Exited, Stopped};
use super::guest::Guest;
use libos_kernel::model::answer::{Answer, CallError, Fault, Stop};
use libos_kernel::model::call::Call;
use libos_kernel::model::limit::RANDOM_BYTES_MAX;
use libos_kernel::model::time::Time;
use std::time::Duration;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};

/// Bytes that a guest may write to an output stream at once.
const WRITE_BYTES_MAX: u64 = 64 << 10;

/// The only kinds of streams: input is empty and closed, output goes to the log.
struct InputStream;
struct OutputStream;
/// The reason of a failed stream; there is none.
struct IoError;
struct TerminalInput;
struct TerminalOutput;
/// Handles of files, of which there are none.
struct Descriptor;
struct DirectoryEntryStream;

/// What can be waited for: at once, or at a moment.
enum Pollable {
    Ready,
    At(Time),
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Ctx<'a> = StoreContextMut<'a, Guest>;

/// Links all of it.
///
/// # Errors
/// A name is defined twice.
pub fn link(linker: &mut Linker<Guest>) -> Result<()> {
    io(linker)?;
    cli(linker)?;
    clocks(linker)?;
    filesystem(linker)?;
    random(linker)
}

/// Lets a resource's handle go.
fn drop_handle<T: Send + 'static>(mut ctx: Ctx<'_>, rep: u32) -> Result<()> {
    ctx.data_mut().table.delete(Resource::<T>::new_own(rep))?;
    Ok(())
}

/// A resource that an interface shares with the one that defines it.
fn reexport<T: Send + 'static>(instance: &mut LinkerInstance<'_, Guest>, name: &str) -> Result<()> {
    instance.resource(name, ResourceType::host::<T>(), drop_handle::<T>)
}

fn io(linker: &mut Linker<Guest>) -> Result<()> {
    let mut error = linker.instance("wasi:io/error@0.2.6")?;
    error.resource("error", ResourceType::host::<IoError>(), drop_handle::<IoError>)?;
    error.func_wrap("[method]error.to-debug-string", |_: Ctx<'_>, (_,): (Resource<IoError>,)| Ok((String::new(),)))?;

    let mut poll = linker.instance("wasi:io/poll@0.2.6")?;
    poll.resource("pollable", ResourceType::host::<Pollable>(), drop_handle::<Pollable>)?;
    poll.func_wrap("[method]pollable.ready", |ctx: Ctx<'_>, (pollable,): (Resource<Pollable>,)| {
        let guest = ctx.data();
        let now = guest.time();
        Ok((guest.table.get(&pollable)?.due(now).is_none(),))
    })?;
    poll.func_wrap_async("[method]pollable.block", |mut ctx: Ctx<'_>, (pollable,): (Resource<Pollable>,)| {
        Box::new(async move {
            wait(&mut ctx, &[pollable]).await?;
            Ok(())
        })
    })?;
    poll.func_wrap_async("poll", |mut ctx: Ctx<'_>, (pollables,): (Vec<Resource<Pollable>>,)| {
        Box::new(async move { Ok((wait(&mut ctx, &pollables).await?,)) })
    })?;

    let mut streams = linker.instance("wasi:io/streams@0.2.6")?;
    reexport::<IoError>(&mut streams, "error")?;
    reexport::<Pollable>(&mut streams, "pollable")?;
    streams.resource("input-stream", ResourceType::host::<InputStream>(), drop_handle::<InputStream>)?;
    streams.resource("output-stream", ResourceType::host::<OutputStream>(), drop_handle::<OutputStream>)?;
    type Read = Result<(std::result::Result<Vec<u8>, StreamError>,)>;
    type Done = Result<(std::result::Result<(), StreamError>,)>;
    for name in ["[method]input-stream.read", "[method]input-stream.blocking-read"] {
        streams.func_wrap(name, |_: Ctx<'_>, _: (Resource<InputStream>, u64)| -> Read {
            Ok((Err(StreamError::Closed),))
        })?;
    }
    streams.func_wrap("[method]input-stream.subscribe", |mut ctx: Ctx<'_>, _: (Resource<InputStream>,)| {
        Ok((ctx.data_mut().table.push(Pollable::Ready)?,))
    })?;
    streams.func_wrap("[method]output-stream.check-write", |_: Ctx<'_>, _: (Resource<OutputStream>,)| {
        Ok((Ok::<u64, StreamError>(WRITE_BYTES_MAX),))
    })?;
    for name in ["[method]output-stream.write", "[method]output-stream.blocking-write-and-flush"] {
        streams.func_wrap(name, |mut ctx: Ctx<'_>, (_, bytes): (Resource<OutputStream>, Vec<u8>)| -> Done {
            ctx.data_mut().print(&bytes);
            Ok((Ok(()),))
        })?;
    }
    for name in ["[method]output-stream.flush", "[method]output-stream.blocking-flush"] {
        streams.func_wrap(name, |_: Ctx<'_>, _: (Resource<OutputStream>,)| -> Done { Ok((Ok(()),)) })?;
    }
    streams.func_wrap("[method]output-stream.subscribe", |mut ctx: Ctx<'_>, _: (Resource<OutputStream>,)| {
        Ok((ctx.data_mut().table.push(Pollable::Ready)?,))
    })
}

impl Pollable {
    /// The moment that is still to come.
    fn due(&self, now: Time) -> Option<Time> {
        match self {
            Pollable::At(time) if *time > now => Some(*time),
            _ => None,
        }
    }
}

/// Waits until one of them is ready: by the system call `clock.sleep`, or not at all. Answers the places of those that are.
async fn wait(ctx: &mut Ctx<'_>, pollables: &[Resource<Pollable>]) -> Result<Vec<u32>> {
    let guest = ctx.data_mut();
    let mut now = guest.time();
    let dues: Vec<Option<Time>> =
        pollables.iter().map(|pollable| Ok(guest.table.get(pollable)?.due(now))).collect::<Result<_>>()?;
    if let Some(first) = dues.iter().copied().collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().min()) {
        let nanoseconds = u64::try_from(first.since(now).as_nanos()).unwrap_or(u64::MAX);
        if let Answer::Failed(error) = &*guest.run(Call::ClockSleep { nanoseconds }).await?
            // Who is interrupted is woken early, as by a signal anywhere else.
            && !matches!(error, CallError::Interrupted(_))
        {
            return Err(Stopped(Stop::Fault(Fault::Sleep(error.to_string()))).into());
        }
        now = first;
    }
    let ready = dues.iter().enumerate().filter(|(_, due)| due.is_none_or(|time| time <= now));
    Ok(ready.map(|(index, _)| index as u32).collect())
}

fn cli(linker: &mut Linker<Guest>) -> Result<()> {
    let mut environment = linker.instance("wasi:cli/environment@0.2.6")?;
    environment.func_wrap("get-environment", |_: Ctx<'_>, ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.func_wrap("get-arguments", |_: Ctx<'_>, ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_: Ctx<'_>, ()| Ok((None::<String>,)))?;

    let mut exit = linker.instance("wasi:cli/exit@0.2.6")?;
    exit.func_wrap("exit", |_: Ctx<'_>, _: (std::result::Result<(), ()>,)| -> Result<()> { Err(Exited.into()) })?;

    reexport::<InputStream>(&mut linker.instance("wasi:cli/stdin@0.2.6")?, "input-stream")?;
    linker
        .instance("wasi:cli/stdin@0.2.6")?
        .func_wrap("get-stdin", |mut ctx: Ctx<'_>, ()| Ok((ctx.data_mut().table.push(InputStream)?,)))?;
    for (instance, name) in [("wasi:cli/stdout@0.2.6", "get-stdout"), ("wasi:cli/stderr@0.2.6", "get-stderr")] {
        let mut instance = linker.instance(instance)?;
        reexport::<OutputStream>(&mut instance, "output-stream")?;
        instance.func_wrap(name, |mut ctx: Ctx<'_>, ()| Ok((ctx.data_mut().table.push(OutputStream)?,)))?;
    }

    linker.instance("wasi:cli/terminal-input@0.2.6")?.resource(
        "terminal-input",
        ResourceType::host::<TerminalInput>(),
        drop_handle::<TerminalInput>,
    )?;
    linker.instance("wasi:cli/terminal-output@0.2.6")?.resource(
        "terminal-output",
        ResourceType::host::<TerminalOutput>(),
        drop_handle::<TerminalOutput>,
    )?;
    let mut stdin = linker.instance("wasi:cli/terminal-stdin@0.2.6")?;
    reexport::<TerminalInput>(&mut stdin, "terminal-input")?;
    stdin.func_wrap("get-terminal-stdin", |_: Ctx<'_>, ()| Ok((None::<Resource<TerminalInput>>,)))?;
    for (instance, name) in [
        ("wasi:cli/terminal-stdout@0.2.6", "get-terminal-stdout"),
        ("wasi:cli/terminal-stderr@0.2.6", "get-terminal-stderr"),
    ] {
        let mut instance = linker.instance(instance)?;
        reexport::<TerminalOutput>(&mut instance, "terminal-output")?;
        instance.func_wrap(name, |_: Ctx<'_>, ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    }
    Ok(())
}

/// No directory is open from the start, so the standard library's own file functions find nothing; they are no way out.
fn filesystem(linker: &mut Linker<Guest>) -> Result<()> {
    let mut types = linker.instance("wasi:filesystem/types@0.2.6")?;
    reexport::<InputStream>(&mut types, "input-stream")?;
    reexport::<OutputStream>(&mut types, "output-stream")?;
    reexport::<IoError>(&mut types, "error")?;
    types.resource("descriptor", ResourceType::host::<Descriptor>(), drop_handle::<Descriptor>)?;
    types.resource(
        "directory-entry-stream",
        ResourceType::host::<DirectoryEntryStream>(),
        drop_handle::<DirectoryEntryStream>,
    )?;
    let mut preopens = linker.instance("wasi:filesystem/preopens@0.2.6")?;
    reexport::<Descriptor>(&mut preopens, "descriptor")?;
    preopens.func_wrap("get-directories", |_: Ctx<'_>, ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))
}

fn now(ctx: &Ctx<'_>) -> Time {
    ctx.data().time()
}

fn clocks(linker: &mut Linker<Guest>) -> Result<()> {
    let mut monotonic = linker.instance("wasi:clocks/monotonic-clock@0.2.6")?;
    reexport::<Pollable>(&mut monotonic, "pollable")?;
    monotonic.func_wrap("now", |ctx: Ctx<'_>, ()| Ok((now(&ctx).0,)))?;
    monotonic.func_wrap("resolution", |_: Ctx<'_>, ()| Ok((1u64,)))?;
    monotonic.func_wrap("subscribe-instant", |mut ctx: Ctx<'_>, (when,): (u64,)| {
        Ok((ctx.data_mut().table.push(Pollable::At(Time(when)))?,))
    })?;
    monotonic.func_wrap("subscribe-duration", |mut ctx: Ctx<'_>, (nanoseconds,): (u64,)| {
        let when = now(&ctx).after(Duration::from_nanos(nanoseconds));
        Ok((ctx.data_mut().table.push(Pollable::At(when))?,))
    })?;
    let mut wall = linker.instance("wasi:clocks/wall-clock@0.2.6")?;
    wall.func_wrap("now", |ctx: Ctx<'_>, ()| {
        let (seconds, nanoseconds) = now(&ctx).parts();
        Ok((Datetime { seconds, nanoseconds },))
    })?;
    wall.func_wrap("resolution", |_: Ctx<'_>, ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))
}

fn random(linker: &mut Linker<Guest>) -> Result<()> {
    for (instance, bytes, number) in [
        ("wasi:random/random@0.2.6", "get-random-bytes", "get-random-u64"),
        ("wasi:random/insecure@0.2.6", "get-insecure-random-bytes", "get-insecure-random-u64"),
    ] {
        let mut random = linker.instance(instance)?;
        random.func_wrap(bytes, |mut ctx: Ctx<'_>, (count,): (u64,)| {
            if count > RANDOM_BYTES_MAX.into() {
                wasmtime::bail!("more than {RANDOM_BYTES_MAX} random bytes at once");
            }
            let mut bytes = vec![0; count as usize];
            ctx.data_mut().random.fill(&mut bytes);
            Ok((bytes,))
        })?;
        random.func_wrap(number, |mut ctx: Ctx<'_>, ()| Ok((ctx.data_mut().random.next_u64(),)))?;
    }
    linker.instance("wasi:random/insecure-seed@0.2.6")?.func_wrap("insecure-seed", |mut ctx: Ctx<'_>, ()| {
        let random = &mut ctx.data_mut().random;
        Ok(((random.next_u64(), random.next_u64()),))
    })
}
