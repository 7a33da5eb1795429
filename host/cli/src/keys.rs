//! The key that signs the log: a file of this user's, outside the data directory. Made at the first start; never made anew by itself,
//! because a key that is gone is something that a person should know.

use crate::error::Failure;
use crate::place::{self, Place};
use crate::reach::{self, Reach};
use crate::{own, store};
use libos::world::{LocalNotary, MountSpec, SecondPlace, WitnessFile};
use libos_kernel::model::note::{Signer, VerifierKey};
use libos_kernel::model::policy::{Policy, Witness};
use libos_kernel::model::preview::escape;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Bytes of a file with a key.
const KEY_BYTES_MAX: usize = 1 << 10;

/// Where the keys of a data directory are: files of one directory, which the world keeps every mount off, whatever other names they
/// have.
pub struct Keys {
    pub directory: PathBuf,
    /// Stands for the data directory.
    name: String,
}

/// The key that is there, or why there is none.
pub type Found = Result<Signer, String>;

impl Keys {
    /// # Errors
    /// This user has no directory for settings, or it is in the data directory.
    pub fn of(place: &Place) -> Result<Keys, String> {
        let home = place::config_home().map_err(|error| error.to_string())?;
        let data = place.data.canonicalize().unwrap_or_else(|_| place.data.clone());
        let directory = home.join("libos");
        if home.canonicalize().unwrap_or(home).starts_with(&data) {
            return Err(format!("{} lies in the data directory", directory.display()));
        }
        Ok(Keys { directory, name: place::digest(&data) })
    }

    pub fn secret(&self) -> PathBuf {
        self.directory.join(format!("{}.key", self.name))
    }

    pub fn public(&self) -> PathBuf {
        self.directory.join(format!("{}.pub", self.name))
    }

    /// The public key of the one before, until a host has named the new one in the log.
    fn before(&self) -> PathBuf {
        self.directory.join(format!("{}.before", self.name))
    }

    fn read_public(&self, path: &Path) -> Option<VerifierKey> {
        let text = own::read_settings(path, KEY_BYTES_MAX, true).ok()?;
        VerifierKey::parse(text.trim()).ok()
    }

    /// Reads the key; none if there is no file.
    fn read(&self) -> Result<Option<Signer>, String> {
        let path = self.secret();
        let shown = path.display();
        let text = match own::read_private(&path, KEY_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("the key {shown} cannot be read: {error}")),
        };
        Signer::parse(text.trim()).map(Some).map_err(|error| format!("{shown}: {error}"))
    }

    /// Makes a key.
    ///
    /// # Errors
    /// There is one, or it cannot be written.
    pub fn make(&self) -> Found {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| format!("the system has no randomness: {error}"))?;
        let signer = Signer::of_log(&seed);
        let cannot = |error: std::io::Error| format!("no key can be made in {}: {error}", self.directory.display());
        own::make_private_directory(&self.directory).map_err(cannot)?;
        let line = |text: String| format!("{text}\n").into_bytes();
        own::create_whole(&self.secret(), 0o600, &line(signer.secret().to_string())).map_err(cannot)?;
        own::remove(&self.public()).map_err(cannot)?;
        own::create_whole(&self.public(), 0o644, &line(signer.key().to_string())).map_err(cannot)?;
        Ok(signer)
    }
}

impl Keys {
    /// Makes a key that takes the place of one that is gone; `known` is the one that the store names.
    ///
    /// # Errors
    /// As [`Keys::make`].
    pub fn make_anew(&self, known: Option<&str>) -> Found {
        // What lies outside counts more than what whoever can write the store may have named.
        let before = self.read_public(&self.public()).map(|key| key.to_string()).or(known.map(str::to_owned));
        let signer = self.make()?;
        if let Some(before) = before {
            let cannot = |error: std::io::Error| format!("{} cannot be written: {error}", self.before().display());
            own::remove(&self.before()).map_err(cannot)?;
            own::create_whole(&self.before(), 0o644, format!("{before}\n").as_bytes()).map_err(cannot)?;
        }
        Ok(signer)
    }
}

/// The key of a place as a host finds it. The first host makes it.
///
/// # Errors
/// There is none, and why: what to tell people.
pub fn at_start(place: &Place, known: Option<&str>) -> Found {
    let keys = Keys::of(place)?;
    match (keys.read()?, known) {
        (Some(signer), known) => {
            if known == Some(&*signer.key().to_string()) {
                let _ = own::remove(&keys.before());
            }
            Ok(signer)
        }
        (None, None) => keys.make().or_else(|why| {
            // Another command made it at this moment.
            keys.read().ok().flatten().ok_or(why)
        }),
        (None, Some(_)) => Err(format!("the key that signed this log is gone from {}", keys.secret().display())),
    }
}

/// The key of a place as it is now; nothing is made.
///
/// # Errors
/// There is none, and why.
pub fn look(place: &Place) -> Found {
    let keys = Keys::of(place)?;
    keys.read()?.ok_or_else(|| format!("there is no key at {}", keys.secret().display()))
}

/// A public key that a check goes by.
pub struct Outside {
    pub key: VerifierKey,
    /// It is the one before: that which lies outside by now has signed nothing yet.
    pub is_before: bool,
}

/// The public key that a check goes by: what the person names, or what lies outside the data directory.
///
/// # Errors
/// What the person names is no key.
pub fn public(place: &Place, named: Option<&str>) -> anyhow::Result<Result<Outside, String>> {
    if let Some(named) = named {
        return Ok(Ok(Outside { key: named_key(named)?, is_before: false }));
    }
    let keys = match Keys::of(place) {
        Ok(keys) => keys,
        Err(why) => return Ok(Err(why)),
    };
    let found = look(place).map(|signer| signer.key().clone());
    let found = found.or_else(|why| keys.read_public(&keys.public()).ok_or(why));
    Ok(found.map(|key| match keys.read_public(&keys.before()) {
        // The log must name the one that lay outside before, and no other.
        Some(before) if store::known_key(place).is_ok_and(|known| known == Some(before.to_string())) => {
            Outside { key: before, is_before: true }
        }
        _ => Outside { key, is_before: false },
    }))
}

/// A key as a person names it: its text, or a file with it.
///
/// # Errors
/// It is neither.
pub fn named_key(named: &str) -> anyhow::Result<VerifierKey> {
    if let Ok(key) = VerifierKey::parse(named) {
        return Ok(key);
    }
    let failed = |why: String| {
        Failure::usage(format!("'{named}' is no key: {why}"))
            .hint("a key is name+hash+base64, or a file with such a line, as `libos audit key` prints it")
    };
    let text = own::read_settings(Path::new(named), KEY_BYTES_MAX, true).map_err(|error| failed(error.to_string()))?;
    Ok(VerifierKey::parse(text.trim()).map_err(|error| failed(error.to_string()))?)
}

/// Who signs for a host under a policy, `witness` being its file as [`witness_file`] found it. Says on standard error what a person
/// should know.
///
/// # Errors
/// The policy wants strictness, and there is no key.
pub fn notary(place: &Place, policy: &Policy, witness: Option<PathBuf>) -> anyhow::Result<Option<Arc<LocalNotary>>> {
    let second = match &policy.audit.witness {
        None => None,
        Some(Witness::Stderr) => Some(SecondPlace::Stderr),
        Some(Witness::Command(words)) => Some(SecondPlace::Command(words.clone())),
        Some(Witness::File(path)) => Some(match witness {
            Some(witness) => SecondPlace::File(WitnessFile::new(witness)),
            None => SecondPlace::Nowhere(format!("{path}: the way there is broken")),
        }),
    };
    let known = store::known_key(place)?;
    let strict = policy.audit.strict;
    match at_start(place, known.as_deref()) {
        Ok(signer) => {
            let key = signer.key().to_string();
            if let Some(before) = known.filter(|before| *before != key) {
                let before = escape(&before);
                eprintln!("warning: the log is signed with another key from now on: {key}, and not {before} any more");
            }
            Ok(Some(Arc::new(LocalNotary::new(signer, second, strict))))
        }
        Err(why) if strict => Err(Failure::cannot(format!("no head of the log can be signed: {why}"))
            .hint("put the key back, or `libos audit key --new`; or take strict = true out of libos.toml")
            .into()),
        Err(why) => {
            eprintln!("warning: the log is not signed: {}; `libos audit key` says more", escape(&why));
            Ok(None)
        }
    }
}

/// The file of the second place with every link on the way followed, once: whoever changes a link afterwards moves nothing. None if
/// the policy names no file, or one whose directory cannot be known; the host tells that as it tells of a place that fails.
///
/// # Errors
/// Agents can write it, it is lost and exchanged with the data, or its directory is not there and the policy is strict.
pub fn witness_file(place: &Place, policy: &Policy, mounts: &[MountSpec]) -> anyhow::Result<Option<PathBuf>> {
    let Some(Witness::File(path)) = &policy.audit.witness else { return Ok(None) };
    let path = Path::new(path);
    let hint = "name a file in a directory that is no agent's and not the data directory's";
    let fail = |why: String| Failure::usage(format!("the witness of [audit] {why}")).at(path.display()).hint(hint);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(fail("names no file".into()).into());
    };
    let directory = match parent.canonicalize() {
        Ok(directory) => Some(directory),
        Err(error) if policy.audit.strict => {
            let why = format!("the witness of [audit] needs a directory that is there: {error}");
            let hint = "make it; or change [audit] of libos.toml, where strict = true lets nothing go on without it";
            return Err(Failure::cannot(why).at(path.display()).hint(hint).into());
        }
        Err(_) => where_it_will_be(parent),
    };
    let Some(directory) = directory else { return Ok(None) };
    match reach::of(&directory, place, mounts) {
        Some(Reach::Data) => Err(fail("lies in the data directory".into()).into()),
        Some(Reach::Mount(name)) => Err(fail(format!("lies in the mount '{name}', where agents may write")).into()),
        None => Ok(Some(directory.join(name))),
    }
}

/// Where a directory is once somebody makes it: below what is there of it. None if that depends on a link that leads nowhere yet.
fn where_it_will_be(directory: &Path) -> Option<PathBuf> {
    let there = directory.ancestors().find(|path| own::is_there(path))?;
    let rest = directory.strip_prefix(there).ok()?;
    let is_plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    there.canonicalize().ok().filter(|_| is_plain).map(|there| there.join(rest))
}
