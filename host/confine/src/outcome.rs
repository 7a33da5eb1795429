//! How a program ended, and what held it.

use minicbor::{Decode, Encode};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A part of the confinement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Piece {
    /// The binary of the host can be started again.
    #[n(0)]
    Supervisor,
    /// A user namespace: the right to make the others, and none outside.
    #[n(1)]
    UserNamespace,
    /// Mount, pid, IPC, UTS and cgroup namespaces, and, unless granted, one without network.
    #[n(2)]
    Namespaces,
    /// No more processes than the limit. By `RLIMIT_NPROC`; that does not bind the system's root, under which the pid namespace has so few
    /// numbers (Linux 6.14), of which 300 come on top.
    #[n(3)]
    ProcessLimit,
    /// A root in which only what is given can be seen.
    #[n(4)]
    View,
    /// Empty mounts over what is denied.
    #[n(5)]
    Masks,
    /// A `/proc` of the new pid namespace.
    #[n(6)]
    Proc,
    /// Limits of one process: processor, memory, files.
    #[n(7)]
    ResourceLimits,
    /// No capability, and no program that gives one.
    #[n(8)]
    NoPrivileges,
    /// Landlock.
    #[n(9)]
    Landlock,
    /// A filter of system calls.
    #[n(10)]
    Seccomp,
}

impl Piece {
    /// A word for it, for lists of what a machine has.
    pub fn word(self) -> &'static str {
        match self {
            Piece::Supervisor => "program-supervisor",
            Piece::UserNamespace => "program-user-namespace",
            Piece::Namespaces => "program-namespaces",
            Piece::ProcessLimit => "program-process-limit",
            Piece::View => "program-root",
            Piece::Masks => "program-masks",
            Piece::Proc => "program-proc",
            Piece::ResourceLimits => "program-resource-limits",
            Piece::NoPrivileges => "program-no-privileges",
            Piece::Landlock => "program-landlock",
            Piece::Seccomp => "program-seccomp",
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Piece::Supervisor => "supervisor",
            Piece::UserNamespace => "user namespace",
            Piece::Namespaces => "namespaces of mounts, processes, IPC, names and network",
            Piece::ProcessLimit => "limit of processes",
            Piece::View => "root of what is given",
            Piece::Masks => "masks over what is denied",
            Piece::Proc => "proc of its own",
            Piece::ResourceLimits => "limits of resources",
            Piece::NoPrivileges => "no privileges",
            Piece::Landlock => "landlock",
            Piece::Seccomp => "filter of system calls",
        })
    }
}

/// A piece that is in force, and how.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Enforced {
    /// Which.
    #[n(0)]
    pub piece: Piece,
    /// How, where there is more than one way.
    #[n(1)]
    pub detail: String,
}

impl fmt::Display for Enforced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() { self.piece.fmt(f) } else { write!(f, "{}: {}", self.piece, self.detail) }
    }
}

/// A limit at which a program is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Bound {
    /// It ran too long.
    #[n(0)]
    WallTime,
    /// Its processes computed too long together.
    #[n(1)]
    ProcessorTime,
    /// Its processes held too much memory together.
    #[n(2)]
    Memory,
    /// It wrote too much to its outputs.
    #[n(3)]
    Output,
}

/// How it ended. In each case nothing of it runs any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum End {
    /// By itself, with a code.
    #[n(0)]
    Exited(#[n(0)] i32),
    /// By a signal: of its own, of one of its processes, or of a limit of one process.
    #[n(1)]
    Signalled(#[n(0)] i32),
    /// It was stopped at a limit.
    #[n(2)]
    Stopped(#[n(0)] Bound),
    /// Nobody wanted it any more.
    #[n(3)]
    Cancelled,
    /// The supervisor died: by the system for want of memory, or by a person. The kernel ended the program with it.
    #[n(4)]
    Lost,
}

/// What it wrote to one output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The last bytes; after the first without a gap if nothing was cut.
    pub tail: Vec<u8>,
    /// Bytes that were dropped between them.
    pub cut: u64,
}

impl Output {
    /// All that was kept, with a line that says what is missing.
    pub fn text(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        let tail = String::from_utf8_lossy(&self.tail);
        if self.cut == 0 {
            return String::from_utf8_lossy(&[self.head.as_slice(), &self.tail].concat()).into_owned();
        }
        format!("{head}\n... {} bytes are cut here ...\n{tail}", self.cut)
    }
}

/// What became of a program that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
    /// From the start of the supervisor to the end of the last process.
    pub wall_time: Duration,
    /// Of all its processes; what the last watch saw, if it was stopped, and at most so much if its supervisor was lost.
    pub processor_time: Duration,
    /// What held it: all pieces.
    pub enforced: Vec<Enforced>,
    /// Denied names that were not there before and are now ([`crate::Absent::Report`]).
    pub appeared: Vec<PathBuf>,
}

/// Why a program was not started. Nothing of it has run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A part of the confinement is not to be had here.
    #[error("this machine cannot confine programs: {piece}: {why}; run `libos doctor`")]
    Missing {
        /// Which.
        piece: Piece,
        /// What the system says.
        why: String,
    },
    /// What it is to get cannot be given so.
    #[error("the program cannot be given what it needs: {0}")]
    Description(String),
    /// The confinement stands, and the file cannot be started in it.
    #[error("the program cannot be started: {0}")]
    NotStarted(String),
}
