//! Randomness from the host's operating system.

use crate::Error;
use crate::bindings::libos::runtime::random as raw;

/// `count` random bytes, at most 65,536 ([`Error::TooLarge`]). Needs nothing.
pub fn bytes(count: u32) -> Result<Vec<u8>, Error> {
    Ok(raw::bytes(count)?)
}
