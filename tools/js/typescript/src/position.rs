//! From offsets in a source to the lines and columns that its author sees.

/// The lines of a source.
pub struct Lines<'a> {
    source: &'a str,
    /// Where each begins, in bytes.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Lines end as JavaScript says (ECMA-262, section 12.3): with a line feed, a carriage return, both, or U+2028 or U+2029.
    pub fn of(source: &'a str) -> Lines<'a> {
        let mut starts = vec![0];
        let mut characters = source.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let ends = match character {
                '\r' => !matches!(characters.peek(), Some((_, '\n'))),
                '\n' | '\u{2028}' | '\u{2029}' => true,
                _ => false,
            };
            if ends {
                starts.push(at + character.len_utf8());
            }
        }
        Lines { source, starts }
    }

    /// The line and the column, in characters, both from 1.
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let offset = self.source.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.source.get(start..offset).map_or(0, |before| before.chars().count());
        (number(line), number(column + 1))
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_those_of_an_editor() {
        let check =
            |source: &str, offset, expected| assert_eq!(Lines::of(source).position(offset), expected, "{source:?}");
        check("", 0, (1, 1));
        check("a", 1, (1, 2));
        check("a\nb", 2, (2, 1));
        check("a\r\nb", 3, (2, 1));
        check("a\rb", 2, (2, 1));
        check("a\u{2028}b", 4, (2, 1));
        check("äö\u{1f600}x", 8, (1, 4));
        check("äx", 1, (1, 1));
        check("x", 100, (1, 2));
    }
}
