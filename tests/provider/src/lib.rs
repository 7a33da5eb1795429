//! A provider of models for tests. It listens on a port of this machine, speaks real HTTP and does what its script says, well or
//! badly; it keeps every request, so that a test can show that nothing was asked twice.
//!
//! Nobody sleeps: a silence of the provider is told to the [`Clock`] of the test, which then lets the client's limits pass.

mod clock;
mod say;

pub use clock::Clock;
pub use say::{called, chunk, done, events, finished, head, json, responses_completed, status, text, used};

use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Bytes of a request that it reads, and of an endless reply that it sends before it gives up.
const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
const ENDLESS_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Turns that others get before the clock moves, so that what was sent has been read.
const TURNS: usize = 32;

/// What the provider does with one connection.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends each byte by itself.
    Drip(Vec<u8>),
    /// Does nothing for so long, of real time: for measurements.
    Wait(Duration),
    /// Says nothing more until the client hangs up; time passes.
    Silence,
    /// Sends the same again and again until the client hangs up.
    Endless(Vec<u8>),
    /// Breaks the connection off, so that the client sees a reset.
    Reset,
    /// Hangs up before it has read the request; only as the first step.
    Deaf,
    /// Is silent before it has read the request; only as the first step.
    Mute,
}

/// The steps of one connection; then it is closed in good order.
pub type Turn = Vec<Step>;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A provider that runs until it is dropped.
pub struct Provider {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

type Answering = Box<dyn Fn(&Asked) -> Turn + Send + Sync>;

struct Shared {
    /// Whoever answers by what is asked; else the script.
    answering: Option<Answering>,
    script: Mutex<std::vec::IntoIter<Turn>>,
    asked: Mutex<Vec<Asked>>,
    connections: Mutex<usize>,
    clock: Arc<Clock>,
}

impl Provider {
    /// Starts one. Each connection takes the next turn of the script; what comes after the last is refused with status 599.
    pub async fn start(clock: &Arc<Clock>, script: Vec<Turn>) -> std::io::Result<Provider> {
        Provider::serving(clock, script, None).await
    }

    /// Starts one whose turns depend on what is asked.
    pub async fn answering(
        clock: &Arc<Clock>,
        answer: impl Fn(&Asked) -> Turn + Send + Sync + 'static,
    ) -> std::io::Result<Provider> {
        Provider::serving(clock, Vec::new(), Some(Box::new(answer))).await
    }

    async fn serving(clock: &Arc<Clock>, script: Vec<Turn>, answering: Option<Answering>) -> std::io::Result<Provider> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            answering,
            script: Mutex::new(script.into_iter()),
            asked: Mutex::default(),
            connections: Mutex::default(),
            clock: Arc::clone(clock),
        });
        let mut task = JoinSet::new();
        let serving = Arc::clone(&shared);
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *serving.connections.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                let turn = serving.script.lock().unwrap_or_else(PoisonError::into_inner).next();
                let turn = turn.unwrap_or_else(|| status(599, &[], "the script has no more turns"));
                let serving = Arc::clone(&serving);
                // What fails here the client sees.
                open.spawn(async move { drop(serve(stream, turn, &serving).await) });
            }
        });
        Ok(Provider { address, shared, _task: task })
    }

    /// The base URL for a profile.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request that was read, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were opened, with or without a request.
    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(mut stream: TcpStream, turn: Turn, shared: &Shared) -> std::io::Result<()> {
    match turn.first() {
        Some(Step::Deaf) => return stream.set_zero_linger(),
        Some(Step::Mute) => return silence(&mut stream, &shared.clock).await,
        _ => {}
    }
    let Some(asked) = read(&mut stream).await? else { return Ok(()) };
    let turn = shared.answering.as_ref().map_or(turn, |answer| answer(&asked));
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    for step in turn {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Drip(bytes) => {
                stream.set_nodelay(true)?;
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Silence => return silence(&mut stream, &shared.clock).await,
            Step::Endless(bytes) => {
                let mut sent = 0;
                while sent < ENDLESS_BYTES_MAX {
                    stream.write_all(&bytes).await?;
                    sent += bytes.len().max(1);
                }
            }
            Step::Reset => return stream.set_zero_linger(),
            Step::Deaf | Step::Mute => {}
        }
    }
    stream.shutdown().await
}

/// Lets the client's time pass until it hangs up.
async fn silence(stream: &mut TcpStream, clock: &Clock) -> std::io::Result<()> {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    clock.run();
    let mut ignored = [0; 4096];
    let end = loop {
        match stream.read(&mut ignored).await {
            Ok(0) => break Ok(()),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    clock.stop();
    end
}

/// Reads one request; `None` if the client hung up before it was whole.
async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            count if bytes.len() + count <= REQUEST_BYTES_MAX => bytes.extend_from_slice(&buffer[..count]),
            _ => return Ok(None),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut asked = Asked { method, path, headers, body: bytes.split_off(head_end + 4) };
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while asked.body.len() < length && length <= REQUEST_BYTES_MAX {
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            count => asked.body.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(Some(asked))
}
