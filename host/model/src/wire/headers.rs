//! Headers of an answer that say when to come again.

use hyper::HeaderMap;
use std::time::Duration;

/// The longest wait that a header may ask for; more is read as this.
const WAIT_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What a provider says of its limits, where it does (`x-ratelimit-*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub requests: Rate,
    pub tokens: Rate,
}

/// One limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// Until it is full again.
    pub reset: Option<Duration>,
}

pub(crate) fn rates(headers: &HeaderMap) -> Rates {
    let rate = |what: &str| {
        let text = |part: &str| text(headers, &format!("x-ratelimit-{part}-{what}"));
        let number = |part: &str| text(part)?.trim().parse().ok();
        Rate { limit: number("limit"), remaining: number("remaining"), reset: text("reset").and_then(duration) }
    };
    Rates { requests: rate("requests"), tokens: rate("tokens") }
}

/// How long the provider asks to wait: `Retry-After` (seconds, or a date against the answer's own `Date`), `retry-after-ms`, or the
/// reset of a limit of which nothing is left.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = || text(headers, "retry-after-ms")?.trim().parse::<f64>().ok().and_then(|ms| seconds(ms / 1e3));
    let plain = || {
        let value = text(headers, "retry-after")?.trim();
        if let Ok(number) = value.parse::<f64>() {
            return seconds(number);
        }
        let (then, now) = (date(value)?, date(text(headers, "date")?.trim())?);
        Some(Duration::from_secs(then.saturating_sub(now)).min(WAIT_MAX))
    };
    let reset = || {
        let Rates { requests, tokens } = rates(headers);
        [requests, tokens].into_iter().filter(|rate| rate.remaining == Some(0)).filter_map(|rate| rate.reset).max()
    };
    milliseconds().or_else(plain).or_else(reset)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn seconds(number: f64) -> Option<Duration> {
    if number.is_nan() || number < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(number).unwrap_or(WAIT_MAX).min(WAIT_MAX))
}

/// A time such as `1s`, `6m0s`, `20ms`, `1h2m3.5s`, or seconds without a unit.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let number: f64 = rest[..end].parse().ok()?;
        let tail = &rest[end..];
        let unit_end = tail.find(|character: char| character.is_ascii_digit()).unwrap_or(tail.len());
        total += number
            * match &tail[..unit_end] {
                "ms" => 1e-3,
                "s" | "" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &tail[unit_end..];
    }
    seconds(total)
}

/// Seconds since 1970 of a date as HTTP writes it, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7; its old forms are not read).
fn date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok().filter(|part| *part <= 60));
    let (hours, minutes, seconds) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next() != Some("GMT") {
        return None;
    }
    // Days since the first of March of the year 0, as in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since = days.checked_sub(719_468)?;
    Some(((since * 24 + hours) * 60 + minutes) * 60 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &[(&'static str, &str)]) -> HeaderMap {
        rows.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    }

    #[test]
    fn the_wait_that_a_provider_asks_for_is_read() {
        let at = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (rows, milliseconds) in [
            (vec![("retry-after", "7")], Some(7_000)),
            (vec![("retry-after", "0.25")], Some(250)),
            (vec![("retry-after", "-7")], None),
            (vec![("retry-after", "NaN")], None),
            (vec![("retry-after", "1e300")], Some(604_800_000)),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after-ms", "20"), ("retry-after", "7")], Some(20)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), ("date", at)], Some(30_000)),
            (vec![("retry-after", "Tue, 08 Nov 1994 08:49:37 GMT"), ("date", at)], Some(172_800_000)),
            (vec![("retry-after", at)], None),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:40:07 GMT"), ("date", at)], Some(0)),
            (vec![("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")], Some(360_000)),
            (vec![("x-ratelimit-remaining-tokens", "5"), ("x-ratelimit-reset-tokens", "6m0s")], None),
            (vec![("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "20ms")], Some(20)),
        ] {
            assert_eq!(retry_after(&map(&rows)), milliseconds.map(Duration::from_millis), "{rows:?}");
        }
        assert_eq!(date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(date(at), Some(784_111_777));
        assert_eq!(date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    }
}
