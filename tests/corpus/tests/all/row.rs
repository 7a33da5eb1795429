//! One line of a data file: its columns, its steps, and the words of a step.

use std::path::Path;

/// What is expected of a request: how it ends, and a part of its text or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub word: String,
    pub text: Option<Text>,
}

/// What is expected of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    Whole(String),
    Part(String),
    Without(String),
}

/// One thing that somebody does.
#[derive(Debug, Clone)]
pub struct Step {
    pub words: Vec<Vec<u8>>,
    pub expected: Option<Expected>,
}

/// An input.
#[derive(Debug, Clone)]
pub struct Row {
    /// `file:line`.
    pub place: String,
    pub id: String,
    pub category: String,
    pub setup: Vec<Step>,
    pub request: Vec<Step>,
    pub expected: Expected,
    /// Why the row is known to fail, if it is.
    pub todo: Option<String>,
}

impl Row {
    /// Whether somebody puts another file in the place of the policy.
    pub fn replaces_policy(&self) -> bool {
        let policy = |word: &Vec<u8>| word == b"libos.toml";
        let replaces = |step: &Step| matches!(step.words[0].as_slice(), b"save" | b"gone" | b"move" | b"exchange");
        self.setup.iter().chain(&self.request).any(|step| replaces(step) && step.words.iter().any(policy))
    }
}

/// The rows of a file beside `Cargo.toml`.
pub fn read(name: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(index, line)| parse(&format!("tests/corpus/{name}:{}", index + 1), line)).collect()
}

fn parse(place: &str, line: &str) -> Row {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let ([id, category, setup, request, expected], rest) =
        columns.split_first_chunk().unwrap_or_else(|| panic!("{place}: a row has five columns"));
    let todo = rest.first().map(|why| (*why).to_owned());
    let row = Row {
        place: place.to_owned(),
        id: (*id).to_owned(),
        category: (*category).to_owned(),
        setup: steps(place, setup),
        request: steps(place, request),
        expected: expect(place, expected),
        todo,
    };
    assert!(
        !row.id.is_empty() && !row.request.is_empty() && rest.len() <= 1,
        "{place}: a column is missing or too much"
    );
    row
}

fn steps(place: &str, text: &str) -> Vec<Step> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    let step = |part: &str| {
        let (request, expected) = match part.split_once(" => ") {
            Some((request, expected)) => (request, Some(expect(place, expected))),
            None => (part, None),
        };
        Step { words: words(place, request), expected }
    };
    parts.map(step).collect()
}

/// `word`, `word=whole text`, `word~part of the text`, or `word!what the text has not`.
fn expect(place: &str, text: &str) -> Expected {
    let end = text.find(['=', '~', '!']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let value = || {
        let bytes = words(place, &rest[1..]).join(&b' ');
        String::from_utf8(bytes).unwrap_or_else(|_| panic!("{place}: an expected text is text"))
    };
    let text = match rest.bytes().next() {
        None => None,
        Some(b'=') => Some(Text::Whole(value())),
        Some(b'~') => Some(Text::Part(value())),
        Some(_) => Some(Text::Without(value())),
    };
    Expected { word: word.trim().to_owned(), text }
}

/// Words are separated by spaces; in double quotes a space is part of the word. See the heads of the data files.
pub fn words(place: &str, text: &str) -> Vec<Vec<u8>> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let (mut word, mut begun, mut quoted) = (Vec::new(), false, false);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        match character {
            '"' => (quoted, begun) = (!quoted, true),
            ' ' if !quoted => {
                words.extend(std::mem::take(&mut begun).then(|| std::mem::take(&mut word)));
            }
            _ => {
                let (bytes, length) = piece(place, rest);
                word.extend(bytes);
                (begun, rest) = (true, &rest[length..]);
                continue;
            }
        }
        rest = &rest[character.len_utf8()..];
    }
    assert!(!quoted, "{place}: a quote is open in '{text}'");
    words.extend(begun.then_some(word));
    words
}

/// The bytes of one character, one escape, or one repetition, and how much of the text that is.
fn piece(place: &str, text: &str) -> (Vec<u8>, usize) {
    let bad = || -> ! { panic!("{place}: what is '{}'?", text.chars().take(12).collect::<String>()) };
    if let Some(rest) = text.strip_prefix('{')
        && let Some(end) = rest.find('}')
        && let Some((inner, count)) = rest[..end].rsplit_once('*')
        && let Ok(count) = count.parse::<usize>()
    {
        let mut once = Vec::new();
        let mut inner = inner;
        while !inner.is_empty() {
            let (bytes, length) = piece(place, inner);
            once.extend(bytes);
            inner = &inner[length..];
        }
        return (once.repeat(count), end + 2);
    }
    let Some(rest) = text.strip_prefix('\\') else {
        let length = text.chars().next().map_or(0, char::len_utf8);
        return (text.as_bytes()[..length].to_vec(), length);
    };
    let simple = |byte: u8| (vec![byte], 2);
    match rest.as_bytes() {
        [b'n', ..] => simple(b'\n'),
        [b'r', ..] => simple(b'\r'),
        [b't', ..] => simple(b'\t'),
        [b's', ..] => simple(b' '),
        [b'\\', ..] => simple(b'\\'),
        [b'"', ..] => simple(b'"'),
        [b'x', ..] => match rest.get(1..3).map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => (vec![byte], 4),
            _ => bad(),
        },
        [b'u', b'{', ..] => {
            let end = rest.find('}').unwrap_or_else(|| bad());
            let number = u32::from_str_radix(&rest[2..end], 16).ok().and_then(char::from_u32);
            (number.unwrap_or_else(|| bad()).to_string().into_bytes(), end + 2)
        }
        _ => bad(),
    }
}

#[test]
fn a_row_is_read_as_its_grammar_says() {
    let row =
        parse("here:1", r#"X1 | kind | file a "b c"; dir \x64\u{e9} | read {x/*3}y => asks~a; read \s | done="a b""#);
    assert_eq!(row.setup[0].words, [b"file".to_vec(), b"a".to_vec(), b"b c".to_vec()]);
    assert_eq!(row.setup[1].words[1], "d\u{e9}".as_bytes());
    assert_eq!(row.request[0].words[1], b"x/x/x/y");
    assert_eq!(row.request[0].expected, Some(Expected { word: "asks".into(), text: Some(Text::Part("a".into())) }));
    assert_eq!(row.request[1].words[1], b" ");
    assert_eq!(row.expected, Expected { word: "done".into(), text: Some(Text::Whole("a b".into())) });
}
