//! What is at a name before an effect: for the record of the intent, and for a person who approves it.
//!
//! The size of a directory is the number of its entries, up to one more than a listing may have: recovery can tell from it
//! that a removal had nothing to remove, and a person that something was added.

use super::OsWorld;
use super::error::{about, from_errno};
use super::meta::Meta;
use super::read;
use super::resolve::Access;
use super::tree;
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::limit;
use libos_kernel::model::resource::Resource;
use libos_kernel::model::row::Before;
use libos_kernel::world::{Found, WorldError};
use rustix::fs::OFlags;

impl OsWorld {
    /// A file with several hard links is inspected like any other: what is found stays in the host.
    pub(super) fn inspect(
        &self,
        resource: &Resource,
        index: usize,
        follow: bool,
        content: bool,
    ) -> Result<Found, WorldError> {
        self.find(resource, follow, content).map_err(about(index))
    }

    fn find(&self, resource: &Resource, follow: bool, content: bool) -> Result<Found, WorldError> {
        let (mount, path) = self.locate(resource)?;
        if path.is_empty() {
            let meta = Meta::of(&mount.root).map_err(from_errno)?;
            return Ok(Found { before: self.before(resource, &meta)?, content: None });
        }
        let place = self.place(resource, Access::Through)?;
        let Some(meta) = self.look(&place)? else {
            return Ok(Found { before: Before::Absent, content: None });
        };
        match meta.kind {
            EntryKind::Link if follow => Err(self.link(&place)),
            EntryKind::File if content => {
                let (file, meta) = self.open_file(&place, OFlags::RDONLY)?;
                let digest = match meta.size <= limit::CONTENT_BYTES_MAX as u64 {
                    true => read::digest(&file, 0)?.map(|(digest, _)| digest),
                    false => None,
                };
                Ok(Found { before: self.before(resource, &meta)?, content: digest })
            }
            _ => Ok(Found { before: self.before(resource, &meta)?, content: None }),
        }
    }

    /// As a row keeps it.
    pub(super) fn before(&self, resource: &Resource, meta: &Meta) -> Result<Before, WorldError> {
        let directory = meta.kind == EntryKind::Directory;
        let size = if directory { self.count_entries(resource)? } else { meta.size };
        let created = meta.created.map(|created| created.0);
        Ok(Before::Present { device: meta.identity.device, inode: meta.identity.inode, size, directory, created })
    }

    fn count_entries(&self, resource: &Resource) -> Result<u64, WorldError> {
        let (mount, path) = self.locate(resource)?;
        let directory = self.open_to_list(mount, resource, path)?;
        match tree::names(&directory, limit::LIST_ENTRIES_MAX) {
            Ok(names) => Ok(names.len() as u64),
            Err(WorldError::TooLarge(_)) => Ok(limit::LIST_ENTRIES_MAX as u64 + 1),
            Err(error) => Err(error),
        }
    }
}
