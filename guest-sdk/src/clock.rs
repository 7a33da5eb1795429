//! The host's time, and waiting.

use crate::Error;
use crate::bindings::libos::runtime::clock as raw;
use crate::rfc3339;
use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

pub use raw::Datetime;

/// The time of the host. Needs nothing.
#[must_use]
pub fn now() -> Datetime {
    raw::now()
}

/// Waits, at most ten years; the host may be stopped and started meanwhile. Needs `sleep` on `clock:sleep`.
pub fn sleep(duration: Duration) -> Result<(), Error> {
    // What does not fit is more than 500 years: the host refuses that as it refuses all above its limit.
    Ok(raw::sleep(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))?)
}

impl Datetime {
    /// The time since 1970-01-01T00:00:00 UTC.
    #[must_use]
    pub fn since_epoch(self) -> Duration {
        Duration::from_secs(self.seconds).saturating_add(Duration::from_nanos(self.nanoseconds.into()))
    }

    /// As RFC 3339 text at a fixed offset from UTC in minutes, for example `2026-01-31T09:30:00.5+02:00`.
    #[must_use]
    pub fn rfc3339(self, offset_minutes: i16) -> String {
        rfc3339::text(self.seconds, self.nanoseconds, offset_minutes)
    }
}

impl fmt::Display for Datetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339(0))
    }
}

impl Ord for Datetime {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }
}

impl PartialOrd for Datetime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
