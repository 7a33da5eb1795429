//! What two patterns cover together: again one pattern, because a wildcard stands for a whole segment or for all that follows.

use super::resource::{Pattern, covers_host, is_host_suffix};

/// The pattern of what both cover; none, if that is nothing.
pub fn overlap(left: &Pattern, right: &Pattern) -> Option<Pattern> {
    if left.kind() != right.kind() {
        return None;
    }
    let (mut lefts, mut rights) = (left.segments(), right.segments());
    let mut path: Vec<&str> = Vec::new();
    loop {
        match (lefts.next(), rights.next()) {
            (None, None) => break,
            // `a/**` covers `a` too.
            (Some("**"), None) | (None, Some("**")) => break,
            (Some("**"), Some(other)) => {
                path.push(other);
                path.extend(rights);
                break;
            }
            (Some(other), Some("**")) => {
                path.push(other);
                path.extend(lefts);
                break;
            }
            (Some(left), Some(right)) => path.push(both(left, right)?),
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
    Pattern::parse(&format!("{}:{}", left.kind().word(), path.join("/"))).ok()
}

/// The segment that stands for what both stand for.
fn both<'s>(left: &'s str, right: &'s str) -> Option<&'s str> {
    match (left, right) {
        ("*", other) | (other, "*") => Some(other),
        _ if left == right => Some(left),
        _ if covers_host(left, right) || is_within(left, right) => Some(right),
        _ if covers_host(right, left) || is_within(right, left) => Some(left),
        _ => None,
    }
}

/// Whether `*.suffix` stands for all that another one stands for.
fn is_within(wide: &str, narrow: &str) -> bool {
    is_host_suffix(wide) && is_host_suffix(narrow) && narrow.ends_with(&wide[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::{Kind, Resource};

    /// Every pattern with every other over every name: both cover it exactly if the overlap does.
    #[test]
    fn an_overlap_covers_what_both_cover() {
        let patterns: Vec<Pattern> = [
            "fs:**",
            "fs:*",
            "fs:a",
            "fs:b",
            "fs:a/**",
            "fs:*/**",
            "fs:a/*",
            "fs:*/b",
            "fs:a/b",
            "fs:a/b/**",
            "fs:*/*/c",
            "fs:a/*/c/**",
            "http:https/*.x.y/443",
            "http:https/*.y/443",
            "http:https/a.x.y/443",
            "http:https/*/443/**",
            "http:*/*.y/*",
        ]
        .iter()
        .map(|text| Pattern::parse(text).unwrap())
        .collect();
        let mut names = Vec::new();
        for path in ["a", "b", "a/b", "a/c", "b/b", "c/b", "a/b/c", "a/x/c", "b/x/c", "a/b/c/d", "a/x/c/d/e"] {
            names.push(Resource::new(Kind::Fs, path));
        }
        for host in ["a.x.y", "x.y", "b.y", "a.z"] {
            names.push(Resource::new(Kind::Http, format!("https/{host}/443")));
            names.push(Resource::new(Kind::Http, format!("https/{host}/443/v1")));
        }
        for left in &patterns {
            for right in &patterns {
                let overlap = overlap(left, right);
                for name in &names {
                    let covered = overlap.as_ref().is_some_and(|overlap| overlap.covers(name));
                    assert_eq!(
                        covered,
                        left.covers(name) && right.covers(name),
                        "{left} and {right}: {overlap:?} on {name}"
                    );
                }
            }
        }
    }
}
