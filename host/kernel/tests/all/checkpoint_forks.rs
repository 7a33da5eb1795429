//! What is begun again from a checkpoint, what it may do, and how checkpoints differ.

use crate::checkpoints::{OPEN, act, create, exit, read, spawn, take, update, write};
use crate::sim::{House, done};
use libos_kernel::kernel::view::View;
use libos_kernel::kernel::{Between, Delegation, Keep};
use libos_kernel::model::call::Call;
use libos_kernel::model::checkpoint::Forked;
use libos_kernel::model::grant::Holder;
use libos_kernel::model::id::{CheckpointId, Pid};
use libos_kernel::model::image::Image;
use libos_kernel::model::limit::{CHECKPOINTS_MAX, CHECKPOINTS_PER_PROCESS_MAX};
use libos_kernel::model::rule::Rule;
use libos_kernel::model::view::ViewMode;

fn fork(house: &House, id: CheckpointId) -> Forked {
    house.kernel.fork_checkpoint(id, None).unwrap().what
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_sees_what_was_there_then_and_changes_copies() {
    let house = House::new(OPEN);
    let pid = house.process();
    for name in ["a", "b"] {
        assert_eq!(act(&house, pid, create(name, "1")).await, "done");
    }
    let id = take(&house, pid);
    assert_eq!(act(&house, pid, update("a", "2")).await, "done");
    assert_eq!(act(&house, pid, create("later", "1")).await, "done");
    let (first, second) = (fork(&house, id).pid, fork(&house, id).pid);
    let content = |found: Option<(u64, String)>| found.map(|(_, content)| content);
    for new in [first, second] {
        assert_eq!(content(read(&house, new, "a").await).as_deref(), Some("1"), "{new}");
        assert_eq!(read(&house, new, "later").await, None, "{new}");
    }
    assert_eq!(act(&house, first, update("b", "3")).await, "done");
    assert_eq!(content(read(&house, second, "b").await).as_deref(), Some("1"));
    assert_eq!(content(read(&house, pid, "b").await).as_deref(), Some("1"));
    // It stays so without the checkpoint.
    house.kernel.remove_checkpoint(id).unwrap();
    let house = house.reopen();
    assert_eq!(content(read(&house, second, "a").await).as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_has_nothing_that_was_revoked_or_counts_and_every_restriction() {
    let house = House::new(&["allow ask human:owner", "deny write fs:workspace/denied"]);
    let pid = house.process();
    let grant = |rule: &str, uses| house.grant(Holder::Process(pid), rule, uses)[0].id;
    let open = grant("allow write fs:workspace/**", None);
    let revoked = grant("allow delete fs:workspace/**", None);
    let counted = grant("allow read fs:workspace/**", Some(5));
    let id = take(&house, pid);
    let later = grant("allow list fs:workspace/**", None);
    house.grant(Holder::Process(pid), "deny write fs:workspace/later", None);
    house.kernel.revoke(revoked).unwrap();
    // Into two children.
    for _ in 0..2 {
        let forked = fork(&house, id);
        let names: Vec<_> = forked.not_given.iter().map(|(id, _)| *id).collect();
        assert_eq!(names, [revoked, counted], "{forked:?}");
        for (path, want) in [("a", "done"), ("denied", "denied"), ("later", "denied")] {
            assert_eq!(act(&house, forked.pid, write(path)).await, want, "{path}");
        }
        for call in [
            Call::FsRead { path: "a".into() },
            Call::FsList { path: ".".into() },
            Call::FsRemove { path: "a".into(), recursive: false },
        ] {
            assert_eq!(act(&house, forked.pid, call.clone()).await, "denied", "{call:?}");
        }
    }
    let forked = fork(&house, id);
    // What reaches the source reaches the fork.
    house.kernel.revoke(open).unwrap();
    assert_eq!(act(&house, forked.pid, write("a")).await, "denied");
    assert_eq!(fork(&house, id).grants, 1, "the line of the image alone");
    let _ = later;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_of_what_has_ended_has_only_what_its_image_still_gives() {
    let house = House::new(&["allow write fs:workspace/**"]);
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow delete fs:workspace/**", None);
    house.grant(Holder::Process(pid), "deny write fs:workspace/denied", None);
    assert_eq!(act(&house, pid, create("a", "1")).await, "done");
    let id = take(&house, pid);
    let mut line = house.line_of(pid);
    done(&house.run(&mut line, Call::ProcessExit { result: "1".into() }).await);
    house.kernel.end_call(line.call(), Ok("null".into())).unwrap();
    let house = house.reopen();
    let forked = fork(&house, id);
    assert_eq!(forked.not_given.len(), 1, "what a person gave to that very process: {forked:?}");
    for (path, want) in [("a", "done"), ("denied", "denied")] {
        assert_eq!(act(&house, forked.pid, write(path)).await, want, "{path}");
    }
    assert_eq!(act(&house, forked.pid, Call::FsRemove { path: "a".into(), recursive: false }).await, "denied");
    assert_eq!(read(&house, forked.pid, "a").await.map(|(_, content)| content), Some("1".into()));
    // A line that the policy lost gives nothing, a deny that it got since holds.
    house.set_rules(&["deny delete fs:workspace/**"]).unwrap();
    let forked = fork(&house, id);
    assert_eq!(forked.grants, 0, "{forked:?}");
    assert_eq!(act(&house, forked.pid, write("a")).await, "denied");
    house.grant(Holder::Process(forked.pid), "allow delete fs:workspace/**", None);
    assert_eq!(act(&house, forked.pid, Call::FsRemove { path: "a".into(), recursive: false }).await, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_while_a_use_is_taken_doubles_no_use() {
    let house = House::new(&[]);
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow ask human:owner", Some(1));
    let ask = || Call::HumanAsk { question: "Which?".into(), queue: None };
    let asking = house.park(house.line_of(pid), ask()).await;
    let id = take(&house, pid);
    let forked = fork(&house, id);
    assert_eq!(act(&house, forked.pid, ask()).await, "denied");
    assert!(house.kernel.is_live(asking), "the call goes on where it is");
    assert_eq!(act(&house, pid, ask()).await, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_from_a_checkpoint_remembers_and_grants_nothing() {
    let house = House::new(OPEN);
    let pid = house.process();
    assert_eq!(act(&house, pid, create("a", "1")).await, "done");
    let id = take(&house, pid);
    assert_eq!(act(&house, pid, update("a", "2")).await, "done");
    assert!(house.kernel.commit_checkpoint(id, "base").is_err());
    let image = house.kernel.commit_checkpoint(id, "made").unwrap().what;
    assert_eq!((image.version.as_str(), image.tools), ("k1", vec!["*".to_owned()]));
    house.kernel.remove_checkpoint(id).unwrap();
    let house = house.reopen();
    let new = house.kernel.new_process("made", false).unwrap();
    assert_eq!(read(&house, new, "a").await.map(|(_, content)| content), Some("1".into()));
    assert_eq!(act(&house, new, write("x")).await, "denied");
    assert!(Image::parse("name = \"x\"\nversion = \"1\"\ntools = []\n[memory]\nsource = 1\nat = 1\n").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_that_a_rule_keeps_from_its_process_becomes_no_image() {
    let house = House::new(&["deny write object:process/*/secret"]);
    let (pid, looking) = (house.process(), house.process());
    let id = take(&house, pid);
    house.kernel.show_objects(looking, pid, ViewMode::CopyOnWrite, Some(vec!["a".into()])).unwrap();
    let of_viewer = take(&house, looking);
    let commit = |id| house.kernel.commit_checkpoint(id, "made").map(drop).map_err(|error| error.to_string());
    assert_eq!(commit(id), Ok(()));
    let rule = |rule: &str| house.grant(Holder::Process(pid), rule, None)[0].id;
    for (text, seen) in [
        ("deny read object:process/*/secret", false),
        ("ask list object:process/1/**", true),
        ("ask read object:process/2/b", false),
    ] {
        let made = rule(text);
        let own = text.contains("process/2");
        assert_eq!(commit(id).is_ok(), own, "{text}");
        assert_eq!(commit(of_viewer).is_ok(), !seen, "{text}");
        house.kernel.revoke(made).unwrap();
        assert_eq!(commit(id), Ok(()), "{text}");
    }
    // Also one of a process that has ended.
    rule("deny read object:process/1/secret");
    exit(&house, pid).await;
    let refused = commit(id).unwrap_err();
    assert!(refused.contains("process/1/secret") && refused.contains("revoke"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_image_remembers_is_kept_from_its_processes_as_from_whoever_had_it() {
    let house = House::new(&[]);
    let pid = house.process();
    for name in ["plan", "secret"] {
        assert_eq!(act(&house, pid, create(name, "1")).await, "done");
    }
    let id = take(&house, pid);
    house.kernel.commit_checkpoint(id, "made").unwrap();
    house.grant(Holder::Process(pid), "deny read object:process/1/secret", None);
    exit(&house, pid).await;
    let house = house.reopen();
    for new in [house.kernel.new_process("made", false).unwrap(), fork(&house, id).pid] {
        assert!(read(&house, new, "plan").await.is_some(), "{new}");
        assert_eq!(act(&house, new, Call::ObjectRead { name: "secret".into() }).await, "denied", "{new}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deny_of_an_image_reaches_who_became_another_one_and_who_is_begun_again() {
    let house = House::new(OPEN);
    let pid = house.process();
    let id = take(&house, pid);
    house.kernel.commit_checkpoint(id, "other").unwrap();
    house.grant(Holder::Process(pid), "allow use image:*", None);
    assert_eq!(act(&house, pid, Call::ProcessExec { image: "other".into(), goal: None }).await, "done");
    let id = take(&house, pid);
    assert_eq!(act(&house, pid, write("a")).await, "done");
    house.grant(Holder::Image("base".into()), "deny write fs:workspace/a", None);
    assert_eq!(act(&house, pid, write("a")).await, "denied");
    exit(&house, pid).await;
    house.grant(Holder::Image("base".into()), "deny write fs:workspace/b", None);
    let new = fork(&house, id).pid;
    for (path, want) in [("a", "denied"), ("b", "denied"), ("c", "done")] {
        assert_eq!(act(&house, new, write(path)).await, want, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_of_what_has_ended_has_what_its_giver_was_denied_since() {
    let house = House::new(&[]);
    let (giver, pid) = (house.process(), house.process());
    house.grant(Holder::Process(giver), "allow write fs:workspace/**", None);
    let rule = Rule::parse("write fs:workspace/**").unwrap();
    house.kernel.delegate(giver, pid, &[Delegation { rule, uses: None, expires_in: None }]).unwrap();
    let id = take(&house, pid);
    exit(&house, pid).await;
    house.grant(Holder::Process(giver), "deny write fs:workspace/late", None);
    let new = fork(&house, id).pid;
    for (path, want) in [("a", "done"), ("late", "denied")] {
        assert_eq!(act(&house, new, write(path)).await, want, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_asks_only_if_its_source_asked() {
    let house = House::new(&["default ask"]);
    let root = house.process();
    let child = spawn(&house, root).await;
    for (pid, want) in [(root, "done"), (child, "denied")] {
        let id = take(&house, pid);
        assert_eq!(act(&house, fork(&house, id).pid, write("a")).await, want, "{pid}");
    }
    let id = take(&house, root);
    house.set_rules(&[]).unwrap();
    assert_eq!(act(&house, fork(&house, id).pid, write("a")).await, "denied");
}

#[test]
fn checkpoints_of_all_processes_are_bounded() {
    let house = House::new(&[]);
    let pids: Vec<Pid> = (0..=CHECKPOINTS_MAX / CHECKPOINTS_PER_PROCESS_MAX).map(|_| house.process()).collect();
    let (last, pids) = pids.split_last().unwrap();
    let mut ids: Vec<CheckpointId> = Vec::new();
    for pid in pids {
        ids.extend((0..CHECKPOINTS_PER_PROCESS_MAX).map(|_| take(&house, *pid)));
    }
    let refused = house.kernel.checkpoint(*last, "one more").unwrap_err().to_string();
    assert!(refused.contains("at most 10000"), "{refused}");
    house.kernel.remove_checkpoint(ids[0]).unwrap();
    take(&house, *last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_are_compared_by_what_is_in_them() {
    let house = House::new(OPEN);
    let pid = house.process();
    for name in ["changed", "deleted", "same"] {
        assert_eq!(act(&house, pid, create(name, "1")).await, "done");
    }
    let first = take(&house, pid);
    let delete = Call::ObjectDelete { name: "deleted".into(), expected_version: None };
    for call in [update("changed", "2"), delete, create("made", "1")] {
        assert_eq!(act(&house, pid, call).await, "done");
    }
    let grant = house.grant(Holder::Process(pid), "allow read fs:workspace/**", None)[0].id;
    let second = take(&house, pid);
    assert_eq!(act(&house, pid, update("same", "2")).await, "done");
    house.kernel.barrier().await.unwrap();
    let view = house.snapshot();
    let row = |id| View(&view).checkpoint(id).unwrap().unwrap();
    let between = View(&view).between(&row(first), &row(second)).unwrap();
    let objects: Vec<String> = between
        .objects
        .iter()
        .map(|found| format!("{} {:?}", found.name.rsplit('/').next().unwrap(), found.change))
        .collect();
    assert_eq!(objects, ["changed Changed", "deleted Deleted", "made Made"]);
    assert_eq!(between.changed[0].grants_gained, [grant]);
    let none = View(&view).between(&row(first), &row(first)).unwrap();
    assert_eq!(none, Between::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fork_of_a_tree_has_the_same_form_and_other_numbers() {
    let house = House::new(&[]);
    let root = house.process();
    let child = spawn(&house, root).await;
    let below = spawn(&house, child).await;
    assert_eq!(act(&house, below, create("a", "1")).await, "done");
    let id = take(&house, root);
    exit(&house, child).await;
    let forked = fork(&house, id);
    let new: Vec<Pid> = forked.processes.iter().map(|(_, new)| *new).collect();
    let old: Vec<Pid> = forked.processes.iter().map(|(old, _)| *old).collect();
    assert_eq!(old, [root, child, below]);
    house.kernel.barrier().await.unwrap();
    let view = house.snapshot();
    let parents: Vec<Option<Pid>> = new.iter().map(|pid| View(&view).process(*pid).unwrap().unwrap().parent).collect();
    assert_eq!(parents, [None, Some(new[0]), Some(new[1])]);
    assert_eq!(
        read(&house, new[2], "a").await.map(|(_, content)| content),
        Some("1".into()),
        "what ended is seen as it was"
    );
    let row = View(&view).process(new[1]).unwrap().unwrap();
    assert_eq!(View(&view).goal_of(&row).unwrap().as_deref(), Some("work"));
    assert!(house.kernel.grants_of(new[0]).iter().any(|grant| grant.rights.to_string() == "spawn"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gc_keeps_whom_a_checkpoint_names_until_it_is_removed() {
    let house = House::new(OPEN);
    let pid = house.process();
    assert_eq!(act(&house, pid, create("a", "1")).await, "done");
    let id = take(&house, pid);
    exit(&house, pid).await;
    house.world.pass(3_600_000_000_000);
    let collect = async |house: &House| {
        let keep =
            Keep::new(&house.kernel.policy().retain, Some(std::time::Duration::from_secs(1)), house.kernel.now());
        house.kernel.barrier().await.unwrap();
        house.kernel.collect(&keep).await.unwrap().processes
    };
    assert_eq!(collect(&house).await, 0);
    let forked = fork(&house, id).pid;
    assert_eq!(read(&house, forked, "a").await.map(|(_, content)| content), Some("1".into()));
    house.kernel.remove_checkpoint(id).unwrap();
    assert!(read(&house, forked, "a").await.is_some(), "the view of the fork holds it");
    let _ = collect(&house).await;
    assert!(read(&house, forked, "a").await.is_some());
}
