//! What a process asks of itself: to end, or to become one of another image. Both happen when the outermost call that asked has ended and
//! its result is stored, so nothing is pulled away under a tool.

use super::calls::Place;
use super::images::{KnownImage, Restrictions};
use super::objects::Author;
use super::state::State;
use crate::model::answer::CallError;
use crate::model::decide::Default as WithoutGrant;
use crate::model::id::Pid;
use crate::model::purse::Coin;
use crate::model::record::{Decided, Outcome, Record};
use crate::model::resource::Resource;
use crate::model::row::{ExecRequest, ExitRequest, ProcessRow};
use crate::model::time::Time;
use std::sync::Arc;

impl State {
    /// Notes that a process is to end with this result once the call that asks has ended. A tool that was called by another one does not
    /// end the process under its caller.
    pub(crate) fn request_exit(&mut self, place: Place, result: String, object: Option<String>) {
        if let Some(process) = self.processes.get(&place.pid).cloned() {
            let exit_requested = Some(ExitRequest { call: self.outermost(place.call), result, object });
            self.put_process(ProcessRow { exit_requested, ..process });
        }
    }

    /// As [`State::request_exit`], with an object that is there.
    pub(crate) fn request_exit_with(&mut self, place: Place, name: &Resource) -> Result<(), CallError> {
        if self.object_version(place.pid, name).is_none() {
            return Err(CallError::NotFound(name.path().to_owned()));
        }
        let result = serde_json::json!({ "object": name.path() }).to_string();
        self.request_exit(place, result, Some(name.path().to_owned()));
        Ok(())
    }

    /// Notes that a process is to become one of another image once the call that asks has ended.
    pub(crate) fn request_exec(
        &mut self,
        place: Place,
        image: &Resource,
        goal: Option<String>,
    ) -> Result<(), CallError> {
        if !self.images.contains_key(image.path()) {
            return Err(CallError::NotFound(image.to_string()));
        }
        let process = self.processes.get(&place.pid).cloned().ok_or(CallError::Internal)?;
        let exec = ExecRequest { call: self.outermost(place.call), image: image.path().to_owned(), goal };
        self.put_process(ProcessRow { exec_requested: Some(exec), ..process });
        Ok(())
    }

    /// The object is paid for when it is made: who asks several times has one.
    fn make_goal_of_exec(&mut self, pid: Pid, text: &str, author: Author) -> Result<String, CallError> {
        let charged = self.charge(pid, &[(Coin::Objects, 1)]).map_err(|empty| CallError::TooLarge(empty.reason()))?;
        let made = self.make_goal(pid, text, author);
        if made.is_err() {
            self.give_back_charge(charged.as_ref());
        }
        made
    }

    /// The process keeps its number, its objects and its grants, and gets none of the new image's: its tools are the image's from now on.
    /// What the new image denies or asks for comes to what it has; what it did not have it does not get by that either.
    pub(super) fn become_image(&mut self, pid: Pid, exec: &ExecRequest, now: Time) {
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        let mut record = Record::new("process.become", now, Decided::Host, Outcome::Done);
        record.pid = Some(pid);
        record.call = Some(exec.call);
        let Some((image, restrictions)) = self.image_to_become(pid, exec, now) else {
            // Without the rules of the image it must not have its tools.
            record.detail =
                Some(format!("stays {}: {} is gone, or has more rules than fit", process.image, exec.image));
            self.note(record);
            self.put_process(ProcessRow { exec_requested: None, ..process });
            return;
        };
        record.detail = Some(format!("from image {} to {}", process.image, exec.image));
        let author = Author { pid, call: exec.call, now };
        let goal = match exec.goal.as_deref().map(|text| self.make_goal_of_exec(pid, text, author)) {
            Some(Ok(goal)) => Some(goal),
            Some(Err(error)) => {
                record.detail =
                    Some(format!("from image {} to {}, without its goal: {error}", process.image, exec.image));
                process.goal.clone()
            }
            None => process.goal.clone(),
        };
        self.note(record);
        self.restrict(pid, restrictions, now);
        // It may have paid.
        let Some(process) = self.processes.get(&pid).cloned() else { return };
        // A person is asked without a grant only where both images say so.
        let theirs = self.policy.defaults.get(&exec.image).copied().unwrap_or(WithoutGrant::Deny);
        let default = if theirs == process.default { theirs } else { WithoutGrant::Deny };
        let image_digest = Some(image.digest);
        self.put_process(ProcessRow {
            image: exec.image.clone(),
            image_digest,
            goal,
            default,
            exec_requested: None,
            ..process
        });
    }

    /// The image that a process becomes one of, and what that forbids it; none, if it cannot.
    fn image_to_become(&mut self, pid: Pid, exec: &ExecRequest, now: Time) -> Option<(Arc<KnownImage>, Restrictions)> {
        let image = self.take_image(&exec.image)?;
        let restrictions = self.restrictions_of(&image, pid, now);
        self.has_room_for_grants(pid, restrictions.len()).then_some((image, restrictions))
    }
}
