//! Programs of the system that processes start, and what confines them. A program that embeds the runtime lets it start programs by two
//! things: a world with [`OsWorld::with_supervisor`](crate::world::OsWorld::with_supervisor), and a `main` that begins with
//!
//! ```no_run
//! # fn main() -> std::process::ExitCode {
//! if std::env::args_os().nth(1).is_some_and(|verb| verb == libos::programs::SUPERVISE_VERB) {
//!     return libos::programs::supervisor_main();
//! }
//! # std::process::ExitCode::SUCCESS }
//! ```
//!
//! Without them it starts none, and says so.

pub use libos_confine::{Enforced, Found, Piece, Refused, SUPERVISE_VERB, Supervisor, examine, supervisor_main};
