//! Scripts in tests, through the whole line: from their text, on a real runtime, with real files.
//!
//! ```no_run
//! # async fn example() {
//! use libos_e2e::script::{one, run};
//! use libos_e2e::{Host, OPEN, result};
//! use serde_json::json;
//!
//! // One program, called once with arguments, with these files in the workspace; what comes back is its result or its failure.
//! let ran = one("export function run(args) { return args.n + 1; }", json!({ "n": 1 }), &[("a.txt", "hello")]).await;
//! assert_eq!(ran.result, Ok(json!(2)));
//! assert_eq!(ran.log, [] as [&str; 0]);
//!
//! // Or step by step: a host with a policy, scripts added to it, calls of them.
//! let host = Host::new(OPEN, &[]).await;
//! host.add_script("count.ts", "export async function run(args, libos) { return (await libos.fs.list('.')).length; }").await;
//! assert_eq!(host.done("count", json!({})).await, json!(0));
//! # }
//! ```
//!
//! The components that read and run scripts are compiled once in a test program; hosts that come later have their machine code from there.

use crate::{Host, OPEN};
use libos::kernel::kernel::view::View;
use libos::kernel::model::id::Digest;
use libos::{BRIDGE_DIGEST, CallEvent, CallId, CallRequest, Failure, RuntimeError, ToolRow, kernel::kernel::EndedCall};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Machine code of a component of the runtime's own.
struct Code {
    component: Digest,
    file: String,
    engine: Digest,
    bytes: Vec<u8>,
}

/// Empty until the first script was added.
static CODE: Mutex<Vec<Code>> = Mutex::const_new(Vec::new());

/// What came of a script that was called once.
pub struct Ran {
    pub result: Result<Value, Failure>,
    /// Lines of its log, without level and time.
    pub log: Vec<String>,
    pub call: CallId,
    /// The host, for everything else to look at.
    pub host: Host,
}

/// Runs a script of one TypeScript module, `main.ts`, under a policy that allows everything. `files` are put into the workspace before.
pub async fn one(text: &str, arguments: Value, files: &[(&str, &str)]) -> Ran {
    run(OPEN, text, arguments, files).await
}

/// As [`one`], under another policy.
///
/// # Panics
/// The script is no tool, or it asks somebody.
pub async fn run(policy: &str, text: &str, arguments: Value, files: &[(&str, &str)]) -> Ran {
    let host = Host::new(policy, &[]).await;
    for (name, content) in files {
        if let Some((folder, _)) = name.rsplit_once('/') {
            fs::create_dir_all(host.workspace().join(folder)).unwrap();
        }
        host.put(name, content);
    }
    host.add_script("main.ts", text).await;
    let (call, mut events) = host.runtime.start(CallRequest::new("main", arguments.to_string())).await.unwrap();
    let result = match libos::Runtime::settle(&mut events).await {
        CallEvent::Ended(EndedCall { result, .. }) => result.map(|text| serde_json::from_str(&text).unwrap()),
        other => panic!("the script has not ended: {other:?}"),
    };
    let log = host.log(call);
    Ran { result, log, call, host }
}

impl Host {
    /// Adds a script from its text; `file` is the name that it would have on a disk, which names its tool.
    ///
    /// # Panics
    /// It is no tool.
    pub async fn add_script(&self, file: &str, text: &str) -> Vec<Arc<ToolRow>> {
        self.try_script(file, text).await.unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// As [`Host::add_script`], for one that may be wrong.
    ///
    /// # Errors
    /// It is.
    pub async fn try_script(&self, file: &str, text: &str) -> Result<Vec<Arc<ToolRow>>, RuntimeError> {
        self.bring_code().await;
        let added = self.runtime.add_source(file, text, None).await;
        self.note_code().await;
        Ok(added?.what)
    }

    /// Lines of the log of a call, without level and time.
    pub fn log(&self, call: CallId) -> Vec<String> {
        let snapshot = self.runtime.kernel().snapshot().unwrap();
        View(&snapshot).call_log(call).unwrap().into_iter().map(|line| line.text).collect()
    }

    async fn bring_code(&self) {
        for code in CODE.lock().await.iter() {
            let path = self.data().join("code").join(&code.file);
            if !path.exists() {
                fs::write(path, &code.bytes).unwrap();
                let digest = Sha256::digest(&code.bytes).into();
                self.runtime.kernel().set_compiled(&code.component, &code.engine, digest);
            }
        }
    }

    async fn note_code(&self) {
        let mut known = CODE.lock().await;
        if !known.is_empty() {
            return;
        }
        self.runtime.kernel().barrier().await.unwrap();
        let own = [*BRIDGE_DIGEST, libos::scripts::typescript_digest()];
        let compiled = self.runtime.kernel().all_compiled().unwrap();
        for (component, engine) in compiled.into_iter().filter(|(component, _)| own.contains(component)) {
            let names = fs::read_dir(self.data().join("code")).unwrap().map(|entry| entry.unwrap().file_name());
            let start = &libos::kernel::model::id::hex(&component)[..32];
            let file = names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with(start)).unwrap();
            let bytes = fs::read(self.data().join("code").join(&file)).unwrap();
            known.push(Code { component, file, engine, bytes });
        }
    }
}
