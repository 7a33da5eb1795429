//! Adding to a list in an object that others may change at the same time.

use libos::object::{self, Payload};
use libos::{Error, Failure};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

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
pub fn append(name: &str, entry: &RawValue, list_field: Option<String>) -> libos::Result<Appended> {
    for _ in 0..ATTEMPTS_MAX {
        let (info, payload) = object::read(name)?;
        let Payload::Json(text) = payload else {
            return Err(Failure::failed(format_args!("{} holds bytes, not JSON", info.name)));
        };
        let (payload, length) = push(&text, entry, list_field.as_deref())?;
        match object::update(name, &Payload::Json(payload), Some(info.version)) {
            Ok(info) => {
                return Ok(Appended { name: info.name, version: info.version, appended: true, list_field, length });
            }
            Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::failed(format_args!("{name} was changed by others {ATTEMPTS_MAX} times in a row; try again later")))
}

/// The payload with the entry added to its list, and the list's new length. All other values stay as they are, to the letter.
fn push(payload: &str, entry: &RawValue, list_field: Option<&str>) -> libos::Result<(String, usize)> {
    let Some(field) = list_field else {
        let mut list = list(payload).ok_or("the payload is not a list; name the field that is one with list_field")?;
        list.push(entry);
        return Ok((serde_json::to_string(&list)?, list.len()));
    };
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(payload)
        .map_err(|_| format!("the payload is not a JSON object, so it has no field {field}"))?;
    let mut list = match fields.get(field) {
        Some(present) => list(present.get()).ok_or_else(|| format!("the field {field} is not a list"))?,
        None => Vec::new(),
    };
    list.push(entry);
    let (length, list) = (list.len(), to_raw_value(&list)?);
    fields.insert(field.to_owned(), list);
    Ok((serde_json::to_string(&fields)?, length))
}

fn list(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &str, list_field: Option<&str>, expected: Result<(&str, usize), &str>) {
        let entry = RawValue::from_string("9.0".into()).unwrap();
        let found = push(payload, &entry, list_field);
        match (&found, expected) {
            (Ok((payload, length)), Ok(expected)) => {
                assert_eq!((payload.as_str(), *length), expected)
            }
            (Err(failure), Err(part)) => assert!(failure.message().contains(part), "{failure}"),
            _ => panic!("{found:?}"),
        }
    }

    #[test]
    fn the_list_is_the_payload_or_a_field() {
        check("[1.10]", None, Ok(("[1.10,9.0]", 2)));
        check(r#"{"a":[1],"b":1e400}"#, Some("a"), Ok((r#"{"a":[1,9.0],"b":1e400}"#, 2)));
        check("{}", Some("a"), Ok((r#"{"a":[9.0]}"#, 1)));
    }

    #[test]
    fn without_a_list_nothing_is_added() {
        check("{}", None, Err("the payload is not a list"));
        check(r#"{"a":1}"#, Some("a"), Err("the field a is not a list"));
        check("[]", Some("a"), Err("not a JSON object"));
    }
}
