//! Sizes and lengths of time as people write them: `256 MiB`, `30s`, `1h30m`.

use std::time::Duration;

const SIZES: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
/// Longest first where one begins with another.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `256 MiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let (_, factor) = SIZES.iter().find(|(word, _)| *word == unit.trim_start())?;
    number.checked_mul(*factor)
}

/// Reads `30s`, and several together: `1h30m`.
pub fn parse_time(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut milliseconds: u64 = 0;
    while !rest.is_empty() {
        let (number, unit) = split(rest)?;
        let (word, factor) = TIMES.iter().find(|(word, _)| unit.starts_with(word))?;
        milliseconds = milliseconds.checked_add(number.checked_mul(*factor)?)?;
        rest = &unit[word.len()..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(milliseconds))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some((text[..digits].parse().ok()?, &text[digits..]))
}

/// Writes a size so that it is read as the same.
pub fn size(bytes: u64) -> String {
    let fitting = SIZES.iter().rev().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    let (word, factor) = fitting.unwrap_or(&SIZES[0]);
    format!("{} {word}", bytes / factor)
}

/// Writes a size for a person, rounded down to a tenth of its unit.
pub fn about(bytes: u64) -> String {
    let fitting = SIZES.iter().rev().find(|(_, factor)| bytes >= *factor);
    let (word, factor) = fitting.unwrap_or(&SIZES[0]);
    match (*factor, bytes % factor * 10 / factor) {
        (1, _) | (_, 0) => format!("{} {word}", bytes / factor),
        (_, tenths) => format!("{}.{tenths} {word}", bytes / factor),
    }
}

/// Writes a length of time so that it is read as the same.
pub fn time(time: Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let fitting =
        TIMES.iter().rev().find(|(_, factor)| milliseconds >= *factor && milliseconds.is_multiple_of(*factor));
    let (word, factor) = fitting.unwrap_or(&TIMES[0]);
    format!("{}{word}", milliseconds / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_for_a_person_is_never_more_than_it_is() {
        for (bytes, want) in
            [(0, "0 B"), (1_023, "1023 B"), (1 << 20, "1 MiB"), ((1 << 20) - 1, "1023.9 KiB"), (3 << 29, "1.5 GiB")]
        {
            assert_eq!(about(bytes), want);
        }
    }

    #[test]
    fn sizes_and_times_are_read_and_written() {
        for (text, want) in [
            ("256 MiB", Some(256 << 20)),
            ("64KiB", Some(64 << 10)),
            ("1 GiB", Some(1 << 30)),
            ("12 B", Some(12)),
            ("256", None),
            ("256 MB", None),
            ("-1 MiB", None),
            ("", None),
            ("99999999999 GiB", None),
        ] {
            assert_eq!(parse_size(text), want, "{text}");
        }
        for (text, want) in [
            ("30s", Some(30_000)),
            ("1h30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("7d", Some(604_800_000)),
            ("30", None),
            ("1 h", None),
            ("", None),
            ("s", None),
            ("99999999999999999d", None),
        ] {
            assert_eq!(parse_time(text), want.map(Duration::from_millis), "{text}");
        }
        for bytes in [0, 1, 1_024, 1_025, 256 << 20, 3 << 30] {
            assert_eq!(parse_size(&size(bytes)), Some(bytes));
        }
        for milliseconds in [0, 1, 1_000, 90_000, 86_400_000] {
            let length = Duration::from_millis(milliseconds);
            assert_eq!(parse_time(&time(length)), Some(length));
        }
    }
}
