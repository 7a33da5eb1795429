//! Doing what a patch says, all of it or nothing.
//!
//! Everything is read and fitted before the first change. Each file is looked at once more right before its change, so that neither
//! somebody else's work nor a second name of one file is overwritten. If the host dies in between, the call goes on at the very change
//! where it stood: what it read and did is in its journal. If a change is refused, those before it are taken back in reverse order;
//! what cannot be taken back is told. A call that a person cancels or kills in the middle stays where it is.

use crate::fit::fit;
use crate::patch::{FilePatch, LineKind};
use libos::fs::{self, WriteMode};
use libos::{Error, Failure};
use libos_tools_common::paths::{absolute, join, make_all, parent};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Bytes of all files of a patch, before and after. They are read twice and perhaps written back, and the host keeps what a call reads,
/// at most 64 MiB: beyond that it would end the call half-way.
const TOTAL_BYTES_MAX: usize = 8 << 20;
/// Problems that one attempt tells.
const PROBLEMS_TOLD: usize = 10;

/// What became of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Changed {
    path: String,
    /// `modified`, `created`, `renamed` or `deleted`.
    change: &'static str,
    /// What it was called before it was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
    lines_added: usize,
    lines_removed: usize,
}

/// What is to be done with a file.
struct Change {
    told: Changed,
    /// Its present content; none for a new file.
    before: Option<String>,
    /// None for a deleted file.
    after: Option<String>,
}

/// How a change is taken back.
enum Undo {
    Write(String, String),
    Remove(String),
    Rename(String, String),
}

pub fn apply(base: &str, files: Vec<FilePatch>) -> libos::Result<Vec<Changed>> {
    let mut changes = plan(base, files)?;
    // What is there longest can be taken back longest.
    changes.sort_by_key(|change| {
        ["modified", "created", "renamed", "deleted"].iter().position(|kind| *kind == change.told.change)
    });
    let mut undo = Vec::new();
    for change in &changes {
        if let Err(error) = perform(change, &mut undo) {
            return Err(taken_back(&change.told.path, error, undo));
        }
    }
    Ok(changes.into_iter().map(|change| change.told).collect())
}

/// Reads and fits everything; tells all that does not fit at once.
fn plan(base: &str, files: Vec<FilePatch>) -> libos::Result<Vec<Change>> {
    let working = fs::working_directory();
    let (mut seen, mut changes, mut problems, mut total) = (BTreeSet::new(), Vec::new(), Vec::new(), 0);
    for file in files {
        for name in [&file.old, &file.new].into_iter().flatten().collect::<BTreeSet<_>>() {
            let path = place(base, name);
            let place: Vec<String> = absolute(&working, &path).into_iter().map(str::to_owned).collect();
            if !seen.insert(place) {
                problems.push(format!("{path}: is in the patch more than once; put its hunks together"));
            }
        }
        match planned(base, file) {
            Ok(change) => {
                total += [&change.before, &change.after].into_iter().flatten().map(String::len).sum::<usize>();
                if total > TOTAL_BYTES_MAX {
                    return Err(Failure::failed(format_args!(
                        "the files of the patch have more than {TOTAL_BYTES_MAX} bytes, before and after; make several patches. \
                         Nothing is changed"
                    )));
                }
                changes.push(change);
            }
            Err(Problem::Refused(failure)) => return Err(failure),
            Err(Problem::Misfit(text)) => problems.push(text),
        }
    }
    if problems.is_empty() {
        return Ok(changes);
    }
    let more = problems.len().saturating_sub(PROBLEMS_TOLD);
    problems.truncate(PROBLEMS_TOLD);
    let mut text = problems.join("\n");
    if more > 0 {
        // Writing to a string cannot fail.
        let _ = write!(text, "\nand {more} more");
    }
    Err(Failure::failed(format_args!("the patch does not fit; nothing is changed.\n{text}")))
}

/// Why a file cannot be changed.
enum Problem {
    /// What no other patch would help against.
    Refused(Failure),
    Misfit(String),
}

fn place(base: &str, name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { join(base, name) }
}

fn planned(base: &str, file: FilePatch) -> Result<Change, Problem> {
    let old = file.old.as_deref().map(|name| place(base, name));
    let new = file.new.as_deref().map(|name| place(base, name));
    let path = new.clone().or_else(|| old.clone()).unwrap_or_default();
    let before = match &old {
        Some(old) => Some(read(old)?),
        None => None,
    };
    if let Some(new) = new.as_ref().filter(|_| new != old) {
        match fs::stat(new) {
            // Who may not look may still create; then the write finds out.
            Err(Error::NotFound(_) | Error::Denied(_)) => {}
            Ok(_) => return Err(Problem::Misfit(format!("{new}: is there already, and the patch creates it"))),
            Err(error) => return Err(told(new, error)),
        }
    }
    let after = fit(before.as_deref().unwrap_or_default(), &file.hunks)
        .map_err(|why| Problem::Misfit(format!("{path}: {why}")))?;
    let change = match (&old, &new) {
        (None, _) => "created",
        (_, None) if !after.is_empty() => {
            return Err(Problem::Misfit(format!(
                "{path}: is deleted by the patch, which does not show all its lines as removed"
            )));
        }
        (_, None) => "deleted",
        (old, new) if old == new => "modified",
        _ => "renamed",
    };
    let count = |kind| file.hunks.iter().map(|hunk| hunk.count(kind)).sum();
    let told = Changed {
        path,
        change,
        old_path: old.filter(|_| change == "renamed"),
        lines_added: count(LineKind::Added),
        lines_removed: count(LineKind::Removed),
    };
    Ok(Change { told, before, after: new.map(|_| after) })
}

fn read(path: &str) -> Result<String, Problem> {
    // One byte more than all files may have.
    let bytes = fs::read_range(path, 0, TOTAL_BYTES_MAX as u32 + 1).map_err(|error| told(path, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        Problem::Misfit(format!("{path}: is not UTF-8 text: byte {position} fits no character"))
    })
}

fn told(path: &str, error: Error) -> Problem {
    match error {
        Error::NotFound(_) => Problem::Misfit(format!("{path}: is not there")),
        Error::WrongKind(why) => Problem::Misfit(format!("{path}: is no file: {why}")),
        error => Problem::Refused(error.into()),
    }
}

/// Why a change could not be made.
enum Stopped {
    By(Error),
    Changed,
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::By(error)
    }
}

fn perform(change: &Change, undo: &mut Vec<Undo>) -> Result<(), Stopped> {
    let Change { told, before, after } = change;
    let path = &told.path;
    let from = told.old_path.as_ref().unwrap_or(path);
    if let Some(before) = before {
        let now = fs::read_range(from, 0, TOTAL_BYTES_MAX as u32 + 1)?;
        if now != before.as_bytes() {
            return Err(Stopped::Changed);
        }
    }
    match (before, after) {
        (Some(before), None) => {
            fs::remove(path)?;
            undo.push(Undo::Write(path.clone(), before.clone()));
        }
        (None, Some(after)) => {
            in_its_directory(path, undo, || fs::write_with_mode(path, after, WriteMode::CreateNew))?;
            undo.push(Undo::Remove(path.clone()));
        }
        (Some(before), Some(after)) => {
            if from != path {
                in_its_directory(path, undo, || fs::rename(from, path))?;
                undo.push(Undo::Rename(path.clone(), from.clone()));
            }
            if before != after {
                fs::write_with_mode(path, after, WriteMode::ReplaceExisting)?;
                undo.push(Undo::Write(path.clone(), before.clone()));
            }
        }
        (None, None) => {}
    }
    Ok(())
}

/// Does something; if its directory is missing, makes that and does it again.
fn in_its_directory(path: &str, undo: &mut Vec<Undo>, act: impl Fn() -> Result<(), Error>) -> Result<(), Error> {
    match (act(), parent(path)) {
        (Err(Error::NotFound(_)), Some(parent)) => {
            let mut made = Vec::new();
            let done = make_all(parent, &mut made);
            undo.extend(made.into_iter().map(Undo::Remove));
            done?;
            act()
        }
        (done, _) => done,
    }
}

/// Takes changes back, the last first, and tells what happened.
fn taken_back(path: &str, why: Stopped, undo: Vec<Undo>) -> Failure {
    let count = undo.len();
    let mut left = Vec::new();
    for step in undo.into_iter().rev() {
        let (path, done) = match step {
            Undo::Write(path, content) => (path.clone(), fs::write(&path, content)),
            Undo::Remove(path) => (path.clone(), fs::remove(&path)),
            Undo::Rename(from, to) => (from.clone(), fs::rename(&from, &to)),
        };
        if let Err(error) = done {
            left.push(format!("{path} could not be put back: {error}"));
        }
    }
    let is_unknown = matches!(why, Stopped::By(Error::OutcomeUnknown(_)));
    let is_denied = matches!(why, Stopped::By(Error::Denied(_)));
    let mut text = match why {
        Stopped::By(error) => format!("{path} could not be changed: {error}. "),
        Stopped::Changed => format!("{path} was changed while the patch was applied; read it again. "),
    };
    text.push_str(match (left.is_empty(), is_unknown, count) {
        (_, true, _) => "Read it: nobody knows what is in it. All that was changed before it is taken back",
        (true, false, 0) => "Nothing is changed",
        (true, false, _) => "What was changed before it is taken back: all is as it was",
        (false, false, _) => "What was changed before it is taken back, but for this",
    });
    for line in &left {
        text.push('\n');
        text.push_str(line);
    }
    if is_denied { Failure::denied(text) } else { Failure::failed(text) }
}
