//! Payload files: written before the rows that name them are, and removed when no row names them any more. Both go through here, so
//! that a file which is about to be named again is not removed.

use super::disk::Storage;
use crate::model::id::Digest;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The payload files of an open store.
pub struct Files {
    storage: Arc<dyn Storage>,
    placed: Mutex<Placed>,
}

#[derive(Default)]
struct Placed {
    /// What was written, or found to be there, since a sweep began, or pinned when it did.
    swept: Option<HashSet<Digest>>,
    /// How many are about to name each of these.
    pinned: HashMap<Digest, usize>,
}

/// A file that is about to be named. Whoever has this puts the row that names it into the batch before it goes: a sweep that begins
/// later waits for that batch, and one that begins sooner leaves the file alone.
pub struct Pin<'a>(&'a Files, Digest);

/// A sweep; it ends with the value.
pub struct Sweep<'a>(&'a Files);

impl Files {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Files {
        Files { storage, placed: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Placed> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a file and syncs it. Nothing happens if it is there.
    ///
    /// # Errors
    /// The disk failed.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let mut placed = self.lock();
        placed.note(digest);
        self.storage.put_file(digest, bytes)
    }

    /// As [`Files::put`], for what is named later than by the batch that is being written.
    ///
    /// # Errors
    /// The disk failed.
    pub fn put_pinned(&self, digest: &Digest, bytes: &[u8]) -> io::Result<Pin<'_>> {
        let mut placed = self.lock();
        placed.note(digest);
        self.storage.put_file(digest, bytes)?;
        *placed.pinned.entry(*digest).or_default() += 1;
        Ok(Pin(self, *digest))
    }

    /// Begins to look for files that nothing names. None if somebody else is at it.
    pub fn sweep(&self) -> Option<Sweep<'_>> {
        let mut placed = self.lock();
        if placed.swept.is_some() {
            return None;
        }
        placed.swept = Some(placed.pinned.keys().copied().collect());
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
            if placed.swept.as_ref().is_some_and(|swept| !swept.contains(digest)) {
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
        self.0.lock().swept = None;
    }
}

impl Placed {
    fn note(&mut self, digest: &Digest) {
        if let Some(swept) = &mut self.swept {
            swept.insert(*digest);
        }
    }
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        let mut placed = self.0.lock();
        if let Some(count) = placed.pinned.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                placed.pinned.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::Memory;

    #[test]
    fn what_is_about_to_be_named_is_not_swept() {
        let files = Files::new(Arc::new(Memory::default()));
        let (digest, all) = ([7; 32], [([7; 32], 1)]);
        let removed = || files.sweep().unwrap().remove(&all).unwrap().0;
        let (first, second) = (files.put_pinned(&digest, b"x").unwrap(), files.put_pinned(&digest, b"x").unwrap());
        drop(first);
        assert_eq!(removed(), 0, "another one is about to name it");
        let sweep = files.sweep().unwrap();
        // Its row is in a batch now, which the sweep may not have seen.
        drop(second);
        assert_eq!(sweep.remove(&all).unwrap().0, 0);
        drop(sweep);
        assert_eq!(removed(), 1, "a sweep that begins later has waited for the batch");
    }
}
