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
use std::path::{Path, PathBuf};
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
        own::create(&self.secret(), 0o600, format!("{}\n", signer.secret()).as_bytes()).map_err(cannot)?;
        own::remove(&self.public()).map_err(cannot)?;
        own::create(&self.public(), 0o644, format!("{}\n", signer.key()).as_bytes()).map_err(cannot)?;
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
        (Some(signer), _) => Ok(signer),
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

/// The public key that a check goes by: what the person names, or what lies outside the data directory.
///
/// # Errors
/// What the person names is no key.
pub fn public(place: &Place, named: Option<&str>) -> anyhow::Result<Result<VerifierKey, String>> {
    match named {
        Some(named) => Ok(Ok(named_key(named)?)),
        None => Ok(look(place).map(|signer| signer.key().clone()).or_else(|why| {
            let text = Keys::of(place).and_then(|keys| {
                own::read_settings(&keys.public(), KEY_BYTES_MAX, true).map_err(|error| error.to_string())
            });
            text.ok().and_then(|text| VerifierKey::parse(text.trim()).ok()).ok_or(why)
        })),
    }
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

/// Who signs for a host under a policy. Says on standard error what a person should know.
///
/// # Errors
/// The policy wants what cannot be: a second place in a mount or in the data directory, or strictness without a key.
pub fn notary(place: &Place, policy: &Policy, mounts: &[MountSpec]) -> anyhow::Result<Option<Arc<LocalNotary>>> {
    let second = match &policy.audit.witness {
        None => None,
        Some(Witness::Stderr) => Some(SecondPlace::Stderr),
        Some(Witness::Command(words)) => Some(SecondPlace::Command(words.clone())),
        Some(Witness::File(path)) => {
            refuse_inside(Path::new(path), place, mounts)?;
            Some(SecondPlace::File(WitnessFile::new(path)))
        }
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

/// A second place that agents can write, or that is lost and exchanged with the data, is none.
fn refuse_inside(path: &Path, place: &Place, mounts: &[MountSpec]) -> anyhow::Result<()> {
    let fail = |why: String| {
        let failure = Failure::usage(format!("the witness of [audit] {why}")).at(path.display());
        failure.hint("name a file in a directory that is no agent's and not the data directory's")
    };
    let parent = path.parent().unwrap_or(Path::new("/"));
    let parent = parent.canonicalize().map_err(|error| fail(format!("needs a directory that is there: {error}")))?;
    match reach::of(&parent, place, mounts) {
        Some(Reach::Data) => Err(fail("lies in the data directory".into()).into()),
        Some(Reach::Mount(name)) => Err(fail(format!("lies in the mount '{name}', where agents may write")).into()),
        None => Ok(()),
    }
}
