//! Ends in a panic.

/// Panics with this message.
#[libos::tool]
fn panics(message: String) {
    panic!("{message}");
}
