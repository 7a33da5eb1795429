//! Budgets: what is charged, when, to whom; what an empty purse stops; and that nothing is spent twice or lost.

use crate::processes::{child, spawn};
use crate::sim::{Clerk, House, MOUNT, Plan, Tear, done, words};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{HostError, Reaction};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::call::{Call, ObjectOptions, Payload, WriteMode};
use libos_kernel::model::child::{Amount, ChildOptions};
use libos_kernel::model::id::{CallId, Pid, QuestionId};
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::purse::Coin;
use libos_kernel::model::row::{ProcessRow, Wait};
use libos_kernel::syscall::Line;
use std::collections::BTreeMap;

const RULES: [&str; 5] = [
    "allow read,list,write,delete fs:workspace/**",
    "allow spawn process:image/*",
    "allow call tool:*",
    "allow sleep clock:sleep",
    "allow message process:pid/*",
];

fn write(path: &str, content: &str) -> Call {
    Call::FsWrite { path: path.into(), content: content.into(), mode: WriteMode::CreateOrReplace }
}

fn object(name: &str) -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json("1".into()), options }
}

fn other() -> Call {
    Call::ToolCall { tool: "echo".into(), arguments: "{}".into() }
}

fn with_budget(amounts: &[(Coin, u64)]) -> ChildOptions {
    let budget = amounts.iter().map(|(coin, amount)| Amount { coin: *coin, amount: *amount }).collect();
    let grants = ["write fs:workspace/**", "spawn process:image/*"];
    ChildOptions { budget: Some(budget), ..child(&grants) }
}

/// A process with so much in its purse.
fn rich(house: &House, amounts: &[(Coin, u64)]) -> Pid {
    let pid = house.process();
    house.kernel.change_purse(pid, &[], amounts).unwrap();
    pid
}

async fn row(house: &House, pid: Pid) -> ProcessRow {
    crate::processes::row(house, pid).await
}

/// What is left of a kind in a process's own purse.
async fn left(house: &House, pid: Pid, coin: Coin) -> Option<u64> {
    row(house, pid).await.purse.and_then(|purse| purse.left(coin))
}

/// Makes a system call that its process cannot pay for, and lets the call go from memory; answers why.
async fn starves(house: &House, mut line: Line, call: Call) -> (CallId, String) {
    let id = line.call();
    let stop = house.run(&mut line, call).await;
    let Err(Stop::Paused(why)) = stop else { panic!("it was not stopped: {}", words(&stop)) };
    drop(line);
    house.kernel.hold_call(id);
    assert_eq!(house.kernel.take_runnable(), []);
    (id, why)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_calls_are_not_made_with_a_budget_of_one() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::ToolCalls, 1)]);
    let mut line = house.line_of(pid);
    let refused = house.kernel.start_call(house.start(pid)).unwrap_err();
    let HostError::Usage(why) = refused else { panic!("{refused}") };
    assert_eq!(
        why,
        format!(
            "{pid}: too little is left of tool-calls in the purse of {pid}: `libos budget {pid} --add tool-calls=N` puts more in"
        )
    );
    // A tool that calls another one spends too.
    let stopped = house.run(&mut line, other()).await;
    assert!(matches!(stopped, Err(Stop::Paused(_))), "{}", words(&stopped));
    assert_eq!(house.kernel.wait_of(line.call()), None);
    assert_eq!(left(&house, pid, Coin::ToolCalls).await, Some(0));
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_cannot_pay_is_paused_and_tries_again_when_it_can() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::BytesWritten, 3), (Coin::ToolCalls, 9)]);
    let (call, why) = starves(&house, house.line_of(pid), write("a", "12345")).await;
    assert!(why.contains(&format!("`libos budget {pid} --add bytes-written=N`")), "{why}");
    assert_eq!(house.world.done(), [""; 0]);
    assert_eq!(house.records_of(call).await.len(), 0, "nothing of it is recorded as done");
    assert_eq!(row(&house, pid).await.state, State::Paused(why));
    // Too little, of another kind, in another host: it still stands.
    let house = house.reopen();
    house.kernel.raise_budget(pid, Coin::ToolCalls, 1).unwrap();
    assert!(matches!(row(&house, pid).await.state, State::Paused(_)));
    assert!(house.kernel.resume_call(call).await.is_err());
    let raised = house.kernel.raise_budget(pid, Coin::BytesWritten, 4).unwrap().what;
    assert_eq!(raised.purse.unwrap().left(Coin::BytesWritten), Some(7));
    assert_eq!(house.kernel.take_runnable(), [call]);
    let mut line = house.resume(call).await;
    assert_eq!(words(&house.run(&mut line, write("a", "12345")).await), "done");
    assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(2));
    assert_eq!(house.world.count("fs.write fs:workspace/a 12345"), 1);
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_is_charged_for_what_it_stands_for() {
    let file = || Call::FsRead { path: "a".into() };
    let part = || Call::FsReadRange { path: "a".into(), offset: 1, length: 3 };
    let copy = || Call::FsCopy { source: "a".into(), target: "b".into(), replace: true };
    let child = || Call::ProcessSpawn { child: child(&[]) };
    let rows = [
        (Coin::BytesRead, file(), 10),
        (Coin::BytesRead, part(), 3),
        (Coin::BytesRead, copy(), 10),
        (Coin::BytesRead, write("b", "x"), 0),
        (Coin::BytesWritten, write("b", "1234"), 4),
        (Coin::BytesWritten, Call::FsAppend { path: "b".into(), content: b"123".to_vec() }, 3),
        (Coin::BytesWritten, copy(), 10),
        (Coin::BytesWritten, file(), 0),
        (Coin::Objects, object("o"), 1),
        (Coin::Objects, child(), 1),
        (Coin::ToolCalls, other(), 1),
        (Coin::Children, child(), 1),
    ];
    for (coin, call, cost) in rows {
        let house = House::new(&RULES);
        house.world.put_file(&format!("{MOUNT}/a"), "0123456789");
        let pid = rich(&house, &[(Coin::ToolCalls, 1)]);
        let mut line = house.line_of(pid);
        // Just enough, and a little too little.
        let what = format!("{coin} for {}", call.operation());
        if cost > 0 {
            house.kernel.change_purse(pid, &[], &[(coin, cost - 1)]).unwrap();
            let stopped = house.run(&mut line, call.clone()).await;
            assert!(matches!(stopped, Err(Stop::Paused(_))), "{what}: {}", words(&stopped));
            assert_eq!(left(&house, pid, coin).await, Some(cost - 1), "{what}");
            house.kernel.raise_budget(pid, coin, 1).unwrap();
            let id = line.call();
            drop(line);
            house.kernel.hold_call(id);
            line = house.resume(id).await;
        } else {
            house.kernel.change_purse(pid, &[], &[(coin, 0)]).unwrap();
        }
        assert_eq!(words(&house.run(&mut line, call).await), "done", "{what}");
        assert_eq!(left(&house, pid, coin).await, Some(0), "{what}");
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_replayed_is_not_charged_again() {
    let house = House::new(&RULES);
    house.world.put_file(&format!("{MOUNT}/a"), "0123456789");
    let much = [(Coin::BytesRead, 100), (Coin::BytesWritten, 100), (Coin::Objects, 9), (Coin::ToolCalls, 9)];
    let pid = rich(&house, &much);
    let script = || vec![Call::FsRead { path: "a".into() }, write("b", "12345"), object("o"), other()];
    let mut line = house.line_of(pid);
    let call = line.call();
    for step in script() {
        assert_eq!(words(&house.run(&mut line, step).await), "done");
    }
    assert_eq!(words(&house.run(&mut line, Call::FsRead { path: "a".into() }).await), "done");
    drop(line);
    house.kernel.drop_call(call);
    let house = house.reopen();
    let mut line = house.resume(call).await;
    for step in script().into_iter().chain([Call::FsRead { path: "a".into() }]) {
        assert_eq!(words(&house.run(&mut line, step).await), "done");
    }
    for (coin, want) in [(Coin::BytesRead, 80), (Coin::BytesWritten, 95), (Coin::Objects, 8), (Coin::ToolCalls, 7)] {
        assert_eq!(left(&house, pid, coin).await, Some(want), "{coin}");
    }
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_come_to_be_costs_nothing() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::BytesWritten, 5), (Coin::Objects, 2), (Coin::ToolCalls, 99), (Coin::Children, 1)]);
    let mut line = house.line_of(pid);
    let call = line.call();
    // It panics before it starts.
    house.world.plan("fs.inspect", 2, Plan::Panic);
    assert!(house.run(&mut line, write("a", "12345")).await.is_err());
    assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(5));
    drop(line);
    house.kernel.drop_call(call);
    let mut line = house.resume(call).await;
    // What is there already is not made, and what is deleted is free again.
    done(&house.run(&mut line, object("o")).await);
    assert!(words(&house.run(&mut line, object("o")).await).starts_with("already exists"));
    assert_eq!(left(&house, pid, Coin::Objects).await, Some(1));
    done(&house.run(&mut line, Call::ObjectDelete { name: "o".into(), expected_version: None }).await);
    assert_eq!(left(&house, pid, Coin::Objects).await, Some(2));
    let missing = Call::ToolCall { tool: "missing".into(), arguments: "{}".into() };
    let before = left(&house, pid, Coin::ToolCalls).await;
    assert!(words(&house.run(&mut line, missing).await).starts_with("not found"));
    assert_eq!(left(&house, pid, Coin::ToolCalls).await, before);
    let nowhere = ChildOptions { image: Some("nowhere".into()), ..child(&[]) };
    assert!(words(&house.run(&mut line, Call::ProcessSpawn { child: nowhere }).await).starts_with("not found"));
    assert_eq!(left(&house, pid, Coin::Children).await, Some(1));
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_loss_of_power_what_did_not_start_costs_nothing_and_what_did_costs_once() {
    for (plan, cost) in [(Plan::CutBefore, 0), (Plan::CutAfter, 5)] {
        let house = House::new(&RULES);
        let pid = rich(&house, &[(Coin::BytesWritten, 5), (Coin::ToolCalls, 1)]);
        let mut line = house.line_of(pid);
        let call = line.call();
        house.kernel.barrier().await.unwrap();
        house.world.plan("fs.write", 1, plan.clone());
        let _ = house.run(&mut line, write("a", "12345")).await;
        assert!(house.disk.is_cut());
        let house = house.crash(Tear::None);
        assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(5 - cost), "{plan:?}");
        let mut line = house.resume(call).await;
        assert_eq!(words(&house.run(&mut line, write("a", "12345")).await), "done", "{plan:?}");
        assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(0), "{plan:?}");
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_childs_purse_comes_out_of_its_parents_and_goes_back() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::ToolCalls, 10), (Coin::BytesWritten, 100), (Coin::Children, 3)]);
    let mut line = house.line_of(pid);
    let poor = Call::ProcessSpawn { child: with_budget(&[(Coin::ToolCalls, 10)]) };
    let refused = words(&house.run(&mut line, poor).await);
    assert_eq!(refused, "too large: a budget of tool-calls: 9 are left to give");
    let given = spawn(&house, &mut line, with_budget(&[(Coin::ToolCalls, 4), (Coin::Tokens, 7)])).await;
    let shares = spawn(&house, &mut line, child(&["write fs:workspace/**"])).await;
    assert_eq!(left(&house, pid, Coin::ToolCalls).await, Some(5));
    assert_eq!(left(&house, pid, Coin::Children).await, Some(1));
    // What was not named it has none of; what is unbounded above is unbounded below.
    let purse = row(&house, given).await.purse.unwrap();
    let found = [Coin::ToolCalls, Coin::Tokens, Coin::BytesWritten, Coin::Money].map(|coin| purse.left(coin));
    assert_eq!(found, [Some(4), Some(7), Some(0), None]);
    assert!(house.run(&mut house.line_of(given), write("a", "1")).await.is_err());
    // Who has no purse spends its payer's.
    done(&house.run(&mut house.line_of(shares), write("a", "12345")).await);
    assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(95));
    assert_eq!(left(&house, pid, Coin::ToolCalls).await, Some(4));
    house.kernel.end_unused_process(given, "enough");
    house.kernel.end_unused_process(shares, "enough");
    assert_eq!(left(&house, pid, Coin::ToolCalls).await, Some(7), "one of four was spent there, and one here");
    assert_eq!(left(&house, pid, Coin::Children).await, Some(3));
    assert_eq!(row(&house, given).await.purse.unwrap().spent[&Coin::ToolCalls], 1, "what it spent is to be seen");
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_out_of_his_bounds_by_being_handed_over() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::ToolCalls, 10), (Coin::BytesWritten, 5), (Coin::Children, 2)]);
    let mut line = house.line_of(pid);
    let with = spawn(&house, &mut line, with_budget(&[(Coin::ToolCalls, 3)])).await;
    let without = spawn(&house, &mut line, child(&["write fs:workspace/**"])).await;
    for child in [with, without] {
        done(&house.run(&mut line, Call::ProcessHandOver { pid: child.to_string() }).await);
    }
    assert_eq!(left(&house, pid, Coin::Children).await, Some(2));
    assert_eq!(left(&house, with, Coin::ToolCalls).await, Some(3));
    assert_eq!(left(&house, without, Coin::BytesWritten).await, Some(0));
    assert!(house.kernel.start_call(house.start(without)).is_err());
    house.kernel.end_unused_process(pid, "enough");
    house.purses_add_up();
    house.kernel.end_unused_process(with, "enough");
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_in_the_purse_frees_those_that_want_it_and_nobody_else() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::BytesWritten, 0), (Coin::Objects, 9)]);
    let mut line = house.line_of(pid);
    let hungry = spawn(&house, &mut line, child(&["write fs:workspace/**"])).await;
    let held = spawn(&house, &mut line, child(&["write fs:workspace/**"])).await;
    let (wants, _) = starves(&house, house.line_of(hungry), write("a", "1")).await;
    starves(&house, house.line_of(held), write("a", "1")).await;
    // A person's hand is not opened by it.
    house.kernel.signal(held, Signal::Pause, "wait for me").unwrap();
    // A parent cannot let go what the host holds.
    let resume = Call::ProcessSignal { pid: hungry.to_string(), signal: Signal::Resume, reason: String::new() };
    assert!(words(&house.run(&mut line, resume).await).starts_with("invalid"));
    house.kernel.raise_budget(hungry, Coin::BytesWritten, 1).unwrap();
    assert_eq!(house.kernel.take_runnable(), [wants]);
    assert!(matches!(row(&house, held).await.state, State::Paused(by) if by.contains("wait for me")));
    assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_paused_twice_goes_on_by_what_its_reason_names() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::BytesWritten, 0), (Coin::Objects, 9)]);
    let mut line = house.line_of(pid);
    let hungry = spawn(&house, &mut line, child(&["write fs:workspace/**"])).await;
    let (wants, why) = starves(&house, house.line_of(hungry), write("a", "1")).await;
    let pause = Call::ProcessSignal { pid: hungry.to_string(), signal: Signal::Pause, reason: String::new() };
    assert_eq!(words(&house.run(&mut line, pause).await), "done");
    assert_eq!(row(&house, hungry).await.state, State::Paused(why));
    house.kernel.raise_budget(hungry, Coin::BytesWritten, 1).unwrap();
    assert_eq!(house.kernel.take_runnable(), [wants]);
    // What a person holds does not want anything by and by.
    let call = house.line_of(hungry).call();
    house.kernel.signal(hungry, Signal::Pause, "to look").unwrap();
    house.kernel.change_purse(hungry, &[], &[(Coin::WallMilliseconds, 0)]).unwrap();
    house.kernel.charge_time(hungry, call, 1, 0);
    assert_eq!(row(&house, hungry).await.state, State::Paused("a person: to look".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_cannot_be_paid_leaves_its_approval() {
    let house = House::new(&["ask read fs:workspace/**"]);
    house.world.put_file(&format!("{MOUNT}/a"), "0123456789");
    let pid = rich(&house, &[(Coin::BytesRead, 5)]);
    let read = || Call::FsRead { path: "a".into() };
    let call = house.park(house.line_of(pid), read()).await;
    let asked = house.asked(call);
    house.kernel.answer(asked, Reaction::allow()).unwrap();
    assert_eq!(house.kernel.take_runnable(), [call]);
    let line = house.resume(call).await;
    starves(&house, line, read()).await;
    house.kernel.raise_budget(pid, Coin::BytesRead, 5).unwrap();
    let mut line = house.resume(call).await;
    assert_eq!(words(&house.run(&mut line, read()).await), "done");
    house.kernel.barrier().await.unwrap();
    let next = View(&house.snapshot()).question(QuestionId(asked.0 + 1)).unwrap();
    assert_eq!(next, None, "nobody is asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_several_times_to_become_another_pays_for_one_goal() {
    let house = House::new(&["allow use image:base"]);
    let pid = rich(&house, &[(Coin::Objects, 1)]);
    let mut line = house.line_of(pid);
    for goal in ["one", "two"] {
        let exec = Call::ProcessExec { image: "base".into(), goal: Some(goal.into()) };
        assert_eq!(words(&house.run(&mut line, exec).await), "done");
    }
    assert_eq!(left(&house, pid, Coin::Objects).await, Some(1));
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    assert_eq!(left(&house, pid, Coin::Objects).await, Some(0));
    assert!(row(&house, pid).await.goal.is_some());
    house.purses_add_up();
    let exec = Call::ProcessExec { image: "base".into(), goal: Some("three".into()) };
    starves(&house, house.line_of(pid), exec).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raise_that_makes_no_sense_is_refused() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::ToolCalls, 1)]);
    for (pid, coin, amount, want) in [
        (Pid(99), Coin::ToolCalls, 1, "no live process p99"),
        (pid, Coin::Money, 1, "has no bound on money"),
        (pid, Coin::ToolCalls, u64::MAX, "a purse holds at most"),
    ] {
        let error = house.kernel.raise_budget(pid, coin, amount).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    assert_eq!(left(&house, pid, Coin::ToolCalls).await, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_started_from_an_image_has_its_budget() {
    let house = House::new(&[]);
    let policy = "[mounts]\nworkspace = \".\"\n[image.base]\nallow = []\nbudget = { tool-calls = 1, objects = 5 }\n";
    house.kernel.set_policy(policy).unwrap();
    for for_one_call in [false, true] {
        let pid = house.kernel.new_process("base", for_one_call).unwrap();
        assert_eq!(left(&house, pid, Coin::Objects).await, Some(5));
        house.line_of(pid);
        assert!(house.kernel.start_call(house.start(pid)).is_err());
    }
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_whose_time_is_used_up_stops_at_its_next_import() {
    let house = House::new(&RULES);
    for (coin, wall, processor) in [(Coin::WallMilliseconds, 100, 0), (Coin::ProcessorMilliseconds, 0, 100)] {
        let pid = rich(&house, &[(coin, 100)]);
        let mut line = house.line_of(pid);
        house.kernel.charge_time(pid, line.call(), wall / 2, processor / 2);
        done(&house.run(&mut line, Call::ClockNow).await);
        let left_of = house.kernel.time_left(line.call());
        assert_eq!(left_of.wall.or(left_of.processor), Some(50));
        // More than there is.
        house.kernel.charge_time(pid, line.call(), wall, processor);
        let (call, why) = starves(&house, line, Call::ClockNow).await;
        assert!(why.contains(coin.word()), "{why}");
        assert!(house.kernel.start_call(house.start(pid)).is_err());
        house.kernel.raise_budget(pid, coin, 1).unwrap();
        assert_eq!(house.kernel.take_runnable(), [call]);
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_ended_pays_for_the_time_that_it_ran() {
    let house = House::new(&RULES);
    let parent = rich(&house, &[(Coin::WallMilliseconds, 100), (Coin::Children, 9), (Coin::Objects, 9)]);
    let mut line = house.line_of(parent);
    let child = spawn(&house, &mut line, with_budget(&[(Coin::WallMilliseconds, 40)])).await;
    let call = house.line_of(child).call();
    house.kernel.signal(child, Signal::Kill, "").unwrap();
    house.kernel.charge_time(child, call, 30, 0);
    assert_eq!(left(&house, parent, Coin::WallMilliseconds).await, Some(70));
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_spend_one_purse_spend_what_is_in_it() {
    let house = std::sync::Arc::new(House::new(&RULES));
    let pid = rich(&house, &[(Coin::BytesWritten, 50)]);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let house = std::sync::Arc::clone(&house);
        tasks.spawn(async move {
            let mut line = house.line_of(pid);
            let mut written = 0;
            while house.run(&mut line, write(&format!("f{number}"), "123")).await.is_ok() {
                written += 3;
            }
            written
        });
    }
    let written: u64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(written, 48);
    assert_eq!(left(&house, pid, Coin::BytesWritten).await, Some(2));
    house.purses_add_up();
}

/// Numbers that look drawn.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

const WALKED: [Coin; 4] = [Coin::ToolCalls, Coin::BytesWritten, Coin::Objects, Coin::Children];

/// One step of a random history. Answers what was put in from outside.
async fn step(house: &House, dice: &mut Dice, living: &[Pid]) -> BTreeMap<Coin, i64> {
    let mut put_in = BTreeMap::new();
    let pid = living[dice.below(living.len() as u64) as usize];
    let coin = WALKED[dice.below(4) as usize];
    match dice.below(10) {
        0 => {
            let amount = dice.below(20);
            if house.kernel.raise_budget(pid, coin, amount).is_ok() {
                put_in.insert(coin, amount as i64);
            }
        }
        1 if living.len() > 2 => {
            // Not the root: what is in its purse would go with it.
            let last = living[1 + dice.below(living.len() as u64 - 1) as usize];
            house.kernel.end_unused_process(last, "enough");
        }
        2..=4 => {
            let Ok(started) = house.kernel.start_call(house.start(pid)) else { return put_in };
            let mut line = Line::new(std::sync::Arc::clone(&house.kernel), &started);
            let child = match dice.below(3) {
                0 => child(&[]),
                1 => with_budget(&[]),
                _ => with_budget(&[(coin, dice.below(12)), (Coin::ToolCalls, 2 + dice.below(4))]),
            };
            let made = house.run(&mut line, Call::ProcessSpawn { child }).await;
            if made.is_ok() && dice.below(4) == 0 {
                let last = house.kernel.children_of(pid).last().copied();
                let over = Call::ProcessHandOver { pid: last.unwrap_or(pid).to_string() };
                let _ = house.run(&mut line, over).await;
            }
            let _ = house.kernel.end_call(line.call(), Ok("null".into()));
        }
        _ => {
            let Ok(started) = house.kernel.start_call(house.start(pid)) else { return put_in };
            let mut line = Line::new(std::sync::Arc::clone(&house.kernel), &started);
            let name = format!("n{}", dice.below(5));
            let call = match dice.below(4) {
                0 => object(&name),
                1 => Call::ObjectDelete { name, expected_version: None },
                2 => other(),
                _ => write(&name, "12345"),
            };
            let _ = house.run_with(&mut line, call, &Clerk::default()).await;
            let _ = house.kernel.end_call(line.call(), Ok("null".into()));
        }
    }
    put_in
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_what_was_put_in_is_left_or_spent() {
    for seed in 0..20 {
        let mut dice = Dice(seed);
        let mut house = House::new(&RULES);
        let start = WALKED.map(|coin| (coin, 40));
        let root = rich(&house, &start);
        let mut put_in: BTreeMap<Coin, i64> = start.iter().map(|(coin, amount)| (*coin, *amount as i64)).collect();
        for number in 0..40 {
            house.kernel.barrier().await.unwrap();
            let living = View(&house.snapshot()).processes().unwrap().into_iter().filter(|row| !row.state.is_final());
            let mut living: Vec<Pid> = living.map(|row| row.pid).collect();
            living.sort_unstable();
            assert_eq!(living[0], root);
            for (coin, amount) in step(&house, &mut dice, &living).await {
                *put_in.entry(coin).or_default() += amount;
            }
            if dice.below(12) == 0 {
                house.kernel.barrier().await.unwrap();
                house = if dice.below(2) == 0 { house.reopen() } else { house.crash(Tear::All) };
            }
            house.purses_add_up();
            house.kernel.barrier().await.unwrap();
            let mut have: BTreeMap<Coin, i64> = BTreeMap::new();
            for row in View(&house.snapshot()).processes().unwrap().iter().filter(|row| !row.state.is_final()) {
                for (coin, amount) in row.purse.iter().flat_map(|purse| purse.left.iter().chain(&purse.spent)) {
                    *have.entry(*coin).or_default() += *amount as i64;
                }
            }
            let roots_end = "a root that was handed over may have ended with what it had";
            for coin in WALKED {
                assert!(
                    have[&coin] <= put_in[&coin],
                    "seed {seed}, step {number}, {coin}: {have:?} of {put_in:?}; {roots_end}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_ends_while_its_process_stands_still_is_kept() {
    let house = House::new(&RULES);
    let pid = rich(&house, &[(Coin::BytesWritten, 0), (Coin::ToolCalls, 9)]);
    let sleep = || Call::ClockSleep { nanoseconds: 10 };
    let sleeps = house.park(house.line_of(pid), sleep()).await;
    let Some(Wait::Until(due)) = house.kernel.wait_of(sleeps) else { panic!("it does not sleep") };
    let (writes, _) = starves(&house, house.line_of(pid), write("a", "1")).await;
    house.world.set_clock(due);
    house.kernel.fire_timers_due();
    for call in house.kernel.take_runnable() {
        assert!(house.kernel.resume_call(call).await.is_err(), "nothing starts of what is paused");
    }
    house.kernel.raise_budget(pid, Coin::BytesWritten, 1).unwrap();
    let mut woken = house.kernel.take_runnable();
    woken.sort_unstable();
    assert_eq!(woken, [sleeps, writes]);
    let mut line = house.resume(sleeps).await;
    done(&house.run(&mut line, sleep()).await);
}

#[tokio::test]
async fn a_validation_is_paid_for_by_whoever_proposed_and_an_empty_purse_begins_none() {
    let house = House::new(&RULES);
    let coin = Coin::ProcessorMilliseconds;
    let parent = rich(&house, &[(coin, 1_000), (Coin::Children, 9), (Coin::Objects, 9)]);
    let child = spawn(&house, &mut house.line_of(parent), with_budget(&[(coin, 100)])).await;
    let line = house.line_of(child);
    // The last is more than there is.
    for (spent, want) in [(30, 70), (69, 1), (500, 0)] {
        assert_eq!(house.kernel.can_validate(child), Ok(()));
        house.kernel.charge_validation(child, spent);
        assert_eq!(left(&house, child, coin).await, Some(want));
    }
    assert!(house.kernel.can_validate(child).unwrap_err().reason().contains(coin.word()));
    assert!(starves(&house, line, Call::ClockNow).await.1.contains(coin.word()));
    house.kernel.signal(child, Signal::Kill, "").unwrap();
    house.kernel.charge_validation(child, 50);
    assert_eq!(left(&house, parent, coin).await, Some(850), "who ended is paid for by its parent");
    assert_eq!(house.kernel.can_validate(house.process()), Ok(()), "without a bound there is always some");
    house.purses_add_up();
}
