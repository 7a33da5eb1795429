//! What a tool can have at most: what it declares that it needs, or, without a declaration, what its component imports. And in plain
//! words what changes when a component takes the place of another.

use super::resource::{Kind, Pattern};
use super::right::{Right, Rights};
use super::rule::Rule;

/// An interface that lets a component do something, and what that is. In the order in which people read it.
pub const ABILITIES: [(&str, &str); 15] = [
    ("fs", "read and change files"),
    ("object", "read and change objects in the memory"),
    ("human", "ask a person"),
    ("tools", "call other tools"),
    ("message", "exchange messages with other processes"),
    ("shell", "run programs"),
    ("http", "reach the network"),
    ("model", "ask a model"),
    ("mcp", "call the tools of other servers"),
    ("secret", "use secrets"),
    ("image", "use images"),
    ("checkpoint", "make checkpoints"),
    ("clock", "tell the time and wait"),
    ("random", "draw random numbers"),
    ("process", "end its own process"),
];

/// What a tool can have at most: the interfaces that its component imports, and what it declares that it needs, if it declares.
pub type Declared<'a> = (&'a [String], Option<&'a [Rule]>);

/// What an interface lets a component do, in plain words.
pub fn ability(interface: &str) -> Option<&'static str> {
    ABILITIES.iter().find(|(name, _)| *name == interface).map(|(_, what)| *what)
}

/// What the new one may have that the old one may not, in plain words, one sentence each. Empty only if there is nothing. A rule counts
/// as gained too if only several old ones together cover it.
pub fn gained(old: Declared<'_>, new: Declared<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for (family, what) in families(old, new) {
        let is_new = has(new.0, family) && !has(old.0, family);
        match (new.1, old.1) {
            (None, Some(_)) if has(new.0, family) && !is_new && is_decided(family) => {
                said.push(format!("no longer declares what it needs: it may use all of {family}"));
            }
            (Some(_), _) if is_new && !has_free(family) => {}
            _ if is_new => said.push(format!("can now {what}")),
            _ => {}
        }
    }
    said.extend(beyond(new, old).map(|rule| format!("now needs {rule}")));
    said
}

/// What the old one may have that the new one may not, in plain words, one sentence each; as [`gained`].
pub fn lost(old: Declared<'_>, new: Declared<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for (family, what) in families(old, new) {
        let is_gone = has(old.0, family) && !has(new.0, family);
        match (old.1, new.1) {
            (None, Some(rules)) if has(old.0, family) && !is_gone && is_decided(family) => {
                said.push(format!("now declares what it needs: of {family} only {}", of_family(rules, family)));
            }
            (Some(_), _) if is_gone && !has_free(family) => {}
            _ if is_gone => said.push(format!("can no longer {what}")),
            _ => {}
        }
    }
    said.extend(beyond(old, new).map(|rule| format!("no longer needs {rule}")));
    said
}

/// The parts of what one declares that are beyond what the other may have.
fn beyond<'a>(one: Declared<'a>, other: Declared<'a>) -> impl Iterator<Item = Rule> + 'a {
    let excess = move |rule: &'a Rule| {
        let rights: Vec<Right> = rule.rights.iter().filter(|right| !may_have(other, *right, &rule.pattern)).collect();
        (!rights.is_empty()).then(|| Rule { rights: Rights::of(&rights), pattern: rule.pattern.clone() })
    };
    one.1.unwrap_or_default().iter().filter_map(excess)
}

fn may_have((imports, needs): Declared<'_>, right: Right, pattern: &Pattern) -> bool {
    match needs {
        Some(rules) => rules.iter().any(|rule| rule.rights.contains(right) && rule.pattern.contains(pattern)),
        None => imports.iter().any(|import| pattern.kind().is_reached_by(import)),
    }
}

/// The interfaces of either one that let it do something, with what that is.
fn families<'a>(one: Declared<'a>, other: Declared<'a>) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    ABILITIES.into_iter().filter(move |(family, _)| has(one.0, family) || has(other.0, family))
}

fn of_family(rules: &[Rule], family: &str) -> String {
    let own = rules.iter().filter(|rule| rule.pattern.kind().is_reached_by(family)).map(Rule::to_string);
    let own = own.collect::<Vec<_>>().join(", ");
    if own.is_empty() { "what needs no right".into() } else { own }
}

fn has(imports: &[String], family: &str) -> bool {
    imports.iter().any(|import| import == family)
}

/// Whether an interface has something that is decided.
fn is_decided(family: &str) -> bool {
    Kind::ALL.into_iter().any(|kind| kind.is_reached_by(family))
}

/// Whether an interface has something that needs no right, and so no declaration.
fn has_free(family: &str) -> bool {
    matches!(family, "clock" | "random" | "process" | "message" | "image")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn rules(texts: &[&str]) -> Vec<Rule> {
        texts.iter().map(|text| Rule::parse(text).unwrap()).collect()
    }

    type Side<'a> = (&'a str, Option<&'a [&'a str]>);

    /// What the new one gained, and what it lost.
    #[track_caller]
    fn change(old: Side<'_>, new: Side<'_>, more: &[&str], less: &[&str]) {
        let (old_imports, new_imports) = (imports(old.0), imports(new.0));
        let (old_needs, new_needs) = (old.1.map(rules), new.1.map(rules));
        let (old, new) = ((&*old_imports, old_needs.as_deref()), (&*new_imports, new_needs.as_deref()));
        assert_eq!(gained(old, new), more);
        assert_eq!(lost(old, new), less);
    }

    #[test]
    fn a_change_is_told_in_plain_words() {
        change(("fs", None), ("fs", None), &[], &[]);
        change(("fs", None), ("fs human", None), &["can now ask a person"], &[]);
        change(("fs human", None), ("human", None), &[], &["can no longer read and change files"]);
        change(("fs", None), ("fs log", None), &[], &[]);
        change(
            ("fs", Some(&["read fs:w/**"])),
            ("fs", Some(&["read,write fs:w/**"])),
            &["now needs write fs:w/**"],
            &[],
        );
        change(
            ("fs", Some(&["read fs:w/**"])),
            ("fs", Some(&["read fs:w/a/**"])),
            &[],
            &["no longer needs read fs:w/**"],
        );
        change(
            ("fs", Some(&["read fs:w/**"])),
            ("fs human", None),
            &["no longer declares what it needs: it may use all of fs", "can now ask a person"],
            &[],
        );
        change(
            ("fs human", None),
            ("fs human", Some(&["read fs:w/**"])),
            &[],
            &[
                "now declares what it needs: of fs only read fs:w/**",
                "now declares what it needs: of human only what needs no right",
            ],
        );
        change(
            ("fs", None),
            ("fs human", Some(&["ask human:owner"])),
            &["now needs ask human:owner"],
            &["now declares what it needs: of fs only what needs no right"],
        );
        change(("fs", Some(&[])), ("fs random", Some(&[])), &["can now draw random numbers"], &[]);
    }
}
