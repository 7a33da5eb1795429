//! A host, continued: what people do with processes as a whole.

use crate::error::Failure;
use crate::host::{Host, Listener};
use crate::protocol::CheckpointRequest;
use libos_kernel::kernel::view::View;
use libos_kernel::model::checkpoint::{CheckpointRow, Forked, Restored, Since};
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::process::Signal;
use libos_kernel::model::purse::Purse;
use libos_kernel::model::row::CallRow;

impl Host {
    /// Tells a process something.
    pub(crate) async fn signal(
        &self,
        pid: Pid,
        signal: Signal,
        reason: &str,
        listener: &Listener,
    ) -> anyhow::Result<()> {
        let done = self.kernel().signal(pid, signal, reason)?;
        self.durable(done.durable).await?;
        let row = View(&self.kernel().snapshot()?).process(pid)?;
        let why = done.what.why().map(|why| format!(": {why}")).unwrap_or_default();
        let mut text = format!("{pid} is {}{why}", done.what.word());
        if signal == Signal::Resume && !self.runs() {
            text.push_str(&format!("\n  no host runs: {}", self.way_on(pid)?));
        }
        if signal == Signal::Cancel && row.as_ref().is_some_and(|row| !row.state.is_final()) {
            text.push_str(&format!(
                "\n  it is to end when its present calls have ended; `libos signal {pid} kill` ends it now"
            ));
        }
        let rows = row.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        self.changed(done.durable, rows, text, listener).await
    }

    /// How a process goes on where no host runs: with its topmost ancestor, if that one has a planner.
    fn way_on(&self, pid: Pid) -> anyhow::Result<String> {
        let snapshot = self.kernel().snapshot()?;
        let top = topmost(&View(&snapshot), pid)?;
        let has_planner = View(&snapshot).process(top)?.is_some_and(|row| row.planner.is_some());
        Ok(if has_planner {
            format!("`libos run --pid {top}` lets it go on")
        } else {
            "`libos calls --resume` lets its calls go on".into()
        })
    }

    /// Does something with a checkpoint.
    pub(crate) async fn checkpoint(&self, request: CheckpointRequest, listener: &Listener) -> anyhow::Result<()> {
        let kernel = self.kernel();
        match request {
            CheckpointRequest::Create { pid, reason } => {
                let done = kernel.checkpoint(pid, &reason)?;
                let text = created(&done.what);
                self.changed(done.durable, vec![serde_json::to_value(&done.what)?], text, listener).await
            }
            CheckpointRequest::Restore { id } => {
                let done = kernel.restore(id)?;
                self.durable(done.durable).await?;
                let (effects, count) = View(&kernel.snapshot()?).effects_since(&done.what)?;
                let mut row = serde_json::to_value(&done.what)?;
                row["effects"] = serde_json::to_value(&effects)?;
                row["effects_count"] = count.into();
                let mut text = restored(&done.what, &effects, count).join("\n");
                if let Some(pid) = done.what.processes.first() {
                    text.push_str(&format!("\n  {}", self.way_on(*pid)?));
                }
                self.changed(done.durable, vec![row], text, listener).await
            }
            CheckpointRequest::Fork { id, budget } => {
                let purse = Purse::of(&budget.into_iter().collect());
                let done = kernel.fork_checkpoint(id, Some(purse).filter(|purse| !purse.left.is_empty()))?;
                self.durable(done.durable).await?;
                let mut text = forked(&done.what).join("\n");
                text.push_str(&format!("\n  {}", self.way_on(done.what.pid)?));
                self.changed(done.durable, vec![serde_json::to_value(&done.what)?], text, listener).await
            }
            CheckpointRequest::Commit { id, image } => {
                let done = kernel.commit_checkpoint(id, &image)?;
                let text = format!("image {image} has the tools and the memory of {id}; it grants nothing");
                self.changed(done.durable, vec![serde_json::to_value(&done.what)?], text, listener).await
            }
            CheckpointRequest::Remove { id } => {
                let done = kernel.remove_checkpoint(id)?;
                self.changed(done.durable, Vec::new(), format!("checkpoint {id} is removed"), listener).await
            }
        }
        .map_err(with_hint)
    }
}

/// The topmost process above one, or itself.
pub fn topmost(view: &View<'_>, pid: Pid) -> anyhow::Result<Pid> {
    let mut top = pid;
    // A parent has a smaller number, whatever a damaged row says.
    while let Some(parent) = view.process(top)?.and_then(|row| row.parent).filter(|parent| *parent < top) {
        top = parent;
    }
    Ok(top)
}

/// The process that goes on by itself once a call can, if the call is a step of one: the topmost above it.
pub fn agent_of(view: &View<'_>, call: CallId) -> anyhow::Result<Option<Pid>> {
    let outermost = view.call(view.outermost(call)?)?.filter(CallRow::is_quantum);
    outermost.map(|step| topmost(view, step.pid)).transpose()
}

fn with_hint(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<libos_kernel::kernel::HostError>() {
        Some(libos_kernel::kernel::HostError::Usage(why)) => Failure::usage(why.clone()).into(),
        _ => error,
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn created(row: &CheckpointRow) -> String {
    let flying: Vec<_> = row.members.iter().flat_map(|member| member.calls.iter().copied()).collect();
    let mut text = format!("{}: {} of {}", row.id, count(row.members.len(), "process", "processes"), row.pid);
    if !flying.is_empty() {
        text.push_str(&format!("; in flight, and not taken up again from there: {}", list(&flying)));
    }
    text
}

fn restored(done: &Restored, effects: &[Since], all: u64) -> Vec<String> {
    let mut lines = vec![format!("{} is back at {}", list(&done.processes), done.checkpoint)];
    let mut say = |what: &str, items: String| {
        if !items.is_empty() {
            lines.push(format!("  {what}: {items}"));
        }
    };
    say("ended, because made since", list(&done.ended));
    say("ended since, and stays so", list(&done.gone));
    say("no longer below it, and left alone", list(&done.elsewhere));
    say("calls cut off", list(&done.interrupted));
    say("questions withdrawn", list(&done.withdrawn));
    say("tools that are other ones now", list(&done.tools));
    let objects = if done.objects == 0 { String::new() } else { count(done.objects as usize, "object", "objects") };
    say("back as new versions", objects);
    let messages = if done.messages == 0 { String::new() } else { done.messages.to_string() };
    say("messages that wait", messages);
    if !effects.is_empty() {
        lines.push("  done outside since, and still done:".into());
    }
    lines.extend(effects.iter().map(|effect| {
        let word = if effect.outcome == "done" { String::new() } else { format!(" ({})", effect.outcome) };
        format!("    {} {} {} {}{word}", effect.effect, effect.pid, effect.operation, effect.resources.join(", "))
    }));
    if all > effects.len() as u64 {
        lines.push(format!("    and {} more; `libos effects` lists them", all - effects.len() as u64));
    }
    lines
}

fn forked(done: &Forked) -> Vec<String> {
    let pairs: Vec<String> = done.processes.iter().map(|(old, new)| format!("{new} for {old}")).collect();
    let grants = count(done.grants as usize, "grant", "grants");
    let mut lines = vec![format!("{} begins again from {}, with {grants}", done.pid, done.checkpoint)];
    if pairs.len() > 1 {
        lines.push(format!("  {}", pairs.join(", ")));
    }
    lines.extend(done.not_given.iter().map(|(id, why)| format!("  not given: {id}, because {why}")));
    lines
}
