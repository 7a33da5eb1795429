//! The key of a provider: from where it comes, and the type that holds it and never shows it.

use rustix::fs::{FileType, Mode, OFlags};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of the longest key; those of providers have some 200.
pub const KEY_BYTES_MAX: usize = 4 * 1024;
/// Characters of a key that stand together before a text is said to show some of it. (Kinds of keys begin alike: `sk-proj-`.)
const TELLING_CHARACTERS: usize = 12;
/// Shorter keys are words, such as `none` for a server that wants any; those stay in replies.
const SECRET_CHARACTERS_LEAST: usize = 16;
const SCRUBBED: &str = "[key]";

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The name of an environment variable.
    Environment(String),
    /// A regular file of the user who runs the host, with mode 0600 or less.
    File(PathBuf),
}

/// A key. It has no `Display`, no serialisation and no `Clone`; its `Debug` says only that there is one; it is overwritten at its end.
/// (Not so what is sent: the bytes of a request pass through buffers of the network that nobody overwrites.)
pub struct Key(Zeroizing<String>);

/// Why there is no key. Names the place, never what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the environment variable {0} is not set; set it, or name a file with key-file")]
    Unset(String),
    #[error("the key file {path} cannot be read: {why}")]
    Unreadable { path: String, why: String },
    #[error("the key file {path} is not safe: {why}")]
    Unsafe { path: String, why: String },
    #[error("what {place} holds is no key: {why}")]
    Malformed { place: String, why: &'static str },
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(hidden)")
    }
}

impl Key {
    /// Takes a key that an embedder has from elsewhere. One line feed at its end is no part of it.
    ///
    /// # Errors
    /// Empty, longer than [`KEY_BYTES_MAX`], or with bytes that no header carries (anything but visible ASCII).
    pub fn new(text: String, place: &str) -> Result<Key, KeyError> {
        let text = Zeroizing::new(text);
        let malformed = |why| KeyError::Malformed { place: place.to_owned(), why };
        let key = text.strip_suffix('\n').unwrap_or(&text);
        let key = key.strip_suffix('\r').unwrap_or(key);
        match key {
            "" => Err(malformed("it is empty")),
            _ if key.len() > KEY_BYTES_MAX => Err(malformed("it is longer than 4 KiB")),
            _ if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(malformed("it has a space, a line break or another character that no key has"))
            }
            _ => Ok(Key(Zeroizing::new(key.to_owned()))),
        }
    }

    /// Reads a key. `variable` looks up an environment variable; it is asked for no other than the one that `source` names.
    ///
    /// # Errors
    /// There is none, or its file is open to others.
    pub fn load(source: &KeySource, variable: impl FnOnce(&str) -> Option<String>) -> Result<Key, KeyError> {
        match source {
            KeySource::Environment(name) => {
                let text = variable(name).ok_or_else(|| KeyError::Unset(name.clone()))?;
                Key::new(text, &format!("the environment variable {name}"))
            }
            KeySource::File(path) => {
                let text = read(path)?;
                Key::new(text, &format!("the key file {}", path.display()))
            }
        }
    }

    /// The one way to its text, for the header of a request.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// As [`Key::scrub`], for what a model says: a key that is too short for a secret stays.
    pub(crate) fn scrub_reply(&self, text: &mut String) {
        if self.0.len() >= SECRET_CHARACTERS_LEAST {
            *text = self.scrub(text);
        }
    }

    /// Bytes at the end of a text that could be the beginning of more of the key than stands there.
    pub(crate) fn begun_in(&self, text: &str) -> usize {
        let (key, text) = (self.0.as_bytes(), text.as_bytes());
        let most = key.len().min(text.len());
        let begun = |length: &usize| key.windows(*length).any(|part| part == &text[text.len() - length..]);
        if key.len() < SECRET_CHARACTERS_LEAST { 0 } else { (1..=most).take_while(begun).last().unwrap_or(0) }
    }

    /// A text with every part of the key in it (from twelve characters on) replaced. Providers repeat keys in messages of errors.
    pub fn scrub(&self, text: &str) -> String {
        let key = self.0.as_bytes();
        let telling = TELLING_CHARACTERS.min(key.len());
        let bytes = text.as_bytes();
        let mut hidden = vec![false; bytes.len()];
        let parts: HashSet<&[u8]> = key.windows(telling).collect();
        for (at, window) in bytes.windows(telling).enumerate() {
            if parts.contains(window) {
                hidden[at..at + telling].fill(true);
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut within = false;
        for (at, character) in text.char_indices() {
            if !hidden[at] {
                out.push(character);
            } else if !within {
                out.push_str(SCRUBBED);
            }
            within = hidden[at];
        }
        out
    }
}

/// Reads a key file after looking at what was opened, not at what its name meant before.
fn read(path: &Path) -> Result<String, KeyError> {
    let shown = path.display().to_string();
    let unreadable = |why: String| KeyError::Unreadable { path: shown.clone(), why };
    let not_safe = |why: String| KeyError::Unsafe { path: shown.clone(), why };
    // Non-blocking: a pipe in the place of the file must not hold the host.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::LOOP) => return Err(not_safe("it is a symbolic link; name the file itself".to_owned())),
        Err(errno) => return Err(unreadable(errno.to_string())),
    };
    let state = rustix::fs::fstat(&file).map_err(|errno| unreadable(errno.to_string()))?;
    if FileType::from_raw_mode(state.st_mode) != FileType::RegularFile {
        return Err(not_safe("it is no regular file".to_owned()));
    }
    if state.st_uid != rustix::process::geteuid().as_raw() {
        return Err(not_safe("it belongs to another user".to_owned()));
    }
    let mode = state.st_mode & 0o7777;
    if mode & !0o600 != 0 {
        return Err(not_safe(format!("its mode is {mode:04o} and others may use it; `chmod 600` it")));
    }
    let mut bytes = Zeroizing::new(vec![0; KEY_BYTES_MAX + 2]);
    let mut length = 0;
    while length < bytes.len() {
        match rustix::io::read(&file, &mut bytes[length..]).map_err(|errno| unreadable(errno.to_string()))? {
            0 => break,
            more => length += more,
        }
    }
    let malformed = |why| KeyError::Malformed { place: format!("the key file {shown}"), why };
    match std::str::from_utf8(&bytes[..length]) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(malformed("it is no text")),
    }
}
