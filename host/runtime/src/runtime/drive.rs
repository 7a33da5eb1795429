//! Drives one call: in memory while it runs or waits for a short time, dropped when it waits long, ended when it ends.

use super::meter::Meter;
use super::{BRIDGE_DIGEST, CallEvent, Runtime, RuntimeError, Waiting};
use crate::engine::{Prepared, Run, failure};
use crate::planner::planner_of;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{EndedCall, Kernel, Started};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::id::{CallId, QuestionId};
use libos_kernel::model::planner::Chosen;
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::row::{Failure, FailureReason, Wait};
use libos_kernel::syscall::Line;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;

/// What is to be seen of a line while its guest runs.
struct Watched {
    waiting: watch::Receiver<Option<u64>>,
    /// The import in progress, or the last one.
    import: Arc<Mutex<Option<&'static str>>>,
    /// Of processor time.
    ticks: Arc<AtomicU64>,
}

impl Watched {
    fn of(line: &Line) -> Watched {
        Watched { waiting: line.waiting(), import: line.import(), ticks: line.ticks() }
    }
}

/// How often a call that is being made ready is looked at, whether it has ended from outside.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Resolves when a watched value is as wanted. Never, if nobody can set it any more.
async fn until<T>(value: &mut watch::Receiver<T>, wanted: impl FnMut(&T) -> bool) {
    if value.wait_for(wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How a drive ended.
enum Driven {
    Ended(Result<Chosen, Failure>),
    /// Its wait is long, or memory is wanted by others.
    Parked,
    Stopped(Stop),
    Closing,
}

impl Runtime {
    /// Drives a started call on a task of its own. What panics there, in code of the embedder's for example, is no reason for whoever
    /// waits for the call to wait forever.
    pub(super) fn spawn_drive(self: &Arc<Self>, started: Started) {
        let (call, runtime) = (started.row.id, Arc::clone(self));
        self.tasks.spawn(async move {
            let mut driving = Box::pin(Arc::clone(&runtime).drive(started));
            let panicked = poll_fn(|context| {
                // It is polled no more after a panic, and what others see of it is behind locks that know of panics.
                match catch_unwind(AssertUnwindSafe(|| driving.as_mut().poll(context))) {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(())) => Poll::Ready(false),
                    Err(_) => Poll::Ready(true),
                }
            });
            if panicked.await {
                // The guest goes first.
                drop(driving);
                // It asks the outside for the time, which may be what panics.
                let lose = || runtime.kernel.lose_call(call, "a part of the host panicked");
                let _ = catch_unwind(AssertUnwindSafe(lose));
                runtime.tell_interrupted(call, "a part of the host panicked; the call can be resumed").await;
            }
        });
    }

    /// Runs a started call until it ends, is parked, or the host closes.
    async fn drive(self: Arc<Self>, started: Started) {
        let call = started.row.id;
        if started.row.is_quantum() {
            let driven = self.run_quantum(&started).await;
            return self.after(call, driven, true).await;
        }
        let mut closing = self.closing.subscribe();
        let permit = tokio::select! {
            permit = self.resident.acquire() => permit,
            () = until(&mut closing, |closing| *closing) => {
                self.kernel.drop_call(call);
                return self.tell(call, CallEvent::Interrupted("the host is closed".into())).await;
            }
        };
        // Whichever comes first: who does not wait for the compiler any more ends it.
        let prepared = tokio::select! {
            prepared = self.prepared(&started) => prepared,
            () = until(&mut closing, |closing| *closing) => Err(Driven::Closing),
            () = self.over(call) => Err(Driven::Stopped(Stop::Ended)),
        };
        let driven = match prepared {
            Ok((prepared, program)) => self.run_in_memory(&prepared, program.as_deref(), &started).await,
            Err(driven) => driven,
        };
        drop(permit);
        self.after(call, driven, false).await;
    }

    /// Brings to the kernel how a drive ended, and tells it.
    async fn after(&self, call: CallId, driven: Driven, is_quantum: bool) {
        match driven {
            Driven::Ended(result) if is_quantum => self.end(call, |kernel| kernel.end_quantum(call, result)).await,
            Driven::Ended(result) => {
                let result = result.map(|chosen| chosen.result().to_owned());
                self.end(call, |kernel| kernel.end_call(call, result)).await;
            }
            Driven::Parked => self.tell(call, CallEvent::Parked).await,
            Driven::Closing => {
                self.kernel.drop_call(call);
                self.tell(call, CallEvent::Interrupted("the host is closed".into())).await;
            }
            Driven::Stopped(Stop::Paused(by)) => {
                self.kernel.hold_call(call);
                // Who looks now sees why. If the disk has failed, they are told so elsewhere.
                let _ = self.kernel.barrier().await;
                // It may have been ended on its way out.
                if !self.kernel.is_live(call) {
                    return self.tell_interrupted(call, &Stop::Ended.to_string()).await;
                }
                for call in self.kernel.callers_of(call) {
                    self.tell(call, CallEvent::Paused(by.clone())).await;
                }
            }
            Driven::Stopped(stop) => {
                match &stop {
                    // A test's host that died ends nothing.
                    Stop::Host(why) if self.interrupts_at().is_none() => self.kernel.lose_call(call, why),
                    _ => self.kernel.drop_call(call),
                }
                // If it was cancelled, that is to be seen by whoever looks now. If the disk has failed, they are told so elsewhere.
                let _ = self.kernel.barrier().await;
                self.tell_interrupted(call, &stop.to_string()).await;
            }
        }
    }

    async fn end(&self, call: CallId, end: impl FnOnce(&Kernel) -> Result<EndedCall, Stop>) {
        // A result may be large.
        let room = self.kernel.room().await;
        let event = match room.and_then(|()| end(&self.kernel)) {
            Ok(ended) => match self.kernel.durable(ended.durable).await {
                Ok(()) => CallEvent::Ended(ended),
                Err(stop) => CallEvent::Interrupted(stop.to_string()),
            },
            Err(stop) => CallEvent::Interrupted(stop.to_string()),
        };
        self.tell(call, event).await;
    }

    /// Resolves when a call has been ended from outside.
    async fn over(&self, call: CallId) {
        while self.kernel.is_live(call) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Its component, and the script that this runs. Only what will never run ends the call: what the machine lacks now it may have when
    /// the call is resumed.
    async fn prepared(self: &Arc<Self>, started: &Started) -> Result<(Arc<Prepared>, Option<Arc<Vec<u8>>>), Driven> {
        let cannot = |what: &str, error: &RuntimeError| {
            let why = format!("the {what} cannot be started: {error}");
            if error.is_of_the_component() {
                Driven::Ended(Err(failure(FailureReason::NotRunnable, why, None)))
            } else {
                Driven::Stopped(Stop::Host(why))
            }
        };
        let (runtime, component) = (Arc::clone(self), started.row.component);
        let bytes = move || runtime.kernel.component(&component).map_err(|error| error.to_string());
        let is_own = component == *BRIDGE_DIGEST;
        let prepared = self.prepare(component, is_own, bytes).await.map_err(|error| cannot("component", &error))?;
        let Some(script) = started.row.script else { return Ok((prepared, None)) };
        let program = self.program(&prepared, script, component).await.map_err(|error| cannot("script", &error))?;
        Ok((prepared, Some(program)))
    }

    async fn run_in_memory(&self, prepared: &Prepared, program: Option<&Vec<u8>>, started: &Started) -> Driven {
        let engine = match self.engine().await {
            Ok(engine) => engine,
            Err(error) => return Driven::Stopped(Stop::Host(error.to_string())),
        };
        let line = self.line(started);
        let watched = Watched::of(&line);
        let run = Run { program: program.map(Vec::as_slice), ..Run::from(started) };
        let running = async { Ok(engine.call(prepared, line, run).await?.map(Chosen::GoOn)) };
        self.keep_in_memory(started, watched, running).await
    }

    /// Runs a step of a planner. It needs no instance, so it waits for nobody's place in memory.
    async fn run_quantum(&self, started: &Started) -> Driven {
        let host = |why: String| Driven::Stopped(Stop::Host(why));
        let planner = match self.kernel.plan(started.row.pid) {
            Ok(Some((text, _))) => planner_of(&text),
            Ok(None) => return Driven::Stopped(Stop::Ended),
            Err(error) => return host(error.to_string()),
        };
        let planner = match planner {
            Ok(planner) => planner,
            Err(why) => return Driven::Ended(Err(failure(FailureReason::NotRunnable, why, None))),
        };
        let mut line = self.line(started);
        let watched = Watched::of(&line);
        let running = async move {
            match planner.step(&mut line, &started.arguments).await {
                Err(Stop::Fault(fault)) => Ok(Err(failure(FailureReason::Fault, fault.to_string(), None))),
                ended => ended,
            }
        };
        self.keep_in_memory(started, watched, running).await
    }

    fn line(&self, started: &Started) -> Line {
        let mut line = Line::new(Arc::clone(&self.kernel), started);
        if started.row.incarnation == 0 {
            line.interrupt_at(self.interrupts_at());
        }
        line
    }

    async fn keep_in_memory(
        &self,
        started: &Started,
        watched: Watched,
        running: impl Future<Output = Result<Result<Chosen, Failure>, Stop>>,
    ) -> Driven {
        let call = started.row.id;
        let Watched { mut waiting, import, ticks } = watched;
        let mut meter = Meter::new(&self.kernel, (started.row.pid, call), ticks);
        tokio::pin!(running);
        let mut closing = self.closing.subscribe();
        let limit = Duration::from_millis(started.row.limits.wall_milliseconds);
        let mut left = limit;
        loop {
            let paid = meter.run().unwrap_or(Duration::MAX);
            tokio::select! {
                ended = &mut running => return match ended {
                    Ok(result) => Driven::Ended(result),
                    Err(stop) => Driven::Stopped(stop),
                },
                () = until(&mut waiting, Option::is_some) => {}
                () = tokio::time::sleep(left.min(paid)) => {
                    if paid < left {
                        left = left.saturating_sub(meter.wait());
                        if meter.renew() {
                            continue;
                        }
                        return Driven::Stopped(Stop::Paused("its time is used up".into()));
                    }
                    let import = *import.lock().unwrap_or_else(PoisonError::into_inner);
                    let seconds = limit.as_secs_f64();
                    let message = format!("wall-time: the call ran for more than {seconds} seconds, waits not counted");
                    return Driven::Ended(Err(failure(FailureReason::Limit, message, import)));
                }
                () = until(&mut closing, |closing| *closing) => return Driven::Closing,
                () = self.kernel.stopped() => {
                    let why = self.kernel.failure().unwrap_or_default();
                    return Driven::Stopped(Stop::Host(why));
                }
            }
            left = left.saturating_sub(meter.wait());
            // One wait may follow another before anybody looks: each is told.
            let told = *waiting.borrow_and_update();
            self.tell_wait(call).await;
            tokio::select! {
                ended = &mut running => return match ended {
                    Ok(result) => Driven::Ended(result),
                    Err(stop) => Driven::Stopped(stop),
                },
                () = until(&mut waiting, |at| *at != told) => {}
                () = tokio::time::sleep(self.config.park_after) => {
                    if self.kernel.park_call(call) {
                        return Driven::Parked;
                    }
                    // Its wait has ended meanwhile: the answer is on its way.
                }
                () = until(&mut closing, |closing| *closing) => return Driven::Closing,
                () = self.kernel.stopped() => {
                    let why = self.kernel.failure().unwrap_or_default();
                    return Driven::Stopped(Stop::Host(why));
                }
            }
        }
    }

    /// Lets the program that embeds the runtime answer; false if the question is still open.
    async fn answer_from_code(&self, id: QuestionId) -> bool {
        let Some(answer) = &self.config.on_question else { return false };
        let question = || self.kernel.snapshot().and_then(|snapshot| View(&snapshot).question(id)).ok().flatten();
        // Another call may have asked the same before, and the answer did for both.
        let over = || question().is_some_and(|question| question.state != QuestionState::Open);
        let Some(asked) = question().filter(|asked| asked.state == QuestionState::Open) else { return over() };
        match answer(&asked) {
            Some(reaction) => self.answer(id, reaction).await.is_ok() || over(),
            None => false,
        }
    }

    /// Tells what a call waits for, once that is on the disk.
    async fn tell_wait(&self, call: CallId) {
        for kind in self.kernel.waits_of(call) {
            let event = match kind {
                Wait::Until(time) | Wait::Children { until: Some(time), .. } => CallEvent::Waits(Waiting::Until(time)),
                Wait::Question(id) => CallEvent::Waits(Waiting::Question(id)),
                // What others do is theirs to tell; what the other call waits for is told to this one's listeners when it comes to that.
                Wait::Message { .. } | Wait::Call(_) | Wait::Children { until: None, .. } => continue,
            };
            if self.kernel.barrier().await.is_err() {
                return;
            }
            if let Wait::Question(id) = kind
                && self.answer_from_code(id).await
            {
                continue;
            }
            for call in self.kernel.callers_of(call) {
                self.tell(call, event.clone()).await;
            }
        }
    }
}
