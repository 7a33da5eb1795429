//! Moments as RFC 3339 text.

use std::fmt::Write as _;

const DAY_SECONDS: i128 = 24 * 60 * 60;

/// The moment as RFC 3339 text at a fixed offset from UTC: `Z` for none, no more digits of the second than are needed.
pub fn text(seconds: u64, nanoseconds: u32, offset_minutes: i16) -> String {
    let local = i128::from(seconds) + i128::from(offset_minutes) * 60;
    let (year, month, day) = civil(local.div_euclid(DAY_SECONDS));
    let second = local.rem_euclid(DAY_SECONDS);
    let mut text =
        format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if nanoseconds > 0 {
        text.push('.');
        text.push_str(format!("{nanoseconds:09}").trim_end_matches('0'));
    }
    if offset_minutes == 0 {
        text.push('Z');
    } else {
        let sign = if offset_minutes < 0 { '-' } else { '+' };
        let minutes = offset_minutes.unsigned_abs();
        // Writing to a String cannot fail.
        let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    }
    text
}

/// Year, month and day of the Gregorian calendar for a day counted from 1970-01-01.
///
/// Years are counted from 1 March, so that a leap day is the last day of its year; 146,097 days are 400 years.
fn civil(day: i128) -> (i128, i128, i128) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i128::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        let check =
            |seconds, nanoseconds, offset, expected: &str| assert_eq!(text(seconds, nanoseconds, offset), expected);
        check(0, 0, 0, "1970-01-01T00:00:00Z");
        check(0, 0, -60, "1969-12-31T23:00:00-01:00");
        check(951_782_399, 0, 0, "2000-02-28T23:59:59Z");
        check(951_782_400, 0, 0, "2000-02-29T00:00:00Z");
        check(951_868_800, 0, 0, "2000-03-01T00:00:00Z");
        check(1_767_225_599, 500_000_000, 0, "2025-12-31T23:59:59.5Z");
        check(1_767_225_599, 1, 120, "2026-01-01T01:59:59.000000001+02:00");
        check(4_107_542_400, 0, 330, "2100-03-01T05:30:00+05:30");
    }
}
