//! The section `[environment]`: variables that tools see, as far as rules grant them. Values stand in the file; none comes from the host's
//! own environment, which holds keys that no tool should see.

use super::read::{Reader, Value};
use crate::model::limit;
use std::collections::BTreeMap;

/// Reads the section; what is wrong is told and left out.
pub(super) fn read(reader: &mut Reader<'_, '_>, value: &Value<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let Some(table) = reader.table(value, "environment") else { return variables };
    if table.len() > limit::VARIABLES_MAX {
        let what = format!("there are more than {} variables", limit::VARIABLES_MAX);
        reader.fail(value.span().start, what, "a file that tools may read holds any number of settings");
        return variables;
    }
    for (key, value) in table {
        let (at, name) = (key.span().start, key.get_ref().as_ref());
        if !is_name(name) {
            let what = format!("a variable's name is of letters, digits and '_', at most {} bytes", NAME_BYTES_MAX);
            reader.fail(at, what, "for example LANG = \"C.UTF-8\"");
            continue;
        }
        let Some(text) = reader.text(value, name, "a value") else { continue };
        if text.len() > limit::VARIABLE_BYTES_MAX || text.contains('\0') {
            let most = super::unit::size(limit::VARIABLE_BYTES_MAX as u64);
            reader.fail(at, format!("a variable's value has at most {most}, and no NUL"), "put it into a file");
            continue;
        }
        variables.insert(name.to_owned(), text.to_owned());
    }
    variables
}

const NAME_BYTES_MAX: usize = limit::VARIABLE_NAME_BYTES_MAX;
/// Characters of a value that a person sees who compares two policies.
const TOLD_CHARACTERS_MAX: usize = 80;

/// What is said of a variable to a person.
pub(super) fn told(variables: &BTreeMap<String, String>, name: &str) -> String {
    let Some(value) = variables.get(name) else { return "none".into() };
    let shown: String = value.chars().take(TOLD_CHARACTERS_MAX).collect();
    let more = if shown.len() < value.len() { format!("... ({} bytes)", value.len()) } else { String::new() };
    format!("\"{shown}\"{more}")
}

/// Whether programs on any system could have a variable of this name.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(fits)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}
