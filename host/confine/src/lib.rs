//! Runs one program that the kernel of Linux confines to what it was given. This knows nothing of grants, records or agents: a plain
//! [`Program`] comes in, a typed [`Outcome`] comes out, and what cannot be enforced here is a [`Refused`] that names it.
//!
//! ```text
//! host ── outer ── inner ── program        outer, inner: this binary again, started with SUPERVISE_VERB
//!         makes    is process 1 of the new
//!         name-    namespace: builds what
//!         spaces   is seen, gives up its own
//!                  rights, starts, watches
//! ```
//!
//! *Outer* has one thread, so that it may make namespaces; the next process it starts is the first of the new pid namespace. *Inner* is
//! that process. When it ends, the kernel kills all that is left in the namespace and lets nobody see its end before that is done: so the
//! call ends when the namespace is empty, whatever called `setsid`. Inner watches the socket to the host: when the host is gone, by
//! whatever signal, inner ends.
//!
//! Stages are starts of a binary, not forks, because what runs between `fork` and `exec` in Rust is unsafe, and because the memory of a
//! host is then in no process that a program could look at.

mod examine;
mod host;
mod inner;
mod outcome;
mod outer;
mod program;
mod wire;

pub use examine::{Found, examine};
pub use host::{Cancel, Supervisor, run, run_while};
pub use outcome::{Bound, End, Enforced, Outcome, Output, Piece, Refused};
pub use program::{Absent, Access, Denied, Executable, Given, Identity, Limits, Place, Program};

use std::process::ExitCode;

/// The first argument of a program that is started to confine another one: it calls [`supervisor_main`] and does nothing else.
pub const SUPERVISE_VERB: &str = "confine-program";

/// What a program does that is started with [`SUPERVISE_VERB`] as its first argument. To be called before anything else is done, above
/// all before threads are started; the exit code is to be returned from `main`.
pub fn supervisor_main() -> ExitCode {
    // What a panic would say is not for the program's own output.
    std::panic::set_hook(Box::new(|_| {}));
    match std::env::args_os().nth(2).as_deref().and_then(|stage| stage.to_str()) {
        Some(wire::INNER) => inner::main(),
        Some(wire::OUTER) => outer::main(true),
        Some(wire::OUTER_WITH_NETWORK) => outer::main(false),
        _ => {
            eprintln!("this is started by a host of libos, which says what it may do");
            ExitCode::FAILURE
        }
    }
}
