//! Reads the text of a history. The file may come from anywhere: every line is checked, and every size is bounded before it is used.

use super::{End, FORMAT, History, Import, Start, VERSION, WORLD};
use crate::model::answer::Answer;
use crate::model::call::{Call, Called, Reply};
use crate::model::id::{Digest, Position};
use crate::model::limit::{self, CallLimits};
use crate::model::row::Failure;
use crate::model::text;
use crate::model::time::Time;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// A text that is no history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// From 1.
    pub line: usize,
    pub why: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Call(Box<StartLine>),
    Import(Box<ImportLine>),
    End(Box<EndLine>),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct StartLine {
    format: String,
    version: u32,
    world: String,
    tool: String,
    export: String,
    #[serde(with = "text::digest")]
    component: Digest,
    #[serde(default, with = "text::digest_if_any")]
    script: Option<Digest>,
    image: Option<String>,
    #[serde(with = "text::time")]
    started: Time,
    resumes: u32,
    limits: CallLimits,
    #[serde(with = "text::digest")]
    seed: Digest,
    #[serde(default, deserialize_with = "present")]
    arguments: Option<Box<RawValue>>,
    arguments_text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportLine {
    position: usize,
    request: Call,
    answer: Option<Answer>,
    time: Option<String>,
    #[serde(with = "text::digest")]
    digest: Digest,
}

/// With one of the first four.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct EndLine {
    #[serde(default, deserialize_with = "present")]
    done: Option<Box<RawValue>>,
    done_text: Option<String>,
    failed: Option<Failure>,
    cancelled: Option<String>,
    #[serde(with = "text::digest")]
    digest: Digest,
}

/// JSON that is there; also `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// What the first line says before anything else is understood.
#[derive(Deserialize)]
struct Head {
    call: HeadOfCall,
}

#[derive(Deserialize)]
struct HeadOfCall {
    format: String,
    version: u32,
}

/// A call that is not closed yet.
struct Open {
    start: Start,
    imports: Vec<Import>,
    /// How many of them were never answered.
    unanswered: usize,
    /// The call that the next import made.
    nested: Option<Box<History>>,
}

impl Open {
    fn has_answer(&self, ticket: Position) -> bool {
        self.imports.get(ticket as usize).is_some_and(|import| import.answered.is_some())
    }
}

/// Reads a history.
///
/// # Errors
/// The first line that is wrong, and why.
pub fn read(text: &str) -> Result<History, Broken> {
    let mut reader = Reader::default();
    let most = limit::HISTORY_BYTES_MAX;
    if text.len() > most {
        return Err(broken(1, format!("the file has {} bytes, at most {most}", text.len())));
    }
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        reader.line(number, line).map_err(|why| broken(number, why))?;
    }
    match reader.whole {
        Some(history) => Ok(history),
        None if number == 0 => Err(broken(1, "the file is empty".into())),
        None => Err(broken(number, "the file ends before the call does: its last line is missing".into())),
    }
}

fn broken(line: usize, why: String) -> Broken {
    Broken { line, why }
}

#[derive(Default)]
struct Reader {
    /// The calls that are open, the outermost first.
    open: Vec<Open>,
    /// Calls so far.
    calls: u32,
    /// Of the text so far.
    digest: Sha256,
    whole: Option<History>,
}

impl Reader {
    fn line(&mut self, number: usize, text: &str) -> Result<(), String> {
        if number > limit::HISTORY_LINES_MAX {
            return Err(format!("there are more than {} lines", limit::HISTORY_LINES_MAX));
        }
        if text.len() > limit::HISTORY_LINE_BYTES_MAX {
            return Err(format!("it has {} bytes, at most {}", text.len(), limit::HISTORY_LINE_BYTES_MAX));
        }
        if self.whole.is_some() {
            return Err("something follows the end of the call".into());
        }
        if number == 1 {
            check_head(text)?;
        }
        match serde_json::from_str(text).map_err(in_this_line)? {
            Line::Call(start) => self.start(*start),
            Line::Import(import) => self.import(*import),
            Line::End(end) => self.end(*end),
        }?;
        self.digest.update(text);
        self.digest.update("\n");
        Ok(())
    }

    fn start(&mut self, line: StartLine) -> Result<(), String> {
        let depth = self.open.len();
        if depth > limit::NESTED_CALLS_MAX {
            return Err(format!("calls within calls go at most {} deep", limit::NESTED_CALLS_MAX));
        }
        if self.calls > limit::NESTED_CALLS_TOTAL_MAX {
            return Err(format!("there are more than {} calls", limit::NESTED_CALLS_TOTAL_MAX + 1));
        }
        if self.open.last().is_some_and(|open| open.nested.is_some()) {
            return Err("a call follows a call, but each is made by an import of its own".into());
        }
        self.calls += 1;
        let start = checked(line)?;
        self.open.push(Open { start, imports: Vec::new(), unanswered: 0, nested: None });
        Ok(())
    }

    fn import(&mut self, line: ImportLine) -> Result<(), String> {
        let open = self.open.last_mut().ok_or("an import stands outside a call")?;
        let expected = open.imports.len();
        if line.position != expected {
            return Err(format!("the import at position {expected} is expected, this is {}", line.position));
        }
        if expected as u64 >= u64::from(open.start.limits.imports) {
            return Err(format!("the call may make {} imports only", open.start.limits.imports));
        }
        // What was submitted may be open when others follow, and when the call ends.
        if open.imports.last().is_some_and(|last| last.answered.is_none() && !last.call.can_be_submitted()) {
            return Err("an import follows one that was never answered".into());
        }
        open.unanswered += usize::from(line.answer.is_none());
        if open.unanswered > limit::TICKETS_OPEN_MAX + 1 {
            return Err(format!("more than {} imports were never answered", limit::TICKETS_OPEN_MAX + 1));
        }
        let answered = match (line.time, line.answer) {
            (Some(time), Some(answer)) => {
                if let Answer::Done(Reply::Ticket(Some(ticket))) = &answer
                    && !open.has_answer(*ticket)
                {
                    return Err(format!("it takes the answer of ticket {ticket}, which has none"));
                }
                let time = Time::from_exact(&time).ok_or_else(|| format!("'{time}' is no moment"))?;
                Some((time, answer))
            }
            (None, None) => None,
            _ => return Err("an answer and its time go together".into()),
        };
        let nested = open.nested.take();
        let import = Import { call: line.request, answered, nested };
        let made = matches!(
            (&import.call, &import.answered),
            (Call::ToolCall { .. }, None | Some((_, Answer::Done(Reply::Called(_)))))
        );
        if import.nested.is_some() && !made {
            return Err("only tools.call makes a call, and answers how that ended".into());
        }
        if let Some(why) = import.nested.as_deref().and_then(|nested| unlike(&import, nested)) {
            return Err(why.into());
        }
        if import.digest() != line.digest {
            return Err("the digest is not that of the request, its answer and its time: the line was changed".into());
        }
        open.imports.push(import);
        Ok(())
    }

    fn end(&mut self, line: EndLine) -> Result<(), String> {
        let open = self.open.pop().ok_or("a call ends that did not begin")?;
        if open.nested.is_some() {
            return Err("a call was made by no import".into());
        }
        let end = match (line.done, line.done_text, line.failed, line.cancelled) {
            (Some(json), None, None, None) => End::Done(Box::<str>::from(json).into_string()),
            (None, Some(text), None, None) => End::Done(text),
            (None, None, Some(failure), None) => End::Failed(failure),
            (None, None, None, Some(why)) => End::Cancelled(why),
            _ => return Err("a call ends in one way: done, done-text, failed or cancelled".into()),
        };
        if end.digest(&self.digest) != line.digest {
            return Err("the digest is not that of the lines before it and of the end: one of them was changed".into());
        }
        let history = History { start: open.start, imports: open.imports, end };
        match self.open.last_mut() {
            Some(caller) => caller.nested = Some(Box::new(history)),
            None => self.whole = Some(history),
        }
        Ok(())
    }
}

/// Why the answer of an import is not how the call that it made ended.
fn unlike(import: &Import, nested: &History) -> Option<&'static str> {
    let (_, Answer::Done(Reply::Called(called))) = import.answered.as_ref()? else { return None };
    let same = match (called, &nested.end) {
        (Called::Done(result), End::Done(text)) => result == text,
        (Called::Failed(why), End::Failed(failure)) => *why == failure.message,
        (Called::Failed(why), End::Cancelled(text)) => why == text,
        _ => false,
    };
    (!same).then_some("the answer is not how the call that stands before it ended")
}

fn check_head(text: &str) -> Result<(), String> {
    let head: Head = serde_json::from_str(text)
        .map_err(|_| format!("this is no exported call: its first line does not say \"format\":\"{FORMAT}\""))?;
    if head.call.format != FORMAT {
        return Err(format!("the format is {}, not {FORMAT}", quoted(&head.call.format)));
    }
    if head.call.version != VERSION {
        return Err(format!(
            "the version of the format is {}, and this program reads {VERSION}; export the call again",
            head.call.version
        ));
    }
    Ok(())
}

fn checked(line: StartLine) -> Result<Start, String> {
    if line.format != FORMAT || line.version != VERSION {
        return Err(format!("a call within a file of version {VERSION} is of another format"));
    }
    if line.world != WORLD {
        return Err(format!("the call is of the world {}, and this program has {WORLD}", quoted(&line.world)));
    }
    let arguments = match (line.arguments, line.arguments_text) {
        (Some(json), None) => Box::<str>::from(json).into_string(),
        (None, Some(text)) => text,
        _ => return Err("a call has either \"arguments\" or \"arguments-text\"".into()),
    };
    if arguments.len() > limit::CALL_TEXT_BYTES_MAX {
        return Err(format!("the arguments have more than {} bytes", limit::CALL_TEXT_BYTES_MAX));
    }
    check_limits(&line.limits)?;
    Ok(Start {
        tool: line.tool,
        export: line.export,
        component: line.component,
        script: line.script,
        image: line.image,
        arguments,
        limits: line.limits,
        seed: line.seed,
        started: line.started,
        resumes: line.resumes,
    })
}

/// What a file asks for is what a policy could give, not more.
fn check_limits(limits: &CallLimits) -> Result<(), String> {
    let ticks = limit::CALL_PROCESSOR_TIME_MAX.as_millis() / limit::CALL_TICK.as_millis();
    for (name, value, most) in [
        ("memory_bytes", limits.memory_bytes, u128::from(limit::CALL_MEMORY_BYTES_MAX)),
        ("cpu_ticks", limits.cpu_ticks, ticks),
        ("wall_milliseconds", limits.wall_milliseconds, limit::CALL_WALL_TIME_MAX.as_millis()),
        ("imports", limits.imports.into(), limit::CALL_IMPORTS_MAX.into()),
        ("journal_bytes", limits.journal_bytes, limit::CALL_JOURNAL_BYTES_MAX.into()),
    ] {
        if u128::from(value) > most {
            return Err(format!("the limit {name} is {value}, at most {most}"));
        }
    }
    Ok(())
}

/// serde says `at line 1 column 7`; the line is the file's, and told already.
fn in_this_line(error: serde_json::Error) -> String {
    let text = error.to_string();
    let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
    format!("column {}: {why}", error.column())
}

fn quoted(text: &str) -> String {
    let mut text = text.to_owned();
    crate::model::record::cut(&mut text, 80);
    format!("'{text}'")
}
