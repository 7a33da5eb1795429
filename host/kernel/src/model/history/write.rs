//! A history as text.

use super::{End, FORMAT, History, Import, Start, VERSION, WORLD};
use crate::model::answer::Answer;
use crate::model::call::Call;
use crate::model::id::Digest;
use crate::model::limit::CallLimits;
use crate::model::row::Failure;
use crate::model::text;
use crate::model::time::Time;
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Line<'a> {
    Call(StartLine<'a>),
    Import(ImportLine<'a>),
    End(EndLine<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct StartLine<'a> {
    format: &'static str,
    version: u32,
    world: &'static str,
    tool: &'a str,
    export: &'a str,
    #[serde(with = "text::digest")]
    component: Digest,
    #[serde(skip_serializing_if = "Option::is_none", with = "text::digest_if_any")]
    script: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(with = "text::time")]
    started: Time,
    resumes: u32,
    limits: &'a CallLimits,
    #[serde(with = "text::digest")]
    seed: Digest,
    #[serde(flatten)]
    arguments: Arguments<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Arguments<'a> {
    Arguments(&'a RawValue),
    ArgumentsText(&'a str),
}

#[derive(Serialize)]
struct ImportLine<'a> {
    position: usize,
    request: &'a Call,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Answer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(with = "text::digest")]
    digest: Digest,
}

#[derive(Serialize)]
struct EndLine<'a> {
    #[serde(flatten)]
    how: HowLine<'a>,
    #[serde(with = "text::digest")]
    digest: Digest,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum HowLine<'a> {
    Done(&'a RawValue),
    DoneText(&'a str),
    Failed(&'a Failure),
    Cancelled(&'a str),
}

/// JSON that can stand in a line as it is.
fn raw(text: &str) -> Option<&RawValue> {
    let whole = text.trim() == text && !text.contains(['\n', '\r']);
    serde_json::from_str(text).ok().filter(|_| whole)
}

/// The text of a history; its last line ends too.
pub fn write(history: &History) -> String {
    let mut writer = Writer::default();
    // The calls that are open, and the import of each that comes next.
    let mut open = vec![(history, 0)];
    writer.line(&Line::Call(start(&history.start)));
    while let Some((history, at)) = open.last_mut() {
        let (history, position) = (*history, *at / 2);
        let Some(made) = history.imports.get(position) else {
            writer.line(&Line::End(end(&history.end, &writer.digest)));
            open.pop();
            continue;
        };
        // Twice a position: first what it made, then the import itself.
        let is_second = *at % 2 == 1;
        *at += 1;
        if is_second {
            writer.line(&Line::Import(import(position, made)));
        } else if let Some(nested) = &made.nested {
            writer.line(&Line::Call(start(&nested.start)));
            open.push((nested, 0));
        }
    }
    writer.text
}

#[derive(Default)]
struct Writer {
    text: String,
    /// Of the text so far.
    digest: Sha256,
}

impl Writer {
    fn line(&mut self, line: &Line<'_>) {
        // Every key is a string and no type here refuses to be written.
        let written = serde_json::to_string(line);
        let line = written.unwrap_or_else(|error| unreachable!("a line of a history: {error}"));
        self.digest.update(&line);
        self.digest.update("\n");
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

fn start(start: &Start) -> StartLine<'_> {
    StartLine {
        format: FORMAT,
        version: VERSION,
        world: WORLD,
        tool: &start.tool,
        export: &start.export,
        component: start.component,
        script: start.script,
        image: start.image.as_deref(),
        started: start.started,
        resumes: start.resumes,
        limits: &start.limits,
        seed: start.seed,
        arguments: raw(&start.arguments).map_or(Arguments::ArgumentsText(&start.arguments), Arguments::Arguments),
    }
}

fn import(position: usize, import: &Import) -> ImportLine<'_> {
    ImportLine {
        position,
        request: &import.call,
        answer: import.answered.as_ref().map(|(_, answer)| answer),
        time: import.answered.as_ref().map(|(time, _)| time.exact()),
        digest: import.digest(),
    }
}

fn end<'a>(end: &'a End, before: &Sha256) -> EndLine<'a> {
    let how = match end {
        End::Done(text) => raw(text).map_or(HowLine::DoneText(text), HowLine::Done),
        End::Failed(failure) => HowLine::Failed(failure),
        End::Cancelled(why) => HowLine::Cancelled(why),
    };
    EndLine { how, digest: end.digest(before) }
}
