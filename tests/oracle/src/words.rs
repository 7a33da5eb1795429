//! The rules in words: slow, and written apart from the product.

use crate::cases::Rule;
use libos_kernel::model::need::Need;
use libos_kernel::model::resource::Kind;

/// Nothing denies it and something allows it.
pub fn allows(rules: &[Rule], need: &Need) -> bool {
    let covers = |rule: &&Rule| rule.rights.contains(need.right) && covers(rule, need);
    !rules.iter().filter(covers).any(|rule| !rule.allows) && rules.iter().filter(covers).any(|rule| rule.allows)
}

fn covers(rule: &Rule, need: &Need) -> bool {
    let kind = need.resource.kind();
    let want: Vec<&str> = rule.pattern.segments().collect();
    let have: Vec<&str> = need.resource.segments().collect();
    let (open, fixed) = match want.split_last() {
        Some((last, before)) if *last == "**" => (true, before),
        _ => (false, &want[..]),
    };
    let length = if open { have.len() >= fixed.len() } else { have.len() == fixed.len() };
    rule.pattern.kind() == kind
        && length
        && fixed.iter().zip(&have).enumerate().all(|(at, (want, have))| segment(kind, at, want, have))
}

fn segment(kind: Kind, at: usize, want: &str, have: &str) -> bool {
    let host = kind == Kind::Http && at == 1;
    match want.strip_prefix('*') {
        Some("") => true,
        Some(suffix) if host => have.strip_suffix(suffix).is_some_and(|label| !label.is_empty()),
        _ => want == have,
    }
}
