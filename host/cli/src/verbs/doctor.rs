//! `doctor`: what this machine offers. Every line was probed; what could not be probed is called unknown.

use super::Context;
use crate::error::code;
use crate::out::Table;
use crate::place::Place;
use crate::session::Session;
use crate::term::Colour;
use crate::{keys, setup, store, verbs};
use libos::programs::{Refused, Supervisor};
use libos_kernel::model::facility::{self, Facilities, Facility, Finding, Presence};
use libos_kernel::model::policy::{Policy, PolicyError};
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::Directory;
use libos_kernel::store::reader::Snapshot;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use serde::Serialize;

/// What was found of one thing.
#[derive(Serialize)]
struct Row {
    id: &'static str,
    /// `present`, `missing`, `unknown`, or `none` of what need not be.
    state: &'static str,
    detail: String,
    /// What it weakens that it is missing.
    weakens: &'static str,
    /// Whether no host starts without it.
    required: bool,
    /// Whether the policy in force accepts that it is missing.
    accepted: bool,
}

fn row(id: &'static str, present: Option<bool>, detail: impl Into<String>, weakens: &'static str) -> Row {
    let state = match present {
        Some(true) => "present",
        Some(false) => "missing",
        None => "unknown",
    };
    let weakens = if present == Some(true) { "" } else { weakens };
    Row { id, state, detail: detail.into(), weakens, required: false, accepted: false }
}

fn facility_row(finding: &Finding, accepted: Facilities) -> Row {
    let Finding { facility, presence, detail } = finding;
    let present = match presence {
        Presence::Present => Some(true),
        Presence::Missing => Some(false),
        Presence::Unknown => None,
    };
    let row = row(facility.word(), present, detail.clone(), facility.weakens());
    Row { required: facility.is_required(), accepted: accepted.contains(*facility), ..row }
}

/// Probes and tells. Exit code 5 if the host cannot run here.
pub fn run(context: &Context) -> anyhow::Result<u8> {
    let place = context.place();
    let in_force = place.as_ref().ok().and_then(policy_in_force);
    let unreadable = in_force.as_ref().and_then(|read| read.as_ref().err());
    let accepted = in_force.as_ref().and_then(|read| read.as_ref().ok());
    let may_lack = accepted.map_or(Facilities::NONE, |policy| policy.accepted);
    let mut findings = Vec::new();
    let mut rows = Vec::new();
    match &place {
        Ok(place) => {
            findings.extend(data_directory(place));
            match accepted.map(|policy| of_mounts(place, policy)) {
                Some(Ok(found)) => findings.extend(found),
                Some(Err(error)) => {
                    findings.extend(unknown_mounts("the mounts cannot be opened"));
                    rows.push(row("mounts", Some(false), error.to_string(), "no host starts in this workspace"));
                }
                None => findings.extend(unknown_mounts("no policy is in force that says what is mounted")),
            }
            if let Some(error) = unreadable {
                let detail = format!("this version cannot read the policy in force: {error}");
                let weakens = "no host starts in this workspace; `libos policy reload` puts another one in force";
                rows.push(row("policy-in-force", Some(false), detail, weakens));
            }
            rows.extend(workspace(place)?);
        }
        Err(error) => {
            findings.extend(unknown_mounts("there is no workspace here"));
            let why = crate::error::failure(error).map_or_else(|_| String::new(), |failure| failure.what);
            rows.push(row("workspace", Some(false), why, "only the machine was looked at"));
        }
    }
    findings.sort_by_key(|finding| finding.facility);
    // Without a policy nothing is mounted, and what is not known there stops nobody.
    let refused = accepted.is_some() && facility::refused(&findings, may_lack).is_some();
    let mut all: Vec<Row> = findings.iter().map(|finding| facility_row(finding, may_lack)).collect();
    all.append(&mut rows);
    all.extend(programs());
    let broken = refused
        || all.iter().any(|row| matches!(row.id, "store" | "mounts" | "policy-in-force") && row.state == "missing");
    context.list(&all, |rows| {
        let mut table = Table::new(&["WHAT", "STATE", "DETAIL", "IF MISSING", "NEEDED"]);
        for row in rows {
            let needed = match (row.required, row.accepted) {
                (true, true) => "required, accepted to be missing",
                (true, false) => "required",
                (false, _) => "",
            };
            table.row(vec![row.id.into(), row.state.into(), row.detail.clone(), row.weakens.into(), needed.into()]);
        }
        (table, "")
    })?;
    if broken && !context.out.json {
        eprintln!("{}", context.out.paint("the host cannot run in this workspace as it is", Colour::Red));
    }
    Ok(if broken { code::CANNOT } else { code::DONE })
}

fn policy_in_force(place: &Place) -> Option<Result<Policy, PolicyError>> {
    store::policy_in_force(place).ok().flatten().map(|text| Policy::parse(&text))
}

/// What the mounts of the policy in force offer, whatever is missing.
fn of_mounts(place: &Place, policy: &Policy) -> anyhow::Result<Vec<Finding>> {
    let mounts = setup::mounts(policy, &place.workspace);
    let world = setup::world(
        &mounts,
        setup::protected(place, policy, keys::witness_file(place, policy, &mounts).unwrap_or_default())?,
        Facilities::ALL,
    )?;
    Ok(setup::with_restricted(world.facilities().to_vec(), policy, &mounts))
}

fn unknown_mounts(why: &str) -> Vec<Finding> {
    let unknown = |facility| Finding { facility, presence: Presence::Unknown, detail: why.to_owned() };
    let mut findings = vec![openat2_works()];
    findings.extend([Facility::MountIdentity, Facility::CaseSensitiveNames].map(unknown));
    findings
}

fn data_directory(place: &Place) -> Vec<Finding> {
    let all = [Facility::PrivateDataDirectory, Facility::DurableDataDirectory, Facility::SingleWriterLock];
    let shown = |finding: Finding| {
        let detail = format!("{}: {}", place.data.display(), finding.detail);
        Finding { detail, ..finding }
    };
    match setup::data_directory(place) {
        Ok(findings) => findings.into_iter().map(shown).collect(),
        Err(_) => {
            let detail = || format!("{}: there is none yet, or it cannot be opened", place.data.display());
            all.map(|facility| Finding { facility, presence: Presence::Unknown, detail: detail() }).to_vec()
        }
    }
}

fn probed(facility: Facility, present: Option<bool>, detail: impl Into<String>) -> Finding {
    let presence = match present {
        Some(true) => Presence::Present,
        Some(false) => Presence::Missing,
        None => Presence::Unknown,
    };
    Finding { facility, presence, detail: detail.into() }
}

fn openat2_works() -> Finding {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat2(CWD, c".", flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS);
    match opened {
        Ok(_) => probed(Facility::Openat2, Some(true), "paths open beneath their mount in one step"),
        Err(Errno::NOSYS | Errno::PERM) => probed(Facility::Openat2, Some(false), "the kernel lacks or forbids it"),
        Err(error) => probed(Facility::Openat2, None, error.to_string()),
    }
}

/// The pieces of the confinement of programs: all are put in force once, and nothing is started.
fn programs() -> Vec<Row> {
    const WITHOUT: &str = "no program is run: none is run with less than all pieces";
    let found = libos::programs::examine(&Supervisor::this_program());
    let in_force =
        found.enforced.iter().map(|enforced| row(enforced.piece.word(), Some(true), enforced.to_string(), ""));
    let missing = found.missing.iter().map(|refused| {
        let id = if let Refused::Missing { piece, .. } = refused { piece.word() } else { "programs" };
        row(id, Some(false), refused.to_string(), WITHOUT)
    });
    in_force.chain(missing).collect()
}

fn workspace(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let opened = Snapshot::of_directory(&Directory::new(&place.data));
    let (present, detail) = match &opened {
        Ok(_) => (Some(true), "it can be read".to_owned()),
        Err(StoreError::NeedsRecovery) => {
            (Some(true), "it was not closed; the next command that changes something recovers it".to_owned())
        }
        Err(error) => (Some(false), error.to_string()),
    };
    drop(opened);
    rows.push(row("store", present, detail, "no command works here; `libos trust` makes a store where there is none"));
    let accepted = store::policy_in_force(place).ok().flatten();
    let (same, detail, hint) = match (&accepted, place.policy_text()) {
        (None, _) => (false, "no policy was accepted".to_owned(), "`libos trust` shows and accepts it"),
        (Some(accepted), Ok(Some(text))) if *accepted == text => (true, "libos.toml is in force".into(), ""),
        (Some(_), Ok(Some(_))) => {
            (false, "libos.toml has changed since".into(), "`libos policy reload` shows what that means")
        }
        (Some(_), Ok(None)) => (false, "libos.toml is gone; the policy in force goes on".into(), "write it again"),
        (Some(_), Err(error)) => (false, format!("{error}; the policy in force goes on"), "put a text file there"),
    };
    rows.push(row("policy", Some(same), detail, hint));
    rows.push(match keys::look(place) {
        Ok(signer) => row("log-key", Some(true), signer.key().to_string(), ""),
        // The first host makes it.
        Err(_) if store::known_key(place).is_ok_and(|known| known.is_none()) => {
            Row { state: "none", ..row("log-key", Some(true), "the first command that changes something makes it", "") }
        }
        Err(why) => row("log-key", Some(false), why, "the log is not signed: `libos audit key` says what to do"),
    });
    let socket = place.socket();
    let detail = socket.as_ref().map_or_else(|error| error.to_string(), |path| path.display().to_string());
    rows.push(row("socket-path", Some(socket.is_ok()), detail, "a running host cannot be reached"));
    let session = Session::new(place.clone());
    let listens = verbs::block_on(async { Ok(session.somebody_listens().await) })?;
    let detail = if listens { "a host runs" } else { "none runs; commands are their own hosts" };
    let state = if listens { "present" } else { "none" };
    rows.push(Row { state, ..row("host", Some(true), detail, "") });
    Ok(rows)
}
