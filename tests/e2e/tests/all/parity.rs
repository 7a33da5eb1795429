//! The world in memory gives the answers that the real one gives: the same rows, and the same random walks, against both.

use libos::kernel::kernel::{Kernel, NewTool, Options, StartCall};
use libos::kernel::model::answer::Answer;
use libos::kernel::model::call::{Call, Reply, WriteMode};
use libos::kernel::model::image::BASE;
use libos::kernel::model::limit::{self, CallLimits};
use libos::kernel::store::disk::Memory;
use libos::kernel::syscall::Line;
use libos::kernel::world::World;
use libos::world::{Body, MemoryWorld, MountSpec, OsWorld, WorldOptions};
use libos_e2e::OPEN;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is there at first; a directory ends in a slash, a link has an arrow.
const TREE: [&str; 11] = [
    "a.txt",
    "dir/",
    "dir/b.txt",
    "dir/sub/",
    "dir/sub/c.txt",
    "empty/",
    "to_a -> a.txt",
    "to_dir -> dir",
    "dir/up -> ../a.txt",
    "out -> ../../etc/passwd",
    "loop -> loop",
];

/// A call of a tool, over one of the two worlds.
struct Side {
    line: Line,
    kernel: Arc<Kernel>,
}

impl Side {
    fn new(world: Arc<dyn World>) -> Side {
        let storage = Arc::new(Memory::default());
        let kernel = Kernel::open(Options::new(storage, world)).unwrap();
        let tool = NewTool {
            name: "act".into(),
            export: "act".into(),
            summary: String::new(),
            arguments: "{}".into(),
            result: "{}".into(),
            needs: None,
            script: None,
        };
        kernel.add_tools(b"a component", &["fs".into()], vec![tool], true).unwrap();
        kernel.set_policy(OPEN).unwrap();
        let pid = kernel.new_process(BASE, false).unwrap();
        let limits = CallLimits::default();
        let started = kernel
            .start_call(StartCall { pid, tool: "act".into(), arguments: "null".into(), limits, keep: false })
            .unwrap();
        Side { line: Line::new(Arc::clone(&kernel), &started), kernel }
    }

    /// The answer, without times.
    async fn answer(&mut self, call: &Call) -> String {
        let answer = self.line.run(call.clone()).await.unwrap();
        match &*answer {
            Answer::Done(Reply::Stat(stat)) => format!("{:?} {}", stat.kind, stat.size),
            Answer::Done(Reply::Entries(entries)) => {
                let entry = |entry: &libos::kernel::model::call::Entry| {
                    format!("{} {:?} {}", entry.name, entry.stat.kind, entry.stat.size)
                };
                format!("{:?}", entries.iter().map(entry).collect::<Vec<_>>())
            }
            other => format!("{other:?}"),
        }
    }
}

/// The same tree in both.
struct Both {
    root: PathBuf,
    memory: MemoryWorld,
    sides: [Side; 2],
}

impl Both {
    fn new(name: &str) -> Both {
        let root = std::env::temp_dir().join(format!("libos-parity-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(root.join("workspace")).unwrap();
        let memory = MemoryWorld::new(&["workspace"], 0);
        for entry in TREE {
            let path = |name: &str| root.join("workspace").join(name);
            let (name, body) = if let Some(name) = entry.strip_suffix('/') {
                std::fs::create_dir_all(path(name)).unwrap();
                (name, Body::Directory)
            } else if let Some((name, target)) = entry.split_once(" -> ") {
                std::os::unix::fs::symlink(target, path(name)).unwrap();
                (name, Body::Link(target.into()))
            } else {
                std::fs::write(path(entry), entry).unwrap();
                (entry, Body::File(entry.into()))
            };
            memory.put(&format!("workspace/{name}"), body);
        }
        let mount = MountSpec { name: "workspace".into(), path: root.join("workspace"), allow_hard_links: true };
        let real = OsWorld::new(vec![mount], Vec::new(), WorldOptions::default()).unwrap();
        let sides = [Side::new(Arc::new(memory.clone())), Side::new(Arc::new(real))];
        Both { root, memory, sides }
    }

    /// Makes a call on both sides.
    async fn same(&mut self, call: &Call) {
        let [memory, real] = &mut self.sides;
        let (memory, real) = (memory.answer(call).await, real.answer(call).await);
        assert_eq!(memory, real, "in memory, then on the disk: {}", shown(call));
    }

    /// Everything is the same now.
    fn same_files(&self) {
        let mut real = Vec::new();
        walk(&self.root, "workspace", &mut real);
        let memory: Vec<String> = self.memory.files().iter().map(|(name, body)| format!("{name} {body:?}")).collect();
        real.sort();
        let mut memory = memory;
        memory.sort();
        assert_eq!(memory, real);
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        for side in &self.sides {
            side.kernel.shutdown();
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

fn shown(call: &Call) -> String {
    let text = format!("{call:?}");
    text.chars().take(300).collect()
}

fn walk(root: &Path, name: &str, found: &mut Vec<String>) {
    let path = root.join(name);
    let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
    let body = if kind.is_symlink() {
        Body::Link(std::fs::read_link(&path).unwrap().to_str().unwrap().into())
    } else if kind.is_dir() {
        for entry in std::fs::read_dir(&path).unwrap() {
            walk(root, &format!("{name}/{}", entry.unwrap().file_name().to_str().unwrap()), found);
        }
        Body::Directory
    } else {
        Body::File(std::fs::read(&path).unwrap())
    };
    found.push(format!("{name} {body:?}"));
}

const NAMES: [&str; 22] = [
    "a.txt",
    "b.txt",
    "dir",
    "dir/b.txt",
    "dir/sub",
    "dir/sub/c.txt",
    "dir/sub/d",
    "empty",
    "empty/new",
    "to_a",
    "to_dir",
    "to_dir/b.txt",
    "to_dir/sub",
    "dir/up",
    "out",
    "loop",
    "loop/x",
    "a.txt/x",
    "missing/x",
    ".",
    "..",
    "dir/../a.txt",
];

/// Every operation on every name, or pair of names.
fn calls(name: &str, other: &str) -> Vec<Call> {
    let path = || name.to_owned();
    let content = || b"new".to_vec();
    let write = |mode| Call::FsWrite { path: path(), content: content(), mode };
    vec![
        Call::FsStat { path: path() },
        Call::FsRead { path: path() },
        Call::FsReadRange { path: path(), offset: 2, length: 3 },
        Call::FsReadRange { path: path(), offset: u64::MAX, length: 1 },
        Call::FsReadRange { path: path(), offset: 0, length: limit::CONTENT_BYTES_MAX as u32 + 1 },
        Call::FsList { path: path() },
        write(WriteMode::CreateNew),
        write(WriteMode::ReplaceExisting),
        write(WriteMode::CreateOrReplace),
        Call::FsAppend { path: path(), content: content() },
        Call::FsMakeDir { path: path() },
        Call::FsRename { old: path(), new: other.to_owned(), replace: false },
        Call::FsRename { old: path(), new: other.to_owned(), replace: true },
        Call::FsCopy { source: path(), target: other.to_owned(), replace: false },
        Call::FsCopy { source: path(), target: other.to_owned(), replace: true },
        Call::FsChangeDirectory { path: path() },
        Call::FsRemove { path: path(), recursive: false },
        Call::FsRemove { path: path(), recursive: true },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_has_the_same_answer_in_memory_and_on_the_disk() {
    // One row a start, so that no row hides what another changed.
    for (number, _) in calls("", "").iter().enumerate() {
        let mut both = Both::new(&format!("rows-{number}"));
        for name in NAMES {
            for other in if number > 10 && number < 15 { &NAMES[..] } else { &NAMES[..1] } {
                both.same(&calls(name, other)[number]).await;
            }
            both.same_files();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_walks_end_alike_in_memory_and_on_the_disk() {
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for number in 0..8 {
        let mut both = Both::new(&format!("walk-{number}"));
        for _ in 0..60 {
            let all = calls(NAMES[random(NAMES.len())], NAMES[random(NAMES.len())]);
            both.same(&all[random(all.len())]).await;
        }
        both.same_files();
    }
}

#[tokio::test]
async fn what_is_too_large_is_the_same_in_memory_and_on_the_disk() {
    let mut both = Both::new("large");
    let content = vec![b'x'; limit::CONTENT_BYTES_MAX];
    both.same(&Call::FsWrite { path: "large".into(), content, mode: WriteMode::CreateNew }).await;
    both.same(&Call::FsAppend { path: "large".into(), content: b"y".to_vec() }).await;
    both.same(&Call::FsRead { path: "large".into() }).await;
    both.same(&Call::FsCopy { source: "large".into(), target: "copy".into(), replace: false }).await;
    both.same(&Call::FsStat { path: "large".into() }).await;
}
