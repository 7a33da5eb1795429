//! The standard tool that runs programs of the system.

use libos::Failure;
use libos::shell::{self, Ended, Options, Outcome, Output};
use libos_tools_common::within;
use schemars::JsonSchema;
use serde::Serialize;

/// Seconds that a program may ask for; a policy may say less.
const TIMEOUT_SECONDS_MAX: f64 = 300.0;
/// The same if the caller does not say.
const TIMEOUT_SECONDS: f64 = 30.0;
/// Characters of an output that are returned.
const OUTPUT_CHARACTERS_MAX: u32 = 200_000;
/// The same if the caller does not say.
const OUTPUT_CHARACTERS: u32 = 32_000;

/// What became of a program.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Ran {
    argv: Vec<String>,
    /// Its exit code; minus the number of the signal that ended it; null if it was stopped.
    returncode: Option<i32>,
    /// Why it was stopped, if it was: `wall-time`, `processor-time`, `memory`, `output`, `cancelled` or `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'static str>,
    /// The first and the last part, with a line between them that says how much is left out, if something is.
    stdout: String,
    stderr: String,
    stdout_truncated: bool,
    stderr_truncated: bool,
    duration_s: f64,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Runs a program and returns its exit code and output. There is no shell: no pipes, `&&`, `>`, `*` or `$VARIABLE`; pass the program and
    /// each argument as one string. Use it for builds, tests and version control; read, write and search files with their own tools. The
    /// program sees the files that you may see under their paths on the host, so pass paths relative to the directory. It has no network, no
    /// terminal and an empty home directory, and nothing of it goes on when this returns. A code other than 0 is a result, not an error; read
    /// stderr. Example: {"argv": ["cargo", "test", "--", "parser"], "timeout_s": 120}
    #[needs("execute shell:**", "read,list,write,delete fs:**")]
    pub fn run_shell_command(
        /// The program, by name or absolute path, and its arguments.
        argv: Vec<String>,
        /// The directory that it runs in; the working directory if left out.
        directory: Option<String>,
        /// Text on its standard input; none if left out.
        stdin: Option<String>,
        /// Seconds until it is stopped: more than 0, at most 300; 30 if left out.
        timeout_s: Option<f64>,
        /// Most characters of standard output to return: 1 to 200000; 32000 if left out. Of more the middle is left out.
        #[schemars(range(min = 1, max = 200_000))]
        max_stdout_chars: Option<u32>,
        /// The same for standard error.
        #[schemars(range(min = 1, max = 200_000))]
        max_stderr_chars: Option<u32>,
    ) -> libos::Result<Ran> {
        let Some((program, arguments)) = argv.split_first() else {
            return Err(Failure::invalid_arguments("argv is empty; its first word is the program"));
        };
        let seconds = timeout_s.unwrap_or(TIMEOUT_SECONDS);
        if !(seconds > 0.0 && seconds <= TIMEOUT_SECONDS_MAX) {
            let most = TIMEOUT_SECONDS_MAX;
            return Err(Failure::invalid_arguments(format_args!(
                "timeout_s is {seconds}; more than 0, at most {most}"
            )));
        }
        let stdout_max = within("max_stdout_chars", max_stdout_chars, OUTPUT_CHARACTERS, OUTPUT_CHARACTERS_MAX)?;
        let stderr_max = within("max_stderr_chars", max_stderr_chars, OUTPUT_CHARACTERS, OUTPUT_CHARACTERS_MAX)?;
        let options = Options {
            directory,
            stdin: stdin.unwrap_or_default(),
            timeout: Some(((seconds * 1e9) as u64).max(1)),
            // A character has at most four bytes.
            output_bytes: Some(stdout_max.max(stderr_max) * 4),
            ..Options::default()
        };
        let outcome = shell::run(program, arguments, &options)?;
        Ok(ran(argv, outcome, stdout_max as usize, stderr_max as usize))
    }
}

fn ran(argv: Vec<String>, outcome: Outcome, stdout_max: usize, stderr_max: usize) -> Ran {
    let (returncode, stopped) = match outcome.ended {
        Ended::Exited => (Some(outcome.code), None),
        Ended::Signalled => (Some(-outcome.code), None),
        Ended::WallTime => (None, Some("wall-time")),
        Ended::ProcessorTime => (None, Some("processor-time")),
        Ended::Memory => (None, Some("memory")),
        Ended::Output => (None, Some("output")),
        Ended::Cancelled => (None, Some("cancelled")),
        Ended::Lost => (None, Some("lost")),
    };
    let ((stdout, stdout_truncated), (stderr, stderr_truncated)) =
        (shown(&outcome.stdout, stdout_max), shown(&outcome.stderr, stderr_max));
    let duration_s = (outcome.wall_time / 1_000_000) as f64 / 1e3;
    Ran { argv, returncode, stopped, stdout, stderr, stdout_truncated, stderr_truncated, duration_s }
}

/// At most so many characters, and whether that is not all.
fn shown(output: &Output, most: usize) -> (String, bool) {
    let count = output.head.chars().count() + output.tail.chars().count();
    if count <= most {
        return (output.text(), output.cut > 0);
    }
    let (first, last) = (most / 2, most - most / 2);
    let all = format!("{}{}", output.head, output.tail);
    let at = |index: usize| all.char_indices().nth(index).map_or(all.len(), |(at, _)| at);
    let (head, tail) = (&all[..at(first)], &all[at(count - last)..]);
    let left_out = output.cut as usize + all.len() - head.len() - tail.len();
    (format!("{head}\n... {left_out} bytes are left out here ...\n{tail}"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_the_beginning_and_the_end_are_shown() {
        let output = |head: &str, tail: &str, cut| Output { head: head.into(), tail: tail.into(), cut };
        assert_eq!(shown(&output("abc", "", 0), 3), ("abc".into(), false));
        assert_eq!(shown(&output("abcdef", "", 0), 3), ("a\n... 3 bytes are left out here ...\nef".into(), true));
        assert_eq!(shown(&output("äb", "cö", 7), 2), ("ä\n... 9 bytes are left out here ...\nö".into(), true));
        assert_eq!(shown(&output("a", "b", 7), 9), ("a\n... 7 bytes are cut here ...\nb".into(), true));
    }
}
