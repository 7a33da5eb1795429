//! What the calls of a tool can use at most, whatever is granted: its declaration, or the interfaces that its component imports.

use super::need::Need;
use super::resource::Kind;
use super::rule::Rule;
use minicbor::{CborLen, Decode, Encode};

/// A bound. A call has its own and those of every call that it was made from: it is within all of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
#[cbor(map)]
pub struct Bound {
    /// A bit for each kind of resource whose interface is imported, by the number of the kind.
    #[n(0)]
    kinds: u32,
    /// What was declared; then the kinds do not matter.
    #[n(1)]
    needs: Option<Vec<Rule>>,
}

impl Bound {
    /// The bound of a tool with these imports (interfaces of the contract, for example `fs`) and this declaration.
    pub fn new(imports: &[String], needs: Option<Vec<Rule>>) -> Bound {
        // A standard library's sleep is the same system call as the contract's, and needs no import of it.
        let has = |kind: &Kind| *kind == Kind::Clock || imports.iter().any(|name| kind.is_reached_by(name));
        let imported = Kind::ALL.into_iter().filter(has);
        Bound { kinds: imported.fold(0, |bits, kind| bits | 1 << kind as u32), needs }
    }

    /// Whether the need is within it.
    pub fn covers(&self, need: &Need) -> bool {
        match &self.needs {
            Some(rules) => rules.iter().any(|rule| rule.covers(need)),
            None => self.kinds & 1 << need.resource.kind() as u32 != 0,
        }
    }
}

impl Bound {
    /// What was declared, if anything was.
    pub fn declared(&self) -> impl Iterator<Item = &Rule> {
        self.needs.iter().flatten()
    }

    /// Whether all that a rule says is within it: what a tool hands to a child it must be allowed to use itself.
    pub fn contains(&self, rule: &Rule) -> bool {
        let within = |right| {
            let rules = self.needs.iter().flatten();
            rules.into_iter().any(|need| need.rights.contains(right) && need.pattern.contains(&rule.pattern))
        };
        match &self.needs {
            Some(_) => rule.rights.iter().all(within),
            None => self.kinds & 1 << rule.pattern.kind() as u32 != 0,
        }
    }
}

/// The interfaces that a tool reaches, sorted: those that its component imports, and, if `tickets` is one of them, those of what the tool
/// declares. Tickets reach every interface, and no import tells which; a tool that declares nothing reaches by them what is imported anyway.
pub fn reached<'a>(imports: &[String], needs: impl IntoIterator<Item = &'a Rule>) -> Vec<String> {
    let mut reached = imports.to_vec();
    if imports.iter().any(|import| import == "tickets") {
        reached.extend(needs.into_iter().map(|rule| rule.pattern.kind().told_by().to_owned()));
    }
    reached.sort();
    reached.dedup();
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::model::right::Right;

    #[test]
    fn tickets_widen_what_is_declared_and_nothing_else() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let rules = ["read fs:w/**", "use image:x"].map(|line| Rule::parse(line).unwrap());
        for (imports, needs, expected) in [
            (names(&["log", "tickets"]), &rules[..], names(&["fs", "log", "process", "tickets"])),
            (names(&["log", "tickets"]), &[], names(&["log", "tickets"])),
            (names(&["fs", "log"]), &rules, names(&["fs", "log"])),
        ] {
            assert_eq!(reached(&imports, needs), expected, "{imports:?} {needs:?}");
        }
        let undeclared = Bound::new(&reached(&names(&["tickets"]), []), None);
        let write = Need { resource: Resource::new(Kind::Fs, "w/x"), right: Right::Write, whole: true };
        assert!(!undeclared.covers(&write));
    }

    #[test]
    fn a_declaration_is_the_bound_and_without_one_the_imports_are() {
        let need = |text: &str, right, whole| {
            let (kind, path) = text.split_once(':').unwrap();
            let kind = Kind::ALL.into_iter().find(|known| known.word() == kind).unwrap();
            Need { resource: Resource::new(kind, path), right, whole }
        };
        let imports = ["fs".to_owned(), "human".to_owned()];
        let rules = |lines: &[&str]| Some(lines.iter().map(|line| Rule::parse(line).unwrap()).collect());
        let reads = rules(&["read fs:w/a/**", "list fs:w/b"]);
        for (needs, text, right, whole, covered) in [
            (None, "fs:w/x", Right::Delete, true, true),
            (None, "human:owner", Right::Ask, false, true),
            (None, "object:x", Right::Read, false, false),
            (None, "clock:sleep", Right::Sleep, false, true),
            (reads.clone(), "fs:w/a/x", Right::Read, false, true),
            (reads.clone(), "fs:w/a/x", Right::Write, false, false),
            (reads.clone(), "fs:w/a", Right::Read, true, true),
            (reads.clone(), "fs:w", Right::Read, true, false),
            (reads.clone(), "fs:w/b", Right::List, false, true),
            (reads.clone(), "fs:w/b", Right::List, true, false),
            (reads, "human:owner", Right::Ask, false, false),
            (rules(&["delete fs:w/*"]), "fs:w/a", Right::Delete, true, false),
            (rules(&["delete fs:w/*"]), "fs:w/a", Right::Delete, false, true),
            (rules(&[]), "fs:w/x", Right::Read, false, false),
        ] {
            let bound = Bound::new(&imports, needs);
            assert_eq!(bound.covers(&need(text, right, whole)), covered, "{bound:?} {text} {right}");
        }
    }
}
