//! The decision of the kernel, over grants at random, is the one that the rules say in words.

use super::fewer;
use super::values::{effect, file_rights, near_file, near_pattern};
use crate::sim::House;
use libos_kernel::kernel::{Admit, Attempt, NewGrant, Place, Prepared, StartCall};
use libos_kernel::model::call::Call;
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::Pid;
use libos_kernel::model::need::{Need, needs};
use libos_kernel::model::resource::{Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use libos_kernel::model::row::Probe;
use proptest::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Denied,
    Asked,
    Allowed,
}

type Rule = (Pattern, Rights, Effect);

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec((near_pattern(), file_rights(), effect()), 0..7)
}

/// A system call about one or two names; of a directory or not.
fn attempt() -> impl Strategy<Value = (Call, Vec<Resource>, bool)> {
    let name = near_file;
    let some = String::new;
    prop_oneof![
        name().prop_map(move |name| (Call::FsRead { path: some() }, vec![name], false)),
        name().prop_map(move |name| (Call::FsList { path: some() }, vec![name], false)),
        (name(), any::<bool>()).prop_map(move |(name, directory)| {
            (Call::FsRemove { path: some(), recursive: true }, vec![name], directory)
        }),
        (name(), name(), any::<bool>()).prop_map(move |(old, new, directory)| {
            (Call::FsRename { old: some(), new: some(), replace: true }, vec![old, new], directory)
        }),
        (name(), name()).prop_map(move |(source, target)| {
            (Call::FsCopy { source: some(), target: some(), replace: true }, vec![source, target], false)
        }),
    ]
}

thread_local! {
    /// One kernel for all cases of a test; each has a process of its own.
    static HOUSE: RefCell<Option<Arc<House>>> = const { RefCell::new(None) };
}

fn house() -> Arc<House> {
    HOUSE.with_borrow_mut(|house| Arc::clone(house.get_or_insert_with(|| Arc::new(House::new(&[])))))
}

/// Makes the grants; answers them as the kernel made them.
fn grant(pid: Pid, rules: &[Rule]) -> Vec<Grant> {
    let make = |(pattern, rights, effect): &Rule| NewGrant {
        holder: Holder::Process(pid),
        rights: *rights,
        pattern: pattern.clone(),
        effect: *effect,
        uses: None,
        expires_in: None,
        only_tool: None,
    };
    rules.iter().flat_map(|rule| house().kernel.grant(make(rule)).unwrap().what).collect()
}

/// What the kernel decides.
fn decide(pid: Pid, (call, names, directory): &(Call, Vec<Resource>, bool)) -> Verdict {
    let house = house();
    let started = house.kernel.start_call(StartCall { pid, ..house.start(pid) }).unwrap();
    let place = Place { pid, call: started.row.id, position: 0, incarnation: 0 };
    let prepared = Prepared {
        probe: Probe::None,
        directory: *directory,
        present: [0; 32],
        content: true,
        trouble: None,
        order: None,
    };
    let attempt = Attempt {
        kind: None,
        place,
        call: Arc::new(call.clone()),
        names: names.clone(),
        asked: names.clone(),
        prepared: Some(prepared),
    };
    let verdict = match house.kernel.admit(&attempt).unwrap() {
        Admit::Go(..) => Verdict::Allowed,
        Admit::Wait(_) => Verdict::Asked,
        Admit::Over(_) => Verdict::Denied,
        Admit::Look => panic!("it was looked at"),
    };
    house.kernel.end_call(place.call, Ok("null".into())).unwrap();
    verdict
}

/// What the rules say in words, for one right on one name.
fn naive_one(grants: &[Grant], need: &Need) -> Verdict {
    let covering = |effect: Effect| {
        grants.iter().filter(move |grant| {
            grant.effect == effect && grant.rights.contains(need.right) && grant.pattern.covers(&need.resource)
        })
    };
    if covering(Effect::Deny).next().is_some() {
        return Verdict::Denied;
    }
    let answered = |ask: &Grant| covering(Effect::Allow).any(|allow| allow.answers == Some(ask.id));
    if !covering(Effect::Ask).all(answered) {
        return Verdict::Asked;
    }
    if covering(Effect::Allow).next().is_some() { Verdict::Allowed } else { Verdict::Denied }
}

/// And for a right on a name and all below it.
fn naive_whole(grants: &[Grant], need: &Need) -> Verdict {
    let inside = |grant: &Grant| grant.effect != Effect::Allow && grant.pattern.meets_subtree(&need.resource);
    let whole = |grant: &Grant| {
        grant.effect == Effect::Allow
            && grant.rights.contains(need.right)
            && grant.pattern.covers_subtree(&need.resource)
    };
    if grants.iter().any(inside) || !grants.iter().any(whole) { Verdict::Denied } else { Verdict::Allowed }
}

fn naive(grants: &[Grant], (call, names, directory): &(Call, Vec<Resource>, bool)) -> Verdict {
    let one = |need: &Need| if need.whole { naive_whole(grants, need) } else { naive_one(grants, need) };
    needs(call, names, *directory).iter().map(one).min().unwrap_or(Verdict::Allowed)
}

fn process() -> Pid {
    house().kernel.new_process(libos_kernel::model::image::BASE, false).unwrap()
}

fn narrower(rules: &[Rule], extra: Rule) -> Vec<Rule> {
    rules.iter().cloned().chain([extra]).collect()
}

proptest! {
    #![proptest_config(fewer())]

    #[test]
    fn the_kernel_decides_as_the_rules_say(rules in rules(), attempt in attempt()) {
        let pid = process();
        let grants = grant(pid, &rules);
        prop_assert_eq!(decide(pid, &attempt), naive(&grants, &attempt), "{:?}", grants);
    }

    #[test]
    fn one_more_deny_never_allows_and_its_own_names_are_denied(
        rules in rules(),
        attempt in attempt(),
        (pattern, rights) in (near_pattern(), file_rights()),
    ) {
        let (one, other) = (process(), process());
        grant(one, &rules);
        grant(other, &narrower(&rules, (pattern.clone(), rights, Effect::Deny)));
        let (before, after) = (decide(one, &attempt), decide(other, &attempt));
        prop_assert!(after <= before, "{:?} became {:?}", before, after);
        let denied = needs(&attempt.0, &attempt.1, attempt.2);
        let hit = denied.iter().any(|need| rights.contains(need.right) && pattern.covers(&need.resource));
        prop_assert!(!hit || after == Verdict::Denied);
    }

    #[test]
    fn one_more_ask_never_allows_what_was_not(rules in rules(), attempt in attempt(), extra in (near_pattern(), file_rights())) {
        let (one, other) = (process(), process());
        grant(one, &rules);
        grant(other, &narrower(&rules, (extra.0, extra.1, Effect::Ask)));
        let (before, after) = (decide(one, &attempt), decide(other, &attempt));
        prop_assert!(after != Verdict::Allowed || before == Verdict::Allowed);
    }

    #[test]
    fn one_more_allow_of_another_right_changes_nothing(rules in rules(), name in near_file(), extra in near_pattern()) {
        let attempt = (Call::FsRead { path: String::new() }, vec![name], false);
        let (one, other) = (process(), process());
        grant(one, &rules);
        grant(other, &narrower(&rules, (extra, Rights::of(&[Right::Write, Right::Delete, Right::List]), Effect::Allow)));
        prop_assert_eq!(decide(one, &attempt), decide(other, &attempt));
    }
}
