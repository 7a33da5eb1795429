//! From the system's error numbers to the world's errors. No message names a path of the host.

use libos_kernel::world::WorldError;
use rustix::io::Errno;

/// The same sentence as the kernel's ceiling by name: whoever meets it need not know which of the two it was.
pub(super) const PROTECTED: WorldError =
    WorldError::Protected("no tool may touch the runtime's own policy, data or keys");
/// A hard link has a second name, which a rule may deny.
pub(super) const HARD_LINK: WorldError =
    WorldError::Protected("the file has several hard links, and a rule denies or asks for something in this mount");

/// The world's error for one of the system's.
pub(super) fn from_errno(errno: Errno) -> WorldError {
    match errno {
        Errno::NOENT => WorldError::NotFound,
        Errno::EXIST => WorldError::AlreadyExists,
        Errno::NOTEMPTY => WorldError::NotEmpty,
        Errno::NOTDIR => wrong_kind("a part of the name is no directory"),
        Errno::ISDIR => wrong_kind("it is a directory"),
        Errno::LOOP => wrong_kind("it is a symbolic link"),
        Errno::XDEV => other_mount(),
        Errno::FBIG => WorldError::TooLarge("the file system takes no larger file".into()),
        _ => WorldError::Io(message(errno)),
    }
}

/// The system's own words, without the number.
pub(super) fn message(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// A sentence in a [`WorldError::WrongKind`].
pub(super) fn wrong_kind(why: &str) -> WorldError {
    WorldError::WrongKind(why.to_owned())
}

/// What lies below a mount point inside a mount, and the two ends of a move that no file system can do at once.
pub(super) fn other_mount() -> WorldError {
    wrong_kind("it lies on another file system, mounted inside; the host has to mount that by a name of its own")
}

/// An error about the permit's name with this number.
pub(super) fn about(index: usize) -> impl Fn(WorldError) -> WorldError {
    move |error| match error {
        WorldError::Link { to, .. } => WorldError::Link { index, to },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_happened_and_no_number() {
        for (errno, want) in [
            (Errno::NOENT, WorldError::NotFound),
            (Errno::NOTEMPTY, WorldError::NotEmpty),
            (Errno::NOSPC, WorldError::Io("no space left on device".into())),
            (Errno::ACCESS, WorldError::Io("permission denied".into())),
            (Errno::ROFS, WorldError::Io("read-only file system".into())),
        ] {
            assert_eq!(from_errno(errno), want);
        }
    }
}
