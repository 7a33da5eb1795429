//! Models: the primitive of operation `model.ask`.

use crate::kernel::{Kernel, Permit};
use crate::model::answer::{Answer, CallError};
use crate::model::call::Reply;
use crate::world::ModelTrouble;
use std::sync::Arc;

/// Asks a model. The task that runs this owns the permit.
pub async fn ask(kernel: &Kernel, permit: Permit, request: &str) -> Arc<Answer> {
    kernel.dispatch(&permit);
    let asked = kernel.world().model_ask(&permit, request).await;
    match asked {
        Ok(answer) => kernel.close(permit, Ok(Reply::Model(answer.reply)), |_, _, reply| Ok(reply)),
        Err(ModelTrouble::NotStarted(why)) => kernel.close_unstarted(permit, CallError::Io(why)),
        Err(ModelTrouble::Unknown(why)) => kernel.close_unknown(permit, why),
        Err(ModelTrouble::Useless(why)) => kernel.close(permit, Err(CallError::Io(why)), |_, _, reply| Ok(reply)),
    }
}
