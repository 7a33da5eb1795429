//! System calls that are under way at once: what ends first is told first, and told again the same in a replay; what is open at the
//! end is given up.

use crate::sim::{Clerk, House, MOUNT, SimStorage, SimWorld, Tear, Trouble, done, words};
use libos_kernel::model::answer::{Answer, CallError, Stop};
use libos_kernel::model::call::{Call, Reply, WriteMode};
use libos_kernel::model::id::{CallId, Position};
use libos_kernel::model::image::BASE;
use libos_kernel::model::limit::TICKETS_OPEN_MAX;
use libos_kernel::model::question::QuestionState;
use libos_kernel::model::row::{CallState, Wait};
use libos_kernel::model::time::Time;
use libos_kernel::syscall::Line;
use std::sync::Arc;

const RULES: [&str; 4] = [
    "allow read,list,write fs:workspace/free/**",
    "ask write fs:workspace/asked/**",
    "allow ask,tell human:owner",
    "allow sleep clock:sleep",
];

fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

fn read(path: &str) -> Call {
    Call::FsRead { path: path.into() }
}

fn sleep(nanoseconds: u64) -> Call {
    Call::ClockSleep { nanoseconds }
}

fn ask() -> Call {
    Call::HumanAsk { question: "Which?".into(), queue: None }
}

async fn submit(line: &mut Line, call: Call) -> Position {
    line.submit(call).await.unwrap().unwrap()
}

/// Takes the next answer; whenever all that is open waits, the clerk ends the first wait.
async fn next(house: &House, line: &mut Line) -> Result<Option<(Position, Arc<Answer>)>, Stop> {
    let (mut waiting, id) = (line.waiting(), line.call());
    let next = line.next();
    tokio::pin!(next);
    loop {
        tokio::select! {
            biased;
            told = &mut next => return told,
            waits = waiting.wait_for(Option::is_some) => drop(waits),
            () = house.kernel.stopped() => return Err(Stop::Host("stopped".into())),
        }
        house.end_wait(id, &Clerk::default()).await?;
    }
}

/// Waits in `next` until all that is open waits, and lets the call go from memory.
async fn park(house: &House, mut line: Line) -> CallId {
    let (mut waiting, id) = (line.waiting(), line.call());
    tokio::select! {
        biased;
        told = line.next() => panic!("it did not wait, it was told {told:?}"),
        waits = waiting.wait_for(Option::is_some) => drop(waits),
    }
    assert!(house.kernel.park_call(id), "a call that waits can be parked");
    id
}

fn furnished() -> House {
    let house = House::new(&RULES);
    furnish(&house.world);
    house
}

fn furnish(world: &SimWorld) {
    for name in ["free", "asked"] {
        world.put_directory(&format!("{MOUNT}/{name}"));
    }
    world.put_file(&format!("{MOUNT}/free/a"), "a");
}

#[tokio::test]
async fn what_ends_first_is_told_first() {
    let house = furnished();
    let mut line = house.line();
    let long = submit(&mut line, sleep(20)).await;
    let short = submit(&mut line, sleep(10)).await;
    let quick = submit(&mut line, read("free/a")).await;
    let refused = submit(&mut line, read("elsewhere")).await;
    assert_eq!([long, short, quick, refused], [0, 1, 2, 3]);
    let told = next(&house, &mut line).await.unwrap().unwrap();
    assert_eq!((told.0, done(&Ok(told.1.clone()))), (quick, &Reply::Bytes(b"a".to_vec())));
    let told = next(&house, &mut line).await.unwrap().unwrap();
    assert!(told.0 == refused && words(&Ok(told.1)).starts_with("denied"));
    house.world.pass(100);
    house.kernel.fire_timers_due();
    let order = [next(&house, &mut line).await.unwrap().unwrap().0, next(&house, &mut line).await.unwrap().unwrap().0];
    assert_eq!(order, [short, long]);
    assert_eq!(line.next().await.unwrap(), None);
}
