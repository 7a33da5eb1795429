//! Looking at directories and names: no content, no link followed in the last segment of a name.

use super::OsWorld;
use super::error::from_errno;
use super::meta::Meta;
use super::resolve::{Access, Folder, Mount};
use super::tree;
use libos_kernel::model::call::{Entry, EntryKind, Stat};
use libos_kernel::model::decide::OWN_FILE_PREFIX;
use libos_kernel::model::limit;
use libos_kernel::model::resource::Resource;
use libos_kernel::model::time::Time;
use libos_kernel::world::WorldError;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

impl OsWorld {
    pub(super) fn list(&self, resource: &Resource) -> Result<Vec<Entry>, WorldError> {
        let (mount, path) = self.locate(resource)?;
        let directory = self.open_to_list(mount, resource, path)?;
        let folder = Meta::of(&directory).map_err(from_errno)?.identity;
        let mut names = tree::names(&directory, limit::LIST_ENTRIES_MAX)?;
        names.retain(|name| !name.to_bytes().starts_with(OWN_FILE_PREFIX.as_bytes()));
        names.sort_unstable();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            let stat = match Meta::at(&directory, name.as_c_str()) {
                // What is not shown by its own name is not shown in its directory either.
                Ok(meta) if mount.contains(&meta) && self.guard.check_name(folder, name.to_bytes()).is_ok() => {
                    meta.stat()
                }
                // It went away meanwhile.
                Err(Errno::NOENT) => continue,
                // It is there, and nobody tells more.
                Ok(_) | Err(_) => Stat { kind: EntryKind::Other, size: 0, modified: Time::default() },
            };
            entries.push(Entry { name: escape(name.to_bytes()), stat });
        }
        Ok(entries)
    }

    pub(super) fn stat(&self, resource: &Resource) -> Result<Stat, WorldError> {
        let (mount, path) = self.locate(resource)?;
        if path.is_empty() {
            return Ok(Meta::of(&mount.root).map_err(from_errno)?.stat());
        }
        let place = self.place(resource, Access::Through)?;
        self.look(&place)?.map(|meta| meta.stat()).ok_or(WorldError::NotFound)
    }

    /// A handle of its own, because reading the names moves on in it.
    pub(super) fn open_to_list(&self, mount: &Mount, resource: &Resource, path: &str) -> Result<OwnedFd, WorldError> {
        match self.folder(mount, resource, path, Access::Itself)?.0 {
            Folder::Root(root) => tree::open_directory(root, c".").map_err(from_errno),
            Folder::Below(handle) => Ok(handle),
        }
    }
}

/// A name as text: bytes that are not UTF-8 as `\xNN`.
fn escape(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_text_are_escaped() {
        for (name, text) in [
            (&b"plain"[..], "plain"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
            (b"caf\xe9", "caf\\xe9"),
            (b"\xff\xfea\xc3", "\\xff\\xfea\\xc3"),
        ] {
            assert_eq!(escape(name), text);
        }
    }
}
