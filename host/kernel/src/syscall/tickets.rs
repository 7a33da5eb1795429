//! System calls that a guest submits and whose ends it awaits later, whichever comes first (the design's section on concurrency without
//! threads). Each has the position at which it was submitted, as every other; which one ends first is an answer of its own, at the
//! position of the `next` that was told it. So the order of ends is in the journal, and a replay sees the same one.

use super::primitive::Performed;
use super::{Line, Shared};
use crate::kernel::{Around, Moment};
use crate::model::answer::{Answer, CallError, Stop};
use crate::model::call::{Call, Reply};
use crate::model::id::Position;
use crate::model::limit::TICKETS_OPEN_MAX;
use crate::sync::{Mutex, task};
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// What was submitted and not taken. At most [`TICKETS_OPEN_MAX`].
#[derive(Default)]
pub struct Tickets {
    under_way: BTreeMap<Position, Operation>,
    /// What has ended and `next` has not told.
    ended: BTreeMap<Position, (Moment, Arc<Answer>)>,
    /// The same, in the order in which it ended.
    order: BTreeSet<(Moment, Position)>,
    woken: Arc<Woken>,
}

struct Operation {
    call: Arc<Call>,
    progress: Arc<Progress>,
    waker: Waker,
    running: Pin<Box<dyn Future<Output = Result<Arc<Answer>, Stop>> + Send>>,
}

impl Operation {
    /// Its end, if it has come.
    fn look(&mut self) -> Option<Result<Arc<Answer>, Stop>> {
        match self.running.as_mut().poll(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }
}

/// How far an operation is.
#[derive(Default)]
pub struct Progress {
    /// It has been let in: it waits, or is under way.
    admitted: AtomicBool,
    waits: AtomicBool,
}

impl Progress {
    pub fn admit(&self) {
        self.admitted.store(true, Ordering::Relaxed);
    }

    pub fn set_waits(&self, waits: bool) {
        self.admit();
        self.waits.store(waits, Ordering::Relaxed);
    }
}

/// Which operations are to be looked at: with a thousand open, not all of them each time.
#[derive(Default)]
struct Woken(Mutex<WokenSet>);

#[derive(Default)]
struct WokenSet {
    positions: BTreeSet<Position>,
    /// Who waits for any of them.
    waker: Option<Waker>,
}

struct WakerOf {
    position: Position,
    woken: Arc<Woken>,
}

impl Wake for WakerOf {
    fn wake(self: Arc<Self>) {
        let mut set = self.woken.0.lock().unwrap_or_else(PoisonError::into_inner);
        set.positions.insert(self.position);
        let waker = set.waker.take();
        drop(set);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Tickets {
    /// Whether anything is, that may go on meanwhile.
    pub fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    fn open(&self) -> usize {
        self.under_way.len() + self.ended.len()
    }

    fn put(&mut self, position: Position, at: Moment, answer: Arc<Answer>) {
        self.order.insert((at, position));
        self.ended.insert(position, (at, answer));
    }

    fn take(&mut self, position: Position) -> Option<Arc<Answer>> {
        let (at, answer) = self.ended.remove(&position)?;
        self.order.remove(&(at, position));
        Some(answer)
    }

    /// Looks at those that were woken since the last look.
    fn look(&mut self, shared: &Shared, context: &Context<'_>) -> Result<(), Stop> {
        loop {
            let mut set = self.woken.0.lock().unwrap_or_else(PoisonError::into_inner);
            set.waker = Some(context.waker().clone());
            let positions = std::mem::take(&mut set.positions);
            drop(set);
            if positions.is_empty() {
                return Ok(());
            }
            for position in positions {
                self.look_at(shared, position)?;
            }
        }
    }

    fn look_at(&mut self, shared: &Shared, position: Position) -> Result<(), Stop> {
        let Some(ended) = self.under_way.get_mut(&position).and_then(Operation::look) else { return Ok(()) };
        self.under_way.remove(&position);
        self.end(shared, position, ended)
    }

    fn end(&mut self, shared: &Shared, position: Position, ended: Result<Arc<Answer>, Stop>) -> Result<(), Stop> {
        shared.waiting.ended();
        let answer = ended?;
        let at = shared.kernel.answered_at(shared.at(position)).unwrap_or_default();
        self.put(position, at, answer);
        Ok(())
    }
}

impl Line {
    /// Starts a system call and does not wait for its end; the answer is its ticket. It is decided and recorded here, in the order of
    /// submission.
    ///
    /// # Errors
    /// As [`Line::run`]. `too-large` if [`TICKETS_OPEN_MAX`] are open; `invalid` if it is itself about tickets. Of both nothing is recorded.
    pub async fn submit(&mut self, call: Call) -> Result<Result<Position, CallError>, Stop> {
        if let Some(error) = refused(self.tickets.open(), &call) {
            return Ok(Err(error));
        }
        let position = self.next_position(&call)?;
        if let Some((time, answer)) = self.recorded(position, &call)? {
            self.tickets.put(position, (time, 0), answer);
            return Ok(Ok(position));
        }
        let around = self.shared.enter().await?;
        self.keep_request(position, &call);
        self.begin(position, Arc::new(call), around).await?;
        Ok(Ok(position))
    }

    /// Takes the answer of whichever open ticket ended first, and waits for it if none has; none if no ticket is open.
    ///
    /// # Errors
    /// As [`Line::run`].
    pub async fn next(&mut self) -> Result<Option<(Position, Arc<Answer>)>, Stop> {
        let call = Call::TicketNext;
        let position = self.next_position(&call)?;
        if let Some(answer) = self.replayed(position, &call)? {
            return match &*answer {
                Answer::Done(Reply::Ticket(None)) => Ok(None),
                Answer::Done(Reply::Ticket(Some(ticket))) => {
                    let ticket = *ticket;
                    let answer = self.tickets.take(ticket);
                    answer.map(|answer| Some((ticket, answer))).ok_or_else(|| missing(ticket))
                }
                _ => Err(Stop::Host("a recorded answer has another shape".into())),
            };
        }
        self.shared.enter().await?;
        self.keep_request(position, &call);
        let first = self.first_end().await?;
        self.shared.kernel.tell_ticket(self.shared.at(position), first)?;
        let taken = first.and_then(|ticket| Some((ticket, self.tickets.take(ticket)?)));
        self.leave(position)?;
        Ok(taken)
    }

    /// Gives an open ticket up. False if it cannot be: there is no such ticket, it has ended, or an effect has begun.
    ///
    /// # Errors
    /// As [`Line::run`].
    pub async fn cancel(&mut self, ticket: Position) -> Result<bool, Stop> {
        let call = Call::TicketCancel { ticket };
        let position = self.next_position(&call)?;
        if let Some(answer) = self.replayed(position, &call)? {
            let Answer::Done(Reply::GivenUp(given_up)) = *answer else {
                return Err(Stop::Host("a recorded answer has another shape".into()));
            };
            if given_up {
                self.forget(ticket);
            }
            return Ok(given_up);
        }
        self.shared.enter().await?;
        self.keep_request(position, &call);
        let open = self.tickets.under_way.get(&ticket).map(|operation| &operation.call);
        let given_up = self.shared.kernel.cancel_ticket(self.shared.at(position), ticket, open)?;
        if given_up {
            self.forget(ticket);
        }
        self.leave(position)?;
        Ok(given_up)
    }

    /// The guest has ended: what is open is given up, and effects that have begun come to their end.
    ///
    /// # Errors
    /// The call was ended from outside, or the host has stopped.
    pub async fn give_up(&mut self) -> Result<(), Stop> {
        let open: Vec<_> = self
            .tickets
            .under_way
            .iter()
            .map(|(position, operation)| (*position, Arc::clone(&operation.call)))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        for position in self.shared.kernel.give_up_tickets(self.shared.place, &open)? {
            self.forget(position);
        }
        let Line { shared, tickets, .. } = self;
        poll_fn(|context| {
            // A stop is the end of its wait too.
            let _ = tickets.look(shared, context);
            if tickets.is_under_way() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        Ok(())
    }

    pub(super) async fn run_ticket(&mut self, call: Call) -> Result<Arc<Answer>, Stop> {
        let reply = match call {
            Call::TicketCancel { ticket } => Reply::GivenUp(self.cancel(ticket).await?),
            _ => Reply::Ticket(self.next().await?.map(|(ticket, _)| ticket)),
        };
        Ok(Arc::new(Answer::Done(reply)))
    }

    /// Carries out a call that the guest waits for, while others are under way.
    pub(super) async fn run_beside(
        &mut self,
        position: Position,
        call: Arc<Call>,
        around: Around,
    ) -> Result<Arc<Answer>, Stop> {
        self.begin(position, call, around).await?;
        let Line { shared, tickets, .. } = self;
        shared.waiting.ended();
        let ended = poll_fn(|context| {
            if let Err(stop) = tickets.look(shared, context) {
                return Poll::Ready(Err(stop));
            }
            if let Some(answer) = tickets.take(position) {
                return Poll::Ready(Ok(answer));
            }
            shared.note_waiting();
            Poll::Pending
        });
        let ended = ended.await;
        shared.waiting.begins();
        shared.kernel.goes_on(shared.place.call);
        ended
    }

    /// Admits an operation: it has ended, waits, or is under way.
    async fn begin(&mut self, position: Position, call: Arc<Call>, around: Around) -> Result<(), Stop> {
        let Line { shared, tickets, .. } = self;
        if !shared.overlaps.swap(true, Ordering::Relaxed) {
            shared.kernel.set_overlapping(shared.place.call);
        }
        let progress = Arc::new(Progress::default());
        let waker = Waker::from(Arc::new(WakerOf { position, woken: Arc::clone(&tickets.woken) }));
        let running = {
            let (shared, call, progress) = (Arc::clone(shared), Arc::clone(&call), Arc::clone(&progress));
            Box::pin(async move { shared.decide_and_tell(position, call, &around, &progress).await })
        };
        shared.waiting.begins();
        let mut operation = Operation { call, progress, waker, running };
        if let Some(ended) = operation.look() {
            return tickets.end(shared, position, ended);
        }
        tickets.under_way.insert(position, operation);
        poll_fn(|context| {
            if let Err(stop) = tickets.look(shared, context) {
                return Poll::Ready(Err(stop));
            }
            match tickets.under_way.get(&position) {
                Some(operation) if !operation.progress.admitted.load(Ordering::Relaxed) => Poll::Pending,
                _ => Poll::Ready(Ok(())),
            }
        })
        .await
    }

    /// The ticket that ended first. The guest does nothing meanwhile, so if all that is open waits, the call waits.
    async fn first_end(&mut self) -> Result<Option<Position>, Stop> {
        let Line { shared, tickets, .. } = self;
        shared.waiting.ended();
        let first = poll_fn(|context| {
            if let Err(stop) = tickets.look(shared, context) {
                return Poll::Ready(Err(stop));
            }
            match tickets.order.first() {
                Some((_, ticket)) => Poll::Ready(Ok(Some(*ticket))),
                None if tickets.under_way.is_empty() => Poll::Ready(Ok(None)),
                None => {
                    shared.note_waiting();
                    Poll::Pending
                }
            }
        });
        let first = first.await;
        shared.waiting.begins();
        first
    }

    fn forget(&mut self, ticket: Position) {
        self.tickets.take(ticket);
        if let Some(operation) = self.tickets.under_way.remove(&ticket) {
            if operation.progress.waits.load(Ordering::Relaxed) {
                self.shared.waiting.goes_on();
            }
            self.shared.waiting.ended();
        }
    }
}

impl Shared {
    /// A read on a thread that may block. It comes to its end without its guest looking at it: a guest that computes meanwhile keeps
    /// nobody else from his turn.
    pub(super) async fn read_beside(&self, rest: Box<dyn FnOnce() -> Performed + Send>) -> Result<Performed, Stop> {
        let kernel = Arc::clone(&self.kernel);
        let wanted = Arc::new(());
        let is_wanted = Arc::downgrade(&wanted);
        #[cfg_attr(
            not(schedules),
            expect(clippy::disallowed_methods, reason = "it ends by itself, with or without its guest")
        )]
        let reading = task::spawn(async move {
            let turn = kernel.turn().await?;
            if is_wanted.strong_count() == 0 {
                return Err(Stop::Ended);
            }
            let read = move || {
                let performed = rest();
                drop(turn);
                performed
            };
            task::spawn_blocking(read).await.map_err(|error| Stop::Host(format!("a read panicked: {error}")))
        });
        let read = reading.await.map_err(|error| Stop::Host(format!("a read panicked: {error}")))?;
        drop(wanted);
        read
    }
}

/// Why a call cannot be submitted while so many tickets are open.
pub(super) fn refused(open: usize, call: &Call) -> Option<CallError> {
    if open >= TICKETS_OPEN_MAX {
        return Some(CallError::TooLarge(format!("{TICKETS_OPEN_MAX} tickets are open; take one with next first")));
    }
    (!call.can_be_submitted()).then(|| CallError::Invalid(format!("{} cannot be submitted", call.operation())))
}

fn missing(ticket: Position) -> Stop {
    Stop::Host(format!("the recorded answer of ticket {ticket} is missing"))
}
