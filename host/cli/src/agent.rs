//! Processes that go on by themselves, as a host tells of them: what happens, what is asked, and how they end or come to rest.

use crate::error::Failure;
use crate::host::{Host, Listener, tell};
use crate::protocol::{AgentRequest, Event, Happened};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{HostError, NewAgent, Planned, Progress};
use libos_kernel::model::id::{Pid, QuestionId};
use libos_kernel::model::process::State;
use libos_kernel::model::question::Subject;
use libos_kernel::model::record::{Outcome, Record, cut};
use libos_kernel::store::reader::Snapshot;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Bytes of a tool's arguments that are told.
const ARGUMENTS_SHOWN: usize = 600;
/// Characters of one of them, if all are too long.
const ARGUMENT_SHOWN: usize = 100;
/// Records that are told in one go.
const RECORDS_AT_ONCE: usize = 256;

/// Starts a process, or finds it, and tells how it goes.
///
/// # Errors
/// What was asked makes no sense, or the host has stopped.
pub async fn perform(host: &Host, request: AgentRequest, listener: &Listener) -> anyhow::Result<()> {
    let kernel = host.kernel();
    match request {
        AgentRequest::Start { image, goal, script, given, new, follow } => {
            // What happened before is not told again.
            let from = View(&kernel.snapshot()?).log_size()?;
            let new = NewAgent { image: &image, goal: &goal, planner: script.as_deref(), new };
            let made = kernel.new_agent_given(new, &given)?;
            kernel.durable(made.durable).await.map_err(HostError::from)?;
            let Planned { pid, was_there } = made.what;
            kernel.end_halt(pid);
            kernel.drive(pid);
            tell(listener, Event::Agent { pid, was_there }).await;
            if follow { follow_agent(host, pid, from, listener).await } else { Ok(()) }
        }
        AgentRequest::Follow { pid, answer } => {
            let snapshot = kernel.snapshot()?;
            let from = View(&snapshot).log_size()?;
            let known = View(&snapshot).process(pid)?;
            known.ok_or_else(|| {
                Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them")
            })?;
            drop(snapshot);
            if let Some(answer) = answer {
                host.give_answer(answer, listener).await?;
            }
            kernel.end_halt(pid);
            kernel.drive(pid);
            tell(listener, Event::Agent { pid, was_there: true }).await;
            follow_agent(host, pid, from, listener).await
        }
        AgentRequest::Halt { pid } => {
            let done = kernel.halt(pid)?;
            let text =
                if done.what { format!("{pid} is held after its present step") } else { format!("{pid} is held") };
            host.changed(done.durable, Vec::new(), text, listener).await
        }
    }
}

/// Tells what happens to a process and to all below it, until it has ended.
async fn follow_agent(host: &Host, pid: Pid, from: u64, listener: &Listener) -> anyhow::Result<()> {
    let kernel = host.kernel();
    let mut commits = kernel.commits();
    let next_note = QuestionId(View(&kernel.snapshot()?).questions(false)?.last().map_or(1, |row| row.id.0 + 1));
    let mut teller =
        Teller { root: pid, next: from, is_ours: HashMap::from([(pid, true)]), asked: BTreeSet::new(), next_note };
    let mut rested = None;
    let mut stood = None;
    loop {
        commits.borrow_and_update();
        let progress = kernel.progress(pid);
        let stands = kernel.standing(pid);
        kernel.barrier().await.map_err(HostError::from)?;
        let snapshot = kernel.snapshot()?;
        teller.tell_records(&snapshot, listener).await?;
        if stands != stood {
            stood.clone_from(&stands);
            if let Some(stands) = stands {
                tell(listener, Event::AgentStands(stands)).await;
            }
        }
        teller.tell_questions(&snapshot, &progress, listener).await?;
        if progress.is_over {
            let row = View(&snapshot).process(pid)?;
            let row = row.ok_or_else(|| Failure::usage(format!("there is no process {pid}")))?;
            tell(listener, ended(pid, row.state)).await;
            return Ok(());
        }
        let rests = progress.is_settled().then_some(progress);
        // A host that closes drops what runs, which then looks as if it waited for somebody.
        if rests.is_some() && host.is_closing() {
            tell(listener, Event::Closing).await;
            return Ok(());
        }
        if let Some(Progress { questions, paused, .. }) = rests.clone()
            && rests != rested
        {
            tell(listener, Event::AgentRests { pid, questions, paused }).await;
        }
        rested = rests;
        tokio::select! {
            changed = commits.changed() => if changed.is_err() { return Ok(()) },
            () = listener.closed() => return Ok(()),
            () = kernel.stopped() => {
                let why = kernel.failure().unwrap_or_else(|| "the host is closed".into());
                return Err(HostError::Stopped(why).into());
            }
        }
    }
}

fn ended(pid: Pid, state: State) -> Event {
    let word = state.word().to_owned();
    let (result, why) = match state {
        State::Exited(result) => (Some(result), None),
        State::Failed(why) | State::Killed(why) => (None, Some(why)),
        State::Ready | State::Running | State::Waiting | State::Paused(_) => (None, None),
    };
    Event::AgentEnded { pid, state: word, result, why }
}

struct Teller {
    root: Pid,
    /// The next record.
    next: u64,
    /// Processes that were looked up, and whether they are below the root.
    is_ours: HashMap<Pid, bool>,
    /// Questions that were told.
    asked: BTreeSet<QuestionId>,
    /// The next note, or a later one.
    next_note: QuestionId,
}

impl Teller {
    async fn tell_records(&mut self, snapshot: &Snapshot, listener: &Listener) -> anyhow::Result<()> {
        loop {
            let mut records = Vec::new();
            View(snapshot).records(self.next, |record| {
                records.push(record);
                if records.len() < RECORDS_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            let count = records.len();
            for record in records {
                self.next = record.seq + 1;
                let Some(pid) = record.pid else { continue };
                if self.has(snapshot, pid)?
                    && let Some(happened) = happened(snapshot, pid, self.root, &record)?
                {
                    tell(listener, Event::Happened(happened)).await;
                }
                if record.operation == "human.tell" {
                    self.tell_notes(snapshot, listener).await?;
                }
            }
            if count < RECORDS_AT_ONCE {
                return Ok(());
            }
        }
    }

    async fn tell_notes(&mut self, snapshot: &Snapshot, listener: &Listener) -> anyhow::Result<()> {
        while let Some(row) = View(snapshot).question(self.next_note)? {
            self.next_note = QuestionId(self.next_note.0 + 1);
            if let Subject::Note { text } = row.subject
                && self.has(snapshot, row.pid)?
            {
                tell(listener, Event::Happened(Happened::Says { pid: row.pid, text })).await;
            }
        }
        Ok(())
    }

    fn has(&mut self, snapshot: &Snapshot, pid: Pid) -> anyhow::Result<bool> {
        let mut path = Vec::new();
        let mut next = Some(pid);
        let ours = loop {
            let Some(pid) = next else { break false };
            if let Some(known) = self.is_ours.get(&pid) {
                break *known;
            }
            path.push(pid);
            next = View(snapshot).process(pid)?.and_then(|row| row.parent);
        };
        self.is_ours.extend(path.into_iter().map(|pid| (pid, ours)));
        Ok(ours)
    }

    async fn tell_questions(
        &mut self,
        snapshot: &Snapshot,
        progress: &Progress,
        listener: &Listener,
    ) -> anyhow::Result<()> {
        for id in &progress.questions {
            if !self.asked.contains(id)
                && let Some(question) = View(snapshot).question(*id)?
            {
                self.asked.insert(*id);
                tell(listener, Event::AgentAsks { question: *id, call: question.call }).await;
            }
        }
        Ok(())
    }
}

/// What a record says to somebody who watches; none if it is too small a thing.
fn happened(snapshot: &Snapshot, pid: Pid, root: Pid, record: &Record) -> anyhow::Result<Option<Happened>> {
    let detail = record.detail.clone().unwrap_or_default();
    let note = |text: String| Happened::Note { pid, text };
    let Some(call) = record.call else {
        let is_end = record.operation == "process.end" && pid != root;
        return Ok(is_end.then(|| note(detail)));
    };
    let row = || View(snapshot).call(call);
    let milliseconds = record.duration / 1_000_000;
    let failed = match &record.outcome {
        Outcome::Failed(why) => Some(why.clone()),
        Outcome::Denied => Some("denied".to_owned()),
        Outcome::Unknown => Some("nobody knows whether it happened".to_owned()),
        _ => None,
    };
    Ok(match record.operation.as_str() {
        "call.start" => {
            if row()?.is_some_and(|row| row.is_quantum()) {
                return Ok(None);
            }
            let tool = detail.split(' ').next().unwrap_or_default().to_owned();
            let arguments = View(snapshot).arguments(call)?.map(|text| shown(&text)).unwrap_or_default();
            Some(Happened::Calls { pid, call, tool, arguments })
        }
        "call.end" => {
            if row()?.is_some_and(|row| row.is_quantum()) {
                return Ok(None);
            }
            Some(Happened::Called { pid, call, tool: detail, failed, milliseconds })
        }
        // No call came of it.
        "agent.call" => failed.map(note),
        "model.ask" if record.outcome == Outcome::Intent => {
            let model = record.resources.first().and_then(|name| name.strip_prefix("model:")).unwrap_or_default();
            Some(Happened::Thinks { pid, model: model.to_owned() })
        }
        "model.ask" if record.outcome != Outcome::Waiting => Some(Happened::Thought { pid, failed, milliseconds }),
        "process.end" if pid != root => Some(note(detail)),
        "process.hold" => Some(note(format!("is held: {detail}"))),
        _ => None,
    })
}

/// Arguments as they are told: of long ones the beginning of each.
fn shown(text: &str) -> String {
    let mut compact = crate::json::compact(text);
    if compact.len() > ARGUMENTS_SHOWN
        && let Ok(mut object) = serde_json::from_str::<serde_json::Map<String, Value>>(&compact)
    {
        for value in object.values_mut() {
            let long = match &*value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if long.len() > ARGUMENT_SHOWN {
                *value = long.chars().take(ARGUMENT_SHOWN).chain(['…']).collect::<String>().into();
            }
        }
        compact = Value::Object(object).to_string();
    }
    cut(&mut compact, ARGUMENTS_SHOWN);
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_arguments_are_told_by_their_beginnings() {
        assert_eq!(shown(r#"{ "a": 1.50 }"#), r#"{"a":1.50}"#);
        let long = format!(r#"{{"content":"{}","of":[{}1],"path":"a.txt"}}"#, "é".repeat(5_000), "1,".repeat(5_000));
        let told: Value = serde_json::from_str(&shown(&long)).unwrap();
        assert_eq!(told["path"], "a.txt");
        assert!(told["content"].as_str().unwrap().ends_with("é…") && told["of"].as_str().unwrap().starts_with("[1,1"));
        let many: String = (0..500).map(|n| format!("\"{n}\":{n},")).collect();
        assert!(shown(&format!("{{{many}\"z\":0}}")).len() <= ARGUMENTS_SHOWN + 3);
    }
}
