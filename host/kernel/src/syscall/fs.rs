//! Files: the primitives of interface `fs`. Names come from the permit.

use super::primitive::{Performed, Step, failed};
use crate::kernel::{Attempt, Kernel, Permit, Prepared, temporary_name};
use crate::model::answer::CallError;
use crate::model::call::{Call, Reply, WriteMode};
use crate::model::id::Digest;
use crate::model::row::{Before, Probe};
use crate::world::{Content, Range, World, WorldError};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

pub fn read(kernel: &Arc<Kernel>, permit: Permit, call: &Call) -> Step {
    let range = match call {
        Call::FsReadRange { offset, length, .. } => Some(Range { offset: *offset, length: *length }),
        _ => None,
    };
    match kernel.world().fs_read(&permit, range) {
        Ok(Content::Whole(bytes)) => Step::Over(close(kernel, permit, Ok(Reply::Bytes(bytes)))),
        Ok(Content::Later(rest)) => {
            let kernel = Arc::clone(kernel);
            Step::Blocking(Box::new(move || close(&kernel, permit, rest().map(Reply::Bytes))))
        }
        Err(error) => Step::Over(close(kernel, permit, Err(error))),
    }
}

pub fn list(kernel: &Arc<Kernel>, permit: Permit) -> Performed {
    let listed = kernel.world().fs_list(&permit).map(Reply::Entries);
    close(kernel, permit, listed)
}

pub fn stat(kernel: &Arc<Kernel>, permit: Permit) -> Performed {
    let stat = kernel.world().fs_stat(&permit).map(Reply::Stat);
    close(kernel, permit, stat)
}

pub fn change_directory(kernel: &Arc<Kernel>, permit: Permit) -> Performed {
    let directory = permit.resource(0).clone();
    match directory_at(kernel, &permit, 0) {
        Err(WorldError::Link { index, to: Ok(name) }) => {
            kernel.give_back(permit);
            Performed::Link(index, name)
        }
        other => {
            let result = other.map_err(|error| failed(&permit, error));
            Performed::Answer(kernel.close(permit, result, |state, place, reply| {
                state.change_directory(*place, directory);
                Ok(reply)
            }))
        }
    }
}

/// Whether there is a directory at a name.
pub fn directory_at(kernel: &Kernel, permit: &Permit, index: usize) -> Result<Reply, WorldError> {
    match kernel.world().fs_inspect(permit, index, true, false)?.before {
        Before::Absent => Err(WorldError::NotFound),
        Before::Present { directory: true, .. } => Ok(Reply::Unit),
        Before::Present { .. } => Err(WorldError::WrongKind("not a directory".into())),
    }
}

/// A change of the outside.
pub fn effect(kernel: &Kernel, permit: &Permit, attempt: &Attempt) -> Result<Reply, CallError> {
    let world: &dyn World = kernel.world();
    let temporary = permit.effect().map(temporary_name).unwrap_or_default();
    let done = match &*attempt.call {
        Call::FsWrite { content, mode, .. } => world.fs_write(permit, content, *mode, &temporary),
        Call::FsAppend { content, .. } => world.fs_append(permit, content),
        Call::FsMakeDir { .. } => world.fs_make_dir(permit),
        Call::FsRemove { recursive, .. } => world.fs_remove(permit, *recursive),
        Call::FsRename { replace, .. } => world.fs_rename(permit, *replace),
        Call::FsCopy { replace, .. } => copy(world, permit, attempt, *replace, &temporary),
        other => return Err(CallError::Invalid(format!("{} is no effect on files", other.operation()))),
    };
    done.map(|()| Reply::Unit).map_err(|error| failed(permit, error))
}

/// Reads the first name and writes the second, as one effect.
fn copy(
    world: &dyn World,
    permit: &Permit,
    attempt: &Attempt,
    replace: bool,
    temporary: &str,
) -> Result<(), WorldError> {
    let content = match world.fs_read(permit, None)? {
        Content::Whole(bytes) => bytes,
        Content::Later(rest) => rest()?,
    };
    // What is written is what was decided on, and what recovery looks for.
    if let Some(Prepared { probe: Probe::Write { after, .. }, .. }) = &attempt.prepared {
        let have: Digest = Sha256::digest(&content).into();
        if have != *after {
            return Err(WorldError::Changed("the source changed meanwhile".into()));
        }
    }
    let mode = if replace { WriteMode::CreateOrReplace } else { WriteMode::CreateNew };
    world.fs_write(&permit.of_second(), &content, mode, temporary)
}

fn close(kernel: &Arc<Kernel>, permit: Permit, result: Result<Reply, WorldError>) -> Performed {
    match result {
        Err(WorldError::Link { index, to: Ok(name) }) => {
            kernel.give_back(permit);
            Performed::Link(index, name)
        }
        other => {
            let result = other.map_err(|error| failed(&permit, error));
            match kernel.close_read(permit, result) {
                Ok(answer) => Performed::Answer(answer),
                Err(stop) => Performed::Stopped(stop),
            }
        }
    }
}
