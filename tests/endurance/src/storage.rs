//! The real directory, with points in its files: in the middle of a payload file, and in a commit.

use crate::point::{Mine, Point};
use libos_kernel::model::id::{Digest, hex};
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::{Directory, Storage};
use redb::backends::FileBackend;
use redb::{BackendError, Builder, ConcurrencyMode, Database, StorageBackend};
use std::fs;
use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A directory that exists and has a store.
pub struct Mined {
    pub directory: Directory,
    pub mine: Arc<Mine>,
    pub returned: Arc<AtomicBool>,
}

impl Storage for Mined {
    fn open(&self) -> Result<Database, StoreError> {
        let failed = |error: io::Error| StoreError::Failed(error.to_string());
        let path = self.directory.path().join("store.redb");
        let file = fs::OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        let file = FileBackend::new(file)?;
        let backend = Backend { file, mine: Arc::clone(&self.mine), returned: Arc::clone(&self.returned) };
        // As the directory itself opens it.
        let mut builder = Builder::new();
        builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
        Ok(builder.create_with_backend(backend)?)
    }

    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        if self.mine.is_reached(Point::PayloadFile) {
            let name = hex(digest);
            let parent = self.directory.path().join("payloads").join(&name[..2]);
            fs::create_dir_all(&parent)?;
            fs::write(parent.join(format!("{name}.new")), &bytes[..bytes.len() / 2])?;
            std::process::abort();
        }
        self.directory.put_file(digest, bytes)
    }

    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        self.directory.get_file(digest)
    }
}

#[derive(Debug)]
struct Backend {
    file: FileBackend,
    mine: Arc<Mine>,
    returned: Arc<AtomicBool>,
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.returned.load(Ordering::Acquire) {
            self.mine.pass(Point::OutcomeCommit);
        }
        self.mine.commits();
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
