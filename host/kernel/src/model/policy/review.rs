//! Looks for lines of a policy that do nothing, or not what they seem to: such a policy is in order, and hardly what somebody meant.

use super::near;
use super::read::{Lines, Read};
use super::{PolicyError, Template};
use crate::model::grant::Effect;
use crate::model::image::ALL_IMAGES;
use crate::model::index::{GrantIndex, Leaf};
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::Right;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

/// Warnings that one review tells.
const WARNINGS_MAX: usize = 100;

/// What is worth a second look, in the order of the file.
pub(super) fn warnings(text: &str, read: &Read, images: Option<&[String]>) -> Vec<PolicyError> {
    let mut review = Review { lines: Lines::new(text), read, warnings: Vec::new() };
    review.mounts();
    review.models();
    review.images(images.unwrap_or_default(), images.is_some());
    let twins = review.twins();
    review.covered(&twins);
    let mut warnings = review.warnings;
    warnings.sort_by_key(|warning| (warning.line, warning.column));
    warnings
}

struct Review<'r> {
    lines: Lines<'r>,
    read: &'r Read,
    warnings: Vec<PolicyError>,
}

impl<'r> Review<'r> {
    /// Looking for what was meant costs more than looking for what is wrong.
    fn is_full(&self) -> bool {
        self.warnings.len() >= WARNINGS_MAX
    }

    fn warn(&mut self, offset: usize, what: impl Into<String>, hint: impl Into<String>) {
        if !self.is_full() {
            let warning = self.lines.error(offset, what, hint);
            self.warnings.push(warning);
        }
    }

    /// The rules, each with its offset.
    fn rules(&self) -> impl Iterator<Item = (usize, &'r Template)> + use<'r> {
        let read = self.read;
        read.rules.iter().copied().zip(&read.policy.templates)
    }

    /// Rules on mounts that are not there.
    fn mounts(&mut self) {
        let known = &self.read.policy.mounts;
        for (offset, rule) in self.rules().filter(|(_, rule)| rule.pattern.kind() == Kind::Fs) {
            let name = rule.pattern.segments().next().unwrap_or_default();
            if name.starts_with('*') || known.contains_key(name) {
                continue;
            }
            if self.is_full() {
                return;
            }
            let hint = near::did_you_mean(name, known.keys().map(String::as_str))
                .unwrap_or_else(|| format!("add {name} = \"PATH\" to [mounts], or take the line away"));
            self.warn(offset, format!("there is no mount '{name}': this rule never matches"), hint);
        }
    }

    /// Rules on models that are not there.
    fn models(&mut self) {
        let known = &self.read.policy.models;
        for (offset, rule) in self.rules().filter(|(_, rule)| rule.pattern.kind() == Kind::Model) {
            let name = rule.pattern.segments().next().unwrap_or_default();
            if name.starts_with('*') || known.contains_key(name) {
                continue;
            }
            if self.is_full() {
                return;
            }
            let hint = near::did_you_mean(name, known.keys().map(String::as_str))
                .unwrap_or_else(|| format!("add a section [model.{name}], or take the line away"));
            self.warn(offset, format!("there is no model profile '{name}': nothing can be asked under it"), hint);
        }
    }

    /// Sections on images that the host does not have.
    fn images(&mut self, known: &[String], are_known: bool) {
        let read = self.read;
        for (name, offset) in read.images.iter().filter(|(name, _)| are_known && *name != ALL_IMAGES) {
            if !known.contains(name) && !self.is_full() {
                let hint = near::did_you_mean(name, known.iter().map(String::as_str))
                    .unwrap_or_else(|| "`libos image add` adds it; the section waits for it".into());
                self.warn(*offset, format!("the host has no image '{name}'"), hint);
            }
        }
    }

    /// Rules that stand twice, and equal rules with different effects. Answers the places of those that were told.
    fn twins(&mut self) -> BTreeSet<usize> {
        let mut told = BTreeSet::new();
        let mut firsts: HashMap<_, Vec<(usize, &Template)>> = HashMap::new();
        for (index, (offset, rule)) in self.rules().enumerate() {
            let known = firsts.entry((&rule.image, rule.rights, &rule.pattern)).or_default();
            let equal = known.iter().find(|(_, first)| first.effect == rule.effect);
            let other = known.iter().find(|(_, first)| first.effect != rule.effect);
            if let Some((_, first)) = equal {
                self.warn(offset, format!("this rule stands on line {} already", first.line), "take one of them away");
                told.insert(index);
            } else if let Some((other, first)) = other {
                let (strong, weak) = if first.effect as u8 > rule.effect as u8 {
                    (first.effect, rule.effect)
                } else {
                    (rule.effect, first.effect)
                };
                let (strong, weak) = (strong.word(), weak.word());
                let what = format!("the same rule stands under '{}' on line {}", first.effect.word(), first.line);
                self.warn(offset, what, format!("the {strong} wins; take the {weak} away, or the {strong}"));
                told.extend([*other, index]);
            }
            // Three effects: of each the first is enough.
            if equal.is_none() {
                known.push((index, rule));
            }
        }
        told
    }

    /// Allows and asks below a deny, and allows below an ask: they never count.
    fn covered(&mut self, told: &BTreeSet<usize>) {
        let mut restrictions: BTreeMap<&str, GrantIndex> = BTreeMap::new();
        for (slot, (_, rule)) in self.rules().enumerate().filter(|(_, (_, rule))| rule.effect != Effect::Allow) {
            let leaf = Leaf { slot: slot as u32, rights: rule.rights, effect: rule.effect };
            restrictions.entry(&rule.image).or_default().insert(&rule.pattern, leaf);
        }
        for (index, (offset, rule)) in self.rules().enumerate() {
            if rule.effect == Effect::Deny || told.contains(&index) {
                continue;
            }
            let over: Vec<&GrantIndex> =
                [rule.image.as_str(), ALL_IMAGES].iter().filter_map(|image| restrictions.get(image)).collect();
            let Some(first) = self.strongest_over(&over, rule) else { continue };
            let first = &self.read.policy.templates[first];
            let what = format!("the {} on line {} covers all of this {}", first.effect.word(), first.line, {
                rule.effect.word()
            });
            let hint = match first.effect {
                Effect::Deny => "a deny wins over everything: this rule never counts",
                _ => "a person is asked all the same: this rule never counts",
            };
            self.warn(offset, what, hint);
        }
    }

    /// The restriction that covers every right of a rule on all that it covers: its place.
    fn strongest_over(&self, over: &[&GrantIndex], rule: &Template) -> Option<usize> {
        let found = |effect: Effect| {
            let mut last = None;
            for right in rule.rights.iter() {
                last = Some(over.iter().find_map(|index| self.one_over(index, &rule.pattern, right, effect))?);
            }
            last
        };
        found(Effect::Deny).or_else(|| if rule.effect == Effect::Allow { found(Effect::Ask) } else { None })
    }

    fn one_over(&self, index: &GrantIndex, pattern: &Pattern, right: Right, effect: Effect) -> Option<usize> {
        let segments: Vec<&str> = pattern.segments().collect();
        // A wildcard, taken to the letter, is covered by what covers all that it stands for; `**` alone stands for a subtree.
        let (path, whole) = match segments.split_last() {
            Some((&"**", rest)) => (rest, true),
            _ => (&segments[..], false),
        };
        // Nothing but the same pattern covers everything of a kind.
        let resource = (!path.is_empty()).then(|| Resource::new(pattern.kind(), path.join("/")))?;
        let mut found = None;
        let _ = index.covering(&resource, right, |leaf| {
            let covers = &self.read.policy.templates[leaf.slot as usize].pattern;
            if leaf.effect == effect && (!whole || covers.covers_subtree(&resource)) {
                found = Some(leaf.slot as usize);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        found
    }
}
