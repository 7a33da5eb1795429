//! Which environment variables concern the build of the host only.

/// Names that an outer cargo, clippy or a person set for the host.
const NAMES: [&str; 17] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "DEBUG",
    "HOST",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "TARGET",
];

/// Starts of such names. `CARGO_MAKEFLAGS` is not among them: by it the inner cargo shares the outer one's job slots.
const PREFIXES: [&str; 8] = [
    "CARGO_BUILD_",
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_WASM32_",
    "DEP_",
];

/// Whether the variable must not reach the build of a guest: it would change what is built, or build it anew each time.
pub fn is_for_the_host(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_for_the_host_stay_outside() {
        for name in ["RUSTFLAGS", "CARGO_FEATURE_X", "CARGO_CFG_UNIX", "CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER"]
        {
            assert!(is_for_the_host(name), "{name}");
        }
        for name in ["PATH", "HOME", "CARGO", "CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_NET_OFFLINE", "RUSTUP_TOOLCHAIN"]
        {
            assert!(!is_for_the_host(name), "{name}");
        }
    }
}
