//! A host for components that attack it, and how they are built.

use libos::kernel::kernel::EndedCall;
use libos::kernel::model::row::FailureReason;
use libos::{CallEvent, CallRequest, Runtime};
use libos_e2e::{Host, OPEN};
use std::sync::Arc;

/// What surrounds the fields of a row.
const TEMPLATE: &str = include_str!("template.wat");
/// Fields that behave, each for rows that have none of that name.
const WELL_BEHAVED: [(&str, &str); 5] = [
    ("$describe", "(func $describe (result i32) (i32.const 48))"),
    ("$call", "(func $call (param i32 i32 i32 i32) (result i32) (i32.const 128))"),
    (
        "$realloc",
        "(func $realloc (param i32 i32 i32 i32) (result i32) \
         (call $base-realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3)))",
    ),
    ("$describe-post", "(func $describe-post (param i32))"),
    ("$call-post", "(func $call-post (param i32))"),
];
/// Processor time of a call, in ticks of 10 ms.
const TICKS: u64 = 10;
/// Imports of a call.
const IMPORTS: u32 = 1_000;
/// Memory of a call, in bytes.
const MEMORY: u64 = 64 << 20;

/// A component with these fields in its core module, as text.
pub fn text(fields: &str) -> String {
    let mut all = String::new();
    for (name, behaved) in WELL_BEHAVED {
        if !fields.contains(&format!("(func {name} ")) {
            all.push_str(behaved);
            all.push('\n');
        }
        all.push_str(&format!("(export \"{}\" (func {name}))\n", &name[1..]));
    }
    // An export of a function stands before it where the row defines it; the text format allows that.
    TEMPLATE.replace(";;FIELDS;;", &format!("{all}{fields}"))
}

/// The same, as bytes.
pub fn component(fields: &str) -> Vec<u8> {
    let text = text(fields);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

/// One test at a time: two of them measure the memory of the whole process.
pub static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A host with little to give, and one tool that behaves.
pub async fn host() -> Host {
    Host::with_limits(OPEN, &["noop"], |limits| {
        limits.cpu_ticks = TICKS;
        limits.memory_bytes = MEMORY;
        limits.imports = IMPORTS;
    })
    .await
}

/// Adds a component, under a name of its own if there is one.
pub async fn add(host: &Host, name: Option<&str>, bytes: Vec<u8>) -> Result<(), String> {
    let added = host.runtime.add_component(bytes, name.map(str::to_owned), false).await;
    added.map(drop).map_err(|error| error.to_string())
}

/// Calls a tool: how it ended, in a word and a text.
pub async fn call(runtime: &Arc<Runtime>, tool: &str) -> (String, String) {
    let event = runtime.call(CallRequest::new(tool, "{}")).await;
    match event.unwrap_or_else(|error| panic!("{tool}: {error}")) {
        CallEvent::Ended(EndedCall { result: Ok(text), .. }) => ("done".into(), text),
        CallEvent::Ended(EndedCall { result: Err(failure), .. }) => (word(failure.reason).into(), failure.message),
        other => panic!("{tool}: {other:?}"),
    }
}

fn word(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::InvalidArguments => "invalid-arguments",
        FailureReason::Denied => "denied",
        FailureReason::Failed => "failed",
        FailureReason::Trap => "trap",
        FailureReason::Limit => "limit",
        FailureReason::Fault => "fault",
        FailureReason::NotRunnable => "not-runnable",
    }
}

/// The host lives, and a tool that behaves is served.
pub async fn lives(host: &Host, after: &str) {
    let (word, text) = call(&host.runtime, "noop").await;
    assert_eq!(word, "done", "after {after}: {text}");
    assert_eq!(host.runtime.kernel().failure(), None, "after {after}");
}

/// Bytes of this process in memory.
#[expect(clippy::disallowed_methods, reason = "the kernel's own word on this process")]
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}
