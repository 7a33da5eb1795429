//! Builds the guests that are measured.

#![expect(clippy::disallowed_methods, reason = "a build script writes what it generates")]

use std::path::{Path, PathBuf};

/// Folder of the guests, and what of it to build.
const GUESTS: [(&str, &[&str]); 2] = [
    (
        "tests/programs",
        &[
            "--example",
            "noop",
            "--example",
            "read_loop",
            "--example",
            "spin",
            "--example",
            "memory_bomb",
            "--example",
            "import_flood",
        ],
    ),
    ("tests/bench/guests", &[]),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // Shared by all build scripts, so that nothing is built twice.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("guests");
    for folder in ["tests/programs", "tests/bench/guests", "guest-sdk", "wit"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }
    let mut constants = String::new();
    for (folder, what) in GUESTS {
        let built = libos_guest_build::build(&root.join(folder), &target, what);
        let built = built.unwrap_or_else(|why| panic!("the guests in {folder} cannot be built: {why}"));
        for path in built {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().replace('-', "_")).unwrap_or_default();
            let name = name.to_uppercase();
            constants
                .push_str(&format!("pub const {name}: &[u8] = include_bytes!({:?});\n", path.display().to_string()));
        }
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = std::fs::write(out.join("guests.rs"), constants) {
        panic!("the list of guests cannot be written: {error}");
    }
}
