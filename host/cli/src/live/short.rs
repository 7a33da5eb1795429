//! Short forms for people: arguments of a tool on one line, and spans of time.

use libos_kernel::model::preview::escape;
use serde_json::{Map, Value};
use std::time::Duration;

/// Characters of one argument.
const VALUE_SHOWN: usize = 48;

/// The arguments of a tool, escaped: `path=a.txt content=…`, the short ones first. What is no JSON object is shown as it is.
pub fn arguments(text: &str) -> String {
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(text) else { return escape(text) };
    let mut pairs: Vec<(String, String)> =
        object.into_iter().map(|(key, value)| (escape(&key), shown(&value))).collect();
    pairs.sort_by_key(|(_, value)| value.chars().count());
    pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if text.is_empty() || text.contains([' ', '"', '=']) => format!("\"{text}\""),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let text: String = text.chars().take(4 * VALUE_SHOWN).collect();
    super::cut(&escape(&text), VALUE_SHOWN)
}

/// A span of time: `12 ms`, `3.4 s`, `1:05`, `2:00:03`.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_short_and_nothing_in_them_is_obeyed() {
        for (text, want) in [
            (
                r#"{"content":"a long text that goes on","path":"a.txt"}"#,
                "path=a.txt content=\"a long text that goes on\"",
            ),
            (r#"{"n":1,"all":true,"of":[1,2]}"#, "n=1 all=true of=[1,2]"),
            (r#"{"a":"\u001b[2J\u202e\n"}"#, "a=\\u{1b}[2J\\u{202e}\\n"),
            (r#"{"\u001b":1}"#, "\\u{1b}=1"),
            ("{\"cut\":\"in the mid\u{1b}", "{\"cut\":\"in the mid\\u{1b}"),
            ("{}", ""),
        ] {
            assert_eq!(arguments(text), want, "{text}");
        }
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(500));
        assert_eq!(arguments(&long).chars().count(), VALUE_SHOWN + 2);
    }

    #[test]
    fn spans_are_read_at_a_glance() {
        for (milliseconds, want) in [(12, "12 ms"), (3_450, "3.4 s"), (65_000, "1:05"), (7_203_000, "2:00:03")] {
            assert_eq!(span(Duration::from_millis(milliseconds)), want);
        }
    }
}
