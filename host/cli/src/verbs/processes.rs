//! `ps`, `show`: processes.

use super::tree::{self, purse_text};
use super::{Context, calls};
use crate::error::{Failure, code};
use crate::out::Table;
use crate::own::now;
use crate::{duration, question};
use libos_kernel::kernel::census::Waiting;
use libos_kernel::kernel::explain::Held;
use libos_kernel::kernel::own_namespace;
use libos_kernel::kernel::view::View;
use libos_kernel::model::call::ObjectInfo;
use libos_kernel::model::candidate::ProcessTool;
use libos_kernel::model::checkpoint::CheckpointRow;
use libos_kernel::model::grant::{Grant, Holder};
use libos_kernel::model::id::Pid;
use libos_kernel::model::process::State;
use libos_kernel::model::purse::Purse;
use libos_kernel::model::question::QuestionRow;
use libos_kernel::model::row::{CallRow, ProcessRow};

/// Lists processes.
pub fn list(context: &Context, all: bool) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let mut rows = View(&snapshot).processes()?;
    rows.retain(|row| all || !row.state.is_final());
    context.list(&rows, |rows| (table(rows), "no process lives; --all shows those that have ended"))?;
    Ok(code::DONE)
}

fn table(rows: &[ProcessRow]) -> Table {
    let mut table = Table::new(&["PID", "PARENT", "IMAGE", "STATE", "AGE", "WHY"]);
    for row in rows {
        table.row(vec![
            row.pid.to_string(),
            row.parent.map(|pid| pid.to_string()).unwrap_or_default(),
            row.image.clone(),
            row.state.word().into(),
            duration::short(now().since(row.created)),
            why(row),
        ]);
    }
    table
}

fn why(row: &ProcessRow) -> String {
    let why = match &row.state {
        State::Ready | State::Running | State::Waiting => "",
        State::Paused(why) | State::Exited(why) | State::Failed(why) | State::Killed(why) => why,
    };
    let ends = row.cancel_requested.as_ref().filter(|_| !row.state.is_final());
    let ends = ends.map(|by| format!("is to end: cancelled by {by}"));
    [Some(why.to_owned()).filter(|why| !why.is_empty()), ends].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Shows a process whole.
pub fn show(context: &Context, pid: Pid) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    let row = view.process(pid)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them"))?;
    let shown = Shown::of(&view, row)?;
    if context.out.json {
        context.out.value(&shown.value()?)?;
        return Ok(code::DONE);
    }
    shown.tell(context, &view)?;
    Ok(code::DONE)
}

/// A process with all that belongs to it.
struct Shown {
    row: ProcessRow,
    /// Those that it comes from, its parent first.
    above: Vec<Pid>,
    /// Those that it made.
    children: Vec<Pid>,
    goal: Option<String>,
    waits: Vec<Waiting>,
    spends: Option<(Pid, Purse)>,
    messages: u64,
    calls: Vec<CallRow>,
    grants: Vec<Grant>,
    questions: Vec<QuestionRow>,
    objects: Vec<ObjectInfo>,
    checkpoints: Vec<CheckpointRow>,
    /// Those that it registered.
    tools: Vec<ProcessTool>,
}

impl Shown {
    fn of(view: &View<'_>, row: ProcessRow) -> anyhow::Result<Shown> {
        let pid = row.pid;
        let mut above = Vec::new();
        let mut next = row.parent;
        // A parent has a smaller number, whatever a damaged row says.
        while let Some(parent) = next.filter(|parent| *parent < above.last().copied().unwrap_or(pid)) {
            above.push(parent);
            next = view.process(parent)?.and_then(|row| row.parent);
        }
        let children = view.processes()?.into_iter().filter(|row| row.parent == Some(pid) && !row.state.is_final());
        let children = children.map(|row| row.pid).collect();
        let mut calls = view.calls()?;
        calls.retain(|call| call.pid == pid);
        let mut grants = view.grants()?;
        grants.retain(|grant| grant.holder == Holder::Process(pid));
        let mut questions = view.questions(true)?;
        questions.retain(|question| question.pid == pid);
        let mut checkpoints = view.checkpoints()?;
        checkpoints.retain(|row| row.member(pid).is_some());
        Ok(Shown {
            above,
            children,
            goal: view.goal_of(&row)?,
            waits: view.waits_of(pid)?,
            spends: view.purse_of(&row)?,
            messages: view.messages_waiting(pid)?,
            calls,
            grants,
            questions,
            objects: view.objects(&format!("{}/", own_namespace(pid)))?,
            checkpoints,
            tools: view.own_tools(pid)?,
            row,
        })
    }

    fn value(&self) -> anyhow::Result<serde_json::Value> {
        let mut value = serde_json::to_value(&self.row)?;
        value["above"] = serde_json::to_value(&self.above)?;
        value["children"] = serde_json::to_value(&self.children)?;
        value["goal_text"] = self.goal.clone().into();
        value["waits"] = tree::waits_value(&self.waits);
        if let Some((of, purse)) = &self.spends {
            value["spends"] = serde_json::json!({ "pid": of, "left": serde_json::to_value(&purse.left)? });
        }
        value["messages"] = self.messages.into();
        value["calls"] = serde_json::to_value(&self.calls)?;
        value["grants"] = serde_json::to_value(&self.grants)?;
        value["questions"] = serde_json::to_value(&self.questions)?;
        value["objects"] = serde_json::to_value(&self.objects)?;
        value["checkpoints"] = self.checkpoints.iter().map(|row| serde_json::json!(row.id)).collect();
        value["tools"] = serde_json::to_value(&self.tools)?;
        Ok(value)
    }

    /// The lines above the tables; those with nothing to say are left out.
    fn head(&self) -> Vec<(&'static str, String)> {
        let row = &self.row;
        let pids = |pids: &[Pid]| pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let view = row.view.as_ref().map(|view| {
            let windows: Vec<String> = view.windows().iter().map(|window| window.source.to_string()).collect();
            format!("{} of the objects of {}", view.mode.word(), windows.join(", then "))
        });
        let step = row.planner.as_ref().map(|planner| format!("{} taken", planner.step));
        let all = [
            ("process", row.pid.to_string()),
            ("goal", self.goal.clone().unwrap_or_default()),
            ("image", row.image.clone()),
            ("state", format!("{} {}", row.state.word(), why(row)).trim_end().to_owned()),
            ("waits for", tree::waits_text(&self.waits)),
            ("comes from", pids(&self.above)),
            ("children", pids(&self.children)),
            ("directory", row.working_directory.to_string()),
            ("made", row.created.to_string()),
            ("ended", row.ended.map(|time| time.to_string()).unwrap_or_default()),
            ("result", row.result_object.clone().unwrap_or_default()),
            ("steps", step.unwrap_or_default()),
            ("sees", view.unwrap_or_default()),
            ("may spend", self.spends.as_ref().map(|(of, purse)| purse_text(row.pid, *of, purse)).unwrap_or_default()),
            ("messages", if self.messages == 0 { String::new() } else { format!("{} wait", self.messages) }),
            ("objects", self.objects.len().to_string()),
            ("grants", self.grants.len().to_string()),
            ("went back", if row.incarnation == 0 { String::new() } else { format!("{} times", row.incarnation) }),
        ];
        all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
    }

    fn tell(&self, context: &Context, view: &View<'_>) -> anyhow::Result<()> {
        let out = &context.out;
        out.fields(&self.head())?;
        if !self.calls.is_empty() {
            out.heading("calls")?;
            out.table(&calls::table(&self.calls), "")?;
        }
        if !self.tools.is_empty() {
            out.heading("tools of its own")?;
            out.table(&tools(&self.tools), "")?;
        }
        if !self.checkpoints.is_empty() {
            out.heading("checkpoints")?;
            out.table(&super::checkpoint::table(&self.checkpoints), "")?;
        }
        if !self.grants.is_empty() {
            out.heading("grants")?;
            out.table(&super::grants::table(&self.grants, &Held::of(view)?), "")?;
        }
        if !self.questions.is_empty() {
            out.heading("questions")?;
            self.questions.iter().flat_map(question::lines).try_for_each(|line| out.line(&line))?;
        }
        Ok(())
    }
}

fn tools(rows: &[ProcessTool]) -> Table {
    let mut table = Table::new(&["NAME", "WAS", "SEEN BELOW", "CODE", "SUMMARY"]);
    for row in rows {
        let summary = row.tool.summary.lines().next().unwrap_or_default().to_owned();
        let below = if row.for_children { "yes" } else { "no" };
        let code = libos_kernel::model::id::hex(row.tool.code())[..16].to_owned();
        table.row(vec![row.tool.name.clone(), row.candidate.to_string(), below.into(), code, summary]);
    }
    table
}
