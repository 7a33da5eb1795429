//! Tickets over histories at random: a guest submits, awaits and cancels, a person answers, time passes, the power goes. Whatever happened,
//! each ticket is told at most once and none after it was given up, and a guest that is started again is told the same in the same order.

use super::cases;
use crate::sim::{Clerk, House, MOUNT, SimStorage, SimWorld, Tear, words};
use crate::tickets::next;
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{CallError, Stop};
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::id::{CallId, Position};
use libos_kernel::model::limit::TICKETS_OPEN_MAX;
use libos_kernel::syscall::Line;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::Config;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

const RULES: [&str; 4] = [
    "allow read,write fs:workspace/free/**",
    "ask write fs:workspace/asked/**",
    "allow ask,tell human:owner",
    "allow sleep clock:sleep",
];

/// What is submitted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Now,
    Read,
    Refused,
    Sleep(u64),
    Ask,
    Write,
    AskedWrite,
}

/// What the guest does.
#[derive(Debug, Clone, Copy)]
enum Does {
    Submit(Kind),
    /// So many at once.
    Submits(usize),
    Next,
    Cancel(Index),
    /// Tells a person something, which must survive, and so must all that it was told before.
    Tell,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Guest(Does),
    /// What the call waits for first ends.
    EndWait,
    Pass(u64),
    Crash(Tear),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        4 => select(&[Kind::Now, Kind::Read, Kind::Refused][..]),
        3 => (1u64..50).prop_map(Kind::Sleep),
        5 => select(&[Kind::Ask, Kind::Write, Kind::Write, Kind::AskedWrite][..]),
    ];
    let tear = prop_oneof![Just(Tear::None), Just(Tear::All), any::<u64>().prop_map(Tear::Some)];
    prop_oneof![
        120 => kind.prop_map(|kind| Step::Guest(Does::Submit(kind))),
        90 => Just(Step::Guest(Does::Next)),
        40 => any::<Index>().prop_map(|which| Step::Guest(Does::Cancel(which))),
        20 => Just(Step::Guest(Does::Tell)),
        1 => (1_000usize..1_100).prop_map(|count| Step::Guest(Does::Submits(count))),
        20 => Just(Step::EndWait),
        15 => (1u64..60).prop_map(Step::Pass),
        20 => tear.prop_map(Step::Crash),
    ]
}

/// What a guest saw of what it did.
#[derive(Debug, Clone, PartialEq)]
enum Saw {
    Ticket(Position),
    NoRoom,
    Told(Option<(Position, String)>),
    GivenUp(bool),
    Nothing,
}

/// The tickets as the guest knows them.
#[derive(Debug, Default)]
struct Model {
    open: BTreeMap<Position, (Kind, String)>,
    /// All that there were, in the order of submission.
    all: Vec<Position>,
    given_up: BTreeSet<String>,
    /// Effects that the guest knows to be done.
    done: BTreeSet<String>,
}

struct Machine {
    runtime: Runtime,
    world: Arc<SimWorld>,
    disk: SimStorage,
    house: Option<House>,
    /// Who has the kernel when nothing is under way.
    holders: usize,
    call: CallId,
    line: Option<Line>,
    did: Vec<Does>,
    saw: Vec<Saw>,
    /// So much of it survives.
    survives: usize,
    model: Model,
}

fn call(kind: Kind, number: usize) -> Call {
    let write = |directory: &str| Call::FsWrite {
        path: format!("{directory}/{number}"),
        content: b"x".to_vec(),
        mode: WriteMode::CreateOrReplace,
    };
    match kind {
        Kind::Now => Call::ClockNow,
        Kind::Read => Call::FsRead { path: "free/a".into() },
        Kind::Refused => Call::FsRead { path: "elsewhere".into() },
        Kind::Sleep(nanoseconds) => Call::ClockSleep { nanoseconds },
        Kind::Ask => Call::HumanAsk { question: format!("Which {number}?"), queue: None },
        Kind::Write => write("free"),
        Kind::AskedWrite => write("asked"),
    }
}

/// What the world says of an effect, if it is one.
fn effect(kind: Kind, number: usize) -> Option<String> {
    match kind {
        Kind::Write => Some(format!("fs.write fs:{MOUNT}/free/{number} x")),
        Kind::AskedWrite => Some(format!("fs.write fs:{MOUNT}/asked/{number} x")),
        _ => None,
    }
}

impl Machine {
    fn new() -> Machine {
        let disk = SimStorage::default();
        let world = Arc::new(SimWorld::new(MOUNT, disk.clone()));
        for name in ["free", "asked"] {
            world.put_directory(&format!("{MOUNT}/{name}"));
        }
        world.put_file(&format!("{MOUNT}/free/a"), "a");
        let house = House::open(Arc::clone(&world), disk.clone()).unwrap();
        let holders = Arc::strong_count(&house.kernel);
        house.furnish(&RULES).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let line = house.line();
        runtime.block_on(house.kernel.barrier()).unwrap();
        Machine {
            runtime,
            world,
            disk,
            holders,
            call: line.call(),
            house: Some(house),
            line: Some(line),
            did: Vec::new(),
            saw: Vec::new(),
            survives: 0,
            model: Model::default(),
        }
    }

    fn house(&self) -> &House {
        self.house.as_ref().unwrap()
    }

    /// The guest does something: now for the first time, or once more after it was started again.
    fn does(&mut self, does: Does, number: usize) -> Result<Saw, Stop> {
        let (house, line) = (self.house.as_ref().unwrap(), self.line.as_mut().unwrap());
        let submitted = |ticket: Result<Position, CallError>| match ticket {
            Ok(ticket) => Saw::Ticket(ticket),
            Err(CallError::TooLarge(_)) => Saw::NoRoom,
            Err(error) => panic!("{error}"),
        };
        self.runtime.block_on(async {
            Ok(match does {
                Does::Submit(kind) => submitted(line.submit(call(kind, number)).await?),
                Does::Submits(_) => submitted(line.submit(Call::ClockNow).await?),
                Does::Next => {
                    let told = next(house, line).await?;
                    Saw::Told(told.map(|(ticket, answer)| (ticket, words(&Ok(answer)))))
                }
                Does::Cancel(which) => {
                    let ticket = which.get(&self.model.all);
                    Saw::GivenUp(line.cancel(*ticket).await?)
                }
                Does::Tell => {
                    let tell = Call::HumanTell { message: format!("at {number}"), queue: None };
                    assert_eq!(words(&line.run(tell).await), "done");
                    house.kernel.barrier().await?;
                    Saw::Nothing
                }
            })
        })
    }

    fn act(&mut self, does: Does) {
        let number = self.did.len();
        let count = if let Does::Submits(count) = does { count } else { 1 };
        if matches!(does, Does::Cancel(_)) && self.model.all.is_empty() {
            return;
        }
        for _ in 0..count {
            let saw = self.does(does, number).unwrap();
            self.check(does, number, &saw);
            self.did.push(does);
            self.saw.push(saw);
        }
        if matches!(does, Does::Tell) {
            self.survives = self.did.len();
        }
    }

    fn check(&mut self, does: Does, number: usize, saw: &Saw) {
        let model = &mut self.model;
        match saw {
            Saw::Ticket(ticket) => {
                let kind = if let Does::Submit(kind) = does { kind } else { Kind::Now };
                let effect = effect(kind, number).unwrap_or_default();
                assert!(model.open.len() < TICKETS_OPEN_MAX, "more than the limit is open");
                assert!(model.open.insert(*ticket, (kind, effect)).is_none(), "{ticket} was given twice");
                model.all.push(*ticket);
            }
            Saw::NoRoom => assert_eq!(model.open.len(), TICKETS_OPEN_MAX),
            Saw::Told(None) => assert!(model.open.is_empty(), "nothing is told of {:?}", model.open),
            Saw::Told(Some((ticket, answer))) => {
                let (kind, effect) =
                    model.open.remove(ticket).unwrap_or_else(|| panic!("{ticket} is told and not open"));
                assert_eq!(answer == "denied", kind == Kind::Refused, "{kind:?}: {answer}");
                if answer == "done" && !effect.is_empty() {
                    model.done.insert(effect);
                }
            }
            Saw::GivenUp(true) => {
                let Does::Cancel(which) = does else { panic!("{does:?}") };
                let ticket = which.get(&model.all);
                let (_, effect) =
                    model.open.remove(ticket).unwrap_or_else(|| panic!("{ticket} is given up and not open"));
                model.given_up.insert(effect);
            }
            Saw::GivenUp(false) | Saw::Nothing => {}
        }
        for effect in &self.model.done {
            assert_eq!(self.world.count(effect), 1, "{effect}");
        }
    }

    /// The power goes; another host goes on with the call wherever it is, and its guest begins again.
    fn crash(&mut self, tear: Tear) {
        self.line = None;
        let house = self.house.take().unwrap();
        self.disk.cut();
        house.kernel.shutdown();
        // An effect that had begun is over before the next host looks what became of it.
        self.runtime.block_on(async {
            while Arc::strong_count(&house.kernel) > self.holders {
                tokio::task::yield_now().await;
            }
        });
        drop(house);
        self.disk.recover(tear);
        self.house = Some(House::open(Arc::clone(&self.world), self.disk.clone()).unwrap());
        self.resume();
        self.model = Model::default();
        let (did, saw) = (std::mem::take(&mut self.did), std::mem::take(&mut self.saw));
        for (number, (does, before)) in did.iter().zip(saw).enumerate() {
            let first =
                (0..number).rev().take_while(|at| matches!(did[*at], Does::Submits(_))).last().unwrap_or(number);
            let number = if matches!(does, Does::Submits(_)) { first } else { number };
            let saw = self.does(*does, number).unwrap();
            if self.did.len() < self.survives {
                assert_eq!(saw, before, "the guest sees something else of {does:?} at {number}");
            }
            self.check(*does, number, &saw);
            self.did.push(*does);
            self.saw.push(saw);
        }
    }

    fn resume(&mut self) {
        let (house, call) = (self.house.as_ref().unwrap(), self.call);
        let started = self.runtime.block_on(async {
            // A call that waited is started when a wait of it has ended.
            for _ in 0..2 {
                if let Ok(started) = house.kernel.resume_call(call).await {
                    return started;
                }
                house.end_wait(call, &Clerk::default()).await.unwrap();
            }
            panic!("{call} is not started again");
        });
        self.line = Some(Line::new(Arc::clone(&house.kernel), &started));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Guest(does) => self.act(does),
            Step::EndWait => {
                let house = self.house();
                self.runtime.block_on(house.end_wait(self.call, &Clerk::default())).unwrap();
            }
            Step::Pass(nanoseconds) => {
                self.world.pass(nanoseconds);
                self.house().kernel.fire_timers_due();
            }
            Step::Crash(tear) => self.crash(tear),
        }
    }

    /// All that is open is told, then nothing, and nothing is left of the call.
    fn end(mut self) {
        while !self.model.open.is_empty() {
            self.act(Does::Next);
        }
        self.act(Does::Next);
        assert_eq!(self.saw.last(), Some(&Saw::Told(None)));
        for effect in &self.model.given_up {
            assert_eq!(self.world.count(effect), 0, "{effect:?} was given up");
        }
        let house = self.house();
        house.kernel.end_call(self.call, Ok("null".into())).unwrap();
        self.runtime.block_on(house.kernel.barrier()).unwrap();
        assert_eq!(View(&house.snapshot()).questions(true).unwrap(), []);
        assert_eq!((house.kernel.next_timer(), house.kernel.waits_of(self.call)), (None, Vec::new()));
    }
}

proptest! {
    #![proptest_config(Config { max_shrink_iters: 500, ..cases(300) })]

    #[test]
    fn each_ticket_is_told_once_and_in_an_order_that_a_replay_repeats(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut machine = Machine::new();
        for step in steps {
            machine.step(step);
        }
        machine.end();
    }
}
