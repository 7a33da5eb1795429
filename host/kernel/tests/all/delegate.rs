//! What a process gets from another one: never more than that one has, with its restrictions, and no longer than it has it.

use crate::grants::ends;
use crate::sim::{House, MOUNT, words};
use libos_kernel::kernel::Delegation;
use libos_kernel::model::call::{Call, WriteMode};
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::Pid;
use libos_kernel::model::rule::Rule;
use std::time::Duration;

fn write(path: &str) -> Call {
    Call::FsWrite { path: path.into(), content: b"x".to_vec(), mode: WriteMode::CreateOrReplace }
}

fn line(rule: &str, uses: Option<u32>) -> Delegation {
    Delegation { rule: Rule::parse(rule).unwrap(), uses, expires_in: None }
}

fn house(rules: &[&str]) -> House {
    let house = House::new(rules);
    for name in ["a", "a/b"] {
        house.world.put_directory(&format!("{MOUNT}/{name}"));
    }
    house
}

fn hand_over(house: &House, from: Pid, to: Pid, rule: &str, uses: Option<u32>) -> Result<Vec<Grant>, String> {
    house.kernel.delegate(from, to, &[line(rule, uses)]).map(|made| made.what).map_err(|error| error.to_string())
}

/// The giver has these rules; what it hands over, and how a write to `a/x` by the taker ends, or why nothing is handed over.
async fn check(rules: &[&str], rule: &str, want: &str) {
    let house = house(&[]);
    let (giver, taker) = (house.process(), house.process());
    for rule in rules {
        house.grant(Holder::Process(giver), rule, None);
    }
    let have = match hand_over(&house, giver, taker, rule, None) {
        Ok(_) => ends(&house, &mut house.line_of(taker), write("a/x")).await,
        Err(why) => why,
    };
    assert!(have.contains(want), "{rules:?} {rule}: {have}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_handed_over_is_never_more_than_what_is_there() {
    let all = "allow write fs:workspace/**";
    for (rules, rule, want) in [
        (&[all][..], "write fs:workspace/a/**", "done"),
        (&[all], "write fs:workspace/a/x", "done"),
        (&[all], "write fs:workspace/b/**", "denied"),
        (&[all], "write fs:workspace/*/x", "done"),
        (&[all], "write,read fs:workspace/a/**", "covers read on all of"),
        (&[all], "write fs:**", "covers write on all of"),
        (&["allow write fs:workspace/a/*"], "write fs:workspace/a/**", "covers write on all of"),
        (&["allow write fs:workspace/a/*"], "write fs:workspace/a/x", "done"),
        (&[], "write fs:workspace/a", "covers write on all of"),
        // What is denied or asked in it stays so.
        (&[all, "deny write fs:workspace/a/x"], "write fs:workspace/a/**", "denied"),
        (&[all, "deny write fs:workspace/*/x"], "write fs:workspace/a/**", "denied"),
        (&["ask write fs:workspace/a/**"], "write fs:workspace/a/**", "covers write on all of"),
        (&[all, "ask write fs:workspace/a/**"], "write fs:workspace/**", "asks"),
        // The allow that answers an ask goes along with the ask.
        (&["ask write fs:workspace/a/**", all], "write fs:workspace/a/**", "done"),
        (&["ask write fs:workspace/a/**", "ask write fs:workspace/a/x", all], "write fs:workspace/a/**", "done"),
        (&["deny write fs:workspace/a/**"], "write fs:workspace/b", "covers write on all of"),
    ] {
        check(rules, rule, want).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reaches_the_giver_reaches_the_taker() {
    let house = house(&["allow write fs:workspace/**"]);
    let (first, second, third) = (house.process(), house.process(), house.process());
    for pid in [second, third] {
        for grant in house.kernel.grants_of(pid) {
            house.kernel.revoke(grant.id).unwrap();
        }
    }
    hand_over(&house, first, second, "write fs:workspace/a/**", None).unwrap();
    hand_over(&house, second, third, "write fs:workspace/a/b/**", None).unwrap();
    let mut lines = [house.line_of(second), house.line_of(third)];
    for line in &mut lines {
        assert_eq!(words(&house.run(line, write("a/b/x")).await), "done");
    }
    // A later deny on the giver, however far away, and its end.
    let deny = house.grant(Holder::Process(first), "deny write fs:workspace/a/b/x", None);
    for line in &mut lines {
        assert_eq!(words(&house.run(line, write("a/b/x")).await), "denied");
        assert_eq!(words(&house.run(line, write("a/b/y")).await), "done");
    }
    house.kernel.revoke(deny[0].id).unwrap();
    for line in &mut lines {
        assert_eq!(words(&house.run(line, write("a/b/x")).await), "done");
    }
    // A deny of the image reaches them through the giver.
    house.set_rules(&["allow write fs:workspace/**", "deny write fs:workspace/a/b/x"]).unwrap();
    for line in &mut lines {
        assert_eq!(words(&house.run(line, write("a/b/x")).await), "denied");
    }
    house.set_rules(&[]).unwrap();
    for line in &mut lines {
        assert_eq!(words(&house.run(line, write("a/b/y")).await), "denied");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_are_moved_and_never_doubled() {
    let house = house(&[]);
    let (giver, taker, other) = (house.process(), house.process(), house.process());
    house.grant(Holder::Process(giver), "allow write fs:workspace/**", Some(3));
    let rule = "write fs:workspace/a/**";
    for (uses, why) in [(None, "say how many"), (Some(4), "has 3 uses left")] {
        let refused = hand_over(&house, giver, taker, rule, uses).unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    hand_over(&house, giver, taker, rule, Some(2)).unwrap();
    hand_over(&house, taker, other, rule, Some(1)).unwrap();
    let mut done = 0;
    for pid in [giver, taker, other] {
        let mut line = house.line_of(pid);
        for _ in 0..3 {
            done += usize::from(words(&house.run(&mut line, write("a/x")).await) == "done");
        }
    }
    assert_eq!(done, 3);
    // It is so after a restart too.
    let house = house.reopen();
    for pid in [giver, taker, other] {
        assert_eq!(words(&house.run(&mut house.line_of(pid), write("a/x")).await), "denied");
    }
}

#[tokio::test]
async fn lines_of_one_delegation_share_what_is_left() {
    let house = house(&[]);
    let (giver, taker) = (house.process(), house.process());
    house.grant(Holder::Process(giver), "allow write fs:workspace/**", Some(3));
    let lines = |second| [line("write fs:workspace/a/**", Some(2)), line("write fs:workspace/b/**", Some(second))];
    let refused = house.kernel.delegate(giver, taker, &lines(2)).unwrap_err().to_string();
    assert!(refused.contains("has 1 uses left, not 2"), "{refused}");
    house.kernel.delegate(giver, taker, &lines(1)).unwrap();
    let left: u32 =
        [giver, taker].iter().flat_map(|pid| house.kernel.grants_of(*pid)).filter_map(|row| row.uses_left).sum();
    assert_eq!(left, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoking_reaches_what_was_moved_and_uses_above_are_shared() {
    let house = house(&[]);
    let (giver, taker) = (house.process(), house.process());
    let [root] = &house.grant(Holder::Process(giver), "allow write fs:workspace/**", Some(2))[..] else { panic!() };
    hand_over(&house, giver, taker, "write fs:workspace/**", Some(1)).unwrap();
    house.kernel.revoke(root.id).unwrap();
    for pid in [giver, taker] {
        assert_eq!(words(&house.run(&mut house.line_of(pid), write("x")).await), "denied");
    }
    // Derived with a limit of its own from what counts above.
    let [first] = &house.grant(Holder::Process(giver), "allow write fs:workspace/**", None)[..] else { panic!() };
    assert!(first.uses_left.is_none());
    hand_over(&house, giver, taker, "write fs:workspace/**", Some(1)).unwrap();
    let mut line = house.line_of(taker);
    assert_eq!(words(&house.run(&mut line, write("x")).await), "done");
    assert_eq!(words(&house.run(&mut line, write("x")).await), "denied");
}

#[tokio::test]
async fn a_grant_is_derived_eight_times_and_no_more() {
    let house = house(&[]);
    let mut last = house.process();
    house.grant(Holder::Process(last), "allow write fs:workspace/**", None);
    for step in 0..9 {
        let next = house.process();
        match hand_over(&house, last, next, "write fs:workspace/**", None) {
            Ok(_) if step < 8 => {}
            Err(why) if step == 8 => assert!(why.contains("8 times"), "{why}"),
            other => panic!("{step}: {other:?}"),
        }
        if step < 8 {
            assert_eq!(words(&house.run(&mut house.line_of(next), write("x")).await), "done", "{step}");
        }
        last = next;
    }
}

#[tokio::test]
async fn what_is_derived_ends_with_what_it_is_derived_from() {
    let house = house(&[]);
    let (giver, taker) = (house.process(), house.process());
    let grant = libos_kernel::kernel::NewGrant {
        expires_in: Some(Duration::from_secs(60)),
        ..crate::sim::new_grant(Holder::Process(giver), "allow write fs:workspace/**", None)
    };
    let root = house.kernel.grant(grant).unwrap().what[0].clone();
    let longer = Delegation { expires_in: Some(Duration::from_secs(3_600)), ..line("write fs:workspace/**", None) };
    let made = house.kernel.delegate(giver, taker, &[longer]).unwrap().what;
    assert_eq!(made[0].not_after, root.not_after);
    let mut line = house.line_of(taker);
    assert_eq!(words(&house.run(&mut line, write("x")).await), "done");
    house.world.set_clock(root.not_after.unwrap().after(Duration::from_nanos(1)));
    assert_eq!(words(&house.run(&mut line, write("x")).await), "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_are_those_of_the_line_whatever_it_is_made_of() {
    let house = house(&[]);
    let (giver, taker) = (house.process(), house.process());
    house.grant(Holder::Process(giver), "allow write fs:workspace/**", Some(3));
    let both = [line("write fs:workspace/a", Some(2)), line("write fs:workspace/b", Some(2))];
    let refused = house.kernel.delegate(giver, taker, &both).unwrap_err().to_string();
    assert!(refused.contains("has 1 uses left, not 2"), "{refused}");
    house.grant(Holder::Process(giver), "allow delete fs:workspace/**", None);
    let other = house.process();
    for rule in ["allow write fs:workspace/**", "allow delete fs:workspace/**"] {
        house.grant(Holder::Process(other), rule, None);
    }
    let refused = hand_over(&house, other, taker, "write,delete fs:workspace/**", Some(1)).unwrap_err();
    assert!(refused.contains("right by right"), "{refused}");
    assert!(
        house
            .kernel
            .grants_of(taker)
            .iter()
            .all(|grant| !matches!(grant.issuer, libos_kernel::model::grant::Issuer::Process(_)))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restriction_that_comes_by_delegation_goes_on_to_the_heirs() {
    let house = house(&[]);
    let [first, second, third, other] = [(); 4].map(|()| house.process());
    house.grant(Holder::Process(first), "allow write fs:workspace/**", None);
    hand_over(&house, first, second, "write fs:workspace/a/**", None).unwrap();
    hand_over(&house, second, third, "write fs:workspace/a/**", None).unwrap();
    for rule in ["allow write fs:workspace/**", "deny write fs:workspace/a/x"] {
        house.grant(Holder::Process(other), rule, None);
    }
    assert_eq!(words(&house.run(&mut house.line_of(third), write("a/x")).await), "done");
    hand_over(&house, other, second, "write fs:workspace/a/**", None).unwrap();
    for pid in [second, third] {
        assert_eq!(words(&house.run(&mut house.line_of(pid), write("a/x")).await), "denied");
    }
    // A copy that was taken back comes again with the next.
    let copies = house.kernel.grants_of(second);
    let copy = copies.iter().find(|grant| grant.pattern.to_string() == "fs:workspace/a/x").unwrap();
    house.kernel.revoke(copy.id).unwrap();
    hand_over(&house, other, second, "write fs:workspace/a/**", None).unwrap();
    assert_eq!(words(&house.run(&mut house.line_of(second), write("a/x")).await), "denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_hangs_on_one_count_twice_takes_one_use() {
    let house = house(&["ask write,delete,read fs:workspace/a/**", "ask write,delete,read fs:workspace/b/**"]);
    house.world.put_file(&format!("{MOUNT}/a/x"), "1");
    house.world.put_directory(&format!("{MOUNT}/b"));
    let pid = house.process();
    house.grant(Holder::Process(pid), "allow read,write,delete fs:workspace/**", Some(1));
    let rename = Call::FsRename { old: "a/x".into(), new: "b/x".into(), replace: false };
    assert_eq!(words(&house.run(&mut house.line_of(pid), rename).await), "done");
    assert_eq!(ends(&house, &mut house.line_of(pid), write("b/x")).await, "asks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restriction_that_comes_with_what_is_handed_over_reaches_what_was_handed_on_before() {
    for deny_first in [true, false] {
        let house = house(&[]);
        let (first, second, third) = (house.process(), house.process(), house.process());
        house.grant(Holder::Process(first), "allow write fs:workspace/**", None);
        house.grant(Holder::Process(second), "allow write fs:workspace/a/**", None);
        hand_over(&house, second, third, "write fs:workspace/a/**", None).unwrap();
        if deny_first {
            house.grant(Holder::Process(first), "deny write fs:workspace/a/x", None);
        }
        hand_over(&house, first, second, "write fs:workspace/**", None).unwrap();
        if !deny_first {
            house.grant(Holder::Process(first), "deny write fs:workspace/a/x", None);
        }
        for pid in [first, second, third] {
            assert_eq!(ends(&house, &mut house.line_of(pid), write("a/x")).await, "denied", "{pid} {deny_first}");
            assert_eq!(ends(&house, &mut house.line_of(pid), write("a/y")).await, "done", "{pid} {deny_first}");
        }
    }
}

#[tokio::test]
async fn two_who_hand_over_to_each_other_again_and_again_restrict_each_other_once() {
    let house = house(&[]);
    let (one, other) = (house.process(), house.process());
    for (pid, rule) in [(one, "allow write fs:workspace/a/**"), (other, "allow write fs:workspace/b/**")] {
        house.grant(Holder::Process(pid), rule, None);
    }
    house.grant(Holder::Process(one), "deny write fs:workspace/**", None);
    for _ in 0..12 {
        hand_over(&house, one, other, "write fs:workspace/a/**", None).unwrap();
        hand_over(&house, other, one, "write fs:workspace/b/**", None).unwrap();
    }
    let denies = |pid| house.kernel.grants_of(pid).iter().filter(|grant| grant.effect == Effect::Deny).count();
    assert_eq!((denies(one), denies(other)), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_an_ask_with_something_cannot_ask_for_what_its_giver_is_denied() {
    for ask_first in [true, false] {
        let house = house(&[]);
        let (giver, taker) = (house.process(), house.process());
        let ask = || house.grant(Holder::Process(giver), "ask write fs:workspace/**", None);
        house.grant(Holder::Process(giver), "allow write fs:workspace/a/x", None);
        house.grant(Holder::Process(giver), "deny write fs:workspace/b", None);
        if ask_first {
            ask();
        }
        hand_over(&house, giver, taker, "write fs:workspace/a/x", None).unwrap();
        if !ask_first {
            ask();
        }
        for pid in [giver, taker] {
            assert_eq!(ends(&house, &mut house.line_of(pid), write("b")).await, "denied", "{pid} {ask_first}");
            assert_eq!(ends(&house, &mut house.line_of(pid), write("a/x")).await, "asks", "{pid} {ask_first}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ask_that_comes_later_does_not_reach_whom_nothing_is_left_of_what_was_handed_over() {
    let house = house(&[]);
    let (giver, taker) = (house.process(), house.process());
    let root = house.grant(Holder::Process(giver), "allow write fs:workspace/**", None)[0].id;
    hand_over(&house, giver, taker, "write fs:workspace/**", None).unwrap();
    house.kernel.revoke(root).unwrap();
    house.grant(Holder::Process(giver), "ask write fs:workspace/**", None);
    assert_eq!(ends(&house, &mut house.line_of(giver), write("a/x")).await, "asks");
    assert_eq!(ends(&house, &mut house.line_of(taker), write("a/x")).await, "denied");
}
