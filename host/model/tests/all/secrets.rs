//! Where the key goes: to the provider, in one header, and nowhere else.

use crate::asking::good;
use crate::support::{KEY, ask, key, profile, request};
use libos_model::{Client, Message, Request};
use libos_provider::{Clock, Provider, Step, called, done, events, finished, json, status, text};
use serde_json::json;
use std::sync::Arc;

/// Whether a text shows the key or a telling part of it.
fn shows(text: &str) -> bool {
    KEY.as_bytes().windows(12).any(|part| text.as_bytes().windows(12).any(|window| window == part))
}

#[tokio::test]
async fn the_key_goes_into_one_header_of_the_request() {
    let provider = ask(vec![good()], "", &request()).await.provider;
    let asked = &provider.asked()[0];
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let others: Vec<_> = asked.headers.iter().filter(|(name, _)| name != "authorization").collect();
    assert!(!shows(&format!("{} {others:?} {}", asked.path, asked.json())), "{others:?}");
}

#[tokio::test]
async fn a_provider_that_repeats_the_key_puts_it_into_no_error_and_no_reply() {
    let (front, back) = KEY.split_at(17);
    let echo = format!("Incorrect API key provided: {KEY}. Find it at {front} or {back}.");
    let complaint = json!({"error": {"message": echo, "code": "x"}}).to_string();
    let scripts = vec![
        ("401", status(401, &[("x-request-id", KEY)], &complaint)),
        ("401, plain", status(401, &[], &echo)),
        ("429", status(429, &[], &complaint)),
        ("500", status(500, &[], &complaint)),
        ("content type", status(200, &[("content-type", &format!("text/{KEY}"))], "")),
        ("malformed", status(200, &[("content-type", "application/json")], &format!("{{\"choices\": \"{KEY}\"}}"))),
        ("in the stream", events(&[complaint])),
        ("no HTTP", vec![Step::Send(format!("{KEY}\r\n\r\n").into_bytes())]),
        (
            "as a chunk size",
            vec![Step::Send(
                format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{KEY}\r\n"
                )
                .into_bytes(),
            )],
        ),
        ("as a redirect", status(302, &[("location", &format!("http://x/{KEY}"))], KEY)),
        ("text", json(&json!({"choices": [{"message": {"content": echo}}], "model": KEY}))),
        ("reason", json(&json!({"choices": [{"message": {"content": "a"}, "finish_reason": KEY}]}))),
    ];
    for (what, turn) in scripts {
        let outcome = ask(vec![turn], "attempts = 1", &request()).await;
        let seen = match &outcome.answer {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!("{error} {error:?} {:#?}", error.failure),
        };
        assert!(!shows(&seen) && !shows(&outcome.shown), "{what}: {seen} {}", outcome.shown);
    }
}

#[tokio::test]
async fn a_key_that_comes_in_pieces_is_neither_shown_nor_kept() {
    let mut pieces: Vec<String> = KEY.chars().map(|piece| text(&piece.to_string())).collect();
    pieces.insert(0, text("the key is "));
    pieces.push(text(", sk-or not"));
    pieces.extend([called(0, "a", "read", &format!("{{\"path\":\"{KEY}\"}}")), finished("tool_calls")]);
    let mut turn = events(&pieces);
    turn.push(done());
    let outcome = ask(vec![turn], "", &request()).await;
    let reply = outcome.answer.unwrap().reply;
    assert_eq!(
        (reply.text.as_str(), outcome.shown.as_str()),
        ("the key is [key], sk-or not", "the key is [key], sk-or not")
    );
    assert!(!shows(&format!("{reply:?}")), "{reply:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_stays() {
    let clock = Arc::new(Clock::default());
    let other = Provider::start(&clock, vec![good()]).await.unwrap();
    for code in [301, 302, 303, 307, 308] {
        let elsewhere = format!("{}/chat/completions", other.base_url());
        let outcome = ask(vec![status(code, &[("location", &elsewhere)], ""), good()], "", &request()).await;
        let error = outcome.answer.unwrap_err();
        assert!(matches!(error.failure, libos_model::Failure::Redirect { status } if status == code), "{error}");
        assert_eq!((outcome.provider.connections(), other.connections()), (1, 0));
    }
}

#[tokio::test]
async fn nothing_that_holds_the_key_prints_it() {
    let key = key();
    assert_eq!(format!("{key:?} {key:#?}"), "Key(hidden) Key(hidden)");
    let profile = profile("http://127.0.0.1:9/v1", "key-env = \"LIBOS_TEST_KEY\"");
    assert!(!shows(&format!("{profile:?}")));
    // A request that cannot be made says why without sending anything, and without its words.
    let client = Client::new(Arc::new(libos_model::System::new()));
    let mut request = Request { tools: request().tools, ..Request::new(vec![Message::User(KEY.to_owned())]) };
    request.tools[1].name = "read".to_owned();
    let error = client.ask(&profile, Some(&key), &request, &mut |_| {}).await.unwrap_err();
    assert_eq!(error.attempts, 0);
    assert!(!shows(&format!("{error} {error:?}")));
}
