//! Adding to a list in an object that others may change at the same time.

use libos::object::{self, Payload};
use libos::{Error, Failure};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// How often the change is tried when another call was faster each time.
const ATTEMPTS_MAX: u32 = 16;

/// A list that has one more entry.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Appended {
    /// The object's name in full.
    name: String,
    version: u64,
    appended: bool,
    /// The field that holds the list; null if it is the payload itself.
    list_field: Option<String>,
    /// How many entries the list has now.
    length: usize,
}

/// Adds `entry` to the object's list, on top of whatever version is the present one.
pub fn append(name: &str, entry: Value, list_field: Option<String>) -> libos::Result<Appended> {
    for _ in 0..ATTEMPTS_MAX {
        let (info, payload) = object::read(name)?;
        let Payload::Json(text) = payload else {
            return Err(Failure::failed(format_args!(
                "{} holds bytes, not JSON",
                info.name
            )));
        };
        let mut value: Value = serde_json::from_str(&text)?;
        let length =
            push(&mut value, entry.clone(), list_field.as_deref()).map_err(Failure::failed)?;
        match object::update(name, &Payload::json(&value)?, Some(info.version)) {
            Ok(info) => {
                return Ok(Appended {
                    name: info.name,
                    version: info.version,
                    appended: true,
                    list_field,
                    length,
                });
            }
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::failed(format_args!(
        "{name} was changed by others {ATTEMPTS_MAX} times in a row; try again later"
    )))
}

/// Adds the entry to the list and returns the list's new length, or why there is no list.
fn push(payload: &mut Value, entry: Value, list_field: Option<&str>) -> Result<usize, String> {
    let list = match (list_field, payload) {
        (None, Value::Array(list)) => list,
        (None, _) => {
            return Err(
                "the payload is not a list; name the field that is one with list_field".into(),
            );
        }
        (Some(field), Value::Object(fields)) => match fields
            .entry(field)
            .or_insert_with(|| Value::Array(Vec::new()))
        {
            Value::Array(list) => list,
            _ => return Err(format!("the field {field} is not a list")),
        },
        (Some(field), _) => {
            return Err(format!(
                "the payload is not a JSON object, so it has no field {field}"
            ));
        }
    };
    list.push(entry);
    Ok(list.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(mut payload: Value, list_field: Option<&str>, expected: Result<Value, &str>) {
        let length = push(&mut payload, json!(9), list_field);
        assert_eq!(
            length
                .map(|_| payload)
                .map_err(|message| message.contains("list")),
            expected.map_err(|_| true)
        );
    }

    #[test]
    fn the_list_is_the_payload_or_a_field() {
        check(json!([1]), None, Ok(json!([1, 9])));
        check(json!({"a": [1]}), Some("a"), Ok(json!({"a": [1, 9]})));
        check(json!({}), Some("a"), Ok(json!({"a": [9]})));
        check(json!({"a": 1}), Some("a"), Err("not a list"));
        check(json!({}), None, Err("not a list"));
    }

    #[test]
    fn only_an_object_has_fields() {
        assert!(
            push(&mut json!([]), json!(9), Some("a"))
                .unwrap_err()
                .contains("not a JSON object")
        );
    }
}
