//! Tools that are scripts: the component that runs them changes with the version of the runtime, and nothing else of them does.

use crate::approvals::first_step;
use crate::gc::collect;
use crate::own_tools::{files_of, known, register, validated};
use crate::sim::{BRIDGE, Clerk, House, digest, done, new_grant, tool, words};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{NewGrant, NewTool, StartCall};
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{Digest, Pid};
use libos_kernel::model::row::{CallRow, ToolRow};
use libos_kernel::syscall::Line;
use std::sync::Arc;

const SCRIPT: &[u8] = b"the script of main.ts";
const NEWER: &[u8] = b"a newer component of scripts";

fn imports() -> Vec<String> {
    ["clock", "fs", "human"].map(str::to_owned).to_vec()
}

/// A house with a script that the older component runs.
fn house() -> House {
    let house = House::new(&["allow register tool:*", "allow ask human:owner"]);
    let script = NewTool { script: Some(digest(SCRIPT)), ..tool("script", None) };
    let pin = house.kernel.pin_script(&digest(SCRIPT), SCRIPT).unwrap();
    house.kernel.add_tools(BRIDGE, &imports()[1..], vec![script], false).unwrap();
    drop(pin);
    house
}

fn start(house: &House, pid: Pid, tool: &str) -> (Line, CallRow) {
    let started = house.kernel.start_call(StartCall { tool: tool.into(), ..house.start(pid) }).unwrap();
    (Line::new(Arc::clone(&house.kernel), &started), started.row)
}

fn host_tool(house: &House, name: &str) -> Arc<ToolRow> {
    house.kernel.tools().into_iter().find(|tool| tool.name == name).unwrap()
}

#[tokio::test]
async fn a_newer_component_runs_all_scripts_from_then_on_and_what_was_agreed_to_stays() {
    let house = house();
    let pid = house.process();
    let rule = new_grant(Holder::Process(pid), "allow write fs:workspace/**", None);
    house.kernel.grant(NewGrant { only_tool: Some("script".into()), ..rule }).unwrap();
    let (mut line, _) = start(&house, pid, "act");
    assert_eq!(register(&house, &mut line, "own", true).await, "done");
    let later = validated(&house, &mut line, "later").await;
    let (begun, row) = start(&house, pid, "script");
    assert_eq!(row.component, digest(BRIDGE));
    let begun = house.park(begun, Call::HumanAsk { question: "Which?".into(), queue: None }).await;
    let (grants, act, was) =
        (format!("{:?}", house.kernel.grants_of(pid)), host_tool(&house, "act"), host_tool(&house, "script"));
    house.kernel.renew_scripts(NEWER, &imports()).unwrap();
    house.kernel.barrier().await.unwrap();
    let house = house.reopen();

    assert_eq!(host_tool(&house, "act"), act, "what is no script stays as it is");
    let is = host_tool(&house, "script");
    let renewed = ToolRow { component: digest(NEWER), imports: imports(), ..ToolRow::clone(&was) };
    assert_eq!(*is, renewed);
    assert_eq!(house.kernel.tool_version("script", is.code()).unwrap(), Some(renewed));
    assert_eq!(format!("{:?}", house.kernel.grants_of(pid)), grants);
    let (mut line, row) = start(&house, pid, "script");
    assert_eq!((row.component, row.script), (digest(NEWER), Some(digest(SCRIPT))));
    let write = Call::FsWrite { path: "a".into(), content: b"1".to_vec(), mode: WriteMode::CreateOrReplace };
    assert_eq!(first_step(&house, &mut line, write).await, "done", "nobody is asked again");
    assert_eq!(house.kernel.component(&digest(NEWER)).unwrap(), NEWER);

    let (_, own) = start(&house, pid, "own");
    assert_eq!((own.component, own.script), (digest(NEWER), Some(files_of("own")[1])));
    let mut line = house.line_of(pid);
    let late = house.run(&mut line, Call::ToolsRegister { id: later, for_children: false }).await;
    assert_eq!(words(&late), "done");
    assert_eq!(start(&house, pid, "later").1.component, digest(NEWER));
    assert_eq!(known(&house, pid).len(), 3);

    // What had begun goes on with what it began with.
    house.end_wait(begun, &Clerk::default()).await.unwrap();
    let resumed = house.kernel.resume_call(begun).await.unwrap();
    assert_eq!((resumed.row.component, resumed.row.script), (digest(BRIDGE), Some(digest(SCRIPT))));
    assert_eq!(house.kernel.component(&digest(BRIDGE)).unwrap(), BRIDGE);

    let added = |records: Vec<libos_kernel::model::record::Record>| -> Vec<(Option<Pid>, Option<String>)> {
        let added = records.into_iter().filter(|record| record.operation == "host.tool-add");
        added
            .map(|record| (record.pid, record.detail))
            .filter(|(_, detail)| format!("{detail:?}").contains("now run by"))
            .collect()
    };
    let noted = added(house.records().await);
    assert!(
        matches!(&noted[..], [(None, Some(host)), (Some(of), Some(own))]
        if *of == pid && host.starts_with("script ") && own.starts_with("own ")),
        "{noted:?}"
    );
    house.kernel.renew_scripts(NEWER, &imports()).unwrap();
    assert_eq!(added(house.records().await), noted, "they have it already");
}

#[tokio::test]
async fn a_host_without_scripts_does_not_get_the_component_of_scripts() {
    let house = House::new(&[]);
    house.kernel.renew_scripts(NEWER, &imports()).unwrap();
    assert!(house.kernel.component(&digest(NEWER)).is_err());
}

#[tokio::test]
async fn what_was_compiled_for_an_older_component_goes_with_the_last_call_that_has_it() {
    const ENGINE: Digest = [1; 32];
    let house = house();
    let pid = house.process();
    let (begun, row) = start(&house, pid, "script");
    let begun = house.park(begun, Call::HumanAsk { question: "Which?".into(), queue: None }).await;
    house.kernel.renew_scripts(NEWER, &imports()).unwrap();
    let old = [(digest(BRIDGE), ENGINE), (digest(SCRIPT), digest(BRIDGE))];
    let new = [(digest(NEWER), ENGINE), (digest(SCRIPT), digest(NEWER))];
    let sorted = |mut keys: Vec<(Digest, Digest)>| {
        keys.sort_unstable();
        keys
    };
    for (code, compiled_for) in [old, new].concat() {
        house.kernel.set_compiled(&code, &compiled_for, [2; 32]);
    }
    collect(&house.kernel).await;
    assert_eq!(sorted(house.kernel.all_compiled().unwrap()), sorted([old, new].concat()));
    assert!(house.kernel.component(&row.component).is_ok());
    house.kernel.cancel_call(begun, "enough").unwrap();
    collect(&house.kernel).await;
    assert_eq!(sorted(house.kernel.all_compiled().unwrap()), sorted(new.to_vec()));
    assert!(house.kernel.component(&row.component).is_err(), "nobody has it any more");
    assert_eq!(View(&house.snapshot()).call(begun).unwrap(), None);
    assert!(house.kernel.script(&digest(SCRIPT)).is_ok());
    let (mut line, _) = start(&house, pid, "script");
    done(&house.run(&mut line, Call::ClockNow).await);
}
