//! What lies where agents read or write, or is lost with the data: no place for anything that is to be kept from them, or to outlive it.

use crate::error::Failure;
use crate::place::Place;
use crate::setup;
use libos::world::MountSpec;
use libos_kernel::kernel::view::View;
use libos_kernel::model::policy::Policy;
use libos_kernel::store::reader::Snapshot;
use std::path::Path;

/// Why a directory is no such place.
pub enum Reach {
    Data,
    /// The name of the mount.
    Mount(String),
}

/// Whether a directory, by its canonical path, lies in a mount or in the data directory.
pub fn of(directory: &Path, place: &Place, mounts: &[MountSpec]) -> Option<Reach> {
    let lies_in = |outer: &Path| outer.canonicalize().is_ok_and(|outer| directory.starts_with(outer));
    if lies_in(&place.data) {
        return Some(Reach::Data);
    }
    mounts.iter().find(|mount| lies_in(&mount.path)).map(|mount| Reach::Mount(mount.name.clone()))
}

/// Refuses to put what the store holds at a path where an agent could read it. What is not there yet counts as where it would be made.
///
/// # Errors
/// It lies in a mount of the policy in force or in the data directory, or cannot be looked at.
pub fn refuse_copy(target: &Path, place: &Place, snapshot: &Snapshot) -> anyhow::Result<()> {
    let target = std::path::absolute(target)?;
    let there = target.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let there = there
        .canonicalize()
        .map_err(|error| Failure::usage(format!("it cannot be looked at: {error}")).at(there.display()))?;
    let policy = View(snapshot).policy()?.and_then(|text| Policy::parse(&text).ok());
    let mounts = match policy {
        Some(policy) => setup::mounts(&policy, &place.workspace),
        // A policy that this version cannot read: most mount the workspace.
        None => {
            vec![MountSpec { name: "workspace".into(), path: place.workspace.clone(), allow_hard_links: false }]
        }
    };
    let why = match of(&there, place, &mounts) {
        None => return Ok(()),
        Some(Reach::Data) => "it lies in the data directory, with which it would be lost".to_owned(),
        Some(Reach::Mount(name)) => format!("it lies in the mount '{name}', where agents could read all of the store"),
    };
    let hint = "name a place outside the mounts and the data directory, such as ../copy beside the workspace";
    Err(Failure::usage(why).at(target.display()).hint(hint).into())
}
