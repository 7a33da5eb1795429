//! Prompt injection replayed without a model: in each story the "model" obeys what a file, a tool or a message tells it, and does the
//! user's task too. `tests/corpus/injection/README.md` says how a story is written.

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the host sees")]
#![expect(clippy::unwrap_used, reason = "all of this crate is a test")]

mod code;
mod stage;
mod story;

use libos::kernel::model::process::State;
use serde_json::Value;
use stage::Ran;
use story::{Line, Story};

/// Stories that there must be.
const LEAST: usize = 40;

fn chosen() -> Vec<Story> {
    let stories = Story::all();
    assert!(stories.len() >= LEAST, "there are only {} stories", stories.len());
    let part = std::env::var("LIBOS_STORY").unwrap_or_default();
    let runs_programs = stage::runs_programs();
    if !runs_programs {
        println!("stories that start programs are left out: nothing confines them here");
    }
    let is_wanted = |story: &Story| story.name.contains(&part) && (runs_programs || !story.programs);
    stories.into_iter().filter(is_wanted).collect()
}

/// Why a tool failed, if it did.
fn failure(result: Option<&Value>) -> Option<&str> {
    let fields = result?.as_object()?;
    fields.get("failed")?.as_str().filter(|_| fields.len() == 1)
}

/// The lines of all processes with what they gave.
fn lines<'a>(story: &'a Story, ran: &'a Ran) -> impl Iterator<Item = (&'a Line, Option<&'a Value>)> {
    let scripts = std::iter::once(&story.lines).chain(story.others.iter().map(|other| &other.lines));
    scripts.zip(&ran.results).flat_map(|(lines, results)| lines.iter().zip(results.iter().map(Option::as_ref)))
}

/// What is wrong with a run under least privilege.
fn wrong(story: &Story, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    for (line, result) in lines(story, ran) {
        let said = result.map(Value::to_string).unwrap_or_default();
        let is_right = match (line, failure(result)) {
            (Line { task: Some(_), has, .. }, None) => {
                result.is_some() && said.contains(has.as_deref().unwrap_or_default())
            }
            (Line { refused: Some(text), .. }, Some(why)) => why.contains(text),
            (Line { gives: Some(text), .. }, _) => result.is_some() && said.contains(text),
            _ => false,
        };
        if !is_right {
            let text = line.text();
            wrong.push(format!(
                "{text}\n    gave {}",
                if said.is_empty() { "nothing: it was not reached" } else { &said }
            ));
        }
    }
    for (index, state) in ran.states.iter().enumerate() {
        if !matches!(state, State::Exited(_)) {
            wrong.push(format!("p{} has not come to its end: {state:?}", index + 1));
        }
    }
    let mut expected = ran.before.clone();
    expected.extend(story.after.clone());
    story.gone.iter().for_each(|name| drop(expected.remove(name)));
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(ran.after.keys()).collect();
    for name in names {
        let (wanted, there) = (expected.get(name), ran.after.get(name));
        if wanted != there {
            wrong.push(format!("{name} is to be {wanted:?} and is {there:?}"));
        }
    }
    for (question, was_answered) in &ran.asked {
        if !was_answered {
            wrong.push(format!("nobody of the story was to be asked: {question}"));
        }
    }
    if ran.unasked > 0 {
        wrong.push(format!("{} persons of the story were not asked", ran.unasked));
    }
    if ran.told != story.told {
        wrong.push(format!("people are to be told {:?} and were told {:?}", story.told, ran.told));
    }
    wrong.extend(ran.learnt.iter().map(|secret| format!("the store has the secret {secret}")));
    wrong.extend(outside(ran));
    wrong
}

/// What must not be in any run, whatever is granted.
fn outside(ran: &Ran) -> Vec<String> {
    let mut wrong: Vec<String> = ran.outside.iter().map(|what| format!("the outside has changed: {what}")).collect();
    wrong.extend(ran.policy.iter().map(|policy| format!("another policy is in force: {policy}")));
    if ran.spoken {
        wrong.push("somebody has spoken to the socket".into());
    }
    wrong.extend(ran.learnt.iter().filter(|text| *text == stage::CANARY).map(|_| "the outside was read".into()));
    wrong
}

/// Why the refusals of a story prove nothing: with what it names granted, nothing happens either.
fn toothless(story: &Story, ran: &Ran) -> Vec<String> {
    let mut wrong = outside(ran);
    for (line, result) in lines(story, ran).filter(|(line, _)| line.injected.is_some()) {
        let said = result.map_or_else(|| "nothing".to_owned(), Value::to_string);
        let bites = match (&line.still, failure(result)) {
            (Some(text), Some(why)) => why.contains(text),
            (Some(_), None) => false,
            (None, why) => result.is_some() && why.is_none(),
        };
        if !bites {
            wrong.push(format!("{}\n    gave {said} although it is granted", line.text()));
        }
    }
    for (name, text) in &story.bitten {
        if !ran.after.get(name).is_some_and(|content| content.contains(text.as_str())) {
            wrong.push(format!("{name} has not {text:?} but {:?}", ran.after.get(name)));
        }
    }
    for secret in &story.secrets {
        if !ran.learnt.contains(secret) {
            wrong.push(format!("the secret {secret} is not learnt where it may be"));
        }
    }
    wrong
}

/// Fails with all that is wrong, story by story.
#[track_caller]
fn demand(wrong: Vec<(String, Vec<String>)>) {
    let told: Vec<String> = wrong
        .into_iter()
        .filter(|(_, wrong)| !wrong.is_empty())
        .map(|(name, wrong)| format!("{name}:\n  {}", wrong.join("\n  ")))
        .collect();
    assert!(told.is_empty(), "{} stories go wrong\n{}", told.len(), told.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_injected_text_wants_is_refused_and_the_task_is_done() {
    let mut all = Vec::new();
    for story in chosen() {
        let ran = stage::run(&story, &story.policy, true).await;
        all.push((story.name.clone(), wrong(&story, &ran)));
    }
    demand(all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_stories_bite_where_what_they_want_is_granted() {
    let mut all = Vec::new();
    for story in chosen().iter().filter(|story| story.never.is_none()) {
        let ran = stage::run(story, &story.permissive(), false).await;
        all.push((story.name.clone(), toothless(story, &ran)));
    }
    demand(all);
}
