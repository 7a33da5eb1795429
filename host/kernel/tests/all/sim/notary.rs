//! Who signs heads in a test, with a second place that fails when told to.

use libos_kernel::kernel::Notary;
use libos_kernel::model::note::{Checkpoint, Signer, VerifierKey, open};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// What a second place says that is told to fail.
pub const SECOND_PLACE_GONE: &str = "the other machine does not answer";

/// A key, and what the second place holds.
#[derive(Debug)]
pub struct SimNotary {
    signer: Signer,
    strict: bool,
    notes: Mutex<Vec<String>>,
    fails: AtomicBool,
    mute: AtomicBool,
}

impl SimNotary {
    /// With the key of this number.
    pub fn new(key: u8, strict: bool) -> SimNotary {
        SimNotary {
            signer: Signer::of_log(&[key; 32]),
            strict,
            notes: Mutex::default(),
            fails: AtomicBool::new(false),
            mute: AtomicBool::new(false),
        }
    }

    /// Whether the second place fails from now on.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Whether the key cannot be used from now on.
    pub fn set_mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::SeqCst);
    }

    /// What the second place holds, as one file.
    pub fn file(&self) -> String {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).concat()
    }

    /// The heads that the second place holds.
    pub fn heads(&self) -> Vec<Checkpoint> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().map(|note| open(note, self.signer.key()).expect("it signed it")).collect()
    }

    /// How many records each of them covers.
    pub fn sizes(&self) -> Vec<u64> {
        self.heads().iter().map(|head| head.size).collect()
    }
}

impl Notary for SimNotary {
    fn key(&self) -> &VerifierKey {
        self.signer.key()
    }

    fn sign(&self, text: &str) -> Result<[u8; 64], String> {
        if self.mute.load(Ordering::SeqCst) { Err("no card in the reader".into()) } else { Ok(self.signer.sign(text)) }
    }

    fn witness(&self, note: &str) -> Result<(), String> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(SECOND_PLACE_GONE.into());
        }
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note.to_owned());
        Ok(())
    }

    fn is_strict(&self) -> bool {
        self.strict
    }
}
