//! Builds the standard tools and embeds them: their bytes and digests, in a generated file of the output directory.

#![expect(clippy::disallowed_methods, reason = "a build script writes into its output directory")]

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The components that must come out of `tools/`.
const EXPECTED: [&str; 11] =
    ["basics", "edit", "files", "images", "jit", "messages", "objects", "people", "processes", "programs", "search"];

fn main() {
    if let Err(error) = embed() {
        println!("cargo::error={}", error.replace('\n', " / "));
        std::process::exit(1);
    }
}

fn embed() -> Result<(), String> {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../..");
    let output = PathBuf::from(variable("OUT_DIR")?);
    for directory in ["tools", "guest-sdk", "wit"] {
        watch(&root.join(directory))?;
    }
    let components =
        libos_guest_build::build(&root.join("tools"), &target_root(&output).join("guests"), &["--workspace"])?;
    let mut source = String::from("&[\n");
    let mut found = Vec::new();
    for path in components {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        // The next build of the tools may replace the file while this crate is compiled; the copy stays.
        fs::write(output.join(format!("{name}.wasm")), &bytes).map_err(|error| format!("{name}.wasm: {error}"))?;
        let line = format!(
            "    Standard {{ name: {name:?}, digest: {digest:?}, bytes: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.wasm\")) }},"
        );
        // Writing to a string cannot fail.
        let _ = writeln!(source, "{line}");
        found.push(name);
    }
    source.push_str("]\n");
    if found != EXPECTED {
        return Err(format!("tools/ gave the components {found:?}, expected {EXPECTED:?}"));
    }
    fs::write(output.join("standard.rs"), source).map_err(|error| format!("standard.rs: {error}"))
}

/// The target directory of the whole build: where cargo put its tag above the output directory.
fn target_root(output: &Path) -> PathBuf {
    let tagged = output.ancestors().find(|path| path.join("CACHEDIR.TAG").exists());
    // Without a tag by the layout: <target>/<profile>/build/<package>/out.
    tagged.or_else(|| output.ancestors().nth(4)).unwrap_or(output).to_owned()
}

/// Builds again when a file changes below a directory, but for what a build puts there.
fn watch(directory: &Path) -> Result<(), String> {
    let entries = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for entry in entries {
        let path = entry.map_err(|error| format!("{}: {error}", directory.display()))?.path();
        if path.file_name().is_some_and(|name| name != "target") {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    Ok(())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
