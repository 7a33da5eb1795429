//! Waits for a time.

/// Waits `ms` milliseconds.
#[libos::tool]
fn sleep_ms(ms: u64) -> libos::Result<()> {
    Ok(libos::clock::sleep(std::time::Duration::from_millis(ms))?)
}
