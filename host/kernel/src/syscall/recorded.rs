//! A line that leads nowhere: it knows the answers of a recorded call and nothing else. There is no kernel, no world and no policy
//! behind it, so whatever runs on it decides and changes nothing.

use crate::model::answer::{Answer, Fault, Stop};
use crate::model::call::Call;
use crate::model::history::Import;
use crate::model::id::Position;
use crate::model::row::request_digest;
use crate::model::time::Time;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a run went another way than the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    pub position: Position,
    /// What stands there; none if the record has nothing left.
    pub recorded: Option<Call>,
    pub made: Call,
}

/// The line of a replay. Clones share what they have seen.
#[derive(Debug, Clone)]
pub struct Recorded {
    imports: Arc<[Import]>,
    imports_max: u32,
    /// The record ends before the call did of itself: what comes then is no divergence.
    is_cut: bool,
    seen: Arc<Mutex<Seen>>,
    import: Arc<Mutex<Option<&'static str>>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Imports that were answered.
    answered: Position,
    time: Time,
    divergence: Option<Divergence>,
    /// The run came to the end of a record that is cut.
    reached_cut: bool,
}

impl Recorded {
    /// A line of these answers; the guest's clocks begin at `started`.
    pub fn new(imports: Arc<[Import]>, imports_max: u32, started: Time, is_cut: bool) -> Recorded {
        let seen = Seen { time: started, ..Seen::default() };
        Recorded { imports, imports_max, is_cut, seen: Arc::new(Mutex::new(seen)), import: Arc::default() }
    }

    /// The recorded answer to the next system call.
    ///
    /// # Errors
    /// The guest is to be stopped: it asks for something else than was recorded, or the record is at its end.
    pub fn run(&mut self, call: Call) -> Result<Arc<Answer>, Stop> {
        *self.import.lock().unwrap_or_else(PoisonError::into_inner) = Some(call.operation());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let position = seen.answered;
        if position >= self.imports_max {
            return Err(Stop::Fault(Fault::Imports(self.imports_max)));
        }
        let recorded = self.imports.get(position as usize);
        let is_over = match recorded {
            None => self.is_cut,
            Some(import) if request_digest(&import.call) != request_digest(&call) => false,
            Some(Import { answered: Some((time, answer)), .. }) => {
                seen.answered += 1;
                seen.time = *time;
                return Ok(Arc::new(answer.clone()));
            }
            Some(Import { answered: None, .. }) => true,
        };
        if is_over {
            seen.reached_cut = true;
            return Err(Stop::Ended);
        }
        let recorded = recorded.map(|import| import.call.clone());
        let told = recorded.as_ref().map_or("none", Call::operation).to_owned();
        let fault = Fault::Diverged { position, recorded: told, made: call.operation().to_owned() };
        seen.divergence = Some(Divergence { position, recorded, made: call });
        Err(Stop::Fault(fault))
    }

    /// The import in progress, or the last one.
    pub fn import(&self) -> Arc<Mutex<Option<&'static str>>> {
        Arc::clone(&self.import)
    }

    /// The time of the last answer: what the guest's own clocks show.
    pub fn time(&self) -> Time {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).time
    }

    /// How many imports were answered.
    pub fn answered(&self) -> Position {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).answered
    }

    /// Where the run went another way.
    pub fn divergence(&self) -> Option<Divergence> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).divergence.clone()
    }

    /// Whether the run came to where the record was cut.
    pub fn reached_cut(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).reached_cut
    }
}
