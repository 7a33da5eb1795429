//! Where the bytes are: a directory, or memory. A test can be the disk by another [`Storage`].

#![expect(clippy::disallowed_methods, reason = "the only door to the disk")]

use super::reader::Snapshot;
use super::table::FORMAT;
use super::{StoreError, aside};
use crate::model::id::{Digest, hex};
use redb::{Builder, ConcurrencyMode, Database, ReadOnlyDatabase};
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
        let format = match found {
            Err(StoreError::Missing) => None,
            found => found?.format()?,
        };
        match format {
            Some(format) if format < FORMAT => aside::keep(&self.path, format, self.free_bytes()),
            _ => Ok(()),
        }
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

    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(*digest, bytes.to_vec());
        Ok(())
    }

    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(digest).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
