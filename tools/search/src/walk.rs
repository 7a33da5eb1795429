//! Going through everything below a directory, in the order of names, without what ignore files leave out.

use crate::glob::{Name, names};
use crate::ignore::{FILE_BYTES_MAX, Rules};
use libos::fs::{self, Entry, Kind};
use libos::{Error, Failure};
use libos_tools_common::paths::{absolute, join};
use schemars::JsonSchema;
use serde::Serialize;
use std::ops::ControlFlow;

/// System calls of one walk with what is done on the way: the host ends a call at 100,000.
const IMPORTS_MAX: u32 = 90_000;
/// Bytes of files that one walk reads: the host keeps what a call read, and ends it at 64 MiB.
pub const BYTES_MAX: usize = 32 << 20;
/// Entries of directories that one walk looks at: the host keeps them too.
const ENTRIES_MAX: usize = 100_000;
/// Comparisons of an entry with a rule of an ignore file.
const COMPARISONS_MAX: usize = 20_000_000;
/// Directories that are never gone into: histories of version control.
const HISTORIES: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// What was left out although it is below the directory and no ignore file speaks of it.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Skipped {
    /// Files that are no text: they have a zero byte at their beginning.
    #[serde(skip_serializing_if = "is_zero")]
    pub binary: u32,
    /// Files of which only the first 8 MiB were looked at, and directories of more than 10,000 entries.
    #[serde(skip_serializing_if = "is_zero")]
    pub too_large: u32,
    /// What this process may not list or read.
    #[serde(skip_serializing_if = "is_zero")]
    pub denied: u32,
    /// What could not be read: gone meanwhile, a name that is not UTF-8, a failing disk.
    #[serde(skip_serializing_if = "is_zero")]
    pub unreadable: u32,
    /// Ignore files with so many rules that only the first were followed.
    #[serde(skip_serializing_if = "is_zero")]
    pub long_ignore_files: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Skipped {
    pub fn is_empty(&self) -> bool {
        [self.binary, self.too_large, self.denied, self.unreadable, self.long_ignore_files] == [0; 5]
    }

    /// Counts what an attempt to read something came to.
    pub fn count(&mut self, error: &Error) {
        match error {
            Error::Denied(_) => self.denied += 1,
            Error::TooLarge(_) => self.too_large += 1,
            _ => self.unreadable += 1,
        }
    }
}

/// What one call may still do.
#[derive(Debug)]
pub struct Budget {
    pub imports: u32,
    pub bytes: usize,
    entries: usize,
    comparisons: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { imports: IMPORTS_MAX, bytes: BYTES_MAX, entries: ENTRIES_MAX, comparisons: COMPARISONS_MAX }
    }
}

/// An entry that was met.
pub struct Met<'a> {
    /// As it can be handed to another tool.
    pub path: String,
    /// Its segments below the directory where the walk began.
    pub below: &'a [Name],
    pub entry: &'a Entry,
}

/// A walk, and what it has come to.
#[derive(Debug, Default)]
pub struct Walk {
    /// Whether ignore files are followed.
    follows_ignore_files: bool,
    pub budget: Budget,
    pub skipped: Skipped,
    /// From the outermost directory on.
    rules: Vec<Rules>,
}

/// A directory that is being gone through.
struct Level {
    path: String,
    entries: std::vec::IntoIter<Entry>,
    /// How many files of rules were in force above it.
    rules: usize,
}

impl Walk {
    pub fn new(follows_ignore_files: bool) -> Self {
        Self { follows_ignore_files, ..Self::default() }
    }

    /// Shows every entry below a directory to `visit`, until that breaks off. False if it did, or if a limit was reached. A file is
    /// shown alone.
    pub fn run(&mut self, root: &str, visit: &mut dyn FnMut(&mut Self, Met) -> ControlFlow<()>) -> libos::Result<bool> {
        let working = fs::working_directory();
        let above: Vec<Name> = absolute(&working, root).iter().map(|segment| segment.chars().collect()).collect();
        let entries = match fs::list(root) {
            Ok(entries) => entries,
            Err(Error::WrongKind(_)) => return self.file(root, visit),
            Err(error) => return Err(Failure::from(error)),
        };
        if self.follows_ignore_files {
            self.rules_above(&above);
        }
        let mut path = above.clone();
        let mut levels = Vec::new();
        self.enter(&mut levels, root.to_owned(), entries, path.len());
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.entries.next() else {
                self.rules.truncate(level.rules);
                levels.pop();
                path.pop();
                continue;
            };
            let is_directory = entry.kind == Kind::Directory;
            if is_directory && HISTORIES.contains(&&*entry.name) {
                continue;
            }
            let shown = join(&level.path, &entry.name);
            path.push(entry.name.chars().collect());
            match self.ignores(&path, is_directory) {
                None => return Ok(false),
                Some(true) => drop(path.pop()),
                Some(false) => {
                    let met = Met { path: shown.clone(), below: &path[above.len()..], entry: &entry };
                    if visit(self, met).is_break() {
                        return Ok(false);
                    }
                    match is_directory.then(|| self.descend(&mut levels, shown, path.len())) {
                        Some(None) => return Ok(false),
                        Some(Some(true)) => {}
                        _ => drop(path.pop()),
                    }
                }
            }
        }
        Ok(true)
    }

    /// Goes into a directory; false if there is nothing to go through, none if a limit is reached.
    fn descend(&mut self, levels: &mut Vec<Level>, path: String, depth: usize) -> Option<bool> {
        self.take_import().then_some(())?;
        match fs::list(&path) {
            Ok(entries) => self.enter(levels, path, entries, depth),
            Err(error) => {
                self.skipped.count(&error);
                return Some(false);
            }
        }
        Some(true)
    }

    fn enter(&mut self, levels: &mut Vec<Level>, path: String, entries: Vec<Entry>, depth: usize) {
        let rules = self.rules.len();
        if self.follows_ignore_files {
            for name in [".gitignore", ".ignore"] {
                if entries.iter().any(|entry| entry.name == name && entry.kind == Kind::File) {
                    self.add_rules(&join(&path, name), depth);
                }
            }
        }
        levels.push(Level { path, entries: entries.into_iter(), rules });
    }

    /// The ignore files of the directories above, up to the mount. What may not be read there is as if it were not there.
    fn rules_above(&mut self, above: &[Name]) {
        let mut path = String::new();
        for (depth, segment) in above.iter().enumerate().take(above.len().saturating_sub(1)) {
            path.push('/');
            path.extend(segment);
            for name in [".gitignore", ".ignore"] {
                self.add_rules(&join(&path, name), depth + 1);
            }
        }
    }

    fn add_rules(&mut self, path: &str, depth: usize) {
        if !self.take_import() {
            return;
        }
        if let Ok(content) = fs::read_range(path, 0, FILE_BYTES_MAX + 1) {
            let rules = Rules::parse(&content, depth);
            self.skipped.long_ignore_files += u32::from(rules.is_cut);
            self.rules.push(rules);
        }
    }

    /// What the innermost file that speaks of a path says; none if that would take too long.
    fn ignores(&mut self, path: &[Name], is_directory: bool) -> Option<bool> {
        self.budget.entries = self.budget.entries.checked_sub(1)?;
        for rules in self.rules.iter().rev() {
            self.budget.comparisons = self.budget.comparisons.checked_sub(rules.len())?;
            if let Some(ignored) = rules.ignores(path, is_directory) {
                return Some(ignored);
            }
        }
        Some(false)
    }

    /// Whether one more system call may be made; takes it.
    pub fn take_import(&mut self) -> bool {
        let left = self.budget.imports.checked_sub(1);
        self.budget.imports = left.unwrap_or(0);
        left.is_some()
    }

    fn file(&mut self, path: &str, visit: &mut dyn FnMut(&mut Self, Met) -> ControlFlow<()>) -> libos::Result<bool> {
        let found = fs::stat(path)?;
        let name = path.rsplit('/').next().unwrap_or(path);
        // Of a link the size of what it leads to is not known.
        let size = if found.kind == Kind::File { found.size } else { u64::MAX };
        let entry = Entry { name: name.to_owned(), kind: Kind::File, size, modified: found.modified };
        let met = Met { path: path.to_owned(), below: &names(name), entry: &entry };
        Ok(visit(self, met).is_continue())
    }
}
