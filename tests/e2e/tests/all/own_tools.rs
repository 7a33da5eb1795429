//! Tools that an agent writes at run time: proposed, validated, registered and called by the standard tools, as components and as scripts.

use libos::kernel::kernel::StartCall;
use libos::kernel::kernel::view::View;
use libos::kernel::model::answer::{Answer, Stop};
use libos::kernel::model::call::{Call, Reply};
use libos::kernel::model::candidate::{Code, Expectation, Proposal, Report, Test};
use libos::kernel::model::id::Pid;
use libos::kernel::model::limit::VALIDATIONS_MAX;
use libos::kernel::model::purse::Coin;
use libos::kernel::model::record::Outcome;
use libos::kernel::syscall::Line;
use libos::{CallEvent, CallRequest, Runtime};
use libos_e2e::{Host, OPEN, guest, result};
use serde_json::{Value, json};
use std::sync::Arc;

const CONFINED: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = ["register tool:*", "call tool:*", "read fs:workspace/open.txt"]
"#;

/// A host with the standard tools for this.
async fn furnished(policy: &str) -> Host {
    let host = Host::new(policy, &[]).await;
    host.runtime.add_component(guest("jit"), None, true).await.unwrap();
    host
}

fn process(host: &Host) -> Pid {
    host.runtime.kernel().new_process("base", false).unwrap()
}

async fn end(host: &Host, pid: Pid, tool: &str, arguments: Value) -> CallEvent {
    let request = CallRequest { pid: Some(pid), ..CallRequest::new(tool, arguments.to_string()) };
    host.runtime.call(request).await.unwrap_or_else(|error| panic!("{tool}: {error}"))
}

/// The result of a call, or why there is none.
async fn call(host: &Host, pid: Pid, tool: &str, arguments: Value) -> Result<Value, String> {
    match end(host, pid, tool, arguments).await {
        CallEvent::Ended(ended) => match ended.result {
            Ok(text) => Ok(serde_json::from_str(&text).unwrap()),
            Err(failure) => Err(failure.message),
        },
        event => Err(format!("{event:?}")),
    }
}

fn script(name: &str, source: &str, tests: Value) -> Value {
    json!({"name": name, "description": "Made at run time.", "source_code": source, "tests": tests})
}

async fn propose(host: &Host, pid: Pid, proposal: Value) -> String {
    let proposed = call(host, pid, "propose_jit_tool", proposal).await.unwrap();
    proposed["candidate_id"].as_str().unwrap().to_owned()
}

async fn validate(host: &Host, pid: Pid, id: &str) -> Value {
    call(host, pid, "validate_jit_tool", json!({"candidate_id": id})).await.unwrap()
}

#[tokio::test]
async fn an_agent_proposes_validates_registers_and_calls_a_script() {
    let host = furnished(OPEN).await;
    let pid = process(&host);
    let double = "export async function run(args, libos) { return { doubled: 2 * args.n }; }";
    let tests = json!([{"args": {"n": 21}, "result": {"doubled": 42}}]);
    let id = propose(&host, pid, script("double", double, tests)).await;
    let report = validate(&host, pid, &id).await;
    assert_eq!((&report["ok"], &report["errors"]), (&json!(true), &json!([])), "{report}");
    let registered = call(&host, pid, "register_jit_tool", json!({"candidate_id": id})).await.unwrap();
    assert_eq!(registered, json!({"tool_id": "double", "name": "double", "scope": "process"}));
    assert_eq!(call(&host, pid, "double", json!({"n": 4})).await, Ok(json!({"doubled": 8})));
    let by_name = call(&host, pid, "call_tool", json!({"name": "double", "args": {"n": 5}})).await;
    assert_eq!(by_name, Ok(json!({"result": {"doubled": 10}})));
    let other = process(&host);
    let unseen = CallRequest { pid: Some(other), ..CallRequest::new("double", "{}") };
    assert!(host.runtime.call(unseen).await.unwrap_err().to_string().contains("no tool 'double'"));
    // It is there after a restart, with its code.
    let host = host.restart().await;
    assert_eq!(call(&host, pid, "double", json!({"n": 6})).await, Ok(json!({"doubled": 12})));
    call(&host, pid, "unregister_jit_tool", json!({"name": "double"})).await.unwrap();
    let gone = CallRequest { pid: Some(pid), ..CallRequest::new("double", "{}") };
    assert!(host.runtime.call(gone).await.is_err());
}

#[tokio::test]
async fn a_registered_tool_reads_what_its_process_may_and_is_refused_the_rest() {
    let host = Host::new(CONFINED, &["every_import"]).await;
    host.put("open.txt", "open");
    host.put("secret.txt", "secret");
    let pid = process(&host);
    let grants = || format!("{:?}", host.runtime.kernel().grants_of(pid));
    let before = grants();
    let mut proposal = component(guest("files"), "read_text_file", "null");
    proposal.tests[0].arguments = json!({"path": "open.txt"}).to_string();
    let (id, report) = validated(&host, pid, proposal.clone()).await;
    assert!(!report.ok && report.tests[0].message.contains("tests have no authority"), "{id}: {report:?}");
    proposal.tests.clear();
    let (id, report) = validated(&host, pid, proposal).await;
    assert!(report.ok, "{report:?}");
    let mut line = line(&host, pid);
    line.run(Call::ToolsRegister { id, for_children: false }).await.unwrap();
    assert_eq!(grants(), before, "what a tool says that it needs gives it nothing");
    let read = call(&host, pid, "read_text_file", json!({"path": "open.txt"})).await.unwrap();
    assert!(read.to_string().contains("open"), "{read}");
    let refused = call(&host, pid, "read_text_file", json!({"path": "secret.txt"})).await.unwrap_err();
    assert!(refused.contains("read") && refused.contains("secret.txt"), "{refused}");
}

#[tokio::test]
async fn a_proposal_that_is_wrong_or_fails_a_test_is_rejected_with_a_line() {
    let host = furnished(OPEN).await;
    host.put("a.txt", "a");
    let pid = process(&host);
    let rows = [
        ("export function run() { return 1; }", json!([{"args": {}, "result": 2}]), "test 1: it returned 1, not 2"),
        ("export function run() {\n  return (;\n}", json!([]), ":2:"),
        ("export const nothing = 1;", json!([]), ""),
        ("export function run() { for (;;) {} }", json!([{"args": {}, "result": 1}]), "for more than"),
        ("export function run() { throw new Error('no'); }", json!([{"args": {}, "error": "yes"}]), "it failed with"),
    ];
    for (source, tests, says) in rows {
        let id = propose(&host, pid, script("wrong", source, tests)).await;
        let report = validate(&host, pid, &id).await;
        assert_eq!(report["ok"], json!(false), "{source}: {report}");
        assert!(report["errors"].to_string().contains(says), "{source}: {report}");
        let refused = call(&host, pid, "register_jit_tool", json!({"candidate_id": id})).await.unwrap_err();
        assert!(refused.contains("was rejected"), "{refused}");
    }
}

#[tokio::test]
async fn a_component_can_be_proposed_as_a_script_can() {
    let host = Host::new(OPEN, &["every_import"]).await;
    let pid = process(&host);
    for (bytes, name, ok) in [
        (guest("noop"), "mine", true),
        (guest("noop")[..100].to_vec(), "cut", false),
        (b"\x7fELF".to_vec(), "machine", false),
    ] {
        let (_, report) = validated(&host, pid, component(bytes, name, "null")).await;
        assert_eq!(report.ok, ok, "{name}: {report:?}");
    }
}

fn component(bytes: Vec<u8>, name: &str, result: &str) -> Proposal {
    Proposal {
        name: name.into(),
        summary: String::new(),
        code: Code::Component(bytes),
        arguments: None,
        result: None,
        tests: vec![Test { arguments: "{}".into(), expect: Expectation::Returns(result.into()) }],
    }
}

/// The line of a call of `every_import`.
fn line(host: &Host, pid: Pid) -> Line {
    let kernel = host.runtime.kernel();
    let limits = kernel.call_limits();
    let start = StartCall { pid, tool: "every_import".into(), arguments: "{}".into(), limits, keep: false };
    Line::new(Arc::clone(kernel), &kernel.start_call(start).unwrap())
}

/// What a proposal is called, and the report on it.
async fn validated(host: &Host, pid: Pid, proposal: Proposal) -> (String, Report) {
    let mut line = line(host, pid);
    let proposed = line.run(Call::ToolsPropose { proposal }).await.unwrap();
    let Answer::Done(Reply::Text(id)) = &*proposed else { panic!("{proposed:?}") };
    let report = line.run(Call::ToolsValidate { id: id.clone() }).await.unwrap();
    let Answer::Done(Reply::Report(report)) = &*report else { panic!("{report:?}") };
    (id.clone(), report.clone())
}

#[tokio::test]
async fn a_tool_is_promoted_and_then_there_for_every_process() {
    let host = furnished(OPEN).await;
    let pid = process(&host);
    let id = propose(&host, pid, script("mine", "export function run() { return 7; }", json!([]))).await;
    validate(&host, pid, &id).await;
    call(&host, pid, "register_jit_tool", json!({"candidate_id": id})).await.unwrap();
    host.runtime.kernel().promote_tool(pid, "mine", Some("seven")).unwrap();
    let other = process(&host);
    assert_eq!(result(end(&host, other, "seven", json!({})).await), json!(7));
}

#[tokio::test]
async fn a_process_pays_for_what_its_proposals_compute() {
    let host = furnished(OPEN).await;
    let pid = process(&host);
    let kernel = host.runtime.kernel();
    let coin = Coin::ProcessorMilliseconds;
    kernel.change_purse(pid, &[], &[(coin, 60_000)]).unwrap();
    let left = || async {
        kernel.barrier().await.unwrap();
        let row = View(&kernel.snapshot().unwrap()).process(pid).unwrap().unwrap();
        row.purse.unwrap().left(coin).unwrap()
    };
    let loops = |place: &str| match place {
        "a test" => "export function run() { for (;;) {} }",
        _ => "for (;;) {}\nexport function run() { return 1; }",
    };
    for place in ["a test", "the module"] {
        let before = left().await;
        let tests = json!([{"args": {}, "result": 1}]);
        let id = propose(&host, pid, script("endless", loops(place), tests)).await;
        assert_eq!(validate(&host, pid, &id).await["ok"], json!(false));
        // Of two seconds of its own on a processor, whatever else that has to do.
        assert!(before - left().await >= 100, "{place}: {before}, then {}", left().await);
    }
}

#[tokio::test]
async fn who_has_no_processor_time_left_is_not_validated_for() {
    let host = Host::new(OPEN, &["every_import"]).await;
    let pid = process(&host);
    let kernel = host.runtime.kernel();
    kernel.change_purse(pid, &[], &[(Coin::ProcessorMilliseconds, 50)]).unwrap();
    let mut line = line(&host, pid);
    let mut ids = Vec::new();
    for name in ["one", "two", "three", "four"].iter().take(VALIDATIONS_MAX + 1) {
        let code = Code::Typescript(format!("export function run() {{ for (;;) {{ '{name}'; }} }}"));
        let proposal = Proposal { code, ..component(Vec::new(), name, "1") };
        let proposed = line.run(Call::ToolsPropose { proposal }).await.unwrap();
        let Answer::Done(Reply::Text(id)) = &*proposed else { panic!("{proposed:?}") };
        ids.push(id.clone());
    }
    for id in ids {
        line.submit(Call::ToolsValidate { id }).await.unwrap().unwrap();
    }
    while !kernel.waits_of(line.call()).is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(line.next().await, Err(Stop::Paused(why)) if why.contains("processor-milliseconds")));
    kernel.raise_budget(pid, Coin::ProcessorMilliseconds, 1_000).unwrap();
    let mut told = Vec::new();
    while let Some((_, answer)) = line.next().await.unwrap() {
        told.push(format!("{answer:?}"));
    }
    let refused = told.iter().filter(|answer| answer.contains("too little is left of processor-milliseconds"));
    assert_eq!((told.len(), refused.count()), (VALIDATIONS_MAX + 1, 1), "{told:?}");
}

#[tokio::test]
async fn scripts_of_an_older_version_are_run_by_the_component_of_this_one() {
    let host = furnished(OPEN).await;
    let pid = process(&host);
    let source = "export async function run(args, libos) { return 2 * args.n; }";
    let id = propose(&host, pid, script("own", source, json!([]))).await;
    validate(&host, pid, &id).await;
    call(&host, pid, "register_jit_tool", json!({"candidate_id": id})).await.unwrap();
    host.runtime.add_source("shared.ts", source, None).await.unwrap();
    let codes = |host: &Host| {
        let kernel = host.runtime.kernel();
        let shared = kernel.tools().into_iter().filter(|tool| tool.script.is_some());
        let own = kernel.own_tools(pid).into_iter().map(|own| (own.tool.component, own.tool.script));
        shared.map(|tool| (tool.component, tool.script)).chain(own).collect::<Vec<_>>()
    };
    let before = codes(&host);
    assert_eq!(before.len(), 2);
    host.runtime.kernel().renew_scripts(b"the component of an older version", &[]).unwrap();
    assert!(codes(&host).iter().zip(&before).all(|(old, new)| old.0 != new.0 && old.1 == new.1));
    let host = host.restart().await;
    assert_eq!(codes(&host), before);
    for name in ["own", "shared"] {
        assert_eq!(call(&host, pid, name, json!({"n": 4})).await, Ok(json!(8)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_import_of_any_step_a_tool_is_there_and_each_thing_is_done_once() {
    let mut host = furnished(OPEN).await;
    let pid = process(&host);
    let source = "export async function run(args, libos) {
        await libos.fs.write(args.path, new Uint8Array([49]), 'create-new');
        return (await libos.fs.read(args.path)).length;
    }";
    let of = async |host: &Host, operation: &str| {
        let done = |record: &&libos::Record| record.operation == operation && record.outcome == Outcome::Done;
        host.records().await.iter().filter(done).count()
    };
    for stop in 0..4 {
        let (name, path) = (format!("writes{stop}"), format!("{stop}"));
        let mut id = String::new();
        for step in ["propose_jit_tool", "validate_jit_tool", "register_jit_tool", &name] {
            let arguments = match step {
                "propose_jit_tool" => script(&name, source, json!([])),
                "validate_jit_tool" | "register_jit_tool" => json!({ "candidate_id": id }),
                _ => json!({ "path": path }),
            };
            host.runtime.interrupt_first_runs_at(Some(stop));
            let request = CallRequest { pid: Some(pid), ..CallRequest::new(step, arguments.to_string()) };
            let (call, mut events) = host.runtime.start(request).await.unwrap();
            let event = Runtime::settle(&mut events).await;
            host = host.restart().await;
            let ended = match event {
                CallEvent::Interrupted(_) => {
                    result(Runtime::settle(&mut host.runtime.resume(call).await.unwrap()).await)
                }
                event => result(event),
            };
            match step {
                "propose_jit_tool" => id = ended["candidate_id"].as_str().unwrap().to_owned(),
                "validate_jit_tool" => assert_eq!(ended["ok"], json!(true), "{stop}: {ended}"),
                "register_jit_tool" => assert_eq!(ended["name"], json!(name), "{stop}"),
                _ => assert_eq!(ended, json!(1), "{stop}"),
            }
        }
        let rounds = stop as usize + 1;
        for operation in ["tools.propose", "tools.validate", "tools.register", "fs.write"] {
            assert_eq!(of(&host, operation).await, rounds, "{stop}: {operation}");
        }
        let tools = host.runtime.kernel().own_tools(pid);
        assert_eq!(tools.len(), rounds, "{stop}: {tools:?}");
    }
}
