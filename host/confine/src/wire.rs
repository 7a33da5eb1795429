//! What the host and the inner stage say to each other: one order, one report, each as its length and CBOR.

use crate::outcome::{End, Enforced, Piece};
use crate::program::{Absent, Access, Identity, Place, Program};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The argument of the stage that makes namespaces, one of the network among them.
pub(crate) const OUTER: &str = "outer";
/// As [`OUTER`], in the network of the host.
pub(crate) const OUTER_WITH_NETWORK: &str = "outer-with-network";
/// The argument of the stage inside.
pub(crate) const INNER: &str = "inner";

/// Bytes of one message.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

#[derive(Encode, Decode)]
pub(crate) struct Spot {
    #[n(0)]
    path: ByteVec,
    #[n(1)]
    device: u64,
    #[n(2)]
    inode: u64,
}

#[derive(Encode, Decode)]
pub(crate) struct Orders {
    #[n(0)]
    executable: Spot,
    #[n(1)]
    arguments: Vec<ByteVec>,
    #[n(2)]
    directory: Option<Spot>,
    #[n(3)]
    environment: Vec<(ByteVec, ByteVec)>,
    #[n(4)]
    stdin: ByteVec,
    /// With whether they may be written.
    #[n(5)]
    given: Vec<(Spot, bool)>,
    /// With whether a name that is not there is only reported.
    #[n(6)]
    denied: Vec<(ByteVec, bool)>,
    #[n(7)]
    system: Vec<ByteVec>,
    #[n(8)]
    network: bool,
    #[n(9)]
    pub limits: InnerLimits,
    /// Whether to set everything up and start nothing.
    #[n(10)]
    pub only_probe: bool,
}

/// What the inner stage sees to.
#[derive(Clone, Copy, Encode, Decode)]
pub(crate) struct InnerLimits {
    #[n(0)]
    pub processor_milliseconds: u64,
    #[n(1)]
    pub processes: u32,
    #[n(2)]
    pub memory_bytes: u64,
    #[n(3)]
    pub file_bytes: u64,
    #[n(4)]
    pub scratch_bytes: u64,
    #[n(5)]
    pub open_files: u32,
}

/// What the inner stage says.
#[derive(Debug, Encode, Decode)]
pub(crate) enum Report {
    /// All is in force.
    #[n(0)]
    Ready(#[n(0)] Vec<Enforced>),
    /// A piece is missing.
    #[n(1)]
    Missing(#[n(0)] Piece, #[n(1)] String),
    /// The description does not hold.
    #[n(2)]
    Description(#[n(0)] String),
    /// The file cannot be started.
    #[n(3)]
    NotStarted(#[n(0)] String),
    /// It ended, after so many milliseconds of processor time.
    #[n(4)]
    Ended(#[n(0)] End, #[n(1)] u64),
    /// The host ends it, after so many milliseconds of processor time.
    #[n(5)]
    Left(#[n(0)] u64),
}

fn bytes(text: impl AsRef<OsStr>) -> ByteVec {
    text.as_ref().as_bytes().to_vec().into()
}

fn text(bytes: &ByteVec) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

impl Spot {
    fn new(place: &Place) -> Spot {
        Spot { path: bytes(&place.path), device: place.identity.device, inode: place.identity.inode }
    }

    pub fn place(&self) -> Place {
        let identity = Identity { device: self.device, inode: self.inode };
        Place { path: text(&self.path).into(), identity }
    }
}

impl Orders {
    pub fn new(program: &Program, only_probe: bool) -> Orders {
        let limits = &program.limits;
        Orders {
            executable: Spot::new(&program.executable.0),
            arguments: program.arguments.iter().map(bytes).collect(),
            directory: program.directory.as_ref().map(Spot::new),
            environment: program.environment.iter().map(|(name, value)| (bytes(name), bytes(value))).collect(),
            stdin: program.stdin.clone().into(),
            given: program.given.iter().map(|g| (Spot::new(&g.place), g.access == Access::Write)).collect(),
            denied: program.denied.iter().map(|d| (bytes(&d.path), d.absent == Absent::Report)).collect(),
            system: program.system.iter().map(bytes).collect(),
            network: program.network,
            limits: InnerLimits {
                processor_milliseconds: u64::try_from(limits.processor_time.as_millis()).unwrap_or(u64::MAX),
                processes: limits.processes,
                memory_bytes: limits.memory_bytes,
                file_bytes: limits.file_bytes,
                scratch_bytes: limits.scratch_bytes,
                open_files: limits.open_files,
            },
            only_probe,
        }
    }

    pub fn executable(&self) -> Place {
        self.executable.place()
    }

    pub fn arguments(&self) -> Vec<OsString> {
        self.arguments.iter().map(text).collect()
    }

    pub fn directory(&self) -> Option<Place> {
        self.directory.as_ref().map(Spot::place)
    }

    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        self.environment.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    pub fn take_stdin(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.stdin)
    }

    pub fn given(&self) -> Vec<(Place, bool)> {
        self.given.iter().map(|(spot, write)| (spot.place(), *write)).collect()
    }

    pub fn denied(&self) -> Vec<(PathBuf, bool)> {
        self.denied.iter().map(|(path, report)| (text(path).into(), *report)).collect()
    }

    pub fn system(&self) -> Vec<PathBuf> {
        self.system.iter().map(|path| text(path).into()).collect()
    }

    pub fn network(&self) -> bool {
        self.network
    }
}

/// Writes a message.
pub(crate) fn say<T: Encode<()>>(mut to: impl Write, message: &T) -> io::Result<()> {
    let content = minicbor::to_vec(message).map_err(io::Error::other)?;
    let mut whole = (content.len() as u64).to_be_bytes().to_vec();
    whole.extend_from_slice(&content);
    to.write_all(&whole)?;
    to.flush()
}

/// Reads a message; none at the end.
pub(crate) fn hear<T: for<'b> Decode<'b, ()>>(mut from: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 8];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MESSAGE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content)?;
    minicbor::decode(&content).map(Some).map_err(io::Error::other)
}
