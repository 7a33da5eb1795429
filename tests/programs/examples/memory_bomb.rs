//! Takes memory until there is none.

/// Takes 1 MiB after the other, for ever.
#[libos::tool]
fn memory_bomb() {
    let mut taken = Vec::new();
    loop {
        taken.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}
