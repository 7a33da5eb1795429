//! The SDK for libos tools: system calls, their errors, and attributes that turn functions into tools.
//!
//! A tool is a plain function with a doc comment. This is a whole one:
//!
//! ```
//! //! The smallest complete tool: it counts the words of a file.
//!
//! /// Counts the words of the text file at `path`.
//! #[libos::tool(needs("read fs:workspace/**"))]
//! fn word_count(path: String) -> libos::Result<usize> {
//!     Ok(libos::fs::read_to_string(&path)?.split_whitespace().count())
//! }
//! # fn main() {}
//! ```
//!
//! Built as a `cdylib` with `cargo build --release --target wasm32-wasip2` it is a component that a host can add. Several tools
//! in one component go into one module under [`macro@tools`]. `needs` is what the tool gets at most, whatever is granted; without it
//! its component's imports are the bound.
//!
//! Every function of the modules [`fs`], [`object`], [`clock`], [`random`], [`human`], [`log`],
//! [`process`], [`message`], [`shell`], [`tickets`] and [`mod@tools`] is one system call.
//! The host decides on it, records it and answers; a refusal is a value, [`Error::Denied`], and the tool goes on. A call that
//! waits for a person may wait for weeks: the host may drop the tool meanwhile and run it again from the start with the recorded
//! answers, up to where it stood. So what a tool does must follow from its arguments and from what the system calls answer.
//!
//! Names: `libos` is the name under which the attributes look for this crate, so depend on it as
//! `libos = { package = "libos-guest", ... }`.

pub mod bindings;
pub mod clock;
mod error;
mod failure;
pub mod fs;
pub mod human;
pub mod image;
pub mod log;
pub mod message;
pub mod object;
pub mod process;
pub mod random;
mod rfc3339;
mod schema;
pub mod shell;
#[doc(hidden)]
pub mod support;
pub mod tickets;
pub mod tools;

pub use bindings::libos::runtime::types::Denial;
pub use error::Error;
pub use failure::Failure;
pub use libos_guest_macros::{tool, tools};

// Tools derive these traits for their own types with the very versions that the attributes use.
pub use schemars;
pub use serde;
pub use serde_json;

/// What a tool returns. `?` turns an [`Error`] of a system call, a message or a common error of the standard library into the
/// [`Failure`] that the caller sees.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
