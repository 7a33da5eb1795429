//! The index of grants against its plain definition, and patterns against each other.

use crate::draw::Draw;
use libos_kernel::model::grant::Effect;
use libos_kernel::model::index::{GrantIndex, Leaf};
use libos_kernel::model::resource::{Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use std::ops::ControlFlow;

type Rule = (Pattern, Rights, Effect);

/// Rules of one index.
const RULES_MAX: usize = 16;

pub fn run(input: &[u8]) {
    let mut draw = Draw::new(input);
    let kind = draw.kind();
    let mut rules: Vec<Rule> = Vec::new();
    for _ in 0..draw.below(RULES_MAX) {
        let other = draw.kind();
        let kind = if draw.below(5) == 0 { other } else { kind };
        if let Some(pattern) = draw.pattern(kind) {
            rules.push((pattern, draw.file_rights(), draw.effect()));
        }
    }
    let mut index = GrantIndex::default();
    for (slot, (pattern, rights, effect)) in rules.iter().enumerate() {
        index.insert(pattern, Leaf { slot: slot as u32, rights: *rights, effect: *effect });
    }
    let gone = draw.number();
    for (slot, (pattern, ..)) in rules.iter().enumerate().filter(|(slot, _)| gone & (1 << slot) != 0) {
        index.remove(pattern, slot as u32);
    }
    let left: Vec<(u32, &Rule)> = (0..).zip(&rules).filter(|(slot, _)| gone & (1 << slot) == 0).collect();
    assert_eq!(index.len(), left.len());
    for _ in 0..4 {
        let (name, right) = (draw.resource(kind), draw.file_right());
        check(&index, &left, &name, right);
    }
}

fn check(index: &GrantIndex, rules: &[(u32, &Rule)], name: &Resource, right: Right) {
    let naive = |fits: &dyn Fn(&Pattern) -> bool| -> Vec<u32> {
        let rules = rules.iter().filter(|(_, (pattern, rights, _))| rights.contains(right) && fits(pattern));
        rules.map(|(slot, _)| *slot).collect()
    };
    let covering = found(|visit| index.covering(name, right, visit));
    assert_eq!(covering, naive(&|pattern| pattern.covers(name)), "covering {name}");
    let meeting = found(|visit| index.meeting(name, right, visit));
    assert_eq!(meeting, naive(&|pattern| pattern.meets_subtree(name)), "meeting {name}");
    for (_, (pattern, ..)) in rules {
        assert_eq!(Pattern::parse(&pattern.to_string()).as_ref(), Ok(pattern), "a pattern is read as it is printed");
        if pattern.covers_subtree(name) {
            assert!(pattern.covers(name) && pattern.meets_subtree(name), "{pattern} {name}");
        }
        for (_, (other, ..)) in rules {
            if pattern.contains(other) && other.covers(name) {
                assert!(pattern.covers(name), "{pattern} contains {other}, which alone covers {name}");
            }
        }
    }
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
