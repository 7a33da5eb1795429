//! The model: processes as a person would draw them on paper.

use super::moment::{self, Moment};
use super::step::{Step, step};
use super::tree::{self, Signal};
use crate::properties::laws::some_needs;
use libos_kernel::model::need::Need;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

/// Processes of a history, at most.
pub const PROCESSES: usize = 8;
/// Processes with those that were begun again from a checkpoint, at most.
pub const ALL: usize = 12;
/// Checkpoints of a history, at most.
pub const MOMENTS: usize = 2;
/// Processes above each other, at most.
pub const DEPTH: usize = 4;
/// Calls of one process that are under way, at most.
const CALLS: usize = 2;

/// What a process can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Ready,
    Running,
    Waiting,
    Paused,
    Exited,
    Failed,
    Killed,
}

/// What a call that has not ended can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Somebody drives it.
    Runs,
    /// It sleeps, and is not in memory.
    Sleeps,
    /// Its host has died, its process was paused or its sleep has ended: it is to be started again.
    Left,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Those that came later have larger ones.
    pub order: usize,
    pub from: usize,
    pub body: usize,
}

/// A process; others name it by its place in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub parent: Option<usize>,
    pub state: Word,
    pub calls: Vec<Call>,
    /// Only a person lets it go on.
    pub held_by_host: bool,
    /// It is to end with its calls.
    pub cancelled: bool,
    /// Its parent was told of its end.
    pub waited_for: bool,
    /// It has become one of the other image.
    pub other_image: bool,
    /// Messages that wait, oldest first.
    pub inbox: Vec<Message>,
    /// How often it was brought back.
    pub incarnation: u32,
    /// It was begun again from a checkpoint, and may lack what others have.
    pub is_weak: bool,
}

impl Process {
    pub fn new(parent: Option<usize>, other_image: bool) -> Process {
        Process {
            parent,
            state: Word::Ready,
            calls: Vec::new(),
            held_by_host: false,
            cancelled: false,
            waited_for: false,
            other_image,
            inbox: Vec::new(),
            incarnation: 0,
            is_weak: false,
        }
    }

    pub fn is_live(&self) -> bool {
        !matches!(self.state, Word::Exited | Word::Failed | Word::Killed)
    }

    /// Whether it takes another call.
    pub fn is_open(&self) -> bool {
        self.is_live() && self.state != Word::Paused && !self.cancelled
    }

    /// Whether it takes another call and may do what needs authority.
    pub fn is_able(&self) -> bool {
        self.is_open() && !self.is_weak
    }

    /// After a change of its calls.
    pub fn refresh(&mut self) {
        if self.is_live() && self.state != Word::Paused {
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
    /// Messages that were sent.
    pub sent: usize,
    pub moments: Vec<Moment>,
    /// The child that the last look for one found.
    pub told: Option<usize>,
}

impl Model {
    /// Processes for which this holds.
    pub fn which(&self, holds: impl Fn(&Process) -> bool) -> Vec<usize> {
        (0..self.processes.len()).filter(|at| holds(&self.processes[*at])).collect()
    }

    pub fn live(&self) -> Vec<usize> {
        self.which(Process::is_live)
    }

    /// Calls that are in one of these states, of processes for which this holds: whose, and which of his.
    pub fn calls(&self, states: &[Call], holds: impl Fn(&Process) -> bool) -> Vec<(usize, usize)> {
        let whose = self.which(holds).into_iter();
        let calls = whose.flat_map(|who| (0..self.processes[who].calls.len()).map(move |at| (who, at)));
        calls.filter(|(who, at)| states.contains(&self.processes[*who].calls[*at])).collect()
    }

    fn is_live(&self, who: usize) -> bool {
        self.processes.get(who).is_some_and(Process::is_live)
    }

    pub fn is_open(&self, who: usize) -> bool {
        self.processes.get(who).is_some_and(Process::is_open)
    }

    fn is_able(&self, who: usize) -> bool {
        self.processes.get(who).is_some_and(Process::is_able)
    }

    fn has_call(&self, who: usize, call: usize, state: Call) -> bool {
        self.processes.get(who).and_then(|process| process.calls.get(call)) == Some(&state)
    }

    fn each_call(&mut self, after: impl Fn(Call) -> Call) {
        for process in &mut self.processes {
            process.calls.iter_mut().for_each(|call| *call = after(*call));
            process.refresh();
        }
    }
}

/// The model as a machine.
#[derive(Debug)]
pub struct Paper;

impl ReferenceStateMachine for Paper {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        some_needs()
            .prop_map(|wanted| Model { processes: Vec::new(), wanted, sent: 0, moments: Vec::new(), told: None })
            .boxed()
    }

    fn transitions(model: &Model) -> BoxedStrategy<Step> {
        step(model)
    }

    fn preconditions(model: &Model, step: &Step) -> bool {
        let there = |who: &usize| *who < model.processes.len();
        match step {
            Step::New => model.processes.len() < PROCESSES,
            Step::Grant { to, .. } => to.is_none_or(|to| model.is_live(to)),
            Step::Revoke { .. } | Step::Pass | Step::Restart | Step::Crash => true,
            Step::Delegate { from, to, .. } => model.is_live(*from) && model.is_live(*to),
            Step::End { who } => model.is_live(*who),
            Step::Use { by, .. } | Step::Exit { who: by } => model.is_open(*by),
            Step::Exec { who: by } => model.is_able(*by),
            Step::Checkpoint { who } => model.is_live(*who) && model.moments.len() < MOMENTS,
            Step::Restore { at } => *at < model.moments.len(),
            Step::Fork { at } => {
                model.moments.get(*at).is_some_and(|moment| model.processes.len() + moment.members.len() <= ALL)
            }
            Step::Wait { by } | Step::Receive { by } => model.is_open(*by),
            Step::Spawn { by, .. } => {
                model.is_able(*by) && model.processes.len() < PROCESSES && tree::depth(model, *by) < DEPTH
            }
            Step::Signal { by, who, .. } => by.map_or(model.is_live(*who), |by| model.is_open(by)) && there(who),
            Step::HandOver { by, who } => model.is_open(*by) && there(who),
            Step::Send { from, to } => model.is_open(*from) && there(to),
            Step::Start { who } => model.is_open(*who) && model.processes[*who].calls.len() < CALLS,
            Step::Sleep { who, call } => model.is_able(*who) && model.has_call(*who, *call, Call::Runs),
            Step::GoOn { who, call } => {
                model.has_call(*who, *call, Call::Left) && model.processes[*who].state != Word::Paused
            }
            Step::Held { who, call } => {
                model.has_call(*who, *call, Call::Runs) && model.processes[*who].state == Word::Paused
            }
            Step::Finish { who, call } => model.has_call(*who, *call, Call::Runs),
            Step::Cancel { who, call } => model.processes.get(*who).is_some_and(|row| row.calls.len() > *call),
        }
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        match step {
            Step::New => model.processes.push(Process::new(None, false)),
            Step::Grant { .. } | Step::Revoke { .. } | Step::Delegate { .. } | Step::Use { .. } => {}
            Step::End { who } => tree::end(&mut model, *who, Word::Failed),
            Step::Pass => model.each_call(|call| if call == Call::Sleeps { Call::Left } else { call }),
            Step::Restart | Step::Crash => model.each_call(|call| if call == Call::Runs { Call::Left } else { call }),
            Step::Spawn { by, .. } => {
                let image = model.processes[*by].other_image;
                model.processes.push(Process::new(Some(*by), image));
            }
            Step::Signal { by, who, signal } => {
                if by.is_none_or(|by| tree::is_live_child(&model, by, *who)) {
                    signalled(&mut model, *by, *who, *signal);
                }
            }
            Step::HandOver { by, who } => {
                if tree::is_live_child(&model, *by, *who) {
                    model.processes[*who].parent = model.processes[*by].parent;
                }
            }
            Step::Exit { who } => tree::end(&mut model, *who, Word::Exited),
            Step::Exec { who } => model.processes[*who].other_image ^= true,
            Step::Wait { by } => {
                model.told = tree::first_ended(&model, *by);
                if let Some(child) = model.told {
                    model.processes[child].waited_for = true;
                }
            }
            Step::Send { from, to } => {
                model.sent += 1;
                if tree::may_write(&model, *from, *to) {
                    let message = Message { order: model.sent, from: *from, body: model.sent };
                    model.processes[*to].inbox.push(message);
                }
            }
            Step::Receive { by } => {
                if !model.processes[*by].inbox.is_empty() {
                    model.processes[*by].inbox.remove(0);
                }
            }
            Step::Checkpoint { who } => moment::take(&mut model, *who),
            Step::Restore { at } => moment::go_back(&mut model, *at),
            Step::Fork { at } => moment::begin_again(&mut model, *at),
            of_call => call_changed(&mut model, of_call),
        }
        model
    }
}

fn signalled(model: &mut Model, by: Option<usize>, who: usize, signal: Signal) {
    match signal {
        Signal::Pause => {
            model.processes[who].held_by_host |= by.is_none();
            model.processes[who].state = Word::Paused;
        }
        Signal::Resume if by.is_some() && model.processes[who].held_by_host => {}
        Signal::Resume => {
            let process = &mut model.processes[who];
            process.held_by_host = false;
            if process.state == Word::Paused {
                process.state = Word::Ready;
            }
            process.refresh();
        }
        Signal::Interrupt => tree::interrupt(model, who),
        Signal::Cancel => tree::cancel(model, who),
        Signal::Kill => tree::end(model, who, Word::Killed),
    }
}

fn call_changed(model: &mut Model, step: &Step) {
    let (who, ends) = match step {
        Step::Start { who } => {
            model.processes[*who].calls.push(Call::Runs);
            (*who, false)
        }
        Step::Sleep { who, call } => {
            model.processes[*who].calls[*call] = Call::Sleeps;
            (*who, false)
        }
        Step::GoOn { who, call } => {
            model.processes[*who].calls[*call] = Call::Runs;
            (*who, false)
        }
        Step::Held { who, call } => {
            model.processes[*who].calls[*call] = Call::Left;
            (*who, false)
        }
        Step::Finish { who, call } | Step::Cancel { who, call } => {
            model.processes[*who].calls.remove(*call);
            (*who, true)
        }
        other => unreachable!("{other:?} is of no call"),
    };
    model.processes[who].refresh();
    if ends && model.processes[who].cancelled && model.processes[who].calls.is_empty() {
        tree::end(model, who, Word::Failed);
    }
}
