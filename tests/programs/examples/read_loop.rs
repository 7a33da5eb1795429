//! Reads one file again and again: the cost of one observing system call.

/// Reads a file `count` times and returns the bytes read in all.
#[libos::tool]
fn read_loop(path: String, count: u32) -> libos::Result<u64> {
    let mut bytes = 0;
    for _ in 0..count {
        bytes += libos::fs::read(&path)?.len() as u64;
    }
    Ok(bytes)
}
