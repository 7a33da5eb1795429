//! `audit verify`: has the log checked by a process of its own, and says what that found, or that it did not survive it.

use super::super::Context;
use super::check::{AT, BECAUSE, Report};
use crate::error::{Failure, code};
use crate::{keys, own};
use libos_kernel::kernel::audit::{Problem, Verified};
use libos_kernel::model::preview::escape;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// A check that says nothing for so long goes round in circles in a damaged file.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of a report, and of a line of what the check says on the way.
const REPORT_BYTES_MAX: u64 = 4 << 20;
const LINE_BYTES_MAX: u64 = 4 << 10;

/// How the process that checked has ended.
struct Ended {
    report: Option<Report>,
    /// How far it came, and why it ended, as far as it said.
    at: Option<String>,
    because: Option<String>,
}

pub fn run(context: &Context, witness: Option<&Path>, key: Option<&str>) -> anyhow::Result<u8> {
    let place = context.place()?;
    // The key beside the secret one; without any the check goes by what the store says.
    let outside = keys::public(&place, key)?;
    let mut arguments: Vec<OsString> = vec!["--data".into(), place.data.clone().into()];
    arguments.extend(["--workspace".into(), place.workspace.clone().into(), "check-log".into()]);
    if let Some(witness) = witness {
        arguments.extend(["--witness".into(), std::path::absolute(witness)?.into()]);
    }
    if let Ok(outside) = &outside {
        arguments.extend(["--key".into(), outside.key.to_string().into()]);
    }
    let child = own::start_self(&arguments)
        .map_err(|error| Failure::cannot(format!("the check cannot be started: {error}")))?;
    let Ended { report, at, because } = watch(child)?;
    match report {
        Some(Report::Verified { verified, mut remarks }) => {
            if outside.as_ref().is_ok_and(|outside| outside.is_before) {
                remarks.push(
                    "the key outside has signed nothing yet; the next command that changes something names it".into(),
                );
            }
            tell(context, &verified, &remarks, outside.err())
        }
        Some(Report::Damaged(what)) => damaged(context, what),
        Some(Report::Cannot(failure)) => Err(failure.into()),
        None => {
            let at = at.map_or_else(String::new, |at| format!(" while it read {at}"));
            let because = because.map_or_else(String::new, |because| format!(": {because}"));
            damaged(context, format!("the store is damaged: the check of it did not survive{at}{because}"))
        }
    }
}

/// Reads what the process says until it ends.
fn watch(mut child: Child) -> anyhow::Result<Ended> {
    let (sender, said) = mpsc::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reports = std::thread::spawn(move || {
        let mut text = Vec::new();
        // What cannot be read is no report.
        stdout.map(|stdout| stdout.take(REPORT_BYTES_MAX).read_to_end(&mut text));
        text
    });
    std::thread::spawn(move || {
        let Some(stderr) = stderr else { return };
        let mut lines = BufReader::new(stderr);
        loop {
            let mut line = Vec::new();
            match lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(1..) if sender.send(String::from_utf8_lossy(&line).into_owned()).is_ok() => {}
                _ => return,
            }
        }
    });
    let mut ended = Ended { report: None, at: None, because: None };
    loop {
        match said.recv_timeout(PATIENCE) {
            Ok(line) => match (line.strip_prefix(AT), line.strip_prefix(BECAUSE)) {
                (Some(at), _) => ended.at = Some(escape(at.trim())),
                (_, Some(because)) => drop(ended.because.get_or_insert(escape(because.trim()))),
                // A warning of the store's own.
                _ => eprint!("{}", line.lines().map(|line| format!("{}\n", escape(line))).collect::<String>()),
            },
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                ended.because = Some(format!("it came no further for {} s", PATIENCE.as_secs()));
                let _ = child.kill();
                break;
            }
        }
    }
    let status = child.wait()?;
    let text = reports.join().unwrap_or_default();
    // A report of a process that died afterwards is not believed.
    ended.report = if status.success() { serde_json::from_slice(&text).ok() } else { None };
    if ended.report.is_none() && ended.because.is_none() {
        ended.because = Some(format!("it ended with {status}"));
    }
    Ok(ended)
}

/// Says what was found; `keyless` is why no key outside was known.
fn tell(context: &Context, verified: &Verified, remarks: &[String], keyless: Option<String>) -> anyhow::Result<u8> {
    let Verified { records, root, notes, signed, keys, witness, problem, cannot_exclude } = verified;
    if context.out.json {
        let mut value = serde_json::to_value(verified)?;
        value["remarks"] = serde_json::to_value(remarks)?;
        context.out.value(&value)?;
        return Ok(if problem.is_none() { code::DONE } else { code::FAILED });
    }
    for remark in remarks {
        eprintln!("note: {}", escape(remark));
    }
    if let Some(why) = keyless {
        eprintln!("note: no key outside the store is known: {}; name it with --key", escape(&why));
    }
    for change in keys.iter().skip(1) {
        eprintln!("note: from record {} on the log is signed with another key: {}", change.record, escape(&change.key));
    }
    if let Some(Problem { record: None, what }) = problem {
        return Err(Failure::new(code::FAILED, what)
            .hint("it is the file of another log; or, if it is not, the whole log was made anew, with another key")
            .into());
    }
    if let Some(Problem { record: Some(record), what }) = problem {
        return Err(Failure::new(code::FAILED, format!("the log was changed: {what}"))
            .at(format!("record {record}"))
            .hint("records before it are as they were written; put a copy of the data directory aside")
            .into());
    }
    context.out.line(&format!("{records} records, as they were written"))?;
    context.out.line(&format!("root {root}"))?;
    if let Some(last) = keys.last() {
        context.out.line(&format!("{notes} signed heads, the last of {signed} records, by {}", escape(&last.key)))?;
    }
    if let Some(seen) = witness {
        context.out.line(&format!("the witness has {} of them, the last of {} records", seen.notes, seen.newest))?;
    }
    for told in cannot_exclude {
        context.out.line(&format!("not excluded: {told}"))?;
    }
    Ok(code::DONE)
}

fn damaged(context: &Context, what: String) -> anyhow::Result<u8> {
    if context.out.json {
        context.out.value(&serde_json::json!({ "problem": { "what": what } }))?;
        return Ok(code::FAILED);
    }
    Err(Failure::new(code::FAILED, what).hint("put a copy of the data directory aside before anything else").into())
}
