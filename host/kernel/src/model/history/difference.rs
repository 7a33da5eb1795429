//! In which fields two values differ.

use serde_json::Value;

/// A place at which two values differ.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Field {
    /// `fs.write.content`, `rows[2].name`; empty for the whole.
    pub field: String,
    /// None if only the other has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<Value>,
}

/// Differences that are told; beyond, a change is everywhere and the first ones say so.
const FIELDS_MAX: usize = 20;

/// The fields in which two values differ, the first ones if there are many. JSON texts within are not looked into.
pub fn differences(recorded: &Value, made: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    compare(String::new(), Some(recorded), Some(made), &mut found);
    found
}

fn compare(field: String, recorded: Option<&Value>, made: Option<&Value>, found: &mut Vec<Field>) {
    if recorded == made || found.len() >= FIELDS_MAX {
        return;
    }
    match (recorded, made) {
        (Some(Value::Object(recorded)), Some(Value::Object(made))) => {
            let more = made.keys().filter(|key| !recorded.contains_key(*key));
            for key in recorded.keys().chain(more) {
                let name = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                compare(name, recorded.get(key), made.get(key), found);
            }
        }
        (Some(Value::Array(recorded)), Some(Value::Array(made))) => {
            for index in 0..recorded.len().max(made.len()) {
                compare(format!("{field}[{index}]"), recorded.get(index), made.get(index), found);
            }
        }
        _ => found.push(Field { field, recorded: recorded.cloned(), made: made.cloned() }),
    }
}
