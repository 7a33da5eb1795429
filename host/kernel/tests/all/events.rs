//! Events: every record is one of a known kind.

use crate::sim::{House, words};
use libos_kernel::model::call::{Call, ObjectOptions, Payload};
use libos_kernel::model::event::{Event, Kind};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Texts that look like operations and are none.
const NO_OPERATIONS: &[&str] = &["store.redb", "store.new-"];

/// The texts in a source that look like operations: `"word.word"`.
fn operations(text: &str, found: &mut BTreeSet<String>) {
    let source = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let quoted = line.split('"').skip(1).step_by(2);
        let like = quoted.filter(|word| word.split_once('.').is_some_and(|(a, b)| is_word(a) && is_word(b)));
        found.extend(like.map(str::to_owned));
    }
}

#[expect(clippy::disallowed_methods, reason = "it reads the sources that it is built from")]
fn walk(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            operations(&fs::read_to_string(&path).unwrap(), found);
        }
    }
}

#[test]
fn every_operation_that_the_kernel_records_is_of_one_known_kind() {
    let mut found = BTreeSet::new();
    for part in ["kernel", "store", "syscall"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part), &mut found);
    }
    // The walk finds what is known to be there.
    for known in ["call.start", "host.witness-failed", "question.expire", "host.settle", "host.unsigned"] {
        assert!(found.contains(known), "{known}: {found:?}");
    }
    let unknown: Vec<&String> = found
        .iter()
        .filter(|word| !NO_OPERATIONS.contains(&word.as_str()))
        .filter(|word| Kind::of_operation(word).is_none())
        .collect();
    assert!(unknown.is_empty(), "give these a kind in model/event.rs: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_story_is_told_in_the_order_of_its_records() {
    let house = House::new(&["ask write fs:workspace/**", "allow sleep clock:sleep"]);
    let pid = house.process();
    let mut line = house.line_of(pid);
    let call = line.call();
    let options = ObjectOptions { object_type: "note".into(), ..ObjectOptions::default() };
    for call in [
        Call::ObjectCreate { name: "a".into(), payload: Payload::Json("1".into()), options },
        Call::FsRead { path: "none".into() },
        Call::ClockSleep { nanoseconds: 5 },
        Call::FsWrite {
            path: "x".into(),
            content: b"x".to_vec(),
            mode: libos_kernel::model::call::WriteMode::CreateOrReplace,
        },
    ] {
        let answer = house.run(&mut line, call).await;
        assert!(["done", "denied"].contains(&words(&answer).as_str()));
    }
    house.kernel.end_call(call, Ok("null".into())).unwrap();
    let events: Vec<Event> = house.records().await.iter().map(Event::of).collect();
    assert!(events.iter().all(|event| event.kind != Kind::Other), "{events:?}");
    assert!(events.iter().enumerate().all(|(place, event)| event.seq == place as u64));
    let of_call = events.iter().filter(|event| event.call == Some(call)).map(|event| event.kind.word());
    assert_eq!(
        of_call.collect::<Vec<_>>(),
        [
            "call.started",
            "object.created",
            "operation.denied",
            "wait.began",
            "wait.ended",
            "question.asked",
            "question.answered",
            "effect.prepared",
            "file.written",
            "call.ended"
        ]
    );
}
