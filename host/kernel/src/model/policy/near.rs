//! What somebody may have meant: the known word nearest to an unknown one, and examples of right lines.

use crate::model::resource::Kind;
use crate::model::right::{Right, Rights};
use crate::model::rule::Rule;

/// Bytes of a word beyond which nobody mistyped it.
const WORD_BYTES_MAX: usize = 64;

/// Words that people use for a kind of resource.
const OTHER_WORDS: [(&str, &str); 9] = [
    ("file", "fs"),
    ("files", "fs"),
    ("path", "fs"),
    ("net", "http"),
    ("https", "http"),
    ("url", "http"),
    ("user", "human"),
    ("person", "human"),
    ("exec", "shell"),
];

/// The known word that is nearest, if it is near enough to be what was meant.
pub fn word<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if unknown.len() > WORD_BYTES_MAX {
        return None;
    }
    let count = unknown.chars().count();
    let most = match count {
        0..=2 => 1,
        3..=6 => 2,
        _ => 3,
    };
    let lower = unknown.to_lowercase();
    let far = known.into_iter().filter(|word| word.len() <= WORD_BYTES_MAX).map(|word| (distance(&lower, word), word));
    far.filter(|(distance, word)| *distance <= most && *distance < word.chars().count()).min().map(|(_, word)| word)
}

/// `did you mean 'x'?`
pub fn did_you_mean<'k>(unknown: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    word(unknown, known).map(|word| format!("did you mean '{word}'?"))
}

/// As [`did_you_mean`], and where nothing is near, all that there is.
pub fn among(unknown: &str, known: &[&str]) -> String {
    did_you_mean(unknown, known.iter().copied()).unwrap_or_else(|| format!("one of {}", known.join(", ")))
}

/// What helps with a rule that cannot be read.
pub fn rule(text: &str) -> String {
    let Some((rights, pattern)) = text.trim().split_once(' ') else { return example(None) };
    let word_of_kind = pattern.trim().split(':').next().unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word_of_kind);
    if let Err(unknown) = Rights::parse(rights) {
        let fitting = kind.map_or(Rights::NONE, Kind::rights);
        let meant = did_you_mean(&unknown, fitting.iter().map(Right::word));
        let meant = meant.or_else(|| did_you_mean(&unknown, Right::ALL.into_iter().map(Right::word)));
        return meant.unwrap_or_else(|| match kind {
            Some(kind) => format!("'{}' has the rights {}", kind.word(), kind.rights()),
            None => example(None),
        });
    }
    if kind.is_none() && pattern.contains(':') {
        let alias = OTHER_WORDS.iter().find(|(other, _)| *other == word_of_kind).map(|(_, word)| *word);
        let near = alias.or_else(|| word(word_of_kind, Kind::ALL.into_iter().map(Kind::word)));
        if let Some(word) = near {
            return format!("did you mean '{word}:'?");
        }
    }
    example(kind)
}

/// A right line.
fn example(kind: Option<Kind>) -> String {
    let line = match kind {
        None | Some(Kind::Fs) => "read,list fs:workspace/**",
        Some(Kind::Object) => "read,list object:project/**",
        Some(Kind::Human) => "ask,tell human:owner",
        Some(Kind::Process) => "spawn process:image/base",
        Some(Kind::Shell) => "execute shell:/usr/bin/git",
        Some(Kind::Http) => "read http:https/api.example.com/443/**",
        Some(Kind::Model) => "use model:default",
        Some(Kind::Image) => "use image:base",
        Some(Kind::Tool) => "call tool:echo",
        Some(Kind::Checkpoint) => "create checkpoint:*",
        Some(Kind::Secret) => "use secret:token",
        Some(Kind::Clock) => "sleep clock:sleep",
        Some(Kind::Mcp) => "call mcp:server/*",
        Some(Kind::Env) => "read env:LANG",
    };
    debug_assert!(Rule::parse(line).is_ok());
    format!("an example of a right line: \"{line}\"")
}

/// How many characters must be put in, taken out, replaced or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let row = |index: usize| if index == 0 { (0..=right.len()).collect() } else { vec![index; right.len() + 1] };
    let mut rows: Vec<Vec<usize>> = (0..=left.len()).map(row).collect();
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        for (unknown, want) in [
            ("wirte", Some("write")),
            ("raed", Some("read")),
            ("Read", Some("read")),
            ("deletes", Some("delete")),
            ("execut", Some("execute")),
            ("aks", Some("ask")),
            ("frobnicate", None),
            ("", None),
            (&"read".repeat(100), None),
        ] {
            assert_eq!(word(unknown, Right::ALL.into_iter().map(Right::word)), want, "{unknown}");
        }
    }

    #[test]
    fn a_wrong_rule_gets_help() {
        for (text, want) in [
            ("wirte fs:workspace/**", "did you mean 'write'?"),
            ("fly fs:workspace/**", "'fs' has the rights read,list,write,delete"),
            ("read files:workspace/**", "did you mean 'fs:'?"),
            ("read htp:https/x/443", "did you mean 'http:'?"),
            ("sleep clok:sleep", "did you mean 'clock:'?"),
            ("sleep fs:workspace", "an example of a right line: \"read,list fs:workspace/**\""),
            ("read,fs:workspace", "an example of a right line"),
        ] {
            let hint = rule(text);
            assert!(hint.starts_with(want), "{text}: {hint}");
        }
    }
}
