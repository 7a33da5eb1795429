//! The terminal: whether there is one, how wide it is, colours, progress, and questions to the person who sits at it.

use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use tokio::sync::oneshot;

/// Whether somebody sits there: what is asked can be seen and answered.
pub fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Columns of standard output; none if it is no terminal.
pub fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    // A terminal that does not say is taken to be very wide: then nothing is cut.
    tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).or(Some(usize::MAX))
}

/// Columns of the terminal that errors and progress are shown on; 80 if it does not say.
pub fn error_width() -> usize {
    tcgetwinsize(io::stderr()).ok().map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).unwrap_or(80)
}

/// Whether the terminal only prints, as `TERM` says.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Colours that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
}

/// The text in a colour, if `on`.
pub fn paint(text: &str, colour: Colour, on: bool) -> String {
    let number = match colour {
        Colour::Bold => 1,
        Colour::Dim => 2,
        Colour::Red => 31,
        Colour::Green => 32,
        Colour::Yellow => 33,
    };
    if on { format!("\x1b[{number}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Whether a stream gets colours.
pub fn coloured(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Shows what takes long, on a terminal only. One line, which the next one replaces.
pub fn progress(text: &str) {
    let stderr = io::stderr();
    if stderr.is_terminal() {
        // Progress that cannot be shown is no error.
        let _ = write!(stderr.lock(), "\r\x1b[K{text} ...");
    }
}

/// Takes the progress away.
pub fn progress_done() {
    let stderr = io::stderr();
    if stderr.is_terminal() {
        let _ = write!(stderr.lock(), "\r\x1b[K");
    }
}

/// Asks, and waits for a line; none at the end of the input. What was typed before the question is thrown away: it cannot have been
/// meant as the answer.
pub async fn ask(prompt: &str) -> io::Result<Option<String>> {
    let answer = {
        let mut reader = reader()?.lock().unwrap_or_else(PoisonError::into_inner);
        tcflush(io::stdin(), QueueSelector::IFlush)?;
        let mut stderr = io::stderr().lock();
        write!(stderr, "{prompt}")?;
        stderr.flush()?;
        reader.next()
    };
    Ok(answer.await.unwrap_or(None))
}

/// As [`ask`], for code that does not wait for anything else.
pub fn ask_now(prompt: &str) -> io::Result<Option<String>> {
    tcflush(io::stdin(), QueueSelector::IFlush)?;
    eprint!("{prompt}");
    let mut line = String::new();
    Ok((io::stdin().read_line(&mut line)? > 0).then(|| line.trim().to_owned()))
}

type Answer = oneshot::Sender<Option<String>>;

/// One thread reads lines as long as the program runs, so that a question can be given up without losing the next line.
struct Reader {
    wanted: mpsc::Sender<Answer>,
}

impl Reader {
    fn next(&mut self) -> oneshot::Receiver<Option<String>> {
        let (sender, receiver) = oneshot::channel();
        // Without the thread the receiver sees the end of the input.
        let _ = self.wanted.send(sender);
        receiver
    }
}

fn reader() -> io::Result<&'static Mutex<Reader>> {
    static READER: OnceLock<Mutex<Reader>> = OnceLock::new();
    if let Some(reader) = READER.get() {
        return Ok(reader);
    }
    let (wanted, answers) = mpsc::channel::<Answer>();
    std::thread::Builder::new().name("input".into()).spawn(move || read_lines(&answers))?;
    Ok(READER.get_or_init(|| Mutex::new(Reader { wanted })))
}

/// Gives each line to the newest question: older ones were given up.
fn read_lines(answers: &mpsc::Receiver<Answer>) {
    let mut input = io::stdin().lock();
    while let Ok(mut answer) = answers.recv() {
        let mut line = String::new();
        let ended = !matches!(input.read_line(&mut line), Ok(1..));
        while let Ok(newer) = answers.try_recv() {
            answer = newer;
        }
        let _ = answer.send((!ended).then(|| line.trim().to_owned()));
        if ended {
            return;
        }
    }
}
