//! What the benches stand on: scratch directories, an outside that does nothing, kernels with a tool and a process, parked calls.

use libos::kernel::kernel::{FIRST_MOUNT, Kernel, NewTool, Options, Permit, StartCall, Started};
use libos::kernel::model::answer::Answer;
use libos::kernel::model::call::{Call, Entry, EntryKind, Stat, WriteMode};
use libos::kernel::model::decide::Ceiling;
use libos::kernel::model::id::{CallId, Pid, QuestionId};
use libos::kernel::model::image::BASE;
use libos::kernel::model::limit::CallLimits;
use libos::kernel::model::resource::{Kind, Resource};
use libos::kernel::model::row::{Before, Probe, Wait};
use libos::kernel::model::rule::Rule;
use libos::kernel::model::time::Time;
use libos::kernel::store::disk::{Directory, Storage};
use libos::kernel::syscall::Line;
use libos::kernel::world::{Content, Found, Probed, Range, World, WorldError};
use libos::world::{MountSpec, OsWorld, WorldOptions};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

/// A policy under which the benches can do their work, with as many lines as a small real one.
pub const POLICY: &str = r#"
[mounts]
workspace = "."
[image.base]
allow = [
    "read,list,write,delete fs:workspace/**",
    "read,list,write,delete object:**",
    "ask,tell human:owner",
    "sleep clock:sleep",
    "message process:pid/*",
    "spawn process:image/*",
]
[questions]
open-max = 1000
per-hour = 10000
"#;

/// Name of the tool that kernels without an engine have.
pub const TOOL: &str = "tool";

/// A directory beside the built program, on the disk of the checkout; it goes with the value.
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty one, with `data` and `workspace` in it.
    pub fn new(name: &str) -> Scratch {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let place = std::env::current_exe().unwrap().parent().unwrap().join("bench-scratch");
        let path = place.join(format!("{}-{number}-{name}", std::process::id()));
        for part in ["data", "workspace"] {
            std::fs::create_dir_all(path.join(part)).unwrap();
        }
        Scratch(path)
    }

    /// Where the store is.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// What the mount is.
    pub fn workspace(&self) -> PathBuf {
        self.0.join("workspace")
    }

    /// The store.
    pub fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(Directory::new(self.data()))
    }

    /// The real outside over it.
    pub fn world(&self) -> Arc<OsWorld> {
        let mount = MountSpec { name: FIRST_MOUNT.into(), path: self.workspace(), allow_hard_links: false };
        Arc::new(OsWorld::new(vec![mount], vec![self.data()], WorldOptions::default()).unwrap())
    }

    /// Bytes of the store's file.
    pub fn store_bytes(&self) -> u64 {
        std::fs::metadata(self.data().join("store.redb")).unwrap().len()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An outside that does nothing and always succeeds, so that only the kernel and its store are measured. Time is real.
pub struct Nothing;

impl World for Nothing {
    fn now(&self, _: &Permit) -> Time {
        Time::default().after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    fn random(&self, _: &Permit, bytes: &mut [u8]) -> Result<(), WorldError> {
        static STATE: AtomicU64 = AtomicU64::new(1);
        bytes.fill_with(|| STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_be_bytes()[0]);
        Ok(())
    }

    fn fs_read(&self, _: &Permit, _: Option<Range>) -> Result<Content, WorldError> {
        Ok(Content::Whole(vec![0; 1_024]))
    }

    fn fs_write(&self, _: &Permit, _: &[u8], _: WriteMode, _: &str) -> Result<(), WorldError> {
        Ok(())
    }

    fn fs_append(&self, _: &Permit, _: &[u8]) -> Result<(), WorldError> {
        Ok(())
    }

    fn fs_list(&self, _: &Permit) -> Result<Vec<Entry>, WorldError> {
        Ok(Vec::new())
    }

    fn fs_stat(&self, _: &Permit) -> Result<Stat, WorldError> {
        Ok(Stat { kind: EntryKind::File, size: 0, modified: Time::default() })
    }

    fn fs_make_dir(&self, _: &Permit) -> Result<(), WorldError> {
        Ok(())
    }

    fn fs_remove(&self, _: &Permit, _: bool) -> Result<(), WorldError> {
        Ok(())
    }

    fn fs_rename(&self, _: &Permit, _: bool) -> Result<(), WorldError> {
        Ok(())
    }

    fn fs_inspect(&self, _: &Permit, _: usize, _: bool, _: bool) -> Result<Found, WorldError> {
        Ok(Found {
            before: Before::Present { device: 1, inode: 1, size: 200, directory: false, created: None },
            content: None,
        })
    }

    fn probe(&self, _: &Permit, _: &Probe, _: &str) -> Probed {
        Probed::Unknown
    }
}

/// A kernel over a store, with the ceiling that the command line sets.
pub fn kernel(storage: Arc<dyn Storage>, world: Arc<dyn World>) -> Arc<Kernel> {
    let ceiling = Ceiling { protected: vec![Resource::new(Kind::Fs, "workspace/libos.toml")] };
    Kernel::open(Options { ceiling, ..Options::new(storage, world) }).unwrap()
}

/// A new kernel with the policy and a tool that no engine runs.
pub fn kernel_with_tool(storage: Arc<dyn Storage>, world: Arc<dyn World>) -> Arc<Kernel> {
    let kernel = kernel(storage, world);
    kernel.set_policy(POLICY).unwrap();
    add_tool(&kernel, TOOL, None);
    kernel
}

/// Adds a tool that no engine runs, with what it declares.
pub fn add_tool(kernel: &Kernel, name: &str, needs: Option<Vec<Rule>>) {
    let schema = || "{}".to_owned();
    let tool = NewTool {
        name: name.into(),
        export: name.into(),
        summary: String::new(),
        arguments: schema(),
        result: schema(),
        needs,
        script: None,
    };
    let imports = ["fs", "object", "human", "clock", "message", "shell"].map(str::to_owned);
    kernel.add_tools(b"no component", &imports, vec![tool], false).unwrap();
}

/// A process of the image `base`.
pub fn process(kernel: &Kernel) -> Pid {
    kernel.new_process(BASE, false).unwrap()
}

/// A call of that process.
pub fn start(kernel: &Kernel, pid: Pid, tool: &str, arguments: String) -> Started {
    let limits = CallLimits::default();
    kernel.start_call(StartCall { pid, tool: tool.into(), arguments, limits, keep: false }).unwrap()
}

/// A call of that process that no engine runs: its end of the line.
pub fn line(kernel: &Arc<Kernel>, pid: Pid) -> Line {
    let started = start(kernel, pid, TOOL, "{}".into());
    Line::new(Arc::clone(kernel), &started)
}

/// Sends something down the line that must be done.
pub async fn done(line: &mut Line, call: Call) -> Arc<Answer> {
    let answer = line.run(call).await.unwrap();
    assert!(matches!(*answer, Answer::Done(_)), "{answer:?}");
    answer
}

/// Runs a future as far as it comes without waiting. Whether it ended.
pub fn poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// The question that a call waits for.
pub fn question(kernel: &Kernel, call: CallId) -> QuestionId {
    match kernel.wait_of(call) {
        Some(Wait::Question(id)) => id,
        other => panic!("{call} waits for {other:?}"),
    }
}

/// Processes, each with a call that has asked a person and left memory, as a tool that asks would leave it.
pub async fn park(kernel: &Arc<Kernel>, count: usize) -> Vec<CallId> {
    let mut parked = Vec::with_capacity(count);
    for number in 0..count {
        let pid = kernel.new_process(BASE, true).unwrap();
        let started = start(kernel, pid, TOOL, r#"{"question":"Shall the release go out today?"}"#.into());
        let mut line = Line::new(Arc::clone(kernel), &started);
        let ask = Call::HumanAsk { question: "Shall the release go out today?".into(), queue: None };
        let waits = poll(pin!(line.run(ask))).is_none();
        assert!(waits && kernel.park_call(started.row.id));
        parked.push(started.row.id);
        if number % 500 == 499 {
            kernel.barrier().await.unwrap();
        }
    }
    kernel.barrier().await.unwrap();
    parked
}

/// Resident memory of this process in bytes.
pub fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

/// Memory of this process in bytes, with its page tables, where a page that is mapped several times counts in parts (`Pss`, proc(5)): the
/// memory that instances begin with is mapped by all of them.
pub fn proportional_bytes() -> u64 {
    let kibibytes = |path: &str, field: &str| {
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap().to_owned();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    (kibibytes("/proc/self/smaps_rollup", "Pss:") + kibibytes("/proc/self/status", "VmPTE:")) * 1_024
}

/// The built command line, if it is there.
pub fn command_line() -> Option<PathBuf> {
    let program = std::env::current_exe().unwrap().parent().map(|folder: &Path| folder.join("libos"))?;
    program.exists().then_some(program)
}

/// Two threads, as the machine that the targets are for has.
pub fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
