//! Looking for a pattern in the lines of a text.

use regex::bytes::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::VecDeque;

/// Bytes of a pattern.
pub const PATTERN_BYTES_MAX: usize = 4_096;
/// Bytes of the program that a pattern becomes: with the text's length it bounds the time.
const PROGRAM_BYTES_MAX: usize = 1 << 20;
/// Groups in groups in a pattern.
const NESTING_MAX: u32 = 64;
/// Bytes of a line that are shown.
const SHOWN_BYTES_MAX: usize = 400;
/// Bytes that are shown before what was found, if the line is longer.
const SHOWN_BEFORE: usize = 100;
/// Bytes at the beginning of a file in which a zero byte makes it a binary one, as for git.
pub const BINARY_LOOK: usize = 8_000;

/// A line that is shown.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// From 1.
    line: usize,
    /// Without its line end. Of a long line a part, with `…` where something is left out.
    text: String,
    /// True for a line that is only beside one that was found.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    context: bool,
}

/// What may still be shown.
#[derive(Debug)]
pub struct Room {
    /// Lines with a match.
    pub lines: usize,
    /// Bytes of all lines that are shown.
    pub bytes: usize,
}

/// Reads a pattern, or says what is wrong with it.
pub fn pattern(pattern: &str, is_literal: bool, ignores_case: bool) -> Result<Regex, String> {
    if pattern.is_empty() {
        return Err("pattern is empty; every line would match".into());
    }
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("pattern has {} bytes; at most {PATTERN_BYTES_MAX} are taken", pattern.len()));
    }
    let escaped = is_literal.then(|| regex::escape(pattern));
    let built = RegexBuilder::new(escaped.as_deref().unwrap_or(pattern))
        .case_insensitive(ignores_case)
        .size_limit(PROGRAM_BYTES_MAX)
        .dfa_size_limit(2 * PROGRAM_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "pattern is too large when compiled; repeat less in it".into(),
        error => {
            format!("pattern is no regular expression that is known (no look-around, no back-references): {error}")
        }
    })
}

/// Whether a file is no text, by its first bytes.
pub fn is_binary(start: &[u8]) -> bool {
    start[..start.len().min(BINARY_LOOK)].contains(&0)
}

/// The lines with a match, and `context` lines on both sides. Stops where the room ends; then the flag is true.
pub fn find(content: &[u8], pattern: &Regex, context: usize, room: &mut Room) -> (Vec<Line>, bool) {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let mut found = Vec::new();
    let mut before: VecDeque<(usize, &[u8])> = VecDeque::new();
    let mut after = 0;
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(at) = pattern.find(line).map(|found| found.start()) {
            if room.lines == 0 || room.bytes == 0 {
                return (found, true);
            }
            room.lines -= 1;
            found.extend(before.drain(..).map(|(number, line)| shown(number, line, None, room)));
            found.push(shown(index + 1, line, Some(at), room));
            after = context;
        } else if after > 0 {
            after -= 1;
            found.push(shown(index + 1, line, None, room));
        } else if context > 0 {
            if before.len() == context {
                before.pop_front();
            }
            before.push_back((index + 1, line));
        }
    }
    (found, false)
}

fn shown(number: usize, line: &[u8], found: Option<usize>, room: &mut Room) -> Line {
    let text = part(line, found.unwrap_or(0));
    room.bytes = room.bytes.saturating_sub(text.len());
    Line { line: number, text, context: found.is_none() }
}

/// A line, or the part of it around a place.
fn part(line: &[u8], at: usize) -> String {
    if line.len() <= SHOWN_BYTES_MAX {
        return String::from_utf8_lossy(line).into_owned();
    }
    let is_inside = |byte: &u8| byte & 0xc0 == 0x80;
    let mut start = at.saturating_sub(SHOWN_BEFORE).min(line.len() - SHOWN_BYTES_MAX);
    let mut end = start + SHOWN_BYTES_MAX;
    // A character has four bytes at most.
    start += line[start..].iter().take(3).take_while(|byte| is_inside(byte)).count();
    end -= line[..end].iter().rev().take(3).take_while(|byte| end < line.len() && is_inside(byte)).count();
    if end < line.len() && line[end - 1] >= 0xc0 {
        end -= 1;
    }
    let (left, right) = (if start > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    format!("{left}{}{right}", String::from_utf8_lossy(&line[start..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(content: &[u8], wanted: &str, context: usize, most: usize) -> (Vec<String>, bool) {
        let mut room = Room { lines: most, bytes: 1_000 };
        let (found, more) = find(content, &pattern(wanted, false, false).unwrap(), context, &mut room);
        let mark = |line: &Line| if line.context { '-' } else { ':' };
        (found.iter().map(|line| format!("{}{}{}", line.line, mark(line), line.text)).collect(), more)
    }

    #[track_caller]
    fn check(content: &str, wanted: &str, context: usize, expected: &[&str]) {
        assert_eq!(
            lines(content.as_bytes(), wanted, context, 100),
            (expected.iter().map(|line| (*line).to_owned()).collect(), false)
        );
    }

    #[test]
    fn lines_are_found_whatever_ends_them() {
        check("", "a", 0, &[]);
        check("", "^$", 0, &["1:"]);
        check("a", "a", 0, &["1:a"]);
        check("a\nb\na\n", "^a$", 0, &["1:a", "3:a"]);
        check("a\r\nb\r\n", "^(a|b)$", 0, &["1:a", "2:b"]);
        check("\u{feff}a\n", "^a", 0, &["1:a"]);
        check("\n\na", "a", 0, &["3:a"]);
        check("foo\nbar", r"foo\s+bar", 0, &[]);
        check("é\n", "^.$", 0, &["1:é"]);
    }

    #[test]
    fn context_is_shown_once() {
        check("1\n2\na\n4\n5\n", "a", 1, &["2-2", "3:a", "4-4"]);
        check("a\nx\na\n", "a", 1, &["1:a", "2-x", "3:a"]);
        check("a\nx\ny\na\n", "a", 1, &["1:a", "2-x", "3-y", "4:a"]);
        check("a\na\n", "a", 2, &["1:a", "2:a"]);
    }

    #[test]
    fn what_is_more_than_the_room_is_told() {
        assert_eq!(lines(b"a\na\n", "a", 0, 1), (vec!["1:a".to_owned()], true));
        assert!(!lines(b"a\na\n", "a", 0, 2).1);
        let long = vec![b'a'; 300];
        let many = [long.as_slice(); 9].join(&b"\n"[..]);
        let (found, more) = lines(&many, "a", 0, 100);
        assert!(more && found.len() == 4, "{}", found.len());
    }

    #[test]
    fn of_a_long_line_the_part_around_the_match_is_shown() {
        let check = |line: &str, wanted: &str, left, right| {
            let (found, _) = lines(line.as_bytes(), wanted, 0, 1);
            let text = found[0].strip_prefix("1:").unwrap();
            assert!(text.contains(wanted) && text.len() < SHOWN_BYTES_MAX + 10, "{text}");
            assert_eq!((text.starts_with('…'), text.ends_with('…')), (left, right), "{text}");
            assert!(!text.contains('\u{fffd}'), "{text}");
        };
        check(&format!("x{}", "é".repeat(1_000)), "x", false, true);
        check(&format!("{}x{}", "é".repeat(1_000), "é".repeat(1_000)), "x", true, true);
        check(&format!("{}x", "é".repeat(1_000)), "x", true, false);
        check(&format!("{}x{}", "😀".repeat(501), "a😀".repeat(501)), "x", true, true);
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(lines(b"\xff\xfea\n", "a", 0, 9).0, ["1:\u{fffd}\u{fffd}a"]);
        assert!(is_binary(b"a\0b") && !is_binary(b"") && !is_binary(&[1; 9_000]));
        assert!(!is_binary(&[vec![1; BINARY_LOOK], vec![0]].concat()));
    }

    #[test]
    fn a_hostile_pattern_is_refused_or_linear() {
        for wanted in [
            "",
            "(",
            "(?=a)",
            r"(a)\1",
            &"a".repeat(4_097),
            &"(".repeat(100),
            "((a{100}){100}){100}",
            "(a{200}){300}",
            &format!("{}a{}", "(".repeat(100), ")".repeat(100)),
            r"(\w{900}){9}",
        ] {
            assert!(pattern(wanted, false, false).is_err(), "{wanted}");
        }
        let evil = pattern("(a*)*b|(a|aa)+$x", false, false).unwrap();
        assert_eq!(find(&vec![b'a'; 100_000], &evil, 0, &mut Room { lines: 1, bytes: 1 }).0, []);
        let literal = pattern("a.(b", true, true).unwrap();
        assert!(literal.is_match(b"xA.(By") && !literal.is_match(b"axx(b"));
    }
}
