//! What is looked for before the first process runs: found here, missed where a test takes it away, and refused unless accepted.

use super::super::{MountSpec, OsWorld, Resolver, WorldOptions, WorldSetupError, probe_data_directory, probe_names};
use super::Sandbox;
use libos_kernel::model::facility::{Facilities, Facility, Presence};
use std::os::unix::fs::PermissionsExt;

fn make(sandbox: &Sandbox, absent: Facilities, accepted: Facilities) -> Result<OsWorld, WorldSetupError> {
    let mount = MountSpec { name: "w".into(), path: sandbox.path("mount"), allow_hard_links: false };
    OsWorld::new(vec![mount], Vec::new(), WorldOptions { absent, accepted, ..WorldOptions::default() })
}

#[test]
fn a_world_without_what_it_relies_on_is_refused_unless_that_was_accepted() {
    let sandbox = Sandbox::new();
    sandbox.file("mount/Name", "x");
    let whole = make(&sandbox, Facilities::NONE, Facilities::NONE).unwrap();
    for facility in [Facility::MountIdentity, Facility::CaseSensitiveNames] {
        let found = whole.facilities().iter().find(|found| found.facility == facility).unwrap();
        assert_eq!(found.presence, Presence::Present, "{found:?}");
        let absent = Facilities::NONE.with(facility);
        let Err(WorldSetupError::Lacks { facility: named, .. }) = make(&sandbox, absent, Facilities::NONE) else {
            panic!("{facility:?} is missing, and there is a world");
        };
        assert_eq!(named, facility);
        assert!(make(&sandbox, absent, Facilities::NONE.with(facility)).is_ok());
    }
    let walks = make(&sandbox, Facilities::NONE.with(Facility::Openat2), Facilities::NONE).unwrap();
    assert_eq!(walks.resolver(), Resolver::Walk);
}

#[test]
fn a_data_directory_is_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.directory("data");
    let path = sandbox.path("data");
    let presence = |facility| {
        let found = probe_data_directory(&path).unwrap();
        found.into_iter().find(|found| found.facility == facility).unwrap().presence
    };
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o700);
    assert_eq!(presence(Facility::PrivateDataDirectory), Presence::Present);
    assert_eq!(presence(Facility::SingleWriterLock), Presence::Present);
    mode(0o750);
    assert_eq!(presence(Facility::PrivateDataDirectory), Presence::Missing);
    assert!(probe_data_directory(&sandbox.path("none")).is_err());
}

#[test]
fn a_directory_tells_how_it_takes_names() {
    let sandbox = Sandbox::new();
    sandbox.file("mount/Name", "x");
    // Both spellings are there, and one file has both: no sign of anything.
    sandbox.file("mount/a", "x");
    sandbox.hard_link("mount/a", "mount/A");
    assert_eq!(probe_names(&sandbox.path("mount")).map(|found| found.presence), Some(Presence::Present));
    assert_eq!(probe_names(&sandbox.path("mount/Name")), None);
    assert_eq!(probe_names(&sandbox.path("none")), None);
}
