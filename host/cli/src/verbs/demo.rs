//! `demo`: lists the stories, or plays one in a workspace of its own.

use super::follow::follow;
use super::{Context, policy};
use crate::args::Global;
use crate::demo::{Demo, Seen, all};
use crate::error::{Failure, code};
use crate::out::{Out, Table};
use crate::place::{self, POLICY_FILE, Place};
use crate::protocol::AgentRequest;
use crate::term::Colour;
use crate::{own, store};
use libos_kernel::model::given::Given;
use libos_kernel::model::preview::escape;
use serde_json::{Value, json};
use std::path::Path;

/// The file with what is chosen.
const PLAN_FILE: &str = "plan.jsonl";

/// Lists the stories, or plays one.
pub fn run(context: &Context, name: Option<&str>) -> anyhow::Result<u8> {
    let demos = all();
    let Some(name) = name else {
        let rows: Vec<Value> = demos.iter().map(|demo| json!({ "name": demo.name, "about": demo.about })).collect();
        context.list(&rows, |_| (table(&demos), ""))?;
        if context.out.is_terminal() && !context.out.json {
            eprintln!("\n`libos demo NAME` plays one");
        }
        return Ok(code::DONE);
    };
    let demo = demos
        .iter()
        .find(|demo| demo.name == name)
        .ok_or_else(|| Failure::usage(format!("there is no demo '{name}'")).hint("`libos demo` lists them"))?;
    play(context, demo)
}

fn table(demos: &[Demo]) -> Table {
    let mut table = Table::new(&["NAME", "WHAT IT SHOWS"]);
    demos.iter().for_each(|demo| table.row(vec![demo.name.into(), demo.about.into()]));
    table
}

fn play(context: &Context, demo: &Demo) -> anyhow::Result<u8> {
    let out = &context.out;
    let place = stage(demo)?;
    let plan: Vec<String> = (demo.plan)().iter().map(Value::to_string).collect();
    let plan = plan.join("\n") + "\n";
    own::create_below(&place.workspace, PLAN_FILE, plan.as_bytes())?;
    policy::put_in_force(&place, demo.policy)?;
    if !out.json {
        tell(out, demo, &place)?;
    }
    let global =
        Global { data: Some(place.data.clone()), workspace: Some(place.workspace.clone()), ..context.global.clone() };
    let player = Context { global, out: *out, person: demo.person.to_vec().into() };
    let start = AgentRequest::Start {
        image: demo.image.into(),
        goal: demo.goal.into(),
        script: Some(plan),
        given: Given::default(),
        new: true,
        follow: true,
    };
    let exit = follow(&player, place.clone(), start)?;
    if exit != code::DONE {
        return Err(Failure::new(code::FAILED, format!("the story did not come to its end: exit code {exit}")).into());
    }
    let seen = Seen { workspace: place.workspace.clone(), snapshot: store::snapshot(&place)? };
    let checks = (demo.checks)(&seen)?;
    for (claim, holds) in &checks {
        let mark = if *holds { out.paint("checked:", Colour::Green) } else { out.paint("NOT SO:", Colour::Red) };
        if out.json {
            out.value(&json!({ "event": "check", "claim": claim, "holds": holds }))?;
        } else {
            out.line(&format!("{mark} {claim}"))?;
        }
    }
    if checks.iter().any(|(_, holds)| !holds) {
        return Err(Failure::new(code::FAILED, "the story did not come out as it is told")
            .at(place.workspace.display())
            .into());
    }
    if !out.json {
        let at = escape(&place.workspace.display().to_string());
        out.line(&format!("\nlook around: cd {at} && libos --data ../data audit show"))?;
    }
    Ok(code::DONE)
}

/// What is played, as somebody would do it himself.
fn tell(out: &Out, demo: &Demo, place: &Place) -> anyhow::Result<()> {
    out.line(&out.paint(&format!("{}: {}", demo.name, demo.about), Colour::Bold))?;
    out.line(&format!("in {}:", escape(&place.workspace.display().to_string())))?;
    for (name, _) in demo.files.iter().chain([&(POLICY_FILE, ""), &(PLAN_FILE, "")]) {
        out.line(&format!("  {name}"))?;
    }
    let Demo { image, goal, .. } = demo;
    out.line(&format!("$ libos --data ../data run {image} '{goal}' --planner script:{PLAN_FILE}\n"))?;
    Ok(())
}

/// An empty workspace for a story, in place of what it left the last time.
fn stage(demo: &Demo) -> anyhow::Result<Place> {
    let root = place::demo_home()?.join(demo.name);
    own::remove_directory(&root)
        .map_err(|error| Failure::cannot(format!("it cannot be emptied: {error}")).at(root.display()))?;
    let workspace = root.join("workspace");
    own::make_empty_directory(&workspace)?;
    own::create_below(&workspace, POLICY_FILE, demo.policy.as_bytes())?;
    for (name, content) in demo.files {
        own::create_below(&workspace, name, content.as_bytes())?;
    }
    let global = Global {
        data: Some(root.join("data")),
        workspace: None,
        json: false,
        unattended: crate::args::Unattended::Queue,
    };
    Place::of(Path::new(&workspace), &global)
}
