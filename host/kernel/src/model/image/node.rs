//! What a manifest says, whether it is TOML or YAML: texts, numbers, lists and tables that know where they stand.

use super::ManifestError;
use crate::model::policy::Lines;
use toml::Spanned;
use toml::de::DeValue;

/// Line and column, from 1; columns count characters.
pub type At = (u32, u32);

/// A value and where it begins.
pub struct Node {
    pub at: At,
    pub value: Value,
}

/// A value.
pub enum Value {
    /// In YAML also what is written without quotes: what it stands for is said by the key, never by its looks.
    Text(String),
    /// Only of TOML, as it is written in tens; none, if it is no number from 0 to 2^64 - 1.
    Number(Option<u64>),
    List(Vec<Node>),
    Table(Vec<(At, String, Node)>),
    /// Something that no key takes, by its name.
    Other(&'static str),
}

impl Node {
    /// What it is, for an error.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Text(_) => "text",
            Value::Number(_) => "number",
            Value::List(_) => "list",
            Value::Table(_) => "table",
            Value::Other(kind) => kind,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    pub fn number(&self) -> Option<u64> {
        match &self.value {
            Value::Number(number) => *number,
            Value::Text(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()
            }
            _ => None,
        }
    }

    /// Takes over what was read of TOML. The parser refuses what is nested too deeply.
    pub fn of_toml(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
        let at = lines.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => Value::Number(u64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Array(list) => Value::List(list.iter().map(|value| Node::of_toml(value, lines)).collect()),
            DeValue::Table(table) => {
                let mut rows: Vec<_> = table
                    .iter()
                    .map(|(key, value)| {
                        (lines.place(key.span().start), key.get_ref().clone().into_owned(), Node::of_toml(value, lines))
                    })
                    .collect();
                rows.sort_by_key(|(at, _, _)| *at);
                Value::Table(rows)
            }
            DeValue::Boolean(_) => Value::Other("true or false"),
            DeValue::Float(_) => Value::Other("fraction"),
            DeValue::Datetime(_) => Value::Other("date"),
        };
        Node { at, value }
    }
}

/// An error at a place.
pub fn error((line, column): At, what: impl Into<String>, hint: impl Into<String>) -> ManifestError {
    ManifestError { line, column, what: what.into(), hint: Some(hint.into()) }
}
