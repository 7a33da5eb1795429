//! Objects that were used lately, in memory: what is read again is not read from the disk.

use crate::model::call::{ObjectInfo, Payload};
use crate::model::limit;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Bytes that an entry takes beside its payload, roughly.
const ENTRY_BYTES: usize = 256;

/// Payloads of objects that were used lately.
#[derive(Debug, Default)]
pub struct ObjectCache {
    entries: HashMap<String, Entry>,
    /// Names by when they came, the oldest first.
    order: BTreeMap<u64, String>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    object: (ObjectInfo, Arc<Payload>),
    came: u64,
}

impl ObjectCache {
    /// An object.
    pub fn get(&self, name: &str) -> Option<&(ObjectInfo, Arc<Payload>)> {
        self.entries.get(name).map(|entry| &entry.object)
    }

    /// Keeps an object; the oldest go.
    pub fn put(&mut self, info: ObjectInfo, payload: Arc<Payload>) {
        self.remove(&info.name);
        self.bytes += payload.len() + ENTRY_BYTES;
        self.order.insert(self.next, info.name.clone());
        self.entries.insert(info.name.clone(), Entry { object: (info, payload), came: self.next });
        self.next += 1;
        while self.bytes > limit::OBJECT_CACHE_BYTES {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
    }

    /// Forgets an object.
    pub fn remove(&mut self, name: &str) {
        if let Some(entry) = self.entries.remove(name) {
            self.bytes -= entry.object.1.len() + ENTRY_BYTES;
            self.order.remove(&entry.came);
        }
    }
}
