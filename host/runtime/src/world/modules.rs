//! The folder that the modules of a script lie in, as a person named it: regular files below it, no link followed, nobody waited for.

#![expect(clippy::disallowed_methods, reason = "a folder that a person names")]

use libos_kernel::model::limit;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

/// An open folder. What lies in it is read through it, whatever its path leads to later.
#[derive(Debug)]
pub struct ModuleFolder {
    folder: OwnedFd,
}

/// Why a file of a folder is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Nothing has that name.
    #[error("there is no such file")]
    Missing,
    /// It has more bytes than a module may have.
    #[error("it has more than {} bytes, the most of a module", limit::SCRIPT_MODULE_BYTES_MAX)]
    TooLarge,
    /// It is something else.
    #[error("{0}")]
    Other(String),
}

impl ModuleFolder {
    /// Opens a folder. Links in its own path are followed.
    ///
    /// # Ambient authority
    /// Opens whatever a person names.
    ///
    /// # Errors
    /// It is no folder, or cannot be opened.
    pub fn open(path: &Path) -> std::io::Result<ModuleFolder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(ModuleFolder { folder })
    }

    /// The bytes of a file below it. `name` has names of files between slashes, none of them empty, `.` or `..`.
    ///
    /// # Errors
    /// There is none, it is no regular file, a link leads there, or it is too large.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Unread> {
        let mut below: Option<OwnedFd> = None;
        let mut segments = name.split('/').peekable();
        while let Some(segment) = segments.next() {
            if matches!(segment, "" | "." | "..") || segment.contains('\0') {
                return Err(Unread::Other("that is no name of a file".into()));
            }
            let at = below.as_ref().unwrap_or(&self.folder);
            if segments.peek().is_none() {
                return file(at, segment);
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            below = Some(openat(at, segment, flags, Mode::empty()).map_err(|errno| not_a_folder(at, segment, errno))?);
        }
        Err(Unread::Missing)
    }
}

fn not_a_folder(at: &OwnedFd, name: &str, errno: Errno) -> Unread {
    let is_link =
        || statat(at, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| kind(stat.st_mode) == FileType::Symlink);
    match errno {
        Errno::NOENT => Unread::Missing,
        Errno::LOOP | Errno::NOTDIR if is_link() => link(),
        Errno::NOTDIR => Unread::Missing,
        errno => Unread::Other(errno.to_string()),
    }
}

fn kind(mode: u32) -> FileType {
    FileType::from_raw_mode(mode)
}

fn link() -> Unread {
    Unread::Other("it is a symbolic link, or lies behind one; put the file itself there".into())
}

/// A pipe is not opened: that would wake its other end. What was opened is looked at again, because it may be another.
fn file(at: &OwnedFd, name: &str) -> Result<Vec<u8>, Unread> {
    let unread = |errno: Errno| match errno {
        Errno::NOENT => Unread::Missing,
        Errno::LOOP => link(),
        errno => Unread::Other(errno.to_string()),
    };
    match kind(statat(at, name, AtFlags::SYMLINK_NOFOLLOW).map_err(unread)?.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(link()),
        FileType::Directory => return Err(Unread::Other("it is a folder; name a file in it".into())),
        _ => return Err(Unread::Other("it is a device, a pipe or a socket, no regular file".into())),
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(openat(at, name, flags, Mode::empty()).map_err(unread)?);
    let other = |error: std::io::Error| Unread::Other(error.to_string());
    if !file.metadata().map_err(other)?.is_file() {
        return Err(Unread::Other("it was replaced while it was looked at".into()));
    }
    let mut bytes = Vec::new();
    file.take(limit::SCRIPT_MODULE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(other)?;
    if bytes.len() > limit::SCRIPT_MODULE_BYTES_MAX { Err(Unread::TooLarge) } else { Ok(bytes) }
}
