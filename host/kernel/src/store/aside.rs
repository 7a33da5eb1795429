//! Copies of the database's file, made before it becomes one of a newer format: whole under their name, or not there.

#![expect(clippy::disallowed_methods, reason = "a part of the door to the disk")]

use super::StoreError;
use super::disk::sync_directory;
use crate::model::limit;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::Path;

/// Copies that are kept of one format, should somebody go back to an older program and come again.
const COPIES_MAX: u32 = 99;
/// Bytes that are compared at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Puts a copy of `store.redb` beside it as `store-format-N.redb`, on the disk when this returns. A copy that is there already is never
/// changed: it does if it is the same or `is_of_now` says that it is of this store as it is, otherwise the new one gets another name.
/// An upgrade that fails changes bytes of the file and nothing that they say, so without that each try would leave one more copy.
pub(super) fn keep(
    directory: &Path,
    format: u32,
    free: Option<u64>,
    is_of_now: impl Fn(&Path) -> bool,
) -> Result<(), StoreError> {
    let failed =
        |error: io::Error| StoreError::Failed(format!("the store cannot be copied before its upgrade: {error}"));
    let path = directory.join("store.redb");
    let mut file = File::open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Busy),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let size = file.metadata().map_err(failed)?.len();
    let needed = size.saturating_add(limit::UPGRADE_SPARE_BYTES);
    for number in 1..=COPIES_MAX {
        let name = if number == 1 { String::new() } else { format!("-{number}") };
        let copy = directory.join(format!("store-format-{format}{name}.redb"));
        match is_same(&path, &copy) {
            Ok(Some(true)) => return Ok(()),
            Ok(Some(false)) if is_of_now(&copy) => return Ok(()),
            Ok(Some(false)) => continue,
            Ok(None) => {}
            Err(error) => return Err(failed(error)),
        }
        if let Some(free) = free.filter(|free| *free < needed) {
            let what = format!("the upgrade of the store from format {format}, which keeps a copy of it,");
            return Err(StoreError::NoRoom { what, needed, free });
        }
        let new = copy.with_extension(format!("new-{}", std::process::id()));
        let written = write(&mut file, &new).and_then(|()| fs::hard_link(&new, &copy));
        let removed = fs::remove_file(&new);
        written.and(removed).and_then(|()| sync_directory(directory)).map_err(failed)?;
        return Ok(());
    }
    Err(StoreError::Failed(format!("there are {COPIES_MAX} copies of format {format}; put them aside")))
}

fn write(file: &mut File, new: &Path) -> io::Result<()> {
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut copy = File::create_new(new)?;
    io::copy(file, &mut copy)?;
    copy.sync_all()
}

/// Whether two files have the same bytes; none if there is no second one.
fn is_same(one: &Path, other: &Path) -> io::Result<Option<bool>> {
    let mut other = match File::open(other) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut one = File::open(one)?;
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(Some(false));
    }
    let (mut left, mut right) = (vec![0; PIECE_BYTES], vec![0; PIECE_BYTES]);
    loop {
        let read = one.read(&mut left)?;
        if read == 0 {
            return Ok(Some(true));
        }
        other.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(Some(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_for_the_copy_nothing_is_begun() {
        let path = std::env::temp_dir().join(format!("libos-aside-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("store.redb"), [7; 1_000]).unwrap();
        let needed = limit::UPGRADE_SPARE_BYTES + 1_000;
        let refused = keep(&path, 1, Some(needed - 1), |_| false);
        assert!(matches!(refused, Err(StoreError::NoRoom { free, .. }) if free == needed - 1), "{refused:?}");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
        assert_eq!(keep(&path, 1, Some(needed), |_| false), Ok(()));
        assert_eq!(fs::read(path.join("store-format-1.redb")).unwrap(), [7; 1_000]);
        fs::remove_dir_all(&path).unwrap();
    }
}
