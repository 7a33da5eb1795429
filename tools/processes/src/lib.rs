//! The standard tools for processes: making children, waiting for them, telling them what to do, and ending or changing oneself.

mod options;

use libos::Failure;
use libos::object::{self, Resolution};
use libos::process::{self, End, EndedChild, SignalKind, ViewMode};
use options::{Grant, Purse, Urgency, child, result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;

/// Ten years of 365 days: the longest that the host waits.
const WAIT_SECONDS_MAX: f64 = 315_360_000.0;

/// A child that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    /// For example `p8`.
    child_pid: String,
    parent_pid: String,
    image: String,
    /// Lines of grants that it was handed.
    grants: usize,
}

/// How a child sees the objects of its parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As they are now; it cannot change them.
    #[default]
    ReadOnly,
    /// As they are now; what it changes is its own.
    CopyOnWrite,
    /// As they are whenever it looks; it cannot change them.
    Worker,
}

/// What a child is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// It does nothing until it is resumed; nothing is lost.
    Pause,
    /// It goes on.
    Resume,
    /// What it sleeps or waits for ends with an error.
    Interrupt,
    /// It ends as failed when its present calls have ended.
    Cancel,
    /// It ends at once.
    Kill,
}

/// What a wait found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Waited {
    /// False if none has ended in time.
    ready: bool,
    child_pid: Option<String>,
    /// `exited`, `failed` or `killed`.
    status: Option<String>,
    /// What it exited with.
    result: Option<Value>,
    /// The object that it ended with, in full.
    result_object: Option<String>,
    /// Why it failed, or who ended it.
    message: Option<String>,
}

/// A child.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Child {
    child_pid: String,
    /// `ready`, `running`, `waiting`, `paused`, `exited`, `failed` or `killed`.
    status: String,
    message: Option<String>,
    image: String,
    /// Name of the object that says what it is for.
    goal: Option<String>,
}

/// The children.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listing {
    children: Vec<Child>,
}

/// How a child stands after a signal.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Signalled {
    child_pid: String,
    signal: Signal,
    status: String,
}

/// What becomes of the process when this call has ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Becomes {
    /// `exits`, or `executes`.
    status: &'static str,
    image: Option<String>,
    result_object: Option<String>,
}

/// What is done about names that both have changed since the fork.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conflicts {
    /// They are only listed.
    #[default]
    Report,
    /// This process's stay.
    Ours,
    /// The child's take their place.
    Theirs,
    /// The child's are put beside them, as `<name>.p<child>`.
    Beside,
}

/// What was merged.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Merged {
    child_pid: String,
    /// Names that were made or changed.
    merged: Vec<String>,
    deleted: Vec<String>,
    /// Names that both have changed and that were left alone.
    conflicts: Vec<String>,
}

/// A child that has another parent now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HandedOver {
    child_pid: String,
}

fn made(child_pid: String, image: Option<String>, grants: usize) -> Made {
    let me = process::identity();
    Made { child_pid, parent_pid: me.pid, image: image.unwrap_or(me.image), grants }
}

fn waited(child: Option<EndedChild>) -> Waited {
    let Some(EndedChild { pid, how, result_object }) = child else {
        return Waited {
            ready: false,
            child_pid: None,
            status: None,
            result: None,
            result_object: None,
            message: None,
        };
    };
    let (status, result, message) = match how {
        End::Exited(text) => ("exited", Some(result(&text)), None),
        End::Failed(why) => ("failed", None, Some(why)),
        End::Killed(by) => ("killed", None, Some(by)),
    };
    Waited { ready: true, child_pid: Some(pid), status: Some(status.into()), result, result_object, message }
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Starts a child process with a fresh memory. It may do only what it is handed here, and it ends when this process ends.
    #[needs(
        "spawn,signal,wait,message process:**",
        "read,list,write,delete fs:**",
        "read,list,write,delete,link object:**",
        "ask,tell human:**",
        "call tool:**",
        "use image:**",
        "sleep clock:**",
        "execute shell:**",
        "read,write http:**",
        "use model:**",
        "call mcp:**"
    )]
    pub fn spawn_child_process(
        /// What it is for; at most 64 KiB.
        goal: String,
        /// Its image; this process's own if left out.
        image: Option<String>,
        /// What it is handed of this process's grants; nothing if left out.
        grants: Option<Vec<Grant>>,
        /// A budget of its own, taken from this process's; it spends from this process's if left out.
        budget: Option<Purse>,
        /// The directory that it works in; this process's if left out.
        working_directory: Option<String>,
        /// This process's if left out, and never above it.
        priority: Option<Urgency>,
        /// The script by which it chooses: one JSON object a line, `{"tool": NAME, "args": {...}}`.
        planner: Option<String>,
    ) -> libos::Result<Made> {
        let grants = grants.unwrap_or_default();
        let count = grants.len();
        let child = child(goal, image.clone(), grants, budget, working_directory, priority, planner)?;
        Ok(made(process::spawn(&child)?, image, count))
    }

    /// Starts a child process that sees this process's objects. It may do only what it is handed here, and it ends when this process
    /// ends.
    #[needs(
        "spawn,signal,wait,message process:**",
        "read,list,write,delete fs:**",
        "read,list,write,delete,link object:**",
        "ask,tell human:**",
        "call tool:**",
        "use image:**",
        "sleep clock:**",
        "execute shell:**",
        "read,write http:**",
        "use model:**",
        "call mcp:**"
    )]
    pub fn fork_child_process(
        /// What it is for; at most 64 KiB.
        goal: String,
        /// How it sees the objects; `read-only` if left out.
        mode: Option<Mode>,
        /// The names that it sees, each with all below it; all of this process's if left out.
        roots: Option<Vec<String>>,
        /// Its image; this process's own if left out.
        image: Option<String>,
        /// What it is handed of this process's grants; nothing if left out.
        grants: Option<Vec<Grant>>,
        /// A budget of its own, taken from this process's; it spends from this process's if left out.
        budget: Option<Purse>,
        /// The directory that it works in; this process's if left out.
        working_directory: Option<String>,
        /// This process's if left out, and never above it.
        priority: Option<Urgency>,
        /// The script by which it chooses: one JSON object a line, `{"tool": NAME, "args": {...}}`.
        planner: Option<String>,
    ) -> libos::Result<Made> {
        let mode = match mode.unwrap_or_default() {
            Mode::ReadOnly => ViewMode::ReadOnly,
            Mode::CopyOnWrite => ViewMode::CopyOnWrite,
            Mode::Worker => ViewMode::Worker,
        };
        let grants = grants.unwrap_or_default();
        let count = grants.len();
        let child = child(goal, image.clone(), grants, budget, working_directory, priority, planner)?;
        Ok(made(process::fork(&child, mode, roots.as_deref())?, image, count))
    }

    /// Waits until a child process has ended, and says how.
    #[needs("wait process:pid/*")]
    pub fn wait_child_process(
        /// The child, for example `p8`; any child if left out.
        child_pid: Option<String>,
        /// False only looks and answers at once; true if left out.
        block: Option<bool>,
        /// Most seconds to wait; until the end if left out.
        timeout_s: Option<f64>,
    ) -> libos::Result<Waited> {
        let timeout = match (block.unwrap_or(true), timeout_s) {
            (false, _) => Some(Duration::ZERO),
            (true, None) => None,
            (true, Some(seconds)) if (0.0..=WAIT_SECONDS_MAX).contains(&seconds) => {
                Some(Duration::from_secs_f64(seconds))
            }
            (true, Some(seconds)) => {
                return Err(Failure::invalid_arguments(format_args!(
                    "timeout_s is {seconds}; it must be 0 to {WAIT_SECONDS_MAX}"
                )));
            }
        };
        let pids: Vec<String> = child_pid.into_iter().collect();
        Ok(waited(process::wait(&pids, timeout)?))
    }

    /// Lists the child processes that live, and those that have ended and were not waited for.
    #[needs()]
    pub fn list_child_processes(
        /// Whether those that have ended are listed too; true if left out.
        include_terminal: Option<bool>,
    ) -> libos::Result<Listing> {
        let all = include_terminal.unwrap_or(true);
        let ended = |status: &str| ["exited", "failed", "killed"].contains(&status);
        let children = process::children().into_iter().filter(|child| all || !ended(&child.state));
        let children = children.map(|child| Child {
            child_pid: child.pid,
            status: child.state,
            message: child.why,
            image: child.image,
            goal: child.goal,
        });
        Ok(Listing { children: children.collect() })
    }

    /// Pauses, resumes, interrupts, cancels or kills a child process.
    #[needs("signal process:pid/*")]
    pub fn signal_child_process(
        /// The child, for example `p8`.
        child_pid: String,
        /// What it is told.
        signal: Signal,
        /// Why; at most 1024 bytes.
        reason: Option<String>,
    ) -> libos::Result<Signalled> {
        let kind = match signal {
            Signal::Pause => SignalKind::Pause,
            Signal::Resume => SignalKind::Resume,
            Signal::Interrupt => SignalKind::Interrupt,
            Signal::Cancel => SignalKind::Cancel,
            Signal::Kill => SignalKind::Kill,
        };
        let status = process::signal(&child_pid, kind, &reason.unwrap_or_default())?;
        Ok(Signalled { child_pid, signal, status })
    }

    /// Turns this process into one of another image when this call has ended. It keeps its memory and its grants, gets none of the
    /// image's, and has the image's tools.
    #[needs("use image:*")]
    pub fn exec_process(
        /// The image.
        image: String,
        /// What the process is for from then on; as before if left out.
        goal: Option<String>,
    ) -> libos::Result<Becomes> {
        process::exec(&image, goal.as_deref())?;
        Ok(Becomes { status: "executes", image: Some(image), result_object: None })
    }

    /// Ends this process when this call has ended, with a result: any JSON, or an object of memory, which then stays.
    #[needs("read object:**")]
    pub fn process_exit(
        /// Any JSON, at most 64 KiB.
        payload: Option<Box<RawValue>>,
        /// Name of an object that this process may read.
        result_object: Option<String>,
    ) -> libos::Result<Becomes> {
        match (&payload, &result_object) {
            (Some(_), Some(_)) => {
                return Err(Failure::invalid_arguments("a process ends with payload or with result_object, not both"));
            }
            (_, Some(name)) => process::exit_with(name)?,
            (payload, None) => process::exit(payload)?,
        }
        Ok(Becomes { status: "exits", image: None, result_object })
    }

    /// Brings what a forked child process has made, changed and deleted in its memory into this process's own.
    #[needs("wait process:pid/*", "write,delete object:**")]
    pub fn merge_child_memory(
        /// The child, for example `p8`; it may live or have ended.
        child_pid: String,
        /// What is done about names that both have changed; `report` if left out.
        conflicts: Option<Conflicts>,
    ) -> libos::Result<Merged> {
        let resolution = match conflicts.unwrap_or_default() {
            Conflicts::Report => Resolution::Report,
            Conflicts::Ours => Resolution::Ours,
            Conflicts::Theirs => Resolution::Theirs,
            Conflicts::Beside => Resolution::Beside,
        };
        let done = object::merge(&child_pid, resolution)?;
        let conflicts = done.conflicts.into_iter().map(|conflict| conflict.name).collect();
        Ok(Merged { child_pid, merged: done.merged, deleted: done.deleted, conflicts })
    }

    /// Hands a child process over to this process's own parent, so that it does not end with this one.
    #[needs("signal process:pid/*")]
    pub fn hand_over_child_process(
        /// The child, for example `p8`.
        child_pid: String,
    ) -> libos::Result<HandedOver> {
        process::hand_over(&child_pid)?;
        Ok(HandedOver { child_pid })
    }
}
