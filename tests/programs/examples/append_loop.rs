//! Appends numbered lines to one file: after a crash the file shows how often each effect happened.

/// Appends the lines `0` to `count - 1`, one system call each, and returns `count`.
#[libos::tool]
fn append_loop(path: String, count: u32) -> libos::Result<u32> {
    for number in 0..count {
        libos::fs::append(&path, format!("{number}\n"))?;
    }
    Ok(count)
}
