//! Whether an effect happened, told from what is there now and what was there before. Changes nothing but the temporary file
//! that is left over; whatever does not fit exactly is unknown.
//!
//! What somebody else made meanwhile exactly as it was asked for, under another identity, cannot be told from our own work: it is
//! taken for done, and what was asked for is there.
//!
//! What is found done is synced: the effect may have died between its last change and its own sync.

use super::OsWorld;
use super::resolve::{Access, Place};
use super::write::{remove_temporary, sync_directory};
use super::{meta::Meta, read};
use libos_kernel::model::call::EntryKind;
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use libos_kernel::model::resource::Resource;
use libos_kernel::model::row::{Before, Probe};
use libos_kernel::world::{Probed, WorldError};
use rustix::fs::{OFlags, fdatasync};

impl OsWorld {
    pub(super) fn probe_effect(&self, probe: &Probe, temporary: &str) -> Probed {
        let outcome = match probe {
            Probe::Write { target, before, after, size } => self.probe_write(target, before, after, *size, temporary),
            Probe::Append { target, before, tail, size } => self.probe_append(target, before, tail, *size),
            Probe::MakeDir { target, before } => self.probe_make_directory(target, before),
            Probe::Remove { target, before } => self.probe_remove(target, before),
            Probe::Rename { old, new, before, before_new } => self.probe_rename(old, new, before, before_new),
            Probe::None => Ok(Probed::Unknown),
        };
        outcome.unwrap_or(Probed::Unknown)
    }

    fn probe_write(
        &self,
        target: &Resource,
        before: &Before,
        after: &Digest,
        size: u64,
        temporary: &str,
    ) -> Result<Probed, WorldError> {
        let place = self.place(target, Access::Itself)?;
        remove_temporary(&place, temporary)?;
        let now = self.look(&place)?;
        // The new file existed beside the old one, so it is another: what is still the old one was not replaced, whatever is in it.
        let replaced = |now: &&Meta| now.kind == EntryKind::File && now.size == size && !is_same(now, before);
        if let Some(now) = now.as_ref().filter(replaced) {
            let (file, opened) = self.open_file(&place, OFlags::RDONLY)?;
            let same = opened.identity == now.identity;
            if same && read::digest(&file, 0)?.is_some_and(|(digest, _)| digest == *after) {
                return done(&[&place]);
            }
        }
        Ok(not_started(is_as_before(now.as_ref(), before)))
    }

    fn probe_append(&self, target: &Resource, before: &Before, tail: &Digest, size: u64) -> Result<Probed, WorldError> {
        let place = self.place(target, Access::Itself)?;
        let now = self.look(&place)?;
        let (offset, same_file) = match (before, &now) {
            (Before::Absent, _) => (0, true),
            (Before::Present { size, .. }, Some(now)) => (*size, is_same(now, before)),
            (Before::Present { .. }, None) => return Ok(Probed::Unknown),
        };
        let complete = |now: &Meta| now.kind == EntryKind::File && now.size == offset.saturating_add(size);
        if now.is_some_and(|now| complete(&now)) && same_file && size <= limit::CONTENT_BYTES_MAX as u64 {
            let (file, _) = self.open_file(&place, OFlags::RDONLY)?;
            if read::digest(&file, offset)?.is_some_and(|(digest, _)| digest == *tail) {
                fdatasync(&file).map_err(super::error::from_errno)?;
                return done(&[&place]);
            }
        }
        Ok(not_started(is_as_before(now.as_ref(), before)))
    }

    fn probe_make_directory(&self, target: &Resource, before: &Before) -> Result<Probed, WorldError> {
        let place = self.place(target, Access::Itself)?;
        match (before, self.look(&place)?) {
            // One with something in it was used by somebody, who may have made it.
            (Before::Absent, Some(now)) if now.kind == EntryKind::Directory => match self.before(target, &now)? {
                Before::Present { size: 0, .. } => done(&[&place]),
                _ => Ok(Probed::Unknown),
            },
            (Before::Present { .. }, Some(now)) => Ok(not_started(is_same(&now, before))),
            (Before::Absent, None) => Ok(Probed::NotStarted),
            _ => Ok(Probed::Unknown),
        }
    }

    /// A directory that is still there may have lost a part of what was in it, unless nothing was.
    fn probe_remove(&self, target: &Resource, before: &Before) -> Result<Probed, WorldError> {
        let place = self.place(target, Access::Itself)?;
        match (before, self.look(&place)?) {
            (Before::Present { .. }, None) => done(&[&place]),
            (Before::Absent, None) => Ok(Probed::NotStarted),
            (Before::Present { directory: true, size, .. }, Some(now)) => {
                let untouched = *size == 0 && is_same(&now, before) && self.before(target, &now)? == *before;
                Ok(not_started(untouched))
            }
            (_, now) => Ok(not_started(is_as_before(now.as_ref(), before))),
        }
    }

    fn probe_rename(
        &self,
        old: &Resource,
        new: &Resource,
        before: &Before,
        before_new: &Before,
    ) -> Result<Probed, WorldError> {
        let (from, to) = (self.place(old, Access::Itself)?, self.place(new, Access::Itself)?);
        match (self.look(&from)?, self.look(&to)?) {
            (None, Some(at_new)) if is_same(&at_new, before) => done(&[&from, &to]),
            (Some(at_old), at_new) => {
                let kept = match (before_new, &at_new) {
                    (Before::Absent, None) => true,
                    (Before::Present { .. }, Some(at_new)) => is_same(at_new, before_new),
                    _ => false,
                };
                Ok(not_started(kept && is_same(&at_old, before)))
            }
            _ => Ok(Probed::Unknown),
        }
    }
}

/// Done, and durably so.
fn done(places: &[&Place<'_>]) -> Result<Probed, WorldError> {
    places.iter().try_for_each(|place| sync_directory(&place.folder))?;
    Ok(Probed::Done)
}

fn not_started(certain: bool) -> Probed {
    if certain { Probed::NotStarted } else { Probed::Unknown }
}

/// Whether it is the same file or directory.
fn is_same(now: &Meta, before: &Before) -> bool {
    match before {
        Before::Absent => false,
        Before::Present { device, inode, directory, created, .. } => {
            let another = created.is_some_and(|then| now.created.is_some_and(|now| now.0 != then));
            (now.identity.device, now.identity.inode) == (*device, *inode)
                && (now.kind == EntryKind::Directory) == *directory
                && !another
        }
    }
}

/// Whether nothing changed: it is the same, of the same size.
fn is_as_before(now: Option<&Meta>, before: &Before) -> bool {
    match (now, before) {
        (None, Before::Absent) => true,
        (Some(now), Before::Present { size, .. }) => is_same(now, before) && now.size == *size,
        _ => false,
    }
}
