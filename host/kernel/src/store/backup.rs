//! Copies of a whole store: rows of one snapshot and the payload files that they name, in a directory that has its name only when all
//! of it is on the disk.

#![expect(clippy::disallowed_methods, reason = "a part of the door to the disk")]

use super::StoreError;
use super::disk::{Directory, Storage, sync_directory};
use super::reader::Snapshot;
use super::table::{INLINE, Table, meta};
use crate::model::codec::to_bytes;
use crate::model::id::Digest;
use crate::model::row::CallRow;
use crate::model::time::Time;
use minicbor::{CborLen, Decode, Encode};
use redb::Database;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Rows that are written in one transaction.
const ROWS_PER_TRANSACTION: usize = 20_000;

/// What a copy says of where it comes from, until a host opens it to write.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct Origin {
    /// When it was made.
    #[n(0)]
    pub time: Time,
    /// Records in its log.
    #[n(1)]
    pub records: u64,
}

/// What a copy holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct BackedUp {
    pub records: u64,
    pub rows: u64,
    pub files: u64,
    /// Bytes of these files.
    pub file_bytes: u64,
}

/// Copies what a snapshot shows into a new directory, which is a data directory like the one that it comes from. Nothing has the name
/// `target` before all of it is on the disk.
///
/// # Errors
/// There is something of that name already, a payload file is missing or damaged, or the disk failed. Nothing is left then.
pub fn back_up(snapshot: &Snapshot, target: &Path, now: Time) -> Result<BackedUp, StoreError> {
    let failed = |error: io::Error| StoreError::Failed(format!("the copy cannot be written: {error}"));
    if target.symlink_metadata().is_ok() {
        return Err(StoreError::Exists);
    }
    let new = beside(target);
    remove(&new).map_err(failed)?;
    fs::DirBuilder::new().mode(0o700).create(&new).map_err(failed)?;
    let copied = copy(snapshot, &new, now).and_then(|copied| {
        sync_directory(&new).map_err(failed)?;
        rename(&new, target)?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_directory(parent).map_err(failed)?;
        Ok(copied)
    });
    if copied.is_err() {
        // What is left is in the way of nothing; the first error is the one to tell.
        let _ = remove(&new);
    }
    copied
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    target.with_file_name(name)
}

fn remove(new: &Path) -> io::Result<()> {
    match fs::remove_dir_all(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives the directory its name, if nothing has it.
fn rename(new: &Path, target: &Path) -> Result<(), StoreError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, new, CWD, target, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Err(StoreError::Exists),
        // A file system that cannot do it in one step: a directory replaces an empty one at most.
        Err(Errno::INVAL | Errno::NOSYS) if target.symlink_metadata().is_err() => {
            fs::rename(new, target).map_err(|error| StoreError::Failed(error.to_string()))
        }
        Err(error) => Err(StoreError::Failed(format!("the copy cannot be given its name: {error}"))),
    }
}

fn copy(snapshot: &Snapshot, new: &Path, now: Time) -> Result<BackedUp, StoreError> {
    let storage = Directory::new(new);
    let mut copied = BackedUp { records: snapshot.frontier()?.size(), ..BackedUp::default() };
    let database = storage.open()?;
    for table in Table::ALL {
        copied.rows += copy_table(snapshot, &database, table)?;
    }
    let origin = Origin { time: now, records: copied.records };
    let transaction = database.begin_write()?;
    {
        let mut rows = transaction.open_table(Table::Meta.definition())?;
        let mut value = vec![INLINE];
        value.extend(to_bytes(&origin));
        rows.insert(meta::BACKUP, value.as_slice())?;
    }
    transaction.commit()?;
    drop(database);
    for digest in needed_files(snapshot)? {
        let bytes = snapshot.file(&digest)?;
        storage.put_file(&digest, &bytes).map_err(|error| StoreError::Failed(error.to_string()))?;
        copied.files += 1;
        copied.file_bytes += bytes.len() as u64;
    }
    Ok(copied)
}

fn copy_table(snapshot: &Snapshot, database: &Database, table: Table) -> Result<u64, StoreError> {
    let mut copied = 0;
    let mut rows = snapshot.raw(table)?;
    loop {
        let transaction = database.begin_write()?;
        let mut count = 0;
        {
            let mut open = transaction.open_table(table.definition())?;
            while count < ROWS_PER_TRANSACTION
                && let Some(row) = rows.as_mut().and_then(Iterator::next)
            {
                let (key, value) = row?;
                open.insert(key.value(), value.value())?;
                count += 1;
            }
        }
        transaction.commit()?;
        copied += count as u64;
        if count < ROWS_PER_TRANSACTION {
            return Ok(copied);
        }
    }
}

/// The payload files that rows name, and those of tools and calls.
fn needed_files(snapshot: &Snapshot) -> Result<Vec<Digest>, StoreError> {
    let mut needed: HashSet<Digest> = snapshot.named_files(|_, _| true)?;
    needed.extend(snapshot.needed_code(&snapshot.rows::<CallRow>(Table::Call, &[])?)?.files);
    let versions = snapshot.keys(Table::ToolVersion, &[])?;
    needed.extend(versions.iter().filter_map(|(key, _)| key.first_chunk::<32>()));
    let mut needed: Vec<Digest> = needed.into_iter().collect();
    needed.sort_unstable();
    Ok(needed)
}
