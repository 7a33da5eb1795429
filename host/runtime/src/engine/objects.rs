//! What crosses the import boundary of object memory, from the contract's types to the kernel's and back.

use super::bindings::libos::runtime as wit;
use libos_kernel::model::call::{ObjectInfo, Payload};
use libos_kernel::model::object::{Conflict, Filter, LinkEnd, Merged, Resolution};

impl From<ObjectInfo> for wit::object::Info {
    fn from(info: ObjectInfo) -> Self {
        Self {
            name: info.name,
            type_: info.object_type,
            version: info.version,
            immutable: info.immutable,
            title: info.title,
            tags: info.tags,
            sources: info.sources,
            size: info.size,
            created: info.created.into(),
            updated: info.updated.into(),
        }
    }
}

impl From<wit::object::Payload> for Payload {
    fn from(payload: wit::object::Payload) -> Self {
        match payload {
            wit::object::Payload::Json(text) => Payload::Json(text),
            wit::object::Payload::Bytes(bytes) => Payload::Bytes(bytes),
        }
    }
}

impl From<Payload> for wit::object::Payload {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Json(text) => Self::Json(text),
            Payload::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl From<LinkEnd> for wit::object::LinkEnd {
    fn from(end: LinkEnd) -> Self {
        Self { relation: end.relation, name: end.name, outgoing: end.outgoing }
    }
}

impl From<wit::object::Filter> for Filter {
    fn from(filter: wit::object::Filter) -> Self {
        Self {
            namespace: filter.namespace,
            object_type: filter.type_,
            tags: filter.tags,
            text: filter.text,
            linked_to: filter.linked_to,
            linked_from: filter.linked_from,
            relation: filter.relation,
            after: filter.after,
            limit: filter.limit,
        }
    }
}

impl From<wit::object::Resolution> for Resolution {
    fn from(resolution: wit::object::Resolution) -> Self {
        match resolution {
            wit::object::Resolution::Report => Resolution::Report,
            wit::object::Resolution::Ours => Resolution::Ours,
            wit::object::Resolution::Theirs => Resolution::Theirs,
            wit::object::Resolution::Beside => Resolution::Beside,
        }
    }
}

impl From<Merged> for wit::object::Merged {
    fn from(merged: Merged) -> Self {
        let conflict = |Conflict { name, why }| wit::object::Conflict { name, why };
        Self {
            merged: merged.merged,
            deleted: merged.deleted,
            conflicts: merged.conflicts.into_iter().map(conflict).collect(),
        }
    }
}
