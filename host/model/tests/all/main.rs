//! What the client does with providers that behave and with those that do not.

#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod asking;
mod context;
mod keys;
mod profiles;
mod retries;
mod secrets;
mod support;
mod trust;
mod wire;
