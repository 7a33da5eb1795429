//! Makes system calls for ever: only the host can end it.

/// Never returns: asks for the time again and again.
#[libos::tool]
fn import_flood() {
    loop {
        std::hint::black_box(libos::clock::now());
    }
}
