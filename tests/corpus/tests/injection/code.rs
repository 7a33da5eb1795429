//! Machine code of components, compiled once for all hosts of this test.

use libos::Runtime;
use libos::kernel::model::id::{Digest, hex};
use libos_e2e::guest;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The components of the standard tools.
const STANDARD: [&str; 11] =
    ["basics", "edit", "files", "images", "jit", "messages", "objects", "people", "processes", "programs", "search"];

struct Code {
    component: Digest,
    engine: Digest,
    file: String,
    bytes: Vec<u8>,
}

static CODE: Mutex<Vec<Code>> = Mutex::const_new(Vec::new());

/// Gives a host over this store the standard tools.
pub async fn bring(runtime: &Arc<Runtime>, store: &Path) {
    let mut known = CODE.lock().await;
    if known.is_empty() {
        // The first one compiles, and others wait for that.
        add(runtime).await;
        return note_in(&mut known, runtime, store).await;
    }
    for code in known.iter() {
        fs::write(store.join("code").join(&code.file), &code.bytes).unwrap();
        runtime.kernel().set_compiled(&code.component, &code.engine, Sha256::digest(&code.bytes).into());
    }
    drop(known);
    add(runtime).await;
}

async fn add(runtime: &Arc<Runtime>) {
    for name in STANDARD {
        let added = runtime.add_component(guest(name), None, true).await;
        added.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Keeps what a host over this store has compiled.
pub async fn note(runtime: &Runtime, store: &Path) {
    note_in(&mut *CODE.lock().await, runtime, store).await;
}

async fn note_in(known: &mut Vec<Code>, runtime: &Runtime, store: &Path) {
    runtime.kernel().barrier().await.unwrap();
    for (component, engine) in runtime.kernel().all_compiled().unwrap() {
        if known.iter().any(|code| code.component == component) {
            continue;
        }
        let start = &hex(&component)[..32];
        let names = fs::read_dir(store.join("code")).unwrap().map(|entry| entry.unwrap().file_name());
        if let Some(file) = names.map(|name| name.into_string().unwrap()).find(|name| name.starts_with(start)) {
            let bytes = fs::read(store.join("code").join(&file)).unwrap();
            known.push(Code { component, engine, file, bytes });
        }
    }
}
