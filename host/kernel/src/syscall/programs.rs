//! Programs: the primitive of interface `shell`. What a program gets comes with the permit.

use super::prepare::{self, Trouble};
use super::primitive::failed;
use crate::kernel::{Attempt, Kernel, Permit, Prepared};
use crate::model::answer::{Answer, CallError};
use crate::model::call::Reply;
use crate::model::codec::to_bytes;
use crate::model::command;
use crate::model::id::Digest;
use crate::model::program::{Command, Order};
use crate::model::row::Probe;
use crate::world::{ProgramName, WorldError};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Looks for the program, and says what it would get.
pub fn look(kernel: &Kernel, attempt: &Attempt, wanted: &Command) -> Result<Prepared, Trouble> {
    let permit = Permit::of_kernel(attempt.names.clone());
    let rules = kernel.policy().programs;
    let name = ProgramName {
        name: &wanted.program,
        naming: wanted.naming(),
        directories: &rules.directories,
        keep_name: &rules.keep_name,
    };
    let executable = kernel.world().shell_find(&permit, &name).map_err(|error| Trouble::World(error, 0))?;
    let invalid = |why| Trouble::Call(CallError::Invalid(why));
    let resolved = command::resource(&executable.path, &wanted.arguments).map_err(invalid)?;
    if resolved != attempt.names[0] {
        return Err(Trouble::World(WorldError::Link { index: 0, to: Ok(resolved) }, 0));
    }
    let order = kernel.order(attempt, wanted, executable).map_err(Trouble::Call)?;
    let present: Digest = Sha256::digest(to_bytes(&order)).into();
    let order = Some(Arc::new(order));
    Ok(Prepared { probe: Probe::None, directory: false, present, content: true, trouble: None, order })
}

/// Runs a program. It is closed here, because what was not started is no failure of it.
pub fn run(kernel: &Arc<Kernel>, mut permit: Permit, attempt: &Attempt, wanted: &Command) -> Arc<Answer> {
    let call = attempt.place.call;
    let order = match prepare::look_again(kernel, &permit, attempt) {
        Ok(order) => order,
        Err(error) => return kernel.close_unstarted(permit, error),
    };
    permit.give(within_purse(kernel, attempt, &order));
    kernel.dispatch(&permit);
    match kernel.world().shell_run(&permit, &wanted.stdin, &|| kernel.is_live(call)) {
        Err(WorldError::NotStarted(why)) => kernel.close_unstarted(permit, CallError::Io(why)),
        Err(error) => {
            let error = failed(&permit, error);
            kernel.close(permit, Err(error), |_, _, reply| Ok(reply))
        }
        Ok(ran) => {
            let times = (ran.wall_time, ran.processor_time);
            kernel.close(permit, Ok(Reply::Ran(Box::new(ran))), |state, place, reply| {
                Kernel::charge_program(state, *place, times);
                Ok(reply)
            })
        }
    }
}

/// A program computes and runs no longer than its process can pay for. That is no part of what a person is asked: it changes all the time.
fn within_purse(kernel: &Kernel, attempt: &Attempt, order: &Order) -> Arc<Order> {
    let left = kernel.time_left(attempt.place.call);
    let at_most = |limit: u64, left: Option<u64>| limit.min(left.unwrap_or(u64::MAX).max(1));
    let mut order = order.clone();
    order.limits.processor_milliseconds = at_most(order.limits.processor_milliseconds, left.processor);
    order.limits.wall_milliseconds = at_most(order.limits.wall_milliseconds, left.wall);
    Arc::new(order)
}
