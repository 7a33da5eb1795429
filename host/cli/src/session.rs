//! How a command that changes something reaches a host: the one that runs, or itself for as long as it takes.

use crate::error::Failure;
use crate::host::{EVENTS_MAX, Host};
use crate::own;
use crate::place::Place;
use crate::protocol::{AgentRequest, Event, Request, SECRET_LINE_MAX, WELCOME};
use crate::server::{Server, read_event, read_line, write_line};
use crate::store::{self, BUSY_STEP, BUSY_WAIT};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// How long whoever takes something over waits for a host that ends: longer than that takes.
const TAKE_OVER_WAIT: Duration = Duration::from_secs(30);

/// A command's way to a host.
pub struct Session {
    place: Place,
    local: Mutex<Option<Local>>,
    /// What runs beside the command; ended with it.
    tasks: Mutex<JoinSet<()>>,
}

struct Local {
    host: Arc<Host>,
    /// A host that runs no calls is done at once, and does not listen.
    server: Option<Server>,
}

impl Session {
    pub fn new(place: Place) -> Session {
        Session { place, local: Mutex::new(None), tasks: Mutex::default() }
    }

    /// Carries out a verb. The events end when it is done; without a last one the host has gone.
    ///
    /// # Errors
    /// There is no host and none can be made.
    pub async fn request(&self, request: Request) -> anyhow::Result<mpsc::Receiver<Event>> {
        let mut local = self.local.lock().await;
        if local.is_none() {
            let deadline = Instant::now() + BUSY_WAIT;
            loop {
                if let Some(events) = remote(&self.place, &request, &mut *self.tasks.lock().await).await? {
                    return Ok(events);
                }
                match Host::open_accepted(&self.place, needs_run_loop(&request)) {
                    Ok(host) => {
                        *local = Some(Local::start(host, &self.place, &mut *self.tasks.lock().await).await?);
                        break;
                    }
                    Err(error) if store::is_busy(&error) && Instant::now() < deadline => {
                        tokio::time::sleep(BUSY_STEP).await;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        if let Some(local) = &*local {
            let host = Arc::clone(&local.host);
            self.tasks.lock().await.spawn(async move { host.perform(request, &sender).await });
        }
        Ok(events)
    }

    /// Goes on with what a host did that has gone. One that ends has its store until its effects have ended, and is waited for.
    ///
    /// # Errors
    /// There is no host and none can be made.
    pub async fn take_over(&self, request: Request) -> anyhow::Result<mpsc::Receiver<Event>> {
        let deadline = Instant::now() + TAKE_OVER_WAIT;
        loop {
            match self.request(request.clone()).await {
                Err(error) if store::is_busy(&error) && Instant::now() < deadline => {}
                other => return other,
            }
        }
    }

    /// Carries out a verb that ends at once.
    ///
    /// # Errors
    /// What the host says.
    pub async fn ask(&self, request: Request) -> anyhow::Result<Event> {
        match self.request(request).await?.recv().await {
            Some(Event::Error(failure)) => Err(failure.into()),
            Some(event) => Ok(event),
            None => Err(Failure::cannot("the host ended before it answered").hint("run the command again").into()),
        }
    }

    /// Becomes the host, for `serve` and what comes before the first call.
    ///
    /// # Errors
    /// Another host has the store, or it cannot be opened.
    pub async fn become_host(&self, host: Host) -> anyhow::Result<()> {
        let started = Local::start(host, &self.place, &mut *self.tasks.lock().await).await?;
        *self.local.lock().await = Some(started);
        Ok(())
    }

    /// Whether a host runs that can be talked to.
    pub async fn somebody_listens(&self) -> bool {
        greet(&self.place).await.is_ok()
    }

    /// Resolves when nothing goes on by itself in the host that this process is, if it is one.
    ///
    /// # Errors
    /// Its store failed.
    pub async fn idle(&self) -> anyhow::Result<()> {
        let kernel = self.local.lock().await.as_ref().map(|local| Arc::clone(local.host.kernel()));
        let Some(kernel) = kernel else { return Ok(()) };
        let mut commits = kernel.commits();
        while kernel.is_busy() {
            if commits.changed().await.is_err() {
                break;
            }
        }
        kernel.failure().map_or(Ok(()), |why| Err(Failure::cannot(why).into()))
    }

    /// Whether this process is the host.
    pub async fn is_host(&self) -> bool {
        self.local.lock().await.is_some()
    }

    /// Resolves when the store of this host has failed; never if it is not the host.
    pub async fn stopped(&self) {
        let kernel = self.local.lock().await.as_ref().map(|local| Arc::clone(local.host.kernel()));
        match kernel {
            Some(kernel) => kernel.stopped().await,
            None => std::future::pending().await,
        }
    }

    /// Why this host has stopped, if it is one and has.
    pub async fn why_stopped(&self) -> Option<String> {
        self.local.lock().await.as_ref().and_then(|local| local.host.kernel().failure())
    }

    /// Ends this process's host, if it is one.
    pub async fn close(&self) {
        let Some(Local { host, server }) = self.local.lock().await.take() else { return };
        if let Some(server) = &server {
            server.stop();
        }
        host.close().await;
        if let Some(server) = &server {
            server.farewell().await;
        }
        self.tasks.lock().await.shutdown().await;
    }
}

impl Local {
    async fn start(host: Host, place: &Place, tasks: &mut JoinSet<()>) -> anyhow::Result<Local> {
        let host = Arc::new(host);
        host.tell_unknown().await?;
        let server = if host.runs() { Some(Server::listen(Arc::clone(&host), place, tasks)?) } else { None };
        host.install_standard_tools().await?;
        Ok(Local { host, server })
    }
}

/// Verbs that run a component.
fn needs_run_loop(request: &Request) -> bool {
    match request {
        Request::Call { .. } | Request::Attach { .. } | Request::ToolAdd { .. } => true,
        Request::Answer { run, .. } => *run,
        Request::Agent(AgentRequest::Start { follow, .. }) => *follow,
        Request::Agent(AgentRequest::Follow { .. }) => true,
        Request::Agent(AgentRequest::Halt { .. }) => false,
        Request::Cancel { .. }
        | Request::Settle { .. }
        | Request::Budget { .. }
        | Request::Grant(_)
        | Request::Revoke { .. }
        | Request::ToolRemove { .. }
        | Request::ToolPromote { .. }
        | Request::ImageAdd { .. }
        | Request::ImageRemove { .. }
        | Request::Gc { .. }
        | Request::Checkpoint(_)
        | Request::Signal { .. }
        | Request::Policy { .. } => false,
    }
}

/// Gives the verb to the host that runs; none if nobody listens.
async fn remote(
    place: &Place,
    request: &Request,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Option<mpsc::Receiver<Event>>> {
    match connect(place, request).await {
        Ok(mut reading) => {
            let (sender, events) = mpsc::channel(EVENTS_MAX);
            match read_event(&mut reading).await {
                Ok(Some(Event::Closing)) => return Ok(None),
                Ok(Some(first)) => drop(sender.send(first).await),
                // The verb was given away: whether it was carried out nobody here knows, so it is not given again.
                Ok(None) | Err(_) => return Ok(Some(events)),
            }
            tasks.spawn(async move {
                // The end of the host's life is the end of its events.
                while let Ok(Some(event)) = read_event(&mut reading).await {
                    if sender.send(event).await.is_err() {
                        return;
                    }
                }
            });
            Ok(Some(events))
        }
        Err(error) if nobody(&error) => Ok(None),
        Err(error) => Err(Failure::cannot(format!("the host's socket cannot be used: {error}"))
            .at(place.socket()?.display())
            .into()),
    }
}

/// Whether the error means that no host listens: none runs, or one starts or ends at this moment.
fn nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | ConnectionRefused | ConnectionReset | BrokenPipe | UnexpectedEof)
}

async fn connect(place: &Place, request: &Request) -> io::Result<BufReader<UnixStream>> {
    let mut stream = greet(place).await?;
    write_line(&mut stream, &serde_json::to_string(request)?).await?;
    Ok(stream)
}

/// Connects and shows the secret.
async fn greet(place: &Place) -> io::Result<BufReader<UnixStream>> {
    let secret = own::read_text(&place.secret())?;
    let socket = place.socket().map_err(|error| io::Error::other(error.to_string()))?;
    let mut stream = BufReader::new(UnixStream::connect(socket).await?);
    write_line(&mut stream, secret.trim()).await?;
    match read_line(&mut stream, SECRET_LINE_MAX).await? {
        Some(line) if line == WELCOME => {}
        Some(_) => return Err(io::Error::other("the host is of another version")),
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    Ok(stream)
}
