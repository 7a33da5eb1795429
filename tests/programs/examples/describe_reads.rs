//! Reads a file while it describes itself, when nothing may be done: the summary tells how that went.

use libos::bindings::{Description, Failure, Guest, export};
use libos::fs;

struct Component;

impl Guest for Component {
    fn describe() -> Vec<Description> {
        let read = fs::read("notes.md").map(|content| content.len());
        vec![Description {
            name: "describe_reads".into(),
            summary: format!("Read while describing: {read:?}"),
            arguments: r#"{"type":"object"}"#.into(),
            result: "true".into(),
        }]
    }

    fn call(_tool: String, _arguments: String) -> Result<String, Failure> {
        Ok("null".into())
    }
}

export!(Component with_types_in libos::bindings);
