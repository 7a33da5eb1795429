//! One question, and every way in which a provider can answer it.

use crate::support::{Outcome, ask, request};
use libos_model::error::Phase;
use libos_model::{Answer, Failure, Finish, Flaw, Started, Usage};
use libos_provider::{
    Step, Turn, called, chunk, done, events, finished, head, json, responses_completed, status, text, used,
};
use serde_json::json;
use std::time::Duration;

fn with(mut turn: Turn, steps: impl IntoIterator<Item = Step>) -> Turn {
    turn.extend(steps);
    turn
}

/// The text "ok", whole.
pub fn good() -> Turn {
    with(events(&[text("o"), text("k"), finished("stop"), used(11, 5, 7)]), [done()])
}

fn said(answer: &Answer) -> (&str, usize, usize) {
    (&answer.reply.text, answer.reply.calls.len(), answer.reply.flaws.len())
}

/// Chat Completions.
const CHAT: &str = "";

#[tokio::test]
// long: rows of one table.
async fn a_good_reply_is_read_in_every_form_in_which_servers_send_it() {
    let whole = |message| json(&json!({"choices": [{"message": message, "finish_reason": "stop"}]}));
    let body: Vec<u8> = [text("o"), text("k"), finished("stop"), "[DONE]".to_owned()]
        .iter()
        .flat_map(|event| format!("data:{event}\r\n\r\n").into_bytes())
        .collect();
    let stream = [("content-type", "text/event-stream; charset=utf-8")];
    let old = [b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec(), body.clone()].concat();
    let chunked = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")];
    let odd = [head(200, &chunked), body.iter().flat_map(|byte| chunk(&[*byte])).collect(), chunk(b"")].concat();
    let extended = [
        head(200, &chunked),
        format!("{:X};note=\"x\"\r\n", body.len()).into_bytes(),
        body.clone(),
        b"\r\n0\r\nx-end: 1\r\n\r\n".to_vec(),
    ];
    let split = text("ok").replace("\"index\"", "\r\ndata: \"index\"");
    let lines = format!("data: {split}\r\n\r\ndata: {}\r\n\r\n", finished("stop"));
    let rows: Vec<(&str, Turn)> = vec![
        ("chunked", good()),
        ("one JSON value", whole(json!({"content": "ok"}))),
        ("text in parts", whole(json!({"content": [{"type": "text", "text": "o"}, {"type": "text", "text": "k"}]}))),
        ("to the end of the connection", vec![Step::Send([head(200, &stream), body.clone()].concat())]),
        ("HTTP/1.0", vec![Step::Send(old)]),
        ("byte by byte", vec![Step::Drip([head(200, &stream), body.clone()].concat())]),
        ("a chunk a byte", vec![Step::Send(odd)]),
        ("chunk extensions and trailers", vec![Step::Send(extended.concat())]),
        (
            "after a 100",
            vec![Step::Send([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), head(200, &stream), body].concat())],
        ),
        ("no [DONE]", with(events(&[text("ok"), finished("stop")]), [Step::Send(b"0\r\n\r\n".to_vec())])),
        ("endless after [DONE]", with(good_without_end(), [Step::Endless(chunk(b": more\n\n"))])),
        ("silent after [DONE]", with(good_without_end(), [Step::Silence])),
        ("an event of several lines", vec![Step::Send([head(200, &stream), lines.into_bytes()].concat())]),
        (
            "comments and events of other kinds",
            with(
                events(&["{}".to_owned(), text("ok")]),
                [
                    Step::Send(chunk(b": keep-alive\n\nevent: ping\nid: 4\nretry: 1\n\n")),
                    Step::Send(chunk(format!("data: {}\n\n", finished("stop")).as_bytes())),
                    done(),
                ],
            ),
        ),
    ];
    for (what, turn) in rows {
        let outcome = ask(vec![turn], CHAT, &request()).await;
        let answer = outcome.answer.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((said(&answer), answer.attempts), (("ok", 0, 0), 1), "{what}");
        assert_eq!(answer.reply.finish, Finish::Stop, "{what}");
        assert_eq!(outcome.provider.asked().len(), 1, "{what}");
    }
}

fn good_without_end() -> Turn {
    with(events(&[text("ok"), finished("stop")]), [Step::Send(chunk(b"data: [DONE]\n\n"))])
}

#[tokio::test]
async fn a_reply_says_what_it_cost_and_is_shown_as_it_comes() {
    let Outcome { answer, shown, provider, .. } =
        ask(vec![good()], "price = { input = 2.5, cached-input = 0.5, output = 10 }", &request()).await;
    let answer = answer.unwrap();
    let usage = Usage { input: 11, cached_input: 5, output: 7 };
    assert_eq!((answer.reply.usage, shown.as_str()), (Some(usage), "ok"));
    assert_eq!(answer.reply.model.as_deref(), Some("mock-1"));
    let price =
        crate::support::profile(&provider.base_url(), "price = { input = 2.5, cached-input = 0.5, output = 10 }").price;
    // 6 at 2.5, 5 at 0.5, 7 at 10: 87.5 millionths, rounded up.
    assert_eq!(price.of(usage), 88);
}

#[tokio::test]
// long: rows of one table.
async fn tool_calls_are_taken_apart_and_what_is_wrong_with_them_is_told() {
    let read = |id: &str| called(0, id, "read", r#"{"path":"a"}"#);
    let flaw = |flaw| (0, vec![flaw]);
    let name = || "read".to_owned();
    type Row = (&'static str, Vec<String>, (usize, Vec<Flaw>));
    let rows: Vec<Row> = vec![
        ("one", vec![read("a")], (1, vec![])),
        (
            "in pieces",
            vec![called(0, "a", "read", ""), called(0, "", "", "{\"pa"), called(0, "", "", "th\":\"a\"}")],
            (1, vec![]),
        ),
        (
            "the name repeated",
            vec![called(0, "a", "read", "{\"path\""), called(0, "a", "read", ":\"a\"}")],
            (1, vec![]),
        ),
        ("two, mixed", vec![called(1, "b", "list", "{"), read("a"), called(1, "", "", "}")], (2, vec![])),
        ("without ids", vec![called(0, "", "list", ""), called(1, "", "list", "{}")], (2, vec![])),
        ("null where it may be", vec![called(0, "a", "read", r#"{"path":"a","line":null}"#)], (1, vec![])),
        ("a text without a call", vec![text("Use {\"name\": \"read\"} or ```json {\"path\": 1}```")], (0, vec![])),
        (
            "unknown",
            vec![called(0, "a", "rm", "{}")],
            flaw(Flaw::UnknownTool { name: "rm".to_owned(), known: vec!["list".to_owned(), name()] }),
        ),
        ("no object", vec![called(0, "a", "read", "[1]")], flaw(Flaw::NotAnObject { name: name() })),
        (
            "missing",
            vec![called(0, "a", "read", "{}")],
            flaw(Flaw::Missing { name: name(), argument: "path".to_owned() }),
        ),
        (
            "wrong type",
            vec![called(0, "a", "read", r#"{"path":7}"#)],
            flaw(Flaw::WrongType { name: name(), argument: "path".to_owned(), wanted: "string".to_owned() }),
        ),
        (
            "twice the same id",
            vec![read("a"), called(1, "a", "list", "{}")],
            flaw(Flaw::DuplicateId { id: "a".to_owned() }),
        ),
        (
            "in text",
            vec![text("<tool_call>\n{\"name\": \"read\", \"arguments\": {}}</tool_call>")],
            flaw(Flaw::InText { name: name() }),
        ),
        (
            "in a block",
            vec![text("I do:\n```json\n{\"name\":\"read\",\"parameters\":{}}\n```")],
            flaw(Flaw::InText { name: name() }),
        ),
        (
            "as the text",
            vec![text("[{\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"{}\"}}]")],
            flaw(Flaw::InText { name: name() }),
        ),
    ];
    for (what, mut pieces, (calls, flaws)) in rows {
        pieces.push(finished("tool_calls"));
        let outcome = ask(vec![with(events(&pieces), [done()])], CHAT, &request()).await;
        let reply = outcome.answer.unwrap_or_else(|error| panic!("{what}: {error}")).reply;
        assert_eq!((reply.calls.len(), &reply.flaws), (calls, &flaws), "{what}");
        let ids: std::collections::BTreeSet<_> = reply.calls.iter().map(|call| &call.id).collect();
        assert_eq!(ids.len(), calls, "{what}");
    }
    let broken = with(events(&[called(0, "a", "read", "{\"path\": \"a"), finished("tool_calls")]), [done()]);
    let reply = ask(vec![broken], CHAT, &request()).await.answer.unwrap().reply;
    assert!(matches!(&reply.flaws[..], [Flaw::NotJson { name, .. }] if name == "read"), "{:?}", reply.flaws);
}

/// A name for a failure that rows can hold.
fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Request(_) => "request",
        Failure::Key(_) => "key",
        Failure::Connect { .. } => "connect",
        Failure::Trust { .. } => "trust",
        Failure::Send(_) => "send",
        Failure::TimeOut { what: Phase::Connect, .. } => "connect time",
        Failure::TimeOut { what: Phase::FirstByte, .. } => "first-byte time",
        Failure::TimeOut { what: Phase::Idle, .. } => "idle time",
        Failure::TimeOut { what: Phase::Whole, .. } => "whole time",
        Failure::Refused { .. } => "refused",
        Failure::Busy { .. } => "busy",
        Failure::Provider { .. } => "provider",
        Failure::Redirect { .. } => "redirect",
        Failure::ContentType { .. } => "content type",
        Failure::TooLarge { .. } => "too large",
        Failure::TooMany { .. } => "too many",
        Failure::Cut(_) => "cut",
        Failure::Malformed(_) => "malformed",
        Failure::Empty => "empty",
    }
}

const STREAM: [(&str, &str); 1] = [("content-type", "text/event-stream")];
const LENGTH: [(&str, &str); 2] = [("content-type", "application/json"), ("content-length", "1000")];

/// Providers that misbehave in what they send: what it is called, what can have started, the limits of the profile.
// long: rows of one table.
fn misbehaviours() -> Vec<(&'static str, Turn, &'static str, Started, &'static str)> {
    use Started::{Answered, Nothing, Unknown};
    let send = |bytes: &[u8]| vec![Step::Send(bytes.to_vec())];
    let after = |events: &[String], step| with(self::events(events), [step]);
    let plain = |body: &str| status(200, &LENGTH[..1], body);
    let calls: Vec<String> = (0..200).map(|index| called(index, "", "list", "{}")).collect();
    vec![
        ("says nothing", vec![Step::Silence], "first-byte time", Unknown, ""),
        ("says nothing for long", vec![Step::Silence], "whole time", Unknown, "whole-timeout = \"5s\""),
        ("silent after the head", with(events(&[]), [Step::Silence]), "idle time", Unknown, ""),
        ("silent in the middle", after(&[text("o")], Step::Silence), "idle time", Unknown, ""),
        (
            "silent within an event",
            with(events(&[]), [Step::Send(b"9\r\ndata: ".to_vec()), Step::Silence]),
            "idle time",
            Unknown,
            "",
        ),
        ("hangs up without a word", vec![], "cut", Unknown, ""),
        ("resets without a word", vec![Step::Reset], "cut", Unknown, ""),
        ("cut in the middle", events(&[text("o")]), "cut", Unknown, ""),
        ("reset in the middle", after(&[text("o")], Step::Reset), "cut", Unknown, ""),
        ("ends without a reason", after(&[text("o")], Step::Send(b"0\r\n\r\n".to_vec())), "cut", Unknown, ""),
        ("[DONE] without a reason", after(&[text("o")], done()), "cut", Unknown, ""),
        ("cut JSON", send(&[head(200, &LENGTH), b"{\"choices\":".to_vec()].concat()), "cut", Unknown, ""),
        (
            "JSON cut at the end of the connection",
            send(&[head(200, &LENGTH[..1]), b"{\"choices\":".to_vec()].concat()),
            "cut",
            Unknown,
            "",
        ),
        ("no JSON in an event", after(&["{oops".to_owned()], done()), "malformed", Answered, ""),
        ("JSON of another form", after(&["{\"choices\": 7}".to_owned()], done()), "malformed", Answered, ""),
        ("no UTF-8", with(events(&[]), [Step::Send(chunk(b"data: \xff\n\n"))]), "malformed", Answered, ""),
        ("another JSON", plain("{\"hello\": 1}"), "malformed", Answered, ""),
        (
            "JSON too deep",
            plain(&["[", "]"].map(|bracket| bracket.repeat(100_000)).concat()),
            "malformed",
            Answered,
            "",
        ),
        ("empty", after(&[finished("stop")], done()), "empty", Answered, ""),
        ("empty JSON", plain("{\"choices\": []}"), "empty", Answered, ""),
        ("too many calls", with(events(&calls), [done()]), "too many", Answered, ""),
        ("a name too long", after(&[called(0, "a", &"n".repeat(300), "{}")], done()), "too many", Answered, ""),
        ("huge", with(events(&[text(&"x".repeat(3_000))]), [done()]), "too large", Answered, "reply-bytes = 2000"),
        (
            "huge in one line",
            with(events(&[]), [Step::Endless(chunk(&[b'x'; 4096]))]),
            "too large",
            Answered,
            "reply-bytes = 100000",
        ),
        (
            "endless",
            with(events(&[]), [Step::Endless(chunk(format!("data: {}\n\n", text("again ")).as_bytes()))]),
            "too large",
            Answered,
            "reply-bytes = 100000",
        ),
        (
            "endless comments",
            with(events(&[]), [Step::Endless(chunk(b":\n"))]),
            "too large",
            Answered,
            "reply-bytes = 100000",
        ),
        (
            "endless head",
            vec![Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), Step::Endless(b"x-more: yes\r\n".to_vec())],
            "malformed",
            Unknown,
            "",
        ),
        ("a page", status(200, &[("content-type", "text/html")], "<html>"), "content type", Unknown, ""),
        ("no content type", send(&[head(200, &[]), b"{}".to_vec()].concat()), "content type", Unknown, ""),
        ("no HTTP", send(b"220 smtp.example.com ready\r\n\r\n"), "malformed", Unknown, ""),
        (
            "a chunk size that is none",
            with(
                vec![],
                [Step::Send([head(200, &[STREAM[0], ("transfer-encoding", "chunked")]), b"zz\r\n".to_vec()].concat())],
            ),
            "cut",
            Unknown,
            "",
        ),
        (
            "a chunk size that overflows",
            with(
                vec![],
                [Step::Send(
                    [head(200, &[STREAM[0], ("transfer-encoding", "chunked")]), b"ffffffffffffffffff\r\n".to_vec()]
                        .concat(),
                )],
            ),
            "cut",
            Unknown,
            "",
        ),
        (
            "an error in the stream",
            after(&[json!({"error": {"message": "overloaded"}}).to_string()], done()),
            "provider",
            Unknown,
            "",
        ),
        ("an error as JSON", json(&json!({"error": "overloaded"})), "provider", Unknown, ""),
        ("500", status(500, &[], "{\"error\": {\"message\": \"oops\"}}"), "provider", Unknown, ""),
        ("502", status(502, &[("retry-after", "1")], "<html>"), "provider", Unknown, ""),
        ("503 alone", status(503, &[], ""), "provider", Unknown, ""),
        ("408", status(408, &[("retry-after", "1")], ""), "provider", Unknown, ""),
        ("400 with hidden characters", status(400, &[], "no\u{1b}[2J\u{202e}\r\nyes\u{200b}"), "refused", Nothing, ""),
        ("400", status(400, &[], "no"), "refused", Nothing, ""),
        ("401", status(401, &[], "no"), "refused", Nothing, ""),
        ("404", status(404, &[("retry-after", "1")], "no"), "refused", Nothing, ""),
        ("204", status(204, &[], ""), "content type", Unknown, ""),
        (
            "101",
            send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            "provider",
            Unknown,
            "",
        ),
        (
            "a quota that is used up",
            status(429, &[("retry-after", "1")], "{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"pay\"}}"),
            "refused",
            Nothing,
            "",
        ),
        (
            "an error with an endless body",
            vec![Step::Send(head(500, &[])), Step::Endless(vec![b'x'; 4096])],
            "provider",
            Unknown,
            "",
        ),
        ("an error that never ends", vec![Step::Send(head(401, &[])), Step::Silence], "refused", Nothing, ""),
    ]
}

#[tokio::test]
async fn a_provider_that_misbehaves_is_told_apart_and_never_asked_twice() {
    let mut problems = Vec::new();
    for (what, turn, failure, started, lines) in misbehaviours() {
        let Outcome { answer, provider, waits, .. } = ask(vec![turn, good()], lines, &request()).await;
        let Err(error) = answer else {
            problems.push(format!("{what}: {answer:?}"));
            continue;
        };
        let found = (kind(&error.failure), error.started, error.attempts);
        let times = (provider.asked().len(), provider.connections(), waits.len());
        let shown = error.to_string();
        let plain = shown.len() < 1_000
            && !shown.contains(|character: char| character.is_control() || "\u{202e}\u{200b}".contains(character));
        if found != (failure, started, 1) || times != (1, 1, 0) || !plain {
            problems.push(format!("{what}: {found:?}, asked {times:?}: {shown}"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test]
async fn of_an_error_only_so_much_is_read() {
    let turn = vec![Step::Send(head(500, &[])), Step::Send(vec![b'x'; 100_000]), Step::Silence];
    let outcome = ask(vec![turn], "", &request()).await;
    let error = outcome.answer.unwrap_err();
    assert_eq!((kind(&error.failure), outcome.took), ("provider", Duration::ZERO), "{error}");
}

#[tokio::test]
async fn too_many_calls_are_refused_by_both_apis() {
    let call = json!({"type": "function_call", "call_id": "a", "name": "list", "arguments": "{}"});
    let turn = events(&[responses_completed(&json!(vec![call; 129]))]);
    let error = ask(vec![turn], "api = \"responses\"", &request()).await.answer.unwrap_err();
    assert_eq!((kind(&error.failure), error.started), ("too many", Started::Answered), "{error}");
}
