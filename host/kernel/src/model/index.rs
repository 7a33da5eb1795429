//! Finds the grants of a holder that cover a resource: a trie over segments, so that a check costs what the name costs, not what
//! the number of grants costs.

use super::grant::Effect;
use super::resource::{Kind, Pattern, Resource, is_host_suffix};
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
    children: Children,
    any: Option<Box<Node>>,
    /// By `.suffix`, without the star.
    suffixes: Children,
    here: Vec<Leaf>,
    below: Vec<Leaf>,
}

/// Children by segment. Nearly all nodes have one or two, and every process has nodes, so those are kept small.
#[derive(Debug)]
enum Children {
    Few(Vec<(Box<str>, Node)>),
    Many(HashMap<Box<str>, Node>),
}

/// Places that a search for something near looks at.
pub const NEAR_NODES_MAX: usize = 64;
/// Children that are looked through one by one.
const FEW: usize = 8;

impl Default for Children {
    fn default() -> Self {
        Children::Few(Vec::new())
    }
}

impl Children {
    fn get(&self, segment: &str) -> Option<&Node> {
        match self {
            Children::Few(list) => list.iter().find(|(name, _)| &**name == segment).map(|(_, node)| node),
            Children::Many(map) => map.get(segment),
        }
    }

    fn get_or_insert(&mut self, segment: &str) -> &mut Node {
        if let Children::Few(list) = self
            && list.len() == FEW
            && !list.iter().any(|(name, _)| &**name == segment)
        {
            *self = Children::Many(std::mem::take(list).into_iter().collect());
        }
        match self {
            Children::Few(list) => {
                let known = list.iter().position(|(name, _)| &**name == segment);
                let index = known.unwrap_or_else(|| {
                    list.reserve_exact(1);
                    list.push((segment.into(), Node::default()));
                    list.len() - 1
                });
                &mut list[index].1
            }
            Children::Many(map) => map.entry(segment.into()).or_default(),
        }
    }

    fn nodes(&self) -> Box<dyn Iterator<Item = &Node> + '_> {
        match self {
            Children::Few(list) => Box::new(list.iter().map(|(_, node)| node)),
            Children::Many(map) => Box::new(map.values()),
        }
    }

    /// Calls `visit` with each node whose `.suffix` the host ends in, behind at least one label's character.
    fn of_host<'a, B>(&'a self, host: &str, mut visit: impl FnMut(&'a Node) -> ControlFlow<B>) -> ControlFlow<B> {
        if matches!(self, Children::Few(list) if list.is_empty()) {
            return ControlFlow::Continue(());
        }
        for (start, _) in host.match_indices('.').filter(|(start, _)| *start > 0) {
            if let Some(node) = self.get(&host[start..]) {
                visit(node)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The grants of one holder.
#[derive(Debug, Default)]
pub struct GrantIndex {
    /// Only the kinds that the holder has grants of.
    kinds: Vec<(Kind, Node)>,
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

    fn of_kind(&self, kind: Kind) -> Option<&Node> {
        self.kinds.iter().find(|(known, _)| *known == kind).map(|(_, node)| node)
    }

    fn place(&mut self, pattern: &Pattern) -> &mut Vec<Leaf> {
        let kind = pattern.kind();
        let index = self.kinds.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.kinds.reserve_exact(1);
            self.kinds.push((kind, Node::default()));
            self.kinds.len() - 1
        });
        let mut node = &mut self.kinds[index].1;
        for segment in pattern.segments() {
            node = match segment {
                "**" => return &mut node.below,
                "*" => node.any.get_or_insert_default(),
                _ if kind == Kind::Http && is_host_suffix(segment) => node.suffixes.get_or_insert(&segment[1..]),
                _ => node.children.get_or_insert(segment),
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
        match self.of_kind(resource.kind()) {
            Some(root) => walk(root, Some(resource.path()), &mut wanted),
            None => ControlFlow::Continue(()),
        }
    }

    /// As [`GrantIndex::covering`], with the grants of every right.
    pub fn covering_any<B>(
        &self,
        resource: &Resource,
        mut visit: impl FnMut(Leaf) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut wanted = |leaves: &[Leaf]| leaves.iter().try_for_each(|leaf| visit(*leaf));
        match self.of_kind(resource.kind()) {
            Some(root) => walk(root, Some(resource.path()), &mut wanted),
            None => ControlFlow::Continue(()),
        }
    }

    /// Calls `visit` with grants of that right beside the resource: those below the deepest place on its way that has some. Looks at
    /// no more than [`NEAR_NODES_MAX`] places, so it may miss some.
    pub fn near<B>(
        &self,
        resource: &Resource,
        right: Right,
        mut visit: impl FnMut(Leaf) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(root) = self.of_kind(resource.kind()) else { return ControlFlow::Continue(()) };
        let mut way = vec![root];
        for segment in resource.segments() {
            match way.last().and_then(|node| node.children.get(segment)) {
                Some(child) => way.push(child),
                None => break,
            }
        }
        let mut left = NEAR_NODES_MAX;
        for top in way.into_iter().rev() {
            let (mut open, mut found) = (vec![top], false);
            while let Some(node) = open.pop() {
                if left == 0 {
                    return ControlFlow::Continue(());
                }
                left -= 1;
                for leaf in node.here.iter().chain(&node.below).filter(|leaf| leaf.rights.contains(right)) {
                    found = true;
                    visit(*leaf)?;
                }
                let children = node.children.nodes().chain(node.any.as_deref()).chain(node.suffixes.nodes());
                open.extend(children.take(left));
            }
            if found {
                break;
            }
        }
        ControlFlow::Continue(())
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
        match self.of_kind(resource.kind()) {
            Some(root) => walk_below(root, Some(resource.path()), &mut wanted),
            None => ControlFlow::Continue(()),
        }
    }
}

fn walk<B>(node: &Node, rest: Option<&str>, wanted: &mut impl FnMut(&[Leaf]) -> ControlFlow<B>) -> ControlFlow<B> {
    wanted(&node.below)?;
    let Some(path) = rest else { return wanted(&node.here) };
    let (segment, rest) = split(path);
    if let Some(child) = node.children.get(segment) {
        walk(child, rest, wanted)?;
    }
    if let Some(child) = &node.any {
        walk(child, rest, wanted)?;
    }
    node.suffixes.of_host(segment, |child| walk(child, rest, wanted))
}

fn walk_below<B>(
    node: &Node,
    rest: Option<&str>,
    wanted: &mut impl FnMut(&[Leaf]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    wanted(&node.below)?;
    let Some(path) = rest else {
        wanted(&node.here)?;
        for child in node.children.nodes().chain(node.any.as_deref()).chain(node.suffixes.nodes()) {
            walk_below(child, None, wanted)?;
        }
        return ControlFlow::Continue(());
    };
    let (segment, rest) = split(path);
    for child in node.children.get(segment).into_iter().chain(node.any.as_deref()) {
        walk_below(child, rest, wanted)?;
    }
    node.suffixes.of_host(segment, |child| walk_below(child, rest, wanted))
}

fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
}
