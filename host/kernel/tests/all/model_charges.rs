//! What asking a model costs: taken before anything is sent, made right by what the provider counted, to the token.

use crate::dropping::{begin_and_drop, ended};
use crate::models::{ask, line, quantum_of};
use crate::processes::{child, row, spawn};
use crate::quanta::process;
use crate::sim::{House, MOUNT, Plan, Tear, words};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::ask::Tokens;
use libos_kernel::model::child::{Amount, ChildOptions};
use libos_kernel::model::id::Pid;
use libos_kernel::model::image::BASE;
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::purse::Coin;
use libos_kernel::world::{ModelAnswer, ModelTrouble};

const COINS: [Coin; 3] = [Coin::ModelCalls, Coin::Tokens, Coin::Money];
/// What the request of these tests is charged before it is sent: 49 bytes are 17 tokens at most, the reply may have 100.
const RESERVED: [u64; 3] = [1, 117, 17 * 2 + 100 * 10];
const FULL: [u64; 3] = [10, 1_000, 10_000];

/// A house in which a token in costs two millionths, a kept one half of one, and one out ten.
fn house() -> House {
    let house = House::new(&[]);
    house
        .kernel
        .set_policy(&format!(
            "[mounts]\n{MOUNT} = \".\"\n[model.main]\nbase-url = \"https://model.example/v1\"\nmodel = \"main-1\"\nreply-tokens = 200\n\
             price = {{ input = 2, cached-input = 0.5, output = 10 }}\n[image.{BASE}]\nallow = [\"use model:main\", \"spawn process:image/*\"]\n"
        ))
        .unwrap();
    house
}

fn fill(house: &House, pid: Pid, amounts: [u64; 3]) {
    let amounts: Vec<_> = COINS.into_iter().zip(amounts).collect();
    house.kernel.change_purse(pid, &[], &amounts).unwrap();
}

async fn left(house: &House, pid: Pid) -> [u64; 3] {
    let purse = row(house, pid).await.purse.expect("it has a purse");
    COINS.map(|coin| purse.left(coin).expect("it is bounded"))
}

fn less(amounts: [u64; 3]) -> [u64; 3] {
    [0, 1, 2].map(|index| FULL[index] - amounts[index])
}

fn counted(input: u64, cached_input: u64, output: u64) -> Result<ModelAnswer, ModelTrouble> {
    let tokens = Some(Tokens { input, cached_input, output });
    Ok(ModelAnswer { reply: r#"{"text":"Hi."}"#.into(), tokens })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_model_took_is_charged_to_the_token_and_what_did_not_start_costs_nothing() {
    let uncounted = Ok(ModelAnswer { reply: "{}".into(), tokens: None });
    for (reply, cost) in [
        (counted(10, 4, 5), [1, 15, 6 * 2 + 2 + 5 * 10]),
        (counted(1, 1, 0), [1, 1, 1]),
        (counted(0, 0, 0), [1, 0, 0]),
        (counted(900, 0, 90), [1, 990, 900 * 2 + 90 * 10]),
        // More than there is: what there is.
        (counted(6_000, 0, 0), [1, 1_000, 10_000]),
        (uncounted, RESERVED),
        (Err(ModelTrouble::NotStarted("no line".into())), [0, 0, 0]),
        (Err(ModelTrouble::Unknown("cut".into())), RESERVED),
        (Err(ModelTrouble::Useless("nonsense".into())), RESERVED),
    ] {
        let house = house();
        let pid = process(&house, r#"{"tool":"echo"}"#);
        fill(&house, pid, FULL);
        let started = quantum_of(&house, pid);
        house.world.answer_as_model(reply.clone());
        let _ = house.run(&mut line(&house, &started), ask("main")).await;
        assert_eq!(left(&house, pid).await, less(cost), "{reply:?}");
        house.purses_add_up();
        let house = house.crash(Tear::None);
        assert_eq!(left(&house, pid).await, less(cost), "{reply:?}");
        // Replayed, it costs nothing more; what did not start is asked again, and there is no answer to it.
        let _ = house.run(&mut house.resume(started.row.id).await, ask("main")).await;
        assert_eq!(left(&house, pid).await, less(cost), "{reply:?}");
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_cannot_be_paid_is_not_asked_until_it_can() {
    for (coin, missing) in COINS.into_iter().zip([1, 7, 34]) {
        let house = house();
        let pid = process(&house, r#"{"tool":"echo"}"#);
        fill(&house, pid, RESERVED);
        let all = RESERVED[COINS.iter().position(|other| *other == coin).unwrap()];
        house.kernel.change_purse(pid, &[], &[(coin, all - missing)]).unwrap();
        let started = quantum_of(&house, pid);
        let mut planner = line(&house, &started);
        let Err(Stop::Paused(why)) = house.run(&mut planner, ask("main")).await else { panic!("it was asked") };
        let least = if missing > 1 { format!("; N is at least {missing}") } else { String::new() };
        let want = format!(
            "too little is left of {coin} in the purse of {pid}: `libos budget {pid} --add {coin}=N` puts more in{least}"
        );
        assert_eq!(why, want);
        assert_eq!(row(&house, pid).await.state, State::Paused(why));
        drop(planner);
        house.kernel.hold_call(started.row.id);
        assert!(house.world.done().is_empty());
        house.purses_add_up();
        house.kernel.raise_budget(pid, coin, missing).unwrap();
        house.world.answer_as_model(counted(10, 4, 5));
        let mut again = house.resume(started.row.id).await;
        assert_eq!(words(&house.run(&mut again, ask("main")).await), "done");
        assert_eq!(left(&house, pid).await, [0, 117 - 15, RESERVED[2] - 64]);
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_leaves_open_stays_charged_once() {
    for plan in [Plan::CutBefore, Plan::CutWithin, Plan::CutAfter] {
        let house = house();
        let pid = process(&house, r#"{"tool":"echo"}"#);
        fill(&house, pid, FULL);
        let started = quantum_of(&house, pid);
        house.world.answer_as_model(counted(10, 4, 5));
        house.world.plan("model.ask", 1, plan.clone());
        let _ = house.run(&mut line(&house, &started), ask("main")).await;
        let house = house.crash(Tear::None);
        assert_eq!(left(&house, pid).await, less(RESERVED), "{plan:?}");
        let _ = house.run(&mut house.resume(started.row.id).await, ask("main")).await;
        assert_eq!(left(&house, pid).await, less(RESERVED), "{plan:?}");
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_childs_question_is_paid_from_the_purse_that_it_spends_from() {
    let amounts = COINS.into_iter().zip([2, 200, 2_000]).map(|(coin, amount)| Amount { coin, amount }).collect();
    for budget in [None, Some(amounts)] {
        let house = house();
        let parent = house.process();
        fill(&house, parent, FULL);
        let planner = Some(r#"{"tool":"echo"}"#.into());
        let has_own = budget.is_some();
        let options = ChildOptions { budget, planner, ..child(&["use model:main"]) };
        let pid = spawn(&house, &mut house.line_of(parent), options).await;
        let before = left(&house, parent).await;
        assert_eq!(before, if has_own { less([2, 200, 2_000]) } else { FULL });
        let started = quantum_of(&house, pid);
        house.world.answer_as_model(counted(10, 4, 5));
        let gate = house.world.block("model.ask", 1);
        let call = begin_and_drop(&house, line(&house, &started), ask("main"), &gate).await;
        let meanwhile = if has_own { [1, 83, 966] } else { less(RESERVED) };
        assert_eq!(left(&house, if has_own { pid } else { parent }).await, meanwhile);
        // What was not used comes to whoever has the purse then.
        house.kernel.signal(pid, Signal::Kill, "enough").unwrap();
        gate.open();
        ended(&house, call).await;
        assert_eq!(left(&house, parent).await, less([1, 15, 64]), "own purse: {has_own}");
        house.purses_add_up();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_a_person_found_not_to_have_gone_out_costs_nothing_and_is_asked_again() {
    for (done, cost, told) in [(false, [1, 15, 64], "done"), (true, RESERVED, "the answer is lost")] {
        let house = house();
        let pid = process(&house, r#"{"tool":"echo"}"#);
        fill(&house, pid, FULL);
        let started = quantum_of(&house, pid);
        house.world.answer_as_model(counted(1, 0, 1));
        house.world.plan("model.ask", 1, Plan::CutAfter);
        let _ = house.run(&mut line(&house, &started), ask("main")).await;
        let house = house.crash(Tear::None);
        assert_eq!(left(&house, pid).await, less(RESERVED));
        let effect = house.kernel.found_unknown()[0];
        house.kernel.settle(effect, done, "a person", None).unwrap();
        assert_eq!(left(&house, pid).await, less(if done { RESERVED } else { [0, 0, 0] }));
        house.world.answer_as_model(counted(10, 4, 5));
        let answer = house.run(&mut house.resume(started.row.id).await, ask("main")).await;
        assert!(words(&answer).contains(told), "{answer:?}");
        assert_eq!(left(&house, pid).await, less(cost));
        house.purses_add_up();
    }
}
