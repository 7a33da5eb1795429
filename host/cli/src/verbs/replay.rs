//! `replay`: runs tools again against recorded calls, and tells the first difference as a person reads it.

use super::{Context, block_on, script};
use crate::args::ReplayArgs;
use crate::diff::{self, Line};
use crate::error::{Failure, code, unreadable};
use crate::place::Place;
use crate::term::Colour;
use crate::{json, own, standard};
use libos::scripts::is_script;
use libos::world::read_component;
use libos::{BRIDGE, BRIDGE_DIGEST, Code, Compile, Difference, ReplayError, Replayer, Report, Verdict, request_value};
use libos_kernel::model::call::Call;
use libos_kernel::model::history::{self, Field, History, Start};
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use libos_kernel::store::disk::{Directory, Storage};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Lines of a difference of two texts, and characters of one value, that are shown.
const LINES_SHOWN: usize = 40;
const CHARACTERS_SHOWN: usize = 240;

#[derive(Serialize)]
struct Replayed<'a> {
    file: &'a Path,
    same: bool,
    #[serde(flatten)]
    report: &'a Report,
}

/// Replays files.
pub fn run(context: &Context, args: &ReplayArgs) -> anyhow::Result<u8> {
    let histories = args.files.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let components = Components::new(context, args)?;
    let replayer = Replayer::new(Compile::this_program()).map_err(libos::RuntimeError::from)?;
    let mut reports = Vec::new();
    for (file, history) in args.files.iter().zip(&histories) {
        let find = |start: &Start, _| components.find(history, start);
        let replayed = block_on(async { Ok(replayer.replay(history, &find).await) })?;
        let report = replayed.map_err(|error| failure(&error, history).at(file.display()))?;
        if !context.out.json {
            show(context, file, &report)?;
        }
        reports.push(report);
    }
    let all_same = reports.iter().all(Report::is_same);
    if context.out.json {
        let files = args.files.iter().zip(&reports);
        let rows: Vec<_> = files.map(|(file, report)| Replayed { file, same: report.is_same(), report }).collect();
        context.out.value(&rows)?;
    }
    Ok(if all_same { code::DONE } else { code::FAILED })
}

fn read(file: &Path) -> anyhow::Result<History> {
    let text = own::read_settings(file, limit::HISTORY_BYTES_MAX, true)
        .map_err(|error| Failure::usage(format!("it cannot be read: {error}")).at(file.display()))?;
    let history = history::read(&text).map_err(|error| {
        Failure::usage(format!("this is no exported call: {}", error.why))
            .at(format!("{}:{}", file.display(), error.line))
            .hint("`libos calls export ID FILE` writes one")
    })?;
    Ok(history)
}

fn failure(error: &ReplayError, history: &History) -> Failure {
    match error {
        ReplayError::NoComponent { .. } => Failure::usage(error.to_string()).hint(format!(
            "give it with --component FILE, or another build of {} with --tool FILE",
            history.start.tool
        )),
        ReplayError::Component(error) => crate::error::prepare(error),
        ReplayError::Script(wrong) => Failure::usage(wrong.to_string()),
        ReplayError::Engine(_) | ReplayError::Host(_) => Failure::cannot(error.to_string()),
    }
}

/// What is run instead of what was recorded.
enum Instead {
    Component(Vec<u8>),
    /// The file that the store would have of it.
    Script(Vec<u8>),
}

/// Where components and scripts are found.
struct Components {
    instead: Option<Instead>,
    given: HashMap<Digest, Vec<u8>>,
    /// The files of a workspace's store, if this is in one. Nothing but components and scripts is read from there.
    stored: Option<Directory>,
}

impl Components {
    fn new(context: &Context, args: &ReplayArgs) -> anyhow::Result<Components> {
        let bytes = |file: &PathBuf| match is_script(file) {
            true => Ok(script::load(file)?.to_bytes()),
            false => read_component(file).map_err(|error| anyhow::Error::from(unreadable(file, &error))),
        };
        let mut given = HashMap::new();
        for file in &args.components {
            let bytes = bytes(file)?;
            given.insert(Sha256::digest(&bytes).into(), bytes);
        }
        let instead = match &args.tool {
            None => None,
            Some(file) if is_script(file) => Some(Instead::Script(bytes(file)?)),
            Some(file) => Some(Instead::Component(bytes(file)?)),
        };
        // Outside a workspace there is none.
        let stored = Place::find(&context.global).ok().map(|place| Directory::new(&place.data));
        Ok(Components { instead, given, stored })
    }

    fn find(&self, history: &History, start: &Start) -> Option<Code> {
        // What runs scripts may be of another version than then: that is what is tried.
        let bridge = || self.file(&start.component).unwrap_or_else(|| BRIDGE.to_vec());
        match &self.instead {
            Some(Instead::Component(bytes)) if start.code() == history.start.code() => Some(bytes.clone().into()),
            Some(Instead::Script(bytes)) if start.code() == history.start.code() => {
                // A component that became a script is run by the one of this program.
                let component = if start.script.is_some() { bridge() } else { BRIDGE.to_vec() };
                Some(Code { component, script: Some(bytes.clone()) })
            }
            _ => match &start.script {
                Some(script) => Some(Code { script: Some(self.file(script)?), component: bridge() }),
                None => self.file(&start.component).map(Code::from),
            },
        }
    }

    /// A component or a script.
    fn file(&self, digest: &Digest) -> Option<Vec<u8>> {
        let own = || {
            let found = standard::ALL.iter().find(|standard| standard.digest == *digest);
            let bridge = || (*digest == *BRIDGE_DIGEST).then_some(BRIDGE);
            found.map(|standard| standard.bytes).or_else(bridge).map(<[u8]>::to_vec)
        };
        let stored = || {
            let bytes = self.stored.as_ref()?.get_file(digest).ok()?;
            (Sha256::digest(&bytes)[..] == *digest).then_some(bytes)
        };
        self.given.get(digest).cloned().or_else(own).or_else(stored)
    }
}

fn show(context: &Context, file: &Path, report: &Report) -> anyhow::Result<()> {
    let out = &context.out;
    let imports = |count: usize| format!("{count} import{}", if count == 1 { "" } else { "s" });
    let mut left = vec![(0, report)];
    while let Some((depth, report)) = left.pop() {
        left.extend(report.nested.iter().rev().map(|nested| (depth + 1, nested)));
        let (colour, words) = match &report.verdict {
            Verdict::Same => (Colour::Green, format!("same: {}, same end", imports(report.imports))),
            Verdict::SameUntilCut => {
                let made = imports(report.same_imports as usize);
                (Colour::Green, format!("same: {made}; there the record was cut"))
            }
            Verdict::NotReplayed => (Colour::Dim, "not replayed: its component is not here".to_owned()),
            Verdict::Different { .. } => (Colour::Red, "different".to_owned()),
        };
        let head = if depth == 0 { escape(&file.display().to_string()) } else { "made from it".to_owned() };
        let indent = "  ".repeat(depth);
        out.line(&format!("{indent}{head}: {}: {}", escape(&report.tool), out.paint(&words, colour)))?;
        if let Verdict::Different { difference } = &report.verdict {
            let mut lines = difference_lines(context, difference);
            lines.extend(components_line(report));
            if !report.printed.is_empty() {
                lines.push("it printed:".into());
                lines.extend(report.printed.lines().map(|line| format!("  | {}", escape(line))));
            }
            lines.iter().try_for_each(|line| out.line(&format!("{indent}  {line}")))?;
        }
        if let Some(line) = bridge_line(report) {
            out.line(&format!("{indent}  {line}"))?;
        }
    }
    Ok(())
}

/// Said of a replay that went the same way, too: it is then not that of the very code that was recorded.
fn bridge_line(report: &Report) -> Option<String> {
    let bridge = report.bridge.as_ref()?;
    let (then, now) = (&bridge.recorded[..16], &bridge.replayed[..16]);
    Some(format!("what runs scripts was {then} then and is {now} here; --component FILE gives the one of then"))
}

fn components_line(report: &Report) -> Option<String> {
    let with = report.component.as_ref().filter(|component| **component != report.recorded_component)?;
    Some(format!("recorded with {}, replayed with {}", &report.recorded_component[..16], &with[..16]))
}

fn difference_lines(context: &Context, difference: &Difference) -> Vec<String> {
    match difference {
        Difference::Import { position, recorded, made, fields, .. } if recorded == made => {
            let mut lines = vec![format!("at position {position}: {made} with other arguments")];
            lines.extend(fields.iter().flat_map(|field| field_lines(context, field)));
            lines
        }
        Difference::Import { position, recorded, made, recorded_request, made_request, .. } => vec![
            format!("at position {position}: {made} instead of {recorded}"),
            format!("  recorded  {}", request(recorded_request)),
            format!("  made      {}", request(made_request)),
        ],
        Difference::Extra { position, made, made_request } => vec![
            format!("at position {position}: {made}, and the record has nothing left"),
            format!("  made      {}", request(made_request)),
        ],
        Difference::Missing { position, recorded, recorded_request, left, ended } => {
            let rest = if *left > 1 { format!(" and {} more", left - 1) } else { String::new() };
            vec![
                format!("at position {position}: it ended, before {recorded}{rest}"),
                format!("  recorded  {}", request(recorded_request)),
                format!("  ended     {}", value(ended)),
            ]
        }
        Difference::End { fields, .. } => {
            let mut lines = vec!["all imports are the same, the end is not".to_owned()];
            lines.extend(fields.iter().flat_map(|field| field_lines(context, field)));
            lines
        }
    }
}

/// How a field differs; long texts line by line.
fn field_lines(context: &Context, field: &Field) -> Vec<String> {
    let name = if field.field.is_empty() { "the whole".to_owned() } else { escape(&field.field) };
    if let (Some(Value::String(old)), Some(Value::String(new))) = (&field.recorded, &field.made)
        && (old.contains('\n') || new.contains('\n'))
    {
        let lines = diff::lines(old, new);
        let shown = diff::with_context(&lines, 2);
        let mut found = vec![format!("  {name}")];
        found.extend(shown.iter().take(LINES_SHOWN).map(|line| {
            let (mark, text, colour) = match line {
                None => return "    ...".to_owned(),
                Some(Line::Same(text)) => (' ', text, None),
                Some(Line::Gone(text)) => ('-', text, Some(Colour::Red)),
                Some(Line::New(text)) => ('+', text, Some(Colour::Green)),
            };
            let line = format!("    {mark} {}", cut(&escape(text)));
            colour.map_or(line.clone(), |colour| context.out.paint(&line, colour))
        }));
        if shown.len() > LINES_SHOWN {
            found.push(format!("    ... and {} more lines", shown.len() - LINES_SHOWN));
        }
        if old.ends_with('\n') != new.ends_with('\n') {
            found.push("    (the end of the last line differs)".into());
        } else if old.lines().eq(new.lines()) {
            found.push("    (the ends of the lines differ)".into());
        }
        return found;
    }
    let side = |side: &Option<Value>| side.as_ref().map_or("nothing".to_owned(), value);
    vec![
        format!("  {name}"),
        context.out.paint(&format!("    - {}", side(&field.recorded)), Colour::Red),
        context.out.paint(&format!("    + {}", side(&field.made)), Colour::Green),
    ]
}

/// A system call on one line.
fn request(call: &Call) -> String {
    match request_value(call) {
        Value::Null => call.operation().to_owned(),
        fields => format!("{} {}", call.operation(), value(&fields)),
    }
}

/// A value on one line, safe for a terminal and not endless.
fn value(value: &Value) -> String {
    cut(&json::safe(&value.to_string()))
}

fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= CHARACTERS_SHOWN {
        return text.to_owned();
    }
    let start: String = text.chars().take(CHARACTERS_SHOWN).collect();
    format!("{start}… ({length} characters)")
}
