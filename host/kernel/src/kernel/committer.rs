//! The thread that brings batches to the disk, in order, one at a time, with signed notes of the log's head. If one fails, the kernel
//! stops: what is in memory is no longer what the store will show, so nothing of it may be used or shown.

use super::notary::{Moment, Notes, Told};
use super::{Shared, State};
use crate::model::limit::{BATCH_BYTES, BATCH_MILLISECONDS, NOTE_EVERY};
use crate::store::batch::Batch;
use crate::store::writer::Writer;
use crate::sync::MutexGuard;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What is to be written next.
enum Work {
    Batch(u64, Arc<Batch>, Moment),
    /// Nothing but a note of what is on the disk.
    Note(Moment),
    /// A note that is on the disk waits for its second place.
    Bring(Moment),
}

/// Runs until the kernel closes or a commit fails.
pub(super) fn run(shared: &Arc<Shared>, mut writer: Writer, mut notes: Option<Notes>) {
    loop {
        let Some(work) = next(shared, notes.as_ref(), writer.size()) else { return };
        let (number, batch, moment) = match work {
            Work::Batch(number, batch, moment) => (Some(number), Some(batch), moment),
            Work::Note(moment) => (None, Some(Arc::default()), moment),
            Work::Bring(moment) => (None, None, moment),
        };
        let committed = catch_unwind(AssertUnwindSafe(|| {
            if let Some(batch) = batch {
                writer
                    .commit_noted(&batch, |head| notes.as_mut()?.make(head, moment))
                    .map_err(|error| error.to_string())?;
            }
            let free = writer.free_bytes();
            // With strict notes the batch is durable only now; else nobody waits for the second place, but the next batch.
            let strict = notes.as_ref().is_some_and(Notes::is_strict);
            if !strict {
                announce(shared, number, free);
            }
            match notes.as_mut().map_or(Told::Nothing, |notes| notes.bring(moment)) {
                Told::Stop(why) => return Err(why),
                Told::Record(operation, why) => {
                    if let Some(notes) = &notes {
                        shared.lock().note(notes.record(operation, why));
                    }
                }
                Told::Nothing => {}
            }
            if strict {
                announce(shared, number, free);
            }
            Ok(())
        }));
        let why = match committed {
            Ok(Ok(())) => continue,
            Ok(Err(why)) => why,
            Err(_) => "the committer panicked".into(),
        };
        let mut state = shared.lock();
        state.in_flight = None;
        state.failed.get_or_insert(why);
        drop(state);
        shared.stopped.send_replace(true);
        return;
    }
}

/// The batch counts as durable from now on; so many bytes are free beside it.
fn announce(shared: &Shared, number: Option<u64>, free: Option<u64>) {
    if let Some(number) = number {
        let mut state = shared.lock();
        (state.in_flight, state.free) = (None, free);
        drop(state);
        shared.durable.send_replace(number);
    }
}

/// Waits for a batch that somebody waits for, that is large, or that is old enough; or until a note is due for what is on the disk,
/// `size` records. None when there is nothing left and the kernel closes.
fn next(shared: &Arc<Shared>, notes: Option<&Notes>, size: u64) -> Option<Work> {
    let mut state = shared.lock();
    let mut old = false;
    loop {
        if state.failed.is_some() {
            drop(state);
            shared.stopped.send_replace(true);
            return None;
        }
        let due = state.urgent || state.closing || old || state.batch.size >= BATCH_BYTES;
        if !state.batch.is_empty() && due {
            break;
        }
        if state.batch.is_empty() {
            let moment = if state.closing { Moment::Closing } else { Moment::Batch };
            let behind = notes.filter(|notes| notes.is_behind(size));
            if behind.is_some_and(|notes| notes.is_due(size, moment)) {
                return Some(Work::Note(moment));
            }
            let owed = notes.filter(|notes| notes.is_owed());
            if owed.is_some_and(|notes| notes.is_owed_now(moment)) {
                return Some(Work::Bring(moment));
            }
            if state.closing {
                state.failed = Some("the host is closed".into());
                drop(state);
                shared.stopped.send_replace(true);
                return None;
            }
            old = false;
            state.urgent = false;
            state = match behind.or(owed) {
                Some(_) => wait_for(shared, state, NOTE_EVERY),
                None => shared.sound(shared.work.wait(state)),
            };
        } else {
            state = wait_for(shared, state, Duration::from_millis(BATCH_MILLISECONDS));
            // Woken early without need, it is committed early: no harm.
            old = true;
        }
    }
    let batch = Arc::new(std::mem::take(&mut state.batch));
    let number = state.number;
    state.number += 1;
    state.urgent = false;
    state.in_flight = Some(Arc::clone(&batch));
    Some(Work::Batch(number, batch, if state.closing { Moment::Closing } else { Moment::Batch }))
}

fn wait_for<'a>(shared: &'a Shared, state: MutexGuard<'a, State>, pause: Duration) -> MutexGuard<'a, State> {
    let waited = shared.work.wait_timeout(state, pause);
    shared.sound(waited.map(|(state, _)| state).map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)))
}
