//! Builds the guest programs, the standard tools and the example tool that the tests run.

#![expect(clippy::disallowed_methods, reason = "a build script writes what it generates")]

use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = guest_target(&root);
    for folder in ["tests/programs", "tools", "examples/tool-rust", "guest-sdk", "wit"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }
    let mut list = String::from("&[");
    for (folder, extra) in [("tests/programs", &["--examples"][..]), ("tools", &[]), ("examples/tool-rust", &[])] {
        let built = libos_guest_build::build(&root.join(folder), &target, extra);
        let built = built.unwrap_or_else(|why| panic!("the guests in {folder} cannot be built: {why}"));
        for path in built {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().replace('-', "_")).unwrap_or_default();
            list.push_str(&format!("({name:?}, {:?}),", path.display().to_string()));
        }
    }
    list.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = std::fs::write(out.join("guests.rs"), list) {
        panic!("the list of guests cannot be written: {error}");
    }
}

/// The guests' target directory is shared by all build scripts, so that nothing is built twice.
fn guest_target(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target).join("guests"),
        None => root.join("target/guests"),
    }
}
