//! A part of a text file by its lines.

use libos::{Failure, fs};

/// Bytes that one system call reads.
const PIECE_BYTES: u32 = 256 * 1024;
/// Bytes of a file that are gone through to find a line: the host keeps what a call reads.
const BYTES_MAX: u64 = 32 << 20;

/// Lines of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Lines {
    pub content: String,
    /// The last of them, from 1.
    pub last: usize,
    /// Whether the file goes on.
    pub truncated: bool,
}

/// Reads the lines `first` to `last`, from 1, as far as they have at most `max_bytes` bytes.
pub fn read(path: &str, first: u32, last: u32, max_bytes: u32) -> libos::Result<Lines> {
    let mut window = Window::new(first as usize, last as usize, max_bytes as usize);
    let mut offset = 0;
    loop {
        let piece = fs::read_range(path, offset, PIECE_BYTES)?;
        offset += piece.len() as u64;
        let is_end = piece.len() < PIECE_BYTES as usize;
        if window.take(&piece) || is_end {
            break;
        }
        if offset >= BYTES_MAX {
            return Err(Failure::failed(format_args!(
                "line {first} of {path} is not within its first {BYTES_MAX} bytes; more are not gone through"
            )));
        }
    }
    window.end().map_err(|why| Failure::failed(format_args!("{path} {why}")))
}

/// The wanted lines, as they come by.
struct Window {
    first: usize,
    last: usize,
    max_bytes: usize,
    /// The line that the next byte is of.
    line: usize,
    /// Whether that line has a byte already.
    is_begun: bool,
    found: Vec<u8>,
    truncated: bool,
}

impl Window {
    fn new(first: usize, last: usize, max_bytes: usize) -> Self {
        Self { first, last, max_bytes, line: 1, is_begun: false, found: Vec::new(), truncated: false }
    }

    /// Takes the next bytes; true if no more are needed.
    fn take(&mut self, piece: &[u8]) -> bool {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line > self.last || self.found.len() > self.max_bytes {
                self.truncated = true;
                return true;
            }
            if self.line >= self.first {
                self.found.extend_from_slice(part);
            }
            self.is_begun = !part.ends_with(b"\n");
            self.line += usize::from(!self.is_begun);
        }
        false
    }

    fn end(mut self) -> Result<Lines, String> {
        let lines = self.line - usize::from(!self.is_begun);
        if self.found.is_empty() && !(lines == 0 && self.first == 1) {
            return Err(format!("has only {lines} lines"));
        }
        let mut is_cut = false;
        if self.found.len() > self.max_bytes {
            self.truncated = true;
            self.found.truncate(self.max_bytes);
            match self.found.iter().rposition(|byte| *byte == b'\n') {
                Some(at) => self.found.truncate(at + 1),
                // One long line.
                None => is_cut = true,
            }
        }
        let content = match String::from_utf8(self.found) {
            Ok(content) => content,
            Err(error) if is_cut && error.utf8_error().error_len().is_none() => {
                let valid = error.utf8_error().valid_up_to();
                String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned()
            }
            Err(error) => {
                let position = error.utf8_error().valid_up_to();
                return Err(format!(
                    "is not UTF-8 text: byte {position} from line {} on fits no character",
                    self.first
                ));
            }
        };
        let ends = content.matches('\n').count();
        let last = (self.first + ends).saturating_sub(usize::from(content.is_empty() || content.ends_with('\n')));
        Ok(Lines { content, last, truncated: self.truncated })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it comes in pieces of whatever size.
    #[track_caller]
    fn check(text: &[u8], range: (usize, usize), max_bytes: usize, expected: Result<(&str, usize, bool), &str>) {
        for size in 1..=text.len().max(1) {
            let mut window = Window::new(range.0, range.1, max_bytes);
            for piece in text.chunks(size) {
                if window.take(piece) {
                    break;
                }
            }
            let expected =
                expected.map(|(content, last, truncated)| Lines { content: content.into(), last, truncated });
            assert_eq!(window.end(), expected.map_err(str::to_owned), "{range:?} in pieces of {size}");
        }
    }

    #[test]
    fn lines_are_counted_from_one() {
        check(b"a\nb\nc\n", (1, 1), 99, Ok(("a\n", 1, true)));
        check(b"a\nb\nc\n", (2, 3), 99, Ok(("b\nc\n", 3, false)));
        check(b"a\nb\nc", (2, 9), 99, Ok(("b\nc", 3, false)));
        check(b"a\r\nb\r\n", (2, 2), 99, Ok(("b\r\n", 2, false)));
        check(b"a\n\n\n", (3, 3), 99, Ok(("\n", 3, false)));
        check(b"", (1, 1), 99, Ok(("", 0, false)));
    }

    #[test]
    fn a_line_behind_the_end_is_told() {
        check(b"a\nb", (3, 4), 99, Err("has only 2 lines"));
        check(b"a\n", (2, 2), 99, Err("has only 1 lines"));
        check(b"", (2, 2), 99, Err("has only 0 lines"));
    }

    #[test]
    fn what_is_too_long_is_cut_behind_a_line() {
        check(b"aa\nbb\ncc\n", (1, 3), 7, Ok(("aa\nbb\n", 2, true)));
        check(b"aa\nbb\n", (1, 2), 6, Ok(("aa\nbb\n", 2, false)));
        check("ééé\n".as_bytes(), (1, 1), 3, Ok(("é", 1, true)));
        check(b"a\n\xff\n", (2, 2), 9, Err("is not UTF-8 text: byte 0 from line 2 on fits no character"));
        check(b"\xff\na\n", (2, 2), 9, Ok(("a\n", 2, false)));
    }
}
