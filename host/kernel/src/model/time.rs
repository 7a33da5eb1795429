//! Moments: nanoseconds since 1970-01-01T00:00:00 UTC, without leap seconds. 64 bits last until the year 2554.

use minicbor::{CborLen, Decode, Encode};
use std::fmt;
use std::time::Duration;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, CborLen)]
#[cbor(transparent)]
pub struct Time(#[n(0)] pub u64);

impl Time {
    /// The moment this much later; the last one if there is none.
    pub fn after(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long from the other moment to this one; nothing if this one is earlier.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// As RFC 3339 in UTC with nanoseconds: nothing of it is lost.
    pub fn exact(self) -> String {
        let (whole, (_, nanoseconds)) = (self.to_string(), self.parts());
        format!("{}.{nanoseconds:09}Z", whole.split('.').next().unwrap_or_default())
    }

    /// The moment that [`Time::exact`] wrote so, and in no other way.
    pub fn from_exact(text: &str) -> Option<Time> {
        let number = |range: std::ops::Range<usize>| -> Option<u64> {
            let digits = text.get(range)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        // Days before 1970-03-01 in years that begin with March, as in `civil`.
        let (shifted_year, shifted_month) =
            if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
        let era = shifted_year / 400;
        let year_of_era = shifted_year % 400;
        let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
        let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second;
        let time = Time(seconds.checked_mul(1_000_000_000)?.checked_add(number(20..29)?)?);
        // A thirteenth month and what else is no date is not written so.
        (time.exact() == text).then_some(time)
    }

    /// Whole seconds and the nanoseconds beyond them.
    pub fn parts(self) -> (u64, u32) {
        (self.0 / 1_000_000_000, (self.0 % 1_000_000_000) as u32)
    }
}

/// As RFC 3339 in UTC with milliseconds.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = self.parts();
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", nanoseconds / 1_000_000)
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The Gregorian date of a day counted from 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_back_to_the_nanosecond_and_in_one_form() {
        for time in [0, 1, 68_169_599_999_999_999, 951_782_400_000_000_000, 1_795_305_600_123_456_789, u64::MAX] {
            let text = Time(time).exact();
            assert_eq!(Time::from_exact(&text), Some(Time(time)), "{text}");
        }
        for text in [
            "",
            "2026-11-22T00:00:00Z",
            "2026-11-22T00:00:00.000Z",
            "2026-13-22T00:00:00.000000000Z",
            "2026-02-29T00:00:00.000000000Z",
            "2026-11-22T24:00:00.000000000Z",
            "2026-11-22 00:00:00.000000000Z",
            "2026-11-22T00:00:00.000000000+",
            "1969-12-31T23:59:59.000000000Z",
            "9999-12-31T23:59:59.000000000Z",
            "+026-11-22T00:00:00.000000000Z",
            "éééééééééééééé",
        ] {
            assert_eq!(Time::from_exact(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_printed_as_a_date() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_795_305_600, "2026-11-22T00:00:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Time(seconds * 1_000_000_000).to_string(), text);
        }
    }
}
