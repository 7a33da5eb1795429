//! Where things are: the workspace with its libos.toml, and the data directory that belongs to it.

use crate::args::Global;
use crate::error::Failure;
use libos_kernel::model::limit;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of the policy file.
pub const POLICY_FILE: &str = "libos.toml";
/// Bytes of a socket's path that Linux takes, without the final NUL.
const SOCKET_PATH_MAX: usize = 107;

/// A workspace and its data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Without links.
    pub workspace: PathBuf,
    pub data: PathBuf,
}

impl Place {
    /// The place that the command was run in.
    ///
    /// # Errors
    /// There is no libos.toml here or above.
    pub fn find(global: &Global) -> anyhow::Result<Place> {
        Self::look_for(global)?.map_err(|start| {
            Failure::usage(format!("there is no {POLICY_FILE} here or in a directory above"))
                .at(start.display())
                .hint("`libos init` makes one; --workspace DIR names another directory")
                .into()
        })
    }

    /// The place that the command was run in, or the directory that is in none.
    ///
    /// # Errors
    /// The directory is not there.
    pub fn look_for(global: &Global) -> anyhow::Result<Result<Place, PathBuf>> {
        let start = match &global.workspace {
            Some(workspace) => canonical(workspace)?,
            None => std::env::current_dir()
                .map_err(|error| Failure::usage(format!("the current directory is gone: {error}")))?,
        };
        let found = match &global.workspace {
            Some(_) => has_policy(&start).then_some(start.as_path()),
            None => start.ancestors().find(|directory| has_policy(directory)),
        };
        Ok(match found {
            Some(workspace) => Ok(Place::of(workspace, global)?),
            // A workspace whose file was removed is still one that was accepted.
            None if global.workspace.is_some() && Place::of(&start, global)?.data.join("store.redb").exists() => {
                Ok(Place::of(&start, global)?)
            }
            None => Err(start),
        })
    }

    /// The place of a directory that is to be a workspace.
    ///
    /// # Errors
    /// The directory or the user's state directory is not there.
    pub fn of(workspace: &Path, global: &Global) -> anyhow::Result<Place> {
        let workspace = canonical(workspace)?;
        let data = match &global.data {
            Some(data) => std::path::absolute(data)?,
            None => state_home(std::env::var_os("XDG_STATE_HOME").as_deref(), std::env::home_dir().as_deref())?
                .join("libos")
                .join(digest(&workspace)),
        };
        Ok(Place { workspace, data })
    }

    pub fn policy_file(&self) -> PathBuf {
        self.workspace.join(POLICY_FILE)
    }

    /// The text of libos.toml; none if there is no file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn policy_text(&self) -> anyhow::Result<Option<String>> {
        // It lies where agents may write and may come with a cloned repository: what it is, is looked at first.
        match crate::own::read_settings(&self.policy_file(), limit::POLICY_BYTES_MAX, false) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::usage(format!("{POLICY_FILE} cannot be read: {error}"))
                .at(self.policy_file().display())
                .hint("a policy is a regular text file; put one there")
                .into()),
        }
    }

    /// Where compiled code is kept.
    pub fn code(&self) -> PathBuf {
        self.data.join("code")
    }

    /// Makes the data directory, for this user only.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_data(&self) -> anyhow::Result<()> {
        let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        make(&self.data).and_then(|()| make(&self.code())).map_err(|error| {
            Failure::cannot(format!("the data directory cannot be made: {error}")).at(self.data.display())
        })?;
        Ok(())
    }

    /// The socket of the host. A path that is too long for a socket is replaced by a short one in a directory of this user's.
    ///
    /// # Errors
    /// That directory belongs to somebody else.
    pub fn socket(&self) -> anyhow::Result<PathBuf> {
        let usual = self.data.join("socket");
        if usual.as_os_str().len() <= SOCKET_PATH_MAX {
            return Ok(usual);
        }
        let directory = short_directory(std::env::var_os("XDG_RUNTIME_DIR").as_deref(), &self.data);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let metadata = fs::symlink_metadata(&directory)?;
        let ours = metadata.is_dir()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.permissions().mode() & 0o077 == 0;
        if ours {
            Ok(directory.join("socket"))
        } else {
            Err(Failure::cannot("the directory for the socket is not this user's alone").at(directory.display()).into())
        }
    }

    pub fn secret(&self) -> PathBuf {
        self.data.join("secret")
    }
}

/// A directory with a short name that follows from the data directory's.
fn short_directory(runtime: Option<&OsStr>, data: &Path) -> PathBuf {
    let name = format!("libos-{}", digest(data));
    match runtime.map(Path::new) {
        Some(runtime) if runtime.is_absolute() && runtime.as_os_str().len() < SOCKET_PATH_MAX - 40 => {
            runtime.join(name)
        }
        _ => Path::new("/tmp").join(name),
    }
}

/// Whether something has the policy's name, whatever it is: a directory further up must not answer for one that is damaged here.
fn has_policy(directory: &Path) -> bool {
    directory.join(POLICY_FILE).symlink_metadata().is_ok()
}

fn canonical(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(path.canonicalize().map_err(|error| Failure::usage(format!("no such directory: {error}")).at(path.display()))?)
}

/// `$XDG_STATE_HOME`, if it is absolute as the standard wants it, or `~/.local/state`.
fn state_home(set: Option<&OsStr>, home: Option<&Path>) -> anyhow::Result<PathBuf> {
    match (set.map(Path::new).filter(|path| path.is_absolute()), home) {
        (Some(set), _) => Ok(set.to_owned()),
        (None, Some(home)) if home.is_absolute() => Ok(home.join(".local/state")),
        (None, _) => Err(Failure::usage("this user has no home directory")
            .hint("name the data directory with --data DIR")
            .into()),
    }
}

/// Where demos play.
///
/// # Errors
/// This user has no home directory.
pub fn demo_home() -> anyhow::Result<PathBuf> {
    let home = state_home(std::env::var_os("XDG_STATE_HOME").as_deref(), std::env::home_dir().as_deref())?;
    Ok(home.join("libos-demo"))
}

/// `$XDG_CONFIG_HOME`, or `~/.config`.
///
/// # Errors
/// This user has no home directory.
pub fn config_home() -> anyhow::Result<PathBuf> {
    let set = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".config"));
    Ok(set.or_else(home).ok_or_else(|| Failure::usage("this user has no home directory"))?)
}

/// 16 hexadecimal digits that stand for a path.
pub fn digest(path: &Path) -> String {
    let digest: [u8; 32] = Sha256::digest(path.as_os_str().as_bytes()).into();
    libos_kernel::model::id::hex(&digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_directory_follows_the_standard() {
        let check = |set: Option<&str>, home: Option<&str>, want: Option<&str>| {
            let have = state_home(set.map(OsStr::new), home.map(Path::new)).ok();
            assert_eq!(have.as_deref(), want.map(Path::new), "{set:?} {home:?}");
        };
        check(Some("/state"), Some("/home/x"), Some("/state"));
        check(Some("relative"), Some("/home/x"), Some("/home/x/.local/state"));
        check(None, Some("/home/x"), Some("/home/x/.local/state"));
        check(None, None, None);
    }

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let data = Path::new("/data");
        assert!(short_directory(Some(OsStr::new("/run/user/1")), data).starts_with("/run/user/1"));
        let long = format!("/{}", "x".repeat(200));
        for runtime in [None, Some(OsStr::new("relative")), Some(OsStr::new(&long))] {
            let directory = short_directory(runtime, data);
            assert!(directory.starts_with("/tmp") && directory.as_os_str().len() < 60);
        }
        assert_ne!(short_directory(None, data), short_directory(None, Path::new("/other")));
    }
}
