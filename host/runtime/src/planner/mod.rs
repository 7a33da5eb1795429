//! Planners: who chooses what a process does next. A planner is a native guest: it sees its end of the line and nothing else, so what it
//! does is decided, recorded and replayed as what a component does.

mod model;
mod script;

use libos_kernel::kernel::{Briefing, HostError, Kernel};
use libos_kernel::model::answer::Stop;
use libos_kernel::model::id::Pid;
use libos_kernel::model::planner::{Chosen, Plan};
use libos_kernel::model::row::Failure;
use libos_kernel::syscall::Line;
use std::pin::Pin;
use std::sync::Arc;

/// A quantum under way. An error of the host leaves it as it was at its last durable point.
pub type Stepping<'a> = Pin<Box<dyn Future<Output = Result<Result<Chosen, Failure>, Stop>> + Send + 'a>>;

/// Chooses what a process does.
pub trait Planner: Send + Sync {
    /// All that the next quantum depends on, as JSON. It is written down before the quantum starts, so that a replay needs nothing else.
    /// None if there is nothing more to do: the process ends. It may read what the disk holds, so it is called where that may block.
    ///
    /// # Errors
    /// It cannot be told now; the turn is offered again.
    fn prepare(&self, turn: &Turn<'_>) -> Result<Option<String>, HostError>;

    /// Takes the step that was prepared. Started again, it goes the same way: its line answers what was answered before.
    fn step<'a>(&'a self, line: &'a mut Line, prepared: &'a str) -> Stepping<'a>;
}

/// Whose turn it is, and what became of earlier ones.
pub struct Turn<'a> {
    kernel: &'a Kernel,
    /// Whose.
    pub pid: Pid,
    /// Steps that it has taken.
    pub step: u64,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(kernel: &'a Kernel, pid: Pid, step: u64) -> Turn<'a> {
        Turn { kernel, pid, step }
    }

    /// The result of an earlier step, as JSON.
    ///
    /// # Errors
    /// The disk failed.
    pub fn result(&self, step: u64) -> Result<Option<String>, HostError> {
        Ok(self.kernel.step_result(self.pid, step)?)
    }

    /// Tokens that a model can read in one request, as its profile says. None if there is no such profile.
    pub fn window(&self, profile: &str) -> Option<u32> {
        let profile = self.kernel.model_profile(profile).ok()?;
        Some(profile.context_tokens.saturating_sub(profile.reply_tokens.min(profile.context_tokens / 2)))
    }

    /// What there is to know of the process. None if it has ended.
    ///
    /// # Errors
    /// The disk failed.
    pub fn briefing(&self) -> Result<Option<Briefing>, HostError> {
        Ok(self.kernel.briefing(self.pid)?)
    }
}

/// The planner that a text is for.
///
/// # Errors
/// It is for none, and why.
pub fn planner_of(text: &str) -> Result<Arc<dyn Planner>, String> {
    Ok(match Plan::parse(text).map_err(|error| error.to_string())? {
        Plan::Script(script) => Arc::new(script::ScriptPlanner::new(script)),
        Plan::Model(profile) => Arc::new(model::ModelPlanner::new(profile)),
    })
}
