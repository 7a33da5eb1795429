//! The planner that chooses what a script says, line by line.

use super::{Planner, Stepping, Turn};
use crate::engine::failure;
use libos_kernel::kernel::HostError;
use libos_kernel::model::planner::Chosen;
use libos_kernel::model::row::FailureReason;
use libos_kernel::model::script::{Script, Step};
use libos_kernel::syscall::Line;

pub struct ScriptPlanner {
    script: Script,
}

impl ScriptPlanner {
    pub fn new(script: Script) -> ScriptPlanner {
        ScriptPlanner { script }
    }
}

impl Planner for ScriptPlanner {
    fn prepare(&self, turn: &Turn<'_>) -> Result<Option<String>, HostError> {
        let index = usize::try_from(turn.step).unwrap_or(usize::MAX);
        let step = self.script.step(index, |index| turn.result(index as u64))?;
        Ok(step.map(|step| step.to_json()))
    }

    fn step<'a>(&'a self, line: &'a mut Line, prepared: &'a str) -> Stepping<'a> {
        Box::pin(async move {
            let step = match Step::from_json(prepared) {
                Ok(step) => step,
                Err(error) => {
                    let why = format!("what was prepared is no step of a script: {error}");
                    return Ok(Err(failure(FailureReason::Fault, why, None)));
                }
            };
            let answers = line.run_all(step.calls()).await?;
            Ok(step.conclude(&answers) as Result<Chosen, _>)
        })
    }
}
