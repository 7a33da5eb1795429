//! Every variant of `Call`: refused and recorded without a grant, carried out and recorded with one.

use crate::sim::{House, MOUNT, done, words};
use libos_kernel::model::answer::Answer;
use libos_kernel::model::call::{Call, Class, ObjectOptions, Payload, Reply};
use libos_kernel::model::child::ChildOptions;
use libos_kernel::model::id::Pid;
use libos_kernel::model::record::{Decided, Outcome, Record};
use libos_kernel::model::view::ViewMode;
use libos_kernel::syscall::Line;

/// Rules under which every example works.
pub const ALL_RULES: [&str; 14] = [
    "allow execute shell:/usr/bin/**",
    "allow spawn,signal,wait process:**",
    "allow use image:*",
    "allow read,list,write,delete fs:workspace/**",
    "allow read,list,write,delete object:team",
    "allow ask,tell human:owner",
    "allow sleep clock:sleep",
    "allow call tool:*",
    "allow register tool:*",
    "allow register image:*",
    "allow create checkpoint:*",
    "allow read env:*",
    "allow message process:pid/*",
    "allow read,list,write,delete object:team/**",
];

/// What needs no right at all.
const FREE: [&str; 15] = [
    "fs.working-directory",
    "clock.now",
    "random.bytes",
    "log.write",
    "process.self",
    "process.exit",
    "process.children",
    "message.receive",
    "message.pending",
    "tools.propose",
    "tools.validate",
    "tools.list",
    "image.list",
    "tickets.next",
    "tickets.cancel",
];

/// An outside in which every example finds what it is about.
pub fn furnish(house: &House) {
    for name in ["notes.md", "gone.md", "old.md"] {
        house.world.put_file(&format!("{MOUNT}/{name}"), "first\nsecond\n");
    }
}

fn is_free(call: &Call) -> bool {
    let own = matches!(
        call,
        Call::ObjectCreate { .. }
            | Call::ObjectRead { .. }
            | Call::ObjectUpdate { .. }
            | Call::ObjectDelete { .. }
            | Call::ObjectList { .. }
            | Call::ObjectNamespaces { .. }
            | Call::ObjectRename { .. }
            | Call::ObjectLink { .. }
            | Call::ObjectUnlink { .. }
            | Call::ObjectLinks { .. }
            | Call::ObjectQuery { .. }
            | Call::ProcessExitWith { .. }
    );
    own || FREE.contains(&call.operation())
}

fn object(name: &str) -> Call {
    let options = ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    Call::ObjectCreate { name: name.into(), payload: Payload::Json("{}".into()), options }
}

/// A process that has nothing to do with the others, or, if there can be one, a child of the call's.
async fn other(house: &House, line: &mut Line, call: &Call, bystander: Pid) -> Pid {
    let Call::ProcessHandOver { .. } = call else { return bystander };
    let child = ChildOptions { image: Some("base".into()), ..ChildOptions::default() };
    match house.run(line, Call::ProcessSpawn { child }).await.as_deref() {
        Ok(Answer::Done(Reply::Pid(pid))) => *pid,
        _ => bystander,
    }
}

/// The call about that process.
fn about(call: &Call, other: Pid) -> Call {
    let mut call = call.clone();
    match &mut call {
        Call::ProcessSignal { pid, .. } | Call::ProcessHandOver { pid } => *pid = other.to_string(),
        Call::ProcessWait { pids, .. } => *pids = vec![other.to_string()],
        _ => {}
    }
    call
}

/// Of the examples those about tools of the process's own, in the order in which each finds what it is about.
fn tool_calls() -> Vec<Call> {
    Call::examples()
        .into_iter()
        .filter(|call| call.operation().starts_with("tools.") && !matches!(call, Call::ToolCall { .. }))
        .collect()
}

/// Runs one example; answers how it ended and its records.
async fn run(house: &House, call: &Call) -> (String, Vec<Record>) {
    furnish(house);
    // The first process is no kin of the second.
    let bystander = house.process();
    let mut line = house.line();
    for name in ["note", "gone"] {
        done(&house.run(&mut line, object(name)).await);
    }
    let link = Call::ObjectLink { from: "note".into(), relation: "supports".into(), to: "gone".into() };
    done(&house.run(&mut line, link).await);
    let other = other(house, &mut line, call, bystander).await;
    if let Call::ToolsValidate { .. } | Call::ToolsRegister { .. } | Call::ToolsUnregister { .. } = call {
        for before in tool_calls().into_iter().take_while(|before| before != call) {
            let _ = house.run(&mut line, before).await;
        }
    }
    if let Call::ObjectMerge { .. } = call {
        house.kernel.show_objects(other, Pid(2), ViewMode::CopyOnWrite, None).unwrap();
    }
    house.world.forget();
    let answer = house.run(&mut line, about(call, other)).await;
    let records = house.records_of(line.call()).await;
    let last = records.iter().map(|record| record.position).max().unwrap();
    (words(&answer), records.into_iter().filter(|record| record.position == last).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_every_call_is_refused_recorded_and_not_performed() {
    for call in Call::examples() {
        let house = House::new(&[]);
        let (ended, records) = run(&house, &call).await;
        let name = call.operation();
        // What needs no right and waits leaves a record of each end of its wait.
        let waits = is_free(&call) && call.class() == Class::Wait;
        assert_eq!(records.len(), 1 + usize::from(waits), "{name}: {records:?}");
        let record = &records[records.len() - 1];
        assert_eq!(record.operation, name);
        assert!(records[0].request.is_some() && record.answer.is_some(), "{name}: {record:?}");
        if is_free(&call) {
            assert_eq!(ended, "done", "{name}");
            assert_eq!(record.outcome, Outcome::Done, "{name}");
        } else {
            assert_eq!(ended, "denied", "{name}");
            assert_eq!(record.outcome, Outcome::Denied, "{name}");
            assert!(matches!(record.decided, Decided::Deny { rule: None, .. }), "{name}: {record:?}");
            assert_eq!(house.world.looks(), [""; 0], "{name} looked outside");
        }
        assert_eq!(house.world.done(), [""; 0], "{name} was performed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_grants_every_call_is_carried_out_and_recorded() {
    for call in Call::examples() {
        let house = House::new(&ALL_RULES);
        let (ended, records) = run(&house, &call).await;
        let name = call.operation();
        assert_eq!(ended, "done", "{name}");
        assert!(records.iter().any(|record| record.request.is_some()), "{name}: {records:?}");
        let outcomes: Vec<&Outcome> = records.iter().map(|record| &record.outcome).collect();
        let effects = house.world.done();
        match call.class() {
            Class::Observe | Class::Internal => {
                assert_eq!(outcomes, [&Outcome::Done], "{name}");
                assert_eq!(effects, [""; 0], "{name}");
            }
            Class::Effect => {
                assert_eq!(outcomes, [&Outcome::Intent, &Outcome::Done], "{name}");
                assert_eq!(records[1].parent, Some(records[0].seq), "{name}");
                assert!(records[0].effect.is_some() && records[0].effect == records[1].effect, "{name}");
                assert_eq!(effects.len(), 1, "{name}: {effects:?}");
            }
            Class::Wait => assert_eq!(outcomes, [&Outcome::Waiting, &Outcome::Done], "{name}"),
        }
        let allowed =
            records.iter().any(|record| matches!(&record.decided, Decided::Allow { grants } if !grants.is_empty()));
        assert_eq!(allowed, !FREE.contains(&name), "{name}: {records:?}");
    }
}

#[tokio::test]
async fn equal_refusals_of_one_call_are_one_record_with_a_count() {
    let house = House::new(&[]);
    let mut line = house.line();
    let read = || Call::FsRead { path: "secret".into() };
    for _ in 0..5 {
        assert_eq!(words(&house.run(&mut line, read()).await), "denied");
    }
    assert_eq!(words(&house.run(&mut line, Call::FsRead { path: "other".into() }).await), "denied");
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    let records = house.records().await;
    let denied: Vec<(u32, bool)> = records
        .iter()
        .filter(|record| record.outcome == Outcome::Denied)
        .map(|record| (record.count, record.position.is_some()))
        .collect();
    assert_eq!(denied, [(1, true), (1, true), (4, false)]);
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_recorded_and_answered_with_what_is_wrong() {
    let house = House::new(&ALL_RULES);
    let mut line = house.line();
    let rows = [
        (Call::FsRead { path: "../x".into() }, "leaves its mount"),
        (Call::FsRead { path: "a\0b".into() }, "NUL"),
        (Call::RandomBytes { count: 65_537 }, "too large"),
        (Call::ProcessExit { result: "{".into() }, "not JSON"),
        (object("a\u{202e}b"), "invisible"),
        (Call::ClockSleep { nanoseconds: u64::MAX }, "ten years"),
    ];
    for (position, (call, what)) in rows.into_iter().enumerate() {
        let ended = words(&house.run(&mut line, call).await);
        assert!(ended.contains(what), "{ended}, not {what}");
        let records = house.records_of(line.call()).await;
        let last = records.last().unwrap();
        assert_eq!(last.position, Some(position as u32));
        assert!(matches!(last.outcome, Outcome::Failed(_)), "{last:?}");
    }
    assert_eq!(house.world.looks(), [""; 0]);
}

#[tokio::test]
async fn a_refusal_says_the_same_of_what_exists_and_what_does_not() {
    let house = House::new(&["allow read fs:workspace/open/**"]);
    furnish(&house);
    let mut line = house.line();
    let mut told = Vec::new();
    for path in ["notes.md", "never-was.md"] {
        let answer = house.run(&mut line, Call::FsRead { path: path.into() }).await.unwrap();
        let Answer::Failed(error) = &*answer else { panic!("{path} was read") };
        told.push(error.to_string().replace(path, "*"));
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(house.world.looks(), [""; 0]);
}
