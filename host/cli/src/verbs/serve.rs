//! `serve`: a host that stays, so that other commands share it.

use super::call::interrupt;
use super::{Context, block_on};
use crate::error::{Failure, code};
use crate::host::Host;
use crate::session::Session;
use libos_kernel::kernel::Kernel;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::Pid;
use libos_kernel::model::row::CallState;
use std::sync::Arc;

/// Runs a host until Ctrl-C; with `only`, one process, until nothing runs any more.
pub fn run(context: &Context, only: Option<Pid>) -> anyhow::Result<u8> {
    let place = context.place_to_change()?;
    if only.is_some() {
        // The terminal that started it may be closed, and its Ctrl-C is for others. It fails only where that is so already.
        let _ = rustix::process::setsid();
    }
    block_on(async {
        let session = Session::new(place.clone());
        let host = Host::open_accepted(&place, true)?;
        let kernel = Arc::clone(host.kernel());
        let rows = View(&kernel.snapshot()?).calls()?;
        session.become_host(host).await?;
        let unknown = View(&kernel.snapshot()?).unknown_effects()?.len();
        match only {
            Some(pid) => kernel.drive(pid),
            None => kernel.drive_all(),
        }
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
            () = idle(&kernel), if only.is_some() => Ok(code::DONE),
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

/// Resolves when nothing that goes on by itself runs or sleeps any more.
async fn idle(kernel: &Kernel) {
    let mut commits = kernel.commits();
    while kernel.is_busy() {
        if commits.changed().await.is_err() {
            return;
        }
    }
}
