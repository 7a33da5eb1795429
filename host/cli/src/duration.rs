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

/// As people say it, to three digits or two units: `320 µs`, `1.25 s`, `2 min 3 s`, `3 h 4 min`, `2 d 5 h`.
pub fn humane(duration: Duration) -> String {
    let digits = |value: f64, unit: &str| match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    };
    let (nanoseconds, seconds) = (duration.as_nanos() as f64, duration.as_secs());
    match seconds {
        0 if duration.is_zero() => "0 s".into(),
        0 if nanoseconds < 1_000.0 => format!("{nanoseconds} ns"),
        0 if nanoseconds < 999_500.0 => format!("{:.0} µs", nanoseconds / 1e3),
        0 => digits(nanoseconds / 1e6, "ms"),
        1..60 if duration.subsec_nanos() == 0 => format!("{seconds} s"),
        1..60 => digits(nanoseconds / 1e9, "s"),
        60..3_600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Bytes as people say it: `6 B`, `1.5 KiB`, `16 MiB`.
pub fn bytes(count: u64) -> String {
    let short = |value: f64, unit: &str| {
        if value < 10.0 && value.fract() >= 0.05 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
    };
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => short(count as f64 / 1_024.0, "KiB"),
        1_048_576..1_073_741_824 => short(count as f64 / 1_048_576.0, "MiB"),
        _ => short(count as f64 / 1_073_741_824.0, "GiB"),
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

    #[test]
    fn lengths_and_sizes_are_said_as_people_say_them() {
        for (nanoseconds, text) in [
            (0, "0 s"),
            (999, "999 ns"),
            (39_025, "39 µs"),
            (999_600, "1.00 ms"),
            (37_637_942, "37.6 ms"),
            (346_437_447, "346 ms"),
            (1_250_000_000, "1.25 s"),
            (59_900_000_000, "59.9 s"),
            (30_000_000_000, "30 s"),
            (120_000_000_000, "2 min"),
            (123_000_000_000, "2 min 3 s"),
            (11_040_000_000_000, "3 h 4 min"),
            (190_800_000_000_000, "2 d 5 h"),
        ] {
            assert_eq!(humane(Duration::from_nanos(nanoseconds)), text);
        }
        for (count, text) in
            [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (16 << 20, "16 MiB"), (4 << 30, "4 GiB")]
        {
            assert_eq!(bytes(count), text);
        }
    }
}
