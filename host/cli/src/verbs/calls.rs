//! `calls`: list, show, cancel, resume.

use super::call::follow_each;
use super::{Context, simple};
use crate::args::{CallsArgs, CallsVerb};
use crate::error::{Failure, code};
use crate::host_processes::agent_of;
use crate::out::Table;
use crate::own::now;
use crate::protocol::{AgentRequest, Request};
use crate::timeline::{self, Timeline};
use crate::{duration, json, question};
use libos_kernel::kernel::ledger::EffectLine;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{LogLine, NotKept};
use libos_kernel::model::history;
use libos_kernel::model::id::{CallId, hex};
use libos_kernel::model::limit;
use libos_kernel::model::preview::escape;
use libos_kernel::model::question::{QuestionRow, QuestionState, Subject};
use libos_kernel::model::record::Record;
use libos_kernel::model::row::{CallRow, CallState};
use libos_kernel::store::StoreError;
use libos_kernel::store::reader::Snapshot;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

pub fn run(context: &Context, args: CallsArgs) -> anyhow::Result<u8> {
    match (args.verb, args.resume) {
        (Some(CallsVerb::Show { id }), _) => show(context, id),
        (Some(CallsVerb::Cancel { id }), _) => {
            simple(context, Request::Cancel { call: id, why: "cancelled by a person".into() })
        }
        (Some(CallsVerb::Export { id, file }), _) => export(context, id, &file),
        (None, Some(ids)) => resume(context, ids),
        (None, None) => {
            let (_, snapshot) = context.look()?;
            let mut rows = View(&snapshot).calls()?;
            rows.retain(|row| !args.waiting || row.state == CallState::Waiting);
            context.list(&rows, |rows| (table(rows), "there are no calls"))?;
            Ok(code::DONE)
        }
    }
}

/// Calls as a table.
pub fn table(rows: &[CallRow]) -> Table {
    let mut table = Table::new(&["ID", "PID", "TOOL", "STATE", "AGE", "WHY"]);
    for row in rows {
        let why = match &row.state {
            CallState::Failed(failure) => failure.message.clone(),
            CallState::Cancelled(why) => why.clone(),
            _ => String::new(),
        };
        let age = duration::short(now().since(row.started));
        table.row(vec![row.id.to_string(), row.pid.to_string(), row.tool.clone(), row.state.word().into(), age, why]);
    }
    table
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: &'a CallRow,
    arguments: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    questions: &'a [QuestionRow],
    log: &'a [LogLine],
    /// What it was refused.
    denied: &'a [Record],
    /// What it did outside.
    effects: &'a [EffectLine],
    /// What happened, in order.
    events: &'a [timeline::Event],
}

fn show(context: &Context, id: CallId) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    let row = view
        .call(id)?
        .ok_or_else(|| Failure::usage(format!("there is no call {id}")).hint("`libos calls` lists them"))?;
    let (arguments, result) = (unless_dropped(view.arguments(id))?, unless_dropped(view.result(id))?);
    let mut questions = Vec::new();
    for question in view.questions(false)? {
        if view.is_behind(id, &question)? {
            questions.push(question);
        }
    }
    let effects = view.ledger(Some(id))?;
    let timeline = Timeline::of(&view, &row)?;
    if context.out.json {
        let log = view.call_log(id)?;
        let raw = |text: Option<String>| text.map(|text| RawValue::from_string(json::compact(&text))).transpose();
        let (arguments, result) = (raw(arguments)?, raw(result)?);
        let denied = denied(&snapshot, &row)?;
        let (questions, events) = (&questions, &timeline.events);
        context.out.value(&Shown {
            row: &row,
            arguments,
            result,
            questions,
            log: &log,
            denied: &denied,
            effects: &effects,
            events,
        })?;
        return Ok(code::DONE);
    }
    let out = &context.out;
    out.fields(&head(&view, &row)?)?;
    out.heading("arguments")?;
    out.line(&arguments.map_or("(not stored any more)".to_owned(), |text| json::pretty(&text)))?;
    out.heading("what happened")?;
    for line in timeline::lines(&timeline, out.width(), &|text, colour| out.paint(text, colour)) {
        out.line(&line)?;
    }
    if row.log_dropped > 0 {
        out.line(&format!("  (the log was full: {} of it are missing)", duration::bytes(row.log_dropped)))?;
    }
    let legend = timeline::legend(&timeline);
    if !legend.is_empty() {
        out.heading("grants")?;
        legend.iter().try_for_each(|line| out.line(line))?;
    }
    questions
        .retain(|question| question.state == QuestionState::Open && !matches!(question.subject, Subject::Note { .. }));
    if !questions.is_empty() {
        out.heading("questions")?;
        questions.iter().flat_map(question::lines).try_for_each(|line| out.line(&line))?;
    }
    super::effects::section(out, &effects)?;
    if row.state == CallState::Done {
        out.heading("result")?;
        out.line(&result.map_or("(not stored any more)".to_owned(), |text| json::pretty(&text)))?;
    }
    Ok(code::DONE)
}

/// A payload that retention has dropped is none.
fn unless_dropped(text: Result<Option<String>, StoreError>) -> Result<Option<String>, StoreError> {
    match text {
        Err(StoreError::Damaged(why)) if why.starts_with("the payload file") => Ok(None),
        other => other,
    }
}

/// What a call is, name and value.
fn head(view: &View<'_>, row: &CallRow) -> anyhow::Result<Vec<(&'static str, String)>> {
    let image = view.process(row.pid)?.map(|process| format!(" of image {}", process.image)).unwrap_or_default();
    let mut state = row.state.word().to_owned();
    match &row.state {
        CallState::Failed(failure) => state.push_str(&format!(": {}", timeline::why(failure))),
        CallState::Cancelled(why) => state.push_str(&format!(": {why}")),
        _ => {}
    }
    let limits = &row.limits;
    let mut fields = vec![
        ("call", row.id.to_string()),
        (
            "tool",
            match &row.script {
                Some(script) => {
                    format!("{}, script {} in component {}", row.tool, &hex(script)[..16], &hex(&row.component)[..16])
                }
                None => format!("{}, component {}", row.tool, &hex(&row.component)[..16]),
            },
        ),
        ("process", format!("{}{image}", row.pid)),
        ("state", state),
        ("started", row.started.to_string()),
    ];
    fields.extend(row.ended.map(|ended| ("took", duration::humane(ended.since(row.started)))));
    if let Some(caller) = row.caller {
        fields.push(("made by", format!("{} at position {}", caller.call, caller.position)));
    }
    if row.incarnation > 0 {
        fields.push(("resumed", format!("{} time{}", row.incarnation, if row.incarnation == 1 { "" } else { "s" })));
    }
    fields.push((
        "limits",
        format!(
            "{} of memory, {} of computing, {} outside waits, {} imports, {} kept for replay",
            duration::bytes(limits.memory_bytes),
            duration::humane(limit::CALL_TICK.saturating_mul(u32::try_from(limits.cpu_ticks).unwrap_or(u32::MAX))),
            duration::humane(Duration::from_millis(limits.wall_milliseconds)),
            limits.imports,
            duration::bytes(limits.journal_bytes),
        ),
    ));
    if row.kept {
        fields.push(("kept", format!("whole; libos calls export {} FILE", row.id)));
    }
    Ok(fields)
}

#[derive(Serialize)]
struct Exported<'a> {
    id: CallId,
    file: &'a Path,
    /// Imports and calls, also of the calls that were made from it.
    imports: usize,
    calls: usize,
    bytes: usize,
}

/// Writes a kept call to a file.
fn export(context: &Context, id: CallId, file: &Path) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let history = View(&snapshot).history(id).map_err(|why| match why {
        NotKept::Store(error) => anyhow::Error::from(error),
        NotKept::NoSuchCall(_) => Failure::usage(why.to_string()).hint("`libos calls` lists them").into(),
        NotKept::NotKept(_) => {
            Failure::usage(why.to_string()).hint("keep the next one from its start: libos call --keep TOOL JSON").into()
        }
        NotKept::Lives { .. } => {
            Failure::usage(why.to_string()).hint("export it when it has ended; `libos calls cancel` ends it").into()
        }
        NotKept::Nested { outermost, .. } => {
            Failure::usage(why.to_string()).hint(format!("libos calls export {outermost} FILE")).into()
        }
        NotKept::Step(_) => Failure::usage(why.to_string()).hint("`libos calls show` lists them").into(),
        NotKept::Dropped { .. } => Failure::usage(why.to_string()).hint("call the tool again with --keep").into(),
    })?;
    let text = history::write(&history);
    if text.len() > limit::HISTORY_BYTES_MAX {
        let (is, most) = (duration::bytes(text.len() as u64), duration::bytes(limit::HISTORY_BYTES_MAX as u64));
        return Err(Failure::usage(format!("as a file call {id} has {is}, and nothing reads more than {most}")).into());
    }
    if file == Path::new("-") {
        if context.out.is_terminal() {
            let why = "what a tool wrote is not fit for a terminal as it is";
            return Err(Failure::usage(why)
                .hint(format!("libos calls export {id} FILE, or pipe it to a program"))
                .into());
        }
        std::io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(code::DONE);
    }
    crate::own::create(file, 0o600, text.as_bytes()).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::usage("the file is there already").at(file.display()).hint("give another name, or remove it first")
        }
        _ => Failure::usage(format!("it cannot be written: {error}")).at(file.display()),
    })?;
    let (imports, calls) = history.size();
    if context.out.json {
        context.out.value(&Exported { id, file, imports, calls, bytes: text.len() })?;
        return Ok(code::DONE);
    }
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (imports, calls) = (count(imports, "import"), count(calls, "call"));
    context.out.line(&format!("exported {id} to {}: {calls}, {imports}", escape(&file.display().to_string())))?;
    eprintln!("note: the file holds everything that the tool was given, saw and wrote");
    Ok(code::DONE)
}

/// The records of what the call was refused.
fn denied(snapshot: &Snapshot, row: &CallRow) -> anyhow::Result<Vec<Record>> {
    let mut found = Vec::new();
    View(snapshot).records(row.record, |record| {
        let ours = record.call == Some(row.id);
        let end = ours && record.operation == "call.end";
        if ours && matches!(record.outcome, libos_kernel::model::record::Outcome::Denied) {
            found.push(record);
        }
        if end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(found)
}

/// Runs calls on that wait for no person, to their ends or next questions; the exit code is the first that is not 0.
fn resume(context: &Context, ids: Vec<CallId>) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    let ids = if ids.is_empty() { View(&snapshot).resumable()? } else { ids };
    // A step of a process goes on with the process.
    let (mut calls, mut agents) = (Vec::new(), BTreeSet::new());
    for id in &ids {
        match agent_of(&View(&snapshot), *id)? {
            Some(pid) => drop(agents.insert(pid)),
            None => calls.push(*id),
        }
    }
    drop(snapshot);
    if ids.is_empty() {
        if context.out.json {
            context.out.value(&Vec::<CallId>::new())?;
        } else {
            eprintln!("no call was interrupted or sleeps");
        }
        return Ok(code::DONE);
    }
    let mut exit = code::DONE;
    for pid in agents {
        let one = super::follow::follow(context, place.clone(), AgentRequest::Follow { pid, answer: None })?;
        exit = if exit == code::DONE { one } else { exit };
    }
    if calls.is_empty() {
        return Ok(exit);
    }
    let one = follow_each(context, place, calls.into_iter().map(|call| Request::Attach { call }).collect())?;
    Ok(if exit == code::DONE { one } else { exit })
}
