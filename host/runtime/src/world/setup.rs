//! What a host needs before its world is made: mounts from a policy, the names that nothing may give, a directory of its own, and the
//! files of components that a person names.

#![expect(clippy::disallowed_methods, reason = "a host's own directory, and a file that a person names")]

use super::MountSpec;
use libos_kernel::model::decide::Ceiling;
use libos_kernel::model::grant::Effect;
use libos_kernel::model::limit;
use libos_kernel::model::policy::{Mount, Policy};
use libos_kernel::model::resource::{Kind, Resource};
use rustix::fs::OFlags;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The mounts of a policy, whose paths are relative to `workspace`.
pub fn mounts(policy: &Policy, workspace: &Path) -> Vec<MountSpec> {
    let mount = |(name, mount): (&String, &Mount)| {
        let root = Resource::new(Kind::Fs, name.as_str());
        let narrows =
            policy.templates.iter().any(|line| line.effect != Effect::Allow && line.pattern.meets_subtree(&root));
        MountSpec {
            name: name.clone(),
            path: workspace.join(&mount.path),
            allow_hard_links: mount.allow_hard_links || !narrows,
        }
    };
    policy.mounts.iter().map(mount).collect()
}

/// The names of the protected paths that lie beneath a mount.
pub fn ceiling(mounts: &[MountSpec], protected: &[PathBuf]) -> Ceiling {
    let mut names = Vec::new();
    for mount in mounts {
        let Ok(root) = mount.path.canonicalize() else { continue };
        for path in protected {
            // The file may not exist; the directory that it lies in does.
            let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
            let by_name = parent.zip(path.file_name()).map(|(parent, name)| parent.join(name));
            for path in by_name.into_iter().chain(path.canonicalize().ok()) {
                let below = path.strip_prefix(&root).ok().and_then(Path::to_str);
                if let Some(below) = below.filter(|below| !below.is_empty()) {
                    let name = Resource::new(Kind::Fs, format!("{}/{below}", mount.name));
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
    }
    Ceiling { protected: names }
}

/// Makes a directory that only this user can enter, unless it is there.
///
/// # Ambient authority
/// Makes whatever it is told to: this is for the host's own settings.
///
/// # Errors
/// It cannot be made.
pub fn make_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The bytes of a component's file: a regular one, no larger than a component may be. Waits for nobody.
///
/// # Ambient authority
/// Reads whatever a person names.
///
/// # Errors
/// It cannot be read, or is something else.
pub fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    // One byte more than it may have, so that whoever looks at it says so.
    file.take(limit::COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
