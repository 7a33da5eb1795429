//! From the words of a step to a system call.

use libos::kernel::model::call::{Call, Level, ObjectOptions, Payload, WriteMode};

/// The system call of a step; none if the step is something else.
pub fn call(words: &[Vec<u8>]) -> Option<Call> {
    let (verb, rest) = words.split_first()?;
    let verb = std::str::from_utf8(verb).ok()?;
    let rest: Vec<&[u8]> = rest.iter().map(Vec::as_slice).collect();
    if verb.starts_with("o-") { object(verb, &rest) } else { file(verb, &rest).or_else(|| other(verb, &rest)) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("a guest's strings are UTF-8")
}

fn number<T: std::str::FromStr>(bytes: &[u8]) -> T {
    text(bytes).parse().unwrap_or_else(|_| panic!("'{}' is no number", text(bytes)))
}

fn file(verb: &str, rest: &[&[u8]]) -> Option<Call> {
    Some(match (verb, rest) {
        ("read", [path]) => Call::FsRead { path: text(path) },
        ("range", [path, offset, length]) => {
            Call::FsReadRange { path: text(path), offset: number(offset), length: number(length) }
        }
        ("write", [path, content]) => {
            Call::FsWrite { path: text(path), content: content.to_vec(), mode: WriteMode::CreateOrReplace }
        }
        ("write-new", [path, content]) => {
            Call::FsWrite { path: text(path), content: content.to_vec(), mode: WriteMode::CreateNew }
        }
        ("write-old", [path, content]) => {
            Call::FsWrite { path: text(path), content: content.to_vec(), mode: WriteMode::ReplaceExisting }
        }
        ("append", [path, content]) => Call::FsAppend { path: text(path), content: content.to_vec() },
        ("list", [path]) => Call::FsList { path: text(path) },
        ("stat", [path]) => Call::FsStat { path: text(path) },
        ("make-dir", [path]) => Call::FsMakeDir { path: text(path) },
        ("remove", [path]) => Call::FsRemove { path: text(path), recursive: false },
        ("remove-all", [path]) => Call::FsRemove { path: text(path), recursive: true },
        ("rename", [old, new]) => Call::FsRename { old: text(old), new: text(new), replace: false },
        ("rename-over", [old, new]) => Call::FsRename { old: text(old), new: text(new), replace: true },
        ("copy", [source, target]) => Call::FsCopy { source: text(source), target: text(target), replace: false },
        ("copy-over", [source, target]) => Call::FsCopy { source: text(source), target: text(target), replace: true },
        ("cd", [path]) => Call::FsChangeDirectory { path: text(path) },
        ("pwd", []) => Call::FsWorkingDirectory,
        _ => return None,
    })
}

fn object(verb: &str, rest: &[&[u8]]) -> Option<Call> {
    let options = || ObjectOptions {
        object_type: "note".into(),
        immutable: false,
        title: String::new(),
        tags: Vec::new(),
        sources: Vec::new(),
    };
    let json = |bytes: &[u8]| Payload::Json(text(bytes));
    Some(match (verb, rest) {
        ("o-create", [name, payload]) => {
            Call::ObjectCreate { name: text(name), payload: json(payload), options: options() }
        }
        ("o-read", [name]) => Call::ObjectRead { name: text(name) },
        ("o-update", [name, payload]) => {
            Call::ObjectUpdate { name: text(name), payload: json(payload), expected_version: None }
        }
        ("o-delete", [name]) => Call::ObjectDelete { name: text(name), expected_version: None },
        ("o-list", [namespace]) => Call::ObjectList { namespace: Some(text(namespace)) },
        ("o-list", []) => Call::ObjectList { namespace: None },
        ("o-namespaces", [namespace]) => Call::ObjectNamespaces { namespace: Some(text(namespace)) },
        ("o-make", [namespace]) => Call::ObjectCreateNamespace { namespace: text(namespace) },
        _ => return None,
    })
}

fn other(verb: &str, rest: &[&[u8]]) -> Option<Call> {
    Some(match (verb, rest) {
        ("ask", [question]) => Call::HumanAsk { question: text(question), queue: None },
        ("ask", [question, queue]) => Call::HumanAsk { question: text(question), queue: Some(text(queue)) },
        ("approve", [rights, resource, reason]) => Call::HumanApprove {
            resource: text(resource),
            rights: text(rights).split(',').map(str::to_owned).collect(),
            reason: text(reason),
            queue: None,
        },
        ("tell", [message]) => Call::HumanTell { message: text(message), queue: None },
        ("log", [message]) => Call::LogWrite { level: Level::Info, message: text(message) },
        ("sleep", [nanoseconds]) => Call::ClockSleep { nanoseconds: number(nanoseconds) },
        ("random", [count]) => Call::RandomBytes { count: number(count) },
        ("checkpoint", [reason]) => Call::ProcessCheckpoint { reason: text(reason) },
        ("environment", [name]) => Call::ProcessEnvironment { name: text(name) },
        ("exit", [result]) => Call::ProcessExit { result: text(result) },
        _ => return None,
    })
}
