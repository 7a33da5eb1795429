//! Lengths of time as people write them: `30s`, `15m`, `1h`, `7d`, and several together.

use std::time::Duration;

/// Reads `1h30m`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no length of time; examples are 30s, 15m, 1h, 7d and 1h30m");
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = rest[digits..].chars().next().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(factor).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[digits + 1..];
    }
    if seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

/// `3s`, `5m`, `2h`, `4d`: rounded down, for tables.
pub fn short(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        let check =
            |text, seconds: Option<u64>| assert_eq!(parse(text).ok(), seconds.map(Duration::from_secs), "{text}");
        check("30s", Some(30));
        check("1h30m", Some(5_400));
        check("7d", Some(604_800));
        for text in ["", "5", "h", "1w", "-1s", "1 h", "0s", "1é", "99999999999999999999s", "999999999999999999d"] {
            check(text, None);
        }
        assert_eq!(short(Duration::from_secs(7_300)), "2h");
    }
}
