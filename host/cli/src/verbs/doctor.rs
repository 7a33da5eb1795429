//! `doctor`: what this machine offers. Every line was probed; what could not be probed is called unknown.

use super::Context;
use crate::error::code;
use crate::out::Table;
use crate::place::Place;
use crate::session::Session;
use crate::term::Colour;
use crate::{own, store, verbs};
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::Directory;
use libos_kernel::store::reader::Snapshot;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use serde::Serialize;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[derive(Serialize)]
struct Finding {
    id: &'static str,
    /// `present`, `missing`, `unknown`, or `none` of what need not be.
    state: &'static str,
    detail: String,
    /// What it weakens that it is missing.
    weakens: &'static str,
}

fn finding(id: &'static str, present: Option<bool>, detail: impl Into<String>, weakens: &'static str) -> Finding {
    let state = match present {
        Some(true) => "present",
        Some(false) => "missing",
        None => "unknown",
    };
    Finding { id, state, detail: detail.into(), weakens: if present == Some(true) { "" } else { weakens } }
}

/// Probes and tells. Exit code 5 if the host cannot run here.
pub fn run(context: &Context) -> anyhow::Result<u8> {
    let mut findings = vec![openat2_works(), landlock(), user_namespaces()];
    match context.place() {
        Ok(place) => findings.extend(workspace(&place)?),
        Err(error) => {
            let why = crate::error::failure(&error).map_or_else(|_| String::new(), |failure| failure.what);
            findings.push(finding("workspace", Some(false), why, "only the machine was looked at"));
        }
    }
    let broken =
        findings.iter().any(|finding| matches!(finding.id, "store" | "data-directory") && finding.state == "missing");
    context.list(&findings, |findings| {
        let mut table = Table::new(&["WHAT", "STATE", "DETAIL", "IF MISSING"]);
        for finding in findings {
            table.row(vec![finding.id.into(), finding.state.into(), finding.detail.clone(), finding.weakens.into()]);
        }
        (table, "")
    })?;
    if broken && !context.out.json {
        eprintln!("{}", context.out.paint("the host cannot run in this workspace as it is", Colour::Red));
    }
    Ok(if broken { code::CANNOT } else { code::DONE })
}

fn openat2_works() -> Finding {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat2(CWD, c".", flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS);
    let weakens = "paths are walked step by step instead: slower, the same protection";
    match opened {
        Ok(_) => finding("openat2", Some(true), "paths open beneath their mount in one step", weakens),
        Err(Errno::NOSYS | Errno::PERM) => finding("openat2", Some(false), "the kernel lacks or forbids it", weakens),
        Err(error) => finding("openat2", None, error.to_string(), weakens),
    }
}

fn landlock() -> Finding {
    let weakens = "programs that are started cannot be confined to directories (no tool starts programs yet)";
    match own::read_text(Path::new("/sys/kernel/security/lsm")) {
        Ok(modules) => {
            let present = modules.trim().split(',').any(|module| module == "landlock");
            finding("landlock", Some(present), format!("security modules: {}", modules.trim()), weakens)
        }
        Err(error) => finding("landlock", None, format!("/sys/kernel/security/lsm: {error}"), weakens),
    }
}

fn user_namespaces() -> Finding {
    let weakens = "programs that are started cannot get namespaces of their own (no tool starts programs yet)";
    let asked = own::run_self("probe-user-namespace");
    match asked {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            finding("user-namespaces", Some(output.status.success()), said, weakens)
        }
        Err(error) => finding("user-namespaces", None, error.to_string(), weakens),
    }
}

/// Tries to make a user namespace, in a process that ends right after.
pub fn probe_user_namespace() -> u8 {
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    #[expect(unsafe_code, reason = "rustix has no other way to ask")]
    // SAFETY: the process has one thread, and ends before it does anything else.
    let made = unsafe { unshare_unsafe(UnshareFlags::NEWUSER) };
    match made {
        Ok(()) => {
            println!("an unprivileged process may make one");
            code::DONE
        }
        Err(error) => {
            println!("{error}");
            code::FAILED
        }
    }
}

fn workspace(place: &Place) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let data = fs::metadata(&place.data);
    let private = data.as_ref().is_ok_and(|data| data.permissions().mode() & 0o077 == 0);
    let detail = match &data {
        Ok(data) => format!("{}, mode {:o}", place.data.display(), data.permissions().mode() & 0o777),
        Err(error) => format!("{}: {error}", place.data.display()),
    };
    findings.push(finding("data-directory", Some(private), detail, "others could read or change what the host keeps"));
    let opened = Snapshot::of_directory(&Directory::new(&place.data));
    let (present, detail) = match &opened {
        Ok(_) => (Some(true), "it can be read".to_owned()),
        Err(StoreError::NeedsRecovery) => {
            (Some(true), "it was not closed; the next command that changes something recovers it".to_owned())
        }
        Err(error) => (Some(false), error.to_string()),
    };
    drop(opened);
    findings.push(finding(
        "store",
        present,
        detail,
        "no command works here; `libos trust` makes a store where there is none",
    ));
    let accepted = store::policy_in_force(place).ok().flatten();
    let same = accepted.is_some() && accepted == place.policy_text()?;
    let detail = match (&accepted, same) {
        (None, _) => "no policy was accepted",
        (Some(_), true) => "libos.toml is in force",
        (Some(_), false) => "libos.toml has changed since",
    };
    findings.push(finding("policy", Some(same), detail, "`libos trust` shows and accepts it"));
    let socket = place.socket();
    let detail = socket.as_ref().map_or_else(|error| error.to_string(), |path| path.display().to_string());
    findings.push(finding("socket-path", Some(socket.is_ok()), detail, "a running host cannot be reached"));
    let session = Session::new(place.clone());
    let listens = verbs::block_on(async { Ok(session.somebody_listens().await) })?;
    let detail = if listens { "a host runs" } else { "none runs; commands are their own hosts" };
    let state = if listens { "present" } else { "none" };
    findings.push(Finding { id: "host", state, detail: detail.into(), weakens: "" });
    Ok(findings)
}
