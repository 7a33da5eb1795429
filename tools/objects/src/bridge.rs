//! Files into objects and objects into files. Neither results nor errors show content: it never passes a model.

use libos::Failure;
use libos::fs::{self, WriteMode};
use libos::object::{self, Options, Payload};
use libos_tools_common::Text;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// An object that holds a file's text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FromFile {
    /// In full: `<namespace>/<name>`.
    name: String,
    #[serde(rename = "type")]
    object_type: String,
    version: u64,
    source_path: String,
    bytes_read: usize,
    /// Whether the file goes on after what was read.
    truncated: bool,
}

/// A file that holds an object's content.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ToFile {
    /// The object's name in full.
    name: String,
    /// The version that was written.
    version: u64,
    path: String,
    bytes_written: usize,
}

/// Makes the object of a file's text.
pub fn create(name: &str, source_path: String, text: Text, object_type: String) -> libos::Result<FromFile> {
    let Text { content, truncated } = text;
    let bytes_read = content.len();
    let payload = json!({
        "kind": "text_file",
        "source_path": source_path,
        "encoding": "utf-8",
        "truncated": truncated,
        "content": content,
    });
    let made = object::create(name, &Payload::json(&payload)?, &Options::new(object_type))?;
    Ok(FromFile { name: made.name, object_type: made.type_, version: made.version, source_path, bytes_read, truncated })
}

/// Writes an object's content into a file.
pub fn write(name: &str, path: String, overwrite: bool) -> libos::Result<ToFile> {
    let (info, payload) = object::read(name)?;
    let Some(content) = content(payload) else {
        return Err(Failure::failed(format_args!(
            "{} holds no content for a file: neither bytes nor a string nor a field `content` with a string",
            info.name
        )));
    };
    let mode = if overwrite { WriteMode::CreateOrReplace } else { WriteMode::CreateNew };
    fs::write_with_mode(&path, &content, mode)?;
    Ok(ToFile { name: info.name, version: info.version, path, bytes_written: content.len() })
}

/// The bytes for the file, if the payload has a form that stands for some.
fn content(payload: Payload) -> Option<Vec<u8>> {
    let text = match payload {
        Payload::Bytes(bytes) => return Some(bytes),
        Payload::Json(text) => text,
    };
    match serde_json::from_str(&text).ok()? {
        Value::String(content) => Some(content.into_bytes()),
        Value::Object(mut fields) => match fields.remove("content")? {
            Value::String(content) => Some(content.into_bytes()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_bytes_a_string_or_a_field() {
        let check =
            |payload, expected: Option<&str>| assert_eq!(content(payload).as_deref(), expected.map(str::as_bytes));
        check(Payload::Bytes(b"a".into()), Some("a"));
        check(Payload::Json(r#""a\n""#.into()), Some("a\n"));
        check(Payload::Json(r#"{"content":"a"}"#.into()), Some("a"));
        check(Payload::Json(r#"{"content":1}"#.into()), None);
        check(Payload::Json("[]".into()), None);
    }
}
