//! What a tool can have at most, and what changes when a component takes the place of another: in plain words and as JSON.

use anyhow::Result;
use libos_kernel::kernel::view::View;
use libos_kernel::model::declaration::{ABILITIES, Declared, gained, lost};
use libos_kernel::model::grant::{Effect, Grant, Holder};
use libos_kernel::model::id::GrantId;
use libos_kernel::model::row::ToolRow;
use libos_kernel::model::rule::Rule;
use libos_kernel::model::time::Time;
use serde_json::{Value, json};

/// What a component with these imports can ever do, and what it cannot.
pub fn abilities(imports: &[String]) -> (Vec<String>, Vec<String>) {
    let (can, cannot): (Vec<_>, Vec<_>) =
        ABILITIES.into_iter().partition(|(interface, _)| imports.iter().any(|import| import == interface));
    let can = can.into_iter().map(|(interface, what)| format!("{what} ({interface})")).collect();
    (can, cannot.into_iter().map(|(_, what)| what.to_owned()).collect())
}

/// The same in two lines.
pub fn ability_lines(imports: &[String]) -> [String; 2] {
    let (can, cannot) = abilities(imports);
    let can = if can.is_empty() { "nothing but compute".to_owned() } else { can.join(", ") };
    [format!("can ever: {can}"), format!("can never: {}", cannot.join(", "))]
}

/// What a tool declares, in a line.
pub fn needs_line(tool: &str, needs: Option<&[Rule]>) -> String {
    match needs {
        None => format!("{tool} declares nothing: what its component can ever do is its bound"),
        Some([]) => format!("{tool} needs: nothing; gets nothing, whatever is granted"),
        Some(rules) => {
            let rules: Vec<String> = rules.iter().map(Rule::to_string).collect();
            format!("{tool} needs: {}; gets nothing else, whatever is granted", rules.join(", "))
        }
    }
}

/// A tool as JSON, with what its component can ever do and cannot.
pub fn tool_value(row: &ToolRow) -> Result<Value> {
    let (can, cannot) = abilities(&row.imports);
    let mut value = serde_json::to_value(row)?;
    value["can"] = can.into();
    value["cannot"] = cannot.into();
    Ok(value)
}

/// How a tool differs from the one whose name it took.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    gained: Vec<String>,
    lost: Vec<String>,
    /// Allows that are bound to another component of that name.
    grants: Vec<GrantId>,
    /// What it is now: `component` or `script`.
    kind: &'static str,
}

impl Replaced {
    /// Compares a tool with the one that had its name; if that was removed before, with the one that the last grant names. Nothing
    /// if there is none, or the component is the same.
    pub fn compare(before: Option<&ToolRow>, new: &ToolRow, view: &View<'_>, now: Time) -> Result<Option<Replaced>> {
        let mut grants = Vec::new();
        for grant in view.grants()? {
            if names_other(&grant, new, now) && is_held(&grant, view)? {
                grants.push(grant);
            }
        }
        let named = grants.last().and_then(|grant| grant.only_tool.as_ref());
        let removed = match (before, named) {
            (None, Some(named)) => view.tool_version(&new.name, &named.component)?,
            _ => None,
        };
        let Some(old) = before.or(removed.as_ref()).filter(|old| old.code() != new.code()) else {
            return Ok(None);
        };
        let kind = kind(new);
        let (old, new) = (bound(old), bound(new));
        let grants = grants.iter().map(|grant| grant.id).collect();
        Ok(Some(Replaced { gained: gained(old, new), lost: lost(old, new), grants, kind }))
    }

    /// In sentences.
    pub fn lines(&self, tool: &str) -> Vec<String> {
        let mut lines: Vec<String> =
            self.gained.iter().chain(&self.lost).map(|change| format!("{tool} {change}")).collect();
        if lines.is_empty() {
            lines.push(format!("{tool} has another {}; it gained and lost nothing", self.kind));
        }
        let ids: Vec<String> = self.grants.iter().map(GrantId::to_string).collect();
        let said = format!("the {} as it was; the next call that needs", self.kind);
        match ids.as_slice() {
            [] => {}
            [id] => lines.push(format!("{id} names {said} it asks again")),
            _ => lines.push(format!("{} name {said} one of them asks again", ids.join(", "))),
        }
        lines
    }

    /// As JSON.
    pub fn value(&self) -> Value {
        json!({ "gained": self.gained, "lost": self.lost, "grants": self.grants })
    }
}

/// What a tool is.
pub fn kind(row: &ToolRow) -> &'static str {
    if row.script.is_some() { "script" } else { "component" }
}

fn bound(row: &ToolRow) -> Declared<'_> {
    (&row.imports, row.needs.as_deref())
}

/// Whether a grant allows something only to a tool of this name with another component. What restricts holds for all of them.
fn names_other(grant: &Grant, tool: &ToolRow, now: Time) -> bool {
    let named = grant.only_tool.as_ref();
    named.is_some_and(|named| *named.name == *tool.name && named.component != *tool.code())
        && grant.effect == Effect::Allow
        && !grant.revoked
        && grant.uses_left != Some(0)
        && grant.not_after.is_none_or(|time| time >= now)
}

/// Whether somebody is left to use the grant.
fn is_held(grant: &Grant, view: &View<'_>) -> Result<bool> {
    Ok(match &grant.holder {
        Holder::Image(_) => true,
        Holder::Process(pid) => view.process(*pid)?.is_some_and(|process| !process.state.is_final()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_follow_from_imports() {
        let (can, cannot) = abilities(&["fs".into(), "log".into()]);
        assert_eq!(can, ["read and change files (fs)"]);
        assert!(cannot.contains(&"reach the network".into()) && cannot.contains(&"ask a person".into()));
        assert!(!cannot.contains(&"read and change files".into()));
    }

    #[test]
    fn needs_are_told_in_a_line() {
        let rules = [Rule::parse("read fs:w/**").unwrap(), Rule::parse("ask human:owner").unwrap()];
        let expected = "count needs: read fs:w/**, ask human:owner; gets nothing else, whatever is granted";
        assert_eq!(needs_line("count", Some(&rules)), expected);
        assert_eq!(needs_line("count", Some(&[])), "count needs: nothing; gets nothing, whatever is granted");
        assert!(needs_line("count", None).contains("declares nothing"));
    }

    #[test]
    fn a_replacement_is_told_with_the_grants_that_name_the_old_one() {
        let lines = |gained: &[&str], grants: &[u64]| {
            let gained = gained.iter().map(|text| (*text).to_owned()).collect();
            Replaced {
                gained,
                lost: Vec::new(),
                grants: grants.iter().map(|id| GrantId(*id)).collect(),
                kind: "component",
            }
            .lines("count")
        };
        assert_eq!(
            lines(&["can now ask a person"], &[5]),
            ["count can now ask a person", "g5 names the component as it was; the next call that needs it asks again"]
        );
        assert_eq!(
            lines(&[], &[5, 7]),
            [
                "count has another component; it gained and lost nothing",
                "g5, g7 name the component as it was; the next call that needs one of them asks again"
            ]
        );
    }
}
