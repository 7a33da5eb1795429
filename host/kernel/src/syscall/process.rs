//! Processes: the primitives of interface `process`. Names come from the permit.

use super::fs::directory_at;
use super::primitive::{Performed, call_error};
use crate::kernel::{Kernel, Permit, Place, State};
use crate::model::answer::CallError;
use crate::model::call::{Call, Reply};
use crate::model::need::pid_of;
use crate::model::resource::Resource;
use crate::model::time::Time;
use crate::world::WorldError;
use std::sync::Arc;

/// Makes a child. Where it is to work must be a directory.
pub fn make(kernel: &Arc<Kernel>, permit: Permit, call: &Call) -> Performed {
    let now = kernel.world().now(&permit);
    let mut names = vec![permit.resource(0).clone()];
    let (Call::ProcessSpawn { child } | Call::ProcessFork { child, .. }) = call else {
        return Performed::Answer(kernel.close(permit, Err(CallError::Internal), |_, _, reply| Ok(reply)));
    };
    let mut found = Ok(Reply::Unit);
    if child.working_directory.is_some() {
        names.push(permit.resource(1).clone());
        found = directory_at(kernel, &permit, 1);
    }
    match found {
        Err(WorldError::Link { index, to: Ok(name) }) => {
            kernel.give_back(permit);
            Performed::Link(index, name)
        }
        other => {
            let result = other.map_err(|error| call_error(&names[1].to_string(), error));
            Performed::Answer(
                kernel.close(permit, result, |state, place, _| {
                    state.make_child(*place, call, &names, now).map(Reply::Pid)
                }),
            )
        }
    }
}

/// What needs nothing but the kernel's tables; none if the call is no such.
pub fn inside(
    state: &mut State,
    place: Place,
    call: &Call,
    name: Option<&Resource>,
    now: Time,
) -> Option<Result<Reply, CallError>> {
    let pid = || name.and_then(pid_of).ok_or(CallError::Internal);
    let named = || name.ok_or(CallError::Internal);
    Some(match call {
        Call::ProcessChildren => state.list_children(place.pid).map(Reply::Children),
        Call::ProcessSignal { signal, reason, .. } => {
            pid().and_then(|pid| state.signal(place, pid, *signal, reason, now)).map(|word| Reply::Text(word.into()))
        }
        Call::ProcessHandOver { .. } => {
            pid().and_then(|pid| state.hand_child_over(place, pid, now)).map(|()| Reply::Unit)
        }
        Call::ProcessExec { goal, .. } => {
            named().and_then(|image| state.request_exec(place, image, goal.clone())).map(|()| Reply::Unit)
        }
        Call::ProcessCheckpoint { reason } => {
            state.request_checkpoint(place, reason).map(|id| Reply::Text(id.to_string()))
        }
        Call::ProcessExit { result } => {
            state.request_exit(place, result.clone(), None);
            Ok(Reply::Unit)
        }
        Call::ProcessExitWith { .. } => {
            named().and_then(|name| state.request_exit_with(place, name)).map(|()| Reply::Unit)
        }
        Call::ProcessEnvironment { .. } => {
            named().map(|name| Reply::Variable(state.policy.environment.get(name.path()).cloned()))
        }
        _ => return None,
    })
}
