//! What is taken from the system without a handle: the clock, randomness, and, once at the start, directories by their path.

#![expect(clippy::disallowed_methods, reason = "the clock of the outside")]

use cap_std::ambient_authority;
use libos_kernel::model::time::Time;
use libos_kernel::world::WorldError;
use rustix::fs::{Mode, OFlags, openat};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The time.
pub(super) fn now() -> Time {
    Time::default().after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// Fills `bytes` with randomness fit for secrets.
pub(super) fn random(bytes: &mut [u8]) -> Result<(), WorldError> {
    getrandom::fill(bytes).map_err(|error| WorldError::Io(format!("the system has no randomness: {error}")))
}

/// A handle of a directory that can be listed and synced.
///
/// # Ambient authority
/// Any directory of the user's can be opened: this is for the host's own settings, before the first process runs.
pub(super) fn open_ambient_directory(path: &Path) -> io::Result<OwnedFd> {
    let directory = cap_std::fs::Dir::open_ambient_dir(path, ambient_authority())?;
    // The handle of cap-std only names the directory (O_PATH); to list and to sync it must be open.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(&directory, c".", flags, Mode::empty())?)
}

/// The path without links, as far as it exists.
///
/// # Ambient authority
/// As [`open_ambient_directory`].
pub(super) fn without_links_ambient(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_and_randomness_are_the_systems() {
        let (first, second) = (now(), now());
        assert!(first.0 > 1_600_000_000_000_000_000 && second >= first);
        let (mut one, mut other) = ([0; 32], [0; 32]);
        random(&mut one).unwrap();
        random(&mut other).unwrap();
        assert_ne!(one, other);
    }
}
