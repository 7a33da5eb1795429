//! The call's own log. What a tool prints goes there too.
//!
//! A line has at most 4,096 bytes (longer ones are cut); a call has 1 MiB in all, after that lines are dropped and counted.

use crate::bindings::libos::runtime::log as raw;

pub use raw::Level;

/// Adds a line at a level. Needs nothing.
pub fn write(level: Level, message: impl AsRef<str>) {
    raw::write(level, message.as_ref());
}

/// Adds a line for whoever looks for a mistake.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message);
}

/// Adds a line that says how things go.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message);
}

/// Adds a line about something that may need attention.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message);
}

/// Adds a line about something that went wrong.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message);
}
