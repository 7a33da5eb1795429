//! The standard tools that look for files and for text in files.

mod glob;
mod ignore;
mod text;
mod walk;

use glob::{Glob, Name};
use libos::Failure;
use libos::fs::{self, Kind};
use libos_tools_common::within;
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use text::{Line, Room};
use walk::{Met, Skipped, Walk};

/// Bytes of one file that are looked at.
const FILE_BYTES_MAX: usize = 8 << 20;
/// Bytes of the lines that one search shows.
const SHOWN_BYTES_MAX: usize = 128 * 1024;
/// Bytes of the paths that one search shows.
const PATHS_BYTES_MAX: usize = 256 * 1024;
/// A file of at least so many bytes is looked at before it is read as a whole.
const LOOK_FIRST: u64 = 64 * 1024;

/// What kind of entry to look for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Files.
    #[default]
    File,
    /// Directories.
    Directory,
    /// Files, directories, links and what else there is.
    Any,
}

/// Text that was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Found {
    files: Vec<FileLines>,
    /// Lines that match, in all files that are returned.
    matches: usize,
    /// How many files were looked through.
    files_searched: usize,
    /// Whether there may be more: search below a smaller `path`, with a `glob` or with a narrower pattern.
    truncated: bool,
    /// How much was left out, by reason.
    #[serde(skip_serializing_if = "Skipped::is_empty")]
    skipped: Skipped,
}

/// The lines of one file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileLines {
    path: String,
    /// In order; empty with `files_only`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
}

/// Paths that were found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Paths {
    /// In the order of their names, directory by directory.
    paths: Vec<String>,
    count: usize,
    /// Whether there may be more: search below a smaller `path` or with a narrower pattern.
    truncated: bool,
    /// How much was left out, by reason.
    #[serde(skip_serializing_if = "Skipped::is_empty")]
    skipped: Skipped,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Searches the lines of text files below a directory with a regular expression. Use it to find where something is defined or used;
    /// then read the place with read_text_file. Leaves out what .gitignore and .ignore files name, .git, and binary files. Looks at the
    /// first 8 MiB of a file and at 32 MiB in all. Example: {"pattern": "fn \\w+_total\\(", "path": "src", "glob": "*.rs", "context": 2}
    #[needs("read,list fs:**")]
    pub fn search_text(
        /// A regular expression (RE2 syntax: no look-around, no back-references), matched within each line.
        pattern: String,
        /// The directory to search below, or one file; the working directory if left out.
        path: Option<String>,
        /// Only files that match: `*.rs` by name anywhere, `src/**/*.{ts,tsx}` by path below `path`.
        glob: Option<String>,
        /// Whether `pattern` is plain text instead; false if left out.
        literal: Option<bool>,
        /// Whether upper and lower case are the same; false if left out.
        ignore_case: Option<bool>,
        /// Lines to show on both sides of a match: 0 to 20; 0 if left out.
        #[schemars(range(max = 20))]
        context: Option<u32>,
        /// Whether only the files with a match are returned, without lines; false if left out.
        files_only: Option<bool>,
        /// Most matching lines, or files with `files_only`: 1 to 1000; 100 if left out.
        #[schemars(range(min = 1, max = 1_000))]
        limit: Option<u32>,
        /// Whether files are searched too that ignore files name; false if left out.
        include_ignored: Option<bool>,
    ) -> libos::Result<Found> {
        let search = Search {
            pattern: text::pattern(&pattern, literal.unwrap_or(false), ignore_case.unwrap_or(false))
                .map_err(Failure::invalid_arguments)?,
            globs: globs("glob", glob.as_deref().unwrap_or("**"))?,
            context: match context.unwrap_or(0) {
                lines @ 0..=20 => lines as usize,
                lines => {
                    return Err(Failure::invalid_arguments(format_args!("context is {lines}; it must be 0 to 20")));
                }
            },
            files_only: files_only.unwrap_or(false),
        };
        let room = Room { lines: within("limit", limit, 100, 1_000)? as usize, bytes: SHOWN_BYTES_MAX };
        search.run(path.as_deref().unwrap_or("."), include_ignored.unwrap_or(false), room)
    }

    /// Finds files by a glob pattern below a directory. Use it when the name is known but not the place; read_directory shows what is in
    /// one directory. Leaves out what .gitignore and .ignore files name, and .git; links are not followed. Looks at 100,000 entries at
    /// most. Example: {"pattern": "**/test_*.py", "path": "tests"}
    #[needs("read,list fs:**")]
    pub fn find_files(
        /// Without a slash it matches names in whatever directory (`*.rs`), with one the path below `path` (`src/**/mod.rs`). `*`, `?`,
        /// `[a-z]`, `**` for any directories, `{a,b}`.
        pattern: String,
        /// The directory to look below; the working directory if left out.
        path: Option<String>,
        /// What is found; `file` if left out.
        kind: Option<Wanted>,
        /// Most paths to return: 1 to 10000; 500 if left out.
        #[schemars(range(min = 1, max = 10_000))]
        limit: Option<u32>,
        /// Whether what ignore files name is found too; false if left out.
        include_ignored: Option<bool>,
    ) -> libos::Result<Paths> {
        let globs = globs("pattern", &pattern)?;
        let limit = within("limit", limit, 500, 10_000)? as usize;
        let (mut paths, mut bytes) = (Vec::new(), 0);
        let mut walk = Walk::new(!include_ignored.unwrap_or(false));
        let whole = walk.run(path.as_deref().unwrap_or("."), &mut |_, met: Met| {
            let is_wanted = match kind.unwrap_or_default() {
                Wanted::File => met.entry.kind == Kind::File,
                Wanted::Directory => met.entry.kind == Kind::Directory,
                Wanted::Any => true,
            };
            if !(is_wanted && matches(&globs, met.below)) {
                return ControlFlow::Continue(());
            }
            bytes += met.path.len();
            if paths.len() == limit || bytes > PATHS_BYTES_MAX {
                return ControlFlow::Break(());
            }
            paths.push(met.path);
            ControlFlow::Continue(())
        })?;
        Ok(Paths { count: paths.len(), paths, truncated: !whole, skipped: walk.skipped })
    }
}

/// The patterns that an argument stands for.
fn globs(argument: &str, pattern: &str) -> libos::Result<Vec<Glob>> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::invalid_arguments(format_args!("{argument} {pattern:?} is no glob pattern: it {why}"))
    };
    if pattern.len() > glob::PATTERN_BYTES_MAX {
        return Err(Failure::invalid_arguments(format_args!("{argument} has more than 1,024 bytes")));
    }
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let patterns = glob::alternatives(pattern).map_err(|why| wrong(&why))?;
    patterns.iter().map(|pattern| Glob::parse(pattern).map_err(|why| wrong(&why))).collect()
}

fn matches(globs: &[Glob], below: &[Name]) -> bool {
    let name = below.len().saturating_sub(1);
    globs.iter().any(|glob| glob.matches(if glob.is_name() { &below[name..] } else { below }))
}

/// What `search_text` was asked for.
struct Search {
    pattern: Regex,
    globs: Vec<Glob>,
    context: usize,
    files_only: bool,
}

impl Search {
    fn run(&self, path: &str, include_ignored: bool, mut room: Room) -> libos::Result<Found> {
        let (mut files, mut searched, most) = (Vec::new(), 0, room.lines);
        let mut paths_left = PATHS_BYTES_MAX;
        let mut walk = Walk::new(!include_ignored);
        let whole = walk.run(path, &mut |walk, met: Met| {
            if met.entry.kind != Kind::File || !matches(&self.globs, met.below) {
                return ControlFlow::Continue(());
            }
            let content = match read(walk, &met.path, met.entry.size) {
                Ok(Some(content)) => content,
                Ok(None) => return ControlFlow::Continue(()),
                Err(Full) => return ControlFlow::Break(()),
            };
            searched += 1;
            let (lines, more) = if self.files_only {
                let is_found = self.is_in(&content);
                if is_found && room.lines == 0 {
                    return ControlFlow::Break(());
                }
                room.lines -= usize::from(is_found);
                (is_found.then(Vec::new), false)
            } else {
                let (lines, more) = text::find(&content, &self.pattern, self.context, &mut room);
                ((!lines.is_empty()).then_some(lines), more)
            };
            if let Some(lines) = lines {
                paths_left = paths_left.saturating_sub(met.path.len());
                files.push(FileLines { path: met.path, lines });
            }
            if more || paths_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let matches = most - room.lines;
        Ok(Found { files, matches, files_searched: searched, truncated: !whole, skipped: walk.skipped })
    }

    /// Whether there is a match at all.
    fn is_in(&self, content: &[u8]) -> bool {
        let (_, more) = text::find(content, &self.pattern, 0, &mut Room { lines: 0, bytes: 0 });
        more
    }
}

/// The walk has read as much as it may.
struct Full;

/// What is to be looked at of a file; none if nothing is.
fn read(walk: &mut Walk, path: &str, size: u64) -> Result<Option<Vec<u8>>, Full> {
    if size == 0 {
        return Ok(Some(Vec::new()));
    }
    let mut content = Vec::new();
    if size >= LOOK_FIRST {
        match piece(walk, path, 0, text::BINARY_LOOK)? {
            Some(start) if text::is_binary(&start) => {
                walk.skipped.binary += 1;
                return Ok(None);
            }
            Some(start) => content = start,
            None => return Ok(None),
        }
    }
    let Some(rest) = piece(walk, path, content.len(), FILE_BYTES_MAX - content.len())? else { return Ok(None) };
    content.extend(rest);
    if text::is_binary(&content) {
        walk.skipped.binary += 1;
        return Ok(None);
    }
    if content.len() >= FILE_BYTES_MAX {
        walk.skipped.too_large += 1;
    }
    Ok(Some(content))
}

fn piece(walk: &mut Walk, path: &str, offset: usize, wanted: usize) -> Result<Option<Vec<u8>>, Full> {
    let most = wanted.min(walk.budget.bytes);
    if most == 0 || !walk.take_import() {
        return Err(Full);
    }
    match fs::read_range(path, offset as u64, u32::try_from(most).unwrap_or(u32::MAX)) {
        Ok(bytes) => {
            walk.budget.bytes -= bytes.len();
            // The file may go on behind what could be read.
            if bytes.len() == most && most < wanted { Err(Full) } else { Ok(Some(bytes)) }
        }
        Err(error) => {
            walk.skipped.count(&error);
            Ok(None)
        }
    }
}
