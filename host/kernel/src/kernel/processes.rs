//! Processes: made by a person from an image, with the grants that the image's templates give.

use super::Kernel;
use super::calls::Place;
use super::host::HostError;
use super::state::{LiveCall, State};
use crate::model::call::Identity;
use crate::model::decide::Default as WithoutGrant;
use crate::model::given::Given;
use crate::model::grant::{Effect, Grant, Holder, Issuer};
use crate::model::id::{CallId, Digest, GrantId, Pid};
use crate::model::image::ALL_IMAGES;
use crate::model::planner::PlannerRow;
use crate::model::process::Change;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::{Kind, Pattern, Resource};
use crate::model::right::{Right, Rights};
use crate::model::row::{CallRow, CallState, ProcessRow};
use crate::model::time::Time;
use crate::store::table::{self, Table};
use std::collections::HashMap;

/// The mount that processes start in.
pub const FIRST_MOUNT: &str = "workspace";

/// A process's own namespace.
pub fn own_namespace(pid: Pid) -> String {
    format!("process/{}", pid.0)
}

impl Kernel {
    /// Makes a process from an image, as a person: its templates become grants. `for_one_call`: it ends with its call.
    ///
    /// # Errors
    /// There is no such image, or the host has stopped.
    pub fn new_process(&self, image: &str, for_one_call: bool) -> Result<Pid, HostError> {
        let now = self.now();
        self.lock().new_root(image, for_one_call, &Given::default(), now)
    }
}

impl State {
    /// A process that nobody made but a person.
    pub(super) fn new_root(
        &mut self,
        image: &str,
        for_one_call: bool,
        given: &Given,
        now: Time,
    ) -> Result<Pid, HostError> {
        self.check_alive()?;
        self.check_space()?;
        let Some(known) = self.take_image(image) else {
            return Err(HostError::Usage(format!("there is no image '{image}'; `libos image list` shows them")));
        };
        let pid = self.new_pid();
        let default = self.policy.defaults.get(image).copied().unwrap_or(WithoutGrant::Deny);
        let working_directory = Resource::new(Kind::Fs, FIRST_MOUNT);
        let row = ProcessRow::new(pid, None, image.to_owned(), working_directory, now);
        let purse = self.purse_at_start(image, given);
        self.put_process(ProcessRow { default, for_one_call, purse, image_digest: Some(known.digest), ..row });
        let count = self.derive_templates(image, pid, now);
        // Before the rules of the image, which are to restrict this too.
        self.give_at_start(pid, given, now);
        if let Some(memory) = known.memory.clone() {
            self.set_view(pid, memory.clone());
            self.take_restrictions_left(pid, &memory, now)?;
        }
        self.grant_own_namespace(pid, now);
        self.restrict_as(&known, pid, now);
        let mut record = Record::new("process.new", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.detail = Some(format!("from image {image}, with {count} grants of it"));
        self.note(record);
        Ok(pid)
    }

    /// Refuses work when the host has stopped.
    pub(super) fn check_alive(&self) -> Result<(), HostError> {
        match &self.failed {
            Some(why) => Err(HostError::Stopped(why.clone())),
            None => Ok(()),
        }
    }

    /// Each line of an image, and of all images, becomes a grant of the process, as a child of the line.
    fn derive_templates(&mut self, image: &str, pid: Pid, now: Time) -> usize {
        let holders = [Holder::Image(image.into()), Holder::Image(ALL_IMAGES.into())];
        let lines = holders.iter().flat_map(|holder| self.grants.of(holder));
        let lines: Vec<Grant> = lines.filter(|line| self.grants.in_force(line.id, now).is_some()).cloned().collect();
        let mut children: HashMap<GrantId, GrantId> = HashMap::new();
        // Asks come first, so that the allows that name them can name their children.
        let (asks, others): (Vec<Grant>, Vec<Grant>) = lines.into_iter().partition(|line| line.effect == Effect::Ask);
        let count = asks.len() + others.len();
        for line in asks.into_iter().chain(others) {
            let id = self.new_grant();
            children.insert(line.id, id);
            self.put_grant(Grant {
                id,
                holder: Holder::Process(pid),
                uses_left: None,
                parent: Some(line.id),
                answers: line.answers.and_then(|ask| children.get(&ask).copied()),
                created: now,
                ..line
            });
        }
        count
    }

    pub(super) fn grant_own_namespace(&mut self, pid: Pid, now: Time) {
        let id = self.new_grant();
        let own = Resource::new(Kind::Object, own_namespace(pid));
        // A namespace of digits has no wildcard.
        let Some(pattern) = Pattern::below(&own) else { return };
        self.put_grant(Grant {
            id,
            holder: Holder::Process(pid),
            pattern,
            rights: Rights::of(&[Right::Read, Right::List, Right::Write, Right::Delete, Right::Link]),
            effect: Effect::Allow,
            uses_left: None,
            not_after: None,
            only_tool: None,
            answers: None,
            parent: None,
            issuer: Issuer::Runtime,
            revoked: false,
            created: now,
            moved: false,
        });
    }

    /// Who a call is.
    pub(crate) fn identity(&self, place: Place) -> Option<Identity> {
        let process = self.processes.get(&place.pid)?;
        let live = self.calls.get(&place.call)?;
        Some(Identity {
            pid: place.pid,
            parent: process.parent,
            image: process.image.clone(),
            call: place.call,
            tool: live.row.tool.clone(),
        })
    }

    /// Keeps the text by which the planner of a process chooses. It begins at its start.
    pub(super) fn set_plan(&mut self, pid: Pid, text: &str, command: Option<Digest>) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        self.put_bytes(Table::Plan, table::number(pid.0), text.as_bytes().to_vec());
        self.put_process(ProcessRow { planner: Some(PlannerRow { step: 0, command, given: None }), ..process });
        if command.is_none() {
            // Whoever spawned it runs, so it is to run as well.
            self.drive_spawned(pid);
        }
    }

    pub(super) fn set_directory(&mut self, pid: Pid, directory: Resource) {
        if let Some(process) = self.processes.get(&pid).cloned() {
            self.put_process(ProcessRow { working_directory: directory, ..process });
        }
    }

    /// A new call. `resident`: its instance is in memory.
    pub(super) fn insert_call(&mut self, row: CallRow, arguments: &str, resident: bool) {
        self.put(Table::Call, table::live(row.id.0), &row);
        self.put_bytes(Table::CallText, table::arguments(row.id), arguments.as_bytes().to_vec());
        self.calls_of.insert((row.pid, row.id));
        self.calls.insert(row.id, LiveCall::new(row, resident));
    }

    pub(super) fn live_calls(&self, pid: Pid) -> impl Iterator<Item = CallId> {
        self.calls_of.range((pid, CallId(0))..=(pid, CallId(u64::MAX))).map(|(_, call)| *call)
    }

    /// Sets a process's state from that of its calls.
    pub(super) fn refresh_process(&mut self, pid: Pid) {
        let Some(process) = self.processes.get(&pid) else { return };
        let mut calls = self.live_calls(pid).peekable();
        let waits = |call: CallId| self.calls.get(&call).is_some_and(|live| live.row.state == CallState::Waiting);
        let change = if calls.peek().is_none() {
            Change::NoCallsLeft
        } else if calls.all(waits) {
            Change::AllCallsWait
        } else {
            Change::CallStarted
        };
        drop(calls);
        let before = process.state.clone();
        if let Ok(after) = before.clone().after(change)
            && after != before
        {
            let process = ProcessRow { state: after, ..process.clone() };
            self.put_process(process);
            self.hold_halted(pid);
        }
    }
}
