//! What the tools do with directories, and deleting.

use libos::fs::{self, Kind};
use libos::{Error, Failure};
use libos_tools_common::paths::{join, make_all};
use schemars::JsonSchema;
use serde::Serialize;

/// The entries of a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listing {
    path: String,
    entries: Vec<Entry>,
    /// How many entries are returned.
    count: usize,
    /// Whether the directory has more.
    truncated: bool,
}

/// One entry of a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Entry {
    name: String,
    /// The listed directory's path and the name.
    path: String,
    /// `file`, `directory`, `link` or `other`.
    kind: &'static str,
    /// 0 for what is not a file.
    size_bytes: u64,
    /// RFC 3339, in UTC.
    modified_at: String,
}

/// A directory that is there now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Created {
    path: String,
    /// False if it was there already.
    created: bool,
}

/// What is no longer there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deleted {
    path: String,
    /// False if nothing was there.
    deleted: bool,
}

/// Lists a directory; at most `limit` entries.
pub fn list(path: String, limit: u32) -> libos::Result<Listing> {
    let mut found = fs::list(&path)?;
    let truncated = found.len() > limit as usize;
    found.truncate(limit as usize);
    let entries: Vec<Entry> = found.into_iter().map(|entry| described(&path, entry)).collect();
    Ok(Listing { path, count: entries.len(), entries, truncated })
}

fn described(directory: &str, entry: fs::Entry) -> Entry {
    Entry {
        path: join(directory, &entry.name),
        kind: match entry.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Link => "link",
            Kind::Other => "other",
        },
        size_bytes: entry.size,
        modified_at: entry.modified.to_string(),
        name: entry.name,
    }
}

/// Makes a directory, with `parents` those above it too. What is there already is only looked at if that may be fine.
pub fn make(path: String, parents: bool, exist_ok: bool) -> libos::Result<Created> {
    let made = if parents { make_all(&path, &mut Vec::new()) } else { fs::make_dir(&path) };
    match made {
        Ok(()) => Ok(Created { path, created: true }),
        Err(Error::AlreadyExists(_)) if exist_ok && fs::stat(&path)?.kind == Kind::Directory => {
            Ok(Created { path, created: false })
        }
        Err(error) => Err(error.into()),
    }
}

/// Deletes what is not a directory with entries.
pub fn delete_file(path: String, missing_ok: bool) -> libos::Result<Deleted> {
    let removed = fs::remove(&path);
    deleted(path, removed, missing_ok)
}

/// Deletes a directory. It is looked at first, which needs the right `list`: removing would take a file, too.
pub fn delete(path: String, recursive: bool, missing_ok: bool) -> libos::Result<Deleted> {
    let removed = match fs::stat(&path) {
        Ok(found) if found.kind != Kind::Directory => {
            return Err(Failure::failed(format_args!(
                "wrong kind: {path} is not a directory; delete_file deletes files"
            )));
        }
        Ok(_) if recursive => fs::remove_dir_all(&path),
        Ok(_) => fs::remove(&path),
        Err(error) => Err(error),
    };
    deleted(path, removed, missing_ok)
}

fn deleted(path: String, removed: Result<(), Error>, missing_ok: bool) -> libos::Result<Deleted> {
    match removed {
        Ok(()) => Ok(Deleted { path, deleted: true }),
        Err(Error::NotFound(_)) if missing_ok => Ok(Deleted { path, deleted: false }),
        Err(error) => Err(error.into()),
    }
}
