//! A process at a terminal of its own, so that it takes us for a person.

use crate::shell::Result;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing new on the terminal for so long: the process has said what it has to say.
const QUIET: Duration = Duration::from_millis(300);
/// But no longer than that.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// The process and what its terminal shows.
pub struct Terminal {
    child: Mutex<Child>,
    pid: u32,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    bytes: Vec<u8>,
    last: Instant,
}

impl Terminal {
    /// Starts a command at a new terminal.
    pub fn start(command: &mut Command) -> Result<Terminal> {
        let cannot = |error: rustix::io::Errno| format!("no terminal can be made: {error}");
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(cannot)?;
        grantpt(&ours).and_then(|()| unlockpt(&ours)).map_err(cannot)?;
        let theirs = ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY).map_err(cannot)?;
        let copy = || theirs.try_clone().map_err(|error| format!("no terminal can be made: {error}"));
        command.env("TERM", "dumb").stdin(copy()?).stdout(copy()?).stderr(theirs);
        let child = command.spawn().map_err(|error| format!("libos does not start: {error}"))?;
        let shown = Arc::new(Mutex::new(Shown { bytes: Vec::new(), last: Instant::now() }));
        let (screen, mut ours) = (Arc::clone(&shown), File::from(ours));
        // It ends when the process does and the terminal with it. The command holds that open, too, until its owner drops it.
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = ours.read(&mut bytes) {
                let mut shown = lock(&screen);
                shown.bytes.extend(&bytes[..count]);
                shown.last = Instant::now();
            }
        });
        Ok(Terminal { pid: child.id(), child: Mutex::new(child), shown })
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        lock(&self.child).try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits until the terminal is quiet.
    pub fn settle(&self) {
        let began = Instant::now();
        while lock(&self.shown).last.elapsed() < QUIET && began.elapsed() < SETTLE_MAX {
            thread::sleep(QUIET / 10);
        }
    }

    /// What the terminal shows.
    pub fn shown(&self) -> String {
        screen(&String::from_utf8_lossy(&lock(&self.shown).bytes))
    }

    /// Waits until the process has ended, and says by which signal, if it was one.
    pub fn wait(self) -> Result<Option<i32>> {
        let status = lock(&self.child).wait().map_err(|error| format!("process {}: {error}", self.pid))?;
        Ok(status.signal())
    }
}

impl Drop for Terminal {
    /// A story that fails half-way leaves no process behind.
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        if child.kill().is_ok() {
            // It was killed; there is nothing to learn from how it ended.
            let _ = child.wait();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is left on the screen of a stream with carriage returns and escape sequences.
fn screen(stream: &str) -> String {
    let mut plain = String::new();
    let mut characters = stream.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A control sequence ends with a letter.
            let _ = characters.find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    let lines = plain.split('\n').map(|line| line.trim_end_matches('\r'));
    lines.map(|line| line.rsplit('\r').next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_lines_leave_only_their_last_state() {
        assert_eq!(screen("\r\u{1b}[Kone ...\r\u{1b}[Ktwo\r\n\u{1b}[1mthree\u{1b}[0m"), "two\nthree");
    }

    #[test]
    fn a_process_takes_it_for_a_terminal_and_dies_by_the_signal() {
        let terminal =
            Terminal::start(Command::new("sh").args(["-c", "test -t 0 && test -t 2 && echo yes; sleep 60"])).unwrap();
        let deadline = Instant::now() + SETTLE_MAX;
        while terminal.shown().is_empty() && Instant::now() < deadline {
            thread::sleep(QUIET / 10);
        }
        assert_eq!(terminal.shown().trim(), "yes");
        assert!(!terminal.has_ended());
        lock(&terminal.child).kill().unwrap();
        assert_eq!(terminal.wait(), Ok(Some(9)));
    }
}
