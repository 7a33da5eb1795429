//! The components that are measured, as `build.rs` built them.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
