//! Fixed offsets from UTC as people write them.

/// Most hours that an offset may have.
const HOURS_MAX: i16 = 18;

/// The minutes of `UTC`, `Z`, `+02:00` or `-05:30`; none for anything else.
pub fn minutes(text: &str) -> Option<i16> {
    if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= HOURS_MAX * 60).then_some(sign * total)
}

fn two_digits(text: &str) -> Option<i16> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        let check = |text, expected| assert_eq!(minutes(text), expected, "{text}");
        check("UTC", Some(0));
        check("Z", Some(0));
        check("+02:00", Some(120));
        check("-05:30", Some(-330));
        check("+18:00", Some(1080));
        check("+18:01", None);
        check("+01:60", None);
        check("+1:00", None);
        check("++1:00", None);
        check("02:00", None);
        check("Europe/Berlin", None);
        check("é02:00", None);
        check("", None);
    }
}
