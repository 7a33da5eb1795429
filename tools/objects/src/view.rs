//! How objects are shown to a model.

use libos::object::{Info, LinkEnd, Payload};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// What an object is, without its payload.
#[derive(Debug, Serialize, JsonSchema)]
pub struct About {
    /// In full: `<namespace>/<name>`.
    name: String,
    #[serde(rename = "type")]
    object_type: String,
    version: u64,
    immutable: bool,
    title: String,
    tags: Vec<String>,
    /// Full names of the objects that it was made from, as its maker says.
    sources: Vec<String>,
    /// Size of the payload.
    size_bytes: u64,
    /// RFC 3339, in UTC.
    created_at: String,
    /// RFC 3339, in UTC.
    updated_at: String,
}

impl From<Info> for About {
    fn from(info: Info) -> Self {
        Self {
            name: info.name,
            object_type: info.type_,
            version: info.version,
            immutable: info.immutable,
            title: info.title,
            tags: info.tags,
            sources: info.sources,
            size_bytes: info.size,
            created_at: info.created.to_string(),
            updated_at: info.updated.to_string(),
        }
    }
}

/// An object with its payload, or the first part of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Object {
    #[serde(flatten)]
    pub about: About,
    #[serde(flatten)]
    pub shown: Shown,
}

/// A payload as a model sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Shown {
    form: Form,
    payload: Box<RawValue>,
    /// Whether the payload goes on.
    truncated: bool,
}

/// What `payload` is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The JSON value itself, whole.
    Json,
    /// A string: a part of the JSON text, because the whole is longer than `max_payload_chars`, or some was skipped.
    JsonText,
    /// A string: bytes that are UTF-8 text.
    Text,
    /// A string: other bytes, in hexadecimal.
    Hex,
}

/// What is directly in a namespace.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listing {
    /// As asked for; null is the process's own.
    pub namespace: Option<String>,
    pub objects: Vec<About>,
    /// In full.
    pub namespaces: Vec<String>,
}

/// What a query has found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Found {
    /// Sorted by name.
    pub objects: Vec<About>,
    /// If there may be more: the name to go on after.
    pub next: Option<String>,
}

/// The links of an object.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Links {
    /// As asked for.
    pub name: String,
    pub links: Vec<Link>,
}

/// One link, as seen from one of its ends.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Link {
    relation: String,
    /// Full name of the object at the other end.
    object: String,
    direction: Direction,
}

/// Where a link leads.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the other object.
    Outgoing,
    /// From the other object.
    Incoming,
}

impl From<LinkEnd> for Link {
    fn from(end: LinkEnd) -> Self {
        let direction = if end.outgoing { Direction::Outgoing } else { Direction::Incoming };
        Self { relation: end.relation, object: end.name, direction }
    }
}

/// Shows a payload in at most `max_chars` characters, after the first `skipped` ones.
pub fn payload(payload: Payload, skipped: usize, max_chars: usize) -> libos::Result<Shown> {
    let (form, text) = match payload {
        Payload::Json(text) if skipped == 0 && is_within(&text, max_chars) => {
            return Ok(Shown { form: Form::Json, payload: RawValue::from_string(text)?, truncated: false });
        }
        Payload::Json(text) => (Form::JsonText, text),
        Payload::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => (Form::Text, text),
            // One byte more than is shown, so that `cut` sees that there is more.
            Err(error) => {
                let rest = error.as_bytes().get(skipped / 2..).unwrap_or_default();
                (Form::Hex, hex(rest, max_chars / 2 + 1))
            }
        },
    };
    let (skipped, max_chars) = if form == Form::Hex { (0, max_chars / 2 * 2) } else { (skipped, max_chars) };
    let rest = text.char_indices().nth(skipped).map_or("", |(position, _)| &text[position..]);
    let (text, truncated) = cut(rest.to_owned(), max_chars);
    Ok(Shown { form, payload: to_raw_value(&text)?, truncated })
}

fn is_within(text: &str, max_chars: usize) -> bool {
    text.len() <= max_chars || text.chars().nth(max_chars).is_none()
}

/// The first `max_chars` characters, and whether there are more.
fn cut(mut text: String, max_chars: usize) -> (String, bool) {
    let end = text.char_indices().nth(max_chars).map(|(position, _)| position);
    if let Some(end) = end {
        text.truncate(end);
    }
    (text, end.is_some())
}

fn hex(bytes: &[u8], max_bytes: usize) -> String {
    bytes.iter().take(max_bytes).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use libos::clock::Datetime;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(stored: Payload, max_chars: usize, form: Form, payload: Value, truncated: bool) {
        check_after(stored, 0, max_chars, form, payload, truncated);
    }

    #[track_caller]
    fn check_after(stored: Payload, skipped: usize, max_chars: usize, form: Form, payload: Value, truncated: bool) {
        let shown = super::payload(stored, skipped, max_chars).unwrap();
        assert_eq!(json!(shown), json!({ "form": form, "payload": payload, "truncated": truncated }));
    }

    #[test]
    fn json_is_shown_letter_by_letter() {
        let text = r#"{"b":1.10,"a":123456789012345678901234567890}"#;
        assert_eq!(payload(Payload::Json(text.into()), 0, 99).unwrap().payload.get(), text);
    }

    #[test]
    fn an_object_is_shown_as_one() {
        let moment = Datetime { seconds: 0, nanoseconds: 0 };
        let info = Info {
            name: "process/p1/a".into(),
            type_: "note".into(),
            version: 2,
            immutable: false,
            title: String::new(),
            tags: vec!["x".into()],
            size: 4,
            created: moment,
            updated: moment,
            sources: vec!["process/p1/b".into()],
        };
        let object = Object { about: info.into(), shown: payload(Payload::Json("1.10".into()), 0, 9).unwrap() };
        let expected = concat!(
            r#"{"name":"process/p1/a","type":"note","version":2,"immutable":false,"title":"","tags":["x"],"sources":["process/p1/b"],"size_bytes":4,"#,
            r#""created_at":"1970-01-01T00:00:00Z","updated_at":"1970-01-01T00:00:00Z","#,
            r#""form":"json","payload":1.10,"truncated":false}"#
        );
        assert_eq!(serde_json::to_string(&object).unwrap(), expected);
    }

    #[test]
    fn a_payload_is_shown_whole_or_as_the_start_of_its_text() {
        let stored = || Payload::Json("[1,22]".into());
        check(stored(), 6, Form::Json, json!([1, 22]), false);
        check(stored(), 5, Form::JsonText, json!("[1,22"), true);
        check(Payload::Json("\"éé\"".into()), 4, Form::Json, json!("éé"), false);
    }

    #[test]
    fn a_long_payload_is_read_part_by_part() {
        let stored = || Payload::Json("[1,22]".into());
        check_after(stored(), 1, 3, Form::JsonText, json!("1,2"), true);
        check_after(stored(), 4, 3, Form::JsonText, json!("2]"), false);
        check_after(stored(), 7, 3, Form::JsonText, json!(""), false);
        check_after(Payload::Bytes("éab".into()), 1, 1, Form::Text, json!("a"), true);
        check_after(Payload::Bytes(vec![0xff, 0x00, 0x11]), 2, 2, Form::Hex, json!("00"), true);
        check_after(Payload::Bytes(vec![0xff]), 9, 2, Form::Hex, json!(""), false);
    }

    #[test]
    fn bytes_are_shown_as_text_or_hexadecimal() {
        check(Payload::Bytes("éa".into()), 2, Form::Text, json!("éa"), false);
        check(Payload::Bytes("éa".into()), 1, Form::Text, json!("é"), true);
        let bytes = || Payload::Bytes(vec![0xff, 0x00]);
        check(bytes(), 4, Form::Hex, json!("ff00"), false);
        check(bytes(), 3, Form::Hex, json!("ff"), true);
        check(bytes(), 2, Form::Hex, json!("ff"), true);
        check(bytes(), 1, Form::Hex, json!(""), true);
    }
}
