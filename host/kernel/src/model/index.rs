//! Finds the grants of a holder that cover a resource: a trie over segments, so that a check costs what the name costs, not what
//! the number of grants costs.

use super::grant::Effect;
use super::resource::{Kind, Pattern, Resource, covers_host, is_host_suffix};
use super::right::{Right, Rights};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// A grant as the trie keeps it: what can be told without looking at the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Place of the row in the table of grants.
    pub slot: u32,
    pub rights: Rights,
    pub effect: Effect,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    any: Option<Box<Node>>,
    suffixes: Vec<(Box<str>, Node)>,
    here: Vec<Leaf>,
    below: Vec<Leaf>,
}

/// The grants of one holder.
#[derive(Debug, Default)]
pub struct GrantIndex {
    kinds: [Node; Kind::ALL.len()],
    count: usize,
}

impl GrantIndex {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a grant.
    pub fn insert(&mut self, pattern: &Pattern, leaf: Leaf) {
        self.count += 1;
        self.place(pattern).push(leaf);
    }

    /// Takes a grant out.
    pub fn remove(&mut self, pattern: &Pattern, slot: u32) {
        let leaves = self.place(pattern);
        let before = leaves.len();
        leaves.retain(|leaf| leaf.slot != slot);
        let removed = before - leaves.len();
        self.count -= removed;
    }

    fn place(&mut self, pattern: &Pattern) -> &mut Vec<Leaf> {
        let mut node = &mut self.kinds[pattern.kind() as usize];
        for segment in pattern.segments() {
            node = match segment {
                "**" => return &mut node.below,
                "*" => node.any.get_or_insert_default(),
                _ if pattern.kind() == Kind::Http && is_host_suffix(segment) => {
                    let known = node.suffixes.iter().position(|(suffix, _)| &**suffix == segment);
                    let index = known.unwrap_or_else(|| {
                        node.suffixes.push((segment.into(), Node::default()));
                        node.suffixes.len() - 1
                    });
                    &mut node.suffixes[index].1
                }
                _ => node.children.entry(segment.into()).or_default(),
            };
        }
        &mut node.here
    }

    /// Calls `visit` with each grant of that right that covers the resource, in no particular order, until it breaks. Allocates
    /// nothing.
    pub fn covering<B>(
        &self,
        resource: &Resource,
        right: Right,
        mut visit: impl FnMut(Leaf) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut wanted = |leaves: &[Leaf]| {
            for leaf in leaves.iter().filter(|leaf| leaf.rights.contains(right)) {
                visit(*leaf)?;
            }
            ControlFlow::Continue(())
        };
        walk(&self.kinds[resource.kind() as usize], Some(resource.path()), &mut wanted)
    }

    /// Calls `visit` with each grant of that right that covers something at or below the resource, until it breaks.
    pub fn meeting<B>(
        &self,
        resource: &Resource,
        right: Right,
        mut visit: impl FnMut(Leaf) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut wanted = |leaves: &[Leaf]| {
            for leaf in leaves.iter().filter(|leaf| leaf.rights.contains(right)) {
                visit(*leaf)?;
            }
            ControlFlow::Continue(())
        };
        walk_below(&self.kinds[resource.kind() as usize], Some(resource.path()), &mut wanted)
    }
}

fn walk<B>(node: &Node, rest: Option<&str>, wanted: &mut impl FnMut(&[Leaf]) -> ControlFlow<B>) -> ControlFlow<B> {
    wanted(&node.below)?;
    let Some(path) = rest else { return wanted(&node.here) };
    let (segment, rest) = split(path);
    if !node.children.is_empty()
        && let Some(child) = node.children.get(segment)
    {
        walk(child, rest, wanted)?;
    }
    if let Some(child) = &node.any {
        walk(child, rest, wanted)?;
    }
    for (_, child) in node.suffixes.iter().filter(|(suffix, _)| covers_host(suffix, segment)) {
        walk(child, rest, wanted)?;
    }
    ControlFlow::Continue(())
}

fn walk_below<B>(
    node: &Node,
    rest: Option<&str>,
    wanted: &mut impl FnMut(&[Leaf]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    wanted(&node.below)?;
    let Some(path) = rest else {
        wanted(&node.here)?;
        for child in node.children.values().chain(node.any.as_deref()).chain(node.suffixes.iter().map(|(_, node)| node))
        {
            walk_below(child, None, wanted)?;
        }
        return ControlFlow::Continue(());
    };
    let (segment, rest) = split(path);
    let literal = node.children.get(segment);
    let suffixes = node.suffixes.iter().filter(|(suffix, _)| covers_host(suffix, segment)).map(|(_, node)| node);
    for child in literal.into_iter().chain(node.any.as_deref()).chain(suffixes) {
        walk_below(child, rest, wanted)?;
    }
    ControlFlow::Continue(())
}

fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
}
