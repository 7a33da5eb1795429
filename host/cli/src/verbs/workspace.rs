//! `init` and `trust`: the first policy of a workspace and its acceptance.

use super::{Context, policy};
use crate::error::{Failure, code};
use crate::place::{POLICY_FILE, Place};
use crate::{own, store};
use libos_kernel::model::policy::{self as model, Policy};
use libos_kernel::model::preview::escape;
use std::fs;
use std::path::PathBuf;

/// Writes the policy file and puts it in force: whoever writes it has read it.
pub fn init(context: &Context, dir: Option<PathBuf>) -> anyhow::Result<u8> {
    let dir = dir.or_else(|| context.global.workspace.clone()).unwrap_or_else(|| PathBuf::from("."));
    fs::create_dir_all(&dir)
        .map_err(|error| Failure::usage(format!("it cannot be made: {error}")).at(dir.display()))?;
    let place = Place::of(&dir, &context.global)?;
    let text = write_starter(&place)?;
    let file = place.policy_file();
    if context.out.json {
        context.out.value(&serde_json::json!({
            "id": place.workspace, "data": place.data, "policy": libos_kernel::model::id::hex(&model::digest(&text)),
        }))?;
    } else {
        context.out.line(&format!("wrote {}", escape(&file.display().to_string())))?;
        context.out.line(&format!("data in {}", escape(&place.data.display().to_string())))?;
        context.out.line("next: read libos.toml, then try `libos call echo '{\"hello\": \"world\"}'`")?;
    }
    Ok(code::DONE)
}

/// Writes the first policy of a workspace and puts it in force; answers its text.
pub(super) fn write_starter(place: &Place) -> anyhow::Result<String> {
    let text = Policy::starter();
    let file = place.policy_file();
    match own::create(&file, 0o644, text.as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Failure::usage(format!("there is a {POLICY_FILE} already"))
                .at(file.display())
                .hint("read it and accept it with `libos trust`")
                .into());
        }
        Err(error) => return Err(Failure::usage(format!("it cannot be written: {error}")).at(file.display()).into()),
    }
    policy::put_in_force(place, &text)?;
    Ok(text)
}

/// Shows what would be accepted, asks, and puts it in force.
pub fn trust(context: &Context, dir: Option<PathBuf>, yes: bool) -> anyhow::Result<u8> {
    let place = match dir {
        Some(dir) => Place::of(&dir, &context.global)?,
        None => context.place()?,
    };
    let before = store::policy_in_force(&place)?;
    policy::put(context, &place, before, yes, "libos trust")
}
