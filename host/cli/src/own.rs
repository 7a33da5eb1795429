//! Files that belong to the person or to the host itself, the clock, and programs: the command line's own doors to the system. Nothing
//! that an agent asks for passes here; that is the world's.

#![expect(
    clippy::disallowed_methods,
    reason = "a person's command acts as that person, on files that the person names"
)]

use libos_kernel::model::time::Time;
use rustix::fs::{CWD, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

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

/// The content of a secret: as [`read_settings`], of a file that nobody else can read or write.
///
/// # Errors
/// It is not there, is something else, or is open to others.
pub fn read_private(path: &Path, at_most: usize) -> io::Result<String> {
    let metadata = fs::symlink_metadata(path)?;
    let open_to = metadata.permissions().mode() & 0o077;
    if metadata.is_file() && open_to != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others can read or write it; chmod 600 closes it",
        ));
    }
    read_settings(path, at_most, false)
}

/// Makes a directory for this user only, and those above it.
///
/// # Errors
/// It cannot be made.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The end of a regular file, at most so many bytes; and whether that is all of it. Waits for nobody.
///
/// # Errors
/// It cannot be read, or is no regular file.
pub fn read_end(path: &Path, at_most: u64) -> io::Result<(Vec<u8>, bool)> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).map_err(io::Error::other)?;
    let mut file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no regular file"));
    }
    let from = metadata.len().saturating_sub(at_most);
    file.seek(io::SeekFrom::Start(from))?;
    let mut content = Vec::new();
    file.take(at_most).read_to_end(&mut content)?;
    Ok((content, from == 0))
}

/// Whether a directory is there and empty, or can be made.
///
/// # Errors
/// It cannot be read or made.
pub fn make_empty_directory(path: &Path) -> io::Result<bool> {
    fs::create_dir_all(path)?;
    Ok(fs::read_dir(path)?.next().is_none())
}

/// Removes a directory with all that is in it, if it is there.
///
/// # Errors
/// Something in it stays.
pub fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a file below a directory, with the directories on the way.
///
/// # Errors
/// It is there, or cannot be written.
pub fn create_below(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let path = directory.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    create(&path, 0o644, content)
}

/// Starts this very program, with its output to be read.
///
/// # Errors
/// It cannot be started.
pub fn start_self(arguments: &[OsString]) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Starts this very program, which goes on when this one has ended. Nobody reads its errors, and of its output only the first line.
///
/// # Errors
/// It cannot be started.
pub fn start_unwatched(arguments: &[OsString]) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
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

/// Makes a file that must not be there yet, all of it or nothing, whatever happens meanwhile.
///
/// # Errors
/// It is there, or cannot be written.
pub fn create_whole(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    let temporary = path.with_file_name(name);
    // Neither replaces a file that is there. Not every file system has both.
    let moved = create(&temporary, mode, content).and_then(|()| {
        match rustix::fs::renameat_with(CWD, &temporary, CWD, path, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::hard_link(&temporary, path),
            other => other.map_err(io::Error::from),
        }
    });
    let _ = fs::remove_file(&temporary);
    moved?;
    match path.parent() {
        Some(directory) => fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Whether something has this name, be it a link that leads nowhere.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
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

/// Waits, in a command that does nothing else.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The time, for ages.
pub fn now() -> Time {
    Time::default().after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
