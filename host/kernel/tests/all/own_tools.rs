//! Tools that a process proposes, validates and registers at run time.

use crate::gc::collect;
use crate::sim::{BRIDGE, House, digest, done, new_grant, script_of, tool};
use crate::upgrade::directory;
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{StartCall, Validation};
use libos_kernel::model::answer::Answer;
use libos_kernel::model::call::{Call, Reply};
use libos_kernel::model::candidate::{Code, Expectation, Origin, Proposal, Report, Test};
use libos_kernel::model::child::ChildOptions;
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{Digest, Pid, hex};
use libos_kernel::model::image::Image;
use libos_kernel::model::limit;
use libos_kernel::model::need::Need;
use libos_kernel::model::process::Signal;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::model::right::Right;
use libos_kernel::model::row::{CallRow, Wait};
use libos_kernel::model::time::Time;
use libos_kernel::store::backup::back_up;
use libos_kernel::store::disk::{Directory, Storage};
use libos_kernel::syscall::Line;
use std::sync::Arc;

const RULES: [&str; 3] = ["allow register tool:*", "allow call tool:*", "allow spawn process:**"];

pub fn proposal(name: &str) -> Proposal {
    Proposal {
        name: name.into(),
        summary: "Doubles.".into(),
        code: Code::Typescript(format!("export const run = () => '{name}';")),
        arguments: None,
        result: None,
        tests: Vec::new(),
    }
}

async fn propose(house: &House, line: &mut Line, proposal: Proposal) -> String {
    match done(&house.run(line, Call::ToolsPropose { proposal }).await) {
        Reply::Text(id) => id.clone(),
        other => panic!("{other:?}"),
    }
}

pub async fn validated(house: &House, line: &mut Line, name: &str) -> String {
    let id = propose(house, line, proposal(name)).await;
    let report = house.run(line, Call::ToolsValidate { id: id.clone() }).await;
    let Reply::Report(Report { ok: true, .. }) = done(&report) else { panic!("{report:?}") };
    id
}

pub async fn says(house: &House, line: &mut Line, call: Call) -> String {
    match house.run(line, call).await.as_deref() {
        Ok(Answer::Done(_)) => "done".into(),
        Ok(Answer::Failed(error)) => error.to_string(),
        Err(stop) => stop.to_string(),
    }
}

pub async fn register(house: &House, line: &mut Line, name: &str, for_children: bool) -> String {
    let id = validated(house, line, name).await;
    says(house, line, Call::ToolsRegister { id, for_children }).await
}

pub fn known(house: &House, pid: Pid) -> Vec<(String, Origin)> {
    house
        .kernel
        .known_tools(pid)
        .into_iter()
        .map(|tool| (tool.name, tool.origin))
        .filter(|(name, _)| !["act", "echo"].contains(&name.as_str()))
        .collect()
}

pub fn start(house: &House, pid: Pid, tool: &str) -> Result<CallRow, String> {
    let limits = house.kernel.call_limits();
    let call = StartCall { pid, tool: tool.into(), arguments: "{}".into(), limits, keep: false };
    house.kernel.start_call(call).map(|started| started.row).map_err(|error| error.to_string())
}

/// A process with a call of a tool.
pub fn process(house: &House) -> (Line, Pid) {
    let pid = house.process();
    (house.line_of(pid), pid)
}

fn line_of_tool(house: &House, pid: Pid, tool: &str) -> Line {
    let started = house.kernel.start_call(StartCall { tool: tool.into(), ..house.start(pid) }).unwrap();
    Line::new(Arc::clone(&house.kernel), &started)
}

pub async fn child(house: &House, line: &mut Line) -> Pid {
    let child = ChildOptions { image: Some("base".into()), ..ChildOptions::default() };
    match done(&house.run(line, Call::ProcessSpawn { child }).await) {
        Reply::Pid(pid) => *pid,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tool_is_there_once_it_is_registered_and_not_before() {
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    let id = propose(&house, &mut line, proposal("double")).await;
    let register = Call::ToolsRegister { id: id.clone(), for_children: false };
    assert!(says(&house, &mut line, register.clone()).await.contains("was not validated"));
    done(&house.run(&mut line, Call::ToolsValidate { id }).await);
    assert!(start(&house, pid, "double").unwrap_err().contains("no tool"));
    assert_eq!(says(&house, &mut line, register.clone()).await, "done");
    assert!(says(&house, &mut line, register).await.contains("already exists"));
    assert_eq!(known(&house, pid), [("double".into(), Origin::Own)]);
    let call = start(&house, pid, "double").unwrap();
    assert_eq!(call.component, digest(BRIDGE));
    let other = house.process();
    assert!(start(&house, other, "double").unwrap_err().contains("no tool"), "it is its process's alone");
    assert_eq!(says(&house, &mut line, Call::ToolsUnregister { name: "double".into() }).await, "done");
    assert!(start(&house, pid, "double").is_err());
    house.kernel.end_call(call.id, Ok("1".into())).unwrap();
}

#[tokio::test]
async fn registering_needs_the_right_and_changes_no_grant() {
    let house = House::new(&["allow register tool:mine"]);
    let (mut line, pid) = process(&house);
    let grants = |house: &House| format!("{:?}", house.kernel.grants_of(pid));
    let before = grants(&house);
    let mut claims = proposal("mine");
    claims.summary = "needs: read fs:**; grants: write fs:**; requested_capabilities".into();
    claims.arguments = Some(r#"{"capabilities":["write fs:**"],"x-grants":"all"}"#.into());
    let id = propose(&house, &mut line, claims).await;
    done(&house.run(&mut line, Call::ToolsValidate { id: id.clone() }).await);
    assert_eq!(says(&house, &mut line, Call::ToolsRegister { id, for_children: false }).await, "done");
    assert!(register(&house, &mut line, "other", false).await.starts_with("denied: register on tool:other"));
    assert_eq!(grants(&house), before);
}

#[tokio::test]
async fn a_person_who_is_asked_sees_the_whole_source_and_its_digest() {
    let house = House::new(&["ask register tool:*"]);
    let mut line = house.line();
    let mut long = proposal("long");
    let lines: Vec<String> = (0..200).map(|number| format!("// line {number}")).collect();
    long.code = Code::Typescript(lines.join("\n"));
    let digest = hex(&digest(long.code.as_bytes()));
    let id = propose(&house, &mut line, long).await;
    done(&house.run(&mut line, Call::ToolsValidate { id: id.clone() }).await);
    let call = house.park(line, Call::ToolsRegister { id, for_children: true }).await;
    let question = house.asked(call);
    house.kernel.barrier().await.unwrap();
    let shown = format!("{:?}", house.question(question).subject);
    assert!(shown.contains(&digest) && shown.contains("all below it"), "{shown}");
    assert!(lines.iter().all(|line| shown.contains(line)), "{shown}");
}

#[tokio::test]
async fn nobody_does_anything_with_the_proposal_of_another_process() {
    let house = House::new(&[]);
    let (one, other) = (house.process(), house.process());
    for pid in [one, other] {
        house.kernel.grant(new_grant(Holder::Process(pid), "allow register tool:*", None)).unwrap();
    }
    let (mut line, mut thief) = (house.line_of(one), house.line_of(other));
    let id = validated(&house, &mut line, "double").await;
    for call in [Call::ToolsRegister { id: id.clone(), for_children: false }, Call::ToolsValidate { id }] {
        let said = says(&house, &mut thief, call.clone()).await;
        assert!(said.starts_with("not found: candidate"), "{said}");
    }
    assert_eq!(known(&house, other), []);
}

#[tokio::test]
async fn no_tool_takes_a_name_that_is_taken() {
    let house = House::new(&RULES);
    let image = Image { name: "narrow".into(), tools: vec!["act".into()], ..Image::base() };
    house.kernel.add_image(image).unwrap();
    house.kernel.add_tools(b"elsewhere", &[], vec![tool("process_exit", None)], true).unwrap();
    let (mut line, pid) = process(&house);
    assert_eq!(register(&house, &mut line, "process_exit", false).await, "already exists: tool:process_exit");
    let id = propose(&house, &mut line, proposal("planner")).await;
    let report = house.run(&mut line, Call::ToolsValidate { id }).await;
    assert!(matches!(done(&report), Reply::Report(Report { ok: false, .. })), "{report:?}");
    assert_eq!(register(&house, &mut line, "own", true).await, "done");
    assert_eq!(register(&house, &mut line, "own", false).await, "already exists: tool:own");
    // Who sees it from above cannot hide it.
    let below = child(&house, &mut line).await;
    house.kernel.grant(new_grant(Holder::Process(below), "allow register tool:*", None)).unwrap();
    let mut lower = house.line_of(below);
    assert_eq!(register(&house, &mut lower, "own", false).await, "already exists: tool:own");
    // The host's wins over one that was there before it.
    house.kernel.add_tools(b"later", &[], vec![tool("own", None)], false).unwrap();
    let call = start(&house, pid, "own").unwrap();
    assert_ne!(call.component, digest(BRIDGE));
    assert!(known(&house, pid).contains(&("own".into(), Origin::Image)));
    for name in ["Own", "\u{43e}wn", "own ", "o\u{200b}wn", "", "1own", "own/x"] {
        let said = says(&house, &mut line, Call::ToolsPropose { proposal: proposal(name) }).await;
        assert!(said.contains("is no name of a tool"), "{name}: {said}");
    }
}

#[tokio::test]
async fn children_see_a_tool_only_if_they_are_told_and_as_long_as_its_owner_lives() {
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    assert_eq!(register(&house, &mut line, "told", true).await, "done");
    assert_eq!(register(&house, &mut line, "untold", false).await, "done");
    let below = child(&house, &mut line).await;
    assert_eq!(known(&house, below), [("told".into(), Origin::Above)]);
    assert!(start(&house, below, "untold").is_err());
    start(&house, below, "told").unwrap();
    assert_eq!(says(&house, &mut line, Call::ProcessHandOver { pid: below.to_string() }).await, "done");
    assert_eq!(known(&house, below), [], "it is no child any more");
    house.kernel.signal(pid, Signal::Kill, "enough").unwrap();
    house.kernel.barrier().await.unwrap();
    let house = house.reopen();
    assert_eq!(house.kernel.own_tools(pid), []);
    assert_eq!(house.kernel.candidates_of(pid).unwrap(), []);
    let snapshot = house.snapshot();
    for table in [libos_kernel::store::table::Table::Candidate, libos_kernel::store::table::Table::ProcessTool] {
        assert_eq!(snapshot.keys(table, &[]).unwrap(), []);
    }
}

#[tokio::test]
async fn proposals_tools_and_validations_survive_a_restart_at_every_point() {
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    let id = propose(&house, &mut line, proposal("double")).await;
    let call = house.park(line, Call::ToolsValidate { id: id.clone() }).await;
    house.kernel.barrier().await.unwrap();
    // It was taken by a host that died: the next one does it again.
    assert_eq!(house.kernel.take_validations().len(), 1);
    assert_eq!(house.kernel.take_validations(), []);
    let house = house.reopen();
    assert!(matches!(house.kernel.wait_of(call), Some(Wait::Validation(_))));
    let again: Vec<Validation> = house.kernel.take_validations();
    assert_eq!((again.len(), &again[0].code), (1, &proposal("double").code));
    house.kernel.give_validation_up(&again[0].row, "no memory");
    let house = house.reopen();
    let mut line = house.resume(call).await;
    assert!(says(&house, &mut line, Call::ToolsPropose { proposal: proposal("double") }).await == "done");
    let failed = says(&house, &mut line, Call::ToolsValidate { id: id.clone() }).await;
    assert!(failed.contains("no memory"), "{failed}");
    done(&house.run(&mut line, Call::ToolsValidate { id: id.clone() }).await);
    house.kernel.barrier().await.unwrap();
    let register = Call::ToolsRegister { id, for_children: true };
    assert_eq!(says(&house, &mut line, register).await, "done");
    house.kernel.barrier().await.unwrap();
    let house = house.reopen();
    assert_eq!(known(&house, pid), [("double".into(), Origin::Own)]);
    start(&house, pid, "double").unwrap();
}

#[tokio::test]
async fn what_was_rejected_cannot_be_registered_and_says_why() {
    let house = House::new(&RULES);
    let mut line = house.line();
    let id = propose(&house, &mut line, proposal("double")).await;
    let call = house.park(line, Call::ToolsValidate { id: id.clone() }).await;
    house.validate(Some("main.ts:3:1: it has no export"));
    let mut line = house.resume(call).await;
    done(&house.run(&mut line, Call::ToolsPropose { proposal: proposal("double") }).await);
    let answer = house.run(&mut line, Call::ToolsValidate { id: id.clone() }).await;
    let Reply::Report(report) = done(&answer) else { panic!("{answer:?}") };
    assert!(!report.ok && report.problems[0].message.contains("no export"), "{report:?}");
    let said = says(&house, &mut line, Call::ToolsRegister { id, for_children: false }).await;
    assert!(said.contains("was rejected"), "{said}");
}

/// A proposal whose row is a file of its own.
fn long_proposal() -> Proposal {
    let expect = Expectation::Returns("1".into());
    let test = Test { arguments: format!("{:?}", "x".repeat(100_000)), expect };
    Proposal { tests: vec![test], ..proposal("long") }
}

#[tokio::test]
async fn whoever_waits_for_the_validation_of_what_cannot_be_read_is_told() {
    for is_taken in [false, true] {
        let house = House::new(&RULES);
        let (mut line, pid) = process(&house);
        let id = propose(&house, &mut line, long_proposal()).await;
        let validate = || Call::ToolsValidate { id: id.clone() };
        let call = house.park(line, validate()).await;
        house.kernel.barrier().await.unwrap();
        if is_taken {
            let taken = house.kernel.take_validations();
            house.disk.spoil_files();
            house.kernel.end_validation(&taken[0].row, Err(Vec::new()), Report::default());
        } else {
            house.disk.spoil_files();
            assert_eq!(house.kernel.take_validations(), []);
        }
        assert_eq!(house.kernel.wait_of(call), None, "{is_taken}: it hangs");
        house.disk.spoil_files();
        let mut line = house.resume(call).await;
        assert_eq!(says(&house, &mut line, Call::ToolsPropose { proposal: long_proposal() }).await, "done");
        let told = says(&house, &mut line, validate()).await;
        assert!(told.contains("the proposal cannot be read"), "{is_taken}: {told}");
        // Nothing of it is left over: it can be validated again.
        let again = house.run(&mut line, validate()).await;
        assert!(matches!(done(&again), Reply::Report(Report { ok: true, .. })), "{is_taken}: {again:?}");
        assert_eq!(house.kernel.candidates_of(pid).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_tool_stays_within_the_calls_that_registered_it() {
    let house = House::new(&["allow register tool:*", "allow call tool:*", "allow read fs:workspace/**"]);
    let confined = tool("confined", Some(&["register tool:*"]));
    house.kernel.add_tools(b"confined", &["tools".into()], vec![confined], false).unwrap();
    let relay = tool("relay", Some(&["register tool:*"]));
    house.kernel.add_tools(b"standard", &["tools".into()], vec![relay], true).unwrap();
    let pid = house.process();
    let read = Need { resource: Resource::new(Kind::Fs, "workspace/a"), right: Right::Read, whole: false };
    for (registrar, name, reads) in [("confined", "narrow", false), ("relay", "wide", true), ("act", "plain", true)] {
        let mut line = line_of_tool(&house, pid, registrar);
        assert_eq!(register(&house, &mut line, name, false).await, "done", "{registrar}");
        let call = start(&house, pid, name).unwrap();
        let bounds = call.bounds;
        assert_eq!(bounds.iter().all(|bound| bound.covers(&read)), reads, "{registrar}");
    }
}

/// The call that this one makes of another tool, and a line of it.
async fn calls(house: &House, line: Line, tool: &str) -> Line {
    let caller = house.park(line, Call::ToolCall { tool: tool.into(), arguments: "{}".into() }).await;
    match house.kernel.wait_of(caller) {
        Some(Wait::Call(nested)) => house.resume(nested).await,
        wait => panic!("{tool}: {wait:?}"),
    }
}

#[tokio::test]
async fn who_calls_by_name_as_it_came_with_the_runtime_leaves_the_bounds_to_its_callers() {
    let need = |right| Need { resource: Resource::new(Kind::Fs, "workspace/a"), right, whole: false };
    for (standard, chain, reads, writes) in [
        (true, &["call_tool"][..], true, true),
        (true, &["confined", "call_tool"], true, false),
        (true, &["call_tool", "confined"], true, false),
        (true, &["call_tool", "call_tool"], true, true),
        (true, &["relay"], false, false),
        (false, &["call_tool"], false, false),
    ] {
        let house = House::new(&["allow register tool:*", "allow call tool:*"]);
        let imports = ["tools".to_owned()];
        for (name, needs, standard) in [
            ("call_tool", &["call tool:**"][..], standard),
            ("relay", &["call tool:**"], true),
            ("confined", &["call tool:**", "register tool:*", "read fs:workspace/**"], false),
            ("reader", &["read,write fs:workspace/**"], false),
            ("register_jit_tool", &["register tool:*"], true),
        ] {
            house.kernel.add_tools(name.as_bytes(), &imports, vec![tool(name, Some(needs))], standard).unwrap();
        }
        let mut covered = Vec::new();
        // The last one is called as it is, or registers a tool that is called by itself.
        for last in ["reader", "register_jit_tool"] {
            let pid = house.process();
            let mut line = line_of_tool(&house, pid, chain[0]);
            for tool in chain[1..].iter().chain([&last]) {
                line = calls(&house, line, tool).await;
            }
            house.kernel.barrier().await.unwrap();
            let call = View(&house.snapshot()).call(line.call()).unwrap().unwrap();
            if last == "reader" {
                covered.push(call.bounds);
                continue;
            }
            let said = register(&house, &mut line, "made", false).await;
            let may = chain.iter().all(|tool| *tool == "confined" || (*tool == "call_tool" && standard));
            assert_eq!(said == "done", may, "{standard} {chain:?}: {said}");
            if may {
                covered.push(start(&house, pid, "made").unwrap().bounds);
            }
        }
        for bounds in &covered {
            let may = |right| bounds.iter().all(|bound| bound.covers(&need(right)));
            assert_eq!((may(Right::Read), may(Right::Write)), (reads, writes), "{standard} {chain:?}");
        }
    }
}

#[tokio::test]
async fn going_back_and_beginning_again_bring_the_tools_of_then_as_they_were() {
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    for (name, for_children) in [("kept", true), ("gone", false)] {
        assert_eq!(register(&house, &mut line, name, for_children).await, "done");
    }
    let code = |house: &House, pid: Pid, name: &str| {
        let row = start(house, pid, name).unwrap();
        house.kernel.end_call(row.id, Ok("null".into())).unwrap();
        (row.component, row.script, row.bounds)
    };
    let was = ["gone", "kept"].map(|name| code(&house, pid, name));
    let checkpoint = house.kernel.checkpoint(pid, "to come back").unwrap().what.id;
    for name in ["kept", "gone"] {
        assert_eq!(says(&house, &mut line, Call::ToolsUnregister { name: name.into() }).await, "done");
    }
    // Another one of the same name.
    let other = Proposal { code: Code::Typescript("export const run = () => 2;".into()), ..proposal("kept") };
    let id = propose(&house, &mut line, other).await;
    done(&house.run(&mut line, Call::ToolsValidate { id: id.clone() }).await);
    assert_eq!(says(&house, &mut line, Call::ToolsRegister { id, for_children: false }).await, "done");
    assert_eq!(register(&house, &mut line, "since", false).await, "done");
    assert_ne!(code(&house, pid, "kept"), was[1]);

    let fork = house.kernel.fork_checkpoint(checkpoint, None).unwrap().what.pid;
    let of_now = [("kept".into(), Origin::Own), ("since".into(), Origin::Own)];
    assert_eq!(known(&house, pid), of_now, "a fork changes nothing of its source");
    house.kernel.restore(checkpoint).unwrap();
    house.kernel.barrier().await.unwrap();
    let house = house.reopen();
    let of_then = [("gone".into(), Origin::Own), ("kept".into(), Origin::Own)];
    for pid in [pid, fork] {
        assert_eq!(known(&house, pid), of_then, "{pid}");
        assert_eq!(["gone", "kept"].map(|name| code(&house, pid, name)), was, "{pid}");
        let told: Vec<bool> = house.kernel.own_tools(pid).iter().map(|tool| tool.for_children).collect();
        assert_eq!(told, [false, true], "{pid}");
    }
    // Each has its own from here on.
    let mut line = house.line_of(fork);
    assert_eq!(says(&house, &mut line, Call::ToolsUnregister { name: "gone".into() }).await, "done");
    assert_eq!(known(&house, pid), of_then);
    house.kernel.signal(pid, Signal::Kill, "enough").unwrap();
    house.kernel.remove_checkpoint(checkpoint).unwrap();
    collect(&house.kernel).await;
    assert_eq!(code(&house, fork, "kept"), was[1]);
    for file in files_of("kept") {
        assert!(house.kernel.component(&file).is_ok(), "{}", hex(&file));
    }
}

#[tokio::test]
async fn a_process_has_a_bounded_number_of_proposals_and_rejected_ones_make_room() {
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    let first = validated(&house, &mut line, "first").await;
    for number in 1..limit::CANDIDATES_PER_PROCESS_MAX {
        propose(&house, &mut line, proposal(&format!("n{number}"))).await;
    }
    let more = Call::ToolsPropose { proposal: proposal("more") };
    assert!(says(&house, &mut line, more.clone()).await.starts_with("too large"));
    assert_eq!(says(&house, &mut line, Call::ToolsRegister { id: first, for_children: false }).await, "done");
    assert_eq!(says(&house, &mut line, more).await, "done");
    assert_eq!(known(&house, pid).len(), 1, "the tool stays");
    let mut big = proposal("big");
    big.code = Code::Typescript("x".repeat(limit::CANDIDATE_SOURCE_BYTES_MAX + 1));
    assert!(says(&house, &mut line, Call::ToolsPropose { proposal: big }).await.starts_with("too large: the code"));
}

/// The files of a tool that is a script: its source, what was made of it, and what runs it.
pub fn files_of(name: &str) -> [Digest; 3] {
    let source = digest(proposal(name).code.as_bytes());
    [source, digest(script_of(&source).as_bytes()), digest(BRIDGE)]
}

/// Here and in a copy of the store.
#[tokio::test]
async fn files_of_proposals_and_tools_stay_as_long_as_a_row_names_them() {
    let root = directory("backup-tools");
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    assert_eq!(register(&house, &mut line, "held", false).await, "done");
    let checkpoint = house.kernel.checkpoint(pid, "to come back").unwrap().what.id;
    assert_eq!(says(&house, &mut line, Call::ToolsUnregister { name: "held".into() }).await, "done");
    assert_eq!(register(&house, &mut line, "double", false).await, "done");
    // Proposals that were registered make room: what names their files from here on are the tool and the checkpoint.
    validated(&house, &mut line, "validated").await;
    for number in 1..limit::CANDIDATES_PER_PROCESS_MAX {
        propose(&house, &mut line, proposal(&format!("n{number}"))).await;
    }
    let copy = async |name: &str, named: &[Digest], gone: &[Digest]| {
        collect(&house.kernel).await;
        let copy = root.join(name);
        back_up(&house.snapshot(), &copy, Time(1)).unwrap();
        let copy = Directory::new(copy);
        for (digests, stay) in [(named, true), (gone, false)] {
            for digest in digests {
                assert_eq!(house.kernel.component(digest).is_ok(), stay, "{name}: {}", hex(digest));
                assert_eq!(copy.get_file(digest).is_ok(), stay, "a copy, {name}: {}", hex(digest));
            }
        }
    };
    let [proposed, ..] = files_of("n1");
    let named = [["held", "double", "validated"].map(files_of).concat(), vec![proposed]].concat();
    copy("lives", &named, &[]).await;
    house.kernel.signal(pid, Signal::Kill, "enough").unwrap();
    let gone = [files_of("double"), files_of("validated")].concat();
    copy("ended", &files_of("held"), &[gone[0], gone[1], gone[3], gone[4], proposed]).await;
    house.kernel.remove_checkpoint(checkpoint).unwrap();
    copy("forgotten", &[], &files_of("held")).await;
}

#[tokio::test]
async fn a_tool_is_promoted_by_the_host_alone_and_under_a_name_that_is_free() {
    let house = House::new(&RULES);
    let (mut line, pid) = process(&house);
    assert_eq!(register(&house, &mut line, "double", false).await, "done");
    assert!(house.kernel.promote_tool(pid, "none", None).unwrap_err().to_string().contains("no tool 'none'"));
    assert!(
        house.kernel.promote_tool(pid, "double", Some("act")).unwrap_err().to_string().contains("has a tool 'act'")
    );
    house.kernel.promote_tool(pid, "double", Some("twice")).unwrap();
    let other = house.process();
    start(&house, other, "twice").unwrap();
    let records = house.records().await;
    let record = records.iter().find(|record| record.operation == "host.tool-promote").unwrap();
    assert_eq!(record.pid, Some(pid));
}
