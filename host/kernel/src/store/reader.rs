//! Reads what is committed: one moment, whole, beside a host that writes.

use super::StoreError;
use super::disk::{Directory, Storage};
use super::table::{self, IN_FILE, INLINE, Table, meta};
use crate::model::codec::from_bytes;
use crate::model::id::{Digest, Seq};
use crate::model::record::{self, Record};
use crate::model::tree::Frontier;
use minicbor::Decode;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Rows as they are stored.
pub(super) type RawRows = redb::Range<'static, &'static [u8], &'static [u8]>;
type BytesTable = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The store at one moment.
pub struct Snapshot {
    transaction: ReadTransaction,
    storage: Arc<dyn Storage>,
}

/// A record and the leaf's hash that was stored with it.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    pub leaf: Digest,
    pub bytes: Vec<u8>,
}

impl Snapshot {
    pub(super) fn new(transaction: ReadTransaction, storage: Arc<dyn Storage>) -> Snapshot {
        Snapshot { transaction, storage }
    }

    /// What is committed now.
    ///
    /// # Errors
    /// The disk failed.
    pub fn of(database: &Database, storage: Arc<dyn Storage>) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::new(database.begin_read()?, storage))
    }

    /// What is committed in a directory, whether a host runs or not.
    ///
    /// # Errors
    /// There is none, it needs recovery, it is newer, or the disk failed.
    pub fn of_directory(directory: &Directory) -> Result<Snapshot, StoreError> {
        let database = directory.open_to_read()?;
        let snapshot = Snapshot::new(database.begin_read()?, Arc::new(directory.clone()));
        match snapshot.format()? {
            Some(_) => Ok(snapshot),
            None => Err(StoreError::Missing),
        }
    }

    /// The format's version, if the store has one.
    ///
    /// # Errors
    /// It is newer than this program.
    pub fn format(&self) -> Result<Option<u32>, StoreError> {
        let Some(table) = self.table(Table::Meta)? else { return Ok(None) };
        let Some(value) = table.get(meta::FORMAT)? else { return Ok(None) };
        let bytes: [u8; 4] =
            value.value().try_into().map_err(|_| StoreError::Damaged("its format is no number".into()))?;
        match u32::from_be_bytes(bytes) {
            found if found > table::FORMAT => Err(StoreError::Newer { found, known: table::FORMAT }),
            found => Ok(Some(found)),
        }
    }

    fn table(&self, table: Table) -> Result<Option<BytesTable>, StoreError> {
        match self.transaction.open_table(table.definition()) {
            Ok(table) => Ok(Some(table)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A value.
    ///
    /// # Errors
    /// The disk failed, or the value's file is missing or damaged.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(open) = self.table(table)? else { return Ok(None) };
        match open.get(key)? {
            Some(value) => self.value(value.value()).map(Some),
            None => Ok(None),
        }
    }

    /// A row.
    ///
    /// # Errors
    /// As [`Snapshot::get`], or it is damaged.
    pub fn row<T: for<'b> Decode<'b, ()>>(&self, table: Table, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get(table, key)?.map(|bytes| from_bytes(&bytes).map_err(StoreError::from)).transpose()
    }

    /// Calls `visit` with each key and value whose key starts with `prefix`, in order.
    ///
    /// # Errors
    /// The disk failed, a value is damaged, or what `visit` says.
    pub fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        visit: impl FnMut(&[u8], Vec<u8>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        self.scan_from(table, prefix, prefix, visit)
    }

    /// As [`Snapshot::scan`], from this key on.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    pub fn scan_from(
        &self,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        mut visit: impl FnMut(&[u8], Vec<u8>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let Some(open) = self.table(table)? else { return Ok(()) };
        for entry in open.range(from..)? {
            let (key, value) = entry?;
            if !key.value().starts_with(prefix) || visit(key.value(), self.value(value.value())?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The keys of a table that start with `prefix`, in order, each with the bytes of its row; payload files are not counted.
    ///
    /// # Errors
    /// The disk failed.
    pub fn keys(&self, table: Table, prefix: &[u8]) -> Result<Vec<(Vec<u8>, u64)>, StoreError> {
        let mut keys = Vec::new();
        let Some(open) = self.table(table)? else { return Ok(keys) };
        for entry in open.range(prefix..)? {
            let (key, value) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            keys.push((key.value().to_vec(), (key.value().len() + value.value().len()) as u64));
        }
        Ok(keys)
    }

    /// The payload files that rows name, of those rows that count. Components are files too; rows of tools and calls name them in their own way.
    ///
    /// # Errors
    /// The disk failed.
    pub fn named_files(&self, counts: impl Fn(Table, &[u8]) -> bool) -> Result<HashSet<Digest>, StoreError> {
        let mut named = HashSet::new();
        for table in Table::ALL.into_iter().filter(|table| !matches!(table, Table::Log | Table::Tree)) {
            let Some(open) = self.table(table)? else { continue };
            for entry in open.range::<&[u8]>(..)? {
                let (key, value) = entry?;
                if let Some((&IN_FILE, digest)) = value.value().split_first()
                    && counts(table, key.value())
                {
                    named.extend(Digest::try_from(digest));
                }
            }
        }
        Ok(named)
    }

    /// All rows of a table whose key starts with `prefix`, in order.
    ///
    /// # Errors
    /// As [`Snapshot::scan`].
    pub fn rows<T: for<'b> Decode<'b, ()>>(&self, table: Table, prefix: &[u8]) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        self.scan(table, prefix, |_, value| {
            rows.push(from_bytes(&value)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// The records from `from` on, with what is stored of their hashes, until `visit` breaks.
    ///
    /// # Errors
    /// The disk failed, or what `visit` says.
    pub fn log(
        &self,
        from: Seq,
        mut visit: impl FnMut(Seq, StoredRecord) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let Some(open) = self.table(Table::Log)? else { return Ok(()) };
        for entry in open.range(table::number(from).as_slice()..)? {
            let (key, value) = entry?;
            let seq = table::read_number(key.value())
                .ok_or_else(|| StoreError::Damaged("a key of the log is no number".into()))?;
            let (leaf, bytes) = value
                .value()
                .split_first_chunk::<32>()
                .ok_or_else(|| StoreError::Damaged(format!("record {seq} is too short")))?;
            if visit(seq, StoredRecord { leaf: *leaf, bytes: bytes.to_vec() })?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The root of a whole tile.
    ///
    /// # Errors
    /// The disk failed.
    pub fn tile(&self, tile: u64) -> Result<Option<Digest>, StoreError> {
        let Some(open) = self.table(Table::Tree)? else { return Ok(None) };
        Ok(open.get(table::number(tile).as_slice())?.and_then(|value| value.value().try_into().ok()))
    }

    /// The signed notes, by the number of records that they cover.
    ///
    /// # Errors
    /// The disk failed, or a row makes no sense.
    pub fn notes(&self) -> Result<Vec<(u64, String)>, StoreError> {
        let mut notes = Vec::new();
        self.scan(Table::Note, &[], |key, value| {
            let size = table::read_number(key);
            let size = size.ok_or_else(|| StoreError::Damaged("a key of the notes is no number".into()))?;
            // What is no text is no note either; whoever checks it says so.
            notes.push((size, String::from_utf8_lossy(&value).into_owned()));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(notes)
    }

    /// The signed note of a size.
    ///
    /// # Errors
    /// The disk failed.
    pub fn note(&self, size: u64) -> Result<Option<String>, StoreError> {
        let note = self.get(Table::Note, &table::number(size))?;
        Ok(note.map(|note| String::from_utf8_lossy(&note).into_owned()))
    }

    /// The size of the last signed note; 0 if there is none.
    ///
    /// # Errors
    /// The disk failed.
    pub fn last_noted(&self) -> Result<u64, StoreError> {
        let Some(open) = self.table(Table::Note)? else { return Ok(0) };
        Ok(open.last()?.and_then(|(key, _)| table::read_number(key.value())).unwrap_or(0))
    }

    /// The text of the public key that heads are signed with, as the store has it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn notary(&self) -> Result<Option<String>, StoreError> {
        Ok(self.get(Table::Meta, meta::NOTARY)?.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// The frontier of the hash tree.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn frontier(&self) -> Result<Frontier, StoreError> {
        self.get(Table::Meta, meta::FRONTIER)?
            .and_then(|bytes| Frontier::from_bytes(&bytes))
            .ok_or_else(|| StoreError::Damaged("the head of the log is missing or damaged".into()))
    }

    /// All rows of a table as they are stored; none if there is no such table.
    pub(super) fn raw(&self, table: Table) -> Result<Option<RawRows>, StoreError> {
        let Some(open) = self.table(table)? else { return Ok(None) };
        Ok(Some(open.range::<&[u8]>(..)?))
    }

    /// A payload file or component.
    ///
    /// # Errors
    /// It is missing or was changed.
    pub fn file(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let name = crate::model::id::hex(digest);
        let bytes = self
            .storage
            .get_file(digest)
            .map_err(|error| StoreError::Damaged(format!("the payload file {name}: {error}")))?;
        let have: Digest = Sha256::digest(&bytes).into();
        if have == *digest {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged(format!("the payload file {name} was changed")))
        }
    }

    fn value(&self, placed: &[u8]) -> Result<Vec<u8>, StoreError> {
        match placed.split_first() {
            Some((&INLINE, value)) => Ok(value.to_vec()),
            Some((&IN_FILE, digest)) => {
                let digest: Digest =
                    digest.try_into().map_err(|_| StoreError::Damaged("a payload's digest is no digest".into()))?;
                self.file(&digest)
            }
            _ => Err(StoreError::Damaged("a value has no place".into())),
        }
    }
}

/// Reads a record.
///
/// # Errors
/// It is damaged, or of a newer version.
pub fn record(bytes: &[u8]) -> Result<Record, StoreError> {
    let record: Record = from_bytes(bytes)?;
    if record.version > record::VERSION {
        return Err(StoreError::Newer { found: record.version.into(), known: record::VERSION.into() });
    }
    Ok(record)
}
