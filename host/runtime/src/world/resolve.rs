//! From a resource to a name in an open directory. No symbolic link is followed anywhere: the one that is met is reported, and
//! the line decides about the name that it leads to.
//!
//! One system call does it where there is `openat2`; elsewhere a walk opens segment by segment. Both stay on the mount's own
//! file system: what somebody mounted inside would give files a second name, which no rule knows, and can be a mount of its own.

mod openat2;
mod walk;

use super::OsWorld;
use super::error::{from_errno, other_mount, wrong_kind};
use super::meta::{Identity, Meta};
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::path::follow;
use libos_kernel::model::resource::{Kind, Resource};
use libos_kernel::world::WorldError;
use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How names are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resolver {
    /// By `openat2` if the system has it and lets us call it, else by the walk.
    #[default]
    Automatic,
    /// By `openat2`; without it the world cannot be made.
    Openat2,
    /// By opening segment by segment.
    Walk,
}

impl Resolver {
    /// Settles what is automatic; none if what is wanted is missing.
    pub(super) fn settle(self, directory: impl AsFd) -> Option<Resolver> {
        match (self, self != Resolver::Walk && openat2::is_available(directory)) {
            (Resolver::Walk, _) | (Resolver::Automatic, false) => Some(Resolver::Walk),
            (Resolver::Openat2 | Resolver::Automatic, true) => Some(Resolver::Openat2),
            (Resolver::Openat2, false) => None,
        }
    }
}

/// A directory that processes may be given names in.
pub(super) struct Mount {
    pub name: String,
    pub root: OwnedFd,
    pub meta: Meta,
    pub allow_hard_links: bool,
}

impl Mount {
    /// Whether it lies on this mount, not on one inside it. A system that does not number its mounts is asked for the device;
    /// only of directories, because some file systems give files another.
    pub fn contains(&self, meta: &Meta) -> bool {
        match (self.meta.mount, meta.mount) {
            (Some(own), Some(other)) => own == other,
            _ => meta.kind != EntryKind::Directory || meta.identity.device == self.meta.identity.device,
        }
    }
}

/// What a directory is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// To reach what is in it.
    Through,
    /// To list it, or to change it: what is changed is synced, and that needs the right to read.
    Itself,
}

impl Access {
    fn flags(self) -> OFlags {
        let access = if self == Access::Through { OFlags::PATH } else { OFlags::RDONLY };
        access | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
    }
}

/// An open directory: the mount's root, or one below it.
pub(super) enum Folder<'w> {
    Root(BorrowedFd<'w>),
    Below(OwnedFd),
}

impl AsFd for Folder<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Folder::Root(handle) => *handle,
            Folder::Below(handle) => handle.as_fd(),
        }
    }
}

/// A name in an open directory. Whether something has that name is not known yet.
pub(super) struct Place<'w> {
    pub mount: &'w Mount,
    pub folder: Folder<'w>,
    pub folder_identity: Identity,
    pub resource: &'w Resource,
    pub name: &'w str,
}

impl OsWorld {
    /// The mount of a resource, and the path in it; empty for the mount's root.
    pub(super) fn locate<'w>(&'w self, resource: &'w Resource) -> Result<(&'w Mount, &'w str), WorldError> {
        let (name, path) = resource.split_first();
        let mount = self.mounts.iter().find(|mount| mount.name == name).filter(|_| resource.kind() == Kind::Fs);
        let mount = mount.ok_or(WorldError::NotFound)?;
        // The kernel makes no such names. The walk would follow them, so this is not left to the kernel.
        if !path.is_empty() && path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(wrong_kind("the name is not a plain path"));
        }
        Ok((mount, path))
    }

    /// The directory that the first `path` of the resource's segments name, and which one it is.
    pub(super) fn folder<'w>(
        &self,
        mount: &'w Mount,
        resource: &Resource,
        path: &str,
        access: Access,
    ) -> Result<(Folder<'w>, Meta), WorldError> {
        if path.is_empty() {
            return Ok((Folder::Root(mount.root.as_fd()), mount.meta));
        }
        let (handle, meta) = match self.resolver {
            Resolver::Walk => walk::directory(self, mount, resource, path, access)?,
            Resolver::Openat2 | Resolver::Automatic => openat2::directory(self, mount, resource, path, access)?,
        };
        Ok((Folder::Below(handle), meta))
    }

    /// The resource's last segment in the directory it lies in.
    pub(super) fn place<'w>(&'w self, resource: &'w Resource, access: Access) -> Result<Place<'w>, WorldError> {
        let (mount, path) = self.locate(resource)?;
        if path.is_empty() {
            return Err(wrong_kind("it is the directory of a whole mount"));
        }
        if access == Access::Itself {
            self.guard.refresh();
        }
        let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (folder, meta) = self.folder(mount, resource, path, access)?;
        Ok(Place { mount, folder, folder_identity: meta.identity, resource, name })
    }

    /// What has the name, if something has; a link is not followed. Nothing protected is shown.
    pub(super) fn look(&self, place: &Place<'_>) -> Result<Option<Meta>, WorldError> {
        match Meta::at(&place.folder, place.name) {
            Ok(meta) => self.admit(place, &meta).map(|()| Some(meta)),
            Err(Errno::NOENT) => {
                self.guard.check_name(place.folder_identity, place.name.as_bytes())?;
                Ok(None)
            }
            Err(errno) => Err(from_errno(errno)),
        }
    }

    /// Refuses what is protected or lies on another mount.
    pub(super) fn admit(&self, place: &Place<'_>, meta: &Meta) -> Result<(), WorldError> {
        self.guard.check(place.folder_identity, place.name.as_bytes(), meta)?;
        if place.mount.contains(meta) { Ok(()) } else { Err(other_mount()) }
    }

    /// Opens or makes a name in a directory; a link is an error.
    pub(super) fn open(&self, folder: &Folder<'_>, name: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.resolver {
            Resolver::Walk => openat(folder, name, flags, mode),
            Resolver::Openat2 | Resolver::Automatic => openat2::open(folder, name, flags, mode),
        }
    }

    /// Opens the regular file of that name. What else has the name is looked at and not opened: a pipe would wake its other end,
    /// and a device may do anything. What was opened is looked at again, because it may be another.
    pub(super) fn open_file(&self, place: &Place<'_>, access: OFlags) -> Result<(OwnedFd, Meta), WorldError> {
        let meta = self.look(place)?.ok_or(WorldError::NotFound)?;
        self.is_file(place, &meta)?;
        let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.open(&place.folder, place.name, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::LOOP => self.link(place),
            errno => from_errno(errno),
        })?;
        let meta = Meta::of(&file).map_err(from_errno)?;
        self.admit(place, &meta)?;
        self.is_file(place, &meta)?;
        Ok((file, meta))
    }

    /// Refuses what is no regular file.
    pub(super) fn is_file(&self, place: &Place<'_>, meta: &Meta) -> Result<(), WorldError> {
        match meta.kind {
            EntryKind::File => Ok(()),
            EntryKind::Link => Err(self.link(place)),
            EntryKind::Directory => Err(wrong_kind("it is a directory")),
            EntryKind::Other => Err(wrong_kind("it is a device, a pipe or a socket")),
        }
    }

    /// The error for a link of that name: where it leads.
    pub(super) fn link(&self, place: &Place<'_>) -> WorldError {
        link(place.resource, place.resource.path().len(), &place.folder, place.name)
    }
}

/// The error for a link: its name is the resource's first `end` bytes, and `name` in `directory`.
fn link(resource: &Resource, end: usize, directory: impl AsFd, name: &str) -> WorldError {
    let target = match readlinkat(directory, name, Vec::new()) {
        Ok(target) => target,
        Err(Errno::INVAL | Errno::NOENT) => {
            return WorldError::Changed("a symbolic link was replaced while it was looked at".into());
        }
        Err(errno) => return from_errno(errno),
    };
    let Ok(target) = target.into_string() else {
        return wrong_kind("a symbolic link leads to a name that is not UTF-8");
    };
    let (name, rest) = resource.path().split_at(end);
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    WorldError::Link { index: 0, to: follow(&Resource::new(Kind::Fs, name), &target, rest) }
}
