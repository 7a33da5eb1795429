//! What the client does with providers that behave and with those that do not.

mod asking;
mod context;
mod keys;
mod profiles;
mod retries;
mod secrets;
mod support;
mod wire;
