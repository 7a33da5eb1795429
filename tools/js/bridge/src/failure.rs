//! What a failure says: the error's own words, and where it was thrown in the author's lines.

use crate::bindings::libos::runtime::script::{Failure, Problem, Reason};
use crate::module;
use crate::prelude::PREFIX;
use rquickjs::{Ctx, Value};

/// Bytes of a message at most.
const MESSAGE: usize = 16 * 1024;

/// What was thrown, in words: `Name: message`, then the frames.
pub fn words(ctx: &Ctx<'_>, thrown: &Value<'_>) -> String {
    let Some(object) = thrown.as_object().filter(|_| thrown.is_error()) else {
        return format!("Uncaught {}", shown(ctx, thrown));
    };
    let text = |key: &str| {
        object.get::<_, rquickjs::Coerced<String>>(key).map(|text| text.0).unwrap_or_else(|_| {
            ctx.catch();
            String::new()
        })
    };
    let (name, message) = (text("name"), text("message"));
    let head = match (name.as_str(), message.as_str()) {
        ("", message) => message.to_owned(),
        (name, "") => name.to_owned(),
        (name, message) => format!("{name}: {message}"),
    };
    // A script may put anything there. What is an error's own is at the author's lines already (`core/errors.js`).
    let frames = object.get::<_, Value<'_>>("stack").ok().filter(Value::is_string).map_or_else(
        || {
            ctx.catch();
            String::new()
        },
        |stack| stack.get::<String>().map(|stack| stack.trim_end().to_owned()).unwrap_or_default(),
    );
    let whole = if frames.is_empty() { head } else { format!("{head}\n{frames}") };
    cut(whole)
}

/// What was thrown, as a failure of the call.
pub fn of_call(ctx: &Ctx<'_>, thrown: &Value<'_>, reason: Reason) -> Failure {
    Failure { reason, message: words(ctx, thrown) }
}

/// What was thrown, as a problem of the script, at the first frame that is the author's.
pub fn problem(ctx: &Ctx<'_>, thrown: &Value<'_>) -> Problem {
    let text = words(ctx, thrown);
    let (head, frames) = match text.find("\n    at ") {
        Some(at) => text.split_at(at),
        None => (text.as_str(), ""),
    };
    // The text that `JSON.parse` and its like read has a frame of its own.
    let author = |frame: &&str| !frame.contains("<input>");
    let place = frames
        .lines()
        .filter(author)
        .find_map(|frame| place(frame).map(|(range, line, column)| (&frame[range], line, column)));
    let (module, line, column) = place.unwrap_or(("", 0, 0));
    Problem { module: module.to_owned(), line, column, message: head.to_owned() }
}

/// An error's stack as a script sees it: what the engine wrote at the author's lines, anything else as it is.
pub fn stack(text: String) -> String {
    let is_frame = |line: &str| line.starts_with("    at ");
    if text.lines().all(is_frame) { mapped(&text) } else { text }
}

/// The frames of a stack, without those of the prelude, at the author's lines.
fn mapped(stack: &str) -> String {
    let frames = stack.lines().filter(|frame| !frame.contains(PREFIX) && !frame.ends_with("(native)"));
    let frames: Vec<String> = frames.filter(|frame| !frame.trim().is_empty()).map(mapped_frame).collect();
    frames.join("\n")
}

fn mapped_frame(frame: &str) -> String {
    let Some((name, line, column)) = place(frame) else {
        return frame.to_owned();
    };
    let (line, column) = module::original(&frame[name.clone()], line, column);
    let close = if frame.ends_with(')') { ")" } else { "" };
    format!("{}:{line}:{column}{close}", &frame[..name.end])
}

/// Where a frame is: which part of it names the module, the line and the column. `    at run (main.ts:12:7)` or `    at main.ts:1:2`.
fn place(frame: &str) -> Option<(std::ops::Range<usize>, u32, u32)> {
    let end = frame.trim_end_matches(')');
    let (rest, column) = end.rsplit_once(':')?;
    let (rest, line) = rest.rsplit_once(':')?;
    let start = match rest.rfind(" (") {
        Some(at) if frame.ends_with(')') => at + 2,
        _ => rest.find("at ")? + 3,
    };
    Some((start..rest.len(), line.parse().ok()?, column.parse().ok()?))
}

fn shown(ctx: &Ctx<'_>, thrown: &Value<'_>) -> String {
    match thrown.get::<rquickjs::Coerced<String>>() {
        Ok(text) => cut(text.0),
        Err(_) => {
            ctx.catch();
            "a value that cannot be shown".to_owned()
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MESSAGE {
        let mut end = MESSAGE - 3;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_where_it_is() {
        let rows = [
            ("    at run (main.ts:12:7)", Some(("main.ts", 12, 7))),
            ("    at main.ts:1:2", Some(("main.ts", 1, 2))),
            ("    at new A (jsr:@std/path/join:3:4)", Some(("jsr:@std/path/join", 3, 4))),
            ("    at map (native)", None),
            ("nothing", None),
        ];
        for (frame, expected) in rows {
            let found = place(frame).map(|(name, line, column)| (&frame[name], line, column));
            assert_eq!(found, expected, "{frame}");
        }
    }
}
