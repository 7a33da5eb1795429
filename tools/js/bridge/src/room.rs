//! Where a call's own objects lie: beside each other, in memory that is there already. Each call has its own copy of every page that it
//! writes to, and the host sets back what was written: few pages, in few places, make a call cheap.

#![expect(unsafe_code, reason = "the engine's allocator is C")]

use rquickjs::{Ctx, qjs};

/// Bytes of memory that a call finds beside the prelude's: most never ask the host for more, which costs a change of the address space.
const ROOM: usize = 1 << 20;
/// Sizes of the blocks for which the engine's allocator has arenas, with the header of each block. From quickjs.c, as the two below.
const BLOCKS: [usize; 31] = [
    16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320,
    352, 384, 416, 448, 480, 512,
];
/// Bytes of a block's header; its first two are the number of the block in its arena.
const HEADER: usize = 8;
/// Blocks of an arena at most: 4 KiB of the smallest.
const IN_ARENA: usize = 256;
/// Arenas of one size that the prelude may leave with holes; more are a mistake in what is said above.
const ARENAS: usize = 64;

/// Fills every hole that the prelude has left, so that each size of block has a new arena, and leaves room behind them.
pub fn make(ctx: &Ctx<'_>) {
    let malloc = |bytes| {
        // SAFETY: the context lives; what is answered is never freed.
        let block = unsafe { qjs::js_malloc(ctx.as_raw().as_ptr(), bytes as qjs::size_t) };
        assert!(!block.is_null(), "no memory for {bytes} bytes");
        block.cast::<u8>()
    };
    for size in BLOCKS {
        let mut number = 0;
        let is_new = (0..IN_ARENA * ARENAS).any(|_| {
            let block = malloc(size - HEADER);
            // SAFETY: every block has its header before it.
            let at = unsafe { block.sub(HEADER).cast::<u16>().read_unaligned() };
            // The first three of an arena, one after the other.
            number = if usize::from(at) == number { number + 1 } else { 0 };
            number == 3
        });
        assert!(is_new, "no new arena for blocks of {size} bytes");
    }
    let room = malloc(ROOM);
    // SAFETY: it was just made, and nobody else has it.
    unsafe { qjs::js_free(ctx.as_raw().as_ptr(), room.cast()) };
    // Rust's own allocator keeps what is given back to it.
    drop(std::hint::black_box(Vec::<u8>::with_capacity(ROOM)));
}
