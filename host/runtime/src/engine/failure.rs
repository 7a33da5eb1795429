//! From what wasmtime says to what a person can use: why a call stopped, and in which import.

use libos_kernel::model::answer::Stop;
use libos_kernel::model::limit::FAILURE_BYTES_MAX;
use libos_kernel::model::record::cut;
use libos_kernel::model::row::{Failure, FailureReason};
use std::fmt;
use wasmtime::{OutOfMemory, PoolConcurrencyLimitError, Trap};

/// A stop of the line on its way through wasmtime.
#[derive(Debug)]
pub struct Stopped(pub Stop);

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Stopped {}

/// The call has used up its processor time.
#[derive(Debug)]
pub struct OutOfTime {
    /// The limit, in seconds.
    pub seconds: f64,
}

impl fmt::Display for OutOfTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu-time: the tool computed for more than {} seconds", self.seconds)
    }
}

impl std::error::Error for OutOfTime {}

/// The guest called `wasi:cli/exit`.
#[derive(Debug)]
pub struct Exited;

impl fmt::Display for Exited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("exit: the tool ended its instance instead of returning")
    }
}

impl std::error::Error for Exited {}

/// A failure made by the runtime.
pub fn failure(reason: FailureReason, message: impl Into<String>, import: Option<&'static str>) -> Failure {
    let mut message = message.into();
    cut(&mut message, FAILURE_BYTES_MAX);
    Failure { reason, message, import: import.map(str::to_owned) }
}

/// Whether the machine could not, whatever the component is: the pool of instances is used up, or the system gave no memory.
pub(super) fn is_of_the_machine(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>()
        || error.is::<OutOfMemory>()
        || error.chain().any(super::cache::is_of_the_system)
}

/// What is said of a guest that was refused memory.
pub(super) fn out_of_memory(limit: u64) -> String {
    format!("memory: the tool wanted more than its {} MiB", limit >> 20)
}

/// What an error of a component's call means. `refused` says that it was refused memory; `import` is the import in progress, if one
/// was.
///
/// # Errors
/// It is not the guest's: the host failed, or the call was ended from outside.
pub fn classify(error: &wasmtime::Error, refused: Option<u64>, import: Option<&'static str>) -> Result<Failure, Stop> {
    if let Some(Stopped(stop)) = error.downcast_ref::<Stopped>() {
        return match stop {
            Stop::Fault(fault) => Ok(failure(FailureReason::Fault, fault.to_string(), import)),
            other => Err(other.clone()),
        };
    }
    if let Some(out) = error.downcast_ref::<OutOfTime>() {
        return Ok(failure(FailureReason::Limit, out.to_string(), import));
    }
    if error.downcast_ref::<Exited>().is_some() {
        return Ok(failure(FailureReason::Trap, Exited.to_string(), import));
    }
    // Before anything that is the guest's own: another call had what this one needed.
    if is_of_the_machine(error) {
        return Err(Stop::Host(format!("no room for an instance: {error:#}")));
    }
    if let Some(limit) = refused {
        return Ok(failure(FailureReason::Limit, out_of_memory(limit), import));
    }
    Ok(match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            failure(FailureReason::Limit, "stack: the tool recursed deeper than its stack of 1 MiB", import)
        }
        Some(Trap::UnreachableCodeReached) => {
            failure(FailureReason::Trap, "the tool panicked or aborted; what it printed is in the call's log", import)
        }
        Some(trap) => failure(FailureReason::Trap, format!("the tool trapped: {trap}"), import),
        None => failure(FailureReason::Trap, format!("the tool broke the contract: {error}"), import),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{MEMORIES_MAX, config};
    use wasmtime::{Engine, Instance, Module, Store};

    #[test]
    fn a_pool_that_is_used_up_is_no_failure_of_the_call_that_came_last() {
        let engine = Engine::new(&config(1)).unwrap();
        // A module with one memory.
        let module = Module::new(&engine, b"\0asm\x01\0\0\0\x05\x03\x01\0\x01").unwrap();
        let mut store = Store::new(&engine, ());
        for _ in 0..MEMORIES_MAX {
            Instance::new(&mut store, &module, &[]).unwrap();
        }
        let error = Instance::new(&mut store, &module, &[]).unwrap_err();
        // Also of a guest that was refused memory before.
        for refused in [None, Some(1 << 20)] {
            let stop = classify(&error, refused, None).unwrap_err();
            assert!(matches!(&stop, Stop::Host(why) if why.contains("limit")), "{stop:?}");
        }
        assert!(classify(&wasmtime::Error::from(Trap::MemoryOutOfBounds), None, None).is_ok());
    }
}
