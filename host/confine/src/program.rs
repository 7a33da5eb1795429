//! What is run, and within what.

use rustix::fs::{Mode, OFlags, fstat, open};
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which file or directory a path led to when it was resolved: what is used later must be the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Number of the device.
    pub device: u64,
    /// Number on the device.
    pub inode: u64,
}

impl Identity {
    /// Of an open file or directory.
    ///
    /// # Errors
    /// The system does not say.
    pub fn of(handle: impl AsFd) -> io::Result<Identity> {
        let stat = fstat(handle)?;
        Ok(Identity { device: stat.st_dev, inode: stat.st_ino })
    }
}

/// A directory or file of the host by its path without links, and which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absolute, without links: where it also is for the program.
    pub path: PathBuf,
    /// Checked again in the new namespace.
    pub identity: Identity,
}

impl Place {
    /// Where an open handle is, as the kernel says.
    ///
    /// # Errors
    /// It was removed, or cannot be reached by a path.
    pub fn of_handle(handle: impl AsFd) -> io::Result<Place> {
        use std::os::fd::AsRawFd;
        let number = handle.as_fd().as_raw_fd();
        let path = PathBuf::from(format!("/proc/self/fd/{number}")).read_link()?;
        let place = Place { identity: Identity::of(&handle)?, path };
        // A removed directory reads as `/a (deleted)`, a pipe as `pipe:[1]`.
        if place.path.is_absolute() && Place::at(&place.path).is_ok_and(|again| again.identity == place.identity) {
            return Ok(place);
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "the handle leads to nothing that has a path"))
    }

    /// What is at a path now; its links are resolved.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be looked at.
    pub fn at(path: &Path) -> io::Result<Place> {
        let path = path.canonicalize()?;
        let handle = open(&path, OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Place { identity: Identity::of(handle)?, path })
    }
}

/// A program's file, resolved once: what was decided on and shown is what is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable(pub(crate) Place);

impl Executable {
    /// The file at an absolute path; links are resolved now and never again.
    ///
    /// # Errors
    /// The path is relative, leads to nothing, or to something that is no regular file.
    pub fn resolve(path: &Path) -> io::Result<Executable> {
        if !path.is_absolute() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a program is named by an absolute path"));
        }
        let place = Place::at(path)?;
        if !place.path.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a program is a regular file"));
        }
        Ok(Executable(place))
    }

    /// Where it is, without links: what grants name.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

/// What may be done with a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Read, list and start what is in it.
    Read,
    /// That, and change it.
    Write,
}

/// A directory, or one file, that the program gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub place: Place,
    /// What for.
    pub access: Access,
}

/// What is to be done about a denied name where nothing is: a name cannot be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// If the program could make it, the program is refused.
    Refuse,
    /// The outcome says if it is there afterwards.
    Report,
}

/// A subtree or file that stays out of reach, whatever is given around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Absolute, without links.
    pub path: PathBuf,
    /// If nothing is there.
    pub absent: Absent,
}

/// What one program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time from its start until it is stopped; 30 days at most.
    pub wall_time: Duration,
    /// Processor time of all its processes.
    pub processor_time: Duration,
    /// Bytes of each of its outputs that are kept; what is between the first and the last half is cut.
    pub kept_bytes: usize,
    /// Bytes that it may write to its outputs before it is stopped.
    pub output_bytes: u64,
    /// Processes and threads at once. Under a host that is the system's root up to 300 more (see [`crate::Piece::ProcessLimit`]).
    pub processes: u32,
    /// Memory, in bytes: of one process at once, and of all together by a watch that looks 20 times a second.
    pub memory_bytes: u64,
    /// Bytes of one file that it writes.
    pub file_bytes: u64,
    /// Bytes of all files in its HOME, and again in its TMPDIR and in `/dev/shm`. They are in memory. One page at
    /// least; one file for each page, and 1,024 at least.
    pub scratch_bytes: u64,
    /// Open files of one process.
    pub open_files: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall_time: Duration::from_secs(30),
            processor_time: Duration::from_secs(60),
            kept_bytes: 64 << 10,
            output_bytes: 64 << 20,
            processes: 256,
            memory_bytes: 2 << 30,
            file_bytes: 1 << 30,
            scratch_bytes: 256 << 20,
            open_files: 1024,
        }
    }
}

/// One program, all that it gets, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What is started.
    pub executable: Executable,
    /// Its arguments, its own name first.
    pub arguments: Vec<OsString>,
    /// Where it starts; must be inside of what it is given. In its own empty TMPDIR if none.
    pub directory: Option<Place>,
    /// All of its environment but HOME and TMPDIR, which are its own empty directories, whatever is said here.
    pub environment: Vec<(OsString, OsString)>,
    /// Its standard input.
    pub stdin: Vec<u8>,
    /// Directories and files that it may read or write.
    pub given: Vec<Given>,
    /// What stays out of reach in them.
    pub denied: Vec<Denied>,
    /// Directories and files of the system that it may read and start; a link at such a path is a link for the program, too. What is not
    /// there is left out.
    pub system: Vec<PathBuf>,
    /// Whether it may use the network of the host: internet protocols, also to this machine. Without, it has no network at all.
    pub network: bool,
    /// What it may use.
    pub limits: Limits,
}

impl Program {
    /// A program without arguments, directories or network, and with what most need of a system.
    pub fn new(executable: Executable) -> Program {
        Program {
            arguments: vec![executable.path().into()],
            executable,
            directory: None,
            environment: Vec::new(),
            stdin: Vec::new(),
            given: Vec::new(),
            denied: Vec::new(),
            system: SYSTEM.map(PathBuf::from).to_vec(),
            network: false,
            limits: Limits::default(),
        }
    }
}

/// What most programs need of a system. Of `/etc` only what libraries look up: keys, passwords and settings of services are there, too.
pub const SYSTEM: [&str; 14] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
];
