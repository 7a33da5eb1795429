//! Changes one byte of one record in a copy of the store, as somebody would who wants it forgotten.

use super::stage::{Stage, make_directory};
use crate::shell::Result;
use std::fs;
use std::path::Path;

const STORE: &str = "store.redb";

/// Copies `data` to `copy` and changes one byte of it, by which a text becomes another of the same length. Says which byte.
///
/// The store keeps old pages for a while, so the text stands in several places, of which one is read. It is found by trying: the
/// check of the log must say `named`.
pub fn one_byte(stage: &Stage, text: &str, changed: &str, named: &str) -> Result<String> {
    let (from, to) = (stage.beside("data"), stage.beside("copy"));
    let whole = fs::read(from.join(STORE)).map_err(|error| format!("{}: {error}", from.join(STORE).display()))?;
    let (text, changed) = (text.as_bytes(), changed.as_bytes());
    let byte = text.iter().zip(changed).position(|(a, b)| a != b).ok_or("there is nothing to change")?;
    for start in places(&whole, text) {
        if to.exists() {
            fs::remove_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
        }
        copy(&from, &to)?;
        let at = start + byte;
        let mut bytes = whole.clone();
        bytes[at] = changed[byte];
        fs::write(to.join(STORE), bytes).map_err(|error| format!("{}: {error}", to.join(STORE).display()))?;
        if stage.quiet_on("copy", &["audit", "verify"])?.text.contains(named) {
            let (old, new) = (char::from(text[byte]), char::from(changed[byte]));
            return Ok(format!("In copy/{STORE}, byte {at} was '{old}' and is '{new}' now."));
        }
    }
    Err("the check of the log saw none of the changes".into())
}

/// Where a text stands.
fn places(bytes: &[u8], text: &[u8]) -> Vec<usize> {
    (0..bytes.len().saturating_sub(text.len())).filter(|at| bytes[*at..].starts_with(text)).collect()
}

/// Copies files and directories; a socket stays behind.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let cannot = |error: std::io::Error| format!("{}: {error}", from.display());
    make_directory(to)?;
    for entry in fs::read_dir(from).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let (kind, target) = (entry.file_type().map_err(cannot)?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).map_err(cannot)?;
        }
    }
    Ok(())
}
