//! The text of a history: it is read back to the bit, and what is no history is refused with the line and the reason.

use super::*;
use crate::model::answer::{CallError, Denial};
use crate::model::call::{Approval, Called, Entry, EntryKind, Identity, Payload, Stat};
use crate::model::child::{ChildInfo, End as ChildEnd, EndedChild};
use crate::model::id::{EffectId, MessageId};
use crate::model::limit;
use crate::model::message::{Message, MessageKind};
use crate::model::right::Right;
use serde_json::json;

fn start(arguments: &str) -> Start {
    Start {
        tool: "act".into(),
        export: "act".into(),
        component: [3; 32],
        script: None,
        image: Some("base".into()),
        arguments: arguments.into(),
        limits: CallLimits::default(),
        seed: [4; 32],
        started: Time(1_795_305_600_000_000_001),
        resumes: 1,
    }
}

fn info() -> ObjectInfo {
    ObjectInfo {
        name: "team/a".into(),
        object_type: "note".into(),
        version: 2,
        immutable: false,
        title: "t".into(),
        tags: vec!["x".into()],
        size: 2,
        created: Time(1),
        updated: Time(u64::MAX),
        created_by: Pid(3),
        written_by: CallId(4),
        changed: 0,
        sources: vec!["team/b".into()],
        unseen: None,
    }
}

fn message() -> Message {
    Message {
        id: MessageId(4),
        from: Pid(2),
        kind: MessageKind::Interrupt,
        channel: "work".into(),
        correlation: Some("é".into()),
        body: "{ }".into(),
        sent: Time(u64::MAX),
    }
}

/// Every reply and every error.
fn answers() -> Vec<Answer> {
    let stat = Stat { kind: EntryKind::Link, size: 3, modified: Time(7) };
    let replies = [
        Reply::Unit,
        Reply::Bytes(b"text \"\n\x1b".to_vec()),
        Reply::Bytes(vec![0xff, 0, 0xfe]),
        Reply::Entries(vec![Entry { name: "a".into(), stat }]),
        Reply::Stat(stat),
        Reply::Text("é".into()),
        Reply::Info(info()),
        Reply::Object(info(), Payload::Json("{ }".into())),
        Reply::Object(info(), Payload::Bytes(vec![0xff])),
        Reply::Infos(vec![info()]),
        Reply::Names(vec!["n".into()]),
        Reply::Time(Time(5)),
        Reply::Approval(Approval::Never),
        Reply::Identity(Identity {
            pid: Pid(1),
            parent: None,
            image: "base".into(),
            call: CallId(2),
            tool: "act".into(),
        }),
        Reply::Pid(Pid(4)),
        Reply::EndedChild(None),
        Reply::EndedChild(Some(EndedChild {
            pid: Pid(4),
            end: ChildEnd::Exited("{ }".into()),
            result_object: Some("process/4/a".into()),
        })),
        Reply::Children(vec![ChildInfo {
            pid: Pid(4),
            state: "paused".into(),
            why: Some("p1".into()),
            image: "base".into(),
            goal: None,
            created: Time(3),
        }]),
        Reply::Message(None),
        Reply::Message(Some(message())),
        Reply::Sent(MessageId(4)),
        Reply::Count(u64::MAX),
        Reply::Variable(None),
        Reply::Variable(Some("C.UTF-8".into())),
        Reply::Ticket(Some(3)),
        Reply::GivenUp(true),
    ];
    let text = || "why".to_owned();
    let errors = [
        CallError::Denied(Denial { right: Right::Write, resource: text(), reason: text() }),
        CallError::NotFound(text()),
        CallError::AlreadyExists(text()),
        CallError::WrongKind(text()),
        CallError::NotEmpty(text()),
        CallError::Conflict(9),
        CallError::TooLarge(text()),
        CallError::Invalid(text()),
        CallError::OutcomeUnknown(EffectId(7)),
        CallError::Io(text()),
        CallError::Interrupted(text()),
        CallError::Internal,
    ];
    replies.into_iter().map(Answer::Done).chain(errors.into_iter().map(Answer::Failed)).collect()
}

/// Every call once and every answer once, with a call within a call.
fn whole() -> History {
    let mut answers = answers().into_iter().cycle();
    let mut imports: Vec<Import> = Call::examples()
        .into_iter()
        .map(|call| Import { call, answered: answers.next().map(|answer| (Time(9), answer)), nested: None })
        .map(Import::without_strangers)
        .collect();
    let bytes = Call::FsAppend { path: "b".into(), content: vec![0x80] };
    imports.push(Import { call: bytes, answered: Some((Time(10), Answer::Done(Reply::Unit))), nested: None });
    let inner = History { start: start("[1.50]"), imports: imports[..3].to_vec(), end: End::Done("{\"a\":1}".into()) };
    imports.push(Import {
        call: Call::ToolCall { tool: "act".into(), arguments: "[1.50]".into() },
        answered: Some((Time(11), Answer::Done(Reply::Called(Called::Done("{\"a\":1}".into()))))),
        nested: Some(Box::new(inner)),
    });
    let end = Failure { reason: FailureReason::Trap, message: "x".into(), import: Some("fs.read".into()) };
    History { start: start("{\"b\": 1, \"a\": 2e400}"), imports, end: End::Failed(end) }
}

#[test]
fn a_history_is_read_back_to_the_bit() {
    let history = whole();
    let text = write(&history);
    assert_eq!(read(&text), Ok(history));
    for (arguments, end) in [
        ("null", End::Done("null".into())),
        ("{\n}", End::Done(" 1".into())),
        ("no json", End::Done("{\"a\":\n1}".into())),
        ("", End::Cancelled("a person".into())),
    ] {
        let history = History { start: start(arguments), imports: Vec::new(), end };
        let text = write(&history);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert_eq!(read(&text), Ok(history), "{text}");
        assert_eq!(write(&read(&text).unwrap()), text);
    }
}

#[test]
fn a_request_reads_as_what_the_import_is_called() {
    for call in Call::examples() {
        let text = serde_json::to_value(&call).unwrap();
        let name = text.as_str().or_else(|| text.as_object()?.keys().next().map(String::as_str));
        assert_eq!(name, Some(call.operation()));
    }
}

/// A text in which `old` is `new`, and what the reader says to it.
#[track_caller]
fn check(old: &str, new: &str, line: usize, why: &str) {
    let text = write(&whole());
    assert!(text.contains(old), "{old}");
    let broken = read(&text.replacen(old, new, 1)).unwrap_err();
    assert!(broken.line == line && broken.why.contains(why), "{old} -> {new}: {broken}");
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    check("libos-call", "other", 1, "the format is 'other'");
    check("\"version\":1", "\"version\":2", 1, "the version of the format is 2");
    check("runtime@0.1.0", "runtime@9.0.0", 1, "the call is of the world 'libos:runtime@9.0.0'");
    check("\"tool\":\"act\"", "\"tool\":1", 1, "column");
    check("\"resumes\":1", "\"resumes\":1,\"more\":1", 1, "unknown field");
    check("\"memory_bytes\":268435456", "\"memory_bytes\":99999999999", 1, "the limit memory_bytes is 99999999999");
    check("\"imports\":100000", "\"imports\":4", 6, "may make 4 imports only");
    check("\"seed\":\"0404", "\"seed\":\"0G04", 1, "is no digest");
    check("\"arguments\":", "\"arguments-text\":\"\",\"arguments\":", 1, "either");
    check("\"position\":1,", "\"position\":2,", 3, "the import at position 1 is expected, this is 2");
    check("\"path\":\"notes.md\"", "\"path\":\"other.md\"", 2, "the line was changed");
    check("\"digest\":\"", "\"digest\":\"ff", 2, "is no digest");
    check("{\"base64\":\"/wD+\"}", "{\"base64\":\"/wD\"}", 4, "this is no base64");
    check("{\"base64\":\"/wD+\"}", "{\"base64\":\"YQ==\"}", 4, "as a string");
    check(",\"time\":\"1970", ",\"times\":\"1970", 2, "unknown field");
    check("{\"import\"", "{\"imports\"", 2, "unknown variant");
    check("{\"import\"", "nonsense", 2, "column");
    check(
        "\"called\":{\"done\":\"{",
        "\"called\":{\"done\":\"[{",
        Call::examples().len() + 8,
        "is not how the call that stands before it ended",
    );
    for (text, line, why) in [
        ("".to_owned(), 1, "is empty"),
        ("{}".to_owned(), 1, "no exported call"),
        ("[".repeat(100_000), 1, "no exported call"),
        (write(&whole()).lines().take(5).collect::<Vec<_>>().join("\n"), 5, "ends before the call does"),
        (write(&whole()).repeat(2), Call::examples().len() + 10, "follows the end"),
        (format!("{}\n", write(&whole()).lines().next().unwrap()).repeat(10), 10, "at most 8 deep"),
    ] {
        let broken = read(&text).unwrap_err();
        assert!(broken.line == line && broken.why.contains(why), "{broken}");
    }
}

#[test]
fn a_history_with_a_changed_byte_is_refused() {
    let text = write(&whole());
    for at in (0..text.len()).step_by(3) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(read(&changed).is_err(), "byte {at}: {}", &changed[at.saturating_sub(40)..at + 10]);
    }
}

#[test]
fn differences_are_told_field_by_field() {
    let found = differences(
        &json!({"a": [1, {"b": "x"}], "c": 1, "e": {}}),
        &json!({"a": [1, {"b": "y"}, 3], "d": 2, "e": {}}),
    );
    let told: Vec<_> =
        found.iter().map(|field| (field.field.as_str(), field.recorded.clone(), field.made.clone())).collect();
    assert_eq!(
        told,
        [
            ("a[1].b", Some(json!("x")), Some(json!("y"))),
            ("a[2]", None, Some(json!(3))),
            ("c", Some(json!(1)), None),
            ("d", None, Some(json!(2))),
        ]
    );
    assert_eq!(differences(&json!(1), &json!(1)), []);
    assert_eq!(differences(&json!(vec![0; 1_000]), &json!(vec![1; 1_000])).len(), 20);
}

#[test]
fn what_a_clock_or_a_person_ended_is_cut() {
    let failed = |reason, message: &str| End::Failed(Failure { reason, message: message.into(), import: None });
    for (end, cut) in [
        (End::Done("1".into()), false),
        (End::Cancelled("x".into()), true),
        (failed(FailureReason::Limit, "wall-time: long"), true),
        (failed(FailureReason::Limit, "memory: much"), false),
        (failed(FailureReason::Failed, "wall-time: said by the tool"), false),
        (failed(FailureReason::Fault, "journal-full: x"), true),
        (failed(FailureReason::Trap, "the tool panicked"), false),
    ] {
        assert_eq!(History { start: start("1"), imports: Vec::new(), end: end.clone() }.is_cut(), cut, "{end:?}");
    }
}

#[test]
fn what_was_submitted_may_be_open_when_a_call_ends_and_is_told_by_nothing() {
    let import = |call, answered| Import { call, answered, nested: None };
    let told = |ticket| Some((Time(2), Answer::Done(Reply::Ticket(Some(ticket)))));
    let with = |imports| History { start: start("1"), imports, end: End::Cancelled("x".into()) };
    let open = || import(Call::ClockSleep { nanoseconds: 1 }, None);
    let next = |answered| import(Call::TicketNext, answered);
    let now = || import(Call::ClockNow, Some((Time(1), Answer::Done(Reply::Time(Time(1))))));
    let whole = with(vec![open(), now(), open(), next(told(1)), next(None)]);
    assert_eq!(read(&write(&whole)), Ok(whole));
    for (imports, line, why) in [
        (vec![open(), next(None), now()], 4, "an import follows one that was never answered"),
        (vec![open(), next(told(0))], 3, "the answer of ticket 0, which has none"),
        (vec![next(told(7))], 2, "the answer of ticket 7, which has none"),
        ((0..limit::TICKETS_OPEN_MAX + 2).map(|_| open()).collect(), limit::TICKETS_OPEN_MAX + 3, "never answered"),
    ] {
        let broken = read(&write(&with(imports))).unwrap_err();
        assert!(broken.line == line && broken.why.contains(why), "{broken}");
    }
}
