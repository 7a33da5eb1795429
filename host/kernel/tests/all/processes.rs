//! Processes that make others: what a child has, who may tell it what, and how one learns of its end.

use crate::sim::{House, MOUNT, Tear, done, words};
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, Stop};
use libos_kernel::model::call::{Call, ObjectOptions, Payload, Reply};
use libos_kernel::model::child::{ChildOptions, End, EndedChild, Handed};
use libos_kernel::model::grant::{Grant, Holder};
use libos_kernel::model::id::{CallId, Pid};
use libos_kernel::model::limit::{PROCESS_DEPTH_MAX, RESULTS_SHOWN_MAX};
use libos_kernel::model::planner::Priority;
use libos_kernel::model::process::{Signal, State};
use libos_kernel::model::row::{ProcessRow, Wait};
use libos_kernel::model::view::ViewMode;
use libos_kernel::syscall::Line;
use std::sync::Arc;

/// What the processes of these tests may, if nothing else is said.
pub const SPAWNING: [&str; 4] = [
    "allow spawn process:image/*",
    "allow read,list,write fs:workspace/src/**",
    "deny read fs:workspace/src/secret",
    "allow sleep clock:sleep",
];

/// A child with these grants.
pub fn child(grants: &[&str]) -> ChildOptions {
    let handed = |rule: &&str| Handed { rule: (*rule).to_owned(), uses: None, expires_in: None };
    ChildOptions { goal: "to work".into(), grants: grants.iter().map(handed).collect(), ..ChildOptions::default() }
}

/// Makes a child that must be made.
pub async fn spawn(house: &House, line: &mut Line, child: ChildOptions) -> Pid {
    made(&house.run(line, Call::ProcessSpawn { child }).await)
}

#[track_caller]
fn made(answer: &Result<Arc<Answer>, Stop>) -> Pid {
    match done(answer) {
        Reply::Pid(pid) => *pid,
        other => panic!("spawn answers {other:?}"),
    }
}

/// A process's row, as it is on the disk.
pub async fn row(house: &House, pid: Pid) -> ProcessRow {
    house.kernel.barrier().await.unwrap();
    View(&house.snapshot()).process(pid).unwrap().expect("there is such a process")
}

fn wait(pids: &[Pid], timeout: Option<u64>) -> Call {
    Call::ProcessWait { pids: pids.iter().map(ToString::to_string).collect(), timeout }
}

fn signal(pid: Pid, signal: Signal) -> Call {
    Call::ProcessSignal { pid: pid.to_string(), signal, reason: "so".into() }
}

fn read(path: &str) -> Call {
    Call::FsRead { path: path.into() }
}

/// Ends a process by its own exit.
async fn exits(house: &House, pid: Pid, result: &str) {
    let mut line = house.line_of(pid);
    done(&house.run(&mut line, Call::ProcessExit { result: result.into() }).await);
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
}

fn ended(answer: &Reply) -> Option<EndedChild> {
    match answer {
        Reply::EndedChild(child) => child.clone(),
        other => panic!("a wait answers {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_has_a_goal_and_its_parents_directory_and_no_authority_but_what_it_was_handed() {
    let house = House::new(&SPAWNING);
    house.world.put_directory(&format!("{MOUNT}/src"));
    for path in ["src/a", "src/secret", "b"] {
        house.world.put_file(&format!("{MOUNT}/{path}"), "x");
    }
    let mut line = house.line();
    done(&house.run(&mut line, Call::FsChangeDirectory { path: "src".into() }).await);
    let bare = spawn(&house, &mut line, child(&[])).await;
    let reader = spawn(&house, &mut line, child(&["read fs:workspace/src/**"])).await;
    let process = row(&house, bare).await;
    assert_eq!(process.working_directory.path(), "workspace/src");
    assert_eq!((process.state, process.parent), (State::Ready, Some(Pid(1))));
    let goal = process.goal.unwrap();
    for (pid, path, want) in [
        (bare, "a", "denied"),
        (reader, "a", "done"),
        // The parent's narrower deny went along.
        (reader, "secret", "denied"),
        (reader, "/workspace/b", "denied"),
    ] {
        let mut line = house.line_of(pid);
        assert_eq!(words(&house.run(&mut line, read(path)).await), want, "{pid} {path}");
    }
    let mut line = house.line_of(bare);
    let Reply::Object(info, payload) = done(&house.run(&mut line, Call::ObjectRead { name: goal }).await).clone()
    else {
        panic!("a goal is an object")
    };
    assert_eq!((&*info.object_type, info.immutable), ("goal", true));
    assert_eq!(payload, Payload::Json(r#"{"text":"to work"}"#.into()));
    // What the image gives to those whom a person starts, it gives to no child.
    assert_eq!(words(&house.run(&mut line, Call::ProcessSpawn { child: child(&[]) }).await), "denied");
}

#[tokio::test]
async fn what_a_living_process_is_for_is_neither_deleted_nor_moved() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let other = spawn(&house, &mut line, child(&[])).await;
    house.grant(Holder::Process(Pid(1)), "allow read,write,delete object:**", None);
    let goal = row(&house, other).await.goal.unwrap();
    let delete = Call::ObjectDelete { name: goal.clone(), expected_version: None };
    let rename = |new: &str| Call::ObjectRename { old: goal.clone(), new: new.into(), expected_version: None };
    for pid in [other, Pid(1)] {
        let mut line = house.line_of(pid);
        for call in [delete.clone(), rename(&format!("process/{}/another", other.0))] {
            let said = words(&house.run(&mut line, call).await);
            assert!(said.contains("says what p2 is for"), "{pid}: {said}");
        }
    }
    assert_eq!(words(&house.run(&mut house.line_of(other), Call::ObjectRead { name: goal }).await), "done");
}

#[tokio::test]
async fn a_child_that_would_get_more_than_its_parent_has_is_not_made() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let once = house.grant(Holder::Process(Pid(1)), "allow read fs:workspace/once", Some(1)).remove(0);
    let of = |rule: &str, uses: Option<u32>| ChildOptions {
        grants: vec![Handed { rule: rule.into(), uses, expires_in: None }],
        ..child(&[])
    };
    let rows = [
        (of("read fs:workspace/**", None), "denied"),
        (of("delete fs:workspace/src/a", None), "denied"),
        (of("read fs:workspace/once", None), "denied"),
        (of("read fs:workspace/once", Some(2)), "denied"),
        (of("eat fs:workspace/once", None), "invalid: a grant: 'eat' is no right"),
        (ChildOptions { image: Some("none".into()), ..child(&[]) }, "not found: image:none"),
        (ChildOptions { working_directory: Some("src/none".into()), ..child(&[]) }, "not found: fs:workspace/src/none"),
        (ChildOptions { working_directory: Some("b".into()), ..child(&[]) }, "denied"),
        (
            ChildOptions { priority: Some(Priority::High), ..child(&[]) },
            "invalid: a child's priority is at most that of its parent",
        ),
    ];
    for (child, want) in rows {
        assert_eq!(words(&house.run(&mut line, Call::ProcessSpawn { child: child.clone() }).await), want, "{child:?}");
    }
    assert_eq!(house.kernel.children_of(Pid(1)), []);
    let own =
        |pid: Pid| house.kernel.grants_of(pid).into_iter().filter(|grant| grant.id > once.id).collect::<Vec<Grant>>();
    assert_eq!(own(Pid(1)), []);
    // What counts is moved, not copied.
    let pid = spawn(&house, &mut line, of("read fs:workspace/once", Some(1))).await;
    let left = house.kernel.grants_of(Pid(1)).into_iter().find(|grant| grant.id == once.id).unwrap();
    assert_eq!(left.uses_left, Some(0));
    assert!(own(pid).iter().any(|grant| grant.uses_left == Some(1)));
}

#[tokio::test]
async fn what_was_revoked_is_not_handed_on() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let read = |rule: &str| Call::ProcessSpawn { child: child(&[rule]) };
    assert_eq!(words(&house.run(&mut line, read("read fs:workspace/src/**")).await), "done");
    let held = house.kernel.grants_of(Pid(1)).into_iter();
    let held = held.filter(|grant| grant.pattern.to_string() == "fs:workspace/src/**").map(|grant| grant.id);
    for id in held.collect::<Vec<_>>() {
        house.kernel.revoke(id).unwrap();
    }
    assert_eq!(words(&house.run(&mut line, read("read fs:workspace/src/**")).await), "denied");
    // Nor does a child keep what its parent lost.
    let kept = house.kernel.grants_of(Pid(2)).into_iter().find(|grant| grant.pattern.to_string().starts_with("fs:"));
    let mut its = house.line_of(Pid(2));
    assert!(kept.is_some());
    assert_eq!(words(&house.run(&mut its, self::read("src/a")).await), "denied");
}

#[tokio::test]
async fn a_fork_sees_what_its_parent_may_read_and_a_spawned_child_nothing() {
    let rules = [&SPAWNING[..], &["deny read object:process/1/secret"]].concat();
    let house = House::new(&rules);
    let mut line = house.line();
    for name in ["note", "secret"] {
        let options = ObjectOptions {
            object_type: "note".into(),
            immutable: false,
            title: String::new(),
            tags: Vec::new(),
            sources: Vec::new(),
        };
        let create = Call::ObjectCreate { name: name.into(), payload: Payload::Json("1".into()), options };
        done(&house.run(&mut line, create).await);
    }
    let fork = |mode| Call::ProcessFork { child: child(&[]), mode, roots: None };
    let spawned = spawn(&house, &mut line, child(&[])).await;
    let looking = made(&house.run(&mut line, fork(ViewMode::ReadOnly)).await);
    let copying = made(&house.run(&mut line, fork(ViewMode::CopyOnWrite)).await);
    let own = |pid: Pid, name: &str| Call::ObjectRead { name: format!("process/{}/{name}", pid.0) };
    for (pid, name, want) in [
        (spawned, "note", false),
        (looking, "note", true),
        (looking, "secret", false),
        (copying, "note", true),
        (copying, "secret", false),
    ] {
        let answer = words(&house.run(&mut house.line_of(pid), own(pid, name)).await);
        assert_eq!(answer == "done", want, "{pid} {name}: {answer}");
    }
    let update = |pid: Pid| Call::ObjectUpdate {
        name: format!("process/{}/note", pid.0),
        payload: Payload::Json("2".into()),
        expected_version: None,
    };
    assert_ne!(words(&house.run(&mut house.line_of(looking), update(looking)).await), "done");
    assert_eq!(words(&house.run(&mut house.line_of(copying), update(copying)).await), "done");
    let Reply::Object(info, payload) = done(&house.run(&mut line, own(Pid(1), "note")).await).clone() else { panic!() };
    assert_eq!((info.version, payload), (1, Payload::Json("1".into())));
}

#[tokio::test]
async fn a_tool_hands_over_nothing_that_it_may_not_use_itself() {
    let house = House::new(&SPAWNING);
    let needs = ["spawn process:image/*", "read fs:workspace/src/a"];
    let tools = vec![crate::sim::tool("narrow", Some(&needs))];
    house.kernel.add_tools(b"another", &crate::sim::every_interface(), tools, false).unwrap();
    let start = libos_kernel::kernel::StartCall { tool: "narrow".into(), ..house.start(house.process()) };
    let mut line = Line::new(Arc::clone(&house.kernel), &house.kernel.start_call(start).unwrap());
    for (rule, want) in [("read fs:workspace/src/a", "done"), ("read fs:workspace/src/b", "denied")] {
        assert_eq!(words(&house.run(&mut line, Call::ProcessSpawn { child: child(&[rule]) }).await), want, "{rule}");
    }
}

#[tokio::test]
async fn a_tool_opens_no_memory_to_a_fork_that_it_may_not_read_itself() {
    let house = House::new(&SPAWNING);
    let pid = house.process();
    let roots = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    for (number, (needs, roots, want)) in [
        (&["spawn process:image/*"][..], None, "denied"),
        (&["spawn process:image/*", "read,list fs:**"], roots(&["plan"]), "denied"),
        (&["spawn process:image/*", "read object:**"], None, "denied"),
        (&["spawn process:image/*", "read,list object:process/*/plan"], roots(&["plan"]), "denied"),
        (&["spawn process:image/*", "read,list object:process/*/plan/**"], roots(&["plan", "plan/a"]), "done"),
        (&["spawn process:image/*", "read,list object:process/*/plan/**"], roots(&["plan", "other"]), "denied"),
        (&["spawn process:image/*", "read,list object:process/*/plan/**"], None, "denied"),
        (&["spawn process:image/*", "read,list object:**"], None, "done"),
        (&["spawn process:image/*"], roots(&[]), "done"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("narrow-{number}");
        let tools = vec![crate::sim::tool(&name, Some(needs))];
        house.kernel.add_tools(name.as_bytes(), &crate::sim::every_interface(), tools, false).unwrap();
        let start = libos_kernel::kernel::StartCall { tool: name, ..house.start(pid) };
        let mut line = Line::new(Arc::clone(&house.kernel), &house.kernel.start_call(start).unwrap());
        let fork = Call::ProcessFork { child: child(&[]), mode: ViewMode::Worker, roots };
        assert_eq!(words(&house.run(&mut line, fork).await), want, "{needs:?} {number}");
    }
}

#[tokio::test]
async fn a_child_that_is_handed_over_keeps_nothing_that_would_hang_on_nothing() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    house.grant(Holder::Process(Pid(1)), "allow read fs:workspace/given", None);
    house.grant(Holder::Process(Pid(1)), "deny read fs:workspace/src/denied", None);
    house.world.put_directory(&format!("{MOUNT}/src"));
    for path in ["given", "src/a", "src/denied"] {
        house.world.put_file(&format!("{MOUNT}/{path}"), "x");
    }
    let pid = spawn(&house, &mut line, child(&["read fs:workspace/given", "read fs:workspace/src/**"])).await;
    let mut its = house.line_of(pid);
    assert_eq!(words(&house.run(&mut its, read("given")).await), "done");
    done(&house.run(&mut line, Call::ProcessHandOver { pid: pid.to_string() }).await);
    for (path, want) in [("given", "denied"), ("src/a", "done"), ("src/denied", "denied")] {
        assert_eq!(words(&house.run(&mut its, read(path)).await), want, "{path}");
    }
    let noted = house.records().await;
    for operation in ["grant.rehang", "host.revoke"] {
        assert!(noted.iter().any(|record| record.operation == operation), "{operation}");
    }
}

#[tokio::test]
async fn results_that_a_parent_may_read_are_bounded_and_go_with_their_grants() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let before = house.kernel.grants_of(Pid(1)).len();
    let mut names = Vec::new();
    for _ in 0..=RESULTS_SHOWN_MAX {
        let pid = spawn(&house, &mut line, child(&[])).await;
        let name = format!("process/{}/goal", pid.0);
        let mut its = house.line_of(pid);
        done(&house.run(&mut its, Call::ProcessExitWith { object: name.clone() }).await);
        house.kernel.end_call(its.call(), Ok("null".into())).unwrap();
        names.push(name);
    }
    assert_eq!(house.kernel.grants_of(Pid(1)).len(), before + RESULTS_SHOWN_MAX);
    let read = |name: &str| Call::ObjectRead { name: name.into() };
    let delete = |name: &str| Call::ObjectDelete { name: name.into(), expected_version: None };
    let (first, last) = (names[0].clone(), names[RESULTS_SHOWN_MAX].clone());
    for (call, want) in [
        (read(&last), "denied"),
        (read(&first), "done"),
        (delete(&first), "done"),
        (read(&first), "denied"),
        (read(&names[1]), "done"),
    ] {
        assert_eq!(words(&house.run(&mut line, call.clone()).await), want, "{call:?}");
    }
    assert_eq!(house.kernel.grants_of(Pid(1)).len(), before + RESULTS_SHOWN_MAX - 1);
}

#[tokio::test]
async fn only_a_child_is_signalled_and_waited_for_without_a_grant() {
    let house = House::new(&SPAWNING);
    let stranger = house.process();
    let mut line = house.line();
    let mine = spawn(&house, &mut line, child(&["spawn process:image/*"])).await;
    let mut its = house.line_of(mine);
    let grandchild = spawn(&house, &mut its, child(&[])).await;
    for (pid, want) in
        [(stranger, "denied"), (grandchild, "denied"), (Pid(2), "denied"), (Pid(99), "denied"), (mine, "done")]
    {
        assert_eq!(words(&house.run(&mut line, signal(pid, Signal::Interrupt)).await), want, "signal {pid}");
        assert_eq!(words(&house.run(&mut line, wait(&[pid], Some(0))).await), want, "wait {pid}");
    }
    // Its parent is none of a child's business, and a rule that denies it is above descent.
    assert_eq!(words(&house.run(&mut its, signal(Pid(2), Signal::Kill)).await), "denied");
    house.grant(Holder::Process(Pid(2)), "deny signal,wait process:pid/*", None);
    for call in [signal(mine, Signal::Kill), wait(&[mine], Some(0)), wait(&[], Some(0))] {
        assert_eq!(words(&house.run(&mut line, call.clone()).await), "denied", "{call:?}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_its_child_with_its_time_or_at_once() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    assert_eq!(words(&house.run(&mut line, wait(&[], None)).await), "not found: a child to wait for");
    let children = [
        spawn(&house, &mut line, child(&[])).await,
        spawn(&house, &mut line, child(&[])).await,
        spawn(&house, &mut line, child(&[])).await,
    ];
    // A poll answers at once, and its process does not wait.
    for call in [wait(&[], Some(0)), wait(&children, Some(0))] {
        assert_eq!(ended(done(&house.run(&mut line, call).await)), None);
        assert_eq!(house.kernel.wait_of(line.call()), None);
        assert_eq!(row(&house, Pid(1)).await.state, State::Running);
    }
    // A time that is over.
    assert_eq!(ended(done(&house.run(&mut line, wait(&[children[0]], Some(5))).await)), None);
    assert_eq!(house.kernel.next_timer(), None);
    // A child that ended before is told of by name as often as wanted, and to whoever waits for any child once.
    exits(&house, children[0], "7").await;
    let exited = EndedChild { pid: children[0], end: End::Exited("7".into()), result_object: None };
    for (call, want) in [
        (wait(&[], Some(0)), Some(&exited)),
        (wait(&[], Some(0)), None),
        (wait(&[children[1], children[0]], None), Some(&exited)),
    ] {
        assert_eq!(ended(done(&house.run(&mut line, call.clone()).await)).as_ref(), want, "{call:?}");
    }
    let never = [Pid(77)];
    assert_eq!(words(&house.run(&mut line, wait(&never, None)).await), "denied");
    house.grant(Holder::Process(Pid(1)), "allow wait process:pid/*", None);
    assert_eq!(words(&house.run(&mut line, wait(&never, None)).await), "not found: p77");
    assert_eq!(
        words(&house.run(&mut line, wait(&[Pid(1)], None)).await),
        "invalid: a process cannot wait for its own end"
    );
}

#[tokio::test]
async fn the_end_of_a_child_wakes_whoever_waits_for_it_in_whichever_host() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let first = spawn(&house, &mut line, child(&[])).await;
    let second = spawn(&house, &mut line, child(&[])).await;
    let by_name = house.park(line, wait(&[first], None)).await;
    let again = house.park(house.line_of(Pid(1)), wait(&[first, second], Some(1_000))).await;
    let any = house.park(house.line_of(Pid(1)), wait(&[], None)).await;
    assert_eq!(row(&house, Pid(1)).await.state, State::Waiting);
    let house = house.reopen();
    house.kernel.take_runnable();
    exits(&house, first, "1").await;
    let mut woken = house.kernel.take_runnable();
    woken.sort();
    assert_eq!(woken, [by_name, again]);
    house.kernel.barrier().await.unwrap();
    let house = house.crash(Tear::None);
    // The timer of the wait that has ended went with it.
    house.world.pass(10_000);
    house.kernel.fire_timers_due();
    let mut line = house.resume(again).await;
    let answer = house.run(&mut line, wait(&[first, second], Some(1_000))).await;
    assert_eq!(ended(done(&answer)).map(|child| child.pid), Some(first));
    assert!(matches!(house.kernel.wait_of(any), Some(Wait::Children { .. })));
    house.kernel.signal(second, Signal::Kill, "enough").unwrap();
    assert_eq!(house.kernel.take_runnable(), [any]);
    let mut line = house.resume(any).await;
    let child = ended(done(&house.run(&mut line, wait(&[], None)).await)).unwrap();
    assert_eq!((child.pid, child.end), (second, End::Killed("a person: enough".into())));
}

#[tokio::test]
async fn of_several_waits_for_any_child_each_gets_another_one_and_the_last_learns_that_there_is_none() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let child = spawn(&house, &mut line, child(&[])).await;
    let mut calls: Vec<CallId> = Vec::new();
    for _ in 0..2 {
        calls.push(house.park(house.line_of(Pid(1)), wait(&[], None)).await);
    }
    exits(&house, child, "1").await;
    let mut told = Vec::new();
    for call in calls {
        let mut line = house.resume(call).await;
        told.push(words(&house.run(&mut line, wait(&[], None)).await));
    }
    assert_eq!(told, ["done", "not found: a child to wait for"]);
}

#[tokio::test]
async fn the_end_of_a_process_ends_all_below_it_in_one_change() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let top = spawn(&house, &mut line, child(&["spawn process:image/*", "sleep clock:sleep"])).await;
    let mut its = house.line_of(top);
    let middle = spawn(&house, &mut its, child(&["spawn process:image/*", "sleep clock:sleep"])).await;
    let mut lower = house.line_of(middle);
    let bottom = spawn(&house, &mut lower, child(&["sleep clock:sleep"])).await;
    let sleeping = house.park(house.line_of(bottom), Call::ClockSleep { nanoseconds: 100 }).await;
    assert_eq!(words(&house.run(&mut line, signal(top, Signal::Kill)).await), "done");
    assert!(!house.kernel.is_live(sleeping) && house.kernel.next_timer().is_none());
    let states: Vec<State> =
        vec![row(&house, top).await.state, row(&house, middle).await.state, row(&house, bottom).await.state];
    let parent = |pid: Pid| State::Killed(format!("its parent {pid} has ended"));
    assert_eq!(states, [State::Killed("p1: so".into()), parent(top), parent(middle)]);
    for pid in [top, middle, bottom] {
        assert_eq!(house.kernel.grants_of(pid), []);
        let refused = house.kernel.signal(pid, Signal::Resume, "").unwrap_err().to_string();
        assert!(refused.contains("no live process"), "{refused}");
    }
    // Those below first.
    let ends: Vec<Option<Pid>> = house
        .records()
        .await
        .into_iter()
        .filter(|record| record.operation == "process.end")
        .map(|record| record.pid)
        .collect();
    assert_eq!(ends, [Some(bottom), Some(middle), Some(top)]);
    // Nobody but the parent that lives has anything to learn.
    let house = house.reopen();
    house.kernel.resume_call(line.call()).await.unwrap();
    let Answer::Done(Reply::Children(known)) =
        &*house.run(&mut house.line_of(Pid(1)), Call::ProcessChildren).await.unwrap()
    else {
        panic!("a process may list its children")
    };
    assert_eq!(known.iter().map(|child| (child.pid, &*child.state)).collect::<Vec<_>>(), [(top, "killed")]);
}

#[tokio::test]
async fn an_ended_process_is_not_resumed_by_anybody() {
    let house = House::new(&SPAWNING);
    let mut line = house.line();
    let child = spawn(&house, &mut line, child(&[])).await;
    exits(&house, child, "1").await;
    for word in Signal::ALL {
        let told = words(&house.run(&mut line, signal(child, word)).await);
        assert!(told.contains("it has ended"), "{word:?}: {told}");
        assert!(house.kernel.signal(child, word, "").is_err());
    }
    assert_eq!(row(&house, child).await.state, State::Exited("1".into()));
    assert!(house.kernel.start_call(house.start(child)).is_err());
}

#[tokio::test]
async fn processes_descend_from_each_other_only_so_deep() {
    let house = House::new(&[]);
    let mut line = house.line();
    let mut pid = Pid(1);
    for depth in 0..=PROCESS_DEPTH_MAX {
        house.grant(Holder::Process(pid), "allow spawn process:image/*", None);
        let answer = house.run(&mut line, Call::ProcessSpawn { child: child(&[]) }).await;
        if depth == PROCESS_DEPTH_MAX {
            let refused = words(&answer);
            assert!(refused.contains("at most 16 times over"), "{refused}");
            return;
        }
        pid = made(&answer);
        line = house.line_of(pid);
    }
}
