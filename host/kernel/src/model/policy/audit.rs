//! The section `[audit]`: the second place of the log's signed heads, and whether anything goes on without it.

use super::near;
use super::read::{Reader, Value, short};
use crate::model::limit::{PATH_BYTES_MAX, WITNESS_COMMAND_WORDS_MAX};
use std::fmt;
use toml::de::DeValue;

const KEYS: [&str; 2] = ["witness", "strict"];
const FORMS: &str = "witness = \"file:/path/of/a/file\", or \"stderr\", or a program with its arguments: [\"/usr/bin/logger\", \"-t\", \"libos\"]";

/// What a new policy says about the section.
pub(super) const STARTER: &str = r#"# The log is signed each second. Signed heads also go to a second place, out of reach of whoever can change the data directory:
# a file outside, a program that is started for each (["/usr/bin/logger", "-t", "libos"]), or "stderr". `libos audit verify --witness
# FILE` compares. With strict = true nothing happens whose record is not there.
# [audit]
# witness = "file:/media/other/libos.notes"
# strict = false
"#;

/// Where signed heads are brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witness {
    /// The host's standard error.
    Stderr,
    /// The end of this file: an absolute path.
    File(String),
    /// The standard input of a program: its absolute path, and its arguments. No shell.
    Command(Vec<String>),
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Witness::Stderr => f.write_str("stderr"),
            Witness::File(path) => write!(f, "file:{path}"),
            Witness::Command(words) => write!(f, "the program {}", words.join(" ")),
        }
    }
}

/// What the section says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditRules {
    pub witness: Option<Witness>,
    /// Whether a change counts as durable only once its signed head is in the second place.
    pub strict: bool,
}

pub(super) fn read(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> Option<AuditRules> {
    let table = reader.table(value, "audit")?;
    let mut rules = AuditRules::default();
    let mut strict_at = None;
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            "witness" => rules.witness = Some(witness(reader, value)?),
            "strict" => match value.get_ref() {
                DeValue::Boolean(strict) => {
                    rules.strict = *strict;
                    strict_at = Some(key.span().start);
                }
                other => {
                    let what = format!("'strict' is true or false, not a {}", other.type_str());
                    reader.fail(value.span().start, what, "for example strict = true");
                }
            },
            other => reader.unknown_key(key.span().start, "audit", other, &KEYS),
        }
    }
    if let Some(at) = strict_at.filter(|_| rules.strict && rules.witness.is_none()) {
        reader.fail(at, "without a witness nothing can be strict", FORMS);
    }
    Some(rules)
}

fn witness(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> Option<Witness> {
    let at = value.span().start;
    let is_path = |path: &str| path.starts_with('/') && path.len() <= PATH_BYTES_MAX && !path.contains('\0');
    match value.get_ref() {
        DeValue::String(text) => match text.split_once(':') {
            _ if *text == "stderr" => return Some(Witness::Stderr),
            Some(("file", path)) if is_path(path) && !path.ends_with('/') => {
                return Some(Witness::File(path.to_owned()));
            }
            Some(("file", _)) => {
                reader.fail(
                    at,
                    "the file of a witness is an absolute path",
                    "for example witness = \"file:/var/log/libos.notes\"",
                );
            }
            Some(("command", _)) => {
                reader.fail(
                    at,
                    "a program is a list, so that no shell reads it",
                    "for example witness = [\"/usr/bin/logger\"]",
                );
            }
            _ => {
                let hint = near::did_you_mean(text, ["stderr"]).unwrap_or_else(|| FORMS.to_owned());
                reader.fail(at, format!("there is no witness '{}'", short(text)), hint);
            }
        },
        DeValue::Array(list) => {
            let words: Option<Vec<String>> =
                list.iter().map(|word| word.get_ref().as_str().map(str::to_owned)).collect();
            let fine = |words: &Vec<String>| {
                words.first().is_some_and(|program| is_path(program))
                    && words.len() <= WITNESS_COMMAND_WORDS_MAX
                    && words.iter().all(|word| word.len() <= PATH_BYTES_MAX && !word.contains('\0'))
            };
            match words.filter(fine) {
                Some(words) => return Some(Witness::Command(words)),
                None => reader.fail(
                    at,
                    format!("a program is its absolute path and its arguments, all texts, at most {WITNESS_COMMAND_WORDS_MAX}"),
                    "for example witness = [\"/usr/bin/logger\", \"-t\", \"libos\"]",
                ),
            }
        }
        other => {
            let what = format!("'witness' is a text or a list, not a {}", other.type_str());
            reader.fail(at, what, FORMS);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::{Policy, settings};

    fn audit(lines: &str) -> Result<AuditRules, (u32, u32, String)> {
        let policy = Policy::parse(&format!("[audit]\n{lines}\n"));
        policy.map(|policy| policy.audit).map_err(|error| (error.line, error.column, error.what))
    }

    #[test]
    fn the_second_place_has_three_forms() {
        let rules = |witness, strict| Ok(AuditRules { witness, strict });
        assert_eq!(audit(""), rules(None, false));
        assert_eq!(audit("witness = \"stderr\"\nstrict = true"), rules(Some(Witness::Stderr), true));
        assert_eq!(audit("witness = \"file:/a b/c\""), rules(Some(Witness::File("/a b/c".into())), false));
        let words = vec!["/bin/x".into(), "-t".into(), "a b".into()];
        assert_eq!(audit("witness = [\"/bin/x\", \"-t\", \"a b\"]"), rules(Some(Witness::Command(words)), false));
    }

    #[test]
    fn what_a_new_policy_says_is_right_once_it_is_no_comment() {
        let lines: Vec<&str> = STARTER.lines().filter_map(|line| line.strip_prefix("# ")).skip(3).collect();
        let rules = Policy::parse(&lines.join("\n")).unwrap().audit;
        assert!(matches!(rules.witness, Some(Witness::File(_))) && !rules.strict, "{rules:?}");
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        for (lines, column, says) in [
            ("witness = \"file:notes\"", 11, "absolute"),
            ("witness = \"file:/notes/\"", 11, "absolute"),
            ("witness = \"command:/bin/x\"", 11, "no shell"),
            ("witness = \"sterr\"", 11, "no witness"),
            ("witness = 3", 11, "not a integer"),
            ("witness = []", 11, "absolute path"),
            ("witness = [\"x\"]", 11, "absolute path"),
            ("witness = [\"/x\", 3]", 11, "all texts"),
            ("strict = \"yes\"", 10, "true or false"),
            ("strict = true", 1, "without a witness"),
            ("wittness = \"stderr\"", 1, "no 'wittness'"),
        ] {
            let (line, at, what) = audit(lines).expect_err(lines);
            assert_eq!((line, at), (2, column), "{lines}: {what}");
            assert!(what.contains(says), "{lines}: {what}");
        }
    }

    #[test]
    fn a_reload_shows_the_difference() {
        let read = |text: &str| Policy::parse(text).unwrap();
        let with = read("[audit]\nwitness = [\"/bin/sh\", \"-c\", \"x\"]\nstrict = true\n");
        assert_eq!(
            settings(&read(""), &with),
            [
                "signed heads of the log are brought to: nowhere -> the program /bin/sh -c x",
                "the host stops when a head is not brought there: false -> true",
            ]
        );
    }
}
