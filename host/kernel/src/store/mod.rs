//! Floor 1: the only door to the disk. Tables, formats, batches, payload files.

mod aside;
pub mod backup;
pub mod batch;
pub mod disk;
pub mod files;
pub mod needed;
pub mod reader;
pub mod table;
mod upgrade;
pub mod writer;

use crate::model::codec::DecodeError;
use crate::model::policy::about_size;

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another host has it.
    #[error("another libos host has this data directory open")]
    Busy,
    /// There is no store yet.
    #[error("there is no store in the data directory")]
    Missing,
    /// A copy is not put over anything.
    #[error("there is something of that name already")]
    Exists,
    /// It was not closed, and a reader may not repair it.
    #[error("the store was not closed cleanly; a command that changes something will recover it")]
    NeedsRecovery,
    /// Written by a newer version.
    #[error("the data directory is of format {found}; this libos reads up to format {known}. Use a newer libos")]
    Newer { found: u32, known: u32 },
    /// There is no room to do it; nothing was changed.
    #[error("{what} needs {needed} of free space and {free} are free", needed = about_size(*.needed), free = about_size(*.free))]
    NoRoom {
        what: String,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
    },
    /// What is in it makes no sense.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The disk failed.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<DecodeError> for StoreError {
    fn from(error: DecodeError) -> Self {
        StoreError::Damaged(error.to_string())
    }
}

macro_rules! redb_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                StoreError::from(redb::Error::from(error))
            }
        }
    )*};
}
redb_errors!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError
);

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => StoreError::Busy,
            redb::Error::RepairAborted => StoreError::NeedsRecovery,
            redb::Error::Corrupted(what) => StoreError::Damaged(what),
            redb::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                StoreError::Failed("no space left on device".into())
            }
            other => StoreError::Failed(other.to_string()),
        }
    }
}
