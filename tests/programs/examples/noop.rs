//! Does nothing: what a call costs by itself.

/// Does nothing.
#[libos::tool]
fn noop() {}
