//! The classes of system calls.

/// What becomes of a call if the host dies in the middle of it (see the design's table of classes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Looks at something: one record at its end, no waiting for the disk.
    Observe,
    /// Changes the kernel's own state: change and record are one.
    Internal,
    /// Changes the outside: its intent is durable first.
    Effect,
    /// A row that ends later.
    Wait,
}
