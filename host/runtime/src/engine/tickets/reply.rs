//! What an operation answered, as JSON in the names of the contract, and what of it is bytes.

use libos_kernel::model::call::{Entry, ObjectInfo, Payload, Reply, Stat};
use libos_kernel::model::child::{ChildInfo, EndedChild};
use libos_kernel::model::message::Message;
use libos_kernel::model::time::Time;
use serde::Serialize;
use serde_json::{Value, json};

/// The value and the content.
pub fn write(reply: &Reply) -> (String, Option<Vec<u8>>) {
    match reply {
        Reply::Bytes(bytes) => ("null".to_owned(), Some(bytes.clone())),
        Reply::Info(found) => (text(&Info::of(found)), None),
        Reply::Object(found, Payload::Json(json)) => (text(&(Info::of(found), Json { json })), None),
        Reply::Object(found, Payload::Bytes(bytes)) => (text(&(Info::of(found), "bytes")), Some(bytes.clone())),
        Reply::Infos(infos) => (text(&infos.iter().map(Info::of).collect::<Vec<_>>()), None),
        Reply::Found(infos, next) => {
            (text(&Page { objects: infos.iter().map(Info::of).collect(), next: next.as_deref() }), None)
        }
        other => (value(other).to_string(), None),
    }
}

/// JSON without a tree of values on the way. Fields stand in the order of the alphabet, as a tree would have them.
fn text(what: &impl Serialize) -> String {
    // Cannot fail: there are neither maps with other keys than text in it nor writers that fail.
    serde_json::to_string(what).unwrap_or_else(|_| "null".to_owned())
}

#[derive(Serialize)]
struct Page<'a> {
    next: Option<&'a str>,
    objects: Vec<Info<'a>>,
}

#[derive(Serialize)]
struct Json<'a> {
    json: &'a str,
}

#[derive(Serialize)]
struct Moment {
    nanoseconds: u32,
    seconds: u64,
}

#[derive(Serialize)]
struct Info<'a> {
    created: Moment,
    immutable: bool,
    name: &'a str,
    size: u64,
    sources: &'a [String],
    tags: &'a [String],
    title: &'a str,
    #[serde(rename = "type")]
    object_type: &'a str,
    updated: Moment,
    version: u64,
}

impl Info<'_> {
    fn of(info: &ObjectInfo) -> Info<'_> {
        Info {
            name: &info.name,
            object_type: &info.object_type,
            version: info.version,
            immutable: info.immutable,
            title: &info.title,
            tags: &info.tags,
            size: info.size,
            created: moment(info.created),
            updated: moment(info.updated),
            sources: &info.sources,
        }
    }
}

fn value(reply: &Reply) -> Value {
    match reply {
        // Written above, each; and what only a planner is answered with.
        Reply::Bytes(_) | Reply::Info(_) | Reply::Object(..) | Reply::Infos(_) | Reply::Found(..) => Value::Null,
        Reply::Unit | Reply::Model(_) => Value::Null,
        Reply::Entries(entries) => entries.iter().map(entry).collect(),
        Reply::Stat(Stat { kind, size, modified }) => {
            json!({"kind": kind, "size": size, "modified": moment(*modified)})
        }
        Reply::Text(text) => json!(text),
        Reply::Names(names) => json!(names),
        Reply::Time(time) => json!(moment(*time)),
        Reply::Approval(approval) => json!(approval),
        Reply::Identity(identity) => json!({
            "pid": identity.pid.to_string(),
            "parent": identity.parent.map(|pid| pid.to_string()),
            "image": identity.image,
            "call": identity.call.to_string(),
            "tool": identity.tool,
        }),
        Reply::Called(called) => json!(called),
        Reply::Links(ends) => json!(ends),
        Reply::Merged(merged) => json!(merged),
        Reply::Pid(pid) => json!(pid.to_string()),
        Reply::EndedChild(child) => child.as_ref().map_or(Value::Null, ended),
        Reply::Children(children) => children.iter().map(child).collect(),
        Reply::Message(message) => message.as_ref().map_or(Value::Null, received),
        Reply::Sent(id) => json!(id.to_string()),
        Reply::Count(count) => json!(count),
        Reply::Variable(value) => json!(value),
        Reply::Report(report) => json!(report),
        Reply::Tools(tools) => json!(tools),
        Reply::ImageRegistered(image, change) => json!({ "image": image, "change": change }),
        Reply::Images(images) => json!(images),
        Reply::Ran(ran) => json!({
            "ended": ran.end,
            "code": ran.code,
            "stdout": ran.stdout,
            "stderr": ran.stderr,
            "wallTime": ran.wall_time,
            "processorTime": ran.processor_time,
        }),
        Reply::Ticket(ticket) => json!(ticket),
        Reply::GivenUp(given_up) => json!(given_up),
    }
}

fn moment(time: Time) -> Moment {
    let (seconds, nanoseconds) = time.parts();
    Moment { seconds, nanoseconds }
}

fn entry(Entry { name, stat: Stat { kind, size, modified } }: &Entry) -> Value {
    json!({"name": name, "kind": kind, "size": size, "modified": moment(*modified)})
}

fn ended(child: &EndedChild) -> Value {
    json!({"pid": child.pid.to_string(), "how": child.end, "resultObject": child.result_object})
}

fn child(child: &ChildInfo) -> Value {
    json!({
        "pid": child.pid.to_string(),
        "state": child.state,
        "why": child.why,
        "image": child.image,
        "goal": child.goal,
        "created": moment(child.created),
    })
}

fn received(message: &Message) -> Value {
    json!({
        "id": message.id.to_string(),
        "from": message.from.to_string(),
        "kind": message.kind,
        "channel": message.channel,
        "correlation": message.correlation,
        "body": message.body,
        "sent": moment(message.sent),
    })
}
