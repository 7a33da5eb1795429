//! Tools that a process makes at run time: the primitives of interface `tools`, but for calling.

use crate::kernel::{Kernel, Permit, Place, State};
use crate::model::answer::{Answer, CallError};
use crate::model::call::{Call, Reply};
use crate::model::candidate::Proposal;
use std::sync::Arc;

/// Takes a proposal down: first its code, as a file, then the row that names it.
pub fn propose(kernel: &Arc<Kernel>, permit: Permit, proposal: &Proposal) -> Arc<Answer> {
    let now = kernel.world().now(&permit);
    // To the end of this function, where the row that names it is in the batch.
    let (pin, kept) = match kernel.keep_code(&proposal.code) {
        Ok(pin) => (Some(pin), Ok(Reply::Unit)),
        Err(error) => (None, Err(error)),
    };
    let answer =
        kernel.close(permit, kept, |state, place, _| state.propose_tool(*place, proposal, now).map(Reply::Text));
    drop(pin);
    answer
}

/// Changes or lists the tools of the process.
pub fn perform(state: &mut State, place: Place, call: &Call) -> Result<Reply, CallError> {
    match call {
        Call::ToolsRegister { id, for_children } => state.register_tool(place, id, *for_children).map(|()| Reply::Unit),
        Call::ToolsUnregister { name } => state.unregister_tool(place.pid, name).map(|()| Reply::Unit),
        Call::ToolsList => Ok(Reply::Tools(state.known_tools(place.pid))),
        _ => Err(CallError::Internal),
    }
}
