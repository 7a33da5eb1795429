//! What several families of the standard tools share: text of files, paths, and limits on how much of it.

pub mod paths;

use libos::{Failure, fs};
use schemars::JsonSchema;
use serde::Deserialize;

/// How text is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8, the only one.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
}

/// The first part of a text file.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// Whole characters only.
    pub content: String,
    /// Whether the file goes on.
    pub truncated: bool,
}

/// Reads at most `max_bytes` bytes of a text file, by one system call. Fails if they are not UTF-8.
pub fn read_text(path: &str, max_bytes: u32) -> libos::Result<Text> {
    let bytes = fs::read_range(path, 0, max_bytes + 1)?;
    text(bytes, max_bytes as usize).map_err(|position| {
        Failure::failed(format_args!("{path} is not UTF-8 text: byte {position} fits no character"))
    })
}

/// The text of the first `max_bytes` bytes, cut before a character that is not whole; or the position of a byte that is wrong.
fn text(mut bytes: Vec<u8>, max_bytes: usize) -> Result<Text, usize> {
    let truncated = bytes.len() > max_bytes;
    bytes.truncate(max_bytes);
    match String::from_utf8(bytes) {
        Ok(content) => Ok(Text { content, truncated }),
        Err(error) => {
            let (valid, cut) = (error.utf8_error().valid_up_to(), error.utf8_error().error_len().is_none());
            if !(truncated && cut) {
                return Err(valid);
            }
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            let content = String::from_utf8(bytes).map_err(|_| valid)?;
            Ok(Text { content, truncated })
        }
    }
}

/// The value of an optional argument, or its default; fails outside 1 to `max`.
pub fn within(name: &str, value: Option<u32>, default: u32, max: u32) -> libos::Result<u32> {
    match value.unwrap_or(default) {
        value if (1..=max).contains(&value) => Ok(value),
        value => Err(Failure::invalid_arguments(format_args!("{name} is {value}; it must be 1 to {max}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], max_bytes: usize, expected: Result<(&str, bool), usize>) {
        let found = text(bytes.to_vec(), max_bytes);
        assert_eq!(found, expected.map(|(content, truncated)| Text { content: content.into(), truncated }));
    }

    #[test]
    fn text_is_cut_between_characters() {
        check("aé".as_bytes(), 3, Ok(("aé", false)));
        check("aé".as_bytes(), 2, Ok(("a", true)));
        check("aéb".as_bytes(), 3, Ok(("aé", true)));
        check("é".as_bytes(), 1, Ok(("", true)));
        check(b"", 1, Ok(("", false)));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        check(b"a\xff", 2, Err(1));
        check(b"a\xc3", 2, Err(1));
        check(b"\xffab", 2, Err(0));
    }

    #[test]
    fn limits_hold_at_both_ends() {
        assert_eq!(within("n", None, 5, 9).unwrap(), 5);
        assert_eq!(within("n", Some(9), 5, 9).unwrap(), 9);
        assert_eq!(within("n", Some(10), 5, 9).unwrap_err().message(), "n is 10; it must be 1 to 9");
        assert!(within("n", Some(0), 5, 9).is_err());
    }
}
