//! Keys of providers and what other processes hold: canaries in a variable of the host, in a key file and in an object of somebody else. A
//! host runs in a process of its own, with a provider that repeats the key and a model that looks for all of it; then everything that the
//! host has left behind or said is searched, byte by byte.

use crate::models::{reply, settled};
use libos::kernel::model::process::State;
use libos_e2e::{Host, OPEN};
use libos_provider::{Asked, Clock, Provider, Step, Turn, json as said, status};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const VARIABLE: &str = "LIBOS_TEST_KEY";
const IN_VARIABLE: &str = "sk-canary-variable-6f1d2c9b7a5e4830";
const IN_FILE: &str = "sk-canary-file-0b9e8d7c6a5f41322";
const IN_OBJECT: &str = "canary-object-51c0ffee77aa";
/// The test below, in a process of its own.
const INNER: &str = "models_secrets::a_host_whose_model_looks_for_secrets";

fn policy(base_url: &str, key_file: &Path) -> String {
    let open = OPEN.replace("\"read,list,write,delete,link object:**\",", "\"use model:*\",\n    \"list object:**\",");
    let profile = |name: &str, key: String| {
        format!("[model.{name}]\nbase-url = \"{base_url}\"\nmodel = \"mock\"\nattempts = 1\n{key}\n")
    };
    let in_file = profile("file", format!("key-file = {key_file:?}"));
    format!("{open}\n{}{in_file}", profile("test", format!("key-env = \"{VARIABLE}\"")))
}

/// What the model does, question by question. It has the key from the provider, who has seen the header.
fn looks(number: usize, asked: &Asked) -> Turn {
    let key = asked.header("authorization").unwrap_or("none").trim_start_matches("Bearer ").to_owned();
    let write = |path: &str, content: String| ("write_text_file", json!({ "path": path, "content": content }));
    match number {
        0 => reply(&format!("Your key is {key}."), &[write("leak", format!("key {key}"))]),
        1 => status(500, &[], &format!("key {key} is wrong")),
        2 => status(401, &[], &format!("{{\"error\": {{\"message\": \"key {key}\"}}}}")),
        3 => reply(
            "",
            &[
                ("read_memory_object", json!({ "name": "secret" })),
                ("read_memory_object", json!({ "name": "secret", "namespace": "process/1" })),
                ("query_memory", json!({ "namespace": "process/1" })),
                ("read_text_file", json!({ "path": "../key" })),
                ("read_text_file", json!({ "path": "/proc/self/environ" })),
            ],
        ),
        4 => {
            said(&json!({ "model": format!("mock {key}"), "choices": [{ "index": 0, "finish_reason": key, "message": {
            "role": "assistant", "content": format!("{}-{}", &key[..10], &key[10..]),
            "tool_calls": [{ "id": key, "type": "function", "function": { "name": "echo", "arguments": json!({ "x": key }).to_string() } }],
        } }] }))
        }
        5 => vec![Step::Send(
            format!("HTTP/1.1 200 {key}\r\nx-request-id: {key}\r\ncontent-length: 5\r\n\r\n{key}").into_bytes(),
        )],
        _ => reply("", &[("process_exit", json!({ "payload": 1 }))]),
    }
}

fn seen(asked: &[Asked], canary: &str) -> Vec<String> {
    let mut places = Vec::new();
    for (number, request) in asked.iter().enumerate() {
        for (name, value) in
            request.headers.iter().filter(|(name, value)| name != "authorization" && value.contains(canary))
        {
            places.push(format!("request {number}, header {name}: {value}"));
        }
        if String::from_utf8_lossy(&request.body).contains(canary) {
            places.push(format!("request {number}: {}", String::from_utf8_lossy(&request.body)));
        }
    }
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test below, with the variable set"]
async fn a_host_whose_model_looks_for_secrets() {
    let root = std::env::temp_dir();
    let key_file = root.join("key");
    fs::write(&key_file, IN_FILE).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let (number, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, kept) = (Arc::clone(&number), Arc::clone(&all));
    let answer = move |asked: &Asked| {
        kept.lock().unwrap().push(asked.clone());
        looks(count.fetch_add(1, Ordering::SeqCst), asked)
    };
    let provider = Provider::answering(&Arc::new(Clock::default()), answer).await.unwrap();
    let host =
        Host::new(&policy(&provider.base_url(), &key_file), &["basics", "files", "objects", "people", "processes"])
            .await;
    let object = json!({ "name": "secret", "payload": { "canary": IN_OBJECT }, "type": "note" });
    let made = json!({ "tool": "create_memory_object", "args": object, "expect": {} }).to_string();
    let keeps = format!("{made}\n{{\"tool\":\"ask_human\",\"args\":{{\"question\":\"Go on?\"}}}}");
    let new = libos::NewAgent { image: "base", goal: "to keep it", planner: Some(&keeps), new: true };
    let keeper = host.runtime.start_agent(new).await.unwrap().what.pid;
    let (state, progress) = settled(&host, keeper).await;
    assert!(!progress.is_over, "it keeps its object: {state:?}");
    for (planner, canary) in [("model:test", IN_VARIABLE), ("model:file", IN_FILE)] {
        number.store(0, Ordering::SeqCst);
        let new = libos::NewAgent { image: "base", goal: "Find secrets.", planner: Some(planner), new: true };
        let pid = host.runtime.start_agent(new).await.unwrap().what.pid;
        let (state, _) = settled(&host, pid).await;
        assert_eq!(state, State::Exited("1".into()), "{planner}");
        assert!(number.load(Ordering::SeqCst) >= 7, "{planner}");
        let first = all.lock().unwrap().last().cloned().unwrap();
        assert_eq!(
            first.header("authorization"),
            Some(format!("Bearer {canary}").as_str()),
            "the key goes where it belongs"
        );
    }
    let asked = all.lock().unwrap().clone();
    for canary in [IN_VARIABLE, IN_FILE, IN_OBJECT] {
        assert_eq!(seen(&asked, canary), [""; 0], "{canary} is in no prompt");
    }
    // What another process holds is in no record either, but in that of whoever made it.
    for record in host.records().await.iter().filter(|record| record.pid != Some(keeper)) {
        assert!(!format!("{record:?}").contains(IN_OBJECT), "{record:?}");
    }
    host.runtime.close().await;
    // To be searched.
    host.leave_directories();
}

/// All files below, but one.
fn files(at: &Path, but: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            files(&path, but, found);
        } else if kind.is_file() && path != but {
            found.push(path);
        }
    }
}

fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

#[test]
fn keys_and_what_others_hold_are_in_nothing_that_a_host_leaves_or_says() {
    let root = std::env::temp_dir().join(format!("libos-secrets-{}", std::process::id()));
    fs::create_dir_all(&root).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([INNER, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(VARIABLE, IN_VARIABLE)
        .env("TMPDIR", &root)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    assert!(String::from_utf8_lossy(&said).contains("1 passed"), "it ran: {}", String::from_utf8_lossy(&said));
    let mut found = Vec::new();
    files(&root, &root.join("key"), &mut found);
    assert!(found.iter().any(|path| path.ends_with("store.redb")), "{found:?}");
    // That the search finds what is there: the object is in the store of the host.
    assert!(found.iter().any(|path| holds(&fs::read(path).unwrap(), IN_OBJECT)), "the search finds nothing");
    for canary in [IN_VARIABLE, IN_FILE] {
        for path in &found {
            assert!(!holds(&fs::read(path).unwrap(), canary), "{canary} is in {}", path.display());
        }
        assert!(!holds(&said, canary), "{canary} was said");
    }
    assert!(!holds(&said, IN_OBJECT), "the object was said");
    let leak: Vec<&PathBuf> = found.iter().filter(|path| path.ends_with("leak")).collect();
    assert_eq!(fs::read_to_string(leak[0]).unwrap(), "key [key]", "what the model wrote was written, without the key");
    fs::remove_dir_all(&root).unwrap();
}
