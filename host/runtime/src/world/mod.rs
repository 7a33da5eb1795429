//! The outside on Linux: the only code of the runtime that touches the operating system on a process's behalf.
//!
//! A mount is a directory handle, opened once. Every name is resolved below it with no symbolic link followed (`resolve`), what
//! was opened is looked at before it is used, and nothing protected is touched (`guard`). So the floors above may err about what
//! a name means, but not lead out of the mount.

mod append;
mod error;
mod facility;
mod guard;
mod inspect;
mod list;
mod meta;
mod models;
mod modules;
mod os;
mod probe;
mod programs;
mod read;
mod remove;
mod rename;
mod resolve;
mod setup;
#[cfg(test)]
mod tests;
mod tree;
mod unmounted;
mod witness;
mod write;

pub use facility::{probe_data_directory, probe_names};
pub use libos_kernel::world::files::Body;
pub use libos_kernel::world::memory::MemoryWorld;
pub(crate) use modules::{ModuleFolder, Unread};
pub use resolve::Resolver;
pub use setup::{ceiling, make_private_directory, mounts, read_component};
pub(crate) use unmounted::Unmounted;
pub use witness::{LocalNotary, SecondPlace, WitnessFile};

use guard::Guard;
use libos_kernel::kernel::Permit;
use libos_kernel::model::call::{Entry, Stat, WriteMode};
use libos_kernel::model::facility::{self as model, Facilities, Facility, Finding};
use libos_kernel::model::policy::ModelProfile;
use libos_kernel::model::program::{Executable, Ran};
use libos_kernel::model::row::Probe;
use libos_kernel::model::time::Time;
use libos_kernel::world::{Asking, Content, Found, Probed, ProgramName, Range, World, WorldError};
use meta::Meta;
use programs::Programs;
use resolve::Mount;
use std::path::PathBuf;

/// A directory of the host that processes get a name for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountSpec {
    /// The first segment of its resources' names.
    pub name: String,
    /// The directory; links in the path are followed once, when the world is made.
    pub path: PathBuf,
    /// Whether files with several hard links may be read and appended to. To be false where a rule denies or asks for something
    /// in the mount, because the file's other name may be the one that the rule is about.
    pub allow_hard_links: bool,
}

/// How a world is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorldOptions {
    /// Only tests change it.
    pub resolver: Resolver,
    /// What is required and may be missing all the same.
    pub accepted: Facilities,
    /// What counts as missing whatever is there; only tests fill it.
    pub absent: Facilities,
}

/// Why the world cannot be made. For the host's own people: it names paths.
#[derive(Debug, thiserror::Error)]
pub enum WorldSetupError {
    /// The directory cannot be opened.
    #[error("the mount '{name}' cannot be opened at {}: {source}", path.display())]
    Mount {
        /// Of the mount.
        name: String,
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Two mounts have one name, or the name is no segment.
    #[error("'{name}' is no name for a mount, or two mounts have it")]
    MountName {
        /// Of the mount.
        name: String,
    },
    /// The directory belongs to the runtime.
    #[error("the mount '{name}' lies in a directory of the runtime's own; no process may be given that")]
    MountProtected {
        /// Of the mount.
        name: String,
    },
    /// A protected path cannot be watched: the directory that it lies in must exist.
    #[error("{} cannot be protected: {source}", path.display())]
    Protected {
        /// What was to be protected.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Something that is required is missing here, and nobody accepted that.
    #[error("{} is missing ({detail}); without it {}", facility.word(), facility.weakens())]
    Lacks {
        /// What is missing.
        facility: Facility,
        /// What was found instead.
        detail: String,
    },
    /// The wanted resolver is missing.
    #[error("this system has no openat2, or forbids it")]
    NoOpenat2,
}

/// The outside on Linux.
pub struct OsWorld {
    mounts: Vec<Mount>,
    guard: Guard,
    /// Never automatic any more.
    resolver: Resolver,
    facilities: Vec<Finding>,
    models: models::Models,
    programs: Programs,
}

impl OsWorld {
    /// Opens every mount. `protected` are the runtime's own files and directories: its policy, its data, its keys. They need not
    /// exist yet, but the directories that they lie in must.
    ///
    /// # Ambient authority
    /// Opens whatever directories it is told to; afterwards nothing is opened but through them.
    ///
    /// # Errors
    /// See [`WorldSetupError`].
    pub fn new(
        mounts: Vec<MountSpec>,
        protected: Vec<PathBuf>,
        options: WorldOptions,
    ) -> Result<OsWorld, WorldSetupError> {
        let guard = Guard::new(&protected)?;
        let paths: Vec<PathBuf> = mounts.iter().map(|mount| mount.path.clone()).collect();
        let models = models::Models::new(&paths, &protected);
        let walks = options.absent.contains(Facility::Openat2);
        let mut resolver = if walks { Resolver::Walk } else { options.resolver };
        let mut opened: Vec<Mount> = Vec::with_capacity(mounts.len());
        for MountSpec { name, path, allow_hard_links } in mounts {
            if name.is_empty() || name.contains('/') || opened.iter().any(|mount| mount.name == name) {
                return Err(WorldSetupError::MountName { name });
            }
            let open = || {
                let root = os::open_ambient_directory(&path)?;
                let meta = Meta::of(&root)?;
                Ok::<_, std::io::Error>((root, meta))
            };
            let (root, meta) =
                open().map_err(|source| WorldSetupError::Mount { name: name.clone(), path: path.clone(), source })?;
            if guard.covers(&root) {
                return Err(WorldSetupError::MountProtected { name });
            }
            resolver = resolver.settle(&root).ok_or(WorldSetupError::NoOpenat2)?;
            opened.push(Mount { name, root, meta, allow_hard_links });
        }
        let facilities = facility::of_mounts(&opened, resolver, options.absent);
        if let Some(Finding { facility, detail, .. }) = model::refused(&facilities, options.accepted) {
            return Err(WorldSetupError::Lacks { facility: *facility, detail: detail.clone() });
        }
        let programs = Programs::new(&protected);
        Ok(OsWorld { mounts: opened, guard, resolver, facilities, models, programs })
    }

    /// What its mounts were found to offer.
    pub fn facilities(&self) -> &[Finding] {
        &self.facilities
    }

    /// How names are resolved on this system.
    pub fn resolver(&self) -> Resolver {
        self.resolver
    }
}

impl World for OsWorld {
    fn now(&self, _permit: &Permit) -> Time {
        os::now()
    }

    fn random(&self, _permit: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        os::random(bytes)
    }

    fn model_ask<'a>(&'a self, permit: &'a Permit, profile: &'a ModelProfile, request: &'a str) -> Asking<'a> {
        self.models.ask(permit, profile, request)
    }

    fn fs_read(&self, permit: &Permit, range: Option<Range>) -> Result<Content, WorldError> {
        self.read_under(permit.resource(0), range, || permit.forbids_second_names(0))
    }

    fn fs_write(&self, permit: &Permit, content: &[u8], mode: WriteMode, temporary: &str) -> Result<(), WorldError> {
        self.write(permit.resource(0), content, mode, temporary)
    }

    fn fs_append(&self, permit: &Permit, content: &[u8]) -> Result<(), WorldError> {
        self.append_under(permit.resource(0), content, || permit.forbids_second_names(0))
    }

    fn fs_list(&self, permit: &Permit) -> Result<Vec<Entry>, WorldError> {
        self.list(permit.resource(0))
    }

    fn fs_stat(&self, permit: &Permit) -> Result<Stat, WorldError> {
        self.stat(permit.resource(0))
    }

    fn fs_make_dir(&self, permit: &Permit) -> Result<(), WorldError> {
        self.make_directory(permit.resource(0))
    }

    fn fs_remove(&self, permit: &Permit, recursive: bool) -> Result<(), WorldError> {
        self.remove(permit.resource(0), recursive)
    }

    fn fs_rename(&self, permit: &Permit, replace: bool) -> Result<(), WorldError> {
        self.rename(permit.resource(0), permit.resource(1), replace)
    }

    fn fs_inspect(&self, permit: &Permit, index: usize, follow: bool, content: bool) -> Result<Found, WorldError> {
        self.inspect(permit.resource(index), index, follow, content)
    }

    fn shell_find(&self, permit: &Permit, program: &ProgramName<'_>) -> Result<Executable, WorldError> {
        self.find_program(permit, program)
    }

    fn shell_run(&self, permit: &Permit, stdin: &[u8], wanted: &(dyn Fn() -> bool + Sync)) -> Result<Ran, WorldError> {
        self.run_program(permit, stdin, wanted)
    }

    fn probe(&self, _permit: &Permit, probe: &Probe, temporary: &str) -> Probed {
        self.probe_effect(probe, temporary)
    }
}
