//! How deep brackets are nested, found without recursion: a parser that descends would run out of stack where the answer is needed.

/// Brackets within brackets: far more than a person writes, and few enough for the stack.
pub const NESTING_MAX: usize = 100;

/// Where the first bracket stands that is nested too deep. Strings, templates and comments are skipped; a regular expression is taken for
/// text, so its brackets count.
pub fn too_deep(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut open = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' | b'{' => {
                open += 1;
                if open > NESTING_MAX {
                    return Some(at);
                }
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'"' | b'\'' => at = string_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len() - at);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at += 3 + bytes[at + 2..].windows(2).position(|end| end == b"*/").unwrap_or(bytes.len());
            }
            b'\\' => at += 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The quote that ends a string, or the end of its line if there is none.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' | b'\r' => return at,
            byte if *byte == bytes[start] => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_of_the_program_count() {
        let deep = |open: &str| open.repeat(NESTING_MAX + 1);
        let check = |source: String, expected| assert_eq!(too_deep(&source), expected, "{source:?}");
        check("(".repeat(NESTING_MAX), None);
        check(deep("("), Some(NESTING_MAX));
        check(deep("[{("), Some(NESTING_MAX));
        check(deep("()"), None);
        check(format!("'{}'", deep("(")), None);
        check(format!("'\\'{}'", deep("(")), None);
        check(format!("'it is open\n{}", deep("(")), Some(12 + NESTING_MAX));
        check(format!("// {}", deep("(")), None);
        check(format!("// \n{}", deep("(")), Some(4 + NESTING_MAX));
        check(format!("/* {} */", deep("(")), None);
        check(format!("/* {}", deep("(")), None);
        check(format!("/**/{}", deep("(")), Some(4 + NESTING_MAX));
        check(")".repeat(10) + &deep("("), Some(10 + NESTING_MAX));
        check("'".into(), None);
        check("\\".into(), None);
    }
}
