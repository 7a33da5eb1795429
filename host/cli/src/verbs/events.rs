//! `events`: what happened and happens, a line an event.

use super::Context;
use crate::args_processes::EventsArgs;
use crate::error::{Failure, code};
use crate::out::Table;
use crate::own::now;
use crate::store;
use libos_kernel::kernel::view::View;
use libos_kernel::model::event::{Event, Kind};
use libos_kernel::model::id::{Pid, Seq};
use libos_kernel::model::preview::escape;
use libos_kernel::model::time::Time;
use libos_kernel::store::reader::Snapshot;
use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

/// How often a follower looks again.
pub const STEP: Duration = Duration::from_millis(200);
/// Events that are shown if nobody says from where.
const RECENT: usize = 50;
/// Records that one look of a follower takes at most.
const BATCH: u64 = 1_000;

/// Shows events.
pub fn run(context: &Context, args: &EventsArgs) -> anyhow::Result<u8> {
    if args.kinds {
        return kinds(context);
    }
    let (place, snapshot) = context.look()?;
    if let Some(pid) = args.pid {
        let known = View(&snapshot).process(pid)?;
        known
            .ok_or_else(|| Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them"))?;
    }
    if let Some(call) = args.call {
        let known = View(&snapshot).call(call)?;
        known.ok_or_else(|| Failure::usage(format!("there is no call {call}")).hint("`libos calls` lists them"))?;
    }
    let mut filter = Filter::new(args);
    let terminal = context.out.is_terminal();
    let size = View(&snapshot).log_size()?;
    if !args.follow {
        let most = if args.from.is_some() || args.since.is_some() { usize::MAX } else { RECENT };
        let mut rows = VecDeque::new();
        let first = if filter.is_open() { size.saturating_sub(RECENT as u64) } else { 0 };
        filter.read(&snapshot, args.from.unwrap_or(first), u64::MAX, |event| {
            if rows.len() == most {
                rows.pop_front();
            }
            rows.push_back(event);
            Ok(())
        })?;
        context.list(rows.make_contiguous(), |rows| (table(rows, terminal), "nothing like that has happened"))?;
        return Ok(code::DONE);
    }
    drop(snapshot);
    let mut next = args.from.unwrap_or(if args.since.is_some() { 0 } else { size });
    loop {
        // A snapshot shows the log up to some record, whole: what comes later is in a later one, from there on.
        let read = filter.read(&store::snapshot(&place)?, next, BATCH, |event| {
            if context.out.json {
                context.out.value(&event)
            } else {
                Ok(context.out.line(&escape(&line(&event, terminal)))?)
            }
        })?;
        next += read;
        if read < BATCH {
            crate::own::pause(STEP);
        }
    }
}

/// Prints the catalogue.
fn kinds(context: &Context) -> anyhow::Result<u8> {
    if context.out.json {
        let rows = Kind::ALL.iter().map(|kind| serde_json::json!({ "id": kind.word(), "text": kind.text() }));
        context.out.value(&rows.collect::<Vec<_>>())?;
        return Ok(code::DONE);
    }
    let mut table = Table::new(&["KIND", "WHAT IT MEANS"]);
    for kind in Kind::ALL {
        table.row(vec![kind.word().into(), kind.text().into()]);
    }
    context.out.table(&table, "")?;
    Ok(code::DONE)
}

/// Which events are wanted.
struct Filter<'a> {
    args: &'a EventsArgs,
    /// Not before.
    since: Option<Time>,
    /// Whether a process comes from the wanted one, as far as somebody asked.
    kin: HashMap<Pid, bool>,
}

impl Filter<'_> {
    fn new(args: &EventsArgs) -> Filter<'_> {
        let since = args.since.map(|ago| {
            let ago = u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX);
            Time(now().0.saturating_sub(ago))
        });
        Filter { args, since, kin: HashMap::new() }
    }

    /// Whether all events are wanted.
    fn is_open(&self) -> bool {
        let EventsArgs { since, wanted, pid, call, .. } = self.args;
        since.is_none() && wanted.is_empty() && pid.is_none() && call.is_none()
    }

    /// Tells the wanted ones of so many records from a place on; answers how many records there were.
    fn read(
        &mut self,
        snapshot: &Snapshot,
        from: Seq,
        most: u64,
        mut tell: impl FnMut(Event) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        // A process may have got another parent meanwhile.
        self.kin.clear();
        let (mut read, mut failed) = (0, None);
        View(snapshot).records(from, |record| {
            read += 1;
            let event = Event::of(&record);
            let told = self.wants(snapshot, &event).and_then(|wanted| if wanted { tell(event) } else { Ok(()) });
            match told {
                Ok(()) if read < most => ControlFlow::Continue(()),
                Ok(()) => ControlFlow::Break(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(read), Err)
    }

    fn wants(&mut self, snapshot: &Snapshot, event: &Event) -> anyhow::Result<bool> {
        let args = self.args;
        let kind = args.wanted.is_empty() || args.wanted.iter().any(|wanted| wanted.matches(event.kind));
        let late = self.since.is_none_or(|since| event.time >= since);
        let call = args.call.is_none_or(|call| event.call == Some(call));
        if !(kind && late && call) {
            return Ok(false);
        }
        match (args.pid, event.pid) {
            (None, _) => Ok(true),
            (Some(_), None) => Ok(false),
            (Some(wanted), Some(pid)) if wanted == pid => Ok(true),
            (Some(wanted), Some(pid)) => Ok(args.tree && self.comes_from(snapshot, pid, wanted)?),
        }
    }

    fn comes_from(&mut self, snapshot: &Snapshot, pid: Pid, ancestor: Pid) -> anyhow::Result<bool> {
        let mut way = Vec::new();
        let mut next = Some(pid);
        let found = loop {
            let Some(pid) = next else { break false };
            if pid == ancestor {
                break true;
            }
            if let Some(known) = self.kin.get(&pid) {
                break *known;
            }
            way.push(pid);
            // A parent has a smaller number, whatever a damaged row says.
            next = View(snapshot).process(pid)?.and_then(|row| row.parent).filter(|parent| *parent < pid);
        };
        self.kin.extend(way.into_iter().map(|pid| (pid, found)));
        Ok(found)
    }
}

fn table(rows: &[Event], terminal: bool) -> Table {
    let mut table = Table::new(&["SEQ", "TIME", "WHO", "EVENT", "ABOUT"]);
    for row in rows {
        table.row(cells(row, terminal));
    }
    table
}

fn line(event: &Event, terminal: bool) -> String {
    cells(event, terminal).into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
}

/// `terminal`: a person looks, on a line that is short.
fn cells(event: &Event, terminal: bool) -> Vec<String> {
    let who = match (event.pid, event.call) {
        // The call is how it came about.
        (Some(pid), _) if event.kind.word().starts_with("process.") => pid.to_string(),
        (_, Some(call)) => call.to_string(),
        (Some(pid), None) => pid.to_string(),
        (None, None) => "host".into(),
    };
    let failed = (event.outcome == "failed").then_some("failed");
    let parts = [failed, event.subject.as_deref(), event.detail.as_deref()];
    let mut about = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    if let Some(question) = event.question.filter(|question| event.subject.as_deref() != Some(&question.to_string())) {
        about.push_str(&format!(" ({question})"));
    }
    if event.count > 1 {
        about.push_str(&format!(" ({} times)", event.count));
    }
    about.push_str(&format!(" [{}]", event.operation));
    let time = event.time.to_string();
    // The year and the parts of a second are in the JSON and in what scripts read.
    let short = time.get(5..19).filter(|_| terminal).map(|short| short.replace('T', " "));
    vec![event.seq.to_string(), short.unwrap_or(time), who, event.kind.word().into(), about.trim_start().into()]
}
