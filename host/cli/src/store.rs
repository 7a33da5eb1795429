//! Reading what is committed, whether a host runs or not.

use crate::error::Failure;
use crate::host::Host;
use crate::place::Place;
use libos_kernel::kernel::view::View;
use libos_kernel::model::preview::escape;
use libos_kernel::store::StoreError;
use libos_kernel::store::disk::{Directory, Storage};
use libos_kernel::store::reader::Snapshot;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a command tries to reach a host that has the store and does not answer.
pub const BUSY_WAIT: Duration = Duration::from_secs(2);
/// Time between two tries.
pub const BUSY_STEP: Duration = Duration::from_millis(20);

/// What is committed now. A store that was not closed is recovered first.
///
/// # Errors
/// The workspace's policy was never accepted, or the store cannot be read.
pub fn snapshot(place: &Place) -> anyhow::Result<Snapshot> {
    let snapshot = match read(place) {
        Err(StoreError::Missing) => return Err(not_accepted(place).into()),
        Err(StoreError::NeedsRecovery) => {
            recover(place)?;
            read(place)?
        }
        other => other?,
    };
    if View(&snapshot).policy()?.is_none() {
        return Err(not_accepted(place).into());
    }
    Ok(snapshot)
}

fn read(place: &Place) -> Result<Snapshot, StoreError> {
    Snapshot::of_directory(&Directory::new(&place.data))
}

/// Opens the store as a host for a moment: that recovers it.
fn recover(place: &Place) -> anyhow::Result<()> {
    let deadline = Instant::now() + BUSY_WAIT;
    loop {
        match Host::open_accepted(place, false) {
            Ok(host) => {
                host.kernel().shutdown();
                host.print_unknown();
                return Ok(());
            }
            // Another command recovers it.
            Err(error) if is_busy(&error) => match read(place) {
                Err(StoreError::NeedsRecovery) if Instant::now() < deadline => crate::own::pause(BUSY_STEP),
                _ => return Ok(()),
            },
            Err(error) => return Err(error),
        }
    }
}

/// Whether another host has the store.
pub fn is_busy(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        use libos::RuntimeError;
        use libos_kernel::kernel::HostError;
        matches!(cause.downcast_ref(), Some(StoreError::Busy))
            || matches!(cause.downcast_ref(), Some(HostError::Store(StoreError::Busy)))
            || matches!(cause.downcast_ref(), Some(RuntimeError::Host(HostError::Store(StoreError::Busy))))
    })
}

/// The text of the policy in force; none if none was accepted.
///
/// # Errors
/// The store cannot be read.
pub fn policy_in_force(place: &Place) -> anyhow::Result<Option<String>> {
    let deadline = Instant::now() + BUSY_WAIT;
    loop {
        match try_policy_in_force(place) {
            // Another command recovers the store at this moment.
            Err(error) if is_busy(&error) && Instant::now() < deadline => crate::own::pause(BUSY_STEP),
            other => return other,
        }
    }
}

fn try_policy_in_force(place: &Place) -> anyhow::Result<Option<String>> {
    match read(place) {
        Ok(snapshot) => Ok(View(&snapshot).policy()?),
        Err(StoreError::Missing) => Ok(None),
        Err(StoreError::NeedsRecovery) => {
            // A host needs the policy before it can recover what calls did; opening to write repairs the file itself.
            let directory = Directory::new(&place.data);
            let database = directory.open()?;
            let snapshot = Snapshot::of(&database, Arc::new(directory))?;
            Ok(View(&snapshot).policy()?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The public key that the log was signed with last, as the store says.
///
/// # Errors
/// The store cannot be read.
pub fn known_key(place: &Place) -> anyhow::Result<Option<String>> {
    match read(place) {
        Ok(snapshot) => Ok(snapshot.notary()?),
        Err(StoreError::Missing) => Ok(None),
        Err(StoreError::NeedsRecovery) => {
            let directory = Directory::new(&place.data);
            let database = directory.open()?;
            Ok(Snapshot::of(&database, Arc::new(directory))?.notary()?)
        }
        Err(error) => Err(error.into()),
    }
}

/// The error of a workspace that nobody accepted.
pub fn not_accepted(place: &Place) -> Failure {
    Failure::usage("the policy of this workspace was not accepted yet")
        .at(place.policy_file().display())
        .hint("read it and accept it with `libos trust`")
}

/// Warns if libos.toml is not the policy in force, whatever it is now: the policy in force goes on.
pub fn warn_if_changed(place: &Place, in_force: Option<&str>) {
    let Some(in_force) = in_force else { return };
    match place.policy_text() {
        Ok(Some(text)) if text == in_force => {}
        Ok(Some(_)) => eprintln!("warning: libos.toml has changed; `libos policy reload` shows what that means"),
        Ok(None) => eprintln!("warning: libos.toml is gone; the policy in force goes on"),
        Err(error) => eprintln!("warning: {}; the policy in force goes on", escape(&error.to_string())),
    }
}
