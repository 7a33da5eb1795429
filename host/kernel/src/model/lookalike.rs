//! Names that look like others: letters of several scripts in one word, and words of another script that look like ASCII.

use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::skeleton;

/// Notes for one name; more would hide the question.
const NOTES_MAX: usize = 8;
/// Letters from which on a word of another script is compared with ASCII; shorter ones are honest words in many languages.
const LETTERS_MIN: usize = 3;
/// What a host's label begins with that encodes letters beyond ASCII.
const ENCODED: &str = "xn--";

/// Scripts that are written together in one word.
const TOGETHER: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

/// What a person should look at twice in a name, in lines ready to be printed.
pub fn careful(name: &str) -> Vec<String> {
    let words = name.split(|character: char| !character.is_alphanumeric() && !is_combining_mark(character));
    let mut notes: Vec<String> = words.filter_map(word_note).collect();
    let labels = name.split(['/', '.', ':']).filter(|label| label.starts_with(ENCODED));
    notes.extend(labels.map(|label| format!("  careful: '{}' stands for letters of other scripts", spelt(label))));
    notes.dedup();
    let more = notes.len().saturating_sub(NOTES_MAX);
    notes.truncate(NOTES_MAX);
    if more > 0 {
        notes.push(format!("  careful: {more} more such words"));
    }
    notes
}

fn word_note(word: &str) -> Option<String> {
    if word.is_ascii() {
        return None;
    }
    let mut scripts: Vec<Script> = Vec::new();
    for script in word.chars().map(|character| character.script()) {
        if !matches!(script, Script::Common | Script::Inherited) && !scripts.contains(&script) {
            scripts.push(script);
        }
    }
    // Latin first: it is what the reader takes the word for.
    scripts.sort_by_key(|script| *script != Script::Latin);
    let names: Vec<&str> = scripts.iter().map(|script| script.full_name()).collect();
    if scripts.len() > 1 && !TOGETHER.iter().any(|known| scripts.iter().all(|script| known.contains(script))) {
        return Some(format!("  careful: '{}' mixes {}", spelt(word), names.join(" and ")));
    }
    let looks: String = skeleton(word).collect();
    let is_word = looks.chars().all(|character| character.is_ascii_alphanumeric());
    if is_word && word.chars().filter(|character| character.is_alphabetic()).count() >= LETTERS_MIN {
        let script = names.first().copied().unwrap_or("no script");
        return Some(format!("  careful: '{}' is {script} and looks like '{looks}'", spelt(word)));
    }
    None
}

/// A word with every letter beyond ASCII by its number.
fn spelt(word: &str) -> String {
    let mut spelt = String::new();
    for character in word.chars() {
        if character.is_ascii() {
            spelt.push(character);
        } else {
            spelt.push_str(&format!("\\u{{{:x}}}", character as u32));
        }
    }
    spelt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_others_are_told_and_honest_ones_are_not() {
        for (name, want) in [
            ("fs:workspace/s\u{435}crets", "  careful: 's\\u{435}crets' mixes Latin and Cyrillic"),
            ("fs:workspace/\u{3b1}lpha.rs", "  careful: '\\u{3b1}lpha' mixes Latin and Greek"),
            (
                "http:https/\u{440}\u{430}\u{443}\u{440}\u{430}.com/443",
                "  careful: '\\u{440}\\u{430}\\u{443}\\u{440}\\u{430}' is Cyrillic and looks like 'paypa'",
            ),
            ("http:https/xn--80ak6aa92e.com/443", "  careful: 'xn--80ak6aa92e' stands for letters of other scripts"),
            (
                "fs:workspace/\u{ff41}\u{ff42}\u{ff43}",
                "  careful: '\\u{ff41}\\u{ff42}\\u{ff43}' is Latin and looks like 'abc'",
            ),
            ("fs:workspace/secrets", ""),
            ("fs:workspace/\u{43e}\u{442}\u{447}\u{451}\u{442}_final.md", ""),
            ("fs:workspace/GPU\u{7248}\u{3067}\u{30c6}\u{30b9}\u{30c8}.txt", ""),
            ("fs:workspace/\u{e9}t\u{e9}.txt", ""),
            ("fs:workspace/nai\u{308}ve", ""),
        ] {
            assert_eq!(careful(name).join("\n"), want, "{name}");
        }
        assert_eq!(careful(&"s\u{435}x ".repeat(20)).len(), 1);
        let many: String = ('a'..='z').map(|letter| format!("{letter}\u{435} ")).collect();
        assert_eq!(careful(&many).len(), NOTES_MAX + 1);
    }
}
