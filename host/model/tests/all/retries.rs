//! When a request goes out again, after what wait, and when never.

use crate::asking::good;
use crate::support::{Outcome, ask, profile, request};
use libos_model::error::Phase;
use libos_model::{Client, Failure, Started};
use libos_provider::{Clock, Provider, Step, Turn, status};
use std::sync::Arc;
use std::time::Duration;

fn busy(code: u16, headers: &[(&str, &str)]) -> Turn {
    status(code, headers, "{\"error\": {\"message\": \"slow down\"}}")
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_after_the_wait_that_was_asked() {
    let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT")];
    let reset = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "2s")];
    let rows: Vec<(&str, Vec<Turn>, &[u64])> = vec![
        ("429 with seconds", vec![busy(429, &[("retry-after", "7")])], &[7_000]),
        ("429 with a date", vec![busy(429, &date)], &[3_000]),
        ("429 with a limit that fills again", vec![busy(429, &reset)], &[2_000]),
        ("429 without a wait: twice as long each time", vec![busy(429, &[]); 3], &[500, 1_000, 2_000]),
        ("429 at once: not at once", vec![busy(429, &[("retry-after", "0")])], &[250]),
        ("503 with a wait", vec![busy(503, &[("retry-after", "1")])], &[1_000]),
    ];
    for (what, mut script, waits) in rows {
        let refusals = script.len();
        script.push(good());
        let outcome = ask(script, "", &request()).await;
        let answer = outcome.answer.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found: Vec<u64> = outcome.waits.iter().map(|wait| wait.as_millis() as u64).collect();
        assert_eq!((answer.attempts as usize, found.as_slice()), (refusals + 1, waits), "{what}");
        let asked = outcome.provider.asked();
        assert_eq!(asked.len(), refusals + 1, "{what}");
        assert!(asked.iter().all(|again| again.body == asked[0].body), "{what}: it is the same request");
    }
}

#[tokio::test]
async fn tries_end_with_the_count_and_with_the_time_of_the_whole() {
    let rows: [(&str, &str, &str, u32, Started); 4] = [
        ("count", "attempts = 3", "1", 3, Started::Nothing),
        ("once only", "attempts = 1", "1", 1, Started::Nothing),
        ("the wait ends after the whole", "", "3600", 1, Started::Nothing),
        ("the waits end after the whole", "whole-timeout = \"10s\"", "4", 3, Started::Nothing),
    ];
    for (what, lines, wait, attempts, started) in rows {
        let script = vec![busy(429, &[("retry-after", wait)]); 10];
        let Outcome { answer, provider, .. } = ask(script, lines, &request()).await;
        let error = answer.unwrap_err();
        assert!(matches!(error.failure, Failure::Busy { status: 429, .. }), "{what}: {error}");
        assert_eq!((error.attempts, error.started), (attempts, started), "{what}");
        assert_eq!(error.retry_after, Some(Duration::from_secs(wait.parse().unwrap())), "{what}");
        assert_eq!(provider.asked().len(), attempts as usize, "{what}");
    }
}

#[tokio::test]
async fn what_never_left_is_tried_again_and_what_may_have_is_not() {
    // Nobody listens there, and nobody else gets the port.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = format!("http://{}/v1", socket.local_addr().unwrap());
    let clock = Arc::new(Clock::default());
    let client = Client::new(Arc::new(crate::support::TestTime(Arc::clone(&clock))));
    let mut waits = 0;
    let mut watch = |progress: libos_model::Progress<'_>| {
        if let libos_model::Progress::Waiting { wait, .. } = progress {
            waits += 1;
            clock.advance(wait);
        }
    };
    let error = client.ask(&profile(&gone, ""), None, &request(), &mut watch).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Connect { .. }), "{error}");
    assert_eq!((error.started, error.attempts, waits), (Started::Nothing, 4, 3));

    // A provider that hangs up on the connection before it reads: some of the request may have left, so it is asked once.
    let outcome = ask(vec![vec![Step::Deaf], good()], "", &request()).await;
    if let Err(error) = outcome.answer {
        let again = error.started == Started::Nothing;
        assert!(again || outcome.provider.connections() == 1, "{error}");
    }
}

#[tokio::test]
async fn a_handshake_that_never_comes_starts_nothing_and_is_tried_again() {
    let clock = Arc::new(Clock::default());
    let provider = Provider::start(&clock, vec![vec![Step::Mute]; 2]).await.unwrap();
    let client = Client::new(Arc::new(crate::support::TestTime(Arc::clone(&clock))));
    let mut watch = |progress: libos_model::Progress<'_>| {
        if let libos_model::Progress::Waiting { wait, .. } = progress {
            clock.advance(wait);
        }
    };
    let secure = profile(&provider.base_url().replace("http:", "https:"), "attempts = 2");
    let error = client.ask(&secure, None, &request(), &mut watch).await.unwrap_err();
    if !matches!(error.failure, Failure::Trust { .. }) {
        // Else this machine has no root certificates, and nothing is tried.
        assert!(matches!(error.failure, Failure::TimeOut { what: Phase::Connect, .. }), "{error}");
        assert_eq!((error.started, error.attempts), (Started::Nothing, 2), "{error}");
    }
    assert_eq!(provider.asked().len(), 0);
}
