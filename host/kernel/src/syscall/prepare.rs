//! Looks outside before an effect: what is there now decides which rights are needed, what a person is shown, and how recovery can
//! tell whether the effect happened.

use super::primitive::call_error;
use super::programs;
use crate::kernel::{Attempt, Kernel, Permit, Prepared, command};
use crate::model::answer::CallError;
use crate::model::call::Call;
use crate::model::codec::to_bytes;
use crate::model::id::Digest;
use crate::model::name::check_new_segment;
use crate::model::program::Order;
use crate::model::resource::Resource;
use crate::model::row::{Before, Probe};
use crate::world::{Content, Found, World, WorldError};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What was seen.
pub enum Seen {
    /// What an effect must know, and what kind of things are at its names.
    Ready(Box<Prepared>, String),
    /// What kind of thing a look is about.
    Kind(String),
    /// Nobody is asked, so nobody must know.
    Nothing,
    /// The name with this number leads to another one.
    Link(usize, Resource),
    Failed(CallError),
}

/// What is known of an effect beforehand, if there is nothing outside to look at: then nobody can tell later whether it happened.
pub fn without_look(call: &Call) -> Option<Prepared> {
    let prepared =
        Prepared { probe: Probe::None, directory: false, present: [0; 32], content: false, trouble: None, order: None };
    matches!(call, Call::ModelAsk { .. }).then_some(prepared)
}

/// Looks at what an effect is about. The guest learns nothing of it but errors that the effect itself would have had.
///
/// If a person is to be asked, also about what would fail: who may not look is not to learn from an error what is there.
pub fn prepare(kernel: &Kernel, attempt: &Attempt, asks: bool) -> Seen {
    let error = match look(kernel, attempt, asks) {
        Ok((prepared, kind)) => {
            let hidden = asks && prepared.directory && !kernel.may_look(attempt);
            match hidden.then(|| kernel.refuses_directory(attempt)).flatten() {
                None => return Seen::Ready(Box::new(prepared), kind),
                Some(error) => error,
            }
        }
        Err(Trouble::World(WorldError::Link { index, to: Ok(name) }, _)) => return Seen::Link(index, name),
        Err(Trouble::World(error, index)) => call_error(&asked(attempt, index), error),
        Err(Trouble::Call(error)) => error,
    };
    if !asks || kernel.may_look(attempt) {
        return Seen::Failed(error);
    }
    let present = Sha256::digest(error.to_string()).into();
    let prepared =
        Prepared { probe: Probe::None, directory: false, present, content: true, trouble: Some(error), order: None };
    Seen::Ready(Box::new(prepared), "what would make it fail".into())
}

/// Where the name of a look at files leads and what is there, for a person who is asked: the question is about the name that will be
/// opened, as it is for an effect. So a call that is started again finds the answer to its question, whatever links are on the way.
pub fn leads_to(kernel: &Kernel, attempt: &Attempt) -> Seen {
    let follow = match &*attempt.call {
        Call::FsRead { .. } | Call::FsReadRange { .. } | Call::FsList { .. } | Call::FsChangeDirectory { .. } => true,
        Call::FsStat { .. } => false,
        _ => return Seen::Nothing,
    };
    let permit = Permit::of_kernel(attempt.names.clone());
    match kernel.world().fs_inspect(&permit, 0, follow, false) {
        Err(WorldError::Link { index, to: Ok(name) }) => Seen::Link(index, name),
        Ok(found) => Seen::Kind(kind_of(&found).into()),
        Err(_) => Seen::Kind("what would make it fail".into()),
    }
}

fn kind_of(found: &Found) -> &'static str {
    match found.before {
        Before::Absent => "nothing",
        Before::Present { directory: true, .. } => "a directory",
        Before::Present { .. } => "a file",
    }
}

/// Why an effect may not start after all: between the decision and now something took another form, or what a person approved is no longer
/// what is there.
pub fn changed_since(kernel: &Kernel, permit: &Permit, attempt: &Attempt) -> Option<CallError> {
    let before = attempt.prepared.as_ref()?;
    changed(permit, attempt, before, &look(kernel, attempt, before.content))
}

fn changed(permit: &Permit, attempt: &Attempt, before: &Prepared, now: &Look) -> Option<CallError> {
    match now {
        Ok((now, _)) if now.directory && before.trouble.is_some() => before.trouble.clone(),
        Ok((now, _))
            if before.trouble.is_some()
                || now.directory != before.directory
                || (permit.is_approved() && now.present != before.present) =>
        {
            Some(CallError::Io(format!("{}: what is there changed meanwhile", asked(attempt, 0))))
        }
        Ok(_) => None,
        Err(Trouble::World(error, index)) => Some(call_error(&asked(attempt, *index), error.clone())),
        Err(Trouble::Call(error)) => Some(error.clone()),
    }
}

/// What a program gets, as it stands now; the same that a person approved, if one did.
pub fn look_again(kernel: &Kernel, permit: &Permit, attempt: &Attempt) -> Result<Arc<Order>, CallError> {
    let now = look(kernel, attempt, true);
    if let Some(error) = attempt.prepared.as_ref().and_then(|before| changed(permit, attempt, before, &now)) {
        return Err(error);
    }
    let order = now.ok().and_then(|(now, _)| now.order);
    order.ok_or_else(|| CallError::Io(format!("{}: what it would get changed meanwhile", asked(attempt, 0))))
}

/// A name as it was asked for.
fn asked(attempt: &Attempt, index: usize) -> String {
    attempt.asked.get(index).map_or_else(String::new, ToString::to_string)
}

/// Why a look failed.
pub(super) enum Trouble {
    /// With the number of the name.
    World(WorldError, usize),
    Call(CallError),
}

/// What is there, and what kind of thing it is.
type Look = Result<(Prepared, String), Trouble>;

fn look(kernel: &Kernel, attempt: &Attempt, content: bool) -> Look {
    match command(&attempt.call) {
        Some(command) => programs::look(kernel, attempt, command).map(|prepared| (prepared, "a program".into())),
        None => look_at_files(kernel, attempt, content),
    }
}

fn look_at_files(kernel: &Kernel, attempt: &Attempt, content: bool) -> Result<(Prepared, String), Trouble> {
    let names = &attempt.names;
    let permit = Permit::of_kernel(names.clone());
    let world = kernel.world();
    let inspect = |index: usize, follow: bool| {
        world.fs_inspect(&permit, index, follow, content).map_err(|error| Trouble::World(error, index))
    };
    let digest = |bytes: &[u8]| -> Digest { Sha256::digest(bytes).into() };
    let (first, probe, second) = match &*attempt.call {
        Call::FsWrite { content, .. } => {
            let found = inspect(0, true)?;
            check_new(&found, &names[0])?;
            let size = content.len() as u64;
            let probe = Probe::Write { target: names[0].clone(), before: found.before, after: digest(content), size };
            (found, probe, None)
        }
        Call::FsAppend { content, .. } => {
            let found = inspect(0, true)?;
            check_new(&found, &names[0])?;
            let size = content.len() as u64;
            let probe = Probe::Append { target: names[0].clone(), before: found.before, tail: digest(content), size };
            (found, probe, None)
        }
        Call::FsMakeDir { .. } => {
            let found = inspect(0, false)?;
            check_new(&found, &names[0])?;
            let probe = Probe::MakeDir { target: names[0].clone(), before: found.before };
            (found, probe, None)
        }
        Call::FsRemove { .. } => {
            let found = inspect(0, false)?;
            let probe = Probe::Remove { target: names[0].clone(), before: found.before };
            (found, probe, None)
        }
        Call::FsRename { .. } => {
            let (found, new) = (inspect(0, false)?, inspect(1, false)?);
            check_new(&new, &names[1])?;
            let probe = Probe::Rename {
                old: names[0].clone(),
                new: names[1].clone(),
                before: found.before,
                before_new: new.before,
            };
            (found, probe, Some(new))
        }
        Call::FsCopy { .. } => {
            let (source, target) = (inspect(0, true)?, inspect(1, true)?);
            check_new(&target, &names[1])?;
            let probe = probe_of_copy(world, &permit, target.before)?;
            (source, probe, Some(target))
        }
        _ => return Err(Trouble::Call(CallError::Internal)),
    };
    let directory = matches!(first.before, Before::Present { directory: true, .. });
    let mut present = Sha256::new();
    for found in [Some(&first), second.as_ref()].into_iter().flatten() {
        // A file that was saved again with the same bytes is the same for an approval: content counts, not identity.
        match (&found.content, found.before) {
            (Some(content), _) => present.update(content),
            (None, Before::Absent) => present.update(b"absent"),
            (None, before @ Before::Present { .. }) => present.update(to_bytes(&before)),
        }
    }
    let kinds: Vec<&str> = [Some(&first), second.as_ref()].into_iter().flatten().map(kind_of).collect();
    let prepared =
        Prepared { probe, directory, present: present.finalize().into(), content, trouble: None, order: None };
    Ok((prepared, kinds.join(", ")))
}

/// The source is read for its digest: what will be copied must be known before it is.
fn probe_of_copy(world: &dyn World, permit: &Permit, before: Before) -> Result<Probe, Trouble> {
    let source_failed = |error| Trouble::World(error, 0);
    let bytes = match world.fs_read(permit, None).map_err(source_failed)? {
        Content::Whole(bytes) => bytes,
        Content::Later(rest) => rest().map_err(source_failed)?,
    };
    let (after, size) = (Sha256::digest(&bytes).into(), bytes.len() as u64);
    Ok(Probe::Write { target: permit.resource(1).clone(), before, after, size })
}

fn check_new(found: &Found, name: &Resource) -> Result<(), Trouble> {
    if found.before != Before::Absent {
        return Ok(());
    }
    let last = name.path().rsplit('/').next().unwrap_or_default();
    check_new_segment(last).map_err(|why| Trouble::Call(CallError::Invalid(why)))
}
