//! Glob patterns, matched in polynomial time whatever the pattern: a star is tried again only from the last one.

/// Bytes of one pattern.
pub const PATTERN_BYTES_MAX: usize = 1_024;
/// Patterns that alternatives in braces may make of one.
pub const ALTERNATIVES_MAX: usize = 64;

/// One segment of a path, as characters.
pub type Name = Vec<char>;

/// A pattern of a path's segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`: any number of segments, also none.
    Deep,
    Name(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`: any characters, also none.
    Many,
    /// `?`
    One,
    Exact(char),
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Reads a pattern; says why it can match nothing.
    pub fn parse(pattern: &str) -> Result<Self, &'static str> {
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err("is longer than 1,024 bytes");
        }
        let mut segments = Vec::new();
        for text in pattern.split('/') {
            match text {
                "" => return Err("has an empty segment"),
                // More than two stars are two for git.
                stars if stars.len() > 1 && stars.bytes().all(|byte| byte == b'*') => {
                    if segments.last() != Some(&Segment::Deep) {
                        segments.push(Segment::Deep);
                    }
                }
                _ => segments.push(Segment::Name(tokens(text)?)),
            }
        }
        // At the end it stands for everything below, and not for the directory itself.
        if segments.last() == Some(&Segment::Deep) {
            segments.push(Segment::Name(vec![Token::Many]));
        }
        Ok(Self(segments))
    }

    /// Whether the pattern is one segment, which stands for a name in whatever directory.
    pub fn is_name(&self) -> bool {
        matches!(&*self.0, [Segment::Name(_)])
    }

    /// Whether the whole path is matched.
    pub fn matches(&self, path: &[Name]) -> bool {
        let fits = |segment: &Segment, name: &Name| match segment {
            Segment::Deep => false,
            Segment::Name(tokens) => {
                wild(tokens, name, |token| *token == Token::Many, |token, character| token.fits(*character))
            }
        };
        wild(&self.0, path, |segment| *segment == Segment::Deep, fits)
    }
}

impl Token {
    fn fits(&self, character: char) -> bool {
        match self {
            Self::Many => false,
            Self::One => true,
            Self::Exact(exact) => *exact == character,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *negated
            }
        }
    }
}

/// Whether a pattern fits a text from end to end. `many` says what stands for any number of items.
fn wild<P, T>(pattern: &[P], text: &[T], many: impl Fn(&P) -> bool, one: impl Fn(&P, &T) -> bool) -> bool {
    let (mut at, mut next, mut again) = (0, 0, None);
    while next < text.len() {
        if pattern.get(at).is_some_and(&many) {
            at += 1;
            again = Some((at, next));
        } else if pattern.get(at).is_some_and(|item| one(item, &text[next])) {
            (at, next) = (at + 1, next + 1);
        } else if let Some((after, from)) = again {
            (at, next) = (after, from + 1);
            again = Some((after, from + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(many)
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        found.push(match character {
            '*' if found.last() == Some(&Token::Many) => continue,
            '*' => Token::Many,
            '?' => Token::One,
            '[' => set(&mut rest)?,
            '\\' => Token::Exact(rest.next().ok_or("ends in a backslash")?),
            exact => Token::Exact(exact),
        });
    }
    Ok(found)
}

/// What follows a `[`.
fn set(rest: &mut std::iter::Peekable<std::str::Chars>) -> Result<Token, &'static str> {
    const OPEN: &str = "has a [ without its ]";
    let negated = rest.next_if(|next| matches!(next, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    let mut is_first = true;
    loop {
        let first = match rest.next().ok_or(OPEN)? {
            ']' if !is_first => return Ok(Token::Set { negated, ranges }),
            '\\' => rest.next().ok_or(OPEN)?,
            '[' if rest.peek() == Some(&':') => {
                return Err("has a named class such as [:alpha:]; write the characters");
            }
            first => first,
        };
        is_first = false;
        let is_range = {
            let mut ahead = rest.clone();
            ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']')
        };
        let last = if is_range {
            rest.next();
            match rest.next().ok_or(OPEN)? {
                '\\' => rest.next().ok_or(OPEN)?,
                last => last,
            }
        } else {
            first
        };
        ranges.push((first, last));
    }
}

/// The patterns that a pattern with alternatives in braces stands for: `*.{ts,tsx}` is two.
pub fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(text) = open.pop() {
        match braces(&text) {
            None => done.push(text),
            Some((start, end, commas)) => {
                let mut from = start + 1;
                for to in commas.into_iter().chain([end]) {
                    open.push(format!("{}{}{}", &text[..start], &text[from..to], &text[end + 1..]));
                    from = to + 1;
                }
            }
        }
        if done.len() + open.len() > ALTERNATIVES_MAX {
            return Err(format!("stands for more than {ALTERNATIVES_MAX} patterns"));
        }
    }
    done.sort_unstable();
    done.dedup();
    Ok(done)
}

/// The first braces that have their end: where they are, and the commas between them that are in no inner ones.
fn braces(text: &str) -> Option<(usize, usize, Vec<usize>)> {
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => open.push((at, Vec::new())),
            b',' => {
                if let Some((_, commas)) = open.last_mut() {
                    commas.push(at);
                }
            }
            b'}' => match open.pop() {
                Some((start, commas)) if !commas.is_empty() => return Some((start, at, commas)),
                _ => {}
            },
            _ => {}
        }
    }
    None
}

/// The segments of a path.
pub fn names(path: &str) -> Vec<Name> {
    path.split('/').filter(|name| !name.is_empty()).map(|name| name.chars().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let glob = Glob::parse(pattern).unwrap();
        for path in yes {
            assert!(glob.matches(&names(path)), "{pattern} is to match {path}");
        }
        for path in no {
            assert!(!glob.matches(&names(path)), "{pattern} is not to match {path}");
        }
    }

    #[test]
    fn a_pattern_fits_whole_paths() {
        check("a", &["a"], &["b", "aa", "a/a", ""]);
        check("*.rs", &["a.rs", ".rs"], &["a.rsx", "src/a.rs"]);
        check("a*b*c", &["abc", "axxbxbxc"], &["abcd", "acb"]);
        check("a?c", &["abc", "aéc"], &["ac", "abbc"]);
        check("a**c", &["ac", "abc"], &["a/c"]);
        check("**/*.rs", &["a.rs", "x/a.rs", "x/y/a.rs"], &["a.r"]);
        check("src/**/mod.rs", &["src/mod.rs", "src/a/b/mod.rs"], &["mod.rs", "src/a/mod.rsx"]);
        check("src/**", &["src/a", "src/a/b"], &["src", "a"]);
        check("**", &["a", "a/b"], &[]);
        check("****/a", &["a", "x/a"], &["x"]);
        check("**/a/**/b", &["a/b", "x/a/y/a/z/b"], &["a", "b", "b/a"]);
        check(r"\*\[", &["*["], &["a["]);
    }

    #[test]
    fn a_set_is_of_one_character() {
        check("[a-c]", &["a", "b", "c"], &["d", "", "ab", "-"]);
        check("[!a-c]", &["d", "-"], &["a", ""]);
        check("[^a]", &["b"], &["a"]);
        check("[]a]", &["]", "a"], &["b"]);
        check("[a-]", &["a", "-"], &["b"]);
        check(r"[\]]", &["]"], &["\\"]);
        check("[z-a]", &[], &["a", "m", "z"]);
    }

    #[test]
    fn what_can_match_nothing_is_refused() {
        for pattern in ["", "a//b", "/a", "[a", r"a\", "[", "[!", "[a/b]", "[[:alpha:]]", &"a".repeat(1_025)] {
            assert!(Glob::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_length_times_the_names() {
        let pattern = "*a".repeat(500) + "b";
        assert!(!Glob::parse(&pattern).unwrap().matches(&names(&"a".repeat(20_000))));
        let deep = "**/a/".repeat(200) + "b";
        assert!(!Glob::parse(&deep).unwrap().matches(&names(&"a/".repeat(20_000))));
    }

    #[track_caller]
    fn expands(pattern: &str, expected: &[&str]) {
        assert_eq!(alternatives(pattern).unwrap(), expected, "{pattern}");
    }

    #[test]
    fn braces_are_alternatives() {
        expands("a", &["a"]);
        expands("*.{ts,tsx}", &["*.ts", "*.tsx"]);
        expands("{a,b}/{c,d}", &["a/c", "a/d", "b/c", "b/d"]);
        expands("{a,{b,c}d}", &["a", "bd", "cd"]);
        expands("{a}", &["{a}"]);
        expands("{a,b", &["{a,b"]);
        expands(r"\{a,b}", &[r"\{a,b}"]);
        expands("a,b", &["a,b"]);
        assert!(alternatives(&"{a,b}".repeat(7)).is_err());
        assert!(alternatives(&"{a,b}".repeat(200)).is_err());
    }
}
