//! Writes batches: one redb transaction each, two-phase, with quick repair. Hashes the records on the way.

use super::StoreError;
use super::batch::{Batch, NewRecord};
use super::disk::Storage;
use super::files::Files;
use super::reader::Snapshot;
use super::table::{self, IN_FILE, INLINE, Table, meta};
use super::upgrade;
use crate::model::codec::to_bytes;
use crate::model::id::Digest;
use crate::model::limit;
use crate::model::record::Commitment;
use crate::model::time::Time;
use crate::model::tree::{self, Frontier};
use minicbor::{CborLen, Encode};
use redb::{Database, WriteTransaction};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// The store, open to write.
pub struct Writer {
    database: Arc<Database>,
    storage: Arc<dyn Storage>,
    files: Arc<Files>,
    frontier: Frontier,
    key: Digest,
}

/// A signed note of the head, to be stored with the batch that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNote {
    /// Records that it covers: all.
    pub size: u64,
    pub text: String,
    /// The size of a note that need not be kept any more.
    pub replaces: Option<u64>,
}

impl Writer {
    /// Opens the store; makes one if there is none, and brings one of an older format up to date after a copy of it was put aside.
    /// `new_key` gives 32 random bytes for a new store.
    ///
    /// # Errors
    /// Somebody else writes, the format is newer, there is no room for the copy, or the disk failed.
    pub fn open(
        storage: Arc<dyn Storage>,
        now: Time,
        new_key: impl FnOnce() -> Result<Digest, StoreError>,
    ) -> Result<Writer, StoreError> {
        // To open a database to write changes its file.
        storage.keep_older()?;
        let database = storage.open()?;
        let snapshot = Snapshot::of(&database, Arc::clone(&storage))?;
        let format = snapshot.format()?;
        let (key, frontier) = match format {
            Some(_) => {
                let key = snapshot.get(Table::Meta, meta::KEY)?;
                let key = key.and_then(|key| key.try_into().ok());
                (key.ok_or_else(|| StoreError::Damaged("its key is missing".into()))?, snapshot.frontier()?)
            }
            None => {
                let key = new_key()?;
                let transaction = begin(&database)?;
                make_tables(&transaction, table::FORMAT)?;
                {
                    let mut rows = transaction.open_table(Table::Meta.definition())?;
                    rows.insert(meta::KEY, inline(&key).as_slice())?;
                    rows.insert(meta::FRONTIER, inline(&Frontier::default().to_bytes()).as_slice())?;
                }
                transaction.commit()?;
                (key, Frontier::default())
            }
        };
        let mut writer = Writer {
            database: Arc::new(database),
            files: Arc::new(Files::new(Arc::clone(&storage))),
            storage,
            frontier,
            key,
        };
        if let Some(old) = format.filter(|found| *found < table::FORMAT) {
            let changes = upgrade::changes(&snapshot, old, writer.size(), now)?;
            writer.write(&changes, Some(table::FORMAT), |_| None)?;
        }
        Ok(writer)
    }

    /// The database, for snapshots.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The random bytes that only this store has.
    pub fn key(&self) -> &Digest {
        &self.key
    }

    /// The payload files.
    pub fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// Bytes that are free where it lies; none if nobody knows.
    pub fn free_bytes(&self) -> Option<u64> {
        self.storage.free_bytes()
    }

    /// Records in the log.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Commits a batch; when this returns it is on the disk.
    ///
    /// # Errors
    /// Nothing of the batch is in the store, or, if the disk failed at the very end, all of it may be. The writer is not to be used
    /// again.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.commit_noted(batch, |_| None)
    }

    /// As [`Writer::commit`], with a note of the head that the log has then.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub fn commit_noted(
        &mut self,
        batch: &Batch,
        note: impl FnOnce(&Frontier) -> Option<NewNote>,
    ) -> Result<(), StoreError> {
        self.write(batch, None, note)
    }

    fn write(
        &mut self,
        batch: &Batch,
        format: Option<u32>,
        note: impl FnOnce(&Frontier) -> Option<NewNote>,
    ) -> Result<(), StoreError> {
        let transaction = begin(&self.database)?;
        if let Some(format) = format {
            make_tables(&transaction, format)?;
        }
        self.write_records(&transaction, &batch.records)?;
        if let Some(note) = note(&self.frontier) {
            let mut notes = transaction.open_table(Table::Note.definition())?;
            if let Some(size) = note.replaces {
                notes.remove(table::number(size).as_slice())?;
            }
            notes.insert(table::number(note.size).as_slice(), inline(note.text.as_bytes()).as_slice())?;
        }
        self.write_rows(&transaction, batch)?;
        self.write_journal(&transaction, batch)?;
        transaction.commit()?;
        Ok(())
    }

    fn write_records(&mut self, transaction: &WriteTransaction, records: &[NewRecord]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let mut log = transaction.open_table(Table::Log.definition())?;
        let mut tiles = transaction.open_table(Table::Tree.definition())?;
        for new in records {
            let seq = new.record.seq;
            assert_eq!(seq, self.frontier.size(), "records are committed in order and without gaps");
            let mut record = new.record.clone();
            record.request = new.request.as_deref().map(|call| self.commit_to(seq, 0, call));
            record.answer = new.answer.as_deref().map(|answer| self.commit_to(seq, 1, answer));
            record.clamp();
            let bytes = to_bytes(&record);
            let leaf = tree::leaf(&bytes);
            let mut value = Vec::with_capacity(32 + bytes.len());
            value.extend(leaf);
            value.extend(bytes);
            log.insert(table::number(seq).as_slice(), value.as_slice())?;
            if let Some(root) = self.frontier.push(leaf) {
                tiles.insert(table::number(seq / tree::TILE).as_slice(), root.as_slice())?;
            }
        }
        let mut rows = transaction.open_table(Table::Meta.definition())?;
        rows.insert(meta::FRONTIER, inline(&self.frontier.to_bytes()).as_slice())?;
        Ok(())
    }

    fn commit_to<T: Encode<()> + CborLen<()>>(&self, seq: u64, which: u8, value: &T) -> Commitment {
        let bytes = to_bytes(value);
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(seq.to_be_bytes())
            .chain_update([which])
            .chain_update(&bytes)
            .finalize()
            .into();
        Commitment { digest, size: bytes.len() as u64 }
    }

    fn write_rows(&self, transaction: &WriteTransaction, batch: &Batch) -> Result<(), StoreError> {
        let mut rows = batch.rows.iter().peekable();
        while let Some(((table, _), _)) = rows.peek() {
            let current = *table;
            let mut open = transaction.open_table(current.definition())?;
            while let Some(((_, key), value)) = rows.next_if(|((table, _), _)| *table == current) {
                match value {
                    Some(value) => drop(open.insert(key.as_slice(), self.place_value(value)?.as_slice())?),
                    None => drop(open.remove(key.as_slice())?),
                }
            }
        }
        Ok(())
    }

    fn write_journal(&self, transaction: &WriteTransaction, batch: &Batch) -> Result<(), StoreError> {
        if batch.journal.is_empty() {
            return Ok(());
        }
        let mut journal = transaction.open_table(Table::Journal.definition())?;
        for new in &batch.journal {
            let value = self.place_value(&to_bytes(&new.row()))?;
            journal.insert(table::place(new.call, new.position).as_slice(), value.as_slice())?;
        }
        Ok(())
    }

    fn place_value(&self, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        if value.len() <= limit::INLINE_BYTES_MAX {
            return Ok(inline(value));
        }
        let digest: Digest = Sha256::digest(value).into();
        self.files.put(&digest, value).map_err(|error| StoreError::Failed(error.to_string()))?;
        let mut placed = vec![IN_FILE];
        placed.extend(digest);
        Ok(placed)
    }
}

fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

/// Makes the tables that there are not, and says which format they have.
fn make_tables(transaction: &WriteTransaction, format: u32) -> Result<(), StoreError> {
    for table in Table::ALL {
        transaction.open_table(table.definition())?;
    }
    let mut rows = transaction.open_table(Table::Meta.definition())?;
    rows.insert(meta::FORMAT, format.to_be_bytes().as_slice())?;
    Ok(())
}

fn inline(value: &[u8]) -> Vec<u8> {
    let mut placed = Vec::with_capacity(value.len() + 1);
    placed.push(INLINE);
    placed.extend(value);
    placed
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes the directory that the store is in")]
mod tests {
    use super::*;
    use crate::store::disk::Directory;

    #[test]
    fn a_data_directory_of_a_newer_version_is_refused_and_left_as_it_is() {
        let path = std::env::temp_dir().join(format!("libos-newer-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        let directory = Directory::new(&path);
        let open = || Writer::open(Arc::new(directory.clone()), Time(0), || Ok([7; 32]));
        drop(open().unwrap());
        assert!(Snapshot::of_directory(&directory).is_ok());
        let newer = table::FORMAT + 1;
        let database = directory.open().unwrap();
        let transaction = begin(&database).unwrap();
        transaction
            .open_table(Table::Meta.definition())
            .unwrap()
            .insert(meta::FORMAT, newer.to_be_bytes().as_slice())
            .unwrap();
        transaction.commit().unwrap();
        drop(database);
        let refused = StoreError::Newer { found: newer, known: table::FORMAT };
        assert_eq!(open().err(), Some(refused.clone()));
        assert_eq!(Snapshot::of_directory(&directory).err(), Some(refused));
        std::fs::remove_dir_all(&path).unwrap();
    }
}
