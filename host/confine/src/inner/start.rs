//! Starts the program: the very file that was resolved, with nothing but what was ordered.

#![expect(clippy::disallowed_methods, reason = "the program is started here, after all is in force")]

use super::view::{HOME, TMPDIR};
use crate::program::Identity;
use crate::wire::Orders;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;

/// Starts it; says which process it is.
pub(super) fn program(mut orders: Orders) -> Result<Pid, String> {
    let executable = orders.executable();
    let shown = executable.path.display();
    let file = open(&executable.path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
        .map_err(|error| format!("{shown} is not in what the program is given: {error}"))?;
    if Identity::of(&file).ok() != Some(executable.identity) {
        return Err(format!("{shown} is another file than the one that was resolved"));
    }
    let mut arguments = orders.arguments().into_iter();
    let stdin = orders.take_stdin();
    let mut command = Command::new(way_to(&file, &executable.path));
    command
        .arg0(arguments.next().unwrap_or_else(|| executable.path.clone().into()))
        .args(arguments)
        .env_clear()
        .envs(orders.environment())
        .env("HOME", HOME)
        .env("TMPDIR", TMPDIR)
        .current_dir(orders.directory().map_or(PathBuf::from(TMPDIR), |directory| directory.path))
        .stdin(if stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
    // Before the program, which may leave no room for another thread.
    let (give, pipe) = mpsc::channel::<ChildStdin>();
    if !stdin.is_empty() {
        // How it ends is of no interest: who does not read its input may do so.
        let write = move || pipe.recv().is_ok_and(|mut pipe| pipe.write_all(&stdin).is_ok());
        thread::Builder::new().spawn(write).map_err(|error| format!("its input cannot be written: {error}"))?;
    }
    let mut child = command.spawn().map_err(|error| format!("{shown}: {error}"))?;
    if let Some(pipe) = child.stdin.take() {
        give.send(pipe).map_err(|error| format!("its input cannot be written: {error}"))?;
    }
    Ok(Pid::from_child(&child))
}

/// A program of machine code is started by its handle, so that no other file can come in its place. The interpreter of a script opens it
/// by its path.
fn way_to(file: &OwnedFd, path: &Path) -> PathBuf {
    let mut magic = [0; 4];
    let is_script =
        File::open(path).and_then(|mut opened| opened.read_exact(&mut magic)).is_ok_and(|()| magic[..2] == *b"#!");
    if is_script { path.into() } else { PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())) }
}
