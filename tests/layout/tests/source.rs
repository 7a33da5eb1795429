//! Source files, with views of them without comments, strings and tests.

use std::fs;
use std::path::Path;

/// A source file.
pub struct Source {
    /// From the root of the checkout, with slashes.
    pub path: String,
    pub text: String,
    /// The text with comments and the contents of strings blanked; every line and column stays where it was.
    pub code: String,
}

impl Source {
    /// A source from its text.
    pub fn new(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into(), code: blank(text) }
    }

    /// The number of a line, from 1, at a place in the text.
    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Whether all of the file is a test.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The code that is shipped: without items under `#[cfg(test)]`.
    pub fn shipped(&self) -> String {
        if self.is_test() {
            return String::new();
        }
        let mut code = self.code.clone();
        while let Some(start) = code.find("#[cfg(test)]") {
            let end = item_end(&code, start + "#[cfg(test)]".len());
            let blanked: String = code[start..end].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
            code.replace_range(start..end, &blanked);
        }
        code
    }
}

/// Where the item that begins at `from` ends: after its block, or after a semicolon.
fn item_end(code: &str, from: usize) -> usize {
    match code[from..].find(['{', ';']) {
        Some(found) if code.as_bytes()[from + found] == b'{' => block_end(code, from + found),
        Some(found) => from + found + 1,
        None => code.len(),
    }
}

/// The place after the bracket that closes the one at `open`.
pub fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

/// Places of a word that is no part of a longer one.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !code[..*at].chars().next_back().is_some_and(part) && !code[at + word.len()..].chars().next().is_some_and(part)
    })
}

/// All Rust sources of the checkout.
pub fn rust() -> Vec<Source> {
    let files = files("rs");
    assert!(!files.is_empty(), "there is no source: this test looks in the wrong place");
    files.iter().map(|(path, text)| Source::new(path, text)).collect()
}

/// Path and text of all files that end so, without what a build makes.
pub fn files(extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root(), "", extension, &mut found);
    found.sort();
    found
}

/// The root of the checkout.
pub fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn collect(directory: &Path, prefix: &str, extension: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !["target", ".git", "node_modules"].contains(&name.as_str()) {
                collect(&entry.path(), &format!("{path}/"), extension, found);
            }
        } else if name.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.')) {
            // A file that somebody removes while this runs is no concern of ours.
            found.extend(fs::read_to_string(entry.path()).ok().map(|text| (path, text)));
        }
    }
}

/// Blanks comments and the contents of strings and characters, byte for byte.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => text[at..].find('\n').map_or(bytes.len(), |found| at + found),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if at == 0
                || !is_word(bytes[at - 1])
                || (bytes[at - 1] == b'b' && !(at > 1 && is_word(bytes[at - 2]))) =>
            {
                raw_end(text, at)
            }
            b'\'' => character_end(text, at),
            _ => at,
        };
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    // Letters outside ASCII stand only in what was blanked, whole; should one be left, it is of no interest here.
    String::from_utf8_lossy(&code).into_owned()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// The end of a raw string, or `start` if there is none.
fn raw_end(text: &str, start: usize) -> usize {
    let rest = &text[start + 1..];
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if !rest[hashes..].starts_with('"') {
        return start;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let body = start + 1 + hashes + 1;
    text[body..].find(&close).map_or(text.len(), |found| body + found + close.len())
}

/// The end of a character, or `start` if it is a lifetime.
fn character_end(text: &str, start: usize) -> usize {
    let mut rest = text[start + 1..].char_indices();
    match rest.next() {
        Some((_, '\\')) => {
            let after = start + 3;
            text.get(after..).and_then(|rest| rest.find('\'')).map_or(text.len(), |found| after + found + 1)
        }
        _ => match rest.next() {
            Some((offset, '\'')) => start + 1 + offset + 1,
            _ => start,
        },
    }
}

#[test]
fn comments_strings_and_tests_are_seen_as_such() {
    let text = "let a = \"fs\\\"x\"; // std::fs\nlet b = r#\"crate::\"x\"#; /* a /* b */ c */ let c: &'a str = '\\''; 'é'; kept\n\
                #[cfg(test)]\nmod tests { fn hidden() {} }\nfn shown() {}";
    let source = Source::new("host/a.rs", text);
    assert_eq!(source.code.len(), text.len());
    for gone in ["fs", "crate", " b ", "é"] {
        assert!(!source.code.replace("let b ", "").contains(gone), "{gone}: {}", source.code);
    }
    assert!(source.code.contains("&'a str") && source.code.contains("kept"), "{}", source.code);
    assert!(
        source.code.contains("hidden") && !source.shipped().contains("hidden") && source.shipped().contains("shown")
    );
    assert_eq!(source.line(source.code.find("shown").unwrap()), 5);
}
