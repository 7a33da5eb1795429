//! Files that belong to the person or to the host itself, the clock, and programs: the command line's own doors to the system. Nothing
//! that an agent asks for passes here; that is the world's.

#![expect(
    clippy::disallowed_methods,
    reason = "a person's command acts as that person, on files that the person names"
)]

use libos_kernel::model::time::Time;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

/// The content of a file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// The content of a text file.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn read_text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
}

/// Makes a file that must not be there yet.
///
/// # Errors
/// It is there, or cannot be written.
pub fn create(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Removes a file if it is there.
///
/// # Errors
/// It is there and stays.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Runs this very program and waits for its end.
///
/// # Errors
/// It cannot be started.
pub fn run_self(argument: &str) -> io::Result<Output> {
    Command::new(std::env::current_exe()?).arg(argument).output()
}

/// Waits, in a command that does nothing else.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The time, for ages.
pub fn now() -> Time {
    Time::default().after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
