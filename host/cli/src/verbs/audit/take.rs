//! `audit prove`, `check` and `export`: evidence that is good where there is nothing of this workspace.

use super::super::Context;
use crate::error::{Failure, code};
use crate::{keys, own, reach};
use libos_kernel::kernel::evidence::{self, NoEvidence};
use libos_kernel::model::id::Seq;
use libos_kernel::model::limit::PROOF_FILE_BYTES_MAX;
use libos_kernel::model::note;
use libos_kernel::model::preview::escape;
use libos_kernel::model::proof_file::ProofFile;
use libos_kernel::model::record::Record;
use libos_kernel::store::StoreError;
use libos_kernel::store::reader::record;
use serde_json::json;
use std::path::Path;

fn failed(error: NoEvidence) -> anyhow::Error {
    let failure = |code, hint: &str| Failure::new(code, error.to_string()).hint(hint);
    match error {
        NoEvidence::NoRecord { .. } => failure(code::USAGE, "`libos audit show` lists the records").into(),
        NoEvidence::NoKey => failure(code::CANNOT, "`libos audit key` says more").into(),
        NoEvidence::NotSigned { .. } => failure(
            code::CANNOT,
            "a host that runs signs within a second; any other command that changes something signs too",
        )
        .into(),
        NoEvidence::Changed => failure(code::FAILED, "`libos audit verify` says where").into(),
        NoEvidence::Store(error) => error.into(),
    }
}

/// Makes the proof of a record.
pub fn prove(context: &Context, number: Seq, out: Option<&Path>) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let proof = evidence::prove(&snapshot, number).map_err(failed)?;
    let (text, key) = (proof.text(), proof.key.to_string());
    if let Some(path) = out {
        own::create(path, 0o644, text.as_bytes())
            .map_err(|error| Failure::usage(format!("the proof cannot be written: {error}")).at(path.display()))?;
    }
    match (context.out.json, out) {
        (true, Some(path)) => context.out.value(&json!({ "id": number, "key": key, "file": path }))?,
        (true, None) => context.out.value(&json!({ "id": number, "key": key, "proof": text }))?,
        (false, Some(path)) => {
            context.out.line(&format!("the proof of record {number} is in {}", escape(&path.display().to_string())))?;
            context
                .out
                .line(&format!("it is good with the key {key}; give it to whoever is to check, by another way"))?;
        }
        (false, None) => context.out.line(text.trim_end())?,
    }
    Ok(code::DONE)
}

/// Checks a proof, with nothing but the file.
pub fn check(context: &Context, path: &Path, named: Option<&str>) -> anyhow::Result<u8> {
    let text = own::read_settings(path, PROOF_FILE_BYTES_MAX, true)
        .map_err(|error| Failure::usage(format!("it cannot be read: {error}")).at(path.display()))?;
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::new(code::FAILED, format!("this proves nothing: {why}")).at(path.display())
    };
    let proof = ProofFile::parse(&text).map_err(|error| wrong(&error))?;
    let known = named.map(keys::named_key).transpose()?;
    let key = known.as_ref().unwrap_or(&proof.key);
    let head = proof.check(key).map_err(|error| {
        let failure = wrong(&error);
        match &known {
            Some(known) if *known != proof.key => failure.hint(format!(
                "it came with the key {}, and not with the one that you know",
                escape(&proof.key.to_string())
            )),
            _ => failure,
        }
    })?;
    let shown = record(&proof.record).map_err(|error| wrong(&error))?;
    if shown.seq != proof.index {
        return Err(wrong(&format!("record {} says that it is record {}", proof.index, shown.seq)).into());
    }
    if context.out.json {
        context.out.value(&json!({
            "id": proof.index, "record": shown, "key": key.to_string(), "known": known.is_some(), "log": head.origin, "size": head.size,
        }))?;
        return Ok(code::DONE);
    }
    show(context, &shown)?;
    tell_whose(context, &head, key, known.is_some())
}

fn tell_whose(
    context: &Context,
    head: &note::Checkpoint,
    key: &note::VerifierKey,
    is_known: bool,
) -> anyhow::Result<u8> {
    let (size, origin) = (head.size, escape(&head.origin));
    context.out.line("")?;
    context.out.line(&format!(
        "it is in the log {origin}, whose first {size} records are signed by {}",
        escape(&key.to_string())
    ))?;
    if !is_known {
        context.out.line(
            "that key came with the proof: compare it with the one that you know by another way, or name that one with --key",
        )?;
    }
    Ok(code::DONE)
}

/// A record, a line a field.
fn show(context: &Context, record: &Record) -> anyhow::Result<()> {
    let word = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let value = serde_json::to_value(record)?;
    let fields: Vec<(&str, String)> =
        value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), word(value.clone()))).collect();
    Ok(context.out.fields(&fields)?)
}

/// Writes the log as static files.
pub fn export(context: &Context, directory: &Path) -> anyhow::Result<u8> {
    let (place, snapshot) = context.look()?;
    reach::refuse_copy(directory, &place, &snapshot)?;
    let cannot =
        |error: std::io::Error| Failure::usage(format!("it cannot be written: {error}")).at(directory.display());
    if !own::make_empty_directory(directory).map_err(cannot)? {
        return Err(Failure::usage("the directory is not empty").at(directory.display()).hint("name a new one").into());
    }
    // Now that it is there it is known where that is.
    reach::refuse_copy(directory, &place, &snapshot)?;
    let exported = evidence::export(&snapshot, |path, bytes| {
        own::create_below(directory, path, bytes)
            .map_err(|error| StoreError::Failed(format!("{path} cannot be written: {error}")))
    });
    let exported = exported.map_err(failed)?;
    if context.out.json {
        context.out.value(&exported)?;
        return Ok(code::DONE);
    }
    let (records, key) = (exported.records, escape(&exported.key));
    context.out.line(&format!("{records} records, under a head that is signed by {key}"))?;
    if exported.left > 0 {
        context.out.line(&format!("{} records after them are in no signed head yet", exported.left))?;
    }
    Ok(code::DONE)
}
