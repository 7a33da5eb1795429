//! What a person sees before saying yes: nothing in it can move the cursor, hide text or pretend to be something else.

use super::call::Call;
use super::name::is_hidden;
use super::row::{Before, Probe};

/// Lines of content that a preview shows before it says how many follow.
const LINES_MAX: usize = 40;
/// Characters of one line that a preview shows before it says how many follow.
const LINE_CHARACTERS_MAX: usize = 400;

/// A text with every character escaped that a terminal would obey or a person would not see.
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            '\n' => shown.push_str("\\n"),
            _ if is_hidden(character) => shown.push_str(&format!("\\u{{{:x}}}", character as u32)),
            _ => shown.push(character),
        }
    }
    shown
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
    let total = text.lines().count();
    for line in text.lines().take(LINES_MAX) {
        let shown: String = line.chars().take(LINE_CHARACTERS_MAX).collect();
        let hidden = line.chars().count().saturating_sub(LINE_CHARACTERS_MAX);
        let more = if hidden > 0 { format!(" ... ({hidden} more characters)") } else { String::new() };
        lines.push(format!("  | {}{more}", escape(&shown)));
    }
    if total > LINES_MAX {
        lines.push(format!("  ... ({} more lines)", total - LINES_MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_preview_can_move_the_cursor_or_hide() {
        let evil = "\x1b[2J\x1b]52;c;eA==\x07a\rAllowed\u{202e}txt\u{200b}\n\u{9b}31m";
        let shown = escape(evil);
        assert!(!shown.chars().any(is_hidden), "{shown}");
        assert!(shown.contains("\\u{1b}[2J") && shown.contains("\\r") && shown.contains("\\u{202e}"));
    }
}
