//! Returns more than a result may hold.

/// A string of `bytes` bytes; as JSON it is two bytes longer.
#[libos::tool]
fn huge_result(bytes: usize) -> String {
    "x".repeat(bytes)
}
