//! A mixed program: what it returns shows every difference that a replay could make.

use libos::object::{self, Options, Payload};
use libos::serde_json::{Value, json};
use libos::{clock, fs, human, log, process, random};
use std::time::Duration;

/// Does a little of everything with the directory `notes` and returns all that it saw.
#[libos::tool]
fn journey(name: String) -> libos::Result<Value> {
    let before = clock::now();
    let notes = fs::read_to_string(&format!("notes/{name}.md"))?;
    let entries: Vec<String> = fs::list("notes")?.into_iter().map(|entry| entry.name).collect();

    let plan = object::create("plan", &Payload::json(&entries)?, &Options::new("plan"))?;
    let plan = object::update("plan", &Payload::json(&json!({ "read": name }))?, Some(plan.version))?;
    let random = libos_programs::hex(&random::bytes(16)?);
    log::info(format!("read {} bytes", notes.len()));
    println!("printed line");

    let (draft, output) = (format!("notes/{name}.draft"), format!("notes/{name}.out"));
    fs::write(&draft, "draft\n")?;
    fs::write(&output, format!("{random}\n"))?;
    fs::append(&output, "appended\n")?;
    clock::sleep(Duration::from_millis(1))?;
    let after = clock::now();

    let answer = human::ask(&format!("Go on with {name}?"))?;
    fs::write(&output, format!("{random}\nappended\n{answer}\n"))?;
    fs::remove(&draft)?;
    process::exit(&json!({ "answer": answer }))?;
    assert!(after.since_epoch() >= before.since_epoch() + Duration::from_millis(1));
    Ok(json!({
        "process": process::identity().pid,
        "notes": notes,
        "entries": entries,
        "plan_version": plan.version,
        "random": random,
        "before": before.to_string(),
        "after": after.to_string(),
        "answer": answer,
        "output": fs::read_to_string(&output)?,
    }))
}
