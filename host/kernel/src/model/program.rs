//! Programs of the system that a process starts: what it asks for, all that the program gets, and how it ended.

use super::answer::CallError;
use super::command;
use super::id::{Digest, hex};
use super::limit;
use super::preview::escape;
use super::resource::Resource;
use minicbor::{CborLen, Decode, Encode};

/// A program as a process asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// A name, looked up in the directories of the policy; an absolute path of the host; or a file, relative to the directory, with a
    /// `/` in it.
    #[n(0)]
    pub program: String,
    /// Without its own name.
    #[n(1)]
    pub arguments: Vec<String>,
    /// Where it starts; the process's working directory if none.
    #[n(2)]
    pub directory: Option<String>,
    /// Names and values. Only such that the policy lets calls set.
    #[n(3)]
    pub environment: Vec<(String, String)>,
    #[cbor(n(4), with = "minicbor::bytes")]
    #[serde(with = "super::text::bytes")]
    pub stdin: Vec<u8>,
    /// Nanoseconds.
    #[n(5)]
    pub timeout: Option<u64>,
    /// Bytes of each output that are kept.
    #[n(6)]
    pub output_bytes: Option<u32>,
}

/// Where a program is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By a name that is looked up.
    Bare,
    /// By a path of the host.
    Absolute,
    /// By a file of a mount.
    File,
}

impl Command {
    /// How its program is named.
    pub fn naming(&self) -> Naming {
        match self.program.as_bytes() {
            [b'/', ..] => Naming::Absolute,
            name if name.contains(&b'/') => Naming::File,
            _ => Naming::Bare,
        }
    }

    /// Checks what needs no look outside.
    ///
    /// # Errors
    /// `invalid` or `too-large`.
    pub fn check(&self) -> Result<(), CallError> {
        let too_large = |what: String| Err(CallError::TooLarge(what));
        if self.arguments.len() > limit::COMMAND_WORDS_MAX {
            return too_large(format!("a program has at most {} arguments", limit::COMMAND_WORDS_MAX));
        }
        if self.environment.len() > limit::PROGRAM_VARIABLES_MAX {
            return too_large(format!("a program has at most {} variables", limit::PROGRAM_VARIABLES_MAX));
        }
        let variables = self.environment.iter().flat_map(|(name, value)| [name, value]);
        let texts = || self.arguments.iter().chain([&self.program]).chain(variables.clone());
        if texts().map(|text| text.len() + 1).sum::<usize>() > limit::COMMAND_BYTES_MAX {
            let most = limit::COMMAND_BYTES_MAX;
            return too_large(format!(
                "arguments and variables are at most {most} bytes; give the rest on standard input"
            ));
        }
        if self.stdin.len() > limit::PROGRAM_STDIN_BYTES_MAX {
            return too_large(format!("standard input is at most {} bytes", limit::PROGRAM_STDIN_BYTES_MAX));
        }
        if self.output_bytes.is_some_and(|bytes| bytes > limit::PROGRAM_OUTPUT_BYTES_MAX) {
            return too_large(format!("at most {} bytes of an output are kept", limit::PROGRAM_OUTPUT_BYTES_MAX));
        }
        if texts().any(|text| text.contains('\0')) {
            return Err(CallError::Invalid("an argument or variable has a NUL byte".into()));
        }
        if self.program.is_empty() {
            return Err(CallError::Invalid("a program has a name, for example git".into()));
        }
        if self.program.contains(' ') && self.naming() == Naming::Bare {
            let what = "there is no shell: the program and each of its arguments are given one by one";
            return Err(CallError::Invalid(what.into()));
        }
        let plain =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        match self.environment.iter().find(|(name, _)| !plain(name)) {
            Some(_) => Err(CallError::Invalid("a variable's name is of letters, digits and '_'".into())),
            None => Ok(()),
        }
    }

    /// Bytes, roughly.
    pub fn size(&self) -> usize {
        let words = self.arguments.iter().map(|word| 16 + word.len());
        let variables = self.environment.iter().map(|(name, value)| 32 + name.len() + value.len());
        self.program.len() + words.chain(variables).sum::<usize>() + self.stdin.len()
    }

    /// What it is called before anybody has looked: never the name of a rule's program but for an absolute path.
    ///
    /// # Errors
    /// `invalid`: it can be no name.
    pub fn resource(&self) -> Result<Resource, CallError> {
        command::resource(&self.program, &self.arguments).map_err(CallError::Invalid)
    }
}

/// A program's file as it was found: what is decided on, shown and started.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Executable {
    /// Absolute, without links: what rules name.
    #[n(0)]
    pub path: String,
    /// The file that is started; the same but for programs that look at how they are called.
    #[n(1)]
    pub file: String,
    #[n(2)]
    pub device: u64,
    #[n(3)]
    pub inode: u64,
    #[cbor(n(4), with = "minicbor::bytes")]
    pub digest: Digest,
    /// Bytes.
    #[n(5)]
    pub size: u64,
}

/// What a program may do with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, CborLen)]
#[cbor(index_only)]
pub enum Access {
    /// Nothing, although it lies in a place that it gets.
    #[n(0)]
    Denied,
    #[n(1)]
    Read,
    #[n(2)]
    Write,
}

/// A file or directory that a program gets, or does not get.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Place {
    /// `fs:<mount>/<segments>`.
    #[n(0)]
    pub name: Resource,
    #[n(1)]
    pub access: Access,
    /// With all below it. Else the one file.
    #[n(2)]
    pub whole: bool,
}

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct ProgramLimits {
    #[n(0)]
    pub wall_milliseconds: u64,
    /// Of all its processes.
    #[n(1)]
    pub processor_milliseconds: u64,
    /// Bytes.
    #[n(2)]
    pub memory_bytes: u64,
    /// Processes and threads at once.
    #[n(3)]
    pub processes: u32,
    /// Bytes of each output that are kept.
    #[n(4)]
    pub output_bytes: u32,
}

/// All that a program gets. A person who says yes to it says yes to this.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen)]
pub struct Order {
    #[n(0)]
    pub executable: Executable,
    #[n(1)]
    pub arguments: Vec<String>,
    #[n(2)]
    pub directory: Resource,
    #[n(3)]
    pub environment: Vec<(String, String)>,
    /// Names of the host's own variables that it gets.
    #[n(4)]
    pub inherited: Vec<String>,
    #[n(5)]
    pub places: Vec<Place>,
    /// Directories and files of the system that it may read and start.
    #[n(6)]
    pub system: Vec<String>,
    #[n(7)]
    pub network: bool,
    #[n(8)]
    pub limits: ProgramLimits,
    /// A denied name that is not there may be made by it, and its end says so; else it is not started.
    #[n(9)]
    pub reports_absent: bool,
}

/// How a program ended. Nothing of it runs any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum ProgramEnd {
    /// By itself; the code is its exit code.
    #[n(0)]
    Exited,
    /// By a signal, whose number is the code.
    #[n(1)]
    Signalled,
    /// It ran too long.
    #[n(2)]
    WallTime,
    /// It computed too long.
    #[n(3)]
    ProcessorTime,
    #[n(4)]
    Memory,
    /// It wrote too much.
    #[n(5)]
    Output,
    /// Its call was ended.
    #[n(6)]
    Cancelled,
    /// What held it died, and it with that.
    #[n(7)]
    Lost,
}

impl ProgramEnd {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ProgramEnd::Exited => "exited",
            ProgramEnd::Signalled => "signalled",
            ProgramEnd::WallTime => "wall-time",
            ProgramEnd::ProcessorTime => "processor-time",
            ProgramEnd::Memory => "memory",
            ProgramEnd::Output => "output",
            ProgramEnd::Cancelled => "cancelled",
            ProgramEnd::Lost => "lost",
        }
    }
}

/// What a program wrote, all of it, or the first and the last bytes. What is no UTF-8 is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    #[n(0)]
    pub head: String,
    #[n(1)]
    pub tail: String,
    /// Bytes between them that were dropped.
    #[n(2)]
    pub cut: u64,
}

/// What became of a program that was started.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, CborLen, serde::Serialize, serde::Deserialize)]
#[cbor(map)]
#[serde(deny_unknown_fields)]
pub struct Ran {
    #[n(0)]
    pub end: ProgramEnd,
    #[n(1)]
    pub code: i32,
    #[n(2)]
    pub stdout: Written,
    #[n(3)]
    pub stderr: Written,
    /// Nanoseconds.
    #[n(4)]
    pub wall_time: u64,
    /// Nanoseconds, of all its processes.
    #[n(5)]
    pub processor_time: u64,
    /// What held it, and denied names that it made; for the log.
    #[n(6)]
    pub confined: String,
}

impl Ran {
    /// Bytes, roughly.
    pub fn size(&self) -> usize {
        let written = |written: &Written| written.head.len() + written.tail.len();
        128 + written(&self.stdout) + written(&self.stderr) + self.confined.len()
    }
}

impl Order {
    /// What a person reads who is asked, beside what the call says itself.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "runs {}, {} bytes, SHA-256 {}",
            escape(&self.executable.path),
            self.executable.size,
            hex(&self.executable.digest)
        )];
        if self.executable.file != self.executable.path {
            lines.push(format!("which is the file {}", escape(&self.executable.file)));
        }
        lines.push(match self.arguments.len() {
            0 => "without arguments".into(),
            1 => "with this argument:".into(),
            count => format!("with these {count} arguments, one a line:"),
        });
        lines.extend(self.arguments.iter().map(|word| format!("  | {}", escape(word))));
        lines.push(format!("in the directory {}", escape(&self.directory.to_string())));
        for (name, value) in &self.environment {
            lines.push(format!("with the variable {}={}", escape(name), escape(value)));
        }
        for name in &self.inherited {
            lines.push(format!("with the host's own variable {}", escape(name)));
        }
        for place in &self.places {
            let what = match place.access {
                Access::Denied => "it does not reach",
                Access::Read => "it may read",
                Access::Write => "it may read and change",
            };
            let below = if place.whole { " and all below" } else { "" };
            lines.push(format!("{what} {}{below}", escape(&place.name.to_string())));
        }
        lines.push(if self.network { "it has the network of this machine" } else { "it has no network" }.into());
        let limits = &self.limits;
        lines.push(format!(
            "at most {} s, {} s of processor time, {} MiB of memory, {} processes",
            limits.wall_milliseconds as f64 / 1e3,
            limits.processor_milliseconds as f64 / 1e3,
            limits.memory_bytes >> 20,
            limits.processes
        ));
        lines.push(
            "the kernel confines it: namespaces, masks, Landlock, a filter of system calls, no privileges; without all of \
             these it is not started"
                .into(),
        );
        lines
    }
}
