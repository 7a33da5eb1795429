//! Waits: whoever ends one wakes who waits, whether the call is in memory, leaves it at that moment, or has left it.

use crate::sim::{House, done, words};
use crate::{Time, in_every_order};
use libos_kernel::kernel::Kernel;
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::id::CallId;
use libos_kernel::model::message::{MessageFilter, MessageOptions};
use libos_kernel::syscall::Line;
use shuttle::future::{block_on, spawn};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Ends that calls came to.
type Ends = Arc<Mutex<BTreeMap<CallId, String>>>;

/// A guest that sleeps twice. If it leaves memory when it waits, it is started again by the run loop.
async fn guest(kernel: Arc<Kernel>, mut line: Line, leaves: bool, ends: Ends) {
    let call = line.call();
    for _ in 0..2 {
        let mut waiting = line.waiting();
        let run = line.run(Call::ClockSleep { nanoseconds: 1_000 });
        tokio::pin!(run);
        let answer = tokio::select! {
            biased;
            answer = &mut run => Some(answer),
            _ = waiting.wait_for(Option::is_some) => None,
        };
        let answer = match answer {
            Some(answer) => answer,
            // Its wait may have ended meanwhile: then it stays.
            None if leaves && kernel.park_call(call) => return,
            None => run.await,
        };
        assert_eq!(words(&answer), "done");
    }
    let ended = kernel.end_call(call, Ok("null".into()));
    let before = ends.lock().unwrap().insert(call, format!("{:?}", ended.is_ok()));
    assert_eq!(before, None, "{call} ended twice");
}

/// A run loop: whatever can run is started; it ends when so many calls have ended.
async fn run_loop(house: Arc<Kernel>, ends: Ends, all: usize) {
    let mut guests = Vec::new();
    while ends.lock().unwrap().len() < all {
        for call in house.take_runnable() {
            let started = house.resume_call(call).await.unwrap();
            let line = Line::new(Arc::clone(&house), &started);
            guests.push(spawn(guest(Arc::clone(&house), line, call.0 % 2 == 0, Arc::clone(&ends))));
        }
        house.changed().await;
    }
}

#[test]
fn no_end_of_a_wait_is_lost_while_its_call_leaves_memory() {
    in_every_order(Time::Stands, |house: House| {
        let ends = Ends::default();
        let calls = 3;
        for _ in 0..calls {
            let line = house.line();
            spawn(guest(Arc::clone(&house.kernel), line, true, Arc::clone(&ends)));
        }
        let looped = spawn(run_loop(Arc::clone(&house.kernel), Arc::clone(&ends), calls));
        let (kernel, world, theirs) = (Arc::clone(&house.kernel), Arc::clone(&house.world), Arc::clone(&ends));
        let clock = spawn(async move {
            while theirs.lock().unwrap().len() < calls {
                world.pass(1_000);
                kernel.fire_timers_due();
                shuttle::future::yield_now().await;
            }
        });
        block_on(clock).unwrap();
        looped.abort();
        let _ = block_on(looped);
        assert_eq!(ends.lock().unwrap().len(), calls);
    });
}

/// The message that a receive gives, whether its call stays in memory or leaves it.
async fn receiver(kernel: Arc<Kernel>, mut line: Line, leaves: bool, got: Arc<Mutex<Vec<String>>>) {
    let call = line.call();
    let mut waiting = line.waiting();
    let run = line.run(Call::MessageReceive { filter: MessageFilter::default(), timeout: None });
    tokio::pin!(run);
    let answer = tokio::select! {
        biased;
        answer = &mut run => Some(answer),
        _ = waiting.wait_for(Option::is_some) => None,
    };
    let answer = match answer {
        Some(answer) => answer,
        None if leaves && kernel.park_call(call) => return,
        None => run.await,
    };
    let Reply::Message(Some(message)) = done(&answer).clone() else { panic!("{answer:?}") };
    got.lock().unwrap().push(message.body);
    let _ = kernel.end_call(call, Ok("null".into()));
}

/// Goes on with receivers that had left memory.
async fn receivers(kernel: Arc<Kernel>, got: Arc<Mutex<Vec<String>>>) {
    loop {
        for call in kernel.take_runnable() {
            // It may have ended meanwhile.
            let Ok(started) = kernel.resume_call(call).await else { continue };
            spawn(receiver(Arc::clone(&kernel), Line::new(Arc::clone(&kernel), &started), false, Arc::clone(&got)));
        }
        kernel.changed().await;
    }
}

#[test]
fn every_message_reaches_one_receiver_whatever_comes_first() {
    in_every_order(Time::Stands, |house: House| {
        let (pid, got) = (house.process(), Arc::new(Mutex::new(Vec::new())));
        let looped = spawn(receivers(Arc::clone(&house.kernel), Arc::clone(&got)));
        for leaves in [true, false] {
            spawn(receiver(Arc::clone(&house.kernel), house.line_of(pid), leaves, Arc::clone(&got)));
        }
        for body in ["1", "2"] {
            let mut line = house.line_of(pid);
            let send = Call::MessageSend { to: pid.to_string(), body: body.into(), options: MessageOptions::default() };
            spawn(async move { assert_eq!(words(&line.run(send).await), "done") });
        }
        while got.lock().unwrap().len() < 2 {
            shuttle::thread::yield_now();
        }
        looped.abort();
        let _ = block_on(looped);
        let mut got = got.lock().unwrap().clone();
        got.sort();
        assert_eq!(got, ["1", "2"]);
    });
}
