//! What the author of a tool tests with: `libos::testing`.

use libos::testing::{Ended, Stage, StageError};
use libos::{FailureReason, Reaction};
use libos_e2e::GUESTS;
use serde_json::json;
use std::time::Duration;

fn component(name: &str) -> &'static str {
    GUESTS.iter().find(|(known, _)| *known == name).unwrap().1
}

#[tokio::test]
async fn a_tool_is_tested_against_files_in_memory() -> Result<(), StageError> {
    let mut stage = Stage::new()
        .tool(component("word_count"))
        .file("notes/today.md", "three little words")
        .grant("read fs:workspace/**")
        .deny("read fs:workspace/secret/**")
        .file("secret/key", "no words");
    let outcome = stage.call("word_count", json!({ "path": "notes/today.md" })).await?;
    assert_eq!(outcome.result(), json!(3));
    assert!(outcome.was_allowed("fs.read", "fs:workspace/notes/today.md"));
    let outcome = stage.call("word_count", json!({ "path": "secret/key" })).await?;
    assert_eq!(outcome.failure().reason, FailureReason::Denied);
    assert!(outcome.was_denied("fs.read", "fs:workspace/secret/key"));
    assert!(!outcome.was_allowed("fs.read", "fs:workspace/secret/key"));
    assert_eq!(stage.files(), ["notes/", "notes/today.md", "secret/", "secret/key"]);
    Ok(())
}

#[tokio::test]
async fn answers_are_given_in_order_and_a_question_without_one_ends_the_call() -> Result<(), StageError> {
    let stage = || {
        Stage::new()
            .tool(component("two_writes"))
            .grant("read,write fs:workspace/**")
            .grant("tell human:owner")
            .ask("write fs:workspace/**")
    };
    let mut both = stage().answer(Reaction::allow()).answer(Reaction::allow());
    let outcome = both.call("two_writes", json!({})).await?;
    assert_eq!(outcome.result(), json!(["one", "two"]));
    assert!(outcome.was_asked("fs.write", "fs:workspace/second.txt"));
    assert_eq!(both.file_text("second.txt").as_deref(), Some("two"));

    let mut second_denied = stage().answer(Reaction::allow()).answer(Reaction::deny());
    let outcome = second_denied.call("two_writes", json!({})).await?;
    assert_eq!(outcome.failure().reason, FailureReason::Denied);
    assert_eq!(second_denied.files(), ["first.txt"]);

    let mut one = stage().answer(Reaction::allow());
    let outcome = one.call("two_writes", json!({})).await?;
    assert!(matches!(outcome.ended, Ended::Asks(_)), "{outcome:?}");
    assert_eq!(outcome.questions.len(), 2);
    Ok(())
}

#[tokio::test]
async fn only_the_test_moves_the_clock() -> Result<(), StageError> {
    let mut stage = Stage::new().tool(component("sleep_ms")).grant("sleep clock:sleep");
    let day = Duration::from_secs(86_400);
    let begun = stage.time();
    let outcome = stage.call("sleep_ms", json!({ "ms": day.as_millis() as u64 })).await?;
    assert_eq!(outcome.sleeps_until(), Some(begun.after(day)));
    let outcome = stage.advance(day / 2).await?;
    assert_eq!(outcome.sleeps_until(), Some(begun.after(day)));
    let outcome = stage.advance(day / 2).await?;
    outcome.result();
    assert_eq!(stage.time(), begun.after(day));
    assert!(stage.advance(day).await.unwrap_err().to_string().contains("no call sleeps"));
    stage.set_forward(day);
    assert_eq!(stage.time(), begun.after(2 * day));
    Ok(())
}

#[tokio::test]
async fn the_same_seed_gives_the_same_randomness() -> Result<(), StageError> {
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let mut stage = Stage::with_seed(seed).tool(component("std_clock")).grant("sleep clock:sleep");
        let mut outcome = stage.call("std_clock", json!({})).await?;
        while let Some(until) = outcome.sleeps_until() {
            outcome = stage.advance(until.since(stage.time())).await?;
        }
        drawn.push(outcome.result()["order"].clone());
    }
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
    Ok(())
}

#[tokio::test]
async fn a_stage_that_cannot_be_made_says_what_to_do() {
    let error = |stage: Stage| async move {
        let mut stage = stage;
        stage.call("x", json!({})).await.unwrap_err().to_string()
    };
    let rows = [
        (Stage::new().tool("target/none.wasm"), "cargo build --release --target wasm32-wasip2"),
        (Stage::new().tool(env!("CARGO_MANIFEST_PATH")), "it is not WebAssembly"),
        (Stage::new().grant("fly fs:a"), "the rule 'fly fs:a': 'fly' is no right"),
        (Stage::new().tool(component("noop")), "'x'"),
    ];
    for (stage, expected) in rows {
        let said = error(stage).await;
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn what_a_tool_logs_is_seen() -> Result<(), StageError> {
    let mut stage = Stage::new().tool(component("panics"));
    let outcome = stage.call("panics", json!({ "message": "on purpose" })).await?;
    assert_eq!(outcome.failure().reason, FailureReason::Trap);
    assert!(outcome.log_lines().iter().any(|line| line.contains("on purpose")), "{:?}", outcome.log);
    Ok(())
}
