//! The standard tools for the typed memory, and for bringing files into it and out of it.

mod append;
mod bridge;
mod view;

use libos::object::{self, Filter, Options, Payload};
use libos::{Error, Failure, process};
use libos_tools_common::{Encoding, within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What an object is called in full. A name that holds `/` is full already; so is one with a namespace before it.
fn full_name(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

/// What is said about a new object beside its payload.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Metadata {
    /// At most 1,024 bytes.
    title: String,
    /// At most 32, each at most 64 bytes.
    tags: Vec<String>,
    /// Names of the objects that it is made from; at most 32.
    sources: Vec<String>,
}

/// An object that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Made {
    /// In full: `<namespace>/<name>`.
    name: String,
    #[serde(rename = "type")]
    object_type: String,
    version: u64,
}

/// How two objects are linked now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Linked {
    from: String,
    relation: String,
    to: String,
    linked: bool,
}

/// An object that is not there any more.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deleted {
    /// As asked for.
    name: String,
    deleted: bool,
}

/// A namespace that is there now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Namespace {
    namespace: String,
    /// False if it was there already.
    created: bool,
}

/// The tools.
#[libos::tools]
pub mod tools {
    use super::*;

    /// Makes an object in memory: a goal, a plan, an observation, any JSON that is to be kept.
    #[needs("write object:**")]
    pub fn create_memory_object(
        /// Its name; if left out, one is made of the type and this call's id.
        name: Option<String>,
        /// The namespace it goes into; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
        /// What it is, for example `goal`, `plan`, `observation`, `summary`; at most 64 bytes.
        r#type: String,
        /// Any JSON, at most 16 MiB; kept letter by letter.
        payload: Box<RawValue>,
        /// Title, tags and sources.
        metadata: Option<Metadata>,
        /// Whether it can never be changed; false if left out.
        immutable: Option<bool>,
    ) -> libos::Result<Made> {
        let name = name.unwrap_or_else(|| format!("{}-{}", r#type, process::identity().call));
        let Metadata { title, tags, sources } = metadata.unwrap_or_default();
        let options = Options { type_: r#type, immutable: immutable.unwrap_or(false), title, tags, sources };
        let payload = Payload::Json(String::from(Box::<str>::from(payload)));
        let made = object::create(&full_name(namespace.as_deref(), &name), &payload, &options)?;
        Ok(Made { name: made.name, object_type: made.type_, version: made.version })
    }

    /// Reads an object of memory. A long payload is cut; `form` says what `payload` is then.
    #[needs("read object:**")]
    pub fn read_memory_object(
        /// Its name.
        name: String,
        /// Its namespace; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
        /// Most characters of the payload's text: 1 to 1048576; 65536 if left out.
        #[schemars(range(min = 1, max = 1_048_576))]
        max_payload_chars: Option<u32>,
        /// Characters of the payload's text to leave out at its beginning: what was shown of a long one before; 0 if left out.
        skip_payload_chars: Option<u32>,
    ) -> libos::Result<view::Object> {
        let max_chars = within("max_payload_chars", max_payload_chars, 64 * 1024, 1024 * 1024)?;
        let (info, payload) = object::read(&full_name(namespace.as_deref(), &name))?;
        let shown = view::payload(payload, skip_payload_chars.unwrap_or_default() as usize, max_chars as usize)?;
        Ok(view::Object { about: info.into(), shown })
    }

    /// Adds an entry at the end of a list in an object of memory: the payload itself, or one of its fields.
    #[needs("read,write object:**")]
    pub fn append_memory_object(
        /// The object's name.
        name: String,
        /// Its namespace; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
        /// Any JSON.
        entry: Box<RawValue>,
        /// The field that holds the list; it is made if it is not there. Left out, the payload itself must be a list.
        list_field: Option<String>,
    ) -> libos::Result<append::Appended> {
        append::append(&full_name(namespace.as_deref(), &name), &entry, list_field)
    }

    /// Lists the objects and namespaces directly in a namespace, sorted by name, without their payloads.
    #[needs("list object:**")]
    pub fn list_memory_namespace(
        /// The namespace; the process's own if left out.
        namespace: Option<String>,
    ) -> libos::Result<view::Listing> {
        let objects = object::list(namespace.as_deref())?.into_iter().map(Into::into).collect();
        let namespaces = object::namespaces(namespace.as_deref())?;
        Ok(view::Listing { namespace, objects, namespaces })
    }

    /// Looks for objects in memory by what they are, what they hold and what they are linked to. Shows them without their payloads.
    #[needs("list,read object:**")]
    pub fn query_memory(
        /// Where to look, with all namespaces below it; the process's own if left out.
        namespace: Option<String>,
        /// Only objects of this type, for example `observation`.
        r#type: Option<String>,
        /// Only objects that have each of these tags.
        tags: Option<Vec<String>>,
        /// Only objects with this text in the last part of their name, their title or their payload; ASCII letters match in either case.
        text: Option<String>,
        /// Only objects that link to this one.
        linked_to: Option<String>,
        /// Only objects to which this one links.
        linked_from: Option<String>,
        /// Only links of this relation count.
        relation: Option<String>,
        /// Go on after this name: `next` of an earlier answer.
        after: Option<String>,
        /// Most objects: 1 to 1000; 50 if left out.
        #[schemars(range(min = 1, max = 1_000))]
        limit: Option<u32>,
    ) -> libos::Result<view::Found> {
        let limit = Some(within("limit", limit, 50, 1_000)?);
        let tags = tags.unwrap_or_default();
        let filter = Filter { namespace, type_: r#type, tags, text, linked_to, linked_from, relation, after, limit };
        let found = object::query(&filter)?;
        Ok(view::Found { objects: found.objects.into_iter().map(Into::into).collect(), next: found.next })
    }

    /// Links an object of memory to another one, or takes a link away. It is fine if it is so already.
    #[needs("link,read object:**")]
    pub fn link_memory_objects(
        /// The object that the link leads from.
        from: String,
        /// What the other one is to it, for example `derived_from`, `supports`, `blocked_by`; at most 64 bytes.
        relation: String,
        /// The object that the link leads to.
        to: String,
        /// True to take the link away; false if left out.
        remove: Option<bool>,
    ) -> libos::Result<Linked> {
        let linked = !remove.unwrap_or(false);
        if linked {
            object::link(&from, &relation, &to)?;
        } else {
            match object::unlink(&from, &relation, &to) {
                Ok(()) => {}
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Linked { from, relation, to, linked })
    }

    /// Lists the links of an object of memory, those from it and those to it.
    #[needs("read object:**")]
    pub fn list_memory_links(
        /// The object's name.
        name: String,
        /// Its namespace; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
    ) -> libos::Result<view::Links> {
        let name = full_name(namespace.as_deref(), &name);
        let links = object::links(&name)?.into_iter().map(Into::into).collect();
        Ok(view::Links { name, links })
    }

    /// Gives an object of memory another name or moves it to another namespace. Its links go along.
    #[needs("read,write,delete object:**")]
    pub fn rename_memory_object(
        /// Its present name, with its namespace before it if that is not the process's own.
        name: String,
        /// Its new name, with its namespace before it if that is not the process's own. The name must be free.
        new_name: String,
    ) -> libos::Result<Made> {
        let moved = object::rename(&name, &new_name, None)?;
        Ok(Made { name: moved.name, object_type: moved.type_, version: moved.version })
    }

    /// Deletes an object of memory for good, with the links to it.
    #[needs("delete object:**")]
    pub fn delete_memory_object(
        /// The object's name.
        name: String,
        /// Its namespace; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
    ) -> libos::Result<Deleted> {
        let name = full_name(namespace.as_deref(), &name);
        object::delete(&name, None)?;
        Ok(Deleted { name, deleted: true })
    }

    /// Makes a namespace for objects. It is fine if it is there already.
    #[needs("write object:**")]
    pub fn create_memory_namespace(
        /// Its name, below the parent if that is given.
        namespace: String,
        /// The namespace above it, which must exist.
        parent_namespace: Option<String>,
    ) -> libos::Result<Namespace> {
        let namespace = full_name(parent_namespace.as_deref(), &namespace);
        match object::create_namespace(&namespace) {
            Ok(()) => Ok(Namespace { namespace, created: true }),
            Err(Error::AlreadyExists(_)) => Ok(Namespace { namespace, created: false }),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a text file (UTF-8) into a new object of memory without showing its content.
    #[needs("read fs:**", "write object:**")]
    pub fn create_object_from_file(
        /// The object's name.
        name: String,
        /// The namespace it goes into; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
        /// The file, relative to the working directory or absolute as `/<mount>/...`.
        path: String,
        /// Only `utf-8`.
        encoding: Option<Encoding>,
        /// Most bytes of the file: 1 to 10485760; 1048576 if left out.
        #[schemars(range(min = 1, max = 10_485_760))]
        max_bytes: Option<u32>,
        /// Whether a longer file is cut at `max_bytes`, between characters; false if left out, and a longer file is an error.
        allow_truncated: Option<bool>,
        /// The object's type; `artifact` if left out.
        object_type: Option<String>,
    ) -> libos::Result<bridge::FromFile> {
        let Encoding::Utf8 = encoding.unwrap_or_default();
        let max_bytes = within("max_bytes", max_bytes, 1024 * 1024, 10 * 1024 * 1024)?;
        let text = libos_tools_common::read_text(&path, max_bytes)?;
        if text.truncated && !allow_truncated.unwrap_or(false) {
            let message = format!("{path} has more than {max_bytes} bytes; raise max_bytes or set allow_truncated");
            return Err(Failure::failed(message));
        }
        let name = full_name(namespace.as_deref(), &name);
        bridge::create(&name, path, text, object_type.unwrap_or_else(|| "artifact".into()))
    }

    /// Writes an object of memory into a file without showing its content. The payload must be bytes, a JSON string, or a JSON
    /// object whose field `content` is a string.
    #[needs("read object:**", "write fs:**")]
    pub fn write_object_to_file(
        /// The object's name.
        name: String,
        /// Its namespace; the process's own if left out and the name holds no `/`.
        namespace: Option<String>,
        /// The file, relative to the working directory or absolute as `/<mount>/...`. Its directory must exist.
        path: String,
        /// Only `utf-8`.
        encoding: Option<Encoding>,
        /// Whether an existing file is replaced; true if left out. With false, an existing file is an error.
        overwrite: Option<bool>,
    ) -> libos::Result<bridge::ToFile> {
        let Encoding::Utf8 = encoding.unwrap_or_default();
        bridge::write(&full_name(namespace.as_deref(), &name), path, overwrite.unwrap_or(true))
    }
}
