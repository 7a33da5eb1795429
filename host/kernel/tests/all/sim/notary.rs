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
    panics: AtomicBool,
    mute: AtomicBool,
    /// What happens while the second place takes a note.
    meanwhile: Mutex<Option<Meanwhile>>,
}

struct Meanwhile(Box<dyn Fn() + Send>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl SimNotary {
    /// With the key of this number.
    pub fn new(key: u8, strict: bool) -> SimNotary {
        SimNotary {
            signer: Signer::of_log(&[key; 32]),
            strict,
            notes: Mutex::default(),
            fails: AtomicBool::new(false),
            panics: AtomicBool::new(false),
            mute: AtomicBool::new(false),
            meanwhile: Mutex::default(),
        }
    }

    /// Whether the second place fails from now on.
    pub fn set_failing(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// Whether the second place panics from now on.
    pub fn set_panicking(&self, panics: bool) {
        self.panics.store(panics, Ordering::SeqCst);
    }

    /// What happens from now on while the second place takes a note.
    pub fn set_meanwhile(&self, what: impl Fn() + Send + 'static) {
        *self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner) = Some(Meanwhile(Box::new(what)));
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
        assert!(!self.panics.load(Ordering::SeqCst), "{SECOND_PLACE_GONE}");
        if let Some(Meanwhile(what)) = &*self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner) {
            what();
        }
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note.to_owned());
        Ok(())
    }

    fn is_strict(&self) -> bool {
        self.strict
    }
}
