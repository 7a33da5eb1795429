//! The host's side: starts the supervisor, gives it the order, keeps what the program writes, and ends it in time.

#![expect(clippy::disallowed_methods, reason = "this binary is started again, to confine what it starts")]

use crate::outcome::{Bound, End, Enforced, Outcome, Output, Piece, Refused};
use crate::program::{Absent, Program};
use crate::wire::{OUTER, OUTER_WITH_NETWORK, Orders, Report, hear, say};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// After so long it is asked whether somebody still waits.
const LOOK_AFTER: Duration = Duration::from_millis(100);
/// What the supervisor has to set everything up, and to take everything down.
const GRACE: Duration = Duration::from_secs(10);

/// No program is waited for any longer.
const WALL_TIME_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The binary that confines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervisor(PathBuf);

impl Supervisor {
    /// The program that runs now, also if its file was replaced meanwhile. Its `main` must begin with
    ///
    /// ```no_run
    /// # fn main() -> std::process::ExitCode {
    /// if std::env::args_os().nth(1).is_some_and(|verb| verb == libos_confine::SUPERVISE_VERB) {
    ///     return libos_confine::supervisor_main();
    /// }
    /// # std::process::ExitCode::SUCCESS }
    /// ```
    pub fn this_program() -> Supervisor {
        Supervisor(PathBuf::from("/proc/self/exe"))
    }

    /// Another program that does the same.
    pub fn at(path: impl Into<PathBuf>) -> Supervisor {
        Supervisor(path.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// Ends a program from another thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// The program ends within a moment, and its call with it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Runs a program and comes back when nothing of it runs any more. Blocks: at most as long as its limit says, and a moment.
///
/// # Errors
/// Nothing was started: a piece of the confinement is missing, or the description does not hold.
pub fn run(supervisor: &Supervisor, program: &Program, cancel: &Cancel) -> Result<Outcome, Refused> {
    start(supervisor, program, &|| !cancel.is_wanted(), false)
}

/// As [`run`]; it ends when it is not `wanted` any more, which is asked several times a second.
///
/// # Errors
/// As [`run`].
pub fn run_while(supervisor: &Supervisor, program: &Program, wanted: &dyn Fn() -> bool) -> Result<Outcome, Refused> {
    start(supervisor, program, wanted, false)
}

/// As [`run`]; or only puts all in force.
pub(crate) fn start(
    supervisor: &Supervisor,
    program: &Program,
    wanted: &dyn Fn() -> bool,
    only_probe: bool,
) -> Result<Outcome, Refused> {
    check(program)?;
    let begin = Instant::now();
    let unusable = |error: io::Error| Refused::Missing { piece: Piece::Supervisor, why: error.to_string() };
    let mut running = Running::start(supervisor, program.network).map_err(unusable)?;
    let mut talk = Talk::new(&mut running, program).map_err(unusable)?;
    // Who does not listen says why, or ends.
    let _ = say(&running.socket, &Orders::new(program, only_probe));
    running.socket.set_nonblocking(true).map_err(unusable)?;
    let mut ended = None;
    let mut deadline =
        begin + program.limits.wall_time.min(WALL_TIME_MAX) + if only_probe { GRACE } else { Duration::ZERO };
    while talk.go_on(&running.socket, deadline).map_err(unusable)? {
        let end = match () {
            () if !wanted() => End::Cancelled,
            () if talk.total > program.limits.output_bytes => End::Stopped(Bound::Output),
            () if Instant::now() >= deadline => End::Stopped(Bound::WallTime),
            () => continue,
        };
        if ended.is_some() && Instant::now() >= deadline {
            // The supervisor is stuck; the kernel ends the rest with it.
            break;
        }
        if ended.is_none() {
            ended = Some(end);
            deadline = Instant::now() + GRACE;
            // It sees that nothing more will be said, and says what was used: what the host ends is paid for, too.
            let _ = running.socket.shutdown(Shutdown::Write);
        }
    }
    running.end();
    outcome(program, talk, ended, begin.elapsed())
}

fn check(program: &Program) -> Result<(), Refused> {
    let texts = program.environment.iter().flat_map(|(name, value)| [name, value]).chain(&program.arguments);
    let zero = |text: &std::ffi::OsString| text.as_encoded_bytes().contains(&0);
    if texts.into_iter().any(zero) {
        return Err(Refused::Description("an argument or variable holds a zero byte".into()));
    }
    if program.environment.iter().any(|(name, _)| name.is_empty() || name.as_encoded_bytes().contains(&b'=')) {
        return Err(Refused::Description("a variable has no name, or one with `=`".into()));
    }
    Ok(())
}

fn outcome(program: &Program, talk: Talk, ended: Option<End>, wall_time: Duration) -> Result<Outcome, Refused> {
    let (mut enforced, mut said, mut used): (Option<Vec<Enforced>>, _, _) = (None, None, None);
    let mut heard = talk.heard.as_slice();
    while let Ok(Some(report)) = hear::<Report>(&mut heard) {
        match report {
            Report::Ready(pieces) => enforced = Some(pieces),
            Report::Ended(end, milliseconds) => (said, used) = (Some(end), Some(milliseconds)),
            Report::Left(milliseconds) => used = used.max(Some(milliseconds)),
            Report::Missing(piece, why) => return Err(Refused::Missing { piece, why }),
            Report::Description(why) => return Err(Refused::Description(why)),
            Report::NotStarted(why) => return Err(Refused::NotStarted(why)),
        }
    }
    let Some(enforced) = enforced else {
        let why = "the supervisor ended before all was in force".to_owned();
        return Err(Refused::Missing { piece: Piece::Supervisor, why });
    };
    // What the program did by itself comes before what was done to it at the same moment.
    let end = said.or(ended).unwrap_or(End::Lost);
    // If nobody said it: no more than all processors have.
    let processors =
        std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX));
    let at_most = || wall_time.saturating_mul(processors).min(program.limits.processor_time);
    let processor_time = used.map_or_else(at_most, Duration::from_millis);
    let reported = program.denied.iter().filter(|denied| denied.absent == Absent::Report);
    let appeared = |path: &&PathBuf| path.symlink_metadata().is_ok() && !talk.there_before.contains(path);
    let appeared = reported.map(|denied| &denied.path).filter(appeared).cloned().collect();
    let [stdout, stderr] = talk.kept.map(Keep::output);
    Ok(Outcome { end, stdout, stderr, wall_time, processor_time, enforced, appeared })
}

/// A supervisor that does not outlive this value.
struct Running {
    child: Child,
    socket: UnixStream,
    has_ended: bool,
}

impl Running {
    fn start(supervisor: &Supervisor, network: bool) -> io::Result<Running> {
        let (socket, theirs) = UnixStream::pair()?;
        let child = Command::new(supervisor.path())
            .arg0("libos-confine")
            .args([crate::SUPERVISE_VERB, if network { OUTER_WITH_NETWORK } else { OUTER }])
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running { child, socket, has_ended: false })
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        let _ = self.socket.shutdown(Shutdown::Both);
        // Without such a handle it is killed now: its pipes are closed, so it is done or should be.
        if let Ok(handle) = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()) {
            let grace = Timespec { tv_sec: GRACE.as_secs().cast_signed(), tv_nsec: 0 };
            let _ = poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&grace));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// What comes from the supervisor and the program.
struct Talk {
    pipes: [Option<OwnedFd>; 2],
    kept: [Keep; 2],
    /// Bytes of both outputs.
    total: u64,
    heard: Vec<u8>,
    hears: bool,
    /// Denied names at which something was before.
    there_before: Vec<PathBuf>,
}

impl Talk {
    fn new(running: &mut Running, program: &Program) -> io::Result<Talk> {
        let pipes = [running.child.stdout.take().map(OwnedFd::from), running.child.stderr.take().map(OwnedFd::from)];
        for pipe in pipes.iter().flatten() {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        running.socket.set_write_timeout(Some(GRACE))?;
        let keep = || Keep::new(program.limits.kept_bytes);
        let there = |path: &PathBuf| path.symlink_metadata().is_ok();
        let there_before = program.denied.iter().map(|denied| denied.path.clone()).filter(there).collect();
        Ok(Talk { pipes, kept: [keep(), keep()], total: 0, heard: Vec::new(), hears: true, there_before })
    }

    /// Waits until something can be read, and reads it; false when all has ended.
    fn go_on(&mut self, socket: &UnixStream, deadline: Instant) -> io::Result<bool> {
        let mut handles = Vec::with_capacity(3);
        handles.extend(self.hears.then(|| PollFd::new(socket, PollFlags::IN)));
        handles.extend(self.pipes.iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        if handles.is_empty() {
            return Ok(false);
        }
        let left = deadline.saturating_duration_since(Instant::now()).min(LOOK_AFTER);
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut handles, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0; CHUNK_BYTES];
        if self.hears {
            match (&mut &*socket).read(&mut chunk) {
                Ok(count) if count > 0 => self.heard.extend_from_slice(&chunk[..count]),
                Err(error) if is_later(&error) => {}
                _ => self.hears = false,
            }
        }
        for (pipe, kept) in self.pipes.iter_mut().zip(&mut self.kept) {
            let Some(open) = pipe else { continue };
            match rustix::io::read(open.as_fd(), &mut chunk) {
                Ok(0) => *pipe = None,
                Ok(count) => {
                    self.total += count as u64;
                    kept.add(&chunk[..count]);
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => *pipe = None,
            }
        }
        Ok(true)
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The first and the last bytes of what may be endless.
struct Keep {
    head: Vec<u8>,
    head_max: usize,
    tail: VecDeque<u8>,
    tail_max: usize,
    cut: u64,
}

impl Keep {
    fn new(bytes: usize) -> Keep {
        let head_max = bytes / 2;
        Keep { head: Vec::new(), head_max, tail: VecDeque::new(), tail_max: bytes - head_max, cut: 0 }
    }

    fn add(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.head_max - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.tail_max);
        self.tail.drain(..over);
        self.cut += over as u64;
    }

    fn output(self) -> Output {
        Output { head: self.head, tail: self.tail.into(), cut: self.cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_bytes_are_kept_and_what_is_cut_is_counted() {
        let kept = |parts: &[&str]| {
            let mut keep = Keep::new(5);
            parts.iter().for_each(|part| keep.add(part.as_bytes()));
            let output = keep.output();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (text(output.head), text(output.tail), output.cut)
        };
        let want = |head: &str, tail: &str, cut| (head.to_owned(), tail.to_owned(), cut);
        assert_eq!(kept(&["a"]), want("a", "", 0));
        assert_eq!(kept(&["ab", "cde"]), want("ab", "cde", 0));
        assert_eq!(kept(&["abcdefgh"]), want("ab", "fgh", 3));
        assert_eq!(kept(&["a", "b", "c", "d", "e", "f"]), want("ab", "def", 1));
    }
}
