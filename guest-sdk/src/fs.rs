//! Files and directories beneath named mounts.
//!
//! A path is relative to the process's working directory, or absolute as `/<mount>/<segments>`; at most 4,096 bytes. The rights
//! named below are decided on `fs:<mount>/<segments>`.

use crate::Error;
use crate::bindings::libos::runtime::fs as raw;

pub use raw::{Entry, Kind, Metadata, WriteMode};

/// The whole content, at most 16 MiB ([`Error::TooLarge`]). Needs `read`.
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    Ok(raw::read(path)?)
}

/// The whole content as text. [`Error::Invalid`] if it is not UTF-8; else as [`read`].
pub fn read_to_string(path: &str) -> Result<String, Error> {
    String::from_utf8(read(path)?).map_err(|error| {
        Error::Invalid(format!("{path} is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
    })
}

/// Up to `length` bytes from byte `offset`; fewer, or none, at the end of the file. `length` is at most 16 MiB. Needs `read`.
pub fn read_range(path: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
    Ok(raw::read_range(path, offset, length)?)
}

/// Creates the file or replaces its content, at most 16 MiB. Readers see the old or the new content, never a mixture. Needs
/// `write`.
pub fn write(path: &str, content: impl AsRef<[u8]>) -> Result<(), Error> {
    write_with_mode(path, content, WriteMode::CreateOrReplace)
}

/// As [`write()`], but only where a file may, must not or must exist already.
pub fn write_with_mode(path: &str, content: impl AsRef<[u8]>, mode: WriteMode) -> Result<(), Error> {
    Ok(raw::write(path, content.as_ref(), mode)?)
}

/// Adds `content`, at most 16 MiB, at the end of an existing or new file. Needs `write`.
pub fn append(path: &str, content: impl AsRef<[u8]>) -> Result<(), Error> {
    Ok(raw::append(path, content.as_ref())?)
}

/// The entries of a directory, sorted by name, at most 10,000 ([`Error::TooLarge`]). Needs `list`.
pub fn list(path: &str) -> Result<Vec<Entry>, Error> {
    Ok(raw::list(path)?)
}

/// What is at the path; a link in the last segment is not followed. Needs `list`.
pub fn stat(path: &str) -> Result<Metadata, Error> {
    Ok(raw::stat(path)?)
}

/// Makes one directory; its parent must exist. Needs `write`.
pub fn make_dir(path: &str) -> Result<(), Error> {
    Ok(raw::make_dir(path)?)
}

/// Removes a file, a link or an empty directory. Needs `delete`.
pub fn remove(path: &str) -> Result<(), Error> {
    Ok(raw::remove(path, false)?)
}

/// Removes a directory with all that is in it, at most 100,000 entries. Needs `delete` on everything below it.
pub fn remove_dir_all(path: &str) -> Result<(), Error> {
    Ok(raw::remove(path, true)?)
}

/// Moves a file or directory within one mount; [`Error::AlreadyExists`] if the new name is taken. Needs `read` and `delete` on
/// the old name and `write` on the new one.
pub fn rename(old_path: &str, new_path: &str) -> Result<(), Error> {
    Ok(raw::rename(old_path, new_path, false)?)
}

/// As [`rename`], but a file may take the place of a file.
pub fn rename_replacing(old_path: &str, new_path: &str) -> Result<(), Error> {
    Ok(raw::rename(old_path, new_path, true)?)
}

/// Copies one file of at most 16 MiB; [`Error::AlreadyExists`] if the target's name is taken. Needs `read` on the source and
/// `write` on the target.
pub fn copy(source: &str, target: &str) -> Result<(), Error> {
    Ok(raw::copy(source, target, false)?)
}

/// As [`copy`], but a file may take the place of a file.
pub fn copy_replacing(source: &str, target: &str) -> Result<(), Error> {
    Ok(raw::copy(source, target, true)?)
}

/// The process's working directory, absolute. Needs nothing.
#[must_use]
pub fn working_directory() -> String {
    raw::working_directory()
}

/// Changes the process's working directory to an existing directory. Needs `list` on it.
pub fn change_directory(path: &str) -> Result<(), Error> {
    Ok(raw::change_directory(path)?)
}
