//! Builds what runs scripts, the components in `tools/js/built`, so that anybody gets the same bytes, or checks that they are those.

use crate::shell::{self, JS, Result};
use crate::toolchain;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What runs here to make a component of a core module.
const BUILDER: &str = "libos-js-build";

struct Part {
    /// The crate, a folder of `tools/js`.
    folder: &'static str,
    library: &'static str,
    target: &'static str,
    file: &'static str,
    /// Needs a C compiler, and is made a component by our own program.
    c: bool,
}

const PARTS: [Part; 2] = [
    Part { folder: "bridge", library: "libos_js_bridge", target: "wasm32-unknown-unknown", file: "js.wasm", c: true },
    Part {
        folder: "typescript",
        library: "libos_js_typescript",
        target: toolchain::GUEST_TARGET,
        file: "typescript.wasm",
        c: false,
    },
];

/// A C compiler for WebAssembly.
struct Clang {
    program: String,
    archiver: String,
    major: String,
}

/// Builds the components into `tools/js/built`, or, with `--check`, beside it and compares.
pub fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => build(),
        [one] if one == "--check" => check(),
        _ => Err(format!("js-bridge takes --check or nothing, and got {arguments:?}")),
    }
}

fn build() -> Result<()> {
    let clang = clang().ok_or("there is no clang with llvm-ar; install clang-14 and llvm-14")?;
    let mut digests = format!(
        "# SHA-256 of what `cargo xtask js-bridge` makes with this compiler; with `--check` it makes them again and compares.\n\
         clang {}\n",
        clang.major
    );
    shell::run(builder()?.args(["mirror", "wit", "tools/js/bridge"]))?;
    for part in parts() {
        let made = part.make(&clang)?;
        let kept = built().join(part.file);
        std::fs::copy(&made, &kept).map_err(|error| format!("{}: {error}", kept.display()))?;
        digests.push_str(&format!("{}  {}\n", digest(&kept)?, part.file));
    }
    let path = built().join("digests");
    std::fs::write(&path, digests).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether a new build has the bytes that are kept. Says in a line what it cannot check, and why.
pub fn check() -> Result<()> {
    let path = built().join("digests");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    for part in parts() {
        let stated = stated(&text, part.file).ok_or_else(|| format!("{}: no {}", path.display(), part.file))?;
        let kept = digest(&built().join(part.file))?;
        if kept != stated {
            return Err(format!("{} is {kept}, and built/digests says {stated}", part.file));
        }
    }
    let Some(clang) = clang() else {
        println!(
            "js-bridge: the components have their digests; not rebuilt: there is no clang with llvm-ar (install clang-14, llvm-14)"
        );
        return Ok(());
    };
    for part in parts() {
        let (made, kept) = (digest(&part.make(&clang)?)?, digest(&built().join(part.file))?);
        if made == kept {
            println!("js-bridge: {} is what its source makes", part.file);
        } else if part.c && stated_clang(&text) != Some(clang.major.as_str()) {
            println!(
                "js-bridge: {} is other bytes with clang {} than with clang {}, with which it was made: not compared",
                part.file,
                clang.major,
                stated_clang(&text).unwrap_or("?")
            );
        } else {
            return Err(format!(
                "tools/js/built/{} is not what its source makes ({made}); `cargo xtask js-bridge` makes it again",
                part.file
            ));
        }
    }
    Ok(())
}

fn parts() -> impl Iterator<Item = &'static Part> {
    PARTS.iter().filter(|part| shell::root().join(JS).join(part.folder).is_dir())
}

fn built() -> PathBuf {
    shell::root().join(JS).join("built")
}

impl Part {
    /// Builds it; answers where it is.
    fn make(&self, clang: &Clang) -> Result<PathBuf> {
        toolchain::ensure_target(self.target)?;
        let package = self.library.replace('_', "-");
        let mut command =
            shell::guest_cargo(JS, ["build", "--release", "--locked", "--package", &package, "--target", self.target]);
        let variable = self.target.replace('-', "_");
        command.env(format!("CARGO_TARGET_{}_RUSTFLAGS", variable.to_uppercase()), rust_flags());
        if self.c {
            command.env(format!("CC_{variable}"), &clang.program).env(format!("AR_{variable}"), &clang.archiver);
            command.env(format!("CFLAGS_{variable}"), c_flags());
        }
        shell::run(&mut command)?;
        let made = shell::guest_target().join(self.target).join("release").join(format!("{}.wasm", self.library));
        if !self.c {
            return Ok(made);
        }
        let component = made.with_extension("component.wasm");
        shell::run(builder()?.arg("component").arg(&made).arg(&component))?;
        Ok(component)
    }
}

/// The paths of this machine, and what stands in their place.
fn paths() -> Vec<(PathBuf, &'static str)> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let registries = std::fs::read_dir(home.join("registry").join("src")).into_iter().flatten().flatten();
    let mut paths: Vec<(PathBuf, &'static str)> = registries.map(|entry| (entry.path(), "/registry")).collect();
    paths.push((shell::guest_target(), "/target"));
    paths.push((shell::root().to_path_buf(), "/libos"));
    // Of two that fit the last one holds.
    paths.reverse();
    paths
}

fn rust_flags() -> String {
    let flags = paths().into_iter().map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()));
    flags.collect::<Vec<String>>().join(" ")
}

fn c_flags() -> String {
    let flags = paths().into_iter().map(|(path, name)| format!("-ffile-prefix-map={}={name}", path.display()));
    flags.collect::<Vec<String>>().join(" ")
}

/// The program that makes components; it shares its dependencies with the whole workspace.
fn builder() -> Result<Command> {
    shell::run(&mut shell::cargo(["build", "--workspace", "--locked", "--bin", BUILDER]))?;
    Ok(shell::program(shell::target().join("debug").join(BUILDER)))
}

fn digest(path: &Path) -> Result<String> {
    let output = shell::output(builder()?.arg("digest").arg(path))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(text) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The compiler with which the components are made if it is here, else any other.
fn clang() -> Option<Clang> {
    let versions = ["-14", "", "-15", "-16", "-17", "-18", "-19", "-20"];
    versions.into_iter().find_map(|version| {
        let (program, archiver) = (format!("clang{version}"), format!("llvm-ar{version}"));
        if !shell::works(shell::program(&archiver).arg("--version")) {
            return None;
        }
        let output = shell::output(shell::program(&program).arg("--version")).ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?.to_owned();
        Some(Clang { program, archiver, major })
    })
}

/// From `Debian clang version 14.0.6`.
fn major(text: &str) -> Option<&str> {
    let (_, version) = text.lines().next()?.split_once("clang version ")?;
    version.split('.').next()
}

fn stated<'a>(digests: &'a str, file: &str) -> Option<&'a str> {
    digests.lines().find_map(|line| line.strip_suffix(file)?.strip_suffix("  "))
}

fn stated_clang(digests: &str) -> Option<&str> {
    digests.lines().find_map(|line| line.strip_prefix("clang "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_versions_are_read() {
        let digests = "# why\nclang 14\nabc  js.wasm\ndef  typescript.wasm\n";
        assert_eq!(stated(digests, "js.wasm"), Some("abc"));
        assert_eq!(stated(digests, "typescript.wasm"), Some("def"));
        assert_eq!(stated(digests, "other.wasm"), None);
        assert_eq!(stated_clang(digests), Some("14"));
        assert_eq!(major("Debian clang version 14.0.6\nTarget: x"), Some("14"));
        assert_eq!(major("gcc 12"), None);
    }
}
