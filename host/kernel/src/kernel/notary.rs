//! Signed heads of the log: when one is made, that it reaches the second place, and what happens if it does not. The committer asks;
//! nobody else signs.

use super::Permit;
use super::state::State;
use crate::model::limit::{NOTE_EVERY, NOTE_RECORDS, WITNESS_REST, WITNESS_SLOW};
use crate::model::note::{Checkpoint, VerifierKey};
use crate::model::record::{Decided, Outcome, Record};
use crate::model::time::Time;
use crate::model::tree::Frontier;
use crate::store::StoreError;
use crate::store::reader::Snapshot;
use crate::store::table::{Table, meta};
use crate::store::writer::NewNote;
use crate::world::World;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// Records that a host found in no signed head when it started, as the record of that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Adopted {
    pub first: u64,
    pub last: u64,
}

impl fmt::Display for Adopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "records {} to {} were in no signed head", self.first, self.last)
    }
}

impl Adopted {
    /// Reads what was recorded; none if it is something else.
    pub fn parse(text: &str) -> Option<Adopted> {
        let (first, last) =
            text.strip_prefix("records ")?.strip_suffix(" were in no signed head")?.split_once(" to ")?;
        Some(Adopted { first: first.parse().ok()?, last: last.parse().ok()? })
    }
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
    /// The newest note that the second place did not take yet. Of strict notes there is none.
    owed: Option<String>,
    /// The second place failed or was slow: until when it is left alone.
    resting: Option<Time>,
    /// It failed, and that is recorded.
    failed: bool,
    /// It failed while the host closes: it is not waited for once more.
    given_up: bool,
}

impl Notes {
    /// The notes of a store whose last one covers `noted` records.
    pub fn new(notary: Arc<dyn Notary>, world: Arc<dyn World>, noted: u64) -> Notes {
        Notes {
            notary,
            world,
            noted,
            kept: None,
            passing: None,
            pending: None,
            owed: None,
            resting: None,
            failed: false,
            given_up: false,
        }
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

    /// Whether a note waits for its second place.
    pub fn is_owed(&self) -> bool {
        self.owed.is_some()
    }

    /// Whether a note that waits is to be brought now. The end of a host does not wait for the end of a rest.
    pub fn is_owed_now(&self, moment: Moment) -> bool {
        self.is_owed() && (moment == Moment::Closing || !self.rests(self.now()))
    }

    /// Whether the second place is left alone. A clock that was set back ends the rest.
    fn rests(&self, now: Time) -> bool {
        self.resting.is_some_and(|until| now < until && until <= now.after(WITNESS_REST))
    }

    /// Brings the newest note that is on the disk to the second place.
    pub fn bring(&mut self, moment: Moment) -> Told {
        match (self.pending.take(), self.notary.is_strict()) {
            (Some(Err(why)), true) => return strict(&why),
            (Some(Err(why)), false) => return self.failed(why),
            (Some(Ok(note)), true) => return self.witness(&note).map_or_else(|why| strict(&why), |()| Told::Nothing),
            // Whoever has the newest head needs none of those before it.
            (Some(Ok(note)), false) => self.owed = Some(note),
            (None, _) => {}
        }
        let closing = moment == Moment::Closing;
        let began = self.now();
        if self.rests(began) && (!closing || self.given_up) {
            if closing {
                self.owed = None;
            }
            return Told::Nothing;
        }
        let Some(note) = self.owed.take() else { return Told::Nothing };
        if let Err(why) = self.witness(&note) {
            self.given_up = closing;
            self.owed = Some(note).filter(|_| !closing);
            return self.failed(why);
        }
        let ended = self.now();
        // Each note holds up the batch after it.
        self.resting = (ended >= began.after(WITNESS_SLOW)).then(|| ended.after(WITNESS_REST));
        if std::mem::take(&mut self.failed) { Told::Record("host.witness-works", None) } else { Told::Nothing }
    }

    /// A notary of others must not end a host that is to go on without it.
    fn witness(&self, note: &str) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| self.notary.witness(note)))
            .unwrap_or_else(|_| Err("it panicked".into()))
            .map_err(|why| format!("the second place did not take the head of the log: {why}"))
    }

    /// Recorded once, until it works again.
    fn failed(&mut self, why: String) -> Told {
        self.resting = Some(self.now().after(WITNESS_REST));
        if std::mem::replace(&mut self.failed, true) {
            Told::Nothing
        } else {
            Told::Record("host.witness-failed", Some(why))
        }
    }

    /// A record of what happened to the second place.
    pub fn record(&self, operation: &'static str, why: Option<String>) -> Record {
        let outcome = why.map_or(Outcome::Done, Outcome::Failed);
        Record::new(operation, self.now(), Decided::Host, outcome)
    }
}

fn strict(why: &str) -> Told {
    Told::Stop(format!("{why}; with strict = true nothing goes on without it"))
}

impl State {
    /// Records which records are in no signed head although this host signs: it signs them as they are, whoever wrote them. After a
    /// clean close there are none.
    pub(super) fn note_adopted(&mut self, noted: u64, size: u64, now: Time) {
        if noted < size {
            let mut record = Record::new("host.adopted", now, Decided::Host, Outcome::Done);
            record.detail = Some(Adopted { first: noted, last: size - 1 }.to_string());
            self.note(record);
        }
    }

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
