//! Making and removing directories, and removing files and links: names only, through the directory they lie in.

use super::OsWorld;
use super::error::{from_errno, other_mount};
use super::meta::Meta;
use super::resolve::{Access, Place};
use super::tree::{Walk, open_directory};
use super::write::sync_directory;
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::resource::Resource;
use libos_kernel::world::WorldError;
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, unlinkat};
use rustix::io::Errno;

/// What a new directory is made with; the user's umask takes bits away.
const NEW_DIRECTORY: Mode = Mode::from_raw_mode(0o777);

impl OsWorld {
    pub(super) fn make_directory(&self, resource: &Resource) -> Result<(), WorldError> {
        if self.locate(resource)?.1.is_empty() {
            return Err(WorldError::AlreadyExists);
        }
        let place = self.place(resource, Access::Itself)?;
        if self.look(&place)?.is_some() {
            return Err(WorldError::AlreadyExists);
        }
        mkdirat(&place.folder, place.name, NEW_DIRECTORY).map_err(from_errno)?;
        sync_directory(&place.folder)
    }

    pub(super) fn remove(&self, resource: &Resource, recursive: bool) -> Result<(), WorldError> {
        let place = self.place(resource, Access::Itself)?;
        let meta = self.look(&place)?.ok_or(WorldError::NotFound)?;
        match (meta.kind, recursive) {
            (EntryKind::Directory, true) => self.remove_tree(&place)?,
            (EntryKind::Directory, false) => unlink(&place, AtFlags::REMOVEDIR)?,
            _ => unlink(&place, AtFlags::empty())?,
        }
        sync_directory(&place.folder)
    }

    /// First looks at everything, so that what may not be removed is found while all is still there. Once the directory's own
    /// name is gone durably, so is all that was below it.
    fn remove_tree(&self, place: &Place<'_>) -> Result<(), WorldError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = self.open(&place.folder, place.name, flags, Mode::empty()).map_err(from_errno)?;
        let meta = Meta::of(&directory).map_err(from_errno)?;
        self.admit(place, &meta)?;
        let mut look = Walk::new(self, place.mount, false);
        look.run(&directory, &meta, 1)?;
        // A fresh handle, because reading the names moves on in one.
        let directory = open_directory(&directory, c".").map_err(from_errno)?;
        let mut removal = Walk::new(self, place.mount, true);
        let outcome = removal.run(&directory, &meta, 1).and_then(|()| unlink(place, AtFlags::REMOVEDIR));
        outcome.map_err(|error| match removal.removed {
            0 => error,
            removed => WorldError::Io(format!("removed {removed} of {} entries, then: {}", look.met, sentence(&error))),
        })
    }
}

fn unlink(place: &Place<'_>, flags: AtFlags) -> Result<(), WorldError> {
    unlinkat(&place.folder, place.name, flags).map_err(|errno| match errno {
        Errno::BUSY => other_mount(),
        Errno::NOTDIR | Errno::ISDIR => WorldError::Changed("it was replaced while it was looked at".into()),
        errno => from_errno(errno),
    })
}

/// An error as the end of a sentence.
fn sentence(error: &WorldError) -> String {
    match error {
        WorldError::NotFound => "an entry was gone".into(),
        WorldError::NotEmpty => "something was added meanwhile".into(),
        WorldError::AlreadyExists => "it exists already".into(),
        WorldError::Link { .. } => "a link stands in the way".into(),
        WorldError::Protected(why) => (*why).into(),
        WorldError::WrongKind(why)
        | WorldError::TooLarge(why)
        | WorldError::Changed(why)
        | WorldError::NotStarted(why)
        | WorldError::Io(why) => why.clone(),
    }
}
