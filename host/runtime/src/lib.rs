//! libos as a library: a runtime that runs tools as WebAssembly components and agents as processes, with a decision and a record at every
//! system call.
//!
//! Floors 4 and 5 of the house: [`engine`] is the only WebAssembly, [`world`] the only operating system, [`Runtime`] the run loop that starts
//! what the kernel says is runnable.

pub mod engine;
mod replay;
mod runtime;
pub mod world;

pub use libos_kernel as kernel;
pub use replay::{ComponentOf, Difference, ReplayError, Replayer, Report, Verdict, replay, request_value};
pub use runtime::{CallEvent, CallRequest, Config, Runtime, RuntimeError, Waiting};
