//! Policies and requests at random, from few words, so that they meet often.

use libos_kernel::model::need::Need;
use libos_kernel::model::resource::{Kind, Pattern, Resource};
use libos_kernel::model::right::{Right, Rights};
use std::fmt;

/// A line of a policy: allow or deny.
#[derive(Debug, Clone)]
pub struct Rule {
    pub allows: bool,
    pub rights: Rights,
    pub pattern: Pattern,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", if self.allows { "allow" } else { "deny" }, self.rights, self.pattern)
    }
}

/// Numbers that look random and come again with the same seed (splitmix64).
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }

    fn one<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }
}

/// A policy and what is asked of it.
pub struct Case {
    pub rules: Vec<Rule>,
    pub needs: Vec<Need>,
}

impl Case {
    pub fn draw(draw: &mut Draw, requests: usize) -> Case {
        let kind = if draw.below(2) == 0 { Kind::Fs } else { draw.one(&Kind::ALL) };
        let count = draw.below(12);
        let rules = (0..count).map(|_| rule(draw, kind)).collect();
        Case { rules, needs: (0..requests).map(|_| need(draw, kind)).collect() }
    }
}

fn right(draw: &mut Draw, kind: Kind) -> Right {
    let rights: Vec<Right> = kind.rights().iter().collect();
    draw.one(&rights)
}

fn rule(draw: &mut Draw, usual: Kind) -> Rule {
    let kind = if draw.below(8) == 0 { draw.one(&Kind::ALL) } else { usual };
    let mut rights = Rights::of(&[right(draw, kind)]);
    if draw.below(2) == 0 {
        rights = rights.with(right(draw, kind));
    }
    Rule { allows: draw.below(3) > 0, rights, pattern: pattern(draw, kind) }
}

fn pattern(draw: &mut Draw, kind: Kind) -> Pattern {
    loop {
        let mut segments: Vec<&str> =
            (0..draw.below(4)).map(|_| draw.one(&["a", "b", "*", "x.b", "y.x.b", "*.b", "*.x.b"])).collect();
        if draw.below(2) == 0 || segments.is_empty() {
            segments.push("**");
        }
        // A suffix of hosts stands only where a host stands.
        if let Ok(pattern) = Pattern::parse(&format!("{}:{}", kind.word(), segments.join("/"))) {
            return pattern;
        }
    }
}

fn need(draw: &mut Draw, kind: Kind) -> Need {
    let segments: Vec<&str> = (0..=draw.below(3))
        .map(|_| draw.one(&["a", "b", "a", "b", "c", "x.b", "y.x.b", "z.y.x.b", ".b", "*", "**", "*.b"]))
        .collect();
    Need { resource: Resource::new(kind, segments.join("/")), right: right(draw, kind), whole: false }
}
