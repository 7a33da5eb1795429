//! The standard tools that are in no family: echo, the time, waiting, logs of tests.

mod offset;
mod pytest;

use libos::{Failure, clock};
use pytest::Failures;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// Ten years of 365 days: the longest that the host waits.
const SLEEP_SECONDS_MAX: f64 = 315_360_000.0;

/// A moment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Now {
    /// In the time zone asked for, for example `2026-01-31T09:30:00.5+02:00`.
    iso8601: String,
    /// Whole seconds since 1970-01-01T00:00:00 UTC.
    unix_seconds: u64,
    /// `UTC` or the offset.
    timezone: String,
}

/// A wait that is over.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Slept {
    requested_seconds: f64,
    /// Longer than requested if the host was stopped meanwhile.
    elapsed_seconds: f64,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Returns its arguments, whatever they are.
    #[needs()]
    pub fn echo(#[serde(flatten)] arguments: Map<String, Value>) -> Map<String, Value> {
        arguments
    }

    /// Tells the date and time.
    #[needs()]
    pub fn get_current_time(
        /// `UTC`, or a fixed offset from it such as `+02:00` or `-05:30`; UTC if left out. Names of places are not known.
        timezone: Option<String>,
    ) -> libos::Result<Now> {
        let timezone = timezone.unwrap_or_else(|| "UTC".into());
        let minutes = offset::minutes(&timezone).ok_or_else(|| {
            Failure::invalid_arguments(format_args!(
                "timezone `{timezone}` is not known; use `UTC` or a fixed offset such as `+02:00`, at most 18 hours"
            ))
        })?;
        let now = clock::now();
        Ok(Now { iso8601: now.rfc3339(minutes), unix_seconds: now.seconds, timezone })
    }

    /// Takes out of a log of pytest which tests failed and why, so that the whole log need not be read. At most 4 MiB. Example:
    /// {"log": "FAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed in 0.1s"}
    #[needs()]
    pub fn parse_pytest_log(
        /// What pytest printed.
        log: String,
    ) -> libos::Result<Failures> {
        if log.len() > pytest::LOG_BYTES_MAX {
            let message =
                format_args!("log has {} bytes; at most {} are read", log.len(), pytest::LOG_BYTES_MAX).to_string();
            return Err(Failure::invalid_arguments(message));
        }
        Ok(pytest::parse(&log))
    }

    /// Waits. The process uses nothing meanwhile, so a long wait costs no more than a short one.
    #[needs("sleep clock:sleep")]
    pub fn sleep(
        /// How long, in seconds: 0 to 315360000 (ten years); fractions are fine.
        #[schemars(range(min = 0.0, max = 315_360_000.0))]
        seconds: f64,
    ) -> libos::Result<Slept> {
        if !(0.0..=SLEEP_SECONDS_MAX).contains(&seconds) {
            let message = format_args!("seconds is {seconds}; it must be 0 to {SLEEP_SECONDS_MAX}").to_string();
            return Err(Failure::invalid_arguments(message));
        }
        let start = clock::now();
        clock::sleep(Duration::from_secs_f64(seconds))?;
        let elapsed = clock::now().since_epoch().saturating_sub(start.since_epoch());
        Ok(Slept { requested_seconds: seconds, elapsed_seconds: elapsed.as_secs_f64() })
    }
}
