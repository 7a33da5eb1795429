//! A client on a test's clock, and the profile of a provider that runs in the test.

use libos_model::profile::{Base, Price, Times, TokenField};
use libos_model::{Answer, Api, Client, Error, Key, KeySource, Message, Profile, Progress, Request, Time, Tool};
use libos_provider::{Clock, Provider, Turn};
use serde_json::json;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub const KEY: &str = "sk-canary-4Jq9xVb2LmT7wRzN5yKd8HcP";

/// Time of the test as the client sees it. Chance is always the same.
pub struct TestTime(pub Arc<Clock>);

impl Time for TestTime {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn until(&self, deadline: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.0.until(deadline))
    }

    fn chance(&self) -> f64 {
        1.0
    }
}

pub fn key() -> Key {
    Key::new(KEY.to_owned(), "the test").unwrap()
}

/// The profile `test` of this endpoint, with what a policy says of one that says nothing else but these lines.
pub fn profile(base_url: &str, lines: &str) -> Profile {
    let seconds = Duration::from_secs;
    let mut profile = Profile {
        name: "test".into(),
        base: Base::parse(base_url).unwrap(),
        model: "mock-1".into(),
        api: Api::Chat,
        key: None,
        ca_file: None,
        token_field: TokenField::MaxTokens,
        tool_choice: libos_model::ToolChoice::Auto,
        tools_in_words: false,
        times: Times { connect: seconds(10), first_byte: seconds(120), idle: seconds(60), whole: seconds(600) },
        reply_bytes_max: 8 << 20,
        reply_tokens_max: 8_192,
        context_tokens: 32_768,
        attempts: 4,
        price: Price::default(),
    };
    for (key, value) in lines.lines().map(|line| line.split_once(" = ").unwrap()) {
        let value = value.trim_matches('"');
        match key {
            "api" => profile.api = Api::Responses,
            "token-limit-field" => profile.token_field = TokenField::MaxCompletionTokens,
            "ca-file" => profile.ca_file = Some(value.into()),
            "key-env" => profile.key = Some(KeySource::Environment(value.into())),
            "whole-timeout" => profile.times.whole = seconds(value.trim_end_matches('s').parse().unwrap()),
            "reply-bytes" => profile.reply_bytes_max = value.parse().unwrap(),
            "reply-tokens" => profile.reply_tokens_max = value.parse().unwrap(),
            "attempts" => profile.attempts = value.parse().unwrap(),
            "price" => profile.price = Price { input: 2_500_000, cached_input: 500_000, output: 10_000_000 },
            other => panic!("{other}"),
        }
    }
    profile
}

/// A request with the tools `read` (needs a path; a line number is optional) and `list` (needs nothing).
pub fn request() -> Request {
    let tool = |name: &str, parameters| Tool { name: name.to_owned(), description: "A tool.".to_owned(), parameters };
    let properties = json!({"path": {"type": "string"}, "line": {"type": ["integer", "null"]}});
    let tools = vec![
        tool("read", json!({"type": "object", "properties": properties, "required": ["path"]})),
        tool("list", json!({"type": "object", "properties": {}})),
    ];
    Request { tools, ..Request::new(vec![Message::System("Be brief.".to_owned()), Message::User("Go.".to_owned())]) }
}

/// What came of one question.
pub struct Outcome {
    pub answer: Result<Answer, Box<Error>>,
    pub shown: String,
    pub waits: Vec<Duration>,
    pub provider: Provider,
    /// Time that passed on the clock of the test.
    pub took: Duration,
}

/// Asks a provider that follows the script. Waits between tries pass at once.
pub async fn ask(script: Vec<Turn>, lines: &str, request: &Request) -> Outcome {
    let clock = Arc::new(Clock::default());
    let provider = Provider::start(&clock, script).await.unwrap();
    let client = Client::new(Arc::new(TestTime(Arc::clone(&clock))));
    let (mut shown, mut waits) = (String::new(), Vec::new());
    let mut watch = |progress: Progress<'_>| match progress {
        Progress::Text(text) => shown.push_str(text),
        Progress::Waiting { wait, .. } => {
            waits.push(wait);
            clock.advance(wait);
        }
    };
    let profile = profile(&provider.base_url(), lines);
    let answer = client.ask(&profile, Some(&key()), request, &mut watch).await;
    Outcome { answer, shown, waits, provider, took: clock.now() }
}
