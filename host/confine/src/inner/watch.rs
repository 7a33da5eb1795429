//! Waits for the program's end, and looks meanwhile whether the host is still there and what all processes use together.

use crate::outcome::{Bound, End};
use crate::wire::{InnerLimits, Report, say};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, WaitOptions, wait};
use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Between two looks.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// Milliseconds of a clock tick in `/proc/PID/stat` (`USER_HZ`, the same on all processors that libos runs on).
const TICK_MILLISECONDS: u64 = 10;

/// The thread that looks, and the way to say how it ended.
pub(super) struct Watch {
    last_word: Arc<Mutex<UnixStream>>,
}

impl Watch {
    /// Begins to look: before the program starts, which may leave no room for another thread.
    pub fn begin(socket: UnixStream, limits: InnerLimits) -> io::Result<Watch> {
        let also = socket.try_clone()?;
        let last_word = Arc::new(Mutex::new(socket));
        let theirs = Arc::clone(&last_word);
        std::thread::Builder::new().spawn(move || watch(&also, &limits, &theirs))?;
        Ok(Watch { last_word })
    }

    /// Says why nothing was started.
    pub fn not_started(&self, why: String) -> ExitCode {
        let socket = self.last_word.lock().unwrap_or_else(PoisonError::into_inner);
        super::failed(&socket, &Report::NotStarted(why))
    }

    /// Says how the program ended, and takes everything down with this process.
    pub fn until_the_end(&self, program: Pid) -> ExitCode {
        loop {
            match wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) if pid == program => {
                    let end = match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => End::Exited(code),
                        (None, Some(signal)) => End::Signalled(signal),
                        (None, None) => continue,
                    };
                    end_with(&self.last_word, end, used().0);
                }
                // Some other's child whose parent is gone.
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return ExitCode::FAILURE,
            }
        }
    }
}

/// Whoever comes first says it; the process ends with that.
fn end_with(last_word: &Mutex<UnixStream>, end: End, milliseconds: u64) -> ! {
    let socket = last_word.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = say(&*socket, &Report::Ended(end, milliseconds));
    std::process::exit(0);
}

fn watch(socket: &UnixStream, limits: &InnerLimits, last_word: &Mutex<UnixStream>) {
    loop {
        let mut handles = [PollFd::new(socket, PollFlags::IN)];
        match poll(&mut handles, Some(&LOOK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            // The host says nothing more, so it is gone, or wants this to end and hears what it has cost.
            _ => {
                let socket = last_word.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = say(&*socket, &Report::Left(used().0));
                std::process::exit(1)
            }
        }
        let (milliseconds, bytes) = used();
        if milliseconds > limits.processor_milliseconds {
            end_with(last_word, End::Stopped(Bound::ProcessorTime), milliseconds);
        }
        if bytes > limits.memory_bytes {
            end_with(last_word, End::Stopped(Bound::Memory), milliseconds);
        }
    }
}

/// Milliseconds of processor time that all processes of the namespace have used, with those that have ended, and bytes of memory that
/// they hold and that are of no file.
fn used() -> (u64, u64) {
    let Ok(entries) = super::view::list("/proc") else { return (0, 0) };
    let (mut ticks, mut bytes) = (0_u64, 0_u64);
    for pid in entries.iter().filter_map(|name| name.parse().ok()).filter_map(Pid::from_raw) {
        let number = pid.as_raw_nonzero();
        // One that has ended meanwhile is in what its parent has of it.
        let stat = super::view::read_text(&format!("/proc/{number}/stat")).unwrap_or_default();
        ticks += ticks_of(&stat);
        let status = super::view::read_text(&format!("/proc/{number}/status")).unwrap_or_default();
        bytes = bytes.saturating_add(bytes_of(&status));
    }
    (ticks * TICK_MILLISECONDS, bytes)
}

/// Fields 14 to 17 of `/proc/PID/stat`: its own time and that of children whose end it has seen, in the program and in the kernel.
fn ticks_of(stat: &str) -> u64 {
    // The name, in brackets, may hold anything.
    let Some((_, fields)) = stat.rsplit_once(')') else { return 0 };
    fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Memory without what is read from files, of `/proc/PID/status`.
fn bytes_of(status: &str) -> u64 {
    let kinds = ["RssAnon:", "RssShmem:", "VmSwap:"];
    let lines = status.lines().filter_map(|line| kinds.iter().find_map(|kind| line.strip_prefix(kind)));
    lines.filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).sum::<u64>() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_read_whatever_a_process_calls_itself() {
        let stat = "7 (a) R 1 ) (b) S 1 7 7 0 -1 4194560 93 0 0 0 11 22 33 44 20 0 1 0 100 0 0";
        assert_eq!(ticks_of(stat), 110);
        assert_eq!(ticks_of("nonsense"), 0);
        let status =
            "Name:\tx\nVmRSS:\t  999 kB\nRssAnon:\t     100 kB\nRssFile:\t 50 kB\nRssShmem:\t 4 kB\nVmSwap:\t 2 kB\n";
        assert_eq!(bytes_of(status), 106 << 10);
    }
}
