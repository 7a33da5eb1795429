//! A disk whose bytes outlive the database: it fails, stands still or loses its power at the operation that a test names, and after
//! a loss of power holds what was synced and any part of what was not.

use super::gate::{Door, Gate};
use libos_kernel::model::id::Digest;
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::Storage;
use redb::{Builder, Database, StorageBackend};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What happens at the named operation.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// It fails; nothing of it is done. Later ones work, should anybody try.
    Fail,
    /// So does it because there is no space.
    Full,
    /// It and all later ones fail: the power is gone.
    Cut,
}

/// How much of what was written since the last sync is there after a loss of power.
#[derive(Debug, Clone, Copy)]
pub enum Tear {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// Some sectors, chosen by this number.
    Some(u64),
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Default)]
struct Disk {
    /// What reads see.
    now: Vec<u8>,
    /// What was there at the last sync.
    synced: Vec<u8>,
    /// What happened since.
    pending: Vec<Change>,
    files: HashMap<Digest, Vec<u8>>,
    /// Writes, syncs and changes of length since the count was last set to zero.
    operations: u64,
    trouble: Option<(u64, Trouble)>,
    /// Everybody stops at the next sync until this opens.
    still: Option<Arc<Door>>,
    without_power: bool,
    /// Bytes that are free, if anybody is to know.
    free: Option<u64>,
    /// Only the database that was opened last may touch it.
    generation: u64,
}

/// The disk; clones share it.
#[derive(Debug, Clone, Default)]
pub struct SimStorage(Arc<Mutex<Disk>>);

#[derive(Debug)]
struct Backend {
    disk: SimStorage,
    generation: u64,
}

impl SimStorage {
    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk with what is on this one, whose database is closed.
    pub fn copy(&self) -> SimStorage {
        let (disk, copy) = (self.lock(), SimStorage::default());
        {
            let mut copied = copy.lock();
            copied.now.clone_from(&disk.now);
            copied.synced.clone_from(&disk.synced);
            copied.files.clone_from(&disk.files);
        }
        copy
    }

    /// Trouble at the operation with this number, counted from now, from 1.
    pub fn trouble_at(&self, number: u64, trouble: Trouble) {
        let mut disk = self.lock();
        disk.operations = 0;
        disk.trouble = Some((number, trouble));
    }

    /// Operations since trouble was last planned.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// The next sync, and who comes after it, waits for the gate.
    pub fn stand_still(&self) -> Gate {
        let gate = Gate::new();
        self.lock().still = Some(gate.door());
        gate
    }

    /// Changes a byte of every payload file.
    pub fn spoil_files(&self) {
        for bytes in self.lock().files.values_mut() {
            bytes[0] ^= 1;
        }
    }

    /// So many bytes are free from now on.
    pub fn set_free(&self, bytes: u64) {
        self.lock().free = Some(bytes);
    }

    /// The power goes, now.
    pub fn cut(&self) {
        self.lock().without_power = true;
    }

    /// Whether the power is gone.
    pub fn is_cut(&self) -> bool {
        self.lock().without_power
    }

    /// The power comes back: what was not synced is there as `tear` says. The database of before has nothing to say any more.
    pub fn recover(&self, tear: Tear) {
        let mut disk = self.lock();
        let mut bytes = std::mem::take(&mut disk.synced);
        for (index, change) in std::mem::take(&mut disk.pending).into_iter().enumerate() {
            apply_torn(&mut bytes, change, tear, index as u64);
        }
        disk.synced.clone_from(&bytes);
        disk.now = bytes;
        disk.trouble = None;
        disk.still = None;
        disk.without_power = false;
        disk.generation += 1;
    }
}

fn apply_torn(bytes: &mut Vec<u8>, change: Change, tear: Tear, index: u64) {
    let kept = |sector: u64| match tear {
        Tear::None => false,
        Tear::All => true,
        Tear::Some(seed) => mix(seed ^ mix(index.wrapping_mul(1 << 20).wrapping_add(sector))) & 1 == 1,
    };
    match change {
        Change::Length(length) if kept(0) => bytes.resize(length as usize, 0),
        Change::Length(_) => {}
        Change::Write(offset, data) => {
            for (sector, piece) in data.chunks(SECTOR).enumerate().filter(|(sector, _)| kept(*sector as u64)) {
                write(bytes, offset as usize + sector * SECTOR, piece);
            }
        }
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    if bytes.len() < at + data.len() {
        bytes.resize(at + data.len(), 0);
    }
    bytes[at..at + data.len()].copy_from_slice(data);
}

/// One step of splitmix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Disk {
    /// One more operation.
    fn step(&mut self) -> io::Result<()> {
        self.operations += 1;
        if let Some((number, trouble)) = &self.trouble
            && *number == self.operations
        {
            self.without_power |= matches!(trouble, Trouble::Cut);
            if matches!(trouble, Trouble::Full) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            return Err(io::Error::other("the disk failed, as planned"));
        }
        self.check_power()
    }

    fn check_power(&self) -> io::Result<()> {
        if self.without_power { Err(io::Error::other("there is no power")) } else { Ok(()) }
    }
}

impl Backend {
    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock();
        if disk.generation == self.generation {
            Ok(disk)
        } else {
            Err(io::Error::other("this database was closed by a loss of power"))
        }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk()?.now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.disk()?;
        disk.check_power()?;
        let range = offset as usize..offset as usize + out.len();
        out.copy_from_slice(disk.now.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk()?;
        disk.step()?;
        disk.now.resize(len as usize, 0);
        disk.pending.push(Change::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let still = self.disk()?.still.clone();
        if let Some(door) = still {
            door.pass();
        }
        let mut disk = self.disk()?;
        disk.step()?;
        let pending = std::mem::take(&mut disk.pending);
        for change in pending {
            apply_torn(&mut disk.synced, change, Tear::All, 0);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.disk()?;
        let lit = !disk.without_power;
        let stepped = disk.step();
        if stepped.is_ok() || (lit && disk.without_power) {
            // What is under way when the power goes may be there in part.
            disk.pending.push(Change::Write(offset, data.to_vec()));
        }
        stepped?;
        write(&mut disk.now, offset as usize, data);
        Ok(())
    }
}

impl Storage for SimStorage {
    fn open(&self) -> Result<Database, StoreError> {
        let generation = {
            let mut disk = self.lock();
            if disk.now.is_empty() {
                // A new store has its name only when it is whole, as in a directory.
                disk.step().map_err(|error| StoreError::Failed(error.to_string()))?;
                let whole = SimStorage::default();
                let backend = Backend { disk: whole.clone(), generation: 0 };
                drop(Builder::new().create_with_backend(backend)?);
                disk.now = std::mem::take(&mut whole.lock().now);
                disk.synced = disk.now.clone();
            }
            disk.generation += 1;
            disk.generation
        };
        let backend = Backend { disk: self.clone(), generation };
        Ok(Builder::new().set_cache_size(4 << 20).create_with_backend(backend)?)
    }

    fn put_file(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.files.insert(*digest, bytes.to_vec());
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(Digest, u64)>> {
        let disk = self.lock();
        disk.check_power()?;
        Ok(disk.files.iter().map(|(digest, bytes)| (*digest, bytes.len() as u64)).collect())
    }

    fn remove_file(&self, digest: &Digest) -> io::Result<()> {
        let mut disk = self.lock();
        disk.step()?;
        disk.files.remove(digest);
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        self.lock().free
    }

    fn get_file(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        let disk = self.lock();
        disk.check_power()?;
        disk.files.get(digest).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
