//! A line that leads nowhere: it knows the answers of a recorded call and nothing else. There is no kernel, no world and no policy
//! behind it, so whatever runs on it decides and changes nothing.

use super::tickets::refused;
use crate::model::answer::{Answer, CallError, Fault, Stop};
use crate::model::call::{Call, Reply};
use crate::model::history::Import;
use crate::model::id::Position;
use crate::model::row::request_digest;
use crate::model::time::Time;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// What was submitted and not taken. Its answer may be missing if the call ended before it came.
    open: BTreeMap<Position, Option<Answer>>,
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
        let mut seen = self.seen();
        match self.recorded(&mut seen, call)? {
            Some((time, answer)) => {
                seen.time = *time;
                Ok(Arc::new(answer.clone()))
            }
            None => Err(self.ends(&mut seen)),
        }
    }

    /// As [`super::Line::submit`].
    ///
    /// # Errors
    /// As [`Recorded::run`].
    pub fn submit(&mut self, call: Call) -> Result<Result<Position, CallError>, Stop> {
        let mut seen = self.seen();
        if let Some(error) = refused(seen.open.len(), &call) {
            return Ok(Err(error));
        }
        let position = seen.answered;
        // Its guest sees the answer, and the time of it, when it takes it.
        let answer = self.recorded(&mut seen, call)?.as_ref().map(|(_, answer)| answer.clone());
        if answer.is_none() {
            seen.answered += 1;
        }
        seen.open.insert(position, answer);
        Ok(Ok(position))
    }

    /// As [`super::Line::next`].
    ///
    /// # Errors
    /// As [`Recorded::run`].
    pub fn next_answer(&mut self) -> Result<Option<(Position, Arc<Answer>)>, Stop> {
        let answer = self.run(Call::TicketNext)?;
        let ticket = match *answer {
            Answer::Done(Reply::Ticket(Some(ticket))) => ticket,
            Answer::Done(Reply::Ticket(None)) => return Ok(None),
            _ => return Err(Stop::Host("a recorded answer has another shape".into())),
        };
        let answer = self.seen().open.remove(&ticket).flatten();
        let answer = answer.ok_or_else(|| Stop::Host(format!("the recorded answer of ticket {ticket} is missing")))?;
        Ok(Some((ticket, Arc::new(answer))))
    }

    /// As [`super::Line::cancel`].
    ///
    /// # Errors
    /// As [`Recorded::run`].
    pub fn cancel(&mut self, ticket: Position) -> Result<bool, Stop> {
        let answer = self.run(Call::TicketCancel { ticket })?;
        let Answer::Done(Reply::GivenUp(given_up)) = *answer else {
            return Err(Stop::Host("a recorded answer has another shape".into()));
        };
        if given_up {
            self.seen().open.remove(&ticket);
        }
        Ok(given_up)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is recorded of the next system call; none if it was never answered, or if the record was cut before it.
    fn recorded(&self, seen: &mut Seen, call: Call) -> Result<Option<&(Time, Answer)>, Stop> {
        *self.import.lock().unwrap_or_else(PoisonError::into_inner) = Some(call.operation());
        let position = seen.answered;
        if position >= self.imports_max {
            return Err(Stop::Fault(Fault::Imports(self.imports_max)));
        }
        let recorded = self.imports.get(position as usize);
        match recorded {
            None if self.is_cut => return Err(self.ends(seen)),
            Some(import) if request_digest(&import.call) == request_digest(&call) => {
                seen.answered += u32::from(import.answered.is_some());
                return Ok(import.answered.as_ref());
            }
            _ => {}
        }
        let recorded = recorded.map(|import| import.call.clone());
        let told = recorded.as_ref().map_or("none", Call::operation).to_owned();
        let fault = Fault::Diverged { position, recorded: told, made: call.operation().to_owned() };
        seen.divergence = Some(Divergence { position, recorded, made: call });
        Err(Stop::Fault(fault))
    }

    fn ends(&self, seen: &mut Seen) -> Stop {
        seen.reached_cut = true;
        Stop::Ended
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
