//! `serve`: a host that stays, so that other commands share it.

use super::call::interrupt;
use super::{Context, block_on};
use crate::error::{Failure, Quiet, code};
use crate::host::Host;
use crate::place::Place;
use crate::protocol::{AgentRequest, Event, Request};
use crate::session::Session;
use crate::store;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::Pid;
use libos_kernel::model::row::CallState;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long one who attends a process tries to get a store that somebody has who does not listen.
const BUSY_MAX: Duration = Duration::from_secs(600);
/// How long one who attends a process already tries again after an error: what ended the host, a full disk for example, may pass.
const TROUBLE_MAX: Duration = Duration::from_secs(30);

/// Runs a host until Ctrl-C; with `only`, sees to it that one process is run, until nothing of it goes on by itself.
pub fn run(context: &Context, only: Option<Pid>) -> anyhow::Result<u8> {
    let place = context.place_to_change()?;
    match only {
        Some(pid) => attend(place, pid),
        None => stay(context, place),
    }
}

fn stay(context: &Context, place: Place) -> anyhow::Result<u8> {
    block_on(async {
        let session = Session::new(place.clone());
        let host = Host::open_accepted(&place, true)?;
        let kernel = Arc::clone(host.kernel());
        let rows = View(&kernel.snapshot()?).calls()?;
        session.become_host(host).await?;
        let unknown = View(&kernel.snapshot()?).unknown_effects()?.len();
        kernel.drive_all();
        let socket = place.socket()?;
        if context.out.json {
            context.out.value(&serde_json::json!({ "id": place.workspace, "data": place.data, "socket": socket }))?;
        } else {
            eprintln!("the host runs; Ctrl-C ends it");
            let interrupted =
                rows.iter().filter(|row| matches!(row.state, CallState::Running | CallState::Runnable)).count();
            if interrupted > 0 {
                eprintln!("{interrupted} calls were interrupted; `libos calls --resume` runs them");
            }
            if unknown > 0 {
                eprintln!(
                    "of {unknown} effects nobody knows whether they happened; `libos effects --unknown` lists them"
                );
            }
        }
        let end = tokio::select! {
            () = interrupt() => Ok(code::DONE),
            () = session.stopped() => {
                let why = session.why_stopped().await.unwrap_or_else(|| "its store failed".into());
                Err(Failure::cannot(format!("the host has stopped: {why}")).hint("see to that, then start the host again").into())
            }
        };
        drop(kernel);
        session.close().await;
        end
    })
}

/// Runs a process, or follows it in the host that there is, and takes it over when that one goes. Its first line says that it does, or
/// why not.
fn attend(place: Place, pid: Pid) -> anyhow::Result<u8> {
    // The terminal that started it may be closed, and its Ctrl-C is for others. It fails only where that is so already.
    let _ = rustix::process::setsid();
    block_on(async {
        let session = Session::new(place);
        let said = AtomicBool::new(false);
        let end = tokio::select! {
            () = interrupt() => Ok(code::DONE),
            done = until_it_rests(&session, pid, &said) => done.map(|()| code::DONE),
        };
        session.close().await;
        end.map_err(|error| {
            let Ok(failure) = crate::error::failure(&error) else { return error };
            let code = failure.code;
            say(&said, &Event::Error(failure));
            Quiet(code).into()
        })
    })
}

/// Tells whoever started this, once: afterwards nobody reads.
fn say(said: &AtomicBool, event: &Event) {
    if !said.swap(true, Ordering::Relaxed)
        && let Ok(line) = serde_json::to_string(event)
    {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

async fn until_it_rests(session: &Session, pid: Pid, said: &AtomicBool) -> anyhow::Result<()> {
    let mut had_a_host = Instant::now();
    loop {
        let follow = Request::Agent(AgentRequest::Follow { pid, answer: None });
        let began = Instant::now();
        let settled = match session.request(follow).await {
            Ok(mut events) => is_settled(&mut events, said).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(true) => return session.idle().await,
            Ok(false) => had_a_host = Instant::now(),
            Err(error) => {
                // If this is the host that failed, it is in the way of the next one.
                session.close().await;
                let patience = match said.load(Ordering::Relaxed) {
                    _ if store::is_busy(&error) => BUSY_MAX,
                    true => TROUBLE_MAX,
                    false => Duration::ZERO,
                };
                // Whoever followed a host for that long had one.
                if began.elapsed() >= TROUBLE_MAX {
                    had_a_host = Instant::now();
                }
                if had_a_host.elapsed() >= patience {
                    return Err(error);
                }
            }
        }
        tokio::time::sleep(store::BUSY_STEP).await;
    }
}

/// Whether a process has ended or waits for somebody; if not, its host has gone.
async fn is_settled(events: &mut mpsc::Receiver<Event>, said: &AtomicBool) -> anyhow::Result<bool> {
    loop {
        match events.recv().await {
            Some(event @ Event::Agent { .. }) => say(said, &event),
            Some(Event::AgentEnded { .. } | Event::AgentRests { .. }) => return Ok(true),
            Some(Event::Error(failure)) => return Err(failure.into()),
            Some(Event::Closing) | None => return Ok(false),
            Some(_) => {}
        }
    }
}
