//! Merging what a child made into its parent's objects: three ways, from what the child's view showed when it was made. What both have
//! changed is a conflict, and nothing is overwritten unless the caller says so.

use super::object_versions::Version;
use super::objects::{Author, NewPayload, Room};
use super::own_namespace;
use super::release::is_goal;
use super::state::State;
use super::views::{Seen, moved};
use crate::model::answer::CallError;
use crate::model::call::ObjectInfo;
use crate::model::codec::to_bytes;
use crate::model::id::{Pid, Seq};
use crate::model::limit;
use crate::model::object::{Conflict, Link, Merged, Resolution};
use crate::model::right::Right;
use crate::model::row::ProcessRow;
use crate::model::view::View;
use crate::store::StoreError;
use crate::store::table::{self, Table};

/// One object of the child beside the parent's of the same name.
struct Pair {
    /// The child's.
    theirs: Version,
    /// Name of the parent's.
    target: String,
    /// The parent's, if there is one.
    ours: Option<Version>,
    /// Both were this, if the child's view showed anything.
    base: Option<Version>,
}

/// What is to be done with an object.
enum Step {
    Nothing,
    Take,
    Conflict(&'static str),
}

const IMMUTABLE: &str = "the child has changed it, and the one that is there is immutable";

impl State {
    /// Merges what a child made into the caller's namespace. Of a child that has ended, what was merged is released.
    pub(crate) fn object_merge(
        &mut self,
        child: Pid,
        resolution: Resolution,
        author: Author,
    ) -> Result<Merged, CallError> {
        let (row, view) = self.child_to_merge(child, author)?;
        let ended = row.state.is_final();
        let theirs = self.versions_as_of(&own_namespace(child), None)?;
        if theirs.len() > limit::MERGE_OBJECTS_MAX {
            let most = limit::MERGE_OBJECTS_MAX;
            return Err(CallError::TooLarge(format!("{child} has {} objects, at most {most}", theirs.len())));
        }
        let mut merged = Merged::default();
        let mut bytes = 0;
        for (name, theirs) in theirs {
            let inside = name[own_namespace(child).len() + 1..].to_owned();
            if is_goal(&row, &theirs.info) {
                continue;
            }
            let target = format!("{}/{inside}", own_namespace(author.pid));
            if let Some(reason) = self.rule_refuses(author.pid, Right::Read, &name, author) {
                merged.conflicts.push(Conflict { name: target, why: reason.to_owned() });
                continue;
            }
            let ours = match self.seen(author, &target) {
                Ok(Seen::Nothing) => None,
                Ok(Seen::Own(info)) => Some(Version { info, until: None }),
                Ok(Seen::Through(version, _)) => Some(version),
                Err(CallError::Denied(denial)) => {
                    merged.conflicts.push(Conflict { name: target, why: denial.reason });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let base = if theirs.info.is_unaware() { None } else { self.base(&view, &inside)? };
            let mut pair = Pair { theirs, target, ours, base };
            let more = bytes_of(&pair);
            if bytes > 0 && bytes + more > limit::MERGE_BYTES_MAX {
                let why = format!("one merge moves {} bytes; merge again for it", limit::MERGE_BYTES_MAX);
                merged.conflicts.push(Conflict { name: pair.target, why });
                continue;
            }
            bytes += more;
            let done = self.merge_one(&row, &mut pair, resolution, author, &mut merged)?;
            let result = row.result_object.as_ref().is_some_and(|result| *result == name || *result == inside);
            if ended && done && !result {
                self.drop_object(&pair.theirs.info)?;
            }
        }
        if ended && merged.conflicts.is_empty() {
            self.remove(Table::Unmerged, table::numbers(author.pid.0, child.0));
            self.drop_objects(&row, row.result_object.as_deref(), author.now)?;
            self.drop_view(&view)?;
        }
        Ok(merged)
    }

    fn child_to_merge(&self, child: Pid, author: Author) -> Result<(ProcessRow, View), CallError> {
        let not_there = || CallError::NotFound(format!("a forked child {child} whose objects wait to be merged"));
        let waits = || self.get(Table::Unmerged, &table::numbers(author.pid.0, child.0));
        let row = match self.processes.get(&child) {
            Some(row) => row.clone(),
            None if waits()?.is_some() => self.ended_process(child)?.ok_or_else(not_there)?,
            None => return Err(not_there()),
        };
        let view = row.view.clone().ok_or_else(not_there)?;
        let ours = row.parent == Some(author.pid) || (row.parent.is_none() && view.source == author.pid);
        if ours { Ok((row, view)) } else { Err(not_there()) }
    }

    /// Answers whether the child's is not needed any more.
    fn merge_one(
        &mut self,
        child: &ProcessRow,
        pair: &mut Pair,
        resolution: Resolution,
        author: Author,
        merged: &mut Merged,
    ) -> Result<bool, CallError> {
        let step = match (self.step(pair)?, resolution) {
            (Step::Conflict(_), Resolution::Ours) => Step::Nothing,
            (Step::Conflict(_), Resolution::Theirs) => Step::Take,
            (Step::Conflict(why), Resolution::Beside) => return self.put_beside(child, pair, why, author, merged),
            (step, _) => step,
        };
        match step {
            Step::Nothing => Ok(true),
            Step::Conflict(why) => {
                merged.conflicts.push(Conflict { name: pair.target.clone(), why: why.to_owned() });
                Ok(false)
            }
            Step::Take => match self.take(child, pair, author) {
                Ok(()) if pair.theirs.info.is_gone() => {
                    merged.deleted.push(pair.target.clone());
                    Ok(true)
                }
                Ok(()) => {
                    merged.merged.push(pair.target.clone());
                    Ok(true)
                }
                Err(CallError::WrongKind(why)) => {
                    merged.conflicts.push(Conflict { name: pair.target.clone(), why });
                    Ok(false)
                }
                Err(error) => Err(error),
            },
        }
    }

    fn step(&self, pair: &Pair) -> Result<Step, StoreError> {
        let Pair { theirs, ours, base, .. } = pair;
        let merged_before = theirs.info.unseen.as_ref().and_then(|unseen| unseen.merged);
        let unchanged = match (base, ours) {
            (None, None) => merged_before.is_none(),
            (_, Some(ours)) if merged_before == Some(ours.info.changed) => true,
            (Some(base), Some(ours)) => is_same(&base.info, &ours.info),
            _ => false,
        };
        Ok(match ours {
            _ if is_merged(pair) => Step::Nothing,
            None if theirs.info.is_gone() => Step::Nothing,
            // It never saw ours.
            Some(_) if theirs.info.is_gone() && base.is_none() => Step::Nothing,
            Some(ours) if !theirs.info.is_gone() && self.is_equal(&theirs.info, ours, theirs)? => Step::Nothing,
            Some(ours) if ours.info.immutable && !theirs.info.is_gone() => Step::Conflict(IMMUTABLE),
            _ if unchanged => Step::Take,
            None => Step::Conflict("the child has changed it, and it is not there any more"),
            Some(_) if theirs.info.is_gone() => {
                Step::Conflict("the child has deleted it, and it was changed meanwhile")
            }
            Some(_) if base.is_none() => Step::Conflict("the child has made it, and there is another one of this name"),
            Some(_) => Step::Conflict("the child has changed it, and it was changed meanwhile"),
        })
    }

    fn is_equal(&self, info: &ObjectInfo, ours: &Version, theirs: &Version) -> Result<bool, StoreError> {
        let about = |info: &ObjectInfo| {
            (info.object_type.clone(), info.title.clone(), info.tags.clone(), info.size, info.immutable)
        };
        Ok(about(info) == about(&ours.info) && self.payload_of(ours)? == self.payload_of(theirs)?)
    }

    /// Puts the child's in the place of ours.
    fn take(&mut self, child: &ProcessRow, pair: &mut Pair, author: Author) -> Result<(), CallError> {
        if pair.theirs.info.is_gone() {
            let found = self.to_change(&pair.target, None, author)?;
            return self.forget_object(&found, author);
        }
        let room = match &pair.ours {
            Some(ours) if ours.info.immutable => return Err(CallError::WrongKind(IMMUTABLE.into())),
            Some(_) => Room::of(self.to_change(&pair.target, None, author)?.row().cloned()),
            None => {
                self.make_namespaces(&pair.target, author)?;
                self.room_for(&pair.target, author)?
            }
        };
        let before = pair.ours.as_ref().map_or(0, |ours| ours.info.version);
        let target = pair.target.clone();
        let changed = self.put_theirs(child, pair, &target, &room, before + 1, author)?;
        if !child.state.is_final() {
            self.mark_merged(&pair.theirs.info, changed);
        }
        Ok(())
    }

    fn put_theirs(
        &mut self,
        child: &ProcessRow,
        pair: &mut Pair,
        name: &str,
        room: &Room,
        version: u64,
        author: Author,
    ) -> Result<Seq, CallError> {
        let payload = self.payload_of(&pair.theirs)?;
        let mut info = ObjectInfo {
            name: name.to_owned(),
            version,
            updated: author.now,
            written_by: author.call,
            unseen: None,
            ..pair.theirs.info.clone()
        };
        let links: Vec<Link> =
            pair.theirs.info.links().iter().map(|link| moved(link, &[child.pid], author.pid)).collect();
        let paid_by = match room.row.as_ref().and_then(ObjectInfo::paid_by) {
            Some(payer) => Some(payer),
            None => self.take_charge(&mut pair.theirs.info),
        };
        info.set_unseen(|unseen| {
            (unseen.links, unseen.unaware, unseen.paid_by) = (links, room.unaware, paid_by);
        });
        Ok(self.put_version(room.row.as_ref(), info, NewPayload::Payload(payload.into()))?.changed)
    }

    fn put_beside(
        &mut self,
        child: &ProcessRow,
        pair: &mut Pair,
        why: &str,
        author: Author,
        merged: &mut Merged,
    ) -> Result<bool, CallError> {
        let beside = format!("{}.{}", pair.target, child.pid);
        let room = if pair.theirs.info.is_gone() { None } else { self.room_for(&beside, author).ok() };
        let Some(room) = room else {
            merged.conflicts.push(Conflict { name: pair.target.clone(), why: why.to_owned() });
            return Ok(false);
        };
        self.put_theirs(child, pair, &beside, &room, 1, author)?;
        merged.merged.push(beside);
        Ok(true)
    }

    /// What was paid for the child's is paid for the parent's from now on; answers by whom.
    fn take_charge(&mut self, theirs: &mut ObjectInfo) -> Option<Pid> {
        let payer = theirs.paid_by()?;
        theirs.set_unseen(|unseen| unseen.paid_by = None);
        self.put_bytes(Table::Object, theirs.name.clone().into_bytes(), to_bytes(theirs));
        self.objects.remove(&theirs.name);
        Some(payer)
    }

    /// Keeps in the child's row which version of the parent's was made from it, so that the next merge starts from there.
    fn mark_merged(&mut self, theirs: &ObjectInfo, changed: Seq) {
        let mut info = theirs.clone();
        info.set_unseen(|unseen| unseen.merged = Some(changed));
        self.put_bytes(Table::Object, info.name.clone().into_bytes(), to_bytes(&info));
        self.objects.remove(&info.name);
    }

    /// Makes the namespaces above a name that are not there.
    fn make_namespaces(&mut self, name: &str, author: Author) -> Result<(), CallError> {
        for (end, _) in name.match_indices('/') {
            if !self.namespace_exists(&name[..end], author)? {
                self.put(Table::Namespace, name.as_bytes()[..end].to_vec(), &author.pid);
            }
        }
        Ok(())
    }
}

/// Whether the parent's was made from the child's, and neither has changed since.
fn is_merged(pair: &Pair) -> bool {
    let merged = pair.theirs.info.unseen.as_ref().and_then(|unseen| unseen.merged);
    merged.is_some_and(|merged| {
        pair.theirs.info.changed < merged && pair.ours.as_ref().is_some_and(|ours| ours.info.changed == merged)
    })
}

/// Bytes of payloads that are read to merge an object, at most.
fn bytes_of(pair: &Pair) -> u64 {
    let theirs = &pair.theirs.info;
    if theirs.is_gone() || is_merged(pair) {
        return 0;
    }
    let compared = pair.ours.as_ref().filter(|ours| ours.info.size == theirs.size);
    theirs.size + compared.map_or(0, |ours| ours.info.size)
}

fn is_same(one: &ObjectInfo, other: &ObjectInfo) -> bool {
    (&one.name, one.origin()) == (&other.name, other.origin())
}
