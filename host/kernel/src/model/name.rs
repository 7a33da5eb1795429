//! Which names may be made. Existing names are wider: what is on the disk is on the disk.

use super::limit;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Why a segment cannot be the name of something new or stand in a rule.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn check_new_segment(segment: &str) -> Result<(), String> {
    if segment.is_empty() || segment == "." || segment == ".." {
        return Err(format!("'{segment}' is no name"));
    }
    if segment.len() > limit::SEGMENT_BYTES_MAX {
        return Err(format!("a name has more than {} bytes", limit::SEGMENT_BYTES_MAX));
    }
    if segment.is_ascii() {
        return match segment.bytes().find(|byte| byte.is_ascii_control()) {
            Some(byte) => Err(format!("a name has the control character U+{byte:04X}")),
            None => Ok(()),
        };
    }
    if let Some(character) = segment.chars().find(|character| is_hidden(*character)) {
        return Err(format!("a name has the invisible character U+{:04X}", character as u32));
    }
    let composed = match is_nfc_quick(segment.chars()) {
        IsNormalized::Yes => true,
        IsNormalized::No => false,
        IsNormalized::Maybe => segment.chars().eq(segment.nfc()),
    };
    if composed { Ok(()) } else { Err("a name is not in Unicode normalisation form C".into()) }
}

/// Characters that a person does not see or that reorder what is seen: controls, bidirectional and zero-width ones, tags, the
/// line and paragraph separators, and variation selectors.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Checks each segment of a path made of `/`-separated segments.
///
/// # Errors
/// See [`check_new_segment`].
pub fn check_new(path: &str) -> Result<(), String> {
    path.split('/').try_for_each(check_new_segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_deceive_are_refused_and_odd_but_honest_ones_are_not() {
        for (name, fine) in [
            ("main.rs", true),
            ("...", true),
            ("~root", true),
            ("C:\\x", true),
            ("%2e%2e", true),
            ("\u{e9}t\u{e9}", true),
            ("\u{5d0}\u{5d1}", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a\nb", false),
            ("a\0b", false),
            ("\u{202e}txt.exe", false),
            ("zero\u{200b}width", false),
            ("e\u{301}", false),
            ("\u{fb1d}x", false),
        ] {
            assert_eq!(check_new_segment(name).is_ok(), fine, "{name:?}");
        }
        assert!(check_new_segment(&"x".repeat(limit::SEGMENT_BYTES_MAX)).is_ok());
        assert!(check_new_segment(&"x".repeat(limit::SEGMENT_BYTES_MAX + 1)).is_err());
    }
}
