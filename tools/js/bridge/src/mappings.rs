//! Source maps (version 3): from a place in the code to the author's.

/// The author's line and column, both from 1, of a place in the code, also from 1; none if nothing is known of it.
///
/// `mappings` is the field of that name of a source map with one source (<https://tc39.es/ecma426/>).
pub fn original(mappings: &[u8], line: u32, column: u32) -> Option<(u32, u32)> {
    let (line, column) = (i64::from(line.checked_sub(1)?), i64::from(column.saturating_sub(1)));
    let (mut source_line, mut source_column) = (0, 0);
    let mut best = None;
    for (number, segments) in mappings.split(|byte| *byte == b';').enumerate() {
        let number = number as i64;
        if number > line {
            break;
        }
        let mut generated = 0;
        for segment in segments.split(|byte| *byte == b',').filter(|segment| !segment.is_empty()) {
            let mut fields = Fields(segment);
            generated += fields.next()?;
            let Some(_source) = fields.next() else {
                continue;
            };
            source_line += fields.next()?;
            source_column += fields.next()?;
            // Without a mapping before the column the first one of the line serves.
            if number == line && (generated <= column || best.is_none()) {
                best = Some((source_line, source_column));
            }
        }
    }
    let (line, column) = best?;
    Some((u32::try_from(line).ok()?.checked_add(1)?, u32::try_from(column).ok()?.checked_add(1)?))
}

/// Numbers in base 64 with a sign, of variable length.
struct Fields<'a>(&'a [u8]);

impl Iterator for Fields<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0_i64, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            // Beyond 32 bits it is no place in a text.
            if shift > 30 {
                return None;
            }
            value |= i64::from(digit & 31) << shift;
            if digit & 32 == 0 {
                return Some(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
            }
            shift += 5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::original;

    #[test]
    fn places_lead_to_the_authors_lines() {
        // Line 1 from line 1, columns 1 and 6 (from 3); nothing for line 2; line 3 from line 5.
        let mappings = b"AAAA,KAEG;;AAEH";
        let rows = [
            ((1, 1), Some((1, 1))),
            ((1, 5), Some((1, 1))),
            ((1, 6), Some((3, 4))),
            ((1, 99), Some((3, 4))),
            ((2, 1), None),
            ((3, 7), Some((5, 1))),
            ((4, 1), None),
            ((0, 1), None),
        ];
        for ((line, column), expected) in rows {
            assert_eq!(original(mappings, line, column), expected, "{line}:{column}");
        }
        for broken in [&b"!"[..], b"A", b"AA", b"AAA", b"ggggggggggggggggA", b"AADA"] {
            assert_eq!(original(broken, 1, 1), None, "{broken:?}");
        }
    }
}
