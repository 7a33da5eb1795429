//! Exact replacement in a text.

use std::fmt::Write;

/// Lines that a message names.
const LINES_TOLD: usize = 10;
/// Comparisons of lines for a hint.
const HINT_COMPARISONS_MAX: usize = 2_000_000;

/// A text with its replacements.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    pub content: String,
    /// The lines at which replacements begin, from 1, as they were before.
    pub lines: Vec<usize>,
}

/// Replaces `old` by `new` where it is there exactly `expected` times, without overlapping; else says how often and where it is.
/// Line ends are those of the text: where it has only one kind, `old` and `new` are taken to have that too.
pub fn replace(content: &str, old: &str, new: &str, expected: usize) -> Result<Replaced, String> {
    let ends = LineEnds::of(content);
    let mut found: Vec<usize> = content.match_indices(old).map(|(at, _)| at).collect();
    let mut length = old.len();
    if found.is_empty() {
        let old = ends.in_text(old);
        found = content.match_indices(&*old).map(|(at, _)| at).collect();
        length = old.len();
    }
    let lines = lines_of(content, &found);
    if found.len() != expected {
        return Err(trouble(content, old, &lines, expected));
    }
    let new = ends.in_text(new);
    let mut replaced = String::with_capacity(content.len() + found.len() * new.len());
    let mut from = 0;
    for at in found {
        replaced.push_str(&content[from..at]);
        replaced.push_str(&new);
        from = at + length;
    }
    replaced.push_str(&content[from..]);
    Ok(Replaced { content: replaced, lines })
}

/// What ends the lines of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Lf,
    CrLf,
    /// Both, or none at all.
    Any,
}

impl LineEnds {
    fn of(text: &str) -> Self {
        let all = text.matches('\n').count();
        match text.matches("\r\n").count() {
            0 if all > 0 => Self::Lf,
            some if some == all && all > 0 => Self::CrLf,
            _ => Self::Any,
        }
    }

    fn in_text(self, text: &str) -> String {
        match self {
            Self::Lf => text.replace("\r\n", "\n"),
            Self::CrLf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            Self::Any => text.to_owned(),
        }
    }
}

/// The lines of places that are in order.
fn lines_of(content: &str, places: &[usize]) -> Vec<usize> {
    let (mut line, mut from) = (1, 0);
    let count = |at: &usize| {
        line += content[from..*at].matches('\n').count();
        from = *at;
        line
    };
    places.iter().map(count).collect()
}

fn trouble(content: &str, old: &str, lines: &[usize], expected: usize) -> String {
    let mut text = match lines.len() {
        0 => "old_text is not in the file".to_owned(),
        1 => "old_text is there once".to_owned(),
        count => format!("old_text is there {count} times"),
    };
    if !lines.is_empty() {
        let told: Vec<String> = lines.iter().take(LINES_TOLD).map(usize::to_string).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, " (line {}{})", told.join(", "), if lines.len() > LINES_TOLD { ", ..." } else { "" });
        let _ = write!(
            text,
            ", expected {expected}; nothing is changed. Take more of the text around it, or set expected_count"
        );
        return text;
    }
    text.push_str("; nothing is changed");
    match nearly(content, old) {
        Some(line) => {
            let _ = write!(text, ". What is at line {line} differs only in spaces: copy it from there exactly");
        }
        None => text.push_str(". Read the file again and copy the text exactly, with its spaces"),
    }
    text
}

/// The first line from which on the text is there but for spaces at both ends of lines.
fn nearly(content: &str, old: &str) -> Option<usize> {
    let wanted: Vec<&str> = old.trim().lines().map(str::trim).collect();
    let first = wanted.first().filter(|line| !line.is_empty())?;
    let have: Vec<&str> = content.lines().map(str::trim).collect();
    let mut left = HINT_COMPARISONS_MAX;
    for start in 0..have.len() {
        if have[start] != *first {
            continue;
        }
        let same = have[start..].iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        if same == wanted.len() {
            return Some(start + 1);
        }
        left = left.checked_sub(same)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, old: &str, new: &str, expected: usize, after: &str, lines: &[usize]) {
        let found = replace(content, old, new, expected).unwrap();
        assert_eq!((found.content.as_str(), found.lines.as_slice()), (after, lines));
    }

    #[test]
    fn what_is_there_as_often_as_expected_is_replaced() {
        check("a b c", "b", "x", 1, "a x c", &[1]);
        check("a\nb\na\n", "a", "xy", 2, "xy\nb\nxy\n", &[1, 3]);
        check("aaa", "aa", "b", 1, "ba", &[1]);
        check("a", "a", "", 1, "", &[1]);
        check("\u{feff}a\n", "a\n", "b\n", 1, "\u{feff}b\n", &[1]);
        check("a\nb", "b", "c\n", 1, "a\nc\n", &[2]);
        check("éa", "a", "é", 1, "éé", &[1]);
    }

    #[test]
    fn line_ends_stay() {
        check("a\r\nb\r\n", "a\nb", "x\ny\nz", 1, "x\r\ny\r\nz\r\n", &[1]);
        check("a\r\nb\r\n", "b", "x\ny", 1, "a\r\nx\r\ny\r\n", &[2]);
        check("a\r\nb\r\n", "a\r\nb", "x\r\ny", 1, "x\r\ny\r\n", &[1]);
        check("a\nb\n", "a\r\nb", "x\r\ny", 1, "x\ny\n", &[1]);
        check("a\r\nb\nc", "b\n", "x\r\n", 1, "a\r\nx\r\nc", &[2]);
        check("a", "a", "x\r\n", 1, "x\r\n", &[1]);
    }

    #[track_caller]
    fn refused(content: &str, old: &str, expected: usize, why: &str) {
        let found = replace(content, old, "x", expected).unwrap_err();
        assert!(found.contains(why), "{found}");
    }

    #[test]
    fn another_number_is_refused_with_the_places() {
        refused("a\nb\na\n", "a", 1, "there 2 times (line 1, 3), expected 1; nothing is changed");
        refused("a", "a", 2, "there once (line 1), expected 2");
        refused("a\r\nb\nc\n", "a\nb", 1, "What is at line 1 differs only in spaces");
        refused("x\n  a;\n\tb;\n", "a;\nb;", 1, "What is at line 2 differs only in spaces");
        refused("x", "y", 1, "is not in the file; nothing is changed. Read the file again");
        refused("", "y", 1, "is not in the file");
        refused(&"a\n".repeat(99), "a", 1, "3, 4, 5, 6, 7, 8, 9, 10, ...), expected 1");
    }

    #[test]
    fn a_hint_ends_soon() {
        let old = "a\n".repeat(5_000) + "b";
        refused(&" a\n".repeat(100_000), &old, 1, "Read the file again");
    }
}
