//! A line that leads nowhere, for the tests of what a process proposes: there is no process, no kernel and no world behind it. What asks
//! for something outside is refused, and that is remembered. The clock stands still and random numbers are always the same, so that a test
//! goes the same way each time.

use libos_kernel::model::answer::{Answer, CallError, Denial, Fault, Stop};
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::id::Position;
use libos_kernel::model::limit;
use libos_kernel::model::record::cut;
use libos_kernel::model::right::Right;
use libos_kernel::model::time::Time;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The line of a test. Clones share what they have seen.
#[derive(Debug, Clone, Default)]
pub struct Trial(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    imports: u32,
    refused: Option<&'static str>,
    random: u64,
    /// Tickets that nobody has taken yet.
    open: VecDeque<(Position, Arc<Answer>)>,
    log: Vec<String>,
    /// What was printed and is no whole line yet.
    rest: Vec<u8>,
}

impl Seen {
    fn log(&mut self, text: &str) {
        if self.log.len() < limit::REPORT_LINES_MAX {
            let mut text = text.to_owned();
            cut(&mut text, limit::REPORT_LINE_BYTES_MAX);
            self.log.push(text);
        }
    }
}

impl Trial {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first operation that was refused, if one was.
    pub fn refused(&self) -> Option<&'static str> {
        self.seen().refused
    }

    /// What was logged and printed.
    pub fn log(&self) -> Vec<String> {
        let mut seen = self.seen();
        let rest = std::mem::take(&mut seen.rest);
        if !rest.is_empty() {
            seen.log(&String::from_utf8_lossy(&rest));
        }
        seen.log.clone()
    }

    /// Takes what was printed down, by lines.
    pub(super) fn print(&self, bytes: &[u8]) {
        let mut seen = self.seen();
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut seen.rest);
                    seen.log(&String::from_utf8_lossy(&line));
                }
                // Of a line without an end only the beginning is shown.
                _ if seen.rest.len() <= limit::REPORT_LINE_BYTES_MAX => seen.rest.push(*byte),
                _ => {}
            }
        }
    }

    /// Whatever is submitted ends at once.
    pub(super) fn submit(&self, call: &Call) -> Result<Result<Position, CallError>, Stop> {
        let answer = self.run(call)?;
        let mut seen = self.seen();
        let ticket = seen.imports;
        seen.open.push_back((ticket, answer));
        Ok(Ok(ticket))
    }

    /// The ticket that was submitted first of those that are open.
    pub(super) fn next(&self) -> Option<(Position, Arc<Answer>)> {
        self.seen().open.pop_front()
    }

    /// Answers what needs nothing outside, and refuses the rest.
    pub(super) fn run(&self, call: &Call) -> Result<Arc<Answer>, Stop> {
        let mut seen = self.seen();
        seen.imports += 1;
        if seen.imports > limit::CANDIDATE_TEST_IMPORTS {
            return Err(Stop::Fault(Fault::Imports(limit::CANDIDATE_TEST_IMPORTS)));
        }
        let reply = match call {
            Call::ClockNow => Reply::Time(Time::default()),
            Call::RandomBytes { count } => Reply::Bytes(random(&mut seen.random, *count)),
            Call::LogWrite { message, .. } => {
                seen.log(message);
                Reply::Unit
            }
            refused => {
                let operation = refused.operation();
                seen.refused = seen.refused.or(Some(operation));
                return match refused {
                    // These have no error to answer with.
                    Call::ProcessSelf | Call::ProcessChildren | Call::MessagePending | Call::FsWorkingDirectory => {
                        Err(Stop::Fault(Fault::Trial(operation)))
                    }
                    _ => Ok(Arc::new(Answer::Failed(CallError::Denied(Denial {
                        right: Right::Call,
                        resource: operation.to_owned(),
                        reason: "a test of a proposal has no authority".to_owned(),
                    })))),
                };
            }
        };
        Ok(Arc::new(Answer::Done(reply)))
    }
}

fn random(state: &mut u64, count: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count.min(limit::RANDOM_BYTES_MAX) as usize {
        *state += 1;
        bytes.extend(Sha256::digest(state.to_be_bytes()));
    }
    bytes.truncate(count as usize);
    bytes
}
