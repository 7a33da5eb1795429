//! `ps`, `show`: processes.

use super::{Context, calls};
use crate::error::{Failure, code};
use crate::out::Table;
use crate::own::now;
use crate::{duration, question};
use libos_kernel::kernel::explain::Held;
use libos_kernel::kernel::view::View;
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::Pid;
use libos_kernel::model::process::State;
use libos_kernel::model::row::ProcessRow;

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
            why(&row.state).to_owned(),
        ]);
    }
    table
}

fn why(state: &State) -> &str {
    match state {
        State::Ready | State::Running | State::Waiting => "",
        State::Paused(why) | State::Exited(why) | State::Failed(why) | State::Killed(why) => why,
    }
}

/// Shows a process with its calls, grants and questions.
pub fn show(context: &Context, pid: Pid) -> anyhow::Result<u8> {
    let (_, snapshot) = context.look()?;
    let view = View(&snapshot);
    let row = view.process(pid)?;
    let row =
        row.ok_or_else(|| Failure::usage(format!("there is no process {pid}")).hint("`libos ps --all` lists them"))?;
    let mut calls = view.calls()?;
    calls.retain(|call| call.pid == pid);
    let mut grants = view.grants()?;
    grants.retain(|grant| grant.holder == Holder::Process(pid));
    let mut questions = view.questions(true)?;
    questions.retain(|question| question.pid == pid);
    let objects = view.objects(&format!("process/{}/", pid.0))?;
    if context.out.json {
        let mut value = serde_json::to_value(&row)?;
        value["calls"] = serde_json::to_value(&calls)?;
        value["grants"] = serde_json::to_value(&grants)?;
        value["questions"] = serde_json::to_value(&questions)?;
        value["objects"] = serde_json::to_value(&objects)?;
        context.out.value(&value)?;
        return Ok(code::DONE);
    }
    let out = &context.out;
    out.fields(&[
        ("process", row.pid.to_string()),
        ("image", row.image.clone()),
        ("state", format!("{} {}", row.state.word(), why(&row.state)).trim_end().to_owned()),
        ("directory", row.working_directory.to_string()),
        ("made", row.created.to_string()),
        ("objects", objects.len().to_string()),
    ])?;
    if !calls.is_empty() {
        out.heading("calls")?;
        out.table(&calls::table(&calls), "")?;
    }
    if !grants.is_empty() {
        out.heading("grants")?;
        out.table(&super::grants::table(&grants, &Held::of(&view)?), "")?;
    }
    if !questions.is_empty() {
        out.heading("questions")?;
        questions.iter().flat_map(question::lines).try_for_each(|line| out.line(&line))?;
    }
    Ok(code::DONE)
}
