//! Command lines as names: `shell:/usr/bin/git -- status --short` is the program's path, the segment `--`, and a segment for each word.
//! So rules about programs are matched, indexed, handed on and explained as all other rules are.
//!
//! A rule without `--` is about the program with any arguments, as in sudoers(5); with `--` and nothing behind it, about the program
//! without arguments. `*` is one word, `**` at the end any that follow.

use super::id::{Digest, hex};
use super::limit::{COMMAND_WORD_NAME_BYTES_MAX, COMMAND_WORDS_NAMED_MAX};
use super::name::{check_new_segment, is_hidden};
use super::resource::{Kind, Resource};
use sha2::{Digest as _, Sha256};

/// The segment between a program's path and its arguments.
pub const MARK: &str = "--";
/// The same as people write it.
const WRITTEN_MARK: &str = " --";
/// What stands for a word without a character.
const EMPTY: &str = "%00";
/// What the name of a word begins with that is too long for a name: its SHA-256 follows.
const LONG: &str = "%sha256-";
/// What the name of all words begins with that are too many for names.
const MORE: &str = "%more-";

/// The name of a program that is started with these arguments. `program` is an absolute path, or what was asked for.
///
/// # Errors
/// A sentence: the path can be no name.
pub fn resource(program: &str, arguments: &[String]) -> Result<Resource, String> {
    let path = program.trim_start_matches('/');
    for segment in path.split('/') {
        check_new_segment(segment)?;
        if segment == MARK {
            return Err("a program below a directory called '--' has no name".into());
        }
    }
    let mut name = format!("{path}/{MARK}");
    let (named, more) = arguments.split_at(arguments.len().min(COMMAND_WORDS_NAMED_MAX));
    for word in named {
        name.push('/');
        name.push_str(&segment(word));
    }
    if !more.is_empty() {
        let mut digest = Sha256::new();
        for word in more {
            digest.update((word.len() as u64).to_be_bytes());
            digest.update(word);
        }
        name.push_str(&format!("/{MORE}{}", hex(&Digest::from(digest.finalize()))));
    }
    Ok(Resource::new(Kind::Shell, name))
}

/// The program and the words of a name, as far as the name says them.
pub fn program(resource: &Resource) -> Option<String> {
    if resource.kind() != Kind::Shell {
        return None;
    }
    split(resource.path()).map(|(program, _)| format!("/{program}"))
}

/// The path of a program, and what stands behind the mark.
fn split(path: &str) -> Option<(&str, &str)> {
    let mut marks = path.match_indices("/--").map(|(at, mark)| (&path[..at], &path[at + mark.len()..]));
    marks.find(|(_, words)| words.is_empty() || words.starts_with('/'))
}

/// A word as a segment: no two words are one segment, and no segment is a wildcard.
fn segment(word: &str) -> String {
    let composed = check_new_segment(word).is_ok() || word.is_ascii();
    let mut name = String::with_capacity(word.len());
    for character in word.chars() {
        let plain = !matches!(character, '/' | '%' | '*' | ' ')
            && !is_hidden(character)
            && !character.is_whitespace()
            && (character.is_ascii() || composed);
        if plain {
            name.push(character);
        } else {
            let mut bytes = [0; 4];
            character.encode_utf8(&mut bytes).bytes().for_each(|byte| name.push_str(&format!("%{byte:02X}")));
        }
    }
    match name.as_str() {
        "" => EMPTY.into(),
        "." | ".." => name.replace('.', "%2E"),
        _ if name.len() > COMMAND_WORD_NAME_BYTES_MAX => format!("{LONG}{}", hex(&Digest::from(Sha256::digest(word)))),
        _ => name,
    }
}

/// What a rule says of programs, as the path of a pattern.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let (program, words) = match text.split_once(WRITTEN_MARK) {
        Some((program, "")) => (program, Some("")),
        Some((program, rest)) if rest.starts_with(' ') => (program, Some(rest)),
        _ => (text, None),
    };
    let path = program.strip_prefix('/').unwrap_or(program);
    if path.split('/').any(|segment| segment == MARK) {
        return Err("the arguments stand behind ' -- ', for example shell:/usr/bin/git -- status **".into());
    }
    if path.contains(' ') && words.is_none() && path.split(' ').nth(1).is_some_and(|word| !word.contains('/')) {
        return Err("the arguments stand behind ' -- ', for example shell:/usr/bin/git -- status **".into());
    }
    let Some(words) = words else {
        let any = path == "**" || path.ends_with("/**");
        return Ok(if any { path.to_owned() } else { format!("{path}/{MARK}/**") });
    };
    if path == "**" || path.ends_with("/**") {
        return Err("** for programs covers their arguments, too; for some of them name the programs".into());
    }
    let mut pattern = format!("{path}/{MARK}");
    let words: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    let ends_open = words.last().is_some_and(|word| *word == "**" || word.starts_with(MORE));
    if words.len() > COMMAND_WORDS_NAMED_MAX + usize::from(ends_open) {
        return Err(format!("a rule names at most {COMMAND_WORDS_NAMED_MAX} arguments"));
    }
    for word in words {
        pattern.push('/');
        pattern.push_str(&written(word)?);
    }
    Ok(pattern)
}

/// A word of a rule as a segment of its pattern.
fn written(word: &str) -> Result<String, String> {
    let is_digest = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let known = [LONG, MORE].iter().any(|begin| word.strip_prefix(begin).is_some_and(is_digest));
    if known || matches!(word, "*" | "**" | EMPTY) {
        return Ok(word.to_owned());
    }
    if word.contains('*') {
        return Err(format!("'{word}': * stands only for a whole word; the character itself is %2A"));
    }
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Option<(u8, u8)> = rest.next().zip(rest.next());
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        let value = digits.and_then(|(high, low)| Some(digit(high)? << 4 | digit(low)?)).filter(|value| *value != 0);
        bytes.push(value.ok_or_else(|| format!("'{word}': the character % is written %25, a space %20"))?);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(segment(&text)),
        Err(_) => Err(format!("'{word}': what is written with % is no UTF-8")),
    }
}

/// The path of a resource or pattern as people write it.
pub(super) fn shown(path: &str) -> String {
    let Some((program, words)) = split(path) else { return format!("/{path}") };
    match words {
        "/**" => format!("/{program}"),
        words => {
            let words = words.replace('/', " ").replace("%2F", "/").replace("%2E", ".");
            format!("/{program}{WRITTEN_MARK}{words}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Pattern;

    fn line(program: &str, words: &[&str]) -> Resource {
        resource(program, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_rule_about_a_program_covers_the_arguments_that_it_names() {
        let long = "x".repeat(300);
        for (rule, program, words, covers) in [
            ("shell:/usr/bin/git", "/usr/bin/git", &["status", "-s"][..], true),
            ("shell:/usr/bin/git", "/usr/bin/git", &[], true),
            ("shell:/usr/bin/git", "/usr/bin/gitk", &[], false),
            ("shell:/usr/bin/git", "/tmp/usr/bin/git", &[], false),
            ("shell:/usr/bin/git --", "/usr/bin/git", &[], true),
            ("shell:/usr/bin/git --", "/usr/bin/git", &["status"], false),
            ("shell:/usr/bin/git --", "/usr/bin/git", &[""], false),
            ("shell:/usr/bin/git -- status", "/usr/bin/git", &["status"], true),
            ("shell:/usr/bin/git -- status", "/usr/bin/git", &["-c", "x", "status"], false),
            ("shell:/usr/bin/git -- status", "/usr/bin/git", &["status", "-s"], false),
            ("shell:/usr/bin/git -- status **", "/usr/bin/git", &["status"], true),
            ("shell:/usr/bin/git -- status **", "/usr/bin/git", &["status", "-s", "a/b"], true),
            ("shell:/usr/bin/git -- status **", "/usr/bin/git", &["statusx"], false),
            ("shell:/usr/bin/git -- log *", "/usr/bin/git", &["log", "a/b c*"], true),
            ("shell:/usr/bin/git -- log *", "/usr/bin/git", &["log", &long], true),
            ("shell:/usr/bin/git -- log *", "/usr/bin/git", &["log", "a", "b"], false),
            ("shell:/usr/bin/git -- log *", "/usr/bin/git", &["log"], false),
            ("shell:/usr/bin/cat -- src/a.rs", "/usr/bin/cat", &["src/a.rs"], true),
            ("shell:/usr/bin/cat -- src/a.rs", "/usr/bin/cat", &["src", "a.rs"], false),
            ("shell:/usr/bin/cat -- a%20b .", "/usr/bin/cat", &["a b", "."], true),
            ("shell:/usr/bin/cat -- %00", "/usr/bin/cat", &[""], true),
            ("shell:/usr/bin/cat -- %2A", "/usr/bin/cat", &["*"], true),
            ("shell:/usr/bin/cat -- %2A", "/usr/bin/cat", &["x"], false),
            ("shell:/usr/bin/cat -- --", "/usr/bin/cat", &["--"], true),
            ("shell:/usr/bin/*", "/usr/bin/cat", &["a", "b"], true),
            ("shell:/usr/bin/*", "/usr/bin/a/cat", &[], false),
            ("shell:/usr/bin/**", "/usr/bin/a/cat", &["x"], true),
            ("shell:**", "/x", &["x"], true),
        ] {
            let pattern = Pattern::parse(rule).unwrap();
            assert_eq!(pattern.covers(&line(program, words)), covers, "{rule} and {program} {words:?}");
            assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern.clone()), "{pattern}");
        }
    }

    #[test]
    fn no_two_command_lines_have_one_name_and_each_can_be_a_rule() {
        let long = "x".repeat(300);
        let many: Vec<&str> = vec!["x"; 70];
        let lines = [
            &[][..],
            &[""],
            &["", ""],
            &["a b"],
            &["a", "b"],
            &["a/b"],
            &["a%2Fb"],
            &["%00"],
            &["*"],
            &["**"],
            &["."],
            &["%2E"],
            &["e\u{301}"],
            &["\u{e9}"],
            &["a\nb"],
            &["a\rb"],
            &["\u{202e}x"],
            &[&long],
            &["--"],
            &many,
            &many[..69],
            &many[..64],
        ];
        for (index, words) in lines.iter().enumerate() {
            let name = line("/bin/x", words);
            assert!(name.path().split('/').all(|segment| check_new_segment(segment).is_ok()), "{name}");
            assert_eq!(program(&name).as_deref(), Some("/bin/x"));
            let others = lines[..index].iter().map(|other| line("/bin/x", other));
            assert!(!others.into_iter().any(|other| other == name), "{words:?}");
            let rule = Pattern::exact(&name).unwrap();
            assert_eq!(Pattern::parse(&rule.to_string()), Ok(rule), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_rule_about_a_program_is_refused() {
        for text in [
            "shell:/usr/bin/git status",
            "shell:/usr/bin/git -- a*",
            "shell:/usr/bin/git -- ** a",
            "shell:/usr/bin/git -- %zz",
            "shell:/usr/bin/git -- %ff",
            "shell:/usr/bin/** -- a",
            "shell:/usr/--/git",
            "shell:/usr/../bin/git",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        assert!(resource("/usr/--/x", &[]).is_err());
        assert!(resource("/usr/../x", &[]).is_err());
        assert!(resource("", &[]).is_err());
    }
}
