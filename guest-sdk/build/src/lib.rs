//! Builds guest components from a build script of the host.
//!
//! ```no_run
//! # use std::path::Path;
//! let components = libos_guest_build::build(Path::new("tools"), Path::new("target/guests"), &["--workspace"])?;
//! # Ok::<(), String>(())
//! ```
//!
//! The caller prints `cargo:rerun-if-changed` for the guests, the SDK and the contract: only it knows where they lie.

mod artifacts;
mod environment;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target that components are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// Builds the package or workspace in `manifest_dir` in release mode and returns the components that it consists of, sorted.
///
/// `target_dir` should not be the host's own: the cargo that runs the build script holds that one's lock. Several builds may run
/// at once, also in one `target_dir`; cargo then does one after the other. `extra_args` go to `cargo build`, for example
/// `--examples`. Settings for building the host (flags, wrappers, features) do not reach the guests.
///
/// # Errors
///
/// What failed, in words for a person: no cargo, no target `wasm32-wasip2`, what the compiler said, or nothing was built.
pub fn build(manifest_dir: &Path, target_dir: &Path, extra_args: &[&str]) -> Result<Vec<PathBuf>, String> {
    let target_dir = std::path::absolute(target_dir)
        .map_err(|error| format!("{}: not a path for a target directory: {error}", target_dir.display()))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = clean(&cargo, manifest_dir)
        .args(["build", "--release", "--locked", "--target", TARGET])
        .args(["--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(&target_dir)
        .args(extra_args)
        .output()
        .map_err(|error| format!("cannot run {} in {}: {error}", cargo.display(), manifest_dir.display()))?;
    if !output.status.success() {
        let hint = if target_is_missing(manifest_dir) {
            format!("the target {TARGET} is missing; add it with: rustup target add {TARGET}\n\n")
        } else {
            String::new()
        };
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{hint}building the guests in {} failed:\n{said}", manifest_dir.display()));
    }
    let components = artifacts::components(&String::from_utf8_lossy(&output.stdout));
    if components.is_empty() {
        return Err(format!("{} holds no package that becomes a component (cdylib)", manifest_dir.display()));
    }
    Ok(components)
}

/// A command in `directory` without what an outer cargo set for the host.
fn clean(program: &OsString, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(environment::is_for_the_host) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether the compiler has no standard library for the target; false if it cannot be asked.
fn target_is_missing(directory: &Path) -> bool {
    let asked =
        clean(&OsString::from("rustc"), directory).args(["--print", "target-libdir", "--target", TARGET]).output();
    asked.is_ok_and(|output| {
        let libraries = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        output.status.success() && !Path::new(&libraries).is_dir()
    })
}
