//! The fuzzer: libFuzzer around the target that `LIBOS_FUZZ_TARGET` names. `cargo xtask fuzz` builds and starts it.

#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's own macro writes what it found")]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<libos_fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("LIBOS_FUZZ_TARGET").unwrap_or_default();
    libos_fuzz::target(&name).unwrap_or_else(|| panic!("LIBOS_FUZZ_TARGET names no target: '{name}'"))
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
