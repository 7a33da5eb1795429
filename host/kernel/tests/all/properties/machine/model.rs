//! The model: processes as a person would draw them on paper.

use super::step::{Step, step};
use crate::properties::laws::some_needs;
use libos_kernel::model::need::Need;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

/// Processes of a history, at most.
pub const PROCESSES: usize = 8;
/// Calls of one process that are under way, at most.
const CALLS: usize = 2;

/// What a process can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Ready,
    Running,
    Waiting,
    Failed,
}

/// What a call that has not ended can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Somebody drives it.
    Runs,
    /// It sleeps, and is not in memory.
    Sleeps,
    /// Its host has died, or its sleep has ended: it is to be started again.
    Left,
}

/// A process; others name it by its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub state: Word,
    pub calls: Vec<Call>,
}

impl Process {
    pub fn is_live(&self) -> bool {
        !matches!(self.state, Word::Failed)
    }

    /// After a change of its calls.
    fn refresh(&mut self) {
        if self.is_live() {
            self.state = if self.calls.is_empty() {
                Word::Ready
            } else if self.calls.iter().all(|call| *call == Call::Sleeps) {
                Word::Waiting
            } else {
                Word::Running
            };
        }
    }
}

/// All of it, and what is asked of the real one after each step.
#[derive(Debug, Clone)]
pub struct Model {
    pub processes: Vec<Process>,
    pub wanted: Vec<Need>,
}

impl Model {
    pub fn live(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|at| self.processes[*at].is_live()).collect()
    }

    /// Calls that are in one of these states: whose, and which of his.
    pub fn calls(&self, states: &[Call]) -> Vec<(usize, usize)> {
        let all = self.processes.iter().enumerate();
        let calls =
            all.flat_map(|(who, process)| process.calls.iter().enumerate().map(move |(at, call)| ((who, at), call)));
        calls.filter(|(_, call)| states.contains(call)).map(|(place, _)| place).collect()
    }

    fn is_live(&self, who: usize) -> bool {
        self.processes.get(who).is_some_and(Process::is_live)
    }

    fn call(&self, who: usize, call: usize) -> Option<Call> {
        self.processes.get(who)?.calls.get(call).copied()
    }
}

/// The model as a machine.
#[derive(Debug)]
pub struct Paper;

impl ReferenceStateMachine for Paper {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        some_needs().prop_map(|wanted| Model { processes: Vec::new(), wanted }).boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Step> {
        step(model)
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        match step {
            Step::New => model.processes.len() < PROCESSES,
            Step::Grant { .. } | Step::Revoke { .. } | Step::Pass | Step::Restart | Step::Crash => true,
            Step::Delegate { from, to, .. } => model.is_live(*from) && model.is_live(*to),
            Step::Use { by, .. } | Step::End { who: by } => model.is_live(*by),
            Step::Start { who } => model.is_live(*who) && model.processes[*who].calls.len() < CALLS,
            Step::Sleep { who, call } => model.call(*who, *call) == Some(Call::Runs),
            Step::GoOn { who, call } => model.call(*who, *call) == Some(Call::Left),
            Step::Finish { who, call } => model.call(*who, *call) == Some(Call::Runs),
            Step::Cancel { who, call } => model.call(*who, *call).is_some(),
        }
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        match step {
            Step::New => model.processes.push(Process { state: Word::Ready, calls: Vec::new() }),
            Step::Grant { .. } | Step::Revoke { .. } | Step::Delegate { .. } | Step::Use { .. } => {}
            Step::Start { who } => model.processes[*who].calls.push(Call::Runs),
            Step::Sleep { who, call } => model.processes[*who].calls[*call] = Call::Sleeps,
            Step::GoOn { who, call } => model.processes[*who].calls[*call] = Call::Runs,
            Step::Finish { who, call } | Step::Cancel { who, call } => drop(model.processes[*who].calls.remove(*call)),
            Step::End { who } => {
                model.processes[*who] = Process { state: Word::Failed, calls: Vec::new() };
            }
            Step::Pass => model.each_call(|call| if call == Call::Sleeps { Call::Left } else { call }),
            Step::Restart | Step::Crash => model.each_call(|call| if call == Call::Runs { Call::Left } else { call }),
        }
        for process in &mut model.processes {
            process.refresh();
        }
        model
    }
}

impl Model {
    fn each_call(&mut self, after: impl Fn(Call) -> Call) {
        for call in self.processes.iter_mut().flat_map(|process| &mut process.calls) {
            *call = after(*call);
        }
    }
}
