//! Object memory: rows by full name, payloads beside them, namespaces as directories.

use super::state::State;
use crate::model::answer::CallError;
use crate::model::call::{ObjectInfo, ObjectOptions, Payload};
use crate::model::codec::{from_bytes, to_bytes};
use crate::model::id::{CallId, Pid};
use crate::model::limit;
use crate::model::resource::Resource;
use crate::model::time::Time;
use crate::store::StoreError;
use crate::store::table::Table;
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
pub(crate) struct Author {
    pub pid: Pid,
    pub call: CallId,
    pub now: Time,
}

impl State {
    pub(crate) fn object_create(
        &mut self,
        name: &Resource,
        payload: &Payload,
        options: &ObjectOptions,
        author: Author,
    ) -> Result<ObjectInfo, CallError> {
        let path = name.path();
        let Some((namespace, _)) = path.rsplit_once('/') else {
            return Err(CallError::Invalid("an object is in a namespace".into()));
        };
        if !self.namespace_exists(namespace)? {
            return Err(CallError::NotFound(format!("the namespace {namespace}")));
        }
        if self.object_info(path)?.is_some() {
            return Err(CallError::AlreadyExists(path.to_owned()));
        }
        let info = ObjectInfo {
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
        };
        self.put_object(&info, payload);
        Ok(info)
    }

    pub(crate) fn object_update(
        &mut self,
        name: &Resource,
        payload: &Payload,
        expected: Option<u64>,
        author: Author,
    ) -> Result<ObjectInfo, CallError> {
        let mut info = self.object_at(name.path(), expected)?;
        if info.immutable {
            return Err(CallError::WrongKind(format!("{} is immutable", info.name)));
        }
        info.version += 1;
        info.size = payload.len() as u64;
        info.updated = author.now;
        info.written_by = author.call;
        self.put_object(&info, payload);
        Ok(info)
    }

    pub(crate) fn object_delete(&mut self, name: &Resource, expected: Option<u64>) -> Result<(), CallError> {
        let info = self.object_at(name.path(), expected)?;
        let key = info.name.clone().into_bytes();
        self.remove(Table::Object, key.clone());
        self.remove(Table::ObjectPayload, key);
        self.objects.remove(&info.name);
        self.give_back_object(info.created_by);
        Ok(())
    }

    /// The version of an object, if it is there: what a person sees before it is changed.
    pub(crate) fn object_version(&self, name: &Resource) -> Option<u64> {
        match self.objects.get(name.path()) {
            Some((info, _)) => Some(info.version),
            None => self.object_info(name.path()).ok().flatten().map(|info| info.version),
        }
    }

    pub(crate) fn object_read(&mut self, name: &Resource) -> Result<(ObjectInfo, Payload), CallError> {
        let path = name.path();
        if let Some((info, payload)) = self.objects.get(path) {
            return Ok((info.clone(), (**payload).clone()));
        }
        let info = self.object_info(path)?.ok_or_else(|| CallError::NotFound(path.to_owned()))?;
        let payload: Option<Payload> = self.row(Table::ObjectPayload, path.as_bytes())?;
        let payload = payload.ok_or(CallError::Internal)?;
        self.objects.put(info.clone(), Arc::new(payload.clone()));
        Ok((info, payload))
    }

    /// The objects directly in a namespace, sorted by name.
    pub(crate) fn object_list(&self, namespace: &Resource) -> Result<Vec<ObjectInfo>, CallError> {
        if !self.namespace_exists(namespace.path())? {
            return Err(CallError::NotFound(namespace.path().to_owned()));
        }
        let prefix = format!("{}/", namespace.path());
        let mut found = Vec::new();
        for (key, value) in self.scan(Table::Object, prefix.as_bytes())? {
            if key[prefix.len()..].contains(&b'/') {
                continue;
            }
            found.push(from_bytes(&value).map_err(StoreError::from)?);
            check_count(found.len())?;
        }
        Ok(found)
    }

    /// The namespaces directly below one, in full, sorted.
    pub(crate) fn namespace_list(&self, namespace: &Resource) -> Result<Vec<String>, CallError> {
        if !self.namespace_exists(namespace.path())? {
            return Err(CallError::NotFound(namespace.path().to_owned()));
        }
        let prefix = format!("{}/", namespace.path());
        let mut found = Vec::new();
        for (key, _) in self.scan(Table::Namespace, prefix.as_bytes())? {
            let Ok(name) = String::from_utf8(key) else { continue };
            if !name[prefix.len()..].contains('/') {
                found.push(name);
                check_count(found.len())?;
            }
        }
        Ok(found)
    }

    pub(crate) fn namespace_create(&mut self, namespace: &Resource, author: Author) -> Result<(), CallError> {
        let path = namespace.path();
        if self.namespace_exists(path)? || self.object_info(path)?.is_some() {
            return Err(CallError::AlreadyExists(path.to_owned()));
        }
        if let Some((parent, _)) = path.rsplit_once('/')
            && !self.namespace_exists(parent)?
        {
            return Err(CallError::NotFound(format!("the namespace {parent}")));
        }
        self.put(Table::Namespace, path.as_bytes().to_vec(), &author.pid);
        Ok(())
    }

    fn namespace_exists(&self, path: &str) -> Result<bool, CallError> {
        // The namespace of a process is there as long as the process can be named.
        let own = path.strip_prefix(PROCESSES).and_then(|rest| rest.strip_prefix('/'));
        if path == PROCESSES || own.is_some_and(|pid| pid.bytes().all(|byte| byte.is_ascii_digit())) {
            return Ok(true);
        }
        Ok(self.get(Table::Namespace, path.as_bytes())?.is_some())
    }

    fn object_info(&self, path: &str) -> Result<Option<ObjectInfo>, CallError> {
        match self.objects.get(path) {
            Some((info, _)) => Ok(Some(info.clone())),
            None => Ok(self.row(Table::Object, path.as_bytes())?),
        }
    }

    fn object_at(&self, path: &str, expected: Option<u64>) -> Result<ObjectInfo, CallError> {
        let info = self.object_info(path)?.ok_or_else(|| CallError::NotFound(path.to_owned()))?;
        match expected {
            Some(version) if version != info.version => Err(CallError::Conflict(info.version)),
            _ => Ok(info),
        }
    }

    fn put_object(&mut self, info: &ObjectInfo, payload: &Payload) {
        let key = info.name.clone().into_bytes();
        self.put_bytes(Table::Object, key.clone(), to_bytes(info));
        self.put_bytes(Table::ObjectPayload, key, to_bytes(payload));
        self.objects.put(info.clone(), Arc::new(payload.clone()));
    }
}

fn check_count(count: usize) -> Result<(), CallError> {
    if count > limit::LIST_ENTRIES_MAX {
        Err(CallError::TooLarge(format!("more than {} entries", limit::LIST_ENTRIES_MAX)))
    } else {
        Ok(())
    }
}
