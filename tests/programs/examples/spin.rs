//! Computes for ever: only the host can end it.

/// Never returns.
#[libos::tool]
fn spin() {
    loop {
        std::hint::black_box(());
    }
}
