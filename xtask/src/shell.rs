//! Running other programs from the root of the checkout.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Why a command of ours failed, for a person.
pub type Result<T> = std::result::Result<T, String>;

/// What guests are written with; it has tests that run here.
pub const SDK: &str = "guest-sdk";
/// Workspaces that are built for the guests' target, each with a lock file of its own.
pub const GUESTS: [&str; 4] = [SDK, "tools", "tests/programs", "examples/tool-rust"];
/// What runs scripts: a workspace of its own, whose components are kept in the repository.
pub const JS: &str = "tools/js";
/// What compares us with Cedar: a workspace of its own that only `soak` builds, for this machine.
pub const ORACLE: &str = "tests/oracle";

/// The root of the checkout.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Where the host is built.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        // Cargo reads a relative one from where it was started, and we start it in the root.
        Some(target) => root().join(target),
        None => root().join("target"),
    }
}

/// Where all guests are built, by whomever.
pub fn guest_target() -> PathBuf {
    target().join("guests")
}

/// A program, to be run in the root, without what the cargo that runs us set for us alone: a build must not depend on who began it.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let ours = |name: &str| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
                || ["CARGO_PRIMARY_PACKAGE", "OUT_DIR", "LD_LIBRARY_PATH"].contains(&name)
        };
        if name.to_str().is_some_and(ours) {
            command.env_remove(name);
        }
    }
    command
}

/// Cargo with these arguments, in the root.
pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = program("cargo");
    command.args(arguments);
    command
}

/// Cargo in one of the guests' workspaces.
pub fn guest_cargo<'a>(folder: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(root().join(folder)).env("CARGO_TARGET_DIR", guest_target());
    command
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut text = program.strip_prefix(root()).unwrap_or(program).display().to_string();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    match command.get_current_dir().and_then(|directory| directory.strip_prefix(root()).ok()) {
        Some(directory) if directory != Path::new("") => format!("(cd {} && {text})", directory.display()),
        _ => text,
    }
}

/// Prints the command, runs it, and fails if it does.
pub fn run(command: &mut Command) -> Result<()> {
    let text = shown(command);
    println!("$ {text}");
    let status = command.status().map_err(|error| cannot_run(&text, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{text}` failed: {status}")) }
}

/// What a command prints, whether it fails or not.
pub fn output(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| cannot_run(&shown(command), &error))
}

/// Whether a program is there and does this.
pub fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What to say of a program that does not start.
pub fn cannot_run(text: &str, error: &std::io::Error) -> String {
    format!("cannot run `{text}`: {error}")
}

/// A duration as people read it.
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
