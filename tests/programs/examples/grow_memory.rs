//! Takes an amount of memory at once and says whether it got it.

/// Whether `mib` MiB could be had; they are written to.
#[libos::tool]
fn grow_memory(mib: usize) -> bool {
    let mut memory: Vec<u8> = Vec::new();
    if mib.checked_mul(1 << 20).is_none_or(|bytes| memory.try_reserve_exact(bytes).is_err()) {
        return false;
    }
    memory.resize(mib << 20, 1);
    std::hint::black_box(&memory);
    true
}
