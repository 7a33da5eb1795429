//! What is shown follows from events and times alone.

use super::*;
use libos_kernel::kernel::Below;
use libos_kernel::model::purse::Coin;

const LOOK: Look = Look { width: 72, coloured: false };

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn calls(pid: u64, call: u64, tool: &str, arguments: &str) -> Event {
    let (tool, arguments) = (tool.to_owned(), arguments.to_owned());
    Event::Happened(Happened::Calls { pid: Pid(pid), call: CallId(call), tool, arguments })
}

fn called(pid: u64, call: u64, tool: &str, failed: Option<&str>) -> Event {
    let (tool, failed) = (tool.to_owned(), failed.map(str::to_owned));
    Event::Happened(Happened::Called { pid: Pid(pid), call: CallId(call), tool, failed, milliseconds: 12 })
}

/// Takes events in, half a second apart; answers what stays.
fn watch(live: &mut Live, events: &[Event]) -> Vec<String> {
    let all = events.iter().enumerate();
    all.flat_map(|(index, event)| live.take(event, at(500 * index as u64), LOOK)).collect()
}

fn begin() -> Live {
    let mut live = Live::new("coding");
    live.take(&Event::Agent { pid: Pid(1), was_there: false }, at(0), LOOK);
    live
}

#[test]
fn what_has_ended_stays_as_a_line_and_what_runs_is_below() {
    let mut live = begin();
    let stay = watch(
        &mut live,
        &[
            calls(1, 2, "read_text_file", r#"{"path":"src/main.rs"}"#),
            calls(1, 3, "search_text", r#"{"pattern":"fn main"}"#),
            called(1, 2, "read_text_file", None),
            called(7, 9, "write_text_file", Some("denied: no rule allows it")),
        ],
    );
    assert_eq!(
        stay,
        ["✓ read_text_file path=src/main.rs  12 ms", "✗ p7 write_text_file  12 ms", "  denied: no rule allows it"]
    );
    assert_eq!(live.now(at(2_600), LOOK), ["p1 coding · step 1 · 2.6 s", "  ⠧ search_text pattern=\"fn main\"  2.1 s"]);
}

#[test]
fn it_says_what_is_waited_for_what_is_left_and_who_works_below() {
    let mut live = begin();
    let standing = Standing {
        steps: 4,
        left: [(Coin::Tokens, 81_200), (Coin::ToolCalls, 7)].into(),
        questions: vec![QuestionId(3)],
        below: vec![Below { pid: Pid(2), state: "running".into() }],
        below_count: 5,
        ..Standing::default()
    };
    live.take(&Event::AgentStands(standing.clone()), at(0), LOOK);
    live.pause();
    assert_eq!(
        live.now(at(65_000), LOOK),
        [
            "p1 coding · step 5 · 1:05 · left: 7 tool-calls, 81,200 tokens",
            "    waits for you: q3",
            "    below it: p2 running, and 4 more",
            "    pauses after this step; Ctrl-C again leaves at once",
        ]
    );
    let sleeping = Standing { questions: Vec::new(), until: Some("2026-01-01T00:00:00Z".into()), ..standing };
    live.take(&Event::AgentStands(sleeping), at(0), LOOK);
    // A question that was asked does not end what runs.
    live.take(&Event::AgentRests { pid: Pid(1), questions: Vec::new(), paused: Vec::new() }, at(0), LOOK);
    assert!(live.now(at(0), LOOK).join("\n").contains("sleeps until 2026-01-01"));
}

#[test]
fn a_model_that_is_asked_is_shown_and_only_its_failure_stays() {
    let mut live = begin();
    let thinks = Event::Happened(Happened::Thinks { pid: Pid(1), model: "default".into() });
    let thought = |failed: Option<&str>| {
        Event::Happened(Happened::Thought { pid: Pid(1), failed: failed.map(str::to_owned), milliseconds: 1_500 })
    };
    assert!(watch(&mut live, std::slice::from_ref(&thinks)).is_empty());
    assert!(live.now(at(3_000), LOOK)[1].ends_with("asks the model default  3.0 s"));
    assert_eq!(watch(&mut live, &[thought(None)]), Vec::<String>::new());
    assert_eq!(watch(&mut live, &[thinks, thought(Some("no answer"))]), ["✗ model default  1.5 s", "  no answer"]);
    assert_eq!(live.now(at(0), LOOK).len(), 1);
}

#[test]
fn no_line_is_wider_than_the_terminal_and_nothing_of_a_guest_is_obeyed() {
    let evil = "\u{1b}]0;x\u{7}\u{202e}\r\n".repeat(30);
    let mut live = Live::new(&evil);
    live.take(&Event::Agent { pid: Pid(1), was_there: false }, at(0), LOOK);
    let note = Event::Happened(Happened::Note { pid: Pid(2), text: evil.clone() });
    let thinks = Event::Happened(Happened::Thinks { pid: Pid(1), model: evil.clone() });
    let many = (2..9).map(|call| calls(1, call, &evil, &evil));
    let ends = called(1, 8, &evil, Some(&evil));
    let standing =
        Standing { below: vec![Below { pid: Pid(2), state: evil.clone() }], below_count: 1, ..Standing::default() };
    let events: Vec<Event> = many.chain([note, ends, thinks, Event::AgentStands(standing)]).collect();
    for width in [0, 1, 20, 72] {
        let look = Look { width, ..LOOK };
        let mut shown: Vec<String> = events.iter().flat_map(|event| live.take(event, at(0), look)).collect();
        let below = live.now(at(0), look);
        assert!(width < 20 || below.iter().all(|line| line.chars().count() <= width), "{width}: {below:#?}");
        assert!(below.iter().any(|line| line.contains("more")) || width < 20);
        shown.extend(below);
        for line in &shown {
            assert!(!line.contains(|character: char| character.is_control() || character == '\u{202e}'), "{line}");
        }
    }
}

#[test]
fn colours_are_there_only_where_they_are_wanted() {
    let shown = |coloured| {
        let look = Look { coloured, ..LOOK };
        let mut live = begin();
        live.take(&calls(1, 2, "echo", "{}"), at(0), look);
        let mut lines = live.now(at(0), look);
        lines.extend(live.take(&called(1, 2, "echo", Some("x")), at(0), look));
        lines.join("\n").contains('\x1b')
    };
    assert!(shown(true) && !shown(false));
}

#[test]
fn plain_lines_say_the_same_and_what_a_model_answered_is_no_line() {
    let told = |event: Event| match event {
        Event::Happened(happened) => plain(&happened),
        other => panic!("{other:?}"),
    };
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(500));
    assert!(told(calls(1, 2, "echo", &long))[0].len() < 150);
    assert_eq!(told(called(1, 2, "echo", None)), ["p1 c2 echo done, 12 ms"]);
    assert_eq!(told(called(1, 2, "echo", Some("no"))), ["p1 c2 echo failed: no"]);
    let thought = Happened::Thought { pid: Pid(1), failed: None, milliseconds: 1 };
    assert!(plain(&thought).is_empty());
    let says = Happened::Says { pid: Pid(1), text: "one\n\u{1b}two".into() };
    assert_eq!(plain(&says), ["p1 says: one", "p1 says: \u{1b}two"]);
    assert_eq!(begin().take(&Event::Happened(says), at(0), LOOK), ["▌ one", "▌ \\u{1b}two"]);
}
