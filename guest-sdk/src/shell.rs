//! Programs of the system, confined to what this process may do with files. There is no shell: every word is given.

use crate::Error;
use crate::bindings::libos::runtime::shell as raw;

pub use raw::{Ended, Options, Outcome, Output, Variable};

/// In the working directory, with nothing on standard input, for 30 s.
impl Default for Options {
    fn default() -> Self {
        Options { directory: None, environment: Vec::new(), stdin: String::new(), timeout: None, output_bytes: None }
    }
}

impl Output {
    /// All that was kept, with a line that says how much is missing.
    pub fn text(&self) -> String {
        match self.cut {
            0 => self.head.clone(),
            cut => format!("{}\n... {cut} bytes are cut here ...\n{}", self.head, self.tail),
        }
    }
}

/// Runs a program to its end. `program` is a name (`git`), a path of the host, or a file of this process with a `/` in it. One that fails is
/// no error: see its code. Needs `execute` on `shell:<path of its file> -- <arguments>` and `list` on the directory.
pub fn run(program: &str, arguments: &[String], options: &Options) -> Result<Outcome, Error> {
    Ok(raw::run(program, arguments, options)?)
}
