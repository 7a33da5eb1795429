//! Claims that a string of 2 GiB lies in a memory that is much smaller.

/// Hands the host a slice that reaches far beyond the end of memory.
#[libos::tool]
fn lying_length(path: String) -> libos::Result<()> {
    // SAFETY: none: the host must find it out. Nothing here reads the slice.
    let beyond = unsafe { std::slice::from_raw_parts(std::hint::black_box(path.as_ptr()), i32::MAX as usize) };
    Ok(libos::fs::append(&path, beyond)?)
}
