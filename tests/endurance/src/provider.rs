//! A provider of effects: a program that carries out what it is asked and counts how often for each key. It outlives the hosts.
//!
//! One request a connection, one line, carried out in the order in which they came: whoever asks what became of an effect asks after
//! all that a dead host has sent. It tells nothing about what is [`MUTE`].

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Part of the names of effects of which the provider does not tell whether it carried them out.
pub const MUTE: &str = "/mute/";
/// A client that does not speak for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often each key was carried out, and what for.
pub type Executions = BTreeMap<String, (u32, String)>;

/// Serves until it is killed.
///
/// # Errors
/// The socket cannot be made.
pub fn serve(socket: &Path) -> io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    let mut executions = Executions::new();
    for stream in listener.incoming() {
        // A client that breaks off has said nothing.
        let _ = stream.and_then(|stream| answer(stream, &mut executions));
    }
    Ok(())
}

fn answer(mut stream: UnixStream, executions: &mut Executions) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let Some(line) = line.strip_suffix('\n') else { return Ok(()) };
    match line.splitn(3, ' ').collect::<Vec<_>>()[..] {
        ["do", key, name] => {
            let entry = executions.entry(key.to_owned()).or_insert((0, name.to_owned()));
            entry.0 += 1;
            stream.write_all(b"done\n")
        }
        ["ask", _, name] if name.contains(MUTE) => Ok(()),
        ["ask", key, _] => {
            stream.write_all(if executions.contains_key(key) { b"done\n".as_slice() } else { b"never\n" })
        }
        ["dump", ..] => {
            let lines: String =
                executions.iter().map(|(key, (count, name))| format!("{key} {count} {name}\n")).collect();
            stream.write_all(lines.as_bytes())
        }
        _ => Ok(()),
    }
}

/// Sends a request; the answer is on the stream.
///
/// # Errors
/// There is no provider.
pub fn send(socket: &Path, request: &str) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    Ok(stream)
}

/// The answer's first line; empty if it does not tell.
///
/// # Errors
/// The provider broke off.
pub fn receive(stream: &UnixStream) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// What was carried out so far.
///
/// # Errors
/// The provider broke off.
pub fn dump(socket: &Path) -> io::Result<Executions> {
    let mut executions = Executions::new();
    for line in BufReader::new(send(socket, "dump")?).lines() {
        let line = line?;
        if let [key, count, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] {
            let count = count.parse().map_err(io::Error::other)?;
            executions.insert(key.to_owned(), (count, name.to_owned()));
        }
    }
    Ok(executions)
}
