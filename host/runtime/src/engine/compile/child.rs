//! The host's side: starts the program that compiles, gives it the component, and waits for code, an end, or the time to stop it.

#![expect(clippy::disallowed_methods, reason = "a program of the host's own, started without anything of any process")]

use super::worker::Answer;
use super::{COMPILE_VERB, CompileError, CompileLimits, PrepareError, Wanted};
use crate::engine::inspect::BadComponent;
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use std::fs::DirBuilder;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// After so long it is asked whether somebody still waits.
const LOOK_AFTER: Duration = Duration::from_millis(100);
/// Characters of what it said that an error repeats.
const MESSAGE_CHARACTERS: usize = 400;

/// The machine code of a component, made by `program` within limits. Blocks for as long as that takes, or somebody wants it.
pub(super) fn compile(
    program: &Path,
    limits: &CompileLimits,
    component: &[u8],
    wanted: &Wanted,
) -> Result<Vec<u8>, PrepareError> {
    let unusable =
        |what: &str, error: &io::Error| CompileError::Unavailable(format!("{}: {what}: {error}", program.display()));
    let deadline = Instant::now() + limits.wall_time;
    let mut running = start(program, limits).map_err(|error| unusable("it cannot be started", &error))?;
    let length = (component.len() as u64).to_be_bytes();
    let mut talk = Talk::new(&mut running.0, [&length, component], limits.code_bytes)
        .map_err(|error| unusable("it has no pipes", &error))?;
    let heard = loop {
        match talk.go_on(deadline).map_err(|error| unusable("its pipes cannot be waited for", &error))? {
            Step::More => {}
            Step::TooMuch => return Err(CompileError::CodeTooLarge { bytes: limits.code_bytes }.into()),
            Step::Ended => break true,
            Step::Later if Instant::now() >= deadline => break false,
            Step::Later if wanted.no_more() => {
                return Err(CompileError::Unavailable("nobody waits for it any more".into()).into());
            }
            Step::Later => {}
        }
    };
    let ended = running.end(deadline).map_err(|error| unusable("its end cannot be waited for", &error))?;
    match Answer::parse(talk.heard) {
        _ if !heard => Err(CompileError::TooSlow { time: limits.wall_time, of: "in all" }.into()),
        Some(Answer::Code(code)) if ended.success() => Ok(code),
        Some(Answer::Refused(text)) => Err(BadComponent(shown(&text)).into()),
        Some(Answer::OutOfMemory) => Err(CompileError::TooLarge { bytes: limits.address_space_bytes }.into()),
        Some(Answer::Code(_)) | None => Err(why(ended, &talk.said, limits).into()),
    }
}

/// Why it ended without an answer.
fn why(ended: ExitStatus, said: &[u8], limits: &CompileLimits) -> CompileError {
    let said = String::from_utf8_lossy(said);
    match ended.signal() {
        Some(signal) if signal == Signal::XCPU.as_raw() => {
            CompileError::TooSlow { time: limits.processor_time, of: "of processor time" }
        }
        // What Rust's standard library says when it cannot get memory, before it aborts.
        Some(_) if said.contains("memory allocation of") => {
            CompileError::TooLarge { bytes: limits.address_space_bytes }
        }
        _ => CompileError::Crashed { how: shown(format!("{ended}; {}", said.trim()).trim_end_matches([';', ' '])) },
    }
}

/// A text that a program said over bytes of somebody else's, fit to be printed.
fn shown(text: &str) -> String {
    let mut part: String = text.chars().take(MESSAGE_CHARACTERS).collect();
    if part.len() < text.len() {
        part.push_str("...");
    }
    escape(&part)
}

/// Starts the program with nothing but three pipes: no environment, and a working directory that is gone before it looks, so that
/// nothing can be made in it.
fn start(program: &Path, limits: &CompileLimits) -> io::Result<Running> {
    let directory = empty_directory()?;
    let seconds = limits.processor_time.as_secs().max(1);
    let child = Command::new(program)
        .arg0("libos-compile")
        .args([COMPILE_VERB, &limits.address_space_bytes.to_string(), &seconds.to_string()])
        .env_clear()
        .current_dir(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let removed = std::fs::remove_dir(&directory);
    let child = child.map(Running);
    match removed {
        Ok(()) => child,
        // Whatever it is that made something in it at once, it is not the program that it should be.
        Err(error) => {
            drop(child);
            std::fs::remove_dir_all(&directory)?;
            Err(error)
        }
    }
}

/// A new directory that only this user may use.
fn empty_directory() -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut tries = 16;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("libos-compile-{}-{number}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            // Of a program that had this number before; or somebody's who wants to be in the way.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries > 0 => tries -= 1,
            Err(error) => return Err(error),
        }
    }
}

/// A child that does not outlive this value.
struct Running(Child);

impl Running {
    /// Its exit, at the latest when it is killed at the deadline.
    fn end(&mut self, deadline: Instant) -> io::Result<ExitStatus> {
        // Without such a handle it is killed now: it has closed its pipes, so it is done or should be.
        if let Ok(handle) = pidfd_open(Pid::from_child(&self.0), PidfdFlags::empty()) {
            let mut handles = [PollFd::new(&handle, PollFlags::IN)];
            wait(&mut handles, deadline)?;
        }
        // The status of one that has ended stays what it was.
        self.0.kill()?;
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of one that was waited for nothing is left to be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for one of the handles; false if the deadline came first.
fn wait(handles: &mut [PollFd<'_>], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(handles, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What goes over the pipes.
struct Talk<'a> {
    /// None when all is said, or nobody listens.
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    errors: Option<ChildStderr>,
    /// What is still to be said.
    rest: [&'a [u8]; 2],
    heard: Vec<u8>,
    heard_max: usize,
    said: Vec<u8>,
}

enum Step {
    More,
    Ended,
    /// Nothing happened for a while.
    Later,
    TooMuch,
}

impl<'a> Talk<'a> {
    fn new(child: &mut Child, rest: [&'a [u8]; 2], code_max: usize) -> io::Result<Talk<'a>> {
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let handles =
            [input.as_ref().map(AsFd::as_fd), output.as_ref().map(AsFd::as_fd), errors.as_ref().map(AsFd::as_fd)];
        for handle in handles {
            let handle = handle.ok_or(io::ErrorKind::BrokenPipe)?;
            fcntl_setfl(handle, fcntl_getfl(handle)? | OFlags::NONBLOCK)?;
        }
        // Room for a refusal, however little code is accepted.
        let heard_max = Answer::HEADER_BYTES + code_max.max(limit::COMPILE_MESSAGE_BYTES_MAX);
        Ok(Talk { input, output, errors, rest, heard: Vec::new(), heard_max, said: Vec::new() })
    }

    /// Waits until a pipe can be used, and uses all that can.
    fn go_on(&mut self, deadline: Instant) -> io::Result<Step> {
        if self.output.is_none() && self.errors.is_none() {
            return Ok(Step::Ended);
        }
        let mut handles = Vec::with_capacity(3);
        handles.extend(self.input.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        handles.extend(self.output.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        handles.extend(self.errors.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        if !wait(&mut handles, deadline.min(Instant::now() + LOOK_AFTER))? {
            return Ok(Step::Later);
        }
        self.write();
        read(&mut self.output, &mut self.heard);
        read(&mut self.errors, &mut self.said);
        self.said.truncate(limit::COMPILE_MESSAGE_BYTES_MAX);
        Ok(if self.heard.len() > self.heard_max { Step::TooMuch } else { Step::More })
    }

    fn write(&mut self) {
        let Some(pipe) = &mut self.input else { return };
        let Some(part) = self.rest.iter_mut().find(|part| !part.is_empty()) else {
            self.input = None;
            return;
        };
        match pipe.write(part) {
            Ok(count) => *part = &part[count..],
            Err(error) if is_later(&error) => {}
            // It listens no more; why, it says itself.
            Err(_) => self.input = None,
        }
    }
}

/// Reads what is there; the pipe is gone when it is at its end.
fn read(pipe: &mut Option<impl Read>, into: &mut Vec<u8>) {
    let Some(open) = pipe else { return };
    let mut chunk = [0; CHUNK_BYTES];
    match open.read(&mut chunk) {
        Ok(count) if count > 0 => into.extend_from_slice(&chunk[..count]),
        Err(error) if is_later(&error) => {}
        _ => *pipe = None,
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
