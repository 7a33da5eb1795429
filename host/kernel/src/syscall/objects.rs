//! Object memory beyond one name: moving, linking, looking for, merging.

use crate::kernel::{Author, Place, State, process_of};
use crate::model::answer::CallError;
use crate::model::call::{Call, Reply};
use crate::model::resource::Resource;

/// Whether a call is of these.
pub fn is_one(call: &Call) -> bool {
    matches!(
        call,
        Call::ObjectRename { .. }
            | Call::ObjectLink { .. }
            | Call::ObjectUnlink { .. }
            | Call::ObjectLinks { .. }
            | Call::ObjectQuery { .. }
            | Call::ObjectMerge { .. }
    )
}

/// Carries one out.
pub fn perform(
    state: &mut State,
    place: Place,
    call: &Call,
    names: &[Resource],
    author: Author,
) -> Result<Reply, CallError> {
    match (call, names) {
        (Call::ObjectRename { expected_version, .. }, [old, new]) => {
            state.object_rename(old, new, *expected_version, author).map(Reply::Info)
        }
        (Call::ObjectLink { relation, .. }, [from, to]) => {
            state.object_link(from, relation, to, author).map(|()| Reply::Unit)
        }
        (Call::ObjectUnlink { relation, .. }, [from, to]) => {
            state.object_unlink(from, relation, to, author).map(|()| Reply::Unit)
        }
        (Call::ObjectLinks { .. }, [name]) => state.object_links(place, name, author).map(Reply::Links),
        (Call::ObjectQuery { filter }, names) => {
            state.object_query(place, names, filter, author).map(|(infos, next)| Reply::Found(infos, next))
        }
        (Call::ObjectMerge { resolution, .. }, [child, _]) => {
            let child = process_of(child).ok_or(CallError::Internal)?;
            state.object_merge(child, *resolution, author).map(Reply::Merged)
        }
        _ => Err(CallError::Internal),
    }
}
