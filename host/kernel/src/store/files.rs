//! Payload files: written before the rows that name them are, and removed when no row names them any more. Both go through here, so
//! that a file which is about to be named again is not removed.

use super::disk::Storage;
use crate::model::id::Digest;
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The payload files of an open store.
pub struct Files {
    storage: Arc<dyn Storage>,
    /// What was written, or found to be there, since a sweep began.
    placed: Mutex<Option<HashSet<Digest>>>,
}

/// A sweep; it ends with the value.
pub struct Sweep<'a>(&'a Files);

impl Files {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Files {
        Files { storage, placed: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashSet<Digest>>> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a file and syncs it. Nothing happens if it is there.
    ///
    /// # Errors
    /// The disk failed.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let mut placed = self.lock();
        if let Some(placed) = &mut *placed {
            placed.insert(*digest);
        }
        self.storage.put_file(digest, bytes)
    }

    /// Begins to look for files that nothing names. None if somebody else is at it.
    pub fn sweep(&self) -> Option<Sweep<'_>> {
        let mut placed = self.lock();
        if placed.is_some() {
            return None;
        }
        *placed = Some(HashSet::new());
        Some(Sweep(self))
    }
}

impl Sweep<'_> {
    /// All files with their bytes.
    ///
    /// # Errors
    /// The disk failed.
    pub fn files(&self) -> io::Result<Vec<(Digest, u64)>> {
        self.0.storage.files()
    }

    /// Removes those of these files that were not written since the sweep began; answers how many, and their bytes.
    ///
    /// # Errors
    /// The disk failed.
    pub fn remove(&self, files: &[(Digest, u64)]) -> io::Result<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        for (digest, size) in files {
            let placed = self.0.lock();
            if placed.as_ref().is_some_and(|placed| !placed.contains(digest)) {
                self.0.storage.remove_file(digest)?;
                (count, bytes) = (count + 1, bytes + size);
            }
        }
        Ok((count, bytes))
    }

    /// Removes what writers that were killed have left; answers how many files, and their bytes.
    ///
    /// # Errors
    /// The disk failed.
    pub fn remove_leftovers(&self) -> io::Result<(u64, u64)> {
        // Nobody writes a file meanwhile.
        let _placed = self.0.lock();
        self.0.storage.remove_leftovers()
    }
}

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}
