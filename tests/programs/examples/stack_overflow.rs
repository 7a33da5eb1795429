//! Calls itself until the stack ends: the engine's own, for the frames hold nothing in the guest's memory but a few bytes.

use std::hint::black_box;

/// Never returns; `depth` is where it starts to count.
#[libos::tool]
fn stack_overflow(depth: Option<u64>) -> u64 {
    deeper(depth.unwrap_or(0))
}

/// Uses what the inner call returned, so that no loop can be made of it.
fn deeper(depth: u64) -> u64 {
    let inner = if black_box(true) { deeper(depth + 1) } else { 0 };
    inner.wrapping_mul(3).wrapping_add(depth)
}
