//! From the policy in force to what a host is made of: mounts, protected names, the world.

use crate::error::Failure;
use crate::keys::Keys;
use crate::place::Place;
use anyhow::Context;
use libos::programs::Supervisor;
use libos::world::{MountSpec, OsWorld, WorldOptions};
pub use libos::world::{ceiling, mounts};
use libos_kernel::model::facility::{self, Facilities, Facility, Finding, Presence};
use libos_kernel::model::grant::Effect;
use libos_kernel::model::policy::{Policy, Template};
use libos_kernel::model::resource::Kind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What no process may touch: the policy, the data with its keys, the socket, the keys that sign the log and those of models, and the
/// log's second place, the very path that is opened.
pub fn protected(place: &Place, policy: &Policy, witness: Option<PathBuf>) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = vec![place.policy_file(), place.data.clone()];
    let socket = place.socket()?;
    if !socket.starts_with(&place.data) {
        paths.extend(socket.parent().map(Path::to_owned));
    }
    // The directory with the keys of all workspaces, and what may be one day in its place.
    let keys = Keys::of(place).ok().map(|keys| keys.directory);
    let is_watched = |path: &PathBuf| path.parent().is_some_and(Path::is_dir);
    paths.extend(keys.into_iter().chain(witness).chain(policy.model_files()).filter(is_watched));
    Ok(paths)
}

/// The world of a policy.
///
/// # Errors
/// A mount cannot be opened, or lacks what is required and was not accepted.
pub fn world(mounts: &[MountSpec], protected: Vec<PathBuf>, accepted: Facilities) -> anyhow::Result<OsWorld> {
    let options = WorldOptions { accepted, ..WorldOptions::default() };
    let world = OsWorld::new(mounts.to_vec(), protected, options).context("the mounts of libos.toml")?;
    Ok(world.with_supervisor(Supervisor::this_program()))
}

/// What the data directory offers of what a host relies on.
///
/// # Errors
/// It cannot be opened.
pub fn data_directory(place: &Place) -> anyhow::Result<Vec<Finding>> {
    let found = libos::world::probe_data_directory(&place.data);
    Ok(found.map_err(|error| {
        Failure::cannot(format!("the data directory cannot be opened: {error}")).at(place.data.display())
    })?)
}

/// Directories below a mount in which a rule denies or asks for something by its name. A file system may ignore case in some only.
fn restricted_directories(policy: &Policy, mounts: &[MountSpec]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let restricts = |line: &&Template| line.effect != Effect::Allow && line.pattern.kind() == Kind::Fs;
    for line in policy.templates.iter().filter(restricts) {
        let mut segments = line.pattern.segments();
        let mount = segments.next().and_then(|name| mounts.iter().find(|mount| mount.name == name));
        let Some(mut directory) = mount.map(|mount| mount.path.clone()) else { continue };
        let names: Vec<&str> = segments.take_while(|segment| !matches!(*segment, "*" | "**")).collect();
        // The last is the name itself; the world looks at the mount's own directory.
        for name in names.iter().take(names.len().saturating_sub(1)) {
            directory.push(name);
            found.insert(directory.clone());
        }
    }
    found
}

/// The findings of a world, with what was found where a rule of the policy hangs on a name.
pub fn with_restricted(mut findings: Vec<Finding>, policy: &Policy, mounts: &[MountSpec]) -> Vec<Finding> {
    let own = findings.iter_mut().find(|finding| finding.facility == Facility::CaseSensitiveNames);
    if let Some(own) = own.filter(|own| own.presence == Presence::Present) {
        let directories = restricted_directories(policy, mounts);
        let mut found = directories.iter().filter_map(|path| libos::world::probe_names(path));
        // An empty directory says nothing new about a mount that was seen to be fine.
        if let Some(worse) = found.find(|finding| finding.presence == Presence::Missing) {
            *own = worse;
        }
    }
    findings
}

/// Refuses to go on without what is required and was not accepted.
///
/// # Errors
/// What is missing, what that weakens, and what to write.
pub fn refuse(findings: &[Finding], accepted: Facilities, place: &Place) -> anyhow::Result<()> {
    let Some(Finding { facility, detail, .. }) = facility::refused(findings, accepted) else { return Ok(()) };
    let failure = crate::error::lacks(*facility, detail);
    Err(match facility {
        Facility::PrivateDataDirectory => {
            let accept = failure.hint.clone().unwrap_or_default();
            failure.at(place.data.display()).hint(format!("chmod 700 {}; or {accept}", place.data.display()))
        }
        Facility::SingleWriterLock => failure.at(place.data.display()),
        _ => failure.at(place.policy_file().display()),
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_links_are_allowed_where_no_rule_narrows() {
        let text = "[mounts]\na = \".\"\nb = \"b\"\nc = { path = \"c\", hardlinks = \"allow\" }\n\
                    [image.base]\nallow = [\"read fs:a/**\"]\nask = [\"write fs:b/x\"]\ndeny = [\"read fs:c/**\"]\n";
        let specs = mounts(&Policy::parse(text).unwrap(), Path::new("/w"));
        let have: Vec<_> = specs.iter().map(|spec| (spec.name.as_str(), spec.allow_hard_links)).collect();
        assert_eq!(have, [("a", true), ("b", false), ("c", true)]);
        assert_eq!(specs[1].path, Path::new("/w/b"));
    }
    #[test]
    fn directories_are_looked_at_where_a_rule_hangs_on_a_name() {
        let text = "[mounts]\na = \".\"\n[image.base]\nallow = [\"read fs:a/x/y\"]\nask = [\"write fs:a/b/c/*/d\"]\n\
                    deny = [\"read fs:a/.env\", \"read fs:a/b/**\", \"read fs:a/e/f\", \"read fs:z/e/f\", \"read object:a/e/f\"]\n";
        let policy = Policy::parse(text).unwrap();
        let have = restricted_directories(&policy, &mounts(&policy, Path::new("/w")));
        let have: Vec<_> = have.iter().map(|path| path.strip_prefix("/w").unwrap().to_str().unwrap()).collect();
        assert_eq!(have, ["b", "e"]);
    }
}
