//! What a person sees before saying yes: nothing in it can move the cursor, hide text or pretend to be something else.
//!
//! Every line that a guest wrote stands behind `| `, and a line that is longer than a narrow terminal is broken here, so that no
//! part of it begins where only we write.

use super::call::{Approval, Call, Payload};
use super::lookalike::careful;
use super::name::is_hidden;
use super::question::{QuestionRow, Subject};
use super::row::{Before, Probe};
use unicode_normalization::char::is_combining_mark;

/// Lines of content that a preview shows from the beginning, and from the end.
const LINES_SHOWN: (usize, usize) = (30, 10);
/// Characters of one line that a preview shows from the beginning, and from the end.
const CHARACTERS_SHOWN: (usize, usize) = (300, 100);
/// Marks on one letter; more would paint over the lines around it.
const MARKS_MAX: usize = 4;
/// Columns of a line that a person is shown; a terminal of 80 breaks none.
const COLUMNS_MAX: usize = 76;
/// What a line begins with that goes on with the line before.
const GOES_ON: &str = "  + ";

/// A text with every character escaped that a terminal would obey or a person would not see.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // A mark at the beginning would sit on what stands before the text.
    let mut marks = MARKS_MAX;
    for character in text.chars() {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        match character {
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            '\n' => shown.push_str("\\n"),
            ' ' => shown.push(' '),
            _ if is_hidden(character) || is_blank(character) || marks > MARKS_MAX => {
                shown.push_str(&format!("\\u{{{:x}}}", character as u32));
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// Looks like a space and is none.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{2800}'
}

/// What a call does, in lines ready to be printed.
pub fn lines(call: &Call, probe: &Probe) -> Vec<String> {
    let mut lines = Vec::new();
    match (call, probe) {
        (Call::FsWrite { content, .. }, Probe::Write { before, .. }) => {
            lines.push(match before {
                Before::Absent => format!("creates a file of {} bytes:", content.len()),
                Before::Present { size, .. } => {
                    format!("replaces the {size} bytes that are there now with {} bytes:", content.len())
                }
            });
            content_lines(content, &mut lines);
        }
        (Call::FsAppend { content, .. }, Probe::Append { before, .. }) => {
            lines.push(match before {
                Before::Absent => format!("creates a file of {} bytes:", content.len()),
                Before::Present { size, .. } => {
                    format!("adds {} bytes to the {size} that are there now:", content.len())
                }
            });
            content_lines(content, &mut lines);
        }
        (Call::FsRemove { .. }, Probe::Remove { before: Before::Present { size, directory, .. }, .. }) => {
            lines.push(if *directory {
                "removes a directory".into()
            } else {
                format!("removes a file of {size} bytes")
            });
        }
        (Call::FsRename { .. }, Probe::Rename { old, new, before_new, .. }) => {
            lines.push(format!("moves {} to {}", escape(&old.to_string()), escape(&new.to_string())));
            if *before_new != Before::Absent {
                lines.push("and replaces what is there".into());
            }
        }
        (Call::FsCopy { .. }, Probe::Write { before, size, .. }) => {
            lines.push(format!("copies {size} bytes"));
            if *before != Before::Absent {
                lines.push("over what is there".into());
            }
        }
        _ => {}
    }
    lines
}

/// All that a call carries, for a person who wants to read it to its end; in lines ready to be printed.
pub fn whole(call: &Call) -> Vec<String> {
    let bytes: &[u8] = match call {
        Call::FsWrite { content, .. } | Call::FsAppend { content, .. } => content,
        Call::ObjectCreate { payload, .. } | Call::ObjectUpdate { payload, .. } => match payload {
            Payload::Json(text) => text.as_bytes(),
            Payload::Bytes(bytes) => bytes,
        },
        Call::HumanAsk { question: text, .. }
        | Call::HumanTell { message: text, .. }
        | Call::HumanApprove { reason: text, .. }
        | Call::ProcessExit { result: text } => text.as_bytes(),
        _ => return Vec::new(),
    };
    let lines: Vec<String> = match std::str::from_utf8(bytes) {
        Ok(text) => split(text).iter().map(|line| format!("  | {}", escape(line))).collect(),
        Err(_) => bytes.chunks(32).map(|part| format!("  | {}", part.escape_ascii())).collect(),
    };
    lines.iter().flat_map(|line| fold(line)).collect()
}

/// The lines of a text. A carriage return stays in its line, where it is seen.
fn split(text: &str) -> Vec<&str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n').collect()
}

fn content_lines(content: &[u8], lines: &mut Vec<String>) {
    let Ok(text) = std::str::from_utf8(content) else {
        lines.push(format!(
            "  (not text; SHA-256 {})",
            super::id::hex(&{
                use sha2::Digest as _;
                let digest: super::id::Digest = sha2::Sha256::digest(content).into();
                digest
            })
        ));
        return;
    };
    if text.is_empty() {
        return;
    }
    let all = split(text);
    let (head, tail) = LINES_SHOWN;
    let shown = |line: &&str| format!("  | {}", shortened(line));
    // To say that one line is left out takes a line.
    if all.len() <= head + tail + 1 {
        lines.extend(all.iter().map(shown));
        return;
    }
    lines.extend(all[..head].iter().map(shown));
    lines.push(format!("  ... ({} more lines, then the last {tail})", all.len() - head - tail));
    lines.extend(all[all.len() - tail..].iter().map(shown));
}

/// A line, escaped; of a long one the beginning and the end.
fn shortened(line: &str) -> String {
    let (head, tail) = CHARACTERS_SHOWN;
    let count = line.chars().count();
    if count <= head + tail {
        return escape(line);
    }
    let at = |index: usize| line.char_indices().nth(index).map_or(line.len(), |(at, _)| at);
    let (first, last) = (&line[..at(head)], &line[at(count - tail)..]);
    format!("{} ... ({} more characters) ... {}", escape(first), count - head - tail, escape(last))
}

/// The whole question, in lines ready to be printed.
pub fn question(question: &QuestionRow) -> Vec<String> {
    let who = format!("{} ({}, {})", escape(&question.tool), question.call, question.pid);
    let title = |what: String| format!("{}: {who} {what}", question.id);
    let mut lines = match &question.subject {
        Subject::Approval { operation, needs, preview, consent, .. } => {
            let mut lines = vec![title(format!("wants {}", escape(operation)))];
            if let Some(consent) = consent {
                lines.push(format!("  its component has changed since {} was granted to it:", consent.grant));
                let gained = consent.gained.iter().map(|gained| format!("    it {}", escape(gained)));
                lines.extend(gained);
                if consent.gained.is_empty() {
                    lines.push("    it can do nothing that it could not do before".into());
                }
            }
            for need in needs {
                let below = if need.whole { " and everything below it" } else { "" };
                let name = need.resource.to_string();
                lines.push(format!("  {} {}{below}", need.right.word(), escape(&name)));
                lines.extend(careful(&name));
            }
            // These are escaped where they are made.
            lines.extend(preview.iter().map(|line| format!("  {line}")));
            lines
        }
        Subject::Permission { resource, rights, reason } => {
            let name = resource.to_string();
            let mut lines = vec![title("asks for rights".into()), format!("  {rights} {}", escape(&name))];
            lines.extend(careful(&name));
            lines.push("  it says:".into());
            said(reason, &mut lines);
            lines
        }
        Subject::Question { text } => {
            let mut lines = vec![title("asks".into())];
            said(text, &mut lines);
            lines
        }
        Subject::Note { text } => {
            let mut lines = vec![title("says".into())];
            said(text, &mut lines);
            lines
        }
    };
    lines.splice(1..1, careful(&question.tool));
    if !question.also.is_empty() {
        let calls: Vec<String> = question.places().map(|(call, _)| call.to_string()).collect();
        lines.push(format!("  asked by {} calls ({}); the answer is for all of them", calls.len(), calls.join(", ")));
    }
    if let Some(expires) = question.expires {
        lines.push(format!("  denied by itself at {expires}"));
    }
    if let Some(again) = &question.again {
        lines.push(format!("  asked again: {}", escape(again)));
    }
    lines.iter().flat_map(|line| fold(line)).collect()
}

fn said(text: &str, lines: &mut Vec<String>) {
    lines.extend(split(text).iter().map(|line| format!("  | {}", escape(line))));
}

/// What `always` and `never` would make, in lines ready to be printed.
pub fn standing(question: &QuestionRow) -> Vec<String> {
    let line = |approval: Approval, word: &str| {
        if let Subject::Approval { consent: Some(consent), .. } = &question.subject {
            let what = if approval == Approval::Always { "counts for it as it is now" } else { "is revoked" };
            return Some(format!("  {word:6} means: {} {what}", consent.grant));
        }
        let rules = question.standing_rules(approval)?;
        let rules: Vec<String> = rules
            .iter()
            .map(|rule| format!("{} {} {}", rule.effect.word(), rule.rights, escape(&rule.pattern.to_string())))
            .collect();
        Some(format!("  {word:6} makes for {}: {}", question.lasting_holder(), rules.join("; ")))
    };
    let lines = [line(Approval::Always, "always"), line(Approval::Never, "never")];
    lines.into_iter().flatten().flat_map(|line| fold(&line)).collect()
}

/// Breaks a line that a terminal would break, so that what follows does not begin in its first column.
fn fold(line: &str) -> Vec<String> {
    let mut folded = Vec::new();
    let (mut part, mut columns) = (String::new(), 0);
    for character in line.chars() {
        // Letters of some scripts take two.
        let width = if character.is_ascii() { 1 } else { 2 };
        if columns + width > COLUMNS_MAX && !is_combining_mark(character) {
            folded.push(std::mem::replace(&mut part, GOES_ON.to_owned()));
            columns = GOES_ON.len();
        }
        part.push(character);
        columns += width;
    }
    folded.push(part);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::call::WriteMode;
    use crate::model::resource::{Kind, Resource};

    #[test]
    fn nothing_in_a_preview_can_move_the_cursor_or_hide() {
        let evil = "\x1b[2J\x1b]52;c;eA==\x07a\rAllowed\u{202e}txt\u{200b}\n\u{9b}31m\u{a0}\u{2800}\u{e000}";
        let shown = escape(evil);
        assert!(!shown.chars().any(|character| is_hidden(character) || (is_blank(character) && character != ' ')));
        assert!(shown.contains("\\u{1b}[2J") && shown.contains("\\r") && shown.contains("\\u{202e}"));
        assert_eq!(escape("e\u{301}a"), "e\u{301}a");
        assert_eq!(escape("\u{301}a"), "\\u{301}a");
        assert_eq!(escape(&format!("e{}", "\u{301}".repeat(6))), "e\u{301}\u{301}\u{301}\u{301}\\u{301}\\u{301}");
    }

    fn written(content: &str) -> Vec<String> {
        let target = Resource::new(Kind::Fs, "workspace/a");
        let call = Call::FsWrite { path: "a".into(), content: content.into(), mode: WriteMode::CreateOrReplace };
        lines(&call, &Probe::Write { target, before: Before::Absent, after: [0; 32], size: 0 })
    }

    #[test]
    fn a_preview_shows_the_beginning_and_the_end_of_all_that_is_long() {
        let content: Vec<String> = (1..=10_000).map(|number| format!("line {number}")).collect();
        let shown = written(&content.join("\n"));
        assert_eq!((shown.len(), &*shown[1], &*shown[30]), (42, "  | line 1", "  | line 30"));
        assert_eq!(shown[31], "  ... (9960 more lines, then the last 10)");
        assert_eq!((&*shown[32], &*shown[41]), ("  | line 9991", "  | line 10000"));
        let shown = written(&format!("begin{}end\r\n", "x".repeat(1_000)));
        assert!(shown[1].starts_with("  | beginx") && shown[1].ends_with("xend\\r"), "{shown:?}");
        assert!(shown[1].contains("(609 more characters)"), "{shown:?}");
        let call = Call::FsAppend { path: "a".into(), content: content.join("\n").into() };
        assert_eq!(whole(&call).len(), 10_000);
        assert_eq!(written("").len(), 1);
    }

    #[test]
    fn a_long_line_is_broken_before_the_terminal_does_it() {
        assert_eq!(fold("  | short"), ["  | short"]);
        let folded = fold(&format!("  | {}\u{5b57}", "x".repeat(100)));
        assert_eq!(folded.len(), 2);
        assert!(folded[1].starts_with("  + x") && folded[1].ends_with('\u{5b57}'), "{folded:?}");
        assert!(folded.iter().all(|line| line.chars().count() <= COLUMNS_MAX));
    }
}
