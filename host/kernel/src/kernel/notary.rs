//! Signed heads of the log: when one is made, that it reaches the second place, and what happens if it does not. The committer asks;
//! nobody else signs.

use super::Permit;
use super::state::State;
use crate::model::limit::{NOTE_EVERY, NOTE_RECORDS, WITNESS_REST};
use crate::model::note::{Checkpoint, VerifierKey};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::time::Time;
use crate::model::tree::Frontier;
use crate::store::StoreError;
use crate::store::reader::Snapshot;
use crate::store::table::{Table, meta};
use crate::store::writer::NewNote;
use crate::world::World;
use std::sync::Arc;

/// Signs heads of the log and keeps them in a second place, where whoever can write the store cannot take them back.
///
/// Its methods are called by the committer's thread only, between two batches: they may block for as long as a local disk does.
pub trait Notary: Send + Sync + 'static {
    /// The public key. Its name is the origin of the notes.
    fn key(&self) -> &VerifierKey;

    /// Signs the text of a note.
    ///
    /// # Errors
    /// The key cannot be used; a sentence.
    fn sign(&self, text: &str) -> Result<[u8; 64], String>;

    /// Brings a signed note to the second place, durably. Does nothing where there is none.
    ///
    /// # Errors
    /// It is not there, and not known to be there; a sentence.
    fn witness(&self, note: &str) -> Result<(), String>;

    /// Whether a batch counts as durable only once its note is in the second place. A note that does not reach it stops the host then.
    fn is_strict(&self) -> bool {
        false
    }
}

/// What a note was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A batch goes to the disk.
    Batch,
    /// So does the last one, or nothing is left to do.
    Closing,
}

/// What the second place's trouble, or its end, means for the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// To be recorded.
    Record(&'static str, Option<String>),
    /// To stop for.
    Stop(String),
}

/// The notes of a running host.
pub(super) struct Notes {
    notary: Arc<dyn Notary>,
    world: Arc<dyn World>,
    /// Records that the last note covers.
    noted: u64,
    /// Size and time of the last note that stays in the store.
    kept: Option<(u64, Time)>,
    /// The last note, if the next one takes its place in the store: strict notes are one a batch, and the store keeps fewer.
    passing: Option<u64>,
    /// Made and stored, and on its way to the second place; or why it could not be made.
    pending: Option<Result<String, String>>,
    /// The second place failed: until when it is left alone.
    resting: Option<Time>,
}

impl Notes {
    /// The notes of a store whose last one covers `noted` records.
    pub fn new(notary: Arc<dyn Notary>, world: Arc<dyn World>, noted: u64) -> Notes {
        Notes { notary, world, noted, kept: None, passing: None, pending: None, resting: None }
    }

    /// Whether a batch is durable only when its note is in the second place.
    pub fn is_strict(&self) -> bool {
        self.notary.is_strict()
    }

    fn now(&self) -> Time {
        self.world.now(&Permit::of_kernel(Vec::new()))
    }

    /// Whether there are records that no note covers.
    pub fn is_behind(&self, size: u64) -> bool {
        size > self.noted
    }

    /// Whether it is time for a note that stays: the first of this host, and then each second or 1,000 records.
    fn is_time(&self, size: u64, now: Time) -> bool {
        // A clock that was set back says nothing about how much time has passed.
        self.kept.is_none_or(|(kept, at)| size >= kept + NOTE_RECORDS || now >= at.after(NOTE_EVERY) || now < at)
    }

    /// Whether a note is due for a log of this size.
    pub fn is_due(&self, size: u64, moment: Moment) -> bool {
        let wanted = moment == Moment::Closing || self.notary.is_strict() || self.is_time(size, self.now());
        self.is_behind(size) && wanted
    }

    /// Makes the note of a head, if one is due. Its batch is not on the disk yet.
    pub fn make(&mut self, head: &Frontier, moment: Moment) -> Option<NewNote> {
        let (size, now) = (head.size(), self.now());
        if !self.is_due(size, moment) {
            return None;
        }
        let key = self.notary.key();
        let text = Checkpoint { origin: key.name().to_owned(), size, root: head.root() }.text();
        let note = match self.notary.sign(&text) {
            Ok(signature) => key.note(&text, &signature),
            Err(why) => {
                // Tried again with the next record.
                self.noted = size;
                self.pending = Some(Err(format!("the head of the log cannot be signed: {why}")));
                return None;
            }
        };
        let stays = self.is_time(size, now);
        let replaces = self.passing.take();
        if stays {
            self.kept = Some((size, now));
        } else {
            self.passing = Some(size);
        }
        self.noted = size;
        self.pending = Some(Ok(note.clone()));
        Some(NewNote { size, text: note, replaces })
    }

    /// Brings the note of a batch that is on the disk now to the second place.
    pub fn bring(&mut self) -> Told {
        let Some(made) = self.pending.take() else { return Told::Nothing };
        let strict = self.notary.is_strict();
        let now = self.now();
        // A clock that was set back ends the rest.
        if !strict && self.resting.is_some_and(|until| now < until && until <= now.after(WITNESS_REST)) && made.is_ok()
        {
            return Told::Nothing;
        }
        let brought = made.and_then(|note| {
            let brought = self.notary.witness(&note);
            brought.map_err(|why| format!("the second place did not take the head of the log: {why}"))
        });
        match brought {
            Err(why) if strict => Told::Stop(format!("{why}; with strict = true nothing goes on without it")),
            Err(why) => {
                let known = self.resting.replace(now.after(WITNESS_REST)).is_some();
                if known { Told::Nothing } else { Told::Record("host.witness-failed", Some(why)) }
            }
            Ok(()) if self.resting.take().is_some() => Told::Record("host.witness-works", None),
            Ok(()) => Told::Nothing,
        }
    }

    /// A record of what happened to the second place.
    pub fn record(&self, operation: &'static str, why: Option<String>) -> Record {
        let outcome = why.map_or(Outcome::Done, Outcome::Failed);
        Record::new(operation, self.now(), Decided::Host, outcome)
    }
}

impl State {
    /// Records with which key heads are signed from now on, if that is another one than before, or that they are signed no more.
    pub(super) fn note_key(
        &mut self,
        notary: Option<&dyn Notary>,
        snapshot: &Snapshot,
        now: Time,
    ) -> Result<(), StoreError> {
        let before = snapshot.notary()?;
        let key = notary.map(|notary| notary.key().to_string());
        let mut record = Record::new("host.key", now, Decided::Host, Outcome::Done);
        match (before, key) {
            (before, Some(key)) if before.as_ref() != Some(&key) => {
                self.put_bytes(Table::Meta, meta::NOTARY.to_vec(), key.clone().into_bytes());
                record.detail = Some(key);
            }
            (Some(_), None) => {
                record.operation = "host.unsigned".into();
                record.detail = Some("the key that signed the log is not there: no head is signed".into());
            }
            _ => return Ok(()),
        }
        self.note(record);
        Ok(())
    }
}
