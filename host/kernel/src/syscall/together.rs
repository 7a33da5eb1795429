//! System calls that a planner makes at once: admitted in the order in which it made them, waited for together, each answered at a
//! position of its own.

use super::Line;
use crate::model::answer::{Answer, Stop};
use crate::model::call::{Call, Class};
use crate::model::id::Position;
use crate::sync::{Mutex, watch};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::Poll;

type Answers = Vec<Option<Arc<Answer>>>;

impl Line {
    /// Carries out system calls that wait, at once: each has the next position, in their order. Answers of an earlier run are taken, and
    /// waits that are open already are waited for again. The answers come when all are there, in the order of the calls.
    ///
    /// # Errors
    /// As [`Line::run`]; and a call that does not wait is not made at once with others.
    pub async fn run_all(&mut self, calls: Vec<Call>) -> Result<Vec<Arc<Answer>>, Stop> {
        if let Some(call) = calls.iter().find(|call| call.class() != Class::Wait) {
            return Err(Stop::Host(format!(
                "{} does not wait, so it is not made at once with others",
                call.operation()
            )));
        }
        let mut answers: Answers = Vec::with_capacity(calls.len());
        let mut open: Vec<(usize, Position, Arc<Call>)> = Vec::new();
        for call in calls {
            let position = self.take_position(&call)?;
            answers.push(self.replayed(position, &call)?);
            if answers.last().is_some_and(Option::is_none) {
                open.push((answers.len() - 1, position, Arc::new(call)));
            }
        }
        if !open.is_empty() {
            self.all_of(&open, &mut answers).await?;
            self.leave(self.place.position)?;
        }
        Ok(answers.into_iter().flatten().collect())
    }

    async fn all_of(&mut self, open: &[(usize, Position, Arc<Call>)], answers: &mut Answers) -> Result<(), Stop> {
        let shared = &self.shared;
        let around = shared.enter().await?;
        open.iter().for_each(|(_, position, call)| self.keep_request(*position, call));
        shared.waiting.begin(open.len());
        let mut running: Vec<(usize, Pin<Box<_>>)> = Vec::with_capacity(open.len());
        for (index, position, call) in open {
            let interrupted = self.check_interrupt(*position);
            let decided = shared.decide(*position, Arc::clone(call), &around);
            let admitted = async {
                interrupted?;
                decided.await
            };
            running.push((*index, Box::pin(admitted)));
        }
        // Each is looked at in their order, and the first look admits it: nothing on that way waits for anybody.
        let all = poll_fn(|context| {
            let mut failed = None;
            running.retain_mut(|(index, running)| {
                if failed.is_some() {
                    // Whoever is stopped begins nothing more.
                    return true;
                }
                match running.as_mut().poll(context) {
                    Poll::Pending => return true,
                    Poll::Ready(Ok(answer)) => answers[*index] = Some(answer),
                    Poll::Ready(Err(stop)) => failed = Some(stop),
                }
                shared.waiting.ended();
                false
            });
            match failed {
                Some(stop) => Poll::Ready(Err(stop)),
                None if running.is_empty() => Poll::Ready(Ok(())),
                None => {
                    shared.note_waiting();
                    Poll::Pending
                }
            }
        });
        let ended = all.await;
        shared.waiting.begin(1);
        ended
    }
}

/// How many system calls are under way, and whether all of them wait.
pub struct Together {
    counts: Mutex<Counts>,
    /// The number of the wait, while all wait. Every wait has another number.
    told: watch::Sender<Option<u64>>,
}

struct Counts {
    open: usize,
    waiting: usize,
    waits: u64,
}

impl Default for Together {
    fn default() -> Self {
        Together { counts: Mutex::new(Counts { open: 1, waiting: 0, waits: 0 }), told: watch::Sender::new(None) }
    }
}

impl Together {
    pub fn subscribe(&self) -> watch::Receiver<Option<u64>> {
        self.told.subscribe()
    }

    /// How many there are, if all of them wait.
    pub fn all_wait(&self) -> Option<usize> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all_wait().then_some(counts.open)
    }

    /// So many are under way from now on.
    fn begin(&self, count: usize) {
        self.change(|counts| (counts.open, counts.waiting) = (count, 0));
    }

    /// One more is under way.
    pub fn begins(&self) {
        self.change(|counts| counts.open += 1);
    }

    /// One of them waits.
    pub fn waits(&self) {
        self.change(|counts| counts.waiting += 1);
    }

    /// The wait of one of them has ended.
    pub fn goes_on(&self) {
        self.change(|counts| counts.waiting = counts.waiting.saturating_sub(1));
    }

    /// One of them has ended.
    pub fn ended(&self) {
        self.change(|counts| counts.open = counts.open.saturating_sub(1));
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut counts);
        let all_wait = counts.all_wait();
        counts.waits += u64::from(all_wait);
        let told = all_wait.then_some(counts.waits);
        // Most changes are of a call that does something, and nobody has to hear of those.
        if *self.told.borrow() != told {
            self.told.send_replace(told);
        }
    }
}

impl Counts {
    fn all_wait(&self) -> bool {
        self.open > 0 && self.waiting == self.open
    }
}
