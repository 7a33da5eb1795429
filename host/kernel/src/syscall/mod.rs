//! Floor 3: the line. Every operation of every tool, agent, script and client goes through [`Line::run`]; nothing else performs
//! anything.

mod fs;
mod images;
mod models;
mod objects;
mod prepare;
mod primitive;
mod process;
mod programs;
mod recorded;
mod tickets;
mod together;
mod tools;

use crate::kernel::{Admit, Around, Attempt, Foreseen, Kernel, Permit, Place, Started, Woken, command, own_namespace};
use crate::model::answer::{Answer, CallError, Fault, Stop};
use crate::model::call::{Call, Class};
use crate::model::id::Position;
use crate::model::limit::{CALL_TICK, CallLimits, LINKS_MAX};
use crate::model::need::{self, Context};
use crate::model::resource::Resource;
use crate::model::row::{JournalRow, request_digest};
use crate::model::time::Time;
use crate::sync::{task, watch};
use prepare::Seen;
use primitive::Performed;
use std::collections::btree_map;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tickets::{Progress, Tickets};
use together::Together;

pub use recorded::{Divergence, Recorded};

/// A call's end of the line: what a guest has of the kernel.
pub struct Line {
    shared: Arc<Shared>,
    place: Place,
    limits: CallLimits,
    journal: Peekable<btree_map::IntoIter<Position, JournalRow>>,
    time: Time,
    import: Arc<std::sync::Mutex<Option<&'static str>>>,
    interrupt_at: Option<Position>,
    kept: bool,
    tickets: Tickets,
    ticks: Arc<AtomicU64>,
    /// What its process can still pay of them.
    ticks_left: Option<u64>,
}

/// What operations of one call share that are under way at once.
struct Shared {
    kernel: Arc<Kernel>,
    /// The call; each operation has a position of its own.
    place: Place,
    waiting: Together,
    own_namespace: String,
    is_quantum: bool,
    /// Something was submitted: the line says when all of it waits.
    overlaps: AtomicBool,
}

impl Line {
    /// The line of a call that was started or resumed.
    pub fn new(kernel: Arc<Kernel>, started: &Started) -> Line {
        let row = &started.row;
        let place = Place { pid: row.pid, call: row.id, position: 0, incarnation: row.incarnation };
        Line {
            ticks: Arc::default(),
            ticks_left: kernel.time_left(row.id).processor.map(|left| left.div_ceil(CALL_TICK.as_millis() as u64)),
            place,
            limits: row.limits,
            journal: started.journal.clone().into_iter().peekable(),
            time: row.started,
            import: Arc::default(),
            interrupt_at: None,
            kept: row.kept,
            tickets: Tickets::default(),
            shared: Arc::new(Shared {
                kernel,
                place,
                waiting: Together::default(),
                own_namespace: own_namespace(row.pid),
                is_quantum: row.is_quantum(),
                overlaps: AtomicBool::new(false),
            }),
        }
    }

    /// Makes the line fail as if the host had died before the import at this position.
    pub fn interrupt_at(&mut self, position: Option<Position>) {
        self.interrupt_at = position;
    }

    /// The kernel that it leads to.
    pub fn kernel(&self) -> &Arc<Kernel> {
        &self.shared.kernel
    }

    /// The call.
    pub fn call(&self) -> crate::model::id::CallId {
        self.place.call
    }

    /// The time of the last journal entry: what the guest's own clocks show.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Whether answers of an earlier run are being replayed.
    pub fn replays(&self) -> bool {
        self.journal.len() > 0
    }

    /// The number of the wait, while all that the call does is wait. Every wait has another number, also at one position.
    pub fn waiting(&self) -> watch::Receiver<Option<u64>> {
        self.shared.waiting.subscribe()
    }

    /// Counts a tick of processor time.
    ///
    /// # Errors
    /// Its process cannot pay for more.
    pub fn tick(&self) -> Result<(), Stop> {
        let ticks = self.ticks.fetch_add(1, Ordering::Relaxed) + 1;
        match self.ticks_left {
            Some(left) if ticks >= left => Err(Stop::Paused("its processor time is used up".into())),
            _ => Ok(()),
        }
    }

    /// The ticks of processor time of this run.
    pub fn ticks(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.ticks)
    }

    /// The import in progress, or the last one.
    pub fn import(&self) -> Arc<std::sync::Mutex<Option<&'static str>>> {
        Arc::clone(&self.import)
    }

    /// Carries out a system call: replays it, or decides, records and performs it.
    ///
    /// # Errors
    /// The guest is to be stopped: a fault of its own, the end of its call, or a failure of the host.
    pub async fn run(&mut self, call: Call) -> Result<Arc<Answer>, Stop> {
        if call.is_about_tickets() {
            return Box::pin(self.run_ticket(call)).await;
        }
        let position = self.next_position(&call)?;
        if let Some(answer) = self.replayed(position, &call)? {
            return Ok(answer);
        }
        let around = self.shared.enter().await?;
        self.keep_request(position, &call);
        let call = Arc::new(call);
        let answer = if self.tickets.is_under_way() {
            Box::pin(self.run_beside(position, call, around)).await?
        } else {
            self.shared.decide(position, call, &around).await?
        };
        self.leave(position)?;
        Ok(answer)
    }

    fn keep_request(&self, position: Position, call: &Call) {
        if self.kept {
            self.shared.kernel.keep_request(self.shared.at(position), call);
        }
    }

    /// The answer at a position is there: the guest's clocks show when it came.
    fn leave(&mut self, position: Position) -> Result<(), Stop> {
        let left = self.shared.kernel.leave(self.shared.at(position), self.limits.journal_bytes)?;
        self.time = self.time.max(left.unwrap_or(self.time));
        Ok(())
    }

    fn next_position(&mut self, call: &Call) -> Result<Position, Stop> {
        let position = self.take_position(call)?;
        self.check_interrupt(position)?;
        Ok(position)
    }

    fn check_interrupt(&self, position: Position) -> Result<(), Stop> {
        if self.interrupt_at == Some(position) { Err(Stop::Host("interrupted".into())) } else { Ok(()) }
    }

    fn take_position(&mut self, call: &Call) -> Result<Position, Stop> {
        *self.import.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(call.operation());
        let position = self.place.position;
        if position >= self.limits.imports {
            return Err(Stop::Fault(Fault::Imports(self.limits.imports)));
        }
        self.place.position += 1;
        Ok(position)
    }

    fn replayed(&mut self, position: Position, call: &Call) -> Result<Option<Arc<Answer>>, Stop> {
        let Some((time, answer)) = self.recorded(position, call)? else { return Ok(None) };
        // Of calls that are made at once the later one may be answered first.
        self.time = self.time.max(time);
        Ok(Some(answer))
    }

    /// The answer of an earlier run, and when it came.
    fn recorded(&mut self, position: Position, call: &Call) -> Result<Option<(Time, Arc<Answer>)>, Stop> {
        let Some((_, row)) = self.journal.next_if(|(at, _)| *at == position) else { return Ok(None) };
        if row.request != request_digest(call) {
            return Err(Stop::Fault(Fault::Diverged {
                position,
                recorded: row.operation,
                made: call.operation().to_owned(),
            }));
        }
        Ok(Some((row.time, Arc::new(row.answer))))
    }
}

impl Shared {
    async fn decide(&self, position: Position, call: Arc<Call>, around: &Around) -> Result<Arc<Answer>, Stop> {
        self.decide_and_tell(position, call, around, &Progress::default()).await
    }

    /// As [`Shared::decide`]; `progress` says how far it is.
    async fn decide_and_tell(
        &self,
        position: Position,
        call: Arc<Call>,
        around: &Around,
        progress: &Progress,
    ) -> Result<Arc<Answer>, Stop> {
        let Around { working_directory, image } = around;
        let candidate = self.kernel.name_to_register(self.place.pid, &call);
        let own_namespace = &self.own_namespace;
        let context = Context { working_directory, own_namespace, image, candidate: candidate.as_deref() };
        match need::names(&call, &context) {
            Ok(names) => self.carry_out(position, call, names, progress).await,
            Err(error) => self.kernel.refuse_invalid(self.at(position), &call, error),
        }
    }

    /// Decides, records and performs; a link that is met leads to a new name, which is decided again.
    // long: one walk, whose steps stand in the order in which they must be.
    async fn carry_out(
        &self,
        position: Position,
        call: Arc<Call>,
        asked: Vec<Resource>,
        progress: &Progress,
    ) -> Result<Arc<Answer>, Stop> {
        let prepared = prepare::without_look(&call);
        // What a person was asked about is looked at again when the answer is there.
        let is_effect = call.class() == Class::Effect && prepared.is_none();
        let mut attempt = Attempt { place: self.at(position), call, names: asked.clone(), asked, kind: None, prepared };
        let mut links = 0;
        loop {
            let seen = match self.foresee(&attempt) {
                Foreseen::Over(answer) => return Ok(answer),
                Foreseen::Asks if !is_effect => prepare::leads_to(&self.kernel, &attempt),
                Foreseen::Asks => self.prepare(&attempt, true).await?,
                Foreseen::Allowed if is_effect => self.prepare(&attempt, false).await?,
                Foreseen::Allowed | Foreseen::Refused => Seen::Nothing,
            };
            match seen {
                Seen::Nothing => {}
                Seen::Kind(kind) => attempt.kind = Some(kind),
                Seen::Ready(prepared, kind) => (attempt.prepared, attempt.kind) = (Some(*prepared), Some(kind)),
                Seen::Link(index, name) if links < LINKS_MAX => {
                    links += 1;
                    attempt.names[index] = name;
                    continue;
                }
                Seen::Link(..) => return self.over(&attempt, too_many_links()),
                Seen::Failed(error) => return self.over(&attempt, error),
            }
            let (permit, durable) = match self.kernel.admit(&attempt)? {
                Admit::Go(permit, durable) => {
                    progress.admit();
                    (permit, durable)
                }
                Admit::Over(answer) => return Ok(answer),
                Admit::Look => continue,
                Admit::Wait(receiver) => {
                    self.waiting.waits();
                    progress.set_waits(true);
                    self.note_waiting();
                    let woken = receiver.await;
                    progress.set_waits(false);
                    self.waiting.goes_on();
                    // The answer is recorded: the guest gets it when its process goes on.
                    self.kernel.check_held(self.place.pid)?;
                    match woken.map_err(|_| Stop::Ended)? {
                        Woken::Answer(answer) => return Ok(answer),
                        Woken::Again => continue,
                    }
                }
            };
            if let Some(batch) = durable {
                return self.effect_in_its_time(permit, attempt, batch).await;
            }
            match self.perform(permit, &attempt).await? {
                Performed::Answer(answer) => return Ok(answer),
                Performed::Link(index, name) if links < LINKS_MAX => {
                    links += 1;
                    attempt.names[index] = name;
                }
                Performed::Link(..) => return self.over(&attempt, too_many_links()),
                Performed::Stopped(stop) => return Err(stop),
            }
        }
    }

    async fn effect_in_its_time(&self, permit: Permit, attempt: Attempt, batch: u64) -> Result<Arc<Answer>, Stop> {
        if !attempt.call.keeps_its_own_time() {
            return self.effect(permit, attempt, batch).await;
        }
        self.waiting.waits();
        let answer = self.effect(permit, attempt, batch).await;
        self.waiting.goes_on();
        answer
    }

    fn foresee(&self, attempt: &Attempt) -> Foreseen {
        match command(&attempt.call) {
            Some(command) => self.kernel.foresee_program(attempt, command),
            None if attempt.call.is_about_files() => self.kernel.foresee(attempt),
            None => Foreseen::Allowed,
        }
    }

    /// An effect: its intent is durable, then it is carried out by a task that owns the permit, so that a guest that is dropped leaves
    /// no half-done silence.
    #[cfg_attr(
        not(schedules),
        expect(
            clippy::disallowed_methods,
            reason = "the task owns the permit, which closes its record whatever happens"
        )
    )]
    async fn effect(&self, permit: Permit, attempt: Attempt, batch: u64) -> Result<Arc<Answer>, Stop> {
        let kernel = Arc::clone(&self.kernel);
        let owner = task::spawn(async move {
            kernel.durable(batch).await?;
            let is_program = matches!(*attempt.call, Call::ShellRun { .. });
            let turn = if is_program { Some(kernel.program_turn().await?) } else { None };
            if !kernel.still_allowed(&permit, &attempt) {
                return Ok(kernel.close_revoked(permit, &attempt));
            }
            if let Call::ModelAsk { request, .. } = &*attempt.call {
                return Ok(models::ask(&kernel, permit, request).await);
            }
            let act = move || {
                let _turn = turn;
                // A program is looked at once more where it is run, because that look says what it gets.
                let changed = if is_program { None } else { prepare::changed_since(&kernel, &permit, &attempt) };
                match changed {
                    Some(error) => kernel.close_unstarted(permit, error),
                    None => primitive::effect(&kernel, permit, &attempt),
                }
            };
            let blocking = task::spawn_blocking(act);
            blocking.await.map_err(|error| Stop::Host(format!("an effect panicked: {error}")))
        });
        owner.await.map_err(|error| Stop::Host(format!("an effect panicked: {error}")))?
    }

    /// Looks at what an effect is about. What reads content does so on a thread that may block.
    async fn prepare(&self, attempt: &Attempt, asks: bool) -> Result<Seen, Stop> {
        if !asks && !matches!(*attempt.call, Call::FsCopy { .. } | Call::ShellRun { .. }) {
            return Ok(prepare::prepare(&self.kernel, attempt, false));
        }
        let (kernel, attempt) = (Arc::clone(&self.kernel), attempt.clone());
        let looking = task::spawn_blocking(move || prepare::prepare(&kernel, &attempt, asks));
        looking.await.map_err(|error| Stop::Host(format!("a look outside panicked: {error}")))
    }

    async fn perform(&self, permit: Permit, attempt: &Attempt) -> Result<Performed, Stop> {
        match primitive::perform(&self.kernel, permit, &attempt.call) {
            primitive::Step::Over(performed) => Ok(performed),
            primitive::Step::Blocking(rest) if self.overlaps() => self.read_beside(rest).await,
            primitive::Step::Blocking(rest) => {
                // The turn belongs to the thread that reads, not to a guest that may be dropped.
                let turn = self.kernel.turn().await?;
                let read = move || {
                    let performed = rest();
                    drop(turn);
                    performed
                };
                task::spawn_blocking(read).await.map_err(|error| Stop::Host(format!("a read panicked: {error}")))
            }
        }
    }

    /// Whether something was submitted in this call.
    fn overlaps(&self) -> bool {
        self.overlaps.load(Ordering::Relaxed)
    }

    /// If all that the call does is wait, it may leave memory.
    fn note_waiting(&self) {
        let Some(count) = self.waiting.all_wait().filter(|_| self.is_quantum || self.overlaps()) else { return };
        self.kernel.set_waiting(self.place.call, (!self.is_quantum).then_some(count));
    }

    fn over(&self, attempt: &Attempt, error: CallError) -> Result<Arc<Answer>, Stop> {
        self.kernel.refuse_invalid(attempt.place, &attempt.call, error)
    }

    fn at(&self, position: Position) -> Place {
        Place { position, ..self.place }
    }

    /// Waits for room, and learns what names are relative to.
    async fn enter(&self) -> Result<Around, Stop> {
        loop {
            match self.kernel.enter(self.place)? {
                Some(around) => return Ok(around),
                None => self.kernel.room().await?,
            }
        }
    }
}

fn too_many_links() -> CallError {
    CallError::Invalid(format!("the name goes through more than {LINKS_MAX} symbolic links"))
}
