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

/// Characters that a person does not see, or sees as something else, or that reorder what is seen: controls, format characters,
/// the line and paragraph separators, private use, what no text may hold, and all that a display may leave out. A test compares
/// the list with Unicode's own data.
pub fn is_hidden(character: char) -> bool {
    // The last two of each plane are no characters.
    character.is_control() || character as u32 & 0xfffe == 0xfffe || is_in_hidden_range(character)
}

fn is_in_hidden_range(character: char) -> bool {
    matches!(character,
        '\u{00AD}' | '\u{034F}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}' | '\u{0890}'..='\u{0891}'
        | '\u{08E2}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{E000}'..='\u{F8FF}' | '\u{FDD0}'..='\u{FDEF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..='\u{10FFFF}')
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

    /// As Unicode's DerivedCoreProperties.txt has them; no release since 6.3 changed these ranges.
    const DEFAULT_IGNORABLE: [(u32, u32); 17] = [
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFF8),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    ];

    #[test]
    fn what_is_hidden_is_what_unicode_says_cannot_be_seen() {
        use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
        let mut wrong = Vec::new();
        for character in '\0'..=char::MAX {
            let number = character as u32;
            let ignorable = DEFAULT_IGNORABLE.iter().any(|(first, last)| (*first..=*last).contains(&number));
            let no_character = number & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&number);
            let category = matches!(
                character.general_category(),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::PrivateUse
                    | GeneralCategory::Surrogate
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            );
            if is_hidden(character) != (ignorable || no_character || category) {
                wrong.push(format!("{number:04x}"));
            }
        }
        assert!(wrong.is_empty(), "{} of them: {}", wrong.len(), wrong.join(" "));
    }
}
