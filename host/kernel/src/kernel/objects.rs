//! Object memory: rows by full name, payloads beside them, namespaces as directories.

use super::object_versions::Version;
use super::own_namespace;
use super::release::goal_of;
use super::state::State;
use super::views::Seen;
use crate::model::answer::CallError;
use crate::model::call::{ObjectInfo, ObjectOptions, Payload};
use crate::model::codec::{from_bytes, to_bytes};
use crate::model::id::{CallId, Pid};
use crate::model::limit;
use crate::model::object::Link;
use crate::model::path;
use crate::model::resource::Resource;
use crate::model::time::Time;
use crate::model::view::ViewMode;
use crate::store::StoreError;
use crate::store::table::{self, Table};
use std::sync::Arc;

/// Top of the namespaces that belong to processes.
const PROCESSES: &str = "process";

impl From<StoreError> for CallError {
    /// The guest learns nothing of the host's disk.
    fn from(_: StoreError) -> Self {
        CallError::Internal
    }
}

/// Who changes an object, and when.
#[derive(Debug, Clone, Copy)]
pub struct Author {
    pub pid: Pid,
    pub call: CallId,
    pub now: Time,
}

impl State {
    /// Makes an object for which its author was charged.
    pub(crate) fn object_create(
        &mut self,
        name: &Resource,
        payload: &Payload,
        options: &ObjectOptions,
        author: Author,
    ) -> Result<ObjectInfo, CallError> {
        let paid_by = self.who_pays_for_objects(author.pid);
        self.object_create_paid_by(paid_by, name, payload, options, author)
    }

    /// As [`State::object_create`], for who was charged, if anybody was.
    pub(super) fn object_create_paid_by(
        &mut self,
        paid_by: Option<Pid>,
        name: &Resource,
        payload: &Payload,
        options: &ObjectOptions,
        author: Author,
    ) -> Result<ObjectInfo, CallError> {
        let path = name.path();
        let room = self.room_for(path, author)?;
        let own = own_namespace(author.pid);
        let sources = options.sources.iter().map(|source| Ok(path::object(source, &own)?.path().to_owned()));
        let sources = sources.collect::<Result<_, String>>().map_err(CallError::Invalid)?;
        let mut info = ObjectInfo {
            name: path.to_owned(),
            object_type: options.object_type.clone(),
            version: 1,
            immutable: options.immutable,
            title: options.title.clone(),
            tags: options.tags.clone(),
            size: payload.len() as u64,
            created: author.now,
            updated: author.now,
            created_by: author.pid,
            written_by: author.call,
            changed: 0,
            sources,
            unseen: None,
        };
        info.set_unseen(|unseen| (unseen.unaware, unseen.paid_by) = (room.unaware, paid_by));
        Ok(self.put_version(room.row.as_ref(), info, NewPayload::Payload(Arc::new(payload.clone())))?)
    }

    /// Looks whether a new object can have this name.
    pub(super) fn room_for(&self, path: &str, author: Author) -> Result<Room, CallError> {
        let Some((namespace, _)) = path.rsplit_once('/') else {
            return Err(CallError::Invalid("an object is in a namespace".into()));
        };
        if !self.namespace_exists(namespace, author)? {
            return Err(CallError::NotFound(format!("the namespace {namespace}")));
        }
        match self.seen(author, path) {
            Ok(Seen::Nothing) => Ok(Room::of(self.head(path)?)),
            Ok(_) => Err(CallError::AlreadyExists(path.to_owned())),
            // What is refused is as good as not there, and must not be told apart from it.
            Err(CallError::Denied(_)) => Ok(Room { row: None, unaware: true }),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn object_update(
        &mut self,
        name: &Resource,
        payload: &Payload,
        expected: Option<u64>,
        author: Author,
    ) -> Result<ObjectInfo, CallError> {
        let found = self.to_change(name.path(), expected, author)?;
        if found.info.immutable {
            return Err(CallError::WrongKind(format!("{} is immutable", found.info.name)));
        }
        let mut info = ObjectInfo {
            version: found.info.version + 1,
            size: payload.len() as u64,
            updated: author.now,
            written_by: author.call,
            ..found.info.clone()
        };
        info.set_unseen(|unseen| unseen.same_as = None);
        let payload = NewPayload::Payload(Arc::new(payload.clone()));
        Ok(self.put_version(found.row(), info, payload)?.told())
    }

    pub(crate) fn object_delete(
        &mut self,
        name: &Resource,
        expected: Option<u64>,
        author: Author,
    ) -> Result<(), CallError> {
        let found = self.to_change(name.path(), expected, author)?;
        self.check_is_no_goal(&found)?;
        self.forget_object(&found, author)
    }

    /// Refuses what says what a living process is for: whoever talked the process into it could put another goal in its place. What a
    /// view shows of it can be hidden there.
    pub(super) fn check_is_no_goal(&self, found: &ToChange) -> Result<(), CallError> {
        let path = &found.info.name;
        let owner = owner(path).filter(|_| found.behind.is_none()).and_then(|pid| self.processes.get(&pid));
        match owner.filter(|row| goal_of(row).as_ref() == Some(path)) {
            Some(row) => {
                Err(CallError::WrongKind(format!("{path} says what {} is for, and stays as long as it", row.pid)))
            }
            None => Ok(()),
        }
    }

    /// Removes an object, and the links to it; or hides it, if a view would show another one in its place.
    pub(super) fn forget_object(&mut self, found: &ToChange, author: Author) -> Result<(), CallError> {
        self.drop_links_to(&found.info.name)?;
        if found.behind.is_none() && !self.is_behind(author, &found.info.name)? {
            self.drop_grants_of_result(&found.info.name);
            return Ok(self.drop_object(&found.info)?);
        }
        if let Some(row) = found.row() {
            self.give_back_object(row);
        }
        let mut gone = ObjectInfo { version: found.info.version + 1, unseen: None, ..found.info.clone() };
        gone.set_unseen(|unseen| (unseen.gone, unseen.unaware) = (true, found.info.is_unaware()));
        self.put_version(found.row(), gone, NewPayload::None)?;
        Ok(())
    }

    /// What is at a name, to be changed.
    ///
    /// # Errors
    /// It is not there, is another version, or is seen through a view that only shows.
    pub(super) fn to_change(&self, path: &str, expected: Option<u64>, author: Author) -> Result<ToChange, CallError> {
        let found = match self.seen(author, path)? {
            Seen::Nothing => return Err(CallError::NotFound(path.to_owned())),
            Seen::Own(info) => ToChange { info, behind: None },
            Seen::Through(_, mode) if mode != ViewMode::CopyOnWrite => {
                let mode = mode.word();
                return Err(CallError::WrongKind(format!(
                    "{path} is seen through a {mode} view and cannot be changed"
                )));
            }
            Seen::Through(version, _) => ToChange { info: self.as_own(author, path, &version), behind: Some(version) },
        };
        match expected {
            Some(version) if version != found.info.version => Err(CallError::Conflict(found.info.version)),
            _ => Ok(found),
        }
    }

    /// The version of an object, if it is there: what a person sees before it is changed.
    pub(crate) fn object_version(&self, pid: Pid, name: &Resource) -> Option<u64> {
        let asks = Author { pid, call: CallId::default(), now: Time::default() };
        match self.seen(asks, name.path()).ok()? {
            Seen::Nothing => None,
            Seen::Own(info) => Some(info.version),
            Seen::Through(version, _) => Some(version.info.version),
        }
    }

    pub(crate) fn object_read(&mut self, name: &Resource, author: Author) -> Result<(ObjectInfo, Payload), CallError> {
        let path = name.path();
        if let Some((info, payload)) = self.objects.get(path) {
            return Ok((info.clone().told(), (**payload).clone()));
        }
        let (info, version) = match self.seen(author, path)? {
            Seen::Nothing => return Err(CallError::NotFound(path.to_owned())),
            Seen::Own(info) => (info.clone(), Version { info, until: None }),
            Seen::Through(version, _) => (self.as_own(author, path, &version), version),
        };
        let payload = self.payload_of(&version)?;
        if version.until.is_none() {
            self.objects.put(version.info, Arc::new(payload.clone()));
        }
        Ok((info.told(), payload))
    }

    /// The objects directly in a namespace, sorted by name.
    pub(crate) fn object_list(&self, namespace: &Resource, author: Author) -> Result<Vec<ObjectInfo>, CallError> {
        let path = namespace.path();
        if !self.namespace_exists(path, author)? {
            return Err(CallError::NotFound(path.to_owned()));
        }
        let mut found = Vec::new();
        let mut add = |info: ObjectInfo| {
            if !info.name[path.len() + 1..].contains('/') && !info.is_gone() {
                found.push(info.told());
            }
            check_count(found.len())
        };
        if self.view_for(author, path).is_some() {
            self.visible(author, path)?.into_values().try_for_each(|seen| add(seen.info))?;
        } else {
            let rows = self.scan(Table::Object, format!("{path}/").as_bytes())?;
            rows.into_values().try_for_each(|row| add(from_bytes(&row).map_err(StoreError::from)?))?;
        }
        Ok(found)
    }

    /// The namespaces directly below one, in full, sorted.
    pub(crate) fn namespace_list(&self, namespace: &Resource, author: Author) -> Result<Vec<String>, CallError> {
        let path = namespace.path();
        if !self.namespace_exists(path, author)? {
            return Err(CallError::NotFound(path.to_owned()));
        }
        let prefix = format!("{path}/");
        let mut found = self.seen_namespaces(author, path)?;
        let rows = self.scan(Table::Namespace, prefix.as_bytes())?;
        found.extend(rows.into_keys().filter_map(|key| String::from_utf8(key).ok()));
        found.retain(|name| !name[prefix.len()..].contains('/'));
        check_count(found.len())?;
        Ok(found.into_iter().collect())
    }

    pub(crate) fn namespace_create(&mut self, namespace: &Resource, author: Author) -> Result<(), CallError> {
        let path = namespace.path();
        if self.namespace_exists(path, author)? || !matches!(self.seen(author, path)?, Seen::Nothing) {
            return Err(CallError::AlreadyExists(path.to_owned()));
        }
        if let Some((parent, _)) = path.rsplit_once('/')
            && !self.namespace_exists(parent, author)?
        {
            return Err(CallError::NotFound(format!("the namespace {parent}")));
        }
        self.put(Table::Namespace, path.as_bytes().to_vec(), &author.pid);
        Ok(())
    }

    pub(super) fn namespace_exists(&self, path: &str, author: Author) -> Result<bool, CallError> {
        // The namespace of a process is there as long as the process can be named.
        let own = path.strip_prefix(PROCESSES).and_then(|rest| rest.strip_prefix('/'));
        if path == PROCESSES || own.is_some_and(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(true);
        }
        Ok(self.get(Table::Namespace, path.as_bytes())?.is_some() || self.sees_namespace(author, path)?)
    }

    /// The row of an object, also one that says that it is gone.
    pub(super) fn head(&self, path: &str) -> Result<Option<ObjectInfo>, StoreError> {
        match self.objects.get(path) {
            Some((info, _)) => Ok(Some(info.clone())),
            None => self.row(Table::Object, path.as_bytes()),
        }
    }

    /// Puts a version in the place of the present row of its name; answers it as it is stored.
    pub(super) fn put_version(
        &mut self,
        present: Option<&ObjectInfo>,
        info: ObjectInfo,
        payload: NewPayload,
    ) -> Result<ObjectInfo, StoreError> {
        if let Some(present) = present {
            self.keep_version(present)?;
        }
        let info = ObjectInfo { changed: self.next_seq, ..info };
        self.relink(&info.name, present.map_or(&[], ObjectInfo::links), info.links());
        let key = info.name.clone().into_bytes();
        self.put_bytes(Table::Object, key.clone(), to_bytes(&info));
        match payload {
            NewPayload::Same => {
                let known = self.objects.get(&info.name).map(|(_, payload)| Arc::clone(payload));
                known.into_iter().for_each(|payload| self.objects.put(info.clone(), payload));
            }
            NewPayload::Payload(payload) => {
                self.put_bytes(Table::ObjectPayload, key, to_bytes(&*payload));
                self.objects.put(info.clone(), payload);
            }
            NewPayload::Stored(bytes) => {
                self.put_bytes(Table::ObjectPayload, key, bytes);
                self.objects.remove(&info.name);
            }
            NewPayload::None => {
                self.remove(Table::ObjectPayload, key);
                self.objects.remove(&info.name);
            }
        }
        Ok(info)
    }

    /// Removes the row of an object.
    pub(super) fn drop_object(&mut self, info: &ObjectInfo) -> Result<(), StoreError> {
        self.give_back_object(info);
        self.keep_version(info)?;
        self.relink(&info.name, info.links(), &[]);
        let key = info.name.clone().into_bytes();
        self.remove(Table::Object, key.clone());
        self.remove(Table::ObjectPayload, key);
        self.objects.remove(&info.name);
        Ok(())
    }

    /// Keeps the table of links by their other end as the links of an object are.
    fn relink(&mut self, name: &str, before: &[Link], after: &[Link]) {
        for link in before.iter().filter(|link| !after.contains(link)) {
            self.remove(Table::ObjectLinkBack, table::link_back(&link.to, &link.relation, name));
        }
        for link in after.iter().filter(|link| !before.contains(link)) {
            self.put_bytes(Table::ObjectLinkBack, table::link_back(&link.to, &link.relation, name), Vec::new());
        }
    }
}

/// An object that is to be changed.
pub(super) struct ToChange {
    /// As it is seen by whoever changes it.
    pub info: ObjectInfo,
    /// If it is another process's, seen through a view: that version. Then the name has no row yet.
    pub behind: Option<Version>,
}

impl ToChange {
    /// The row of the name.
    pub fn row(&self) -> Option<&ObjectInfo> {
        if self.behind.is_none() { Some(&self.info) } else { None }
    }
}

/// A name that is free.
pub(super) struct Room {
    /// The row that is replaced: one that says that the name is free, if there is one.
    pub row: Option<ObjectInfo>,
    /// As [`crate::model::object::Unseen::unaware`].
    pub unaware: bool,
}

impl Room {
    /// That of this row.
    pub fn of(row: Option<ObjectInfo>) -> Room {
        Room { unaware: row.as_ref().is_some_and(ObjectInfo::is_unaware), row }
    }
}

/// What a new version holds.
pub(super) enum NewPayload {
    /// What the present one holds.
    Same,
    Payload(Arc<Payload>),
    /// The same, as it is stored.
    Stored(Vec<u8>),
    /// Nothing: it says that the object is gone.
    None,
}

/// The process in whose own namespace a name is.
pub(super) fn owner(name: &str) -> Option<Pid> {
    let (number, _) = name.strip_prefix(PROCESSES)?.strip_prefix('/')?.split_once('/')?;
    // Other ways to write the number name no process.
    let pid = Pid(number.parse().ok()?);
    (pid.0.to_string() == number).then_some(pid)
}

fn check_count(count: usize) -> Result<(), CallError> {
    if count > limit::LIST_ENTRIES_MAX {
        Err(CallError::TooLarge(format!("more than {} entries", limit::LIST_ENTRIES_MAX)))
    } else {
        Ok(())
    }
}
