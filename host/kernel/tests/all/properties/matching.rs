//! The matcher finds what the plain definition says, and the plain definition hangs together.

use super::config;
use super::values::{
    any_kind, any_pattern, any_resource, effect, file_rights, near_file, near_pattern, pattern, resource,
};
use libos_kernel::model::bound::Bound;
use libos_kernel::model::declaration::{gained, lost};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::index::{GrantIndex, Leaf};
use libos_kernel::model::need::Need;
use libos_kernel::model::resource::{Kind, Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use libos_kernel::model::rule;
use libos_kernel::model::tree::{self, Frontier};
use proptest::prelude::*;
use std::ops::ControlFlow;

type Rule = (Pattern, Rights, Effect);

/// Rules, most of them of one kind, and a name of that kind.
fn rules_and_name() -> impl Strategy<Value = (Vec<Rule>, Resource)> {
    any_kind().prop_flat_map(|kind| {
        let alike = prop_oneof![4 => pattern(kind).boxed(), 1 => any_pattern().boxed()];
        (prop::collection::vec((alike, file_rights(), effect()), 0..12), resource(kind))
    })
}

fn index_of(rules: &[Rule]) -> GrantIndex {
    let mut index = GrantIndex::default();
    for (slot, (pattern, rights, effect)) in rules.iter().enumerate() {
        index.insert(pattern, Leaf { slot: slot as u32, rights: *rights, effect: *effect });
    }
    index
}

fn found(search: impl FnOnce(&mut dyn FnMut(Leaf) -> ControlFlow<()>) -> ControlFlow<()>) -> Vec<u32> {
    let mut slots = Vec::new();
    let searched = search(&mut |leaf| {
        slots.push(leaf.slot);
        ControlFlow::Continue(())
    });
    assert!(searched.is_continue());
    slots.sort_unstable();
    slots
}

fn naive(rules: &[Rule], right: Right, fits: impl Fn(&Pattern) -> bool) -> Vec<u32> {
    let rules = rules.iter().enumerate();
    rules
        .filter(|(_, (pattern, rights, _))| rights.contains(right) && fits(pattern))
        .map(|(slot, _)| slot as u32)
        .collect()
}

fn below(resource: &Resource, rest: &str) -> Resource {
    Resource::new(resource.kind(), format!("{}/{rest}", resource.path()))
}

/// Names that the pattern covers: every choice for its wildcards from the words of both patterns and one of neither.
fn instances(pattern: &Pattern, other: &Pattern) -> Vec<Resource> {
    let known = pattern.segments().chain(other.segments()).filter(|segment| !segment.starts_with('*'));
    let hosts = other.segments().chain(pattern.segments()).filter(|segment| segment.starts_with("*."));
    let mut words: Vec<String> = known.map(str::to_owned).chain(hosts.map(|host| host.replacen('*', "z", 1))).collect();
    words.push("z".into());
    words.sort();
    words.dedup();
    let mut names: Vec<Vec<String>> = vec![Vec::new()];
    let mut all = Vec::new();
    for segment in pattern.segments().flat_map(|segment| if segment == "**" { vec!["**", "**"] } else { vec![segment] })
    {
        if segment == "**" {
            all.append(&mut names.clone());
        }
        let choices = if segment.starts_with('*') { words.clone() } else { vec![segment.to_owned()] };
        let longer = |name: &Vec<String>| {
            let name = name.clone();
            choices.clone().into_iter().map(move |word| [&name[..], &[word]].concat()).collect::<Vec<_>>()
        };
        names = names.iter().flat_map(longer).collect();
    }
    all.append(&mut names);
    let named = all.into_iter().filter(|name| !name.is_empty());
    named.map(|name| Resource::new(pattern.kind(), name.join("/"))).filter(|name| pattern.covers(name)).collect()
}

fn alike() -> impl Strategy<Value = (Pattern, Pattern)> {
    let one = |kind| (pattern(kind), pattern(kind));
    prop_oneof![(near_pattern(), near_pattern()), one(Kind::Fs), one(Kind::Http)]
}

type Side = (Vec<String>, Option<Vec<rule::Rule>>);

/// What a component imports and what its tool declares.
fn side() -> impl Strategy<Value = Side> {
    let written = (near_pattern(), file_rights()).prop_map(|(pattern, rights)| rule::Rule { rights, pattern });
    let needs = prop::option::of(prop::collection::vec(written, 0..3));
    (any::<bool>(), needs).prop_map(|(fs, needs)| (if fs { vec!["fs".to_owned()] } else { Vec::new() }, needs))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_pattern_contains_another_if_it_covers_all_that_the_other_covers((wide, narrow) in alike()) {
        let every = instances(&narrow, &wide).iter().all(|name| wide.covers(name));
        prop_assert_eq!(wide.contains(&narrow), every, "{} {}", wide, narrow);
    }

    #[test]
    fn a_component_that_gained_nothing_may_have_nothing_new(
        old in side(),
        new in side(),
        name in near_file(),
        at in 0usize..4,
        whole in any::<bool>(),
    ) {
        let right = [Right::Read, Right::List, Right::Write, Right::Delete][at];
        let need = Need { resource: name, right, whole };
        let had = Bound::new(&old.0, old.1.clone()).covers(&need);
        let has = Bound::new(&new.0, new.1.clone()).covers(&need);
        let bounds = ((&*old.0, old.1.as_deref()), (&*new.0, new.1.as_deref()));
        let (more, less) = (gained(bounds.0, bounds.1), lost(bounds.0, bounds.1));
        prop_assert!(had || !has || !more.is_empty(), "{:?} {:?} {}", old, new, need.resource);
        prop_assert!(has || !had || !less.is_empty(), "{:?} {:?} {}", old, new, need.resource);
        prop_assert_eq!(gained(bounds.0, bounds.0), Vec::<String>::new());
    }

    #[test]
    fn the_matcher_finds_what_the_definition_says((rules, name) in rules_and_name(), at in 0usize..4) {
        let index = index_of(&rules);
        let right = [Right::Read, Right::List, Right::Write, Right::Delete][at];
        let covering = found(|visit| index.covering(&name, right, visit));
        prop_assert_eq!(covering, naive(&rules, right, |pattern| pattern.covers(&name)));
        let meeting = found(|visit| index.meeting(&name, right, visit));
        prop_assert_eq!(meeting, naive(&rules, right, |pattern| pattern.meets_subtree(&name)));
    }

    #[test]
    fn what_is_taken_out_of_the_matcher_is_found_no_more((rules, name) in rules_and_name(), gone in any::<u16>()) {
        let mut index = index_of(&rules);
        let is_gone = |slot: usize| gone & (1 << slot) != 0;
        for (slot, (pattern, _, _)) in rules.iter().enumerate().filter(|(slot, _)| is_gone(*slot)) {
            index.remove(pattern, slot as u32);
        }
        prop_assert_eq!(index.len(), (0..rules.len()).filter(|slot| !is_gone(*slot)).count());
        let mut left = naive(&rules, Right::Read, |pattern| pattern.covers(&name));
        left.retain(|slot| !is_gone(*slot as usize));
        prop_assert_eq!(found(|visit| index.covering(&name, Right::Read, visit)), left);
    }

    #[test]
    fn a_pattern_that_covers_all_of_a_directory_covers_each_thing_in_it(
        pattern in any_pattern(),
        name in any_resource(),
        rest in "[abc]{1,2}(/[abc]{1,2}){0,2}",
    ) {
        let inside = below(&name, &rest);
        if pattern.covers_subtree(&name) {
            prop_assert!(pattern.covers(&name) && pattern.covers(&inside), "{} {} {}", pattern, name, inside);
        }
        if pattern.covers(&name) || pattern.covers(&inside) {
            prop_assert!(pattern.meets_subtree(&name), "{} {} {}", pattern, name, inside);
        }
    }

    #[test]
    fn a_rule_made_from_a_name_covers_that_name_and_no_other(name in any_resource(), other in any_resource()) {
        let wild = name.segments().any(|segment| segment.contains('*'));
        let (exact, whole) = (Pattern::exact(&name), Pattern::below(&name));
        prop_assert_eq!((exact.is_none(), whole.is_none()), (wild, wild));
        if let (Some(exact), Some(whole)) = (exact, whole) {
            prop_assert_eq!(exact.covers(&other), other == name);
            prop_assert_eq!(whole.covers(&other), other.is_within(&name));
            prop_assert!(whole.covers_subtree(&name));
        }
    }

    #[test]
    fn a_pattern_is_read_as_it_is_printed(pattern in any_pattern()) {
        prop_assert_eq!(Pattern::parse(&pattern.to_string()).ok(), Some(pattern));
    }

    #[test]
    fn whatever_is_written_as_a_pattern_is_read_or_refused(text in "(fs|http|shell|object)?:?[a-c*./:\u{202e}\u{e9} ]{0,20}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            prop_assert_eq!(Pattern::parse(&pattern.to_string()).ok(), Some(pattern));
        }
    }

    #[test]
    fn the_first_difference_of_two_trees_holds_the_leaf_that_differs(size in 1u64..280, at in any::<u64>()) {
        let at = at % size;
        let (mut one, mut other) = (Frontier::default(), Frontier::default());
        for leaf in 0..size {
            one.push(tree::leaf(&leaf.to_be_bytes()));
            other.push(tree::leaf(&[&leaf.to_be_bytes()[..], if leaf == at { b"!" } else { b"" }].concat()));
        }
        let (first, last) = one.first_difference(&other).expect("they differ");
        prop_assert!((first..=last).contains(&at) && last < size);
        prop_assert_eq!(one.first_difference(&one), None);
    }
}
