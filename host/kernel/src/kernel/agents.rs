//! Processes that a person starts with a goal, and how they stand: what somebody who waits for one must know.

use super::Kernel;
use super::host::HostError;
use super::objects::Author;
use super::rules::Changed;
use super::state::State;
use crate::model::given::Given;
use crate::model::id::{CallId, Digest, Pid, QuestionId};
use crate::model::limit;
use crate::model::planner::Plan;
use crate::model::process::State as ProcessState;
use crate::model::row::{ProcessRow, Wait};
use crate::model::time::Time;
use sha2::{Digest as _, Sha256};

/// A process that a person starts.
#[derive(Debug, Clone, Copy)]
pub struct NewAgent<'a> {
    pub image: &'a str,
    /// What it is for; it can read that in its object `goal`.
    pub goal: &'a str,
    /// How it chooses: the text of a [`Plan`]. None: as its image says.
    pub planner: Option<&'a str>,
    /// Make another one, also if one that the same command made still lives.
    pub new: bool,
}

/// The process of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub pid: Pid,
    /// The same command made it before, and it had not ended.
    pub was_there: bool,
}

/// How a process and all below it stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The process has ended.
    pub is_over: bool,
    /// Something of it runs or is about to.
    pub runs: bool,
    /// The next moment that one of its calls waits for.
    pub until: Option<Time>,
    /// What persons are asked, in the order of the questions.
    pub questions: Vec<QuestionId>,
    /// Processes that are held.
    pub paused: Vec<Pid>,
}

impl Progress {
    /// Whether it goes no further by itself: it is over, or waits for somebody.
    pub fn is_settled(&self) -> bool {
        self.is_over || !self.runs && self.until.is_none()
    }
}

impl NewAgent<'_> {
    /// The same for the same command.
    fn digest(&self) -> Digest {
        let mut hash = Sha256::new_with_prefix(b"libos run");
        for part in [Some(self.image), Some(self.goal), self.planner] {
            // Each part says how long it is, so that none goes over into the next.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hash.update(length.to_be_bytes());
            hash.update(part.unwrap_or_default());
        }
        hash.finalize().into()
    }
}

impl Kernel {
    /// Makes a process with a goal, as a person; or finds the one that the same command made before, if it still lives.
    ///
    /// # Errors
    /// There is no such image, the goal is too long, the planner's text is none, or the host has stopped.
    pub fn new_agent(&self, new: NewAgent<'_>) -> Result<Changed<Planned>, HostError> {
        self.new_agent_given(new, &Given::default())
    }

    /// As [`Kernel::new_agent`], with lines of authority and a budget of its own. They are part of what makes the same command.
    ///
    /// # Errors
    /// As there; or the same command made a process before that still lives, and gave it something else.
    pub fn new_agent_given(&self, new: NewAgent<'_>, given: &Given) -> Result<Changed<Planned>, HostError> {
        if new.goal.len() > limit::GOAL_BYTES_MAX {
            let most = limit::GOAL_BYTES_MAX;
            return Err(HostError::Usage(format!("the goal has {} bytes, at most {most}", new.goal.len())));
        }
        if let Some(text) = new.planner {
            Plan::parse(text).map_err(|error| HostError::Usage(error.to_string()))?;
        }
        super::given::check(given)?;
        let (now, command) = (self.now(), new.digest());
        let mut state = self.lock();
        state.check_alive()?;
        if let Some(pid) = state.made_by(&command).filter(|_| !new.new) {
            state.check_given(pid, given)?;
            return Ok(Changed { what: Planned { pid, was_there: true }, durable: state.mark() });
        }
        let pid = state.new_root(new.image, false, given, now)?;
        let author = Author { pid, call: CallId::default(), now };
        let goal = state.make_goal(pid, new.goal, author);
        let goal = goal.map_err(|error| HostError::Usage(format!("its goal cannot be kept: {error}")))?;
        if let Some(process) = state.processes.get(&pid).cloned() {
            state.put_process(ProcessRow { goal: Some(goal), ..process });
        }
        if let Some(text) = new.planner.map(str::to_owned).or_else(|| state.plan_of_image(pid)) {
            state.set_plan(pid, &text, Some(command));
        }
        state.note_given(pid, given);
        Ok(Changed { what: Planned { pid, was_there: false }, durable: state.mark() })
    }

    /// How a process and all below it stand at this moment.
    pub fn progress(&self, root: Pid) -> Progress {
        let state = self.lock();
        let mut progress = Progress {
            is_over: !state.processes.contains_key(&root),
            runs: false,
            until: None,
            questions: Vec::new(),
            paused: Vec::new(),
        };
        for pid in state.tree(root) {
            state.add_progress(pid, &mut progress);
        }
        progress.questions.sort_unstable();
        progress.questions.dedup();
        progress
    }

    /// Whether anything that goes on by itself runs, is about to, or sleeps.
    pub fn is_busy(&self) -> bool {
        let state = self.lock();
        let roots: Vec<Pid> = state.processes.keys().copied().filter(|pid| state.is_driven(*pid)).collect();
        roots.into_iter().any(|pid| {
            let mut progress =
                Progress { is_over: false, runs: false, until: None, questions: Vec::new(), paused: Vec::new() };
            state.add_progress(pid, &mut progress);
            progress.runs || progress.until.is_some()
        })
    }
}

impl State {
    /// The live process that a command made; the newest, if that are several.
    fn made_by(&self, command: &Digest) -> Option<Pid> {
        let is_its = |process: &&ProcessRow| {
            process.planner.as_ref().is_some_and(|planner| planner.command.as_ref() == Some(command))
        };
        self.processes.values().filter(is_its).map(|process| process.pid).max()
    }

    fn add_progress(&self, pid: Pid, progress: &mut Progress) {
        let Some(process) = self.processes.get(&pid) else { return };
        if matches!(process.state, ProcessState::Paused(_)) {
            progress.paused.push(pid);
            return;
        }
        progress.runs |= self.may_have_turn(process);
        for call in self.live_calls(pid) {
            let Some(live) = self.calls.get(&call) else { continue };
            progress.runs |= live.goes_on();
            for (_, wait) in self.waits.range((call, 0)..=(call, u32::MAX)) {
                if let Some(until) = wait.kind.until() {
                    progress.until = Some(progress.until.map_or(until, |other| other.min(until)));
                }
                // What another call waits for is looked at where it is.
                match wait.kind {
                    Wait::Question(question) => progress.questions.push(question),
                    // The host itself ends it.
                    Wait::Validation(_) => progress.runs = true,
                    _ => {}
                }
            }
        }
    }
}
