//! What happens when the component is built, and what C expects from whoever links it.

#![expect(unsafe_code, reason = "exported symbols have to be named so")]

use crate::{engine, system};

/// Called once, when the component is built; what it leaves in memory is what each instance begins with.
#[unsafe(export_name = "wizer-initialize")]
extern "C" fn initialize() {
    engine::initialize();
}

/// The clock of the engine, in microseconds since 1970.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    system::now_microseconds()
}
