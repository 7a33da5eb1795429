//! Where the bytes are: a directory, or memory. A test can be the disk by another [`Storage`].

#![expect(clippy::disallowed_methods, reason = "the only door to the disk")]

use super::reader::Snapshot;
use super::table::FORMAT;
use super::{StoreError, aside, upgrade};
use crate::model::id::{Digest, hex};
use crate::model::time::Time;
use redb::{Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadableDatabase};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of pages that redb keeps in memory.
const CACHE_BYTES: usize = 64 << 20;

/// A database and the payload files beside it.
pub trait Storage: Send + Sync + 'static {
    /// Opens the database to write; makes it if there is none, and recovers it if it was not closed.
    ///
    /// # Errors
    /// Somebody else writes, or the disk failed.
    fn open(&self) -> Result<Database, StoreError>;

    /// Writes a payload file and syncs it. Nothing happens if there is one.
    ///
    /// # Errors
    /// The disk failed.
    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()>;

    /// Reads a payload file.
    ///
    /// # Errors
    /// It is not there, or the disk failed.
    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>>;

    /// Puts a copy of the database beside it if it is of an older format, before anything touches it; it is not open. What has no
    /// bytes that outlive it has nothing to keep.
    ///
    /// # Errors
    /// There is no room, somebody has the database open, or the disk failed.
    fn keep_older(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// All payload files with their bytes. What cannot list them keeps them all.
    ///
    /// # Errors
    /// The disk failed.
    fn files(&self) -> io::Result<Vec<(Digest, u64)>> {
        Ok(Vec::new())
    }

    /// Removes a payload file; nothing happens if there is none.
    ///
    /// # Errors
    /// The disk failed.
    fn remove_file(&self, digest: &Digest) -> io::Result<()> {
        let _ = digest;
        Ok(())
    }

    /// Removes what writers that were killed have left, while nobody writes a payload file. Answers how many files, and their bytes.
    ///
    /// # Errors
    /// The disk failed.
    fn remove_leftovers(&self) -> io::Result<(u64, u64)> {
        Ok((0, 0))
    }

    /// Bytes that are free where it lies; none if nobody knows.
    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_concurrency_mode(ConcurrencyMode::SingleWriter).set_cache_size(CACHE_BYTES);
    builder
}

/// Makes an empty database that has its name only when it is whole: one that redb was killed over while it made it can never be opened.
fn make(path: &Path) -> Result<(), StoreError> {
    let failed = |error: io::Error| StoreError::Failed(format!("the store cannot be made: {error}"));
    // A name that nobody else uses now.
    static MADE: AtomicU64 = AtomicU64::new(0);
    let new = path.with_extension(format!("new-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
    if new.exists() {
        fs::remove_file(&new).map_err(failed)?;
    }
    drop(builder().create(&new)?);
    // A link, not a rename: whoever makes one at the same time is not overwritten.
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => path.parent().map_or(Ok(()), sync_directory).map_err(failed),
    }
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

/// What is in the directories of payload files.
fn payloads(path: &Path) -> io::Result<Vec<fs::DirEntry>> {
    let folders = match fs::read_dir(path.join("payloads")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        folders => folders?,
    };
    let mut found = Vec::new();
    for folder in folders {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            // Somebody else's: nothing of a store is there.
            continue;
        }
        for entry in fs::read_dir(folder.path())? {
            found.push(entry?);
        }
    }
    Ok(found)
}

fn read_digest(name: &str) -> Option<Digest> {
    let (pairs, rest) = name.as_bytes().as_chunks::<2>();
    let mut digest = [0; 32];
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A directory: `store.redb` and `payloads/`.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// The directory at this path, which exists.
    pub fn new(path: impl Into<PathBuf>) -> Directory {
        Directory { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the database to read what is committed, whether a host runs or not.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::NeedsRecovery`], or the disk failed.
    pub fn open_to_read(&self) -> Result<ReadOnlyDatabase, StoreError> {
        let path = self.path.join("store.redb");
        if !path.exists() {
            return Err(StoreError::Missing);
        }
        Ok(builder().open_read_only(path)?)
    }

    /// Makes the database's file as small as it can be. Nobody may have it open. Answers its bytes before and after.
    ///
    /// # Errors
    /// Somebody has it open, or the disk failed.
    pub fn compact(&self) -> Result<(u64, u64), StoreError> {
        let path = self.path.join("store.redb");
        let size = || {
            fs::metadata(&path).map(|metadata| metadata.len()).map_err(|error| StoreError::Failed(error.to_string()))
        };
        let before = size()?;
        let mut database = self.open()?;
        database.compact().map_err(|error| match error {
            redb::CompactionError::Storage(error) => StoreError::from(error),
            redb::CompactionError::TransactionInProgress => StoreError::Busy,
            other => StoreError::Failed(other.to_string()),
        })?;
        drop(database);
        Ok((before, size()?))
    }

    /// Another database of this directory.
    fn look_into(&self, database: &Path) -> Result<Snapshot, StoreError> {
        let database = builder().open_read_only(database)?;
        Ok(Snapshot::new(database.begin_read()?, Arc::new(self.clone())))
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        let name = hex(digest);
        self.path.join("payloads").join(&name[..2]).join(&name)
    }
}

impl Storage for Directory {
    fn open(&self) -> Result<Database, StoreError> {
        let path = self.path.join("store.redb");
        if !path.exists() {
            make(&path)?;
        }
        Ok(builder().create(path)?)
    }

    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.file(digest);
        if path.exists() {
            return Ok(());
        }
        let all = self.path.join("payloads");
        let parent = all.join(&hex(digest)[..2]);
        if !parent.exists() {
            fs::create_dir_all(&parent)?;
            sync_directory(&all)?;
            sync_directory(&self.path)?;
        }
        let temporary = path.with_extension("new");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&temporary, &path)?;
        sync_directory(&parent)
    }

    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        fs::read(self.file(digest))
    }

    fn keep_older(&self) -> Result<(), StoreError> {
        let found = match Snapshot::of_directory(self) {
            Err(StoreError::NeedsRecovery) => {
                drop(self.open()?);
                Snapshot::of_directory(self)
            }
            found => found,
        };
        let snapshot = match found {
            Err(StoreError::Missing) => return Ok(()),
            found => found?,
        };
        let Some(format) = snapshot.format()?.filter(|format| *format < FORMAT) else { return Ok(()) };
        let frontier = snapshot.frontier()?;
        // What makes no sense ends the upgrade here, before anything is copied or changed.
        upgrade::changes(&snapshot, format, frontier.size(), Time(0))?;
        drop(snapshot);
        let is_of_now = |copy: &Path| {
            self.look_into(copy).is_ok_and(|copy| copy.frontier().is_ok_and(|of_copy| of_copy == frontier))
        };
        aside::keep(&self.path, format, self.free_bytes(), is_of_now)
    }

    fn files(&self) -> io::Result<Vec<(Digest, u64)>> {
        let mut found = Vec::new();
        for entry in payloads(&self.path)? {
            if let Some(digest) = entry.file_name().to_str().and_then(read_digest) {
                found.push((digest, entry.metadata()?.len()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn remove_file(&self, digest: &Digest) -> io::Result<()> {
        absent_is_fine(fs::remove_file(self.file(digest)))
    }

    fn remove_leftovers(&self) -> io::Result<(u64, u64)> {
        let mut left = payloads(&self.path)?;
        left.retain(|entry| entry.path().extension().is_some_and(|extension| extension == "new"));
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            // A database that is made at this moment has the number of its maker's process; this process makes none.
            let name = name.to_string_lossy();
            if name.starts_with("store.new-") || (name.starts_with("store-format-") && name.contains(".new-")) {
                left.push(entry);
            }
        }
        let mut bytes = 0;
        for entry in &left {
            bytes += entry.metadata().map_or(0, |metadata| metadata.len());
            absent_is_fine(fs::remove_file(entry.path()))?;
        }
        Ok((left.len() as u64, bytes))
    }

    fn free_bytes(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.path).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// Memory; gone with the value. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: Arc<Mutex<HashMap<Digest, Vec<u8>>>>,
}

impl Storage for Memory {
    fn open(&self) -> Result<Database, StoreError> {
        let backend = redb::backends::InMemoryBackend::new();
        Ok(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)?)
    }

    fn files(&self) -> io::Result<Vec<(Digest, u64)>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(files.iter().map(|(digest, bytes)| (*digest, bytes.len() as u64)).collect())
    }

    fn remove_file(&self, digest: &Digest) -> io::Result<()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
        Ok(())
    }

    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest, bytes.to_vec());
        Ok(())
    }

    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(digest).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
