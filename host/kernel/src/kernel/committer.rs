//! The thread that brings batches to the disk, in order, one at a time. If one fails, the kernel stops: what is in memory is no
//! longer what the store will show, so nothing of it may be used or shown.

use super::Shared;
use crate::model::limit::{BATCH_BYTES, BATCH_MILLISECONDS};
use crate::store::writer::Writer;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Runs until the kernel closes or a commit fails.
pub(super) fn run(shared: &Arc<Shared>, mut writer: Writer) {
    loop {
        let Some((number, batch)) = next_batch(shared) else { return };
        let committed = catch_unwind(AssertUnwindSafe(|| writer.commit(&batch)));
        let free = writer.free_bytes();
        let mut state = shared.lock();
        state.in_flight = None;
        state.free = free;
        let why = match committed {
            Ok(Ok(())) => {
                drop(state);
                shared.durable.send_replace(number);
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the committer panicked".into(),
        };
        state.failed.get_or_insert(why);
        drop(state);
        shared.stopped.send_replace(true);
        return;
    }
}

/// Waits for a batch that somebody waits for, that is large, or that is old enough. None when there is nothing left and the kernel
/// closes.
fn next_batch(shared: &Arc<Shared>) -> Option<(u64, Arc<crate::store::batch::Batch>)> {
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
            if state.closing {
                state.failed = Some("the host is closed".into());
                drop(state);
                shared.stopped.send_replace(true);
                return None;
            }
            old = false;
            state.urgent = false;
            state = shared.sound(shared.work.wait(state));
        } else {
            let pause = Duration::from_millis(BATCH_MILLISECONDS);
            state = shared.sound(
                shared
                    .work
                    .wait_timeout(state, pause)
                    .map(|(state, _)| state)
                    .map_err(|poisoned| PoisonError::new(poisoned.into_inner().0)),
            );
            // Woken early without need, it is committed early: no harm.
            old = true;
        }
    }
    let batch = Arc::new(std::mem::take(&mut state.batch));
    let number = state.number;
    state.number += 1;
    state.urgent = false;
    state.in_flight = Some(Arc::clone(&batch));
    Some((number, batch))
}
