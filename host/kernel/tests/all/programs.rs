//! Programs: rules hold for the file that a name leads to and for its arguments, what a program gets follows from what its process has,
//! a yes is for all of that, and what was interrupted is never done again.

use crate::approvals::{approve, first_step};
use crate::sim::{House, Plan, Tear, words};
use libos_kernel::model::answer::Answer;
use libos_kernel::model::call::{Approval, Call, Reply};
use libos_kernel::model::grant::Holder;
use libos_kernel::model::limit;
use libos_kernel::model::program::Command;
use libos_kernel::model::purse::Coin;
use libos_kernel::model::question::Subject;
use libos_kernel::model::record::Outcome;
use tokio::task::JoinSet;

fn shell(program: &str, arguments: &[&str]) -> Call {
    let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
    Call::ShellRun { command: Command { program: program.into(), arguments, ..Command::default() } }
}

const FILES: &str = "allow read,list,write,delete fs:workspace/**";

/// How a program ends under rules, and what was done.
async fn run(rules: &[&str], call: Call) -> (String, Vec<String>) {
    let house = House::new(rules);
    let mut line = house.line();
    let ended = words(&house.run(&mut line, call).await);
    (ended, house.world.done())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_hold_for_the_file_that_a_name_leads_to_and_its_arguments() {
    for (rule, program, arguments, ended) in [
        ("allow execute shell:/usr/bin/git -- status **", "git", &["status", "-s"][..], "done"),
        ("allow execute shell:/usr/bin/git -- status **", "/usr/bin/git", &["status"], "done"),
        ("allow execute shell:/usr/bin/git -- status **", "git", &["-c", "core.pager=sh", "status"], "denied"),
        ("allow execute shell:/usr/bin/git -- status **", "git", &[], "denied"),
        // A bare name is no path: a rule about what the name looks like lets nobody start it.
        ("allow execute shell:/git", "git", &[], "denied"),
        ("allow execute shell:/workspace/git", "./git", &[], "denied"),
        ("allow execute shell:/usr/bin/link", "link", &[], "denied"),
        ("allow execute shell:/usr/bin/true", "link", &[], "done"),
        ("allow execute shell:**", "git", &["anything"], "done"),
    ] {
        let (have, done) = run(&["allow read,list fs:workspace/**", rule], shell(program, arguments)).await;
        assert_eq!(have, ended, "{rule}: {program} {arguments:?}");
        assert_eq!(done.len(), usize::from(ended == "done"), "{rule}: {program} {arguments:?}: {done:?}");
    }
    let denied = ["allow execute shell:**", "deny execute shell:/usr/bin/true", FILES];
    assert_eq!(run(&denied, shell("link", &["x"])).await.0, "denied");
    // The directory needs a right, too.
    assert_eq!(run(&["allow execute shell:**"], shell("git", &[])).await.0, "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_start_nothing_does_not_learn_what_is_there() {
    for (rules, program) in [(&[FILES][..], "git"), (&[FILES, "allow execute shell:/usr/bin/git"], "/home/x/secret")] {
        let house = House::new(rules);
        assert_eq!(words(&house.run(&mut house.line(), shell(program, &[])).await), "denied");
        assert_eq!(house.world.looks(), [""; 0], "{program}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_gets_what_its_process_has_without_asking_and_nothing_else() {
    for (rules, gets) in [
        (&["allow list fs:workspace"][..], ""),
        (&["allow read,list fs:workspace/**"], " Read fs:workspace/**"),
        (&["allow read,list fs:workspace/**", "allow write fs:workspace/**"], " Read fs:workspace/**"),
        (&["allow read,list fs:workspace/**", "ask write,delete fs:workspace/**"], " Read fs:workspace/**"),
        (&[FILES], " Write fs:workspace/**"),
        (&[FILES, "ask read fs:workspace/**", "allow list fs:workspace"], ""),
        (&[FILES, "deny read fs:workspace/.env"], " Write fs:workspace/** Denied fs:workspace/.env"),
        (&[FILES, "deny list fs:workspace/a/b/**"], " Write fs:workspace/** Denied fs:workspace/a/b/**"),
        (&[FILES, "ask read fs:workspace/a/**"], " Write fs:workspace/** Denied fs:workspace/a/**"),
        (&[FILES, "deny write fs:workspace/a/**"], " Write fs:workspace/** Read fs:workspace/a/**"),
        // With a directory above it that may be changed it could be carried to another name.
        (&[FILES, "deny write fs:workspace/a/b/**"], " Write fs:workspace/** Denied fs:workspace/a/b/**"),
        (&["allow read,list fs:workspace/**", "deny delete fs:workspace/a"], " Read fs:workspace/**"),
        // A rule about some of what is below restricts all of it.
        (&[FILES, "deny read fs:workspace/a/*/key"], " Write fs:workspace/** Denied fs:workspace/a/**"),
        (&[FILES, "deny write fs:workspace/*/x/**"], " Read fs:workspace/**"),
        (&[FILES, "deny write fs:workspace/*/x/**", "allow write fs:workspace/a/**"], " Read fs:workspace/**"),
        (&["allow list fs:workspace", "allow read,list fs:workspace/*"], ""),
        (&["allow list fs:workspace", "allow read,list fs:workspace/a/**"], " Read fs:workspace/a/**"),
        (&["allow list fs:workspace", "allow read,list fs:workspace/a"], " Read fs:workspace/a"),
        // Nothing is given in what is masked.
        (
            &[FILES, "ask read fs:workspace/a/**", "allow read,list fs:workspace/a/b/**"],
            " Write fs:workspace/** Denied fs:workspace/a/**",
        ),
    ] {
        let rules: Vec<&str> =
            rules.iter().copied().chain(["allow list fs:workspace", "allow execute shell:**"]).collect();
        // What asks for the directory is answered; what it gets hangs on the rules alone.
        let (ended, done) = run(&rules, shell("true", &[])).await;
        assert_eq!(
            (ended.as_str(), done),
            ("done", vec![format!("shell.run shell:/usr/bin/true --{gets}")]),
            "{rules:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_used_only_so_often_is_not_given() {
    let house = House::new(&["allow list fs:workspace", "allow execute shell:**"]);
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow read,list fs:workspace/**", Some(9));
    assert_eq!(words(&house.run(&mut house.line_of(pid), shell("true", &[])).await), "done");
    assert_eq!(house.world.done(), ["shell.run shell:/usr/bin/true --"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_is_for_this_file_these_words_and_these_places() {
    let asks = ["allow read,list fs:workspace/**", "ask execute shell:**"];
    let call = || shell("git", &["status", "a\u{202e}b"]);
    for changed in ["", "the file", "what it gets"] {
        let house = House::new(&asks);
        let id = house.park(house.line(), call()).await;
        house.kernel.barrier().await.unwrap();
        let question = house.question(house.asked(id));
        let Subject::Approval { preview, .. } = &question.subject else { panic!("{question:?}") };
        let text = preview.join("\n");
        for said in
            ["/usr/bin/git", "SHA-256", "  | status", "\\u{202e}", "it may read fs:workspace", "no network", "PATH="]
        {
            assert!(text.contains(said), "{said} is not in\n{text}");
        }
        house.kernel.answer(question.id, approve(Approval::Allow)).unwrap();
        match changed {
            "the file" => house.world.put_file("workspace/true", "another"),
            "what it gets" => house.set_rules(&[asks[0], asks[1], "deny read fs:workspace/x/**"]).unwrap(),
            _ => {}
        }
        let mut line = house.resume(id).await;
        if changed.is_empty() {
            // A program that runs is waited for, as an answer is.
            assert_eq!(words(&house.run(&mut line, call()).await), "done");
        } else {
            assert_eq!(first_step(&house, &mut line, call()).await, "waits", "{changed} changed");
        }
        assert_eq!(house.world.done().len(), usize::from(changed.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_was_interrupted_is_never_started_again() {
    for plan in [Plan::CutBefore, Plan::CutAfter] {
        let house = House::new(&[FILES]);
        let pid = house.process();
        house.grant(Holder::Process(pid), "allow execute shell:**", Some(1));
        let mut line = house.line_of(pid);
        let id = line.call();
        house.world.plan("shell.run", 1, plan.clone());
        let _ = house.run(&mut line, shell("true", &[])).await;
        house.kernel.shutdown();
        let before = house.world.done().len();
        let house = house.crash(Tear::None);
        let told = words(&house.run(&mut house.resume(id).await, shell("true", &[])).await);
        assert!(told.contains("nobody knows"), "{plan:?}: {told}");
        assert_eq!(house.world.done().len(), before, "{plan:?}");
        assert_eq!(words(&house.run(&mut house.line_of(pid), shell("true", &[])).await), "denied", "its use is gone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_computed_is_paid_for_and_its_record_says_what_held_it() {
    let house = House::new(&[FILES, "allow execute shell:**"]);
    let pid = house.process();
    house.kernel.change_purse(pid, &[], &[(Coin::ProcessorMilliseconds, 100)]).unwrap();
    let mut line = house.line_of(pid);
    assert_eq!(words(&house.run(&mut line, shell("true", &[])).await), "done");
    let records = house.records_of(line.call()).await;
    let last = records.last().unwrap();
    assert_eq!((&last.outcome, last.detail.as_deref()), (&Outcome::Done, Some("confined by nothing: simulated")));
    let left = house.kernel.change_purse(pid, &[], &[]).unwrap().what.purse.unwrap().left(Coin::ProcessorMilliseconds);
    assert_eq!(left, Some(93));
    house.purses_add_up();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_runs_and_computes_no_longer_than_its_process_can_pay_for() {
    let house = House::new(&[FILES, "allow execute shell:**"]);
    for (purse, limits) in [
        (&[][..], "(30000, 600000)"),
        (&[(Coin::WallMilliseconds, 1_000), (Coin::ProcessorMilliseconds, 70)], "(1000, 70)"),
        (&[(Coin::WallMilliseconds, 90_000)], "(30000, 600000)"),
    ] {
        let pid = house.process();
        house.kernel.change_purse(pid, &[], purse).unwrap();
        let answer = house.run(&mut house.line_of(pid), shell("true", &[])).await.unwrap();
        let Answer::Done(Reply::Ran(ran)) = &*answer else { panic!("{answer:?}") };
        assert_eq!(ran.stdout.head, limits, "{purse:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_is_looked_at_when_it_is_decided_on_and_once_more_before_it_runs() {
    let house = House::new(&[FILES, "allow execute shell:**"]);
    assert_eq!(words(&house.run(&mut house.line(), shell("/usr/bin/true", &[])).await), "done");
    let looks = house.world.looks();
    assert_eq!(looks.iter().filter(|look| look.starts_with("shell.find")).count(), 2, "{looks:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_programs_run_at_once_and_the_next_waits_for_its_turn() {
    let house = House::new(&[FILES, "allow execute shell:**"]);
    let gates: Vec<_> =
        (1..=limit::PROGRAMS_AT_ONCE_MAX as u64).map(|nth| house.world.block("shell.run", nth)).collect();
    let mut running = JoinSet::new();
    let start = |running: &mut JoinSet<String>| {
        let mut line = house.line();
        running.spawn(async move { words(&line.run(shell("true", &[])).await) });
    };
    for gate in &gates {
        start(&mut running);
        gate.reached().await;
    }
    start(&mut running);
    // One that did not wait would be over long before so many commits are.
    for _ in 0..100 {
        house.process();
        house.kernel.barrier().await.unwrap();
        assert_eq!(house.world.done(), [""; 0]);
    }
    drop(gates);
    assert_eq!(running.join_all().await, vec!["done"; limit::PROGRAMS_AT_ONCE_MAX + 1]);
}
