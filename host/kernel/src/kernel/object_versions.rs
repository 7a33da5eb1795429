//! Versions of objects: what is replaced or deleted is kept while a pin needs it, so a namespace can be read as it was, compared, and
//! brought back. A version is seen as of a place of the log that lies after [`ObjectInfo::changed`] and not after its end.

use super::objects::{Author, NewPayload, owner};
use super::state::State;
use crate::model::call::{ObjectInfo, Payload};
use crate::model::codec::{from_bytes, to_bytes};
use crate::model::id::{Pid, Seq};
use crate::model::object::{Change, Difference};
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::collections::{BTreeMap, BTreeSet};

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub info: ObjectInfo,
    /// Where in the log its end is; none for the present one.
    pub until: Option<Seq>,
}

impl Version {
    fn payload_key(&self) -> Vec<u8> {
        match self.until {
            None => self.info.name.as_bytes().to_vec(),
            Some(until) => table::object_version(&self.info.name, until),
        }
    }
}

impl State {
    /// Keeps the present version of an object, which is about to be replaced or deleted, if anybody still sees it.
    pub(super) fn keep_version(&mut self, info: &ObjectInfo) -> Result<(), StoreError> {
        let until = self.next_seq;
        if !owner(&info.name).is_some_and(|source| self.pins.needs(source, info.changed, until)) {
            return Ok(());
        }
        let key = table::object_version(&info.name, until);
        if let Some(payload) = self.get(Table::ObjectPayload, info.name.as_bytes())? {
            self.put_bytes(Table::ObjectPayload, key.clone(), payload);
        }
        self.put_bytes(Table::ObjectVersion, key, to_bytes(info));
        Ok(())
    }

    /// Drops the kept versions of a process's objects that no pin needs any more.
    pub(super) fn drop_versions(&mut self, source: Pid) -> Result<(), StoreError> {
        let prefix = format!("{}/", super::own_namespace(source));
        for (key, value) in self.scan(Table::ObjectVersion, prefix.as_bytes())? {
            let info: ObjectInfo = from_bytes(&value)?;
            let until = table::read_object_version(&key).map_or(0, |(_, until)| until);
            if !self.pins.needs(source, info.changed, until) {
                self.remove(Table::ObjectPayload, key.clone());
                self.remove(Table::ObjectVersion, key);
            }
        }
        Ok(())
    }

    /// An object as it was when the log had come to `at`; none: as it is. Rows that say that something is gone are versions too.
    pub(super) fn version_as_of(&self, name: &str, at: Option<Seq>) -> Result<Option<Version>, StoreError> {
        let head = self.head(name)?;
        let Some(at) = at else { return Ok(head.map(|info| Version { info, until: None })) };
        if let Some(info) = head.filter(|info| info.changed < at) {
            return Ok(Some(Version { info, until: None }));
        }
        for (key, value) in self.scan(Table::ObjectVersion, &table::of_name(name))? {
            let Some((_, until)) = table::read_object_version(&key).filter(|(_, until)| *until >= at) else { continue };
            let info: ObjectInfo = from_bytes(&value)?;
            return Ok((info.changed < at).then_some(Version { info, until: Some(until) }));
        }
        Ok(None)
    }

    /// All objects below a namespace, at whatever depth, by full name; otherwise as [`State::version_as_of`].
    pub(super) fn versions_as_of(
        &self,
        namespace: &str,
        at: Option<Seq>,
    ) -> Result<BTreeMap<String, Version>, StoreError> {
        let prefix = format!("{namespace}/");
        let mut found = BTreeMap::new();
        for (_, value) in self.scan(Table::Object, prefix.as_bytes())? {
            let info: ObjectInfo = from_bytes(&value)?;
            if at.is_none_or(|at| info.changed < at) {
                found.insert(info.name.clone(), Version { info, until: None });
            }
        }
        let Some(at) = at else { return Ok(found) };
        for (key, value) in self.scan(Table::ObjectVersion, prefix.as_bytes())? {
            let Some((_, until)) = table::read_object_version(&key).filter(|(_, until)| *until >= at) else { continue };
            let info: ObjectInfo = from_bytes(&value)?;
            if info.changed < at {
                found.insert(info.name.clone(), Version { info, until: Some(until) });
            }
        }
        Ok(found)
    }

    pub(super) fn payload_of(&self, version: &Version) -> Result<Payload, StoreError> {
        if version.until.is_none()
            && let Some((_, payload)) = self.objects.get(&version.info.name)
        {
            return Ok((**payload).clone());
        }
        let payload = self.row(Table::ObjectPayload, &version.payload_key())?;
        payload.ok_or_else(|| StoreError::Damaged(format!("the object {} has no payload", version.info.name)))
    }

    /// The objects below a namespace, at whatever depth, sorted by name, as they were when the log had come to `at`. A pin must hold them.
    ///
    /// # Errors
    /// The disk failed.
    pub fn objects_as_of(&self, namespace: &str, at: Seq) -> Result<Vec<ObjectInfo>, StoreError> {
        let found = self.versions_as_of(namespace, Some(at))?.into_values().map(|version| version.info);
        Ok(found.filter(|info| !info.is_gone()).map(ObjectInfo::told).collect())
    }

    /// An object, by its full name, as it was when the log had come to `at`. A pin must hold it.
    ///
    /// # Errors
    /// The disk failed.
    pub fn object_read_as_of(&self, name: &str, at: Seq) -> Result<Option<(ObjectInfo, Payload)>, StoreError> {
        match self.version_as_of(name, Some(at))?.filter(|version| !version.info.is_gone()) {
            Some(version) => Ok(Some((version.info.clone().told(), self.payload_of(&version)?))),
            None => Ok(None),
        }
    }

    /// How the objects below a namespace differ between two moments, sorted by name; none as a moment is now.
    ///
    /// # Errors
    /// The disk failed.
    pub fn objects_differ(
        &self,
        namespace: &str,
        before: Option<Seq>,
        after: Option<Seq>,
    ) -> Result<Vec<Difference>, StoreError> {
        let (before, after) = (self.versions_as_of(namespace, before)?, self.versions_as_of(namespace, after)?);
        let origin = |version: Option<&Version>| Some(version.filter(|version| !version.info.is_gone())?.info.origin());
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let differs = |name: &String| {
            let change = match (origin(before.get(name)), origin(after.get(name))) {
                (None, Some(_)) => Change::Made,
                (Some(_), None) => Change::Deleted,
                (Some(before), Some(after)) if before != after => Change::Changed,
                _ => return None,
            };
            Some(Difference { name: name.clone(), change })
        };
        Ok(names.into_iter().filter_map(differs).collect())
    }

    /// Bytes of payloads that [`State::objects_restore`] would copy.
    ///
    /// # Errors
    /// The disk failed.
    pub fn bytes_to_restore(&self, namespace: &str, at: Seq) -> Result<u64, StoreError> {
        let (now, then) = (self.versions_as_of(namespace, None)?, self.versions_as_of(namespace, Some(at))?);
        let copied = then.iter().filter(|(name, then)| is_copied(now.get(*name), then));
        Ok(copied.map(|(_, then)| then.info.size).fold(0, u64::saturating_add))
    }

    /// Brings the objects below a namespace back to what they were when the log had come to `at`: as new versions, so numbers only grow.
    /// What was made since is deleted. Answers what that changed, sorted by name. A pin must hold the moment.
    ///
    /// # Errors
    /// The disk failed.
    pub fn objects_restore(&mut self, namespace: &str, at: Seq, author: Author) -> Result<Vec<Difference>, StoreError> {
        let differences = self.objects_differ(namespace, None, Some(at))?;
        let (mut now, then) = (self.versions_as_of(namespace, None)?, self.versions_as_of(namespace, Some(at))?);
        for (name, version) in then {
            let present = now.remove(&name);
            if !is_copied(present.as_ref(), &version) {
                continue;
            }
            let payload = self.get(Table::ObjectPayload, &version.payload_key())?;
            let present = present.map(|present| present.info);
            let number = present.as_ref().map_or(0, |info| info.version).max(version.info.version) + 1;
            let origin = version.info.origin();
            let mut info = ObjectInfo { version: number, updated: author.now, written_by: author.call, ..version.info };
            // What it cost then is free since it went.
            let paid_by = present.as_ref().and_then(ObjectInfo::paid_by);
            info.set_unseen(|unseen| (unseen.same_as, unseen.paid_by) = (Some(origin), paid_by));
            self.put_version(present.as_ref(), info, payload.map_or(NewPayload::None, NewPayload::Stored))?;
        }
        for version in now.into_values() {
            self.drop_links_to(&version.info.name)?;
            self.drop_object(&version.info)?;
        }
        Ok(differences)
    }
}

/// Whether a version of then is not the present one, nor equal to it.
fn is_copied(now: Option<&Version>, then: &Version) -> bool {
    then.until.is_some() && now.is_none_or(|now| now.info.origin() != then.info.origin())
}
