//! What can go wrong before a program is started is told as that.

use super::super::Resolver;
use super::{Sandbox, fs};
use libos_kernel::model::program::{Executable, Order, ProgramLimits};
use libos_kernel::world::WorldError;

#[test]
fn what_fails_before_a_program_starts_says_that_nothing_was_started() {
    let sandbox = Sandbox::new();
    sandbox.file("mount/here/file", "x");
    sandbox.file("tool", "#!/bin/sh\n");
    let world = sandbox.world_with(Resolver::Walk, &[("w", "mount", true)], &[]);
    let tool = sandbox.path("tool");
    let executable = world.executable(&tool, &tool).unwrap();
    let order = |directory: &str, executable: Executable| Order {
        executable,
        arguments: Vec::new(),
        directory: fs(directory),
        environment: Vec::new(),
        inherited: Vec::new(),
        places: Vec::new(),
        system: Vec::new(),
        network: false,
        limits: ProgramLimits {
            wall_milliseconds: 1,
            processor_milliseconds: 1,
            memory_bytes: 1,
            processes: 1,
            output_bytes: 1,
        },
        reports_absent: true,
    };
    world.ready(&order("w/here", executable.clone()), b"").unwrap();
    let gone = sandbox.path("gone").to_str().unwrap().to_owned();
    for order in [
        order("w/gone", executable.clone()),
        order("w/here", Executable { path: gone.clone(), file: gone, ..executable.clone() }),
        order("w/here", Executable { size: 1, ..executable.clone() }),
    ] {
        let error = world.ready(&order, b"").err();
        assert!(matches!(error, Some(WorldError::NotStarted(_))), "{error:?}");
    }
}
