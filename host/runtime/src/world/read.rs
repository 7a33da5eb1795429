//! Reading a regular file: bounded, never blocking on what is no file, and never through a second name that a rule may deny.

use super::OsWorld;
use super::error::{HARD_LINK, from_errno};
use super::meta::Meta;
use super::resolve::{Access, Mount};
use libos_kernel::model::id::Digest;
use libos_kernel::model::limit;
use libos_kernel::model::resource::Resource;
use libos_kernel::world::{Content, Range, WorldError};
use rustix::buffer::spare_capacity;
use rustix::fs::OFlags;
use rustix::io::{Errno, pread};
use sha2::{Digest as _, Sha256};
use std::os::fd::{AsFd, OwnedFd};

impl OsWorld {
    /// `narrowed` is asked only for a file with several names.
    pub(super) fn read_under(
        &self,
        resource: &Resource,
        range: Option<Range>,
        narrowed: impl FnOnce() -> bool,
    ) -> Result<Content, WorldError> {
        let place = self.place(resource, Access::Through)?;
        let (file, meta) = self.open_file(&place, OFlags::RDONLY)?;
        check_hard_links(place.mount, &meta, narrowed)?;
        let part = Part::new(&meta, range)?;
        if part.expected <= limit::INLINE_BYTES_MAX {
            return part.read(&file).map(Content::Whole);
        }
        Ok(Content::Later(Box::new(move || part.read(&file))))
    }
}

/// Refuses a file with several names where a rule may deny one of them: a rule of the policy, or one that was made for the process.
pub(super) fn check_hard_links(mount: &Mount, meta: &Meta, narrowed: impl FnOnce() -> bool) -> Result<(), WorldError> {
    if meta.links > 1 && (!mount.allow_hard_links || narrowed()) { Err(HARD_LINK) } else { Ok(()) }
}

/// Which bytes of a file are wanted.
struct Part {
    offset: u64,
    /// Bytes that there are, as far as the system says; a file may grow, and some say 0 and have more.
    expected: usize,
    /// Bytes of which no more are returned.
    most: usize,
    /// Whether more than that is an error, not the end of the range.
    whole: bool,
}

impl Part {
    fn new(meta: &Meta, range: Option<Range>) -> Result<Part, WorldError> {
        let Some(Range { offset, length }) = range else {
            let size = usize::try_from(meta.size).ok().filter(|size| *size <= limit::CONTENT_BYTES_MAX);
            let expected = size.ok_or_else(|| too_large(meta.size))?;
            return Ok(Part { offset: 0, expected, most: limit::CONTENT_BYTES_MAX, whole: true });
        };
        let most = usize::try_from(length).ok().filter(|length| *length <= limit::CONTENT_BYTES_MAX);
        let most = most.ok_or_else(|| too_large(length.into()))?;
        let expected = usize::try_from(meta.size.saturating_sub(offset)).unwrap_or(usize::MAX).min(most);
        Ok(Part { offset, expected, most, whole: false })
    }

    fn read(&self, file: &OwnedFd) -> Result<Vec<u8>, WorldError> {
        // One byte more than expected, so that one call finds the end too.
        let mut content = Vec::with_capacity(self.expected + 1);
        loop {
            let room = content.capacity() - content.len();
            let position = self.offset.saturating_add(content.len() as u64);
            let count = match pread(file, spare_capacity(&mut content), position) {
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                // No file reaches there.
                Err(Errno::INVAL | Errno::OVERFLOW) if i64::try_from(position).is_err() => 0,
                Err(errno) => return Err(from_errno(errno)),
            };
            if content.len() > self.most {
                if self.whole {
                    return Err(too_large(content.len() as u64));
                }
                content.truncate(self.most);
                return Ok(content);
            }
            if count == 0 || (count < room && content.len() >= self.expected) {
                return Ok(content);
            }
            if content.len() == content.capacity() {
                content.reserve((self.most + 1 - content.len()).min(limit::INLINE_BYTES_MAX));
            }
        }
    }
}

/// SHA-256 of a file from an offset on, and how many bytes that is; none if it is more than one call may read.
pub(super) fn digest(file: impl AsFd, offset: u64) -> Result<Option<(Digest, u64)>, WorldError> {
    let mut hash = Sha256::new();
    let mut buffer = Vec::with_capacity(limit::INLINE_BYTES_MAX);
    let mut size = 0;
    while size <= limit::CONTENT_BYTES_MAX as u64 {
        buffer.clear();
        match pread(&file, spare_capacity(&mut buffer), offset.saturating_add(size)) {
            Ok(0) => return Ok(Some((hash.finalize().into(), size))),
            Ok(count) => size += count as u64,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(from_errno(errno)),
        }
        hash.update(&buffer);
    }
    Ok(None)
}

/// The error for content of more bytes than one call may move.
pub(super) fn too_large(size: u64) -> WorldError {
    let most = limit::CONTENT_BYTES_MAX;
    WorldError::TooLarge(format!("{size} bytes, and one call moves at most {most}; a range of it can be read"))
}

/// Refuses content that is too large for one call.
pub(super) fn check_size(content: &[u8]) -> Result<(), WorldError> {
    if content.len() > limit::CONTENT_BYTES_MAX { Err(too_large(content.len() as u64)) } else { Ok(()) }
}
