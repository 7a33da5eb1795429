//! A host under load dies, at random moments and at every named point; whatever is left holds what was promised.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "all of this is a test; it kills programs after a while"
)]

mod kills;
mod stage;
