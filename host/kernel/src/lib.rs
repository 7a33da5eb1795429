//! The kernel of libos: decides, records and performs every system call of every agent.
//!
//! Four floors, each importing only lower ones (`tests/layout.rs` keeps it so):
//! [`model`] pure values and decisions, [`store`] the only door to the disk and [`world`] the outside as the kernel sees it,
//! [`kernel`] the tables and their changes, [`syscall`] the line through which every operation passes.
//!
//! Nothing here knows WebAssembly, and nothing but the store touches an operating system.

pub mod kernel;
pub mod model;
pub mod store;
mod sync;
pub mod syscall;
pub mod world;

#[cfg(schedules)]
pub use sync::set_time_passes;
