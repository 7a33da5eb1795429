//! The host's local socket: who knows the secret of the data directory may use the verbs of a person.

use crate::error::{Failure, NO_ROOM, is_full};
use crate::host::{EVENTS_MAX, Host};
use crate::own;
use crate::place::Place;
use crate::protocol::{Event, LINE_BYTES_MAX, Request, SECRET_LINE_MAX, WELCOME};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// How long a client may take to say the secret and its request.
const HELLO_TIME: Duration = Duration::from_secs(10);
/// How long the last events may take to leave when the host closes.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
/// Clients at once.
const CLIENTS_MAX: usize = 256;

/// A socket that is listened on.
pub struct Server {
    files: [PathBuf; 2],
    accepting: AbortHandle,
    clients: Arc<tokio::sync::Mutex<JoinSet<()>>>,
}

impl Server {
    /// Listens, with a new secret. Only the host that has the store may do this: it removes what an earlier one left.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(host: Arc<Host>, place: &Place, tasks: &mut JoinSet<()>) -> anyhow::Result<Server> {
        let (socket, secret_file) = (place.socket()?, place.secret());
        let cannot = |error: io::Error, path: &Path| {
            let failure = Failure::cannot(format!("the host cannot listen: {error}")).at(path.display());
            if is_full(&error) { failure.hint(NO_ROOM) } else { failure }
        };
        for stale in [&socket, &secret_file] {
            own::remove(stale).map_err(|error| cannot(error, stale))?;
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let secret = libos_kernel::model::id::hex(&random);
        own::create(&secret_file, 0o600, secret.as_bytes()).map_err(|error| cannot(error, &secret_file))?;
        let listener = UnixListener::bind(&socket).map_err(|error| cannot(error, &socket))?;
        let clients = Arc::new(tokio::sync::Mutex::new(JoinSet::new()));
        let accepting = tasks.spawn(accept(listener, host, secret, Arc::clone(&clients)));
        Ok(Server { files: [socket, secret_file], accepting, clients })
    }

    /// Stops listening. To be done while the store is still open: afterwards the files may be another host's.
    pub fn stop(&self) {
        self.accepting.abort();
        for file in &self.files {
            // What is left is removed by the next host.
            let _ = own::remove(file);
        }
    }

    /// Waits until clients have heard the end of what they asked for, a moment at most.
    pub async fn farewell(&self) {
        let mut clients = self.clients.lock().await;
        let _ = tokio::time::timeout(FAREWELL_TIME, async { while clients.join_next().await.is_some() {} }).await;
    }
}

async fn accept(
    listener: UnixListener,
    host: Arc<Host>,
    secret: String,
    clients: Arc<tokio::sync::Mutex<JoinSet<()>>>,
) {
    let user = rustix::process::geteuid().as_raw();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files: the clients that have them will end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
            continue;
        }
        let mut clients = clients.lock().await;
        while clients.try_join_next().is_some() {}
        if clients.len() < CLIENTS_MAX {
            let (host, secret) = (Arc::clone(&host), secret.clone());
            clients.spawn(async move {
                // A client that breaks off or breaks the rules learns nothing.
                let _ = serve(stream, &host, &secret).await;
            });
        }
    }
}

async fn serve(stream: UnixStream, host: &Host, secret: &str) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let hello = async {
        let said = read_line(&mut reading, SECRET_LINE_MAX).await?;
        if !said.is_some_and(|said| same(said.as_bytes(), secret.as_bytes())) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        write_line(&mut writing, WELCOME).await?;
        read_line(&mut reading, LINE_BYTES_MAX).await
    };
    let Some(line) = tokio::time::timeout(HELLO_TIME, hello).await?? else { return Ok(()) };
    let request: Request = serde_json::from_str(&line)?;
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let performing = async move { host.perform(request, &sender).await };
    let telling = async {
        while let Some(event) = events.recv().await {
            write_line(&mut writing, &serde_json::to_string(&event)?).await?;
        }
        Ok(())
    };
    let gone = async {
        // A client says nothing more: anything from it, and the end above all, means that it has gone.
        let _ = reading.read_u8().await;
    };
    let both = async { tokio::join!(performing, telling).1 };
    tokio::select! {
        told = both => told,
        () = gone => Ok(()),
    }
}

/// Compares without telling by the time how much is right.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |different, (one, other)| different | (one ^ other)) == 0
}

/// Reads a line of at most so many bytes; none at the end.
///
/// # Errors
/// It is longer, no text, or the other side broke off.
pub async fn read_line(reading: &mut (impl AsyncBufRead + Unpin), most: usize) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let read = (&mut *reading).take(most as u64 + 1).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long or cut off"));
    }
    String::from_utf8(line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes a line.
///
/// # Errors
/// The other side broke off.
pub async fn write_line(writing: &mut (impl AsyncWrite + Unpin), line: &str) -> io::Result<()> {
    writing.write_all(line.as_bytes()).await?;
    writing.write_all(b"\n").await?;
    writing.flush().await
}

/// What a host says before it closes, read from its stream.
pub async fn read_event(reading: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Event>> {
    match read_line(reading, LINE_BYTES_MAX).await? {
        Some(line) => Ok(Some(serde_json::from_str(&line)?)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_bounded() {
        let mut text = BufReader::new(&b"short\nmuch too long\n"[..]);
        assert_eq!(read_line(&mut text, 5).await.unwrap().as_deref(), Some("short"));
        assert!(read_line(&mut text, 5).await.is_err());
        let mut cut = BufReader::new(&b"cut"[..]);
        assert!(read_line(&mut cut, 5).await.is_err());
        assert_eq!(read_line(&mut BufReader::new(&b""[..]), 5).await.unwrap(), None);
    }
}
