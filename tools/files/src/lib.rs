//! The standard tools for files and directories.

mod directory;
mod lines;

use directory::{Created, Deleted, Listing};
use libos::Failure;
use libos::fs::{self, WriteMode};
use libos_tools_common::Encoding;
use schemars::JsonSchema;
use serde::Serialize;

/// A part of a text file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TextFile {
    path: String,
    content: String,
    /// Bytes of `content`.
    bytes_read: usize,
    /// Whether the file goes on after `content`.
    truncated: bool,
    /// With a range of lines: the last line of `content`, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_line: Option<usize>,
}

/// A file that was written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WrittenFile {
    path: String,
    bytes_written: usize,
}

/// Where relative paths start.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WorkingDirectory {
    /// Absolute: `/<mount>` or `/<mount>/<segments>`.
    working_directory: String,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Reads a text file (UTF-8) from its start, or the lines `start_line` to `end_line`. A long file is cut at `max_bytes`, never inside
    /// a character, and with a range of lines behind a whole line; `truncated` says so. Lines are found in the first 32 MiB of a file.
    /// Example: {"path": "src/main.rs", "start_line": 120, "end_line": 160}
    #[needs("read fs:**")]
    pub fn read_text_file(
        /// The file, relative to the working directory or absolute as `/<mount>/...`.
        path: String,
        /// Only `utf-8`.
        encoding: Option<Encoding>,
        /// Most bytes to read: 1 to 1048576; 65536 if left out.
        #[schemars(range(min = 1, max = 1_048_576))]
        max_bytes: Option<u32>,
        /// The first line to read, from 1.
        #[schemars(range(min = 1))]
        start_line: Option<u32>,
        /// The last line to read; up to the end if left out.
        #[schemars(range(min = 1))]
        end_line: Option<u32>,
    ) -> libos::Result<TextFile> {
        let Encoding::Utf8 = encoding.unwrap_or_default();
        let max_bytes = libos_tools_common::within("max_bytes", max_bytes, 64 * 1024, 1024 * 1024)?;
        if start_line.is_none() && end_line.is_none() {
            let text = libos_tools_common::read_text(&path, max_bytes)?;
            let bytes_read = text.content.len();
            return Ok(TextFile {
                path,
                bytes_read,
                content: text.content,
                truncated: text.truncated,
                last_line: None,
            });
        }
        let first = libos_tools_common::within("start_line", start_line, 1, u32::MAX)?;
        let last = libos_tools_common::within("end_line", end_line, u32::MAX, u32::MAX)?;
        if last < first {
            let message = format_args!("end_line is {last}, before start_line, which is {first}").to_string();
            return Err(Failure::invalid_arguments(message));
        }
        let lines = lines::read(&path, first, last, max_bytes)?;
        let (content, truncated) = (lines.content, lines.truncated);
        Ok(TextFile { path, bytes_read: content.len(), content, truncated, last_line: Some(lines.last) })
    }

    /// Writes a text file (UTF-8, at most 16 MiB) as a whole. Its directory must exist.
    #[needs("write fs:**")]
    pub fn write_text_file(
        /// The file, relative to the working directory or absolute as `/<mount>/...`.
        path: String,
        /// All that the file will hold.
        content: String,
        /// Only `utf-8`.
        encoding: Option<Encoding>,
        /// Whether an existing file is replaced; true if left out. With false, an existing file is an error.
        overwrite: Option<bool>,
    ) -> libos::Result<WrittenFile> {
        let Encoding::Utf8 = encoding.unwrap_or_default();
        let mode = if overwrite.unwrap_or(true) { WriteMode::CreateOrReplace } else { WriteMode::CreateNew };
        fs::write_with_mode(&path, &content, mode)?;
        Ok(WrittenFile { path, bytes_written: content.len() })
    }

    /// Lists a directory, sorted by name.
    #[needs("list fs:**")]
    pub fn read_directory(
        /// The directory; `.` is the working directory.
        path: String,
        /// Most entries to return: 1 to 10000; 1024 if left out.
        #[schemars(range(min = 1, max = 10_000))]
        limit: Option<u32>,
    ) -> libos::Result<Listing> {
        directory::list(path, libos_tools_common::within("limit", limit, 1024, 10_000)?)
    }

    /// Makes a directory.
    #[needs("write,list fs:**")]
    pub fn write_directory(
        /// The new directory.
        path: String,
        /// Whether missing directories above it are made too; false if left out.
        parents: Option<bool>,
        /// Whether it is fine that the directory is there already; false if left out.
        exist_ok: Option<bool>,
    ) -> libos::Result<Created> {
        directory::make(path, parents.unwrap_or(false), exist_ok.unwrap_or(false))
    }

    /// Deletes a file or a symbolic link. An empty directory at the path is deleted too.
    #[needs("delete fs:**")]
    pub fn delete_file(
        /// The file.
        path: String,
        /// Whether it is fine that nothing is there; false if left out.
        missing_ok: Option<bool>,
    ) -> libos::Result<Deleted> {
        directory::delete_file(path, missing_ok.unwrap_or(false))
    }

    /// Deletes a directory: an empty one, or with `recursive` all that is in it (at most 100,000 entries).
    #[needs("list,delete fs:**")]
    pub fn delete_directory(
        /// The directory.
        path: String,
        /// Whether its content is deleted too; false if left out.
        recursive: Option<bool>,
        /// Whether it is fine that nothing is there; false if left out.
        missing_ok: Option<bool>,
    ) -> libos::Result<Deleted> {
        directory::delete(path, recursive.unwrap_or(false), missing_ok.unwrap_or(false))
    }

    /// Says which directory relative paths start from.
    #[needs()]
    pub fn get_working_directory() -> WorkingDirectory {
        WorkingDirectory { working_directory: fs::working_directory() }
    }

    /// Changes the directory that relative paths start from, for this process from now on.
    #[needs("list fs:**")]
    pub fn set_working_directory(
        /// An existing directory.
        path: String,
    ) -> libos::Result<WorkingDirectory> {
        fs::change_directory(&path)?;
        Ok(get_working_directory())
    }
}
