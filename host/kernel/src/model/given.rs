//! What a person gives one process as it is started: lines of authority for it alone, and what it may spend.

use super::grant::Effect;
use super::purse::Amounts;
use super::rule::Rule;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A line of authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenLine {
    pub effect: Effect,
    pub rule: Rule,
    /// An allow that answers the asks which it meets, as `libos grant` does. Without it, what the policy asks for stays asked.
    #[serde(default)]
    pub answers: bool,
}

impl GivenLine {
    pub fn new(effect: Effect, rule: Rule) -> GivenLine {
        GivenLine { effect, rule, answers: false }
    }
}

impl fmt::Display for GivenLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = if self.answers { ", unasked" } else { "" };
        write!(f, "{} {}{answers}", self.effect.word(), self.rule)
    }
}

/// What one process is given as it is started.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Given {
    pub lines: Vec<GivenLine>,
    /// Instead of what the policy or the image says of these kinds.
    pub budget: Amounts,
}

impl Given {
    /// All of it, a text each, in an order of its own: the same for the same. None if it is nothing.
    pub fn texts(&self) -> Option<Vec<String>> {
        let mut texts: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        texts.extend(self.budget.iter().map(|(coin, amount)| format!("budget {coin}={amount}")));
        texts.sort_unstable();
        texts.dedup();
        (!texts.is_empty()).then_some(texts)
    }
}

/// What one list of texts has more and less than another, as lines with `+` and `-`.
pub fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let less = before.iter().filter(|text| !after.contains(text)).map(|text| format!("  - {text}"));
    let more = after.iter().filter(|text| !before.contains(text)).map(|text| format!("  + {text}"));
    less.chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::purse::Coin;

    #[test]
    fn the_same_is_told_the_same_whatever_its_order() {
        let line = |effect, rule: &str| GivenLine::new(effect, Rule::parse(rule).unwrap());
        let (read, write) = (line(Effect::Allow, "read fs:a/**"), line(Effect::Deny, "write fs:a/b"));
        let one = Given { lines: vec![read.clone(), write.clone()], budget: [(Coin::Tokens, 5)].into() };
        let other = Given { lines: vec![write, read.clone(), read.clone()], ..one.clone() };
        assert_eq!(one.texts(), other.texts());
        assert_eq!(one.texts().unwrap(), ["allow read fs:a/**", "budget tokens=5", "deny write fs:a/b"]);
        assert_eq!(Given::default().texts(), None);
        let unasked = Given { lines: vec![GivenLine { answers: true, ..read }], ..Given::default() };
        let told = difference(&one.texts().unwrap(), &unasked.texts().unwrap());
        assert_eq!(
            told,
            [
                "  - allow read fs:a/**",
                "  - budget tokens=5",
                "  - deny write fs:a/b",
                "  + allow read fs:a/**, unasked"
            ]
        );
        let back: Given = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(back, one);
    }
}
