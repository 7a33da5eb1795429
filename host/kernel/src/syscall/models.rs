//! Models: the primitive of operation `model.ask`.

use crate::kernel::{Kernel, Permit};
use crate::model::answer::{Answer, CallError};
use crate::world::ModelTrouble;
use std::sync::Arc;

/// Asks a model. The task that runs this owns the permit.
pub async fn ask(kernel: &Kernel, permit: Permit, request: &str) -> Arc<Answer> {
    let profile = match kernel.model_profile(permit.resource(0).path()) {
        Ok(profile) => profile,
        Err(why) => return kernel.close_unstarted(permit, CallError::NotFound(why)),
    };
    kernel.dispatch(&permit);
    let asked = kernel.world().model_ask(&permit, &profile, request).await;
    match asked {
        Ok(answer) => kernel.close_asked(permit, answer.reply, answer.tokens),
        Err(ModelTrouble::NotStarted(why)) => kernel.close_unstarted(permit, CallError::Io(why)),
        Err(ModelTrouble::Unknown(why)) => kernel.close_unknown(permit, why),
        Err(ModelTrouble::Useless(why)) => kernel.close(permit, Err(CallError::Io(why)), |_, _, reply| Ok(reply)),
    }
}
