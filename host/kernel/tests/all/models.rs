//! Models that a planner asks: what is asked once is asked once, whatever becomes of the host; what it costs is charged to the token.

use crate::dropping::{begin_and_drop, ended};
use crate::quanta::{begin, process};
use crate::sim::{House, Plan, Tear, done, words};
use libos_kernel::kernel::Started;
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, CallError};
use libos_kernel::model::ask::Tokens;
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::id::Pid;
use libos_kernel::model::record::Outcome;
use libos_kernel::model::row::EffectState;
use libos_kernel::syscall::Line;
use libos_kernel::world::{ModelAnswer, ModelTrouble};
use std::sync::Arc;
use tokio::task::JoinSet;

const RULES: [&str; 1] = ["allow use model:main"];

pub fn ask(profile: &str) -> Call {
    Call::ModelAsk { profile: profile.into(), request: r#"{"messages":[{"user":"Hello."}],"tokens_max":100}"#.into() }
}

fn says(text: &str) -> Result<ModelAnswer, ModelTrouble> {
    let tokens = Some(Tokens { input: 10, cached_input: 4, output: 5 });
    Ok(ModelAnswer { reply: format!("{{\"text\":{text:?}}}"), tokens })
}

/// A quantum whose planner asks.
fn quantum(house: &House) -> Started {
    quantum_of(house, process(house, r#"{"tool":"echo"}"#))
}

/// The next quantum of a process, whose planner asks.
pub fn quantum_of(house: &House, pid: Pid) -> Started {
    begin(house, pid)
}

pub fn line(house: &House, started: &Started) -> Line {
    Line::new(Arc::clone(&house.kernel), started)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_planner_with_the_right_asks_a_model() {
    let house = House::new(&RULES);
    let mut tool = house.line();
    assert!(words(&house.run(&mut tool, ask("main")).await).contains("only a planner"));
    let mut planner = line(&house, &quantum(&house));
    house.world.answer_as_model(says("Hi."));
    for (profile, want) in
        [("other", "denied"), ("a/b", "invalid: a model profile's name has no '/'"), ("main", "done")]
    {
        assert_eq!(words(&house.run(&mut planner, ask(profile)).await), want, "{profile}");
    }
    let nonsense = Call::ModelAsk { profile: "main".into(), request: "{}".into() };
    assert!(words(&house.run(&mut planner, nonsense).await).contains("no request to a model"));
    assert_eq!(house.world.done().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_a_model_is_recorded_and_replayed() {
    let house = House::new(&RULES);
    house.world.answer_as_model(says("Hi."));
    let started = quantum(&house);
    let answer = house.run(&mut line(&house, &started), ask("main")).await;
    assert_eq!(done(&answer), &Reply::Model(r#"{"text":"Hi."}"#.into()));
    let records = house.records_of(started.row.id).await;
    let outcomes: Vec<_> = records.iter().map(|record| (&*record.operation, record.outcome.clone())).collect();
    assert_eq!(outcomes, [("model.ask", Outcome::Intent), ("model.ask", Outcome::Done)]);
    assert_eq!(records[0].resources, ["model:main"]);
    let house = house.crash(Tear::None);
    let mut again = house.resume(started.row.id).await;
    assert_eq!(house.run(&mut again, ask("main")).await.unwrap(), answer.unwrap());
    assert_eq!(house.world.done().len(), 1, "it was asked once");
}

/// What the guest is told, and what became of the effect, for everything that can happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_asking_fails_says_whether_it_can_be_asked_again() {
    for (trouble, outcome, told) in [
        (ModelTrouble::NotStarted("no line".into()), Outcome::NotStarted, "the outside failed: no line"),
        (ModelTrouble::Unknown("cut".into()), Outcome::Unknown, "nobody knows whether effect e1 happened"),
        (
            ModelTrouble::Useless("nonsense".into()),
            Outcome::Failed("the outside failed: nonsense".into()),
            "the outside failed: nonsense",
        ),
    ] {
        let house = House::new(&RULES);
        let started = quantum(&house);
        house.world.answer_as_model(Err(trouble.clone()));
        assert_eq!(words(&house.run(&mut line(&house, &started), ask("main")).await), told);
        let records = house.records_of(started.row.id).await;
        assert_eq!(records.last().unwrap().outcome, outcome, "{trouble:?}");
        let unknown = View(&house.snapshot()).unknown_effects().unwrap();
        assert_eq!(unknown.len(), usize::from(outcome == Outcome::Unknown), "{trouble:?}");
        let why = format!("{:?}", records.last().unwrap());
        assert!(["no line", "cut", "nonsense"].iter().any(|word| why.contains(word)), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_dies_while_a_model_is_asked_never_asks_again() {
    for plan in [Plan::CutBefore, Plan::CutWithin, Plan::CutAfter] {
        let house = House::new(&RULES);
        let started = quantum(&house);
        house.world.answer_as_model(says("Hi."));
        house.world.plan("model.ask", 1, plan.clone());
        let _ = house.run(&mut line(&house, &started), ask("main")).await;
        let house = house.crash(Tear::None);
        let asked = house.world.done().len();
        let mut again = house.resume(started.row.id).await;
        let answer = house.run(&mut again, ask("main")).await.unwrap();
        assert!(matches!(*answer, Answer::Failed(CallError::OutcomeUnknown(_))), "{plan:?} {answer:?}");
        assert_eq!(house.world.done().len(), asked, "{plan:?}");
        let effects = View(&house.snapshot()).effects().unwrap();
        assert_eq!(effects.iter().map(|row| row.state).collect::<Vec<_>>(), [EffectState::Unknown], "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_to_its_end_without_its_planner() {
    let house = House::new(&RULES);
    let started = quantum(&house);
    house.world.answer_as_model(says("Hi."));
    let gate = house.world.block("model.ask", 1);
    let call = begin_and_drop(&house, line(&house, &started), ask("main"), &gate).await;
    gate.open();
    let records = ended(&house, call).await;
    assert_eq!(records.last().unwrap().outcome, Outcome::Done);
    let mut again = house.resume(call).await;
    assert_eq!(words(&house.run(&mut again, ask("main")).await), "done");
    assert_eq!(house.world.done().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_model_takes_nobodys_turn() {
    let house = House::new(&RULES);
    let [first, second] = [(); 2].map(|()| process(&house, r#"{"tool":"echo"}"#));
    assert_eq!(house.kernel.next_ready(1), Some(first));
    let started = begin(&house, first);
    assert_eq!(house.kernel.next_ready(1), None, "one runs, and no more may");
    house.world.answer_as_model(says("Hi."));
    let gate = house.world.block("model.ask", 1);
    let mut planner = line(&house, &started);
    let mut asking = JoinSet::new();
    asking.spawn(async move { (planner.run(ask("main")).await, planner) });
    gate.reached().await;
    assert!(house.kernel.progress(first).runs, "it goes on by itself");
    assert_eq!(house.kernel.next_ready(1), Some(second));
    house.kernel.put_back(second);
    gate.open();
    assert_eq!(words(&asking.join_next().await.unwrap().unwrap().0), "done");
    assert_eq!(house.kernel.next_ready(1), None, "it runs again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_is_asked_sees_the_model_and_the_last_words() {
    let house = House::new(&["ask use model:main"]);
    house.world.answer_as_model(says("Hi."));
    let started = quantum(&house);
    let call = house.park(line(&house, &started), ask("main")).await;
    house.kernel.barrier().await.unwrap();
    let shown = libos_kernel::model::preview::question(&house.question(house.asked(call))).join("\n");
    for part in [
        "use model:main",
        "sends a model 1 messages, 49 bytes",
        "its last words are Hello.",
        "the model is main-1 at https://model.example/v1",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    house.end_wait(call, &crate::sim::Clerk::default()).await.unwrap();
    let mut again = house.resume(call).await;
    assert_eq!(words(&house.run(&mut again, ask("main")).await), "done");
    assert_eq!(house.world.done().len(), 1);
}
