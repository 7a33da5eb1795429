//! Writes more into the log than a call may.

/// Logs `lines` numbered lines of `bytes` bytes or a little more, and returns `lines`.
#[libos::tool]
fn log_flood(lines: u32, bytes: usize) -> u32 {
    let filling = "x".repeat(bytes);
    for number in 0..lines {
        libos::log::info(format!("{number} {filling}"));
    }
    lines
}
