//! Authority: what dominates what, what is used up by whom, what a revocation reaches, and what a whole directory needs.

use crate::sim::{Clerk, House, MOUNT, every_interface, new_grant, tool, words};
use libos_kernel::kernel::NewGrant;
use libos_kernel::kernel::view::View;
use libos_kernel::model::answer::{Answer, CallError};
use libos_kernel::model::call::{Approval, Call, WriteMode};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{GrantId, Pid};
use libos_kernel::model::image::BASE;
use libos_kernel::model::record::{Decided, Outcome};
use libos_kernel::model::time::Time;
use libos_kernel::syscall::Line;
use std::time::Duration;

const ALL: &str = "allow read,list,write,delete fs:workspace/**";

fn write(path: &str) -> Call {
    Call::FsWrite { path: path.into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace }
}

fn read(path: &str) -> Call {
    Call::FsRead { path: path.into() }
}

fn image() -> Holder {
    Holder::Image(BASE.into())
}

/// How a system call ends, or `asks`.
pub async fn ends(house: &House, line: &mut Line, call: Call) -> String {
    let mut waiting = line.waiting();
    let id = line.call();
    let ended = tokio::select! {
        biased;
        answer = line.run(call) => words(&answer),
        waits = waiting.wait_for(Option::is_some) => { drop(waits); "asks".into() }
    };
    if ended == "asks" {
        house.end_wait(id, &Clerk { approval: Approval::Deny, ..Clerk::default() }).await.unwrap();
    }
    ended
}

/// Under these rules of the image, and then these of the process, a write to `a` ends so.
async fn check_rules(rules: &[&str], own: &[&str], want: &str) {
    let house = House::new(rules);
    let pid = house.process();
    for rule in own {
        house.grant(Holder::Process(pid), rule, None);
    }
    assert_eq!(ends(&house, &mut house.line_of(pid), write("a")).await, want, "{rules:?} {own:?}");
    assert_eq!(house.world.done().len(), usize::from(want == "done"), "{rules:?} {own:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deny_beats_an_ask_and_an_ask_beats_an_allow() {
    let (allow, ask, deny) = ("allow write fs:workspace/**", "ask write fs:workspace/**", "deny write fs:workspace/a");
    check_rules(&[], &[], "denied").await;
    check_rules(&[allow], &[], "done").await;
    check_rules(&[ask], &[], "asks").await;
    check_rules(&[allow, ask], &[], "asks").await;
    check_rules(&[allow, deny], &[], "denied").await;
    check_rules(&[ask, deny], &[], "denied").await;
    check_rules(&["default ask"], &[], "asks").await;
    check_rules(&["default ask", deny], &[], "denied").await;
    check_rules(&["default ask", allow], &[], "done").await;
    check_rules(&[deny], &[allow], "denied").await;
    check_rules(&[allow], &[deny], "denied").await;
    check_rules(&[allow], &[ask], "asks").await;
    // A person's allow over an asking rule answers it; over a deny it answers nothing.
    check_rules(&[ask], &[allow], "done").await;
    check_rules(&[ask, deny], &[allow], "denied").await;
    // It answers the rules that were there, not one that comes later.
    check_rules(&[], &[allow, ask], "asks").await;
    check_rules(&[ask], &[allow, "ask write fs:workspace/a"], "asks").await;
    check_rules(&[ask], &["allow write fs:workspace/b"], "asks").await;
    check_rules(&[ask, "ask write fs:workspace/a"], &[allow], "done").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_right_implies_another() {
    let calls = || {
        vec![
            ("read", read("notes.md")),
            ("list", Call::FsList { path: ".".into() }),
            ("write", write("new")),
            ("delete", Call::FsRemove { path: "notes.md".into(), recursive: false }),
        ]
    };
    for right in ["read", "list", "write", "delete"] {
        let house = House::new(&[&format!("allow {right} fs:workspace/**")]);
        house.world.put_file(&format!("{MOUNT}/notes.md"), "x");
        for (needs, call) in calls() {
            let want = if needs == right { "done" } else { "denied" };
            assert_eq!(ends(&house, &mut house.line(), call).await, want, "{right} for what needs {needs}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_of_a_move_and_of_a_copy_are_decided() {
    let rename = || Call::FsRename { old: "a".into(), new: "b".into(), replace: false };
    let copy = || Call::FsCopy { source: "a".into(), target: "b".into(), replace: false };
    let rows = [
        (rename(), "allow read,delete fs:workspace/a", "allow write fs:workspace/b", "done"),
        (rename(), "allow read fs:workspace/a", "allow write fs:workspace/b", "denied"),
        (rename(), "allow delete fs:workspace/a", "allow write fs:workspace/b", "denied"),
        (rename(), "allow read,delete fs:workspace/a", "allow read fs:workspace/b", "denied"),
        (rename(), "allow read,delete fs:workspace/a", "ask write fs:workspace/b", "asks"),
        (copy(), "allow read fs:workspace/a", "allow write fs:workspace/b", "done"),
        (copy(), "allow write fs:workspace/a", "allow write fs:workspace/b", "denied"),
        (copy(), "allow read fs:workspace/a", "deny write fs:workspace/b", "denied"),
    ];
    for (call, first, second, want) in rows {
        let house = House::new(&[first, second]);
        house.world.put_file(&format!("{MOUNT}/a"), "x");
        let what = format!("{} under {first} and {second}", call.operation());
        assert_eq!(ends(&house, &mut house.line(), call).await, want, "{what}");
    }
}

/// A directory `d` with a file `d/in/secret`; under these rules the call ends so.
async fn check_directory(call: Call, rules: &[&str], want: &str) {
    let house = House::new(rules);
    for path in ["d", "d/in", "empty"] {
        house.world.put_directory(&format!("{MOUNT}/{path}"));
    }
    house.world.put_file(&format!("{MOUNT}/d/in/secret"), "s");
    let before = house.world.listing();
    let what = format!("{} {rules:?}", call.operation());
    assert_eq!(ends(&house, &mut house.line(), call).await, want, "{what}");
    assert_eq!(house.world.listing() == before, want != "done", "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_directory_is_moved_or_removed_only_if_all_of_it_is_allowed_and_no_rule_stands_inside() {
    let remove = || Call::FsRemove { path: "d".into(), recursive: true };
    let rename = || Call::FsRename { old: "d".into(), new: "e".into(), replace: false };
    for call in [remove(), rename()] {
        check_directory(call.clone(), &[ALL], "done").await;
        check_directory(call.clone(), &[ALL, "deny read fs:workspace/other/**"], "done").await;
        for rule in [
            "deny delete,read fs:workspace/d/in/secret",
            "deny delete,read fs:workspace/d/**",
            "deny delete,read fs:workspace/*/in/secret",
            "deny delete,read fs:workspace/**",
            "ask delete,read fs:workspace/d/in/**",
            // A rule over any right at all: what it is about would be somewhere else, or gone.
            "deny list fs:workspace/d/in",
            "deny write fs:workspace/d/in/secret",
            "ask write fs:workspace/d/in/secret",
        ] {
            check_directory(call.clone(), &[ALL, rule], "denied").await;
        }
        check_directory(call, &["allow read,list,write,delete fs:workspace/*"], "denied").await;
    }
    check_directory(rename(), &[ALL, "deny write fs:workspace/e/in/**"], "denied").await;
    check_directory(rename(), &[ALL, "ask write fs:workspace/e/in/**"], "denied").await;
    // An empty one is a single thing.
    let empty = Call::FsRemove { path: "empty".into(), recursive: false };
    check_directory(empty, &["allow delete fs:workspace/empty"], "done").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_that_a_link_leads_to_is_decided_and_the_refusal_does_not_tell_it() {
    let rules = ["allow read,list,write fs:workspace/open/**", "deny read,write fs:workspace/open/private"];
    let house = House::new(&rules);
    for directory in ["open", "closed"] {
        house.world.put_directory(&format!("{MOUNT}/{directory}"));
        house.world.put_file(&format!("{MOUNT}/{directory}/file"), "x");
    }
    house.world.put_file(&format!("{MOUNT}/open/private"), "x");
    for (link, target) in
        [("good", "file"), ("bad", "private"), ("out", "../closed/file"), ("loop", "loop"), ("up", "../..")]
    {
        house.world.put_link(&format!("{MOUNT}/open/{link}"), target);
    }
    let rows = [
        ("good", "done"),
        ("bad", "denied"),
        ("out", "denied"),
        ("loop", "more than 40"),
        ("up", "leads out of its mount"),
    ];
    for (link, want) in rows {
        for call in [read(&format!("open/{link}")), write(&format!("open/{link}"))] {
            let mut line = house.line();
            let answer = house.run(&mut line, call.clone()).await;
            let ended = words(&answer);
            assert!(ended.contains(want), "{} {link}: {ended}", call.operation());
            let told = format!("{answer:?}");
            assert!(!told.contains("private") && !told.contains("closed"), "{told}");
            let record = house.records_of(line.call()).await.pop().unwrap();
            if want == "denied" {
                assert_eq!(record.asked, [format!("fs:workspace/open/{link}")], "both names are in the record");
            }
        }
    }
}

/// Lets the process write once, and says how another one's write ends.
async fn write_twice(house: &House, first: Pid, second: Pid) -> [String; 2] {
    let one = ends(house, &mut house.line_of(first), write("a")).await;
    [one, ends(house, &mut house.line_of(second), write("a")).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_on_an_image_is_once_in_all() {
    let house = House::new(&[]);
    house.grant(image(), "allow write fs:workspace/**", Some(1));
    let (first, second) = (house.process(), house.process());
    assert_eq!(write_twice(&house, first, second).await, ["done", "denied"]);
    let house = house.reopen();
    assert_eq!(ends(&house, &mut house.line_of(second), write("a")).await, "denied", "also after a new start");
    assert_eq!(ends(&house, &mut house.line(), write("a")).await, "denied", "and for a new process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_is_once_though_it_answers_several_asking_rules() {
    for holder in ["image", "process"] {
        let house = House::new(&["ask write fs:workspace/a", "ask write fs:workspace/b"]);
        let early = house.process();
        let to = if holder == "image" { image() } else { Holder::Process(early) };
        house.grant(to, "allow write fs:workspace/**", Some(1));
        let pid = if holder == "image" { house.process() } else { early };
        let mut line = house.line_of(pid);
        let mut done = 0;
        for path in ["a", "b", "c", "d"] {
            done += usize::from(ends(&house, &mut line, write(path)).await == "done");
        }
        assert_eq!(done, 1, "on a {holder}: {:?}", house.world.done());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_two_asking_rules_cover_takes_a_use_of_what_answers_each() {
    let house = House::new(&["ask write fs:workspace/*", "ask write fs:workspace/a"]);
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow write fs:workspace/a", Some(1));
    let mut line = house.line_of(pid);
    assert_eq!(ends(&house, &mut line, write("a")).await, "done");
    house.kernel.barrier().await.unwrap();
    let left: u32 = View(&house.snapshot()).grants().unwrap().iter().filter_map(|grant| grant.uses_left).sum();
    assert_eq!(left, 0, "{:?}", View(&house.snapshot()).grants());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_without_end_is_used_before_one_that_ends_and_one_call_takes_one_use() {
    let house = House::new(&[]);
    let pid = house.process();
    let holder = || Holder::Process(pid);
    let once = house.grant(holder(), "allow read,write,delete fs:workspace/**", Some(1))[0].id;
    house.grant(holder(), "allow write fs:workspace/free", None);
    let mut line = house.line_of(pid);
    let left = || View(&house.snapshot()).grant(once).unwrap().and_then(|grant| grant.uses_left);
    assert_eq!(ends(&house, &mut line, write("free")).await, "done");
    assert_eq!(left(), Some(1));
    // Three needs of one call, one grant, one use.
    house.world.put_file(&format!("{MOUNT}/old"), "x");
    let rename = Call::FsRename { old: "old".into(), new: "new".into(), replace: false };
    assert_eq!(ends(&house, &mut line, rename).await, "done");
    house.kernel.barrier().await.unwrap();
    assert_eq!(left(), Some(0));
    assert_eq!(ends(&house, &mut line, write("other")).await, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_or_invalid_call_takes_no_use() {
    let house = House::new(&[]);
    let pid = house.process();
    let once = house.grant(Holder::Process(pid), "allow read,write fs:workspace/**", Some(1))[0].id;
    let mut line = house.line_of(pid);
    let copy = Call::FsCopy { source: "none".into(), target: "b".into(), replace: false };
    let rename = Call::FsRename { old: "none".into(), new: "b".into(), replace: false };
    for call in [copy, rename, write("../x")] {
        assert_ne!(ends(&house, &mut line, call).await, "done");
    }
    house.kernel.barrier().await.unwrap();
    assert_eq!(View(&house.snapshot()).grant(once).unwrap().unwrap().uses_left, Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_reaches_what_was_derived_and_everybody_at_once() {
    let house = House::new(&["allow write fs:workspace/**", "allow read fs:workspace/**"]);
    house.world.put_file(&format!("{MOUNT}/a"), "x");
    let (first, second) = (house.process(), house.process());
    let (mut one, mut two) = (house.line_of(first), house.line_of(second));
    assert_eq!(ends(&house, &mut one, write("a")).await, "done");
    let grants = View(&house.snapshot()).grants().unwrap();
    let template = grants.iter().find(|grant| grant.holder == image() && grant.to_string().contains("write")).unwrap();
    house.kernel.revoke(template.id).unwrap();
    for line in [&mut one, &mut two] {
        assert_eq!(ends(&house, line, write("a")).await, "denied");
        assert_eq!(ends(&house, line, read("a")).await, "done", "the other line stays");
    }
    let error = house.kernel.revoke(template.id).unwrap_err().to_string();
    assert!(error.contains("is revoked already"), "{error}");
    let house = {
        drop((one, two));
        house.reopen()
    };
    assert_eq!(ends(&house, &mut house.line_of(first), write("a")).await, "denied");
    assert_eq!(ends(&house, &mut house.line(), write("a")).await, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_is_good_until_its_time_and_not_after_it_also_where_it_was_derived() {
    let house = House::new(&[]);
    let rule = new_grant(image(), "allow write fs:workspace/**", None);
    house.kernel.grant(NewGrant { expires_in: Some(Duration::from_nanos(100)), ..rule }).unwrap();
    let until = house.kernel.now().0 + 100;
    let mut line = house.line();
    // A clock that goes back gives nothing back.
    for (time, want) in [(until - 50, "done"), (until, "done"), (until + 1, "denied"), (until - 50, "denied")] {
        house.world.set_clock(Time(time));
        house.kernel.fire_timers_due();
        assert_eq!(ends(&house, &mut line, write("a")).await, want);
    }
    house.world.set_clock(Time(until + 1));
    assert_eq!(ends(&house, &mut house.line(), write("a")).await, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_for_one_tool_is_for_the_code_that_it_has_now() {
    let house = House::new(&[]);
    let pid = house.process();
    let rule = new_grant(Holder::Process(pid), "allow write fs:workspace/**", None);
    house.kernel.grant(NewGrant { only_tool: Some("act".into()), ..rule }).unwrap();
    assert_eq!(ends(&house, &mut house.line_of(pid), write("a")).await, "done");
    let tool = tool("act", None);
    let mut old = house.line_of(pid);
    house.kernel.add_tools(b"other code", &every_interface(), vec![tool], true).unwrap();
    assert_eq!(ends(&house, &mut house.line_of(pid), write("a")).await, "asks", "the same name, other code");
    assert_eq!(ends(&house, &mut old, write("a")).await, "done", "a call that runs has the code it started with");
}

/// What is revoked or denied while the intent of an effect waits for the disk.
async fn check_between(what: &str, rules: &[&str], take_back: impl Fn(&House, Pid, GrantId), want: &str) {
    let house = House::new(rules);
    let pid = house.process();
    let grant = house.grant(Holder::Process(pid), "allow write fs:workspace/a", Some(1))[0].id;
    let mut line = house.line_of(pid);
    let call = line.call();
    house.kernel.barrier().await.unwrap();
    let still = house.disk.stand_still();
    let mut guests = tokio::task::JoinSet::new();
    guests.spawn(async move { words(&line.run(write("a")).await) });
    still.reached().await;
    take_back(&house, pid, grant);
    still.open();
    let ended = guests.join_next().await.unwrap().unwrap();
    assert_eq!(ended, want, "{what}");
    assert_eq!(house.world.done().len(), usize::from(want == "done"), "{what}");
    let records = house.records_of(call).await;
    assert_eq!(records.len(), 2, "{what}: {records:?}");
    assert_eq!(records[1].outcome == Outcome::Done, want == "done", "{what}");
    let left = View(&house.snapshot()).grant(grant).unwrap().unwrap().uses_left;
    assert_eq!(left, Some(u32::from(want != "done")), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_back_before_an_effect_starts_stops_it() {
    check_between("nothing", &[], |_, _, _| {}, "done").await;
    check_between("revoked", &[], |house, _, grant| drop(house.kernel.revoke(grant).unwrap()), "denied").await;
    let deny = |house: &House, pid, _| drop(house.grant(Holder::Process(pid), "deny write fs:workspace/a", None));
    check_between("denied", &[], deny, "denied").await;
    let other = |house: &House, pid, _| drop(house.grant(Holder::Process(pid), "deny write fs:workspace/b", None));
    check_between("another name is denied", &[], other, "done").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_use_of_a_grant_is_enough_for_a_whole_directory_beside_grants_for_parts_of_it() {
    let house = House::new(&[]);
    house.world.put_directory(&format!("{MOUNT}/d"));
    house.world.put_file(&format!("{MOUNT}/d/file"), "x");
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow delete fs:workspace/d", None);
    house.grant(Holder::Process(pid), "allow delete fs:workspace/d/**", Some(1));
    let remove = Call::FsRemove { path: "d".into(), recursive: true };
    assert_eq!(ends(&house, &mut house.line_of(pid), remove).await, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_policy_keeps_what_was_used_of_lines_that_stay_and_revokes_lines_that_go() {
    let house = House::new(&["allow write fs:workspace/**", "allow sleep clock:sleep"]);
    let mut line = house.line();
    let ids = |house: &House| -> Vec<(GrantId, bool)> {
        let all = View(&house.snapshot()).grants().unwrap().into_iter();
        all.filter(|grant| grant.holder == image()).map(|grant| (grant.id, grant.revoked)).collect()
    };
    house.kernel.barrier().await.unwrap();
    let before = ids(&house);
    house.set_rules(&["allow sleep clock:sleep", "allow ask human:owner"]).unwrap();
    house.kernel.barrier().await.unwrap();
    let after = ids(&house);
    assert_eq!((before.len(), after.len()), (2, 3));
    assert_eq!(after.iter().filter(|(_, revoked)| *revoked).count(), 1);
    assert_eq!(ends(&house, &mut line, write("a")).await, "denied");
    let bad = house.kernel.set_policy("[image.base]\nallow = [\"fly fs:w\"]").unwrap_err().to_string();
    assert!(bad.contains("line 2"), "{bad}");
    assert_eq!(house.kernel.policy().templates.len(), 2, "the old policy stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_names_the_grant_and_its_chain_and_the_rule_that_denied() {
    let house = House::new(&["allow write fs:workspace/**", "deny write fs:workspace/secret"]);
    let mut line = house.line();
    house.run(&mut line, write("a")).await.unwrap();
    let answer = house.run(&mut line, write("secret")).await.unwrap();
    let Answer::Failed(CallError::Denied(denial)) = &*answer else { panic!("{answer:?}") };
    assert_eq!((denial.resource.as_str(), denial.reason.as_str()), ("fs:workspace/secret", "a rule denies it"));
    let records = house.records_of(line.call()).await;
    let grants = View(&house.snapshot()).grants().unwrap();
    let of = |id: &GrantId| grants.iter().find(|grant| grant.id == *id).unwrap();
    let Decided::Allow { grants: chain } = &records[0].decided else { panic!("{records:?}") };
    assert_eq!(chain.len(), 2);
    assert_eq!(of(&chain[0]).parent, Some(chain[1]));
    assert_eq!(of(&chain[1]).holder, image());
    let Decided::Deny { rule: Some(rule), .. } = &records.last().unwrap().decided else { panic!("{records:?}") };
    assert!(of(rule).to_string().contains("deny write fs:workspace/secret"));
}

#[tokio::test]
async fn where_several_asks_are_answered_a_use_of_each_answer_is_taken() {
    let house = House::new(&[]);
    let pid = house.process();
    let holder = || Holder::Process(pid);
    house.grant(holder(), "ask write fs:workspace/a", None);
    house.grant(holder(), "allow write fs:workspace/a", None);
    // The second ask is answered by what may be used once only; the first could be answered without end.
    house.grant(holder(), "ask write fs:workspace/**", None);
    house.grant(holder(), "allow write fs:workspace/**", Some(1));
    let mut line = house.line_of(pid);
    assert_eq!(ends(&house, &mut line, write("a")).await, "done");
    assert_eq!(ends(&house, &mut line, write("a")).await, "asks");
}
