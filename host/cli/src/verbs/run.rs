//! `run`: a process with a goal, from its start to its end, or until it waits for a person; and going on with one.

use super::follow::follow;
use super::{Context, block_on, launch};
use crate::args::RunArgs;
use crate::error::{Failure, code};
use crate::place::Place;
use crate::protocol::{AgentRequest, Event, LINE_BYTES_MAX, Request};
use crate::session::Session;
use crate::store;
use libos_kernel::kernel::view::View;
use libos_kernel::model::id::Pid;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

/// How long a host in the background may take to start.
const START_TIME: Duration = Duration::from_secs(60);

/// Runs a process.
pub fn run(context: &Context, args: RunArgs) -> anyhow::Result<u8> {
    if let Some(pid) = args.pid {
        return go_on(context, context.place_to_change()?, pid, args.detach);
    }
    let (place, start) = launch::prepare(context, &args)?;
    if args.detach { detach(context, &place, start) } else { follow(context, place, start) }
}

/// Goes on with a process that is there.
fn go_on(context: &Context, place: Place, pid: Pid, detach: bool) -> anyhow::Result<u8> {
    let row = View(&store::snapshot(&place)?).process(pid)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them"))?;
    if row.planner.is_none() && !row.state.is_final() {
        return Err(Failure::usage(format!("{pid} has no planner: nothing chooses what it does"))
            .hint("`libos calls --resume` lets calls go on that were interrupted")
            .into());
    }
    if detach {
        return block_on(attend(context, &place, pid, true));
    }
    follow(context, place, AgentRequest::Follow { pid, answer: None })
}

/// Starts a process that goes on without this command.
fn detach(context: &Context, place: &Place, start: AgentRequest) -> anyhow::Result<u8> {
    block_on(async {
        let session = Session::new(place.clone());
        let event = session.ask(Request::Agent(start)).await;
        session.close().await;
        let Event::Agent { pid, was_there } = event? else {
            return Err(Failure::cannot("the host answered something else").into());
        };
        attend(context, place, pid, was_there).await
    })
}

/// Has a process attended to in the background, and prints its number.
async fn attend(context: &Context, place: &Place, pid: Pid, was_there: bool) -> anyhow::Result<u8> {
    background(place, pid).await?;
    if context.out.json {
        context.out.value(&serde_json::json!({ "pid": pid, "was-there": was_there }))?;
    } else {
        context.out.line(&pid.to_string())?;
    }
    Ok(code::DONE)
}

/// Starts one who attends a process, and waits until the process is run. Also if there is a host: it may be one that ends soon.
async fn background(place: &Place, pid: Pid) -> anyhow::Result<()> {
    let hint = format!("{pid} is there; `libos run --pid {pid}` runs it");
    let cannot = |what: String| Failure::cannot(what).hint(hint.clone());
    let words: [OsString; 7] = [
        "--data".into(),
        place.data.clone().into(),
        "--workspace".into(),
        place.workspace.clone().into(),
        "serve".into(),
        "--for".into(),
        pid.to_string().into(),
    ];
    let child = crate::own::start_unwatched(&words);
    let mut child = child.map_err(|error| cannot(format!("no host can be started in the background: {error}")))?;
    let output = child.stdout.take();
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime's end would wait for one of the runtime's.
    std::thread::spawn(move || {
        let mut line = String::new();
        if let Some(output) = output {
            let _ = BufReader::new(output.take(LINE_BYTES_MAX as u64)).read_line(&mut line);
        }
        let _ = tell.send(line);
    });
    let Ok(line) = tokio::time::timeout(START_TIME, told).await else {
        return Err(cannot("the host in the background does not get the store yet".into()).into());
    };
    match serde_json::from_str(&line.unwrap_or_default()) {
        Ok(Event::Agent { .. }) => Ok(()),
        Ok(Event::Error(failure)) => {
            Err(cannot(format!("no host could be started in the background: {}", failure.what)).into())
        }
        _ => Err(cannot(format!("the host in the background ended: {}", child.wait()?)).into()),
    }
}
