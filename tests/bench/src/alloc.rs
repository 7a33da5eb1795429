//! An allocator that counts, so that "no allocation" and what a value takes can be measured.

#![expect(unsafe_code, reason = "an allocator is an unsafe trait; this one hands everything on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Allocations of this thread.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes that it allocated less those that it freed.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

fn count(allocations: u64, bytes: i64) {
    // A thread that ends frees and allocates after its locals are gone; those are not of interest.
    let _ = COUNT.try_with(|count| count.set(count.get() + allocations));
    let _ = BYTES.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: every method hands its arguments on to the system's allocator, under the same contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Allocations of this thread so far.
pub fn allocations() -> u64 {
    COUNT.with(Cell::get)
}

/// Bytes that a value takes, on the heap and in its place.
pub fn size_of_made<T>(make: impl FnOnce() -> T) -> usize {
    let before = BYTES.with(Cell::get);
    let value = make();
    let bytes = BYTES.with(Cell::get) - before;
    drop(value);
    usize::try_from(bytes).unwrap() + size_of::<T>()
}
