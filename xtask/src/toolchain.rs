//! Sees to it that the pinned toolchain has what the guests and the checks need.

use crate::shell::{self, Result};
use std::path::Path;

/// What components are built for.
pub const GUEST_TARGET: &str = "wasm32-wasip2";

/// Adds the guests' target, clippy and rustfmt to the toolchain in use where they are missing. Rustup may be told not to install
/// anything by itself, so it is asked in so many words, and only if something is missing.
pub fn ensure() -> Result<()> {
    let version = shell::output(shell::program("rustc").arg("--version"))?;
    println!("{}", String::from_utf8_lossy(&version.stdout).trim_end());
    if !shell::works(shell::program("cc").arg("--version")) {
        return Err("there is no C compiler `cc`, which rustc links with; install gcc or clang".into());
    }
    ensure_guest_target()?;
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !shell::works(&mut shell::cargo([command, "--version"])) {
            println!("the component {component} is missing");
            rustup(&["component", "add", component])?;
        }
    }
    Ok(())
}

/// Adds the guests' target if it is missing.
pub fn ensure_guest_target() -> Result<()> {
    ensure_target(GUEST_TARGET)
}

/// Adds a target if it is missing.
pub fn ensure_target(target: &str) -> Result<()> {
    if has_target(target) {
        return Ok(());
    }
    println!("the target {target} is missing");
    rustup(&["target", "add", target])
}

/// The target that this machine is.
pub fn machine() -> Result<String> {
    let version = shell::output(shell::program("rustc").arg("-vV"))?;
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    let machine = text.lines().find_map(|line| line.strip_prefix("host: "));
    machine.map(str::to_owned).ok_or_else(|| format!("`rustc -vV` does not say what machine this is:\n{text}"))
}

fn has_target(target: &str) -> bool {
    let asked = shell::output(shell::program("rustc").args(["--print", "target-libdir", "--target", target]));
    asked.is_ok_and(|output| {
        let libraries = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(libraries.trim_end()).is_dir()
    })
}

fn rustup(arguments: &[&str]) -> Result<()> {
    if !shell::works(shell::program("rustup").arg("--version")) {
        return Err(format!(
            "there is no rustup to run `rustup {}`. Install rustup, or use a Rust toolchain (rust-toolchain.toml says which) \
             that has the target {GUEST_TARGET}, clippy and rustfmt",
            arguments.join(" ")
        ));
    }
    shell::run(shell::program("rustup").args(arguments).args(["--toolchain", &pinned()?]))
}

/// The toolchain that `rust-toolchain.toml` names.
fn pinned() -> Result<String> {
    let path = shell::root().join("rust-toolchain.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    channel(&text).map(str::to_owned).ok_or_else(|| format!("{}: no channel", path.display()))
}

fn channel(toml: &str) -> Option<&str> {
    toml.lines().find_map(|line| {
        line.strip_prefix("channel")?.trim_start().strip_prefix('=')?.trim().strip_prefix('"')?.strip_suffix('"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_toolchain_is_read_from_its_file() {
        assert_eq!(channel("# why\n[toolchain]\nchannel = \"1.2.3\"\n"), Some("1.2.3"));
        assert_eq!(channel("[toolchain]\n"), None);
        assert!(pinned().unwrap().starts_with("1."));
    }
}
