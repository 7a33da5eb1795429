//! The fuzzers: libFuzzer around the targets of `tests/fuzz`, on the pinned toolchain, two at a time. What they reach is kept in the build
//! directory, so that the next run begins where this one ended.

use crate::shell::{self, Result};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "tests/fuzz";
/// Seconds of each target if nothing is said.
const SECONDS: u64 = 60;
/// Fuzzers that run at once.
const AT_ONCE: usize = 2;
/// Seconds after which one input is a finding.
const INPUT_SECONDS: u32 = 20;
/// Megabytes of memory of which more is a finding, in all and in one piece.
const MEMORY: (u32, u32) = (2_048, 256);
/// Bytes of one input.
const INPUT_BYTES: u32 = 4_096;

/// Runs the named targets, or all; `--seconds N` says for how long each.
pub fn run(arguments: &[String]) -> Result<()> {
    let (seconds, named) = read(arguments)?;
    let all = targets()?;
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no target {unknown}; there are: {}", all.join(", ")));
    }
    let fuzzer = build()?;
    let chosen: Vec<&String> = all.iter().filter(|name| named.is_empty() || named.contains(name)).collect();
    println!("{} targets, {seconds} s each, {AT_ONCE} at a time", chosen.len());
    let mut found = Vec::new();
    for group in chosen.chunks(AT_ONCE) {
        let running: Result<Vec<Running>> = group.iter().map(|name| Running::start(&fuzzer, name, seconds)).collect();
        for running in running? {
            found.extend(running.end()?);
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

fn read(arguments: &[String]) -> Result<(u64, Vec<String>)> {
    let mut seconds = SECONDS;
    let mut named = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let number = arguments.next().ok_or("--seconds takes a number")?;
            seconds = number.parse().map_err(|_| format!("'{number}' is no number of seconds"))?;
        } else {
            named.push(argument.clone());
        }
    }
    Ok((seconds, named))
}

/// The targets are the folders of the corpus; a test of the crate keeps it so.
fn targets() -> Result<Vec<String>> {
    let folder = shell::root().join(FOLDER).join("corpus");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into()).collect();
    names.sort();
    Ok(names)
}

/// Builds the fuzzer. Only the crates of the workspace are built so that their coverage is seen; all others are those of every build.
fn build() -> Result<PathBuf> {
    if !shell::works(shell::program("c++").arg("--version")) {
        return Err("libFuzzer needs a C++ compiler: install g++ or clang, then run this again".into());
    }
    let build = ["build", "--locked", "--package", "libos-fuzz", "--features", "libfuzzer", "--bin", "fuzz"];
    let wrapper = shell::root().join(FOLDER).join("rustc-with-coverage");
    shell::run(shell::cargo(build).env("RUSTC_WORKSPACE_WRAPPER", wrapper))?;
    Ok(shell::target().join("debug/fuzz"))
}

/// A fuzzer that runs.
struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    scratch: PathBuf,
}

impl Running {
    fn start(fuzzer: &Path, name: &str, seconds: u64) -> Result<Running> {
        let reached = shell::target().join("fuzz").join(name);
        let findings = shell::target().join("fuzz/findings");
        // In memory where the system has such a place: no disk is of interest here.
        let parent = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        let scratch = parent.join(format!("libos-fuzz-{}-{name}", std::process::id()));
        for directory in [&reached, &findings, &scratch] {
            std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        let log = shell::target().join("fuzz").join(format!("{name}.log"));
        let output = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command: Command = shell::program(fuzzer);
        command
            .arg(&reached)
            .arg(shell::root().join(FOLDER).join("corpus").join(name))
            .args([format!("-max_total_time={seconds}"), format!("-timeout={INPUT_SECONDS}")])
            .args([format!("-rss_limit_mb={}", MEMORY.0), format!("-malloc_limit_mb={}", MEMORY.1)])
            .args([format!("-max_len={INPUT_BYTES}"), "-print_final_stats=1".into()])
            .arg(format!("-artifact_prefix={}/{name}-", findings.display()))
            .env("LIBOS_FUZZ_TARGET", name)
            .env("LIBOS_FUZZ_DIRECTORY", &scratch)
            .stdout(Stdio::null())
            .stderr(output);
        let child = command.spawn().map_err(|error| shell::cannot_run(&shell::shown(&command), &error))?;
        Ok(Running { name: name.into(), child, log, scratch })
    }

    /// Waits for its end, says what it did, and what it found, if it found something.
    fn end(mut self) -> Result<Option<String>> {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.name))?;
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let _ = std::fs::remove_dir_all(&self.scratch);
        let number = |name: &str| {
            let line = log.lines().find_map(|line| line.strip_prefix(&format!("stat::{name}:")));
            line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let inputs = number("number_of_executed_units");
        let each = Duration::from_nanos(1_000_000_000 / number("average_exec_per_sec").max(1));
        println!("  {:<10} {inputs:>9} inputs, {each:?} each, {} MiB", self.name, number("peak_rss_mb"));
        if status.success() && inputs > 0 {
            return Ok(None);
        }
        let tail: Vec<&str> = log.lines().filter(|line| !line.starts_with('#')).collect();
        let tail = tail[tail.len().saturating_sub(40)..].join("\n");
        Ok(Some(format!("{tail}\n{} found something ({status}); the input is in target/fuzz/findings", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_seconds_are_read_in_any_order() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(read(&words("rows --seconds 5 policy")), Ok((5, words("rows policy"))));
        assert_eq!(read(&[]), Ok((SECONDS, Vec::new())));
        assert!(read(&words("--seconds")).is_err() && read(&words("--seconds many")).is_err());
    }
}
