//! `init`, `trust`, `policy check`: the policy file and its acceptance.

use super::{Context, block_on};
use crate::diff::{self, Line};
use crate::error::{Failure, code};
use crate::host::Host;
use crate::place::{POLICY_FILE, Place};
use crate::protocol::{Event, Request};
use crate::session::Session;
use crate::term::Colour;
use crate::{own, store, term};
use libos_kernel::kernel::HostError;
use libos_kernel::kernel::view::View;
use libos_kernel::model::policy::{self, Policy, PolicyError};
use libos_kernel::model::preview::escape;
use libos_kernel::model::row::EffectState;
use libos_kernel::store::reader::Snapshot;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 2;

/// Writes the policy file and puts it in force: whoever writes it has read it.
pub fn init(context: &Context, dir: Option<PathBuf>) -> anyhow::Result<u8> {
    let dir = dir.or_else(|| context.global.workspace.clone()).unwrap_or_else(|| PathBuf::from("."));
    fs::create_dir_all(&dir)
        .map_err(|error| Failure::usage(format!("it cannot be made: {error}")).at(dir.display()))?;
    let place = Place::of(&dir, &context.global)?;
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
    put_in_force(&place, &text)?;
    if context.out.json {
        context.out.value(&serde_json::json!({
            "id": place.workspace, "data": place.data, "policy": libos_kernel::model::id::hex(&policy::digest(&text)),
        }))?;
    } else {
        context.out.line(&format!("wrote {}", escape(&file.display().to_string())))?;
        context.out.line(&format!("data in {}", escape(&place.data.display().to_string())))?;
        context.out.line("next: read libos.toml, then try `libos call echo '{\"hello\": \"world\"}'`")?;
    }
    Ok(code::DONE)
}

/// Shows what would be accepted, asks, and puts it in force.
pub fn trust(context: &Context, dir: Option<PathBuf>, yes: bool) -> anyhow::Result<u8> {
    let place = match dir {
        Some(dir) => Place::of(&dir, &context.global)?,
        None => context.place()?,
    };
    // Read once: what is shown is what is accepted.
    let text = place.policy_text()?.ok_or_else(|| {
        Failure::usage(format!("there is no {POLICY_FILE}"))
            .at(place.workspace.display())
            .hint("`libos init` writes one")
    })?;
    Policy::parse(&text)
        .map_err(|error| wrong_policy(&place.policy_file(), &error).hint("the policy in force stays"))?;
    let before = store::policy_in_force(&place)?;
    if before.as_deref() == Some(&*text) {
        if context.out.json {
            context.out.value(&trusted(&place, &text, false))?;
        } else {
            context.out.line("this policy is in force already")?;
        }
        return Ok(code::DONE);
    }
    if !context.out.json {
        show(context, before.as_deref(), &text)?;
    }
    if !yes {
        if !term::somebody_is_there() {
            return Err(Failure::usage("a person must accept the policy")
                .hint("run `libos trust` on a terminal, or add --yes")
                .into());
        }
        let answer = term::ask_now("Put this policy in force? [y/N] ")?;
        if !matches!(answer.as_deref(), Some("y" | "Y" | "yes")) {
            return Err(Failure::new(code::FAILED, "not accepted; nothing has changed").into());
        }
    }
    put_in_force(&place, &text)?;
    if context.out.json {
        context.out.value(&trusted(&place, &text, true))?;
    } else {
        context.out.line("the policy is in force")?;
    }
    Ok(code::DONE)
}

fn trusted(place: &Place, text: &str, changed: bool) -> serde_json::Value {
    let policy = libos_kernel::model::id::hex(&policy::digest(text));
    serde_json::json!({ "id": place.workspace, "data": place.data, "policy": policy, "changed": changed })
}

/// The whole text, or the changed lines. A policy file may come from anybody.
fn show(context: &Context, before: Option<&str>, text: &str) -> anyhow::Result<()> {
    let out = &context.out;
    let Some(before) = before else {
        for line in text.lines() {
            out.line(&escape(line))?;
        }
        return Ok(());
    };
    for line in diff::with_context(&diff::lines(before, text), CONTEXT_LINES) {
        match line {
            Some(Line::Same(line)) => out.line(&format!("  {}", escape(line)))?,
            Some(Line::Gone(line)) => out.line(&out.paint(&format!("- {}", escape(line)), Colour::Red))?,
            Some(Line::New(line)) => out.line(&out.paint(&format!("+ {}", escape(line)), Colour::Green))?,
            None => out.line("  ...")?,
        }
    }
    Ok(())
}

/// Gives the policy to the host that runs, or opens the store under it.
fn put_in_force(place: &Place, text: &str) -> anyhow::Result<()> {
    place.make_data()?;
    let policy = Policy::parse(text).map_err(|error| wrong_policy(&place.policy_file(), &error))?;
    block_on(async {
        let session = Session::new(place.clone());
        if session.somebody_listens().await {
            let event = session.ask(Request::Policy { text: text.to_owned() }).await?;
            debug_assert!(matches!(event, Event::Changed { .. }));
            return Ok(());
        }
        recover_first(place)?;
        let host = Host::open(place, &policy, true)?;
        let done = host.kernel().set_policy(text)?;
        host.kernel().durable(done.durable).await.map_err(HostError::from)?;
        let installed = host.install_standard_tools().await;
        host.close().await;
        installed
    })
}

/// What a crash left open is found out under the mounts that it was begun with.
fn recover_first(place: &Place) -> anyhow::Result<()> {
    if crate::store::policy_in_force(place)?.is_none() {
        return Ok(());
    }
    let open = |snapshot: &Snapshot| -> anyhow::Result<bool> {
        let effects = View(snapshot).effects()?;
        Ok(effects.iter().any(|effect| matches!(effect.state, EffectState::Prepared | EffectState::Dispatched)))
    };
    if open(&crate::store::snapshot(place)?)? {
        Host::open_accepted(place, false)?.kernel().shutdown();
    }
    Ok(())
}

/// Says where a policy file is wrong.
fn wrong_policy(file: &Path, error: &PolicyError) -> Failure {
    Failure::usage(error.what.clone()).at(format!("{}:{}:{}", file.display(), error.line, error.column))
}

/// Checks a policy file without putting it in force.
pub fn check(context: &Context, file: &Path) -> anyhow::Result<u8> {
    let text = own::read_text(file)
        .map_err(|error| Failure::usage(format!("it cannot be read: {error}")).at(file.display()))?;
    match Policy::parse(&text) {
        Ok(policy) if context.out.json => context.out.value(&serde_json::json!({
            "ok": true, "mounts": policy.mounts.len(), "rules": policy.templates.len(),
        }))?,
        Ok(policy) => {
            context.out.line(&format!("fine: {} mounts, {} rules", policy.mounts.len(), policy.templates.len()))?;
        }
        Err(error) if context.out.json => {
            context.out.value(&serde_json::json!({
                "ok": false, "line": error.line, "column": error.column, "what": error.what,
            }))?;
            return Ok(code::FAILED);
        }
        Err(error) => return Err(Failure { code: code::FAILED, ..wrong_policy(file, &error) }.into()),
    }
    Ok(code::DONE)
}
