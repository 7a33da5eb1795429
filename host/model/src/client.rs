//! Asks a model: one request, tried again only where nothing can have started, every stretch of it bounded in time and bytes.

use crate::api::{Finish, Reply, Request};
use crate::error::{Error, Failure, Phase, Started, quoted};
use crate::in_words;
use crate::key::Key;
use crate::profile::{Profile, Times};
use crate::time::Time;
use crate::tool_calls;
use crate::transport::{self, Connection, Trust};
pub use crate::wire::headers::{Rate, Rates};
use crate::wire::{self, Raw, Step, events::Events, headers};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bytes of a request.
pub const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of an error's body that are read.
const COMPLAINT_BYTES_MAX: usize = 64 * 1024;
/// The first wait before another try; each further one is twice as long, up to the longest.
const BACK_OFF_FIRST: Duration = Duration::from_millis(500);
const BACK_OFF_LONGEST: Duration = Duration::from_secs(30);
const TOOL_NAME_CHARACTERS_MAX: usize = 64;

/// Asks models. Has no state but the certificates that it trusts.
pub struct Client {
    time: Arc<dyn Time>,
    trust: Trust,
}

/// A reply and what is known of how it came.
#[derive(Clone, Debug)]
pub struct Answer {
    pub reply: Reply,
    pub rates: Rates,
    pub request_id: Option<String>,
    /// How often the request went out, or tried to.
    pub attempts: u32,
    /// From the sent request to the head of the answer, and all of it.
    pub first_byte: Duration,
    pub took: Duration,
}

/// What somebody who watches sees meanwhile. It has no effect.
#[derive(Debug)]
pub enum Progress<'p> {
    /// More of the text, without the key. The model's own characters: whoever prints it takes control characters out first.
    Text(&'p str),
    /// Nothing was started; it is tried again after the wait.
    Waiting { wait: Duration, failure: &'p Failure },
}

/// One try that failed.
struct Fault {
    failure: Failure,
    started: Started,
    retry_after: Option<Duration>,
    request_id: Option<String>,
}

impl Fault {
    fn new(failure: Failure, started: Started) -> Fault {
        Fault { failure, started, retry_after: None, request_id: None }
    }

    /// Whether another try can help and cannot do the work twice.
    fn may_pass(&self) -> bool {
        let passing = match &self.failure {
            Failure::Connect { .. } | Failure::Send(_) | Failure::Busy { .. } => true,
            Failure::TimeOut { what, .. } => *what == Phase::Connect,
            _ => false,
        };
        passing && self.started == Started::Nothing
    }
}

/// One question with everything that a try needs.
struct Asking<'a> {
    profile: &'a Profile,
    key: Option<&'a Key>,
    path: &'static str,
    body: Bytes,
    idempotency: Option<&'a str>,
    /// When all of it must have ended.
    end: Duration,
}

type Watch<'w> = &'w mut (dyn FnMut(Progress<'_>) + Send);

impl Client {
    pub fn new(time: Arc<dyn Time>) -> Client {
        Client { time, trust: Trust::default() }
    }

    /// Asks once, unless nothing was started: then again after a wait, as often as the profile allows.
    ///
    /// # Errors
    /// What failed, and whether anything can have started at the provider. Dropping the future closes the connection; the provider
    /// may go on.
    pub async fn ask(
        &self,
        profile: &Profile,
        key: Option<&Key>,
        request: &Request,
        watch: Watch<'_>,
    ) -> Result<Answer, Box<Error>> {
        self.ask_as(None, profile, key, request, watch).await
    }

    /// As [`Client::ask`], under a name by which a provider that knows the header `Idempotency-Key` can tell tries of one question from
    /// another question.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn ask_as(
        &self,
        idempotency: Option<&str>,
        profile: &Profile,
        key: Option<&Key>,
        request: &Request,
        watch: Watch<'_>,
    ) -> Result<Answer, Box<Error>> {
        let begun = self.time.now();
        let error = |fault: Fault, attempts| {
            let failure = fault.failure.plain(key);
            let Fault { started, retry_after, request_id, .. } = fault;
            Box::new(Error { profile: profile.name.clone(), failure, started, attempts, retry_after, request_id })
        };
        let unsent = |failure| error(Fault::new(failure, Started::Nothing), 0);
        check(request).map_err(unsent)?;
        let in_words = profile.tools_in_words.then(|| in_words::request(request));
        let (path, body) = wire::encode(profile, in_words.as_ref().unwrap_or(request)).map_err(unsent)?;
        if body.len() > REQUEST_BYTES_MAX {
            return Err(unsent(Failure::Request(format!("it is larger than {REQUEST_BYTES_MAX} bytes"))));
        }
        let end = begun.saturating_add(profile.times.whole);
        let asking = Asking { profile, key, path, body: body.into(), idempotency, end };
        let mut attempts = 0;
        loop {
            attempts += 1;
            let fault = match self.attempt(&asking, request, watch).await {
                Ok(answer) => return Ok(Answer { attempts, took: self.time.now().saturating_sub(begun), ..answer }),
                Err(fault) => fault,
            };
            let wait =
                fault.retry_after.unwrap_or_else(|| back_off(attempts, self.time.chance())).max(BACK_OFF_FIRST / 2);
            let again = self.time.now().saturating_add(wait);
            if !fault.may_pass() || attempts >= profile.attempts || again >= end {
                return Err(error(fault, attempts));
            }
            let failure = fault.failure.plain(key);
            watch(Progress::Waiting { wait, failure: &failure });
            self.time.until(again).await;
        }
    }

    async fn attempt(&self, asking: &Asking<'_>, request: &Request, watch: Watch<'_>) -> Result<Answer, Fault> {
        let Asking { profile, key, .. } = asking;
        let opening = transport::connect(&self.trust, profile);
        let mut connection = match self.within(Phase::Connect, asking, opening).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(failure)) | Err(failure) => return Err(Fault::new(failure, Started::Nothing)),
        };
        let sent = self.time.now();
        let (head, body) = self.send(asking, &mut connection).await?.into_parts();
        let first_byte = self.time.now().saturating_sub(sent);
        let request_id = ["x-request-id", "request-id"].iter().find_map(|name| head.headers.get(*name)?.to_str().ok());
        let request_id = request_id.map(|id| quoted(id, *key));
        let mut body = Body { client: self, asking, body, bytes: 0, limit: profile.reply_bytes_max };
        let status = head.status.as_u16();
        let outcome = match status {
            200..=299 => body.reply(&head.headers, watch).await.map_err(|failure| {
                let started = started_when_accepted(&failure);
                Fault::new(failure, started)
            }),
            _ => Err(body.refusal(status, &head.headers).await),
        };
        let raw = outcome.map_err(|fault| Fault { request_id: request_id.clone(), ..fault })?;
        let raw = if profile.tools_in_words { in_words::reply(raw, request) } else { raw };
        let reply = examine(raw, request, *key)
            .map_err(|failure| Fault { request_id: request_id.clone(), ..Fault::new(failure, Started::Answered) })?;
        let rates = headers::rates(&head.headers);
        Ok(Answer { reply, rates, request_id, attempts: 0, first_byte, took: Duration::ZERO })
    }

    async fn send(&self, asking: &Asking<'_>, connection: &mut Connection) -> Result<hyper::Response<Incoming>, Fault> {
        let request = asking.http().map_err(|failure| Fault::new(failure, Started::Nothing))?;
        let answer = self.within(Phase::FirstByte, asking, connection.sender.send_request(request)).await;
        let written = connection.written.load(Ordering::Relaxed);
        let started = if written == 0 { Started::Nothing } else { Started::Unknown };
        match answer {
            Ok(Ok(response)) => Ok(response),
            Err(failure) => Err(Fault::new(failure, started)),
            Ok(Err(error)) => {
                let failure = match error {
                    error if error.is_parse() => Failure::Malformed(format!("it is no HTTP: {error}")),
                    error if started == Started::Nothing => Failure::Send(error.to_string()),
                    error => Failure::Cut(error.to_string()),
                };
                Err(Fault::new(failure, started))
            }
        }
    }

    /// Waits for `work` as long as the phase and the whole allow.
    async fn within<T>(&self, phase: Phase, asking: &Asking<'_>, work: impl Future<Output = T>) -> Result<T, Failure> {
        let Times { connect, first_byte, idle, whole } = asking.profile.times;
        let limit = match phase {
            Phase::Connect => connect,
            Phase::FirstByte => first_byte,
            Phase::Idle => idle,
            Phase::Whole => whole,
        };
        let deadline = self.time.now().saturating_add(limit);
        let (deadline, what, limit) =
            if deadline < asking.end { (deadline, phase, limit) } else { (asking.end, Phase::Whole, whole) };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.time.until(deadline) => Err(Failure::TimeOut { what, limit }),
        }
    }
}

impl Asking<'_> {
    fn http(&self) -> Result<hyper::Request<Full<Bytes>>, Failure> {
        let base = &self.profile.base;
        let mut request = hyper::Request::post(format!("{}{}", base.path, self.path))
            .header(HOST, base.authority())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, concat!("libos/", env!("CARGO_PKG_VERSION")));
        if let Some(name) = self.idempotency {
            request = request.header("idempotency-key", name);
        }
        if let Some(key) = self.key {
            let header = HeaderValue::try_from(format!("Bearer {}", key.expose()));
            let mut header = header.map_err(|_| Failure::Request("the key fits no header".to_owned()))?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header);
        }
        request.body(Full::new(self.body.clone())).map_err(|error| Failure::Request(error.to_string()))
    }
}

/// The body of an answer as it is read.
struct Body<'b> {
    client: &'b Client,
    asking: &'b Asking<'b>,
    body: Incoming,
    bytes: usize,
    limit: usize,
}

impl Body<'_> {
    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = match self.client.within(Phase::Idle, self.asking, self.body.frame()).await? {
                None => return Ok(None),
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Err(Failure::Cut(error.to_string())),
            };
            // Trailers say nothing that matters here.
            if let Ok(data) = frame.into_data() {
                self.bytes = self.bytes.saturating_add(data.len());
                if self.bytes > self.limit {
                    return Err(Failure::TooLarge { limit: self.limit });
                }
                return Ok(Some(data));
            }
        }
    }

    async fn rest(&mut self) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    async fn reply(&mut self, headers: &HeaderMap, watch: Watch<'_>) -> Result<Raw, Failure> {
        let found = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let found = String::from_utf8_lossy(found).into_owned();
        let kind = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "text/event-stream" => self.stream(watch).await,
            "application/json" => {
                let body = self.rest().await?;
                wire::whole(self.asking.profile.api, &body)
            }
            _ => Err(Failure::ContentType { found: if found.is_empty() { "nothing".to_owned() } else { found } }),
        }
    }

    async fn stream(&mut self, watch: Watch<'_>) -> Result<Raw, Failure> {
        let mut events = Events::default();
        let mut stream = wire::Stream::new(self.asking.profile.api);
        let mut shown = Shown { key: self.asking.key, held: String::new(), watch };
        while let Some(piece) = self.piece().await? {
            let done = events.take::<Failure>(&piece, |data| {
                let data = std::str::from_utf8(data);
                let data = data.map_err(|_| Failure::Malformed("an event is not UTF-8".to_owned()))?;
                Ok(stream.take(data, &mut |text| shown.add(text))? == Step::Done)
            })?;
            if done {
                break;
            }
        }
        shown.end();
        stream.end()
    }

    /// What an answer that is no success means.
    async fn refusal(&mut self, status: u16, headers: &HeaderMap) -> Fault {
        if (300..400).contains(&status) {
            return Fault::new(Failure::Redirect { status }, Started::Nothing);
        }
        self.limit = COMPLAINT_BYTES_MAX;
        // The status counts, whatever becomes of the words.
        let body = self.rest().await.unwrap_or_default();
        let (message, kind) =
            wire::complaint(&body).unwrap_or_else(|| (String::from_utf8_lossy(&body).into_owned(), String::new()));
        let retry_after = headers::retry_after(headers);
        let (failure, started) = match status {
            // A quota that is used up does not fill by waiting.
            429 if kind.split(' ').any(|word| word == "insufficient_quota") => {
                (Failure::Refused { status, message }, Started::Nothing)
            }
            429 => (Failure::Busy { status, message }, Started::Nothing),
            // Gateways also say 503 when the server behind them broke off; only with a time to come back it is a plain refusal.
            503 if retry_after.is_some() => (Failure::Busy { status, message }, Started::Nothing),
            // 408: something between can have timed out after the request had arrived.
            400..=499 if status != 408 => (Failure::Refused { status, message }, Started::Nothing),
            _ => (Failure::Provider { status, message }, Started::Unknown),
        };
        Fault { retry_after, ..Fault::new(failure, started) }
    }
}

/// Shows the text as it comes, without the key in it: what could be its beginning waits for what follows.
struct Shown<'s> {
    key: Option<&'s Key>,
    held: String,
    watch: Watch<'s>,
}

impl Shown<'_> {
    fn add(&mut self, text: &str) {
        self.held.push_str(text);
        let begun = self.key.map_or(0, |key| key.begun_in(&self.held));
        let rest = self.held.split_off(self.held.len() - begun);
        let mut ready = std::mem::replace(&mut self.held, rest);
        self.show(&mut ready);
    }

    fn end(&mut self) {
        let mut ready = std::mem::take(&mut self.held);
        self.show(&mut ready);
    }

    fn show(&mut self, ready: &mut String) {
        if let Some(key) = self.key {
            key.scrub_reply(ready);
        }
        if !ready.is_empty() {
            (self.watch)(Progress::Text(ready));
        }
    }
}

/// What a failure says of the provider once it has accepted the request.
fn started_when_accepted(failure: &Failure) -> Started {
    match failure {
        Failure::Malformed(_) | Failure::Empty | Failure::TooLarge { .. } | Failure::TooMany { .. } => {
            Started::Answered
        }
        _ => Started::Unknown,
    }
}

fn examine(mut raw: Raw, request: &Request, key: Option<&Key>) -> Result<Reply, Failure> {
    let finish = raw.finish.take().unwrap_or(Finish::Stop);
    if raw.text.trim().is_empty() && raw.sent.is_empty() && !matches!(finish, Finish::Length | Finish::Refused) {
        return Err(Failure::Empty);
    }
    raw.name_calls();
    if let Some(key) = key {
        let of_calls = raw.sent.iter_mut().flat_map(|call| [&mut call.id, &mut call.name, &mut call.arguments]);
        for text in of_calls.chain([&mut raw.text]).chain(&mut raw.model) {
            key.scrub_reply(text);
        }
    }
    let finish = match finish {
        Finish::Other(reason) => Finish::Other(quoted(&reason, key)),
        known => known,
    };
    let (calls, flaws) = tool_calls::examine(&raw.text, &raw.sent, &request.tools);
    Ok(Reply { text: raw.text, sent: raw.sent, calls, flaws, usage: raw.usage, finish, model: raw.model })
}

fn check(request: &Request) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::Request(why));
    if request.messages.is_empty() {
        return refuse("it has no messages".to_owned());
    }
    let mut names = BTreeSet::new();
    for tool in &request.tools {
        let fits = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
        if tool.name.is_empty() || tool.name.len() > TOOL_NAME_CHARACTERS_MAX || !tool.name.chars().all(fits) {
            return refuse(format!(
                "{:?} is no name that the API takes for a tool: 1 to 64 of a-z, A-Z, 0-9, _ and -",
                tool.name
            ));
        }
        if !tool.parameters.is_object() {
            return refuse(format!("the parameters of the tool {} are no JSON Schema of an object", tool.name));
        }
        if !names.insert(&tool.name) {
            return refuse(format!("two tools have the name {}", tool.name));
        }
    }
    Ok(())
}

/// Twice as long each time, and spread: from half of it to all of it.
fn back_off(attempt: u32, chance: f64) -> Duration {
    let longest = BACK_OFF_FIRST.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1))).min(BACK_OFF_LONGEST);
    longest.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}
