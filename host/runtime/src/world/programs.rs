//! Programs of the system: finds their files, and runs them confined to what the permit's order says. The only caller of `libos-confine`.

use super::error::{about, from_errno};
use super::resolve::Access as Open;
use super::{OsWorld, os};
use libos_confine::{
    Absent, Access as Confined, Bound, Denied, End, Given, Identity, Limits, Outcome, Output, Place, Program, Refused,
    Supervisor,
};
use libos_kernel::kernel::Permit;
use libos_kernel::model::id::Digest;
use libos_kernel::model::program::{Access, Executable, Naming, Order, ProgramEnd, Ran, Written};
use libos_kernel::model::resource::Resource;
use libos_kernel::world::{ProgramName, WorldError};
use rustix::fs::{Mode, OFlags, fstat, open};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Files whose digests are kept.
const DIGESTS_MAX: usize = 1_000;
/// Bytes of a program's file; a larger one is not run.
const EXECUTABLE_BYTES_MAX: u64 = 4 << 30;

/// What a file was when its digest was computed: whoever changes its content changes the last.
type State = (u64, u64, i64, i64, i64, i64, i64);

/// What running programs needs beside the mounts.
pub(super) struct Programs {
    /// Without one no program is run.
    pub supervisor: Option<Supervisor>,
    /// The runtime's own, whatever a policy says.
    pub protected: Vec<PathBuf>,
    digests: Mutex<HashMap<State, Digest>>,
}

impl Programs {
    pub fn new(protected: &[PathBuf]) -> Programs {
        let both = |path: &PathBuf| {
            let plain = std::path::absolute(path).ok();
            [plain, os::without_links_ambient(path).ok()]
        };
        let mut protected: Vec<PathBuf> = protected.iter().flat_map(both).flatten().collect();
        protected.sort();
        protected.dedup();
        Programs { supervisor: None, protected, digests: Mutex::default() }
    }

    /// SHA-256 of a file.
    fn digest(&self, file: &OwnedFd) -> Result<(Digest, u64), WorldError> {
        let stat = fstat(file).map_err(from_errno)?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        if size > EXECUTABLE_BYTES_MAX {
            return Err(WorldError::TooLarge(format!("a program's file has at most {EXECUTABLE_BYTES_MAX} bytes")));
        }
        let times = (stat.st_mtime, stat.st_mtime_nsec as i64, stat.st_ctime, stat.st_ctime_nsec as i64);
        let state = (stat.st_dev, stat.st_ino, stat.st_size, times.0, times.1, times.2, times.3);
        if let Some(digest) = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(&state) {
            return Ok((*digest, size));
        }
        let mut hash = Sha256::new();
        let mut chunk = vec![0; 256 << 10];
        let mut at = 0;
        loop {
            match rustix::io::pread(file, &mut chunk, at).map_err(from_errno)? {
                0 => break,
                count => {
                    hash.update(&chunk[..count]);
                    at += count as u64;
                }
            }
        }
        let digest = hash.finalize().into();
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if digests.len() >= DIGESTS_MAX {
            digests.clear();
        }
        digests.insert(state, digest);
        Ok((digest, size))
    }
}

/// Why a path of the host cannot be looked at; without the path, for a process learns of it.
fn unusable(error: &io::Error) -> WorldError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => WorldError::NotFound,
        io::ErrorKind::InvalidInput => WorldError::WrongKind("a program is a regular file".into()),
        kind => WorldError::Io(format!("the program's file cannot be read: {kind}")),
    }
}

/// What went wrong before anything was started.
fn before(what: &str, error: WorldError) -> String {
    match error {
        WorldError::NotFound => format!("{what} is not there any more"),
        WorldError::WrongKind(why) | WorldError::TooLarge(why) | WorldError::Changed(why) | WorldError::Io(why) => {
            format!("{what}: {why}")
        }
        WorldError::NotStarted(why) => why,
        other => format!("{what} cannot be had: {other:?}"),
    }
}

impl OsWorld {
    /// Lets it run programs, confined by this one. Without, it runs none.
    #[must_use]
    pub fn with_supervisor(mut self, supervisor: Supervisor) -> OsWorld {
        self.programs.supervisor = Some(supervisor);
        self
    }

    pub(super) fn find_program(&self, permit: &Permit, program: &ProgramName<'_>) -> Result<Executable, WorldError> {
        let path = match program.naming {
            Naming::Bare => self.look_up(program)?,
            Naming::Absolute => PathBuf::from(program.name),
            Naming::File => {
                let place = self.place(permit.resource(2), Open::Through).map_err(about(2))?;
                let (file, _) = self.open_file(&place, OFlags::RDONLY).map_err(about(2))?;
                Place::of_handle(&file).map_err(|error| unusable(&error))?.path
            }
        };
        let file = os::without_links_ambient(&path).map_err(|error| unusable(&error))?;
        // Links on the way count, the last one may be kept.
        let folder = path.parent().map(os::without_links_ambient).transpose().map_err(|error| unusable(&error))?;
        let named = folder.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        let keeps = |named: &PathBuf| program.keep_name.iter().any(|kept| Path::new(kept) == named);
        let named = named.filter(keeps).unwrap_or_else(|| file.clone());
        self.executable(&named, &file)
    }

    /// The first file of that name; never in a directory that processes have a name for.
    fn look_up(&self, program: &ProgramName<'_>) -> Result<PathBuf, WorldError> {
        for directory in program.directories {
            let Ok(folder) = os::without_links_ambient(Path::new(directory)) else { continue };
            let path = folder.join(program.name);
            if path.is_file() && !self.is_in_mount(&folder) {
                return Ok(path);
            }
        }
        Err(WorldError::NotFound)
    }

    fn is_in_mount(&self, folder: &Path) -> bool {
        self.mounts.iter().any(|mount| Place::of_handle(&mount.root).is_ok_and(|root| folder.starts_with(&root.path)))
    }

    pub(super) fn executable(&self, named: &Path, file: &Path) -> Result<Executable, WorldError> {
        let text = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| WorldError::WrongKind("its path is not UTF-8".into()))
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        if !file.is_file() {
            return Err(WorldError::WrongKind("a program is a regular file".into()));
        }
        let handle = open(file, flags, Mode::empty()).map_err(from_errno)?;
        let identity = Identity::of(&handle).map_err(|error| unusable(&error))?;
        let (digest, size) = self.programs.digest(&handle)?;
        let Identity { device, inode } = identity;
        Ok(Executable { path: text(named)?, file: text(file)?, device, inode, digest, size })
    }

    pub(super) fn run_program(
        &self,
        permit: &Permit,
        stdin: &[u8],
        wanted: &(dyn Fn() -> bool + Sync),
    ) -> Result<Ran, WorldError> {
        let not_started = |why: String| WorldError::NotStarted(why);
        let Some(order) = permit.order() else { return Err(not_started("nothing says what it gets".into())) };
        let Some(supervisor) = &self.programs.supervisor else {
            return Err(not_started("this host has nothing that confines programs, so it runs none".into()));
        };
        let program = self.ready(order, stdin)?;
        libos_confine::run_while(supervisor, &program, wanted).map(ran).map_err(|refused| match refused {
            Refused::Missing { .. } | Refused::Description(_) | Refused::NotStarted(_) => {
                not_started(refused.to_string())
            }
        })
    }

    /// What the confinement is told. Nothing has run yet, so every error says that.
    pub(super) fn ready(&self, order: &Order, stdin: &[u8]) -> Result<Program, WorldError> {
        let not_started = |what: &str, error: WorldError| WorldError::NotStarted(before(what, error));
        let (path, file) = (Path::new(&order.executable.path), Path::new(&order.executable.file));
        let found = self.executable(path, file).map_err(|error| not_started("the program's file", error))?;
        if found != order.executable {
            return Err(WorldError::NotStarted("the program's file changed since it was decided on".into()));
        }
        self.program(order, stdin).map_err(|error| not_started("its directory or what it gets", error))
    }

    fn program(&self, order: &Order, stdin: &[u8]) -> Result<Program, WorldError> {
        let executable =
            libos_confine::Executable::resolve(Path::new(&order.executable.file)).map_err(|error| unusable(&error))?;
        let mut program = Program::new(executable);
        program.arguments = [&order.executable.path].into_iter().chain(&order.arguments).map(OsString::from).collect();
        program.directory = Some(self.host_place(&order.directory)?);
        let variables = order.environment.iter().map(|(name, value)| (name.into(), value.into()));
        let inherited = order.inherited.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        program.environment = variables.chain(inherited).collect();
        program.stdin = stdin.to_vec();
        program.system = order.system.iter().map(PathBuf::from).collect();
        program.network = order.network;
        let absent = if order.reports_absent { Absent::Report } else { Absent::Refuse };
        for place in &order.places {
            let given = match place.access {
                Access::Denied => None,
                Access::Read => self.given(&place.name, place.whole).map(|found| (found, Confined::Read)),
                Access::Write => self.given(&place.name, place.whole).map(|found| (found, Confined::Write)),
            };
            match given {
                Some((place, access)) => program.given.push(Given { place, access }),
                // What is less than around it must not be more because it is not there, or is a link.
                None => program.denied.extend(self.host_path(&place.name).map(|path| Denied { path, absent })),
            }
        }
        let seen = |path: &PathBuf| {
            let given = program.given.iter().map(|given| &given.place.path).chain(&program.system);
            given.into_iter().any(|given| path.starts_with(given))
        };
        let own: Vec<PathBuf> = self.programs.protected.iter().filter(|path| seen(path)).cloned().collect();
        for path in own {
            if !program.denied.iter().any(|denied| denied.path == path) && path.symlink_metadata().is_ok() {
                program.denied.push(Denied { path, absent });
            }
        }
        program.limits = Limits {
            wall_time: Duration::from_millis(order.limits.wall_milliseconds),
            processor_time: Duration::from_millis(order.limits.processor_milliseconds),
            memory_bytes: order.limits.memory_bytes,
            processes: order.limits.processes,
            kept_bytes: order.limits.output_bytes as usize,
            ..Limits::default()
        };
        Ok(program)
    }

    /// Where a name is on the host, whether or not something is there.
    fn host_path(&self, name: &Resource) -> Option<PathBuf> {
        let (mount, path) = self.locate(name).ok()?;
        let root = Place::of_handle(&mount.root).ok()?.path;
        Some(if path.is_empty() { root } else { root.join(path) })
    }

    /// A directory of a mount as a place of the host.
    fn host_place(&self, name: &Resource) -> Result<Place, WorldError> {
        let (mount, path) = self.locate(name)?;
        let (folder, _) = self.folder(mount, name, path, Open::Through)?;
        Place::of_handle(&folder).map_err(|error| unusable(&error))
    }

    /// What is given: a directory with all below it, or one regular file.
    fn given(&self, name: &Resource, whole: bool) -> Option<Place> {
        if whole && let Ok(place) = self.host_place(name) {
            return Some(place);
        }
        let place = self.place(name, Open::Through).ok()?;
        let (file, _) = self.open_file(&place, OFlags::PATH).ok()?;
        Place::of_handle(&file).ok()
    }
}

fn ran(outcome: Outcome) -> Ran {
    let (end, code) = match outcome.end {
        End::Exited(code) => (ProgramEnd::Exited, code),
        End::Signalled(signal) => (ProgramEnd::Signalled, signal),
        End::Stopped(Bound::WallTime) => (ProgramEnd::WallTime, -1),
        End::Stopped(Bound::ProcessorTime) => (ProgramEnd::ProcessorTime, -1),
        End::Stopped(Bound::Memory) => (ProgramEnd::Memory, -1),
        End::Stopped(Bound::Output) => (ProgramEnd::Output, -1),
        End::Cancelled => (ProgramEnd::Cancelled, -1),
        End::Lost => (ProgramEnd::Lost, -1),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let written = |Output { head, tail, cut }: Output| match cut {
        0 => Written { head: text(&[head, tail].concat()), ..Written::default() },
        cut => Written { head: text(&head), tail: text(&tail), cut },
    };
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let held: Vec<String> = outcome.enforced.iter().map(ToString::to_string).collect();
    let made = outcome.appeared.iter().map(|path| format!("it made {}, which is denied; ", path.display()));
    let made = made.collect::<String>();
    let mut stderr = written(outcome.stderr);
    if !made.is_empty() {
        // Whoever reads what came of it sees it, too, and not the record alone.
        let end = if stderr.cut == 0 { &mut stderr.head } else { &mut stderr.tail };
        end.push_str(&format!("\nlibos: {}\n", made.trim_end_matches("; ")));
    }
    Ran {
        end,
        code,
        stdout: written(outcome.stdout),
        stderr,
        wall_time: nanoseconds(outcome.wall_time),
        processor_time: nanoseconds(outcome.processor_time),
        confined: format!("{made}confined by {}", held.join(", ")),
    }
}
