//! The same programs as tools: through the compiler of TypeScript, the engine, the line and the real world, each with a host of its own.

use crate::outcome::{End, Outcome};
use crate::program::{Program, tree};
use libos::kernel::kernel::EndedCall;
use libos::kernel::kernel::view::View;
use libos::kernel::model::call::Level;
use libos::{CallEvent, CallRequest, Failure, Runtime};
use libos_e2e::Host;
use serde_json::Value;

/// What every program may do beside what it says: wait for its timers.
const ALWAYS: &str = "sleep clock:sleep";
/// What each is called.
const TOOL: &str = "program";

/// The rules and the environment of a program.
fn policy(program: &Program) -> String {
    let mut rules = vec![ALWAYS.to_owned()];
    rules.extend(program.grants.iter().map(|grant| grant.replace(" fs:", " fs:workspace/")));
    let mut environment = String::new();
    for (name, value, granted) in &program.environment {
        environment.push_str(&format!("{name} = {}\n", Value::from(value.as_str())));
        if *granted {
            rules.push(format!("read env:{name}"));
        }
    }
    let rules: Vec<String> = rules.into_iter().map(|rule| Value::from(rule).to_string()).collect();
    format!("[mounts]\nworkspace = \".\"\n[image.base]\nallow = [{}]\n[environment]\n{environment}", rules.join(", "))
}

/// Runs a program.
pub async fn run(program: &Program) -> Outcome {
    let host = Host::new(&policy(program), &[]).await;
    program.prepare(&host.workspace());
    let (end, log) = match host.try_script_file(&program.main, TOOL).await {
        Ok(_) => call(&host, program).await,
        Err(why) => (thrown_before(&why.to_string()), String::new()),
    };
    Outcome { end, log, files: tree(&host.workspace()) }
}

async fn call(host: &Host, program: &Program) -> (End, String) {
    let request = CallRequest::new(TOOL, program.arguments.to_string());
    let (call, mut events) = host.runtime.start(request).await.unwrap();
    let end = match Runtime::settle(&mut events).await {
        CallEvent::Ended(EndedCall { result: Ok(text), .. }) => End::Returned(serde_json::from_str(&text).unwrap()),
        CallEvent::Ended(EndedCall { result: Err(Failure { message, .. }), .. }) => thrown(&message),
        other => panic!("{}: it has not ended: {other:?}", program.name),
    };
    let snapshot = host.runtime.kernel().snapshot().unwrap();
    let lines = View(&snapshot).call_log(call).unwrap().into_iter();
    let printed = lines.filter(|line| matches!(line.level, Level::Debug | Level::Info));
    (end, printed.map(|line| line.text + "\n").collect())
}

/// What was thrown while a script described itself: it says first where that is, as `main.ts:1:2: `.
fn thrown_before(text: &str) -> End {
    let place = |place: &str| place.rsplit(':').take(2).all(|number| number.parse::<u32>().is_ok());
    match text.split_once(": ") {
        Some((first, rest)) if place(first) => thrown(rest),
        _ => thrown(text),
    }
}

/// What was thrown, as the text of a failure tells it: `Name: message`, and lines of where it was.
fn thrown(text: &str) -> End {
    let text = text.strip_prefix("Uncaught ").unwrap_or(text);
    let text = text.split("\n    at ").next().unwrap_or_default();
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    match text.split_once(": ").unwrap_or((text, "")) {
        (name, message) if is_name(name) => End::Threw { name: name.into(), message: message.into() },
        _ => End::Threw { name: String::new(), message: text.into() },
    }
}
