//! What an operation answered, as JSON in the names of the contract, and what of it is bytes.

use libos_kernel::model::call::{Entry, ObjectInfo, Payload, Reply, Stat};
use libos_kernel::model::child::{ChildInfo, EndedChild};
use libos_kernel::model::message::Message;
use libos_kernel::model::time::Time;
use serde_json::{Value, json};

/// The value and the content.
pub fn write(reply: &Reply) -> (Value, Option<Vec<u8>>) {
    let value = match reply {
        Reply::Unit => Value::Null,
        Reply::Bytes(bytes) => return (Value::Null, Some(bytes.clone())),
        Reply::Entries(entries) => entries.iter().map(entry).collect(),
        Reply::Stat(Stat { kind, size, modified }) => {
            json!({"kind": kind, "size": size, "modified": moment(*modified)})
        }
        Reply::Text(text) => json!(text),
        Reply::Info(found) => info(found),
        Reply::Object(found, Payload::Json(text)) => json!([info(found), {"json": text}]),
        Reply::Object(found, Payload::Bytes(bytes)) => return (json!([info(found), "bytes"]), Some(bytes.clone())),
        Reply::Infos(infos) => infos.iter().map(info).collect(),
        Reply::Names(names) => json!(names),
        Reply::Time(time) => moment(*time),
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
        Reply::Found(infos, next) => json!({"objects": infos.iter().map(info).collect::<Value>(), "next": next}),
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
        Reply::Ticket(ticket) => json!(ticket),
        Reply::GivenUp(given_up) => json!(given_up),
    };
    (value, None)
}

fn moment(time: Time) -> Value {
    let (seconds, nanoseconds) = time.parts();
    json!({"seconds": seconds, "nanoseconds": nanoseconds})
}

fn entry(Entry { name, stat: Stat { kind, size, modified } }: &Entry) -> Value {
    json!({"name": name, "kind": kind, "size": size, "modified": moment(*modified)})
}

fn info(info: &ObjectInfo) -> Value {
    json!({
        "name": info.name,
        "type": info.object_type,
        "version": info.version,
        "immutable": info.immutable,
        "title": info.title,
        "tags": info.tags,
        "size": info.size,
        "created": moment(info.created),
        "updated": moment(info.updated),
        "sources": info.sources,
    })
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
