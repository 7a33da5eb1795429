//! Prints more than a call may log.

/// Prints `lines` numbered lines of `bytes` bytes or a little more, and returns `lines`.
#[libos::tool]
fn print_flood(lines: u32, bytes: usize) -> u32 {
    let filling = "x".repeat(bytes);
    for number in 0..lines {
        println!("{number} {filling}");
    }
    lines
}
