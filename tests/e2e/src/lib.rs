//! What the end-to-end tests share: a real runtime over a real directory, with a policy, the standard tools and the guest programs; and
//! scripts from their text, see [`script`].

#![expect(clippy::disallowed_methods, reason = "the tests make the outside that the host sees")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use libos::kernel::kernel::{EndedCall, FIRST_MOUNT, Reaction};
use libos::kernel::model::call::Approval;
use libos::kernel::model::decide::Ceiling;
use libos::kernel::model::id::{CallId, QuestionId};
use libos::kernel::model::limit::CallLimits;
use libos::kernel::model::policy::Policy;
use libos::kernel::model::question::QuestionRow;
use libos::kernel::model::record::Record;
use libos::kernel::model::resource::{Kind, Resource};
use libos::kernel::model::row::Failure;
use libos::kernel::store::disk::Directory;
use libos::kernel::world::World;
use libos::world::{MountSpec, OsWorld, WorldOptions};
use libos::{CallEvent, CallRequest, Config, Runtime, Waiting};
use serde_json::Value;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub mod script;

/// Names and paths of the components that were built.
pub const GUESTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/guests.rs"));

/// A policy under which every program of the tests can do its work.
pub const OPEN: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = [
    "read,list,write,delete fs:workspace/**",
    "read,list,write,delete,link object:**",
    "wait process:pid/*",
    "ask,tell human:owner",
    "sleep clock:sleep",
    "call tool:*",
    "register tool:*",
    "register image:*",
    "create checkpoint:**",
    "read env:*",
    "spawn process:image/*",
    "use image:*",
    "message process:pid/*",
    "execute shell:**",
]
"#;

/// A directory with a workspace and a data directory, and a host over them.
pub struct Host {
    root: PathBuf,
    pub runtime: Arc<Runtime>,
    keep: bool,
}

/// The bytes of a guest.
pub fn guest(name: &str) -> Vec<u8> {
    let path = GUESTS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no guest {name}")).1;
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Host {
    /// A new host whose outside is changed by `wrap`.
    pub async fn with_world(
        policy: &str,
        guests: &[&str],
        limits: CallLimits,
        wrap: impl FnOnce(OsWorld) -> Arc<dyn World>,
    ) -> Host {
        let root = new_root();
        let host =
            Host { runtime: open(&root, policy, wrap, |config| config.limits = Some(limits)), root, keep: false };
        host.add(guests).await;
        host
    }

    /// A new host with this policy and these guests.
    pub async fn new(policy: &str, guests: &[&str]) -> Host {
        Host::with_limits(policy, guests, |_| {}).await
    }

    /// As [`Host::new`], with other limits of calls.
    pub async fn with_limits(policy: &str, guests: &[&str], limits: impl FnOnce(&mut CallLimits)) -> Host {
        let mut frozen = CallLimits::default();
        limits(&mut frozen);
        Host::with_config(policy, guests, |config| config.limits = Some(frozen)).await
    }

    async fn add(&self, guests: &[&str]) {
        for name in guests {
            self.runtime
                .add_component(guest(name), None, false)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// Ends the host in an orderly way and starts another one over the same directories.
    pub async fn restart(self) -> Host {
        self.restart_with(|_| {}, |_| {}).await
    }

    /// A new host whose runtime is made as `configure` says.
    pub async fn with_config(policy: &str, guests: &[&str], configure: impl FnOnce(&mut Config)) -> Host {
        let root = new_root();
        let host = Host { runtime: open(&root, policy, |world| Arc::new(world), configure), root, keep: false };
        host.add(guests).await;
        host
    }

    /// As [`Host::restart`]; before the new host starts, `between` may change what is on the disk.
    pub async fn restart_with(mut self, between: impl FnOnce(&Path), configure: impl FnOnce(&mut Config)) -> Host {
        self.runtime.close().await;
        self.keep = true;
        let root = self.root.clone();
        drop(self);
        between(&root);
        Host { runtime: open(&root, "", |world| Arc::new(world), configure), root, keep: false }
    }

    /// A host over a copy of what this one has on the disk, and the same workspace: what follows when this one is killed now.
    pub fn after_kill(&self, wrap: impl FnOnce(OsWorld) -> Arc<dyn World>) -> Host {
        let root = fresh_root();
        std::os::unix::fs::symlink(self.workspace(), root.join("workspace")).unwrap();
        copy(&self.data(), &root.join("data"));
        Host { runtime: open(&root, "", wrap, |_| {}), root, keep: false }
    }

    /// A host over a copy of what this one has on the disk, and an empty workspace: components are compiled once for many hosts.
    pub fn like(&self, policy: &str, wrap: impl FnOnce(OsWorld) -> Arc<dyn World>) -> Host {
        let root = fresh_root();
        fs::create_dir_all(root.join("workspace")).unwrap();
        copy(&self.data(), &root.join("data"));
        Host { runtime: open(&root, policy, wrap, |_| {}), root, keep: false }
    }

    /// The workspace.
    pub fn workspace(&self) -> PathBuf {
        self.root.join("workspace")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Lets go of the host, whose directories stay.
    pub fn leave_directories(mut self) {
        self.keep = true;
    }

    /// Puts a file into the workspace.
    pub fn put(&self, name: &str, content: &str) {
        fs::write(self.workspace().join(name), content).unwrap();
    }

    /// A file of the workspace.
    pub fn content(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.workspace().join(name)).ok()
    }

    /// Calls a tool and waits for its end or a question.
    pub async fn call(&self, tool: &str, arguments: Value) -> CallEvent {
        self.runtime.call(CallRequest::new(tool, arguments.to_string())).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Calls a tool that must end well.
    pub async fn done(&self, tool: &str, arguments: Value) -> Value {
        result(self.call(tool, arguments).await)
    }

    /// Calls a tool that must fail.
    pub async fn failed(&self, tool: &str, arguments: Value) -> Failure {
        match self.call(tool, arguments).await {
            CallEvent::Ended(EndedCall { result: Err(failure), .. }) => failure,
            other => panic!("{tool} did not fail: {other:?}"),
        }
    }

    /// Calls a tool that must ask.
    pub async fn asks(&self, tool: &str, arguments: Value) -> QuestionRow {
        match self.call(tool, arguments).await {
            CallEvent::Waits(Waiting::Question(id)) => self.question(id),
            other => panic!("{tool} did not ask: {other:?}"),
        }
    }

    /// A question.
    pub fn question(&self, id: QuestionId) -> QuestionRow {
        let snapshot = self.runtime.kernel().snapshot().unwrap();
        libos::kernel::kernel::view::View(&snapshot).question(id).unwrap().unwrap()
    }

    /// Answers a question and waits for the next end or question of its call.
    pub async fn answer(&self, id: QuestionId, approval: Approval) -> CallEvent {
        let call = self.question(id).call;
        let mut events = self.runtime.listen(call);
        self.runtime.answer(id, Reaction::Approve { approval, note: None }).await.unwrap();
        Runtime::settle(&mut events).await
    }

    /// Answers a question in words.
    pub async fn say(&self, id: QuestionId, text: &str) -> CallEvent {
        let call = self.question(id).call;
        let mut events = self.runtime.listen(call);
        self.runtime.answer(id, Reaction::Tell { text: text.into() }).await.unwrap();
        Runtime::settle(&mut events).await
    }

    /// Lets a waiting call go from memory, as if its wait had lasted.
    pub fn park(&self, call: CallId) -> bool {
        self.runtime.kernel().park_call(call)
    }

    /// The records that are on the disk.
    pub async fn records(&self) -> Vec<Record> {
        self.runtime.kernel().barrier().await.unwrap();
        let snapshot = self.runtime.kernel().snapshot().unwrap();
        let mut records = Vec::new();
        libos::kernel::kernel::view::View(&snapshot)
            .records(0, |record| {
                records.push(record);
                ControlFlow::Continue(())
            })
            .unwrap();
        records
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// The result of a call that must have ended well.
pub fn result(event: CallEvent) -> Value {
    match event {
        CallEvent::Ended(EndedCall { result: Ok(text), .. }) => serde_json::from_str(&text).unwrap(),
        other => panic!("it did not end well: {other:?}"),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => copy(&entry.path(), &target),
            kind if kind.is_file() => drop(fs::copy(entry.path(), target).unwrap()),
            _ => {}
        }
    }
}

fn new_root() -> PathBuf {
    let root = fresh_root();
    fs::create_dir_all(root.join("workspace")).unwrap();
    fs::create_dir_all(root.join("data/code")).unwrap();
    root
}

fn fresh_root() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let root = std::env::temp_dir().join(format!("libos-e2e-{}-{number}", std::process::id()));
    fs::create_dir_all(&root).unwrap();
    root
}

/// A runtime over `root`; an empty policy leaves the one in force.
fn open(
    root: &Path,
    policy: &str,
    wrap: impl FnOnce(OsWorld) -> Arc<dyn World>,
    configure: impl FnOnce(&mut Config),
) -> Arc<Runtime> {
    let data = root.join("data");
    let mount = MountSpec { name: FIRST_MOUNT.into(), path: root.join("workspace"), allow_hard_links: false };
    let world = OsWorld::new(vec![mount], vec![data.clone()], WorldOptions::default()).unwrap();
    let mut config = Config::new(Arc::new(Directory::new(&data)), wrap(world));
    config.code = Some(data.join("code"));
    config.limits = Some(CallLimits::default());
    config.resident_max = 64;
    config.ceiling = Ceiling { protected: vec![Resource::new(Kind::Fs, "workspace/libos.toml")] };
    configure(&mut config);
    let runtime = Runtime::open(config).unwrap();
    if !policy.is_empty() {
        Policy::parse(policy).unwrap();
        runtime.kernel().set_policy(policy).unwrap();
    }
    runtime
}
