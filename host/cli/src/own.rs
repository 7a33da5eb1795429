//! Files that belong to the person or to the host itself, the clock, and programs: the command line's own doors to the system. Nothing
//! that an agent asks for passes here; that is the world's.

#![expect(
    clippy::disallowed_methods,
    reason = "a person's command acts as that person, on files that the person names"
)]

use libos_kernel::model::time::Time;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs;
use std::io::{self, Read, Write};
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

/// The content of a file of settings, which may lie where agents write: a regular file of so many bytes at most, and text. Waits for
/// nobody. `through_links`: whether the name may be a symbolic link.
///
/// # Errors
/// It is not there, or is something else.
pub fn read_settings(path: &Path, at_most: usize, through_links: bool) -> io::Result<String> {
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let stay = if through_links { OFlags::empty() } else { OFlags::NOFOLLOW };
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY | stay).bits()).map_err(io::Error::other)?;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(number) if number == Errno::LOOP.raw_os_error() => wrong("it is a symbolic link".into()),
        // A socket cannot be opened at all.
        Some(number) if number == Errno::NXIO.raw_os_error() => wrong("it is no regular file".into()),
        _ => error,
    })?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(wrong("it is a directory".into()));
    }
    if !metadata.is_file() {
        return Err(wrong("it is a pipe or a device, no regular file".into()));
    }
    let mut content = Vec::new();
    file.take(at_most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > at_most {
        return Err(wrong(format!("it has more than {at_most} bytes")));
    }
    String::from_utf8(content)
        .map_err(|error| wrong(format!("it is no UTF-8 text: byte {}", error.utf8_error().valid_up_to() + 1)))
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
