//! `backup`: a copy of the store, of one moment, beside a host that runs.

use super::Context;
use crate::error::{Failure, code};
use crate::{own, reach, store};
use libos_kernel::model::policy::about_size;
use libos_kernel::model::preview::escape;
use libos_kernel::store::StoreError;
use libos_kernel::store::backup::back_up;
use std::path::Path;

/// A payload file that is gone was dropped by a `gc` at the same time; a later moment does not name it.
const TRIES: usize = 3;

/// Copies.
pub fn run(context: &Context, dir: &Path) -> anyhow::Result<u8> {
    let place = context.place()?;
    let target = std::path::absolute(dir)?;
    if target.file_name().is_none() {
        return Err(Failure::usage("the copy needs a name").at(dir.display()).into());
    }
    if !target.parent().is_some_and(Path::is_dir) {
        let missing = Failure::usage("there is no directory to put the copy in").at(target.display());
        return Err(missing.hint("make the directory above it first").into());
    }
    let mut tries = 1;
    let copied = loop {
        let snapshot = store::snapshot(&place)?;
        reach::refuse_copy(&target, &place, &snapshot)?;
        match back_up(&snapshot, &target, own::now()) {
            Err(StoreError::Damaged(_)) if tries < TRIES => tries += 1,
            Err(StoreError::Exists) => {
                let exists = Failure::usage("there is something of that name already").at(target.display());
                return Err(exists.hint("a copy is never put over anything: name a place where nothing is").into());
            }
            copied => break copied?,
        }
    };
    if context.out.json {
        let mut value = serde_json::to_value(copied)?;
        value["id"] = target.display().to_string().into();
        context.out.value(&value)?;
    } else {
        let (rows, files, bytes) = (copied.rows, copied.files, about_size(copied.file_bytes));
        let place = escape(&target.display().to_string());
        context
            .out
            .line(&format!("{place}: {rows} rows, {} of them records, and {files} files of {bytes}", copied.records))?;
    }
    Ok(code::DONE)
}
