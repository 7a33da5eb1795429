//! Calls that are kept whole: every request and every answer is on the disk and stays, within the room that the call has; and a line
//! that knows only them gives the same answers again.

use crate::calls::{ALL_RULES, furnish};
use crate::sim::{Clerk, House, Tear};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{NotKept, StartCall};
use libos_kernel::model::answer::{Fault, Stop};
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::history::{self, End, History, Import};
use libos_kernel::model::id::CallId;
use libos_kernel::model::limit::CallLimits;
use libos_kernel::model::row::{Failure, FailureReason, Wait};
use libos_kernel::store::table::Table;
use libos_kernel::syscall::{Divergence, Line, Recorded};
use std::sync::Arc;

/// A call that is kept, or not.
fn line(house: &House, keep: bool, limits: CallLimits) -> Line {
    let start = StartCall { keep, limits, ..house.start(house.process()) };
    Line::new(Arc::clone(&house.kernel), &house.kernel.start_call(start).unwrap())
}

fn kept(house: &House) -> Line {
    line(house, true, CallLimits::default())
}

async fn end(house: &House, call: CallId) {
    house.kernel.end_call(call, Ok("{\"a\":1}".into())).unwrap();
    house.kernel.barrier().await.unwrap();
}

fn history(house: &House, call: CallId) -> Result<History, NotKept> {
    View(&house.snapshot()).history(call)
}

fn rows(house: &House) -> usize {
    house.snapshot().rows::<Call>(Table::CallRequest, &[]).unwrap().len()
}

/// What only looks: nothing of it need survive.
fn looks() -> Vec<Call> {
    vec![Call::FsRead { path: "notes.md".into() }, Call::ClockNow, Call::FsRead { path: "../out".into() }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_call_keeps_every_request_and_answer_and_another_none() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    // A process that pauses itself answers nothing.
    let examples = Call::examples().into_iter().filter(|call| !matches!(call, Call::ProcessSignal { .. }));
    let calls: Vec<Call> = looks().into_iter().chain(examples).collect();
    for keep in [true, false] {
        let mut line = line(&house, keep, CallLimits::default());
        let mut answers = Vec::new();
        for call in &calls {
            answers.push((*house.run(&mut line, call.clone()).await.unwrap()).clone());
        }
        let lives = history(&house, line.call()).unwrap_err();
        assert!(matches!((&lives, keep), (NotKept::Lives { .. }, true) | (NotKept::NotKept(_), false)), "{lives}");
        end(&house, line.call()).await;
        if !keep {
            assert_eq!(history(&house, line.call()), Err(NotKept::NotKept(line.call())));
            assert_eq!(rows(&house), calls.len(), "only the first call has rows");
            continue;
        }
        let history = history(&house, line.call()).unwrap();
        assert_eq!(history.end, End::Done("{\"a\":1}".into()));
        assert_eq!(history.imports.iter().map(|import| import.call.clone()).collect::<Vec<_>>(), calls);
        for (import, answer) in history.imports.iter().zip(answers) {
            let time = import.answered.as_ref().unwrap().0;
            let told = Import { answered: Some((time, answer)), ..import.clone() }.without_strangers();
            assert_eq!(*import, told);
        }
        assert_eq!(history::read(&history::write(&history)), Ok(history));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_call_that_only_looked_survives_the_loss_of_power() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let mut line = kept(&house);
    let call = line.call();
    for look in looks() {
        house.run(&mut line, look).await.unwrap();
    }
    house.kernel.barrier().await.unwrap();
    let before = View(&house.snapshot()).journal(call).unwrap();
    drop(line);
    let house = house.crash(Tear::None);
    assert_eq!(View(&house.snapshot()).journal(call).unwrap(), before);
    let mut line = house.resume(call).await;
    assert!(line.replays());
    for look in looks() {
        house.run(&mut line, look).await.unwrap();
    }
    end(&house, call).await;
    let history = history(&house, call).unwrap();
    assert_eq!((history.imports.len(), history.start.resumes), (3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_a_kept_call_makes_are_kept_too() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let other = || Call::ToolCall { tool: "echo".into(), arguments: "{}".into() };
    let outer = house.park(kept(&house), other()).await;
    let Some(Wait::Call(inner)) = house.kernel.wait_of(outer) else { panic!("it makes no call") };
    let mut nested = house.resume(inner).await;
    house.run(&mut nested, Call::ClockNow).await.unwrap();
    house.kernel.end_call(inner, Ok("[2]".into())).unwrap();
    let mut line = house.resume(outer).await;
    house.run(&mut line, other()).await.unwrap();
    end(&house, outer).await;
    let whole = history(&house, outer).unwrap();
    let made = whole.imports[0].nested.as_deref().unwrap();
    assert_eq!((made.start.tool.as_str(), &made.end), ("echo", &End::Done("[2]".into())));
    assert_eq!(made.imports[0].call, Call::ClockNow);
    assert_eq!(history(&house, inner), Err(NotKept::Nested { call: inner, outermost: outer }));
    assert_eq!(history::read(&history::write(&whole)), Ok(whole));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_has_the_room_of_the_journal_also_over_restarts() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let limits = CallLimits { journal_bytes: 100_000, ..CallLimits::default() };
    let ask = |mark: &str| Call::HumanAsk { question: mark.repeat(15_000), queue: None };
    let mut line = line(&house, true, limits);
    for mark in ["a", "b", "c"] {
        house.run(&mut line, ask(mark)).await.unwrap();
    }
    let call = line.call();
    drop(line);
    house.kernel.drop_call(call);
    let mut line = house.resume(call).await;
    for mark in ["a", "b", "c", "d", "e", "f"] {
        house.run(&mut line, ask(mark)).await.unwrap();
    }
    let full = house.run(&mut line, ask("g")).await;
    assert!(matches!(full, Err(Stop::Fault(Fault::Journal(100_000)))), "{full:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cancelled_in_a_wait_is_kept_up_to_there() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let mut line = kept(&house);
    house.run(&mut line, Call::ClockNow).await.unwrap();
    let call = house.park(line, Call::ClockSleep { nanoseconds: 5_000_000 }).await;
    house.kernel.cancel_call(call, "enough").unwrap();
    house.kernel.barrier().await.unwrap();
    let history = history(&house, call).unwrap();
    assert_eq!(history.end, End::Cancelled("enough".into()));
    assert_eq!(history.imports.iter().map(|import| import.answered.is_some()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_cancelled_with_tickets_open_is_kept_with_what_they_were() {
    let house = House::new(&ALL_RULES);
    furnish(&house);
    let sleep = |nanoseconds| Call::ClockSleep { nanoseconds };
    let mut line = kept(&house);
    let call = line.call();
    let submitted = [sleep(1_000_000), Call::ClockNow, sleep(2_000_000), sleep(3_000_000)];
    for request in &submitted {
        line.submit(request.clone()).await.unwrap().unwrap();
    }
    let told = line.next().await.unwrap().unwrap();
    assert!(line.cancel(2).await.unwrap());
    house.kernel.cancel_call(call, "enough").unwrap();
    assert_eq!(line.next().await.err(), Some(Stop::Ended));
    house.kernel.barrier().await.unwrap();
    let history = history(&house, call).unwrap();
    let answered: Vec<bool> = history.imports[..6].iter().map(|import| import.answered.is_some()).collect();
    assert_eq!(answered, [false, true, true, false, true, true]);
    assert_eq!(history::read(&history::write(&history)).as_ref(), Ok(&history));

    let mut line = again(&history);
    for (at, request) in (0..).zip(&submitted) {
        assert_eq!(line.submit(request.clone()), Ok(Ok(at)));
    }
    assert_eq!(line.next_answer(), Ok(Some(told)));
    assert_eq!(line.cancel(2), Ok(true));
    assert_eq!(line.next_answer(), Err(Stop::Ended));
    assert!(line.reached_cut() && line.divergence().is_none());

    // Another request than was submitted there is another way, also where the answer never came.
    let mut line = again(&history);
    assert!(matches!(line.submit(sleep(7)), Err(Stop::Fault(Fault::Diverged { .. }))));
    assert_eq!(line.divergence().map(|divergence| divergence.position), Some(0));
}

/// A history of a few answers.
async fn recorded(house: &House) -> History {
    furnish(house);
    let mut line = kept(house);
    for call in looks() {
        house.run_with(&mut line, call, &Clerk::default()).await.unwrap();
    }
    end(house, line.call()).await;
    history(house, line.call()).unwrap()
}

/// A line of a history.
fn again(history: &History) -> Recorded {
    let limit = history.start.limits.imports;
    Recorded::new(history.imports.clone().into(), limit, history.start.started, history.is_cut())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_record_gives_its_answers_and_shows_its_times() {
    let history = recorded(&House::new(&ALL_RULES)).await;
    let mut line = again(&history);
    assert_eq!(line.time(), history.start.started);
    for import in &history.imports {
        let (time, answer) = import.answered.clone().unwrap();
        assert_eq!(line.run(import.call.clone()).as_deref(), Ok(&answer));
        assert_eq!(line.time(), time);
    }
    assert_eq!((line.answered(), line.divergence(), line.reached_cut()), (3, None, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_goes_another_way_is_stopped_at_its_first_step_there() {
    let history = recorded(&House::new(&ALL_RULES)).await;
    let made = Call::FsWrite { path: "x".into(), content: vec![1], mode: WriteMode::CreateNew };
    // Another request, one of the same operation with another field, and one more than there are.
    for (steps, made) in [(0, made.clone()), (2, Call::FsRead { path: "../Out".into() }), (3, made)] {
        let mut line = again(&history);
        for import in &history.imports[..steps] {
            line.run(import.call.clone()).unwrap();
        }
        let stopped = line.run(made.clone());
        assert!(matches!(stopped, Err(Stop::Fault(Fault::Diverged { .. }))), "{stopped:?}");
        let position = u32::try_from(steps).unwrap();
        let recorded = history.imports.get(steps).map(|import| import.call.clone());
        assert_eq!(line.divergence(), Some(Divergence { position, recorded, made }));
    }
    let few = CallLimits { imports: 1, ..history.start.limits };
    let mut line = Recorded::new(history.imports.clone().into(), few.imports, history.start.started, false);
    line.run(history.imports[0].call.clone()).unwrap();
    assert_eq!(line.run(Call::ClockNow).err(), Some(Stop::Fault(Fault::Imports(1))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_record_was_cut_a_replay_ends() {
    let whole = recorded(&House::new(&ALL_RULES)).await;
    let by_clock = Failure { reason: FailureReason::Limit, message: "wall-time: long".into(), import: None };
    let cut = History { end: End::Failed(by_clock), ..whole.clone() };
    let unanswered = Import { call: Call::ClockNow, answered: None, nested: None };
    let stopped_in = History { imports: [&whole.imports[..], &[unanswered]].concat(), ..cut.clone() };
    for history in [cut, stopped_in] {
        let mut line = again(&history);
        for import in &whole.imports {
            line.run(import.call.clone()).unwrap();
        }
        assert_eq!(line.run(Call::ClockNow).err(), Some(Stop::Ended));
        assert!(line.reached_cut() && line.divergence().is_none());
    }
}
